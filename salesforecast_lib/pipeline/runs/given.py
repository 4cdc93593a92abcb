"""What a user names on the command line, looked at before anything is imported that takes seconds."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from salesforecast_lib.files import finish_hint, run_record
from salesforecast_lib.pipeline.runs.choice import PLAN
from salesforecast_lib.pipeline.runs.record import unfinished
from salesforecast_lib.pipeline.values import ParameterError

CHAMPION_STAGE = "06b_champion"  # the stage that stores the champion


def make_again(folder: Path, stage: str) -> str:
    """What to do where a file of a run is missing: its own command, from the stage that writes it."""
    command = run_record(folder).get("command") or f"salesforecast run --run-dir {shlex.quote(str(folder))}"
    return f"make it with: {command} --from {stage}"


def check_champion(folder: Path) -> None:
    """Raise FileNotFoundError where a run has stored no champion."""
    if not (folder / "champion" / "champion.json").is_file():
        advice = make_again(folder, CHAMPION_STAGE)
        raise FileNotFoundError(f"{folder / 'champion'}: this run has stored no champion; {advice}")


def given_file(file: str, option: str = "") -> Path:
    """Whole path of a file with something in it; raises ParameterError that names ``option`` and the file."""
    path = Path.cwd() / Path(file).expanduser()
    said = f"{option} {file!r}: no such file {path}" if option else f"{path}: no such file"
    if not path.is_file():
        raise ParameterError(f"{said}; give the path of a .csv, .parquet or .xlsx file")
    if path.stat().st_size == 0:
        raise ParameterError(f"{path}: the file is empty; expected a header line and rows")
    return path


def profile_place(name: str, force: bool) -> Path:
    """Whole path of the profile to write; raises ParameterError when it cannot or must not be written."""
    place = Path(name).expanduser()
    place = place if place.suffix in (".yml", ".yaml") else place.with_name(f"{place.name}.yml")
    place = Path.cwd() / place
    if not place.parent.is_dir():
        raise ParameterError(f"{place.parent}: no such folder; make it, or give another name for the profile")
    if place.exists() and not force:
        raise ParameterError(f"{place}: exists; give another name, or --force to write over it")
    return place


def parse_pairs(pairs: Iterable[str]) -> dict[str, str]:
    """``our=theirs`` pairs as a column map; theirs may hold any sign, = too, and is empty where there is no column."""
    columns = {}
    for text in pairs:
        ours, sign, theirs = text.partition("=")
        if not sign or not ours.strip():
            raise ParameterError(f"--column {text!r}: expected our=theirs, such as quantity=Qty")
        columns[ours.strip()] = theirs.strip()
    return columns


def newest_run(runs: Path) -> Path:
    """The run that finished last: the newest ``replenishment.csv`` below ``runs``; raises FileNotFoundError."""
    found = sorted(runs.glob(f"*/{PLAN}"), key=lambda file: file.stat().st_mtime)
    if not found:
        raise FileNotFoundError(
            f"{runs}: no finished run below it; give the folder of yours, salesforecast decide FOLDER, or begin one: "
            "salesforecast run --profile own_data -p path=orders.csv --run-dir FOLDER"
        )
    return found[-1].parent


def check_finished(folder: Path) -> None:
    """Raise where ``folder`` holds no finished run with a plan, naming the command that finishes it."""
    if unfinished(folder):
        raise ValueError(
            f"{folder}: the last run did not get to its end, so the decisions there are none or of an earlier "
            f"run; finish it first: {finish_hint(folder)}"
        )
    if not (folder / PLAN).is_file():
        raise FileNotFoundError(f"{folder / PLAN}: not there; finish the run first: {finish_hint(folder)}")
