"""Any horizon trains on any history of three horizons or more, with the strides and windows of the defaults."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.calendar import cutoffs_within
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.models.forecaster.fit import NetworkConfig, fit_network
from salesforecast_lib.models.forecaster.several import network_forecasts
from salesforecast_lib.models.forecaster.split import choose_origins, split_by_time
from salesforecast_lib.models.selection.comparison import compare
from salesforecast_lib.models.selection.validation import WINDOWS, rolling_validation, searched_meta
from salesforecast_lib.models.training.loop import TrainingConfig
from salesforecast_lib.models.windows.panel_tensor import PanelTensor
from salesforecast_lib.models.windows.vocabulary import Vocabulary


def table_of(periods, freq="D", series=3) -> FeatureTable:
    rng = np.random.default_rng(0)
    ds = pd.date_range("2023-01-01", periods=periods, freq=freq)
    parts = [pd.DataFrame({"unique_id": f"s{k}", "ds": ds, "y": rng.poisson(9, periods) + 0.0}) for k in range(series)]
    frame = pd.concat(parts, ignore_index=True).assign(available=1.0, plan=1.0)
    return FeatureTable(frame, {"static": [], "historical": [], "future": ["plan"]})


def origins_of(periods, horizon, stride=3, window=56, freq="D"):
    table = table_of(periods, freq)
    cutoff = table.frame["ds"].max()
    tensor = PanelTensor(table.frame, Vocabulary.of(table), window, horizon, 4)
    return tensor, cutoff, choose_origins(tensor, cutoff, freq, window // 2, stride)


@pytest.mark.parametrize("stride", [1, 3, 14])
@pytest.mark.parametrize("horizon", range(1, 9))
def test_every_horizon_has_validation_origins_whatever_the_stride(horizon, stride):
    tensor, cutoff, rows = origins_of(200, horizon, stride)
    split = split_by_time(cutoff, horizon, "D")
    assert rows.validated and len(rows.train) and len(rows.everything)
    assert tensor.ds[rows.train].max() <= np.datetime64(split.train_last)
    validation = tensor.ds[rows.validation]
    assert validation.min() >= np.datetime64(split.validation_first)
    assert validation.max() <= np.datetime64(split.validation_last)


def test_a_long_history_keeps_what_was_asked_for():
    _, _, rows = origins_of(300, 28, 14)
    assert (rows.min_history, rows.stride) == (28, 14)


@pytest.mark.parametrize("periods, horizon", [(14, 7), (20, 10), (2, 1), (26, 13), (8, 4)])
def test_two_horizons_train_without_validation(periods, horizon):
    tensor, cutoff, rows = origins_of(periods, horizon)
    assert not rows.validated and len(rows.train) and np.array_equal(rows.train, rows.everything)
    ends = pd.DatetimeIndex(tensor.ds[rows.train]) + pd.Timedelta(days=horizon)
    assert ends.max() <= cutoff, "no target lies after the cutoff"


def test_too_little_is_refused_with_what_would_do():
    with pytest.raises(ValueError, match="horizon=7: no series has 8 periods up to 2023-01-07.*smaller horizon"):
        origins_of(7, 7)
    assert len(origins_of(8, 7)[2].train), "eight periods are enough"


@pytest.mark.parametrize(
    "freq, periods, horizon", [("D", 21, 7), ("D", 30, 10), ("D", 15, 1), ("ME", 12, 4), ("W", 39, 13)]
)
def test_training_and_search_run_on_three_horizons(freq, periods, horizon):
    table = table_of(periods, freq)
    alias = {"W": "W-SUN"}.get(freq, freq)
    meta = {"horizon": horizon, "freq": alias, "season_length": {"D": 7, "W": 52, "ME": 12}[freq]}
    ds = table.frame["ds"]
    cutoff = cutoffs_within(ds, alias, horizon, 3)[0]
    for forking in (False, True):
        config = NetworkConfig(hidden_size=4, forking=forking, training=TrainingConfig(max_epochs=1))
        fit = fit_network(table, meta, cutoff, config)
        forecast = fit.forecaster(table.frame, table.frame[ds > cutoff], cutoff)
        assert len(forecast) == 3 * horizon and np.isfinite(forecast["mean"]).all()

    searched = searched_meta(meta, ds.min(), cutoff)
    windows = WINDOWS[freq[0]]
    protocol = rolling_validation(cutoff, searched, 2, first=ds.min(), window=max(windows))
    base = NetworkConfig(windows[1], hidden_size=4, stride=14, training=TrainingConfig(max_epochs=1))
    for each in (protocol, protocol.later()):
        found = compare(table, searched, each, {"default": base}, [0])
        assert np.isfinite(found["score"]).all() and each.last <= cutoff


@pytest.mark.parametrize("freq, periods, horizon", [("W-SUN", 29, 13), ("D", 16, 7), ("ME", 9, 4), ("W-SUN", 14, 13)])
def test_a_short_history_is_trained_without_validation(freq, periods, horizon):
    table = table_of(periods + horizon, freq)
    meta = {"horizon": horizon, "freq": freq, "season_length": 1}
    cutoff = pd.Timestamp(np.sort(table.frame["ds"].unique())[periods - 1])
    configs = [
        NetworkConfig(hidden_size=4, forking=each, training=TrainingConfig(max_epochs=2)) for each in (True, False)
    ]
    for config in configs:
        fit = fit_network(table, meta, cutoff, config)
        assert not fit.validated and fit.final is None and len(fit.search.train) == 2
    known = table.frame[["unique_id", "ds", "plan"]]
    forecast = network_forecasts(table, known, meta, [cutoff], configs)
    assert len(forecast) == 3 * horizon and np.isfinite(forecast["mean"]).all()


def test_a_shop_that_was_always_closed_is_refused_for_what_it_is():
    table = table_of(60)
    table.frame["available"] = 0.0
    with pytest.raises(ValueError, match="no series has .*available"):
        fit_network(table, {"horizon": 7, "freq": "D"}, table.frame["ds"].max())


def test_the_search_keeps_the_horizon_where_there_is_room():
    meta = {"horizon": 28, "freq": "D"}
    days = pd.date_range("2023-01-01", periods=142)
    assert searched_meta(meta, days[0], days[-1])["horizon"] == 28
    assert searched_meta(meta, days[0], days[-2])["horizon"] == 27
