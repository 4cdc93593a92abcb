"""What the tests of the explanations share: a small champion of several members, and reasons written by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.models.champion import ChampionConfig, champion_forecasts, plan
from salesforecast_lib.models.champion import champion as made_by
from salesforecast_lib.production.explain.committee import Reasons


def small_champion(table, known, meta, last, members):
    """A stored champion of these members, as small as can be."""
    fits = plan.Fits(members, 1, 3000, 12, 1, (), 1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made_by, "plan_fits", lambda *told: fits)
        config = ChampionConfig(members=members, levels=(0.1, 0.5, 0.9), validation=1)
        return champion_forecasts(table, known, meta, [last], config).stored


def hand_made(**changes):
    """Reasons of three products and three drivers."""
    told = {
        "names": np.array(["=A1", "007", "Tea"]), "cutoff": pd.Timestamp("2024-05-01"),
        "steps": pd.date_range("2024-05-02", periods=14), "forecast": np.array([118.0, 50.0, 9.0]),
        "usual": np.array([106.0, 50.0, 8.0]), "drivers": ("promotion", "season", "price"),
        "added": np.array([[9.4, 5.0, -2.0], [0.2, -0.1, 0.0], [-1.5, 0.5, 2.0]]),
        "low": np.array([[7.0, -1.0, -3.0], [0.1, -0.3, 0.0], [-2.0, 0.1, 1.5]]),
        "high": np.array([[11.0, 8.0, -1.0], [0.4, 0.2, 0.0], [-1.0, 0.9, 2.5]]),
        "agree": np.array([[True, False, True], [True, False, False], [True, True, True]]),
        "when": np.full((3, 3), np.datetime64("NaT"), dtype="datetime64[ns]"),
    }  # fmt: skip
    told["when"][0, 0] = np.datetime64("2024-05-03")
    return Reasons(**{**told, **changes})
