"""One table of every model's forecasts, from the files that earlier chapters wrote (chapter 07)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib import CHAMPION
from salesforecast_lib.models.ensembles.members import FORECAST_FILES, read_extended, stored_forecasts
from salesforecast_lib.models.peers.baselines import close_shop
from salesforecast_lib.models.peers.smoothing import ets_forecasts

PEERS = ("SeasonalNaive", "WindowAverage", "Theta", "LightGBM", "LightGBMDirect", "Ridge")
FITTED_HERE = ("AutoETS",)


def gather_forecasts(
    run_dir: str | Path,
    comparable: pd.DataFrame,
    meta: Mapping[str, Any],
    cutoffs: Sequence[pd.Timestamp],
    threads: int = 1,
) -> pd.DataFrame:
    """Every model's forecasts at every cutoff and from the end of the data, with the sales known so far.

    Reads the champion's, the LSTM's and the peers' tables; AutoETS is fitted here, see `ets_forecasts`. Members of the
    champion that are no peers stand beside it. A day on which the shop is known to be closed gets zero from everybody.

    Parameters
    ----------
    comparable : panel of the series that every model can forecast, see `comparable_panel`.
    meta : the panel's description: ``horizon``, ``freq``, ``season_length``, ``future``, ``static``.

    Returns
    -------
    The one forecast table: ``unique_id, ds, cutoff, model, mean``, the quantiles, and ``y``, missing after the data.
    """
    today, horizon, freq = comparable["ds"].max(), meta["horizon"], meta["freq"]
    extended = read_extended(run_dir, comparable, meta)
    lstm, members, champion = (stored_forecasts(run_dir, name) for name in FORECAST_FILES)
    members = members[members["model"].isin(PEERS)]
    taken = {*lstm["model"], *members["model"], *FITTED_HERE}
    ours = pd.concat([champion[~champion["model"].isin(taken)], lstm], ignore_index=True)
    parts = [ours[ours["unique_id"].isin(comparable["unique_id"]) | (ours["cutoff"] == today)], members]
    parts.append(ets_forecasts(extended, [*cutoffs, today], horizon, freq, meta["season_length"], threads))
    forecasts = close_shop(pd.concat(parts, ignore_index=True), extended, meta["future"])
    return forecasts.merge(comparable[["unique_id", "ds", "y"]], how="left")


def own_models(forecasts: pd.DataFrame) -> list[str]:
    """Names in the one forecast table that are no peers: the champion first, then as they come."""
    names = [name for name in forecasts["model"].unique() if name not in (*PEERS, *FITTED_HERE)]
    return sorted(names, key=lambda name: name != CHAMPION)


def champion_members(run_dir: str | Path) -> list[str]:
    """Names of the models that the champion of a run could choose from at one cutoff at least."""
    champion = stored_forecasts(run_dir, "champion_forecasts.parquet")
    return [name for name in champion["model"].unique() if name != CHAMPION]
