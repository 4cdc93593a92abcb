"""Chapter 15 on data of other shapes: few days, weeks, and months that are too few to play."""

import pytest

from salesforecast_lib.files import read_json
from tests.unit.chapters import run_chapters

SHORT = {"watched_products": 8, "n_series": 10, "level": "product_category"}


@pytest.mark.slow
@pytest.mark.parametrize(("freq", "horizon"), [("W", 4), ("M", 2)])
def test_the_chapter_runs_on_weeks_and_on_months(tmp_path, freq, horizon):
    left = run_chapters(tmp_path, "01 02 15", freq=freq, horizon=horizon, **SHORT)["15"]
    assert ("simulated" in left["where"]) == (freq == "M")
    assert {row["policy"] for row in read_json(tmp_path / "monitoring.json")["policies"]} == set(left["policies"].index)
    assert (tmp_path / "dashboard.html").is_file()
