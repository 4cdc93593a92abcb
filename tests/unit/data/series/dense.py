"""From clean order lines to the regular panel ``unique_id, ds, y, available`` + covariates (chapter 01)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.data.ahead.usual import extend_panel
from salesforecast_lib.data.availability import likely_stockouts, place_names, places_open
from salesforecast_lib.data.calendar import period_index
from salesforecast_lib.data.frequency import AUTOMATIC, Frequency, check_freq

__all__ = ["KEYS", "PanelConfig", "build_panel", "extend_panel"]

KEYS = ["unique_id", "ds"]
_PUBLISHED = 200  # series of the book's own data sets


@dataclass(frozen=True)
class PanelConfig:
    """How order lines become series.

    Parameters
    ----------
    level : column whose values are the series (``product_id`` or any attribute of the product).
    freq : "D" (days), "W" (weeks Monday to Sunday, stamped with their Sunday), "W-MON" … "W-SAT" (weeks that end on
        that day and are stamped with it) or "M" (months, stamped with their last day). "auto" is for own panels, whose
        dates tell it.
    by_location : one series per ``level`` and ``location_id``.
    n_series : keep the series with most periods with sales, ties by units; 0 keeps all, -1 what `keeps` says.
    delisted_after : periods without a sale at the end after which a series counts as delisted; 0 never.
    min_periods : series with fewer periods since launch are left out (and counted by the caller).
    stockout_odds : a run of periods without a sale counts as out of stock (``available`` 0) from the period on where
        the product's own selling rate makes it less probable than this; 0 never, see `likely_stockouts`.
    missing_price : price on days without a sale: "ffill" keeps the last one, "median" takes the series' median so
        far, "keep" leaves it missing.
    """

    level: str = "product_id"
    freq: str = "D"
    by_location: bool = False
    n_series: int = -1
    delisted_after: int = 0
    min_periods: int = 1
    stockout_odds: float = 0.0
    missing_price: str = "ffill"

    def __post_init__(self) -> None:
        if self.freq != AUTOMATIC:
            check_freq(self.freq)
        if self.missing_price not in ("ffill", "median", "keep"):
            raise ValueError(f"missing_price={self.missing_price!r}: expected ffill, median or keep")
        if not 0 <= self.stockout_odds < 1:
            raise ValueError(
                f"stockout_odds={self.stockout_odds}: expected a probability such as 0.0001, or 0 for never"
            )
        if self.n_series < -1:
            raise ValueError(f"n_series={self.n_series}: expected how many to keep, 0 for all, -1 for the usual")
        for name in ("delisted_after", "min_periods"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}={getattr(self, name)}: expected zero or more")

    def keeps(self, own: bool = False) -> int:
        """Series kept, 0 for all: as ``n_series`` says; unsaid (-1) all of a reader's ``own`` data, 200 of others."""
        return self.n_series if self.n_series >= 0 else 0 if own else _PUBLISHED

    @property
    def frequency(self) -> Frequency:
        """What the length of a period decides."""
        return check_freq(self.freq)

    @property
    def season_length(self) -> int:
        """Periods of the seasonal cycle: 7 days, 52 weeks or 12 months."""
        return self.frequency.season

    @property
    def pandas_freq(self) -> str:
        """Frequency alias for pandas and the Nixtla libraries."""
        return self.frequency.alias


def build_panel(lines: pd.DataFrame, config: PanelConfig = PanelConfig(), static: tuple[str, ...] = ()) -> pd.DataFrame:
    """Aggregate order lines to a regular panel.

    Parameters
    ----------
    lines : clean order lines; ``discount`` is money off per line, ``customer_id`` and ``order_id`` are counted.
    static : columns constant within a series (their most frequent value is kept).

    Returns
    -------
    DataFrame sorted by ``unique_id, ds``, one row per period from the series' first sale (launch) to the last period
    of the data or its delisting: ``y`` units (0 on no-sale days), ``available`` (0 where the shop was closed or the
    product was probably out of stock), ``open`` (of the whole shop, or of the series' own place, see `places_open`),
    ``price`` (last known net unit price), ``discount`` (share of the list price), ``buyers``, ``baskets``.

    Raises
    ------
    ValueError
        When ``lines`` is empty or a column is missing.
    """
    if lines.empty:
        raise ValueError("no order lines left after cleaning; look at the quarantine for the reasons")
    missing = [
        c for c in (config.level, *static, *(["location_id"] if config.by_location else [])) if c not in lines.columns
    ]
    if missing:
        raise ValueError(
            f"level or static columns {missing} are not in the order lines; there are {list(lines.columns)}"
        )
    code, names = pd.factorize(lines[config.level])
    if config.by_location:
        place, places = pd.factorize(place_names(lines))
        pair, pairs = pd.factorize(code * np.int64(len(places)) + place)
        names = pd.Index([f"{names[p // len(places)]} @ {places[p % len(places)]}" for p in pairs])
        code = np.where(code >= 0, pair, -1)
    number, calendar, complete = period_index(lines["timestamp"], config.freq)
    n, periods = len(names), len(calendar)
    keep_line = (code >= 0) & complete
    quantity = lines["quantity"].to_numpy(dtype="float64")
    cell = np.where(keep_line, code, 0) * np.int64(periods) + number
    units = np.bincount(cell, quantity * keep_line, n * periods).reshape(n, periods)
    is_open = (np.bincount(number, minlength=periods) > 0)[None]  # (1, periods): of the whole shop
    where = np.zeros(n, dtype="int64")  # row of each series there
    if config.by_location:
        cell_of_place = (place * np.int64(periods) + number)[complete]
        orders = _distinct(cell_of_place, lines["order_id"], complete, (len(places), periods))[0]
        is_open = places_open(orders, is_open[0], calendar.dayofweek.to_numpy() if config.freq == "D" else None)
        where[code[code >= 0]] = place[code >= 0]
    rank = np.lexsort((-units.sum(1), -(units > 0).sum(1)))
    chosen = np.sort(rank[: config.keeps() or n])
    position = np.full(n, -1)
    position[chosen] = np.arange(len(chosen))
    used = keep_line & (position[np.maximum(code, 0)] >= 0)
    cell = position[code[used]] * np.int64(periods) + number[used]
    shape, size = (len(chosen), periods), len(chosen) * periods
    quantity, units = quantity[used], units[chosen]
    net = np.bincount(cell, quantity * lines["unit_price"].to_numpy()[used], size).reshape(shape)
    off: np.ndarray = np.zeros(shape)
    if "discount" in lines:
        off = np.bincount(cell, np.nan_to_num(lines["discount"].to_numpy(dtype="float64")[used]), size).reshape(shape)
    with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 where nothing sold: filled below
        price, share = net / units, off / (net + off)
    counts = {"baskets": _distinct(cell, lines["order_id"], used, shape)[0]}
    if "customer_id" in lines:
        buyers, new = _distinct(cell, lines["customer_id"], used, shape)
        counts |= {"buyers": buyers, "repeat_share": (buyers - new) / np.maximum(buyers, 1)}
    sold = units > 0
    launch = sold.argmax(1)
    last = periods - sold[:, ::-1].argmax(1)  # one past the last sale
    end = np.where((config.delisted_after > 0) & (periods - last > config.delisted_after), last, periods)
    when = np.arange(periods)
    is_open = is_open[where[chosen]]  # (series, periods)
    empty = likely_stockouts(sold, is_open, config.stockout_odds)
    alive = (when >= launch[:, None]) & (when < end[:, None]) & (end - launch >= config.min_periods)[:, None]
    row, column = np.nonzero(alive)
    panel = pd.DataFrame(
        {
            "unique_id": np.asarray(names.astype(str))[chosen][row],
            "ds": calendar.to_numpy()[column],
            "y": units[row, column],
            "available": (is_open & ~empty)[row, column].astype("float64"),
            "open": is_open[row, column].astype("float64"),
            "price": price[row, column],
            "discount": np.nan_to_num(share[row, column]),
            **{name: values[row, column] for name, values in counts.items()},
        }
    )
    prices = panel.groupby("unique_id", sort=False)["price"]
    if config.missing_price == "ffill":
        panel["price"] = prices.ffill()
    elif config.missing_price == "median":
        panel["price"] = panel["price"].fillna(prices.expanding().median().droplevel(0))
    for name in static:
        panel[name] = _most_frequent(code[used], lines[name][used], n)[chosen][row]
    return panel.sort_values(KEYS, kind="stable", ignore_index=True)


def _most_frequent(group: np.ndarray, values: pd.Series, groups: int) -> np.ndarray:
    """Most frequent known value (text) of each group, the first in sorting order where several are; else "unknown"."""
    codes, names = pd.factorize(values, sort=True)
    known = codes >= 0
    counts = pd.Series(group[known] * np.int64(max(len(names), 1)) + codes[known]).value_counts()
    key = counts.index.to_numpy()
    order = np.lexsort((-key, counts.to_numpy()))  # the last assignment to a group wins
    result = np.full(groups, "unknown", dtype=object)
    if len(key):
        result[key[order] // len(names)] = np.asarray(names.astype(str), dtype=object)[key[order] % len(names)]
    return result


def _distinct(
    cell: np.ndarray, identity: pd.Series, used: np.ndarray, shape: tuple[int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """Distinct identities in each cell, and those that appear in their series for the first time.

    Sorts (series, identity, period) once, which beats hashing; missing identities are not counted.
    """
    series, periods = shape
    codes, uniques = pd.factorize(identity.to_numpy()[used])
    known = codes >= 0
    key = (cell[known] // periods * max(len(uniques), 1) + codes[known]) * np.int64(periods) + cell[known] % periods
    key.sort()
    if len(key):
        key = key[np.concatenate([[True], key[1:] != key[:-1]])]
    who = key // periods
    place = who // max(len(uniques), 1) * periods + key % periods
    first = np.concatenate([[True], who[1:] != who[:-1]]) if len(key) else np.zeros(0, dtype=bool)
    distinct = np.bincount(place, minlength=series * periods).reshape(shape).astype("float64")
    return distinct, np.bincount(place[first], minlength=series * periods).reshape(shape).astype("float64")
