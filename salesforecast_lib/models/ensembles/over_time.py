"""Calibration and reconciliation at every cutoff, each from what had been scored by then (chapter 06)."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from salesforecast_lib.models.ensembles.conformal import fit_adaptive, fit_split
from salesforecast_lib.models.ensembles.ensemble import METHODS, Weights, combine_over_time
from salesforecast_lib.models.ensembles.reconcile import LEAST_ERRORS, Hierarchy, common_errors, reconcile


def learned_cutoffs(cutoffs: Sequence[pd.Timestamp], horizon: int, freq: str) -> list[pd.Timestamp]:
    """The cutoffs by which a whole horizon after the first one had been scored: weights can be learned there."""
    first = cutoffs[0] + horizon * pd.tseries.frequencies.to_offset(freq)
    return [cutoff for cutoff in cutoffs if cutoff >= first]


def every_committee(
    members: pd.DataFrame, scored: pd.DataFrame, committee: Sequence[str], scale: pd.Series
) -> tuple[dict[str, pd.DataFrame], dict[str, dict[str, Weights]]]:
    """The committee at every cutoff by each of `METHODS`: forecast tables, and weights by cutoff, of each method."""
    combined = {name: combine_over_time(members, scored, name, name, committee, scale) for name in METHODS}
    return {name: table for name, (table, _) in combined.items()}, {name: w for name, (_, w) in combined.items()}


def calibrate_over_time(
    forecasts: pd.DataFrame, scored: pd.DataFrame, cutoffs: Sequence[pd.Timestamp], rate: float = 0.02
) -> pd.DataFrame:
    """Forecasts at each cutoff as they were, and calibrated on the rows scored by then.

    Returns
    -------
    The forecast table with a column ``kind``: "before", "split" or "adaptive". A cutoff by which nothing had been
    scored has "before" only.
    """
    parts = []
    for cutoff in cutoffs:
        past, fresh = scored[scored["ds"] <= cutoff], forecasts[forecasts["cutoff"] == cutoff]
        parts.append(fresh.assign(kind="before"))
        if len(past):
            parts.append(fit_split(past, cutoff).apply(fresh).assign(kind="split"))
            parts.append(fit_adaptive(past, cutoff, rate=rate).apply(fresh).assign(kind="adaptive"))
    return pd.concat(parts, ignore_index=True)


def reconcile_over_time(
    base: pd.DataFrame, scored: pd.DataFrame, hierarchy: Hierarchy, cutoffs: Sequence[pd.Timestamp]
) -> pd.DataFrame:
    """Forecasts of all nodes at each cutoff: models "base", "bottom-up" and "MinT".

    MinT weighs by the errors scored by then and is left out where there are none. Where a horizon is so short that some
    cutoff has too few, it is left out at all of them, so that the models have the same rows.

    Parameters
    ----------
    base : forecasts of every node, one model; ``scored`` are its rows with ``y``.
    """
    parts = [base[base["cutoff"].isin(cutoffs)].assign(model="base")]
    nodes = hierarchy.summing["unique_id"].tolist()
    known = [common_errors(scored[scored["ds"] <= cutoff], nodes)["ds"].nunique() for cutoff in cutoffs]
    enough = min((number for number in known if number), default=0) >= LEAST_ERRORS
    for cutoff, number in zip(cutoffs, known, strict=True):
        now, past = base[base["cutoff"] == cutoff], scored[scored["ds"] <= cutoff]
        parts.append(reconcile(now, hierarchy, "bottom_up", "bottom-up"))
        if number and enough:
            parts.append(reconcile(now, hierarchy, "mint_shrink", "MinT", past))
    return pd.concat(parts, ignore_index=True)


def node_levels(hierarchy: Hierarchy) -> dict[str, str]:
    """Level of each node: "shop", a category's column, or "product"."""
    return {node: name for name, nodes in hierarchy.levels.items() for node in nodes}
