"""The panel laid out in one table of all products × all periods: the plain reference of `build_panel`."""

import numpy as np
import pandas as pd

from salesforecast_lib.data.availability import likely_stockouts, place_names, places_open
from salesforecast_lib.data.calendar import period_index
from salesforecast_lib.data.panel import KEYS
from salesforecast_lib.data.series.counts import most_frequent as _most_frequent


def build_dense(lines, config, static=()):
    """See `build_panel`; needs memory for every product and period."""
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
