"""Tables, sentences and questions of ``salesforecast init`` on the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd
import typer
from rich.console import Console

from salesforecast_lib.pipeline.init.questions import InitError
from salesforecast_lib.pipeline.runs.given import parse_pairs
from salesforecast_lib.pipeline.values import ParameterError


def parse_columns(pairs: Iterable[str]) -> dict[str, str]:
    """``our=theirs`` pairs as a column map; raises InitError where one is none."""
    try:
        return parse_pairs(pairs)
    except ParameterError as error:
        raise InitError(str(error)) from None


def show(shown: object) -> None:
    """Print a table or a sentence; text of a shop's file is no markup."""
    if isinstance(shown, pd.DataFrame):
        width = 2 + int(shown.iloc[:, 0].str.len().max())
        shown = "\n".join(f"{name:{width}s}{value}" for name, value in shown.itertuples(index=False))
    Console().print(shown, highlight=False, markup=False, soft_wrap=isinstance(shown, str))


def put_question(question: str, answers: Mapping[str, str], default: str) -> str:
    """Put a question; ``answers`` are numbered, without any the answer is free text."""
    show(question)
    if not answers:
        return str(typer.prompt("answer", default=default))
    for number, (answer, meaning) in enumerate(answers.items(), start=1):
        show(f"  {number}  {answer}  {meaning}".rstrip())
    known = list(answers)
    while True:
        chosen = str(typer.prompt("number", default=str(known.index(default) + 1))).strip()
        if chosen.isdecimal() and 1 <= int(chosen) <= len(known):
            return known[int(chosen) - 1]
        show(f"{chosen}: expected a number from 1 to {len(known)}")
