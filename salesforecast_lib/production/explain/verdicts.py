"""Sentences on what the explanations found, true for any shop's data (chapter 16)."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from salesforecast_lib.production.explain.attention import Attention
from salesforecast_lib.production.explain.committee import Reasons
from salesforecast_lib.production.explain.dependence import Curves
from salesforecast_lib.production.explain.drivers import in_a_sentence
from salesforecast_lib.production.explain.truth import AGREES
from salesforecast_lib.wording import counted, listed

_SWOLLEN = 1.25  # of a true effect
_MISSED, _TINY, _SHRUNKEN = 0.4, 0.02, 0.9  # shares of a true effect, of the usual, and of a true effect
_FLAT = 0.02  # of the mean: a curve that moves by less is flat


def truth_found(table: pd.DataFrame) -> list[str]:
    """Sentences on `truth.agreement`: drivers that the explanation ranks rightly, those that it does not, and why."""
    good = [str(name) for name, value in table["units"].items() if value >= AGREES]
    told = []
    if good:
        told.append(f"ranked as the truth ranks them (Spearman of at least {AGREES:g} over products): {listed(good)}")
    for name, row in table[~(table["units"] >= AGREES)].iterrows():
        words = f"not ranked as the truth ranks it: {name}, {row['units']:.2f}"
        if row["missed"] >= _MISSED and row["slope"] < 1 - _MISSED:
            words += (
                f"; the forecast itself lacks {min(row['missed'], 1):.0%} of the effect, so the explanation is true of "
                "the model, and the model is wrong"
            )
        elif row["true_share"] < _TINY:
            words += "; it moved the true sales of the horizon by less than 2 %, and noise ranks what is that small"
        elif row["slope"] < 1 - _MISSED:
            words += "; the forecast has the effect, but the trees find it in columns of other drivers"
        else:
            words += "; its size is right on the whole, but trees that learn from all products tell them badly apart"
        told.append(words)
    weak = [str(name) for name, value in table["share"].items() if not value >= AGREES]
    if weak:
        told.append(
            f"as a share of a product's usual, where its size does not help, the ranks of {listed(weak)} are worse "
            "than that: trees share between products what they learn"
        )
    small = [str(name) for name, value in table["slope"].items() if name in good and value < _SHRUNKEN]
    if small:
        told.append(f"told too small, though ranked rightly: {listed(small)}; trees shrink effects")
    large = [str(name) for name, value in table["slope"].items() if name in good and value > _SWOLLEN]
    if large:
        told.append(f"told too large, though ranked rightly: {listed(large)}; their size is not to be believed")
    return told


def rest_found(reasons: Reasons) -> str:
    """How much of the forecasts the drivers leave to the rest of the committee."""
    total = float(np.abs(reasons.forecast).sum())
    if not reasons.drivers:
        return "no trees are in the champion's mean: its forecast is told as one bar, without drivers"
    share = float(np.abs(reasons.rest).sum()) / max(total, 1e-12)
    return (
        f"the rest of the committee moves {share:.1%} of the forecast units, the drivers and the usual give the others"
    )


def sure_found(reasons: Reasons) -> str:
    """For how many products a reason may be named, and which most often."""
    if not reasons.drivers:
        return "no reason can be named"
    named = int(reasons.sure.any(axis=1).sum())
    counts = pd.Series(reasons.sure.sum(axis=0), reasons.drivers).sort_values(ascending=False, kind="stable")
    most = f", most often {in_a_sentence(str(counts.index[0]))}" if counts.iloc[0] else ""
    return f"a sure reason for {named} of {counted(len(reasons.names), 'product')}{most}"


def importance_found(table: pd.DataFrame) -> str:
    """Which driver the error misses most, and which it does not miss beyond chance."""
    if table.empty:
        return "no driver could be tried"
    first, chance = table.iloc[0], table[table["points"] <= 2 * table["spread"]]
    lead = (
        f"the error misses {in_a_sentence(str(table.index[0]))} most: {first['points']:.1f} points of WAPE"
        if first["points"] > 2 * first["spread"]
        else "no driver is missed beyond what shuffling does by chance"
    )
    return f"{lead}; not beyond chance: {listed(map(str, chance.index))}" if len(chance) else lead


def curves_found(found: Mapping[str, Curves]) -> list[str]:
    """What each curve does from its first point to its last; and that nothing can be shown where a shop lacks it."""
    told = []
    for driver, each in found.items():
        change = each.change
        if abs(change) < _FLAT:
            told.append(f"{driver}: flat, the trees use it for little or beside others")
            continue
        way = "up" if change > 0 else "down"
        apart = float(((each.single[:, -1] > each.single[:, 0]) == (change > 0)).mean())
        told.append(f"{driver}: {way} by {abs(change):.0%} over its range, and so for {apart:.0%} of the rows")
    return told


def lacking(found: Mapping[str, Curves], wanted: tuple[str, ...]) -> list[str]:
    """Sentences on drivers of which the data have no column that varies."""
    return [
        f"{name}: these data have no such column that varies, so there is no curve"
        for name in wanted
        if name not in found
    ]


def attention_found(attention: Attention, by_step: np.ndarray) -> str:
    """Whether attention could pass for an explanation here: what other weights change, and what goes with them."""
    moved, together = attention.moved, attention.goes_with(by_step)
    first = f"weights dealt out anew move the forecasts by {moved:.1%}"
    second = f"their rank correlation with the gradients' sizes by step is {together:.2f}"
    if moved < 0.05 or together < 0.5:
        return f"{first}, and {second}: here attention does not say why"
    return f"{first}, and {second}: here they agree better than is usual, and still say nothing of cause"
