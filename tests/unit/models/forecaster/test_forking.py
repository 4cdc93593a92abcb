"""Forking sequences and the carried state give what window by window and a full pass give (chapter 04)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.models.forecaster.carried import carried_forecast, carry_day, carry_history
from salesforecast_lib.models.forecaster.fit import NetworkConfig, fit_network
from salesforecast_lib.models.forecaster.forecast import Forecaster
from salesforecast_lib.models.training.loop import TrainingConfig, evaluate, make_optimizer, train_model
from salesforecast_lib.models.windows.loader import WindowLoader
from salesforecast_lib.models.windows.panel_tensor import PanelTensor
from salesforecast_lib.models.windows.stretches import StretchLoader
from tests.unit.models.made import HORIZON, SEASON, WINDOW, made_model, made_table

CAUSAL = ("rnn", "gru", "lstm", "attention_lstm", "transformer")


def made(lengths=(150, 120, 40), seed=0, **changes):
    """A network with random weights everywhere, and the tensor of three series."""
    table = made_table(lengths)
    model, vocabulary, architecture = made_model(table, seed, hidden_size=16, **changes)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.2 * torch.randn_like(parameter))
    return table, model.eval(), PanelTensor(table.frame, vocabulary, WINDOW, HORIZON, SEASON), architecture


def everything(tensor: PanelTensor) -> np.ndarray:
    days = tensor.ds
    return tensor.origins(pd.Timestamp(days.min()), pd.Timestamp(days.max()), 3)


@pytest.mark.parametrize("encoder", CAUSAL)
def test_forking_has_the_loss_of_windows_that_reach_as_far_back(encoder):
    _, model, tensor, _ = made(encoder=encoder)
    origins = everything(tensor)
    stretches = StretchLoader(tensor, origins, 2, shuffle=False, steps=200)  # every series is one stretch
    windows = WindowLoader(tensor, origins, 50, shuffle=False, steps=200)
    assert evaluate(model, stretches) == pytest.approx(evaluate(model, windows), rel=1e-5)


@pytest.mark.parametrize("steps, warm_up", [(200, None), (60, 20), (31, 30), (40, 0)])
def test_every_origin_is_trained_exactly_once(steps, warm_up):
    _, _, tensor, _ = made()
    tensor.y.copy_(torch.arange(len(tensor.y)))  # the target tells which origin it belongs to
    origins = everything(tensor)[::2]
    loader = StretchLoader(tensor, origins, 2, steps=steps, warm_up=warm_up)
    found = []
    for epoch in (0, 1):
        loader.epoch = epoch
        rows = [stretch.target[:, : stretch.origin.shape[1]][stretch.origin > 0] - 1 for stretch in loader]
        found.append(torch.cat(rows).long().tolist())
    assert sorted(found[0]) == sorted(found[1]) == origins.tolist()
    assert all(stretch.history.shape[1] <= steps for stretch in loader)
    long_stretches = steps == 200
    assert long_stretches or found[0] != found[1], "stretches come in another order in another epoch"


def test_stretch_gives_the_forecast_of_the_window_at_each_origin():
    _, model, tensor, _ = made((100,))
    stretch = next(iter(StretchLoader(tensor, everything(tensor), 1, shuffle=False, steps=100)))
    with torch.no_grad():
        forked = model(stretch)[0]  # (origins, horizon, quantiles)
        rows = torch.as_tensor(everything(tensor))
        single = model(tensor.gather(rows, 100))
    assert torch.allclose(forked, single, rtol=1e-4, atol=1e-5)
    assert (forked >= 0).all() and (forked.diff(dim=2) >= 0).all()


@pytest.mark.parametrize("encoder", CAUSAL)
def test_nothing_after_an_origin_moves_its_forecast(encoder):
    table, model, tensor, _ = made((120, 90), encoder=encoder)
    day = 60
    frame = table.frame.copy()
    late = frame.groupby("unique_id").cumcount() > day
    frame.loc[late, ["y", "lag"]] = 1e4
    frame.loc[late, "available"] = 0.0
    spoiled = PanelTensor(frame, tensor.vocabulary, WINDOW, HORIZON, SEASON)
    forecasts = []
    for each in (tensor, spoiled):
        stretch = next(iter(StretchLoader(each, everything(tensor), 2, shuffle=False, steps=200)))
        with torch.no_grad():
            forecasts.append(model(stretch))
    first = 2  # origins begin at the third day
    assert torch.allclose(forecasts[0][:, : day - first + 1], forecasts[1][:, : day - first + 1], rtol=1e-5, atol=1e-6)
    assert not torch.allclose(forecasts[0][:, day - first + 2 :], forecasts[1][:, day - first + 2 :], rtol=1e-2)


@pytest.mark.parametrize("encoder", ["bidirectional_lstm", "mlp"])
def test_an_encoder_that_cannot_fork_is_trained_window_by_window(encoder):
    table = made_table()
    cutoff = table.frame["ds"].max() - pd.Timedelta(days=HORIZON)
    config = NetworkConfig(WINDOW, encoder=encoder, hidden_size=6, training=TrainingConfig(max_epochs=1))
    assert config.forking and not config.forks and replace(config, encoder="gru").forks
    forecaster = fit_network(table, {"horizon": HORIZON, "freq": "D"}, cutoff, config).forecaster
    assert forecaster.reach is None and len(forecaster(table.frame, table.frame, cutoff)) == 2 * HORIZON


@pytest.mark.parametrize("encoder", ["bidirectional_lstm", "mlp"])
def test_encoders_that_are_not_causal_refuse_forking(encoder):
    _, model, tensor, _ = made(encoder=encoder, window=WINDOW)
    stretch = next(iter(StretchLoader(tensor, everything(tensor), 2)))
    with pytest.raises(ValueError, match="forking"):
        model.loss(stretch)
    assert not model.causal
    assert model(tensor.gather(torch.tensor([10, 90]))).shape[:2] == (2, HORIZON)


def gradients(model, batch):
    model.zero_grad()
    total, weight = model.loss(batch, 0.5)
    (total / weight).backward()
    return (total / weight).item(), {name: each.grad.clone() for name, each in model.named_parameters()}


@pytest.mark.parametrize("horizon, season, window", [(7, 7, 28), (10, 7, 21), (3, 4, 12), (2, 5, 10)])
def test_fused_loss_has_the_value_and_gradients_of_the_plain_expression(horizon, season, window, monkeypatch):
    from salesforecast_lib.models.networks import fused

    monkeypatch.setattr(fused, "_ORIGINS", 37)  # several blocks, the last one shorter
    table = made_table((90, 70))
    model, vocabulary, _ = made_model(table, output_size=horizon, dropout=0.0, category_dropout=0.0)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.4 * torch.randn_like(parameter))
    tensor = PanelTensor(table.frame, vocabulary, window, horizon, season)
    rows = everything(tensor)
    few = rows[:2]  # one series with fewer origins than steps ahead
    for batch in (
        next(iter(StretchLoader(tensor, rows, 2, steps=100))),
        next(iter(StretchLoader(tensor, few, 1, steps=100))),
        tensor.gather(torch.as_tensor(rows[:50])),
    ):
        model.train()  # fused
        loss, fast = gradients(model, batch)
        model.eval()  # plain
        expected, plain = gradients(model, batch)
        assert loss == pytest.approx(expected, rel=1e-5)
        for name, value in plain.items():
            assert torch.allclose(fast[name], value, rtol=1e-3, atol=1e-5), name


def test_both_trainers_learn_the_same_network():
    table, meta = made_table((200, 170)), {"horizon": HORIZON, "freq": "D"}
    cutoff = table.frame["ds"].max() - pd.Timedelta(days=HORIZON)
    config = NetworkConfig(
        WINDOW,
        hidden_size=12,
        stride=1,
        learning_rate=0.01,
        batch_size=64,
        training=TrainingConfig(max_epochs=16, patience=16),
    )
    losses = {}
    for forking in (False, True):
        changed = replace(config, forking=forking, stretches=1, steps=64)
        fit = fit_network(table, meta, cutoff, changed, refit=False)
        losses[forking] = fit.search.best_loss
        assert fit.search.best_loss < 0.97 * fit.search.validation[0]
        table_of = fit.forecaster(table.frame, table.frame[table.frame["ds"] > cutoff], cutoff)
        assert len(table_of) == 2 * HORIZON
    assert losses[True] == pytest.approx(losses[False], rel=0.12)


def test_forking_stops_and_resumes_to_the_same_weights(tmp_path):
    results = []
    for stops in ([3], [1, 3]):
        for stop in stops:
            table = made_table()
            model, vocabulary, _ = made_model(table)
            tensor = PanelTensor(table.frame, vocabulary, WINDOW, HORIZON, SEASON)
            loader = StretchLoader(tensor, everything(tensor), 1, steps=64)
            config = TrainingConfig(max_epochs=stop, schedule="constant")
            optimizer = make_optimizer("adam", model, 0.01)
            train_model(model, loader, optimizer, config=config, checkpoint=tmp_path / str(len(stops)))
        results.append(model.state_dict())
    assert all(torch.equal(results[0][name], results[1][name]) for name in results[0])


def carried_case(encoder="lstm", layers=1):
    table, model, tensor, architecture = made((150, 120, 40), encoder=encoder, num_layers=layers)
    names = dict(zip(["s0", "s1", "s2"], ["z", "a", "m"], strict=True))  # not in the order of their rows
    frame = table.frame.assign(unique_id=table.frame["unique_id"].map(names))
    frame = frame.sort_values(["unique_id", "ds"], ignore_index=True)
    forecaster = Forecaster(model, tensor.vocabulary, architecture, WINDOW, HORIZON, SEASON, "D", {}, reach=200)
    return frame, forecaster


@pytest.mark.parametrize("encoder, layers", [("rnn", 1), ("gru", 2), ("lstm", 1), ("lstm", 2)])
def test_days_added_to_the_carried_state_equal_a_full_pass(encoder, layers):
    frame, forecaster = carried_case(encoder, layers)
    last = frame["ds"].max() - pd.Timedelta(days=HORIZON)
    frame["plan"] *= 700.0  # sums of money
    closed = frame["ds"].between(last - pd.Timedelta(days=WINDOW + 20), last - pd.Timedelta(days=4))
    frame.loc[closed & (frame["unique_id"] == "a"), ["y", "available"]] = 0.0  # reopened while the state is carried
    state = carry_history(forecaster, frame, last - pd.Timedelta(days=9))
    size = sum(each.numel() for each in state.carried) + state.y.numel()
    for day in pd.date_range(last - pd.Timedelta(days=8), last):
        state = carry_day(forecaster, state, frame[frame["ds"] == day].sample(frac=1, random_state=0))
    future = frame.loc[frame["ds"] > last, ["unique_id", "ds", "plan"]]
    full, carried = forecaster(frame, future, last), carried_forecast(forecaster, state, future)
    assert sum(each.numel() for each in state.carried) + state.y.numel() == size, "the state must not grow"
    columns = [name for name in full if name == "mean" or name.startswith("q")]
    both = full.merge(carried, on=["unique_id", "ds", "cutoff", "model"], suffixes=("", "_carried"))
    assert len(both) == len(full) == 3 * HORIZON
    for name in columns:
        assert both[f"{name}_carried"].to_numpy() == pytest.approx(both[name].to_numpy(), rel=1e-5, abs=1e-5), name


def test_a_wrong_day_for_the_carried_state_is_named():
    frame, forecaster = carried_case()
    last = frame["ds"].max() - pd.Timedelta(days=3)
    state = carry_history(forecaster, frame, last)
    tomorrow = frame[frame["ds"] == last + pd.Timedelta(days=1)]
    with pytest.raises(ValueError, match="'m' is missing or unknown"):
        carry_day(forecaster, state, tomorrow[tomorrow["unique_id"] != "m"])
    with pytest.raises(ValueError, match="another date"):
        carry_day(forecaster, state, frame[frame["ds"] == last + pd.Timedelta(days=2)])


def test_an_encoder_without_memory_cannot_carry():
    frame, forecaster = carried_case("transformer")
    with pytest.raises(ValueError, match="carries no state"):
        carry_history(forecaster, frame, frame["ds"].max())


def test_training_data_are_held_once():
    table = made_table((400, 300))
    assert isinstance(table, FeatureTable)
    _, vocabulary, _ = made_model(table)
    tensor = PanelTensor(table.frame, vocabulary, WINDOW, HORIZON, SEASON)
    rows = everything(tensor)
    for loader in (StretchLoader(tensor, rows, 4), WindowLoader(tensor, rows, 64)):
        own = [value for value in vars(loader).values() if isinstance(value, torch.Tensor)]
        assert sum(value.numel() * value.element_size() for value in own) <= 10 * len(tensor.y)
    assert tensor.future.untyped_storage().data_ptr() == tensor.inputs.untyped_storage().data_ptr()
