"""Chapter 04, the forecaster: a network fitted to a feature table, stored, loaded and asked.

- `NetworkConfig`: Architecture and training of one network; the defaults are those of chapter 04.
- `fit_network`: Train on what is known at a cutoff: first with validation, then anew on everything for the best epochs.
- `architecture_of`: Arguments of `SalesPredictor` for the columns of a table and a horizon.
- `make_loader`: Loader of the trainer that ``config.forks`` chooses; for validation it keeps its order.
- `choose_origins`: Origins of training and validation before a cutoff, however short the history is.
- `split_by_time`: Split before ``cutoff``: the last horizon of origins validates.
- `Forecaster`: A network with everything needed to forecast: vocabulary, window, season and where the data ended.
- `forecast_origins`: Forecast from each origin with the same weights, beside what was sold.
- `save_forecaster`: Write ``model.safetensors`` and ``model.json``; the JSON comes last and makes the pair valid.
- `load_forecaster`: Load what `save_forecaster` wrote; raises ValueError when the format is not ours.
- `write_training_log`: Write the losses of both trainings, with validation and without, as JSON.
- `network_forecasts`: Several networks as one forecaster at many cutoffs, their quantiles averaged.
- `carry_history`: One pass over all series that live at ``cutoff``, each from its first row.
- `carry_day`: The state one period later.
- `carried_forecast`: Forecast table of all series from the carried state; ``future`` as for `Forecaster`.
"""

from salesforecast_lib.models.forecaster.carried import carried_forecast, carry_day, carry_history
from salesforecast_lib.models.forecaster.fit import (
    NetworkConfig,
    architecture_of,
    fit_network,
    make_loader,
)
from salesforecast_lib.models.forecaster.forecast import Forecaster, forecast_origins
from salesforecast_lib.models.forecaster.persistence import (
    load_forecaster,
    save_forecaster,
    write_training_log,
)
from salesforecast_lib.models.forecaster.several import network_forecasts
from salesforecast_lib.models.forecaster.split import choose_origins, split_by_time

__all__ = [
    "NetworkConfig",
    "fit_network",
    "architecture_of",
    "make_loader",
    "choose_origins",
    "split_by_time",
    "Forecaster",
    "forecast_origins",
    "save_forecaster",
    "load_forecaster",
    "write_training_log",
    "network_forecasts",
    "carry_history",
    "carry_day",
    "carried_forecast",
]
