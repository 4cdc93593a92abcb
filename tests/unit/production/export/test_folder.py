"""A model folder is whole, says so, and is refused where it is not."""

import shutil

import numpy as np
import pytest

from salesforecast_lib.files import read_json, write_json
from salesforecast_lib.pipeline.serving import publish_run
from salesforecast_lib.production.export import Gate, GateError, gate_table, gates, write_model_folder
from salesforecast_lib.production.export import folder as folders
from salesforecast_lib.production.export.compress import prune, retrain, zeros
from salesforecast_lib.production.live import FORMAT, LiveModel, read_model_file
from salesforecast_lib.production.version_log import current_version
from tests.unit.production.made_run import made_live, made_run, read_run


@pytest.fixture(scope="module", autouse=True)
def traced_once(tmp_path_factory):
    """All tests export one network: each of its graphs is traced once and copied from then on."""
    kept = tmp_path_factory.mktemp("graphs")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("write_window_graph", "write_step_graph", "write_decode_graph"):
            trace = getattr(folders.network, name)

            def once(network, path, trace=trace, name=name):
                if not (kept / name).is_file():
                    trace(network, kept / name)
                return shutil.copy(kept / name, path)

            patch.setattr(folders.network, name, once)
        yield


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return made_run(tmp_path_factory.mktemp("run"))


@pytest.fixture(scope="module")
def network(run):
    table, meta, _ = read_run(run)
    return made_live(table, meta)


@pytest.fixture(scope="module")
def version(run, network):
    """The run's first version; a network this small is no smaller in 8 bits than a graph's own words."""
    return publish_run(run, forecaster=network, gated=False)


def test_a_folder_holds_all_that_production_needs(version):
    info = read_model_file(version)
    wanted = {"network.onnx", "step.onnx", "decode.onnx", "calendar.safetensors", "series.json", "state.safetensors",
              "champion/champion.json", "champion.parquet"}  # fmt: skip
    assert set(info["files"]) == wanted
    assert {path.relative_to(version).as_posix() for path in version.rglob("*") if path.is_file()} == {
        *wanted, "model.json"}  # fmt: skip
    for name in ("cutoff", "freq", "horizon", "season", "window", "levels", "features", "champion", "data_sha256",
                 "metrics", "source", "precision"):  # fmt: skip
        assert name in info, name
    assert info["precision"] == "int8" and info["format"] == FORMAT
    assert info["source"] == folders.OWN, "of data that the library does not know, the terms are the shop's"


@pytest.mark.parametrize("name", ["network.onnx", "state.safetensors", "champion/champion.json", "series.json"])
def test_a_file_that_was_changed_or_is_missing_is_named(version, tmp_path, name):
    copy = shutil.copytree(version, tmp_path / "copy")
    content = bytearray((copy / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copy / name).write_bytes(content)
    with pytest.raises(ValueError, match=f"{name}: the file was changed.*salesforecast export RUN"):
        LiveModel.load(copy)
    (copy / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name}: the file is missing"):
        LiveModel.load(copy)


@pytest.mark.parametrize(
    "told, words",
    [
        ({"format": FORMAT - 1}, "is older than"),
        ({"format": FORMAT + 1}, "is newer than.*update the library"),
        ({"format": "1"}, "no format version"),
        ({"files": ["network.onnx"]}, "lists no files"),
        ({"files": {"../outside": "0"}}, "'../outside' lies outside the folder"),
        ({"files": {"/etc/hostname": "0"}}, "'/etc/hostname' lies outside the folder"),
    ],
)
def test_another_format_is_refused_with_a_sentence(version, tmp_path, told, words):
    copy = shutil.copytree(version, tmp_path / "copy")
    write_json({**read_json(copy / "model.json"), **told}, copy / "model.json")
    with pytest.raises(ValueError, match=words):
        LiveModel.load(copy)


def test_no_model_folder_is_no_model_folder(version, tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file, so this is no model folder"):
        LiveModel.load(tmp_path)
    (tmp_path / "model.json").write_text('{"format": 1, "fi')
    with pytest.raises(ValueError, match="is no JSON"):
        LiveModel.load(tmp_path)


def test_the_same_model_again_is_no_new_version(run, network, version):
    assert publish_run(run, forecaster=network, gated=False) == version
    assert current_version(run / "models") == version.name
    assert [path.name for path in (run / "models").iterdir() if path.is_dir()] == [version.name]


def test_a_network_that_loses_too_much_in_eight_bits_stays_in_thirty_two(run, network, tmp_path, monkeypatch):
    worse = [Gate("WAPE", 0.3, 0.1, "33.0 % and 33.3 %")]
    monkeypatch.setattr(folders, "accuracy_gates", lambda *told: worse)
    monkeypatch.setattr(folders, "speed_gates", lambda *told: [])
    info = read_json(write_model_folder(run, tmp_path / "model", forecaster=network) / "model.json")
    assert info["precision"] == "fp32" and "in 8 bits WAPE would be 0.3" in info["precision_note"]


def test_a_network_that_is_too_slow_is_not_published(run, network, version, monkeypatch):
    slow = [Gate("time of one series", 0.9, 1 / 3, "0.9 ms beside 1 ms"), Gate("time to load", 0.1, 0.2, "")]
    monkeypatch.setattr(folders, "accuracy_gates", lambda *told: [])
    monkeypatch.setattr(folders, "speed_gates", lambda *told: slow)
    with pytest.raises(GateError, match="fails 1 of 2 gates: time of one series 0.9, at most 0.333"):
        publish_run(run, forecaster=network, seed=1)
    assert current_version(run / "models") == version.name, "the version before goes on to answer"
    assert not [path for path in (run / "models").glob(".*") if path.is_dir()], "and nothing half-written is left"


def test_gates_measure_the_graphs(run, network, version):
    table, _, ahead = read_run(run)
    model = LiveModel.load(version)
    known = table.frame
    when = folders.earlier_cutoffs(table.frame, model.cutoff, model.freq, model.horizon)
    assert len(when) == 3 and when[-1] + np.timedelta64(model.horizon * 4, "D") <= model.cutoff
    same = gates.accuracy_gates(model, version / "network.onnx", table.frame, known, when)
    assert [each.name for each in same] == ["WAPE", "size"]
    assert same[0].figure == 0 and same[0].passed and same[1].figure == 1 and not same[1].passed
    speed = gates.speed_gates(network, model, version / "network.onnx", table.frame, known, when[-1])
    assert all(0 < each.figure < 60 for each in speed)
    assert list(gate_table(same)["kept"]) == ["yes", "no"]


def test_pruned_weights_stay_zero_while_the_rest_is_trained_on(run, network):
    table, meta, _ = read_run(run)
    config = folders.live_config(table, meta, hidden_size=16)
    thin, masks = prune(network, 0.5)
    assert 0.4 < zeros(thin) < 0.6 and zeros(network) < 0.001
    trained = retrain(thin, table, table.frame["ds"].max(), config, steps=3, masks=masks)
    now, before = (dict(each.model.named_parameters()) for each in (trained, thin))
    for name, mask in masks.items():
        assert (now[name][mask == 0] == 0).all()
    assert any((now[name] != before[name]).any() for name in masks), "the rest has moved"
    with pytest.raises(ValueError, match="share=1"):
        prune(network, 1.0)
