"""The chapter's case: stand-in, weeks around, what is new, verdicts by hand, and what is written."""

import json

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.decisions.promotions import study, verdicts
from salesforecast_lib.decisions.promotions.effects import Effects, PromotionWeeks, promotion_weeks, two_way_effects
from salesforecast_lib.decisions.promotions.options import PromotionCosts, empty_plan
from salesforecast_lib.decisions.promotions.plan import PlanRules
from salesforecast_lib.files import write_parquet


@pytest.fixture(scope="module")
def weeks():
    """One kind that adds 0.4 of a usual week and takes 0.2 from the next."""
    rng, shape = np.random.default_rng(0), (60, 40)
    dose = (rng.random(shape) < 0.2) * rng.uniform(0.5, 1.0, shape)
    y = 1 + 0.4 * dose + rng.normal(0, 0.1, shape)
    y[:, 1:] -= 0.2 * dose[:, :-1]
    columns = {"y": y.ravel(), "relative": y.ravel(), "display": dose.ravel(), "depth": 0.0, "group": "all"}
    ids, days = [f"p{i:02d}" for i in range(60)], pd.date_range("2024-01-07", periods=40, freq="7D")
    table = pd.DataFrame({"unique_id": np.repeat(ids, 40), "week": np.tile(days, 60), **columns})
    return PromotionWeeks(table, ("display",))


@pytest.fixture(scope="module")
def stand_in():
    days = pd.date_range("2024-01-01", periods=28)
    rows = pd.DataFrame({"unique_id": "a", "ds": days, "y": 1.0, "open": 1.0, "price": 2.0})
    return study.shown_weeks(rows, {"freq": "D", "future": ["open"], "static": [], "dataset": "own_panel"})


def effects_of(estimate, se=0.01):
    return Effects(("display", "mailer"), np.array(estimate), np.diag([se**2, se**2]), 50)


def test_a_run_without_promotions_shows_a_simulated_shop_and_plans_nothing(stand_in, tmp_path):
    assert not stand_in.own and stand_in.weeks.kinds and "simulated" in stand_in.note
    rules, costs = PlanRules(100.0), PromotionCosts(0.7, 5.0)
    plan = study.run_plan(tmp_path, stand_in, effects_of([0.2, 0.1]), costs, rules, "LSTM", True)
    assert plan.empty and list(plan.columns) == list(empty_plan().columns)
    share = study.NewShare("display", 0.2, 0.1, 0.3, 0.1)
    study.write_promotions(tmp_path, plan, {"ours": 1.0}, stand_in, effects_of([0.2, 0.1]), share)
    assert json.loads((tmp_path / "promotions.json").read_text()) == {
        "simulated": True,
        "promotion_profit": {"ours": 1.0},
        "reason": "these data record no promotion that is planned ahead, such as displays or mailers",
    }
    assert len(pd.read_csv(tmp_path / "promotions.csv")) == 0


def test_whole_products_have_every_week(weeks):
    table = weeks.table.drop(index=weeks.table.index[0])
    kept = study.whole_products(type(weeks)(table, weeks.kinds)).table
    assert kept["unique_id"].nunique() == weeks.table["unique_id"].nunique() - 1


def test_weeks_around_find_what_is_planted(weeks):
    kind = weeks.kinds[0]
    table = study.weeks_around(weeks).set_index(["kind", "week"])
    assert table.loc[(kind, 0), "estimate"] == pytest.approx(0.4, abs=0.1)
    assert table.loc[(kind, 1), "high"] < 0 < table.loc[(kind, -1), "high"]


def test_what_is_new_counts_what_is_known():
    assert study.NewShare("display", 0.3, 0.1, 0.5, 0.2).kept == pytest.approx(0.5)
    assert study.NewShare("display", np.nan, np.nan, np.nan, 0.2).kept == pytest.approx(0.8)
    assert study.NewShare("display", -0.3, -0.5, 0.1, -0.2).kept == 1.0
    assert study.NewShare("display", 0.9, 0.8, 1.0, 0.9).kept == 0.0


def test_checks_hold_every_kind(weeks):
    shown = study.ShownWeeks(weeks, (), True, "")
    effects = two_way_effects(weeks, list(weeks.kinds))
    table = study.check_table(shown, effects, effects, 10)
    assert table["effect"].tolist() == list(weeks.kinds) and not table.isna().any().any()
    assert "more than nine of ten" in verdicts.check_verdict(table)[0]


def test_effects_are_claimed_only_with_their_interval():
    first, second = verdicts.effect_verdict(effects_of([0.25, 0.01]).table(), ["display", "mailer"])
    assert first.startswith("display: +25%") and "do not show an effect" in second


def test_sales_that_differ_before_are_said():
    table = pd.DataFrame({"kind": "display", "week": [-2, -1, 0, 1, 2], "estimate": [0.06, 0.0, 0.4, -0.07, 0.0]})
    table = table.assign(low=table["estimate"] - 0.03, high=table["estimate"] + 0.03)
    words = verdicts.around_verdict(table)[0]
    assert "+6% in week -2" in words and "may be the weeks' own" in words and "-7% in week +1" in words
    flat = table.assign(low=-1.0, high=1.0)
    assert verdicts.around_verdict(flat) == ["display: nothing before it; nothing clear after it."]


def test_sentences_on_shares_coupons_and_plans():
    assert "56% is taken as new" in verdicts.share_verdict(study.NewShare("display", 0.25, 0.1, 0.4, 0.19))
    assert "too few products" in verdicts.share_verdict(study.NewShare("display", np.nan, np.nan, np.nan, 0.0))
    assert verdicts.coupon_verdict(study.coupon_table("own_data")) == "These data hold no coupon campaigns."
    table = pd.DataFrame({"campaigns": ["all"], "effect": 1.0, "low": -0.1, "high": 2.0})
    table = table.assign(placebo_low=-1.0, placebo_high=1.0)
    assert verdicts.coupon_verdict(table).startswith("No campaign")
    assert "all (+1.00 a week)" in verdicts.coupon_verdict(table.assign(low=0.1))
    assert "do not believe it" in verdicts.coupon_verdict(table.assign(low=0.1, placebo_low=0.1))
    words = verdicts.plan_verdict({"ours": 50.0, "random (mean of 10)": -20.0, "truth known": 100.0})
    assert words.startswith("ours adds +50") and "50% of the possible" in words and "-20" in words


def test_weeks_that_teach_nothing_say_which_and_need_no_price():
    """A panel of only unique_id, ds, y; promotions that never vary; too few products."""
    ds = pd.date_range("2024-01-01", periods=140)
    panel = pd.concat([pd.DataFrame({"unique_id": name, "ds": ds, "y": 2.0, "open": 1.0}) for name in "ab"])
    meta = {"dataset": "own_panel", "freq": "D", "static": [], "future": ["open"]}
    weeks = promotion_weeks(panel, meta)
    assert weeks.table["price"].isna().all() and weeks.table["price"].dtype == "float64" and weeks.kinds == ()
    reasons = {
        "record no promotion": (panel, meta),
        "leaflet never differ": (panel.assign(leaflet=1.0), {**meta, "future": ["open", "leaflet"]}),
        "2 products with sales in every week; at least 3": (
            panel.assign(leaflet=(panel["ds"].dt.day < 9) * (panel["unique_id"] == "a") * 1.0),
            {**meta, "future": ["leaflet"]},
        ),
    }
    for words, case in reasons.items():
        assert words in study._too_little(promotion_weeks(*case), *case)


def test_a_plan_without_rows_has_the_types_of_a_full_one_and_its_reason():
    types = empty_plan().dtypes.astype(str)
    assert types["unique_id"] == "object" and types["profit"] == "float64" and len(empty_plan()) == 0
    own = study.ShownWeeks(PromotionWeeks(pd.DataFrame(), ()), (), True, "shop")
    assert "none pays" in study.why_none(empty_plan(), own)
    assert study.why_none(pd.DataFrame({"unique_id": ["a"]}), own) == ""


@pytest.mark.parametrize("asked, found", [("champion", "Champion"), ("lstm", "LSTM")])
def test_the_report_names_the_forecast_as_the_run_does(tmp_path, asked, found):
    write_parquet(pd.DataFrame({"model": ["Champion", "LSTM"]}), tmp_path / "forecasts.parquet")
    own = study.ShownWeeks(PromotionWeeks(pd.DataFrame(), ()), (), True, "shop")
    told = (empty_plan(), {}, own, effects_of([0.2, 0.1]), study.NewShare("display", 0.2, 0.1, 0.3, 0.1))
    study.write_promotions(tmp_path, *told, asked)
    assert json.loads((tmp_path / "promotions.json").read_text())["model"] == found
    with pytest.raises(ValueError, match="which holds Champion, LSTM"):
        study.write_promotions(tmp_path, *told, "Ensemble")
