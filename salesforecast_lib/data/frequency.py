"""Days, weeks and months: everything in the book that depends on the length of a period stands here (chapter 01)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

AUTOMATIC = "auto"  # the frequency is told by the dates of a panel
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_CODES = tuple(name[:3].upper() for name in WEEKDAYS)
_EXPECTED = "D (days), W (weeks Monday to Sunday), W-MON … W-SUN (weeks that end on that day) or M (months)"
# kind: name of a period, season, inner season, cycle of the models, days
_KINDS = {"D": ("day", 7, 7, 7, 1.0), "W": ("week", 52, 4, 4, 7.0), "M": ("month", 12, 3, 12, 30.4375)}


@dataclass(frozen=True)
class Frequency:
    """What the length of a period decides.

    Parameters
    ----------
    alias : pandas alias of the panel: "D", "W-SUN" (or another last day of the week), "ME" (months, last day).
    kind : "D", "W" or "M".
    period : name of one period, "day", "week" or "month".
    season : periods of the seasonal cycle: 7 days, 52 weeks, 12 months.
    inner : periods of the cycle of which a short history holds several: 7 days, a month of 4 weeks, a quarter of 3
        months; levels, lags and alarms are counted in it.
    cycle : periods of the cycle whose phases the models tell apart: 7 days, 4 weeks (a window holds no year of weeks),
        12 months.
    days : mean number of days in a period.
    """

    alias: str
    kind: str
    period: str
    season: int
    inner: int
    cycle: int
    days: float

    @property
    def offset(self) -> pd.offsets.BaseOffset:
        """One period as a pandas offset; a time stamp plus ``k * offset`` is k periods later."""
        return pd.tseries.frequencies.to_offset(self.alias)

    @property
    def last_weekday(self) -> int:
        """Weekday on which weeks end, 0 Monday to 6 Sunday; days and months say 6."""
        return _CODES.index(self.alias[2:]) if self.kind == "W" else 6

    @property
    def weeks(self) -> float:
        """Weeks in a period."""
        return self.days / 7

    def periods_in(self, days: float) -> int:
        """Whole periods in a number of days, at least one: 28 days are 28 days, 4 weeks or 1 month."""
        return max(1, round(days / self.days))

    def after(self, last: pd.Timestamp, count: int) -> pd.DatetimeIndex:
        """The ``count`` periods that follow ``last``."""
        return pd.date_range(last, periods=count + 1, freq=self.alias)[1:]

    def steps(self, later: pd.Series, earlier: pd.Series) -> pd.Series:
        """Periods from ``earlier`` to ``later``, both stamps of periods."""
        if self.kind == "M":
            return 12 * (later.dt.year - earlier.dt.year) + later.dt.month - earlier.dt.month
        return (later - earlier).dt.days // int(self.days)

    def first_days(self, stamps: pd.DatetimeIndex) -> pd.DatetimeIndex:
        """First day of each period, from the stamps of the periods, which are their last days."""
        if self.kind == "M":
            return stamps.to_period("M").to_timestamp()
        return stamps - pd.Timedelta(days=int(self.days) - 1)

    def numbers(self, days: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Number of the period of each day and the day's place in it, from 0; ``days`` count from 1970-01-01."""
        if self.kind == "D":
            return days, np.zeros_like(days)
        if self.kind == "M":
            months = days.astype("datetime64[D]").astype("datetime64[M]")
            return months.astype("int64"), days - months.astype("datetime64[D]").astype("int64")
        shifted = days + 3 - (self.last_weekday + 1) % 7  # 1970-01-01 was a Thursday, three days after a Monday
        return shifted // 7, shifted % 7

    def stamps(self, low: int, high: int) -> pd.DatetimeIndex:
        """Stamps (last days) of the periods with numbers ``low`` to ``high``."""
        if self.kind == "D":
            first = np.datetime64(low, "D")
        elif self.kind == "M":
            first = np.datetime64(low + 1, "M").astype("datetime64[D]") - 1
        else:
            first = np.datetime64(7 * low + 3 + (self.last_weekday + 1) % 7, "D")
        return pd.date_range(first, periods=high - low + 1, freq=self.alias)


@lru_cache
def check_freq(freq: str) -> Frequency:
    """The frequency of a name: D, W, W-MON … W-SUN or M (also ME and MS).

    W stands for W-SUN, weeks from Monday to Sunday. Weeks and months of order lines are stamped with their last day.

    Raises
    ------
    ValueError
        When the name is none of these; the message lists them.
    """
    name = str(freq).strip()
    kind, _, day = name.partition("-")
    if kind == "W" and (day in _CODES or name == "W"):
        alias = f"W-{day or 'SUN'}"
    elif name == "D":
        alias = "D"
    elif name in ("M", "ME", "MS"):
        kind, alias = "M", "ME"
    else:
        raise ValueError(f"freq={freq!r}: expected {_EXPECTED}")
    return Frequency(alias, kind, *_KINDS[kind])


def by_inner(inner: int) -> Frequency:
    """The frequency with this inner season: 7 days, 4 weeks, 3 months; other lengths count as weeks."""
    return check_freq({7: "D", 3: "M"}.get(inner, "W"))


def found_in(stamps: Iterable[pd.Timestamp]) -> str:
    """Frequency by which distinct days are spaced: "D", "W-MON" … "W-SUN", "M", "longer", or "" when it cannot be told.

    Months are days with the same number, or all the last of their month, one in each month; weeks are days that all
    fall on one weekday. A few days of daily sales could look like either: five are needed for weeks, three for months.
    """
    days = pd.DatetimeIndex(sorted(set(stamps)))
    if len(days) < 3:
        return ""
    apart = float(np.median(np.diff(days.to_numpy()) / np.timedelta64(1, "D")))
    if days.to_period("M").is_unique and (days.is_month_end.all() or (days.day == days[0].day).all()):
        return "M" if apart < 45 else "longer"
    if len(days) >= 5 and (days.dayofweek == days[0].dayofweek).all():
        return f"W-{_CODES[days[0].dayofweek]}" if apart < 28 else "longer"
    return "D" if len(days) >= 5 else ""


def settle_frequency(ds: pd.Series, freq: str, source: str = "panel") -> tuple[Frequency, str]:
    """The frequency of a panel's days ``ds``, and whether they are the "end" or the "start" of their periods.

    Weeks that bear a Monday begin with it; all other weeks end on the day that they bear.

    Raises
    ------
    ValueError
        When the dates contradict ``freq``: what was found, and the value to give.
    """
    found, wanted = found_in(ds.unique()), freq.strip()
    automatic = wanted == AUTOMATIC
    if found == "longer":
        raise ValueError(
            f"{source}: the dates in ds lie more than a month apart (quarters or years?); expected days, weeks or "
            "months; fill in the periods between, or aggregate from finer data"
        )
    if automatic and not found:
        raise ValueError(f"{source}: {ds.nunique()} dates do not tell a frequency; give freq=D, freq=W or freq=M")
    frequency = check_freq(found if automatic else wanted)
    if found and found[0] != frequency.kind:
        odd = _odd_weekday(ds, source) if frequency.kind == "W" and found == "D" else ""
        if frequency.kind == "M" and found == "D" and not _many_in_a_month(ds):
            found = "M"
        else:
            weeks = f"weeks ({WEEKDAYS[ds.iloc[0].dayofweek]}s)"
            what = {"W": weeks, "D": "days", "M": "months"}[found[0]]
            raise ValueError(odd or f"{source}: freq={freq!r}, but the dates in ds are {what}; give freq={found[0]}")
    if frequency.kind == "W":
        weekdays = ds.dt.dayofweek.unique()
        if len(weekdays) > 1:
            raise ValueError(_odd_weekday(ds, source))
        anchored = check_freq(f"W-{WEEKDAYS[weekdays[0]][:3].upper()}")
        if wanted.startswith("W-") and anchored != frequency:
            raise ValueError(
                f"{source}: freq={freq!r}, but the dates in ds are {WEEKDAYS[weekdays[0]]}s; give freq=W or "
                f"freq={anchored.alias}"
            )
        return anchored, "start" if weekdays[0] == 0 else "end"
    return frequency, "end"


def _many_in_a_month(ds: pd.Series) -> bool:
    """Whether the distinct days are closer than those of months, such as the days and the last days of months mixed."""
    return ds.nunique() > 2 * ds.dt.to_period("M").nunique()


def _odd_weekday(ds: pd.Series, source: str) -> str:
    """Message on dates of several weekdays where weeks were expected: the odd row, or that these are days."""
    weekday = ds.dt.dayofweek
    usual = int(weekday.mode().iloc[0])
    odd = weekday != usual
    if odd.mean() > 0.2:
        return f"{source}: the dates in ds fall on {weekday.nunique()} weekdays, so they are days; give freq=D"
    row = odd.index[odd.to_numpy()][0]
    return (
        f"{source}, row {int(row) + 1}: {ds.loc[row].date()} is a {WEEKDAYS[weekday.loc[row]]}, while weeks bear a "
        f"{WEEKDAYS[usual]} in the other rows; correct it, or give freq=D for days"
    )
