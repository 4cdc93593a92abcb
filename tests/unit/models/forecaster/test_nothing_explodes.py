"""Shops that close, open, sell nothing for a year or get one giant order: losses and forecasts stay in proportion."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.models.forecaster.fit import NetworkConfig, fit_network
from salesforecast_lib.models.training.loop import TrainingConfig
from tests.unit.models.windows.test_level import shop

META = {"horizon": 7, "freq": "D"}
CONFIG = NetworkConfig(28, hidden_size=8, learning_rate=0.01, forking=True, training=TrainingConfig(max_epochs=3))


def sales(level, days=500, seed=0):
    return np.random.default_rng(seed).poisson(level, days).astype(float)


def closed_half_a_year():
    y, available = sales(40), np.ones(500)
    available[300:490] = 0.0
    return y * available, available


def new_product(days=9):
    return sales(15, days, 1), np.ones(days)


def one_giant_order():
    y = sales(3, seed=2)
    y[430] = 50_000.0
    return y, np.ones(500)


def year_of_zeros():
    return np.r_[sales(20, 130, 3), np.zeros(370)], np.ones(500)


def never_sold():
    return np.zeros(500), np.ones(500)


def reopened_after_years():
    available = np.r_[np.ones(20), np.zeros(470), np.ones(10)]
    return sales(60, seed=5) * available, available


CASES = [closed_half_a_year, new_product, one_giant_order, year_of_zeros, never_sold, reopened_after_years]


def trained(table, cutoff, **changes):
    return fit_network(table, META, cutoff, replace(CONFIG, **changes))


@pytest.mark.parametrize("head", ["quantiles", "gaussian", "negative_binomial"])
@pytest.mark.parametrize("case", CASES)
def test_losses_and_forecasts_stay_in_proportion(case, head):
    table = shop(case(), (sales(25, seed=8), np.ones(500)), (sales(2, seed=9), np.ones(500)))
    cutoff = table.frame["ds"].max()
    fit = trained(table, cutoff, head=head)
    losses = np.array([*fit.search.train, *fit.search.validation, *fit.final.train])
    assert np.isfinite(losses).all() and np.abs(losses).max() < 30, losses
    ahead = pd.DataFrame({"unique_id": [], "ds": pd.DatetimeIndex([])})
    days = pd.date_range(cutoff, periods=8)[1:]
    ahead = pd.MultiIndex.from_product([["s0", "s1", "s2"], days], names=["unique_id", "ds"]).to_frame(index=False)
    forecast = fit.forecaster(table.frame, ahead, cutoff)
    largest = forecast["unique_id"].map(table.frame.groupby("unique_id")["y"].max()).clip(lower=1)
    assert np.isfinite(forecast["mean"]).all()
    assert (forecast[["mean", "q0.95"]].max(axis=1) <= 4 * largest).all()


@pytest.mark.parametrize("factor", [1024.0, 1000.0, 1e-3])
def test_a_network_forecasts_the_same_in_any_currency(factor):
    """Trained and asked in another unit: the forecast times the factor, up to what rounding does in training."""
    table = shop((sales(24, seed=1), np.ones(500)), (sales(0.3, seed=2), np.ones(500)), closed_half_a_year())
    money = replace(table, frame=table.frame.assign(y=table.frame["y"] * factor))
    cutoff = table.frame["ds"].max() - pd.Timedelta(days=7)
    ahead = table.frame[table.frame["ds"] > cutoff]
    plain, other = (trained(each, cutoff).forecaster(each.frame, ahead, cutoff) for each in (table, money))
    columns = [name for name in plain if name.startswith("q") or name == "mean"]
    np.testing.assert_allclose(other[columns] / factor, plain[columns], rtol=0.02, atol=1e-4)


def test_levels_are_a_setting_that_is_stored(tmp_path):
    from salesforecast_lib.models.forecaster.persistence import load_forecaster, save_forecaster

    table = shop((sales(24, seed=1), np.ones(500)), (sales(5, seed=2), np.ones(500)))
    cutoff = table.frame["ds"].max() - pd.Timedelta(days=7)
    ahead = table.frame[table.frame["ds"] > cutoff]
    for head in ("quantiles", "tweedie"):
        for levels in ((0.5,), (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)):
            fitted = trained(table, cutoff, levels=levels, head=head).forecaster
            forecast = fitted(table.frame, ahead, cutoff)
            names = [f"q{level}" for level in levels]
            assert [name for name in forecast if name.startswith("q")] == names
            assert (np.diff(forecast[names], axis=1) >= 0).all()
            again = load_forecaster(save_forecaster(fitted, tmp_path))(table.frame, ahead, cutoff)
            pd.testing.assert_frame_equal(again, forecast)


@pytest.mark.parametrize("levels", [(0.1, 0.9), (0.9, 0.5), (0.0, 0.5), (0.5, 1.0), (0.5, 0.5)])
def test_levels_without_a_median_or_out_of_order_are_refused(levels):
    table = shop((sales(24), np.ones(500)))
    with pytest.raises(ValueError, match="expected rising levels between 0 and 1 that include 0.5"):
        trained(table, table.frame["ds"].max(), levels=levels)
