"""Sentences about a comparison that still hold on another processor: winners, gains, tests, intervals (chapter 07).

A network trained on another processor differs in its last digits, which moves a WAPE by up to one percent. What is
closer than `LEVEL` is therefore called level, and an interval that ends within `BORDER` of zero settles nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

from salesforecast_lib.wording import listed

LEVEL = 0.015  # relative distance below which two losses or costs are about level
BORDER = 0.005  # distance from zero, as a share, below which the end of an interval is no firm ground
_SEEN = ("complete_journey",)  # data sets whose scored cutoffs were seen before the champion was made


def about_level(losses: Mapping[str, float] | pd.Series, within: float = LEVEL) -> list[str]:
    """Names whose loss is within ``within`` of the lowest, by name; a single one is the clear winner.

    Raises ValueError when no loss is a number.
    """
    values = pd.Series(losses, dtype="float64").dropna()
    if values.empty:
        raise ValueError("losses: none is a number; nothing can be ranked")
    return sorted(values.index[values <= values.min() * (1 + within)])


def winner(losses: Mapping[str, float] | pd.Series, what: str, within: float = LEVEL) -> str:
    """Who has the lowest loss: "lowest WAPE: a, ahead of all others" or "…: a and b, about level"."""
    if not pd.Series(losses, dtype="float64").notna().any():
        return f"lowest {what}: not defined here"
    names = about_level(losses, within)
    more = "ahead of all others" if len(names) == 1 else f"about level (closer than {100 * within:.1f} %)"
    return f"lowest {what}: {listed(names)}, {more}"


def at_least(share: float, step: int = 5) -> str:
    """A gain rounded down, in percent: ``0.286`` gives "at least 25 %"; below one step, "less than 5 %"."""
    floor = int(np.floor(100 * share / step + 1e-9)) * step
    return f"at least {floor} %" if floor > 0 else f"less than {step} %"


def gain_sentence(model: str, losses: pd.Series, reference: str, what: str) -> str:
    """How far ``model`` lies below or above ``reference`` in a loss, in steps of five percent."""
    change = float(losses[model] / losses[reference] - 1)
    if abs(change) <= LEVEL:
        return f"{model}: {what} about level with {reference}"
    side = "below" if change < 0 else "above"
    return f"{model}: {what} {at_least(abs(change))} {side} {reference}"


def interval_verdict(low: float, high: float, border: float = BORDER) -> str:
    """What a 95 % interval of a relative difference says: better, worse, not told apart, or too close to the border.

    ``low`` and ``high`` are shares; below zero is better. An end within ``border`` of zero could lie on the other
    side after training on another processor or with another seed.
    """
    if min(abs(low), abs(high)) <= border:
        return "too close to call"
    return "better" if high < 0 else "worse" if low > 0 else "not told apart"


def p_value_verdict(p_values: Iterable[float], firm: float = 0.01, weak: float = 0.1) -> str:
    """What p-values under several assumptions say together.

    Firm is a difference below ``firm`` under each, which leaves room for several comparisons; above ``weak`` under
    each, none was found. Between the two, the answer depends on the assumption.
    """
    values = np.asarray(list(p_values), dtype="float64")
    if (values < firm).all():
        return "different"
    return "no difference found" if (values > weak).all() else "no firm answer"


def coverage_verdict(share: float, level: float = 0.9, margin: float = 0.02) -> str:
    """Whether an interval that should hold ``level`` of the sales is honest, too narrow or too wide."""
    if abs(share - level) <= margin:
        return "honest"
    return "too narrow" if share < level else "too wide"


def bias_verdict(bias: float, margin: float = 0.01) -> str:
    """Whether a forecast is too low or too high on the whole; ``bias`` is errors over sales."""
    if abs(bias) <= margin:
        return "about right on the whole"
    return "too low on the whole" if bias < 0 else "too high on the whole"


def seen_when_chosen(dataset: str) -> bool:
    """Whether the scored cutoffs of this data set had been seen, with other models, when the champion was made."""
    return dataset in _SEEN


def champion_caveat(dataset: str) -> str:
    """What to remember beside each "better" of the champion: where its recipe was settled."""
    if seen_when_chosen(dataset):
        return (
            "The champion's recipe was settled on earlier cutoffs of the league's data, and its weights come from "
            "earlier cutoffs of these; but the scored cutoffs here had been seen with other models before."
        )
    return (
        "The champion's recipe was settled on earlier cutoffs of the league's data, and its weights come from earlier "
        "cutoffs of these."
    )
