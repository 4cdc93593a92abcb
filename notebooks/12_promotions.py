# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# (ch-promotions)=
# # What does a promotion add?

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.data.marketplace.simulate import MarketplaceConfig, simulate_marketplace
from salesforecast_lib.decisions.promotions.coupons import coupon_effects, journey_campaigns

from salesforecast_lib.decisions.promotions.product_effects import product_effects
from salesforecast_lib.decisions.promotions.market import (
    estimate_response,
    market_options,
    weekly_baseline,
)
from salesforecast_lib.decisions.promotions.options import (
    PromotionCosts,
    coming_weeks,
    empty_plan,
    own_options,
    promotion_plan,
)
from salesforecast_lib.decisions.promotions.plan import PlanRules, best_plan, deepest_on_bestsellers, random_plan
from salesforecast_lib.decisions.promotions.truth import true_options, true_profit
from salesforecast_lib.decisions.promotions.effects import (
    cannibalised_share,
    promotion_weeks,
    two_way_effects,
    varying,
    with_rivals,
    with_shifts,
)
from salesforecast_lib.decisions.promotions.checks import double_ml, placebo_effects
from salesforecast_lib.files import resolve, write_csv, write_json
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% [markdown]
# ## Parameters

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of everything random
model: str = "LSTM"  # whose forecast the promotion plan starts from
plan_products: int = 100  # products of the simulated shop whose promotions are planned
plan_weeks: int = 8  # weeks that the simulated shop plans ahead
plan_budget: float = 3000.0  # money for discounts and fees of the simulated shop
cost_share: float = 0.7  # purchase cost over regular price of the run's own products; the order lines do not say it
promotion_fee: float = 5.0  # money for each promoted product and week of the run's own plan
promotion_budget: float = 300.0  # money for discounts and fees of the run's own plan
promotions_per_week: int = 10  # most promoted products a week
placebo_repeats: int = 50  # plans moved to wrong products

# %% [markdown]
#
# The Complete Journey is **simulated by its publisher** {cite:p}`completejourney` after real shopping patterns: what follows shows the method
# at full size, not what a real display earns. A *dose* of 1 is a week with as many displays (mailers, coupon campaigns) as in the
# product's busiest weeks; sales are relative to the product's mean week.

# %%
panel, meta = load_panel(run_dir)
weeks = promotion_weeks(panel, meta)
kinds = list(weeks.kinds)
depth_seen = [*varying(weeks, ["depth"])]  # empty where no discount is recorded
has_promotions = bool(kinds)
if not has_promotions:
    print("these data record no promotions: no uplift, and promotions.csv stays empty")

# %% [markdown]
# Two levels are taken away first: each product's (milk sells more than saffron) and each week's (Christmas). What is left is compared
# with the doses; the interval allows for errors that a product or a week has in common {cite:p}`cameron2011`. With the depth of the
# discount held fixed, what remains is the effect of being seen.

# %%
if has_promotions:
    package = two_way_effects(weeks, kinds)
    effects = two_way_effects(weeks, [*kinds, *depth_seen])
    print("with the discount that comes with it\n", package.table().round(3).to_string(index=False))
    print("beyond the discount (depth: per 100 % off)\n", effects.table().round(3).to_string(index=False))

# %% [markdown]
# ### Is it the promotion?
#
# Three doubts. *Would these weeks have sold more anyway?* Then next week's promotion would seem to work today (a lead). *Does
# the estimator find effects where there are none?* Then it finds them with another product's plan. *Do straight lines
# mislead?* Double machine learning {cite:p}`chernozhukov2018` removes what trees can explain from sales and doses, then compares the rest.

# %%
if has_promotions:
    placebo = placebo_effects(weeks, kinds, placebo_repeats, seed)
    lagged, before = with_shifts(weeks, "relative", (1, 2))
    forest = double_ml(lagged, kinds, [*depth_seen, *before], seed)
    checks = effects.table().head(len(kinds))[["effect", "estimate", "low", "high"]]
    checks = checks.assign(double_ml=forest.estimate, dml_low=forest.table()["low"], dml_high=forest.table()["high"])
    checks["package"], checks["placebo"] = package.estimate, placebo.mean(axis=0)
    checks["placebo_90"] = np.quantile(np.abs(placebo), 0.9, axis=0)
    print(checks.round(3).to_string(index=False))

# %% [markdown]
# ### Borrowed from other weeks and other products
#
# A household that fills its cellar does not buy next week (*pull-forward*), and who takes the displayed brand leaves another
# (*cannibalisation*). So the doses of the weeks around, and of the other products of the category, enter as well.

# %%
after = {}
if has_promotions:
    for kind in kinds:
        shifted, moved = with_shifts(weeks, kind, (-2, -1, 0, 1, 2))
        after[kind] = two_way_effects(shifted, [*moved, *(other for other in kinds if other != kind)]).table()
    rivals, others = with_rivals(weeks)
    others = varying(rivals, others, kinds)
    if others:
        print(two_way_effects(rivals, [*kinds, *others]).table().round(3).to_string(index=False))
    else:
        print("too few products of a category to see what they take from each other")

# %% mystnb={"figure": {"caption": "Extra sales in the weeks around a promotion (week 0), as share of a usual week, with 95 % intervals.", "name": "fig-promotion-weeks"}, "image": {"alt": "Point estimates with intervals over the weeks from two before to two after: where promotions are recorded, sales rise in the promoted week and stay close to zero before and after it."}}
if has_promotions:
    fig, ax = plt.subplots(figsize=(7.5, 3.0))
    for number, (kind, found) in enumerate(after.items()):
        found = found.head(5)
        reach = [found["estimate"] - found["low"], found["high"] - found["estimate"]]
        ax.errorbar(np.arange(-2, 3) + 0.12 * (number - 1), found["estimate"], reach, fmt="o", label=kind)
    ax.axhline(0, color="0.3", linestyle=":")
    ax.set(xlabel="weeks after the promotion", ylabel="share of a usual week", xticks=range(-2, 3))
    ax.legend()
    plt.show()

# %%
kept = 1.0
if has_promotions:
    strongest = kinds[int(np.argmax(effects.estimate[: len(kinds)]))]
    share, low, high = cannibalised_share(weeks, strongest)
    later = after[strongest].set_index("effect")["estimate"]
    pulled = -later[[f"{strongest}+1", f"{strongest}+2"]].sum() / later[strongest]
    taken = max(share, 0.0) if np.isfinite(share) else 0.0
    kept = float(np.clip(1 - taken - max(pulled, 0.0), 0.0, 1.0))
    if np.isfinite(share):
        print(
            f"{strongest}: {share:.0%} ({low:.0%} to {high:.0%}) of the extra units come from the rest of the category,"
        )
    print(f"{strongest}: {pulled:.0%} come from the two weeks after; {kept:.0%} is taken as new")

# %% [markdown]
# ### Coupons, by household
#
# Coupons go to chosen households, mostly to those who buy a lot anyway. So each household's change from before to during a
# campaign is compared with that of the households that were not sent it. The same comparison one window earlier is the placebo.

# %%
coupons = pd.DataFrame()
if meta["dataset"] == "complete_journey":
    coupons = coupon_effects(journey_campaigns(), ("Type A", "Type B", "Type C"))
    print(coupons.round(2).to_string(index=False))
else:
    print("these data hold no coupon campaigns")

# %% [markdown]
# Where the interval holds zero, these data do not show that the coupon sold anything; too few households buy too few of the products
# for a small effect to be seen. "Redeemed" is not "sold": who redeems would often have bought anyway.
#
# (sec-promotion-plan)=
# ## Which product, when, how deep?
#
# In the simulated shop the truth is known. The last weeks are kept out; from the weeks before, each product's response to a discount
# is estimated and drawn towards the others' (few products were promoted often). Profit counts the margin given away on
# units that would have sold anyway, and the rivals' lost margin. Then a mixed-integer programme chooses within a budget.

# %%
market = simulate_marketplace(MarketplaceConfig(products=plan_products, seed=seed + 1))
start = market.truth["ds"].max() - pd.Timedelta(days=7 * plan_weeks - 1)
today, fee, depths = start - pd.Timedelta(days=1), plan_budget / 150, (0.1, 0.2, 0.3)
response = estimate_response(market, today, seed)
baseline = weekly_baseline(market, today, plan_weeks)
options = market_options(market, response, baseline, today, depths, fee)
rules = PlanRules(plan_budget, rest=4, per_period=6)
ours = best_plan(options, rules)

# %%
known = true_options(market, start, plan_weeks, depths, fee)
plans = {"ours": ours, "truth known": best_plan(known, rules)}
plans["deepest on best-sellers"] = deepest_on_bestsellers(options, rules, baseline.sum(axis=1))
rng = np.random.default_rng(seed)
chance = [random_plan(options, rules, rng) for _ in range(10)]
without = true_profit(market, ours.head(0), start, plan_weeks, fee)
profit = {name: true_profit(market, plan, start, plan_weeks, fee) - without for name, plan in plans.items()}
profit["random (mean of 10)"] = np.mean([true_profit(market, p, start, plan_weeks, fee) - without for p in chance])

# %%
for name, value in sorted(profit.items(), key=lambda item: -item[1]):
    print(f"{name:25s} adds {value:7.0f} to the true profit")
assert profit["ours"] > 0 and profit["ours"] > profit["random (mean of 10)"]
assert profit["ours"] > profit["deepest on best-sellers"]

# %% [markdown]
# The rule of thumb gives most away where most would have sold anyway. What is missing to the plan that knows the truth is the price
# of not knowing each product's response and the coming weeks.
#
# ### The run's own plan
#
# The same for the run's own products: the newest forecast says what sells without a promotion, the measured effects what each
# kind adds, less what it takes from other products and later weeks. Products differ: each one's own weeks count as much as they
# say, the mean of all fills the rest. Margins are not in the data: `cost_share` says them.
# Only promotions are proposed that pay also at the lower end of their 90 % interval.

# %%
plan = empty_plan()
if has_promotions:
    forecasts = pd.read_parquet(resolve(run_dir) / "forecasts.parquet")
    coming = coming_weeks(forecasts, model, meta["freq"] == "D")
    costs = PromotionCosts(cost_share, promotion_fee, kept)
    own = product_effects(weeks, effects.names)
    offered = own_options(weeks, effects, coming, costs, seed=seed, products=own)
    plan = promotion_plan(offered, PlanRules(promotion_budget, 4, promotions_per_week), costs)
    print(
        plan[["unique_id", "start", "kind", "depth", "extra_units", "profit", "profit_low"]]
        .head(8)
        .to_string(index=False)
    )
print(f"{len(plan)} promotions proposed, expected profit {plan['profit'].astype(float).sum():.0f}")

# %%
_ = write_csv(plan, resolve(run_dir) / "promotions.csv")
result = {"simulated": True, "promotion_profit": profit}
if has_promotions:
    result["uplift"] = {"beyond_discount": effects.table().to_dict("records"), "kept": kept}
_ = write_json(result, resolve(run_dir) / "promotions.json")
