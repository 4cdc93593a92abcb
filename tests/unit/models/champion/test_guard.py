"""Limits of what is thinkable, and weights of a committee."""

import numpy as np
import pandas as pd

from salesforecast_lib.models.champion import guard, weights


def frame_of(**series: list[float]) -> pd.DataFrame:
    """A panel from lists of daily sales."""
    parts = [
        pd.DataFrame({"unique_id": name, "ds": pd.date_range("2024-01-01", periods=len(y)), "y": y, "available": 1.0})
        for name, y in series.items()
    ]
    return pd.concat(parts, ignore_index=True)


def test_three_times_the_largest_sale_so_far():
    frame = frame_of(a=[1.0, 5, 2, 50], b=[0.0, 0, 0, 0])
    limit = guard.thinkable(frame, pd.Timestamp("2024-01-03"), enough=2)
    assert limit["a"] == 15.0  # the 50 of the day after the cutoff is not looked at
    assert limit["b"] == 3.0  # never sold: as a typical series in its weakest period with a sale
    assert guard.thinkable(frame.assign(y=frame["y"] * 1000), pd.Timestamp("2024-01-03"), 2)["a"] == 15_000


def test_a_new_product_may_do_what_others_did():
    frame = frame_of(old=[10.0] * 9 + [80.0], new=[4.0])
    limit = guard.thinkable(frame, pd.Timestamp("2024-01-10"), enough=5)
    burst = 80 / np.mean([10.0] * 9 + [80.0])
    assert np.isclose(limit["new"], 3 * 4 * burst)


def test_what_is_cut_is_said():
    table = pd.DataFrame({"unique_id": ["a", "b"], "ds": pd.Timestamp("2024-02-01"), "mean": [9.0, 1.0],
                          "q0.1": [1.0, 0.5], "q0.5": [8.0, 1.0], "q0.9": [40.0, 2.0]})  # fmt: skip
    cut, words = guard.capped(table, pd.Series({"a": 10.0, "b": 10.0}))
    assert cut.loc[0, "q0.9"] == 10.0 and cut.loc[0, "mean"] == 9.0 and "'a'" in words and "1 forecast" in words
    same, nothing = guard.capped(table, pd.Series({"a": 50.0, "b": 10.0}))
    assert nothing == "" and same is table


def test_proportion_is_told_by_the_best_simple_rule():
    losses = {"SeasonalNaive": 1.0, "WindowAverage": 0.5, "Boosting": 1.1, "Networks": 0.4, "Other": float("nan")}
    left = guard.out_of_proportion(losses, {"SeasonalNaive", "WindowAverage"})
    assert set(left) == {"Boosting", "Other"} and "1.100" in left["Boosting"] and "0.500" in left["Boosting"]


def known_of(values: np.ndarray, y: np.ndarray, cutoffs: int) -> weights.Validated:
    """Validation rows of members ``a``, ``b``, …; each row weighs the same."""
    cutoff = np.repeat(np.arange(cutoffs), len(y) // cutoffs)
    names = tuple("abcdef"[: len(values)])
    return weights.Validated(names, np.array([0.1, 0.5, 0.9]), values, y, np.full(len(y), 1 / len(y)), cutoff,
                             np.arange(len(y)))  # fmt: skip


def test_members_with_opposite_biases_share_the_committee():
    rng = np.random.default_rng(0)
    y = rng.normal(100, 5, 400)
    spread = np.array([0, -6.4, 0, 6.4])
    high, low, bad = (np.full((400, 4), 100.0) + spread + move for move in (4, -4, 40))
    learnt = weights.learn(known_of(np.stack([high, low, bad]), y, 4))
    assert abs(learnt.shares[0] - learnt.shares[1]) < 0.2 and learnt.shares[2] < 0.05
    assert np.isclose(learnt.shares.sum(), 1)


def test_a_spread_that_is_too_narrow_is_widened_and_a_right_one_left():
    rng = np.random.default_rng(1)
    y = rng.normal(100, 10, 2000)
    narrow, right = (np.full((2000, 4), 100.0) + np.array([0, -w, 0, w]) for w in (4.0, 12.8))
    assert weights.learn(known_of(narrow[None], y, 4)).factor > 1.3
    assert abs(weights.learn(known_of(right[None], y, 4)).factor - 1) < 0.1
    both = weights.learn(known_of(np.stack([right, right]), y, 4))
    assert 1.0 < both.factor < weights.WIDER  # drawn to what several learned models usually lack


def test_coverage_is_held_against_what_each_interval_claims():
    y, levels = np.arange(10.0), np.array([0.1, 0.3, 0.5, 0.7, 0.9])
    wide, narrow = [-1.0, 2.0, 4.5, 5.0, 10.0], [4.0, 4.2, 4.5, 4.7, 5.0]  # all and 4 of 10; 2 and none of 10
    assert np.isclose(weights.coverage_gap(np.tile(wide, (10, 1)), y, levels), (0.2 + 0.0) / 2)
    assert np.isclose(weights.coverage_gap(np.tile(narrow, (10, 1)), y, levels), (0.6 + 0.4) / 2)


def test_the_spread_is_multiplied_around_the_median():
    forecast, levels = np.array([[50.0, 10.0, 20.0, 60.0]]), np.array([0.1, 0.5, 0.9])  # the mean first
    assert weights.widened(forecast, levels, 1.5).tolist() == [[5.0, 20.0, 80.0]]
    assert weights.widened(forecast, levels, 4.0)[0, 0] == 0.0  # not below zero


def _series(*sales: float) -> pd.DataFrame:
    days = pd.date_range("2024-01-01", periods=len(sales), freq="D")
    return pd.DataFrame({"unique_id": "a", "ds": days, "y": [float(each) for each in sales], "available": 1.0})


def test_one_sale_that_stands_alone_does_not_lift_the_limit():
    def limit(*sales: float) -> float:
        return float(guard.thinkable(_series(*sales), pd.Timestamp("2024-02-01"), enough=3)["a"])

    usual = [4, 6, 5, 3, 6, 4]
    assert limit(*usual, 6000) == limit(*usual) == 18  # a fake bulk order
    assert limit(0, 0, 1, 0, 1, 0, 900) == 3  # on a product that hardly sells
    assert limit(*usual, 40) == 120  # a good day
    assert limit(*usual, 6000, 5000) == 18_000  # twice is a customer
    assert limit(0, 0, 0, 7, 0) == 21  # the only sale is all that is known
