"""The files that parameters name: their columns, seen before anything runs, and their content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from salesforecast_lib.files import resolve
from salesforecast_lib.pipeline.parameters import all_parameters
from salesforecast_lib.pipeline.values import RULES, ParameterError, check_value
from salesforecast_lib.wording import listed

if TYPE_CHECKING:
    from salesforecast_lib.data.reading import ReadOptions


CHAMPION_FORECASTS = "champion_forecasts.parquet"  # of a run: the champion's and its members', scored ones with y


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


def reading_options(values: Mapping[str, Any], columns: str = "columns") -> ReadOptions:
    """How a run's parameters say that files are read; ``columns`` names the parameter with the column map.

    What they and a later file of sales leave open is read as in the run's own file: ``settled``, see `ReadOptions`.
    """
    from salesforecast_lib.data.reading import ReadOptions

    said = {name: values.get(name, "") for name in ("decimal", "thousands", "date_order")}
    if columns == "columns":  # what only the sales' own file has
        said |= {name: values.get(name, "") for name in ("timezone", "encoding", "sheet")}
        said["settled"] = dict(values.get("settled") or {})
        said["customer_ids"] = values.get("customer_ids") or "hashed"
    for prefix in ("plan_", "stock_"):
        if columns == f"{prefix}columns":
            said |= {name: values.get(f"{prefix}{name}", "") for name in ("encoding", "sheet")} | {"prefix": prefix}
    return ReadOptions(columns=dict(values.get(columns) or {}), **said)


def check_header(values: Mapping[str, Any]) -> None:
    """Raise where a file of own data lacks a column that it has to have, or that a parameter names.

    Raises
    ------
    ValueError
        Naming the parameter, the file, the column, and what there is instead.
    """
    from salesforecast_lib.data.reading.orders import check_columns
    from salesforecast_lib.data.reading.panel_file import check_panel_columns

    options = reading_options(values)
    roles = {name: values.get(name) or [] for name in ("static", "future", "historical")}
    if values["dataset"] == "own_panel":
        try:
            header = check_panel_columns(values["path"], options)
        except ValueError as error:
            raise ParameterError(f"dataset=own_panel: {error}. Order lines need dataset=own_data") from None
        _check_named(roles, header, values)
        _check_country(values, header)
        return
    header = check_columns(values["path"], options)
    level = {"level": [values.get("level", all_parameters()["level"].default)]}
    _check_named({**level, "static": roles.pop("static")}, header, values)
    _check_named(roles, [*header, "price", "discount"], values)
    _check_country(values, header)
    if values.get("by_location") and "location_id" not in header:
        raise ParameterError(
            f"parameter by_location=True: {values['path']} has no column 'location_id'; name yours in the column map, "
            "for example columns={location_id: Store}"
        )


def _check_named(named: Mapping[str, list[str]], header: list[str], values: Mapping[str, Any]) -> None:
    """Raise ParameterError where a parameter names a column that the file does not have."""
    from salesforecast_lib.data.reading.columns import find_column

    for name, wanted in named.items():
        missing = [column for column in wanted if find_column(column, header) is None]
        if missing:
            raise ParameterError(
                f"parameter {name}={values.get(name, missing[0])!r}: {values['path']} has no column "
                f"{listed(map(repr, missing))}; it has {listed(map(repr, header))}"
            )


def check_plan(values: Mapping[str, Any]) -> None:
    """Raise ValueError where the plan file cannot be read for sure."""
    from salesforecast_lib.data.reading import read_plan_file

    read = read_plan_file(values["plan_file"], reading_options(values, "plan_columns"))
    if read.frame.empty:
        raise ParameterError(
            f"plan_file={values['plan_file']!r}: no row can be used; the reasons are {read.report.reasons}"
        )


def _check_country(values: Mapping[str, Any], header: list[str]) -> None:
    """Raise where ``country`` is neither a country nor a column of the file."""
    from salesforecast_lib.data.reading.columns import find_column

    said = str(values.get("country", "US"))
    if said.strip() and find_column(said, header) is not None:
        return
    try:
        check_value("country", said)
    except ValueError as error:
        raise ParameterError(
            f"{error}; or a column that names each series' country: {values['path']} has {listed(map(repr, header))}"
        ) from None
