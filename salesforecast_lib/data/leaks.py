"""The tripwire: does a feature know something that happens after its day? (chapter 02)"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from salesforecast_lib.data.features import ROLES, FeatureTable


def find_leaks(
    build: Callable[[pd.DataFrame], FeatureTable],
    panel: pd.DataFrame,
    cutoff: pd.Timestamp | str,
    known_ahead: tuple[str, ...] = (),
    seed: int = 0,
) -> list[str]:
    """Tripwire: names of features that know something after the cutoff; an empty list is a pass.

    Every number after the cutoff is perturbed. No feature at or before the cutoff may change by one bit; and no
    *future* feature after it may change when only what is *not* known ahead was perturbed.

    Parameters
    ----------
    known_ahead : raw columns planned by the shop (the declared future covariates).
    """
    rng = np.random.default_rng(seed)
    after = (panel["ds"] > pd.Timestamp(cutoff)).to_numpy()
    if not after.any() or after.all():
        raise ValueError(f"cutoff={cutoff}: expected a date inside the panel, so that there is something to perturb")
    numbers = [name for name in panel.select_dtypes("number") if name != "available"]

    def perturbed(columns: list[str]) -> pd.DataFrame:
        other = panel.copy()
        for name in columns:
            other[name] = other[name].astype("float64")
            factor, shift = rng.uniform(2, 5, after.sum()), rng.uniform(1, 3, after.sum())
            other.loc[after, name] = other.loc[after, name] * factor + shift
        return other

    honest = build(panel)
    everything = build(perturbed(numbers))
    unknown = build(perturbed([name for name in numbers if name not in known_ahead]))
    leaks = []
    for role in ROLES:
        for name in honest.roles[role]:
            same = honest.frame.loc[~after, name].equals(everything.frame.loc[~after, name])
            if role == "future":
                same = same and honest.frame[name].equals(unknown.frame[name])
            if not same:
                leaks.append(name)
    return leaks
