"""Chapter 16b on data of other shapes: weeks, and a panel without order lines, prices and customers."""

import pytest

from salesforecast_lib.files import read_json
from tests.unit.chain import make_chain
from tests.unit.chapters import run_chapters

SMALL = {
    "attacked_products": 3, "group_replicates": 100, "tested_products": 4, "membership_trials": 4,
    "budget_minutes": 0.3,
}  # fmt: skip


@pytest.mark.slow
def test_the_chapter_runs_on_weeks(tmp_path):
    told = {**SMALL, "freq": "W", "horizon": 4, "n_series": 12, "level": "product_category"}
    left = run_chapters(tmp_path, "01 02 06b 16b", **told)["16b"]
    found = read_json(tmp_path / "robustness.json")
    assert found["real_lines"] and len(left["attacks"]) == 18 and set(left["people"]) == {"income", "age"}


@pytest.mark.slow
def test_the_chapter_runs_on_a_panel_without_order_lines_and_says_so(tmp_path):
    make_chain(6, 200).to_csv(tmp_path / "chain.csv", index=False)
    told = {**SMALL, "dataset": "own_panel", "path": str(tmp_path / "chain.csv"), "freq": "auto", "country": "DE"}
    left = run_chapters(tmp_path, "01 02 06b 16b", **told)["16b"]
    found = read_json(tmp_path / "robustness.json")
    assert not found["real_lines"] and found["membership"] == [] and not left["people"]
    assert {row["disturbance"] for row in found["inputs"]} >= {"noise on sales"}
