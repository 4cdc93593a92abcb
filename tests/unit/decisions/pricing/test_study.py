"""Estimators and prices against the truth of a simulated shop, and the sentences about them."""

import pandas as pd
import pytest

from salesforecast_lib.decisions.pricing.data import market_prices
from salesforecast_lib.decisions.pricing.duel import duel_verdict
from salesforecast_lib.decisions.pricing.elasticity import naive_loglog
from salesforecast_lib.decisions.pricing.rules import PriceRules
from salesforecast_lib.decisions.pricing.shrinkage import shrink
from salesforecast_lib.decisions.pricing.study import (
    believed_state,
    best_prices,
    products_report,
    regret_verdict,
    score_estimators,
    summarise,
    total_profit,
    true_state,
)


def test_simulated_shop_naive_is_biased_and_the_interval_holds_the_truth(market, fit):
    data = market_prices(market)
    scores = score_estimators(market, {"naive": naive_loglog(data), "ours": fit}).set_index("method")
    assert scores.loc["naive", "bias"] > 0.3 and not scores.loc["naive", "covered"]
    assert scores.loc["ours", "covered"] and abs(scores.loc["ours", "bias"]) < 0.3


def test_true_state_agrees_with_the_simulator(market):
    """Prices of one category 5 % up: the state's profit formula and the simulator say the same."""
    from salesforecast_lib.data.marketplace.simulate import expected_demand

    data = market_prices(market)
    state = true_state(market, data)
    truth = market.truth
    last = truth["ds"] > truth["ds"].max() - pd.Timedelta(days=28)
    today = state.set_index("unique_id")["price"]
    asked = truth["price"].where(~(last & truth["unique_id"].isin(today.index)), truth["unique_id"].map(today) * 1.05)
    units = expected_demand(market, asked)[last].groupby(truth.loc[last, "unique_id"]).mean().loc[today.index]
    prices = state["price"].to_numpy() * 1.05
    expected = float(((prices - state["cost"]) * units.to_numpy()).sum())
    assert abs(total_profit(state, prices) / expected - 1) < 1e-6


def test_regret_is_small_on_a_simulated_shop(market, fit):
    data = market_prices(market)
    state, rules = true_state(market, data), PriceRules()
    best = total_profit(state, best_prices(state, rules))
    ours = total_profit(state, best_prices(believed_state(state, data, shrink(fit.table)), rules))
    assert total_profit(state, state["price"].to_numpy()) < ours <= best * (1 + 1e-9)
    assert 1 - ours / best <= 0.03


def lost(first, second):
    shops = range(len(first))
    return pd.DataFrame(
        {"method": ["a"] * len(first) + ["b"] * len(first), "regret": [*first, *second], "shop": [*shops, *shops]}
    )


def test_regret_verdict_decides_only_where_the_shops_agree():
    good, bad = [0.01] * 8, [0.05, 0.04, 0.03, 0.06, 0.3, 0.02, 0.05, 0.05]
    clear = regret_verdict(lost(good, bad), "a", "b")
    assert "a loses 1.0% of the best profit, b 7.5%" in clear and clear.endswith("a loses less in 8 of 8 shops.")
    assert regret_verdict(lost(good, bad), "b", "a").endswith("b loses less in 0 of 8 shops.")
    mixed = regret_verdict(lost(good[:4], [0.02, 0.0, 0.4, 0.0]), "a", "b")
    assert "2 of 4 shops; 4 shops do not decide" in mixed
    assert "1 shop does not decide" in regret_verdict(lost([0.01], [0.05]), "a", "b")
    with pytest.raises(ValueError, match="no rows"):
        regret_verdict(lost([0.01], [0.05]), "a", "c")


def test_summary_and_product_sentences_count_what_the_tables_hold(market, fit):
    data = market_prices(market)
    scores = score_estimators(market, {"naive": naive_loglog(data), "ours": fit})
    table = summarise(pd.concat([scores, scores]))
    assert table.loc["naive", "shops"] == 2 and table.loc["naive", "covered"] == 0
    assert table.loc["ours", "bias"] == pytest.approx(scores["bias"].iloc[1])
    report = products_report(market, fit.table, shrink(fit.table))
    assert f"hold {scores['product_covered'].iloc[1]:.0%} of its products" in report
    assert f"{scores['product_raw'].iloc[1]:.2f} alone, {scores['product_error'].iloc[1]:.2f} shrunk" in report


def fights(wape, share):
    names = ["boosting", "causal"]
    return pd.concat(
        pd.DataFrame({"model": names, "wape": w, "share_of_best_profit": s, "above_best": [0.07, 0.0], "shop": i})
        for i, (w, s) in enumerate(zip(wape, share, strict=True))
    )


def test_duel_verdict_says_who_forecasts_and_who_earns():
    text = duel_verdict(fights([[0.30, 0.40], [0.32, 0.40]], [[0.90, 0.99], [0.99, 0.98]]))
    assert text.startswith("Boosting forecasts better (WAPE 0.31 against 0.40)")
    assert "asks 7.0% more" in text and "earned less in 1 of 2 shops" in text
    assert "about level" in duel_verdict(fights([[0.300, 0.301]], [[0.90, 0.99]]))
