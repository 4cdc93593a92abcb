"""Published key numbers against a fresh run: with a tolerance, because processors differ in the last digits."""

import json

import pytest

from salesforecast_lib.files import project_root, read_json
from salesforecast_lib.pipeline.runner import prepare_values, run

REFERENCE = project_root() / "tests" / "reference" / "metrics.json"


def differences(reference, found, tolerance, chapter):
    """Sentences naming chapter, number, published and found value of everything that moved."""
    moved = []
    for name, old in reference.items():
        new = found.get(name)
        if isinstance(old, dict):
            moved += differences(old, new or {}, tolerance, f"{chapter} · {name}")
        elif isinstance(old, (int, float)) and not isinstance(old, bool):
            if new is None or abs(new - old) > tolerance * max(abs(old), 0.05):
                moved.append(f"{chapter}: {name} was {old:.5g}, is {new}")
    return moved


@pytest.fixture(scope="session")
def fresh_run():
    folder = project_root() / "runs" / "default"
    run(prepare_values("default", {}), folder, verbose=0)
    return folder


def test_targets_are_met_by_the_published_numbers():
    models = read_json(REFERENCE)["complete_journey"]["metrics"]["models"]
    assert models["LSTM"]["wape"] <= 0.8 * models["SeasonalNaive"]["wape"]
    assert models["LSTM"]["wape"] <= models["AutoETS"]["wape"]


@pytest.mark.parametrize(
    "chapter, file, part",
    [("07_evaluation", "metrics.json", "metrics"), ("08_inventory", "inventory.json", "inventory")],
)
def test_published_numbers_hold(fresh_run, chapter, file, part):
    reference = read_json(REFERENCE)["complete_journey"][part]
    keep = "models" if part == "metrics" else "policies"
    moved = differences({keep: reference[keep]}, read_json(fresh_run / file), 0.05, f"{chapter}.ipynb")
    assert not moved, "published numbers moved; if meant, run 'make refresh':\n" + "\n".join(moved)


def test_a_changed_number_is_named():
    reference = read_json(REFERENCE)["complete_journey"]["metrics"]
    changed = json.loads(json.dumps(reference))
    changed["models"]["LSTM"]["wape"] *= 1.2
    moved = differences(reference, changed, 0.05, "07_evaluation.ipynb")
    assert len(moved) == 1 and "07_evaluation.ipynb" in moved[0] and "wape" in moved[0]
