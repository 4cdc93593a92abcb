"""Chapter 12, promotions: what displays, mailers and coupons add, and which product to promote when.

- `shown_weeks`: The run's weeks with promotions, or a simulated shop's where the run records none.
- `two_way_effects`: What each kind adds, with a level taken away for each product and each week.
- `check_table`: Placebo plans and double machine learning beside the estimates.
- `weeks_around`: Effects in the weeks before and after a promotion.
- `rival_table`: Effects of the promotions of the category's other products.
- `new_share`: How much of the extra units is new, rather than borrowed.
- `coupon_table`: Effect of being sent a coupon campaign, with its placebo.
- `estimate_response`: Response of every product of the simulated shop to discounts.
- `weekly_baseline`: Units a week that the simulated shop expects without promotion.
- `market_options`: Profit and spend of every product, week and depth, as the shop estimates them.
- `PlanRules`: What the shop allows: budget, rest, most promotions a week.
- `PromotionCosts`: What a promotion costs: goods, fee, share of the units that is new.
- `best_plan`: The options that add most profit within the rules, by a mixed-integer programme.
- `run_plan`: The plan for the run's own products, from its newest forecast.
- `write_promotions`: Write ``promotions.csv`` and ``promotions.json``.

The modules: `effects`, `product_effects`, `recheck`, `checks` and `coupons` (what promotions add), `market`, `options`,
`plan` and `truth` (which to run, and what it earns), `study` (the chapter's case) and `verdicts` (its sentences).
"""

from salesforecast_lib.decisions.promotions.effects import two_way_effects
from salesforecast_lib.decisions.promotions.market import estimate_response, market_options, weekly_baseline
from salesforecast_lib.decisions.promotions.options import PromotionCosts
from salesforecast_lib.decisions.promotions.plan import PlanRules, best_plan
from salesforecast_lib.decisions.promotions.study import (
    check_table,
    coupon_table,
    new_share,
    rival_table,
    run_plan,
    shown_weeks,
    weeks_around,
    write_promotions,
)

__all__ = [
    "shown_weeks",
    "two_way_effects",
    "check_table",
    "weeks_around",
    "rival_table",
    "new_share",
    "coupon_table",
    "estimate_response",
    "weekly_baseline",
    "market_options",
    "PlanRules",
    "PromotionCosts",
    "best_plan",
    "run_plan",
    "write_promotions",
]
