"""A run: stale stages only, in the order of what they read and write, into one folder."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salesforecast_lib.files import resolve, write_text
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline.dependencies import library_hash
from salesforecast_lib.pipeline.engines.executor import build_options
from salesforecast_lib.pipeline.execute import StageError, execute
from salesforecast_lib.pipeline.runs.choice import check_inputs, chosen_stages
from salesforecast_lib.pipeline.runs.files import check_header, check_plan, content, reading_options
from salesforecast_lib.pipeline.runs.folder import STATE, locked, open_folder
from salesforecast_lib.pipeline.runs.progress import announced, notes, quiet_engine
from salesforecast_lib.pipeline.runs.record import begin, finish
from salesforecast_lib.pipeline.runs.shop import data_notes, keep_data
from salesforecast_lib.pipeline.stages import STAGES, Stage
from salesforecast_lib.pipeline.values import OWN_DATASETS, RULES
from salesforecast_lib.processes import allowed
from salesforecast_lib.production.distributed import Engine


@dataclass(frozen=True)
class RunResult:
    """Where a run lies, and what was done: ``executed`` and ``unchanged`` stages.

    ``waiting`` stages are stale, belong to the goal and were not asked for this time; ``left_out`` ones are stale and
    no part of the goal. ``notes`` say where the data are not what they were in the run before.
    """

    run_dir: Path
    executed: list[str]
    unchanged: list[str]
    waiting: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


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

    made_task: Callable[..., None] = pytask.task(
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
    if turn := _turn(stage):
        getattr(pytask.mark, turn)(made_task)
    return made_task


def _turn(stage: Stage) -> str:
    """When a stage begins among those that can: ``try_first`` if long or waited for, ``try_last`` if short."""
    waited_for = any({*other.reads, *other.may_read} & set(stage.writes) for other in STAGES)
    if waited_for or stage.length == "long":
        return "try_first"  # or the longest chain would begin last
    return "try_last" if stage.length == "short" else ""


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
            parts = name == "path" and place.is_dir()  # order lines or a panel in several Parquet files
            if not (parts or (place.is_file() if kind == "file" else place.is_dir())):
                raise settings.ParameterError(f"{name}={values[name]!r}: no such {kind} {place}")
            if kind == "file" and not parts and place.stat().st_size == 0:
                raise settings.ParameterError(f"{name}={values[name]!r}: {place} is empty; expected a header and rows")
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
    only: Sequence[str] = (),
    goal: str = "all",
    engine: Engine | None = None,
) -> RunResult:
    """Execute the stages that are stale; a stage is stale when its source, parameters, inputs or library changed.

    Parameters
    ----------
    from_stage, to_stage : run this stage and all after it again, stale or not; stop after this one. A prefix will do.
    jobs : stages at the same time, each in a process of its own; for a plan, the champion's models.
    verbose : 1 shows a live table, 0 nothing.
    command : what the user gave to begin this run; it is kept, and repeated where somebody has to finish it.
    lines : print a line when a stage starts and when it ends.
    only : these stages and no others; what they read has to be there.
    goal : what the run is for, "plan", "book" or "all"; it is finished when the stages that this needs are up to date.
    engine : whose workers execute the stages in place of ``jobs``; they see the run's folder under the same name.

    Raises
    ------
    ParameterError
        On a wrong stage or goal, a missing input, or a wrong number of jobs, before anything is written.
    FolderError
        When the folder cannot be used, or another run is at work in it.
    StageError
        When a cell fails; earlier stages are kept, so the same command goes on from there.
    """
    if jobs < 1:
        raise settings.ParameterError(f"jobs={jobs}: expected at least 1")
    choice = chosen_stages(stages, from_stage, to_stage, only, goal)
    folder = resolve(run_dir)
    if only:
        check_inputs(choice.wanted, folder, stages)
    from salesforecast_lib.pipeline.kernels import expect  # imported late: an error above need not wait for it

    with locked(folder):
        if not (folder / STATE / "data.json").is_file():
            keep_data(folder)
        begin(folder, values, command, goal)
        for stage in choice.again:
            (folder / "notebooks" / f"{stage.name}.ipynb").unlink(missing_ok=True)  # a missing product makes it stale

        _remove_what_is_old(choice.wanted, stages, folder, values)
        expect(len(choice.wanted))
        # the stages of a plan read each other's files, one after the other: models are fitted side by side instead
        models, at_once = (jobs, 1) if goal == "plan" else (1, jobs)
        with allowed(models):
            done = _build(choice.wanted, folder, values, verbose, lines, **build_options(engine, at_once))
        # what the goal leaves out is judged with all stages, the goal without them: it may read of theirs what is there
        waiting = _stale(choice.goal, folder, values) if choice.wanted != choice.goal else []
        aim = {stage.name for stage in choice.goal}
        beyond = _stale(stages, folder, values) if choice.goal != stages else []
        left_out = [name for name in beyond if name not in aim]
        found = tuple(data_notes(folder))
        if not waiting:
            keep_data(folder)
            finish(folder, left_out)
    return RunResult(
        folder, done.get("SUCCESS", []), done.get("SKIP_UNCHANGED", []), tuple(waiting), found, tuple(left_out)
    )


def _stale(stages: tuple[Stage, ...], folder: Path, values: Mapping[str, Any]) -> list[str]:
    """Names of the stages that a run of ``stages`` would execute."""
    return _build(stages, folder, values, dry_run=True).get("WOULD_BE_EXECUTED", [])


def _remove_what_is_old(
    wanted: tuple[Stage, ...], stages: tuple[Stage, ...], folder: Path, values: Mapping[str, Any]
) -> None:
    """Remove files that ``wanted`` may read, whose stages do not run now, and which are of an earlier run's data."""
    others = [stage for stage in stages if stage not in wanted]
    names = {name for stage in wanted for name in stage.may_read if (folder / name).is_file()}
    asked = [stage for stage in others if names & set(stage.writes)]
    if not asked:
        return
    stale = _stale(stages, folder, values)
    for name in (name for stage in asked if stage.name in stale for name in names & set(stage.writes)):
        (folder / name).unlink()


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
