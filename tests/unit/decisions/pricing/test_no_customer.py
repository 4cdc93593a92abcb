"""Prices are set by product: who buys is refused where it can be said, and moves nothing where it cannot."""

import inspect

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.decisions.pricing import PlanConfig, PriceRules, plan_run, refuse_customers
from salesforecast_lib.decisions.pricing.data import PriceData, panel_prices
from tests.unit.decisions.pricing.made import weekly_panel

META = {"static": ["group"], "future": ["open"]}
CUSTOMER_COLUMNS = ("customer_id", "income", "Age", "household_size", "loyalty_tier", "gender")


@pytest.fixture(scope="module")
def panel():
    return weekly_panel(elasticity=-0.5).assign(open=1)


@pytest.mark.parametrize("name", CUSTOMER_COLUMNS)
def test_a_planted_customer_column_moves_no_price(panel, name):
    rng = np.random.default_rng(0)
    planted = panel.assign(**{name: rng.normal(size=len(panel)) + panel["y"]})
    config = PlanConfig(0.7, 0.8, cost_doubt=0.05, randomised=True)
    plain, with_it = (plan_run(each, META, PriceRules(), config).plan for each in (panel, planted))
    assert len(plain), "a plan that is empty proves nothing"
    pd.testing.assert_frame_equal(plain, with_it)


@pytest.mark.parametrize("name", CUSTOMER_COLUMNS)
def test_a_customer_column_that_is_asked_for_is_refused(panel, name):
    planted = panel.assign(**{name: np.arange(len(panel), dtype=float)})
    with pytest.raises(ValueError, match="describe customers"):
        panel_prices(planted, "group", [name])
    with pytest.raises(ValueError, match="describe customers"):
        panel_prices(planted.rename(columns={"group": "x"}).assign(group="g"), name, [])


def test_what_prices_are_estimated_from_holds_no_customer(panel):
    data = panel_prices(panel, "group", [])
    assert isinstance(data, PriceData)
    refuse_customers([*data.table.columns, *data.products.columns], "prices")
    refuse_customers(inspect.signature(plan_run).parameters, "parameters of the plan")
