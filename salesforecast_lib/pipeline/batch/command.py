"""The command ``salesforecast forecast``."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline.batch.orders import orders_of
from salesforecast_lib.pipeline.batch.read import NewData, read_new, run_values
from salesforecast_lib.pipeline.batch.table import BLOCK, Forecasted, forecast_data, stored_champion
from salesforecast_lib.pipeline.engines import EngineName, Memory, Scheduler, Workers, check_engine, open_engine
from salesforecast_lib.pipeline.runs.given import check_champion
from salesforecast_lib.pipeline.runs.messages import ERRORS, notes, say, stop
from salesforecast_lib.wording import counted

if TYPE_CHECKING:
    import pandas as pd

ENDINGS = (".csv", ".parquet")
SOME_FAILED = 2  # exit code: the rest is written


def forecast(
    run_dir: Annotated[str, typer.Argument(help="folder of a finished run")],
    orders: Annotated[str, typer.Option(help="new data: order lines or a panel, as the run's own")],
    out: Annotated[str, typer.Option(help="where the forecasts go: a name that ends in .csv or .parquet")],
    plan: Annotated[str, typer.Option(help="what you know ahead, as the run's plan_file")] = "",
    stock: Annotated[str, typer.Option(help="your stock: writes what to order beside the forecasts")] = "",
    column: Annotated[list[str], typer.Option(help="our=theirs, in the new data; may be repeated")] = [],  # noqa: B006
    engine: EngineName = "local",
    scheduler: Scheduler = "",
    workers: Workers = 0,
    memory: Memory = "",
) -> None:
    """Forecast new data with a run's stored models, without training.

    Ends with 2 where some series could not be forecast: they are named in OUT.failed.csv, all others are written.
    """
    folder, target = Path(run_dir).expanduser().resolve(), Path(out).expanduser().resolve()
    files = {option: Path(text).expanduser().resolve() for option, text in
             (("--orders", orders), ("--plan", plan), ("--stock", stock)) if text}  # fmt: skip
    try:
        asked = check_engine(engine, scheduler, workers, memory)
        _check(folder, files, target)
        told = settings.columns_of(column)
        values = run_values(folder)
        values["columns"] = {**(values.get("columns") or {}), **told}
        with nullcontext() if asked.usual else open_engine(asked) as doing:  # first: it may not answer
            champion = stored_champion(folder)
            new = read_new(folder, files["--orders"], files.get("--plan"), values)
            if doing is None:
                found = forecast_data(champion, new, spent=not stock)
            else:
                rows = min(BLOCK, -(-len(new.panel) // (2 * doing.workers)))  # two blocks a worker at least
                beside = target.parent if asked.scheduler else None
                how: dict[str, Any] = {"rows": rows, "many": 0, "engine": doing, "beside": beside}
                found = forecast_data(champion, new, **how, spent=not stock)
        written = write_forecast(found, new, target)
        if stock:
            written.append(write_orders(folder, values, new, found.table, files["--stock"], target))
    except ERRORS as error:
        raise stop(error, target.parent) from None
    notes([*new.notes, *found.notes])
    series, cutoff = found.table["unique_id"].nunique(), found.table["cutoff"].max()
    say(f"forecast {counted(series, 'series')} from {cutoff.date()}, models of {champion.cutoff.date()}")
    for path in written:
        say(f"table: {path}")
    if found.failed:
        for failure in found.failed:
            say(f"failed: {failure.sentence}")
        raise typer.Exit(SOME_FAILED)


def _check(folder: Path, files: dict[str, Path], target: Path) -> None:
    """Raise on what can be seen without reading any data."""
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; give the folder of a finished run")
    for option, file in files.items():
        if not file.is_file():
            raise FileNotFoundError(f"{option} {file}: no such file")
    if target.suffix.lower() not in ENDINGS:
        raise ValueError(f"--out {target.name}: expected a name that ends in {' or '.join(ENDINGS)}")
    if target in files.values():
        raise ValueError(f"--out {target}: is one of the files that are read; give another name")
    check_champion(folder)


def write_table(table: pd.DataFrame, target: Path) -> Path:
    """Write a table as the ending of its name says."""
    from salesforecast_lib.files import write_csv, write_parquet

    return (write_parquet if target.suffix.lower() == ".parquet" else write_csv)(table, target)


def write_forecast(found: Forecasted, new: NewData, target: Path) -> list[Path]:
    """Write the forecast table, and beside it what was not used and which series failed; the files written."""
    import pandas as pd

    failed = pd.DataFrame(
        [(name, each.reason) for each in found.failed for name in each.names], columns=["unique_id", "reason"]
    )
    written = [write_table(found.table, target)]
    for table, what in ((new.quarantine, "quarantine"), (failed, "failed")):
        beside = target.with_name(f"{target.stem}.{what}.csv")
        if len(table):
            written.append(write_table(table, beside))
        else:
            beside.unlink(missing_ok=True)  # of an earlier call
    return written


def write_orders(
    folder: Path, values: dict[str, Any], new: NewData, table: pd.DataFrame, stock: Path, target: Path
) -> Path:
    """Write what to order today beside the forecasts."""
    from salesforecast_lib.decisions.inventory.orders import read_stock
    from salesforecast_lib.pipeline.runs.files import reading_options

    units = read_stock(stock, reading_options(values, "stock_columns"))
    return write_table(orders_of(folder, values, new.meta, table, units), target.with_name(f"{target.stem}.orders.csv"))
