"""Pages of benchmarks are made from their JSON, say what a shop learns, and hold no goals that are met or missed."""

from __future__ import annotations

import copy
import re

import pytest

from salesforecast_lib.files import project_root, read_json
from tests.benchmarks import causal_page, scale_page, serving_page, speed_page

BOOK = project_root() / "book"
PAGES = ("league", "fev", "speed", "serving", "causal", "vn2", "monitoring", "scale", "status")


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_what_was_measured_on_what_by_which_command_and_for_whom(name):
    text = (BOOK / f"{name}.md").read_text(encoding="utf-8")
    head = text[text.index("\n# ") if not text.startswith("#") else 0 :].split("\n\n")[1]
    for words in ("What was measured", "On what data", "By which command", "What it means for a shop"):
        assert f"- **{words}.** " in head, f"{name}: the page has to open with it"
    meaning = head.split("**What it means for a shop.** ")[1]
    assert re.search(r"\d", meaning) and len(re.findall(r"[.:] (?=[A-Z])", meaning)) <= 4


@pytest.mark.parametrize("name", (*PAGES, "findings"))
def test_no_page_speaks_of_goals(name):
    text = (BOOK / f"{name}.md").read_text(encoding="utf-8").lower()
    assert not re.search(r"\bgoals?\b|\btargets? (was|were|is)\b|\bmissed\b|\*\*met\*\*|: met\b", text)


def test_pages_are_the_ones_their_results_make():
    assert speed_page.PAGE.read_text() == speed_page.page(read_json(speed_page.STORED)), "run speed_page.py"
    stored = read_json(serving_page.STORED)
    assert serving_page.PAGE.read_text() == serving_page.page(stored), "run serving_page.py"
    assert scale_page.PAGE.read_text() == scale_page.page(read_json(scale_page.STORED)), "run scale_page"
    assert causal_page.PAGE.read_text() == causal_page.page(), "run python -m tests.benchmarks.causal_page"


@pytest.mark.parametrize("share, who", [(0.5, "ours"), (1.04, "about level"), (0.96, "about level"), (1.2, "theirs")])
def test_the_faster_one_is_named(share, who):
    assert speed_page.faster(share, "ours", "theirs") == who


def test_a_loss_that_was_not_reached_is_said():
    result = copy.deepcopy(read_json(speed_page.STORED))
    result["accuracy"]["freshretailnet"]["ours"]["reached"] = False
    (line,) = (line for line in speed_page.measured(result) if "FreshRetailNet" in line)
    assert "| not reached | neuralforecast |" in line
    assert "on 1 of 2 data sets we did not reach its loss" in speed_page.for_a_shop(result)[0]


def test_the_estimator_whose_prices_lose_least_is_named_whoever_it_is():
    result = copy.deepcopy(read_json(causal_page.FOLDER / "pricing.json"))
    for name in result["regret"]:
        result["regret"][name]["mean"] = 0.01 if name == causal_page.PLAIN else 0.05
    assert causal_page.lowest_regret(result) == causal_page.PLAIN
    text = "\n".join(causal_page.prices(result))
    assert f"Lowest mean regret: **{causal_page.PLAIN}** (1.00%" in text


def test_what_a_server_loses_is_said():
    result = copy.deepcopy(read_json(serving_page.STORED))
    result["chaos"]["lost"] = 7
    assert any("7 of" in line and "were lost" in line for line in serving_page.meaning(result))
    result["peer"]["times_as_many"] = 1.1
    assert serving_page.meaning(result)[-1] == "The peer answered about as many requests."
    result["load"]["8"]["per_second"] = 99_999.0
    assert ("forecasts of one series a second, by the clock", "99,999") in serving_page.measured(result)
