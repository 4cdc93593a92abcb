"""Training stops early, keeps the best epoch, and resumes to the same weights after it was killed."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap

import numpy as np
import pytest
import torch

from salesforecast_lib.files import project_root
from salesforecast_lib.models.training.loop import TrainingConfig, evaluate, make_optimizer, train_model
from tests.unit.models.made import made_training


@pytest.mark.parametrize("name, rate", [("adam", 0.01), ("sgd", 0.3)])
def test_training_lowers_the_loss_and_keeps_the_best_epoch(name, rate):
    model, train, validation = made_training()
    config = TrainingConfig(max_epochs=12, patience=6)
    log = train_model(model, train, make_optimizer(name, model, rate), validation_loader=validation, config=config)
    assert log.best_loss == min(log.validation) < 0.9 * log.validation[0]
    assert evaluate(model, validation, config) == pytest.approx(log.best_loss, rel=1e-6)


def test_training_stops_when_validation_stops_falling():
    model, train, validation = made_training()
    config = TrainingConfig(max_epochs=40, patience=2, schedule="constant")
    log = train_model(model, train, make_optimizer("sgd", model, 1e-15), validation_loader=validation, config=config)
    assert len(log.train) < 40 and len(log.train) - 1 - log.best_epoch >= 2


KILLED = """
import os, sys, torch
sys.path.insert(0, {folder!r})
from tests.unit.models.made import made_training
from salesforecast_lib.models.training import loop as training
from pathlib import Path
model, train, validation = made_training()
real = training.store
def kill(model, optimizer, log, best, epoch, folder):
    real(model, optimizer, log, best, epoch, folder)
    if epoch == 1:
        os.kill(os.getpid(), 9)
training.store = kill
training.train_model(model, train, training.make_optimizer("adam", model, 0.01), validation_loader=validation,
    config=training.TrainingConfig(max_epochs=4), checkpoint=Path({checkpoint!r}))
"""


def test_killed_training_resumes_to_the_same_weights(tmp_path):
    script = KILLED.format(folder=str(project_root()), checkpoint=str(tmp_path / "c"))
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


def test_an_epoch_of_steps_goes_on_where_the_last_one_stopped():
    """Three epochs of 4 steps see the batches of a pass one after the other, then the next pass in another order."""
    _, train, _ = made_training()
    size = len(train)
    rows = [batch.target.sum().item() for batch in train.batches(0, 2 * size)]
    assert size > 4 and sum(rows[:size]) == pytest.approx(sum(rows[size:])) and rows[:size] != rows[size:]
    parts = [batch.target.sum().item() for k in range(3) for batch in train.batches(4 * k, 4)]
    assert parts == rows[:12]


@pytest.mark.parametrize("steps", [1, 3, 25])
def test_the_budget_is_counted_in_steps_whatever_the_size_of_the_panel(steps):
    for _ in range(2):
        model, train, validation = made_training()
        optimizer = make_optimizer("adam", model, 0.003)
        config = TrainingConfig(max_epochs=2, patience=2, epoch_steps=steps)
        log = train_model(model, train, optimizer, validation_loader=validation, config=config)
        assert len(log.train) == 2 and log.windows_per_second > 0
        assert optimizer.state[next(model.parameters())]["step"].item() == 2 * steps
        train.batch_size *= 2  # another number of batches, the same number of steps


def test_a_stop_within_a_pass_is_resumed_to_the_same_weights(tmp_path):
    weights = []
    for stops in ([4], [1, 3, 4]):
        folder = tmp_path / str(len(stops))
        for stop in stops:
            model, train, _ = made_training()
            config = TrainingConfig(max_epochs=stop, schedule="constant", epoch_steps=3)
            train_model(model, train, make_optimizer("adam", model, 0.003), config=config, checkpoint=folder)
        weights.append(model.state_dict())
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_an_epoch_without_steps_is_refused():
    with pytest.raises(ValueError, match="epoch_steps=0: expected at least 1"):
        TrainingConfig(epoch_steps=0)
