"""Young, new and unknown products get a forecast, never a crash."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.models.forecaster.forecast import Forecaster
from salesforecast_lib.models.training.loop import batch_loss
from salesforecast_lib.models.windows.panel_tensor import PanelTensor
from tests.unit.models.made import HORIZON, SEASON, WINDOW, made_model, made_table


def case(lengths=(150, 120, 4, 1)):
    table = made_table(lengths)
    model, vocabulary, architecture = made_model(table)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    forecaster = Forecaster(model.eval(), vocabulary, architecture, WINDOW, HORIZON, SEASON, "D", {})
    end = table.frame["ds"].max()
    names = [*table.frame["unique_id"].unique(), "new", "newer"]
    steps = pd.date_range(end, periods=HORIZON + 1)[1:]
    future = pd.MultiIndex.from_product([names, steps], names=["unique_id", "ds"]).to_frame(False).assign(plan=1.0)
    return table.frame, forecaster, future, end


def test_products_younger_than_the_window_are_forecast():
    frame, forecaster, future, end = case()
    table = forecaster(frame, future, end)
    assert set(table["unique_id"]) == {"s0", "s1", "s2", "s3"} and not table.isna().any(axis=None)


def test_products_without_history_start_at_the_level_of_their_category():
    frame, forecaster, future, end = case()
    new = pd.DataFrame({"unique_id": ["new", "newer"], "group": ["g0", "g1"]})
    table = forecaster(frame, future, end, new=new)
    assert set(table["unique_id"]) == {"s0", "s1", "s2", "s3", "new", "newer"}
    values = table[list(QUANTILE_COLUMNS)].to_numpy()
    assert np.isfinite(values).all() and (values >= 0).all() and (np.diff(values, axis=1) >= 0).all()
    others = forecaster(frame, future, end)
    same = table[~table["unique_id"].str.startswith("new")].reset_index(drop=True)
    assert np.allclose(same[list(QUANTILE_COLUMNS)], others[list(QUANTILE_COLUMNS)], rtol=1e-4)
    recent = frame[frame["available"] > 0].groupby("unique_id").tail(WINDOW)
    level = forecaster.first_days(frame, new, end)["y"].to_numpy()
    usual = recent.groupby(["group", "unique_id"])["y"].mean().groupby("group").median()
    assert level == pytest.approx(usual.to_numpy(), rel=0.15)


def test_an_unseen_category_of_a_new_product_is_a_warning():
    frame, forecaster, future, end = case()
    new = pd.DataFrame({"unique_id": ["new"], "group": ["never seen"]})
    with pytest.warns(UserWarning, match="group: 1 categories are new to the model, such as 'never seen'"):
        table = forecaster(frame, future, end, new=new)
    assert len(table[table["unique_id"] == "new"]) == HORIZON


def test_bad_lists_of_new_products_are_named():
    frame, forecaster, future, end = case()
    with pytest.raises(ValueError, match="'s0' already has history"):
        forecaster(frame, future, end, new=pd.DataFrame({"unique_id": ["s0"], "group": ["g0"]}))
    with pytest.raises(ValueError, match=r"missing columns \['group'\]"):
        forecaster(frame, future, end, new=pd.DataFrame({"unique_id": ["new"]}))


def test_the_unknown_category_is_learnt_by_hiding_known_ones():
    table = made_table()
    for share, learnt in ((0.0, False), (0.5, True)):
        model, vocabulary, _ = made_model(table, category_dropout=share)
        with torch.no_grad():
            model.local.weight.add_(0.3)
        tensor = PanelTensor(table.frame, vocabulary, WINDOW, HORIZON, SEASON)
        from salesforecast_lib.models.training.loop import TrainingConfig

        batch_loss(model.train(), tensor.gather(torch.arange(40, 80)), TrainingConfig()).backward()
        assert bool(model.embeddings[0].weight.grad[0].abs().sum() > 0) is learnt
