"""Several processes train the network that one would have trained."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch
from safetensors.torch import load_file

from salesforecast_lib.data.features import load_features, save_features
from salesforecast_lib.files import read_json, write_json
from salesforecast_lib.models.forecaster import fit_network
from salesforecast_lib.production.distributed import launch, training
from salesforecast_lib.production.distributed.team import part_of, share_of
from tests.unit.models.made import HORIZON, made_table, made_training

META = {"freq": "D", "horizon": HORIZON, "season_length": 7, "dataset": "made"}
# 21 windows a batch leave an uneven last one; the weights of windows differ by their scale and by gaps
SMALL = {
    "window": 14, "hidden_size": 6, "embedding_size": 2, "max_epochs": 5, "patience": 2, "batch_size": 21, "stride": 2,
    "stretches": 2, "steps": 40, "dropout": 0.3,
}  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    save_features(made_table((90, 70, 55)), META, folder)
    write_json({**SMALL, "epoch_steps": None}, folder / "parameters.json")
    return folder


def alone(run: Path, **values):
    """What one process makes of the run, in this process."""
    table, meta = load_features(run)
    config = launch.config_of({**launch.parameters_of(run), **values})
    return fit_network(table, meta, table.frame["ds"].max(), config)


def _worker(rank: int, run: Path, out: Path, size: int, values: dict) -> None:
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(size))
    training.work(run, out, values, "", "cpu", out.parent / f"{out.name}.meeting")


def together(run: Path, out: Path, size: int, **values) -> dict[str, list[float]]:
    """A team without the seconds that a fresh process needs for its imports."""
    torch.multiprocessing.start_processes(_worker, (run, out, size, values), size, start_method="fork")
    return read_json(out / "training_log.json")["search"]


@pytest.mark.parametrize(("size", "forking"), [(2, False), (3, False), (2, True)])
def test_several_processes_have_the_curve_and_the_weights_of_one(run, tmp_path, size, forking):
    one = alone(run, forking=forking)
    log = together(run, tmp_path / "out", size, forking=forking)
    np.testing.assert_allclose(log["train"], one.search.train, rtol=1e-5)
    np.testing.assert_allclose(log["validation"], one.search.validation, rtol=1e-5)
    found = load_file(tmp_path / "out" / "model.safetensors")
    for name, value in one.forecaster.model.state_dict().items():
        torch.testing.assert_close(found[name], value, rtol=1e-3, atol=1e-4)
    assert read_json(tmp_path / "out" / "model.json")["epochs"] == one.forecaster.metadata["epochs"]


def test_a_killed_training_goes_on_to_the_same_curve(run, tmp_path):
    many = {"max_epochs": "60", "patience": "60"}
    command = [sys.executable, "-m", launch.WORKER, str(run), "--out", str(tmp_path / "out"), "--processes", "2"]
    command += [f"--set={name}={value}" for name, value in many.items()]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    states: list[Path] = []
    while running.poll() is None and not states:
        states = list((tmp_path / "out").glob("checkpoint/*/search/state.json"))
        time.sleep(0.001)
    workers = psutil.Process(running.pid).children()
    assert len(workers) == 2
    workers[1].send_signal(signal.SIGKILL)
    said = running.communicate(timeout=60)[1]
    assert "again to go on" in said and running.returncode == 1
    assert not any(each.is_running() and each.status() != psutil.STATUS_ZOMBIE for each in workers)
    assert not (tmp_path / "out" / "model.json").exists()
    reached = read_json(states[0])["epoch"]
    assert reached < 59
    kinds = {name: int(value) for name, value in many.items()}
    went_on = together(run, tmp_path / "out", 1, **kinds)  # any number of processes may go on
    assert len(went_on["train"]) == 60
    np.testing.assert_allclose(went_on["train"], alone(run, **kinds).search.train, rtol=1e-4)


@pytest.mark.parametrize("rows", [1, 2, 3, 5, 8])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_shares_cover_a_batch_once(rows, size):
    batch = next(iter(replace_batch_size(rows)))
    parts = [part_of(batch, rank, size) for rank in range(size)]
    assert sum(float(part.weight.sum()) for part in parts) == pytest.approx(float(batch.weight.sum()))
    assert all(len(part.history) >= 1 for part in parts)
    held = sum(len(range(rows)[share_of(rows, rank, size)]) for rank in range(size))
    assert held == max(rows, size) if size >= rows else held == rows


def replace_batch_size(rows: int):
    _, loader, _ = made_training()
    loader.batch_size = rows
    return loader


def test_the_gradient_is_that_of_the_whole_batch_also_when_shares_weigh_differently():
    model, loader, _ = made_training()
    model.eval()  # no dropout
    loader.batch_size = 5
    batch = next(iter(loader))
    batch = replace(batch, weight=batch.weight * torch.tensor([0.0, 0.2, 1.0, 1.0, 1.0])[:, None])
    total, weight = model.loss(batch, 0.5)
    whole = torch.autograd.grad(total / weight, list(model.parameters()), allow_unused=True)
    sums = [model.loss(part_of(batch, rank, 3), 0.5) for rank in range(3)]
    mean = sum(3 * part / weight for part, _ in sums) / 3  # what DistributedDataParallel averages
    for one, other in zip(whole, torch.autograd.grad(mean, list(model.parameters()), allow_unused=True), strict=True):
        torch.testing.assert_close(one, other)
    naive = sum(part / own.clamp(min=1e-9) for part, own in sums) / 3
    assert abs((naive - total / weight).item()) > 1e-3


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"cutoff": "soon"}, "cutoff='soon': expected a day"),
        ({"processes": 0}, "processes=0"),
        ({"processes": 3}, "a batch has 2 parts to share \\(stretches\\)"),
        ({"processes": 30, "values": {"forking": False}}, "a batch has 21 parts to share \\(batch_size\\)"),
    ],
)
def test_what_cannot_be_shared_is_refused_before_a_process_starts(run, tmp_path, change, words):
    with pytest.raises(ValueError, match=words):
        launch.train_together(run, tmp_path / "out", **change)
    assert not (tmp_path / "out").exists()


def test_a_run_without_features_and_a_wrong_setting_are_refused_in_a_sentence(run, tmp_path, capsys):
    with pytest.raises(FileNotFoundError, match="features.json: no such file; give a run whose chapter 02"):
        launch.train_together(tmp_path, tmp_path / "out")
    for text in ("max_epochs=many", "epochs=3", "max_epochs"):
        with pytest.raises(SystemExit):
            training.main([str(run), "--out", str(tmp_path / "out"), "--set", text])
        assert f"--set {text}: expected" in capsys.readouterr().err


def test_what_a_process_refuses_reaches_the_user_as_a_sentence(run, tmp_path):
    begin = pd.read_parquet(run / "features.parquet", columns=["ds"])["ds"].min()
    with pytest.raises(ValueError, match="no series has 8 periods up to"):  # one process is enough to refuse
        launch.train_together(run, tmp_path / "out", 1, cutoff=f"{begin + pd.Timedelta(days=3):%Y-%m-%d}")


def curves(two: list[float]) -> pd.DataFrame:
    one = [1.0, 0.9, 0.8]
    parts = [(1, one), (2, two)]
    return pd.concat(
        pd.DataFrame({"processes": n, "epoch": range(1, len(v) + 1), "train": v, "validation": v}) for n, v in parts
    )


@pytest.mark.parametrize(
    ("two", "words"),
    [
        ([1.00001, 0.9001, 0.803], "1 and 2 processes had the same losses"),
        ([1.001, 0.9, 0.8], "the losses of 2 processes differ from those of 1 by 0.10% in epoch 1"),
        ([1.0, 0.9, 0.82], "differ from those of 1 by 2.50% in epoch 3"),
        ([1.0, float("nan"), 0.8], "differ from those of 1"),
        ([1.0, 0.9], "2 processes stopped after 2 epochs, 1 after 3"),
    ],
)
def test_whether_curves_are_the_same_is_said(two, words):
    assert words in launch.describe_curves(curves(two))


def test_one_training_cannot_be_compared():
    with pytest.raises(ValueError, match="expected at least two"):
        launch.describe_curves(curves([1.0]).query("processes == 1"))
