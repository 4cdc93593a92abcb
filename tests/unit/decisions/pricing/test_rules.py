"""What a price may be, and who may not be asked."""

import pandas as pd
import pytest

from salesforecast_lib.decisions.pricing.data import market_prices, panel_prices
from salesforecast_lib.decisions.pricing.optimise import brute_force, optimise_category
from salesforecast_lib.decisions.pricing.plan import recommend, state_today
from salesforecast_lib.decisions.pricing.rules import PlanConfig, PriceRules, ladder, refuse_customers
from salesforecast_lib.decisions.pricing.shrinkage import shrink
from tests.unit.decisions.pricing.made import category


def test_customer_columns_are_refused_everywhere(market, fit):
    with pytest.raises(ValueError, match="customer_segment"):
        refuse_customers(["price", "customer_segment"], "x")
    refuse_customers(["price", "buyers", "package", "usage"], "x")  # counts and look-alikes are fine
    panel = pd.DataFrame(
        {"unique_id": ["a"], "ds": [pd.Timestamp("2024-01-01")], "y": [1.0], "price": [1.0], "age": [30]}
    )
    with pytest.raises(ValueError, match="who buys"):
        panel_prices(panel, "", ["age"])
    with pytest.raises(ValueError, match="household_id"):
        optimise_category(category(0, 2).assign(household_id=1))
    state = state_today(market_prices(market), shrink(fit.table), 0.6)
    with pytest.raises(ValueError, match="gender"):
        recommend(state.assign(gender="f"), shrink(fit.table), PriceRules())


def test_ladder_stays_in_the_observed_range_unless_told():
    inside = ladder(2.49, 1.0, 2.29, 2.59, PriceRules())
    assert inside.min() >= 2.29 and inside.max() <= 2.59 and 2.49 in inside
    assert ladder(2.49, 1.0, 2.29, 2.59, PriceRules(allow_outside=True)).max() > 2.59
    assert ladder(2.49, 2.4, 2.0, 3.0, PriceRules(min_margin=0.1)).tolist()[1:] == [2.69, 2.79, 2.89]


def test_bad_rules_and_products_are_refused():
    with pytest.raises(ValueError, match="max_change"):
        PriceRules(max_change=2.0)
    with pytest.raises(ValueError, match="endings"):
        PriceRules(endings=(109,))
    with pytest.raises(ValueError, match="cost_share"):
        PlanConfig(cost_share=1.2)
    with pytest.raises(ValueError, match="'p1'"):
        optimise_category(category(0, 2).assign(price=[3.0, 0.0]))
    with pytest.raises(ValueError, match="missing"):
        profit_columns = category(0, 2).drop(columns="cross")
        optimise_category(profit_columns)
    with pytest.raises(ValueError, match="combinations"):
        brute_force(category(0, 9), limit=1000)
