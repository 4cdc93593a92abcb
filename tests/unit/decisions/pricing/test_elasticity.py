"""Elasticities and shrinkage against known truths."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.decisions.pricing.data import PriceData, rival_index
from salesforecast_lib.decisions.pricing.elasticity import double_ml, fixed_effects, naive_loglog
from salesforecast_lib.decisions.pricing.nuisance import ByProduct
from salesforecast_lib.decisions.pricing.shrinkage import shrink
from tests.unit.decisions.pricing.made import synthetic


def test_instruments_remove_the_bias_that_the_naive_line_has():
    data = synthetic()
    naive, plain, instrumented = naive_loglog(data), double_ml(data, instruments=False), double_ml(data)
    assert naive.mean > -1.7 and plain.mean > -1.7
    low, high = instrumented.interval()
    assert low <= -2.0 <= high and high - low < 0.3
    assert abs(instrumented.table["cross"].mean() - 0.5) < 0.25
    assert instrumented.first_stage_f > 10 and plain.first_stage_f == np.inf


def test_without_confounding_every_estimator_with_the_right_model_is_right():
    data = synthetic(confounding=0.0)
    for found in (fixed_effects(data), double_ml(data, instruments=False), double_ml(data)):
        assert abs(found.mean + 2.0) < 0.1, found.method


def test_fixed_effects_equal_dummy_variables():
    data = synthetic(products=4, periods=30)
    shares = data.table["unique_id"].map({"p0": 0.4, "p1": 0.3, "p2": 0.2, "p3": 0.1})
    table = data.table.assign(share=shares)
    table["rival_price"] = rival_index(table, "log_price")  # with equal shares the period effects would absorb it
    data = PriceData(table, data.instruments, data.controls)
    dummies = pd.get_dummies(table[["unique_id", "ds"]].astype(str), dtype=float).to_numpy()
    X = np.column_stack([table[["log_price", "rival_price", "control"]].to_numpy(), dummies])
    slope = np.linalg.lstsq(X, table["log_units"].to_numpy(), rcond=None)[0]
    found = fixed_effects(data)
    np.testing.assert_allclose([found.mean, found.table["cross"].iloc[0]], slope[:2], atol=1e-6)


def test_by_product_ridge_equals_least_squares_of_each_product():
    rng = np.random.default_rng(0)
    X = np.column_stack([np.repeat([0, 1], 50), rng.normal(size=(100, 2))])
    y = X[:, 1] * np.where(X[:, 0] == 0, 1.0, -2.0) + 3 * X[:, 0] + rng.normal(size=100)
    found = ByProduct(1e-12).fit(X, y).predict(X)
    for code in (0, 1):
        rows = X[:, 0] == code
        design = np.column_stack([np.ones(50), X[rows, 1:]])
        np.testing.assert_allclose(found[rows], design @ np.linalg.lstsq(design, y[rows], rcond=None)[0], atol=1e-8)


def test_jackknife_intervals_are_wider_when_errors_last():
    data, rng = synthetic(confounding=0.0, periods=420), np.random.default_rng(1)
    slow, error = (np.repeat(rng.normal(0, 0.2, (6, 15)), 28, axis=1).ravel() for _ in range(2))
    table = data.table.assign(log_price=slow, log_cost=slow)
    table["rival_price"] = table["rival_log_cost"] = rival_index(table, "log_price")
    demand = -2 * slow + 0.5 * table["rival_price"] + table["control"]
    found = [
        double_ml(PriceData(table.assign(log_units=demand + e), data.instruments, data.controls))
        for e in (error, rng.permutation(error))
    ]
    assert found[0].mean_se > 2 * found[1].mean_se
    assert found[0].interval()[0] <= -2.0 <= found[0].interval()[1]


def test_double_ml_asks_for_instruments_and_enough_blocks():
    data = synthetic(products=2, periods=60)
    with pytest.raises(ValueError, match="no instruments"):
        double_ml(PriceData(data.table, (), data.controls))
    with pytest.raises(ValueError, match="folds=8"):
        double_ml(data, folds=8)


def test_shrinkage_by_hand_and_in_the_limits():
    table = pd.DataFrame(
        {
            "unique_id": list("abcd"),
            "category": "x",
            "own": [-1.0, -3.0, -1.5, -2.5],
            "own_se": [0.1, 0.1, 0.1, 0.1],
            "cross": [0.5, 0.5, 0.5, 0.5],
            "cross_se": 0.1,
            "covariance": 0.0,
        }
    )
    tau2 = table["own"].var() - 0.01  # equal errors: the moment estimate is the sample variance less the error's
    gain = tau2 / (tau2 + 0.01)
    np.testing.assert_allclose(shrink(table, robust=50)["own"], -2 + gain * (table["own"] + 2), atol=1e-3)
    vague = shrink(table.assign(own_se=[0.1, 0.1, 0.1, 30.0], own=[-1.9, -2.0, -2.1, -9.0]))
    assert abs(vague["own"].iloc[3] + 2.0) < 0.05
    assert (vague["own_sd"] > 0).all()


def test_shrinkage_makes_products_more_accurate(market, fit):
    truth = market.products.set_index("unique_id")["own_elasticity"][fit.table["unique_id"]].to_numpy()
    raw, pulled = fit.table["own"].to_numpy() - truth, shrink(fit.table)["own"].to_numpy() - truth
    assert np.sqrt((pulled**2).mean()) < np.sqrt((raw**2).mean())
