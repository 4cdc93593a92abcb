"""Which stages of a run are asked for: a goal, a part of its way, or single ones."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salesforecast_lib.pipeline.stages import STAGES, Stage
from salesforecast_lib.pipeline.values import ParameterError

GOALS = ("plan", "book", "all")
PLAN = "replenishment.csv"  # what the goal ``plan`` is to write
# What a goal sets unless the command line says otherwise: a plan does without what is measured for readers only.
GOAL_VALUES: dict[str, dict[str, Any]] = {"plan": {"ablation_seeds": 0, "whatif_markets": 0}}


@dataclass(frozen=True)
class Choice:
    """Stages of a run by what is asked of them.

    ``goal`` : those after which the run is finished. ``wanted`` : those that may run now. ``again`` : those of them
    that run even where they are up to date.
    """

    goal: tuple[Stage, ...]
    wanted: tuple[Stage, ...]
    again: tuple[Stage, ...] = ()


def _with_ancestors(last: Iterable[Stage], stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """``last`` and every stage whose files they have to read, directly or through others, in the order of a run."""
    writer = {file: stage for stage in stages for file in stage.writes}
    found: set[str] = set()
    waiting = list(last)
    while waiting:
        stage = waiting.pop()
        if stage.name not in found:
            found.add(stage.name)
            waiting += [writer[file] for file in stage.reads if file in writer]
    return tuple(stage for stage in stages if stage.name in found)


def goal_stages(goal: str, stages: tuple[Stage, ...] = STAGES) -> tuple[Stage, ...]:
    """Stages that a goal needs and no others.

    ``plan``: the stock plan and what it has to read. ``book``: every stage that has to do with this run's data; those
    that read nothing of it say the same in every book, which takes them as they are published. ``all``: all of them.

    Raises
    ------
    ParameterError
        When there is no such goal.
    """
    if goal not in GOALS:
        raise ParameterError(f"--goal {goal!r}: expected one of {', '.join(GOALS)}")
    if goal == "all":
        return stages
    if goal == "plan":
        return _with_ancestors((stage for stage in stages if PLAN in stage.writes), stages)
    read = {file for stage in stages for file in stage.reads}
    return tuple(stage for stage in stages if stage.reads or read & set(stage.writes))


def _place(option: str, text: str, names: Sequence[str]) -> int:
    exact = [name for name in names if text in (name, name.split("_")[0])]  # 06 is not 06b
    matches = exact or [name for name in names if name.startswith(text)]
    if not text or len(matches) != 1:
        raise ParameterError(f"{option} {text!r}: expected the beginning of one of {', '.join(names)}")
    return names.index(matches[0])


def chosen_stages(
    stages: tuple[Stage, ...] = STAGES,
    from_stage: str | None = None,
    to_stage: str | None = None,
    only: Sequence[str] = (),
    goal: str = "all",
) -> Choice:
    """The stages that were asked for; the beginning of a stage's name is enough.

    Parameters
    ----------
    from_stage, to_stage : run this stage and those after it again; stop after this one.
    only : these stages and no others, each a name or several with commas between them.
    goal : what the run is for, one of `GOALS`.

    Raises
    ------
    ParameterError
        When a name is that of no stage or of several, the first comes after the last, or ``only`` stands beside one
        of the other two.
    """
    aim = goal_stages(goal, stages)
    if only:
        if from_stage or to_stage:
            other = "--from" if from_stage else "--to"
            raise ParameterError(f"--only and {other} cannot be given together; name every stage to run with --only")
        names = [stage.name for stage in stages]
        places = {_place("--only", part.strip(), names) for text in only for part in text.split(",")}
        return Choice(aim, tuple(stages[place] for place in sorted(places)))
    names = [stage.name for stage in aim]
    last = _place("--to", to_stage, names) if to_stage else len(names) - 1
    first = _place("--from", from_stage, names) if from_stage else len(names)
    if from_stage and first > last:
        raise ParameterError(f"--from {names[first]} comes after --to {names[last]}: nothing would run")
    return Choice(aim, aim[: last + 1], aim[first : last + 1])


def check_inputs(wanted: Sequence[Stage], folder: Path, stages: Sequence[Stage] = STAGES) -> None:
    """Refuse stages that have to read a file which is not in ``folder`` and which none of ``wanted`` writes.

    Raises
    ------
    ParameterError
        Naming the file, the stage that writes it, and what to ask for instead.
    """
    written = {file for stage in wanted for file in stage.writes}
    writer = {file: stage for stage in stages for file in stage.writes}
    for stage in wanted:
        for file in stage.reads:
            if file in written or (folder / file).is_file():
                continue
            needed = _with_ancestors(wanted, stages)
            lacking = [
                other.name
                for other in needed
                if other in wanted or not all((folder / name).is_file() for name in other.writes)
            ]
            raise ParameterError(
                f"--only {stage.name}: {folder / file} is not there; {writer[file].name} writes it: "
                f"say --only {','.join(lacking)}"
            )
