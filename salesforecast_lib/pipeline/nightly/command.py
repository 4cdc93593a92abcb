"""The commands ``salesforecast nightly`` and ``salesforecast rollback``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from salesforecast_lib.pipeline import runs
from salesforecast_lib.pipeline.nightly.config import read_config
from salesforecast_lib.pipeline.runs.messages import ERRORS, say, stop

FAILED = 3


def nightly(
    config: Annotated[str, typer.Argument(help="YAML file: run, new, plan, stock, retrain, gate, serve")],
) -> None:
    """Play the night: read new files, forecast, compare, watch, perhaps train again, decide. The same changes nothing.

    Ends with 0 (fine), 1 (alarms: somebody should look), 2 (data refused) or 3 (failed: nothing changed, yesterday's
    plan stays). What came of it lies in RUN/nights/DATE/.
    """
    try:
        told = read_config(Path(config).expanduser().resolve())
        from salesforecast_lib.pipeline.nightly.night import play

        with runs.locked(told.run):
            night = play(told)
    except ERRORS as error:
        stop(error)
        raise typer.Exit(FAILED) from None
    except Exception as error:  # a scheduler has to hear of what nobody thought of, too
        Console(stderr=True).print_exception(show_locals=False, width=120)
        Console(stderr=True).print(f"error: {type(error).__name__}: {error}", markup=False, soft_wrap=True)
        raise typer.Exit(FAILED) from None
    for line in night.lines:
        say(line)
    say(f"{'night' if night.changed else 'nothing new since'}: {night.folder}")
    sys.stdout.flush()
    raise typer.Exit(night.code)


def rollback(
    run_dir: Annotated[str, typer.Argument(help="folder of a run with published models")],
    why: Annotated[str, typer.Option(help="kept in the log")] = "",
) -> None:
    """Go back to the models that served before; a running server and the next night take them."""
    folder = Path(run_dir).expanduser().resolve()
    try:
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder; give the folder of a run")
        from salesforecast_lib.production import registry

        left, taken = registry.rollback(folder, why=why)
    except ERRORS as error:
        raise stop(error, folder) from None
    say(f"{taken} serves again instead of {left}")
