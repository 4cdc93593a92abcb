"""Chapter 16b, privacy: does a published quantile give one customer's order away?

- `membership_case`: The orders, models and defences that the chapter tests.
- `membership_table`: How well each kind of order can be told, with and without each defence.
- `candidate_orders`: Orders of one customer to be tested: the largest and a typical one of each product.
- `giant_orders`: The same orders, many times a product's usual sales.
- `clipped_panel`: The panel with no customer counted beyond a limit.
- `membership_trials`: What is published with and without each order, over many trainings.
- `attack_auc`: How well the attack tells them apart, with an interval.
- `rounded`: Published numbers rounded.
- `quantile_rule`: A rule without random numbers that publishes a quantile.
- `quantile_trees`: Small trees that publish one.
- `membership_found`: What was found, in sentences.
- `NO_CUSTOMERS`: The sentence where nobody can be tested.
"""

from salesforecast_lib.production.privacy.case import membership_case, membership_table
from salesforecast_lib.production.privacy.membership import (
    attack_auc,
    candidate_orders,
    clipped_panel,
    giant_orders,
    membership_trials,
    rounded,
)
from salesforecast_lib.production.privacy.publishers import quantile_rule, quantile_trees
from salesforecast_lib.production.privacy.verdicts import NO_CUSTOMERS, membership_found

__all__ = [
    "membership_case",
    "membership_table",
    "NO_CUSTOMERS",
    "candidate_orders",
    "giant_orders",
    "clipped_panel",
    "membership_trials",
    "attack_auc",
    "rounded",
    "quantile_rule",
    "quantile_trees",
    "membership_found",
]
