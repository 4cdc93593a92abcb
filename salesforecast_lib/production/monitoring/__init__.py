"""Chapter 15, monitoring: has the world changed since the model was trained, and what is to be done?

- `Reference`: What the training data look like, with limits learned from their own earlier periods.
- `data_drift`: Hold new rows against a reference; a table with alarms and what to do.
- `ForecastWatch`: Running comparison of forecasts with what came, kept as JSON; its alarms.
- `Night`: One night of the dashboard.
- `write_dashboard`: One page of coverage, error, alarms and versions over the nights, without scripts.
- `tracking_signal`: Trigg's tracking signal of a path of errors.
- `population_stability`: Distance of two columns of counts, summed over bins.
- `kolmogorov_smirnov`: Largest distance of two distribution functions.
"""

from salesforecast_lib.production.monitoring.dashboard import Night, write_dashboard
from salesforecast_lib.production.monitoring.drift import data_drift
from salesforecast_lib.production.monitoring.reference import Reference
from salesforecast_lib.production.monitoring.signals import tracking_signal
from salesforecast_lib.production.monitoring.stability import kolmogorov_smirnov, population_stability
from salesforecast_lib.production.monitoring.watch import ForecastWatch

__all__ = [
    "Reference",
    "data_drift",
    "ForecastWatch",
    "Night",
    "write_dashboard",
    "tracking_signal",
    "population_stability",
    "kolmogorov_smirnov",
]
