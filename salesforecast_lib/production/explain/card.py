"""The card "why this forecast" of one product, in a planner's words (chapter 16)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.evaluation.reasons import COLUMNS, REST, USUAL
from salesforecast_lib.production.explain.committee import Reasons
from salesforecast_lib.production.explain.drivers import PROMOTION, in_a_sentence
from salesforecast_lib.wording import counted, listed

_MINUS = "\N{MINUS SIGN}"
TOLD = 4  # drivers that a sentence names
CAUTION = (
    "It says what the model made of its inputs, not what would happen if they were changed; what changes sales, only a "
    "test tells."
)


@dataclass(frozen=True)
class Reason:
    """One bar: what a driver adds to the usual.

    Parameters
    ----------
    units : over the horizon; ``share`` of the usual.
    low, high : least and most that one of the models says; missing where there is one model only.
    sure : whether it may be named as the reason. ``when`` : first period, where it is an event.
    """

    driver: str
    units: float
    share: float
    low: float
    high: float
    sure: bool
    when: pd.Timestamp | None

    @property
    def words(self) -> str:
        """The driver in a sentence, with its date: "the promotion of 3 May"."""
        if self.driver == PROMOTION and self.units < 0:
            return "less promotion than usual"
        dated = f" of {self.when.day} {self.when:%b}" if self.when is not None else ""
        return in_a_sentence(self.driver) + dated


@dataclass(frozen=True)
class Why:
    """Why one product's forecast is what it is: ``usual`` and all ``rows`` and ``rest`` add up to ``forecast``.

    Parameters
    ----------
    horizon, period : how many of which ("day") are forecast.
    rows : drivers, the largest first.
    miss : share by which four of five totals of such products missed before; missing where none is known.
    """

    product: str
    cutoff: pd.Timestamp
    horizon: int
    period: str
    forecast: float
    usual: float
    rows: tuple[Reason, ...]
    rest: float
    miss: float

    @property
    def sentence(self) -> str:
        """Forecast, usual, the largest drivers, and everything else, in whole units that add up."""
        digits = 0 if max(self.forecast, self.usual) >= 20 else 1
        total, usual = round(self.forecast, digits), round(self.usual, digits)
        head = f"The next {counted(self.horizon, self.period)}: {total:,.{digits}f} units"
        if not self.rows:
            return f"{head}; they were made by models whose reasons are not told by driver."
        apart = round(total - usual, digits)
        beside = f"{abs(apart):,.{digits}f} {'more' if apart > 0 else 'less'} than" if apart else "about"
        told, left = [], apart
        for each in sorted(self.rows, key=lambda row: -abs(row.units))[:TOLD]:
            size = round(each.units, digits)
            if size:
                told.append(f"{each.words} {signed(size, digits)}")
                left -= size
        left = round(left, digits)
        told += [f"everything else {signed(left, digits)}"] if left else []
        reasons = f": {', '.join(told)}" if told else ""
        return f"{head}, {beside} its usual {usual:,.{digits}f}{reasons}."

    @property
    def certainty(self) -> str:
        """How sure the forecast and its reasons are, in two sentences."""
        if np.isfinite(self.miss):
            missed = f"Four of five totals of products of this size came within {self.miss:.0%} of their forecast."
        else:
            missed = "No earlier total of this forecast is known yet."
        if not self.rows:
            return f"{missed} What moved it cannot be told by driver."
        sure = [row.words for row in self.rows if row.sure]
        if sure:
            return f"{missed} All trees of the committee agree that {listed(sure)} moved it."
        return f"{missed} No single reason stands out: the trees of the committee name different ones, or small ones."


def signed(value: float, digits: int = 0) -> str:
    """A number with its sign, a real minus: "+9", "−2"."""
    return f"{'+' if value >= 0 else _MINUS}{abs(value):,.{digits}f}"


def why(reasons: Reasons, product: str, period: str, miss: pd.Series | None = None) -> Why:
    """The card of one product.

    Parameters
    ----------
    period : the noun of a period, "day". ``miss`` : of `usual_miss`, by product.

    Raises
    ------
    ValueError
        When the product has no forecast.
    """
    found = np.flatnonzero(reasons.names == str(product))
    if not len(found):
        some = ", ".join(map(repr, reasons.names[:3]))
        raise ValueError(f"product={product!r}: no forecast of it; expected a name such as {some}")
    return _card(reasons, int(found[0]), period, miss)


def _card(reasons: Reasons, row: int, period: str, miss: pd.Series | None) -> Why:
    usual, sure = float(reasons.usual[row]), reasons.sure[row]
    name = str(reasons.names[row])
    rows = []
    for k in np.argsort(-np.abs(reasons.added[row]), kind="stable"):
        when = pd.Timestamp(reasons.when[row, k])
        units = float(reasons.added[row, k])
        rows.append(
            Reason(
                reasons.drivers[k],
                units,
                units / usual if usual > 0 else float("nan"),
                float(reasons.low[row, k]),
                float(reasons.high[row, k]),
                bool(sure[k]),
                None if pd.isna(when) else when,
            )  # fmt: skip
        )
    known = float("nan") if miss is None else float(miss.get(name, np.nan))
    ends = float(reasons.forecast[row]), usual
    span = len(reasons.steps), period
    return Why(name, reasons.cutoff, *span, *ends, tuple(rows), float(reasons.rest[row]), known)


def reasons_table(reasons: Reasons, period: str, miss: pd.Series | None = None) -> pd.DataFrame:
    """``reasons.csv``: a row for each product and driver, the usual first and the rest of the committee last.

    Columns as `COLUMNS`: ``units`` of a product add up to its ``forecast``; ``why`` is a sentence: of the row *usual*
    the whole card's.
    """
    rows = []
    for number in range(len(reasons.names)):
        card = _card(reasons, number, period, miss)
        day = f"{reasons.cutoff.date()}"
        ends = round(card.usual, 3), round(card.forecast, 3)
        text = f"{card.sentence} {card.certainty} {CAUTION}"
        none = float("nan")
        rows.append((card.product, day, USUAL, card.usual, none, none, none, False, "", *ends, text))
        for each in card.rows:
            when = "" if each.when is None else str(each.when.date())
            says = f"{each.words} {signed(each.units, 1)}"
            told = each.units, each.share, each.low, each.high, each.sure, when
            rows.append((card.product, day, each.driver, *told, *ends, says))
        says = f"other members, calibration and limits {signed(card.rest, 1)}"
        rows.append((card.product, day, REST, card.rest, none, none, none, False, "", *ends, says))
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.round({name: 3 for name in ("units", "share", "low", "high")})


def usual_miss(forecasts: pd.DataFrame, model: str) -> pd.Series:
    """Share by which four of five earlier totals of products of the same third by size missed, by ``unique_id``.

    Parameters
    ----------
    forecasts : forecast table of several cutoffs with ``y``, missing where it is not known.

    Returns
    -------
    Of every product at the newest cutoff; empty where no earlier horizon is known whole.
    """
    rows = forecasts[forecasts["model"] == model]
    newest = rows[rows["cutoff"] == rows["cutoff"].max()].groupby("unique_id")["mean"].sum()
    keys = ["cutoff", "unique_id"]
    whole = rows.groupby(keys)["y"].transform(lambda y: y.notna().all())
    sums = rows[whole].groupby(keys)[["mean", "y"]].sum()
    sums = sums[sums["mean"] > 0]
    if sums.empty:
        return pd.Series(dtype="float64")
    edges = np.quantile(sums["mean"], [1 / 3, 2 / 3])
    missed = (sums["y"] / sums["mean"] - 1).abs()
    by = missed.groupby(np.searchsorted(edges, sums["mean"])).quantile(0.8)
    return pd.Series(by.reindex(np.searchsorted(edges, newest)).to_numpy(), index=newest.index.astype(str))
