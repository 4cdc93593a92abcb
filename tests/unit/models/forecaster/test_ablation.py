"""The verdicts on feature groups follow the seeds and both stretches, not a single lucky number."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.features import build_features
from salesforecast_lib.models.forecaster.ablation import ablate_stretches, group_verdicts, groups_always


def table_of(gain, spread, stretch="2024-01-01"):
    names = ["nothing", *"abc"[: len(gain) - 1]]
    return pd.DataFrame({"without": names, "gain": gain, "spread": spread, "stretch": pd.Timestamp(stretch)})


def test_verdict_by_hand():
    gains = np.array([0.001, 0.002, 0.003])  # three seeds: t interval of the mean
    half = 4.302653 * gains.std(ddof=1) / np.sqrt(3)
    for mean, expected in ((half * 1.01, "helps"), (half * 0.99, "not told apart"), (-half * 1.01, "harms")):
        made = table_of([0.0, mean], [0.001, gains.std()])
        assert group_verdicts(made, 3) == ["not told apart", expected]


def test_one_seed_tells_nothing_apart():
    assert group_verdicts(table_of([0.0, -0.5], [0.0, 0.0]), 1) == ["not told apart"] * 2


def test_a_group_must_harm_in_every_stretch():
    parts = [
        table_of([0, -1, -1, 2], [0, 0, 0, 0], "2024-01-01").assign(verdict=["harms", "harms", "harms", "helps"]),
        table_of([0, -1, 1, 2], [0, 0, 0, 0], "2024-03-01").assign(verdict=["harms", "harms", "helps", "helps"]),
    ]
    both = pd.concat(parts, ignore_index=True)
    assert groups_always(both, "harms") == ["a"] and groups_always(both, "helps") == ["c"]
    assert groups_always(parts[0], "harms") == [], "one stretch decides nothing"


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
    assert ablate_stretches(table, 7, days[5], "D", (0, 1)).empty
    assert groups_always(ablate_stretches(table, 7, days[5], "D", (0, 1)), "harms") == []
