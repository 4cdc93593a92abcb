"""Words that the library prints for a reader or a planner."""

from __future__ import annotations

from collections.abc import Iterable


def counted(number: float, noun: str) -> str:
    """A rounded number with its noun in the right form: "1 period", "0 periods", "12 units", "3 series"."""
    text = f"{number:.0f}"
    return f"{text} {noun}" if text in ("1", "-1") or noun.endswith("series") else f"{text} {noun}s"


def listed(names: Iterable[str]) -> str:
    """Names in a sentence: "a", "a and b", "a, b and c"; "none" where there is none."""
    words = list(names)
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else "none"


def first_names(names: Iterable[str], count: int = 5) -> str:
    """The first ``count`` names of a list and how many more there are: "a, b, c and 4 more"."""
    words = [str(name) for name in names]
    return listed(words) if len(words) <= count else f"{', '.join(words[:count])} and {len(words) - count:,} more"


def chance(probability: float) -> str:
    """A probability in per cent that never claims certainty: "over 99.9 %", "42.0 %", "under 0.1 %".

    A model is not certain; what only rounds to 0 or 100 per cent says so.
    """
    if probability >= 0.9995:
        return "over 99.9 %"
    return "under 0.1 %" if probability < 0.0005 else f"{100 * probability:.1f} %"
