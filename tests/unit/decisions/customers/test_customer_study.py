"""The chapter's case: stand-in and notes, verdicts by hand, pairs of the test window, and what is written."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.decisions.customers import control, segments, study
from salesforecast_lib.decisions.customers.purchases import COLUMNS, CustomerLines, behaviour, log_rfm, rfm


@pytest.fixture(scope="module")
def simulated():
    return control.control_market(0)


def brier(skill, low, high, rule=0.2):
    return pd.DataFrame(
        {
            "forecast": ["probability", "recency_rule", "base_rate"],
            "brier": [0.1, 0.15, 0.2],
            "skill": [skill, rule, 0.0],
            "low": [low, rule - 0.05, 0.0],
            "high": [high, rule + 0.05, 0.0],
            "auc": 0.8,
        }
    )


def recalls(gain_low):
    rows = [("recall", "repeat purchase", 0.3, "repeat purchase", 0.0, 0.0)]
    rows += [
        ("recall", "blend", 0.32, "repeat purchase", 0.02, gain_low),
        ("new", "popularity", 0.1, "popularity", 0, 0),
    ]
    return pd.DataFrame(rows, columns=["kind", "recommender", "recall", "against", "gain", "gain_low"])


def test_a_shop_that_cannot_carry_the_chapter_is_replaced_and_said_so(simulated):
    poor = CustomerLines(simulated.shop.lines.head(3), simulated.shop.end, 7, "3 customers")
    shown = study.shown_shop(poor, simulated.shop, "own_data")
    assert shown.lines is simulated.shop.lines and "3 customers" in shown.note and "simulated" in shown.name
    own = study.shown_shop(simulated.shop, simulated.shop, "complete_journey")
    assert own.name == "complete_journey" and "publisher calls these data simulated" in own.note


def test_well_known_customers_are_those_with_many_lines():
    lines = pd.DataFrame({"customer_id": ["a"] * 30 + ["b"] * 2})
    features = pd.DataFrame({"x": [1.0, 2.0]}, index=["a", "b"])
    assert control.well_known(features, lines, enough=1).index.tolist() == ["a"]
    assert len(control.well_known(features, lines)) == 2  # too few are left: all


def test_skill_is_claimed_only_with_its_interval():
    assert "not shown to be better" in study.skill_verdict(brier(0.1, -0.01, 0.2))
    assert "40%" in study.skill_verdict(brier(0.4, 0.3, 0.5)) and "intervals apart" in study.skill_verdict(
        brier(0.4, 0.3, 0.5)
    )
    assert "less than the recency rule" in study.skill_verdict(brier(0.15, 0.1, 0.21))
    assert "overlap" in study.skill_verdict(brier(0.22, 0.18, 0.3))


def test_recommender_wins_only_beyond_chance():
    assert "blend is better by 0.020, beyond chance" in study.recall_verdict(recalls(0.01))[0]
    assert "nothing is better beyond chance" in study.recall_verdict(recalls(-0.01))[0]
    assert "nothing beats it" in study.recall_verdict(recalls(0.01))[1]


def test_stability_says_both_and_knows_when_halves_are_too_small():
    table = pd.DataFrame(
        {"segments": [2, 3], "bootstrap": [0.9, 0.5], "halves": [0.2, np.nan], "stayed": [0.75, np.nan]},
        index=["x", "y"],
    )
    first, second = study.stability_verdict(table)
    assert "come out again" in first and "75%" in first
    assert "do not come out again" in second and "%" not in second


def test_stability_of_both_kinds(simulated):
    shop = simulated.shop
    shown = study.shown_shop(shop, shop, "marketplace")
    mix, worth = behaviour(shop.lines, shop.end, simulated.categories), log_rfm(rfm(shop.lines, shop.end))
    models = segments.fit_segments(mix, 4), segments.fit_segments(worth, 2, kind="k-means")
    table = study.shop_stability(shown, (mix, models[0]), (worth, models[1]), 2)
    assert table.index.tolist() == ["behaviour", "RFM"] and table["segments"].tolist() == [4, 2]
    assert table["stayed"].between(0, 1).all() and (table["lowest"] <= table["bootstrap"]).all()
    names = segments.assigned(mix, models[0])
    assert names["segment"].nunique() == 4 and names["segment_probability"].between(0.25, 1).all()


def test_files_of_a_stand_in_are_empty(tmp_path, simulated):
    rows = {"segments.csv": pd.DataFrame({"customer_id": ["a"]})}
    poor = CustomerLines(simulated.shop.lines.head(0), simulated.shop.end, 0, "no customers")
    arguments = ["big", "small"], pd.DataFrame({"bootstrap": [0.9], "halves": [np.nan], "stayed": [0.5]}, index=["x"])
    for shop, number in ((poor, 0), (simulated.shop, 1)):
        found = study.summary_of(shop, 28, *arguments, brier(0.3, 0.2, 0.4), brier(0.3, 0.2, 0.4), recalls(0.1))
        study.write_customer_files(tmp_path, shop, rows, found)
        assert len(pd.read_csv(tmp_path / "segments.csv")) == number
        stored = json.loads((tmp_path / "customers.json").read_text())
        assert stored["usable"] is bool(number) and ("intention" in stored) is bool(number)
    assert stored["stability"]["x"] == {"bootstrap": 0.9, "halves": None, "stayed": 0.5}
    assert "auc" not in stored["intention"]["probability"]


def made_shop(chance, days=220, customers=80, every=1):
    """Customers who come on a day with a chance of their own and buy one of five products."""
    rng, rows = np.random.default_rng(0), []
    for day in pd.date_range("2024-01-01", periods=days, freq=f"{every}D"):
        for who in np.flatnonzero(rng.random(customers) < chance):
            product = f"p{rng.integers(5)}"
            rows.append((f"c{who:02d}", f"o{len(rows)}", product, product, "all", day, 3.0, 0.0))
    lines = pd.DataFrame(rows, columns=list(COLUMNS))
    return CustomerLines(lines, lines["timestamp"].max() + pd.Timedelta(days=1), 0)


def test_windows_in_which_everybody_or_nobody_buys_teach_nothing():
    """A shop of regulars: each customer comes every week, so the question who buys has no answer to learn."""
    found = study.checked_shop(made_shop(0.5), 28, 3)
    assert not found.usable and "every customer buys in a window of 28 days" in found.reason
    assert found.reason.endswith("give fewer intention_days")
    usual = made_shop(0.02)
    assert study.checked_shop(usual, 28, 3) is usual, "one that can be learned from stays as it is"
    shorter = study.checked_shop(made_shop(0.06), 7, 3)
    assert shorter.usable, "the advice works: fewer days tell customers apart again"
    gone = made_shop(0.02)
    early = gone.lines[gone.lines["timestamp"] < gone.end - pd.Timedelta(days=30)]
    silent = study.checked_shop(CustomerLines(early, gone.end, 0), 28, 3)
    assert "no customer buys in a window of 28 days" in silent.reason
    refused = CustomerLines(early, gone.end, 0, "no customer_id in the file")
    assert study.checked_shop(refused, 28, 3) is refused
