"""What a promotion adds: two-way fixed effects and double machine learning on weekly sales (chapter 12)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from salesforecast_lib.decisions.panel_regression import clustered, within

ADVERTISING = "ad_"  # budgets of channels, not promotions
_MEASURES = {"depth": "depth", "discount": "depth"}  # how deep the price is cut, not a kind of promotion


@dataclass(frozen=True)
class PromotionWeeks:
    """Weekly sales and promotions of each product.

    Parameters
    ----------
    table : ``unique_id, week`` (its last day), ``y``, ``relative`` (y over the product's mean week), ``group``
        (category), one column a kind of promotion with its dose, and ``depth``.
    kinds : columns with a dose: 0 without promotion, 1 as strong as in the product's busiest weeks.
    """

    table: pd.DataFrame
    kinds: tuple[str, ...]


def promotion_kinds(panel: pd.DataFrame, future: Sequence[str]) -> tuple[str, ...]:
    """Planned promotions of a panel: its numeric *future* covariates but opening days, budgets and depths."""
    return tuple(
        name
        for name in future
        if name in panel and name != "open" and not name.startswith(ADVERTISING) and name not in _MEASURES
    )


def promotion_weeks(panel: pd.DataFrame, meta: Mapping[str, Any]) -> PromotionWeeks:
    """Weeks (Monday to Sunday) of a panel; a week that is not whole is left out.

    A dose is ``min(x / x_95, 1)`` with x the covariate (on its natural scale where the panel holds log1p counts) and
    x_95 its 95 % quantile over the product's promoted weeks. ``depth`` is the planned discount where there is one,
    otherwise the share of money off that the week's lines show. ``price`` is not a number where the panel has none.
    """
    kinds = promotion_kinds(panel, meta["future"])
    daily = meta["freq"] == "D"
    frame = panel[panel["y"].notna()].copy()
    if "price" not in frame:
        frame["price"] = np.nan  # a shop that records no prices
    frame["week"] = frame["ds"] + pd.to_timedelta((6 - frame["ds"].dt.dayofweek) if daily else 0, unit="D")
    static = [name for name in meta["static"] if name in frame]
    frame["group"] = frame[static[0]].astype(str) if static else "all"
    deep = next((name for name in _MEASURES if name in frame), None)
    frame["depth"] = frame[deep].fillna(0.0).clip(0, 0.95) if deep else 0.0
    frame["price"] = pd.to_numeric(frame["price"], errors="coerce") if "price" in frame else np.nan
    counts = meta["dataset"] == "complete_journey"
    for name in kinds:
        frame[name] = np.expm1(frame[name]) if counts else frame[name]
    sums = {name: (name, "mean") for name in (*kinds, "depth")}
    table = frame.groupby(["unique_id", "week"], as_index=False, observed=True).agg(
        y=("y", "sum"), group=("group", "first"), periods=("y", "size"), price=("price", "mean"), **sums
    )
    table = table[table.pop("periods") == (7 if daily else 1)].reset_index(drop=True)
    by_product = table.groupby("unique_id", observed=True)
    table["relative"] = table["y"] / by_product["y"].transform("mean").clip(lower=1e-9)
    for name in kinds:
        busy = table[name].where(table[name] > 0).groupby(table["unique_id"], observed=True).transform("quantile", 0.95)
        table[name] = (table[name] / busy).clip(0, 1).fillna(0.0)
    return PromotionWeeks(table, varying(PromotionWeeks(table, kinds), kinds))


def varying(weeks: PromotionWeeks, columns: Sequence[str], beside: Sequence[str] = ()) -> tuple[str, ...]:
    """Those of ``columns`` from which an effect can be estimated beside those of ``beside``.

    They differ within products and weeks, and are no combination of the columns before them: with two products in all,
    the rival's dose is the own one turned round.
    """
    kept: list[str] = []
    for name in columns:
        rows = weeks.table[[*beside, *kept, name, "unique_id", "week"]].dropna()
        if rows.empty:
            continue
        values = rows[[*beside, *kept, name]].to_numpy(float)
        flat = within(values, pd.factorize(rows["unique_id"])[0], pd.factorize(rows["week"])[0])
        others, own = flat[:, :-1], flat[:, -1]
        left = own - others @ np.linalg.lstsq(others, own, rcond=None)[0] if others.shape[1] else own
        if left.std() > 1e-3 * max(float(values[:, -1].std()), 1e-6):
            kept.append(name)
    return tuple(kept)


@dataclass(frozen=True)
class Effects:
    """Estimates with their covariance; ``clusters`` is the smaller number of clusters, for the t distribution."""

    names: tuple[str, ...]
    estimate: np.ndarray
    covariance: np.ndarray
    clusters: int

    def table(self, level: float = 0.95) -> pd.DataFrame:
        """``effect, estimate, se, low, high``."""
        se = np.sqrt(np.diag(self.covariance))
        reach = stats.t.ppf((1 + level) / 2, max(self.clusters - 1, 1)) * se
        return pd.DataFrame(
            {
                "effect": self.names,
                "estimate": self.estimate,
                "se": se,
                "low": self.estimate - reach,
                "high": self.estimate + reach,
            }
        )


def two_way_effects(weeks: PromotionWeeks, columns: Sequence[str], outcome: str = "relative") -> Effects:
    """Least squares of ``outcome`` on ``columns`` with a level for each product and each week.

    Intervals allow for errors correlated within a product and within a week.

    Raises
    ------
    ValueError
        When a column does not vary within products and weeks.
    """
    rows = weeks.table[[*columns, outcome, "unique_id", "week"]].dropna()
    product, week = pd.factorize(rows["unique_id"])[0], pd.factorize(rows["week"])[0]
    flat = within(rows[[*columns, outcome]].to_numpy(float), product, week)
    x, y = flat[:, :-1], flat[:, -1]
    still = [name for name, spread in zip(columns, x.std(axis=0), strict=True) if spread < 1e-9]
    if still:
        raise ValueError(f"{still}: no variation within products and weeks, so that no effect can be estimated")
    estimate = np.linalg.lstsq(x, y, rcond=None)[0]
    covariance = clustered(x, y - x @ estimate, product, week)
    return Effects(tuple(columns), estimate, covariance, min(product.max(), week.max()) + 1)


def with_shifts(weeks: PromotionWeeks, name: str, shifts: Sequence[int]) -> tuple[PromotionWeeks, list[str]]:
    """Add the dose of other weeks: shift +1 is last week's, -1 is next week's (named ``name+1``, ``name-1``)."""
    table = weeks.table.sort_values(["unique_id", "week"]).copy()
    columns = []
    for shift in shifts:
        columns.append(f"{name}{shift:+d}" if shift else name)
        if shift:
            table[columns[-1]] = table.groupby("unique_id", observed=True)[name].shift(shift)
    return PromotionWeeks(table, weeks.kinds), columns


def with_rivals(weeks: PromotionWeeks) -> tuple[PromotionWeeks, list[str]]:
    """Add ``rivals_KIND``: the dose of the other products of the category, weighted by their usual sales.

    Products without another one in their category have no value.
    """
    table = weeks.table.copy()
    usual = table.groupby("unique_id", observed=True)["y"].transform("mean")
    cell = [table["group"], table["week"]]
    others = usual.groupby(cell, observed=True).transform("sum") - usual
    columns = []
    for name in weeks.kinds:
        total = (table[name] * usual).groupby(cell, observed=True).transform("sum") - table[name] * usual
        columns.append(f"rivals_{name}")
        table[columns[-1]] = (total / others.where(others > 1e-9)).clip(0, 1)
    return PromotionWeeks(table, weeks.kinds), columns


def cannibalised_share(weeks: PromotionWeeks, kind: str, controls: Sequence[str] = ()) -> tuple[float, float, float]:
    """Units that the rest of the category loses per unit that ``kind`` adds, with its 95 % interval (delta method).

    A product with usual sales m_i adds ``b m_i`` units; the others, M_i together, change by ``c sum_j m_j m_i / O_j``
    with O_j the sales of all rivals of j. In a category this is close to ``c m_i``, so the share is ``-c / b``. Not a
    number where the data cannot tell the rivals' doses from the product's own.
    """
    added, columns = with_rivals(weeks)
    columns = list(varying(added, columns, weeks.kinds))
    if f"rivals_{kind}" not in columns:  # no category has a second product
        return np.nan, np.nan, np.nan
    effects = two_way_effects(added, [*weeks.kinds, *columns, *controls])
    own, rival = effects.names.index(kind), effects.names.index(f"rivals_{kind}")
    b, c = effects.estimate[own], effects.estimate[rival]
    gradient = np.zeros(len(effects.names))
    gradient[own], gradient[rival] = c / b**2, -1 / b
    se = float(np.sqrt(gradient @ effects.covariance @ gradient))
    return float(-c / b), float(-c / b - 1.96 * se), float(-c / b + 1.96 * se)
