"""One table of every model's forecasts, from the files that earlier chapters wrote (chapter 07)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.data.panel import extend_panel
from salesforecast_lib.models.ensembles.members import FORECAST_FILES, stored_forecasts
from salesforecast_lib.models.peers.baselines import close_shop, statistical_forecasts

PEERS = ("SeasonalNaive", "WindowAverage", "Theta", "LightGBM", "LightGBMDirect", "Ridge")


def gather_forecasts(
    run_dir: str | Path,
    comparable: pd.DataFrame,
    meta: Mapping[str, Any],
    cutoffs: Sequence[pd.Timestamp],
    threads: int = 1,
) -> pd.DataFrame:
    """Every model's forecasts at every cutoff and from the end of the data, with the sales known so far.

    Reads the LSTM's, the peers' and the calibrated committee's tables; AutoETS is fitted here. A day on which the
    shop is known to be closed gets zero from everybody.

    Parameters
    ----------
    comparable : panel of the series that every model can forecast, see `comparable_panel`.
    meta : the panel's description: ``horizon``, ``freq``, ``season_length``, ``future``, ``static``.

    Returns
    -------
    The one forecast table: ``unique_id, ds, cutoff, model, mean``, the quantiles, and ``y``, missing after the data.
    """
    today, horizon, freq = comparable["ds"].max(), meta["horizon"], meta["freq"]
    extended = extend_panel(comparable, meta["future"], meta["static"], freq, horizon)
    lstm, members, committees = (stored_forecasts(run_dir, name) for name in FORECAST_FILES)
    parts = [lstm[lstm["unique_id"].isin(comparable["unique_id"]) | (lstm["cutoff"] == today)]]
    parts.append(members[members["model"].isin(PEERS)])
    parts.append(committees[committees["model"] == "Ensemble"])
    for cutoff in [*cutoffs, today]:
        parts.append(
            statistical_forecasts(extended, cutoff, horizon, freq, meta["season_length"], threads, ["AutoETS"])
        )
    forecasts = close_shop(pd.concat(parts, ignore_index=True), extended, meta["future"])
    return forecasts.merge(comparable[["unique_id", "ds", "y"]], how="left")
