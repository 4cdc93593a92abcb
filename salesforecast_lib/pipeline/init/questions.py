"""Which column is which: shown with examples and evidence, asked where it is not certain, or refused."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
from rich.table import Table

from salesforecast_lib.data.reading.columns import find_column
from salesforecast_lib.data.reading.guess import ROLES, Choice, Guess, guess_columns

# names by which a header is told from lines above it, and a worksheet from a summary
KNOWN = tuple(sorted({name for names in ROLES.values() for tier in names.tiers for name in tier}))
Ask = Callable[[str, Mapping[str, str], str], str]  # question, {answer: meaning}, default -> answer


class InitError(ValueError):
    """The profile cannot be written: the message says what is missing and how to say it."""


def spelled_columns(
    columns: Mapping[str, str], table: pd.DataFrame, file: Path, option: str = "--column"
) -> dict[str, str]:
    """The user's map in the file's own spelling; ``option`` is where it was said."""
    header, found = [str(name) for name in table], {}
    for ours, theirs in columns.items():
        place = find_column(str(theirs), header) if theirs else ""
        if place is None:
            raise InitError(f"{option} {ours}={theirs}: {file.name} has no such column; it has {header[:40]}")
        found[ours] = place
    return found


def settle_columns(
    table: pd.DataFrame,
    file: Path,
    given: dict[str, str],
    ask: Ask | None,
    say: Callable[[Any], None],
    kind: str = "",
    option: str = "--column",
) -> Guess:
    """The guess with every open choice answered; ``option`` of the command line settles one without a question."""
    shown = False
    while True:
        guess = guess_columns(table, kind, given)
        if guess.kind == "stock" and not kind:
            raise InitError(f"{file}: this is a stock, without dates: give it with --stock, the sales with --orders")
        if not guess.open:
            return guess
        if ask is None:
            raise InitError(refusal(guess, file, option))
        if not shown:
            say(guess_table(guess))
            shown = True
        choice = guess.open[0]
        answers = _answers(choice)
        if not answers:
            raise InitError(refusal(guess, file, option))
        ours, _, theirs = ask(_question(choice), answers, next(iter(answers))).partition("=")
        given = {**given, ours: theirs}


def _answers(choice: Choice) -> dict[str, str]:
    """``our name=column`` for each column that could be meant, best first."""
    columns = ([choice.column] if choice.column else []) + [name for name in choice.rivals if name != choice.column]
    if choice.role not in ("unit_price", "line_total"):
        return {f"{choice.role}={name}": "" for name in columns}
    roles = [choice.role, "line_total" if choice.role == "unit_price" else "unit_price"]
    words = {"unit_price": "for one unit", "line_total": "for the whole line"}
    return {f"{role}={name}": words[role] for name in columns for role in roles}


def _question(choice: Choice) -> str:
    column = f"column {choice.column!r} ({', '.join(choice.examples)})" if choice.column else "no column for sure"
    return f"{choice.role}: {column}; {choice.evidence}. Which is it?"


def refusal(guess: Guess, file: Path, option: str = "--column") -> str:
    """What is not certain, and the options of ``init`` that settle it."""
    parts = []
    for choice in guess.open:
        ways = " or ".join(f"{option} {shlex.quote(answer)}" for answer in list(_answers(choice))[:6])
        parts.append(f"{_question(choice)} Say {ways or f'{option} {choice.role}=NAME'}")
    units = next((choice.column for choice in guess.choices if choice.role == "quantity" and choice.column), "NAME")
    if guess.kind == "orders" and any(choice.role == "unit_price" for choice in guess.open):
        way = f"{option} {shlex.quote(f'y={units}')}"
        parts.append(f"Where each row is what a product sold in a day, week or month, say {way}")
    header = f". The file has {list(guess.header)[:40]}" if any(choice.column is None for choice in guess.open) else ""
    return f"{file}: not certain, so nothing was written. " + ". ".join(parts) + header


def guess_table(guess: Guess) -> Table:
    """The guess with three example values and the evidence of each column."""
    table = Table("our name", "your column", "examples", "because", title=f"a file of {guess.kind}")
    for choice in guess.choices:
        table.add_row(choice.role, choice.column or "?", "\n".join(choice.examples), choice.evidence)
    for column, values in guess.cancelled_when.items():
        table.add_row("cancelled", column, "\n".join(values) or "filled", "orders in this state were not wanted")
    return table
