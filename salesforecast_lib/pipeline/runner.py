"""A run: stale stages only, in the order of what they read and write, into one folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytask
from pytask import TaskOutcome

from salesforecast_lib.files import resolve, write_json, write_text
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline.dependencies import library_hash
from salesforecast_lib.pipeline.execute import StageError, execute
from salesforecast_lib.pipeline.stages import STAGES, Stage, stage_names


@dataclass(frozen=True)
class RunResult:
    """Where a run lies, and what was done: ``executed`` and ``unchanged`` stages."""

    run_dir: Path
    executed: list[str]
    unchanged: list[str]


def _make_task(stage: Stage, run_dir: Path, values: dict[str, Any], source: Path) -> Callable[..., None]:
    target = run_dir / "notebooks" / f"{stage.name}.ipynb"

    def task(inputs: list[Path], values: str, library: str, produces: list[Path]) -> None:
        execute(inputs[0], produces[0], json.loads(values))

    return pytask.task(
        name=stage.name,
        kwargs={
            # never an empty list: pytask takes those of several tasks for one and the same input, which then "changes"
            "inputs": [source, *(run_dir / name for name in stage.reads)],
            "values": pytask.PythonNode(value=json.dumps(values, sort_keys=True), hash=True),
            "library": pytask.PythonNode(value=library_hash(source), hash=True),
            "produces": [target, *(run_dir / name for name in stage.writes)],
        },
    )(task)


def prepare_values(profile: str, assignments: Mapping[str, Any], stages: tuple[Stage, ...] = STAGES) -> dict[str, Any]:
    """Profile and command line together, checked; input files must exist. Nothing has run yet."""
    values = settings.check({**settings.load_profile(profile), **assignments}, stages)
    dataset = values.get("dataset", "complete_journey")
    if dataset in ("own_data", "own_panel") and not values.get("path"):
        raise settings.ParameterError(f"dataset={dataset}: give your file with -p path=orders.csv")
    for name in ("path", "stock_file"):
        if values.get(name):
            file = Path(values[name]).expanduser()
            file = file if file.is_absolute() else Path.cwd() / file
            if not file.is_file():
                raise settings.ParameterError(f"{name}={values[name]!r}: no such file {file}")
            values[name] = str(file)
    if dataset == "own_data":
        from salesforecast_lib.data.reading import ReadOptions
        from salesforecast_lib.data.reading.orders import check_columns

        check_columns(values["path"], ReadOptions(columns=values.get("columns") or {}))
    if values.get("stock_file"):
        from salesforecast_lib.decisions.inventory.orders import read_stock

        read_stock(values["stock_file"])
    return values


def run(
    values: Mapping[str, Any],
    run_dir: str | Path,
    from_stage: str | None = None,
    jobs: int = 1,
    stages: tuple[Stage, ...] = STAGES,
    verbose: int = 1,
) -> RunResult:
    """Execute the stages that are stale; a stage is stale when its source, parameters, inputs or library changed.

    Parameters
    ----------
    from_stage : run this stage and all after it again, stale or not.
    jobs : stages at the same time, each in a process of its own.

    Raises
    ------
    StageError
        When a cell fails; earlier stages are kept, so the same command goes on from there.
    """
    folder = resolve(run_dir)
    folder.mkdir(parents=True, exist_ok=True)
    if jobs < 1:
        raise settings.ParameterError(f"jobs={jobs}: expected at least 1")
    if from_stage is not None:
        names = [stage.name for stage in stages]
        matches = [name for name in names if name == from_stage or name.startswith(from_stage)]
        if len(matches) != 1:
            raise settings.ParameterError(f"--from {from_stage!r}: expected one of {names or stage_names()}")
        for name in names[names.index(matches[0]) :]:
            (folder / "notebooks" / f"{name}.ipynb").unlink(missing_ok=True)  # a missing product makes it stale
    write_json(dict(values), folder / "parameters.json")
    tasks = [
        _make_task(stage, folder, {**settings.for_stage(stage, values), "run_dir": str(folder)}, stage.source)
        for stage in stages
    ]
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch collapses when several threads meet other work
    options: dict[str, Any] = {"n_workers": jobs} if jobs > 1 else {}
    # pytask keeps what it knows beside its configuration file: one for each run, or runs would make each other stale
    configuration = write_text("[tool.pytask.ini_options]\n", folder / ".state" / "pytask.toml")
    session = pytask.build(
        tasks=tasks,
        paths=(),
        config=configuration,
        verbose=verbose,
        show_errors_immediately=False,
        show_traceback=False,
        **options,
    )
    done: dict[TaskOutcome, list[str]] = {}
    for report in session.execution_reports:
        done.setdefault(report.outcome, []).append(report.task.name.split("::")[-1])
        if report.outcome == TaskOutcome.FAIL:
            error = report.exc_info[1] if report.exc_info else None
            raise error if isinstance(error, StageError) else StageError(f"{report.task.name}: {error!r}")
    if session.exit_code != 0:
        raise StageError(f"the run stopped with exit code {int(session.exit_code)}; see the messages above")
    return RunResult(folder, done.get(TaskOutcome.SUCCESS, []), done.get(TaskOutcome.SKIP_UNCHANGED, []))
