"""Commands for those who keep the book: sweeps, the published book, reference numbers and tolerances."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from salesforecast_lib.files import finish_hint, project_root, read_json, resolve
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline import runs, sweeps
from salesforecast_lib.pipeline.book import build_book
from salesforecast_lib.pipeline.engines import EngineName, Scheduler, asked_for_jobs, open_for_jobs
from salesforecast_lib.pipeline.execute import StageError
from salesforecast_lib.pipeline.runner import prepare_values
from salesforecast_lib.pipeline.runs.choice import check_inputs, chosen_stages
from salesforecast_lib.pipeline.runs.messages import ERRORS, console, say, shown, stop
from salesforecast_lib.pipeline.stages import STAGES

maintenance = typer.Typer()


@maintenance.command()
def sweep(
    grid: str,
    profile: Annotated[str, typer.Option(help="book/profiles/NAME.yml, or a YAML file")] = "default",
    parameter: Annotated[
        list[str], typer.Option("-p", "--parameter", help="name=value, the same in all; may be repeated")
    ] = [],  # noqa: B006  (typer copies it)
    to_stage: Annotated[str, typer.Option("--to", help="stop after this stage")] = "",
    only: Annotated[list[str], typer.Option(help="these stages and no others: 01,04; may be repeated")] = [],  # noqa: B006
    goal: Annotated[str, typer.Option(help="plan, book or all")] = "all",
    metric: Annotated[str, typer.Option(help="FILE:NAME.NAME of a report, such as metrics.json:models.*.wape")] = "",
    jobs: Annotated[int, typer.Option(help="stages at the same time")] = 1,
    name: Annotated[str, typer.Option(help="folder under runs/")] = "sweep",
    engine: EngineName = "local",
    scheduler: Scheduler = "",
) -> None:
    """Run the product of the parameter lists in GRID.yml and compare a metric; each stage runs once where it can.

    With --engine dask combinations run side by side; where some fail it ends with 2, and the table has the others.
    """
    place = resolve(f"runs/{name}")
    try:
        if jobs < 1:
            raise settings.ParameterError(f"jobs={jobs}: expected at least 1")
        asked = asked_for_jobs(engine, scheduler, jobs)
        given = settings.parse_assignments(parameter)
        lists = sweeps.read_grid(Path(grid), list(given))
        wanted = chosen_stages(STAGES, None, to_stage or None, only, goal).wanted
        chosen = sweeps.choose_metric(metric, wanted)
        check_inputs(wanted, place / "000")  # every folder begins empty
        tried = sweeps.combinations(lists)
        checked = [prepare_values(profile, {**given, **combination}) for combination in tried]

        def command(combination: Mapping[str, Any], values: Mapping[str, Any], folder: Path) -> str:
            said = [*parameter, *(f"{key}={json.dumps(value)}" for key, value in combination.items())]
            return runs.own_command(profile, said, values, folder, jobs, book=False)

        told = list(zip(tried, checked, strict=True))
        with open_for_jobs(asked) as doing:
            failed = sweeps.run_on(doing, place, told, wanted, command) if doing else {}
        for combination, reason in failed.items():
            say(f"failed: {combination}: {reason}")
        if len(failed) == len(told):
            raise StageError("no combination could be run")
        rows = sweeps.run_sweep(place, told, wanted, chosen, command, jobs, skip=list(failed), **shown())
        table = sweeps.write_sweep(rows, list(lists), chosen.name, place)
    except ERRORS as error:
        raise stop(error, place) from None
    say(table)
    say(f"table: {place / 'sweep.csv'}")
    say(f"figure: {place / 'sweep.png'}")
    if failed:
        raise typer.Exit(2)


@maintenance.command("book")
def book_command(target: str = "_build/html") -> None:
    """Build the HTML book from the committed notebooks."""
    place = resolve(target)
    try:
        runs.open_folder(place.parent)
        index = build_book(project_root() / "notebooks", place)
    except ERRORS as error:
        raise stop(error, place) from None
    console.print(f"book: {index}", soft_wrap=True)


@maintenance.command()
def refresh(from_stage: Annotated[str, typer.Option("--from", help="first stage to execute again")] = "") -> None:
    """Execute the sources under the default profile and store the published notebooks and reference numbers."""
    try:
        chosen_stages(STAGES, from_stage or None)
        from salesforecast_lib.pipeline.publish import publish  # seconds, which a wrong name need not wait for

        publish(from_stage or None)
    except ERRORS as error:
        raise stop(error) from None


@maintenance.command("tolerances")
def tolerances_command(
    seeds: Annotated[str, typer.Option(help="seeds of the runs")] = "0,1",
    processors: Annotated[str, typer.Option(help="settings that stand for processors")] = "native,avx2,default",
    jobs: Annotated[int, typer.Option(help="runs at the same time")] = 2,
) -> None:
    """Measure how far published numbers move between processors and store it as the tests' tolerances (an hour)."""
    from salesforecast_lib.pipeline.tolerances import PROCESSORS, measure

    names = [name.strip() for name in processors.split(",")]
    try:
        unknown = [name for name in names if name not in PROCESSORS]
        if unknown or len(names) < 2:
            raise ValueError(f"--processors {processors!r}: expected at least two of {', '.join(PROCESSORS)}")
        if not all(seed.strip().isdigit() for seed in seeds.split(",")):
            raise ValueError(f"--seeds {seeds!r}: expected whole numbers such as 0,1")
        loose = measure([int(seed) for seed in seeds.split(",")], names, jobs)
    except ERRORS as error:
        raise stop(error) from None
    for cell in loose:
        console.print(f"checked text differs between processors: {cell}", highlight=False, markup=False)
    if loose:
        raise stop(ValueError(f"{len(loose)} checked cells print digits that do not hold: round them, or say less"))


@maintenance.command("findings")
def findings_command(
    run_dir: Annotated[str, typer.Argument(help="folder of a finished run of a published data set")],
) -> None:
    """Store a run's key numbers under its data set and write the findings page anew."""
    folder = Path(run_dir).resolve()
    try:
        dataset = read_json(folder / "panel.json")["dataset"]
        for name in ("metrics.json", "inventory.json"):
            read_json(folder / name)  # raises before what takes seconds is imported
        from salesforecast_lib.pipeline.publish import store_reference, write_pages

        store_reference(folder, dataset)
        write_pages()
    except FileNotFoundError as error:
        raise stop(
            FileNotFoundError(f"{error.filename}: no such file; finish the run first: {finish_hint(folder)}")
        ) from None
    console.print(f"findings: {project_root() / 'book' / 'findings.md'}", soft_wrap=True)
