"""What a run leaves about itself: its own command, and whether it got to its end."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from salesforecast_lib.files import run_record, write_json
from salesforecast_lib.pipeline.parameters import profile_file
from salesforecast_lib.pipeline.values import RULES


def program() -> list[str]:
    """How this command line was called, so that the same words work again from any folder."""
    if Path(sys.argv[0]).stem == "salesforecast":
        return ["salesforecast"] if "/" not in sys.argv[0] else [str(Path(sys.argv[0]).absolute())]
    return [sys.executable, "-m", "salesforecast_lib.pipeline.cli"]


def own_command(
    profile: str, assignments: Sequence[str], values: Mapping[str, Any], folder: Path, jobs: int = 1, book: bool = True
) -> str:
    """The command that runs the same again, quoted for a shell, with whole paths: it works from any folder.

    Parameters
    ----------
    assignments : ``name=value`` as they were given.
    values : the checked values, whose files are whole paths.
    """
    words = [*program(), "run", "--profile"]
    words.append(str(profile_file(profile).absolute()) if profile.endswith((".yml", ".yaml")) else profile)
    given = dict(text.partition("=")[::2] for text in assignments)
    files = {name for name in values if name in RULES and RULES[name].kind in ("file", "folder") and values[name]}
    if profile.endswith((".yml", ".yaml")):
        given.update({name: values[name] for name in files if name not in given})  # relative to where the run began
    for name, value in given.items():
        words += ["-p", f"{name}={values[name.strip()] if name.strip() in files else value}"]
    words += ["--run-dir", str(folder)]
    words += ["--jobs", str(jobs)] if jobs != 1 else []
    words += [] if book else ["--no-book"]
    return shlex.join(words)


def begin(folder: Path, values: Mapping[str, Any], command: str) -> None:
    """Note that a run with ``values`` has begun and is not finished."""
    write_json(dict(values), folder / "parameters.json")
    began = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    kept = command or run_record(folder).get("command", "")
    write_json({"command": kept, "began": began, "finished": False}, folder / "run.json")


def finish(folder: Path) -> None:
    """Note that every stage of the run is up to date."""
    write_json({**run_record(folder), "finished": True}, folder / "run.json")


def unfinished(folder: Path) -> bool:
    """Whether the last run in ``folder`` stopped on its way: what lies there may be of an earlier one."""
    return run_record(folder).get("finished") is False
