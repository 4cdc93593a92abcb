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
#
# A shop pays for search, social media and video, and sees one line of sales. This chapter answers: **what does each
# channel return, and how should the same money be shared out?** In it we will
#
# - write carry-over and saturation down by hand, and fit both with their uncertainty;
# - measure what a unit of money returns in each channel, and hold the interval against the truth;
# - break the model's own assumptions on purpose, and see whether the interval still holds the truth;
# - share out the same budget anew, by marginal return;
# - show three ways to plan a budget from which no such model can learn.
#
# The shop is **simulated**, because no real shop knows its true returns. And it is simulated *by the model's own
# equation*: that is the kindest test a model can get. The section on other equations takes this gift away.
#
# *Prerequisites:* {ref}`ch-preprocessing`. *Running time:* see the [status page](../book/status.md).

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib.data.marketplace.demand import adstock, hill
from salesforecast_lib.decisions import advertising
from salesforecast_lib.decisions.advertising.study import (
    coverage,
    coverage_verdict,
    findings,
    shape_verdict,
)
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of everything random
ad_products: int = 200  # products of the simulated shop
particles: int = 400  # posterior draws of the channel model
margin: float = 0.4  # contribution of a unit of sales
shops: int = 10  # simulated shops in which the model's equations are wrong

# %% [markdown]
# ## What the shop sees
#
# Sales of every day, and the money spent in each channel. Budgets run in flights of two weeks, and follow the season.

# %% tags=["nbval-check-output"]
case = advertising.simulated_case(ad_products, seed)
data = case.data
print(f"{len(data.periods)} days, {len(data.names)} channels")
spend = pd.DataFrame(data.spend.T, data.periods, data.names)
print(spend.assign(sales=data.sales).describe().loc[["mean", "max"]].round(0))

# %% mystnb={"figure": {"caption": "Sales of the simulated shop (above) and what it spends in each channel (below), weekly means.", "name": "fig-spend"}, "image": {"alt": "Above, one line of weekly sales, mostly between 30,000 and 45,000 a day, with four single high peaks; below, three lines of spend that jump between zero and higher levels in flights of two weeks, each channel at other times."}}
fig, (above, below) = plt.subplots(2, 1, sharex=True, figsize=(7.5, 4))
above.plot(pd.Series(data.sales, data.periods).resample("W").mean())
below.plot(spend.resample("W").mean(), label=list(data.names))
above.set(ylabel="sales a day")
below.set(ylabel="money a day")
below.legend(ncols=3)
plt.show()

# %% [markdown]
# ## Two steps from money to sales
#
# Advertising works later: each day a share $\lambda$ of yesterday's effect is left. And it works less and less. For
# channel $k$, with spend $x_{kt}$ on day $t$ {cite:p}`jin2017`:
#
# ```{math}
# :label: eq-channel-steps
# a_{kt} = x_{kt}+\lambda_k\,a_{k,t-1}, \qquad
# r_{kt} = L_k\,\frac{a_{kt}^{s_k}}{a_{kt}^{s_k}+h_k^{s_k}} .
# ```
#
# $a$ is the *adstock*, $h$ the adstock at half of the full effect $L$. The slope $s$ bends the curve: above 1 it is
# S-shaped. Both steps by hand, for one day of spend:

# %% tags=["nbval-check-output"]
x = np.array([100.0, 0.0, 0.0, 0.0, 0.0])
a, left = [], 0.0
for money in x:
    left = money + 0.6 * left
    a.append(left)
r = 0.05 * np.array(a) ** 1.5 / (np.array(a) ** 1.5 + 50.0**1.5)
assert np.allclose(a, adstock(x, 0.6))
assert np.allclose(r, 0.05 * hill(adstock(x, 0.6), 50.0, 1.5))
print(pd.DataFrame({"spend": x, "adstock": a, "gain": r}).round(3))

# %% [markdown]
# ## The model
#
# Relative gains add up, and everything else that moves sales multiplies:
#
# ```{math}
# :label: eq-channel-model
# \log y_t = x_t^\top\beta + \log\Bigl(1+\sum_k r_{kt}\Bigr)+u_t+v_t,
# ```
#
# with $x_t$ the calendar, a trend with kinks, prices, promotions and range; $u_t$ what moves demand for days and is in
# no data (an autoregression), and $v_t$ chance. The posterior is drawn by tempered sequential Monte Carlo
# {cite:p}`delmoral2006`: particles from the prior feel the data a little more at each step. What a marketer asks for
# is the *return on spend*: extra sales per unit of money, with its 90 % interval.

# %% tags=["nbval-check-output"]
fit = advertising.fit_channels(data, seed, particles=particles)
returns = advertising.return_on_spend(fit, data)  # (draws, channels)
table = advertising.summarise(returns, data.names)
table = table.assign(truth=case.true_return)
print(table.round(1).to_string(index=False))

# %% mystnb={"figure": {"caption": "Return on spend of each channel: posterior median and 90 % interval beside the truth of the simulation.", "name": "fig-return-on-spend"}, "image": {"alt": "Three horizontal intervals of return on spend, one a channel, each holding its true value; medians of search and social lie near 3, that of video near 1 with by far the widest interval."}}
place = np.arange(len(table))
fig, ax = plt.subplots(figsize=(7.5, 2.4))
ax.hlines(place, table["low"], table["high"], linewidth=3)
ax.plot(table["median"], place, "o", label="median")
ax.plot(table["truth"], place, "k|", markersize=16, label="truth")
ax.set(yticks=place, yticklabels=table["channel"], xlim=(0, None))
ax.set(xlabel="extra sales per unit of money spent", ylim=(-0.5, 2.5))
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# One shop proves little. `tests/benchmarks/channels.py` repeats this on 100 shops and counts how often the interval
# holds the truth: see [](../book/causal).
#
# ## When customers answer by other equations
#
# So far the data were made by {eq}`eq-channel-steps` itself. A real shop's customers know no equation. So we let the
# same shop, with the same money, answer otherwise. *Delayed carry-over*: an advertisement works best some days later
# (weights of its age from a Weibull curve), where the model lets it work at once and fade. *No ceiling*: the gain
# grows with the logarithm of the adstock for ever. *Both* together. Mean gains are as before, so the true returns are
# about the same. The model is told nothing of this.

# %% tags=["nbval-check-output"]
shapes = advertising.misspecified_cases(case)
one = advertising.compare_returns(shapes, seed, particles, {"as assumed": fit})
print("\n".join(advertising.interval_verdict(one)))
one[["case", "channel", "low", "median", "high", "truth", "inside"]].round(1)

# %% [markdown]
# One shop may be luck. The same in several shops, each with another history of spend; of ten intervals of 90 % nine
# should hold the truth.

# %%
many = advertising.misspecified_shops(
    ad_products, shops, seed, particles, first=one
)
wrong = coverage(many)
print("\n".join(coverage_verdict(wrong)))
print(shape_verdict(wrong))

# %% [markdown]
# Compare each shape with `as assumed`: the difference is what the wrong equation costs. An interval knows the doubt
# *within* the model, never the doubt *about* it, and two wrong shapes are not all. So these runs do not prove that a
# real shop's intervals can be trusted. A median that is off in the same direction in most shops is a bias that no
# single shop can see; check a large change of budget by an experiment.
#
# ## Share out the same budget anew
#
# At the best split the last unit of money earns the same in every channel (unless one is at its limit or at zero).
# Curves with $s_k>1$ are S-shaped, where equal marginal returns can be a *minimum*. So the split is first searched on
# a grid by dynamic programming, then refined. No channel may get more than three times what it had: beyond, the data
# say nothing.

# %% tags=["nbval-check-output"]
present = data.spend.mean(axis=1)
base = advertising.base_sales(case, fit)
budget = advertising.allocate(
    fit, present.sum(), base, margin, limit=3 * present, present=present
)
split = pd.DataFrame(
    {"channel": data.names, "present": present,
     "proposed": budget.spend, "marginal": budget.marginal}
)  # fmt: skip
print(split.round(2).to_string(index=False))

# %% [markdown]
# `marginal` is the contribution of the last unit of money. Below 1 it comes back only in part: then the total budget
# is too high, however it is split. The simulated shop tells what the new split adds in truth:

# %% tags=["nbval-check-output"]
gain = advertising.true_gain(case, budget, margin, 3 * present)
assert gain.true <= gain.possible * 1.001
print(f"chance of a gain by the model: {gain.chance:.0%}")
print(advertising.gain_verdict(gain))

# %% [markdown]
# ## What such a model cannot tell
#
# The same shop and the same customers, with three other ways to plan the budgets. *Together*: all channels run in the
# same flights. *Follows demand*: search money goes where demand is already strong, for reasons that are in no data.
# *Never varies*: search spends the same every day.

# %% tags=["nbval-check-output"]
budgets = advertising.hard_cases(case, seed)
hard = advertising.compare_returns(
    budgets, seed, particles, fits={"as planned": fit}
)
search = hard[hard["channel"] == "search"].set_index("case")
shown = ["low", "median", "high", "truth", "width", "correlation"]
print(search[shown].round(1).to_string())
width = hard.groupby("case")["width"].min()
misled, learnt = search.loc["follows demand"], search.loc["as planned", "width"]
assert misled["low"] > misled["truth"]
assert search.loc["never varies", "width"] > 1.5 * learnt
assert width["together"] > 1.2 * learnt

# %% mystnb={"figure": {"caption": "Return on search spend under four ways to plan the budgets (log scale): only the first lets the model learn it.", "name": "fig-hard-budgets"}, "image": {"alt": "Intervals of the return on search spend: moderate and around the truth when planned in separate flights, much wider when channels run together or spend never varies, and short but entirely above the truth when spend follows hidden demand."}}
place = np.arange(len(search))[::-1]
fig, ax = plt.subplots(figsize=(7.5, 2.6))
ax.hlines(place, search["low"], search["high"], linewidth=3)
ax.plot(search["median"], place, "o", label="median")
ax.plot(search["truth"], place, "k|", markersize=16, label="truth")
ax.set(yticks=place, yticklabels=search.index, xscale="log")
ax.set(xlabel="extra sales per unit of money spent on search", ylim=(-0.5, 3.5))
ax.legend()
plt.show()

# %% [markdown]
# The wide intervals are honest: the model says that it does not know. The one that follows demand is not: it is narrow
# *and wrong*, and nothing in the data shows it. Only an experiment (spend switched on and off by lot, or by region) can.
#
# ## Summary
#
# We wrote carry-over and saturation down by hand and fitted them; measured each channel's return and held it against
# the truth; broke the model's assumptions on purpose; shared out the same budget anew; and planned budgets from which
# nothing can be learnt. What was found:

# %% tags=["hide-input"]
print(findings(table, gain, wrong, hard))
advertising.write_channels(run_dir, table, split, gain, wrong)

# %% [markdown]
# ```{admonition} What to do on Monday
# :class: tip
# 1. Plan the channels in separate flights, and switch one off for two weeks in regions drawn by lot.
# 2. Do not let a channel's budget follow last week's sales: what it then returns cannot be measured.
# 3. Move a tenth of the budget towards the channel with the highest marginal return, and measure again.
# ```
#
# ## Exercises
#
# ```{exercise}
# :label: ex-steady-spend
# Spend 100 a day for ever with $\lambda = 0.6$. What does the adstock become? Check it with `adstock`.
# ```
#
# ````{solution} ex-steady-spend
# :class: dropdown
# A geometric series: $100/(1-0.6)=250$.
# ```python
# assert np.isclose(adstock(np.full(60, 100.0), 0.6)[-1], 100 / (1 - 0.6))
# ```
# ````
#
# ```{exercise}
# :label: ex-longer-delay
# Let the advertisement work a week later in the mean instead of three days. Does the interval still hold the truth?
# ```
#
# ````{solution} ex-longer-delay
# :class: dropdown
# ```python
# later = advertising.misspecified_cases(case, delay=7.0)
# later = {"a week later": later["delayed carry-over"]}
# table = advertising.compare_returns(later, seed, particles)
# print(table[["channel", "low", "median", "high", "truth", "inside"]])
# ```
# One shop is one draw: repeat it with other seeds before you conclude.
# ````
#
# ## References
#
# Media mix models {cite:p}`jin2017`; their sampler {cite:p}`delmoral2006` and its check {cite:p}`talts2018`.
