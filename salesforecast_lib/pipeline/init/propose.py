"""Frequency and horizon that a history allows, and the lines of a profile with a comment on each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import yaml

from salesforecast_lib.data.reading.guess import rhythm

_HORIZONS = {"D": (28, 14, 7), "W": (8, 4, 2), "M": (6, 3, 2)}
_HISTORY = 6  # horizons of history: three to test on, three to learn from
_SELDOM = 14  # days between two days with a sale, from which on weeks say more than days
_LONG = 364  # days of history that weeks need
_PERIOD = {"D": "days", "W": "weeks", "M": "months"}


@dataclass(frozen=True)
class Line:
    """One value of a profile and its comment; ``notes`` hold the comment of each entry of a mapping."""

    name: str
    value: Any
    comment: str
    notes: dict[str, str] | None = None


def propose_periods(frame: pd.DataFrame, kind: str) -> tuple[str, int, str]:
    """Frequency, horizon in periods, and the reason for both.

    Parameters
    ----------
    frame : order lines with ``product_id, timestamp``, or a panel with ``ds``.
    kind : "orders" or "panel".
    """
    if kind == "panel":
        days = pd.DatetimeIndex(frame["ds"].dropna())
        freq, why = rhythm(days), "the dates of the panel"
    else:
        days = pd.DatetimeIndex(frame["timestamp"].dropna()).normalize()
        span = (days.max() - days.min()).days + 1
        sold = frame.assign(day=days).groupby("product_id")["day"].nunique()
        between = span / max(float(sold.median()), 1.0)
        seldom = between > _SELDOM and span >= _LONG
        freq = "W" if seldom else "D"
        why = f"half of the products sell at least every {np.ceil(between):.0f} days"
        why = f"half of the products sell less than every {_SELDOM} days" if seldom else why
    first, last = days.min(), days.max()
    months = 12 * (last.year - first.year) + last.month - first.month + 1
    periods = {"D": (last - first).days + 1, "W": (last - first).days // 7 + 1, "M": months}[freq]
    horizon = next((h for h in _HORIZONS[freq] if periods >= _HISTORY * h), max(1, periods // _HISTORY))
    return freq, horizon, f"{why}; {periods} {_PERIOD[freq]} of history"


def period_name(freq: str) -> str:
    """Plural of the period, for comments."""
    return _PERIOD[freq]


def profile_text(name: str, lines: list[Line], head: list[str]) -> str:
    """A profile as YAML, every value with its comment.

    Raises AssertionError when reading it again gives other values: a profile must say what was shown.
    """
    text = [f"# {_comment(sentence)}" for sentence in head]
    for line in lines:
        if isinstance(line.value, dict) and line.value:
            text.append(f"{line.name}:  # {_comment(line.comment)}")
            for key, value in line.value.items():
                note = (line.notes or {}).get(key, "")
                text.append(f"  {_yaml(key)}: {_yaml(value)}" + (f"  # {_comment(note)}" if note else ""))
        else:
            text.append(f"{line.name}: {_yaml(line.value)}  # {_comment(line.comment)}")
    whole = "\n".join(text) + "\n"
    if yaml.safe_load(whole) != {line.name: line.value for line in lines}:
        raise AssertionError(f"{name}: the profile does not read back as it was written")
    return whole


def _yaml(value: Any) -> str:
    """A value on one line."""
    dumped = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=float("inf"), sort_keys=False)
    return dumped.strip()[1:-1]


def _comment(text: str) -> str:
    """A comment on one line, without signs that YAML takes for a new line or refuses."""
    return "".join(sign if sign.isprintable() else " " for sign in text)
