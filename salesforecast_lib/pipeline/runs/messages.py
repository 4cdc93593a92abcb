"""What the command line prints: lines, notes, and an error as one sentence."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer
from rich.console import Console

from salesforecast_lib.pipeline.book import BookError
from salesforecast_lib.pipeline.runs.errors import FolderError, StageError, full_sentence, in_words, is_full

ERRORS = (ValueError, FolderError, StageError, BookError, OSError)  # what a user can mend; all others are ours
console = Console()


def shown() -> dict[str, Any]:
    """How a run shows its progress: a live table on a terminal, else plain lines. Arguments of the runner."""
    terminal = sys.stdout.isatty()
    return {"verbose": 1 if terminal else 0, "lines": not terminal}


def say(line: str) -> None:
    """Print a line as it is, however long: paths and commands must be copied whole."""
    console.print(line, soft_wrap=True, highlight=False, markup=False)


def notes(lines: Iterable[str]) -> None:
    """Print what a user should read before all else."""
    for line in lines:
        console.print(f"note: {line}", style="bold", soft_wrap=True, highlight=False, markup=False)


def stop(error: Exception, folder: Path | None = None) -> typer.Exit:
    """Print an error as a sentence; ``folder`` is where something was to be written.

    Returns
    -------
    What to raise: it ends the command with status 1.
    """
    place = folder or Path.cwd()
    if isinstance(error, OSError) and error.errno is not None:
        text = in_words(error, place)
    else:
        text = full_sentence(place) if is_full(error) else str(error)
    Console(stderr=True).print(f"error: {text}", style="bold red", markup=False, highlight=False, soft_wrap=True)
    return typer.Exit(1)
