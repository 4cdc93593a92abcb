"""A network on a market that is short of stock: sales are too low, days in stock alone are nearer to demand."""

import pytest

from salesforecast_lib.models.forecaster import stockouts


def test_the_market_is_short_of_stock_and_can_be_given_a_drift():
    truth = stockouts.short_market(6, seed=1, days=200)
    assert 0.1 < (truth["available"] < 1).mean() < 0.5
    assert (truth["sales"] <= truth["demand"]).all()
    drifting = stockouts.short_market(6, seed=1, days=200, season=0.4)
    assert not drifting["demand"].equals(truth["demand"])


def test_a_network_told_which_days_sold_out_is_nearer_to_demand():
    truth = stockouts.short_market(8, days=400)
    ignored = stockouts.demand_bias(truth, truth["available"] * 0 + 1, epochs=3)
    left_out = stockouts.demand_bias(truth, (truth["available"] >= 1).astype(float), epochs=3)
    censored = stockouts.demand_bias(truth, truth["available"], censored=True, epochs=3)
    assert ignored < left_out < censored
    assert ignored == pytest.approx(truth["sales"].sum() / truth["demand"].sum() - 1, abs=0.08)
