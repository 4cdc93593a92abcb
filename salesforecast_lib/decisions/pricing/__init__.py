"""Chapter 13, pricing: how demand moves with price, and which price to ask.

- `PriceData`: Rows of products and periods, ready for `elasticity`.
- `market_prices`: Price data of a simulated shop, from what it records; the shock and the other latent columns stay
  out.
- `panel_prices`: Weekly price data of a run's panel.
- `fixed_effects`: One own and one cross elasticity for all, with product and period effects (two-way within
  estimator).
- `double_ml`: Double machine learning by econml: with instruments its `OrthoIV`, without them `LinearDML`.
- `naive_loglog`: Slope of log units on log price of each product, as a spreadsheet gives it; confounded prices bias
  it.
- `shrink`: Posterior of each product's own and cross elasticity under a normal prior of its category.
- `PriceRules`: What a price may be.
- `optimise_category`: Most profitable rung of every product of one category.
- `PlanConfig`: When a price is worth changing.
- `recommend`: One row a product with `PLAN_COLUMNS`: raise, lower or hold, and why.
- `pricing_market`: A simulated shop of about 30 units a product and day, with stock-outs, launches and a regime
  shift.
- `compare_estimators`: Every estimator of `elasticity` on one shop; ``views`` marks those that know what customers
  looked at.
- `BanditConfig`: A product whose price is tried out.
- `thompson`: Play ``replicates`` independent copies against the true expected demand ``mean`` (prices,) a period.
- `ClearanceConfig`: A product on its way out.
"""

from salesforecast_lib.decisions.pricing.bandit import BanditConfig, thompson
from salesforecast_lib.decisions.pricing.data import PriceData, market_prices, panel_prices
from salesforecast_lib.decisions.pricing.elasticity import double_ml, fixed_effects, naive_loglog
from salesforecast_lib.decisions.pricing.markdown import ClearanceConfig
from salesforecast_lib.decisions.pricing.optimise import optimise_category
from salesforecast_lib.decisions.pricing.plan import PlanConfig, recommend
from salesforecast_lib.decisions.pricing.rules import PriceRules
from salesforecast_lib.decisions.pricing.shrinkage import shrink
from salesforecast_lib.decisions.pricing.study import compare_estimators, pricing_market

__all__ = [
    "PriceData",
    "market_prices",
    "panel_prices",
    "fixed_effects",
    "double_ml",
    "naive_loglog",
    "shrink",
    "PriceRules",
    "optimise_category",
    "PlanConfig",
    "recommend",
    "pricing_market",
    "compare_estimators",
    "BanditConfig",
    "thompson",
    "ClearanceConfig",
]
