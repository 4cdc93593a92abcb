"""New data as a run's own: order lines or a panel, in the columns that the run's models know."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesforecast_lib.files import read_json
from salesforecast_lib.pipeline.parameters import all_parameters
from salesforecast_lib.pipeline.runs.files import reading_options
from salesforecast_lib.wording import counted, first_names

if TYPE_CHECKING:  # seconds of imports, which an error about a file must not wait for
    import pandas as pd

KEYS = ("unique_id", "ds", "y")
OWN = ("own_data", "own_panel")


@dataclass(frozen=True)
class NewData:
    """New data in the columns of a run.

    Parameters
    ----------
    panel : sorted, regular, with ``available`` and every raw column of ``meta``.
    meta : of the run's ``panel.json``.
    plan : what is told of the periods after the data: ``unique_id, ds`` and future columns.
    quarantine : rows that were not used: ``row, column, value, reason``.
    notes : what should be said.
    """

    panel: pd.DataFrame
    meta: dict[str, Any]
    plan: pd.DataFrame
    quarantine: pd.DataFrame
    notes: list[str] = field(default_factory=list)


def run_values(folder: Path) -> dict[str, Any]:
    """Every parameter of a run, those that it was not given with their defaults, and ``settled`` by its own file."""
    file, panel = folder / "parameters.json", folder / "panel.json"
    given = read_json(file) if file.is_file() else {}
    settled = read_json(panel).get("reading", {}) if panel.is_file() else {}
    return {name: each.default for name, each in all_parameters().items()} | given | {"settled": settled}


def read_new(folder: Path, file: Path, plan: Path | None = None, values: Mapping[str, Any] | None = None) -> NewData:
    """Read a file as the run in ``folder`` read its own.

    A panel is known by its columns ``unique_id, ds, y``; a Parquet file of exactly the run's form, such as its own
    ``panel.parquet``, is taken as it is. Anything else is order lines.

    Parameters
    ----------
    plan : what the shop knows ahead, as a run's ``plan_file``.
    values : of `run_values`, with changes.

    Raises
    ------
    ValueError, FileNotFoundError
        When a file cannot be used, naming it.
    """
    import pandas as pd

    from salesforecast_lib.data.panel import PanelConfig
    from salesforecast_lib.data.prepare import prepare

    meta = read_json(folder / "panel.json")
    said = dict(values or run_values(folder))
    columns = _header(file, said)
    panel_like = set(KEYS) <= set(columns)
    if panel_like and plan is None:
        ready = _as_it_is(file, columns, meta)
        if ready is not None:
            return NewData(ready, meta, ready[["unique_id", "ds"]].head(0), pd.DataFrame(), [])
    fields = {each.name for each in dataclasses.fields(PanelConfig)}
    config = PanelConfig(**{name: said[name] for name in fields if name in said} | {"n_series": 0, "freq": _freq(meta)})
    dataset = str(said.get("dataset", ""))
    roles = {role: tuple(said.get(role) or ()) for role in ("static", "future", "historical")}
    country = str(said.get("country", "US"))
    if dataset not in OWN or (dataset == "own_data") == panel_like:  # a loader of its own: the run's columns by name
        have = [name.split("=")[0] for name in columns]
        there = [theirs for ours, theirs in (said.get("columns") or {}).items() if ours in columns]
        said["columns"] = {ours: theirs for ours, theirs in (said.get("columns") or {}).items() if theirs in there}
        roles = {role: tuple(name for name in meta[role] if name in have and name != "open") for role in roles}
        country = meta.get("country_column", meta["country"])
    prepared = prepare(
        "own_panel" if panel_like else "own_data",
        config,
        int(meta["horizon"]),
        path=str(file),
        country=country,
        reading=reading_options(said),
        plan_file=str(plan or ""),
        plan_reading=reading_options(said, "plan_columns"),
        switches=said.get("cleaning") or {},
        missing_y=str(said.get("missing_y", "zero")),
        any_length=True,
        **roles,
    )
    panel, notes = aligned(prepared.panel, prepared.meta, meta)
    return NewData(panel, meta, prepared.plan, prepared.quarantine, [*prepared.notes, *notes])


def _freq(meta: Mapping[str, Any]) -> str:
    return {"MS": "M", "ME": "M"}.get(str(meta["freq"]), str(meta["freq"]))


def _header(file: Path, values: Mapping[str, Any]) -> list[str]:
    """Columns of a file under our names."""
    if file.suffix.lower() in (".parquet", ".pq"):
        import pyarrow.parquet as pq

        try:
            names = pq.read_schema(file).names
        except Exception as error:  # pyarrow's own kinds
            raise ValueError(f"{file}: not a Parquet file ({error}); give the file that was written as one") from None
    else:
        from salesforecast_lib.data.reading import open_table

        names = list(open_table(file, reading_options(values), (), 1).frame.columns)
    back = {theirs: ours for ours, theirs in (values.get("columns") or {}).items()}
    return [back.get(str(name), str(name)) for name in names]


def _as_it_is(file: Path, columns: list[str], meta: Mapping[str, Any]) -> pd.DataFrame | None:
    """A Parquet panel that has the run's form already: its columns and types, sorted, without gap; else None."""
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    from salesforecast_lib.data.frequency import check_freq
    from salesforecast_lib.data.reading.unpacking import check_parquet

    static, numbers = list(meta["static"]), ["y", "available", *meta["historical"], *meta["future"]]
    wanted = ["unique_id", "ds", *dict.fromkeys([*numbers, *static])]
    if file.suffix.lower() not in (".parquet", ".pq") or not set(wanted) <= set(columns):
        return None
    check_parquet(file)
    panel = pd.read_parquet(file, columns=wanted)
    kinds = [pd.api.types.is_numeric_dtype(panel[name]) for name in numbers]
    if not all(kinds) or not pd.api.types.is_datetime64_any_dtype(panel["ds"]) or panel["ds"].dt.tz is not None:
        return None
    y = panel["y"].to_numpy("float64")
    days = pd.DatetimeIndex(panel["ds"].unique()).sort_values()
    steps = pd.date_range(days[0], days[-1], freq=check_freq(str(meta["freq"])).alias)
    place = steps.get_indexer(panel["ds"])
    codes, names = pd.factorize(panel["unique_id"])
    new = np.diff(codes) != 0
    good = np.isfinite(y).all() and panel["available"].notna().all() and (y >= 0).all() and (place >= 0).all()
    good = (
        good and names.is_monotonic_increasing and (np.diff(codes) >= 0).all() and not panel["unique_id"].isna().any()
    )
    if not good or not (np.diff(place)[~new] == 1).all():
        return None
    del codes, new, place, y  # column by column: a copy of all would double the memory
    panel["ds"] = panel["ds"].astype("datetime64[ns]")
    for name in static:
        panel[name] = panel[name].astype(str)
    pa.default_memory_pool().release_unused()  # what reading took, more than the panel itself
    return panel


def aligned(panel: pd.DataFrame, found: Mapping[str, Any], meta: Mapping[str, Any]) -> tuple[pd.DataFrame, list[str]]:
    """The panel in the columns of ``meta``, and what is missing or more, in sentences.

    A static column that the file lacks is "unknown", one that is observed is missing, one known ahead is 0.
    """
    notes = []
    if str(found["freq"]) != str(meta["freq"]):
        raise ValueError(
            f"the new data are by {found['freq']}, the run's by {meta['freq']}; give data of the same periods"
        )
    empty: dict[str, Any] = {"static": "unknown", "historical": float("nan"), "future": 0.0}
    words = {"static": "'unknown'", "historical": "not known", "future": "0"}
    for role, value in empty.items():
        lacking = [name for name in meta[role] if name not in panel]
        if lacking:
            panel = panel.assign(**dict.fromkeys(lacking, value))
            notes.append(f"the new data have no {first_names(lacking)}, which the models know: taken as {words[role]}")
    roles = [name for role in empty for name in meta[role]]
    more = [name for role in empty for name in found[role] if name not in roles]
    if more:
        notes.append(f"{counted(len(more), 'column')} that the models do not know: {first_names(more)}")
    return panel[["unique_id", "ds", "y", "available", *dict.fromkeys(roles)]], notes
