"""From clean order lines to the regular panel ``unique_id, ds, y, available`` + covariates (chapter 01)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

KEYS = ["unique_id", "ds"]
SEASON = {"D": 7, "W": 52}


@dataclass(frozen=True)
class PanelConfig:
    """How order lines become series.

    Parameters
    ----------
    level : column whose values are the series (``product_id`` or any attribute of the product).
    freq : "D" (days) or "W" (weeks Monday to Sunday, stamped with their Sunday).
    by_location : one series per ``level`` and ``location_id``.
    n_series : keep the series with most periods with sales, ties by units; 0 keeps all.
    delisted_after : periods without a sale at the end after which a series counts as delisted; 0 never.
    min_periods : series with fewer periods since launch are left out (and counted by the caller).
    """

    level: str = "product_id"
    freq: str = "D"
    by_location: bool = False
    n_series: int = 200
    delisted_after: int = 0
    min_periods: int = 1

    def __post_init__(self) -> None:
        if self.freq not in SEASON:
            raise ValueError(f"freq={self.freq!r}: expected one of {list(SEASON)}")
        for name in ("n_series", "delisted_after", "min_periods"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}={getattr(self, name)}: expected zero or more")

    @property
    def season_length(self) -> int:
        """Periods of the seasonal cycle: 7 days or 52 weeks."""
        return SEASON[self.freq]

    @property
    def pandas_freq(self) -> str:
        """Frequency alias for pandas and the Nixtla libraries."""
        return "D" if self.freq == "D" else "W-SUN"


def period_index(timestamps: pd.Series, freq: str) -> tuple[np.ndarray, pd.DatetimeIndex]:
    """Period number of each time stamp and the complete calendar of periods (partial last week dropped by caller)."""
    days = timestamps.to_numpy().astype("datetime64[D]").astype("int64")
    if freq == "D":
        first = days.min()
        number = days - first
        calendar = pd.date_range(np.datetime64(int(first), "D"), periods=int(number.max()) + 1, freq="D")
        return number, calendar
    weeks = (days + 3) // 7  # 1970-01-01 was a Thursday: this counts weeks from Monday
    number = weeks - weeks.min()
    sunday = np.datetime64(int(weeks.min()) * 7 + 3, "D")
    return number, pd.date_range(sunday, periods=int(number.max()) + 1, freq="W-SUN")


def build_panel(lines: pd.DataFrame, config: PanelConfig = PanelConfig(),
                static: tuple[str, ...] = ()) -> pd.DataFrame:
    """Aggregate order lines to a regular panel.

    Parameters
    ----------
    lines : clean order lines; ``discount`` is money off per line, ``customer_id`` and ``order_id`` are counted.
    static : columns constant within a series (their most frequent value is kept).

    Returns
    -------
    DataFrame sorted by ``unique_id, ds``, one row per period from the series' first sale (launch) to the last period
    of the data or its delisting: ``y`` units (0 on no-sale days), ``available`` (0 where the whole shop was closed),
    ``open``, ``price`` (last known net unit price), ``discount`` (share of the list price), ``buyers``, ``baskets``.

    Raises
    ------
    ValueError
        When ``lines`` is empty or a column is missing.
    """
    if lines.empty:
        raise ValueError("no order lines left after cleaning; look at the quarantine for the reasons")
    missing = [c for c in (config.level, *static, *(["location_id"] if config.by_location else []))
               if c not in lines.columns]
    if missing:
        raise ValueError(f"level or static columns {missing} are not in the order lines; there are {list(lines.columns)}")
    code, names = pd.factorize(lines[config.level])
    if config.by_location:
        place, places = pd.factorize(lines["location_id"])
        code, pairs = pd.factorize(code * np.int64(len(places)) + place)
        names = pd.Index([f"{names[p // len(places)]} @ {places[p % len(places)]}" for p in pairs])
    number, calendar = period_index(lines["timestamp"], config.freq)
    n, periods = len(names), len(calendar)
    keep_line = code >= 0
    quantity = lines["quantity"].to_numpy(dtype="float64")
    cell = np.where(keep_line, code, 0) * np.int64(periods) + number
    units = np.bincount(cell, quantity * keep_line, n * periods).reshape(n, periods)
    shop_open = np.bincount(number, minlength=periods) > 0
    rank = np.lexsort((-units.sum(1), -(units > 0).sum(1)))
    chosen = np.sort(rank[: config.n_series or n])
    position = np.full(n, -1)
    position[chosen] = np.arange(len(chosen))
    used = keep_line & (position[np.maximum(code, 0)] >= 0)
    cell = position[code[used]] * np.int64(periods) + number[used]
    shape, size = (len(chosen), periods), len(chosen) * periods
    quantity, units = quantity[used], units[chosen]
    net = np.bincount(cell, quantity * lines["unit_price"].to_numpy()[used], size).reshape(shape)
    off = np.zeros(shape)
    if "discount" in lines:
        off = np.bincount(cell, np.nan_to_num(lines["discount"].to_numpy(dtype="float64")[used]), size).reshape(shape)
    with np.errstate(invalid="ignore", divide="ignore"):  # 0/0 where nothing sold: filled below
        price, share = net / units, off / (net + off)
    counts = {"baskets": _distinct(cell, lines["order_id"], used, size).reshape(shape)}
    if "customer_id" in lines:
        counts["buyers"] = _distinct(cell, lines["customer_id"], used, size).reshape(shape)
    sold = units > 0
    launch = sold.argmax(1)
    last = periods - sold[:, ::-1].argmax(1)  # one past the last sale
    end = np.where((config.delisted_after > 0) & (periods - last > config.delisted_after), last, periods)
    when = np.arange(periods)
    alive = (when >= launch[:, None]) & (when < end[:, None]) & (end - launch >= config.min_periods)[:, None]
    row, column = np.nonzero(alive)
    panel = pd.DataFrame({
        "unique_id": np.asarray(names.astype(str))[chosen][row], "ds": calendar.to_numpy()[column],
        "y": units[row, column], "available": shop_open[column].astype("float64"),
        "open": shop_open[column].astype("float64"), "price": price[row, column],
        "discount": np.nan_to_num(share[row, column]),
        **{name: values[row, column] for name, values in counts.items()},
    })
    panel["price"] = panel.groupby("unique_id", sort=False)["price"].ffill()
    if static:
        first = lines.loc[used, list(static)].groupby(code[used]).agg(lambda s: s.mode().iat[0] if s.notna().any() else "unknown")
        for name in static:
            panel[name] = first[name].reindex(chosen).astype(str).to_numpy()[row]
    return panel.sort_values(KEYS, kind="stable", ignore_index=True)


def _distinct(cell: np.ndarray, identity: pd.Series, used: np.ndarray, size: int) -> np.ndarray:
    """Number of distinct identities in each cell, by sorting pairs once; missing identities are not counted."""
    codes, uniques = pd.factorize(identity[used])
    pairs = np.unique(cell[codes >= 0] * np.int64(max(len(uniques), 1)) + codes[codes >= 0])
    return np.bincount(pairs // max(len(uniques), 1), minlength=size).astype("float64")
