"""Chapter 09, alerts: which sales are unusual, and which of them are worth a look.

- `build_grid`: Arrange a run's panel and the forecasts of ``model``; of several cutoffs the newest before the period
  counts.
- `fit_detectors`: Fitted detectors of the chapter, by what is before a column.
- `SalesEvidence`: Channels of the combined detector, each with a direction.
- `collect`: Evidence of all detectors; those that share a channel compute the same.
- `calibrate`: Learn each channel's tail, and the threshold that keeps to the budget, from ordinary periods.
- `share_out`: Move the budget to where it finds most, by trial injections into the calibration periods.
- `combine`: The combined alarm: its channels calibrated, and the budget shared out.
- `rehearse`: Scenarios of every possible kind and strength, with the detectors' evidence of them.
- `trial`: Every alarm on every scenario.
- `summarise`: Recall, precision, F1, mean delay of what was found, and other alerts per 1,000 product-weeks.
- `recall_gain`: How much more of the events one alarm finds than each other, with an interval.
- `find_alerts`: Alerts of the given periods, most severe first; one row a cause.
- `stock_alerts`: Only the alerts about stock.
- `numbered`: The alerts with a number in front: A001, A002, ...
- `AlertRules`: When chance is no longer believed, and how bad is bad.

Its modules: `grid` (a run as arrays), `evidence` (scores), `detectors` and `autoencoder` (channels), `combination`
(from channels to an alarm at a budget), `injection`, `trials` and `summary` (known anomalies and what is found of
them), `contest` (who takes part), `feed`, `stock` and `products` (`findings` of three sorts), and `table` (the alerts
of a run).
"""

from salesforecast_lib.decisions.alerts.combination import calibrate, collect, share_out
from salesforecast_lib.decisions.alerts.contest import combine, fit_detectors
from salesforecast_lib.decisions.alerts.detectors import SalesEvidence
from salesforecast_lib.decisions.alerts.findings import AlertRules
from salesforecast_lib.decisions.alerts.grid import build_grid
from salesforecast_lib.decisions.alerts.summary import recall_gain, summarise
from salesforecast_lib.decisions.alerts.table import find_alerts, numbered, stock_alerts
from salesforecast_lib.decisions.alerts.trials import rehearse, trial

__all__ = [
    "build_grid",
    "fit_detectors",
    "SalesEvidence",
    "collect",
    "calibrate",
    "share_out",
    "combine",
    "rehearse",
    "trial",
    "summarise",
    "recall_gain",
    "find_alerts",
    "stock_alerts",
    "numbered",
    "AlertRules",
]
