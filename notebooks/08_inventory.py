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
# - show that the seed article's replenishment rule points the wrong way, and repair it;
# - derive the order quantity from costs (newsvendor) and check it against the closed form;
# - turn daily quantiles into the demand of the protection interval, for which adding them up is wrong;
# - simulate every model's forecast on the same months, between a rule of thumb and perfect foresight;
# - write the replenishment plan, early warnings and excess stock.
#
# *Prerequisites:* {ref}`ch-evaluation`. *Running time:* see the [status page](../book/status.md).

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.decisions.case_study import (
    build_case,
    compare,
    compare_policies,
    model_run,
    moments_today,
    service_curve,
    stock_today,
)
from salesforecast_lib.decisions.inventory import (
    article_rule,
    critical_ratio,
    expected_cost,
    interval_moments,
    newsvendor_normal,
    read_stock,
    reorder_point,
    replenishment_plan,
)
from salesforecast_lib.decisions.simulator import SimulationConfig, simulate
from salesforecast_lib.files import resolve, write_csv, write_json
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% tags=["parameters"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of the examples
model: str = "LSTM"  # whose forecast drives the plan
lead_time: int = 3  # periods between an order and its arrival
review_period: int = 7  # periods between two orders
holding_cost: float = 0.02  # per unit and period in stock
shortage_cost: float = 1.0  # per unit lost
order_cost: float = 0.0  # per order line
minimum_order: int = 1  # smallest order line, units
lost_sales: bool = True  # unmet demand is lost (else it waits)
stock_file: str = ""  # your stock today: a file with unique_id and stock; empty takes the simulated shop's

# %%
config = SimulationConfig(lead_time, review_period, holding_cost, shortage_cost, order_cost, minimum_order, lost_sales)
panel, meta = load_panel(run_dir)
forecasts = pd.read_parquet(resolve(run_dir) / "forecasts.parquet")
case = build_case(forecasts, panel, config, meta["season_length"])

# %% [markdown]
# ## The article's rule, reversed
#
# The article says: *restock when the forecast $\hat d$ is below the stock $K$*. Then goods are ordered when the shelf is
# full, and none when it runs empty: a shop that starts low never recovers. Two weeks of constant demand show it; the repaired rule orders when the
# forecast until the next delivery is *above* the stock position.

# %% tags=["nbval-check-output"]
constant = np.full((1, 14), 10.0)
short = SimulationConfig(lead_time=1, review_period=1)
forecast = np.full((1, 14), 20.0)  # demand until the order after this one arrives
for name, repaired in (("as printed", False), ("repaired", True)):
    run = simulate(constant, article_rule(forecast, repaired), np.array([15.0]), short)
    print(
        f"{name:10s} ordered {run.ordered.sum():6.0f}, fill rate {run.summary()['fill_rate']:.2f}, "
        f"stock at the end {run.stock[0, -1]:.0f}"
    )

# %% [markdown]
# ## How much is enough? The newsvendor
#
# One unit too few costs $c_u$, one too many $c_o$. Expected cost is smallest at the quantile {cite:p}`arrow1951`
#
# ```{math}
# :label: eq-newsvendor
# F(q^*) = \frac{c_u}{c_u+c_o}, \qquad
# \text{for } N(\mu,\sigma):\quad q^*=\mu+z\sigma,\quad C(q^*)=(c_u+c_o)\,\sigma\,\varphi(z).
# ```

# %% tags=["nbval-check-output"]
order, cost = newsvendor_normal(120, 10, underage=18, overage=2)
assert abs(order - 132.8155) < 1e-4 and abs(cost - 35.09967) < 1e-5
print(f"critical ratio {critical_ratio(18, 2):.2f}: order {order:.4f} at expected cost {cost:.5f}")

# %% [markdown]
# Brute force on a small case: try every order.

# %% tags=["nbval-check-output"]
demand, chance = np.arange(6), np.array([0.05, 0.2, 0.3, 0.25, 0.15, 0.05])
costs = [expected_cost(q, demand, chance, underage=3, overage=1) for q in demand]
best = int(np.argmin(costs))
assert best == np.searchsorted(chance.cumsum(), critical_ratio(3, 1))
print(f"cheapest order {best}: the first whose cumulative probability reaches {critical_ratio(3, 1):.2f}")

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
for correlation in (0.0, 0.2, 1.0):
    mean, sd = interval_moments(np.full(10, 10.0), np.full(10, 4.0), correlation)
    print(f"r = {correlation:.1f}: mean {mean:.0f}, standard deviation {sd:.1f}")
print(f"reorder point with safety stock, 95 %: {reorder_point(10, 4, lead_time=3, service_level=0.95):.1f}")

# %% [markdown]
# ## The value of a forecast in money
#
# Demand is what was sold in the test months. The shop's real stock is not in the data, so each simulated shop starts with one
# protection interval of mean demand. The service level follows from the costs: a unit too many is held for a review
# period. *Rule of thumb* orders up to what sold in the last interval; *perfect foresight* knows the demand.

# %%
service_level = critical_ratio(shortage_cost, holding_cost * review_period)
table = compare(case, config, service_level)
columns = ["policy", "total", "holding", "shortage", "fill_rate", "turnover", "saving_percent", "share_of_possible"]
print(f"service level {service_level:.3f}; {len(case.ids)} products, {len(case.dates)} periods")
print(table[columns].round(3).to_string(index=False))

# %%
cost = table.set_index("policy")["total"]
models = [name for name in cost.index if name not in ("rule of thumb", "perfect foresight")]
cheapest = cost[models].idxmin()
print(
    f"cheapest forecast: {cheapest}; it saves {100 * (1 - cost[cheapest] / cost['rule of thumb']):.1f} % of the cost "
    f"of the rule of thumb, {model} saves {100 * (1 - cost[model] / cost['rule of thumb']):.1f} %"
)
assert cost["perfect foresight"] <= cost[models].min()

# %% mystnb={"figure": {"caption": "Cost of the same policy driven by each forecast, between the rule of thumb and perfect foresight.", "name": "fig-policy-cost"}, "image": {"alt": "Horizontal bars of total cost per policy: perfect foresight is cheapest, the forecasting models lie close together, and the rule of thumb is among the dearest."}}
fig, ax = plt.subplots()
ax.barh(table["policy"], table["holding"], label="holding")
ax.barh(table["policy"], table["shortage"], left=table["holding"], label="shortage", hatch="//")
ax.set(xlabel="cost over the test months")
ax.legend()
plt.show()

# %% [markdown]
# ### The same forecast, other policies
#
# How much of this is the forecast, and how much the policy? Below, the article's rule as printed and repaired, a reorder
# point with safety stock that knows no forecast, the newsvendor's normal quantile, and our order-up-to level.

# %%
policies = compare_policies(case, model, config, service_level)
print(policies[["policy", "total", "holding", "shortage", "fill_rate", "turnover"]].round(3).to_string(index=False))

# %% [markdown]
# ### Cost and fill rate over the service level
#
# The service level is the knob of the planner. Cost has its minimum near the level that the costs ask for, if the quantiles
# are honest.

# %%
levels = [0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95, 0.98, 0.99]
shown = list(dict.fromkeys([model, cheapest, "SeasonalNaive"]))
curve = service_curve(case, [name for name in shown if name in models], config, levels)

# %% mystnb={"figure": {"caption": "Cost and fill rate over the service level; the dotted line is the level that follows from the costs.", "name": "fig-service-curve"}, "image": {"alt": "Two line charts over the service level: total cost falls to a minimum at a high service level and rises again, the fill rate rises throughout."}}
fig, axes = plt.subplots(1, 2)
for name, part in curve.groupby("model", sort=False):
    axes[0].plot(part["service_level"], part["total"], marker="o", label=name)
    axes[1].plot(part["service_level"], part["fill_rate"], marker="o", label=name)
for ax, label in zip(axes, ("total cost", "fill rate"), strict=True):
    ax.axvline(service_level, color="0.3", linestyle=":")
    ax.set(xlabel="service level", ylabel=label)
axes[0].legend()
plt.show()

# %% mystnb={"figure": {"caption": "Simulated stock of the largest product: deliveries lift it, demand lowers it.", "name": "fig-stock"}, "image": {"alt": "Saw-tooth line of simulated stock at the end of each period for one product with the demand below it."}}
run = model_run(case, model, config, service_level)
largest = int(case.demand.sum(1).argmax())
fig, ax = plt.subplots()
ax.plot(case.dates, run.stock[largest], drawstyle="steps-post", label="stock at the end of the period")
ax.plot(case.dates, case.demand[largest], label="demand")
ax.set(xlabel="period", ylabel="units", title=case.ids[largest], ylim=(0, None))
ax.legend()
plt.show()

# %% [markdown]
# ## The plan
#
# *Today* is the last evening of the data. Stock on hand and on order is read from `stock_file`; without one it is that of the
# simulated shop, and a product without a simulation (it is too young) is given its expected demand.

# %%
ids, today = moments_today(forecasts, model, config, case.season)
if stock_file:
    stock = read_stock(stock_file).reindex(ids)
    print(f"{stock.isna().sum()} of {len(ids)} products are not in {stock_file}: counted as out of stock")
    stock = stock.fillna(0.0)
else:
    stock = stock_today(case, model, config, service_level).reindex(ids)
    stock = stock.fillna(pd.Series(today["interval"][0], index=ids))

# %%
plan = replenishment_plan(ids, stock.to_numpy(), today["lead"], today["interval"], service_level, minimum_order)
plan["stock_source"] = "stock_file" if stock_file else "simulated"
plan = plan.sort_values("risk_without_order", ascending=False, kind="stable")

# %%
folder = resolve(run_dir)
print(
    plan[["unique_id", "order_quantity", "risk_without_order", "risk_with_order", "why"]].head(8).to_string(index=False)
)
warnings = plan[plan["runs_out_before_delivery"]]
excess = plan[plan["excess"] > 0].sort_values("excess", ascending=False)
print(
    f"{(plan['order_quantity'] > 0).sum()} of {len(plan)} products are ordered, {len(warnings)} will probably run out "
    f"before the delivery, {len(excess)} have more than the level (return or mark down)"
)

# %%
_ = write_csv(plan, folder / "replenishment.csv")
_ = write_csv(warnings, folder / "warnings.csv")
_ = write_csv(excess, folder / "excess.csv")
_ = write_json(
    {
        "service_level": service_level,
        "cheapest_model": cheapest,
        "products": len(case.ids),
        "periods": len(case.dates),
        "policies": table.set_index("policy").to_dict("index"),
    },
    folder / "inventory.json",
)

# %% mystnb={"figure": {"caption": "The plan at a glance: the products most at risk today, without and with the proposed order.", "name": "fig-plan"}, "image": {"alt": "Horizontal bars of stock-out risk for the products most at risk: high without the proposed order, low with it."}}
top = plan.head(12).iloc[::-1]
fig, ax = plt.subplots(figsize=(7.5, 4.2))
ax.barh(top["unique_id"], top["risk_without_order"], color="0.75", label="without the order")
ax.barh(top["unique_id"], top["risk_with_order"], height=0.4, label="with the order")
ax.set(xlabel="risk of a stock-out before the next delivery", xlim=(0, 1))
ax.legend(loc="lower right")
plt.show()

# %% [markdown]
# ## Summary
#
# - We showed that the article's rule orders when the shelf is full, and repaired its direction.
# - We derived the order quantity from costs and met the closed form.
# - We added means and variances over the protection interval, not quantiles.
# - We priced every model's forecast on the same months: the table says which is cheapest.
# - We wrote what to order today, why, and at which risk.
#
# Sales are not demand where the shelf was empty; these data do not say when it was. The comparison is fair between models,
# but the true shortage is larger than any policy here is charged for.
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
# The newsvendor {cite:p}`arrow1951`; policies and safety stock {cite:p}`silver2017,nahmias1979`.
