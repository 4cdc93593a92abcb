"""Chapter 13, pricing: how demand moves with price, and which price to ask.

- `market_prices`: Price data of a simulated shop, from what it records; the shock and the other latent columns stay
  out.
- `count_bias`: What log demand from small counts gets wrong, exactly, for Poisson demand.
- `double_ml`: Double machine learning by econml: with instruments its `OrthoIV`, without them `LinearDML`.
- `shrink`: Posterior of each product's own and cross elasticity under a normal prior of its category.
- `PriceRules`: What a price may be.
- `ladder`: Rungs that the rules allow, with today's price among them.
- `refuse_customers`: Guard of fairness: refuse columns that describe who buys.
- `optimise_category`: Most profitable rung of every product of one category.
- `brute_force`: The same by trying every combination of rungs, for small cases.
- `play_shop`: Simulate a shop, fit every estimator, score them and value their prices.
- `forecaster_against_pricer`: Let a forecaster and a causal model set the prices of one simulated shop.
- `PlanConfig`: When a price is worth changing.
- `recommend`: One row a product with `PLAN_COLUMNS`: raise, lower or hold, and why.
- `plan_run`: Estimate the elasticities of a run's products by week and recommend prices.
- `write_plan`: Write a run's ``prices.csv`` and ``pricing.json``.
"""

from salesforecast_lib.decisions.pricing.data import count_bias, market_prices
from salesforecast_lib.decisions.pricing.duel import forecaster_against_pricer
from salesforecast_lib.decisions.pricing.elasticity import double_ml
from salesforecast_lib.decisions.pricing.optimise import brute_force, optimise_category
from salesforecast_lib.decisions.pricing.plan import recommend
from salesforecast_lib.decisions.pricing.rules import PlanConfig, PriceRules, ladder, refuse_customers
from salesforecast_lib.decisions.pricing.run import plan_run, write_plan
from salesforecast_lib.decisions.pricing.shrinkage import shrink
from salesforecast_lib.decisions.pricing.study import play_shop

__all__ = [
    "market_prices",
    "count_bias",
    "double_ml",
    "shrink",
    "PriceRules",
    "ladder",
    "refuse_customers",
    "optimise_category",
    "brute_force",
    "play_shop",
    "forecaster_against_pricer",
    "PlanConfig",
    "recommend",
    "plan_run",
    "write_plan",
]
