"""Chapter 06, ensembles: several forecasts as one, with intervals that hold and sums that agree.

- `METHODS`: How members can be combined, by name.
- `Weights`: Weights of the members for each column of the forecast table; JSON-able with `to_json`.
- `combine`: The committee's forecast table: each quantile is the average of the members' (Vincent 1912; Lichtendahl
  2013).
- `combine_over_time`: The committee at every cutoff, each with weights from the cutoffs whose horizon had ended by
  then.
- `equal_weights`: The same weight for every member: all that can be said before any forecast was scored.
- `fit_weights`: Learn the weights of a committee from scored forecasts of earlier cutoffs.
- `Conformal`: Offsets of the interval ends, in units of the square root of the forecast volume.
- `adaptive_levels`: Adaptive conformal inference, period by period: ``ds, level, miss`` (Gibbs & Candès 2021).
- `fit_adaptive`: Like `fit_split`, with the level that adaptive conformal inference has reached by the end of
  ``past``.
- `fit_split`: Split conformal calibration of each interval: conformalised quantile regression (Romano et al. 2019).
- `aggregate_panel`: Panel of the nodes above the products: ``y`` adds up, a node is available when any of its
  products is.
- `build_hierarchy`: Hierarchy of the panel's products under the columns ``categories``, widest first, under the shop.
- `incoherence`: Largest difference between a node's mean and the sum of its products' means, in units.
- `reconcile`: Coherent forecasts of every node.
"""

from salesforecast_lib.models.ensembles.conformal import Conformal, adaptive_levels, fit_adaptive, fit_split
from salesforecast_lib.models.ensembles.ensemble import (
    METHODS,
    Weights,
    combine,
    combine_over_time,
    equal_weights,
    fit_weights,
)
from salesforecast_lib.models.ensembles.reconcile import aggregate_panel, build_hierarchy, incoherence, reconcile

__all__ = [
    "METHODS",
    "Weights",
    "combine",
    "combine_over_time",
    "equal_weights",
    "fit_weights",
    "Conformal",
    "adaptive_levels",
    "fit_adaptive",
    "fit_split",
    "aggregate_panel",
    "build_hierarchy",
    "incoherence",
    "reconcile",
]
