"""A run: stale stages only, in the order of what they read and write, into one folder."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salesforecast_lib.files import resolve, write_text
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline.dependencies import library_hash
from salesforecast_lib.pipeline.execute import StageError, execute
from salesforecast_lib.pipeline.runs.files import check_header, check_plan, content, reading_options
from salesforecast_lib.pipeline.runs.folder import STATE, locked, open_folder
from salesforecast_lib.pipeline.runs.progress import announced, notes, quiet_engine
from salesforecast_lib.pipeline.runs.record import begin, finish
from salesforecast_lib.pipeline.runs.shop import data_notes, keep_data
from salesforecast_lib.pipeline.stages import STAGES, Stage
from salesforecast_lib.pipeline.values import OWN_DATASETS, RULES


@dataclass(frozen=True)
class RunResult:
    """Where a run lies, and what was done: ``executed`` and ``unchanged`` stages.

    ``waiting`` stages are stale and come after the last one asked for. ``notes`` say where the data are not what they
    were in the run before.
    """

    run_dir: Path
    executed: list[str]
    unchanged: list[str]
    waiting: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def _make_task(
    stage: Stage, run_dir: Path, values: dict[str, Any], files: dict[str, str], lines: bool, made: frozenset[str]
) -> Callable[..., None]:
    import pytask

    target, source, name = run_dir / "notebooks" / f"{stage.name}.ipynb", stage.source, stage.name
    found = [name for name in stage.may_read if name in made or (run_dir / name).is_file()]

    def task(inputs: list[Path], values: str, files: str, library: str, produces: list[Path]) -> None:
        with announced(name, lines):
            execute(inputs[0], produces[0], json.loads(values))
        if lines and name == STAGES[0].name:
            notes(data_notes(run_dir))  # as early as can be: somebody may want to stop and look at the file

    return pytask.task(
        name=stage.name,
        kwargs={
            # never an empty list: pytask takes those of several tasks for one and the same input, which then "changes"
            "inputs": [source, *(run_dir / name for name in (*stage.reads, *found))],
            "values": pytask.PythonNode(value=json.dumps(values, sort_keys=True), hash=True),
            "files": pytask.PythonNode(value=json.dumps(files, sort_keys=True), hash=True),
            "library": pytask.PythonNode(value=library_hash(source), hash=True),
            "produces": [target, *(run_dir / name for name in stage.writes)],
        },
    )(task)


def prepare_values(profile: str, assignments: Mapping[str, Any], stages: tuple[Stage, ...] = STAGES) -> dict[str, Any]:
    """Profile and command line together, checked; input files must exist. Nothing has run yet."""
    values = settings.check({**settings.load_profile(profile), **assignments}, stages)
    dataset = values.get("dataset", "complete_journey")
    if dataset in OWN_DATASETS and not values.get("path"):
        raise settings.ParameterError(f"dataset={dataset}: give your file with -p path=orders.csv")
    for name in (name for name in values if name in RULES and RULES[name].kind in ("file", "folder")):
        if values[name]:
            place = Path.cwd() / Path(values[name]).expanduser()
            kind = RULES[name].kind
            if not (place.is_file() if kind == "file" else place.is_dir()):
                raise settings.ParameterError(f"{name}={values[name]!r}: no such {kind} {place}")
            values[name] = str(place)
    if dataset in OWN_DATASETS:
        check_header(values)
    ignored = next((name for name in ("path", "columns") if dataset == "complete_journey" and values.get(name)), None)
    if ignored:
        raise settings.ParameterError(
            f"parameter {ignored}={values[ignored]!r}: dataset=complete_journey reads no file of yours; "
            "add --profile own_data"
        )
    if values.get("plan_file"):
        check_plan(values)
    if values.get("stock_file"):
        from salesforecast_lib.decisions.inventory.orders import read_stock

        read_stock(values["stock_file"], reading_options(values, "stock_columns"))
    return values


def chosen_stages(
    stages: tuple[Stage, ...], from_stage: str | None, to_stage: str | None
) -> tuple[int, tuple[Stage, ...]]:
    """Place of the stage to begin again with (behind the last for none), and the stages up to the last one asked for.

    Raises
    ------
    ParameterError
        When a name, or its beginning, is that of no stage or of several, or the first comes after the last.
    """
    names = [stage.name for stage in stages]

    def place(option: str, text: str) -> int:
        exact = [name for name in names if text in (name, name.split("_")[0])]
        matches = exact or [name for name in names if name.startswith(text)]
        if len(matches) != 1:
            raise settings.ParameterError(f"{option} {text!r}: expected the beginning of one of {', '.join(names)}")
        return names.index(matches[0])

    last = place("--to", to_stage) if to_stage else len(names) - 1
    first = place("--from", from_stage) if from_stage else len(names)
    if from_stage and first > last:
        raise settings.ParameterError(f"--from {names[first]} comes after --to {names[last]}: nothing would run")
    return first, stages[: last + 1]


def run(
    values: Mapping[str, Any],
    run_dir: str | Path,
    from_stage: str | None = None,
    jobs: int = 1,
    stages: tuple[Stage, ...] = STAGES,
    verbose: int = 1,
    to_stage: str | None = None,
    command: str = "",
    lines: bool = False,
) -> RunResult:
    """Execute the stages that are stale; a stage is stale when its source, parameters, inputs or library changed.

    Parameters
    ----------
    from_stage, to_stage : run this stage and all after it again, stale or not; stop after this one. A prefix will do.
    jobs : stages at the same time, each in a process of its own.
    verbose : 1 shows a live table, 0 nothing.
    command : what the user gave to begin this run; it is kept, and repeated where somebody has to finish it.
    lines : print a line when a stage starts and when it ends.

    Raises
    ------
    ParameterError
        On a wrong stage or number of jobs, before anything is written.
    FolderError
        When the folder cannot be used, or another run is at work in it.
    StageError
        When a cell fails; earlier stages are kept, so the same command goes on from there.
    """
    if jobs < 1:
        raise settings.ParameterError(f"jobs={jobs}: expected at least 1")
    first, wanted = chosen_stages(stages, from_stage, to_stage)
    folder = resolve(run_dir)
    with locked(folder):
        if not (folder / STATE / "data.json").is_file():
            keep_data(folder)
        begin(folder, values, command)
        for stage in wanted[first:]:
            (folder / "notebooks" / f"{stage.name}.ipynb").unlink(missing_ok=True)  # a missing product makes it stale

        done = _build(wanted, folder, values, verbose, lines, **({"n_workers": jobs} if jobs > 1 else {}))
        waiting: list[str] = []
        if len(wanted) < len(stages):
            waiting = _build(stages, folder, values, dry_run=True).get("WOULD_BE_EXECUTED", [])
        found = tuple(data_notes(folder))
        if not waiting:
            keep_data(folder)
            finish(folder)
    return RunResult(folder, done.get("SUCCESS", []), done.get("SKIP_UNCHANGED", []), tuple(waiting), found)


def _build(
    stages: tuple[Stage, ...],
    folder: Path,
    values: Mapping[str, Any],
    verbose: int = 0,
    lines: bool = False,
    **options: Any,
) -> dict[str, list[str]]:
    """Names of the stages by what the build engine did with them; raises StageError where one failed."""
    import pytask

    hashes = content(values)
    made = frozenset(name for stage in stages for name in stage.writes)
    tasks = []
    for stage in stages:
        own = settings.for_stage(stage, values)
        files = {name: hashes[name] for name in own if name in hashes}
        tasks.append(_make_task(stage, folder, {**own, "run_dir": str(folder)}, files, lines, made))
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # torch collapses when several threads meet other work
    # pytask keeps what it knows beside its configuration file: one for each run, or runs would make each other stale
    configuration = write_text("[tool.pytask.ini_options]\n", folder / STATE / "pytask.toml")
    with quiet_engine(verbose == 0):
        session = pytask.build(
            tasks=tasks,
            paths=(),
            config=configuration,
            verbose=verbose,
            capture="no" if lines else "fd",
            show_errors_immediately=False,
            show_traceback=False,
            **options,
        )
    done: dict[str, list[str]] = {}
    for report in session.execution_reports:
        done.setdefault(report.outcome.name, []).append(report.task.name.split("::")[-1])
        if report.outcome == pytask.TaskOutcome.FAIL:
            error = report.exc_info[1] if report.exc_info else None
            if isinstance(error, KeyboardInterrupt):
                raise StageError(f"{done['FAIL'][-1]}: interrupted; the same command goes on from there")
            raise error if isinstance(error, StageError) else StageError(f"{report.task.name}: {error!r}")
    if session.exit_code != 0:
        open_folder(folder)  # says so where the disk is full, or the folder went away
        raise StageError(f"the run stopped with exit code {int(session.exit_code)}")
    left = sorted({stage.name for stage in stages} - {name for names in done.values() for name in names})
    if left:  # with workers the engine ends an interrupted run as if all were well
        raise StageError(f"{left[0]}: interrupted; the same command goes on from there")
    return {outcome: sorted(names) for outcome, names in done.items()}
