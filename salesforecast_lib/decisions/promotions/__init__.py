"""Chapter 12, promotions: what displays, mailers and coupons add, and which product to promote when.

- `promotion_weeks`: Weeks (Monday to Sunday) of a panel; a week that is not whole is left out.
- `two_way_effects`: Least squares of ``outcome`` on ``columns`` with a level for each product and each week.
- `with_rivals`: Add ``rivals_KIND``: the dose of the other products of the category, weighted by their usual sales.
- `with_shifts`: Add the dose of other weeks: shift +1 is last week's, -1 is next week's (named ``name+1``,
  ``name-1``).
- `cannibalised_share`: Units that the rest of the category loses per unit that ``kind`` adds, with its 95 % interval
  (delta method).
- `product_effects`: Effects of ``names`` on relative sales for every product, each drawn towards the mean of all.
- `coupon_effects`: Effect of being sent the campaign, and the same comparison a window earlier as placebo.
- `placebo_effects`: Estimates when every product is given the plan of another, drawn at random, (repeats, columns).
- `double_ml`: Partially linear double machine learning (Chernozhukov et al., 2018) through econml.
- `PromotionCosts`: What a promotion costs.
- `own_options`: Every product, week, kind and depth with expected extra units, profit and 90 % intervals.
- `promotion_plan`: The best plan within the rules in the columns of ``promotions.csv``, the most profitable first.
- `PlanRules`: What the shop allows.
- `best_plan`: The options that add most profit within the rules (scipy's ``milp``, the HiGHS solver).
- `estimate_response`: Response of every product from what the shop recorded up to ``until``.
"""

from salesforecast_lib.decisions.promotions.checks import double_ml, placebo_effects
from salesforecast_lib.decisions.promotions.coupons import coupon_effects
from salesforecast_lib.decisions.promotions.effects import (
    cannibalised_share,
    promotion_weeks,
    two_way_effects,
    with_rivals,
    with_shifts,
)
from salesforecast_lib.decisions.promotions.market import estimate_response
from salesforecast_lib.decisions.promotions.options import PromotionCosts, own_options, promotion_plan
from salesforecast_lib.decisions.promotions.plan import PlanRules, best_plan
from salesforecast_lib.decisions.promotions.product_effects import product_effects

__all__ = [
    "promotion_weeks",
    "two_way_effects",
    "with_rivals",
    "with_shifts",
    "cannibalised_share",
    "product_effects",
    "coupon_effects",
    "placebo_effects",
    "double_ml",
    "PromotionCosts",
    "own_options",
    "promotion_plan",
    "PlanRules",
    "best_plan",
    "estimate_response",
]
