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
# (ch-champion)=
# # The champion
#
# A shop needs one forecast, today, without knowing which model will turn out best. This chapter answers: **what should a run
# forecast with?** In it we will
#
# - let several models forecast earlier cutoffs of these very data, and judge them there;
# - mix them by weights from those cutoffs, and widen their intervals by what was missed;
# - rebuild the mixture by hand;
# - try another plan with the stored models, beside a truth that is known;
# - ask, on the months that nobody had seen, whether the choice was right.
#
# All later chapters order, warn and promote by what is made here; it needs the features of {ref}`ch-features` and none of
# the chapters between.
#
# *Prerequisites:* {ref}`ch-ensembles`. *Running time:* see the [status page](../book/status.md).

# %% tags=["hide-input"]
from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES
from salesforecast_lib.data.calendar import cutoffs_within
from salesforecast_lib.data.features import load_features
from salesforecast_lib.data.marketplace import MarketplaceConfig
from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.decisions import driving
from salesforecast_lib.decisions.whatif import market as known_market
from salesforecast_lib.evaluation import champion as chosen_one
from salesforecast_lib.evaluation.backtest import comparable_panel
from salesforecast_lib.evaluation.metrics import evaluate, scored_rows
from salesforecast_lib.models.champion import ChampionConfig
from salesforecast_lib.models.champion import champion_forecasts
from salesforecast_lib.models.ensembles import verdicts
from salesforecast_lib.models.ensembles.members import read_known
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of everything random
cutoffs: int = 3  # rolling origins of the evaluation
threads: int = 1  # of each fit
budget_minutes: float = 3.0  # what the champion's models may take, about
whatif_products: int = 40  # of the simulated markets that answer another plan
whatif_markets: int = 5  # more of them, asked about prices; 0: no market

# %% tags=["hide-input"]
panel, meta = load_panel(run_dir)
table, described = load_features(run_dir)
horizon, freq, season = meta["horizon"], meta["freq"], meta["season_length"]
today = panel["ds"].max()
ends = cutoffs_within(panel["ds"], freq, horizon, cutoffs)
known = read_known(run_dir, table)

# %% [markdown]
# ## Judged before the day
#
# Which forecast should drive the shop? Not the one that looks best on the test months: nobody knows that beforehand. The
# *champion* is made with what is known at a cutoff only. Its members are boosted trees with a long memory, the direct
# trees of {ref}`ch-ensembles`, networks that learn from every day of a window at once, and simple rules. Each of them also
# forecasts earlier cutoffs of these very data, a horizon apart. On these
#
# - a member that failed, or lost out of all proportion, is left out by name;
# - the weights are learned, and the width of the intervals with them;
# - a simple rule that nothing beat becomes the forecast, alone.
#
# How many models are fitted, and how large, follows from the size of the data and from `budget_minutes`.

# %%
config = ChampionConfig(budget_minutes, seed=seed, threads=threads)
champion = champion_forecasts(table, known, described, [*ends, today], config)
_ = chosen_one.write_champion(champion, config, panel, run_dir)

# %% [markdown]
# A cutoff is judged on cutoffs whose whole horizon had ended by then:

# %% tags=["nbval-check-output"]
for when, composition in champion.compositions.items():
    judged = composition.validated_at
    print(f"{when}: {', '.join(judged) or 'no earlier cutoff'}")

# %% [markdown]
# What it consists of at the end of the data, in words and as a table. The loss is the scaled quantile loss over the earlier
# cutoffs.

# %%
now = champion.compositions[str(today.date())]
driving.consists_of(now.to_json())

# %%
driving.composition_table(now.to_json())[["share", "loss"]].round(3)

# %% [markdown]
# The weights are learned anew at each cutoff, so they move.

# %% mystnb={"figure": {"caption": "What the champion consists of at each cutoff; the last one is the end of the data.", "name": "fig-champion"}, "image": {"alt": "Stacked horizontal bars of the members' shares, one bar for each cutoff: the shares at neighbouring cutoffs are alike where the earlier cutoffs say much the same."}}
ax = chosen_one.shares_over_time(champion).iloc[::-1].plot.barh(
    stacked=True, edgecolor="white"
)
ax.set(xlabel="share", ylabel="cutoff", xlim=(0, 1))
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# ## The mixture by hand
#
# With the weights $w_m$ of the members' quantiles $\hat q_{m,p}$ and the factor $s$ on their spread, the champion's
# quantiles are
#
# ```{math}
# :label: eq-champion
# \bar q_p=\sum_m w_m\,\hat q_{m,p},\qquad
# \hat q_p=\max\bigl(0,\;\bar q_{0.5}+s\,(\bar q_p-\bar q_{0.5})\bigr).
# ```
#
# $s$ is the factor with which intervals would have covered what they claim on the earlier cutoffs. Models that learn are
# surer of what they have seen than of what comes, so it is often above one. Quantiles are averaged, not probabilities: the
# mixture is as sharp as its members {cite:p}`lichtendahl2013`. Where the two differ below, the library cut what the
# history makes unthinkable.

# %% tags=["nbval-check-output"]
keys = ["unique_id", "ds"]
members = champion.members[champion.members["cutoff"] == today]
members = members[members["model"].isin(now.weights)].sort_values(keys)
parts = {
    name: part[list(QUANTILE_COLUMNS)].to_numpy()
    for name, part in members.groupby("model")
}
mixed = sum(now.weights[name] * parts[name] for name in parts)
middle = mixed[:, [QUANTILES.index(0.5)]]
by_hand = np.maximum(0, middle + now.spread * (mixed - middle))
made = champion.forecasts[champion.forecasts["cutoff"] == today]
made = made.sort_values(keys)[list(QUANTILE_COLUMNS)].to_numpy()
alike = np.isclose(made, by_hand, rtol=0.01, atol=0.01).all(axis=1)
print(f"by hand and by the library alike in {alike.mean():.0%} of the rows")

# %% [markdown]
# ## Was it right?
#
# On the scored cutoffs the champion stands beside its members. The best of them is known only now.

# %% tags=["nbval-check-output"]
comparable = comparable_panel(panel, ends)
series = comparable["unique_id"].unique()
print(f"{len(series)} products at {len(ends)} cutoffs from {ends[0].date()}")

# %%
beside = chosen_one.beside_members(champion)
beside = beside[beside["unique_id"].isin(series)]
shown = ["wape", "bias", "mase", "scaled_quantile_loss", "coverage_80"]
score = evaluate(scored_rows(beside, comparable), comparable, season)
score = score.set_index("model")
score[shown].round(3)

# %%
sat = champion.members["model"].unique()
for measure, words in verdicts.MEASURES.items():
    print(chosen_one.best_member_found(score[measure], sat, words))

# %% [markdown]
# Is the error alike for all products? A planner sees the products, not the mean of them.

# %% mystnb={"figure": {"caption": "Share of products whose WAPE is below a value: the champion and the seasonal naive.", "name": "fig-champion-products"}, "image": {"alt": "Two rising curves of the share of products over their WAPE, one of the champion and one of the seasonal naive."}}
one = beside[beside["model"].isin(["Champion", "SeasonalNaive"])]
by_product = evaluate(
    scored_rows(one, comparable), comparable, season, ["unique_id"]
)
fig, ax = plt.subplots()
for name, part in by_product.groupby("model"):
    ax.ecdf(part["wape"].dropna(), label=name)
ax.set(xlabel="WAPE of the product", ylabel="share of products", xlim=(0, 2))
ax.legend()
plt.show()

# %% [markdown]
# ## Another plan
#
# The fitted models of the last cutoff stay in the run, in `champion/`. When the plan changes they forecast again in seconds,
# and nothing is trained: `salesforecast whatif RUN --plan FILE` writes the difference in units, money and stock of each
# product. With the run's own plan they must give the run's own forecast.

# %% tags=["nbval-check-output"]
again = champion.stored.forecast(table, known)
own = champion.forecasts[champion.forecasts["cutoff"] == today]
assert np.allclose(again["mean"], own["mean"])
print("the stored models give the run's own forecast")

# %% [markdown]
# Models that forecast shrink what they saw seldom, and a change of price is seldom: their answer to a price is too small.
# So its size is measured apart, on the changes of price that the shop made itself. Sales of product $i$ in period $t$ are
#
# ```{math}
# :label: eq-price-response
# E[y_{it}]=a_{i,\text{block}}\;d_t\;\exp(\text{weekday, promotions})\;p_{it}^{\,e_i}\;P_{it}^{\,c},
# ```
#
# a Poisson regression {cite:p}`santos2006` whose levels $a$ change every eight weeks, so that only prices that changed
# within a block count; $d_t$ is what all products had on that day, $P$ the index of the rivals' prices in the product's
# group. The elasticities $e_i$ are drawn towards their mean. Where the price is all that a plan changes, the forecast is
# the one under the run's plan times that effect, with its interval; promotions stay the models'.
#
# Is the difference true? No shop can know: it sees one plan only. The simulated marketplace can, with the same products,
# days and chance, and other prices. We make two of them. In the first, prices are trials, drawn at random. In the second a
# manager sees demand before anybody else and asks more when it is strong. Every fourth product gets four other plans
# for two weeks; one member forecasts, to be quick.

# %%
made_market = MarketplaceConfig(
    products=whatif_products, days=500, units=100_000, seed=seed,
    price_noise=0.1, confounding=0.0, stock_cover=0.0,
    launch_share=0.0, delisting_share=0.0, regime_share=0.0,
)  # fmt: skip
quick = replace(config, members=("LightGBMDirect",), validation=0)
made = {"prices tried": 0.0, "prices follow demand": 1.0}
found = {}
for name, follows in made.items() if whatif_markets else ():
    case = known_market.market_case(replace(made_market, confounding=follows))
    told = case.table, case.known(), case.meta, [case.cutoff]
    model = champion_forecasts(*told, quick).stored
    found[name] = known_market.compared_plans(case, model)

# %% mystnb={"figure": {"caption": "Change of sales under four other plans, in per cent: the truth of the simulated market, the answer, and what the models alone would say, where prices were tried at random and where they follow demand.", "name": "fig-whatif"}, "image": {"alt": "Two panels of bars for four plans, truth, answer and models alone: with tried prices the answer lies near the truth for the promotion and for a tenth less or more, and behind it for the halved price, which most had never tried; where prices follow demand the answer to every price is far smaller than the truth."}}
fig, axes = plt.subplots(1, 2, figsize=(9, 3.6), sharey=True)
for ax, (name, table_of) in zip(axes, found.items(), strict=False):
    columns = {"models": "models alone", "forecast": "answer"}
    shown_plans = table_of.rename(columns=columns).iloc[::-1]
    shown_plans = shown_plans[["models alone", "answer", "truth"]]
    shown_plans.plot.barh(ax=ax, legend=ax is axes[0], width=0.75)
    ax.set(title=name, xlabel="change of units (%)", ylabel="")
plt.show()

# %%
for name, table_of in found.items():
    print(f"{name}:", *known_market.plans_found(table_of), sep="\n  ")

# %% tags=["nbval-check-output"]
size = {
    name: table_of["forecast"] / table_of["truth"]
    for name, table_of in found.items()
}
cut, halved = "price cut by a tenth", "price halved"
if size:
    tried, hidden = size["prices tried"], size["prices follow demand"]
    less = "less" if hidden[cut] < tried[cut] else "no less"
    never = found["prices tried"].loc[halved, "never_tried"]
    short = "falls short of" if tried[halved] < 0.9 else "reaches"
    print(f"{cut}: where prices follow demand, {less} of its effect is seen")
    print(f"{halved}: never tried by {never}, the answer {short} the truth")

# %% [markdown]
# One market is one draw. The answer to a price needs no forecast, so we can ask it of more markets: prices a tenth lower
# and higher for every fourth product, beside the truth of each. How the levels and the rivals enter was chosen on other
# markets than these.

# %% tags=["nbval-check-output"]
others = range(seed + 1, seed + 1 + whatif_markets)
asked = known_market.measured_prices(made_market, others)
middle = asked["share"].median()
enough = len(asked) >= 50  # fewer answers have a middle of their own
assert not enough or 0.9 <= middle <= 1.1, middle
print(f"{len(others)} markets, {len(asked)} answers to tried prices:")
print(f"{middle:.2f} of the true difference, in the median")

# %%
by_market = asked.groupby("market")["share"]
by_market = by_market.quantile([0.25, 0.5, 0.75]).unstack().round(2)
by_market["inside"] = asked.groupby("market")["inside"].mean().round(2)
by_market

# %% [markdown]
# The rows are the markets: quartiles of the answered over the true difference, and the share of products whose 95 % interval
# holds the truth. A single product's answer can be far off; its interval says by how much.
#
# A difference is believable when the product has tried what is planned, and when what it tried had nothing to do with
# demand. The first is counted, and the tool says it of each product: *tried*, *between* what was tried, tried *by others*
# of its group, *never*; beyond the tried prices the effect stops, so that it is a least size. The second is not in the
# data. A manager who prices by demand hides what a price does, and no forecast undoes that; a test does
# ({ref}`ch-pricing`).

# %% [markdown]
# ## Summary
#
# - Members are judged on earlier cutoffs of the shop's own data, and what failed there is left out by name.
# - Weights, width of the intervals and the factor on the mean come from these cutoffs, never from the scored months.
# - The mixture is a weighted average of quantiles, which we rebuilt by hand.
# - We held the champion against the best of its members, which nobody could have known.
# - The stored models forecast another plan without training; what a price does is measured on the shop's own changes of
#   price. Over several markets the answer to tried prices is, in the median, within a tenth of the truth; it stops where
#   no price was tried, and is too small where prices follow demand.
#
# `-p model=LSTM` lets another forecast drive the chapters that follow.
#
# ```{admonition} What to do on Monday
# :class: tip
# 1. Read what the champion consists of. Where a simple rule is all of it, your data are too short or too quiet for more.
# 2. Tell the run what you know ahead (promotions, prices, closed days) before you give it more minutes.
# 3. Look at who was left out and why: a member that fails often points at faulty data.
# ```
#
# ## Exercises
#
# ```{exercise}
# :label: ex-champion-budget
# Give the champion half of the minutes (`-p budget_minutes=1.5`), and then three times as many. What changes in its members,
# and what in its error?
# ```
#
# ```{solution} ex-champion-budget
# :class: dropdown
# Fewer rows and trees, fewer networks, and below some size a member is left out with the sentence that the budget has no room
# for it. The error moves far less than the minutes do: most of what can be learned from these data is learned by the first
# fits.
# ```
#
# ```{exercise}
# :label: ex-champion-mean
# The mixture's median lies between those of its members. Must its mean lie between their means, as the library makes it?
# ```
#
# ```{solution} ex-champion-mean
# :class: dropdown
# No. Members whose point forecast is a median are left out of the mean, and what is left is drawn half-way to the mean of the
# mixture's own quantiles. A product that sells much now and then has a mean above most of its quantiles; the last of them is
# where the table ends, so neither of the two halves is right alone.
# ```
#
# ## References
#
# Poisson regression of sales {cite:p}`santos2006`. Averages of quantiles {cite:p}`lichtendahl2013`, greedy selection {cite:p}`caruana2004`, combination {cite:p}`bates1969`.
