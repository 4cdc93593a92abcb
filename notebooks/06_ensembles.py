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
# (ch-ensembles)=
# # A committee of forecasts
#
# Different models make different mistakes, and averages of different mistakes are smaller. This chapter answers: **is a
# committee better than its best member?** In it we will
#
# - let statistical, linear and tree models forecast the same products as the LSTM, with the covariates that it has;
# - combine them by mean, median, inverse error, greedy selection and stacking, with weights from earlier cutoffs only;
# - repair intervals that are too narrow with split and adaptive conformal calibration;
# - make products, categories and the shop add up.
#
# What a run forecasts with in the end is the subject of {ref}`the next one <ch-champion>`.
#
# *Prerequisites:* {ref}`ch-training`. *Running time:* see the [status page](../book/status.md).

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib import QUANTILES
from salesforecast_lib.data.features import load_features
from salesforecast_lib.data.calendar import cutoffs_within
from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.evaluation.backtest import comparable_panel
from salesforecast_lib.evaluation.metrics import evaluate, scored_rows
from salesforecast_lib.evaluation.metrics import naive_scales
from salesforecast_lib.evaluation.segments import demand_classes
from salesforecast_lib.models import ensembles
from salesforecast_lib.models.ensembles import members as peers
from salesforecast_lib.models.ensembles import over_time, report, verdicts
from salesforecast_lib.models.ensembles.toy import toy_members
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of the drawn rows and of LightGBM
cutoffs: int = 3  # rolling origins of the evaluation
threads: int = 1  # of the peers
local_models: list = [  # fitted series by series
    "SeasonalNaive",
    "WindowAverage",
    "Theta",
    "CrostonOptimized",
    "TSB",
]
committee: list = [  # members, the network first
    "LSTM",
    "LightGBM",
    "LightGBMDirect",
    "Ridge",
    "Theta",
    "WindowAverage",
]
chosen: str = "greedy"  # committee that is calibrated
direct_rows: int = 40000  # training rows drawn for the direct regressions
arima_series: int = 4  # products that AutoARIMA forecasts, 0 none
adaptation: float = 0.02  # step of adaptive conformal inference
category: str = ""  # static column between product and shop; empty: the last

# %% tags=["hide-input"]
panel, meta = load_panel(run_dir)
table, _ = load_features(run_dir)
horizon, freq, season = meta["horizon"], meta["freq"], meta["season_length"]
today = panel["ds"].max()
ends = cutoffs_within(panel["ds"], freq, horizon, cutoffs)
later = ensembles.learned_cutoffs(ends, horizon, freq)
comparable = comparable_panel(panel, ends)
series = comparable["unique_id"].unique()
extended = peers.read_extended(run_dir, comparable, meta)

# %% [markdown]
# ## The members
#
# **Local models** see one series each: seasonal naive, window average, Theta, and two for products that seldom sell.
# {cite:t}`croston1972` smooths the size of a sale and the gap between sales; TSB {cite:p}`teunter2011` smooths the
# probability of a sale instead, so that it can forget a product that is no longer bought.
#
# **Global models** learn from all series at once. `LightGBM` is the peer of {ref}`ch-evaluation`: one step ahead, fed with
# its own forecasts. `LightGBMDirect` and `Ridge` get what the LSTM gets: for an origin $t$ and a step $h$,
#
# ```{math}
# :label: eq-direct
# \frac{y_{t+h}}{\ell_t} \approx f\bigl(\underbrace{x^{\text{hist}}_t}_{\text{known at the origin}},\;
# \underbrace{x^{\text{fut}}_{t+h}}_{\text{known ahead}},\; x^{\text{static}},\; h\bigr),
# ```
#
# with the level $\ell_t$ of the last weeks, as the network's windows are scaled. Ridge {cite:p}`hoerl1970` is the traditional
# method; the trees are fitted once for the mean and once for each quantile {cite:p}`koenker1978`.
# Each model is fitted anew at each cutoff, on rows up to it, and a period in which the shop was closed is never a target.

# %%
known = peers.read_known(run_dir, table)
config = peers.direct_config(freq, direct_rows, seed, threads)
network = peers.read_lstm(run_dir, series)
members = peers.member_forecasts(
    extended, table, known, meta, [*ends, today], local_models, config, network
)
report.write_members(members, comparable, run_dir)

# %%
scored = scored_rows(members, comparable)
alone = evaluate(scored, comparable, season)
shown = ["wape", "bias", "mase", "scaled_quantile_loss", "coverage_90"]
alone.set_index("model")[shown].round(3)

# %% [markdown]
# Do Croston and TSB win where they should, on products that seldom sell?

# %% tags=["nbval-check-output"]
classes = demand_classes(comparable, ends[0])[["unique_id", "demand_class"]]
print(f"{len(series)} products at {len(ends)} cutoffs from {ends[0].date()}")
print(verdicts.classes_found(classes["demand_class"]))

# %%
by_class = evaluate(
    scored.merge(classes), comparable, season, ["demand_class"]
)
by_class.pivot(
    index="model", columns="demand_class", values="scaled_quantile_loss"
).round(3)

# %% [markdown]
# AutoARIMA {cite:p}`hyndman2008` searches orders series by series and takes seconds for each: here for a few of the
# best-selling products at the last cutoff, beside the others on the same rows. On a long history it compares orders by
# conditional sums of squares, and fits the best one by maximum likelihood, as its authors' program does.

# %%
few = peers.best_sellers(members, extended, meta, arima_series, threads)
beside = evaluate(scored_rows(few, comparable), comparable, season)
beside = beside.set_index("model")
beside[shown].round(3)

# %% tags=["nbval-check-output"]
print(verdicts.arima_found(beside["wape"]))

# %% [markdown]
# ## Why averages help
#
# If two forecasts were wrong independently, their average would be wrong by less. How alike are the members' errors? The
# spread of counts grows with their mean, so errors are divided by its root.

# %%
inside = scored[scored["model"].isin(committee)]
mean = inside.groupby("unique_id")["y"].transform("mean")
error = (inside["mean"] - inside["y"]) / np.sqrt(mean + 0.1)
alike = inside.assign(error=error).pivot(
    index=["unique_id", "ds", "cutoff"], columns="model", values="error"
)[committee].corr()
alike.round(2)

# %% tags=["nbval-check-output"]
least = np.floor(10 * alike.to_numpy().min()) / 10
print(f"the errors of any two members correlate by more than {least:.1f}")

# %% [markdown]
# The nearer to one, the less there is to gain: what all members get wrong, no average repairs.
#
# ## Weights from the past
#
# A weight learned on the days on which it is judged flatters itself. So the weights at a cutoff come from the forecasts of
# earlier cutoffs whose whole horizon has ended by then; the library refuses any other. At the first cutoff nothing has
# been scored, and every member gets the same.
#
# - *mean* and *median* of each quantile learn nothing, and are hard to beat;
# - *inverse error* {cite:p}`bates1969`: weights proportional to the inverse squared loss;
# - *stacking* {cite:p}`breiman1996`: weights that minimise the loss, by non-negative least squares of the mean, or for each
#   quantile on the simplex by its pinball loss;
# - *greedy selection* {cite:p}`caruana2004`: start empty and add, again and again, the member that lowers the loss of the
#   average most. A member may be added many times; the counts are the weights.
#
# All of them average quantiles, not probabilities {cite:p}`lichtendahl2013`. Greedy selection fits in a few lines:


# %%
def greedy(cube, y, levels, rounds):
    """Member added in each round: forecasts (rows, members, levels)."""
    total, path = np.zeros_like(cube[:, :1]), []
    for size in range(1, rounds + 1):
        error = y[:, None, None] - (total + cube) / size  # with each member
        loss = np.maximum(levels * error, (levels - 1) * error)
        path.append(int(loss.mean(axis=(0, 2)).argmin()))
        total = total + cube[:, [path[-1]]]
    return path


# %% [markdown]
# Three toy members: A sees truly but dimly, B a little too high, C too low.

# %%
made, cube, y = toy_members(seed)
made.groupby("model").head(1).round(1)

# %% tags=["nbval-check-output"]
now = pd.Timestamp("2025-01-01")
library = ensembles.fit_weights(made, "greedy", now, rounds=12)
path = ["ABC"[k] for k in greedy(cube, y, np.array(QUANTILES), 12)]
assert list(library.path) == path
print("added:", " ".join(path))
print("weights:", *(f"{w:.2f}" for w in library.values["mean"]))

# %% [markdown]
# Together the biases of B and C cancel, so none is left out.
#
# Now the shop. Errors are divided by each product's seasonal naive error before the first cutoff, so that no best-seller decides
# alone.

# %%
scale = naive_scales(comparable, ends[:1], season).set_index("unique_id")
tables, learned = over_time.every_committee(
    members, scored, committee, scale["absolute"]
)
chairs = members[members["model"].isin(committee)]
together = pd.concat([chairs, *tables.values()], ignore_index=True)
rows = scored_rows(together, comparable)

# %%
result = evaluate(rows, comparable, season)  # equal weights at the first
at_later = rows[rows["cutoff"].isin(later or ends)]
result_later = evaluate(at_later, comparable, season)
score = result_later.set_index("model")  # learned weights only
score[shown].round(4)

# %% mystnb={"figure": {"caption": "Weights of the members at the end of the data, by method (stacking: of its median).", "name": "fig-weights"}, "image": {"alt": "Stacked horizontal bars of the members' weights by method: inverse error stays near equal weights, greedy selection and stacking concentrate on a few members."}}
last = str(today.date())
share = pd.DataFrame(
    {name: learned[name][last].values["q0.5"] for name in learned},
    index=committee,
).T.drop("median")
ax = share.iloc[::-1].plot.barh(stacked=True, edgecolor="white")
ax.set(xlabel="weight", ylabel="", xlim=(0, 1))
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# ### Is the committee better than its best member?
#
# On the cutoffs whose weights were learned. The best member is known only afterwards; nobody could have chosen it for sure. The
# network alone could have been chosen, and each committee has to earn its keep against it.

# %%
methods = list(ensembles.METHODS)
print(verdicts.committees_counted(score, methods, committee[0]))

# %% [markdown]
# The last digits differ between processors, and a difference of less than one per cent is no ranking. What holds everywhere:

# %% tags=["nbval-check-output"]
print(verdicts.committees_found(score, committee, methods))

# %% mystnb={"figure": {"caption": "Scaled quantile loss of each committee relative to the best member at the same cutoff; below zero the committee wins.", "name": "fig-committee"}, "image": {"alt": "Points for each committee and cutoff of the difference of its scaled quantile loss to the best member of that cutoff in percent: the points of one committee lie further apart over the cutoffs than the committees do at one cutoff."}}
by_cutoff = evaluate(rows, comparable, season, ["cutoff"])
loss = by_cutoff.pivot(
    index="cutoff", columns="model", values="scaled_quantile_loss"
)
relative = 100 * (loss[methods].div(loss[committee].min(axis=1), axis=0) - 1)
fig, ax = plt.subplots()
for cutoff, values in relative.iterrows():
    ax.plot(values, methods, "o", label=str(cutoff.date()))
ax.axvline(0, color="0.3", linestyle=":")
ax.set(xlabel="difference to the best member (%)")
ax.legend(title="cutoff")
plt.show()

# %% [markdown]
# ## Honest intervals
#
# Split conformal calibration {cite:p}`romano2019` looks at how far past sales lay outside their interval,
#
# ```{math}
# :label: eq-conformal
# \begin{aligned}
# s_i&=\frac{\max(\hat q_{lo,i}-y_i,\;y_i-\hat q_{hi,i})}{\sqrt{\hat q_{0.5,i}+0.1}},\\
# Q&=\text{the }\lceil (n+1)(1-\alpha)\rceil\text{-th smallest } s_i,
# \end{aligned}
# ```
#
# and moves both ends by $Q$ times the root: out when too many sales were missed, in when too few. The division lets small and
# large products share the scores; groups of horizon steps have their own $Q$. The promise holds on average over products,
# when tomorrow's errors are like yesterday's. *Adaptive* calibration {cite:p}`gibbs2021` also moves the level itself, by a
# small step after each period with too many or too few misses, and needs no such promise in the long run.

# %%
names = [*committee, chosen]
source = rows[rows["model"].isin(names)]
fresh = together[together["model"].isin(names)]
calibrated = ensembles.calibrate_over_time(
    fresh, source, later or ends, adaptation
)

# %%
kinds = {
    kind: evaluate(scored_rows(part, comparable), comparable, season)
    for kind, part in calibrated.groupby("kind", sort=False)
}
bands = ["coverage_50", "coverage_80", "coverage_90"]
coverage = pd.concat(kinds, names=["kind"]).set_index("model", append=True)
coverage = coverage[bands].droplevel(1).unstack("kind")
coverage.round(3)

# %% tags=["nbval-check-output"]
covered = coverage["coverage_90"]
for kind in ("split", "adaptive"):
    print(verdicts.coverage_found(covered, kind))

# %% mystnb={"figure": {"caption": "Observed coverage of the 90 % interval before and after calibration.", "name": "fig-conformal"}, "image": {"alt": "For each model three points of the observed coverage of the ninety percent interval: calibration moves the LSTM and the direct trees most, towards the dotted line at ninety percent, and Theta away from it."}}
fig, ax = plt.subplots()
markers = {"before": "o", "split": "s", "adaptive": "^"}
for kind in [kind for kind in markers if kind in covered]:
    values = 100 * covered.loc[names, kind]
    ax.plot(values, names, markers[kind], label=kind)
ax.axvline(90, color="0.3", linestyle=":")
ax.set(xlabel="observed coverage of the 90 % interval (%)")
ax.legend()
plt.show()

# %% [markdown]
# One or two horizons are a short past. What was peculiar to them goes into the offsets too, so an interval that was right
# already can come out worse.

# %% [markdown]
# ## Products, categories and the shop
#
# The buyer orders products, the manager plans a category. Forecast separately, their numbers do not add up. *Bottom-up* adds the
# products; *MinT* {cite:p}`wickramasuriya2019` changes all levels as little as their past errors say. The upper levels are
# forecast by AutoETS, which chooses its form at the first cutoff and fits it anew at each; the products by the committee.
# Means add up afterwards and are never negative; the quantiles keep their shape and move with the mean. They cannot add
# up: the 90 % quantile of a sum is not the sum of the 90 % quantiles.

# %%
level = category or next(reversed(meta["static"]), "")
hierarchy = ensembles.build_hierarchy(comparable, [level] if level else [])
upper = ensembles.aggregate_panel(extended, hierarchy, meta["future"])
tops = peers.node_forecasts(upper, meta, [*ends, today], threads)
base = pd.concat([tables[chosen], tops], ignore_index=True)
base = base.assign(model="base")

# %%
sold = comparable[["unique_id", "ds", "y", "available"]]
nodes = pd.concat([sold, upper[upper["ds"] <= today]], ignore_index=True)
coherent = ensembles.reconcile_over_time(
    base, scored_rows(base, nodes), hierarchy, later or ends
)

# %% tags=["nbval-check-output"]
gaps = {
    name: ensembles.incoherence(part, hierarchy)
    for name, part in coherent.groupby("model")
}
print(verdicts.gap_found(gaps))

# %%
judged = scored_rows(coherent, nodes)
judged["level"] = judged["unique_id"].map(over_time.node_levels(hierarchy))
by_level = evaluate(judged, nodes, season, ["level"])
both = by_level.pivot(
    index="level", columns="model", values=["wape", "coverage_90"]
).loc[list(hierarchy.levels)]
both.round(3)

# %% tags=["nbval-check-output"]
levels = both["wape"]
print(verdicts.hierarchy_found(levels))

# %% tags=["hide-input"]
evaluated = {
    "members": alone,
    "committees": result,
    "committees_with_learned_weights": result_later,
}
_ = report.write_report(
    run_dir, evaluated, learned, ends, later, chosen, covered, levels
)

# %% [markdown]
# ## Summary
#
# - Local, linear and tree models forecast the same products as the LSTM; two of them with its covariates.
# - We combined them with weights from earlier cutoffs only, and counted which committees beat the network and which lose to it.
# - Conformal calibration moved the coverage of the intervals; before and after stand side by side.
# - Means of products, categories and the shop add up to a millionth of a unit, and the simpler way was compared with MinT.
#
# One split of one data set with few cutoffs: differences smaller than their spread over the cutoffs are no ranking.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-pool
# Two members forecast normal distributions with means 90 and 110 and standard deviation 5 each. What does the average of their
# quantiles look like, and what the average of their distribution functions?
# ```
#
# ```{solution} ex-pool
# :class: dropdown
# Averaged quantiles give a normal distribution with mean 100 and standard deviation 5: as sharp as the members. Averaged
# distribution functions give two humps at 90 and 110 with standard deviation $\sqrt{5^2+10^2}\approx 11.2$. The first is better
# when members err by chance, the second when one of them is right and nobody knows which.
# ```
#
# ```{exercise}
# :label: ex-hindsight
# Learn the greedy weights on the very cutoff at which they are judged. What does the library say, and what would you gain if it
# did not?
# ```
#
# ```{solution} ex-hindsight
# :class: dropdown
# `ensembles.fit_weights(scored[scored["cutoff"] == ends[-1]], "greedy", ends[-1], committee)` raises: the weights would see
# sales after the cutoff. With `applied_at=today` and the losses printed you see the gain of hindsight, which no shop can have.
# ```
#
# ## References
#
# Combination {cite:p}`bates1969`, stacking {cite:p}`breiman1996`, greedy selection {cite:p}`caruana2004`, averages of quantiles
# {cite:p}`lichtendahl2013`, conformal calibration {cite:p}`romano2019,gibbs2021`, reconciliation
# {cite:p}`wickramasuriya2019`, intermittent demand {cite:p}`croston1972,teunter2011`.
