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
# *Prerequisites:* {ref}`ch-training`. *Running time:* see the [status page](../book/status.md).

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib import QUANTILES
from salesforecast_lib.data.features import load_features
from salesforecast_lib.data.panel import extend_panel, inner_season, rolling_cutoffs
from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.evaluation.backtest import comparable_panel
from salesforecast_lib.evaluation.metrics import evaluate, naive_scales, scored_rows
from salesforecast_lib.evaluation.segments import demand_classes
from salesforecast_lib.files import resolve, write_json, write_parquet
from salesforecast_lib.models.peers.baselines import close_shop, lightgbm_forecasts, statistical_forecasts
from salesforecast_lib.models.ensembles.conformal import adaptive_levels, fit_adaptive, fit_split
from salesforecast_lib.models.ensembles.ensemble import METHODS, combine_over_time, fit_weights
from salesforecast_lib.models.ensembles.reconcile import aggregate_panel, build_hierarchy, incoherence, reconcile
from salesforecast_lib.models.peers.regression import DirectConfig, direct_lightgbm_forecasts, ridge_forecasts
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% tags=["parameters"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of the drawn rows and of LightGBM
cutoffs: int = 3  # rolling origins of the evaluation
threads: int = 1  # of the peers
local_models: list = ["SeasonalNaive", "WindowAverage", "Theta", "CrostonOptimized", "TSB"]  # fitted series by series
committee: list = ["LSTM", "LightGBM", "LightGBMDirect", "Ridge", "Theta", "WindowAverage"]  # members
chosen: str = "greedy"  # committee that is calibrated and reconciled
calibration: str = "adaptive"  # of the intervals that later chapters read: none, split or adaptive
direct_rows: int = 40000  # training rows drawn for the direct regressions
arima_series: int = 4  # products that AutoARIMA forecasts at the last cutoff, 0 none
adaptation: float = 0.02  # step of adaptive conformal inference at each period
category: str = ""  # static column between product and shop; empty: the last one

# %%
panel, meta = load_panel(run_dir)
horizon, freq, season = meta["horizon"], meta["freq"], meta["season_length"]
ends = rolling_cutoffs(panel["ds"].max(), freq, horizon, cutoffs)
comparable, today = comparable_panel(panel, ends), panel["ds"].max()
lstm_file = resolve(run_dir) / "lstm_forecasts.parquet"
if not lstm_file.is_file():
    raise FileNotFoundError(f"{lstm_file}: no LSTM forecasts yet; run chapter 04 first")
lstm = pd.read_parquet(lstm_file).drop(columns="y")
lstm = lstm[lstm["unique_id"].isin(comparable["unique_id"])]

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
table, _ = load_features(run_dir)
future = ["unique_id", "ds", *table.roles["future"]]
ahead = pd.read_parquet(resolve(run_dir) / "ahead.parquet")
known = pd.concat([table.frame[future], ahead[future]], ignore_index=True)
extended = extend_panel(comparable, meta["future"], meta["static"], freq, horizon)
cycle = inner_season(freq)  # weeks hold no year: use the month's rhythm
config = DirectConfig(window=8 * cycle, max_rows=direct_rows, seed=seed, threads=threads)

# %%
parts = [lstm]
for cutoff in [*ends, today]:
    parts.append(statistical_forecasts(extended, cutoff, horizon, freq, season, threads, local_models))
    parts.append(lightgbm_forecasts(extended, meta, cutoff, seed, threads))
    for forecast in (direct_lightgbm_forecasts, ridge_forecasts):
        rows = forecast(table, known, cutoff, horizon, freq, cycle, config)
        parts.append(rows[rows["unique_id"].isin(comparable["unique_id"])])
members = close_shop(pd.concat(parts, ignore_index=True), extended, meta["future"])
_ = write_parquet(members.merge(comparable[["unique_id", "ds", "y"]], how="left"), resolve(run_dir) / "members.parquet")

# %%
scored = scored_rows(members, comparable)
alone = evaluate(scored, comparable, season)

# %%
shown = ["model", "wape", "bias", "mase", "scaled_quantile_loss", "coverage_90"]
print(f"{comparable['unique_id'].nunique()} series, cutoffs {', '.join(str(end.date()) for end in ends)}")
print(alone[shown].round(3).to_string(index=False))

# %% [markdown]
# Do Croston and TSB win where they should, on products that seldom sell?

# %%
classes = demand_classes(comparable, ends[0])[["unique_id", "demand_class"]]
by_class = evaluate(scored.merge(classes), comparable, season, ["demand_class"])
wide = by_class.pivot(index="model", columns="demand_class", values="scaled_quantile_loss")
print(classes["demand_class"].value_counts().to_string(), end="\n\n")
print(wide.round(3).to_string())
if not classes["demand_class"].isin(["intermittent", "lumpy"]).any():
    print("\nno product here is intermittent or lumpy: these two cannot show what they were made for")

# %% [markdown]
# AutoARIMA {cite:p}`hyndman2008` searches orders series by series and takes seconds for each: here for a few of the
# best-selling products at the last cutoff, beside the others on the same rows.

# %%
if arima_series:
    largest = comparable.groupby("unique_id")["y"].sum().nlargest(arima_series).index
    few = extended[extended["unique_id"].isin(largest)]
    arima = statistical_forecasts(few, ends[-1], horizon, freq, season, threads, ["AutoARIMA"])
    beside = members[members["unique_id"].isin(largest) & (members["cutoff"] == ends[-1])]
    sample = scored_rows(pd.concat([beside, close_shop(arima, few, meta["future"])]), comparable)
    print(evaluate(sample, comparable, season)[shown].round(3).to_string(index=False))

# %% [markdown]
# ## Why averages help
#
# If two forecasts were wrong independently, their average would be wrong by less. How alike are the members' errors?

# %%
keys = ["unique_id", "ds", "cutoff"]
inside = scored[scored["model"].isin(committee)]
volume = np.sqrt(inside.groupby("unique_id")["y"].transform("mean") + 0.1)  # the spread of counts grows with it
inside = inside.assign(error=(inside["mean"] - inside["y"]) / volume)

# %%
alike = inside.pivot(index=keys, columns="model", values="error")[committee].corr()
print(alike.round(2).to_string())
between = alike.to_numpy()[np.triu_indices(len(committee), 1)]
print(f"between members the errors correlate by {between.min():.2f} to {between.max():.2f}")

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
def greedy(forecasts, y, rounds):
    """Members added in each round: forecasts (rows, members, levels), y (rows)."""
    levels, total, path = np.array(QUANTILES), 0.0, []
    for size in range(1, rounds + 1):
        error = y[:, None, None] - (total + forecasts.transpose(1, 0, 2)).transpose(1, 0, 2) / size
        loss = np.maximum(levels * error, (levels - 1) * error).mean(axis=(0, 2))  # one a member
        path.append(int(loss.argmin()))
        total = total + forecasts[:, [path[-1]]].transpose(1, 0, 2)
    return path


# %% tags=["nbval-check-output"]
rng = np.random.default_rng(seed)
y = rng.gamma(4.0, 5.0, 300)
bell = np.array([-1.64, -1.28, -0.67, 0.0, 0.67, 1.28, 1.64]) * 4
guesses = np.stack([y[:, None] + rng.normal(bias, noise, (300, 1)) + bell for bias, noise in ((0, 6), (3, 4), (-4, 5))], 1)
guesses = np.maximum(guesses, 0)
toy = pd.concat(
    pd.DataFrame(guesses[:, k], columns=[f"q{p}" for p in QUANTILES]).assign(
        unique_id="a", ds=pd.date_range("2024-01-01", periods=300), cutoff=pd.Timestamp("2023-12-31"), model=name, y=y
    )
    for k, name in enumerate("ABC")
).assign(mean=lambda rows: rows["q0.5"])
library = fit_weights(toy, "greedy", pd.Timestamp("2025-01-01"), rounds=12)
assert "".join(library.path) == "".join("ABC"[k] for k in greedy(guesses, y, 12))
print("added:", " ".join(library.path))
print("weights:", {name: round(share, 2) for name, share in zip(library.members, library.values["mean"], strict=True)})

# %% [markdown]
# A sees truly but dimly, B a little too high, C too low: together their biases cancel, so none is left out.
#
# Now the shop. Errors are divided by each product's seasonal naive error before the first cutoff, so that no best-seller decides
# alone.

# %%
scale = naive_scales(comparable, ends[:1], season).set_index("unique_id")["absolute"]
tables, learned = {}, {}
for method in METHODS:
    tables[method], learned[method] = combine_over_time(members, scored, method, method, committee, scale)
together = pd.concat([members[members["model"].isin(committee)], *tables.values()], ignore_index=True)

# %%
later = [end for end in ends if end >= ends[0] + horizon * pd.tseries.frequencies.to_offset(freq)]
rows = scored_rows(together, comparable)

# %%
result = evaluate(rows, comparable, season)
result_later = evaluate(rows[rows["cutoff"].isin(later)], comparable, season) if later else result
print("all cutoffs (equal weights at the first)")
print(result[shown].round(4).to_string(index=False))
print("\ncutoffs with learned weights only")
print(result_later[shown].round(4).to_string(index=False))

# %% mystnb={"figure": {"caption": "Weights of the members at the end of the data, by method (stacking: of its median).", "name": "fig-weights"}, "image": {"alt": "Stacked horizontal bars of the members' weights by method: inverse error stays near equal weights, greedy selection and stacking concentrate on a few members."}}
last = str(today.date())
share = pd.DataFrame(
    {method: learned[method][last].values["q0.5"] for method in METHODS if method != "median"}, index=committee
).T
ax = share.iloc[::-1].plot.barh(stacked=True, edgecolor="white")
ax.set(xlabel="weight", ylabel="", xlim=(0, 1))
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% mystnb={"figure": {"caption": "Greedy selection at the end of the data: loss after each round, and who was added.", "name": "fig-greedy"}, "image": {"alt": "The scaled pinball loss of the greedy committee falls steeply over its first rounds and then is flat; the member that was added is written at each round."}}
path, losses = learned["greedy"][last].path, learned["greedy"][last].losses
fig, ax = plt.subplots(figsize=(7.5, 3))
ax.plot(range(1, len(path) + 1), losses, marker="o")
for number, (name, loss) in enumerate(zip(path[:8], losses[:8], strict=True), start=1):
    ax.annotate(name, (number, loss), rotation=60, fontsize=8, xytext=(2, 5), textcoords="offset points")
ax.set(xlabel="round", ylabel="scaled quantile loss of the average", xlim=(0, len(path) + 1))
ax.set_ylim(min(losses) - 0.02 * np.ptp(losses) - 1e-6, max(losses) + 0.5 * np.ptp(losses) + 1e-6)
plt.show()

# %% [markdown]
# ### Is the committee better than its best member?
#
# On the cutoffs whose weights were learned. The best member is known only afterwards; nobody could have chosen it for sure.

# %%
score = result_later.set_index("model")
for measure in ("wape", "scaled_quantile_loss"):
    member, group = score.loc[committee, measure], score.loc[list(METHODS), measure]
    gain = 100 * (1 - group.min() / member.min())
    print(
        f"{measure}: best member {member.idxmin()} ({member.min():.4f}), best committee {group.idxmin()} "
        f"({group.min():.4f}): {gain:+.1f} %; {chosen} {100 * (1 - group[chosen] / member.min()):+.1f} %"
    )

# %% mystnb={"figure": {"caption": "Scaled quantile loss of each committee relative to the best member at the same cutoff; below zero the committee wins.", "name": "fig-committee"}, "image": {"alt": "Points for each committee and cutoff of the difference of its scaled quantile loss to the best member of that cutoff in percent: the spread over cutoffs is as large as the differences between the methods."}}
by_cutoff = evaluate(rows, comparable, season, ["cutoff"])
loss = by_cutoff.pivot(index="cutoff", columns="model", values="scaled_quantile_loss")
relative = 100 * (loss[list(METHODS)].div(loss[committee].min(axis=1), axis=0) - 1)
fig, ax = plt.subplots()
for cutoff, values in relative.iterrows():
    ax.plot(values.to_numpy(), range(len(METHODS)), marker="o", linestyle="", label=str(cutoff.date()))
ax.axvline(0, color="0.3", linestyle=":")
ax.set_yticks(range(len(METHODS)), METHODS)
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
calibrated = []
for cutoff in later:
    past = source[source["ds"] <= cutoff]
    fresh = together[together["model"].isin(names) & (together["cutoff"] == cutoff)]
    calibrated.append(fresh.assign(kind="before"))
    calibrated.append(fit_split(past, cutoff).apply(fresh).assign(kind="split"))
    calibrated.append(fit_adaptive(past, cutoff, rate=adaptation).apply(fresh).assign(kind="adaptive"))

# %%
coverage = pd.DataFrame()
if later:
    kinds = pd.concat(calibrated, ignore_index=True)
    parts = [
        evaluate(scored_rows(part.drop(columns="kind"), comparable), comparable, season).assign(kind=kind)
        for kind, part in kinds.groupby("kind", sort=False)
    ]
    coverage = pd.concat(parts).set_index(["model", "kind"])
    shown_bands = ["coverage_50", "coverage_80", "coverage_90", "scaled_quantile_loss"]
    print(coverage[shown_bands].unstack("kind").round(3).to_string())

# %% mystnb={"figure": {"caption": "Observed coverage of the 90 % interval before and after calibration.", "name": "fig-conformal"}, "image": {"alt": "For each model three points of the observed coverage of the ninety percent interval: calibration moves the LSTM and the direct trees most, towards the dotted line at ninety percent, and Theta away from it."}}
fig, ax = plt.subplots()
for kind, marker in (("before", "o"), ("split", "s"), ("adaptive", "^")) if later else ():
    values = 100 * coverage.xs(kind, level="kind")["coverage_90"].reindex(names)
    ax.plot(values.to_numpy(), range(len(names)), marker=marker, linestyle="", label=kind)
ax.axvline(90, color="0.3", linestyle=":")
ax.set_yticks(range(len(names)), names)
ax.set(xlabel="observed coverage of the 90 % interval (%)")
ax.legend()
plt.show()

# %% [markdown]
# One or two horizons are a short past. What was peculiar to them goes into the offsets too, so an interval that was right
# already can come out worse; the table shows it where it happened.

# %% mystnb={"figure": {"caption": "Adaptive calibration at work: the share of past scores that the 90 % interval of the LSTM is set to cover, period by period.", "name": "fig-adaptive"}, "image": {"alt": "Line of the adapted level over the test periods: it moves away from ninety percent while the interval misses too many or too few sales."}}
walk = adaptive_levels(source[source["model"] == committee[0]], "90", adaptation)
fig, ax = plt.subplots(figsize=(7.5, 2.2))
ax.plot(walk["ds"], 100 * walk["level"])
ax.axhline(90, color="0.3", linestyle=":")
ax.set(xlabel="period", ylabel="level (% of past scores)")
plt.show()

# %% [markdown]
# ## Products, categories and the shop
#
# The buyer orders products, the manager plans a category. Forecast separately, their numbers do not add up. *Bottom-up* adds the
# products; *MinT* {cite:p}`wickramasuriya2019` changes all levels as little as their past errors say. The upper levels are
# forecast by AutoETS, the products by the chosen committee. Means add up afterwards and are never negative; the quantiles keep
# their shape and move with the mean. They cannot add up: the 90 % quantile of a sum is not the sum of the 90 % quantiles.

# %%
level = category or (meta["static"][-1] if meta["static"] else "")
hierarchy = build_hierarchy(comparable, [level] if level else [])
upper = aggregate_panel(extended, hierarchy, meta["future"])
nodes = pd.concat([comparable[["unique_id", "ds", "y", "available"]], upper[upper["ds"] <= today]], ignore_index=True)

# %%
tops = [statistical_forecasts(upper, c, horizon, freq, season, threads, ["AutoETS"]) for c in [*ends, today]]
tops = close_shop(pd.concat(tops, ignore_index=True), upper, meta["future"])
bottom = tables[chosen].drop(columns="y", errors="ignore")
base = pd.concat([bottom, tops], ignore_index=True).assign(model="base")

# %%
scored_base = scored_rows(base, nodes)
reconciled = [base[base["cutoff"].isin(later)]]
for cutoff in later:
    now, past = base[base["cutoff"] == cutoff], scored_base[scored_base["ds"] <= cutoff]
    reconciled.append(reconcile(now, hierarchy, "bottom_up", "bottom-up"))
    reconciled.append(reconcile(now, hierarchy, "mint_shrink", "MinT", past))
coherent = pd.concat(reconciled, ignore_index=True)
where = {node: name for name, members_of in hierarchy.levels.items() for node in members_of}

# %%
gaps, levels = {}, {}
if later:
    gaps = {name: incoherence(part, hierarchy) for name, part in coherent.groupby("model")}
    assert max(gap for name, gap in gaps.items() if name != "base") <= 1e-6
    print(f"largest gap between a node and the sum of its products: base {gaps['base']:.1f} units, reconciled ≤ 0.000001")

# %%
if later:
    judged = scored_rows(coherent, nodes)
    judged["level"] = judged["unique_id"].map(where)
    by_level = evaluate(judged, nodes, season, ["level"])
    levels = by_level.pivot(index="level", columns="model", values="wape").reindex(list(hierarchy.levels))
    quality = by_level.pivot(index="level", columns="model", values="coverage_90").reindex(list(hierarchy.levels))
    print("WAPE\n" + levels.round(3).to_string())
    print("\ncoverage of the 90 % interval\n" + quality.round(3).to_string())

# %% mystnb={"figure": {"caption": "WAPE by level before and after reconciliation.", "name": "fig-hierarchy"}, "image": {"alt": "Grouped bars of WAPE for shop, category and product with base, bottom-up and MinT forecasts: errors are smallest for the shop and largest for single products."}}
if later:
    ax = levels.plot.bar(rot=0)
    ax.set(xlabel="level", ylabel="WAPE")
plt.show()

# %% [markdown]
# ## What the next chapters read
#
# The committees' forecasts at every cutoff and from today, and as `Ensemble` the chosen one, calibrated wherever a horizon had
# ended by then. Before that its weights are equal and its intervals the members' own. Which committee and which calibration
# is *chosen* was decided after a look at these very cutoffs, so its lead over the others is a little flattered; the committee of
# the [league](../book/league.md) was decided on earlier data only.

# %%
rules, final = {"split": fit_split, "adaptive": fit_adaptive}, []
for cutoff in [*ends, today]:
    fresh = tables[chosen][tables[chosen]["cutoff"] == cutoff]
    past = rows[(rows["model"] == chosen) & (rows["ds"] <= cutoff)]
    if calibration != "none" and len(past):
        fresh = rules[calibration](past, cutoff).apply(fresh)
    final.append(fresh.assign(model="Ensemble"))
written = pd.concat([*tables.values(), *final], ignore_index=True).drop(columns="y", errors="ignore")
written = written.merge(comparable[["unique_id", "ds", "y"]], how="left")
_ = write_parquet(written, resolve(run_dir) / "ensemble_forecasts.parquet")
best = evaluate(scored_rows(written[written["model"] == "Ensemble"], comparable), comparable, season).iloc[0]
print(f"Ensemble: WAPE {best['wape']:.4f}, scaled quantile loss {best['scaled_quantile_loss']:.4f}, coverage {best['coverage_90']:.3f}")

# %%
metrics = ["wape", "bias", "mase", "rmsse", "scaled_quantile_loss", "coverage_50", "coverage_80", "coverage_90"]
report = {"members": alone, "committees": result, "committees_with_learned_weights": result_later}
report = {
    name: frame.set_index("model")[metrics].replace({np.nan: None}).to_dict("index") for name, frame in report.items()
}
report |= {
    "ensemble": best[metrics].to_dict(),
    "chosen": chosen,
    "weights": {method: {when: w.to_json() for when, w in fitted.items()} for method, fitted in learned.items()},
    "coverage_90": {f"{model} {kind}": float(value) for (model, kind), value in coverage.get("coverage_90", {}).items()},
    "hierarchy_wape": levels.to_dict() if later else {},
    "cutoffs": [str(end.date()) for end in ends],
    "learned_at": [str(end.date()) for end in later],
}
_ = write_json(report, resolve(run_dir) / "ensemble.json")

# %% [markdown]
# ## Summary
#
# - Local, linear and tree models forecast the same products as the LSTM; two of them with its covariates.
# - We combined them with weights from earlier cutoffs only; the tables above say which committee beat the best member, and which
#   did not.
# - Conformal calibration moved the coverage of the intervals; before and after stand side by side.
# - Means of products, categories and the shop add up to a millionth of a unit.
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
# `fit_weights(scored[scored["cutoff"] == ends[-1]], "greedy", ends[-1], committee)` raises: the weights would see sales after the
# cutoff. With `applied_at=today` and the losses printed you see the gain of hindsight, which no shop can have.
# ```
#
# ## References
#
# Combination {cite:p}`bates1969`, stacking {cite:p}`breiman1996`, greedy selection {cite:p}`caruana2004`, averages of quantiles
# {cite:p}`lichtendahl2013`, conformal calibration {cite:p}`romano2019,gibbs2021`, reconciliation
# {cite:p}`wickramasuriya2019`, intermittent demand {cite:p}`croston1972,teunter2011`.
