"""Another plan beside a run's own: read from a file, and what is known ahead under both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.data.ahead import Category, Horizon, planned_names, told_ahead
from salesforecast_lib.data.ahead.telling import names_in_sales
from salesforecast_lib.data.features import ahead_features
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.data.prepare import load_panel, load_plan
from salesforecast_lib.data.reading import ReadingError, ReadOptions, read_plan_file
from salesforecast_lib.files import resolve
from salesforecast_lib.wording import first_names

KEYS = ["unique_id", "ds"]
_PLAN_KEYS = ["row", "unique_id", "location_id", "ds", "end"]


@dataclass(frozen=True)
class OtherPlan:
    """What is known ahead under the run's plan, ``before``, and under another, ``after``: the same rows and columns.

    ``columns`` are those of the panel that the shop decides, ``changed`` those in which the two differ; ``notes`` say
    how the file was read.
    """

    before: pd.DataFrame
    after: pd.DataFrame
    columns: tuple[str, ...]
    changed: tuple[str, ...]
    notes: tuple[str, ...] = ()


def read_other_plan(
    run_dir: str | Path, file: str | Path, options: ReadOptions | None = None, renamed: Mapping[str, str] | None = None
) -> OtherPlan:
    """Read another plan for a run; what the file does not tell stays as in the run's own plan.

    Parameters
    ----------
    options : how the file is read, as ``plan_file`` is in a run.
    renamed : column map of the sales' file, ``{our name: name in the file}``: a plan may use the file's names.

    Raises
    ------
    FileNotFoundError, ValueError
        When the file cannot be read for sure, plans nothing that the run's models know ahead, or changes nothing.
    """
    panel, meta = load_panel(run_dir)
    future = list(meta["future"])
    known, parts = _categories(future)
    read = read_plan_file(file, options)
    if read.frame.empty:
        raise ReadingError(f"{file}: no row can be used; the reasons are {read.report.reasons}")
    names = planned_names(read, [*future, *known], names_in_sales(renamed or {}))
    rest = [name for name in read.frame if name not in (*_PLAN_KEYS, *names)]
    _refuse_unknown(rest, names, panel, meta, file)
    horizon = Horizon(panel["ds"].max(), int(meta["horizon"]), check_freq(meta["freq"]), meta.get("stamp", "end"))
    own = load_plan(run_dir)
    told = told_ahead(panel, future, horizon, own, read, names, known)
    notes = [note for note in told.notes if not note.endswith("not the data's own rows")]
    notes = [note for note in notes if "which the data never had" not in note]
    notes += [_new_value(read.frame[theirs], ours, known[ours]) for theirs, ours in names.items() if ours in known]
    before = pd.read_parquet(resolve(run_dir) / "ahead.parquet")
    after = ahead_features(panel, meta, told.table)[list(before)]
    after = before[KEYS].merge(after, on=KEYS, how="left")
    changed = tuple(name for name in future if (before[name] - after[name]).abs().max() > 1e-12)
    if not changed:
        raise ValueError(
            f"{file}: tells nothing else than the run's plan does for the {horizon.count} periods from "
            f"{horizon.stamps[0].date()} to {horizon.stamps[-1].date()}: give other values of {first_names(future, 12)}"
        )
    said = [f"{first_names(rest)} not used: no column of the data known ahead"] if rest else []
    columns = [*(name for name in future if name not in parts)]
    return OtherPlan(before, after, tuple(columns), changed, tuple(note for note in [*said, *notes] if note))


def _categories(future: Sequence[str]) -> tuple[dict[str, Category], set[str]]:
    """Categories that have a column for each value, by name, and those columns."""
    values: dict[str, list[str]] = {}
    for column in future:
        name, mark, value = column.partition("=")
        if mark:
            values.setdefault(name, []).append(value)
    known = {name: Category(tuple(each)) for name, each in values.items()}
    return known, {column for column in future if "=" in column}


def _new_value(cells: pd.Series, name: str, known: Category) -> str:
    told = sorted({str(cell) for cell in cells.dropna()} - {"", *known.values})
    listed = first_names(map(repr, told))
    return f"{name}: {listed} count as its usual value, for which the models have no column" if told else ""


def _refuse_unknown(
    rest: list[str], names: Mapping[str, str], panel: pd.DataFrame, meta: Mapping[str, Any], file: str | Path
) -> None:
    """Raise where the plan holds no column that is known ahead, with what to do about those that are only observed."""
    observed = [name for name in rest if name in meta["historical"]]
    if observed:
        raise ReadingError(
            f"{file}: {first_names(observed)} is only observed in this run, so its models cannot tell what another "
            f"value would do; run again with -p future=[{', '.join(observed)}], or leave the column out"
        )
    if not names:
        raise ReadingError(
            f"{file}: none of its columns {rest} is known ahead in this run, which knows {list(meta['future'])}; name "
            "them with --column OUR=THEIRS, or run again with future=[…]"
        )
