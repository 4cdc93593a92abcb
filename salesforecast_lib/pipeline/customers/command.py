"""The command ``salesforecast customers``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from salesforecast_lib.files import read_json, write_csv
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline.customers.back import TABLES, own_ids, with_own_ids
from salesforecast_lib.pipeline.runs.given import given_file, make_again
from salesforecast_lib.pipeline.runs.messages import ERRORS, notes, say, stop


def customers(
    run_dir: Annotated[str, typer.Argument(help="folder of a finished run")],
    orders: Annotated[str, typer.Option(help="the shop's own order file")],
    out: Annotated[str, typer.Option(help="where the table goes: a name that ends in .csv")],
    table: Annotated[str, typer.Option(help=f"table of the run: {', '.join(TABLES)}")] = TABLES[0],
    column: Annotated[list[str], typer.Option(help="our=theirs, in the order file; may be repeated")] = [],  # noqa: B006
) -> None:
    """Write a run's table of customers with the shop's own ids, found by hashing its order file again with the key."""
    folder, target = Path(run_dir).expanduser().resolve(), Path(out).expanduser().resolve()
    try:
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder; give the folder of a finished run")
        if table not in TABLES:
            raise ValueError(f"--table {table!r}: expected one of {', '.join(TABLES)}")
        if not (folder / table).is_file():
            raise FileNotFoundError(f"{folder / table}: not there; {make_again(folder, '10_customers')}")
        if target.suffix.lower() != ".csv":
            raise ValueError(f"--out {target.name}: expected a name that ends in .csv")
        if target.is_relative_to(folder):
            raise ValueError(f"--out {target}: lies in the run folder, which is passed on; give a place outside of it")
        file = given_file(orders, "--orders")
        values = read_json(folder / "parameters.json") if (folder / "parameters.json").is_file() else {}
        told = settings.columns_of(column)
        values = {**values, "columns": {**(values.get("columns") or {}), **told}}
        found, note = with_own_ids(folder / table, own_ids(file, values))
        write_csv(found, target)
    except ERRORS as error:
        raise stop(error, target.parent) from None
    notes([note] if note else [])
    say(f"table: {target}")
