"""Did the reasons of the forecast change when the model was trained anew? Attribution by feature group (chapter 15)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from salesforecast_lib.models.peers import OriginRows
from salesforecast_lib.models.peers.contributions import tree_contributions
from salesforecast_lib.production.monitoring.trials.trees import Trees

OWN = "own recent sales"  # columns that the trees' rows make themselves: level, step, same phase, season's average
MOVED = 0.03  # share of all attribution; a smaller move is no news


def attribution(
    trees: Trees, rows: OriginRows, cutoff: pd.Timestamp, groups: Mapping[str, Sequence[str]], sample: int = 2_000
) -> pd.Series:
    """Share of each feature group in the forecasts from ``cutoff`` on, adding up to one, largest first.

    Mean absolute Shapley values of the trees, exact for them (Lundberg et al. 2020), added up by group.

    Parameters
    ----------
    groups : group → feature names, as in ``features.json``.
    sample : forecasts that are explained, evenly drawn.
    """
    origin, step = rows.at(cutoff)
    kept = np.unique(np.linspace(0, len(origin) - 1, min(sample, len(origin))).astype(int))
    inputs = rows.inputs(origin[kept], step[kept])
    _, values = tree_contributions(trees.boosters["mean"], inputs)
    of = {name: group for group, names in groups.items() for name in names}
    labels = [of.get(name.removeprefix("ahead_"), OWN) for name in trees.names]
    size = pd.Series(np.abs(values).mean(axis=0)).groupby(labels).sum()
    return (size / max(float(size.sum()), 1e-12)).sort_values(ascending=False, kind="stable")


def explanation_change(before: pd.Series, after: pd.Series, again: pd.Series | None = None) -> pd.DataFrame:
    """Attribution before and after, and how far it moved, largest move first: index ``group``.

    Parameters
    ----------
    again : of the same training rows with another seed; ``chance`` is what the seed alone moves.
    """
    table = pd.DataFrame({"before": before, "after": after}).fillna(0.0)
    table["change"] = table["after"] - table["before"]
    if again is not None:
        table["chance"] = (again.reindex(table.index).fillna(0.0) - table["after"]).abs()
    order = table["change"].abs().sort_values(ascending=False, kind="stable").index
    return table.loc[order].rename_axis("group")


def explanation_found(table: pd.DataFrame) -> str:
    """One sentence on `explanation_change`: what moved by more than a new seed moves it, or that nothing did."""
    chance = float(table["chance"].max()) if "chance" in table else 0.0
    limit = max(MOVED, 2 * chance)
    moved = table[table["change"].abs() > limit]
    if moved.empty:
        return f"the explanation stayed: no group of features moved by more than {limit:.0%} of the attribution"
    name, row = str(moved.index[0]), moved.iloc[0]
    way = "more" if row["change"] > 0 else "less"
    others = f", and {len(moved) - 1} more groups moved" if len(moved) > 1 else ""
    return (
        f"the explanation changed: {name} counts {way}, {row['before']:.0%} before, {row['after']:.0%} after{others}; "
        "look at its columns before the new model is promoted"
    )
