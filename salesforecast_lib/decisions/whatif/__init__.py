"""Another plan, tried in seconds: what it would change, and of which values the data can tell.

- `OtherPlan`: What is known ahead under the run's plan and under another one.
- `read_other_plan`: Another plan's file, read as the run's own plan is.
- `support`: Whether each planned value was tried, of this product or of others, or never.
- `TOLD`: Words for each degree of support.
- `answer`: The forecast under another plan, with what prices were measured to do.
- `Answer`: That forecast, the effects with their intervals, and what they rest on.
- `sum_interval`: The interval of what all products together gain or lose by their prices.
- `measure_response`: Price elasticities of a panel's products, from their own changes of price.
- `difference`: Units and money of each product under both plans.
- `plan_prices`: The price of each product and period under a plan.
- `totals`: What all products together gain or lose, by how well it is supported.
"""

from salesforecast_lib.decisions.whatif.answer import Answer, answer, sum_interval
from salesforecast_lib.decisions.whatif.difference import difference, plan_prices, totals
from salesforecast_lib.decisions.whatif.plans import OtherPlan, read_other_plan
from salesforecast_lib.decisions.whatif.response import measure_response
from salesforecast_lib.decisions.whatif.support import TOLD, support

__all__ = [
    "OtherPlan",
    "read_other_plan",
    "support",
    "TOLD",
    "answer",
    "Answer",
    "sum_interval",
    "measure_response",
    "difference",
    "plan_prices",
    "totals",
]
