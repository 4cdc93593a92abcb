"""Several networks at many cutoffs: averaged, searched once, and blind to what comes after each cutoff."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.models.forecaster import several
from salesforecast_lib.models.forecaster.fit import NetworkConfig, fit_network
from salesforecast_lib.models.forecaster.several import network_forecasts
from salesforecast_lib.models.training.loop import TrainingConfig
from tests.unit.models.made import HORIZON, WINDOW, made_table

META = {"horizon": HORIZON, "freq": "D"}
CONFIG = NetworkConfig(WINDOW, hidden_size=8, forking=True, training=TrainingConfig(max_epochs=1))
SEEDS = [replace(CONFIG, training=replace(CONFIG.training, seed=seed)) for seed in (1, 2)]


def cutoffs_of(table, count):
    end = table.frame["ds"].max()
    return [end - pd.Timedelta(days=HORIZON * back) for back in range(count, 0, -1)]


def known_of(table):
    return table.frame[["unique_id", "ds", "plan"]]


def test_the_forecast_is_the_mean_of_the_networks_at_each_cutoff():
    table = made_table()
    cutoffs = cutoffs_of(table, 2)
    together = network_forecasts(table, known_of(table), META, cutoffs[::-1], SEEDS)
    assert set(together["model"]) == {"Networks"} and list(together["cutoff"].unique()) == cutoffs
    alone = [network_forecasts(table, known_of(table), META, cutoffs, [each]) for each in SEEDS]
    first = together["cutoff"] == cutoffs[0]
    columns = ["mean", *QUANTILE_COLUMNS]
    both = [each.loc[first, columns].to_numpy() for each in alone]
    assert together.loc[first, columns].to_numpy() == pytest.approx(np.mean(both, axis=0), rel=1e-5)
    assert not np.allclose(both[0], both[1]), "two seeds are two networks"


def test_epochs_are_searched_once_and_weights_stay_between_fits(monkeypatch):
    asked = []

    def counted(table, meta, cutoff, config, *, epochs=None):
        asked.append((cutoff, config.training.seed, epochs))
        return fit_network(table, meta, cutoff, config, epochs=epochs)

    monkeypatch.setattr(several, "fit_network", counted)
    table = made_table()
    cutoffs = cutoffs_of(table, 3)
    network_forecasts(table, known_of(table), META, cutoffs, SEEDS, refit_every=2)
    assert [(cutoff, seed) for cutoff, seed, _ in asked] == [
        (cutoffs[0], 1),
        (cutoffs[0], 2),
        (cutoffs[2], 1),
        (cutoffs[2], 2),
    ]
    assert asked[0][2] is None and all(epochs for *_, epochs in asked[1:]), "only the first fit searches"


def test_nothing_after_a_cutoff_changes_its_forecast():
    table = made_table()
    cutoffs = cutoffs_of(table, 2)
    changed = replace(table, frame=table.frame.copy())
    after = changed.frame["ds"] > cutoffs[0]
    changed.frame.loc[after, ["y", "lag"]] *= 50
    told = network_forecasts(table, known_of(table), META, cutoffs[:1], SEEDS)
    again = network_forecasts(changed, known_of(table), META, cutoffs[:1], SEEDS)
    pd.testing.assert_frame_equal(told, again)


@pytest.mark.parametrize("cutoffs, configs, every", [(1, [], 1), (0, SEEDS, 1), (1, SEEDS, 0)])
def test_nothing_to_do_is_refused(cutoffs, configs, every):
    table = made_table()
    with pytest.raises(ValueError, match="expected at least"):
        network_forecasts(table, known_of(table), META, cutoffs_of(table, cutoffs), configs, every)
