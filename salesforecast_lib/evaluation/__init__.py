"""Chapter 07, evaluation: which forecast is best, where, and whether the difference is more than luck.

- `comparable_panel`: Series that every model can forecast at every cutoff: alive then, with a history before the
  first.
- `rolling_origin`: Forecasts of every model at every cutoff, none of which sees what comes after it.
- `gather_forecasts`: One table of every model's forecasts, from the files that earlier chapters wrote.
- `scored_rows`: Forecast rows with their sales, on days on which sales say something about demand.
- `evaluate`: One row per model (and group) with every metric, sorted by WAPE.
- `crps`: Continuous ranked probability score of every row, in units, from quantiles.
- `compare_with_best_peer`: Intervals of each model's loss against the best peer, from three block bootstraps.
- `p_values_by_span`: Diebold-Mariano p-values by how long losses stay alike.
- `demand_classes`: Class of each series: smooth, erratic, intermittent or lumpy (Syntetos, Boylan & Croston, 2005).
- `volume_groups`: Deciles of volume; 1 holds the smallest series.
- `wape_by`: WAPE by group and model.
- `reliability`: Observed share of sales up to each quantile, ties split over the levels that they span.
- `residuals`: Sales minus mean forecast, with step and weekday.
- `evaluation_report`: Content of ``metrics.json``.

Sentences about a comparison are in `verdicts`, bootstrap and test in `significance`.
"""

from salesforecast_lib.evaluation.backtest import comparable_panel, rolling_origin
from salesforecast_lib.evaluation.calibration import reliability, residuals
from salesforecast_lib.evaluation.gather import gather_forecasts
from salesforecast_lib.evaluation.metrics import crps, evaluate, scored_rows
from salesforecast_lib.evaluation.report import compare_with_best_peer, evaluation_report, p_values_by_span
from salesforecast_lib.evaluation.segments import demand_classes, volume_groups, wape_by

__all__ = [
    "comparable_panel",
    "rolling_origin",
    "gather_forecasts",
    "scored_rows",
    "evaluate",
    "crps",
    "compare_with_best_peer",
    "p_values_by_span",
    "demand_classes",
    "volume_groups",
    "wape_by",
    "reliability",
    "residuals",
    "evaluation_report",
]
