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
# (ch-advertising)=
# # Which channel sells?

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib.data.marketplace.simulate import MarketplaceConfig, simulate_marketplace
from salesforecast_lib.decisions.advertising.allocation import allocate
from salesforecast_lib.decisions.advertising.cases import hard_cases, market_case, true_fit
from salesforecast_lib.decisions.advertising.response import extra_sales, fit_channels, return_on_spend, summarise

from salesforecast_lib.files import resolve, write_json
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% [markdown]
# ## Parameters

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of everything random
ad_products: int = 200  # products of the simulated shop whose advertising is measured
particles: int = 400  # posterior draws of the channel model
margin: float = 0.4  # contribution of a unit of sales, for the advertising budget

# %% [markdown]
# Advertising works later (it lingers) and less and less (it saturates), and it is planned for the weeks in which people buy
# anyway. The model takes the first two into account {cite:p}`jin2017`:
#
# ```{math}
# :label: eq-channel-model
# \begin{aligned}
# \log y_t &= x_t^\top\beta + \log\Bigl(1+\sum_k L_k\frac{a_{kt}^{s_k}}{a_{kt}^{s_k}+h_k^{s_k}}\Bigr)+u_t+v_t,\\
# a_{kt} &= \text{spend}_{kt}+\lambda_k a_{k,t-1},
# \end{aligned}
# ```
#
# with $x_t$ the calendar, a trend with kinks, prices, promotions and range; $u_t$ what moves demand for days and is in no
# data (an autoregression), $v_t$ chance. The shop is **simulated**: its true returns are known.

# %%
config = MarketplaceConfig(
    products=ad_products, units=10_000.0 * ad_products, seed=seed, stock_cover=0.0, line_split=0.01
)
case = market_case(simulate_marketplace(config))
data = case.data
fit = fit_channels(data, seed, particles=particles)

# %% [markdown]
# The posterior is drawn by tempered sequential Monte Carlo {cite:p}`delmoral2006`: particles from the prior feel the data a little more
# at each step. What a marketer asks for is the *return on spend*: extra sales per unit of money, with its 90 % interval.

# %%
returns = return_on_spend(fit, data)
table = summarise(returns, data.names).assign(truth=case.true_return)
print(table.round(1).to_string(index=False))

# %% mystnb={"figure": {"caption": "Return on spend of each channel: posterior median and 90 % interval beside the truth of the simulation.", "name": "fig-return-on-spend"}, "image": {"alt": "Three horizontal intervals of return on spend, one a channel, with the true value marked on each; the channel with the slowest and weakest effect has the widest interval."}}
place = np.arange(len(table))
fig, ax = plt.subplots(figsize=(7.5, 2.4))
ax.hlines(place, table["low"], table["high"], linewidth=3)
ax.plot(table["median"], place, "o", label="median")
ax.plot(table["truth"], place, "k|", markersize=16, label="truth")
ax.set(yticks=place, yticklabels=table["channel"], xlabel="extra sales per unit of money spent", xlim=(0, None))
ax.legend(loc="upper right")
plt.show()

# %% [markdown]
# One shop proves little. `tests/benchmarks/channels.py` repeats this on 100 shops and counts how often the interval holds the truth.
#
# ### Share out the same budget anew
#
# At the best split the last unit of money earns the same in every channel (unless one is at its limit or at zero). Curves
# with $s_k>1$ are S-shaped, where equal marginal returns can be a *minimum*; so the split is first searched on a grid by
# dynamic programming, then refined. No channel may get more than three times what it had: beyond, the data say nothing.

# %%
present = data.spend.mean(axis=1)
extra = extra_sales(fit.response(data.spend), data.sales).sum(axis=1).mean()
base = (data.sales.sum() - extra) / len(data.sales)
budget = allocate(fit, present.sum(), base, margin, 3 * present, present)
truth = true_fit(case)
true_base = (case.expected / (1 + case.response.sum(axis=0))).mean()
gained = allocate(truth, present.sum(), true_base, margin, 3 * present, present, fixed=budget.spend).gain[0]
possible = allocate(truth, present.sum(), true_base, margin, 3 * present, present).gain[0]
low, high = np.quantile(budget.gain, [0.05, 0.95])
print(f"gain a day: promised {budget.gain.mean():.0f} ({low:.0f} to {high:.0f}), in truth {gained:.0f}")
assert gained > 0 and gained <= possible * 1.001

# %%
split = pd.DataFrame({"channel": data.names, "present": present, "proposed": budget.spend, "marginal": budget.marginal})
print(split.round(2).to_string(index=False))
print(f"probability that the new split earns more: {(budget.gain > 0).mean():.2f}")
print(f"of the best possible gain, {possible:.0f} a day, it reaches {gained / possible:.0%}")

# %% [markdown]
# A marginal contribution below 1 says that the last unit of money comes back only in part: the total budget is too high.
#
# ### What such a model cannot tell
#
# The same shop and the same customers, with three other ways to plan the budgets. *Together*: all channels run in the same
# flights. *Follows demand*: search money goes where demand is already strong, for reasons that are in no data. *Never
# varies*: search spends the same every day.

# %%
rows = []
for name, other in hard_cases(case, seed).items():
    posterior = fit if other is case else fit_channels(other.data, seed, particles=particles)
    found = return_on_spend(posterior, other.data)
    part = summarise(found, other.data.names).assign(budget=name, truth=other.true_return)
    part["correlation"] = np.corrcoef(np.log(found[:, 0]), np.log(found[:, 1]))[0, 1]
    rows.append(part)
hard = pd.concat(rows, ignore_index=True)
hard["width"] = np.log(hard["high"] / hard["low"])
hard["inside"] = (hard["low"] <= hard["truth"]) & (hard["truth"] <= hard["high"])

# %%
search = hard[hard["channel"] == "search"].set_index("budget")
print(search[["median", "low", "high", "truth", "inside", "width", "correlation"]].round(2).to_string())
assert search.loc["follows demand", "low"] > search.loc["follows demand", "truth"]
assert search.loc["never varies", "width"] > 1.5 * search.loc["as planned", "width"]
assert hard.loc[hard["budget"] == "together", "width"].min() > 1.2 * search.loc["as planned", "width"]

# %% mystnb={"figure": {"caption": "Return on search spend under four ways to plan the budgets (log scale): only the first lets the model learn it.", "name": "fig-hard-budgets"}, "image": {"alt": "Intervals of the return on search spend: moderate when planned in separate flights, much wider when channels run together or spend never varies, and entirely above the truth when spend follows hidden demand."}}
place = np.arange(len(search))[::-1]
fig, ax = plt.subplots(figsize=(7.5, 2.6))
ax.hlines(place, search["low"], search["high"], linewidth=3)
ax.plot(search["median"], place, "o", label="median")
ax.plot(search["truth"], place, "k|", markersize=16, label="truth")
ax.set(yticks=place, yticklabels=search.index, xlabel="extra sales per unit of money spent on search", xscale="log")
ax.legend()
plt.show()

# %% [markdown]
# The wide intervals are honest: the model says that it does not know. The confounded one is not: it is narrow *and wrong*, and
# nothing in the data shows it. Only an experiment (spend switched on and off by lot, or by region) can.

# %%
result = {
    "simulated": True,
    "channels": table.to_dict("records"),
    "budget": split.to_dict("records"),
    "gain_a_day": {"promised": budget.gain.mean(), "true": gained, "possible": possible},
}
_ = write_json(result, resolve(run_dir) / "channels.json")
