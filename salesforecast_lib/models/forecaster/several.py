"""Several networks as one forecaster at many cutoffs: fitted now and then, their quantiles averaged (chapter 06)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib import levels_of, quantile_columns
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.models.forecaster.fit import NetworkConfig, fit_network
from salesforecast_lib.models.forecaster.forecast import Forecaster
from salesforecast_lib.models.peers.baselines import tidy
from salesforecast_lib.models.peers.shelf import Shelf

MODEL = "Networks"


def network_forecasts(
    table: FeatureTable,
    known: pd.DataFrame,
    meta: dict[str, Any],
    cutoffs: Sequence[pd.Timestamp],
    configs: Sequence[NetworkConfig],
    refit_every: int = 1,
    *,
    say: Callable[[str], None] = lambda text: None,
    shelf: Shelf | None = None,
) -> pd.DataFrame:
    """Forecast from each cutoff with networks that were fitted there or a few cutoffs earlier.

    How long to train is searched at the first cutoff, once for configurations that differ in their seed only; later
    fits train as long on all that is known by then. Periods known to be closed are left as the networks forecast them.

    Parameters
    ----------
    table : features of the whole panel; rows after a cutoff are not looked at, but for the future columns.
    known : ``unique_id, ds`` and the future columns of all periods, those after the end of the data included.
    meta : ``features.json``: freq, horizon and roles.
    configs : one a network; their mean and quantiles are averaged, so they must have the same levels.
    refit_every : cutoffs from one fit to the next; between them only the inputs move on.
    say : told what is being fitted.
    shelf : the networks of the last fit are taken from there, or left there.

    Returns
    -------
    The forecast table of all cutoffs in time order, model "Networks".

    Raises
    ------
    ValueError
        When no network or cutoff is given, when levels differ, or when nothing can be trained at the first cutoff.
    """
    if not configs or not len(cutoffs):
        raise ValueError(f"{len(configs)} networks at {len(cutoffs)} cutoffs: expected at least one of each")
    if refit_every < 1:
        raise ValueError(f"refit_every={refit_every}: expected at least 1, a fit at every cutoff")
    epochs: dict[NetworkConfig, int] = {}
    fitted: list[Forecaster] = []
    parts, cutoffs = [], sorted(set(map(pd.Timestamp, cutoffs)))
    newest = (len(cutoffs) - 1) // refit_every * refit_every

    def fit(cutoff: pd.Timestamp, config: NetworkConfig) -> Forecaster:
        say(f"{config.encoder}, seed {config.training.seed}, at {cutoff.date()}")
        alike = replace(config, training=replace(config.training, seed=0))
        forecaster = fit_network(table, meta, cutoff, config, epochs=epochs.get(alike)).forecaster
        epochs[alike] = int(forecaster.metadata["epochs"])
        return forecaster

    for number, cutoff in enumerate(cutoffs):
        if number % refit_every == 0:
            kept = shelf if shelf is not None and number == newest else Shelf()
            fitted = [kept.get(f"{place}", partial(fit, cutoff, config)) for place, config in enumerate(configs)]
        ahead = known[known["ds"] > cutoff]
        parts.append(mean_of([each(table.frame, ahead, cutoff) for each in fitted]))
    return pd.concat(parts, ignore_index=True).assign(model=MODEL)


def mean_of(tables: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Mean and quantiles averaged, column by column, over forecast tables with the same rows in the same order.

    Raises ValueError when the tables have other quantile levels.
    """
    levels = levels_of(tables[0])
    other = next((each for each in map(levels_of, tables) if each != levels), None)
    if other is not None:
        raise ValueError(f"levels {levels} and {other}: expected the same quantile levels in all networks")
    columns = ["mean", *quantile_columns(levels)]
    values = np.mean([table[columns].to_numpy("float64") for table in tables], axis=0)
    return tidy(tables[0].assign(**{name: values[:, k] for k, name in enumerate(columns)}))
