"""Published key numbers against a fresh run: with a tolerance, because processors differ in the last digits."""

import json
import time

import pandas as pd
import pytest

from salesforecast_lib.evaluation import metrics
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


STARTED = time.time()


@pytest.fixture(scope="session")
def fresh_run():
    """The run folder after this session's nbval has executed the notebooks; alone, this test executes them itself."""
    folder = project_root() / "runs" / "default"
    numbers = folder / "pricing.json"
    if not numbers.is_file() or numbers.stat().st_mtime < STARTED:
        run(prepare_values("default", {}), folder, verbose=0)
    return folder


def test_targets_are_met_by_the_published_numbers():
    models = read_json(REFERENCE)["complete_journey"]["metrics"]["models"]
    assert models["LSTM"]["wape"] <= 0.8 * models["SeasonalNaive"]["wape"]
    assert models["LSTM"]["wape"] <= models["AutoETS"]["wape"]


HELD = {  # chapter: file of the run, what is held, tolerance (a chain of fits moves more between processors than one)
    "07_evaluation": ("metrics", [("models",)], 0.05),
    "08_inventory": ("inventory", [("policies",)], 0.05),
    "09_alerts": ("alerts", [("overall", "combined", "f1"), ("overall", "combined", "recall")], 0.15),
    "10_customers": (
        "customers",
        [("intention", "probability", "skill"), ("category_intention", "probability", "skill")],
        0.1,
    ),
    "13_pricing": ("pricing", [("bias",), ("run_mean_elasticity",)], 0.1),
}


def part_of(values, path):
    """``values`` without what does not lie on ``path``."""
    inner = values[path[0]]
    return {path[0]: part_of(inner, path[1:]) if len(path) > 1 else inner}


@pytest.mark.parametrize("chapter", HELD)
def test_published_numbers_hold(fresh_run, chapter):
    name, paths, tolerance = HELD[chapter]
    reference = read_json(REFERENCE)["complete_journey"][name]
    found = read_json(fresh_run / f"{name}.json")
    moved = [
        words for path in paths for words in differences(part_of(reference, path), found, tolerance, f"{chapter}.ipynb")
    ]
    assert not moved, "published numbers moved; if meant, run 'make refresh':\n" + "\n".join(moved)


def test_a_changed_number_is_named():
    reference = read_json(REFERENCE)["complete_journey"]["metrics"]
    changed = json.loads(json.dumps(reference))
    changed["models"]["LSTM"]["wape"] *= 1.2
    moved = differences(reference, changed, 0.05, "07_evaluation.ipynb")
    assert len(moved) == 1 and "07_evaluation.ipynb" in moved[0] and "wape" in moved[0]


def test_a_changed_formula_is_noticed(fresh_run, monkeypatch):
    """The suite's own check: doubling the scale of MASE must move the published number and name it."""
    forecasts = pd.read_parquet(fresh_run / "forecasts.parquet")
    panel = pd.read_parquet(fresh_run / "panel.parquet")
    reference = read_json(REFERENCE)["complete_journey"]["metrics"]["models"]
    scales = metrics.naive_scales

    def moved():
        table = metrics.evaluate(metrics.scored_rows(forecasts, panel), panel, 7).set_index("model")
        return differences(reference, table.to_dict("index"), 0.05, "07_evaluation.ipynb")

    assert not moved()

    def wrong(*arguments):
        table = scales(*arguments)
        return table.assign(absolute=2 * table["absolute"])

    monkeypatch.setattr(metrics, "naive_scales", wrong)
    assert any("07_evaluation.ipynb" in text and "mase" in text for text in moved())
