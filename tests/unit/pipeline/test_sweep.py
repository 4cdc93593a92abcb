"""A sweep: each stage once for all combinations that it cannot tell apart, and the same table after a kill."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
import yaml
from PIL import Image
from typer.testing import CliRunner

from salesforecast_lib.files import project_root, read_json
from salesforecast_lib.pipeline import maintenance, sweeps
from salesforecast_lib.pipeline.cli import app
from salesforecast_lib.pipeline.parameters import ParameterError
from salesforecast_lib.pipeline.runs import unfinished
from salesforecast_lib.pipeline.stages import STAGES
from salesforecast_lib.pipeline.sweeps.share import code_hashes, stage_keys
from salesforecast_lib.pipeline.sweeps.table import means
from tests.unit.pipeline.made import HEADER, MadeStage

pytestmark = pytest.mark.usefixtures("quick")

CELLS = {  # name: (parameters, what it reads, what it writes)
    "01_data": ("size: int = 2  # of the data\n", (), ("data.json",)),
    "02_fit": ("rate: float = 0.1  # of learning\n", ("data.json",), ("fit.json",)),
    "03_score": ("model: str = 'a'  # to score\n", ("data.json", "fit.json"), ("metrics.json",)),
    "04_other": ("", (), ("other.json",)),
}
BODY = """
import json, os
from pathlib import Path
folder = Path(run_dir)
{slow}
with open(Path(r"{log}"), "a") as log:
    _ = log.write("{name} ")
inside = [json.loads((folder / name).read_text()) for name in {reads}]
own = {own}
total = sum(x["models"]["a"]["wape"] for x in inside) + own
result = {{"models": {{m: {{"wape": total * k, "mae": 1.0}} for k, m in enumerate("ab", 1)}}}}
_ = (folder / "{writes}").write_text(json.dumps(result))
"""
SLOW = "import time\nwhile Path(r'{log}').with_name('slow').exists():\n    time.sleep(0.1)"


def made(folder, slow=""):
    stages = []
    for name, (parameter, reads, writes) in CELLS.items():
        own = {"01_data": "size", "02_fit": "rate", "03_score": "float(ord(model))", "04_other": "0"}[name]
        log = folder / "log.txt"
        waits = SLOW.format(log=log) if name == slow else ""
        body = BODY.format(name=name, reads=reads, writes=writes[0], own=own, log=log, slow=waits)
        head = f'{HEADER}run_dir: str = "."  # folder\n{parameter}\n# %%\n'
        (folder / f"{name}.py").write_text(head + body)
        stages.append(MadeStage(name, reads, writes, folder=str(folder)))
    return tuple(stages)


def go(folder, stages, lists, metric="metrics.json:models.*.wape", last=3, **fixed):
    tried = [(combination, {**fixed, **combination}) for combination in sweeps.combinations(lists)]
    wanted = stages[:last]
    chosen = sweeps.choose_metric(metric, wanted)
    return sweeps.run_sweep(folder / "sweep", tried, wanted, chosen, lambda *_: "", stages=stages, verbose=0)


def executed(folder):
    log = folder / "log.txt"
    done = log.read_text().split() if log.exists() else []
    log.unlink(missing_ok=True)
    return {name: done.count(name) for name in dict.fromkeys(done)}


def test_a_stage_runs_once_for_all_combinations_it_cannot_tell_apart(tmp_path):
    stages = made(tmp_path)
    rows = go(tmp_path, stages, {"size": [2, 3], "model": ["a", "b"]})
    assert executed(tmp_path) == {"01_data": 2, "02_fit": 2, "03_score": 4}, "04 was not asked for"
    assert len(rows) == 8 and {row["run"] for row in rows} == {"000", "001", "002", "003"}
    alone = {(row["size"], row["model"], row["run"]): row["wape"] for row in rows}
    assert len(alone) == 8
    for run in ("000", "001", "002", "003"):
        folder = tmp_path / "sweep" / run
        values = read_json(folder / "parameters.json")
        data = values["size"]
        score = data + (data + 0.1) + ord(values["model"])
        assert read_json(folder / "metrics.json")["models"]["a"]["wape"] == pytest.approx(score)
        assert not unfinished(folder)


def test_rows_say_what_the_whole_combination_and_what_the_shared_part_took(tmp_path):
    rows = go(tmp_path, made(tmp_path), {"model": ["a", "b"]})
    first, second = rows[0], rows[2]
    assert first["shared"] == 0 and second["shared"] > 0
    for row in (first, second):
        folder = tmp_path / "sweep" / row["run"] / "notebooks"
        took = {file.stem: read_json(file)["metadata"]["papermill"]["duration"] for file in folder.glob("*.ipynb")}
        assert row["seconds"] == pytest.approx(sum(took.values()), abs=0.06)
    assert second["shared"] == pytest.approx(took["01_data"] + took["02_fit"], abs=0.06)


def test_the_same_again_runs_nothing_and_one_value_more_runs_what_it_needs(tmp_path):
    stages = made(tmp_path)
    rows = go(tmp_path, stages, {"rate": [0.1, 0.2]})
    assert executed(tmp_path) == {"01_data": 1, "02_fit": 2, "03_score": 2}
    assert go(tmp_path, stages, {"rate": [0.1, 0.2]}) == rows and executed(tmp_path) == {}
    more = go(tmp_path, stages, {"rate": [0.3, 0.1, 0.2]})
    assert executed(tmp_path) == {"02_fit": 1, "03_score": 1}
    assert [row for row in more if row["rate"] != 0.3] == rows, "their folders are still theirs"
    go(tmp_path, stages, {"rate": [0.1]}, size=9)
    assert executed(tmp_path) == {"01_data": 1, "02_fit": 1, "03_score": 1}, "another value that is no list"


def test_changed_code_is_not_shared_with_what_the_old_code_made(tmp_path):
    go(tmp_path, made(tmp_path), {"model": ["a"]})
    executed(tmp_path)
    stages = made(tmp_path)
    source = tmp_path / "02_fit.py"
    source.write_text(source.read_text().replace("+ own", "+ 2 * own"))
    rows = go(tmp_path, stages, {"model": ["a", "b"]})
    assert executed(tmp_path) == {"02_fit": 1, "03_score": 2}
    assert rows[0]["wape"] == pytest.approx(2 + (2 + 0.2) + ord("a"))


def test_result_whose_file_was_lost_is_made_anew(tmp_path):
    stages = made(tmp_path)
    rows = go(tmp_path, stages, {"model": ["a", "b"]})
    executed(tmp_path)
    for run in ("000", "001"):
        (tmp_path / "sweep" / run / "fit.json").unlink()
    again = go(tmp_path, stages, {"model": ["a", "b"]})
    assert executed(tmp_path)["02_fit"] == 1 and [row["wape"] for row in again] == [row["wape"] for row in rows]


def test_content_of_a_file_that_a_stage_names_is_part_of_its_key(tmp_path):
    code = code_hashes()
    stock = tmp_path / "stock.csv"
    keys = []
    for text in ("a,1", "a,2"):
        stock.write_text(text)
        keys.append(stage_keys({"stock_file": str(stock)}, code))
    changed = {name for name in keys[0] if keys[0][name] != keys[1][name]}
    planner = next(stage for stage in STAGES if "replenishment.csv" in stage.writes)
    assert planner.name in changed and "01_preprocessing" not in changed
    horizon = stage_keys({"horizon": 3}, code)
    assert horizon["01_preprocessing"] != keys[1]["01_preprocessing"]
    assert horizon["03_lstm_derivation"] == keys[1]["03_lstm_derivation"], "it reads nothing of the data"


def test_killed_sweep_goes_on_where_it_was(tmp_path):
    """kill -9 in the second combination's last stage: what was finished before is not run again."""
    undisturbed = tmp_path / "b"
    undisturbed.mkdir()
    expected = go(undisturbed, made(undisturbed), {"rate": [0.1, 0.2]})
    script = textwrap.dedent(f"""
        from pathlib import Path
        from tests.unit.pipeline import test_sweep
        folder = Path({str(tmp_path)!r})
        test_sweep.go(folder, test_sweep.made(folder, "03_score"), {{"rate": [0.1, 0.2]}})
    """)
    (tmp_path / "slow").touch()
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=project_root(),
        env={**os.environ, "PYTHONPATH": str(project_root())},
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 120
        while not (tmp_path / "sweep" / "000" / "notebooks" / "02_fit.ipynb").exists():
            assert time.monotonic() < deadline and process.poll() is None
            time.sleep(0.05)
        time.sleep(0.5)
    finally:
        kernels = psutil.Process(process.pid).children(recursive=True)  # each leads a group of its own
        os.killpg(process.pid, signal.SIGKILL)
        for kernel in kernels:
            kernel.kill()
        process.wait()
    assert not (tmp_path / "sweep" / "000" / "metrics.json").exists()
    assert executed(tmp_path) == {"01_data": 1, "02_fit": 1}
    (tmp_path / "slow").unlink()
    rows = go(tmp_path, made(tmp_path, "03_score"), {"rate": [0.1, 0.2]})
    assert executed(tmp_path) == {"02_fit": 1, "03_score": 2}
    numbers = ("run", "rate", "model", "wape")
    assert [[row[name] for name in numbers] for row in rows] == [[row[name] for name in numbers] for row in expected]


# Table and figure -----------------------------------------------------------------------------------------------------


def test_figure_and_table_are_written_and_the_best_comes_first(tmp_path):
    rows = [
        {"run": f"{k:03d}", "size": size, "rate": rate, "seconds": 1.0, "shared": 0.5, "model": model, "wape": wape}
        for k, (size, rate, model, wape) in enumerate([(1, 0.1, "a", 3.0), (2, 0.1, "a", 1.0), (2, 0.2, "a", 2.0)])
    ]
    text = sweeps.write_sweep(rows, ["size", "rate"], "wape", tmp_path)
    written = pd.read_csv(tmp_path / "sweep.csv", dtype={"run": str})
    assert written["run"].tolist() == ["001", "002", "000"] and "seconds" in written
    assert [line.split()[0] for line in text.splitlines()[1:]] == ["001", "002", "000"]
    with Image.open(tmp_path / "sweep.png") as picture:
        assert picture.width > picture.height > 200
    assert means(pd.DataFrame(rows), "size", "wape")["a"].to_dict() == {"1": 3.0, "2": 1.5}


@pytest.mark.parametrize("value", [[["AutoETS"], ["Theta", "AutoETS"]], [True, False], ["$x", "_y"]])
def test_values_of_any_type_are_drawn(tmp_path, value):
    rows = [{"run": "000", "local": one, "seconds": 1, "shared": 0, "loss": k} for k, one in enumerate(value, 1)]
    assert "loss" in sweeps.write_sweep(rows, ["local"], "loss", tmp_path)
    assert (tmp_path / "sweep.png").read_bytes().startswith(b"\x89PNG")


# The metric -----------------------------------------------------------------------------------------------------------


def test_metric_is_the_first_usual_one_that_is_written():
    assert sweeps.choose_metric("", STAGES).file == "metrics.json"
    trained = [stage for stage in STAGES if stage.name[:2] <= "04"]
    assert (sweeps.choose_metric("", trained).file, sweeps.choose_metric("", trained).name) == (
        "training_log.json",
        "best_loss",
    )


@pytest.mark.parametrize(
    "text, complaint",
    [
        ("metrics.json", "expected FILE:NAME.NAME"),
        ("metrics.json:", "expected FILE:NAME.NAME"),
        ("metrics.json:models..wape", "expected FILE:NAME.NAME"),
        ("metrics.json:models.*.wape", r"no stage of this sweep writes metrics.json; they write panel.json"),
        ("", "no stage writes a usual metric; they write panel.json"),
    ],
)
def test_metric_that_is_none_is_refused(text, complaint):
    with pytest.raises(ParameterError, match=complaint):
        sweeps.choose_metric(text, STAGES[:2])


def test_number_that_is_not_there_is_named_with_those_that_are(tmp_path):
    (tmp_path / "a.json").write_text(json.dumps({"models": {"x": {"w": 1.0}, "y": {"w": 2, "on": True}}, "n": 3}))
    assert sweeps.Metric("a.json", ("models", "*", "w")).rows(tmp_path) == [
        {"model": "x", "w": 1.0},
        {"model": "y", "w": 2},
    ]
    assert sweeps.Metric("a.json", ("n",)).rows(tmp_path) == [{"n": 3}]
    for path in (("models", "*", "on"), ("models", "z", "w"), ("n", "w"), ("models",)):
        with pytest.raises(ValueError, match=r"has no such number; it has models\.\*\.w and n"):
            sweeps.Metric("a.json", path).rows(tmp_path)


# The command line -----------------------------------------------------------------------------------------------------


def grid(tmp_path, **lists):
    file = tmp_path / "grid.yml"
    file.write_text(yaml.safe_dump(lists))
    return str(file)


@pytest.mark.parametrize(
    "lists, asked, complaint",
    [
        ({"hidden_size": 8}, [], "expected a list of values"),
        ({"hidden_size": []}, [], "expected a list of values"),
        ({}, [], "is empty"),
        ({"hidden_size": [8, 16, 8]}, [], "stands in the list twice"),
        ({"hidden_size": [8]}, ["-p", "hidden_size=4"], "given with -p and in"),
        ({"hidden_size": [8, 0]}, [], "parameter hidden_size=0"),
        ({"hiden_size": [8]}, [], "did you mean hidden_size"),
        ({"hidden_size": [8]}, ["--to", "99"], "--to '99'"),
        ({"hidden_size": [8]}, ["--only", "04"], "01_preprocessing,02_feature_engineering,04_training"),
        ({"hidden_size": [8]}, ["--goal", "x"], "--goal 'x'"),
        ({"hidden_size": [8]}, ["--to", "02"], "no stage writes a usual metric"),
        ({"hidden_size": [8]}, ["--metric", "x.json:a"], "no stage of this sweep writes x.json"),
        ({"hidden_size": [8]}, ["--profile", "none.yml"], "no such file"),
        ({"hidden_size": [8]}, ["--jobs", "0"], "expected at least 1"),
    ],
)
def test_wrong_sweep_is_refused_before_anything_runs(tmp_path, monkeypatch, lists, asked, complaint):
    monkeypatch.setattr(maintenance, "resolve", lambda path: tmp_path / path)
    done = CliRunner().invoke(app, ["sweep", grid(tmp_path, **lists), "--profile", "smoke", *asked])
    assert done.exit_code == 1 and complaint in done.output, done.output
    assert not (tmp_path / "runs").exists()


def test_missing_grid_is_named(tmp_path):
    done = CliRunner().invoke(app, ["sweep", str(tmp_path / "no.yml")])
    assert done.exit_code == 1 and "no.yml: no such file; give a YAML file" in done.output


def test_command_line_hands_over_profile_parameters_and_stages(tmp_path, monkeypatch):
    seen = {}

    def pretend(place, tried, wanted, metric, command, jobs, **shown):
        seen.update(tried=tried, wanted=[stage.name[:2] for stage in wanted], metric=metric)
        seen["command"] = command(*tried[1], place / "001")
        row = {"seconds": 2.0, "shared": 1.0, "model": "final", "best_loss": 0.5}
        return [{"run": f"{k:03d}", **combination, **row} for k, (combination, _) in enumerate(tried)]

    monkeypatch.setattr(maintenance, "resolve", lambda path: tmp_path / path)
    monkeypatch.setattr(sweeps, "run_sweep", pretend)
    profile = tmp_path / "shop.yml"
    profile.write_text("dataset: marketplace\nhorizon: 9\n")
    command = ["sweep", grid(tmp_path, hidden_size=[8, 4]), "--profile", str(profile), "-p", "seed=3", "--to", "04"]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 0, done.output
    assert [values["hidden_size"] for _, values in seen["tried"]] == [8, 4]
    assert {(values["horizon"], values["seed"]) for _, values in seen["tried"]} == {(9, 3)}
    assert seen["wanted"] == ["01", "02", "03", "04"] and seen["metric"].file == "training_log.json"
    assert "-p seed=3 -p hidden_size=4" in seen["command"] and str(profile) in seen["command"]
    place = tmp_path / "runs" / "sweep"
    assert len(pd.read_csv(place / "sweep.csv")) == 2 and (place / "sweep.png").is_file()
    assert Path(place / "sweep.png").name in done.output
