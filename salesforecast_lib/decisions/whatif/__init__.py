"""Another plan, tried in seconds: what it would change, and of which values the data can tell.

- `OtherPlan`: What is known ahead under the run's plan and under another one.
- `read_other_plan`: Another plan's file, read as the run's own plan is.
- `support`: Whether each planned value was tried, of this product or of others, or never.
- `TOLD`: Words for each degree of support.
- `difference`: Units and money of each product under both plans.
- `plan_prices`: The price of each product and period under a plan.
- `totals`: What all products together gain or lose, by how well it is supported.
- `whatif_figure`: The difference by period and by product.
"""

from salesforecast_lib.decisions.whatif.difference import difference, plan_prices, totals
from salesforecast_lib.decisions.whatif.figures import whatif_figure
from salesforecast_lib.decisions.whatif.plans import OtherPlan, read_other_plan
from salesforecast_lib.decisions.whatif.support import TOLD, support

__all__ = [
    "OtherPlan",
    "read_other_plan",
    "support",
    "TOLD",
    "difference",
    "plan_prices",
    "totals",
    "whatif_figure",
]
