"""Promotion plans: the programme against brute force, rules kept, and profit by the simulator's truth."""

import dataclasses
import itertools

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.marketplace.simulate import MarketplaceConfig, simulate_marketplace
from salesforecast_lib.decisions.promotions import market as pm
from salesforecast_lib.decisions.promotions import options as po
from salesforecast_lib.decisions.promotions import plan as pp
from salesforecast_lib.decisions.promotions import truth as pt
from salesforecast_lib.decisions.promotions.effects import Effects, PromotionWeeks, two_way_effects
from salesforecast_lib.decisions.promotions.product_effects import product_effects
from salesforecast_lib.decisions.promotions.recheck import confirmed, recheck
from salesforecast_lib.files import write_csv

DEPTHS, WEEKS, FEE = (0.1, 0.2, 0.3), 4, 10.0


@pytest.fixture(scope="module")
def market():
    return simulate_marketplace(MarketplaceConfig(products=60, days=500, units=150_000, line_split=0.01, seed=2))


@pytest.fixture(scope="module")
def start(market):
    return market.truth["ds"].max() - pd.Timedelta(days=7 * WEEKS - 1)


@pytest.fixture(scope="module")
def response(market, start):
    return pm.estimate_response(market, start - pd.Timedelta(days=1))


def drawn_options(rng, products=3, periods=3):
    rows = [(f"p{i}", t, d) for i in range(products) for t in range(periods) for d in (0.1, 0.3)]
    options = pd.DataFrame(rows, columns=["unique_id", "period", "depth"])
    return options.assign(profit=rng.normal(3, 5, len(options)), spend=rng.uniform(1, 6, len(options)))


def allowed(plan, rules):
    if plan["spend"].sum() > rules.budget + 1e-9 or (plan.groupby("period").size() > rules.per_period).any():
        return False
    return all((np.diff(np.sort(part["period"])) >= rules.rest).all() for _, part in plan.groupby("unique_id"))


@pytest.mark.parametrize("seed", range(4))
def test_the_programme_meets_brute_force(seed):
    options = drawn_options(np.random.default_rng(seed), 2, 3)
    rules = pp.PlanRules(9.0, rest=2, per_period=1)
    every = np.array(list(itertools.product([0, 1], repeat=len(options))))
    product, period = pd.factorize(options["unique_id"])[0], options["period"].to_numpy()
    fits = every @ options["spend"].to_numpy() <= rules.budget
    for a, b in itertools.combinations(range(len(options)), 2):
        clash = period[a] == period[b] or (product[a] == product[b] and abs(period[a] - period[b]) < rules.rest)
        fits &= ~(clash & (every[:, a] + every[:, b] == 2))
    best = (every @ options["profit"].to_numpy())[fits].max()
    found = pp.best_plan(options, rules, gap=0.0)
    assert allowed(found, rules) and found["profit"].sum() == pytest.approx(best)


def test_every_plan_keeps_the_rules_and_none_beats_the_programme():
    rng = np.random.default_rng(9)
    options, rules = drawn_options(rng, 12, 8), pp.PlanRules(40.0, rest=3, per_period=3)
    best = pp.best_plan(options, rules)
    size = pd.Series(np.arange(12.0), index=[f"p{i}" for i in range(12)])
    deepest = pp.deepest_on_bestsellers(options, rules, size)
    assert allowed(best, rules) and allowed(deepest, rules) and set(deepest["depth"]) == {0.3}
    assert "p11" in set(deepest["unique_id"]) and "p0" not in set(deepest["unique_id"])
    for _ in range(20):
        plan = pp.random_plan(options, rules, rng)
        assert allowed(plan, rules) and plan["profit"].sum() <= best["profit"].sum() * (1 + 1e-4)


def test_nothing_is_promoted_when_nothing_pays_or_no_money_is_left():
    options = drawn_options(np.random.default_rng(0))
    assert pp.best_plan(options.assign(profit=-1.0), pp.PlanRules(100.0)).empty
    assert pp.best_plan(options, pp.PlanRules(0.0)).empty


def test_bad_options_and_rules_are_refused():
    options = drawn_options(np.random.default_rng(0))
    with pytest.raises(ValueError, match="spend"):
        pp.best_plan(options.drop(columns="spend"), pp.PlanRules(1.0))
    with pytest.raises(ValueError, match="p0"):
        pp.best_plan(options.assign(profit=np.nan), pp.PlanRules(1.0))
    with pytest.raises(ValueError, match="rest"):
        pp.PlanRules(1.0, rest=0)
    with pytest.raises(ValueError, match="budget"):
        pp.PlanRules(-1.0)


def test_response_is_found_and_its_interval_is_honest(market, response):
    products = market.products.set_index("unique_id").loc[list(response.ids)]
    mean = response.draws.mean(axis=(0, 1))
    assert mean[0] == pytest.approx(products["own_elasticity"].mean(), abs=0.35)
    assert mean[1] == pytest.approx(products["promotion_effect"].mean(), abs=0.1)
    truth = products["own_elasticity"] * np.log(0.8) + products["promotion_effect"]
    low, high = np.quantile(np.log(response.lift(0.2)), [0.05, 0.95], axis=0)
    assert 0.75 <= ((low <= truth) & (truth <= high)).mean() <= 1.0
    assert response.cross == pytest.approx(0.6, abs=3 * response.cross_se)


def test_true_options_equal_the_true_profit_of_one_promotion(market, start):
    options = pt.true_options(market, start, WEEKS, DEPTHS, FEE)
    none = pt.true_profit(market, options.head(0), start, WEEKS, FEE)
    chosen = options[options["spend"] > 2 * FEE].sample(8, random_state=0)
    for row in range(len(chosen)):
        one = chosen.iloc[[row]]
        gain = pt.true_profit(market, one, start, WEEKS, FEE) - none
        assert gain == pytest.approx(one["profit"].iloc[0], rel=1e-6, abs=1e-6)


def test_promotions_of_the_simulation_are_taken_away(market, start):
    assert (market.truth.loc[market.truth["ds"] >= start, "promotion"] == 1).any()
    settings = {"products": 60, "days": 500, "units": 150_000, "line_split": 0.01, "seed": 2}
    quiet = simulate_marketplace(MarketplaceConfig(**settings, promotion_share=0.0))
    values = [
        pt.true_profit(m, pd.DataFrame(columns=["unique_id", "period", "depth"]), start, WEEKS, FEE)
        for m in (market, quiet)
    ]
    scale = np.exp(market.products["base"] - quiet.products["base"])
    assert np.ptp(scale) < 1e-9  # one factor: both markets have the same units in all
    assert values[0] == pytest.approx(values[1] * scale.iloc[0], rel=1e-6)


def test_our_plan_earns_more_than_the_rules_of_thumb(market, start, response):
    last = start - pd.Timedelta(days=1)
    baseline = pm.weekly_baseline(market, last, WEEKS)
    options = pm.market_options(market, response, baseline, last, DEPTHS, FEE)
    rules = pp.PlanRules(1500.0, rest=4, per_period=6)

    def gain(plan):
        return pt.true_profit(market, plan, start, WEEKS, FEE) - pt.true_profit(market, plan.head(0), start, WEEKS, FEE)

    ours = gain(pp.best_plan(options, rules))
    chance = [gain(pp.random_plan(options, rules, np.random.default_rng(i))) for i in range(4)]
    assert ours > 0 and ours > np.mean(chance)
    assert ours > gain(pp.deepest_on_bestsellers(options, rules, baseline.sum(axis=1)))


def test_the_future_does_not_reach_the_planner(market, start):
    last = start - pd.Timedelta(days=1)
    later = market.truth["ds"] > last
    changed = market.truth.assign(sales=market.truth["sales"].where(~later, 10_000))
    other = dataclasses.replace(market, truth=changed)
    assert pm.weekly_baseline(market, last, WEEKS).equals(pm.weekly_baseline(other, last, WEEKS))
    first, second = (pm.estimate_response(m, last).draws for m in (market, other))
    assert np.array_equal(first, second)


def own_case(depth=0.3):
    days = pd.date_range("2024-01-07", periods=20, freq="7D")
    table = pd.DataFrame(
        {
            "unique_id": np.repeat(["a", "=b"], 20), "week": np.tile(days, 2), "y": 100.0, "relative": 1.0,
            "group": "g",
            "display": np.tile([0.0, 1.0], 20), "depth": np.tile([0.0, depth], 20),
            "price": np.tile([10.0, 10 - 10 * depth], 20),
        }
    )  # fmt: skip
    effects = Effects(("display", "depth"), np.array([0.5, 2.0]), np.diag([1e-12, 1e-12]), 20)
    coming = pd.DataFrame(
        {
            "unique_id": ["a", "=b"], "period": 0, "start": pd.Timestamp("2024-06-03"),
            "end": pd.Timestamp("2024-06-09"),
            "units": [200.0, 2.0],
        }
    )  # fmt: skip
    return PromotionWeeks(table, ("display",)), effects, coming


def test_own_options_by_hand():
    costs = po.PromotionCosts(cost_share=0.6, fee=5.0, kept=0.8)
    options = po.own_options(*own_case(), costs, depths=(0.0, 0.2, 0.5))
    row = options[(options["unique_id"] == "a") & (options["depth"] == 0.2)].iloc[0]
    base = 200 * (1 - 0.5 * 0.5 - 2 * 0.15)  # the forecast less the usual half of display weeks and 15 % off
    extra = 200 * (0.5 + 2 * 0.2)
    assert row["usual_units"] == pytest.approx(base, rel=1e-4) and row["extra_units"] == pytest.approx(extra, rel=1e-4)
    profit = (base + 0.8 * extra) * 4 - (base + extra) * 2 - base * 4 - 5
    assert row["profit"] == pytest.approx(profit, rel=1e-3, abs=0.05)
    assert row["spend"] == pytest.approx((base + extra) * 2 + 5, rel=1e-4)
    assert set(options["depth"]) == {0.0, 0.2}  # 50 % off was never seen


def test_a_kind_without_a_sure_effect_is_not_offered():
    weeks, effects, coming = own_case()
    unsure = Effects(effects.names, effects.estimate, np.diag([1.0, 1e-12]), 20)
    costs = po.PromotionCosts(0.6, 5.0)
    assert po.own_options(weeks, unsure, coming, costs).empty
    assert po.promotion_plan(po.own_options(weeks, unsure, coming, costs), pp.PlanRules(100.0), costs).empty


def test_the_plan_says_why_and_is_safe_in_a_spreadsheet(tmp_path):
    costs = po.PromotionCosts(0.6, 1.0)
    plan = po.promotion_plan(po.own_options(*own_case(), costs), pp.PlanRules(1000.0), costs)
    assert list(plan.columns) == list(po.COLUMNS) and (plan["profit_low"] > 0).all()
    assert plan["why"].str.contains("extra units").all() and plan["profit"].is_monotonic_decreasing
    back = pd.read_csv(write_csv(plan, tmp_path / "promotions.csv"))
    assert not back["unique_id"].str.startswith("=").any()
    empty = pd.read_csv(write_csv(po.empty_plan(), tmp_path / "empty.csv"))
    assert list(empty.columns) == list(po.COLUMNS) and empty.empty


def test_coming_weeks_are_whole_weeks_of_the_newest_forecast():
    ds = pd.date_range("2024-06-01", periods=17)
    table = pd.DataFrame(
        {"unique_id": "a", "ds": ds, "cutoff": ds[0] - pd.Timedelta(days=1), "model": "LSTM", "mean": 2.0, "y": np.nan}
    )
    old = table.assign(cutoff=table["cutoff"] - pd.Timedelta(days=17), y=1.0, mean=9.0)
    weeks = po.coming_weeks(pd.concat([old, table]), "LSTM", daily=True)
    assert weeks["units"].tolist() == [14.0, 14.0] and weeks["start"].tolist() == [ds[0], ds[7]]
    assert len(po.coming_weeks(table, "LSTM", daily=False)) == 17
    with pytest.raises(ValueError, match="LSTM"):
        po.coming_weeks(table, "other", daily=True)


def many_products(number=30, weeks=60, odd=0.25, late=None, seed=0):
    """Weekly sales with a display in every third week that adds a quarter; the first product answers by ``odd``.

    ``late`` : effect of the display in the newest quarter of the weeks, of all products.
    """
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2023-01-01", periods=weeks, freq="7D")
    parts = []
    for i in range(number):
        dose = (rng.random(weeks) < 1 / 3).astype(float)
        effect = np.full(weeks, odd if i == 0 else 0.25)
        if late is not None:
            effect[-weeks // 4 :] = late
        y = 100 * (1 + effect * dose) * np.exp(rng.normal(0, 0.05, weeks))
        parts.append(pd.DataFrame({"unique_id": f"p{i:02d}", "week": dates, "y": y, "display": dose}))
    table = pd.concat(parts, ignore_index=True).assign(group="g", depth=0.0, price=10.0)
    table["relative"] = table["y"] / table.groupby("unique_id")["y"].transform("mean")
    return PromotionWeeks(table, ("display",))


def next_week(weeks, units=100.0):
    ids = weeks.table["unique_id"].unique()
    start = pd.Timestamp("2024-06-03")
    return pd.DataFrame({"unique_id": ids, "period": 0, "start": start, "end": start + pd.Timedelta(days=6)}).assign(
        units=units
    )


@pytest.mark.parametrize("odd", [4.0, 9.0])
def test_no_option_promises_far_more_than_the_products_do(odd):
    """The published plan promised +415 % of a display beside a mean of +25 %."""
    weeks = many_products(odd=odd)
    effects = two_way_effects(weeks, ["display"])
    own = product_effects(weeks, effects.names)
    assert own.mean.max() > 1, "taken by itself the product promises it"
    options = po.own_options(weeks, effects, next_week(weeks), po.PromotionCosts(0.6, 1.0), products=own)
    uplift = options.groupby("unique_id")["uplift"].mean()
    assert uplift["p00"] == uplift.max() < 0.6 * own.mean.max()
    assert np.allclose(options["uplift"], options["extra_units"] / options["usual_units"])
    plan = po.promotion_plan(options, pp.PlanRules(1000.0, per_period=50), po.PromotionCosts(0.6, 1.0))
    assert plan["uplift"].max() <= uplift["p00"] + 0.01 and "more; profit" in plan["why"][0]


@pytest.mark.parametrize("floor", [0.4, 0.7])
def test_a_product_that_was_never_without_display_is_held_against_its_quiet_weeks(floor):
    weeks = many_products()
    inside = weeks.table["unique_id"] == "p03"
    table = weeks.table.assign(display=weeks.table["display"].where(~inside, weeks.table["display"].clip(lower=floor)))
    always = PromotionWeeks(table, weeks.kinds)
    effects = Effects(("display",), np.array([0.5]), np.diag([1e-12]), 20)
    options = po.own_options(always, effects, next_week(always), po.PromotionCosts(0.6, 1.0)).set_index("unique_id")
    usual = table.groupby("unique_id")["display"].mean()
    assert options.loc["p03", "extra_units"] == pytest.approx(100 * 0.5 * (1 - floor), rel=1e-3)
    assert options.loc["p03", "usual_units"] == pytest.approx(100 * (1 - 0.5 * (usual["p03"] - floor)), rel=1e-3)
    assert options.loc["p01", "usual_units"] == pytest.approx(100 * (1 - 0.5 * usual["p01"]), rel=1e-3)


@pytest.mark.parametrize(
    ("late", "low", "high"), [(None, 0.8, 1.0), (0.125, 0.3, 0.7), (0.0, 0.0, 0.0), (-0.2, 0.0, 0.0)]
)
def test_what_held_out_weeks_do_not_confirm_is_not_promised(late, low, high):
    weeks = many_products(late=late)
    checked = recheck(weeks, ["display"])
    assert checked.weeks == 15 and low <= checked.common[0] <= high
    kept = confirmed(product_effects(weeks, ["display"]), checked)
    assert low * 0.2 <= kept.mean.mean() <= max(high * 0.3, 1e-9)
    assert f"{checked.common[0]:.0%} of its mean effect" in checked.words(["display"])


@pytest.mark.parametrize("seed", [1, 2])
def test_differences_between_products_that_do_not_come_again_are_not_believed(seed):
    weeks = many_products(seed=4)
    ids, table = weeks.table["unique_id"].unique(), weeks.table
    rng = np.random.default_rng(seed)
    first, second = (table["unique_id"].map(dict(zip(ids, rng.normal(0, 0.3, 30), strict=True))) for _ in range(2))
    new = table["week"] >= np.sort(table["week"].unique())[-15]
    for own, least, most in ((first, 0.9, 1.0), (first.where(~new, second), 0.0, 0.4)):
        changed = table.assign(relative=table["relative"] + own * table["display"])
        checked = recheck(PromotionWeeks(changed, weeks.kinds), ["display"])
        assert least <= checked.own[0] <= most and checked.common[0] > 0.6


def test_a_short_history_holds_nothing_out_and_takes_products_as_alike():
    weeks = many_products(weeks=24)
    checked = recheck(weeks, ["display"])
    assert checked.weeks == 0 and "too short" in checked.words(["display"])
    own = product_effects(weeks, ["display"])
    assert np.allclose(confirmed(own, checked).mean, own.mean.mean())
    with pytest.raises(ValueError, match="expected the same"):
        confirmed(own, recheck(weeks, ["depth"]))


@pytest.mark.parametrize(("name", "value"), [("cost_share", 1.2), ("fee", -1.0), ("kept", 2.0)])
def test_bad_costs_are_refused(name, value):
    with pytest.raises(ValueError, match=name):
        po.PromotionCosts(**{"cost_share": 0.7, "fee": 1.0, name: value})
