"""Sentences name a winner only where there is one, whatever the data set."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.evaluation import verdicts
from salesforecast_lib.wording import listed


def test_close_losses_are_level_and_named_in_one_order():
    losses = {"b": 0.350, "a": 0.3501, "c": 0.40, "d": np.nan}
    assert verdicts.about_level(losses) == ["a", "b"]
    assert verdicts.winner(losses, "WAPE") == "lowest WAPE: a and b, about level (closer than 1.5 %)"
    assert verdicts.winner({"a": 0.3, "b": 0.4}, "WAPE") == "lowest WAPE: a, ahead of all others"
    assert verdicts.winner({"a": np.nan}, "loss") == "lowest loss: not defined here"
    with pytest.raises(ValueError, match="nothing can be ranked"):
        verdicts.about_level({"a": np.nan})


def test_gains_are_rounded_down():
    assert [verdicts.at_least(g) for g in (0.286, 0.25, 0.049)] == ["at least 25 %", "at least 25 %", "less than 5 %"]
    losses = pd.Series({"new": 70.0, "old": 100.0, "worse": 130.0, "same": 101.0})
    assert verdicts.gain_sentence("new", losses, "old", "cost") == "new: cost at least 30 % below old"
    assert verdicts.gain_sentence("worse", losses, "old", "cost") == "worse: cost at least 30 % above old"
    assert verdicts.gain_sentence("same", losses, "old", "cost") == "same: cost about level with old"


@pytest.mark.parametrize(
    "low, high, verdict",
    [
        (-0.05, -0.01, "better"),
        (0.01, 0.05, "worse"),
        (-0.02, 0.03, "not told apart"),
        (-0.024, -0.002, "too close to call"),
        (-0.025, 0.0007, "too close to call"),
        (0.002, 0.05, "too close to call"),
    ],
)
def test_an_interval_that_ends_at_zero_settles_nothing(low, high, verdict):
    assert verdicts.interval_verdict(low, high) == verdict


def test_p_values_under_several_assumptions():
    assert verdicts.p_value_verdict([0.001, 0.004]) == "different"
    assert verdicts.p_value_verdict([0.4, 0.2]) == "no difference found"
    assert verdicts.p_value_verdict([0.005, 0.028]) == "no firm answer"
    assert verdicts.p_value_verdict([0.4, 0.05]) == "no firm answer"


def test_intervals_and_bias():
    said = [verdicts.coverage_verdict(share) for share in (0.857, 0.884, 0.917, 0.959)]
    assert said == ["too narrow", "honest", "honest", "too wide"]
    assert [verdicts.bias_verdict(b)[:9] for b in (-0.06, 0.005, 0.06)] == ["too low o", "about rig", "too high "]


def test_the_caveat_says_on_which_data_the_recipe_was_chosen():
    seen, unseen = (verdicts.champion_caveat(name) for name in ("complete_journey", "own_data"))
    assert "had been seen with other models" in seen and "had been seen" not in unseen
    assert all("weights come from earlier cutoffs" in words.replace("\n", " ") for words in (seen, unseen))


def test_lists_in_a_sentence():
    assert [listed(names) for names in ([], ["a"], "ab", "abc")] == ["none", "a", "a and b", "a, b and c"]
