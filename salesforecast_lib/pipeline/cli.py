"""Command line: ``salesforecast init``, ``run``, ``decide``, ``check-data``, ``stages``, ``sweep``, ``book``, …"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

from salesforecast_lib.files import finish_hint, project_root, write_text
from salesforecast_lib.pipeline import engines, runs
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline.book import build_book
from salesforecast_lib.pipeline.decide import check_format, left_out_stages, write_decisions
from salesforecast_lib.pipeline.maintenance import maintenance
from salesforecast_lib.pipeline.nightly.commands import production
from salesforecast_lib.pipeline.runner import prepare_values, run
from salesforecast_lib.pipeline.runs.choice import GOAL_VALUES, check_inputs, chosen_stages
from salesforecast_lib.pipeline.runs.given import check_finished, given_file, newest_run, parse_pairs, profile_place
from salesforecast_lib.pipeline.runs.messages import ERRORS, console, notes, say, shown, stop
from salesforecast_lib.pipeline.stages import STAGES, graph
from salesforecast_lib.pipeline.whatif import whatif
from salesforecast_lib.wording import counted

# What takes long to import is imported where it is used: --help and errors must not wait for it.

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="From order lines to forecasts, a replenishment plan and a book about your shop.",
)
KINDS = ("orders", "panel", "stock", "plan")  # of files
Assignments = Annotated[list[str], typer.Option("-p", "--parameter", help="name=value, may be repeated")]


def _build_run_book(folder: Path) -> Path:
    from salesforecast_lib.pipeline.pages import run_pages

    title = f"Sales forecasting - {folder.name}"
    return build_book(folder / "notebooks", folder / "html", title, run_pages(folder), runs.left_out(folder))


def run_folder(run_dir: str, profile: str) -> Path:
    """Where a run goes: ``run_dir`` as seen from here, or the profile's folder below the project's ``runs``."""
    folder = Path(run_dir).expanduser() if run_dir else project_root() / "runs" / Path(profile).stem
    return Path.cwd() / folder


@app.command("run")
def run_command(
    profile: Annotated[str, typer.Option(help="book/profiles/NAME.yml, or a YAML file")] = "default",
    run_dir: Annotated[str, typer.Option(help="folder of the run; default runs/PROFILE")] = "",
    parameter: Assignments = [],  # noqa: B006  (typer copies it)
    from_stage: Annotated[str, typer.Option("--from", help="run this stage and those after it again")] = "",
    to_stage: Annotated[str, typer.Option("--to", help="stop after this stage; 05 is enough for its name")] = "",
    only: Annotated[list[str], typer.Option(help="these stages and no others: 08 or 08,13; may be repeated")] = [],  # noqa: B006
    goal: Annotated[str, typer.Option(help="plan (the stock plan, no book), book or all; default all")] = "",
    jobs: Annotated[int | None, typer.Option(help="stages (of a plan: models) at the same time; 1, plan 2")] = None,
    book: Annotated[bool, typer.Option(help="build the run's HTML book")] = True,
    replace: Annotated[bool, typer.Option("--replace", help="remove another shop's run from the folder")] = False,
    engine: engines.EngineName = "local",
    scheduler: engines.Scheduler = "",
) -> None:
    """Execute the notebooks into a run folder, stale stages only, and build its book."""
    folder = run_folder(run_dir, profile)
    try:
        given = settings.parse_assignments(parameter)
        aim = goal or (runs.goal_of(folder) if only else "all")  # one stage anew is no other goal
        if jobs is None:
            jobs = min(2, os.cpu_count() or 1) if aim == "plan" else 1
        if jobs < 1:
            raise settings.ParameterError(f"jobs={jobs}: expected at least 1")
        asked = engines.asked_for_jobs(engine, scheduler, jobs)
        wanted = chosen_stages(STAGES, from_stage or None, to_stage or None, only, aim).wanted
        if only:
            check_inputs(wanted, folder)
        values = prepare_values(profile, {**GOAL_VALUES.get(aim, {}), **given})
        with runs.locked(folder):
            if replace:
                runs.clear(folder)
            runs.check_same_shop(folder, values)
            command = runs.own_command(profile, parameter, values, folder, jobs, book, aim) + asked.words
            with engines.open_for_jobs(asked) as doing:
                told = {"command": command, "only": only, "goal": aim, "engine": doing, **shown()}
                result = run(values, folder, from_stage or None, jobs, to_stage=to_stage or None, **told)
            notes(result.notes)
            book = book and aim != "plan"  # the kept command asks for it all the same: another goal has one
            if book and not result.waiting:
                say("building the book …")
                _build_run_book(folder)
    except ERRORS as error:
        raise stop(error, folder) from None
    say(f"executed: {', '.join(result.executed) or 'nothing'}")
    say(f"unchanged: {', '.join(result.unchanged) or 'nothing'}")
    if result.waiting:
        left = f"{counted(len(result.waiting), 'stage')} left, the first is {result.waiting[0]}"
        say(f"stopped as asked: {left}{', so no book is built' if book else ''}")
        say(f"to go on: {finish_hint(folder)}")
        return
    places = {"forecasts": "forecasts.parquet", "replenishment plan": "replenishment.csv"}
    places = {"book": "html/index.html", **places} if book else places
    for name, file in places.items():
        if (folder / file).exists() and not any(file in stage.writes for stage in left_out_stages(folder)):
            say(f"{name + ':':20s}{folder / file}")
    if result.left_out:
        say(f"not needed for {aim}: {', '.join(result.left_out)}")


@app.command()
def decide(
    run_dir: Annotated[str, typer.Argument(help="folder of a finished run; default: the newest below runs/")] = "",
    book: Annotated[bool, typer.Option(help="build the run's HTML book anew, with its page of decisions")] = True,
    form: Annotated[str, typer.Option("--format", help="xlsx, csv, or reorder rules for odoo or erpnext")] = "xlsx",
    warehouse: Annotated[str, typer.Option(help="warehouse of the reorder rules, as the system names it")] = "",
) -> None:
    """Write the newest run's decisions (stock, prices, promotions, alerts) to decisions.xlsx and a page of its book."""
    folder = Path(run_dir).resolve() if run_dir else project_root() / "runs"
    try:
        check_format(form, warehouse)
        folder = folder if run_dir else newest_run(folder)
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder}: no such folder; give the folder of a finished run")
        with runs.locked(folder):  # first of all: a run that is at work there is not one that stopped
            check_finished(folder)
            written = write_decisions(folder, form, warehouse)
            book = book and form == "xlsx" and runs.goal_of(folder) != "plan"
            if book:
                _build_run_book(folder)
        notes(runs.data_notes(folder))
    except ERRORS as error:
        raise stop(error, folder) from None
    for line in written.lines:
        say(line)
    for target in written.files:
        say(f"{'workbook:' if form == 'xlsx' else 'table:':15s}{target}")
    if book:
        say(f"first page:    {folder / 'html' / 'index.html'}")
        say(f"page:          {folder / 'html' / 'book' / 'decisions.html'}")


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
    if not as_json:  # a program gets its error as JSON, and can wait a second for it
        try:
            if kind not in KINDS:
                raise settings.ParameterError(f"--kind {kind!r}: expected one of {', '.join(KINDS)}")
            given_file(file)
            settings.columns_of(columns)
        except ValueError as error:
            raise stop(error) from None
    from salesforecast_lib.data.reading import ReadOptions
    from salesforecast_lib.pipeline.init.check_data import check_file

    def options() -> ReadOptions:
        names = settings.columns_of(columns)
        return ReadOptions(names, timezone, decimal, thousands, date_order, encoding, sheet)

    found = check_file(file, kind, options)
    if as_json:
        print(found.to_json())
        raise typer.Exit(1 if found.error else 0)
    report = found.report
    if report.rows:
        rows = [*report.table().itertuples(index=False, name=None), *found.lines]
        width = max(len(what) for what, _ in rows)
        for what, value in rows:
            console.print(f"{what:{width}}  {value}", highlight=False, markup=False, soft_wrap=True)
    if len(found.quarantine):
        shown_rows = found.quarantine.head(10).to_string(index=False)
        console.print(shown_rows, highlight=False, markup=False, soft_wrap=True)
    if report.rows:
        console.print(f"{report.kept} of {report.rows} rows are usable", highlight=False)
    if found.error:
        raise stop(ValueError(found.error))


@app.command("init")
def init_command(
    name: Annotated[str, typer.Argument(help="the profile to write is NAME.yml")],
    orders: Annotated[str, typer.Option(help="your sales: order lines, or an aggregated panel")],
    stock: Annotated[str, typer.Option(help="your stock today")] = "",
    plan: Annotated[str, typer.Option(help="what you know ahead")] = "",
    column: Annotated[list[str], typer.Option(help="our=theirs; our= for none; may be repeated")] = [],  # noqa: B006
    stock_column: Annotated[list[str], typer.Option(help="our=theirs, in the stock file")] = [],  # noqa: B006
    plan_column: Annotated[list[str], typer.Option(help="our=theirs, in the plan file")] = [],  # noqa: B006
    parameter: Assignments = [],  # noqa: B006  (typer copies it)
    yes: Annotated[bool, typer.Option("--yes", help="ask nothing: refuse where it is not certain")] = False,
    force: Annotated[bool, typer.Option("--force", help="write over a profile that exists")] = False,
) -> None:
    """Guess how your files are read, ask what is not certain, and write your shop's profile."""
    try:
        profile_place(name, force)
        for option, file in (("--orders", orders), ("--stock", stock), ("--plan", plan)):
            if file or option == "--orders":
                given_file(file, option)
        values = settings.check({"dataset": "own_data", **settings.parse_assignments(parameter)})
        pairs = [parse_pairs(given) for given in (column, stock_column, plan_column)]
    except (ValueError, OSError) as error:
        raise stop(error) from None
    from salesforecast_lib.pipeline.init import Shop, init_shop, put_question, show

    try:
        said = {given: value for given, value in values.items() if given in settings.parse_assignments(parameter)}
        shop = Shop(name, orders, stock, plan, pairs[0], said, *pairs[1:])
        place = init_shop(shop, None if yes else put_question, show, force)
    except (ValueError, OSError) as error:
        raise stop(error) from None
    show(f"profile: {place}\nnext:    salesforecast run --profile {shlex.quote(str(place))}")


@app.command()
def stages(draw: Annotated[str, typer.Option("--graph", help="write the graph to this .svg file")] = "") -> None:
    """What reads and writes what."""
    from rich.table import Table

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


app.command()(whatif)
app.add_typer(production)
app.add_typer(maintenance)  # without a name: its commands stand beside these

if __name__ == "__main__":
    app()
