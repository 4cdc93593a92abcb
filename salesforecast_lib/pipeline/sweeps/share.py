"""One run folder a combination; what a stage wrote for one is copied to all that it cannot tell from it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from salesforecast_lib.files import atomically, read_json, write_json
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline.dependencies import library_hash
from salesforecast_lib.pipeline.runner import run
from salesforecast_lib.pipeline.runs.files import content
from salesforecast_lib.pipeline.runs.folder import STATE, locked
from salesforecast_lib.pipeline.runs.record import begin, finish
from salesforecast_lib.pipeline.runs.shop import check_same_shop
from salesforecast_lib.pipeline.stages import STAGES, Stage
from salesforecast_lib.pipeline.sweeps.metric import Metric

_RECORD = f"{STATE}/sweep.json"  # in a combination's folder: its parameters, and the key of each finished stage


def code_hashes(stages: Sequence[Stage] = STAGES) -> dict[str, str]:
    """Hash of each stage's source and of what it imports from the library; by name."""
    return {
        stage.name: hashlib.sha256(stage.source.read_bytes() + library_hash(stage.source).encode()).hexdigest()
        for stage in stages
    }


def stage_keys(values: Mapping[str, Any], code: Mapping[str, str], stages: Sequence[Stage] = STAGES) -> dict[str, str]:
    """Digest of all that a stage's result rests on: its code, parameters and files, and those of what it reads from.

    Two combinations in which a stage has the same key give the same result there.
    """
    hashes, writer = content(values), {file: stage.name for stage in stages for file in stage.writes}
    keys: dict[str, str] = {}
    for stage in stages:
        own = settings.for_stage(stage, values)
        files = {name: hashes[name] for name in own if name in hashes}
        before = [keys[name] for name in sorted({writer[file] for file in _read(stage) if file in writer})]
        text = json.dumps([stage.name, code[stage.name], own, files, before], sort_keys=True, default=str)
        keys[stage.name] = hashlib.sha256(text.encode()).hexdigest()
    return keys


def _read(stage: Stage) -> tuple[str, ...]:
    """Files that a stage reads, also those that it can do without."""
    return (*stage.reads, *stage.may_read)


def _record(folder: Path) -> dict[str, Any]:
    return read_json(folder / _RECORD) if (folder / _RECORD).is_file() else {}


def _products(stage: Stage) -> tuple[str, ...]:
    return (f"notebooks/{stage.name}.ipynb", *stage.writes)


def _holds(folder: Path, stage: Stage, key: str) -> bool:
    """Whether ``folder`` has the whole result of ``stage`` under ``key``."""
    known = _record(folder).get("stages", {}).get(stage.name, {})
    return known.get("key") == key and all((folder / name).is_file() for name in _products(stage))


def place_of(place: Path, combination: Mapping[str, Any]) -> Path:
    """Folder of a combination below ``place``: the one it has, or the next free number."""
    folders = sorted(folder for folder in place.glob("[0-9]*") if folder.is_dir())
    for folder in folders:
        if _record(folder).get("combination") == json.loads(json.dumps(combination, default=str)):
            return folder
    number = max((int(folder.name) for folder in folders if folder.name.isdigit()), default=-1) + 1
    return place / f"{number:03d}"


def remember(folder: Path, combination: Mapping[str, Any]) -> None:
    """Note which combination a folder belongs to."""
    write_json({**_record(folder), "combination": dict(combination)}, folder / _RECORD)


def shared(folder: Path, wanted: Sequence[Stage], keys: Mapping[str, str]) -> list[Stage]:
    """Copy what other folders of the sweep have under the same keys; returns the stages that nobody has."""
    others = [other for other in sorted(folder.parent.glob("[0-9]*")) if other != folder]
    left = []
    for stage in wanted:
        if _holds(folder, stage, keys[stage.name]):
            continue
        giver = next((other for other in others if _holds(other, stage, keys[stage.name])), None)
        if giver is None:
            left.append(stage)
            continue
        for name in _products(stage):
            atomically(folder / name, partial(shutil.copyfile, giver / name))
        note(folder, [stage], keys, giver.name)
    return left


def note(folder: Path, stages: Sequence[Stage], keys: Mapping[str, str], giver: str = "") -> None:
    """Note that ``folder`` has the results of ``stages``, made there or copied from ``giver``."""
    record = _record(folder)
    known = record.setdefault("stages", {})
    known.update({stage.name: {"key": keys[stage.name], "from": giver} for stage in stages})
    write_json(record, folder / _RECORD)


def run_sweep(
    place: Path,
    tried: Sequence[tuple[Mapping[str, Any], Mapping[str, Any]]],
    wanted: Sequence[Stage],
    metric: Metric,
    command: Callable[[Mapping[str, Any], Mapping[str, Any], Path], str],
    jobs: int = 1,
    stages: tuple[Stage, ...] = STAGES,
    skip: Collection[Path] = (),
    **shown: Any,
) -> list[dict[str, Any]]:
    """Run every combination below ``place``, each stage once for all that it cannot tell apart.

    What is finished stays when the process is killed: the same call goes on from there.

    Parameters
    ----------
    tried : for each combination its parameters, and all values of its run.
    wanted : the stages to run, in the order of a run.
    metric : what is compared.
    command : from parameters, values and folder the command that runs a combination alone.
    skip : folders of combinations that are left out, since they failed before.
    shown : how progress is shown, as `run` takes it.

    Returns
    -------
    Rows with the combination's folder, its parameters, ``seconds`` of all its stages and ``shared`` seconds of those
    that another combination had run, and the metric.
    """
    code, rows = code_hashes(stages), []
    with locked(place):
        for combination, values in tried:
            folder = place_of(place, combination)
            if folder in skip:
                continue
            check_same_shop(folder, values, "give another --name")
            begin_text = command(combination, values, folder)
            todo = partial(run, values, folder, jobs=jobs, stages=stages, command=begin_text, **shown)
            with locked(folder):
                begin(folder, values, begin_text)
                _run_one(folder, combination, wanted, stage_keys(values, code, wanted), todo)
                finish(folder, [stage.name for stage in stages if stage not in wanted])
            seconds, shared = _seconds(folder, wanted)
            for row in metric.rows(folder):
                rows.append({"run": folder.name, **combination, "seconds": seconds, "shared": shared, **row})
    return rows


def _run_one(
    folder: Path,
    combination: Mapping[str, Any],
    wanted: Sequence[Stage],
    keys: Mapping[str, str],
    todo: Callable[..., object],
) -> None:
    remember(folder, combination)
    left = shared(folder, wanted, keys)
    if left:
        todo(only=[stage.name for stage in left])  # after a kill those of them that are done are up to date
        note(folder, left, keys)


def _seconds(folder: Path, wanted: Sequence[Stage]) -> tuple[float, float]:
    """Seconds of all stages of a combination, and of those whose result came from another one."""
    known, seconds = _record(folder)["stages"], {}
    for stage in wanted:
        notebook = read_json(folder / "notebooks" / f"{stage.name}.ipynb")
        seconds[stage.name] = float(notebook["metadata"]["papermill"]["duration"])
    shared = sum(value for name, value in seconds.items() if known[name]["from"])
    return round(sum(seconds.values()), 1), round(shared, 1)
