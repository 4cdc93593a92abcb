"""What the chapter on ensembles found, in sentences that are computed (chapter 06).

Two figures that lie closer than processors move a trained network are called about level, and no winner is named.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

ABOUT_LEVEL = 2.0  # per cent of an error
SAME_COVERAGE = 0.005  # difference of a coverage
MEASURES = {"wape": "WAPE", "scaled_quantile_loss": "scaled quantile loss"}


def classes_found(classes: pd.Series) -> str:
    """Products by demand class, and whether models for products that seldom sell can show what they are for."""
    counts = ", ".join(f"{count} {name}" for name, count in classes.value_counts().items())
    if classes.isin(["intermittent", "lumpy"]).any():
        return f"products by demand: {counts}"
    return (
        f"products by demand: {counts}; none is intermittent or lumpy, so Croston's method and TSB cannot show what "
        "they were made for"
    )


def arima_found(wape: pd.Series, name: str = "AutoARIMA") -> str:
    """Where AutoARIMA stands; ``wape`` by model."""
    if name not in wape:
        return f"{name} was not run: arima_series is 0"
    others = wape.drop(name)
    return f"{name}: {_compared(int((others < wape[name]).sum()), len(others))} have a lower WAPE here"


def committees_found(score: pd.DataFrame, members: Sequence[str], committees: Sequence[str]) -> str:
    """`committee_found` for each of `MEASURES`, one a line; ``score`` by model."""
    return "\n".join(committee_found(score[name], members, committees, words) for name, words in MEASURES.items())


def committees_counted(score: pd.DataFrame, committees: Sequence[str], member: str) -> str:
    """`committees_against` for each of `MEASURES`, one a line; ``score`` by model."""
    return "\n".join(committees_against(score[name], committees, member, words) for name, words in MEASURES.items())


def committee_found(loss: pd.Series, members: Sequence[str], committees: Sequence[str], measure: str) -> str:
    """Best committee against the best member, which is known only afterwards; ``loss`` by model."""
    member, group = loss[list(members)], loss[list(committees)]
    gain = 100 * (1 - group.min() / member.min())
    if abs(gain) < ABOUT_LEVEL:
        words = f"about level (less than {ABOUT_LEVEL:.0f} % apart)"
    else:
        words = f"{abs(gain):.0f} % {'lower' if gain > 0 else 'higher'} for the best committee"
    return f"{measure} of the best committee and of the best member: {words}"


def committees_against(loss: pd.Series, committees: Iterable[str], member: str, measure: str) -> str:
    """How many committees have a higher error than one member, to the last digit; ``loss`` by model."""
    names = list(committees)
    worse = [name for name in names if loss[name] > loss[member]]
    better = [name for name in names if loss[name] < loss[member]]
    change = 100 * (loss[names] / loss[member] - 1)
    return (
        f"{measure}: {_compared(len(worse), len(names))} committees lose to {member} ({', '.join(worse) or '–'}), "
        f"{len(better)} win ({', '.join(better) or '–'}); "
        f"differences from {change.min():+.1f} % to {change.max():+.1f} %"
    )


def coverage_found(coverage: pd.DataFrame, kind: str, nominal: float = 0.9) -> str:
    """Whose interval calibration brought nearer to its nominal coverage, and whose farther from it.

    Parameters
    ----------
    coverage : observed coverage by model (rows) and kind (columns, "before" among them).
    """
    if kind not in coverage:
        return "nothing had been scored before these cutoffs: no interval was calibrated"
    change = (coverage[kind] - nominal).abs() - (coverage["before"] - nominal).abs()
    groups = {
        "nearer to": change.index[change < -SAME_COVERAGE],
        "farther from": change.index[change > SAME_COVERAGE],
        "about as far from": change.index[change.abs() <= SAME_COVERAGE],
    }
    parts = [f"{words} {100 * nominal:.0f} %: {', '.join(names)}" for words, names in groups.items() if len(names)]
    return f"{kind} calibration brought these intervals " + "; ".join(parts)


def hierarchy_found(wape: pd.DataFrame, first: str = "bottom-up", second: str = "MinT") -> str:
    """At which levels one reconciliation beats another; ``wape`` by level (rows) and model (columns)."""
    if second not in wape:
        return f"too little had been scored before these cutoffs: {second} has no weights"
    change = 100 * (wape[first] / wape[second] - 1)
    levels = {
        f"{first} beats {second}": change.index[change <= -ABOUT_LEVEL],
        f"{second} beats {first}": change.index[change >= ABOUT_LEVEL],
        f"{first} and {second} less than {ABOUT_LEVEL:.0f} % apart": change.index[change.abs() < ABOUT_LEVEL],
    }
    for words, names in levels.items():
        if len(names) == len(change):
            return f"WAPE: {words} at each level ({', '.join(names)})"
    return "WAPE: " + "; ".join(f"{words} for {', '.join(names)}" for words, names in levels.items() if len(names))


def gap_found(gaps: Mapping[str, float]) -> str:
    """Largest gap between a node and the sum of its products, before and after reconciliation, in round units."""
    rest = max(gap for name, gap in gaps.items() if name != "base")
    size = float(f"{gaps['base']:.0e}")
    after = "at most a millionth of a unit" if rest <= 1e-6 else f"{rest:.2g} units"
    return f"largest gap between a node and the sum of its products: base about {size:,.0f} units, reconciled {after}"


def _compared(number: int, of: int) -> str:
    return f"{number} of {of}"
