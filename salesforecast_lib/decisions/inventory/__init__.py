"""Chapter 08, inventory: what to order, when, and what it costs.

- `critical_ratio`: Service level that minimises expected cost: underage / (underage + overage) (Arrow et al., 1951).
- `order_up_to`: Policy: fill the position up to ``levels[:, t]``, if it is at or below ``reorder_points[:, t]`` (when
  given).
- `order_up_to_level`: Quantile of the interval's demand: a gamma with this mean and sd, so never negative and skewed
  like sales.
- `newsvendor_normal`: Optimal order (units) and its expected cost (money) for normal demand (Nahmias, 1979).
- `read_stock`: Units on hand and on order by product, from a file with the columns ``unique_id`` and ``stock``.
- `interval_moments`: Mean and standard deviation of the sum over the last axis.
- `SimulationConfig`: Rules and costs of the simulated shop.
- `simulate`: Run a policy against a demand array.
- `build_case`: Line up forecasts and history of the products that have a forecast at every cutoff.
- `compare`: Cost table of the rule of thumb, every model's order-up-to policy and perfect foresight.
- `compare_policies`: Cost table of the policies of chapter 08, those with a forecast driven by ``model``.
- `negative_binomial_paths`: Whole-unit paths: Poisson demand whose rate is uncertain for the whole path and in each
  period.
- `lookahead_order`: Order of least expected cost over the periods between its arrival and the arrival of the next
  order.
- `replenishment_plan`: What to order today, why, and the expected risk of a stock-out.
- `project_stock`: Stock at the end of each period on every path, with today's order coming in after the lead time.

What is ordered today within limits stands in `today`, the choice among policies in `contest`, the stock player in
`player`.
"""

from salesforecast_lib.decisions.inventory.case_study import build_case, compare
from salesforecast_lib.decisions.inventory.contest import compare_policies
from salesforecast_lib.decisions.inventory.lookahead import lookahead_order
from salesforecast_lib.decisions.inventory.orders import (
    critical_ratio,
    interval_moments,
    newsvendor_normal,
    order_up_to,
    order_up_to_level,
    read_stock,
)
from salesforecast_lib.decisions.inventory.paths import negative_binomial_paths
from salesforecast_lib.decisions.inventory.planner import project_stock, replenishment_plan
from salesforecast_lib.decisions.inventory.simulator import SimulationConfig, simulate

__all__ = [
    "critical_ratio",
    "order_up_to",
    "order_up_to_level",
    "newsvendor_normal",
    "read_stock",
    "interval_moments",
    "SimulationConfig",
    "simulate",
    "build_case",
    "compare",
    "compare_policies",
    "negative_binomial_paths",
    "lookahead_order",
    "replenishment_plan",
    "project_stock",
]
