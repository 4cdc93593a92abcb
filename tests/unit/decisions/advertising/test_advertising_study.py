"""Customers who answer by other equations, returns beside the truth, verdicts by hand, and what is written."""

import json

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.marketplace.demand import adstock
from salesforecast_lib.decisions.advertising import study
from salesforecast_lib.decisions.advertising.cases import delayed_stock, misspecified_cases, true_fit


@pytest.fixture(scope="module")
def case():
    return study.simulated_case(40, 3)


def test_delayed_carry_over_carries_as_much_but_later():
    spend = np.zeros((1, 400))
    spend[0, 0] = 100.0
    at_once, late = adstock(spend, 0.6)[0], delayed_stock(spend, np.array([0.6]), 3.0)[0]
    assert late.sum() == pytest.approx(at_once.sum())  # the weights are cut off at the end only
    days = np.arange(400)
    means = [(stock * days).sum() / stock.sum() for stock in (at_once, late)]
    assert means[1] - means[0] == pytest.approx(2.5, abs=0.1)  # ages are counted from the middle of the day
    assert late.argmax() > 0 and at_once.argmax() == 0


def test_wrong_equations_change_the_shape_and_keep_gain_and_money(case):
    found = misspecified_cases(case)
    assert list(found) == ["as assumed", "delayed carry-over", "no ceiling", "both"]
    for name, other in found.items():
        assert (other.data.spend == case.data.spend).all()
        assert other.response.mean(axis=1) == pytest.approx(case.response.mean(axis=1))
        assert other.true_return == pytest.approx(case.true_return, rel=0.1)
        implied = other.data.sales / (1 + other.response.sum(0))
        assert implied == pytest.approx(case.data.sales / (1 + case.response.sum(0)))  # the rest of demand is the same
        if name != "as assumed":
            assert np.abs(other.response - case.response).max() > 0.01 * case.response.max()
            with pytest.raises(ValueError, match="other equations"):
                true_fit(other)


def test_returns_stand_beside_the_truth_and_known_fits_are_used(case):
    fit = true_fit(case)
    wobble = np.array([[1.0], [1.001]])  # two draws, so that they correlate
    exact = type(fit)(fit.names, *(wobble * getattr(fit, name) for name in ("decay", "half", "slope", "lift")))
    table = study.compare_returns({"as assumed": case}, fits={"as assumed": exact})
    assert table["median"].to_numpy() == pytest.approx(case.true_return, rel=0.1)
    assert set(table.columns) >= {"case", "channel", "low", "high", "truth", "width", "inside", "correlation"}


def test_a_first_shop_that_is_known_is_not_fitted_again(monkeypatch):
    asked = []

    def compared(cases, seed, particles):
        asked.append(seed)
        return pd.DataFrame({"case": list(cases), "seed": seed})

    monkeypatch.setattr(study, "simulated_case", lambda products, seed: seed)
    monkeypatch.setattr(study, "misspecified_cases", lambda shop: {f"of {shop}": shop})
    monkeypatch.setattr(study, "compare_returns", compared)
    whole = study.misspecified_shops(5, 3, seed=7)
    assert asked == [7, 8, 9]
    again = study.misspecified_shops(5, 3, seed=7, first=whole[whole["shop"] == 0].drop(columns="shop"))
    assert asked == [7, 8, 9, 8, 9]
    pd.testing.assert_frame_equal(whole, again)


def rows(inside):
    names = ["search", "social"]
    return pd.DataFrame(
        {"case": "x", "channel": names, "inside": inside, "median": 2.0, "truth": 1.0, "low": 1, "high": 3}
    )


def test_verdicts_by_hand():
    assert study.interval_verdict(rows([True, False]))[0].endswith("in 1 of 2 channels, not for social.")
    table = study.coverage(pd.concat([rows([True, False]), rows([True, True])]))
    assert table["inside"].tolist() == [2, 1] and table["shops"].tolist() == [2, 2]
    assert "3 of 4 intervals" in study.coverage_verdict(table)[0] and "search 2.0" in study.coverage_verdict(table)[0]
    counts = pd.DataFrame({"case": ["as assumed", "a", "b"], "inside": [27, 25, 12], "shops": 30})
    assert study.shape_verdict(counts) == "Wrong equations cost intervals beyond chance: b."
    assert "no wrong equation" in study.shape_verdict(counts.head(2)) and "the most: 2" in study.shape_verdict(
        counts.head(2)
    )
    gain = study.Gain(10.0, -5.0, 20.0, 0.8, 6.0, 12.0)
    assert "lies in" in study.gain_verdict(gain) and "50%" in study.gain_verdict(gain)
    assert "a test, not a decision" in study.gain_verdict(gain)
    assert "lies outside" in study.gain_verdict(study.Gain(10.0, 8.0, 20.0, 1.0, 6.0, 12.0))
    assert "is a loss" in study.gain_verdict(study.Gain(10.0, 8.0, 20.0, 1.0, -6.0, 12.0))


def test_the_file_holds_returns_budget_gain_and_coverage(tmp_path):
    table = rows([True, True])
    split = pd.DataFrame({"channel": ["search"], "present": 1.0, "proposed": 2.0, "marginal": 0.5})
    study.write_channels(tmp_path, table, split, study.Gain(1.0, 0.0, 2.0, 0.7, 0.5, 1.5), study.coverage(table))
    stored = json.loads((tmp_path / "channels.json").read_text())
    assert stored["gain_a_day"] == {"promised": 1.0, "true": 0.5, "possible": 1.5} and stored["simulated"]
    assert stored["misspecified"][0]["shops"] == 1 and "inside" not in stored["channels"][0]
