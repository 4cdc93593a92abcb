"""Command line: ``salesforecast init``, ``run``, ``decide``, ``check-data``, ``stages``, ``sweep``, ``book``, …"""

from __future__ import annotations

import itertools
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
import yaml
from rich.console import Console
from rich.table import Table

from salesforecast_lib.files import project_root, read_json, resolve, write_csv, write_text
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline.book import BookError, build_book
from salesforecast_lib.pipeline.execute import StageError
from salesforecast_lib.pipeline.pages import run_pages
from salesforecast_lib.pipeline.runner import prepare_values, run
from salesforecast_lib.pipeline.stages import STAGES, graph

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="From order lines to forecasts, a replenishment plan and a book about your shop.",
)
console = Console()
Assignments = Annotated[list[str], typer.Option("-p", "--parameter", help="name=value, may be repeated")]


def _stop(error: Exception) -> typer.Exit:
    Console(stderr=True).print(f"error: {error}", style="bold red", markup=False, highlight=False)
    return typer.Exit(1)


def _build_run_book(folder: Path) -> Path:
    return build_book(folder / "notebooks", folder / "html", f"Sales forecasting - {folder.name}", run_pages(folder))


@app.command("run")
def run_command(
    profile: Annotated[str, typer.Option(help="book/profiles/NAME.yml, or a YAML file")] = "default",
    run_dir: Annotated[str, typer.Option(help="folder of the run; default runs/PROFILE")] = "",
    parameter: Assignments = [],  # noqa: B006  (typer copies it)
    from_stage: Annotated[str, typer.Option("--from", help="run this stage and those after it again")] = "",
    jobs: Annotated[int, typer.Option(help="stages at the same time")] = 1,
    book: Annotated[bool, typer.Option(help="build the run's HTML book")] = True,
) -> None:
    """Execute the notebooks into a run folder, stale stages only, and build its book."""
    try:
        values = prepare_values(profile, settings.parse_assignments(parameter))
        folder = Path(run_dir or f"runs/{Path(profile).stem}")
        folder = folder if run_dir and folder.is_absolute() else (Path.cwd() if run_dir else project_root()) / folder
        result = run(values, folder, from_stage or None, jobs)
        if book:
            console.print("building the book …")
            _build_run_book(folder)
    except (settings.ParameterError, StageError, BookError, ValueError, FileNotFoundError) as error:
        raise _stop(error) from None
    console.print(f"executed: {', '.join(result.executed) or 'nothing'}")
    console.print(f"unchanged: {', '.join(result.unchanged) or 'nothing'}")
    places = {"book": "html/index.html", "forecasts": "forecasts.parquet", "replenishment plan": "replenishment.csv"}
    for name, file in places.items():
        if (folder / file).exists():
            console.print(f"{name + ':':20s}{folder / file}", soft_wrap=True, highlight=False)


@app.command()
def decide(
    run_dir: Annotated[str, typer.Argument(help="folder of a finished run; default: the newest below runs/")] = "",
    book: Annotated[bool, typer.Option(help="build the run's HTML book anew, with its page of decisions")] = True,
) -> None:
    """Write the newest run's decisions (stock, prices, promotions, alerts) to decisions.xlsx and a page of its book."""
    from salesforecast_lib.decisions.workbook.excel import write_workbook
    from salesforecast_lib.decisions.workbook.sheets import decision_sheets, newest_run

    try:
        folder = Path(run_dir).resolve() if run_dir else newest_run(project_root() / "runs")
        sheets = decision_sheets(folder)
        target = write_workbook(sheets, folder / "decisions.xlsx")
        if book:
            _build_run_book(folder)
    except (BookError, ValueError, FileNotFoundError) as error:
        raise _stop(error) from None
    for sheet in sheets:
        console.print(f"{sheet.name + ':':15s}{sheet.note}", highlight=False, markup=False)
    console.print(f"workbook:      {target}", soft_wrap=True, highlight=False, markup=False)
    if book:
        page = folder / "html" / "book" / "decisions.html"
        console.print(f"page:          {page}", soft_wrap=True, highlight=False, markup=False)


@app.command("check-data")
def check_data(
    file: str,
    kind: Annotated[str, typer.Option(help="orders, panel, stock or plan")] = "orders",
    columns: Annotated[list[str], typer.Option(help="quantity=Qty,unit_price=Price,…")] = [],  # noqa: B006
    timezone: Annotated[str, typer.Option(help="of the shop, such as Europe/Berlin")] = "",
    decimal: Annotated[str, typer.Option(help="decimal mark, . or ,")] = "",
    thousands: Annotated[str, typer.Option(help="mark of thousands")] = "",
    date_order: Annotated[str, typer.Option(help="dmy, mdy or ymd")] = "",
    encoding: Annotated[str, typer.Option(help="such as cp1252")] = "",
    sheet: Annotated[str, typer.Option(help="worksheet to read")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print one JSON object and nothing else")] = False,
) -> None:
    """Read a file and say how it was read, what was repaired, and what would be refused, and why."""
    from salesforecast_lib.data.reading import ReadOptions
    from salesforecast_lib.pipeline.check_data import check_file, checked

    def options() -> ReadOptions:
        names = settings.parse_columns(columns)
        return ReadOptions(names, timezone, decimal, thousands, date_order, encoding, sheet)

    report, quarantine, error = check_file(file, kind, options)
    if as_json:
        print(checked(report, error))
        raise typer.Exit(1 if error else 0)
    if report.rows:
        table = report.table()
        width = table["what"].str.len().max()
        for what, value in table.itertuples(index=False):
            console.print(f"{what:{width}}  {value}", highlight=False, markup=False, soft_wrap=True)
    if len(quarantine):
        console.print(quarantine.head(10).to_string(index=False), highlight=False, markup=False, soft_wrap=True)
    if report.rows:
        console.print(f"{report.kept} of {report.rows} rows are usable", highlight=False)
    if error:
        raise _stop(ValueError(error))


@app.command("init")
def init_command(
    name: Annotated[str, typer.Argument(help="the profile to write is NAME.yml")],
    orders: Annotated[str, typer.Option(help="your sales: order lines, or an aggregated panel")],
    stock: Annotated[str, typer.Option(help="your stock today")] = "",
    plan: Annotated[str, typer.Option(help="what you know ahead")] = "",
    column: Annotated[list[str], typer.Option(help="our=theirs; our= for none; may be repeated")] = [],  # noqa: B006
    parameter: Assignments = [],  # noqa: B006  (typer copies it)
    yes: Annotated[bool, typer.Option("--yes", help="ask nothing: refuse where it is not certain")] = False,
    force: Annotated[bool, typer.Option("--force", help="write over a profile that exists")] = False,
) -> None:
    """Guess how your files are read, ask what is not certain, and write your shop's profile."""
    from salesforecast_lib.pipeline.init import Shop, init_shop, parse_columns, put_question, show

    try:
        shop = Shop(name, orders, stock, plan, parse_columns(column), settings.parse_assignments(parameter))
        place = init_shop(shop, None if yes else put_question, show, force)
    except (ValueError, OSError) as error:
        raise _stop(error) from None
    show(f"profile: {place}\nnext:    salesforecast run --profile {shlex.quote(str(place))}")


@app.command()
def stages(draw: Annotated[str, typer.Option("--graph", help="write the graph to this .svg file")] = "") -> None:
    """What reads and writes what."""
    table = Table("stage", "reads", "writes")
    for stage in STAGES:
        table.add_row(stage.name, "\n".join(stage.reads), "\n".join(stage.writes), end_section=True)
    console.print(table)
    if draw:
        draw_mermaid(graph(), Path(draw))
        console.print(f"graph: {draw}")


def draw_mermaid(source: str, target: Path) -> None:
    """Draw mermaid source to SVG, offline."""
    with tempfile.TemporaryDirectory() as folder:
        entry = Path(folder) / "graph.mmd"
        entry.write_text(source, encoding="utf-8")
        drawn = entry.with_suffix(".svg")
        subprocess.run(
            [sys.executable, "-m", "mmdr", "-i", str(entry), "-o", str(drawn)], check=True, capture_output=True
        )
        write_text(drawn.read_text(encoding="utf-8"), target.resolve())


@app.command()
def sweep(
    grid: str,
    profile: str = "default",
    jobs: int = 1,
    name: Annotated[str, typer.Option(help="folder under runs/")] = "sweep",
) -> None:
    """Run the product of the parameter lists in GRID.yml and collect metrics.json into one table."""
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
            run(values, folder, jobs=jobs)
            for model, metrics in read_json(folder / "metrics.json")["models"].items():
                rows.append({"run": folder.name, **combination, "model": model, **metrics})
    except (settings.ParameterError, StageError, ValueError, FileNotFoundError, yaml.YAMLError) as error:
        raise _stop(error) from None
    table = pd.DataFrame(rows).sort_values("wape", kind="stable")
    place = write_csv(table, f"runs/{name}/sweep.csv")
    console.print(
        table[["run", *lists, "model", "wape", "scaled_quantile_loss"]].round(4).to_string(index=False), highlight=False
    )
    console.print(f"table: {place}", soft_wrap=True)


@app.command("book")
def book_command(target: str = "_build/html") -> None:
    """Build the HTML book from the committed notebooks."""
    try:
        index = build_book(project_root() / "notebooks", resolve(target))
    except BookError as error:
        raise _stop(error) from None
    console.print(f"book: {index}", soft_wrap=True)


@app.command()
def refresh(from_stage: Annotated[str, typer.Option("--from", help="first stage to execute again")] = "") -> None:
    """Execute the sources under the default profile and store the published notebooks and reference numbers."""
    from salesforecast_lib.pipeline.publish import publish

    try:
        publish(from_stage or None)
    except (settings.ParameterError, StageError, BookError) as error:
        raise _stop(error) from None


@app.command("tolerances")
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
    except (settings.ParameterError, StageError, ValueError) as error:
        raise _stop(error) from None
    for cell in loose:
        console.print(f"checked text differs between processors: {cell}", highlight=False, markup=False)
    if loose:
        raise _stop(ValueError(f"{len(loose)} checked cells print digits that do not hold: round them, or say less"))


@app.command("findings")
def findings_command(
    run_dir: Annotated[str, typer.Argument(help="folder of a finished run of a published data set")],
) -> None:
    """Store a run's key numbers under its data set and write the findings page anew."""
    from salesforecast_lib.pipeline.publish import store_reference, write_pages

    try:
        folder = Path(run_dir).resolve()
        store_reference(folder, read_json(folder / "panel.json")["dataset"])
        write_pages()
    except FileNotFoundError as error:
        raise _stop(FileNotFoundError(f"{error.filename}: no such file; finish the run first")) from None
    console.print(f"findings: {project_root() / 'book' / 'findings.md'}", soft_wrap=True)


if __name__ == "__main__":
    app()
