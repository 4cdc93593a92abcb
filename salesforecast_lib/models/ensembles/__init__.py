"""Chapter 06, ensembles: several forecasts as one, with intervals that hold and sums that agree.

- `METHODS`: How members can be combined, by name.
- `Weights`: Weights of the members for each column of the forecast table; JSON-able.
- `fit_weights`: Learn the weights of a committee from scored forecasts of earlier cutoffs.
- `combine`: The committee's forecast table: each quantile is the average of the members'.
- `combine_over_time`: The committee at every cutoff, with weights from the horizons that had ended by then.
- `learned_cutoffs`: The cutoffs at which weights can have been learned.
- `Conformal`: Offsets of the interval ends; JSON-able.
- `fit_split`: Split conformal calibration of each interval.
- `fit_adaptive`: The same, with a level that has adapted to past misses.
- `adaptive_levels`: Adaptive conformal inference, period by period.
- `calibrate_over_time`: Forecasts at every cutoff before and after both calibrations.
- `build_hierarchy`: Products under categories under the shop.
- `aggregate_panel`: Panel of the nodes above the products.
- `reconcile_over_time`: Coherent forecasts of every node at every cutoff, bottom-up and by MinT.
- `incoherence`: Largest difference between a node's mean and the sum of its products' means.

What a committee is made of is in `members`, what later chapters read in `report`, sentences about it in `verdicts`.
"""

from salesforecast_lib.models.ensembles.conformal import Conformal, adaptive_levels, fit_adaptive, fit_split
from salesforecast_lib.models.ensembles.ensemble import METHODS, Weights, combine, combine_over_time, fit_weights
from salesforecast_lib.models.ensembles.over_time import calibrate_over_time, learned_cutoffs, reconcile_over_time
from salesforecast_lib.models.ensembles.reconcile import aggregate_panel, build_hierarchy, incoherence

__all__ = [
    "METHODS",
    "Weights",
    "fit_weights",
    "combine",
    "combine_over_time",
    "learned_cutoffs",
    "Conformal",
    "fit_split",
    "fit_adaptive",
    "adaptive_levels",
    "calibrate_over_time",
    "build_hierarchy",
    "aggregate_panel",
    "reconcile_over_time",
    "incoherence",
]
