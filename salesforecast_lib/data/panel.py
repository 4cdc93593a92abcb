"""From clean order lines to the regular panel ``unique_id, ds, y, available`` + covariates (chapter 01)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.data.ahead.usual import extend_panel
from salesforecast_lib.data.availability import places_open
from salesforecast_lib.data.calendar import period_index
from salesforecast_lib.data.frequency import AUTOMATIC, Frequency, check_freq
from salesforecast_lib.data.series import (
    Periods,
    SeriesCodes,
    choose_series,
    code_lines,
    distinct_counts,
    fill_series,
    rank_cells,
)
from salesforecast_lib.data.series.counts import most_frequent

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
    codes = code_lines(lines, config.level, config.by_location)
    periods = Periods(*_calendar(lines, config.freq))
    usable = (codes.code >= 0) & periods.complete
    chosen = np.arange(len(codes))
    if 0 < config.keeps() < len(codes):
        cells = rank_cells(
            codes.code[usable], periods.number[usable], lines["quantity"].to_numpy()[usable], len(periods)
        )
        chosen = choose_series(*cells, (len(codes), len(periods)), config.keeps())
    return series_panel(lines, config, static, codes, periods, chosen, _open_places(lines, config, codes, periods))


def _calendar(lines: pd.DataFrame, freq: str) -> tuple[pd.DatetimeIndex, np.ndarray, np.ndarray]:
    number, calendar, complete = period_index(lines["timestamp"], freq)
    return calendar, number, complete


def _open_places(lines: pd.DataFrame, config: PanelConfig, codes: SeriesCodes, periods: Periods) -> np.ndarray:
    """Whether the shop, or each of its places, was open; (1 or places, periods)."""
    is_open = np.bincount(periods.number, minlength=len(periods)) > 0
    if codes.place is None or codes.places is None:
        return is_open[None]
    complete, shape = periods.complete, (len(codes.places), len(periods))
    cell = (codes.place * np.int64(len(periods)) + periods.number)[complete]
    orders = distinct_counts(cell, lines["order_id"].to_numpy()[complete], shape)[0]
    return places_open(orders, is_open, periods.calendar.dayofweek.to_numpy() if config.freq == "D" else None)


def series_panel(
    lines: pd.DataFrame,
    config: PanelConfig,
    static: tuple[str, ...],
    codes: SeriesCodes,
    periods: Periods,
    chosen: np.ndarray,
    is_open: np.ndarray,
) -> pd.DataFrame:
    """The panel of the ``chosen`` series (positions in ``codes``), see `build_panel`.

    Parameters
    ----------
    is_open : (1, periods) of the whole shop, or (places, periods).
    """
    ids = codes.ids(chosen)
    order = np.argsort(ids, kind="stable")
    alike = bool((ids[order][1:] == ids[order][:-1]).any())  # 7 and "7": two series with one name
    if not alike:
        chosen, ids = chosen[order], ids[order]
    position = np.full(len(codes) + 1, -1)  # code -1 is the last entry
    position[chosen] = np.arange(len(chosen))
    series = np.where(periods.complete, position[codes.code], -1)
    opened = is_open if len(is_open) == 1 else is_open[codes.place_of(chosen)]
    limits = (config.delisted_after, config.min_periods, config.stockout_odds)
    row, columns = fill_series(lines, periods, series, len(chosen), opened, limits)
    panel = pd.DataFrame({"unique_id": ids[row], **columns}, copy=False)
    prices = panel.groupby("unique_id", sort=False)["price"]
    if config.missing_price == "ffill":
        panel["price"] = prices.ffill()
    elif config.missing_price == "median":
        panel["price"] = panel["price"].fillna(prices.expanding().median().droplevel(0))
    used = series >= 0
    for name in static:
        panel[name] = most_frequent(series[used], lines[name][used], len(chosen))[row]
    return panel.sort_values(KEYS, kind="stable", ignore_index=True) if alike else panel
