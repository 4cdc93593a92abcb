"""Which periods say something about demand: likely stock-outs, and the account of a panel's periods (chapter 01)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import binom

NO_PLACE = "unknown"
_SELDOM = 0.2  # of the usual rate: a weekday below it is no regular trading day
_CHANCE = 0.05  # share of trading days without an order that a place may have where each of them is a closure
_ODDS = 0.001  # below it chance is not believed
_BUSY, _MOSTLY = 7.0, 0.8  # orders a day that never all stay out by chance, at a place with orders on most days


def likely_stockouts(sold: np.ndarray, shop_open: np.ndarray, odds: float) -> np.ndarray:
    """Periods in which a product was probably out of stock; (series, periods).

    Order lines do not say when a shelf was empty. With the share p of open periods with a sale up to the last one (with
    one success and one failure added, Laplace), r open periods without a sale have the probability (1 - p)^r. Where it
    falls below ``odds`` the product counts as out of stock until its next sale. Only the past of a period is looked at:
    the first periods of a gap keep their zeros, and no later day can change them.

    Parameters
    ----------
    sold : (series, periods), whether something was sold. ``shop_open`` : (periods,) or (series, periods).
    odds : probability below which chance is not believed; 0 marks nothing.
    """
    if odds <= 0:
        return np.zeros(sold.shape, dtype=bool)
    sales, opened = sold.cumsum(1), np.broadcast_to(shop_open.cumsum(-1), sold.shape)
    started = sales > 0
    before_launch = np.maximum.accumulate(np.where(started, 0, opened), axis=1)
    at_last_sale = np.maximum.accumulate(np.where(sold, opened, 0), axis=1)
    rate = (sales + 1) / np.maximum(at_last_sale - before_launch + 2, 1)  # before the launch it is not used
    run = opened - at_last_sale
    return started & (run * np.log1p(-np.minimum(rate, 1 - 1e-9)) < np.log(odds))


def place_names(lines: pd.DataFrame) -> pd.Series:
    """Name of the place of each line; lines without one, such as those of a web shop, have the place "unknown"."""
    return lines["location_id"].astype(object).where(lines["location_id"].notna(), NO_PLACE).astype(str)


def places_open(orders: np.ndarray, shop_open: np.ndarray, weekday: np.ndarray | None = None) -> np.ndarray:
    """Whether each place of a shop was open; (places, periods).

    A place is closed when the whole shop is, and in a period without an order of its own that chance does not explain:
    on a weekday on which it has orders far less often than on the others; where it has orders on nearly all of its
    days; or in a run of days that is too long. A place that sells on fewer than half of its days is closed on such
    weekdays only: a day without an order says little of it.

    Parameters
    ----------
    orders : (places, periods), orders of each place. ``shop_open`` : (periods,), whether any place had one.
    weekday : (periods,), of daily data.
    """
    group = np.zeros(len(shop_open), dtype="int64") if weekday is None else weekday
    return np.array([_place_open(row, shop_open, group) for row in orders]).reshape(orders.shape)


def _place_open(orders: np.ndarray, shop_open: np.ndarray, weekday: np.ndarray) -> np.ndarray:
    """`places_open` of one place; (periods,)."""
    sold, closed = orders > 0, ~shop_open
    days = shop_open & (np.arange(len(sold)) >= sold.argmax())  # before its first order nothing is known of it
    groups = [days & (weekday == one) for one in range(7)]
    rates = np.array([sold[group].mean() if group.any() else 0.0 for group in groups])
    usual = float(rates[rates >= _SELDOM * rates.max()].mean())
    regular = days.copy()
    for group, rate in zip(groups, rates, strict=True):
        if rate < _SELDOM * usual and binom.cdf(sold[group].sum(), group.sum(), usual) < _ODDS:
            closed |= group & ~sold
            regular &= ~group
    if sold[regular].mean() < 0.5:
        return ~closed
    for _ in range(3):  # closures that are found make what is left more regular
        for group in (regular, *(regular & group for group in groups)):
            closed |= _no_chance(orders, group & ~closed)
    return ~closed


def _no_chance(orders: np.ndarray, days: np.ndarray) -> np.ndarray:
    """Which of the ``days`` without an order chance does not explain, by the share of the days that have one."""
    found, empty = np.zeros(len(orders), dtype=bool), orders[days] == 0
    if not empty.any() or empty.all():
        return found
    chance = float(empty.mean())
    if 1 - chance >= _MOSTLY and np.median(orders[days][~empty]) >= _BUSY:
        chance = 0.0
    run = np.cumsum(np.concatenate([[True], empty[1:] != empty[:-1]]))
    length = np.bincount(run)[run]
    found[days] = empty & ((chance <= _CHANCE) | (chance**length < _ODDS))
    return found


def period_report(panel: pd.DataFrame) -> pd.DataFrame:
    """Where the periods of a panel went: ``step, before, taken, after``, in series × periods.

    Rows before launch and after delisting are not in the panel; closed and out-of-stock periods are, with
    ``available`` 0, and are not learned from.
    """
    spans = panel.groupby("unique_id")["ds"].agg(["min", "max"])
    position = pd.Series(range(panel["ds"].nunique()), index=np.sort(panel["ds"].unique()))
    open_ = panel["open"] > 0 if "open" in panel else pd.Series(True, index=panel.index)
    taken = {
        "before launch": int(spans["min"].map(position).sum()),
        "after delisting": int((len(position) - 1 - spans["max"].map(position)).sum()),
        "shop closed": int((~open_).sum()),
        "out of stock": int((open_ & (panel["available"] <= 0)).sum()),
    }
    report = pd.DataFrame({"step": list(taken), "taken": list(taken.values())})
    report["before"] = len(spans) * len(position) - report["taken"].cumsum().shift(fill_value=0)
    report["after"] = report["before"] - report["taken"]
    return report[["step", "before", "taken", "after"]]
