"""``salesforecast init``: guess how a shop's files are read, show it, ask what is not certain, write the profile."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.countries import country_code
from salesforecast_lib.data.reading import (
    Reading,
    ReadingError,
    ReadOptions,
    open_table,
    read_orders,
    read_panel_file,
)
from salesforecast_lib.data.reading.columns import find_column
from salesforecast_lib.data.reading.guess import SAMPLE, Guess, Looked, country_column, guess_country
from salesforecast_lib.data.schema import OPTIONAL
from salesforecast_lib.files import write_text
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline.init.facts import PanelFacts, panel_facts
from salesforecast_lib.pipeline.init.lines import profile_lines
from salesforecast_lib.pipeline.init.plan import PlanFile, settle_plan
from salesforecast_lib.pipeline.init.propose import profile_text
from salesforecast_lib.pipeline.init.questions import (
    KNOWN,
    Ask,
    InitError,
    guess_table,
    settle_columns,
    spelled_columns,
)
from salesforecast_lib.pipeline.init.stock import StockFile, settle_stock
from salesforecast_lib.pipeline.runner import prepare_values
from salesforecast_lib.pipeline.runs.given import given_file, profile_place

_MARKS = {  # parameter of the reader that a file may leave open: its answers
    "date_order": {"dmy": "day first", "mdy": "month first", "ymd": "year first"},
    "decimal": {",": "a comma before the decimals", ".": "a point before the decimals"},
}
_NAMED_SO = ("location_id", "promotion")  # what bears our own name is that, also where many cells are empty
_OPTIONS = ("timezone", "decimal", "thousands", "date_order", "encoding", "sheet")


@dataclass(frozen=True)
class Shop:
    """What the user hands in: the profile's ``name``, files, maps of their columns, and parameter ``values``."""

    name: str
    orders: str
    stock: str = ""
    plan: str = ""
    columns: Mapping[str, str] | None = None
    values: Mapping[str, Any] | None = None
    stock_columns: Mapping[str, str] | None = None
    plan_columns: Mapping[str, str] | None = None


def init_shop(shop: Shop, ask: Ask | None, say: Callable[[Any], None], force: bool = False) -> Path:
    """Write the profile ``NAME.yml`` and return its place.

    Parameters
    ----------
    ask : puts a question to the user; None refuses instead of guessing.
    say : shows a table or a sentence.
    force : write over a profile that exists.

    Raises
    ------
    InitError, ReadingError, FileNotFoundError, settings.ParameterError
        Before anything is written, with what to say to ``init``.
    """
    try:
        target = profile_place(shop.name, force)
    except settings.ParameterError as error:
        raise InitError(str(error)) from None
    orders = _existing(shop.orders, "--orders")
    said = {"dataset": "own_data", **(shop.values or {})}  # a country may be a column of the file
    values = {name: value for name, value in settings.check(said).items() if name in (shop.values or {})}
    options = ReadOptions(**{name: values[name] for name in _OPTIONS if name in values})
    table = open_table(orders, options, KNOWN, SAMPLE).frame
    given = spelled_columns({**values.get("columns", {}), **(shop.columns or {})}, table, orders)
    guess = settle_columns(table, orders, given, ask, say)
    columns = _columns(guess, given, table)
    say(guess_table(guess))
    options, reading = _read(guess.kind, orders, replace(options, columns=columns), ask)
    say(reading.report.table())
    if reading.frame.empty:
        raise InitError(f"{orders}: no row can be used; the first reasons: {list(reading.report.reasons)[:3]}")
    options = _zone(options, reading, ask, say)
    options, reading = _pinned(guess.kind, orders, options, reading)
    if shop.stock:
        own = [str(values.get(f"stock_{name}", "")) for name in ("encoding", "sheet")]
        file = _existing(shop.stock, "--stock")
        stock = StockFile(file, shop.stock_columns or {}, options, "decimal" in values, *own)
        options, found = settle_stock(stock, reading, table, ask, say)
        values.update(found)
    plan = None
    if shop.plan:
        told_so = {name: str(values.get(f"plan_{name}", "")) for name in ("encoding", "sheet")}
        marks = _marked(options, {**told_so, "prefix": "plan_"})
        told = PlanFile(_existing(shop.plan, "--plan"), shop.plan_columns or {}, marks, options.columns)
        plan, found = settle_plan(told, reading, ask, say)
        values.update(found)
    facts = _facts(guess.kind, reading, values, plan, options.columns, say)
    country, because = _country(table, reading, values, ask, say)
    lines = profile_lines(guess, orders, options, reading, {**values, "country": country}, because, facts)
    prepare_values("own_data", {line.name: line.value for line in lines})  # what init writes, run accepts
    report = reading.report
    head = [
        f"Profile of {Path(shop.name).stem}, written by: salesforecast init. Change what is not right, then",
        f"salesforecast run --profile {shlex.quote(str(target))}",
        f"Read: {report.rows} rows, {report.kept} kept, {report.quarantined} in quarantine; {report.products} "
        f"products, {report.units:g} units, {report.first_day} to {report.last_day}.",
    ]
    return write_text(profile_text(target.name, lines, head), target)


def _existing(file: str, option: str) -> Path:
    """Absolute path of a file that the user named."""
    try:
        return given_file(file, option)
    except settings.ParameterError as error:
        raise InitError(str(error)) from None


def _columns(guess: Guess, given: Mapping[str, str], table: pd.DataFrame) -> dict[str, str]:
    """The map for the reader; "" for no column: no order number, or a column of our name that means another thing."""
    columns = {ours: theirs for ours, theirs in guess.columns.items() if theirs}
    if guess.kind == "orders":
        there = {name: find_column(name, map(str, table)) for name in OPTIONAL if name not in columns}
        columns |= {name: place for name, place in there.items() if place and name in _NAMED_SO}
        none = {name: "" for name, place in there.items() if place is not None and name not in columns}
        return {**({} if "order_id" in columns else {"order_id": ""}), **columns, **none}
    return columns


def _read(kind: str, file: Path, options: ReadOptions, ask: Ask | None) -> tuple[ReadOptions, Reading]:
    """Read with what is known; a mark or an order of dates that the file leaves open is asked."""
    while True:
        try:
            return options, (read_orders if kind == "orders" else read_panel_file)(file, options)
        except ReadingError as error:
            open_marks = [name for name in _MARKS if f"{name}=" in str(error) and not getattr(options, name)]
            if ask is None or not open_marks:
                raise
            answer = ask(str(error), _MARKS[open_marks[0]], next(iter(_MARKS[open_marks[0]])))
            options = _marked(options, {open_marks[0]: answer})


def _marked(options: ReadOptions, marks: Mapping[str, str]) -> ReadOptions:
    """The options with other marks."""
    values: dict[str, Any] = {**vars(options), **marks}
    return ReadOptions(**values)


def _zone(options: ReadOptions, reading: Reading, ask: Ask | None, say: Callable[[Any], None]) -> ReadOptions:
    """Stamps that are all in UTC are seldom the shop's own clock: ask for it, or say so."""
    if "(UTC)" not in (reading.report.timezone or "") or options.timezone:
        return options
    if ask is None:
        say("note: all stamps are in UTC, so the days are too; for the shop's clock say -p timezone=Europe/Berlin")
        return options
    question = "all stamps are in UTC: the shop's time zone, such as Europe/Berlin (empty: days are UTC's)"
    while True:
        try:
            return replace(options, timezone=ask(question, {}, "").strip())
        except ReadingError as error:
            say(f"{error}")


def _pinned(kind: str, file: Path, options: ReadOptions, before: Reading) -> tuple[ReadOptions, Reading]:
    """The marks that were found, written down so that tomorrow's file is read alike, if they give the same rows."""
    read = read_orders if kind == "orders" else read_panel_file
    report = read(file, options).report if options.timezone else before.report
    marks = {name: getattr(report, name) or "" for name in ("decimal", "date_order") if not getattr(options, name)}
    if marks.get("date_order") == "ymd":  # dates with the year in front have one reading and need no order
        marks["date_order"] = ""
    try:
        pinned = _marked(options, marks)
        again = read(file, pinned)
    except ReadingError:
        return options, read(file, options)
    if (again.report.kept, again.report.units, again.report.revenue) != (report.kept, report.units, report.revenue):
        return options, read(file, options)
    return pinned, again


def _facts(
    kind: str,
    reading: Reading,
    values: Mapping[str, Any],
    plan: Reading | None,
    mapped: Mapping[str, str],
    say: Callable[[Any], None],
) -> PanelFacts | None:
    """What a run would make of a panel, shown; None for order lines."""
    if kind != "panel":
        return None
    freq, missing_y = str(values.get("freq", "auto")), str(values.get("missing_y", "zero"))
    facts = panel_facts(reading, freq, missing_y, int(values.get("horizon", 28)), plan, mapped)
    for what, value in facts.lines():
        say(f"{what}: {value}")
    return facts


def _country(
    table: pd.DataFrame, reading: Reading, values: Mapping[str, Any], ask: Ask | None, say: Callable[[Any], None]
) -> tuple[str, str]:
    """Country whose holidays count, or the column that names each series' country, and what that rests on."""
    if values.get("country"):
        said = str(values["country"]).strip()
        if not (country_code(said) or find_column(said, map(str, reading.frame))):
            raise InitError(
                f"-p country={said}: expected a code of two letters whose holidays are known, or a column of the file"
            )
        return country_code(said) or said, "as you said"
    column, because = ("", "") if reading.report.kind == "orders" else country_column(reading.frame)
    code, why = guess_country(Looked(table))
    proposed = column or code or "US"
    because = because or why or "nothing in the file says which"
    if ask is None:
        say(f"note: country {proposed} was taken ({because}); change it in the profile if it is another")
        return proposed, f"taken, please check: {because}"
    while True:
        answer = ask(f"country whose holidays count, two letters ({because})", {}, proposed).strip()
        if country_code(answer) or answer == column:
            return country_code(answer) or answer, "as you said"
        say(f"{answer.upper()}: no country of two letters whose holidays are known")
