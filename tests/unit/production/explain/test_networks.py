"""Gradients of a trained network are complete and ours by hand; attention is the encoder's own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import torch

from salesforecast_lib.models.forecaster import NetworkConfig, fit_network
from salesforecast_lib.models.training.loop import TrainingConfig
from salesforecast_lib.production.explain import attention_of, integrated_gradients
from salesforecast_lib.production.explain.gradients import HorizonSum, inputs_and_baseline, windows_at
from tests.unit.models.made import made_table

META = {"freq": "D", "horizon": 7, "dataset": "made"}


def trained(encoder):
    """A small trained network, its windows at the end of the data but a horizon, and their names."""
    table = made_table((150, 140, 20))
    cutoff = table.frame["ds"].max() - pd.Timedelta(days=7)
    training = TrainingConfig(max_epochs=6, epoch_steps=20)
    config = NetworkConfig(28, 10, 3, steps=42, stretches=4, encoder=encoder, learning_rate=0.01, training=training)
    forecaster = fit_network(table, META | table.roles, cutoff, config, epochs=6).forecaster
    known = table.frame[["unique_id", "ds", "plan"]]
    return forecaster, table, known, cutoff


@pytest.fixture(scope="module")
def lstm():
    return trained("lstm")


@pytest.fixture(scope="module")
def looking():
    return trained("attention_lstm")


@pytest.mark.parametrize("encoder", ["lstm", "looking"])
def test_the_parts_add_up_to_a_thousandth_of_the_spread(encoder, request):
    forecaster, table, known, cutoff = request.getfixturevalue(encoder)
    window = windows_at(forecaster, table.frame, known, cutoff)
    found = integrated_gradients(forecaster, *window, table.groups, tolerance=1e-3)
    assert found.error <= 1e-3 and found.forecast.std() > 1
    whole = forecaster(table.frame, known[known["ds"] > cutoff], cutoff).groupby("unique_id")["mean"].sum()
    assert np.allclose(found.forecast, whole.loc[found.names], rtol=1e-4)
    assert found.added["other columns"].abs().sum() > 0, "the plan lifts sales"


def test_a_sum_by_hand_is_captums(lstm):
    forecaster, table, known, cutoff = lstm
    batch, names = windows_at(forecaster, table.frame, known, cutoff)
    f, rows = HorizonSum(forecaster, batch), torch.arange(len(names))
    inputs, start = inputs_and_baseline(batch)
    total = torch.zeros(len(names), dtype=torch.float64)
    for k in range(5):
        at = [(b + (k + 0.5) / 5 * (x - b)).requires_grad_() for x, b in zip(inputs, start, strict=True)]
        for x, b, slope in zip(inputs, start, torch.autograd.grad(f(*at, rows).sum(), at), strict=True):
            total += ((x - b) * slope).flatten(1).sum(dim=1) / 5
    found = integrated_gradients(forecaster, batch, names, table.groups, 5)
    assert np.allclose(found.added.sum(axis=1), total.numpy())
    few = found.error
    assert integrated_gradients(forecaster, batch, names, table.groups, 5, tolerance=few / 10).error < few


def test_steps_that_a_young_series_lacks_add_nothing(lstm):
    forecaster, table, known, cutoff = lstm
    batch, names = windows_at(forecaster, table.frame, known, cutoff)
    young = int(batch.length.argmin())
    assert batch.length[young] < batch.history.shape[1]
    found = integrated_gradients(forecaster, batch, names, table.groups, 8)
    assert (found.by_step[young, int(batch.length[young]) :] == 0).all() and np.abs(found.by_step).sum() > 0


def test_attention_weighs_the_filled_steps_as_the_encoder_does(looking):
    forecaster, table, known, cutoff = looking
    batch, names = windows_at(forecaster, table.frame, known, cutoff)
    attention = attention_of(forecaster, batch, deals=2)
    with torch.no_grad():
        own = (forecaster.model.predict(batch)[0] * batch.scale).sum(dim=1).numpy()
    assert np.allclose(attention.forecast, own, rtol=1e-4), "the weights by hand give the network's forecast"
    assert np.allclose(attention.weights.sum(axis=1), 1.0, atol=1e-5)
    for row, length in enumerate(batch.length.tolist()):
        assert (attention.weights[row, length:] == 0).all()
    assert attention.moved > 0 and attention.goes_with(attention.weights) == pytest.approx(1.0)


def test_a_network_without_attention_is_refused(lstm):
    forecaster, table, known, cutoff = lstm
    with pytest.raises(ValueError, match="encoder='lstm'.*train one with attention_lstm"):
        attention_of(forecaster, windows_at(forecaster, table.frame, known, cutoff)[0])
