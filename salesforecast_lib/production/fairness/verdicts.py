"""Sentences on who is served badly, true for any shop (chapter 16b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from salesforecast_lib.production.fairness.measures import MEASURES

_WORDS = {"wape": "WAPE", "bias": "bias", "fill": "fill rate"}


def groups_found(tables: Mapping[str, pd.DataFrame]) -> list[str]:
    """Every group that differs from the others beyond chance, in a sentence; or that none does.

    Parameters
    ----------
    tables : `by_group` by attribute.
    """
    words = []
    for name, table in tables.items():
        for group, row in table.iterrows():
            found = [
                f"{_WORDS[measure]} {row[measure]:.1%} ({row[f'{measure}_gap']:+.1%} against the others)"
                for measure in MEASURES
                if row[f"{measure}_differs"]
            ]
            if found:
                words.append(f"{name} = {group}: {', '.join(found)}.")
    return words or ["No group differs from the others beyond chance."]


def price_found(table: pd.DataFrame, helped: str, what: str) -> str:
    """What a mitigation does for a group and what the others pay, from `price_of`."""
    own, others = table.loc[helped], table.loc["others"]
    gain, cost = own["wape_before"] - own["wape_after"], others["wape_after"] - others["wape_before"]
    text = f"{what}: the WAPE of {helped} goes from {own['wape_before']:.3f} to {own['wape_after']:.3f}, that of the "
    text += f"others from {others['wape_before']:.3f} to {others['wape_after']:.3f}; "
    if gain <= 0:
        return text + "the group is not helped, so the mitigation is not worth it."
    if cost <= 0:
        return text + "the group is helped and nobody pays."
    return text + "the group is helped and the others pay."


def seeds_found(prices: Sequence[pd.DataFrame], helped: str, what: str) -> str:
    """`price_found` of the mean over seeds, and whether the group is helped with every seed."""
    mean = sum(prices[1:], prices[0]) / len(prices)
    gains = [float(table.loc[helped, "wape_before"] - table.loc[helped, "wape_after"]) for table in prices]
    same = min(gains) > 0 or max(gains) <= 0
    text = price_found(mean, helped, what)
    return text if same else text.partition(";")[0] + "; another seed of the trees says the opposite, so it is chance."


def bias_found(table: pd.DataFrame, helped: str) -> str:
    """Whether the bias of a group moved towards zero."""
    own = table.loc[helped]
    nearer = abs(own["bias_after"]) < abs(own["bias_before"])
    return f"The bias of {helped} goes from {own['bias_before']:+.3f} to {own['bias_after']:+.3f}, " + (
        "nearer to zero." if nearer else "not nearer to zero."
    )
