"""What a run would make of an aggregated panel or a plan: periods, series, roles of columns, how far ahead is told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from salesforecast_lib.data.ahead import Roles, planned_names
from salesforecast_lib.data.ahead.closures import closure_column
from salesforecast_lib.data.ahead.telling import names_in_sales
from salesforecast_lib.data.frequency import found_in
from salesforecast_lib.data.own import regular_panel
from salesforecast_lib.data.own.regular import Regular
from salesforecast_lib.data.reading import Reading
from salesforecast_lib.wording import counted, first_names, listed

PLAN_KEYS = ("row", "unique_id", "location_id", "ds", "end")


@dataclass(frozen=True)
class PanelFacts:
    """Roles by the file's own names: ``future`` (``told`` maps those with values after the last ``y`` to the last
    period), ``historical``, ``static``; ``periods`` and ``series`` in words, and what else a run would say, ``notes``.
    """

    periods: str
    series: str
    future: tuple[str, ...]
    historical: tuple[str, ...]
    static: tuple[str, ...]
    told: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def lines(self) -> list[tuple[str, str]]:
        """``what, value`` for a reader."""
        reach = [f"{name} (told up to {self.told[name]})" if name in self.told else name for name in self.future]
        rows = [
            ("periods", self.periods),
            ("series", self.series),
            ("known ahead", listed(reach)),
            ("known afterwards", listed(self.historical)),
            ("describe a series", listed(self.static)),
        ]
        return [*rows, *(("note", note) for note in self.notes)]

    def to_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        names = ("periods", "series", "future", "historical", "static", "told")
        return {name: list(value) if isinstance(value := getattr(self, name), tuple) else value for name in names}


def panel_facts(
    read: Reading,
    freq: str = "auto",
    missing_y: str = "zero",
    horizon: int = 28,
    plan: Reading | None = None,
    mapped: Mapping[str, str] | None = None,
) -> PanelFacts:
    """What a run would make of a panel that was read with the column map ``mapped``, and of the ``plan`` beside it.

    Raises ValueError as `regular_panel` does, when it could make nothing of it.
    """
    frame = read.frame.set_index(read.frame["row"] - 1).drop(columns="row")
    if freq == "auto" and not found_in(frame["ds"].dt.normalize().unique()):
        freq = "D"  # too few dates to tell; the run says how many it needs
    regular = regular_panel(frame, freq, missing_y, read.report.file, horizon, Roles(), plan, mapped)
    theirs = _own_names(regular, frame)
    panel, unit = regular.panel, regular.freq.period
    told = {
        theirs(name): str(when.date())
        for name in regular.future
        if name in regular.ahead and pd.notna(when := regular.ahead.loc[regular.ahead[name].notna(), "ds"].max())
    }
    closed = closure_name(frame)
    future = [name for name in dict.fromkeys(map(theirs, regular.future)) if name != "open" or closed]
    told = {name: when for name, when in told.items() if name in future}
    lengths = panel.groupby("unique_id").size()
    days = f"{panel['ds'].min().date()} to {panel['ds'].max().date()}"
    return PanelFacts(
        f"{counted(panel['ds'].nunique(), unit)} ({regular.freq.alias}), {days}",
        f"{len(lengths)}, of {lengths.min()} to {counted(lengths.max(), unit)}",
        tuple(future),
        tuple(dict.fromkeys(map(theirs, regular.numeric))),
        tuple(map(theirs, regular.texts)),
        told,
        tuple(regular.notes),
    )


def closure_name(frame: pd.DataFrame) -> str:
    """The column that says when a series is closed; "" for none."""
    return next((str(name) for name in frame if closure_column(str(name), frame[name])[0]), "")


def _own_names(regular: Regular, frame: pd.DataFrame) -> Callable[[str], str]:
    """From a column of the panel to the name that it bears in the file."""
    back = {ours: theirs for theirs, ours in regular.renamed.items()}
    parts = {f"{name}={value}": name for name, known in regular.categories.items() for value in known.values}
    closed = closure_name(frame) or "open"

    def name_of(column: str) -> str:
        name = parts.get(column, column)
        return closed if name == "open" else back.get(name, name)

    return name_of


def plan_lines(read: Reading) -> list[tuple[str, str]]:
    """What a plan tells, as ``what, value`` for a reader."""
    frame = read.frame
    columns = [name for name in frame if name not in PLAN_KEYS]
    length = (frame["end"] - frame["ds"]).dt.days + 1
    rows = [
        ("plans", listed(f"{name} ({int(frame[name].notna().sum())} rows)" for name in columns)),
        ("of", f"{frame['unique_id'].nunique()} products: {first_names(frame['unique_id'].unique())}"),
    ]
    if len(frame):
        until = f"{frame['ds'].min().date()} to {frame['end'].max().date()}"
        rows.append(("days", f"{until}, ranges of {length.min()} to {counted(length.max(), 'day')}"))
    return rows


def planned_of(plan: Reading, columns: list[str], mapped: Mapping[str, str]) -> tuple[list[str], list[str]]:
    """Columns of the plan that the data have, and those that they do not; ``mapped`` is the column map of the data."""
    names = planned_names(plan, columns, names_in_sales(mapped))
    every = [name for name in plan.frame if name not in PLAN_KEYS]
    return [name for name in every if name in names], [name for name in every if name not in names]
