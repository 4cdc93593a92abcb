"""Chapter 09, alerts: which sales are unusual, and which of them are worth a look.

- `build_grid`: Arrange a run's panel and the forecasts of ``model``; of several cutoffs the newest before the period
  counts.
- `AlertRules`: When chance is no longer believed, and how bad is bad.
- `find_alerts`: Alerts of the given periods, most severe first; one row a cause, with the columns `COLUMNS`.
- `stock_alerts`: Only the alerts about stock, as in `find_alerts`.
- `SalesEvidence`: Channels of the combined detector, each with a direction.
- `IntervalAlarm`: Single period outside its forecast interval, and price outside its usual range; nothing to learn.
- `CusumAlarm`: Two-sided cumulative sum of the standardised residual, for shifts and drifts (Page, 1954).
- `Decomposition`: Residual of the robust seasonal decomposition of sales and of the price; needs no forecast.
- `Forest`: Isolation forest (Liu et al., 2008) on a product-day's deviations: the control that knows no time series.
- `Autoencoder`: Detector: reconstruction error of the newest period, and of the whole newest cycle, against what is
  usual.
- `AutoencoderConfig`: Size and training; ``cycles`` of history (weeks, or months of four weeks) are one window, every
  ``stride``-th is
- `calibrate`: Learn each channel's tail, and the threshold that keeps to the budget, from ordinary periods.
- `collect`: Evidence of all detectors; those that share a channel compute the same.
- `rehearse`: Scenarios of every possible kind and strength.
- `inject`: Put anomalies of one kind into ``columns``, all after a cutoff; forecasts stay what they were at the
  cutoff.
- `judge`: Hold alarms (n, columns) against the injected events; returns the events with ``found, delay`` and other
  alerts.
"""

from salesforecast_lib.decisions.alerts.autoencoder import Autoencoder, AutoencoderConfig
from salesforecast_lib.decisions.alerts.combination import calibrate, collect
from salesforecast_lib.decisions.alerts.detectors import (
    CusumAlarm,
    Decomposition,
    Forest,
    IntervalAlarm,
    SalesEvidence,
)
from salesforecast_lib.decisions.alerts.grid import build_grid
from salesforecast_lib.decisions.alerts.injection import inject, judge, rehearse
from salesforecast_lib.decisions.alerts.table import AlertRules, find_alerts, stock_alerts

__all__ = [
    "build_grid",
    "AlertRules",
    "find_alerts",
    "stock_alerts",
    "SalesEvidence",
    "IntervalAlarm",
    "CusumAlarm",
    "Decomposition",
    "Forest",
    "Autoencoder",
    "AutoencoderConfig",
    "calibrate",
    "collect",
    "rehearse",
    "inject",
    "judge",
]
