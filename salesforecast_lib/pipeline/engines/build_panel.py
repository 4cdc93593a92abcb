"""The command ``salesforecast build-panel``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline import runs
from salesforecast_lib.pipeline.engines.options import EngineName, Memory, Scheduler, Workers, check_engine, open_engine
from salesforecast_lib.pipeline.runs.messages import ERRORS, say, stop
from salesforecast_lib.wording import counted


def build_panel(
    orders: Annotated[str, typer.Argument(help="folder of .parquet files with order lines")],
    out: Annotated[str, typer.Option(help="folder for the panel; begun again, it goes on where it was ended")],
    n_series: Annotated[int, typer.Option(help="best-selling products that are kept; 0: all")] = 0,
    freq: Annotated[str, typer.Option(help="D days, W weeks, M months")] = "D",
    static: Annotated[list[str], typer.Option(help="column constant within a product; may be repeated")] = [],  # noqa: B006
    column: Annotated[list[str], typer.Option(help="our=theirs, in the files; may be repeated")] = [],  # noqa: B006
    engine: EngineName = "local",
    scheduler: Scheduler = "",
    workers: Workers = 0,
    memory: Memory = "",
) -> None:
    """Build the panel of order lines that do not fit into memory, bucket by bucket.

    The panel is a folder of Parquet files, each with whole series: what salesforecast run takes as dataset=own_panel.
    """
    place, target = Path(orders).expanduser().resolve(), Path(out).expanduser().resolve()
    try:
        asked = check_engine(engine, scheduler, workers, memory)
        told = settings.columns_of(column)
        _check(place, target)
        from salesforecast_lib.data.panel import PanelConfig
        from salesforecast_lib.data.reading import ReadOptions
        from salesforecast_lib.production.distributed import build_panel_folder

        config = PanelConfig(n_series=n_series, freq=freq)
        target.mkdir(parents=True, exist_ok=True)
        with runs.locked(target), open_engine(asked) as doing:
            options = ReadOptions(columns=told)
            built = build_panel_folder(place, target, doing, config, None, options, tuple(static), say=say)
    except ERRORS as error:
        raise stop(error, target) from None
    say(f"{counted(built.lines, 'order line')}: {built.series} of {built.all_series} products kept, {built.rows} rows")
    say(f"panel: {built.folder}")
    say(f"next:  salesforecast run --profile own_panel -p path={built.folder}")


def _check(place: Path, target: Path) -> None:
    """Raise on what can be seen without reading any data."""
    if not place.exists():
        raise FileNotFoundError(f"{place}: no such folder; give a folder of .parquet files with order lines")
    if target.is_file():
        raise ValueError(f"--out {target}: is a file; expected a folder, which may be new")
    if target == place or place in target.parents:
        raise ValueError(f"--out {target}: lies in the folder of the order lines; give another folder")
