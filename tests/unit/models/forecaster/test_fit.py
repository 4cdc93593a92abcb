"""One call trains on what is known at a cutoff."""

from __future__ import annotations

import pandas as pd

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.models.forecaster.fit import NetworkConfig, fit_network
from salesforecast_lib.models.forecaster.split import split_by_time
from salesforecast_lib.models.training.loop import TrainingConfig
from tests.unit.models.made import HORIZON, WINDOW, made_table


def test_one_call_trains_on_nothing_after_its_cutoff():
    table, meta = made_table(), {"horizon": HORIZON, "freq": "D"}
    cutoff = table.frame["ds"].max() - pd.Timedelta(days=HORIZON)
    config = NetworkConfig(WINDOW, hidden_size=8, stride=2, training=TrainingConfig(max_epochs=2))
    later = table.frame["ds"] > cutoff
    spoiled = FeatureTable(table.frame.copy(), table.roles, table.groups, table.in_units)
    spoiled.frame.loc[later, ["y", "lag"]] = 1e6
    fits = [fit_network(each, meta, cutoff, config) for each in (table, spoiled)]
    assert fits[0].search.train == fits[1].search.train
    assert len(fits[0].final.train) == fits[0].search.best_epoch + 1
    forecasts = [
        fit.forecaster(each.frame, table.frame[later], cutoff) for fit, each in zip(fits, (table, spoiled), strict=True)
    ]
    assert forecasts[0].equals(forecasts[1]) and len(forecasts[0]) == 2 * HORIZON
    split = split_by_time(cutoff, HORIZON, "D")
    step = pd.Timedelta(days=1)
    assert split.train_last + HORIZON * step == split.validation_first, "targets of both do not overlap"
    assert split.validation_last + HORIZON * step == cutoff
