"""Regular rows of the chosen series, laid out block by block (chapters 01 and 18)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from salesforecast_lib.data.availability import likely_stockouts
from salesforecast_lib.data.series.coding import Periods
from salesforecast_lib.data.series.counts import distinct_counts
from salesforecast_lib.data.series.rank import BLOCK


def fill_series(
    lines: pd.DataFrame,
    periods: Periods,
    series: np.ndarray,
    count: int,
    is_open: np.ndarray,
    limits: tuple[int, int, float],
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Rows of each series from its first sale to the end of the data or its delisting.

    Parameters
    ----------
    lines : order lines; ``quantity, unit_price, order_id`` and, where the shop has them, ``discount, customer_id``.
    series : (lines,), position of the line's series among the chosen ones; -1 for lines that are not used.
    count : chosen series.
    is_open : (series, periods) or (1, periods), whether the shop was open.
    limits : ``delisted_after``, ``min_periods`` and ``stockout_odds`` of `PanelConfig`.

    Returns
    -------
    row, columns : position of each row's series, and ``ds, y, available, open, price, discount, baskets`` …, by series
        and period. ``price`` is missing where nothing was sold.
    """
    used = np.flatnonzero(series >= 0)
    used = used[np.argsort(series[used], kind="stable")]  # by series; the order of lines within each stays
    calendar = periods.calendar.to_numpy()
    rows: list[np.ndarray] = []
    parts: dict[str, list[np.ndarray]] = {}
    for first, block in _blocks(series[used], count, len(periods)):
        chosen, size = used[block], min(max(BLOCK // len(periods), 1), count - first)
        cell = (series[chosen] - first) * np.int64(len(periods)) + periods.number[chosen]
        opened = np.broadcast_to(is_open if len(is_open) == 1 else is_open[first : first + size], (size, len(periods)))
        row, column, table = _block(lines, chosen, cell, opened, limits)
        rows.append(row + first)
        parts.setdefault("ds", []).append(calendar[column])
        for name, values in table.items():
            parts.setdefault(name, []).append(values)
    return np.concatenate(rows), {name: np.concatenate(parts.pop(name)) for name in list(parts)}


def _blocks(series: np.ndarray, count: int, periods: int) -> Iterator[tuple[int, slice]]:
    """First series of each block, and where its lines stand in ``series`` (rising)."""
    step = max(BLOCK // periods, 1)
    for first in range(0, count, step):
        low, high = np.searchsorted(series, (first, first + step))
        yield first, slice(int(low), int(high))


def _block(
    lines: pd.DataFrame, chosen: np.ndarray, cell: np.ndarray, is_open: np.ndarray, limits: tuple[int, int, float]
) -> tuple[np.ndarray, np.ndarray, dict[str, np.ndarray]]:
    """Rows of one block: their series (from 0), their periods and their columns; ``is_open`` is (series, periods)."""
    delisted_after, min_periods, odds = limits
    shape, size = is_open.shape, is_open.size
    periods = shape[1]
    quantity = lines["quantity"].to_numpy()[chosen].astype("float64")
    units = np.bincount(cell, quantity, size).reshape(shape)
    net = np.bincount(cell, quantity * lines["unit_price"].to_numpy()[chosen], size).reshape(shape)
    off: np.ndarray = np.zeros(shape)
    if "discount" in lines:
        discount = np.nan_to_num(lines["discount"].to_numpy()[chosen].astype("float64"))
        off = np.bincount(cell, discount, size).reshape(shape)
    with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 where nothing sold: filled by the caller
        price, share = net / units, off / (net + off)
    counts = {"baskets": distinct_counts(cell, lines["order_id"].to_numpy()[chosen], shape)[0]}
    if "customer_id" in lines:
        buyers, new = distinct_counts(cell, lines["customer_id"].to_numpy()[chosen], shape)
        counts |= {"buyers": buyers, "repeat_share": (buyers - new) / np.maximum(buyers, 1)}
    sold = units > 0
    launch = sold.argmax(1)
    last = periods - sold[:, ::-1].argmax(1)  # one past the last sale
    end = np.where((delisted_after > 0) & (periods - last > delisted_after), last, periods)
    when = np.arange(periods)
    empty = likely_stockouts(sold, is_open, odds)
    alive = (when >= launch[:, None]) & (when < end[:, None]) & (end - launch >= min_periods)[:, None]
    row, column = np.nonzero(alive)
    return (
        row,
        column,
        {
            "y": units[row, column],
            "available": (is_open & ~empty)[row, column].astype("float64"),
            "open": is_open[row, column].astype("float64"),
            "price": price[row, column],
            "discount": np.nan_to_num(share[row, column]),
            **{name: values[row, column] for name, values in counts.items()},
        },
    )
