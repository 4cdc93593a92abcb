"""Uplift of promotions: estimators on data whose effects are planted, against dummies, statsmodels and hand values."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from salesforecast_lib.decisions.promotions import checks as uc
from salesforecast_lib.decisions.promotions import effects as pr
from salesforecast_lib.decisions.promotions.coupons import campaign_spend, coupon_effects, difference_in_differences


def planted(rng, products=60, number=40, effect=0.4, pull=0.0, rival=0.0, week_shock=0.0, spread=0.1):
    """Weeks with one kind ``display``; ``pull`` is lost a week later, ``rival`` is the effect of the others' dose."""
    dose = (rng.random((products, number)) < 0.2) * rng.uniform(0.5, 1.0, (products, number))
    group = np.arange(products) % (products // 3)
    others = np.stack([dose[(group == g) & (np.arange(products) != i)].mean(0) for i, g in enumerate(group)])
    y = 1 + effect * dose + rival * others + rng.normal(0, spread, dose.shape)
    y[:, 1:] -= pull * dose[:, :-1]
    if week_shock:  # a shock of the week that hits each product in proportion to a trait of its own
        y += week_shock * rng.normal(0, 1, (products, 1)) * rng.normal(0, 1, (1, number))
    days = pd.date_range("2024-01-07", periods=number, freq="7D")
    table = pd.DataFrame(
        {
            "unique_id": np.repeat([f"p{i:02d}" for i in range(products)], number),
            "week": np.tile(days, products),
            "group": np.repeat([f"g{g}" for g in group], number),
            "y": 100 * y.ravel(),
            "relative": y.ravel(),
            "display": dose.ravel(),
            "depth": 0.0,
            "price": 1.0,
        }
    )
    return pr.PromotionWeeks(table, ("display",))


def panel(days=21, freq="D"):
    ds = pd.date_range("2024-01-03", periods=days)  # a Wednesday: the first week is not whole
    return pd.DataFrame(
        {
            "unique_id": np.repeat(["a", "b"], days), "ds": np.tile(ds, 2), "y": 1.0, "open": 1.0, "price": 2.0,
            "discount": 0.1, "display": np.tile(np.log1p((ds >= "2024-01-15") * 3.0), 2) * np.repeat([1, 0], days),
            "ad_tv": 1.0, "category": "c",
        }
    )  # fmt: skip


META = {"freq": "D", "future": ["open", "display", "ad_tv"], "static": ["category"], "dataset": "complete_journey"}


def test_weeks_are_whole_and_doses_run_from_zero_to_one():
    weeks = pr.promotion_weeks(panel(), META)
    assert weeks.kinds == ("display",)
    assert weeks.table.groupby("unique_id").size().tolist() == [2, 2]
    assert weeks.table["y"].tolist() == [7.0] * 4 and weeks.table["relative"].tolist() == [1.0] * 4
    assert weeks.table["display"].tolist() == pytest.approx([0.0, 1.0, 0.0, 0.0])
    assert weeks.table["depth"].tolist() == pytest.approx([0.1] * 4)
    assert (weeks.table["week"].dt.dayofweek == 6).all()


def test_a_panel_without_promotions_has_no_kinds():
    assert pr.promotion_kinds(panel(), ["open", "ad_tv"]) == ()


def test_within_equals_dummy_regression():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 7, 120), rng.integers(0, 5, 120)
    x = rng.normal(size=(120, 2))
    dummies = np.column_stack([np.eye(7)[a], np.eye(5)[b]])
    expected = x - dummies @ np.linalg.lstsq(dummies, x, rcond=None)[0]
    assert pr.within(x, a, b) == pytest.approx(expected, abs=1e-7)


def test_clustered_covariance_equals_statsmodels():
    rng = np.random.default_rng(1)
    codes, x = np.repeat(np.arange(20), 10), rng.normal(size=(200, 2))
    y = x @ [1.0, -1.0] + rng.normal(size=20)[codes] + rng.normal(size=200)
    fit = sm.OLS(y, x).fit(cov_type="cluster", cov_kwds={"groups": codes})
    factor = 199 / 198  # statsmodels multiplies by (n - 1) / (n - k) as well
    assert pr.clustered(x, y - x @ fit.params, codes) * factor == pytest.approx(fit.cov_params(), rel=1e-6)


def test_two_way_effects_find_what_is_planted():
    weeks = planted(np.random.default_rng(2))
    weeks.table["relative"] += weeks.table["unique_id"].str[1:].astype(int) / 10  # levels do not matter
    table = pr.two_way_effects(weeks, ["display"]).table()
    assert table.loc[0, "low"] < 0.4 < table.loc[0, "high"] and table.loc[0, "se"] < 0.02


def test_intervals_clustered_by_product_and_week_keep_their_promise():
    inside = []
    for seed in range(120):
        weeks = planted(np.random.default_rng(seed), 30, 30, week_shock=0.2)
        row = pr.two_way_effects(weeks, ["display"]).table().iloc[0]
        inside.append(row["low"] <= 0.4 <= row["high"])
    assert 0.89 <= np.mean(inside) <= 0.995


def test_pull_forward_is_found_in_the_week_after_only():
    weeks, columns = pr.with_shifts(planted(np.random.default_rng(3), pull=0.2), "display", [-1, 0, 1])
    table = pr.two_way_effects(weeks, columns).table().set_index("effect")
    assert table["estimate"].to_numpy() == pytest.approx([0.0, 0.4, -0.2], abs=0.03)
    assert table.loc["display+1", "high"] < -0.1


def test_rivals_dose_by_hand():
    table = pd.DataFrame(
        {
            "unique_id": ["a", "b", "c", "d"], "week": pd.Timestamp("2024-01-07"), "group": ["g", "g", "g", "h"],
            "y": [10.0, 30.0, 60.0, 5.0], "display": [1.0, 0.5, 0.0, 1.0], "relative": 1.0,
        }
    )  # fmt: skip
    found = pr.with_rivals(pr.PromotionWeeks(table, ("display",)))[0].table["rivals_display"]
    assert found[:3].tolist() == pytest.approx([15 / 90, 10 / 70, 25 / 40]) and np.isnan(found[3])


def test_cannibalisation_is_found():
    found = np.array(
        [
            pr.cannibalised_share(planted(np.random.default_rng(seed), 90, 40, rival=-0.12), "display")
            for seed in range(20)
        ]
    )
    assert found[:, 0].mean() == pytest.approx(0.3, abs=0.02)
    assert np.mean((found[:, 1] < 0.3) & (found[:, 2] > 0.3)) >= 0.8


def test_placebo_plans_find_nothing_and_the_true_plan_stands_out():
    weeks = planted(np.random.default_rng(5))
    found = uc.placebo_effects(weeks, ["display"], 60)
    assert abs(found.mean()) < 0.02
    assert np.abs(found).max() < pr.two_way_effects(weeks, ["display"]).estimate[0] / 2


def test_every_donor_is_another_product():
    rng = np.random.default_rng(0)
    for _ in range(50):
        donors = uc._derange(rng.permutation(5))
        assert sorted(donors) == list(range(5)) and (donors != np.arange(5)).all()


def test_double_machine_learning_removes_what_a_line_leaves():
    rng = np.random.default_rng(6)
    weeks = planted(rng, 80, 40, effect=0.0)
    trait = rng.normal(size=len(weeks.table))
    extreme = np.abs(trait) > 1  # what a line in the trait cannot see: both ends are promoted, and sell more
    weeks.table["trait"] = trait
    weeks.table["display"] = 0.5 * extreme + 0.5 * rng.random(len(trait))
    weeks.table["relative"] = 1 + 0.3 * weeks.table["display"] + 0.5 * extreme + rng.normal(0, 0.1, len(trait))
    line = pr.two_way_effects(weeks, ["display", "trait"]).estimate[0]
    forest = uc.double_ml(weeks, ["display"], ["trait"]).table().iloc[0]
    assert line > 0.8
    assert abs(forest["estimate"] - 0.3) < 0.06


def test_a_column_that_never_varies_is_named():
    with pytest.raises(ValueError, match="depth"):
        pr.two_way_effects(planted(np.random.default_rng(0), 12, 10), ["display", "depth"])


def test_placebo_needs_whole_products():
    weeks = planted(np.random.default_rng(0), 12, 10)
    with pytest.raises(ValueError, match="at least three"):
        uc.placebo_effects(
            pr.PromotionWeeks(weeks.table.drop(index=[11 * i % 120 for i in range(12)]), weeks.kinds), ["display"], 2
        )


def campaigns(effect=3.0, drift=0.0):
    """400 households; every fourth buys more and is sent a campaign that adds ``effect`` a week."""
    rng = np.random.default_rng(8)
    households = np.arange(400)
    sent = households[::4]
    rows = []
    for start, extra in (
        ("2024-01-01", -drift),
        ("2024-01-29", 0.0),
        ("2024-02-26", effect + drift),
        ("2024-03-25", drift),
    ):
        level = 10 + 5 * np.isin(households, sent) + extra * np.isin(households, sent)
        for week in range(4):
            day = pd.Timestamp(start) + pd.Timedelta(days=7 * week)
            spend = level + rng.normal(0, 1, 400)
            rows.append(pd.DataFrame({"household_id": households, "product_id": 1, "day": day, "sales_value": spend}))
    rows.append(
        pd.DataFrame({"household_id": [0], "product_id": 2, "day": pd.Timestamp("2024-04-21"), "sales_value": 1e6})
    )
    description = pd.DataFrame(
        {
            "campaign_id": [1, 2], "campaign_type": ["A", "B"],
            "start_date": pd.to_datetime(["2024-02-26", "2024-01-10"]),
            "end_date": pd.to_datetime(["2024-04-01", "2024-02-20"]),
        }
    )  # fmt: skip
    coupons = pd.DataFrame({"campaign_id": [1, 1, 2], "product_id": [1, 1, 1]})  # one product on two coupons
    return campaign_spend(pd.concat(rows), description, pd.DataFrame({"campaign_id": 1, "household_id": sent}), coupons)


def test_campaign_windows_and_duplicate_coupons():
    spend = campaigns()
    assert spend["campaign_id"].unique().tolist() == [1]  # the other has no two windows before it
    assert spend.loc[spend["treated"] == 1, "before"].mean() == pytest.approx(15, abs=0.2)  # not doubled


def test_difference_in_differences_finds_the_effect_not_the_level():
    spend = campaigns()
    row = difference_in_differences(spend, "during", "before").table().iloc[0]
    assert row["low"] < 3 < row["high"] and row["se"] < 0.2
    table = coupon_effects(spend, ("A", "C"))
    assert table["campaigns"].tolist() == ["all", "A"]
    assert table.loc[0, "placebo_low"] < 0 < table.loc[0, "placebo_high"]
    assert abs(table.loc[0, "after"]) < 0.3


def test_the_placebo_shows_that_the_treated_were_growing_already():
    assert coupon_effects(campaigns(drift=2.0)).loc[0, "placebo_low"] > 1


def test_a_kind_that_never_varies_and_a_category_of_one_are_left_out():
    still = panel().assign(display=0.0)
    assert pr.promotion_weeks(still, META).kinds == ()
    alone = planted(np.random.default_rng(0), 12, 10)
    alone.table["group"] = alone.table["unique_id"]
    assert np.isnan(pr.cannibalised_share(alone, "display")).all()


def test_two_products_cannot_tell_rivals_from_own_doses():
    weeks = planted(np.random.default_rng(0), 12, 30)
    pair = weeks.table[weeks.table["unique_id"].isin(["p00", "p04"])].reset_index(drop=True)  # one category
    assert np.isnan(pr.cannibalised_share(pr.PromotionWeeks(pair, ("display",)), "display")).all()
    assert np.isfinite(pr.cannibalised_share(weeks, "display")).all()
