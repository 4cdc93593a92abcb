"""What a run leaves about itself: its own command, and whether it got to its end."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from salesforecast_lib.files import finish_hint, run_record, write_json
from salesforecast_lib.pipeline.parameters import profile_file
from salesforecast_lib.pipeline.values import RULES


def program() -> list[str]:
    """How this command line was called, so that the same words work again from any folder."""
    if Path(sys.argv[0]).stem == "salesforecast":
        return ["salesforecast"] if "/" not in sys.argv[0] else [str(Path(sys.argv[0]).absolute())]
    return [sys.executable, "-m", "salesforecast_lib.pipeline.cli"]


def own_command(
    profile: str,
    assignments: Sequence[str],
    values: Mapping[str, Any],
    folder: Path,
    jobs: int = 1,
    book: bool = True,
    goal: str = "all",
) -> str:
    """The command that runs the same again, quoted for a shell, with whole paths: it works from any folder.

    Parameters
    ----------
    assignments : ``name=value`` as they were given.
    values : the checked values, whose files are whole paths.
    goal : what the run is for.
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
    words += ["--goal", goal] if goal != "all" else []
    return shlex.join(words)


def begin(folder: Path, values: Mapping[str, Any], command: str, goal: str = "all") -> None:
    """Note that a run with ``values`` for ``goal`` has begun and is not finished."""
    write_json(dict(values), folder / "parameters.json")
    began = datetime.now().strftime("%Y-%m-%d %H:%M:%S")
    kept = command or run_record(folder).get("command", "")
    write_json({"command": kept, "began": began, "finished": False, "goal": goal}, folder / "run.json")


def finish(folder: Path, left_out: Sequence[str] = ()) -> None:
    """Note that every stage of the run's goal is up to date; ``left_out`` are those beyond it that are not."""
    write_json({**run_record(folder), "finished": True, "left_out": list(left_out)}, folder / "run.json")


def goal_of(folder: Path) -> str:
    """What the last run in ``folder`` was for."""
    return str(run_record(folder).get("goal", "all"))


def left_out(folder: Path) -> list[str]:
    """Stages that the finished run in ``folder`` did not need: what lies there of them may be of an earlier run."""
    return list(run_record(folder).get("left_out", []))


def whole_command(folder: Path) -> str:
    """The command that runs what the goal of the run in ``folder`` left out, too."""
    words = shlex.split(finish_hint(folder)) if run_record(folder).get("command") else []
    if "--goal" not in words:
        return finish_hint(folder)
    place = words.index("--goal")
    return shlex.join([*words[:place], *words[place + 2 :]])


def unfinished(folder: Path) -> bool:
    """Whether the last run in ``folder`` stopped on its way: what lies there may be of an earlier one."""
    return run_record(folder).get("finished") is False
