"""What the tests of the models share: a small table, network, training and forecaster."""

from __future__ import annotations

import numpy as np
import pandas as pd
import torch

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.models.forecaster.forecast import Forecaster
from salesforecast_lib.models.networks.predictor import SalesPredictor
from salesforecast_lib.models.windows.loader import WindowLoader
from salesforecast_lib.models.windows.panel_tensor import PanelTensor
from salesforecast_lib.models.windows.vocabulary import Vocabulary

WINDOW, HORIZON, SEASON = 28, 7, 7


def made_table(lengths=(150, 120), seed=0) -> FeatureTable:
    """Series with a strong weekly rhythm that only the covariate ``plan`` explains on top."""
    rng = np.random.default_rng(seed)
    end, parts = pd.Timestamp("2024-06-30"), []
    for number, length in enumerate(lengths):
        ds = pd.date_range(end=end, periods=length)
        plan = rng.integers(0, 2, length).astype(float)
        level = 20 * (number + 1) * (1 + 0.5 * (ds.dayofweek >= 5)) * (1 + plan)
        frame = pd.DataFrame({"unique_id": f"s{number}", "ds": ds, "y": rng.poisson(level).astype(float)})
        frame["available"] = (rng.random(length) > 0.1).astype(float)
        parts.append(frame.assign(lag=frame["y"].shift(7).fillna(0.0), plan=plan, group=f"g{number % 2}"))
    roles = {"static": ["group"], "historical": ["lag"], "future": ["plan"]}
    return FeatureTable(pd.concat(parts, ignore_index=True), roles, {"lags": ["lag"]}, ["lag"])


def made_model(table: FeatureTable, seed=0, **changes):
    """A small network with weights of ``seed``, its vocabulary and its architecture."""
    vocabulary = Vocabulary.of(table)
    architecture = dict(input_size=vocabulary.input_size, hidden_size=12, output_size=HORIZON, future_size=1)
    architecture |= {"static_sizes": (2,), "embedding_size": 3, "dropout": 0.1, **changes}
    torch.manual_seed(seed)
    return SalesPredictor(**architecture), vocabulary, architecture


def made_training(seed=0):
    """A small network with a training and a validation loader."""
    table = made_table()
    model, vocabulary, _ = made_model(table, seed)
    tensor = PanelTensor(table.frame, vocabulary, WINDOW, HORIZON, SEASON)
    ends = table.frame["ds"].max() - pd.Timedelta(days=2 * HORIZON)
    train = WindowLoader(tensor, tensor.origins(table.frame["ds"].min(), ends, 14), 32, seed)
    rows = tensor.origins(ends + pd.Timedelta(days=HORIZON), table.frame["ds"].max(), 14)
    return model, train, WindowLoader(tensor, rows, 64, shuffle=False)


def made_forecaster(table: FeatureTable) -> Forecaster:
    """An untrained forecaster."""
    model, vocabulary, architecture = made_model(table)
    return Forecaster(model.eval(), vocabulary, architecture, WINDOW, HORIZON, SEASON, "D", {"seed": 0})
