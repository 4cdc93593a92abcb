"""Another plan on the simulated marketplace: what is held against the forecast is the truth."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.marketplace import MarketplaceConfig
from salesforecast_lib.decisions.whatif import market

SMALL = MarketplaceConfig(
    products=6, days=120, units=6_000, categories=2, launch_share=0.0, delisting_share=0.0, regime_share=0.0,
    stock_cover=0.0, cross=0.0, promotion_effect=0.3,
)  # fmt: skip


@pytest.fixture(scope="module")
def case():
    return market.market_case(SMALL, horizon=7)


def test_the_true_difference_is_the_elasticity_of_the_market(case):
    product = case.market.products.iloc[2]
    name, days = product["unique_id"], 7
    usual = case.changed([name], days)
    for factor in (0.9, 1.25):
        other = case.changed([name], days, price=factor)
        before, after = case.true_demand(usual), case.true_demand(other)
        rows = (other["unique_id"] == name) & (other["ds"] > case.cutoff)
        asked = (other.loc[rows, "price"] / usual.loc[rows, "price"]).iloc[0]
        elasticity = np.log(after[name] / before[name]) / np.log(asked)
        table = case.market.cross_elasticity[product["category"]]
        assert elasticity == pytest.approx(table.loc[name, name], abs=1e-6)
        assert after.drop(name).to_numpy() == pytest.approx(before.drop(name).to_numpy())


def test_a_promotion_has_the_price_cut_and_its_own_effect(case):
    product = case.market.products.iloc[0]
    name = product["unique_id"]
    usual = case.changed([name], 7)
    before, cut, shown = (
        case.true_demand(panel)[name]
        for panel in (usual, case.changed([name], 7, price=0.8), case.changed([name], 7, depth=0.2))
    )
    assert shown / cut == pytest.approx(np.exp(product["promotion_effect"]), rel=1e-6) and cut > before


def test_what_was_done_gives_the_demand_that_was_there(case):
    truth = case.market.truth
    ahead = truth[truth["ds"] > case.cutoff].groupby("unique_id")["mu"].sum()
    assert case.true_demand(case.panel).to_numpy() == pytest.approx(ahead.to_numpy())


def test_nothing_of_the_days_ahead_but_the_plan_is_known(case):
    assert case.table.frame["ds"].max() == case.cutoff
    known = case.known()
    assert set(known.columns) - {"unique_id", "ds"} == set(case.meta["future"]) and "y" not in known


def test_sentences_say_what_is_too_small_and_what_was_never_tried():
    table = pd.DataFrame(
        {
            "forecast": [90.0, 60.0, 30.0, -5.0, 90.0],
            "truth": [100.0, 100.0, 10.0, 10.0, 300.0],
            "never_tried": [0, 0, 0, 0, 1],
        },
        index=["a", "b", "c", "d", "e"],
    )
    assert market.plans_found(table) == [
        "a: 0.9 of the true difference, agrees with the truth",
        "b: 0.6 of the true difference, of the right sign, too small",
        "c: 3.0 of the true difference, of the right sign, too large",
        "d: -0.5 of the true difference, of the wrong sign",
        "e: 0.3 of the true difference, far too small; the tool says that 1 product never tried it",
    ]


def test_the_answer_to_prices_is_held_against_the_truth_of_several_markets():
    many = dataclasses.replace(SMALL, units=40_000, price_noise=0.15, confounding=0.0)
    table = market.measured_prices(many, (0, 1), every=2)
    assert len(table) == 2 * 3 * 2 and set(table["factor"]) == {0.9, 1.1} and set(table["market"]) == {0, 1}
    assert 0.75 < table["share"].median() < 1.25 and table["inside"].mean() >= 0.7
    none = market.measured_prices(many, ())
    assert none.empty and list(none) == list(table) and np.isnan(none["share"].median())
    followed = market.measured_prices(dataclasses.replace(many, confounding=1.0), (0, 1), every=2)
    assert followed["share"].isna().all() or followed["share"].median() < 0.75, "prices that follow demand hide it"
