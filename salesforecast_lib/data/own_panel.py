"""An already aggregated panel ``unique_id, ds, y`` + covariates, read, checked and made regular (chapter 01)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from salesforecast_lib.data.frequency import AUTOMATIC, WEEKDAYS, Frequency, check_freq, found_in
from salesforecast_lib.data.own_columns import MEANT, fill_covariates, meant_numbers, settle_names
from salesforecast_lib.data.panel import KEYS
from salesforecast_lib.data.reading import Reading, ReadOptions, read_panel_file
from salesforecast_lib.wording import counted

MISSING_Y = ("zero", "unavailable", "interpolate")


@dataclass(frozen=True)
class Regular:
    """A regular ``panel`` with its frequency ``freq`` and what was said to the user, ``notes``.

    ``stamp`` is "start" where weeks bear their first day; ``numeric`` and ``texts`` name the covariates, ``renamed``
    those that bear another name than in the file.
    """

    panel: pd.DataFrame
    freq: Frequency
    stamp: str
    notes: list[str] = field(default_factory=list)
    numeric: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    renamed: dict[str, str] = field(default_factory=dict)


def read_panel(
    path: str, options: ReadOptions | None = None, freq: str = "D", missing_y: str = "zero"
) -> tuple[Regular, Reading]:
    """Read an already aggregated panel ``unique_id, ds, y`` + covariates; returns it regular, and how it was read.

    Raises ValueError as `read_panel_file` and `regular_panel` do.
    """
    read = read_panel_file(path, options)
    frame = read.frame.set_index(read.frame["row"] - 1).drop(columns="row")
    return regular_panel(frame, freq, missing_y, path), read


def regular_panel(frame: pd.DataFrame, freq: str = "D", missing_y: str = "zero", source: str = "panel") -> Regular:
    """Make a panel regular: every series has all periods from its first row to the end of the data.

    Parameters
    ----------
    frame : ``unique_id, ds, y`` (missing where empty) and covariates; the index counts the file's rows from 0.
    freq : D, W, W-MON … W-SUN or M; W takes the weekday from ``ds``, and "auto" or an empty text the frequency too.
    missing_y : what a gap or an empty ``y`` means: "zero" (nothing was sold), "unavailable" (``available`` 0: says
        nothing about demand) or "interpolate".
    source : name of the file, for messages.

    Raises
    ------
    ValueError
        When a parameter is not known, ``freq`` contradicts the dates, a series has two rows in a period, or a column
        with a fixed meaning holds text.
    """
    if missing_y not in MISSING_Y:
        raise ValueError(f"missing_y={missing_y!r}: expected zero, unavailable or interpolate")
    covariates = [name for name in frame.columns if name not in (*KEYS, "y")]
    names, notes = settle_names(covariates)
    order = [frame.columns.get_loc(key) for key in (*KEYS, "y")]
    places = [k for k, name in enumerate(frame.columns) if name not in (*KEYS, "y")]
    frame = frame.iloc[:, [*order, *places]].set_axis([*KEYS, "y", *names], axis=1)
    frame = frame.assign(ds=frame["ds"].dt.normalize())
    frequency, stamp = settle_frequency(frame["ds"], freq, source)
    if stamp == "start":
        notes.append(f"weeks bear their first day, a {WEEKDAYS[frequency.last_weekday]}")
    if frequency.kind == "M":
        ends = frame["ds"] + pd.offsets.MonthEnd(0)
        if (ends != frame["ds"]).any():
            notes.append("months bear their last day in the panel and in all forecasts")
        frame = frame.assign(ds=ends)
    if freq.strip() not in ("D", "M", frequency.alias):
        notes.append(f"the dates are {frequency.period}s ({frequency.alias}), taken from ds")
    twice = frame.duplicated(KEYS, keep=False)
    if twice.any():
        key = tuple(frame.loc[twice, KEYS].iloc[0])
        same = frame.index[(frame["unique_id"] == key[0]) & (frame["ds"] == key[1])]
        copies = int(frame.duplicated(KEYS).sum())
        raise ValueError(
            f"{source}: {counted(copies, 'row')} repeat a series and {frequency.period}; the first is {key[0]!r}, "
            f"{key[1].date()} in rows {same[0] + 1} and {same[1] + 1}: they appear twice; add them up or remove one"
        )
    for name in names:
        if name in MEANT:
            frame[name] = meant_numbers(name, frame[name], source)
    full = _every_period(frame, frequency)
    gaps = len(full) - len(frame)
    if gaps:
        notes.append(f"{counted(gaps, 'period')} without a row: y is {_SAID[missing_y]} there")
    known = full["y"].notna()
    if "available" not in full:
        full["available"] = np.where(known | (missing_y != "unavailable"), 1.0, 0.0)
    if missing_y == "interpolate":
        full["y"] = full.groupby("unique_id")["y"].transform(lambda y: y.interpolate(limit_direction="both"))
    full["y"] = full["y"].fillna(0.0)
    full["available"] = full["available"].fillna(0.0).clip(0, 1)
    full["open"] = full["open"].fillna(1.0).clip(0, 1) if "open" in full else 1.0
    rest = [name for name in names if name not in ("available", "open")]
    full, numeric, texts, more = fill_covariates(full, rest)
    full = full.sort_values(KEYS, kind="stable", ignore_index=True)
    renamed = {str(old): new for old, new in zip(covariates, names, strict=True) if str(old) != new}
    return Regular(full, frequency, stamp, [*notes, *more], numeric, texts, renamed)


_SAID = {"zero": "zero", "unavailable": "not known", "interpolate": "interpolated"}


def settle_frequency(ds: pd.Series, freq: str, source: str = "panel") -> tuple[Frequency, str]:
    """The frequency of a panel's days ``ds``, and whether they are the "end" or the "start" of their periods.

    Weeks that bear a Monday begin with it; all other weeks end on the day that they bear.

    Raises
    ------
    ValueError
        When the dates contradict ``freq``: what was found, and the value to give.
    """
    found, wanted = found_in(ds.unique()), freq.strip()
    automatic = wanted in AUTOMATIC
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


def _every_period(frame: pd.DataFrame, frequency: Frequency) -> pd.DataFrame:
    """All periods of each series from its first row to the end of the data, with the rows that there are."""
    calendar = pd.date_range(frame["ds"].min(), frame["ds"].max(), freq=frequency.alias)
    first = calendar.get_indexer(pd.Index(frame.groupby("unique_id")["ds"].min()))
    ids = np.sort(frame["unique_id"].unique())
    count = len(calendar) - first
    place = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(first, count)
    grid = pd.DataFrame({"unique_id": np.repeat(ids, count), "ds": calendar.to_numpy()[place]})
    return grid.merge(frame, on=KEYS, how="left")
