"""Price data: counts, rivals, and what stays out."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.decisions.pricing.data import count_bias, log_demand, market_prices, panel_prices, rival_index
from tests.unit.decisions.pricing.made import weekly_panel


def test_latent_columns_stay_out_of_the_price_data(market):
    names = set(market_prices(market).table.columns)
    assert not names & {"mu", "shock", "demand", "regime", "stock"}


def test_log_demand_is_unbiased_for_large_counts_and_sold_out_days():
    rng = np.random.default_rng(0)
    demand = pd.Series(rng.poisson(20.0, 40_000))
    assert abs(log_demand(demand).mean() - np.log(20)) < 0.005
    stock = 12
    last = pd.Series(rng.beta(stock, demand.clip(lower=stock) - stock + 1))
    out = demand >= stock
    censored = log_demand(demand.clip(upper=stock), last.where(out, 1.0))
    assert abs(censored.mean() - np.log(20)) < 0.01
    assert abs(np.log(demand.clip(upper=stock)).mean() - np.log(20)) > 0.3  # what sales alone say
    assert log_demand(pd.Series([0.0]), pd.Series([0.0])).isna().all()


def test_rival_index_by_hand():
    table = pd.DataFrame(
        {
            "unique_id": ["a", "a", "b", "b", "c", "c"],
            "category": "x",
            "ds": [1, 2] * 3,
            "share": [0.5, 0.5, 0.3, 0.3, 0.2, 0.2],
            "v": [1.0, 3.0, 0.0, 2.0, 5.0, 5.0],
        }
    )
    # deviations: a -1, 1; b -1, 1; c 0, 0
    np.testing.assert_allclose(rival_index(table, "v"), [-0.6, 0.6, -0.5 / 0.7, 0.5 / 0.7, -1.0, 1.0])


def test_missing_panel_columns_are_named():
    with pytest.raises(ValueError, match="shelf"):
        panel_prices(weekly_panel(), "shelf", [])


def test_count_bias_is_that_of_simulated_counts_and_refuses_what_has_no_logarithm():
    table = count_bias([0.2, 1.0, 5.0]).set_index("units")
    rng = np.random.default_rng(1)
    for mean, row in table.iterrows():
        counts = pd.Series(rng.poisson(mean, 200_000))
        psi = log_demand(counts)
        assert abs(psi.mean() - np.log(mean) - row["bias"]) < 4 * psi.std() / np.sqrt(len(psi))
        assert abs(np.log(counts + 0.5).mean() - np.log(mean) - row["bias_half"]) < 0.01
    assert table.loc[1.0, "bias"] > 0.2 and table.loc[5.0, "bias"] < 0.002
    near = count_bias([1.0, 1.001])["bias"]  # d bias / d log mean is what the elasticity loses
    slope = 1 + (near[1] - near[0]) / np.log(1.001)
    assert slope == pytest.approx(table.loc[1.0, "elasticity_found"], abs=1e-3)
    with pytest.raises(ValueError, match="positive"):
        count_bias([0.0, 1.0])
