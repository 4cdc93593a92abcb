"""The market's true effects follow its own equation, and trees that learn it are found to agree."""

from __future__ import annotations

import numpy as np
import pytest

from salesforecast_lib.data.marketplace import expected_demand
from salesforecast_lib.production.explain import agreement, known_market
from salesforecast_lib.production.explain.earlier import earlier_trees
from salesforecast_lib.production.explain.truth import (
    META,
    attributed_effects,
    explained_champion,
    true_effects,
    true_logs,
)


@pytest.fixture(scope="module")
def market():
    return known_market(0, products=30, days=420, cutoffs=1)


def test_the_effect_of_the_price_is_what_another_price_would_have_sold(market):
    truth, logs = market.market.truth, true_logs(market)
    reference = market.market.products.set_index("unique_id")["reference_price"]
    price = truth["price"] * truth["unique_id"].map(reference) / truth["list_price"]
    without = expected_demand(market.market, price)
    assert np.allclose(logs["price"], np.log(logs["mu"] / without), atol=1e-9)


def test_the_drivers_leave_only_advertising_and_the_shock_unexplained(market):
    logs, truth = true_logs(market), market.market.truth
    base = truth["unique_id"].map(market.market.products.set_index("unique_id")["base"])
    left = np.log(logs["mu"]) - base - truth["shock"] - logs[logs.columns[3:]].sum(axis=1)
    assert left.groupby(truth["unique_id"]).std().max() < 0.12
    assert logs["day of the week"].groupby(logs["unique_id"]).mean().abs().max() < 0.01


def test_the_truth_agrees_with_itself_and_trees_find_the_week_and_the_price(market):
    cutoff = market.cutoffs[0]
    true = true_effects(market, cutoff)
    itself = agreement([(true.assign(forecast=true["usual"]), true)])
    assert np.allclose(itself[["units", "share", "slope"]], 1.0) and np.allclose(itself["missed"], 0.0)
    found = agreement([(attributed_effects(market, explained_champion(market, cutoff)), true)])
    assert found.loc["day of the week", "units"] > 0.6 and found.loc["price", "units"] > 0.5


def test_earlier_trees_know_nothing_of_what_they_are_held_against(market):
    table, known = market.table, market.known
    trees = earlier_trees(table, known, META)
    days = np.sort(table.frame["ds"].unique())
    assert trees.cutoff == days[-META["horizon"] - 1] and len(trees.labels) == trees.inputs.shape[1]
    late = table.frame["ds"] > trees.cutoff
    table.frame.loc[late, "y"] = table.frame.loc[late, "y"] + 1000.0
    try:
        other = earlier_trees(table, known, META)
    finally:
        table.frame.loc[late, "y"] = table.frame.loc[late, "y"] - 1000.0
    assert np.array_equal(trees.units(trees.inputs), other.units(other.inputs))
    assert np.allclose(other.actual - trees.actual, 1000.0)
