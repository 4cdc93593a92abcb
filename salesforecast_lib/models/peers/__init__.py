"""Chapter 06, peers: what a network has to beat, from the seasonal naive to boosted trees.

- `statistical_forecasts`: Local statistical models, fitted on rows up to ``cutoff``.
- `lightgbm_forecasts`: One global LightGBM over all series (Ke et al. 2017) with lags, calendar, categories and
  known-ahead covariates.
- `close_shop`: Forecast nothing for periods known ahead to be closed (``open`` declared as *future*).
- `fitting_history`: Rows up to ``cutoff`` for fitting; sales of unavailable periods are replaced, because their zeros
  are no demand.
- `pooled_quantiles`: Quantiles for a point forecast, from its own errors at the origin one horizon before ``cutoff``.
- `tidy`: Sort quantiles in each row and clip everything at zero, so that the table keeps its contract.
- `OriginRows`: Pairs (origin, step) of a feature frame cut at ``cutoff``: nothing observed later can enter.
- `DirectConfig`: Rows and models of the direct regressions.
- `direct_lightgbm_forecasts`: One LightGBM for all series and steps, with the network's covariates (Ke et al. 2017).
- `boosting_forecasts`: Several direct LightGBM models with a long memory of the series and its group, in other units.
- `BoostingConfig`: Its rows and models.
- `LongMemoryRows`: `OriginRows` with what a network would have to remember.
- `ridge_forecasts`: Linear regression with a ridge penalty (Hoerl & Kennard 1970) on the same rows: the traditional
  method.
"""

from salesforecast_lib.models.peers.baselines import (
    close_shop,
    fitting_history,
    pooled_quantiles,
    statistical_forecasts,
    tidy,
)
from salesforecast_lib.models.peers.boosting import BoostingConfig, boosting_forecasts
from salesforecast_lib.models.peers.memory import LongMemoryRows
from salesforecast_lib.models.peers.origins import OriginRows
from salesforecast_lib.models.peers.recursive import lightgbm_forecasts
from salesforecast_lib.models.peers.regression import DirectConfig, direct_lightgbm_forecasts, ridge_forecasts

__all__ = [
    "statistical_forecasts",
    "lightgbm_forecasts",
    "close_shop",
    "fitting_history",
    "pooled_quantiles",
    "tidy",
    "OriginRows",
    "DirectConfig",
    "direct_lightgbm_forecasts",
    "boosting_forecasts",
    "BoostingConfig",
    "LongMemoryRows",
    "ridge_forecasts",
]
