"""Windows, network, training and storage behave as chapter 04 says."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.files import project_root
from salesforecast_lib.models.forecaster.fit import NetworkConfig, fit_network, split_by_time
from salesforecast_lib.models.forecaster.persistence import Forecaster, load_forecaster, save_forecaster
from salesforecast_lib.models.networks.heads import quantile_mean
from salesforecast_lib.models.networks.predictor import SalesPredictor, pinball_loss
from salesforecast_lib.models.training.loop import TrainingConfig, make_optimizer, train_model
from salesforecast_lib.models.windows.panel_tensor import PanelTensor, Vocabulary, WindowLoader

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
    vocabulary = Vocabulary.of(table)
    architecture = dict(input_size=vocabulary.input_size, hidden_size=12, output_size=HORIZON, future_size=1)
    architecture |= {"static_sizes": (2,), "embedding_size": 3, "dropout": 0.1, **changes}
    torch.manual_seed(seed)
    return SalesPredictor(**architecture), vocabulary, architecture


def made_training(seed=0):
    table = made_table()
    model, vocabulary, _ = made_model(table, seed)
    tensor = PanelTensor(table.frame, vocabulary, WINDOW, HORIZON, SEASON)
    ends = table.frame["ds"].max() - pd.Timedelta(days=2 * HORIZON)
    train = WindowLoader(tensor, tensor.origins(table.frame["ds"].min(), ends, 14), 32, seed)
    rows = tensor.origins(ends + pd.Timedelta(days=HORIZON), table.frame["ds"].max(), 14)
    return model, train, WindowLoader(tensor, rows, 64, shuffle=False)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=4), st.integers(7, 20), st.integers(1, 9), st.data())
def test_gathered_windows_are_those_of_a_loop(lengths, window, horizon, data):
    table = made_table(tuple(lengths))
    frame = table.frame
    tensor = PanelTensor(frame, Vocabulary.of(table), window, horizon, SEASON)
    row = data.draw(st.integers(0, len(frame) - 1))
    batch = tensor.gather(torch.tensor([row]))
    series = frame["unique_id"] == frame["unique_id"].iloc[row]
    history = frame[series & (frame.index <= row)].tail(window)
    ahead = frame[series & (frame.index > row)].head(horizon)
    seen = history["available"].to_numpy()
    mean = (history["y"].to_numpy() * seen).sum() / max(seen.sum(), 1)
    scale = max(mean, 0.1)
    assert batch.scale.item() == pytest.approx(scale, rel=1e-5)
    assert batch.length.item() == len(history)
    assert (batch.history[0, len(history) :] == 0).all(), "a young series fills only a part of its window"
    for step, (at, day) in enumerate(history.iterrows()):  # each day is scaled by what was known at its close
        until = frame[series & (frame.index <= at)].tail(window)
        known = max((until["y"] * until["available"]).sum() / max(until["available"].sum(), 1), 0.1)
        assert batch.history[0, step, 0].item() == pytest.approx(day["y"] / known, rel=1e-4, abs=1e-5)
        assert batch.history[0, step, 4].item() == pytest.approx(day["lag"] / known, rel=1e-4, abs=1e-5)
    assert batch.target[0, : len(ahead)].numpy() == pytest.approx(ahead["y"].to_numpy())
    assert batch.weight[0, : len(ahead)].numpy() == pytest.approx(ahead["available"].to_numpy())
    assert (batch.weight[0, len(ahead) :] == 0).all(), "nothing is learnt from beyond the series"


def test_origins_leave_room_for_the_horizon_and_never_cross_series():
    table = made_table((40, 30))
    tensor = PanelTensor(table.frame, Vocabulary.of(table), WINDOW, HORIZON, SEASON)
    rows = tensor.origins(table.frame["ds"].min(), table.frame["ds"].max(), min_history=5)
    assert sorted(rows) == [*range(4, 40 - HORIZON), *range(44, 70 - HORIZON)]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 50))
def test_quantiles_never_cross_and_are_never_negative(seed, size):
    table = made_table((60, 50))
    model, vocabulary, _ = made_model(table, seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(size * torch.randn_like(parameter))
        batch = PanelTensor(table.frame, vocabulary, WINDOW, HORIZON, SEASON).gather(torch.tensor([3, 30, 80]))
        quantiles = model(batch)
    assert torch.isfinite(quantiles).all() and (quantiles >= 0).all() and (quantiles.diff(dim=2) >= 0).all()


@pytest.mark.parametrize("changes", [{"num_layers": 2}, {"static_sizes": ()}, {"encoder": "gru", "num_layers": 2}])
def test_shapes_of_other_architectures(changes):
    table = made_table((60, 50))
    model, vocabulary, _ = made_model(table, **changes)
    batch = PanelTensor(table.frame, vocabulary, WINDOW, HORIZON, SEASON).gather(torch.tensor([30, 80]))
    assert model(batch).shape == (2, HORIZON, len(QUANTILE_COLUMNS))


def test_pinball_loss_and_mean_by_hand():
    forecast, target = torch.tensor([[[1.0, 2.0, 4.0]]]), torch.tensor([[3.0]])
    loss = pinball_loss(forecast, target, torch.ones(1, 1), (0.1, 0.5, 0.9))
    assert loss.item() == pytest.approx((0.1 * 2 + 0.5 * 1 + 0.1 * 1) / 3)
    assert quantile_mean(forecast, (0.1, 0.5, 0.9)).item() == pytest.approx(0.3 * 1 + 0.4 * 2 + 0.3 * 4)


@pytest.mark.parametrize("name, rate", [("adam", 0.01), ("sgd", 0.3)])
def test_training_lowers_the_loss_and_keeps_the_best_epoch(name, rate):
    model, train, validation = made_training()
    config = TrainingConfig(max_epochs=12, patience=6)
    log = train_model(model, train, make_optimizer(name, model, rate), validation_loader=validation, config=config)
    assert log.best_loss == min(log.validation) < 0.9 * log.validation[0]
    from salesforecast_lib.models.training.loop import evaluate

    assert evaluate(model, validation, config) == pytest.approx(log.best_loss, rel=1e-6)


def test_training_stops_when_validation_stops_falling():
    model, train, validation = made_training()
    config = TrainingConfig(max_epochs=40, patience=2, schedule="constant")
    log = train_model(model, train, make_optimizer("sgd", model, 1e-15), validation_loader=validation, config=config)
    assert len(log.train) < 40 and len(log.train) - 1 - log.best_epoch >= 2


KILLED = """
import os, sys, torch
sys.path.insert(0, {folder!r})
from test_models import made_training
from salesforecast_lib.models.training import loop as training
from pathlib import Path
model, train, validation = made_training()
real = training._store
def store(model, optimizer, log, best, epoch, folder):
    real(model, optimizer, log, best, epoch, folder)
    if epoch == 1:
        os.kill(os.getpid(), 9)
training._store = store
training.train_model(model, train, training.make_optimizer("adam", model, 0.01), validation_loader=validation,
    config=training.TrainingConfig(max_epochs=4), checkpoint=Path({checkpoint!r}))
"""


def test_killed_training_resumes_to_the_same_weights(tmp_path):
    folder = project_root() / "tests" / "unit" / "models" / "forecaster"
    script = KILLED.format(folder=str(folder), checkpoint=str(tmp_path / "c"))
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    results = []
    for checkpoint in (tmp_path / "c", tmp_path / "undisturbed"):
        model, train, validation = made_training()
        log = train_model(
            model,
            train,
            make_optimizer("adam", model, 0.01),
            validation_loader=validation,
            config=TrainingConfig(max_epochs=4),
            checkpoint=checkpoint,
        )
        results.append((model.state_dict(), log.train, log.validation))
    for once, again in zip(results[0][1:], results[1][1:], strict=True):
        assert np.allclose(once, again, rtol=1e-6, atol=0)  # an epoch's sum: its last digit depends on memory
    assert all(torch.equal(results[0][0][name], results[1][0][name]) for name in results[0][0])


def test_tensorboard_log_is_written(tmp_path):
    model, train, validation = made_training()
    train_model(
        model, train, make_optimizer("adam", model, 0.01), config=TrainingConfig(max_epochs=1), log_dir=tmp_path
    )
    assert list(tmp_path.rglob("events.out.tfevents*"))


def forecaster_of(table):
    model, vocabulary, architecture = made_model(table)
    return Forecaster(model.eval(), vocabulary, architecture, WINDOW, HORIZON, SEASON, "D", {"seed": 0})


def test_forecast_sees_nothing_after_the_cutoff_and_keeps_its_contract():
    table = made_table()
    forecaster, frame = forecaster_of(table), table.frame
    cutoff = frame["ds"].max() - pd.Timedelta(days=HORIZON)
    future = frame.loc[frame["ds"] > cutoff, ["unique_id", "ds", "plan"]]
    honest = forecaster(frame, future, cutoff)
    after = frame["ds"] > cutoff
    spoiled = frame.assign(
        y=frame["y"].where(~after, 1e9), lag=frame["lag"].where(~after, -1.0), available=1.0 * ~after
    )
    spoiled["available"] = frame["available"].where(~after, 0.0)
    assert forecaster(spoiled, future, cutoff).equals(honest)
    assert len(honest) == 2 * HORIZON and not honest.isna().any(axis=None)
    values = honest[list(QUANTILE_COLUMNS)].to_numpy()
    assert (np.diff(values, axis=1) >= 0).all() and (values >= 0).all()


def test_stored_model_gives_the_same_forecast_and_unseen_categories_do_not_stop_it(tmp_path):
    table = made_table()
    forecaster, frame = forecaster_of(table), table.frame
    cutoff = frame["ds"].max() - pd.Timedelta(days=HORIZON)
    future = frame.loc[frame["ds"] > cutoff, ["unique_id", "ds", "plan"]]
    save_forecaster(forecaster, tmp_path)
    loaded = load_forecaster(tmp_path)
    assert loaded(frame, future, cutoff).equals(forecaster(frame, future, cutoff))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]
    with pytest.warns(UserWarning, match="new to the model, such as 'new'"):
        assert len(loaded(frame.assign(group="new"), future, cutoff)) == 2 * HORIZON


def test_a_missing_day_of_the_plan_is_named():
    table = made_table()
    frame = table.frame
    cutoff = frame["ds"].max() - pd.Timedelta(days=HORIZON)
    future = frame.loc[frame["ds"] > cutoff, ["unique_id", "ds", "plan"]].iloc[1:]
    with pytest.raises(ValueError, match="1 rows are missing"):
        forecaster_of(table)(frame, future, cutoff)


def test_foreign_model_is_refused(tmp_path):
    (tmp_path / "model.json").write_text('{"format": "other"}')
    with pytest.raises(ValueError, match="train again"):
        load_forecaster(tmp_path)


def test_no_pickle_is_loaded_anywhere():
    for file in (project_root() / "salesforecast_lib").rglob("*.py"):
        text = file.read_text()
        assert not any(word in text for word in ("torch.load(", "import pickle", "joblib.load", "read_pickle")), (
            file.name
        )


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


def test_a_forecast_reads_no_further_back_than_the_network():
    table = made_table(lengths=(400, 300))
    model, vocabulary, architecture = made_model(table)
    forecaster = Forecaster(model.eval(), vocabulary, architecture, WINDOW, HORIZON, SEASON, "D", {})
    cutoff = table.frame["ds"].max() - pd.Timedelta(days=HORIZON)
    future = table.frame[table.frame["ds"] > cutoff]
    changed = table.frame.assign(extra=1.0)
    old = changed["ds"] <= cutoff - pd.Timedelta(days=2 * WINDOW)
    changed.loc[old, ["y", "lag"]] = 1e6
    assert forecaster(changed, future, cutoff).equals(forecaster(table.frame, future, cutoff))
    changed.loc[changed["ds"] == cutoff, "y"] = 1e6
    assert not forecaster(changed, future, cutoff).equals(forecaster(table.frame, future, cutoff))
