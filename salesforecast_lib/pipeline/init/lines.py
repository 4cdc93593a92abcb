"""The values of a shop's profile, each with what it is and what the guess rests on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from salesforecast_lib.data.reading import Reading, ReadOptions
from salesforecast_lib.data.reading.guess import Guess
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline.init.facts import PanelFacts
from salesforecast_lib.pipeline.init.propose import Line, period_name, propose_periods
from salesforecast_lib.wording import listed

_MARKS = {
    "decimal": "mark before the decimals",
    "thousands": "mark between thousands; empty: found in the file",
    "date_order": "dmy, mdy or ymd, for dates such as 05/06/2025",
    "encoding": "of a text file; empty: found in the file",
    "sheet": "worksheet that holds the rows",
}


def profile_lines(
    guess: Guess,
    file: Path,
    options: ReadOptions,
    reading: Reading,
    values: Mapping[str, Any],
    country: str,
    facts: PanelFacts | None = None,
) -> list[Line]:
    """Lines of the profile in the order of reading; only parameters that a chapter has.

    Parameters
    ----------
    values : what the user has said, and the country; it wins over every proposal.
    country : what the country rests on.
    facts : what a run would make of a panel.
    """
    known = settings.all_parameters()
    freq, horizon, why = propose_periods(reading.frame, guess.kind)
    freq = str(values.get("freq", freq))
    periods = period_name(freq[0]) if freq[:1] in ("D", "W", "M") else "periods"
    lines = [
        Line("dataset", "own_data" if guess.kind == "orders" else "own_panel", f"a file of {_what(guess)}"),
        Line("path", str(file), "your file; a new one under the same name is read anew"),
        Line("columns", dict(options.columns), "our name: name in your file", _column_notes(guess, options)),
        Line("country", values["country"], f"whose holidays count ({country})"),
        Line("timezone", options.timezone, _zone_note(options, reading)),
    ]
    lines += [Line(name, getattr(options, name), note) for name, note in _MARKS.items() if getattr(options, name)]
    if guess.kind == "orders":
        if guess.static:
            lines.append(Line("static", list(guess.static), "attributes of products"))
        if guess.cancelled_when:
            lines.append(Line("cleaning", {"cancelled_when": guess.cancelled_when}, _cancel_note(guess)))
        lines.append(Line("level", "product_id", "one series for each value of this column"))
        if "location_id" in options.columns:
            lines.append(Line("by_location", False, "true: one series for each product and location"))
    if facts is not None:
        lines += _roles(facts, str(values["country"]))
    short = freq[:1] in ("W", "M")
    lines += [
        Line("freq", freq, f"D days, W weeks, M months ({why})"),
        Line("n_series", 0, "0 takes all series; 200 the 200 best-selling ones"),
        Line("horizon", horizon, f"{periods} to forecast"),
        Line("cutoffs", 3, "times in the past at which the forecast is tested"),
        Line("lead_time", 1 if short else 3, f"{periods} between an order and its arrival: please check"),
        Line("review_period", 1 if short else 7, f"{periods} between two orders: please check"),
    ]
    if "stock_file" in values:
        lines.append(Line("stock_file", values["stock_file"], "your stock today; ids as in the orders"))
    if "plan_file" in values:
        lines.append(Line("plan_file", values["plan_file"], "what you know ahead; a new one is read anew"))
        lines.append(Line("plan_columns", dict(values["plan_columns"]), "our name: name in the plan file"))
        for name, note in (("plan_encoding", _MARKS["encoding"]), ("plan_sheet", _MARKS["sheet"])):
            if values.get(name):
                lines.append(Line(name, values[name], note))
    lines = [Line(n.name, values.get(n.name, n.value), n.comment, n.notes) if n.name != "columns" else n for n in lines]
    written = {line.name for line in lines}
    lines += [
        Line(name, value, known[name].comment)
        for name, value in values.items()
        if name not in written and name in known and name != "columns"
    ]
    return [line for line in lines if line.name in known]


def _roles(facts: PanelFacts, country: str) -> list[Line]:
    """Which columns are known ahead, only afterwards, and which describe a series."""
    reach = f"told after the data: {listed(f'{name} to {when}' for name, when in facts.told.items())}"
    future = [name for name in facts.future if name != "open"]
    lines = [Line("future", future, f"known ahead ({reach}); where nothing is told the usual is taken")]
    lines.append(Line("historical", list(facts.historical), "known only afterwards; move to future what you plan"))
    static = [name for name in facts.static if name != country]
    return [*lines, Line("static", static, "describe a series")]


def _what(guess: Guess) -> str:
    return "order lines" if guess.kind == "orders" else "an aggregated panel"


def _column_notes(guess: Guess, options: ReadOptions) -> dict[str, str]:
    notes = {
        choice.role: f"{', '.join(choice.examples)}: {choice.evidence}"
        if choice.examples and choice.role != "customer_id"  # a profile is passed on: nobody's address in it
        else choice.evidence
        for choice in guess.choices
    }
    for name, theirs in options.columns.items():
        if not theirs:
            rows = "none: each row is an order"
            notes[name] = rows if name == "order_id" else "none: the column of that name means something else"
    return notes


def _zone_note(options: ReadOptions, reading: Reading) -> str:
    if options.timezone:
        return "of the shop: stamps with an offset are converted to it"
    found = reading.report.timezone
    return f"of the shop; empty: {found or 'days as they stand in the file'}"


def _cancel_note(guess: Guess) -> str:
    stay = f"; these stay: {', '.join(guess.states)}" if guess.states else ""
    return f"orders in these states were not wanted in the end; an empty list: whenever it is filled{stay}"
