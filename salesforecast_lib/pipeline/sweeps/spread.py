"""The stages of a sweep on an engine: what no combination has yet is executed by its workers, each stage once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from salesforecast_lib.pipeline.execute import StageError
from salesforecast_lib.pipeline.runner import run
from salesforecast_lib.pipeline.runs.folder import locked
from salesforecast_lib.pipeline.runs.record import begin
from salesforecast_lib.pipeline.runs.shop import check_same_shop
from salesforecast_lib.pipeline.stages import STAGES, Stage
from salesforecast_lib.pipeline.sweeps import share
from salesforecast_lib.production.distributed import Engine


def run_on(
    engine: Engine,
    place: Path,
    tried: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    wanted: Sequence[Stage],
    command: Callable[[Mapping[str, Any], Mapping[str, Any], Path], str],
    stages: tuple[Stage, ...] = STAGES,
) -> dict[Path, str]:
    """Execute the stages of all combinations, one stage after the other and its combinations side by side.

    A combination whose stage fails goes no further, and all others do. `share.run_sweep` finds what was done here.

    Returns
    -------
    Folders of the combinations that failed, with the reason.
    """
    code, failed = share.code_hashes(stages), dict[Path, str]()
    combos: list[tuple[Path, Mapping[str, Any], dict[str, str], str]] = []
    with locked(place):
        for combination, values in tried:
            folder = share.place_of(place, combination)
            check_same_shop(folder, values, "give another --name")
            text = command(combination, values, folder)
            with locked(folder):
                begin(folder, values, text)
                share.remember(folder, combination)
            combos.append((folder, values, share.stage_keys(values, code, wanted), text))
        for stage in wanted:
            first: dict[str, tuple[Path, Mapping[str, Any], str]] = {}
            alive = [each for each in combos if each[0] not in failed]
            for folder, values, keys, text in alive:
                if keys[stage.name] not in first and share.shared(folder, [stage], keys):
                    first[keys[stage.name]] = folder, values, text
            tasks = [(*told, stage.name, key) for key, told in first.items()]
            done = engine.run_tasks(_stage, tasks, [[task[0].name] for task in tasks], (stages,))
            reasons = {task[-1]: said for task, said in zip(tasks, done.values, strict=True) if said}
            reasons |= {tasks[failure.place][-1]: failure.reason for failure in done.failures}
            for folder, _, keys, _ in alive:
                if keys[stage.name] in reasons:
                    failed[folder] = reasons[keys[stage.name]]
                else:
                    share.shared(folder, [stage], keys)
    return failed


def _stage(task: tuple[Path, Mapping[str, Any], str, str, str], stages: tuple[Stage, ...]) -> str:
    """Execute one stage of a combination; the reason where it failed, for it would fail again."""
    folder, values, text, name, key = task
    try:
        run(values, folder, stages=stages, only=[name], command=text, verbose=0)
    except StageError as error:
        return str(error)
    share.note(folder, [stage for stage in stages if stage.name == name], {name: key})
    return ""
