"""Runs of real chapters with small parameters: on a cluster as in one process, and killed as undisturbed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from salesforecast_lib.files import project_root, write_json
from tests.unit.pipeline.engines.same_run import differences, stages_of

STAGES = ["01_preprocessing", "02_feature_engineering"]
RUN = [sys.executable, "-m", "salesforecast_lib.pipeline.cli", "run", "--profile", "smoke", "--no-book"]


def smoke_run(folder: Path, stages: str, *more: str) -> None:
    """The command of a smoke run of some stages, which has to end well."""
    told = [*RUN, "--only", stages, "--run-dir", str(folder), *more]
    done = subprocess.run(told, cwd=project_root(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]


@pytest.fixture(scope="module")
def features(tmp_path_factory):
    """A smoke run up to the features, in one process."""
    folder = tmp_path_factory.mktemp("local") / "run"
    smoke_run(folder, ",".join(STAGES))
    return folder


@pytest.mark.slow
def test_a_smoke_run_up_to_the_features_on_a_cluster_is_that_of_one_process(tmp_path, features):
    # the champion on a cluster: test_inside.py, in seconds
    smoke_run(tmp_path / "dask", ",".join(STAGES), "--engine", "dask", "--jobs", "2")
    assert stages_of(tmp_path / "dask") == STAGES
    assert differences(features, tmp_path / "dask") == []


@pytest.mark.slow
def test_a_smoke_run_killed_in_training_ends_like_an_undisturbed_one(tmp_path, features):
    """The same network and forecasts, whether or not the run was killed."""
    killed, undisturbed = tmp_path / "killed", tmp_path / "undisturbed"
    for folder in (killed, undisturbed):
        shutil.copytree(features, folder)
    told = [*RUN, "--only", "04", "--run-dir", str(killed)]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(told, cwd=project_root(), start_new_session=True, **quiet)
    deadline = time.monotonic() + 300
    while not list(killed.glob("model/checkpoints/*/*/state.json")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert list(killed.glob("model/checkpoints/*/*/state.json")) and not (killed / "lstm_forecasts.parquet").exists()
    for folder in (killed, undisturbed):
        smoke_run(folder, "04")
    for name in ("lstm_forecasts.parquet", "model/model.safetensors", "panel.json", "quarantine.parquet"):
        assert (killed / name).read_bytes() == (undisturbed / name).read_bytes(), name
    assert pd.read_parquet(killed / "lstm_forecasts.parquet")["unique_id"].nunique() == 12


@pytest.fixture
def twins(tmp_path):
    """Two folders with a table, metrics, an executed notebook and a model that are the same."""
    folder = tmp_path / "one"
    (folder / "notebooks").mkdir(parents=True)
    pd.DataFrame({"unique_id": ["a", "b"], "mean": [1.0, None], "seconds": [0.1, 0.2]}).to_parquet(folder / "t.parquet")
    pd.DataFrame({"unique_id": ["a"], "order": [3]}).to_csv(folder / "plan.csv", index=False)
    write_json({"wape": 0.25, "by": [{"seconds": 3.0, "bias": 0.1}]}, folder / "metrics.json")
    write_json({"when": "now"}, folder / "run.json")
    (folder / "model.bin").write_bytes(b"weights")
    text = {"output_type": "stream", "name": "stdout", "text": ["4 products\n"]}
    cells = [
        {"id": "01-001", "metadata": {"tags": ["nbval-check-output"]}, "outputs": [text]},
        {"id": "01-002", "metadata": {}, "outputs": []},
    ]
    write_json({"cells": cells}, folder / "notebooks" / "01_preprocessing.ipynb")
    shutil.copytree(folder, tmp_path / "other")
    return folder, tmp_path / "other"


def changed_json(file, change):
    told = json.loads(file.read_text())
    change(told)
    file.write_text(json.dumps(told))


def test_durations_and_what_is_a_runs_own_may_differ_and_nothing_else_does(twins):
    one, other = twins
    assert differences(one, other) == [] and stages_of(one) == ["01_preprocessing"]
    pd.read_parquet(other / "t.parquet").assign(seconds=9.0).to_parquet(other / "t.parquet")
    changed_json(other / "metrics.json", lambda told: told["by"][0].update(seconds=9.0))
    write_json({"when": "later"}, other / "run.json")
    assert differences(one, other) == []


@pytest.mark.parametrize("kind", ["digit", "missing", "column", "metric", "entry", "csv", "bytes", "file", "cell"])
def test_every_other_difference_is_named_with_its_file(twins, kind):
    one, other = twins
    table = pd.read_parquet(other / "t.parquet")
    if kind in ("digit", "missing", "column"):
        odd = {"digit": table.assign(mean=[1.0 + 1e-15, None]), "missing": table.assign(mean=[1.0, 0.0])}
        odd.get(kind, table.rename(columns={"mean": "median"})).to_parquet(other / "t.parquet")
    elif kind == "metric":
        changed_json(other / "metrics.json", lambda told: told.update(wape=0.25000001))
    elif kind == "entry":
        changed_json(other / "metrics.json", lambda told: told["by"].append({}))
    elif kind == "csv":
        (other / "plan.csv").write_text("unique_id,order\na,4\n")
    elif kind == "bytes":
        (other / "model.bin").write_bytes(b"other")
    elif kind == "file":
        (other / "plan.csv").unlink()
    else:
        place = other / "notebooks" / "01_preprocessing.ipynb"
        changed_json(place, lambda told: told["cells"][0]["outputs"][0].update(text=["5 products\n"]))
    names = {"metric": "metrics.json", "entry": "metrics.json", "csv": "plan.csv", "bytes": "model.bin"}
    names |= {"file": "plan.csv", "cell": "notebooks/01_preprocessing.ipynb"}
    (found,) = differences(one, other)
    assert found.startswith(names.get(kind, "t.parquet") + ": ")
