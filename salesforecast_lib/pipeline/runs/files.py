"""The files that parameters name: their columns, seen before anything runs, and their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from salesforecast_lib.files import resolve
from salesforecast_lib.pipeline.parameters import all_parameters
from salesforecast_lib.pipeline.values import RULES, ParameterError
from salesforecast_lib.wording import listed


def content(values: Mapping[str, Any]) -> dict[str, str]:
    """Hash of what lies in each file, or in the files of each folder, that a parameter names.

    A name stays when new stock comes in over night; its time stamp changes when a file is only copied.
    """
    found = {}
    for name, value in values.items():
        kind = RULES[name].kind if name in RULES else ""
        if kind not in ("file", "folder") or not value:
            continue
        place = resolve(value)
        digest = hashlib.sha256()
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file():
                digest.update(file.relative_to(place).as_posix().encode())
                with file.open("rb") as handle:
                    digest.update(hashlib.file_digest(handle, "sha256").digest())
        found[name] = digest.hexdigest()
    return found


def check_header(values: Mapping[str, Any]) -> None:
    """Raise where a file of own data lacks a column that it has to have, or that a parameter names.

    Raises
    ------
    ValueError
        Naming the parameter, the file, the column, and what there is instead.
    """
    if values["dataset"] == "own_panel":
        return _check_panel_header(values)
    from salesforecast_lib.data.schema import OPTIONAL, REQUIRED, check_columns, read_table

    columns = values.get("columns") or {}
    check_columns(values["path"], columns)
    header = [str(name) for name in read_table(values["path"], rows=1).columns]
    ours = [name for name in (*REQUIRED, *OPTIONAL) if columns.get(name, name) in header]
    level = {"level": [values.get("level", all_parameters()["level"].default)]}
    for name, wanted in {**level, "static": values.get("static", [])}.items():
        missing = [column for column in wanted if column not in header and column not in ours]
        if missing:
            raise ParameterError(
                f"parameter {name}={values.get(name, missing[0])!r}: {values['path']} has no column "
                f"{listed(map(repr, missing))}; it has {listed(map(repr, dict.fromkeys([*ours, *header])))}"
            )
    if values.get("by_location") and "location_id" not in ours:
        raise ParameterError(
            f"parameter by_location=True: {values['path']} has no column 'location_id'; name yours in the column map, "
            "for example columns={location_id: Store}"
        )


def _check_panel_header(values: Mapping[str, Any]) -> None:
    """Raise where a file that should be a panel lacks one of its three columns."""
    from salesforecast_lib.data.schema import read_table

    columns = values.get("columns") or {}
    header = [str(name) for name in read_table(values["path"], rows=1).columns]
    missing = [name for name in ("unique_id", "ds", "y") if columns.get(name, name) not in header]
    if missing:
        raise ParameterError(
            f"dataset=own_panel: {values['path']} has no column {listed(map(repr, missing))}; it has "
            f"{listed(map(repr, header))}; name yours in the column map, for example columns={{y: Sales}}, or take "
            "dataset=own_data where the file holds order lines"
        )
