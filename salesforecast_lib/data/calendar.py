"""Periods, cycles, cutoffs and holidays: what the calendar alone knows (chapters 01 and 02)."""

from __future__ import annotations

from datetime import date

import holidays
import numpy as np
import pandas as pd

SEASON = {"D": 7, "W": 52}
_CHINA_FESTIVALS = ((6, 18), (11, 11))  # shopping festivals; not public holidays


def inner_season(freq: str) -> int:
    """Cycle inside a window of history: 7 days, or a month of 4 weeks, because a window of weeks holds no year."""
    return 7 if freq == "D" else 4


def cycle_position(days: pd.Series, freq: str) -> tuple[pd.Series, str]:
    """Place of each period in its cycle, from 1, and what to call it: the weekday of days, the quarter of weeks.

    Parameters
    ----------
    freq : pandas alias of the panel's frequency, "D" or "W-SUN".
    """
    if freq == "D":
        return days.dt.dayofweek + 1, "weekday (1 = Monday)"
    return days.dt.quarter, "quarter"


def period_index(timestamps: pd.Series, freq: str) -> tuple[np.ndarray, pd.DatetimeIndex, np.ndarray]:
    """Period number of each time stamp, the calendar of complete periods, and which stamps lie in them.

    A first or last week is complete when the data cover all weekdays on which the shop usually trades (those seen in
    at least a tenth of the weeks); an incomplete week would look like a slump of demand.
    """
    days = timestamps.to_numpy().astype("datetime64[D]").astype("int64")
    if freq == "D":
        first = days.min()
        calendar = pd.date_range(np.datetime64(int(first), "D"), periods=int(days.max() - first) + 1, freq="D")
        return days - first, calendar, np.ones(len(days), dtype=bool)
    weeks, weekday = (days + 3) // 7, (days + 3) % 7  # 1970-01-01 was a Thursday: this counts weeks from Monday
    low, high = int(weeks.min()), int(weeks.max())
    seen = np.bincount(np.unique(weeks * 7 + weekday) % 7, minlength=7)
    usual = np.flatnonzero(seen >= 0.1 * (high - low + 1))
    if high > low and weekday[days == days.max()][0] < usual.max():
        high -= 1
    if high > low and weekday[days == days.min()][0] > usual.min():
        low += 1
    sunday = np.datetime64(low * 7 + 3, "D")
    complete = (weeks >= low) & (weeks <= high)
    return np.where(complete, weeks - low, 0), pd.date_range(sunday, periods=high - low + 1, freq="W-SUN"), complete


def rolling_cutoffs(last: pd.Timestamp, freq: str, horizon: int, count: int) -> list[pd.Timestamp]:
    """Last known periods of ``count`` consecutive test horizons; the last horizon ends at ``last``.

    Raises ValueError when ``count`` or ``horizon`` is below one.
    """
    if count < 1 or horizon < 1:
        raise ValueError(f"count={count}, horizon={horizon}: expected at least 1")
    ends = pd.date_range(end=last, periods=count * horizon + 1, freq="D" if freq == "D" else "W-SUN")
    return list(ends[:-1][::horizon])


def _holiday_table(days: pd.DatetimeIndex, country: str) -> pd.DataFrame:
    """``holiday`` and closeness to the next and the last holiday (1 on the day, falling to 0 over two weeks)."""
    years = range(days.min().year - 1, days.max().year + 2)
    known = {pd.Timestamp(day) for day in holidays.country_holidays(country, years=years)}
    dates = _CHINA_FESTIVALS if country == "CN" else ()
    festivals = {pd.Timestamp(date(year, *day)) for year in years for day in dates}
    special = np.sort(np.array(sorted(known | festivals), dtype="datetime64[ns]"))
    ahead = special[np.minimum(np.searchsorted(special, days.to_numpy()), len(special) - 1)] - days.to_numpy()
    behind = days.to_numpy() - special[np.maximum(np.searchsorted(special, days.to_numpy(), side="right") - 1, 0)]
    near = [1 - np.clip(gap / np.timedelta64(14, "D"), 0, 1) for gap in (ahead, behind)]
    return pd.DataFrame(
        {
            "holiday": days.isin(list(known)).astype(float),
            "festival": days.isin(list(festivals)).astype(float),
            "holiday_ahead": near[0],
            "holiday_behind": near[1],
        },
        index=days,
    )


def calendar_features(days: pd.DatetimeIndex, country: str, freq: str) -> pd.DataFrame:
    """Everything the calendar alone knows, for each distinct period.

    Weekly data describe the whole week: a holiday on any of its days counts.
    """
    if freq == "D":
        table = _holiday_table(days, country)
        for weekday in range(7):
            table[f"weekday_{weekday}"] = (days.dayofweek == weekday).astype(float)
        table["month_day"] = (days.day - 1) / 30
    else:
        span = pd.date_range(days.min() - pd.Timedelta(days=6), days.max(), freq="D")
        daily = _holiday_table(span, country)
        table = daily.rolling(7, min_periods=1).max().reindex(days)
        table["month_day"] = (days.day - 1) / 30
    angle = 2 * np.pi * days.dayofyear / 365.25
    for order in (1, 2, 3):  # Fourier terms of the year
        table[f"year_sin_{order}"], table[f"year_cos_{order}"] = np.sin(order * angle), np.cos(order * angle)
    return table
