"""Awkward histories: whatever a series went through, every member and the champion stay within what is thinkable."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib import quantile_columns
from salesforecast_lib.models import champion
from salesforecast_lib.models.champion import ChampionConfig, champion_forecasts, guard
from salesforecast_lib.models.champion.plan import Fits
from salesforecast_lib.models.forecaster import NetworkConfig
from salesforecast_lib.models.training.loop import TrainingConfig
from tests.unit.models.champion.made import make_panel, told

DAYS = 330


def closed_for_half_a_year(panel: pd.DataFrame) -> None:
    """Three shops are rebuilt; one opens again ten days, one two days before the end, one in the middle."""
    for name, begin, end in (("s00", 140, DAYS - 10), ("s01", 140, DAYS - 2), ("s02", 60, 240)):
        day = panel["ds"].rank(method="dense") - 1
        rows = (panel["unique_id"] == name) & (day >= begin) & (day < end)
        panel.loc[rows, ["y", "available", "open"]] = 0.0


def new_products(panel: pd.DataFrame) -> None:
    """Five products begin 1, 2, 5, 20 and 60 days before the end."""
    for name, days in zip(["s00", "s01", "s02", "s03", "s04"], (1, 2, 5, 20, 60), strict=True):
        day = panel["ds"].rank(method="dense") - 1
        panel.drop(panel.index[(panel["unique_id"] == name) & (day < DAYS - days)], inplace=True)


def one_giant_order(panel: pd.DataFrame) -> None:
    """A wholesale buyer takes four hundred times the usual, ten days before the end, and once in the middle."""
    for name, day in (("s00", DAYS - 10), ("s03", DAYS // 2)):
        rows = panel.index[panel["unique_id"] == name]
        panel.loc[rows[day], "y"] = 400 * panel.loc[rows, "y"].mean()


def a_year_of_zeros(panel: pd.DataFrame) -> None:
    """One product sells nothing at all; two stopped long ago, one of them sells again since yesterday."""
    day = panel["ds"].rank(method="dense") - 1
    panel.loc[(panel["unique_id"] == "s00") & panel["y"].notna(), "y"] = 0.0
    for name, end in (("s01", DAYS), ("s02", DAYS - 1)):
        panel.loc[(panel["unique_id"] == name) & (day >= 20) & (day < end), "y"] = 0.0


def money_and_crumbs(panel: pd.DataFrame) -> None:
    """A shop that sells for millions beside one that sells thousandths."""
    for name, times in (("s00", 1e5), ("s01", 1e-4)):
        panel.loc[panel["unique_id"] == name, "y"] *= times


@pytest.mark.slow
@pytest.mark.parametrize(
    "happens", [closed_for_half_a_year, new_products, one_giant_order, a_year_of_zeros, money_and_crumbs]
)
def test_forecasts_stay_thinkable(happens, monkeypatch):
    members = ("SeasonalNaive", "WindowAverage", "LightGBMDirect", "Boosting", "Networks")
    training = TrainingConfig(max_epochs=3, epoch_steps=30)
    network = NetworkConfig(28, hidden_size=16, forking=True, learning_rate=0.005, training=training)
    fits = Fits(members, 1, 6_000, 40, 1, (network,), 1)  # small, so that the test is short
    monkeypatch.setattr(champion.champion, "plan_fits", lambda *told: fits)
    panel = make_panel(8, DAYS)
    happens(panel)
    table, known, meta, last = told(panel.reset_index(drop=True))
    cutoffs = [last]
    result = champion_forecasts(table, known, meta, cutoffs, ChampionConfig(members=members, validation=1))
    columns = ["mean", *quantile_columns((0.05, 0.5, 0.95))]
    for cutoff in cutoffs:
        limit = guard.thinkable(table.frame, cutoff, 56)
        rows = result.forecasts[result.forecasts["cutoff"] == cutoff]
        assert np.isfinite(rows[columns]).all(axis=None)
        assert (rows[columns].max(axis=1) <= rows["unique_id"].map(limit) * (1 + 1e-9)).all()
        composition = result.compositions[str(cutoff.date())]
        # not only the limit holds: the members that learn are sound themselves
        assert not {"LightGBMDirect", "Boosting", "Networks"} & set(composition.left_out), composition.left_out
        assert not any("were cut" in note for note in composition.notes) or happens is one_giant_order
