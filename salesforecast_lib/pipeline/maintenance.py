"""Commands for those who keep the book: sweeps, the published book, reference numbers and tolerances."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Annotated

import typer

from salesforecast_lib.files import finish_hint, project_root, read_json, resolve, write_csv
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline import runs
from salesforecast_lib.pipeline.book import build_book
from salesforecast_lib.pipeline.runner import prepare_values, run
from salesforecast_lib.pipeline.runs.messages import ERRORS, console, shown, stop

maintenance = typer.Typer()


@maintenance.command()
def sweep(
    grid: str,
    profile: str = "default",
    jobs: int = 1,
    name: Annotated[str, typer.Option(help="folder under runs/")] = "sweep",
) -> None:
    """Run the product of the parameter lists in GRID.yml and collect metrics.json into one table."""
    import pandas as pd

    place = resolve(f"runs/{name}")
    try:
        lists = settings.read_values(Path(grid))
        bad = [key for key, value in lists.items() if not isinstance(value, list) or not value]
        if bad:
            raise settings.ParameterError(f"{grid}: {bad}: expected a list of values for each parameter")
        combinations = [dict(zip(lists, values, strict=True)) for values in itertools.product(*lists.values())]
        checked = [prepare_values(profile, combination) for combination in combinations]
        rows = []
        for number, (combination, values) in enumerate(zip(combinations, checked, strict=True)):
            folder = resolve(f"runs/{name}/{number:03d}")
            runs.check_same_shop(folder, values, "give another --name")
            given = [f"{key}={json.dumps(value)}" for key, value in combination.items()]
            command = runs.own_command(profile, given, values, folder, jobs, book=False)
            run(values, folder, jobs=jobs, command=command, **shown())
            for model, metrics in read_json(folder / "metrics.json")["models"].items():
                rows.append({"run": folder.name, **combination, "model": model, **metrics})
        table = pd.DataFrame(rows).sort_values("wape", kind="stable")
        place = write_csv(table, f"runs/{name}/sweep.csv")
    except ERRORS as error:
        raise stop(error, place) from None
    console.print(
        table[["run", *lists, "model", "wape", "scaled_quantile_loss"]].round(4).to_string(index=False), highlight=False
    )
    console.print(f"table: {place}", soft_wrap=True)


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
    from salesforecast_lib.pipeline.publish import publish

    try:
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
    from salesforecast_lib.pipeline.publish import store_reference, write_pages

    folder = Path(run_dir).resolve()
    try:
        store_reference(folder, read_json(folder / "panel.json")["dataset"])
        write_pages()
    except FileNotFoundError as error:
        raise stop(FileNotFoundError(
            f"{error.filename}: no such file; finish the run first: {finish_hint(folder)}")) from None
    console.print(f"findings: {project_root() / 'book' / 'findings.md'}", soft_wrap=True)
