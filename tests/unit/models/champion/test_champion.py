"""A champion: one call from features to forecasts, judged on earlier cutoffs of the same data."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib import quantile_columns
from salesforecast_lib.models import champion
from salesforecast_lib.models.champion import ChampionConfig, Composition, champion_forecasts, plan
from salesforecast_lib.models.champion import members as fitted
from tests.unit.models.champion.made import make_panel, told

QUICK = ChampionConfig(budget_minutes=0.2, members=("SeasonalNaive", "WindowAverage", "LightGBMDirect"), validation=2)


@pytest.fixture(scope="module")
def made():
    table, known, meta, last = told(make_panel())
    return table, known, meta, [last - pd.Timedelta(days=14), last]


def test_every_cutoff_has_every_series_and_step_in_the_asked_levels(made):
    table, known, meta, cutoffs = made
    levels = (0.1, 0.5, 0.9)
    result = champion_forecasts(table, known, meta, cutoffs, ChampionConfig(
        QUICK.budget_minutes, QUICK.members, levels, validation=2))  # fmt: skip
    rows = result.forecasts
    assert list(rows) == ["unique_id", "ds", "cutoff", "model", "mean", *quantile_columns(levels)]
    assert len(rows) == 2 * 8 * 14 and set(rows["model"]) == {champion.MODEL}
    values = rows[list(quantile_columns(levels))].to_numpy()
    assert np.isfinite(values).all() and (values >= 0).all() and (np.diff(values, axis=1) >= 0).all()
    for composition in result.compositions.values():
        assert sum(composition.weights.values()) == pytest.approx(1.0, abs=0.01)
        assert len(composition.validated_at) == 2 and set(composition.losses) == set(QUICK.members)
        assert Composition.from_json(composition.to_json()) == composition


def test_weights_are_learned_on_horizons_that_had_ended(made):
    table, known, meta, cutoffs = made
    result = champion_forecasts(table, known, meta, cutoffs, QUICK)
    for cutoff, composition in result.compositions.items():
        ends = [pd.Timestamp(when) + pd.Timedelta(days=14) for when in composition.validated_at]
        assert max(ends) <= pd.Timestamp(cutoff)


def test_the_same_call_gives_the_same_forecast(made):
    one, two = (champion_forecasts(*made, QUICK).forecasts for _ in range(2))
    pd.testing.assert_frame_equal(one, two)


def test_sales_after_a_cutoff_change_nothing_before(made):
    """The tripwire: everything observed after the first cutoff is replaced by nonsense."""
    table, known, meta, cutoffs = made
    before = champion_forecasts(table, known, meta, cutoffs[:1], QUICK).forecasts
    panel = make_panel()
    panel.loc[(panel["ds"] > cutoffs[0]) & panel["y"].notna(), "y"] = 1e6
    changed, known, meta, _ = told(panel)
    after = champion_forecasts(changed, known, meta, cutoffs[:1], QUICK).forecasts
    pd.testing.assert_frame_equal(before, after)


def test_a_plan_moves_the_forecast_of_its_days_only(made):
    """Promotions told for the last horizon leave earlier cutoffs as they are, and local models of others too."""
    table, known, meta, cutoffs = made
    planned = known.copy()
    days = cutoffs[1] + pd.to_timedelta(np.arange(1, 8), unit="D")
    rows = (planned["unique_id"] == "s03") & planned["ds"].isin(days)
    planned.loc[rows, "promo"] = 1.0 - planned.loc[rows, "promo"]
    plain = champion_forecasts(table, known, meta, cutoffs, QUICK)
    moved = champion_forecasts(table, planned, meta, cutoffs, QUICK)
    keys = ["model", "cutoff", "unique_id", "ds"]
    both = [pd.concat([each.forecasts, each.members]).set_index(keys) for each in (plain, moved)]
    same = (both[0] == both[1]).all(axis=1)
    changed = same[~same].index.to_frame(index=False)
    assert len(changed) and set(changed["cutoff"]) == {cutoffs[1]}
    assert set(changed["model"]) == {"LightGBMDirect", "Champion"}  # the others know no promotion
    # origins × steps of a direct model are rows of their own: one product's plan moves its own rows alone
    assert set(changed["unique_id"]) == {"s03"} and set(changed["ds"]) <= set(days)


def test_a_closed_day_is_zero_in_every_member(made):
    panel = make_panel()
    shut = panel["ds"].dt.dayofweek == 6
    panel.loc[shut, ["open", "available"]] = 0.0
    panel.loc[shut & panel["y"].notna(), "y"] = 0.0
    table, known, meta, last = told(panel)
    result = champion_forecasts(table, known, meta, [last], QUICK)
    for rows in (result.forecasts, result.members):
        sunday = rows["ds"].dt.dayofweek == 6
        assert (rows.loc[sunday, ["mean", "q0.95"]] == 0).all(axis=None)
        assert (rows.loc[~sunday, "q0.5"] > 0).all()


def test_a_member_that_fails_is_left_out_by_name(made, monkeypatch):
    def broken(task, cutoff, model, shelf):
        raise ValueError("no luck today")

    monkeypatch.setitem(fitted._AT_EACH, "LightGBMDirect", broken)
    table, known, meta, cutoffs = made
    result = champion_forecasts(table, known, meta, cutoffs[1:], QUICK)
    composition = result.compositions[str(cutoffs[1].date())]
    assert "no luck today" in composition.left_out["LightGBMDirect"]
    assert set(composition.weights) <= {"SeasonalNaive", "WindowAverage"}


@pytest.mark.parametrize("times", [0.0, 30.0, np.nan])
def test_a_member_out_of_all_proportion_is_left_out_with_its_figure(made, monkeypatch, times):
    """Nothing, far too much, or no number at all: the champion goes on without it."""
    right = fitted._direct

    def wild(task, cutoff, model, shelf):
        table = right(task, cutoff, model, shelf)
        columns = ["mean", *quantile_columns(task.config.levels)]
        return table.assign(**{name: table[name] * times for name in columns})

    monkeypatch.setitem(fitted._AT_EACH, "LightGBMDirect", wild)
    table, known, meta, cutoffs = made
    result = champion_forecasts(table, known, meta, cutoffs[1:], QUICK)
    composition = result.compositions[str(cutoffs[1].date())]
    assert "LightGBMDirect" not in composition.weights
    assert any(letter.isdigit() for letter in composition.left_out["LightGBMDirect"])


def test_a_back_test_that_prefers_a_simple_rule_takes_it(monkeypatch):
    """Sales that repeat last week exactly: nothing beats the seasonal naive, so it is the champion."""
    panel = make_panel()
    week = panel["ds"].dt.dayofweek + 1.0
    noise = np.random.default_rng(1).poisson(3, len(panel))
    panel["y"] = np.where(panel["y"].isna(), np.nan, 50 * week + noise)
    panel["promo"] = np.random.default_rng(2).integers(0, 2, len(panel)).astype(float)
    table, known, meta, last = told(panel)
    right = fitted._direct
    monkeypatch.setitem(  # a learned member that is a fifth too high
        fitted._AT_EACH, "LightGBMDirect",
        lambda *task: (t := right(*task)).assign(**{n: t[n] * 1.2 for n in t.columns if n == "mean" or n[:2] == "q0"}),
    )  # fmt: skip
    composition = champion_forecasts(table, known, meta, [last], QUICK).compositions[str(last.date())]
    assert list(composition.weights.values()) == [1.0]
    assert set(composition.weights) <= {"SeasonalNaive", "WindowAverage"}


def test_a_short_history_is_forecast_without_a_back_test():
    table, known, meta, last = told(make_panel(days=34))  # two horizons of 14 days and a little
    result = champion_forecasts(table, known, meta, [last], QUICK)
    composition = result.compositions[str(last.date())]
    assert composition.losses == {} and composition.weights == {"LightGBMDirect": 1.0}
    assert any("no room for a back-test" in note for note in composition.notes)
    assert (result.forecasts["q0.5"] > 0).mean() > 0.9


@pytest.mark.parametrize("days, judged", [(35, 1), (48, 1), (49, 2)])
def test_a_back_test_leaves_one_and_a_half_horizons_to_learn_from(days, judged):
    assert plan.validation_count(days, horizon=14, most=4) == judged


def test_stored_members_are_read_back_and_other_settings_are_not(made, tmp_path, monkeypatch):
    table, known, meta, cutoffs = made
    first = champion_forecasts(table, known, meta, cutoffs, QUICK, store=tmp_path)
    monkeypatch.setattr(champion.champion, "fitted_members", None)
    again = champion_forecasts(table, known, meta, cutoffs, QUICK, store=tmp_path)
    pd.testing.assert_frame_equal(first.forecasts, again.forecasts)
    with pytest.raises(TypeError):
        champion_forecasts(table, known, {**meta, "horizon": 7}, cutoffs, QUICK, store=tmp_path)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"budget_minutes": 0}, "budget_minutes=0"),
        ({"levels": (0.1, 0.9)}, "0.5 among them"),
        ({"levels": (0.9, 0.5, 0.1)}, "rising"),
        ({"validation": -1}, "validation=-1"),
        ({"members": ("Bosting",)}, "Bosting"),
    ],
)
def test_settings_that_cannot_be_used_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        ChampionConfig(**changes)


def test_no_cutoff_is_refused(made):
    table, known, meta, _ = made
    with pytest.raises(ValueError, match="cutoffs"):
        champion_forecasts(table, known, meta, [], QUICK)
