"""Published key numbers against a fresh run: with a tolerance, because processors differ in the last digits."""

import json
import os

import pandas as pd
import pytest

from salesforecast_lib.evaluation import metrics
from salesforecast_lib.files import project_root, read_json
from salesforecast_lib.pipeline.nbval import BEGAN
from salesforecast_lib.pipeline.runner import prepare_values, run
from salesforecast_lib.pipeline.tolerances import differences, read_tolerances

REFERENCE = project_root() / "tests" / "reference" / "metrics.json"


@pytest.fixture(scope="session")
def fresh_run():
    """The run folder after nbval has executed the notebooks; alone, this test executes what is stale itself."""
    folder = project_root() / "runs" / "default"
    began = os.environ.get(BEGAN)
    if began is None:
        run(prepare_values("default", {}), folder, verbose=0)
        return folder
    files = {name: folder / f"{name}.json" for name in CHAPTERS}
    old = [name for name, file in files.items() if not file.is_file() or file.stat().st_mtime < float(began)]
    assert not old, f"not written by the notebooks that nbval executed: {[CHAPTERS[name] for name in old]}"
    return folder


def test_targets_are_met_by_the_published_numbers():
    models = read_json(REFERENCE)["complete_journey"]["metrics"]["models"]
    assert models["LSTM"]["wape"] <= 0.8 * models["SeasonalNaive"]["wape"]
    assert models["LSTM"]["wape"] <= models["AutoETS"]["wape"]


CHAPTERS = {  # file of the run: the notebook that writes it
    "derivation": "03_lstm_derivation",
    "metrics": "07_evaluation",
    "inventory": "08_inventory",
    "alerts": "09_alerts",
    "customers": "10_customers",
    "channels": "11_advertising",
    "promotions": "12_promotions",
    "pricing": "13_pricing",
}


def published(name):
    """The published numbers of a file and what each of them may move by."""
    return read_json(REFERENCE)["complete_journey"][name], read_tolerances().get(name, {})


def test_every_published_file_is_held():
    assert set(CHAPTERS) == set(read_json(REFERENCE)["complete_journey"])


@pytest.mark.parametrize("name", CHAPTERS)
def test_published_numbers_hold(fresh_run, name):
    reference, allowed = published(name)
    moved = differences(reference, read_json(fresh_run / f"{name}.json"), allowed, f"{CHAPTERS[name]}.ipynb")
    assert not moved, "published numbers moved; if meant, run 'make refresh':\n" + "\n".join(moved)


def test_a_changed_number_is_named():
    reference, allowed = published("metrics")
    changed = json.loads(json.dumps(reference))
    changed["models"]["LSTM"]["wape"] *= 1.05
    moved = differences(reference, changed, allowed, "07_evaluation.ipynb")
    assert len(moved) == 1 and "07_evaluation.ipynb" in moved[0] and "LSTM · wape" in moved[0]


def test_tolerances_are_narrow_where_it_counts():
    """What is compared is held more narrowly than what it is compared for."""
    models, allowed = (part["models"] for part in published("metrics"))
    gap = models["SeasonalNaive"]["wape"] - models["LSTM"]["wape"]
    assert max(bound["wape"] for bound in allowed.values()) < 0.1 * gap
    assert max(bound["bias"] for bound in allowed.values()) < 0.1


def test_a_changed_formula_is_noticed(fresh_run, monkeypatch):
    """The suite's own check: doubling the scale of MASE must move the published number and name it."""
    forecasts = pd.read_parquet(fresh_run / "forecasts.parquet")
    panel = pd.read_parquet(fresh_run / "panel.parquet")
    reference, allowed = (part["models"] for part in published("metrics"))
    scales = metrics.naive_scales

    def moved():
        table = metrics.evaluate(metrics.scored_rows(forecasts, panel), panel, 7).set_index("model")
        return differences(reference, table.to_dict("index"), allowed, "07_evaluation.ipynb")

    assert not moved()

    def wrong(*arguments):
        table = scales(*arguments)
        return table.assign(absolute=2 * table["absolute"])

    monkeypatch.setattr(metrics, "naive_scales", wrong)
    assert any("07_evaluation.ipynb" in text and "mase" in text for text in moved())
