"""The page of fev-bench: sentences follow the numbers, whoever wins, and what the champion consisted of is said."""

from __future__ import annotations

import pytest

from tests.benchmarks.champion import consists_of
from tests.benchmarks.fev_page import FOLDER, PAGE, fev_page, stored_results
from tests.benchmarks.fev_words import beside_members, for_a_shop, official, place, statements


def losses(value: float) -> dict[str, float]:
    return {"SQL": value, "MASE": value + 0.1, "WAPE": value / 2, "WQL": value / 3}


def made_result(own: float, others: dict[str, float], **changes) -> dict:
    rows = [{"model": n, **losses(v), "trained_on_this_data": n == "Leaky"} for n, v in others.items()]
    made = {
        "weights": {"Boosting": 0.7, "Networks": 0.3},
        "validated_at": ["2020-01-01", "2020-02-01"],
        "left_out": {"Theta": "loss 3.10, 4.1 times the median member's"},
        "losses": {},
        "notes": [],
    }
    return {
        "task": "made",
        "base": "",
        "freq": "W-SUN",
        "horizon": 13,
        "windows": 2,
        "before": 0,
        "series": 118,
        "known_ahead": ["promo"],
        "naive": losses(2.0),
        "naive_agrees": True,
        "champion": losses(own),
        "members": {"Boosting": losses(own * 1.05), "Networks": losses(own * 1.2)},
        "published": rows,
        "settings": {"threads": 1, "budget_minutes": 10.0},
        "compositions": {"2021-01-03": made, "2021-04-04": {**made, "left_out": {}}},
        "wall": 600.0,
        "peak_gb": 1.5,
        "stood_in": 0.0,
        **changes,
    }


WINS = made_result(0.5, {"Chronos-2": 0.6, "Leaky": 0.55, "Naive": 2.0})
LEVEL = made_result(0.505, {"TiRex": 0.5, "Chronos-2": 0.51})
LOSES = made_result(0.66, {"Chronos-2": 0.6, "Naive": 2.0})


def test_the_winner_is_named_whoever_it_is():
    assert "number 1 of 4** (SQL 0.5000), 9.1% below the best published model, Leaky (0.5500)" in place(WINS)
    assert "16.7% below Chronos-2" in place(WINS) and "Leaky had seen these data in training" in place(WINS)
    words = place(LOSES)
    assert "number 2 of 3** (SQL 0.6600); **Chronos-2** is first (0.6000), ours is 10.0% higher" in words
    assert "below Chronos-2" not in words and "had seen" not in words
    assert "**TiRex** is first (0.5000), ours is 1.0% higher. It is 1.0% below Chronos-2" in place(LEVEL)


@pytest.mark.parametrize(
    "results, true",
    [
        ({"a": WINS, "b": WINS, "c": WINS}, (True, True, True, True)),
        ({"a": WINS, "b": WINS, "c": LEVEL}, (True, False, True, True)),
        ({"a": WINS, "b": LEVEL, "c": LOSES}, (False, False, False, True)),
        ({"a": WINS, "b": {**WINS, "naive_agrees": False}}, (True, False, True, False)),
    ],
)
def test_statements_are_true_where_the_figures_say_so(results, true):
    found = statements(results)
    assert tuple(each for _, each, _ in found) == true
    figures = " ".join(words for *_, words in found)
    assert ("c +10.0%" in figures) == (results.get("c") is LOSES)


def test_tasks_that_nobody_else_played_are_no_comparison():
    results = {"a": WINS, "a+promo": {**WINS, "base": "a"}, "new": {**WINS, "published": []}}
    assert list(official(results)) == ["a"]
    page = fev_page(results)
    assert "## new" in page and "Nobody published results of it." in page
    apart = page[page.index("## Told more than the others") :]
    assert "a\\+promo" in apart and "No published model was told them" in apart
    assert "a\\+promo" not in page[: page.index("## Told more than the others")]


def test_what_promotions_bring_is_said_whichever_way():
    told = {"a": LEVEL, "a+promo": {**WINS, "base": "a", "champion": losses(0.404)}}
    assert "its loss is lower by 20.0%" in for_a_shop(told)[1]
    worse = {"a": LEVEL, "a+promo": {**WINS, "base": "a", "champion": losses(0.51)}}
    assert "Promotions told ahead change its loss by +1.0% to +1.0%" in for_a_shop(worse)[1]
    assert "on 1 of 2 tasks and lies -9.1% to +10.0%" in for_a_shop({"a": WINS, "b": LOSES})[0]


def test_composition_and_members_are_told_with_their_reasons():
    words = consists_of(list(WINS["compositions"].values()))
    assert "Boosting 70%, Networks 30% on average over 2 cutoffs; judged on 2 earlier cutoffs" in words
    assert "Left out at 1 of 2: Theta (loss 3.10" in words
    assert "4.8% below its best member, Boosting" in beside_members(WINS)
    better = {**WINS, "members": {"Rule": losses(0.4)}}
    assert "Its best member, Rule" in beside_members(better) and "20.0% below it" in beside_members(better)
    assert "not stored" in consists_of([]) and beside_members({**WINS, "members": {}}) == ""


def test_a_table_holds_all_of_theirs_in_order_and_flags_what_was_seen_in_training():
    lines = [line.split(" | ") for line in fev_page({"a": WINS}).splitlines() if line.startswith("| ")]
    table = [line for line in lines if len(line) == 5 and line[1][:2] in ("0.", "2.")][:4]
    assert [line[0] for line in table] == ["| **Champion**", "| Leaky", "| Chronos-2", "| Naive"]
    assert table[0][1:4] == ["0.5000", "0.6000", "0.2500"]
    assert [line[4] for line in table[1:]] == ["yes |", "no |", "no |"]


def test_rows_that_the_naive_stands_in_for_are_said():
    assert "stands in on 2.5% of the rows" in fev_page({"a": {**WINS, "stood_in": 0.025}})
    assert "stands in" not in fev_page({"a": WINS})


def test_the_page_is_the_one_its_results_make(tmp_path):
    assert PAGE.read_text() == fev_page(stored_results()), "run python -m tests.benchmarks.fev_page"
    assert FOLDER.name == "fev" and stored_results(tmp_path) == {}
