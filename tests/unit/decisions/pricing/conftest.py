"""One simulated shop and its elasticities, for all tests of pricing."""

import pytest

from salesforecast_lib.decisions.pricing.data import market_prices
from salesforecast_lib.decisions.pricing.elasticity import double_ml
from salesforecast_lib.decisions.pricing.study import pricing_market


@pytest.fixture(scope="session")
def market():
    return pricing_market(3, products=12, days=600)


@pytest.fixture(scope="session")
def fit(market):
    return double_ml(market_prices(market), folds=4)
