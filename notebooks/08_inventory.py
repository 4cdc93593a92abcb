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
# (ch-inventory)=
# # What to order today
#
# A forecast earns money only through a decision. This chapter answers: **how much should the shop order today, and what
# is a better forecast worth?** In it we will
#
# - repair the seed article's replenishment rule, which points the wrong way, and derive the order quantity from costs;
# - turn daily quantiles into the demand of the protection interval, for which adding them up is wrong;
# - price every model's forecast and every policy on the same months, and ask which error measure predicts money;
# - recover demand from sales that stopped when the shelf was empty;
# - write the planner's tool: orders within limits, warnings in money, what to return or mark down.
#
# *Prerequisites:* {ref}`ch-evaluation`. *Running time:* see the [status page](../book/status.md).

# %% tags=["hide-input"]
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.data.reading import ReadOptions
from salesforecast_lib.decisions import driving, inventory
from salesforecast_lib.decisions.inventory import case_study, censoring
from salesforecast_lib.decisions.inventory import constraints, contest
from salesforecast_lib.decisions.inventory import figures
from salesforecast_lib.decisions.inventory import lookahead, orders, planner
from salesforecast_lib.decisions.inventory import policies, report, today
from salesforecast_lib.decisions.inventory.transfers import transfer_plan
from salesforecast_lib.decisions.inventory.value_of_accuracy import (
    telling_measures,
    value_of_accuracy,
)
from salesforecast_lib.wording import counted
from salesforecast_lib.evaluation import verdicts
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of the examples
model: str = "champion"  # whose forecast drives the plan
lead_time: int = 3  # periods between an order and its arrival
review_period: int = 7  # periods between two orders
costs_as: str = "price"  # costs are shares of the price; "unit": money
holding_cost: float = 0.02  # per unit and period in stock
shortage_cost: float = 1.0  # per unit lost
order_cost: float = 0.0  # per order line
minimum_order: int = 1  # smallest order line, units
lost_sales: bool = True  # unmet demand is lost (else it waits)
stock_file: str = ""  # your stock today (unique_id, stock); empty: simulated
stock_columns: dict = {}  # unique_id and stock: names in stock_file
stock_encoding: str = ""  # of a text file, such as cp1252; found if empty
stock_sheet: str = ""  # worksheet of stock_file
decimal: str = ""  # decimal mark of stock_file, found where it is empty
thousands: str = ""  # mark of thousands, found where it is empty
missing_stock: str = "unknown"  # or "zero": a product not in stock_file is out
case_pack: int = 1  # units in a case; orders are whole cases
shelf_life: int = 0  # periods after which a unit cannot be sold; 0 never
order_budget: float = 0.0  # money for today's orders; 0 sets no limit
markdown_cost: float = 0.3  # given up on a unit that is marked down
return_cost: float = 0.6  # lost on a unit that goes back
censored_products: int = 40  # in the market whose demand is known

# %% tags=["hide-input"]
costs = (holding_cost, shortage_cost, order_cost)
config = inventory.SimulationConfig(
    lead_time, review_period, *costs, minimum_order, lost_sales
)
limits = constraints.Limits(case_pack, minimum_order, shelf_life, order_budget)
panel, meta = load_panel(run_dir)
forecasts, model = driving.read_forecasts(run_dir, model)
groups, season = meta["static"], meta["season_length"]
case = inventory.build_case(forecasts, panel, config, season, groups)
value = today.unit_values(panel, case.ids, costs_as)
config = replace(config, unit_value=value)

# %% [markdown]
# ## The article's rule, reversed
#
# The article says: *restock when the forecast $\hat d$ is below the stock $K$*. Then goods are ordered when the shelf is
# full, and none when it runs empty: a shop that starts low never recovers. Two weeks of constant demand show it; the repaired rule orders when the
# forecast until the next delivery is *above* the stock position.

# %% tags=["nbval-check-output"]
constant = np.full((1, 14), 10.0)
short = inventory.SimulationConfig(lead_time=1, review_period=1)
# demand until the order after this one arrives
forecast = np.full((1, 14), 20.0)
for name, repaired in (("as printed", False), ("repaired", True)):
    rule = orders.article_rule(forecast, repaired)
    run = inventory.simulate(constant, rule, np.array([15.0]), short)
    print(
        f"{name:10s} ordered {run.ordered.sum():6.0f}, "
        f"fill rate {run.summary()['fill_rate']:.2f}, "
        f"stock at the end {run.stock[0, -1]:.0f}"
    )

# %% [markdown]
# ## How much is enough? The newsvendor
#
# One unit too few costs $c_u$, one too many $c_o$. Expected cost is smallest at the quantile {cite:p}`arrow1951`
#
# ```{math}
# :label: eq-newsvendor
# \begin{aligned}
# F(q^*) &= \frac{c_u}{c_u+c_o}, \\
# \text{for } N(\mu,\sigma):\quad q^* &= \mu+z\sigma,\quad C(q^*)=(c_u+c_o)\,\sigma\,\varphi(z).
# \end{aligned}
# ```

# %% tags=["nbval-check-output"]
order, cost = inventory.newsvendor_normal(120, 10, underage=18, overage=2)
assert abs(order - 132.8155) < 1e-4 and abs(cost - 35.09967) < 1e-5
ratio = inventory.critical_ratio(18, 2)
print(f"critical ratio {ratio:.2f}: order {order:.4f}, its cost {cost:.5f}")

# %% [markdown]
# Brute force on a small case: try every order.

# %% tags=["nbval-check-output"]
demand = np.arange(6)
chance = np.array([0.05, 0.2, 0.3, 0.25, 0.15, 0.05])
costs = [
    orders.expected_cost(q, demand, chance, underage=3, overage=1)
    for q in demand
]
best, ratio = int(np.argmin(costs)), inventory.critical_ratio(3, 1)
assert best == np.searchsorted(chance.cumsum(), ratio)
print(f"cheapest order {best}: the first with probability {ratio:.2f} or more")

# %% [markdown]
# ## Quantiles do not add up
#
# An order placed today must last until the order after it arrives: the *protection interval*, lead time plus review period.
# Adding the daily 95 % quantiles assumes that every day turns out bad together. Means add; variances add with their
# covariances,
#
# ```{math}
# :label: eq-interval
# \mu_I=\sum_t \mu_t,\qquad \sigma_I^2=(1-r)\sum_t\sigma_t^2+r\Bigl(\sum_t\sigma_t\Bigr)^2 ,
# ```
#
# with one correlation $r$ of forecast errors, estimated at the cutoff before (never at the one being decided).

# %% tags=["nbval-check-output"]
daily_mean, daily_sd = np.full(10, 10.0), np.full(10, 4.0)
for r in (0.0, 0.2, 1.0):
    mean, sd = inventory.interval_moments(daily_mean, daily_sd, r)
    print(f"r = {r:.1f}: mean {mean:.0f}, standard deviation {sd:.1f}")
point = orders.reorder_point(10, 4, lead_time=3, service_level=0.95)
print(f"reorder point with safety stock, 95 %: {point:.1f}")

# %% [markdown]
# ### Sample paths
#
# Moments assume a shape; *sample paths* do not. A path is one way in which the coming periods may go: quantiles of each
# period, tied by a Gaussian copula, or counts with an uncertain rate. Whatever depends on demand in time is then an average
# over paths. One example: a lead time that is itself uncertain adds $\operatorname{Var}[L]\,\mu^2$ to the variance of
# {eq}`eq-interval`; here three deliveries in ten come four days late.

# %% tags=["nbval-check-output"]
days = np.full((1, 13), 8.0)
flat = inventory.negative_binomial_paths(
    days, np.array([0.1]), samples=20_000, seed=seed
)
lead_times = {"always 3 days": {3: 1.0}, "3 or 7 days": {3: 0.7, 7: 0.3}}
for name, chances in lead_times.items():
    need = policies.random_lead_demand(flat, chances, review=1)
    level = np.quantile(need, 0.95)
    print(f"{name:14s} mean {need.mean():.0f}, 95 % quantile {level:.0f}")

# %% [markdown]
# ### Look ahead: lost sales leave no debt
#
# Order-up-to counts all demand until the delivery, although a shelf that runs empty before it sells nothing more. On paths,
# let $I$ be the stock that is left when today's order of $q$ units arrives, $C_k$ the demand of the $k$ periods after that,
# and $R$ the review period. The expected cost until the next order is convex in $q$, with slope
#
# ```{math}
# :label: eq-lookahead
# h\sum_{k=1}^{R} P(C_k-I\le q)\;-\;c_u\,P(C_R-I>q).
# ```
#
# The order is where it turns positive. We try every order on a small case, and then let the position and the paths run a
# shop for a year, both knowing the true distribution.

# %% tags=["nbval-check-output"]
demand = inventory.negative_binomial_paths(
    np.full((1, 5), 4.0), np.array([0.3]), samples=500, seed=seed
)
on_hand, arrivals = np.array([3.0]), np.array([[0.0, 5.0]])
best = inventory.lookahead_order(demand, on_hand, arrivals, 1.0, 0.1)
tried = [
    lookahead.path_cost(demand, on_hand, arrivals, np.array([q]), 1.0, 0.1)[0]
    for q in range(40)
]
assert best[0] == np.argmin(tried)
print(f"look-ahead order {best[0]:.0f}, expected cost {min(tried):.2f}")


# %%
class KnownDemand:
    """Look-ahead on paths of the true distribution."""

    def __init__(self, paths):
        self.paths = paths

    def order(self, t, net, arrivals):
        return inventory.lookahead_order(self.paths, net, arrivals, 1.0, 0.2)


# %% tags=["nbval-check-output"]
rules = inventory.SimulationConfig(
    lead_time=4, review_period=1, holding_cost=0.2, shortage_cost=1.0
)
slow, made = np.full(30, 0.3), inventory.negative_binomial_paths
ahead = made(np.full((30, rules.protection), 3.0), slow, samples=400, seed=seed)
days = np.full((30, 365), 3.0)
year = made(days, slow, common=0.0, samples=1, seed=seed + 1)[0]
ratio = inventory.critical_ratio(1.0, 0.2)
level = np.quantile(ahead.sum(axis=2), ratio, axis=0)
known = {
    "stock position": inventory.order_up_to(np.tile(level[:, None], 365)),
    "look-ahead": KnownDemand(ahead),
}
start, cost = np.full(30, 15.0), {}
for name, policy in known.items():
    run = inventory.simulate(year, policy, start, rules)
    cost[name] = run.summary()["total"]
    print(f"cost of a year, {name}: {cost[name]:.0f}")
assert cost["look-ahead"] < cost["stock position"]

# %% [markdown]
# ## The value of a forecast in money
#
# Demand is what was sold in the test months. The shop's real stock is not in the data, so each simulated shop starts with
# one protection interval of mean demand. With `costs_as="price"` holding and shortage are shares of a product's price, so
# that a pack of diapers weighs more than a pack of gum; a product without a price counts as the median one. The service
# level follows from the costs: a unit too many is held for a review period. *Rule of thumb* orders up to what sold in the
# last interval; *perfect foresight* knows the demand.

# %% tags=["nbval-check-output"]
service_level = inventory.critical_ratio(
    shortage_cost, holding_cost * review_period
)
table = inventory.compare(case, config, service_level)
print(f"service level {service_level:.3f}")
print(f"{len(case.ids)} products over {counted(len(case.dates), 'period')}")

# %%
columns = ["total", "holding", "shortage", "fill_rate", "turnover"]
columns += ["saving_percent", "share_of_possible"]
table.set_index("policy")[columns].round(3)

# %% [markdown]
# Costs that are closer than 1.5 % we call level: training on another processor moves the network's cost by half a percent.
# We hold the models against the cheapest rule that needs none: the rule of thumb, the seasonal naive or the window average.

# %%
cost = table.set_index("policy")["total"]
by_model = cost.drop(["rule of thumb", "perfect foresight"])
print(verdicts.winner(by_model, "cost"))
rule = contest.best_rule(cost)
for name in sorted({model, *verdicts.about_level(by_model)} - {rule}):
    print(verdicts.gain_sentence(name, cost, rule, "cost"))
print(verdicts.champion_caveat(meta["dataset"]))
assert cost["perfect foresight"] <= by_model.min()

# %% mystnb={"figure": {"caption": "Cost of the same policy driven by each forecast, between the rule of thumb and perfect foresight.", "name": "fig-policy-cost"}, "image": {"alt": "Horizontal bars of total cost per policy: perfect foresight is cheapest, the forecasting models lie close together, and the rule of thumb is among the dearest."}}
fig = figures.cost_figure(table)
plt.show()

# %% [markdown]
# ### The same forecast, other policies
#
# How much of this is the forecast, and how much the policy? Below, the article's rule as printed and repaired; policies that
# know no forecast, (s, S) and (s, Q); and policies on the forecast: order-up-to (R, S) from moments and from paths, and the
# look-ahead. The *stock player* is what {ref}`vn2` plays: it forecasts demand itself, week by week, from levels, seasons and
# boosted trees, leaves out what it did not have in stock, draws whole-unit paths and orders what is cheapest on them; days
# are summed to weeks, and a week's units fall on its days as they usually do. It also plays with the forecast mixed in.
# *Chosen per product* takes what was cheapest for the product in the months before.

# %%
runs = contest.play(case, model, config, service_level, seed)
compared = contest.cost_table(runs)
compared = compared.sort_values("total", kind="stable")
compared.set_index("policy")[columns[:5]].round(3)

# %%
by_policy = compared.set_index("policy")["total"]
print(verdicts.winner(by_policy, "cost"))
among = "chosen per product" in verdicts.about_level(by_policy)
print(f"choosing per product is {'among' if among else 'not among'} them")

# %% [markdown]
# ### The policy that the plan follows
#
# The plan follows the policy that was cheapest in all months *before* the last. The last month decides nothing: there the
# choice is judged, against the usual policy and against the best rule that needs no model. That rule, too, is the one that
# was cheapest before.

# %%
horizon = contest.horizon_of(case, model)
simple = contest.simple_rules(case, config, service_level)
chosen = contest.cheapest_before(runs, horizon)
both = {**runs, **simple}
contest.months(both, horizon).sort_values("earlier").round(0)

# %%
print(*contest.choice_sentences(runs, simple, chosen, horizon), sep="\n")

# %% [markdown]
# ### Cost and fill rate over the service level
#
# The service level is the knob of the planner. Cost has its minimum near the level that the costs ask for, if the quantiles
# are honest.

# %%
levels = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99]
shown = list(dict.fromkeys([model, by_model.idxmin(), "SeasonalNaive"]))
shown = [name for name in shown if name in by_model]
curve = case_study.service_curve(case, shown, config, levels)

# %% mystnb={"figure": {"caption": "Cost and fill rate over the service level; the dotted line is the level that follows from the costs.", "name": "fig-service-curve"}, "image": {"alt": "Two line charts over the service level: total cost falls to a minimum and rises again, for the champion near the dotted line, for the seasonal naive far to the left of it; the fill rate rises throughout."}}
fig = figures.service_figure(curve, service_level)
plt.show()

# %% [markdown]
# ### Which error measure predicts money?
#
# Chapter {ref}`ch-evaluation` ranked models by their errors. Money ranks them too. Besides its measures we score two that know
# the costs: the pinball loss at the service level of single periods, and that of the order-up-to level over the protection
# interval. Rank correlations come with a 90 % interval over resampled products.

# %%
accuracy, ranking = value_of_accuracy(
    case, list(by_model.index), config, service_level, seed=seed
)
accuracy.set_index("model").round(3)

# %%
ranking.set_index("metric")[["rank_correlation", "low", "high"]].round(2)

# %% tags=["nbval-check-output"]
print(telling_measures(ranking))
needed = ranking["needed"].iloc[0]
print(f"{len(by_model)} models: chance passes {needed:.2f} once in twenty")

# %% [markdown]
# A handful of models, related to each other and run on one shop's months: this tells measures that fail from those that
# work, and does not order the ones that work.

# %% mystnb={"figure": {"caption": "Cost of the same policy over two errors of the forecast that drives it: the error of all days, and the bias.", "name": "fig-accuracy-money"}, "image": {"alt": "Two scatter plots of simulated cost against WAPE and against absolute bias: cost rises with WAPE, while the bias orders the models far less clearly."}}
fig = figures.accuracy_figure(accuracy)
plt.show()

# %% [markdown]
# ## Sales are not demand
#
# On a day when the shelf ran empty, sales say only that demand was at least as large. Taking them as demand lowers the next
# order, which empties the shelf again. Leaving these days out is not enough: the days that remain are those on which demand
# happened to be low. The *censored likelihood* uses what a sold-out day does say {cite:p}`vulcano2012`. The simulated market
# is short of stock on purpose, and knows its true demand.

# %%
# each (products, days): units sold, units wanted, and whether it sold out
sales, wanted, out = censoring.short_market(censored_products, seed)
first = {"sold": sales[0], "wanted": wanted[0], "sold out": out[0]}
pd.DataFrame(first).head(3)

# %% tags=["nbval-check-output"]
found = censoring.demand_estimates(sales, out, dispersion=0.3)
estimates = censoring.compare_estimates(found, wanted.mean(axis=1))
estimates = estimates.set_index("model")
bias = estimates["bias"]
assert abs(bias["censored likelihood"]) < abs(bias["days in stock only"])
assert bias["sales as demand"] < 0
print(f"{out.mean():.0%} of product-days sold out")
print(estimates.round(3).to_string())

# %% [markdown]
# ## The plan
#
# *Today* is the last evening of the data. Stock on hand and on order is read from `stock_file`; a product that it lacks has an
# unknown stock, which is not an empty shelf: nothing is proposed until somebody counts. Without a file the stock is that of the
# simulated shop, and a product without a simulation (it is too young) is given its expected demand. What nobody has bought for
# eight weeks, and for three times its longest pause before, has no demand, whatever its forecast says. The forecast is that of
# `model`: by default {ref}`the champion <ch-champion>`, whose members the next lines name. The orders are those of the
# policy chosen above, asked on the evening of today.

# %%
print(driving.driven_by(run_dir, model))

# %% tags=["nbval-check-output"]
recorded = meta["dataset"] == "own_panel"  # who recorded `available`
demand = today.demand_today(
    forecasts, panel, model, config, case.season, recorded
)
ids, (lead, interval) = demand.ids, demand.moments.values()
stock = today.opening_stock(
    stock_file, case, model, config, service_level,
    ids, interval[0], missing_stock,
    ReadOptions(stock_columns, "", decimal, thousands, "",
                stock_encoding, stock_sheet, "stock_"),
)  # fmt: skip
print(f"{stock.note}\n{demand.note}")

# %%
ahead_case, error_correlation = case_study.case_ahead(
    forecasts, panel, model, config, season, groups
)
now = replace(config, unit_value=today.unit_values(panel, ids, costs_as))
policy = contest.policy_today(
    chosen, ahead_case, model, now, service_level,
    error_correlation, runs, case.ids, seed,
)  # fmt: skip
wanted = today.wanted_today(policy, demand, stock.units, lead_time)

# %%
plan = inventory.replenishment_plan(
    ids, stock.units, lead, interval, service_level,
    silent=demand.silent["why"], model=model, policy=chosen, wanted=wanted,
)  # fmt: skip
plan["stock_source"] = stock.source
columns = ["stock", "order_up_to_level", "order_quantity"]
plan.set_index("unique_id")[columns].head()

# %% [markdown]
# ### Within limits
#
# Orders come in whole cases, goods expire, and all products share one budget. Cases and shelf life are arithmetic for each
# product; where a whole case or the minimum order costs more than it saves, it is not ordered. The budget couples products: a
# programme picks one quantity for each so that the expected saving is greatest, which HiGHS solves exactly
# {cite:p}`huangfu2018`. What would half of the money still earn?

# %%
steps = max(config.protection, shelf_life)
dates, ahead = today.paths_ahead(
    forecasts, demand, model, steps, config.protection, case.season, seed,
    freq=meta["freq"],
)
wanted = plan["order_quantity"].to_numpy(float, na_value=np.nan)
price = today.unit_prices(panel, ids)
choices = constraints.order_choices(
    wanted, ahead, stock.units, price, now, limits
)
for money, kept in constraints.budget_curve(choices).items():
    print(f"{money:.0%} of the plan's money can earn {kept:.0%} of the saving")

# %%
paths = ahead[:, :, : config.protection]
plan = today.finished_plan(
    plan, stock.units, choices.decide(), demand.moments,
    paths, now, panel, price,
)  # fmt: skip
columns = ["order_quantity", "expected_loss", "loss_without_order", "why"]
plan.set_index("unique_id")[columns].head(6)

# %% [markdown]
# ### Warnings in money, and what to send back
#
# A warning is ranked by what it will cost: the sales lost before today's order comes in. Only another source or
# a faster delivery can save those. At the other end, the $x$-th unit above the level waits $x/\mu$ periods until it is
# needed. It is marked down or returned once waiting costs more.

# %%
warnings = planner.rank_warnings(plan)
excess = planner.excess_proposals(
    plan,
    (plan["expected_demand"] / config.protection).to_numpy(),
    config.protection,
    holding_cost,
    planner.ExcessConfig(markdown_cost=markdown_cost, return_cost=return_cost),
    demand.silent.loc[demand.silent["unwanted"], "periods"],
    plan["unit_value"].to_numpy(),
)
warnings.set_index("unique_id")[["expected_loss", "why"]].head(3)

# %%
today.plan_counts(plan, warnings, excess)

# %%
pd.crosstab(plan["abc"], plan["xyz"])

# %% mystnb={"figure": {"caption": "The plan in ten seconds: the products with most money at stake, what today's order saves of it, and what is lost whatever is ordered now.", "name": "fig-plan"}, "image": {"alt": "Horizontal bars of expected loss for the products with most at stake: long bars without today's order, and short dark ones for what is lost before it can arrive."}}
fig = figures.plan_figure(plan)
plt.show()

# %% [markdown]
# The live projection shows when: stock on every path, with today's order coming in.

# %%
quantity = plan.set_index("unique_id")["order_quantity"]
quantity = quantity.reindex(ids).to_numpy(float, na_value=np.nan)
projected = inventory.project_stock(
    paths, stock.units, quantity, lead_time, lost_sales
)
dates = dates[: config.protection]
projection = planner.projection_table(ids, dates, projected)

# %% mystnb={"figure": {"caption": "Live projection of the four products with most money at stake: median and 80 % interval of stock until the next delivery.", "name": "fig-projection"}, "image": {"alt": "Four small panels of projected stock: it falls, jumps when today's order arrives, and falls again, with a widening interval."}}
known = plan.dropna(subset="loss_without_order")
names = known.nlargest(4, "loss_without_order")["unique_id"]
fig = figures.projection_figure(projection, names)
plt.show()

# %% tags=["hide-input"]
written = report.inventory_report(
    case, table, compared, ranking, service_level, stock, demand, model,
    report.Chosen(chosen, costs_as, runs, simple, horizon),
)  # fmt: skip
report.save_today(run_dir, plan, warnings, excess, projection, written)

# %% [markdown]
# ### Extension: another warehouse has it
#
# What one warehouse lacks before the delivery, another may hold. A unit is worth the chance that it sells, so moving is a
# linear programme. Two warehouses, three products, 0.10 a unit moved, 1 a unit lost:

# %% tags=["nbval-check-output"]
mean = np.array([[9.0, 9], [4, 12], [6, 6]])  # (products, warehouses)
need = inventory.negative_binomial_paths(
    mean, np.full(3, 0.1), samples=2000, seed=seed
)
have = np.array([[30.0, 3], [4, 12], [14, 1]])
names, places = ["tea", "milk", "rice"], ["north", "south"]
fee = np.full((2, 2), 0.1)
moves = transfer_plan(names, places, have, need, fee, shortage_cost=1.0)
assert (moves["gain"] > 0).all()
print(moves.drop(columns="why").round(1).to_string(index=False))

# %% [markdown]
# ## Summary
#
# - We repaired the article's rule and derived the order quantity from costs, in closed form and on sample paths.
# - We added means and variances over the protection interval, not quantiles.
# - We priced every model's forecast and every policy on the same months, and saw which error measures rank the models as
#   money does.
# - We let the plan follow the policy that was cheapest before, and judged that choice on a month that chose nothing.
# - We recovered demand from sales that stopped when the shelf was empty.
# - We wrote what to order today within limits, what it saves, what to send back, and why.
#
# These data do not say when the shelf was empty. The comparison is fair between models, but the true shortage is larger than
# any policy here is charged for. The look-ahead is not the cheapest rule in every shop: its gain is greatest where sales
# are lost, lead times long and stock short. The stock player's own demand knows neither prices nor promotions: where the
# forecast knows them, it has the better start.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-lead-time
# Double the lead time (`-p lead_time=6`). Which cost grows, and by how much more for the rule of thumb?
# ```
#
# ```{solution} ex-lead-time
# :class: dropdown
# A longer interval carries more uncertainty: holding grows through safety stock, shortage where there is none. The rule of
# thumb reacts to what has already happened and pays most.
# ```
#
# ```{exercise}
# :label: ex-sum-quantiles
# Use the sum of the daily 0.95 quantiles as order-up-to level. What does it cost?
# ```
#
# ```{solution} ex-sum-quantiles
# :class: dropdown
# It equals $r=1$ in {eq}`eq-interval`: far too much stock for products whose errors are nearly independent from day to day.
# ```
#
# ## References
#
# The newsvendor {cite:p}`arrow1951`; policies and safety stock {cite:p}`silver2017,nahmias1979`; censored demand
# {cite:p}`vulcano2012`; the solver {cite:p}`huangfu2018`.
