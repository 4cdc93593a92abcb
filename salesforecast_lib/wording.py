"""Words that the library prints for a reader or a planner."""

from __future__ import annotations


def counted(number: float, noun: str) -> str:
    """A rounded number with its noun in the right form: "1 period", "0 periods", "12 units"."""
    text = f"{number:.0f}"
    return f"{text} {noun}" if text in ("1", "-1") else f"{text} {noun}s"
