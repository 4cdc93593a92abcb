"""Chapter 16b, robustness: what can break a forecast, what stops it, and every threat with the test that holds it.

- `Case`: A panel, a cutoff whose future is known, and forecasts of stored and small models on disturbed copies.
- `noisy_sales`: Recent sales counted wrongly.
- `missing_covariates`: Recent historical columns that did not come.
- `stale_prices`: A price feed that stands still.
- `scaled_prices`: Prices of some rows multiplied.
- `augmented`: Copies of every series with disturbed prices: adversarial training for any model.
- `greedy_prices`: A plausible price feed that raises orders most, found by asking the trees.
- `gradient_prices`: The same from the gradient of a network.
- `order_book`: The order lines that fakes are put among.
- `taken_in`: What fake lines change in the panel, after cleaning.
- `robustness_table`: Error and money of every disturbance, before and after its defences.
- `what_an_account_moves`: Units and money that fake orders move, by what they cost.
- `threat_table`: Entrances, attacks, defences, and the test that holds each.
"""

from salesforecast_lib.production.robustness.case import Case
from salesforecast_lib.production.robustness.disturbances import (
    augmented,
    missing_covariates,
    noisy_sales,
    scaled_prices,
    stale_prices,
)
from salesforecast_lib.production.robustness.fakes import order_book, taken_in
from salesforecast_lib.production.robustness.prices import gradient_prices, greedy_prices
from salesforecast_lib.production.robustness.study import robustness_table, what_an_account_moves
from salesforecast_lib.production.robustness.threats import threat_table

__all__ = [
    "Case",
    "noisy_sales",
    "missing_covariates",
    "stale_prices",
    "scaled_prices",
    "augmented",
    "greedy_prices",
    "gradient_prices",
    "order_book",
    "taken_in",
    "robustness_table",
    "what_an_account_moves",
    "threat_table",
]
