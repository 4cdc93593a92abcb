"""A rule for a parameter's value: what it has to be, in words, and how that is seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Rule:
    """What a value has to be, in words, and how that is seen.

    ``holds`` gets a value of the declared type; it may raise ValueError with a sentence of its own instead of
    answering. ``kind`` is "file" or "folder" where the value names one whose content the stages read, "text" where a
    collection holds texts only, and empty otherwise.
    """

    expected: str
    holds: Callable[[Any], bool]
    kind: str = ""


def at_least(least: float) -> Rule:
    """A number of ``least`` or more."""
    return Rule(f"{least:g} or more", lambda value: least <= value < float("inf"))


def above(bound: float) -> Rule:
    """A number greater than ``bound``."""
    return Rule(f"a number above {bound:g}", lambda value: bound < value < float("inf"))


def share(lowest: bool = False, highest: bool = False) -> Rule:
    """A share between 0 and 1; the ends only where they are said to count."""
    words = (
        "a share between 0 and 1"
        + {
            (False, False): ", neither of them",
            (True, False): ", 0 counts and 1 does not",
            (False, True): ", 1 counts and 0 does not",
            (True, True): "",
        }[lowest, highest]
    )
    return Rule(words, lambda value: 0 < value < 1 or (lowest and value == 0) or (highest and value == 1))


def one_of(names: tuple[str, ...], any_case: bool = False) -> Rule:
    """One of these texts; with ``any_case`` upper and lower case are alike."""
    known = {name.casefold() for name in names} if any_case else set(names)
    words = f"one of {', '.join(name or 'nothing' for name in names)}"
    return Rule(words, lambda value: (value.casefold() if any_case else value) in known)


def some_of(names: tuple[str, ...]) -> Rule:
    """A list of some of these texts, none twice."""
    return Rule(
        f"a list of at least one of {', '.join(names)}, none twice",
        lambda value: bool(value) and set(value) <= set(names) and len(set(value)) == len(value),
        "text",
    )
