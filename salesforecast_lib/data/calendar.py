"""Periods, cycles, cutoffs and holidays: what the calendar alone knows (chapters 01 and 02)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from functools import lru_cache
from types import MappingProxyType

import holidays
import numpy as np
import pandas as pd

from salesforecast_lib.data.frequency import Frequency, check_freq

_CHINA_FESTIVALS = ((6, 18), (11, 11))  # shopping festivals; not public holidays
_EDGE = 2  # trading days that may be missing at the edge of a complete month: shops close on New Year's Day


def inner_season(freq: str) -> int:
    """Cycle of which a window of history holds several: 7 days, a month of 4 weeks or a quarter of 3 months."""
    return check_freq(freq).inner


def cycle_position(days: pd.Series, freq: str) -> tuple[pd.Series, str]:
    """Place of each period in its cycle, from 1, and what to call it: weekday of days, quarter of weeks, month.

    Parameters
    ----------
    freq : the panel's frequency, see `check_freq`.
    """
    kind = check_freq(freq).kind
    if kind == "D":
        return days.dt.dayofweek + 1, "weekday (1 = Monday)"
    if kind == "M":
        return days.dt.month, "month (1 = January)"
    return days.dt.quarter, "quarter"


def periods_of(timestamps: pd.Series, freq: str) -> pd.Series:
    """The period that each time stamp lies in, by its stamp in a panel; complete or not."""
    days = timestamps.to_numpy().astype("datetime64[D]").astype("int64")
    if not len(days):
        return pd.Series(pd.DatetimeIndex([]), index=timestamps.index, name="ds")
    frequency = check_freq(freq)
    number = frequency.numbers(days)[0]
    calendar = frequency.stamps(int(number.min()), int(number.max()))
    return pd.Series(calendar[number - number.min()], index=timestamps.index, name="ds")


def period_index(timestamps: pd.Series, freq: str) -> tuple[np.ndarray, pd.DatetimeIndex, np.ndarray]:
    """Period number of each time stamp, the calendar of complete periods, and which stamps lie in them.

    A first or last week is complete when the data cover all weekdays on which the shop usually trades (those seen in
    at least a tenth of the weeks); a month may lack two such days at its edge, which may be holidays. An incomplete
    period would look like a slump of demand.
    """
    frequency = check_freq(freq)
    days = timestamps.to_numpy().astype("datetime64[D]").astype("int64")
    low, high = period_bounds(days, frequency)
    return period_numbers(days, frequency, low, high)


def period_numbers(
    days: np.ndarray, frequency: Frequency, low: int, high: int
) -> tuple[np.ndarray, pd.DatetimeIndex, np.ndarray]:
    """`period_index` of days (from 1970-01-01) where the first and last complete periods are known."""
    number, _ = frequency.numbers(days)
    complete = (number >= low) & (number <= high)
    return np.where(complete, number - low, 0), frequency.stamps(low, high), complete


def period_bounds(days: np.ndarray, frequency: Frequency) -> tuple[int, int]:
    """Numbers of the first and the last complete period of ``days`` (from 1970-01-01); distinct days are enough."""
    number, place = frequency.numbers(days)
    low, high = int(number.min()), int(number.max())
    if frequency.kind == "D":
        return low, high
    week, weekday = frequency.numbers(days) if frequency.kind == "W" else check_freq("W").numbers(days)
    seen = np.bincount(np.unique(week * 7 + weekday) % 7, minlength=7)
    usual = np.flatnonzero(seen >= 0.1 * (week.max() - week.min() + 1))
    if frequency.kind == "W":
        begins_late = bool(place[days == days.min()][0] > usual.min())
        ends_early = bool(place[days == days.max()][0] < usual.max())
    else:
        stamps = frequency.stamps(low, high)
        first, last = (np.datetime64(int(day), "D") for day in (days.min(), days.max()))
        before = pd.date_range(frequency.first_days(stamps)[0], last, freq="D")
        begins_late = int(np.isin(before[before < first].dayofweek, usual).sum()) > _EDGE
        after = pd.date_range(last, stamps[-1], freq="D")[1:]
        ends_early = int(np.isin(after.dayofweek, usual).sum()) > _EDGE
    if high > low and ends_early:
        high -= 1
    if high > low and begins_late:
        low += 1
    return low, high


def rolling_cutoffs(last: pd.Timestamp, freq: str, horizon: int, count: int) -> list[pd.Timestamp]:
    """Last known periods of ``count`` consecutive test horizons; the last horizon ends at ``last``.

    Raises ValueError when ``count`` or ``horizon`` is below one.
    """
    if count < 1 or horizon < 1:
        raise ValueError(f"cutoffs={count}, horizon={horizon}: expected at least 1")
    ends = pd.date_range(end=last, periods=count * horizon + 1, freq=check_freq(freq).alias)
    return list(ends[:-1][::horizon])


def cutoffs_within(ds: pd.Series, freq: str, horizon: int, count: int) -> list[pd.Timestamp]:
    """`rolling_cutoffs` at the end of the periods ``ds``: at most ``count``, as many as leave two horizons to learn.

    A history of three horizons has one cutoff, one of four has two, and so on.
    """
    first, last = ds.min(), ds.max()
    periods = len(pd.date_range(first, last, freq=check_freq(freq).alias))
    return rolling_cutoffs(last, freq, horizon, max(1, min(count, periods // horizon - 2)))


@lru_cache(64)
def _holidays(country: str, first: int, last: int) -> Mapping[pd.Timestamp, str]:
    """Names of the public holidays of the years ``first`` to ``last``; the same table for all who ask."""
    code, _, region = country.partition("-")
    years = range(first, last + 1)
    free = holidays.country_holidays(code, subdiv=region or None, years=years) if code else {}
    return MappingProxyType({pd.Timestamp(day): str(name) for day, name in free.items()})


def holiday_names(days: pd.DatetimeIndex, country: str) -> pd.Series:
    """Name of the public holiday of those of the ``days`` that are one, by day; none of an empty ``country``."""
    names = _holidays(country, days.min().year - 1, days.max().year + 1)
    return pd.Series({day: names[day] for day in days if day in names}, dtype=object)


def _holiday_table(days: pd.DatetimeIndex, country: str) -> pd.DataFrame:
    """``holiday`` and closeness to the next and the last holiday (1 on the day, falling to 0 over two weeks).

    An empty ``country`` has no holidays.
    """
    years = range(days.min().year - 1, days.max().year + 2)
    around = pd.date_range(f"{years[0]}-01-01", f"{years[-1]}-12-31", freq="D")
    known = set(holiday_names(around, country).index)
    dates = _CHINA_FESTIVALS if country.partition("-")[0] == "CN" else ()
    festivals = {pd.Timestamp(date(year, *day)) for year in years for day in dates}
    if not known | festivals:
        return pd.DataFrame(0.0, index=days, columns=["holiday", "festival", "holiday_ahead", "holiday_behind"])
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


def calendar_features(days: pd.DatetimeIndex, country: str, freq: str, stamp: str = "end") -> pd.DataFrame:
    """Everything the calendar alone knows, for each distinct period.

    Weekly data describe the whole week: a holiday on any of its days counts. Of a month, ``holiday`` and ``festival``
    are shares of its days, ``weekday_k`` says how often each weekday occurs (in fives), ``working_days`` how many days
    from Monday to Friday are no holidays (in twenties), ``month_length`` how many days it has (in thirties).

    Parameters
    ----------
    days : stamps of the periods: their last days, or with ``stamp`` "start" the first days of weeks.
    """
    frequency = check_freq(freq)
    angle = 2 * np.pi * days.dayofyear / 365.25
    if frequency.kind == "M":
        table, angle = _month_table(days, country), 2 * np.pi * days.month / 12
    elif frequency.kind == "D":
        table = _holiday_table(days, country)
        for weekday in range(7):
            table[f"weekday_{weekday}"] = (days.dayofweek == weekday).astype(float)
        table["month_day"] = (days.day - 1) / 30
    else:
        ends = days + pd.Timedelta(days=6) if stamp == "start" else days
        daily = _holiday_table(pd.date_range(ends.min() - pd.Timedelta(days=6), ends.max(), freq="D"), country)
        table = daily.rolling(7, min_periods=1).max().reindex(ends).set_axis(days)
        table["month_day"] = (days.day - 1) / 30
    for order in (1, 2, 3):  # Fourier terms of the year
        table[f"year_sin_{order}"], table[f"year_cos_{order}"] = np.sin(order * angle), np.cos(order * angle)
    return table


def _month_table(months: pd.DatetimeIndex, country: str) -> pd.DataFrame:
    """What a month's days add up to, by the month's last day."""
    days = pd.date_range(months.min().to_period("M").start_time, months.max(), freq="D")
    daily = _holiday_table(days, country)[["holiday", "festival"]]
    daily["working_days"] = (days.dayofweek < 5) & (daily["holiday"] == 0)
    for weekday in range(7):
        daily[f"weekday_{weekday}"] = days.dayofweek == weekday
    months_of = days.to_period("M")
    total = daily.astype(float).groupby(months_of).sum()
    length = total.index.days_in_month.to_numpy()
    total[["holiday", "festival"]] = total[["holiday", "festival"]].div(length, axis=0)
    total["working_days"] /= 20
    total[[f"weekday_{k}" for k in range(7)]] /= 5
    return total.assign(month_length=length / 30).reindex(months.to_period("M")).set_axis(months)
