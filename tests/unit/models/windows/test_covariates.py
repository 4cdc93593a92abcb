"""Covariates in money or in large numbers do not drown a network's other inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.features import FeatureTable, build_features
from salesforecast_lib.models.forecaster import NetworkConfig, network_forecasts
from salesforecast_lib.models.windows.panel_tensor import squashed
from tests.unit.chain import make_chain


def test_flags_and_shares_stay_as_they_are_and_larger_numbers_keep_their_order():
    values = np.array([-30000.0, -2.0, -1.0, -0.3, 0.0, 0.5, 1.0, 1.0001, 2.0, 211.0, 80000.0])
    found = squashed(values)
    assert found[2:7].tolist() == values[2:7].tolist()
    assert (np.diff(found) > 0).all() and np.abs(found).max() < 13
    assert found[7] == pytest.approx(1.0001, abs=1e-6), "no jump at one"


def wape(code: pd.Series, panel: pd.DataFrame) -> float:
    """Error of a small network that is told ``code`` ahead, on the last two weeks of open days."""
    last = panel["ds"].max() - pd.Timedelta(days=14)
    meta = {"freq": "D", "season_length": 7, "country": "DE", "horizon": 14}
    meta |= {"static": [], "historical": [], "future": ["code", "open"]}
    told = panel[["unique_id", "ds", "y"]].assign(
        open=panel["open"].astype("float64"), available=(panel["open"] > 0).astype("float64"), code=code
    )
    table = build_features(told, meta)
    known = table.frame[["unique_id", "ds", *table.roles["future"]]]
    past = FeatureTable(
        table.frame[table.frame["ds"] <= last].reset_index(drop=True), table.roles, table.groups, table.in_units
    )
    config = NetworkConfig(window=28, hidden_size=16, forking=True, learning_rate=0.004)
    config = replace(config, training=replace(config.training, max_epochs=3))
    forecasts = network_forecasts(past, known, {**meta, **table.roles}, [last], [config])
    rows = forecasts.merge(panel[panel["open"] > 0][["unique_id", "ds", "y"]])
    return float((rows["q0.5"] - rows["y"]).abs().sum() / rows["y"].sum())


@pytest.fixture(scope="module")
def told_a_flag():
    panel = make_chain(8, 240, 0, 0)
    return panel, wape(panel["promo"].astype("float64"), panel)


@pytest.mark.parametrize("unit, base", [(1000.0, 0.0), (80000.0, 0.0), (5.0, 24000.0)])
def test_a_network_told_large_numbers_is_not_far_from_one_told_a_flag(told_a_flag, unit, base):
    panel, flag = told_a_flag
    assert wape(base + unit * panel["promo"], panel) < 1.5 * flag + 0.05
