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
# (ch-model-selection)=
# # Which network, and how do we know?
#
# Chapter {ref}`ch-training` chose a size, a learning rate and a dropout and never said why. This chapter answers: **which
# network should a shop train, and how sure can it be of that choice?** In it we will
#
# - score a configuration by rolling origins inside the training period, so that no test day takes part in the choice;
# - search by grid, at random and with a Bayesian sampler, give bad trials up early, stop a search and resume it;
# - check on a later horizon, with several seeds, how much of the promised gain is real;
# - compare architectures by error, parameters and spread;
# - see what dropout, weight decay, early stopping, augmentation and adversarial training do to error and to robustness.
#
# *Prerequisites:* {ref}`ch-training`. *Running time:* see the [status page](../book/status.md). Everything here runs on
# few products and few epochs, so that it ends in minutes; the same code with larger parameters is a real search.

# %%
import tempfile
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from salesforecast_lib import QUANTILES
from salesforecast_lib.data.features import load_features
from salesforecast_lib.data.panel import rolling_cutoffs
from salesforecast_lib.files import resolve, write_json
from salesforecast_lib.models.networks.encoders import ENCODERS
from salesforecast_lib.models.forecaster.fit import NetworkConfig, fit_network
from salesforecast_lib.models.networks.parametric import HEADS
from salesforecast_lib.models.training.regularise import Regularisation
from salesforecast_lib.models.selection.space import Choice, Range, SearchSpace, with_values
from salesforecast_lib.models.training.loop import TrainingConfig
from salesforecast_lib.models.selection.tuning import Objective, Search, best_values, importances, run_search, trials_table
from salesforecast_lib.models.selection.validation import OriginScore, compare, rolling_validation, sample_series, summarise
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% tags=["parameters"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of the searches and of the networks in them
cutoffs: int = 3  # rolling origins of the evaluation; the search ends before the first
search_series: int = 24  # products that take part in the search
search_trials: int = 12  # configurations of each search
search_epochs: int = 5  # passes over the windows at most
search_origins: int = 2  # validation origins
search_stride: int = 14  # days between the origins of training windows
search_workers: int = 1  # processes of a search; the same seed gives the same search with one only
comparison_seeds: int = 5  # trainings of every network that is compared; at least 2 show a spread
regularisation_seeds: int = 3  # trainings of every kind of regularisation
regularisation_epochs: int = 8  # long enough to fit the training data too well
device: str = "cpu"  # cpu or cuda

# %%
torch.set_num_threads(1)  # several threads collapse as soon as anything else runs
everything, meta = load_features(run_dir)
horizon, freq = meta["horizon"], meta["freq"]
windows = (28, 56, 84) if freq == "D" else (13, 26, 39)  # histories to choose from, in periods
first_cutoff = rolling_cutoffs(everything.frame["ds"].max(), freq, horizon, cutoffs)[0]

# %% [markdown]
# ## Validation that tells the truth
#
# Choosing by the test data would make the test worthless: the best of many configurations is partly the luckiest
# {cite:p}`cawley2010`. So the choice is made from **validation origins** that lie before the first cutoff of
# {ref}`ch-evaluation`. At each of them the network is trained anew on what came before and scored on the horizon after. The
# last horizon before the cutoff is kept apart: on it we check afterwards what the search promised.

# %% tags=["nbval-check-output"]
begins = everything.frame["ds"].min()
protocol = rolling_validation(first_cutoff, meta, search_origins, first=begins, window=max(windows))
table = sample_series(everything, min(protocol.origins), search_series)
for origin in protocol.origins:
    print(f"validation: trained until {origin.date()}, scored until {protocol.end(origin).date()}")
check = protocol.later()
print(f"check:      trained until {check.origins[0].date()}, scored until {check.last.date()}")
print(f"test:       begins after {first_cutoff.date()}; nothing of it is read here")

# %% [markdown]
# An origin that reaches into the test is refused, not silently used.

# %% tags=["nbval-check-output"]
try:
    replace(protocol, origins=(first_cutoff,))
except ValueError as error:
    print(error)

# %% [markdown]
# ### One score for all networks
#
# The training loss cannot choose a window: it divides sales by the mean of the window, so each window has its own unit. The score
# is therefore the scaled quantile loss in units of sales. With the pinball loss $\rho_p(e)=\max(pe,(p-1)e)$, the levels $P$ and
# the seasonal naive error $q_i$ of series $i$ before the origin,
#
# ```{math}
# :label: eq-selection-score
# \mathrm{SQL}=\frac1N\sum_{i=1}^N\frac1{q_i H|P|}\sum_{h=1}^H\sum_{p\in P}\rho_p(y_{i,h}-\hat q_{i,p,h}),
# ```
#
# the measure by which {ref}`ch-evaluation` ranks models {cite:p}`makridakis2022`. By hand, for one network at one origin:

# %%
base = NetworkConfig(
    window=windows[1],
    batch_size=64,  # a quarter of chapter 04's: fewer products give fewer windows, and each epoch needs its steps
    stride=search_stride if freq == "D" else max(1, search_stride // 7),
    training=TrainingConfig(max_epochs=search_epochs, patience=3, seed=seed),
)

# %%
origin = protocol.origins[-1]
forecaster = fit_network(table, meta, origin, base, device=device, refit=False).forecaster
frame, until = table.frame, protocol.end(origin)
forecast = forecaster(frame, frame[(frame["ds"] > origin) & (frame["ds"] <= until)], origin)

# %%
known = frame[frame["ds"] <= origin]
sales = known["y"].where(known["available"] > 0)
naive = (sales - sales.groupby(known["unique_id"]).shift(meta["season_length"])).abs()
scale = naive.groupby(known["unique_id"]).mean()

# %%
rows = forecast.merge(frame.loc[frame["available"] > 0, ["unique_id", "ds", "y"]])
error = {p: rows["y"] - rows[f"q{p}"] for p in QUANTILES}
rows["loss"] = np.mean([np.maximum(p * error[p], (p - 1) * error[p]) for p in QUANTILES], axis=0)
by_series = rows.groupby("unique_id")["loss"].mean() / scale
by_hand = by_series[scale > 0].mean()

# %% tags=["nbval-check-output"]
score = OriginScore(table, protocol, origin, base)
assert abs(score(forecaster.model) / by_hand - 1) < 1e-4
print(f"score by hand and by OriginScore agree on {len(score.series)} series")

# %% [markdown]
# ## The space
#
# A search space names fields of `NetworkConfig`; any field can take part. What is felt by its order of magnitude (learning
# rate, weight decay, size) is drawn on a logarithmic scale. A name that is no field is refused.

# %%
space = SearchSpace(
    {
        "hidden_size": Range(16, 64, log=True),
        "num_layers": Choice((1, 2)),
        "window": Choice(windows),
        "learning_rate": Range(0.0005, 0.02, log=True),
        "dropout": Range(0.0, 0.4),
        "weight_decay": Range(1e-6, 0.1, log=True),
        "batch_size": Choice((32, 64, 128)),
    }
)

# %% tags=["nbval-check-output"]
print(f"a grid over all {len(space.ranges)} fields has {len(space.grid())} points")
try:
    SearchSpace({"hiden_size": Choice((16, 32))})
except ValueError as error:
    print(error)

# %% [markdown]
# ## Grid and random search
#
# A grid over every field takes longer than anyone waits, so a grid must leave fields out: here it varies three. Random
# search draws all fields at once; when only a few of them matter, it tries more different values of those few
# {cite:p}`bergstra2012`. It is the baseline that a cleverer search has to beat.
#
# Every epoch a trial reports its score, and a trial whose best is worse than the median of the earlier ones at that
# epoch is given up, once its first origin is done. The first half of the trials always runs to the end.

# %%
grid_space = SearchSpace(
    {
        "learning_rate": Range(0.0005, 0.02, log=True),
        "hidden_size": Range(16, 64, log=True, points=2),
        "window": Choice(windows[:2]),
    }
)

# %%
startup = max(2, search_trials // 2)
storage = resolve(run_dir) / "search.db"
settings = {"trials": search_trials, "seed": seed, "startup": startup, "workers": search_workers}
spaces = {"grid": grid_space, "random": space, "tpe": space}

# %%
objectives = {name: Objective(table, meta, protocol, spaces[name], base, device) for name in spaces}

# %%
studies = {name: run_search(objectives[name], Search(name, **settings), storage) for name in ("grid", "random")}

# %% [markdown]
# ## Bayesian search
#
# The tree-structured Parzen estimator {cite:p}`bergstra2011` looks at the trials so far, estimates how the good ones and the others
# are distributed over the space, $\ell(x)$ and $g(x)$, and tries next where $\ell(x)/g(x)$ is largest. Its first trials are
# the random search's own, so that the two part ways only where the sampler begins to think.

# %%
studies["tpe"] = run_search(objectives["tpe"], Search("tpe", **settings), storage)
trials = {name: trials_table(study) for name, study in studies.items()}

# %%
summary = pd.DataFrame(
    {
        "trials": {name: len(each) for name, each in trials.items()},
        "pruned": {name: (each["state"] == "pruned").sum() for name, each in trials.items()},
        "epochs": {name: each["epochs"].sum() for name, each in trials.items()},
        "best score": {name: each["score"].min() for name, each in trials.items()},
    }
)
print(summary.round(4).to_string())

# %% mystnb={"figure": {"caption": "Score of each trial (points; crosses: given up, at the bottom) and the best so far (lines).", "name": "fig-search-history"}, "image": {"alt": "Scaled quantile loss of the trials of three searches with the running best of each: most of the gain comes in the first few trials and the curves end close together."}}
fig, ax = plt.subplots(figsize=(6.5, 3.2))
floor = min(each["score"].min() for each in trials.values()) * 0.985
for k, (name, each) in enumerate(trials.items()):
    ax.step(each["number"], each["best"], where="post", label=name, color=f"C{k}")
    ax.plot(each["number"], each["score"], "os^"[k], color=f"C{k}", markersize=4)
    given_up = each.loc[each["state"] == "pruned", "number"]
    ax.plot(given_up, np.full(len(given_up), floor - 0.002 * k), "x", color=f"C{k}", markersize=4)
ax.set(xlabel="trial", ylabel="scaled quantile loss")
ax.legend()
plt.show()

# %% [markdown]
# ### Which field matters?
#
# Slices show each field alone, given-up trials left out; the functional ANOVA splits the variance of the score among the
# fields {cite:p}`hutter2014`. From two dozen trials both are hints, not findings.

# %%
drawn = pd.concat([trials["random"], trials["tpe"].iloc[startup:]], ignore_index=True)
done = drawn[drawn["state"] == "complete"]
shares = (
    importances(studies["random"], seed)
    if (trials["random"]["state"] == "complete").sum() >= 2
    else pd.Series(dtype=float)
)

# %% mystnb={"figure": {"caption": "Score of the complete random and Bayesian trials over each field; last, the share of the score's variance that each field explains (functional ANOVA of the random search).", "name": "fig-search-slice"}, "image": {"alt": "Seven small scatter plots of the scaled quantile loss against each searched field and bars of their importance: few fields show a trend, most scatter."}}
fig, axes = plt.subplots(2, 4, figsize=(7, 3.6))
for ax, name in zip(axes.flat, space.ranges, strict=False):
    ax.semilogx(done[name], done["score"], ".") if space.is_log(name) else ax.plot(done[name], done["score"], ".")
    ax.set(xlabel=name, ylim=(done["score"].min() - 0.001, done["score"].max() + 0.001))
    ax.minorticks_off()
    ax.grid(False)
    if space.is_log(name):
        ax.set_xticks([low := done[name].min(), high := done[name].max()], [f"{low:.1g}", f"{high:.1g}"])
    if ax not in axes[:, 0]:
        ax.tick_params(labelleft=False)
for ax in axes[:, 0]:
    ax.set_ylabel("scaled quantile loss")
axes.flat[-1].barh(shares.index[::-1], 100 * shares.to_numpy()[::-1])
axes.flat[-1].tick_params(axis="y", labelsize=7)
axes.flat[-1].set(xlabel="share (%)")
plt.show()

# %% [markdown]
# ## Stopped, resumed, repeated
#
# A search lives in an SQLite file of the run folder. Trial $n$ draws from a generator seeded by $(\text{seed}, n)$ and looks only at the
# trials before it, so a search that was stopped goes on to the same trials. The name of the study holds a fingerprint of data,
# space and code: other data begin a new search. We show it with tiny networks.

# %% tags=["nbval-check-output"]
tiny = replace(base, training=replace(base.training, max_epochs=1))
few = sample_series(table, min(protocol.origins), 3)
objective = Objective(few, meta, replace(protocol, origins=protocol.origins[-1:]), space, tiny)
with tempfile.TemporaryDirectory() as folder:
    for trials_at_a_time in (2, 4):  # the second call goes on where the first one ended
        stopped = run_search(objective, Search("tpe", trials_at_a_time, seed, startup=2), Path(folder) / "a.db")
    whole = run_search(objective, Search("tpe", 4, seed, startup=2), Path(folder) / "b.db")
    resumed, undisturbed = ([(t.params, t.value) for t in study.trials] for study in (stopped, whole))
assert resumed == undisturbed
print(f"{len(resumed)} trials of a stopped and of an undisturbed search are equal: {resumed == undisturbed}")

# %% [markdown]
# With several `workers` the trials run in processes that share the file. Random search still draws good configurations,
# but what the Bayesian sampler and the pruner have seen by a trial then depends on timing.
#
# ## What did the search gain?
#
# The winner's score is too good: it is the lowest of many noisy ones. So the winners and the defaults are trained with seeds
# that no search has used, at the validation origins and on the horizon kept apart.

# %%
candidates = {"default": base}
for name in ("random", "tpe"):
    candidates[f"best of {name}"] = with_values(base, best_values(studies[name], space))
if candidates["best of tpe"] == candidates["best of random"]:
    print("the Bayesian search found nothing better than the draws it shares with the random one")
    del candidates["best of tpe"]

# %%
fresh = range(seed + 1, seed + 1 + comparison_seeds)
again = compare(table, meta, protocol, candidates, fresh, device=device)
later = compare(table, meta, check, candidates, fresh, device=device)


# %%
def gain_over(results: pd.DataFrame, reference: str) -> pd.DataFrame:
    """Per cent by which each configuration's score is lower, paired by seed: mean and standard deviation."""
    by_seed = results.groupby(["config", "seed"], sort=False)["score"].mean().unstack("seed")
    gains = 100 * (1 - by_seed / by_seed.loc[reference])
    return pd.DataFrame({"gain": gains.mean(axis=1), "spread": gains.std(axis=1, ddof=1)}).drop(reference)


gains = {"validation": gain_over(again, "default"), "later": gain_over(later, "default")}

# %%
default_score = objectives["tpe"].score(base)
promised = {name: 100 * (1 - studies[name.split()[-1]].best_value / default_score) for name in list(candidates)[1:]}

# %%
shown = pd.concat({"in the search": pd.DataFrame({"gain": promised}), **gains}, axis=1)
print(f"gain over the defaults, per cent (spread: standard deviation over {comparison_seeds} seeds)")
print(shown.round(2).to_string())

# %% mystnb={"figure": {"caption": "Gain over the defaults: as the search reported it, with new seeds at the same origins, and on the later horizon. Bars: standard deviation over seeds.", "name": "fig-search-gain"}, "image": {"alt": "Gain of the searches' winners over the default configuration in per cent: the gain that the search reports shrinks with new seeds, and shrinks or turns on the later horizon."}}
fig, ax = plt.subplots(figsize=(6.5, 3.2))
place = np.arange(len(promised))
ax.plot(place - 0.2, list(promised.values()), "D", label="in the search")
for k, (name, each) in enumerate(gains.items()):
    ax.errorbar(place + 0.2 * k, each["gain"], each["spread"], fmt="os"[k], capsize=3, label=name)
ax.axhline(0, color="0.3", linestyle=":")
ax.set(xticks=place, xticklabels=list(promised), ylabel="gain over the defaults (%)")
ax.legend()
plt.show()

# %% [markdown]
# The choice is made at the validation origins, with the new seeds; the later horizon is only looked at. Defaults stay unless
# a winner's gain is more than twice its standard error: a change that is not felt is not worth explaining.

# %%
sure = gains["validation"]["gain"] - 2 * gains["validation"]["spread"] / np.sqrt(comparison_seeds)
chosen = sure.idxmax() if sure.max() > 0 else "default"
values = {} if chosen == "default" else best_values(studies[chosen.split()[-1]], space)
print(f"chosen: {chosen}, {values}")

# %%
best_later = summarise(later)["config"].iloc[0]
print(f"best on the later horizon: {best_later}")

# %% [markdown]
# ## Which architecture when?
#
# The same split and the same seeds for every network; only what the name says differs from the defaults (an LSTM with a head of
# quantiles). A difference that is smaller than the spread over seeds is none. Simple recurrent networks and GRUs {cite:p}`cho2014`
# have fewer gates; attention {cite:p}`bahdanau2015` looks back at all states, a Transformer {cite:p}`vaswani2017` at nothing
# else; the MLP, without any notion of order, is the control. The other heads put out a distribution's parameters instead of quantiles.

# %%
networks = {
    "default": base,
    "hidden 16": replace(base, hidden_size=16),
    "hidden 128": replace(base, hidden_size=128),
    "2 layers": replace(base, num_layers=2),
    f"window {windows[0]}": replace(base, window=windows[0]),
    f"window {windows[2]}": replace(base, window=windows[2]),
    **{name: replace(base, encoder=name) for name in ENCODERS if name != base.encoder},
    **{name: replace(base, head=name) for name in HEADS if name != base.head},
}

# %%
newest = replace(protocol, origins=protocol.origins[-1:])
architectures = compare(table, meta, newest, networks, fresh, device=device)

# %%
overview = summarise(architectures).drop(columns=["history", "seeds"])
print(overview.round({"score": 4, "spread": 4, "epochs": 1, "seconds": 2}).to_string(index=False))

# %% mystnb={"figure": {"caption": "Score against the number of parameters, mean and standard deviation over seeds.", "name": "fig-architectures"}, "image": {"alt": "Scaled quantile loss with error bars over the number of parameters of each network: the window moves the score more than the size does, many times more parameters bring little."}}
fig, ax = plt.subplots(figsize=(6.5, 3.2))
for k, row in enumerate(overview.itertuples()):
    ax.errorbar(row.parameters, row.score, row.spread, fmt="osD^vPX*<>"[k % 10], capsize=3, label=row.config)
ax.set(xlabel="parameters", ylabel="scaled quantile loss", xscale="log")
fig.legend(loc="outside right upper", fontsize="x-small")
plt.show()

# %% [markdown]
# ## Regularisation at work
#
# To see what regularisation does, something must need it: a network without any, at a high and constant learning rate.
# Early stopping is the cheapest remedy: keep the epoch with the best validation loss.

# %%
bare = replace(
    base,
    dropout=0.0,
    weight_decay=0.0,
    learning_rate=0.01,
    training=replace(
        base.training, max_epochs=regularisation_epochs, patience=regularisation_epochs, schedule="constant"
    ),
)

# %%
log = fit_network(table, meta, newest.origins[0], bare, device=device, refit=False).search

# %% mystnb={"figure": {"caption": "Losses of a network without regularisation; the dotted line marks the epoch that early stopping keeps.", "name": "fig-early-stopping"}, "image": {"alt": "Training loss keeps falling while validation loss stops falling after the first epochs and rises; early stopping keeps the epoch in between."}}
fig, ax = plt.subplots(figsize=(5.5, 2.7))
passes = range(1, len(log.train) + 1)
ax.plot(passes, log.train, marker="o", markersize=3, label="training")
ax.plot(passes, log.validation, marker="s", markersize=3, label="validation")
ax.axvline(log.best_epoch + 1, color="0.3", linestyle=":")
ax.set(xlabel="epoch", ylabel="pinball loss (scaled units)")
ax.legend()
plt.show()

# %% [markdown]
# The other remedies change the training itself. **Dropout** switches units off at random, **weight decay** pulls weights towards zero.
# **Augmentation** disturbs the history and leaves the target: jitter adds noise to each measured value, scaling multiplies a window
# by one factor {cite:p}`um2017`, warping lets a stretch of it run at half or double speed {cite:p}`leguennec2016`. **Adversarial
# training** adds the worst small change instead of a random one, a step of size $\varepsilon$ along the sign of the loss's
# gradient {cite:p}`goodfellow2015`,
#
# ```{math}
# :label: eq-fgsm
# \tilde x = x+\varepsilon\,\operatorname{sign}\nabla_x L(x,y),\qquad L'=\tfrac12 L(x,y)+\tfrac12 L(\tilde x,y).
# ```
#
# Each is scored on the histories as they were, with noise as large as the window's mean, and under attack: every measured
# value of the network's own test histories is moved by a fifth of the mean in the direction that hurts it most.

# %%
remedies = {
    "none": {},
    "dropout": {"dropout": 0.3},
    "weight decay": {"weight_decay": 0.3},
    "jitter": {"training.regularisation.jitter": 0.3},
    "scaling": {"training.regularisation.scaling": 0.3},
    "warping": {"training.regularisation.warping": 0.5},
    "adversarial": {"training.regularisation.adversarial": 0.1},
}

# %%
treated = {name: with_values(bare, change) for name, change in remedies.items()}
histories = {"clean": Regularisation(), "noise": Regularisation(jitter=1.0), "attack": Regularisation(adversarial=0.2)}
seeds = range(seed, seed + regularisation_seeds)
effects = compare(table, meta, newest, treated, seeds, histories, device=device)

# %%
effect = summarise(effects).pivot(index="config", columns="history", values=["score", "spread"]).reindex(list(remedies))
robust = effect["score"][list(histories)]
robust.insert(0, "last epoch", effects[effects["history"] == "clean"].groupby("config")["last_score"].mean())
robust["spread of clean"] = effect["spread"]["clean"]
robust["lost to attack (%)"] = 100 * (robust["attack"] / robust["clean"] - 1)
print(robust.round(4).to_string())

# %% mystnb={"figure": {"caption": "Score on clean, noisy and attacked histories by kind of regularisation; bars: standard deviation over seeds.", "name": "fig-regularisation"}, "image": {"alt": "Scaled quantile loss of seven kinds of regularisation on three kinds of history: on clean ones they lie close together, noise changes little, and under attack adversarial training loses least."}}
fig, ax = plt.subplots(figsize=(7, 3.2))
place = np.arange(len(remedies))
for k, history in enumerate(histories):
    ax.errorbar(
        place + 0.15 * (k - 1), robust[history], effect["spread"][history], fmt="os^"[k], capsize=3, label=history
    )
ax.set(xticks=place, xticklabels=list(remedies), ylabel="scaled quantile loss")
ax.legend()
plt.show()

# %%
clean, stopping = robust["clean"], 100 * (1 - robust["clean"] / robust["last epoch"])
print(f"early stopping alone lowers the error by {stopping['none']:.1f} %")
print(f"lowest error on clean histories: {clean.idxmin()}, under attack: {robust['attack'].idxmin()}")
better = [name for name in list(remedies)[1:] if clean["none"] - clean[name] > robust["spread of clean"][name]]
print(f"better than none on clean histories by more than the spread over seeds: {', '.join(better) or 'nothing'}")

# %%
selection = {
    "first_cutoff": str(first_cutoff.date()),
    "origins": [str(origin.date()) for origin in protocol.origins],
    "later_origin": str(check.origins[0].date()),
    "series": len(table.frame["unique_id"].unique()),
    "chosen": chosen,
    "values": values,  # with_values(NetworkConfig(), values) makes the configuration
    "searches": {
        name: {
            "best_score": study.best_value,
            "best": best_values(study, spaces[name]),
            "pruned": int(summary["pruned"][name]),
        }
        for name, study in studies.items()
    },
    "gain_percent": {name: each.to_dict("index") for name, each in gains.items()} | {"in_search": promised},
    "importance": shares.to_dict(),
    "architectures": overview.drop(columns="seconds").set_index("config").to_dict("index"),
    "regularisation": robust.to_dict("index"),
}

# %%
_ = write_json(selection, resolve(run_dir) / "selection.json")
storage.unlink()  # the chapter is complete: nothing is left to resume, and the next run shall search anew

# %% [markdown]
# ## Summary
#
# - We scored configurations by rolling origins before the first cutoff, in units that do not depend on the network.
# - We searched by grid, at random and with the Parzen estimator, gave bad trials up, and resumed a stopped search.
# - We trained the winners with new seeds: the table above says how much of the promised gain was left.
# - We compared architectures with mean and spread: what differs by less than the spread does not differ.
# - We saw what each kind of regularisation does to the error, and how much it takes from an attack.
#
# With so few products and epochs this is a search in miniature. Before a shop relies on a choice it should run with more
# series, origins and trials: the parameters at the top are all it takes.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-search-test
# Why is it not enough to keep the test days out of training? Could the search choose by the error of chapter 07?
# ```
#
# ```{solution} ex-search-test
# :class: dropdown
# Choosing is fitting: the lowest of many test errors is too low on average, the more so the more trials there are and the
# fewer rows are scored. The gain in the search against the gain with new seeds shows the effect on the validation origins.
# ```
#
# ```{exercise}
# :label: ex-search-space
# Let the search choose the feature groups too: which field is that, and how is it declared?
# ```
#
# ```{solution} ex-search-space
# :class: dropdown
# `"without": Choice(((), ("lags",), ("seasonality",)))`. Any field of `NetworkConfig` can be named, and with a dot those of
# `TrainingConfig`: `"training.volume_weight": Range(0.0, 1.0)`.
# ```
#
# ```{exercise}
# :label: ex-warping
# Why may warping hurt a forecast of daily sales when it helps to classify movements?
# ```
#
# ```{solution} ex-warping
# :class: dropdown
# It moves sales to other weekdays, while the calendar columns stay: the rhythm that the network should read is blurred. A movement
# of the arm is the same movement at another speed.
# ```
#
# ## References
#
# Random search {cite:p}`bergstra2012`, the Parzen estimator {cite:p}`bergstra2011`, Optuna {cite:p}`akiba2019`, early giving up
# {cite:p}`li2018`, importance {cite:p}`hutter2014`, optimism of a selection {cite:p}`cawley2010`, augmentation {cite:p}`um2017`
# {cite:p}`leguennec2016`, adversarial training {cite:p}`goodfellow2015`.
