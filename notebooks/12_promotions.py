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
# # Which product to promote, when and how deep
#
# A display sells more of a product this week. But it may only borrow from next week, or from the product beside it, and
# the discount is also given to those who would have paid the full price. This chapter answers: **which products should
# the shop promote in the coming weeks, and how deep?** In it we will
#
# - measure what displays, mailers and coupons add beyond the discount that comes with them;
# - ask three times whether it is really the promotion, and how much of the uplift is only borrowed;
# - compare households that were sent a coupon campaign with those that were not;
# - choose promotions within a budget, on a market whose true profits are known;
# - write the run's own plan, `promotions.csv`.
#
# The Complete Journey is **simulated by its publisher** {cite:p}`completejourney` after real shopping patterns. What
# follows shows the method at full size, not what a real display earns.
#
# *Prerequisites:* {ref}`ch-preprocessing`, {ref}`ch-evaluation`. *Running time:* see the
# [status page](../book/status.md).

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib.data.marketplace.config import MarketplaceConfig
from salesforecast_lib.data.marketplace.simulate import simulate_marketplace
from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.decisions import promotions
from salesforecast_lib.decisions.promotions import recheck
from salesforecast_lib.decisions.promotions import study, truth, verdicts
from salesforecast_lib.plots import figure_text, use_book_style

use_book_style()

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of everything random
model: str = "champion"  # whose forecast the promotion plan starts from
plan_products: int = 100  # products of the simulated shop
plan_weeks: int = 8  # weeks that the simulated shop plans ahead
plan_budget: float = 3000.0  # its money for discounts and fees
cost_share: float = 0.7  # purchase cost over regular price, own products
promotion_fee: float = 5.0  # for each promoted product and week, own plan
promotion_budget: float = 300.0  # for discounts and fees, own plan
promotions_per_week: int = 10  # most promoted products a week
placebo_repeats: int = 50  # plans moved to wrong products

# %% [markdown]
# ## What the shop recorded
#
# A *dose* of 1 is a week with as many displays (mailers, coupon campaigns) as in the product's busiest weeks. Sales
# are relative to the product's mean week. Data that record no promotion cannot carry this part; then a simulated shop
# takes their place.

# %% tags=["nbval-check-output"]
panel, meta = load_panel(run_dir)
shown = promotions.shown_weeks(panel, meta)
weeks, kinds = shown.weeks, list(shown.weeks.kinds)
print(shown.note)
dosed = (weeks.table[kinds] > 0).mean().round(2)
print("share of product-weeks with a dose:", dosed.to_dict())
weeks.table[["unique_id", "week", "relative", "depth", *kinds]].head(4).round(2)

# %% [markdown]
# ## What does a promotion add?
#
# Two levels are taken away first: each product's (milk sells more than saffron) and each week's (Christmas). What is
# left of the sales $y$ is compared with what is left of the dose $x$:
#
# ```{math}
# :label: eq-two-way
# y_{iw} = \alpha_i + \gamma_w + \beta\,x_{iw} + \varepsilon_{iw}.
# ```
#
# For one kind and a whole table (every product, every week) this takes three lines:

# %% tags=["nbval-check-output"]
wide = weeks.table.pivot(index="unique_id", columns="week")
wide = wide[["relative", kinds[0]]].dropna()
y, x = (wide[name].to_numpy() for name in ("relative", kinds[0]))
y, x = (v - v.mean(1, keepdims=True) - v.mean(0) + v.mean() for v in (y, x))
beta = (x * y).sum() / (x * x).sum()

same = promotions.two_way_effects(study.whole_products(weeks), kinds[:1])
assert np.isclose(beta, same.estimate[0])
print(f"{kinds[0]}: {y.shape} products and weeks, beta = {beta:.2f}")

# %% [markdown]
# All kinds at once, over all weeks. The interval allows for errors that a product or a week has in common
# {cite:p}`cameron2011`. First the package, with the discount that comes with it; then with the depth of the discount
# held fixed: what remains is the effect of being seen.

# %% tags=["nbval-check-output"]
package = promotions.two_way_effects(weeks, kinds)
effects = promotions.two_way_effects(weeks, [*kinds, *shown.depth])
print("with the discount", package.table()["estimate"].round(2).tolist())
print(effects.table().round(2).to_string(index=False))
print("\n".join(verdicts.effect_verdict(effects.table(), kinds)))

# %% [markdown]
# ### Is it the promotion?
#
# Three doubts. *Does the estimator find effects where there are none?* Then it finds them with another product's plan.
# *Do straight lines mislead?* Double machine learning {cite:p}`chernozhukov2018` removes what trees can explain from
# sales and doses, then compares the rest. *Would these weeks have sold more anyway?* Then next week's promotion would
# seem to work today; that is the next section.

# %% tags=["nbval-check-output"]
checks = promotions.check_table(shown, effects, package, placebo_repeats, seed)
print("\n".join(verdicts.check_verdict(checks)))
checks[["effect", "estimate", "double_ml", "placebo", "placebo_90"]].round(2)

# %% [markdown]
# ### Borrowed from other weeks
#
# A household that fills its cellar does not buy next week: *pull-forward*. So the doses of the weeks around enter as
# well.

# %% tags=["nbval-check-output"]
around = promotions.weeks_around(weeks)
print("\n".join(verdicts.around_verdict(around)))
around.pivot(index="kind", columns="week", values="estimate").round(2)

# %% mystnb={"figure": {"caption": "Extra sales in the weeks around a promotion (week 0), as share of a usual week, with 95 % intervals.", "name": "fig-promotion-weeks"}, "image": {"alt": "Points with intervals from two weeks before to two weeks after. In week 0 displays add most, mailers somewhat more than half as much, coupons next to nothing. Two weeks before, displays and mailers lie slightly above zero, and so do mailers two weeks after; the week after, displays lie slightly below it."}}
fig, ax = plt.subplots(figsize=(7.5, 3.0))
for number, (kind, part) in enumerate(around.groupby("kind", sort=False)):
    reach = [part["estimate"] - part["low"], part["high"] - part["estimate"]]
    place, mark = part["week"] + 0.12 * (number - 1), "osD^v"[number % 5]
    name = figure_text(kind)
    ax.errorbar(place, part["estimate"], reach, fmt=mark, label=name)
ax.axhline(0, color="0.3", linestyle=":")
ax.set(xlabel="weeks after the promotion", ylabel="share of a usual week")
ax.set_xticks(range(-2, 3))
ax.legend()
plt.show()

# %% [markdown]
# Sales that differ *before* a promotion cannot come from it. Where they do, promotions were put on weeks that were good
# anyway, and the estimate is too high by something of that size.
#
# ### Borrowed from other products
#
# Who takes the displayed brand leaves another: *cannibalisation*. So the doses of the other products of the category
# enter too, weighted by their usual sales.

# %% tags=["nbval-check-output"]
share = promotions.new_share(weeks, effects, around)
print(verdicts.share_verdict(share))
promotions.rival_table(weeks).round(2)

# %% [markdown]
# ### Coupons, by household
#
# Coupons go to chosen households, mostly to those who buy a lot anyway. So each household's change from before to
# during a campaign is compared with that of the households that were not sent it. The same comparison one window
# earlier is the placebo. Money is per household and week.

# %% tags=["nbval-check-output"]
coupons = promotions.coupon_table(meta["dataset"])
print(verdicts.coupon_verdict(coupons))
coupons.round(2)

# %% [markdown]
# Where the interval holds zero, these data do not show that the coupon sold anything; too few households buy too few of
# the products for a small effect to be seen. "Redeemed" is not "sold": who redeems would often have bought anyway.
#
# (sec-promotion-plan)=
# ## Which product, when, how deep?
#
# Now a **simulated** shop, where the true profit of every plan is known. The last weeks are kept out. From the weeks
# before, each product's response to a discount is estimated and drawn towards the others', since few products were
# promoted often.

# %% tags=["nbval-check-output"]
market = simulate_marketplace(
    MarketplaceConfig(products=plan_products, seed=seed + 1)
)
last = market.truth["ds"].max()
start = last - pd.Timedelta(days=7 * plan_weeks - 1)
today, fee = start - pd.Timedelta(days=1), plan_budget / 150
response = promotions.estimate_response(market, today, seed)
lift = response.lift(0.2)  # (draws, products)
print(f"a cut of 20 % multiplies sales by {lift.mean():.1f};")
low, high = np.quantile(lift.mean(axis=0), [0.1, 0.9])
print(f"eight of ten products: between {low:.1f} and {high:.1f}")

# %% [markdown]
# An option is a product, a week and a depth. Its profit counts the margin given away on units that would have sold
# anyway, and the rivals' lost margin.

# %%
depths = (0.1, 0.2, 0.3)
baseline = promotions.weekly_baseline(market, today, plan_weeks)
options = promotions.market_options(
    market, response, baseline, today, depths, fee
)
options.head(4).round(1)

# %% [markdown]
# A mixed-integer programme chooses the options with the largest profit in all: within the budget, a product at most
# once in four weeks, at most six promotions a week. The plan is held against the best plan of somebody who knows the
# truth, against a rule of thumb, and against chance.

# %% tags=["nbval-check-output"]
rules = promotions.PlanRules(plan_budget, rest=4, per_period=6)
ours = promotions.best_plan(options, rules)
known = truth.true_options(market, start, plan_weeks, depths, fee)
plans = {"ours": ours, "truth known": promotions.best_plan(known, rules)}
profit = study.plan_profits(
    market, plans, options, rules, baseline.sum(axis=1),
    start, plan_weeks, fee, seed,
)  # fmt: skip
for name, value in sorted(profit.items(), key=lambda item: -item[1]):
    print(f"{name:25s} adds {value:7.0f} to the true profit")
assert profit["ours"] > max(0, profit["random (mean of 10)"])
assert profit["ours"] > profit["deepest on best-sellers"]

# %% [markdown]
# The rule of thumb gives most away where most would have sold anyway. What is missing to the plan that knows the truth
# is the price of not knowing each product's response and the coming weeks.
#
# ## The run's own plan
#
# The same for the run's own products. The newest forecast says what sells; the measured effects say what each kind adds,
# less what it takes from other products and later weeks. Each product's own weeks count as much as they say, the mean of
# all fills the rest.
#
# The best of many options looks better than it is. So the newest quarter of the weeks is held out: the earlier weeks
# promise, the held-out weeks answer, and the plan promises no more than the share that came true, of the mean effect and
# of the differences between products.

# %% tags=["nbval-check-output"]
checked = recheck.recheck(weeks, effects.names)
print(checked.words(kinds))

# %% [markdown]
# Two more limits. An option is held against a *quiet week* of the product, the tenth part of its weeks with the least
# promotion: what it would sell with less than it ever had, its data do not know. And no option promises an uplift of
# more than two robust standard deviations above the middle product. Margins are not in the data: `cost_share`
# **assumes** them. Only promotions are proposed that pay also at the lower end of their 90 % interval.

# %%
costs = promotions.PromotionCosts(cost_share, promotion_fee, share.kept)
limits = promotions.PlanRules(promotion_budget, 4, promotions_per_week)
plan = promotions.run_plan(
    run_dir, shown, effects, costs, limits, model, meta["freq"] == "D", seed,
    checked,
)  # fmt: skip
columns = ["unique_id", "start", "kind", "depth", "uplift", "profit_low"]
plan[columns].head(8).round(2)

# %% [markdown]
# The forecast behind this plan is that of `model`, by default {ref}`the champion <ch-champion>`. Where a
# network is part of it, its last digits differ between processors.
#
# ## Summary
#
# We measured what displays, mailers and coupons add beyond the discount, doubted it three times and looked for what is
# borrowed; compared households with and without a coupon campaign; chose promotions within a budget where the truth
# is known; and wrote the run's own plan, which promises no more than held-out weeks confirm. What was found:

# %% tags=["nbval-check-output", "hide-input"]
table = effects.table()
print(verdicts.findings(table, kinds, checks, share, coupons, profit))
promotions.write_promotions(
    run_dir, plan, profit, shown, effects, share, model, checked
)

# %% [markdown]
# ```{admonition} What to do on Monday
# :class: tip
# 1. Put your own purchase costs into `cost_share`, then take the first rows of `promotions.csv`, not all of them.
# 2. Run each in half of the stores or weeks, drawn by lot: the effects here rest on weeks that nobody drew by lot.
# 3. After two weeks compare with the interval in `why`; leave out what ended below it.
# ```
#
# ## Exercises
#
# ```{exercise}
# :label: ex-promotion-margin
# Set `-p cost_share=0.85`. What happens to the number of promotions, and which kinds disappear first? Try it here first.
# ```
#
# ````{solution} ex-promotion-margin
# :class: dropdown
# ```python
# for cost in (0.6, 0.7, 0.8, 0.85):
#     dear = promotions.PromotionCosts(cost, promotion_fee, share.kept)
#     found = promotions.run_plan(
#         run_dir, shown, effects, dear, limits, model, meta["freq"] == "D", seed
#     )
#     print(cost, found["kind"].value_counts().to_dict())
# ```
# A discount is paid on every unit, the extra margin is earned on the extra units only. With a margin of $1-c$ a cut of
# depth $d$ and uplift $u$ pays if $(1+u)(1-c-d) > 1-c$, so thin margins first lose the deep discounts and then, when
# $u\,(1-c)$ times the usual sales no longer covers the fee, the displays of small products.
# ````
#
# ```{exercise}
# :label: ex-tight-budget
# Halve the budget of the simulated shop. Which share of the profit is left, and why is it more than half?
# ```
#
# ````{solution} ex-tight-budget
# :class: dropdown
# ```python
# tight = promotions.best_plan(options, promotions.PlanRules(plan_budget / 2, 4, 6))
# print(f"{tight['profit'].sum() / ours['profit'].sum():.0%}")
# ```
# The programme drops the least profitable promotions first: profit is concave in the budget.
# ````
#
# ## References
#
# Clustered intervals {cite:p}`cameron2011`; double machine learning {cite:p}`chernozhukov2018`; the data
# {cite:p}`completejourney`.
