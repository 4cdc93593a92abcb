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
# (ch-trust)=
# # Why this forecast, and may I believe the reason?
#
# A planner who is told "118 units" asks why before ordering them. This chapter answers in units of sales: **what did the
# model make of the promotion, the price, the season and the recent sales, and how far can that be believed?** In it we
# will
#
# - take one forecast of the champion apart into bars that add up to it exactly;
# - compute Shapley values of a small tree and integrated gradients of the network by hand;
# - ask what the error owes to each driver, and how the forecast moves with price and promotion;
# - look at attention, and see why it is no explanation;
# - hold the attributions against a simulated market whose true drivers are known, and say where they fail.
#
# *Prerequisites:* {ref}`ch-champion`, {ref}`ch-training`. *Running time:* see the [status page](../book/status.md).

# %% tags=["hide-input"]
from itertools import combinations

import lightgbm as lgb
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from salesforecast_lib.models.forecaster import NetworkConfig, fit_network
from salesforecast_lib.models.forecaster import load_forecaster
from salesforecast_lib.models.training.loop import TrainingConfig
from salesforecast_lib.plots import use_book_style
from salesforecast_lib.production import explain
from salesforecast_lib.production.explain import dependence, earlier
from salesforecast_lib.production.explain import figures, gradients
from salesforecast_lib.production.explain import truth, verdicts

use_book_style()
pd.set_option("display.max_colwidth", None)  # sentences stand in tables

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of everything random
explained_product: str = ""  # the card's; empty takes the clearest one
gradient_products: int = 16  # products whose network forecasts are taken apart
shuffles: int = 5  # of each driver
known_products: int = 120  # in the simulated market
known_horizons: int = 2  # horizons of it that are explained

# %% [markdown]
# ## One forecast, taken apart
#
# The champion of {ref}`ch-champion` is a committee: trees, networks and rules, with weights. Its stored models are
# loaded, all products are explained in one pass, and here is one of them.

# %%
run = explain.run_parts(run_dir)
reasons, period, miss = explain.run_reasons(run)
clear = np.abs(np.where(reasons.sure, reasons.added, 0)).sum(axis=1)
clearest = reasons.names[np.argmax(clear / np.maximum(reasons.usual, 1e-9))]
card = explain.why(reasons, explained_product or clearest, period, miss)

# %% mystnb={"figure": {"caption": "Why the forecast of one product is what it is: from its usual sales, each bar begins where the one above it ends.", "name": "fig-waterfall"}, "image": {"alt": "Waterfall of one product's forecast: a grey bar of the usual sales, blue bars of drivers that add to it, hatched orange bars of those that take away, and a grey bar of the forecast."}}
figures.draw_waterfall(card)
plt.show()

# %%
pd.DataFrame(
    {card.product: [card.sentence, card.certainty, explain.card.CAUTION]}
)

# %% [markdown]
# *Usual* is what the trees expect of a product with this level of sales on an average day of their training data. The
# bars need no trust: they are exact for the trees, and what trees do not explain (the networks, the recursive model, the
# step to the mean, the calibration) is told as one bar, *everything else*. So they add up, for every product:

# %% tags=["nbval-check-output"]
total = reasons.usual + reasons.added.sum(axis=1) + reasons.rest
assert np.allclose(total, reasons.forecast)
print("usual + drivers + rest = forecast, for every product: True")

# %% [markdown]
# ## How much is fair? Shapley's answer
#
# When a promotion falls into the high season, which of the two sold the extra units? Shapley's answer averages over the
# orders in which the drivers may come in {cite:p}`shapley1953`. For a tree, $v(S)$ is its forecast when only the columns
# in $S$ are known: at a split on an unknown column both ways are taken, weighed by the training rows that went there
# {cite:p}`lundberg2020`. With two columns there are two orders:
#
# ```{math}
# :label: eq-shapley
# \phi_1=\tfrac12\big[v(1)-v(\emptyset)\big]+\tfrac12\big[v(12)-v(2)\big].
# ```

# %%
rng = np.random.default_rng(seed)
told = rng.integers(0, 2, (400, 2)).astype(float)  # promotion, high season
sold = 10 + 4 * told[:, 0] + 3 * told[:, 1] + 5 * told.prod(axis=1)
tiny = {"num_leaves": 4, "min_data_in_leaf": 5, "learning_rate": 1.0}
stump = lgb.train({**tiny, "verbosity": -1}, lgb.Dataset(told, sold), 1)


# %%
def value(node: dict, row: np.ndarray, known: tuple[int, ...]) -> float:
    """Forecast of a tree for ``row`` when only the ``known`` columns are."""
    if "leaf_value" in node:
        return node["leaf_value"]
    sides = [node["left_child"], node["right_child"]]
    if node["split_feature"] in known:
        right = row[node["split_feature"]] > node["threshold"]
        return value(sides[int(right)], row, known)
    rows = [s.get("leaf_count", s.get("internal_count")) for s in sides]
    return np.average([value(s, row, known) for s in sides], weights=rows)


# %% tags=["nbval-check-output"]
root = stump.dump_model()["tree_info"][0]["tree_structure"]
row = np.array([1.0, 1.0])
v = {
    known: value(root, row, known)
    for size in range(3)
    for known in combinations((0, 1), size)
}
promotion = (v[(0,)] - v[()] + v[(0, 1)] - v[(1,)]) / 2
season = (v[(1,)] - v[()] + v[(0, 1)] - v[(0,)]) / 2
exact = stump.predict(row[None], pred_contrib=True)[0]
assert np.allclose([promotion, season, v[()]], exact)
print(f"usual {v[()]:.1f}, promotion {promotion:+.1f}, season {season:+.1f}")

# %% [markdown]
# LightGBM computes the same for trees of any depth, in one call. But on which scale do they add up? Our trees forecast in
# *levels* of a series, in levels times last year's season, or in changes from the level. Each is a shift and a factor
# that are known at the cutoff:
#
# ```{math}
# :label: eq-units
# \hat y=s+u\Big(\phi_0+\sum_k\phi_k\Big),\qquad\text{so driver } k \text{ adds } u\,\phi_k \text{ units.}
# ```
#
# The mean of several trees is the mean of their bars. That the committee's tree members come out again, to the last
# digit, is what the library asserts here:

# %%
table, meta, known, parts = run.table, run.meta, run.known, run.parts
pd.DataFrame(
    {
        "share of the trees": [part.share for part in parts],
        "units over all products": [part.mean.sum() for part in parts],
    }
).round(2)

# %% tags=["nbval-check-output"]
mixed = sum(part.share * part.mean.sum(axis=1) for part in parts)
ours = reasons.usual + reasons.added.sum(axis=1)
order = np.searchsorted(reasons.names, parts[0].names) if parts else []
assert not parts or np.allclose(mixed, ours[order])
print("the trees' own forecasts come out again:", True)

# %%
pd.DataFrame(
    {"found": [verdicts.rest_found(reasons), verdicts.sure_found(reasons)]}
)

# %% [markdown]
# A reason is called *sure* when all trees of the committee give it the same sign, and it is a unit and a twentieth of the
# usual at least. They were fitted to different draws of the data and see the series in different units; where they
# disagree, the reason is an accident of one of them.
#
# ## A network: the gradient on the way
#
# A network has no splits. Its gradient says what the forecast would do next, but not what an input added: where the
# network saturates, the gradient is zero although the input mattered. Integrated gradients average it on the straight way
# from a baseline $x'$ to the input $x$ {cite:p}`sundararajan2017`:
#
# ```{math}
# :label: eq-ig
# a_i=(x_i-x_i')\int_0^1\frac{\partial F}{\partial x_i}\big(x'+\alpha(x-x')\big)\,d\alpha,\qquad
# \sum_i a_i=F(x)-F(x').
# ```
#
# The baseline here is an average product on an average day, at each product's own level. By hand, the integral is a sum:

# %%
network = load_forecaster(f"{run_dir}/model")
cutoff = table.frame["ds"].max()
window = gradients.windows_at(
    network, table.frame, known, cutoff, gradient_products
)
batch, names = window
f = gradients.HorizonSum(network, batch)  # units over the horizon
inputs, start = gradients.inputs_and_baseline(batch)

# %%
steps, rows = 16, torch.arange(len(names))
added = [torch.zeros_like(x) for x in inputs]
for k in range(steps):
    alpha = (k + 0.5) / steps
    at = [
        (b + alpha * (x - b)).requires_grad_()
        for x, b in zip(inputs, start, strict=True)
    ]
    slopes = torch.autograd.grad(f(*at, rows).sum(), at)
    for a, x, b, slope in zip(added, inputs, start, slopes, strict=True):
        a += (x - b) * slope / steps
by_hand = sum(a.flatten(1).sum(dim=1) for a in added).numpy()

# %% tags=["nbval-check-output"]
groups = table.groups
few = explain.integrated_gradients(network, *window, groups, steps)
assert np.allclose(few.added.sum(axis=1), by_hand)
print("captum adds up the same parts:", True)

# %% [markdown]
# Sixteen points are too few for a network with kinks. The library doubles them for the products that need it, until the
# parts add up to a thousandth of the spread of the forecasts:

# %% tags=["nbval-check-output"]
found = explain.integrated_gradients(
    network, *window, groups, 64, tolerance=1e-3
)
assert found.error <= 1e-3
print(f"completeness within a thousandth: {found.error <= 1e-3}")

# %% [markdown]
# Do trees and network give the same reasons? They need not: where two columns say nearly the same, each model is free to
# use either.

# %%
sizes = found.added.abs().mean()
ours = pd.Series(np.abs(reasons.added).mean(axis=0), list(reasons.drivers))
both = pd.DataFrame({"trees": ours, "network": sizes}).fillna(0)
both = (both / both.sum().clip(lower=1e-9)).round(2)
both.sort_values("trees", ascending=False)

# %% [markdown]
# ## What the error owes to each driver
#
# A large bar need not be a useful one. *Permutation importance* shuffles the columns of a driver over the rows and
# measures how much worse the forecasts get {cite:p}`fisher2019`. For that, sales must be known: trees are fitted one
# horizon before the end, on what was known then.

# %%
before = earlier.earlier_trees(table, known, meta)
importance = explain.permutation_importance(
    before.units,
    before.inputs,
    before.actual,
    before.labels,
    weight=before.weight,
    repeats=shuffles,
    seed=seed,
)

# %% mystnb={"figure": {"caption": "Points of WAPE by which the error over the last horizon grows when a driver is shuffled, with one standard deviation over the shuffles.", "name": "fig-permutation"}, "image": {"alt": "Horizontal bars of the growth of the error by driver, largest on top, with whiskers for the spread over shuffles."}}
figures.draw_importance(importance)
plt.show()

# %%
verdicts.importance_found(importance)

# %% [markdown]
# What a product usually sells is not shuffled, for all is told relative to it. And what two drivers share is missed by
# neither: the error can do without each alone.
#
# ## How the forecast moves with price and promotion
#
# *Partial dependence* sets one column to each of its values in all rows and averages {cite:p}`friedman2001`; the lines of
# single rows say whether the average hides opposites {cite:p}`goldstein2015`.

# %%
asked = ("price", "promotion")
moving = {}
for driver in asked:
    told = before.names, before.labels, before.inputs
    column = dependence.column_of(driver, *told)
    if column:
        moving[driver] = explain.curves(
            before.levels, before.inputs, before.names, column
        )

# %% mystnb={"figure": {"caption": "Forecasts as price and promotion move, everything else as it is: thin lines for rows, a thick one for their mean.", "name": "fig-dependence"}, "image": {"alt": "Panels with thin grey lines, one a row, and a thick line of their mean, over the values of a price column and of a promotion column."}}
if moving:
    figures.draw_curves(moving)
    plt.show()

# %%
pd.DataFrame(
    {"found": verdicts.curves_found(moving) + verdicts.lacking(moving, asked)}
)

# %% [markdown]
# Such a curve is no demand curve. It says how sales went when prices were so, in a shop that set them for reasons;
# {ref}`ch-pricing` measures what a price does.
#
# ## Attention is not an explanation
#
# An attention network weighs the periods of its window, and pictures of the weights look like reasons. Two questions test
# them {cite:p}`jain2019`: would other weights have given another forecast, and do the weights go with what the periods
# add? A small network answers.

# %%
short = TrainingConfig(max_epochs=10, epoch_steps=50, seed=seed)
small = NetworkConfig(
    window=28,
    hidden_size=24,
    steps=56,
    stretches=6,
    encoder="attention_lstm",
    learning_rate=0.01,
    training=short,
)
looking = fit_network(table, meta, before.cutoff, small, epochs=10).forecaster
part = gradients.windows_at(looking, table.frame, known, before.cutoff, 12)
attention = explain.attention_of(looking, part[0], seed=seed)
steps_add = explain.integrated_gradients(looking, *part, groups, 32).by_step

# %% mystnb={"figure": {"caption": "Where an attention network looks in the windows of a few products, beside what each step adds to the forecast; bright is large.", "name": "fig-attention"}, "image": {"alt": "Two maps of products by steps of the window: attention is spread over many steps, the size of the integrated gradients lies mostly on the last ones."}}
figures.draw_attention(attention.weights, steps_add, part[1])
plt.show()

# %%
verdicts.attention_found(attention, steps_add)

# %% [markdown]
# ## Held against the truth
#
# No shop knows why its sales moved. The simulated market of {ref}`ch-preprocessing` does. Its trees get promotions and
# list prices ahead, and what they attribute to a driver over a horizon is ranked over the products against what the
# driver truly did there. Both deal out joint effects by Shapley's rule.

# %%
market = explain.known_market(seed, known_products, cutoffs=known_horizons)
pairs = []
for when in market.cutoffs:
    trained = truth.explained_champion(market, when, seed)
    pairs.append(
        (
            truth.attributed_effects(market, trained),
            truth.true_effects(market, when),
        )
    )
agreed = explain.agreement(pairs)
agreed.round(2)

# %%
pd.DataFrame({"found": verdicts.truth_found(agreed)})

# %% [markdown]
# *units* ranks units, *share* ranks shares of the usual, *slope* is attributed units for a true one, and *missed* is what
# the forecast lacks of a true unit. An explanation can be true of the model and false of the world: where the forecast
# misses an effect, no bar can show it. And this market was kind: its prices do not answer to demand. In the first
# exercise they do.

# %% tags=["nbval-check-output"]
right = agreed["units"] >= truth.AGREES
print("at least half of the drivers are ranked rightly:", right.mean() >= 0.5)

# %% [markdown]
# ## For the page, the sheet and the server
#
# The reasons of all products are written as `reasons.csv`, a row for each product and driver. The page of products draws
# them, the decision sheet adds a clause where one reason is sure and large enough, and the server answers `GET /why/ID`
# from what the export copied; none of them computes anything.

# %%
written = explain.write_reasons(
    run_dir,
    reasons,
    period,
    miss,
    {
        "agreement": agreed["units"].round(2).to_dict(),
        "completeness": float(f"{found.error:.1e}"),
    },
)
written.head(4)[["unique_id", "driver", "units", "sure"]]

# %% [markdown]
# ## Summary
#
# - A forecast of the champion was taken apart into the usual, drivers and the rest of the committee; the bars add up for
#   every product, and a reason is called sure only where several trees agree.
# - Shapley values of a tree and integrated gradients of the network were computed by hand and found equal to the
#   library's; the gradients' parts add up to a thousandth of the spread.
# - Permutation importance said what the error owes to each driver, dependence curves how the forecast moves.
# - Attention was tested as an explanation, by dealing its weights out anew.
# - In a market with known drivers the attributions were ranked against the truth, and where they fail, the chapter says
#   whether the explanation or the forecast is to blame.
#
# ```{admonition} What to do on Monday
# :class: tip
# 1. Open the page of products, take the three largest orders, and read the bars before signing. A reason marked *not
#    sure* is a question to the buyer, not an answer.
# 2. Look for a bar that cannot be: a promotion that nobody planned is a fault of the plan file, and found here first.
# 3. Never set a price by a bar. Use the tests of {ref}`ch-pricing`.
# ```
#
# ## Exercises
#
# ```{exercise}
# :label: ex-trust-confounded
# A price manager who sees demand coming raises prices with it (`confounding=0.6`, `shock_sd=0.3`). What becomes of the
# agreement on the price, and why can no bar of this chapter tell?
# ```

# %% tags=["hide-cell"]
sly = explain.known_market(
    seed, known_products, cutoffs=1, confounding=0.6, shock_sd=0.3
)
trained = truth.explained_champion(sly, sly.cutoffs[0], seed)
theirs = truth.attributed_effects(sly, trained)
true = truth.true_effects(sly, sly.cutoffs[0])
explain.agreement([(theirs, true)]).loc[["price"]].round(2)

# %% [markdown]
# ```{solution} ex-trust-confounded
# :class: dropdown
# The cell above: rank and slope of the price fall, because high prices went with high demand. The bars are exact for the
# trees, and the trees have learned a market in which a rise of the price announces sales. Only a test, or an instrument
# ({ref}`ch-pricing`), separates the two.
# ```
#
# ```{exercise}
# :label: ex-trust-twins
# Sales follow one column. Add its twin, equal up to a little noise, fit again, and shuffle each alone and then both
# together. What does permutation importance say of a driver that has a twin?
# ```

# %% tags=["hide-cell"]
x = rng.normal(0, 1, (3_000, 1))
y = 10 + 3 * x[:, 0] + rng.normal(0, 0.5, 3_000)
twins = np.hstack([x, x + rng.normal(0, 0.05, x.shape)])
quick = {"verbosity": -1, "feature_fraction": 0.5, "seed": seed}
fit = lgb.train(quick, lgb.Dataset(twins, y), 60)
for labels in (["one", "twin"], ["both", "both"]):
    shuffled = explain.permutation_importance(fit.predict, twins, y, labels)
    print(shuffled["points"].round(0).to_dict())

# %% [markdown]
# ```{solution} ex-trust-twins
# :class: dropdown
# The cell above. Alone each is missed far less than both together: the model leans on the other one. So drivers here are
# groups of columns, shuffled as one, and drivers that resemble each other should be read together.
# ```
#
# ## References
#
# Shapley values {cite:p}`shapley1953`, exact for trees {cite:p}`lundberg2020`; integrated gradients
# {cite:p}`sundararajan2017`; permutation importance {cite:p}`fisher2019`; partial dependence {cite:p}`friedman2001` and
# its single lines {cite:p}`goldstein2015`; attention {cite:p}`jain2019`; captum {cite:p}`kokhlikyan2020`.
