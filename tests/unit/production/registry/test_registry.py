"""Whatever happens, wherever it happens: a run that had a whole model that serves still has one."""

import hashlib
import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.production import registry
from salesforecast_lib.production.registry import Figures, Gate, figures_of
from salesforecast_lib.production.version_log import current_version


def model(place: Path, text: str) -> Path:
    place.mkdir(parents=True)
    (place / "champion").mkdir()
    files = {"network.onnx": text, "champion/mean.txt": text * 2}
    for name, content in files.items():
        (place / name).write_text(content)
    digests = {name: hashlib.sha256(content.encode()).hexdigest() for name, content in files.items()}
    (place / "model.json").write_text(json.dumps({"cutoff": text, "files": digests}))
    return place


@pytest.fixture
def run(tmp_path):
    """A run with two versions, the second serves."""
    for text in ("one", "two"):
        registry.promote(tmp_path / "run", registry.publish(tmp_path / "run", model(tmp_path / text, text)))
    return tmp_path / "run"


def change(run, folder, step):
    """Everything that changes a registry, one after the other; ``step`` is called before each step."""
    version = registry.publish(run, folder, step=lambda name: step(f"publish: {name}"))
    registry.promote(run, version, step=lambda name: step(f"promote: {name}"))
    registry.rollback(run, step=lambda name: step(f"rollback: {name}"))
    registry.retain(run, 1, step=lambda name: step(f"retain: {name}"))


def steps_of(tmp_path):
    found = []
    place = tmp_path / "rehearsal"
    for text in "abc":
        registry.promote(place, registry.publish(place, model(tmp_path / f"r{text}", text)))
    change(place, model(tmp_path / "rd", "d"), found.append)
    return found


def whole(run):
    serving = registry.current(run)
    assert serving is not None
    registry.verify(registry.model_folder(run))
    return serving


def test_the_newest_promotion_serves_and_one_command_goes_back(run, tmp_path):
    assert registry.versions(run) == ["v000001", "v000002"] and whole(run) == "v000002"
    version = registry.publish(run, model(tmp_path / "three", "three"))
    assert whole(run) == "v000002" and version == "v000003"  # published is not promoted
    registry.promote(run, version)
    assert registry.rollback(run) == ("v000003", "v000002") and whole(run) == "v000002"
    assert registry.rollback(run) == ("v000002", "v000001")
    with pytest.raises(ValueError, match="only v000001 has served"):
        registry.rollback(run)
    assert [entry["what"] for entry in registry.entries(run)][-2:] == ["rolled back"] * 2


def test_an_error_at_any_step_leaves_a_whole_model_that_serves(run, tmp_path):
    names = steps_of(tmp_path)
    model(tmp_path / "zero", "zero")
    assert len(names) >= 15 and len(set(names)) == len(names)
    for number, wanted in enumerate(names):
        place = tmp_path / f"run{number}"
        for text in ("zero", "one", "two"):
            registry.promote(place, registry.publish(place, tmp_path / text))

        def stop(name, wanted=wanted):
            if name == wanted:
                raise KeyboardInterrupt(name)

        folder = model(tmp_path / f"new{number}", f"new{number}")
        with pytest.raises(KeyboardInterrupt):
            change(place, folder, stop)
        before = whole(place)
        assert before in ("v000003", "v000004")
        change(place, folder, lambda name: None)  # what was cut off can be done again
        whole(place)
        assert not list((place / "models").glob(".v*"))


KILLED = """
import os, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[4])
from tests.unit.production.registry.test_registry import change
def stop(name):
    if name == sys.argv[3]:
        os.kill(os.getpid(), signal.SIGKILL)
change(Path(sys.argv[1]), Path(sys.argv[2]), stop)
"""


def test_a_process_killed_at_any_step_leaves_a_whole_model_that_serves(run, tmp_path):
    names = steps_of(tmp_path)
    model(tmp_path / "zero", "zero")
    running = []
    for number, wanted in enumerate(names):
        place = tmp_path / f"killed{number}"
        for text in ("zero", "one", "two"):
            registry.promote(place, registry.publish(place, tmp_path / text))
        folder = model(tmp_path / f"n{number}", f"n{number}")
        told = [sys.executable, "-c", KILLED, str(place), str(folder), wanted, str(Path(__file__).parents[4])]
        running.append((place, folder, subprocess.Popen(told)))
    for place, folder, process in running:
        assert process.wait(60) == -signal.SIGKILL
        assert whole(place) in ("v000003", "v000004")
        change(place, folder, lambda name: None)
        whole(place)


@pytest.mark.parametrize("torn", [b'{"what": "promoted", "version": "v0000', b'{"what"', b"\x00\x00\xff"])
def test_a_torn_last_line_is_passed_over_and_spoils_none_after_it(run, torn):
    log = run / "models" / "log.jsonl"
    log.write_bytes(log.read_bytes() + torn)
    assert whole(run) == "v000002"
    assert current_version(run / "models") == "v000002"  # as the server reads it
    registry.rollback(run)
    assert (
        whole(run) == "v000001" == current_version(run / "models")
        and registry.entries(run)[-1]["what"] == "rolled back"
    )


def test_the_server_reads_the_current_version_from_the_last_line_whatever_it_is_about(run, tmp_path):
    version = registry.publish(run, model(tmp_path / "three", "three"))
    assert current_version(run / "models") == "v000002"
    registry.refuse(run, version, "it is worse")
    assert current_version(run / "models") == "v000002" == registry.current(run)
    registry.promote(run, version)
    assert current_version(run / "models") == version == registry.current(run)


def test_a_version_that_an_export_named_in_the_log_is_one_like_others(run, tmp_path):
    model(run / "models" / "2024-01-01-1", "exported")
    with (run / "models" / "log.jsonl").open("a") as log:
        log.write('{"at": "2024-01-02T00:00:00", "event": "promote", "version": "2024-01-01-1"}\n')
    assert whole(run) == "2024-01-01-1" and registry.versions(run)[-1] == "2024-01-01-1"
    registry.promote(run, registry.publish(run, model(tmp_path / "three", "three")))
    assert registry.rollback(run) == ("v000003", "2024-01-01-1") and registry.rollback(run)[1] == "v000002"


def test_a_line_whose_folder_was_lost_is_passed_over(run):
    (run / "models" / "v000002" / "model.json").unlink()
    assert whole(run) == "v000001"


def test_a_changed_or_missing_file_is_named_and_never_promoted(run, tmp_path):
    version = registry.publish(run, model(tmp_path / "three", "three"))
    file = run / "models" / version / "champion" / "mean.txt"
    file.write_text("other")
    with pytest.raises(ValueError, match=r"mean.txt: was changed"):
        registry.promote(run, version)
    file.unlink()
    with pytest.raises(FileNotFoundError, match=r"mean.txt: is missing"):
        registry.promote(run, version)
    with pytest.raises(FileNotFoundError, match=r"model.json: no such file"):
        registry.publish(run, tmp_path)
    with pytest.raises(FileNotFoundError, match="no such version; there are v000001"):
        registry.promote(run, "v000009")
    assert whole(run) == "v000002"


def test_the_last_versions_stay_and_always_the_way_back(run, tmp_path):
    for number in range(4):
        registry.publish(run, model(tmp_path / f"m{number}", f"m{number}"))  # none of them is promoted
    assert registry.retain(run, 1) == ["v000003", "v000004", "v000005"]
    assert registry.versions(run) == ["v000001", "v000002", "v000006"]
    assert registry.rollback(run) == ("v000002", "v000001")
    assert registry.publish(run, model(tmp_path / "next", "next")) == "v000007"  # no name is used twice


def test_the_newest_version_that_a_server_can_answer_with_stays(run, tmp_path):
    for number in range(4):  # nights without a live network
        folder = model(tmp_path / f"m{number}", f"m{number}")
        told = json.loads((folder / "model.json").read_text())
        (folder / "model.json").write_text(json.dumps({**told, "live": None}))
        registry.promote(run, registry.publish(run, folder))
        registry.retain(run, 1)
    assert registry.versions(run) == ["v000002", "v000005", "v000006"]


def test_the_same_folder_again_is_the_same_version(run, tmp_path):
    lines = len(registry.entries(run))
    assert registry.publish(run, tmp_path / "two") == "v000002" and len(registry.entries(run)) == lines


def figures(loss=0.2, bias=0.0, coverage=0.9):
    return Figures(loss, bias, coverage, 0.9, 100)


@pytest.mark.parametrize(
    ("challenger", "fresher", "passes", "words"),
    [
        (figures(0.19), False, True, "better by more than 1.0%"),
        (figures(0.1999), False, False, "not better by 1.0%"),
        (figures(0.201), True, True, "seen newer data"),
        (figures(0.21), True, False, "not better"),
        (figures(0.1, bias=0.2), True, False, r"bias is \+0.200"),
        (figures(0.1, coverage=0.7), True, False, "covers 70% instead of 90%"),
        (figures(float("nan")), True, False, "not a number"),
    ],
)
def test_a_challenger_passes_when_it_is_better_or_as_good_and_fresher(challenger, fresher, passes, words):
    good, why = Gate().judge(challenger, figures(), fresher)
    assert good is passes
    assert re.search(words, why)


def test_figures_are_those_reckoned_by_hand():
    days = pd.date_range("2024-01-01", periods=3)
    forecasts = pd.DataFrame({"unique_id": "a", "ds": days, "mean": [3.0, 1, 9], "q0.1": [1.0, 0, 0],
                              "q0.5": [2.0, 1, 9], "q0.9": [4.0, 2, 9]})  # fmt: skip
    actuals = pd.DataFrame({"unique_id": "a", "ds": days, "y": [2.0, 4, 5], "available": [1.0, 1, 0]})
    found = figures_of(forecasts, actuals)
    first = np.mean([0.1 * 1, 0, 0.1 * 2])
    second = np.mean([0.1 * 4, 0.5 * 3, 0.9 * 2])
    assert found.loss == pytest.approx((first + second) / 6) and found.bias == pytest.approx((4 - 6) / 6)
    assert found.coverage == 0.5 and found.nominal == pytest.approx(0.8) and found.rows == 2
