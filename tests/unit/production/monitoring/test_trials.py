"""Policies, reasons and sentences of chapter 15, on a market of a few products."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.features import build_features
from salesforecast_lib.files import read_json
from salesforecast_lib.production.monitoring.trials import (
    example,
    explanation,
    injection,
    retraining,
    trees,
    trial,
    verdicts,
)
from tests.benchmarks import monitoring_page

TINY = trees.TreesConfig(trees=12, more=4, leaves=7, max_rows=1_500)


@pytest.fixture(scope="module")
def market() -> injection.WatchedMarket:
    return injection.watched_market(2, products=8, days=300)


@pytest.fixture(scope="module")
def weeks(market) -> retraining.Weeks:
    table = build_features(market.panel, injection.META)
    return retraining.Weeks.last(table, market.panel, injection.META, 5, TINY)


@pytest.fixture(scope="module")
def played(weeks) -> retraining.Played:
    return retraining.play_policies(weeks)


def test_policies_train_when_they_say_and_forecast_the_same_rows(weeks, played):
    log = played.log.set_index(["policy", "week"])["retrained"]
    expected = {"never": [], "monthly": [4], "weekly": [1, 2, 3, 4], "warm start": [1, 2, 3, 4]}
    for policy, when in expected.items():
        assert list(log[policy].index[log[policy]]) == when
    rows = played.forecasts.groupby("model").size()
    assert rows.nunique() == 1 and rows.iloc[0] == 5 * 7 * 8 and played.forecasts["y"].notna().all()
    first = played.forecasts[played.forecasts["cutoff"] == weeks.cutoffs[0]].groupby("model")["mean"].sum()
    assert np.allclose(first, first.iloc[0])  # all begin with the same trees


def test_an_old_model_does_not_see_what_came_after_it(weeks):
    """What is sold later changes neither a fit nor a forecast from before."""
    later = weeks.panel.copy()
    cutoff = weeks.cutoffs[2]
    later.loc[later["ds"] > cutoff, "y"] = 999.0
    other = retraining.Weeks.last(build_features(later, injection.META), later, injection.META, 5, TINY)
    made = [
        trees.forecast_with(trees.fit_trees(w.at(cutoff), cutoff, TINY), w.at(cutoff), cutoff, "x")
        for w in (weeks, other)
    ]
    pd.testing.assert_frame_equal(*made)


def test_a_warm_start_goes_on_from_the_old_trees(weeks):
    first, last = weeks.cutoffs[0], weeks.cutoffs[-1]
    old = trees.fit_trees(weeks.at(first), first, TINY)
    warm = trees.fit_trees(weeks.at(last), last, TINY, old)
    assert warm.boosters["mean"].num_trees() == 16 and old.boosters["mean"].num_trees() == 12


def test_forecasts_keep_the_table_s_contract(played):
    table = played.forecasts
    levels = [name for name in table if name.startswith("q0.")]
    values = table[levels].to_numpy()
    assert len(levels) == 7 and (np.diff(values, axis=1) >= -1e-9).all() and values.min() >= 0


def test_a_change_trains_the_policy_on_alarm(market):
    panel = injection.inject(market, "feed in dozens")
    table = build_features(panel, injection.META)
    played = retraining.play_policies(
        retraining.Weeks.last(table, panel, injection.META, 12, TINY), (retraining.NEVER, retraining.ON_ALARM)
    )
    asked = played.log[played.log["why"] != ""]
    assert len(asked) and asked["retrained"].all() and (asked["policy"] == "on alarm").all()
    table = retraining.policy_table(played, panel, {"never": 10.0, "on alarm": 4.0})
    assert table.loc["on alarm", "saved"] == 6.0 and table.loc["on alarm", "trainings"] == len(asked)


@pytest.mark.parametrize("days", [20, 60])
def test_too_short_a_history_is_played_on_a_market(weeks, days):
    part = weeks.panel[weeks.panel["ds"] < weeks.panel["ds"].min() + pd.Timedelta(days=days)].reset_index(drop=True)
    with pytest.raises(ValueError, match=f"panel: {days} periods"):
        retraining.Weeks.last(build_features(part, injection.META), part, injection.META, 5, TINY)
    with pytest.raises(ValueError, match="policies=\\['daily'\\]"):
        retraining.play_policies(weeks, ["daily"])


def test_attribution_adds_up_and_follows_the_features(weeks):
    cutoff = weeks.cutoffs[-1]
    fit = trees.fit_trees(weeks.at(cutoff), cutoff, TINY)
    share = explanation.attribution(fit, weeks.at(cutoff), cutoff, weeks.table.groups)
    assert share.sum() == pytest.approx(1.0) and share.min() >= 0 and explanation.OWN in share
    everything = {"all": [name for names in weeks.table.groups.values() for name in names]}
    one = explanation.attribution(fit, weeks.at(cutoff), cutoff, everything)
    assert one["all"] == pytest.approx(1 - one[explanation.OWN])


def test_the_sentence_on_reasons_knows_chance():
    before, after = pd.Series({"price": 0.6, "lags": 0.4}), pd.Series({"price": 0.3, "lags": 0.7})
    moved = explanation.explanation_change(before, after, after)
    assert moved["change"].to_dict() == pytest.approx({"price": -0.3, "lags": 0.3})
    assert "the explanation changed" in explanation.explanation_found(moved)
    loose = explanation.explanation_change(before, after, pd.Series({"price": 0.6, "lags": 0.4}))
    assert "the explanation stayed" in explanation.explanation_found(loose)
    assert "the explanation stayed" in explanation.explanation_found(explanation.explanation_change(after, after))


@pytest.mark.parametrize(
    ("cost", "words"),
    [
        ((100, 90, 99), "retraining pays: monthly costs 10.0% less"),
        (
            (100, 99.5, 110),
            "does not pay here: the best policy, monthly, is level with never training again; weekly cost",
        ),
        ((100, 104, 110), "costs money here: every policy is dearer than never training again, monthly by 4.0%"),
    ],
)
def test_the_sentence_on_money(cost, words):
    table = pd.DataFrame(
        {"wape": [0.3, 0.2, 0.25], "cost": cost, "trainings": [0, 2, 11]}, index=["never", "monthly", "weekly"]
    )
    assert words in verdicts.policies_found(table)
    agrees = int(np.argmin(cost)) == 1
    assert ("money agree:" in verdicts.accuracy_found(table)) == agrees


def test_calls_are_counted_once_while_they_last():
    assert trial.episodes([]) == 0 and trial.episodes([3, 4, 9, 30, 31]) == 2 and trial.episodes([5]) == 1
    seen = pd.DataFrame(
        {
            "drift": "nothing",
            "seed": [0, 0, 0, 1],
            "day": [3, 4, 50, 9],
            "source": ["data", "data", "forecasts", "data"],
        }
    )
    row = trial.summarise(seen, [0, 1, 2], ["nothing"]).set_index("source").loc["both"]
    assert row["seen"] == pytest.approx(2 / 3) and row["delay"] == 6 and row["calls"] == 1.0
    assert row["nights"] == pytest.approx(4 / 3 / 91)
    assert (
        "1.0 calls a quarter, all of them false"
        in verdicts.drifts_found(trial.summarise(seen, [0, 1, 2], ["nothing"]))[0]
    )


def test_plain_tests_see_a_column_that_moved(market):
    night = market.panel["ds"].max()
    moved = injection.inject(market, "feed in dozens")
    moved.loc[moved["ds"] > market.cutoff, ["price", "views", "available"]] *= 0.5
    assert trial.plain_alarm(moved, market.cutoff, night)


def test_a_delivery_is_the_week_after_the_run_in_the_given_unit(tmp_path):
    (tmp_path / "inbox").mkdir()
    whole, dozens = (pd.read_csv(example.deliver(tmp_path, 1, divided_by=by)) for by in (1.0, 12.0))
    assert np.allclose(whole["quantity"], 12 * dozens["quantity"]) and whole["timestamp"].str[:10].nunique() == 7


def test_the_page_in_the_book_is_made_of_what_is_stored():
    stored = read_json(monitoring_page.STORED)
    assert monitoring_page.PAGE.read_text(encoding="utf-8") == monitoring_page.page(stored)
    assert len(stored["drifts"]["seeds"]) >= 10 and {"journey", "retail"} <= set(stored)
