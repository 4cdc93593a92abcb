"""The verdicts on feature groups follow the seeds and both stretches, not a single lucky number."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.features import build_features
from salesforecast_lib.models.forecaster import ablation
from salesforecast_lib.models.forecaster.ablation import ablate_stretches, ablation_decision, groups_always, half_width


def table_of(verdicts, stretch="2024-01-01"):
    names = ["nothing", *"abc"[: len(verdicts)]]
    table = pd.DataFrame({"without": names, "verdict": ["not told apart", *verdicts], "half": 0.001})
    return table.assign(stretch=pd.Timestamp(stretch))


def test_half_width_by_hand():
    gains = pd.Series([0.001, 0.002, 0.004])  # of three seeds
    by_hand = 4.302653 * gains.std(ddof=1) / np.sqrt(3)
    assert half_width(pd.Series([gains.std(ddof=0)]), 3)[0] == pytest.approx(by_hand)
    assert half_width(pd.Series([0.1]), 1).isna().all(), "one seed tells nothing apart"


def test_a_group_must_harm_in_every_stretch():
    later = table_of(["harms", "harms", "helps"])
    both = pd.concat([later, table_of(["harms", "helps", "helps"], "2024-03-01")], ignore_index=True)
    assert groups_always(both, "harms") == ["a"] and groups_always(both, "helps") == ["c"]
    assert ablation_decision(both).startswith("In every stretch these harm: a.")
    assert groups_always(later, "harms") == [], "one stretch decides nothing"
    assert "Too little history" in ablation_decision(later)
    mixed = pd.concat([later, table_of(["helps", "helps", "helps"], "2024-03-01")], ignore_index=True)
    assert ablation_decision(mixed).startswith("No group harms in every stretch")
    assert ablation_decision(mixed.assign(half=np.nan)).startswith("One seed")


@pytest.fixture(scope="module")
def made():
    days = pd.date_range("2023-01-01", periods=200)
    rng = np.random.default_rng(0)
    sales = np.concatenate([rng.poisson(3 + 5 * (np.arange(200) % 7 > 4)) for _ in "ab"]).astype(float)
    panel = pd.DataFrame({"unique_id": np.repeat(["a", "b"], 200), "ds": [*days, *days], "y": sales})
    panel = panel.assign(available=1.0, open=1.0)
    meta = {"freq": "D", "season_length": 7, "country": "US", "static": [], "historical": [], "future": ["open"]}
    return build_features(panel, meta), days


def test_stretches_do_not_overlap_and_short_histories_have_fewer(made):
    table, days = made
    result = ablate_stretches(table, 7, days[180], "D", (0, 1))
    assert result["stretch"].unique().tolist() == [days[180], days[166]]
    assert set(result["without"]) == {"nothing", *table.groups}
    outside = result["gain"].abs() > result["half"]
    assert ((result["verdict"] != "not told apart") == outside).all()
    assert (ablate_stretches(table, 7, days[180], "D", (0,))["verdict"] == "not told apart").all()
    assert ablate_stretches(table, 7, days[5], "D", (0, 1)).empty


def test_nothing_is_measured_without_a_seed(made):
    table, days = made
    result = ablate_stretches(table, 7, days[180], "D", ())
    assert result.empty and ablation_decision(result) == "Not measured: all groups stay."


def test_of_a_large_table_every_so_many_series_are_looked_at(made, monkeypatch):
    table, days = made
    one = replace(table, frame=table.frame[table.frame["unique_id"] == "a"])
    monkeypatch.setattr(ablation, "MOST_ROWS", 200)
    of_both = ablation.ablate(table, 7, days[180], "D", (0,))
    monkeypatch.setattr(ablation, "MOST_ROWS", 1_000)
    assert of_both.equals(ablation.ablate(one, 7, days[180], "D", (0,)))
    assert not of_both.equals(ablation.ablate(table, 7, days[180], "D", (0,)))
