"""The command ``salesforecast whatif``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from salesforecast_lib.files import read_json
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline import runs
from salesforecast_lib.pipeline.runs.given import check_champion
from salesforecast_lib.pipeline.runs.messages import ERRORS, notes, say, stop
from salesforecast_lib.pipeline.whatif.compare import compare_plans
from salesforecast_lib.pipeline.whatif.page import STATIC, write_comparison


def whatif(
    run_dir: Annotated[str, typer.Argument(help="folder of a finished run")],
    plan: Annotated[str, typer.Option(help="another plan: product, date or range, and what you would do")],
    name: Annotated[str, typer.Option(help="folder under RUN/whatif; default: the plan's file name")] = "",
    cost_share: Annotated[float, typer.Option(help="cost of a unit as a share of its price; -1: no margin")] = -1.0,
    column: Annotated[list[str], typer.Option(help="our=theirs, in the plan file; may be repeated")] = [],  # noqa: B006
) -> None:
    """Forecast a run again under another plan, without training, and write what it changes: units, money, stock.

    What the file does not tell stays as in the run's own plan. Each product is told whether what is planned was tried.
    """
    folder, file = Path(run_dir).expanduser().resolve(), Path(plan).expanduser().resolve()
    try:
        share = _checked(folder, file, cost_share)
        place = folder / "whatif" / _name(name or file.stem)
        values = read_json(folder / "parameters.json") if (folder / "parameters.json").is_file() else {}
        told = settings.columns_of(column)
        values = {**values, "plan_columns": {**(values.get("plan_columns") or {}), **told}}
        with runs.locked(folder):
            found = compare_plans(folder, file, values, share)
            write_comparison(found, place)
    except ERRORS as error:
        raise stop(error, folder) from None
    notes(found.notes)
    for line in found.lines:
        say(line)
    say(f"table: {place / 'difference.csv'}")
    say(f"page:  {place / 'index.html'}")


def _checked(folder: Path, file: Path, cost_share: float) -> float | None:
    """The cost share, None without; raises on what can be seen without reading any data."""
    if cost_share != -1 and not 0 <= cost_share < 1:
        raise ValueError(f"--cost-share {cost_share:g}: expected a share from 0 to below 1, such as 0.7")
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: no such folder; give the folder of a finished run")
    if not file.is_file():
        raise FileNotFoundError(f"--plan {file}: no such file")
    check_champion(folder)
    return None if cost_share == -1 else cost_share


def _name(text: str) -> str:
    if text == STATIC or not re.fullmatch(r"[\w][\w .-]*", text):
        raise ValueError(
            f"--name {text!r}: expected letters, digits, blanks, dots, - and _, beginning with a letter, and not "
            f"{STATIC!r}, which holds what all pages share"
        )
    return text
