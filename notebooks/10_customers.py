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
# (ch-customers)=
# # Whom to write to, and about which products
#
# A letter, a coupon or an e-mail costs money and patience. This chapter answers: **which customers should the shop
# address, and which products should it offer to each?** In it we will
#
# - group customers by how much and by what they buy, and test whether the groups would come out again;
# - say who buys in the next four weeks, with probabilities that can be taken at their word;
# - recommend products, and hold matrix factorisation against habit and popularity;
# - write three files for a campaign: segments, intentions and recommendations, each row with its reason.
#
# Features are made from purchases only: no age, income or address enters. Customers of a shop's own file get names
# that only the shop can turn back ({ref}`ch-robustness`).
#
# *Prerequisites:* {ref}`ch-preprocessing`. *Running time:* see the [status page](../book/status.md).

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np

from salesforecast_lib.data.reading import ReadOptions
from salesforecast_lib.decisions import customers as people
from salesforecast_lib.decisions.customers import control, history, scores
from salesforecast_lib.decisions.customers import segments, study
from salesforecast_lib.files import read_json, resolve
from salesforecast_lib.plots import figure_text, use_book_style

use_book_style()

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of everything random
path: str = ""  # file of order lines
columns: dict = {}  # our name: name in the file
timezone: str = ""  # of the shop; without it each stamp's own clock counts
decimal: str = ""  # decimal mark, found where it is empty (own data)
thousands: str = ""  # mark of thousands, found where it is empty (own data)
date_order: str = ""  # dmy, mdy or ymd, found where it is empty (own data)
encoding: str = ""  # of the file, found where it is empty (own data)
sheet: str = ""  # worksheet of a workbook (own data)
customer_ids: str = "hashed"  # or plain: as in the file (own data)
static: list = []  # attribute columns kept as categories (own data)
cleaning: dict = {}  # switches of CleaningConfig to change
category: str = ""  # column that groups products, empty: the data set's own
customers: int = 20000  # at most so many, drawn at random, 0 all
intention_days: int = 28  # days ahead that purchases are predicted for
intention_categories: int = 20  # largest ones with a probability of their own
mix_categories: int = 8  # largest ones that describe what a customer buys
segment_replicates: int = 10  # resamples of the stability check
factors: int = 32  # of the matrix factorisation
list_length: int = 10  # products recommended to a customer

# %% tags=["hide-input"]
meta = read_json(resolve(run_dir) / "panel.json")
reading = ReadOptions(
    columns, timezone, decimal, thousands, date_order, encoding, sheet,
    customer_ids=customer_ids,
)  # fmt: skip
shop = people.read_customers(
    meta["dataset"], path=path, reading=reading,
    static=tuple(static), switches=cleaning, category=category,
    days=intention_days, customers=customers, seed=seed,
)  # fmt: skip
shop = study.checked_shop(shop, intention_days, intention_categories)
simulated = people.control_market(seed)
shown = people.shown_shop(shop, simulated.shop, meta["dataset"])
lines, end = shown.lines, shown.end

# %% [markdown]
# Order lines with a customer. What a grocer's article numbers split too finely counts as one product: white milk is
# white milk. Where the data have too few customers, a simulated market takes their place and the run's files stay empty.

# %% tags=["nbval-check-output"]
print(f"{shown.name}: {lines['customer_id'].nunique()} customers,")
print(f"{len(lines)} lines, {lines['product_id'].nunique()} products")
print(shown.note)
lines.drop(columns="product_id").head(4)

# %% [markdown]
# ## How much they buy
#
# Recency, frequency and monetary value (RFM) {cite:p}`chen2012`, each cut into fifths with scores from 1 to 5, the best.

# %% tags=["nbval-check-output"]
value = people.rfm(lines, end)
print(value[["recency", "orders", "spend"]].quantile([0.1, 0.5, 0.9]).round(1))
best = value[(value[["r_score", "f_score", "m_score"]] >= 4).all(axis=1)]
share = best["spend"].sum() / value["spend"].sum()
print(f"{len(best)} customers score 4 or 5 on all three: {share:.1%} of spend")

# %% [markdown]
# ## What they buy
#
# For each large category, and for the money off, we take the customer's share over the shop's, as a logarithm. Two
# purchases are no taste, so shares are shrunk towards the shop's:
#
# ```{math}
# :label: eq-lift-share
# x_{uc} = \log\frac{(n_{uc} + a\,p_c)/(n_u + a)}{p_c},\qquad a = 40,
# ```
#
# with $n_{uc}$ lines of customer $u$ in category $c$, $n_u$ lines in all, and $p_c$ the shop's share. This is the
# posterior mean of the share under a Dirichlet prior worth $a$ lines. One cell of it by hand:

# %% tags=["nbval-check-output"]
groups = people.top_categories(lines, mix_categories)
mix = people.behaviour(lines, end, groups)
who, what = mix.index[0], groups[0]
own = lines[lines["customer_id"] == who]
n_uc, n_u = (own["category"] == what).sum(), len(own)
p_c = (lines["category"] == what).mean()
x_uc = np.log((n_uc + 40 * p_c) / (n_u + 40) / p_c)
assert np.isclose(x_uc, mix.loc[who, what])
print(f"customer {who}, {what}: {n_uc} of {n_u} lines, shop {p_c:.1%}:")
print(f"x = {x_uc:+.2f}; the table has shape {mix.shape}")

# %% [markdown]
# Segments are the components of a Gaussian mixture on the standardised $x_{uc}$. Their number, from one to eight, is
# the one with the smallest Bayesian information criterion {cite:p}`schwarz1978`. Only customers with thirty lines or
# more shape the segments; everybody is then assigned to one, which is named after what sets it apart most.
#
# RFM tells how much a customer is worth, not what kind of customer it is, and has no true number of segments:
# customers differ by degree, and any cut is a convention. So RFM is cut by k-means into as many segments as come out
# again: the largest number, up to six, whose mean Rand index over resampled customers reaches 0.8
# {cite:p}`hennig2007`. That index {cite:p}`hubert1985` is 1 for equal groups and 0 for chance.

# %% tags=["nbval-check-output"]
fitted_on = control.well_known(mix, lines)
mixture, _ = segments.choose_by_bic(fitted_on, seed=seed)
profile = segments.profile(mix, mixture)
names = segments.segment_names(profile)
sizes = mixture.predict(mix).map(dict(enumerate(names))).value_counts()
print(f"smallest BIC at {len(mixture.order)} segments; customers:")
print(sizes.to_string(header=False))

# %% mystnb={"figure": {"caption": "Profile of each behavioural segment: mean of its standardised features.", "name": "fig-segments"}, "image": {"alt": "Bars for each category, one a segment. Segment 1, the larger, lies slightly above the average in every category; segment 2 lies below it in every one, most for bag snacks and beef. No bar is longer than 0.6 standard deviations."}}
fig, ax = plt.subplots()
bars = profile.T.set_axis([figure_text(str(n).lower(), 18) for n in profile])
bars.rename(columns=lambda k: f"segment {k + 1}").plot.bar(ax=ax)
ax.set_ylabel("standard deviations from the mean")
plt.show()

# %% [markdown]
# Had other customers of the same kind come, would the segments be the same? And are customers in the second half of the
# time still in the segment of the first? RFM goes through the same mill.

# %% tags=["nbval-check-output"]
worth = people.log_rfm(value)
rfm_model, _ = segments.choose_by_stability(
    worth, replicates=segment_replicates, seed=seed
)
stability = study.shop_stability(
    shown, (fitted_on, mixture), (worth, rfm_model), segment_replicates, seed
)
print("\n".join(study.stability_verdict(stability)))
stability.round(2)

# %% [markdown]
# A low number between the halves is a result: such segments describe a crowd, they do not sort persons. Do not build
# a campaign on a label that customers lose within half a year.
#
# ## Who buys in the next weeks?
#
# Features know what happened before their cutoff only: counts, money and recency over one, three and all windows. The
# last window is the test, the one before calibrates, earlier ones train: in this order, because a shop has no other.
# A logistic regression and gradient boosting {cite:p}`ke2017` compete on the calibration window. There the winner is
# calibrated: by isotonic regression, or by a sigmoid when there are fewer than a thousand rows
# {cite:p}`niculescu2005`.

# %% tags=["nbval-check-output"]
windows = people.make_windows(lines["timestamp"].min(), end, intention_days)
offered = people.top_categories(lines, intention_categories)
bought = people.make_history(lines, offered)
intention = people.learn_intention(bought, windows, seed=seed)
features = history.customer_snapshot(bought, windows.test, intention_days)
predicted = intention.predict(features)
known = people.outcomes(bought, windows.test, intention_days, features.index)
print(f"{len(windows.train)} training windows, {intention.model};")
print(f"{known['bought'].mean():.1%} of {len(known)} customers bought")
predicted.head(3).round(2)

# %% [markdown]
# The Brier score is the mean squared error of a probability. Its *skill* is what it saves against the base rate, here
# with a 95 % interval over customers. The recency rule is the share of buyers among customers who were last here as
# long ago.

# %% tags=["nbval-check-output"]
brier = scores.brier_table(predicted, known["bought"], seed=seed)
print(study.skill_verdict(brier))
brier.round(2)

# %% tags=["nbval-check-output"]
# now customer by customer and category
pair_predicted, pair_known = study.tested_pairs(bought, windows, seed)
pair_brier = scores.brier_table(pair_predicted, pair_known["bought"], seed=seed)
print(f"{pair_known['bought'].mean():.1%} of {len(pair_known)} pairs bought")
print(study.skill_verdict(pair_brier))
pair_brier.round(2)

# %% mystnb={"figure": {"caption": "Left: calibration on the test window, ten groups of equal size. Right: share of the buyers reached when the most probable are addressed first.", "name": "fig-intention"}, "image": {"alt": "Left, the calibration points of both models lie close to the diagonal, with one group of customers a little below it; right, both lift curves lie above the diagonal, that of customer and category much further than that of customers alone."}}
fig, axes = plt.subplots(1, 2)
customer, pair = (predicted, known, "o"), (pair_predicted, pair_known, "s")
cases = {"customer": customer, "customer × category": pair}
for label, (p, y, style) in cases.items():
    bins = scores.calibration_curve(p["probability"], y["bought"])
    axes[0].plot(bins["predicted"], bins["bought"], marker=style, label=label)
    lift = scores.lift_curve(p["probability"], y["bought"])
    axes[1].plot(lift["contacted"], lift["reached"], label=label)
for ax in axes:
    ax.plot([0, 1], [0, 1], color="0.5", linestyle=":")
axes[0].set(xlabel="predicted probability", ylabel="share that bought")
axes[1].set(xlabel="share addressed", ylabel="share of the buyers reached")
axes[0].legend()
plt.show()

# %% [markdown]
# ## What to recommend
#
# Matrix factorisation {cite:p}`hu2008` gives every customer and product a short vector. Their product says how
# strongly the customer should want it, learned from who bought what; each order's weight is halved every two months.
# It is held against two rankings that need no learning: what sells most, and what the customer has bought before. The
# blend adds them up; its weights are chosen on the window *before* the test.
#
# Recall: hits among the list, over what could have been hit (the list's length, or fewer when the customer bought
# fewer products). *New* counts only products that the customer never bought before, for which habit has no say.
# `gain` is the paired difference to the rival named in `against`, with its 95 % interval over customers.

# %%
config = people.RecommendConfig(factors=factors, seed=seed)
how = intention_days, config
blends = scores.choose_blends(lines, windows.calibrate, *how, list_length)
per_customer = scores.compare_recommenders(
    lines, windows.test, *how, blends, list_length
)
recalls = scores.recall_table(per_customer, seed=seed)
recalls.drop(columns=["low", "high", "customers"]).round(3)

# %% tags=["nbval-check-output"]
print("\n".join(study.recall_verdict(recalls)))

# %% mystnb={"figure": {"caption": "Recall of a list of products, all products (left) and never bought ones (right), with 95 % intervals over customers.", "name": "fig-recall"}, "image": {"alt": "Two bar charts of recall by recommender. Left, for all products, the blend and repeat purchase lead with nearly equal bars, factorisation and popularity follow. Right, for never bought products, all bars are several times shorter and close together."}}
fig, axes = plt.subplots(1, 2, sharex=True)
by_kind = recalls.groupby("kind", sort=False)
for ax, (kind, part) in zip(axes, by_kind, strict=False):
    ends = part[["low", "high"]].to_numpy().T  # (2, recommenders)
    error = np.abs(ends - part["recall"].to_numpy())
    ax.barh(part["recommender"], part["recall"], xerr=error, color="0.7")
    ax.set(xlabel="recall", title="all" if kind == "recall" else "never bought")
plt.show()

# %% [markdown]
# ## Where the truth is known
#
# In a simulated market every customer belongs to one of four kinds with tastes of their own, comes at random, and has
# no habit for a product. There behaviour must find the four kinds (RFM cannot), probabilities must hold, and habit
# must lose: else the way we measure would favour it.

# %% tags=["nbval-check-output"]
agree = control.segment_agreement(simulated, seed)
there, gap = control.intention_control(simulated, seed)
recall = control.recall_control(simulated, seed)
recall = recall[recall["kind"] == "recall"].set_index("recommender")["recall"]
assert agree["everybody"] > 0.5 > agree["RFM"]
assert there["low"].iloc[0] > 0 and abs(gap) < 0.1
assert recall["popularity"] > recall["repeat purchase"]
print(agree.round(2).to_dict())
print(f"{gap:+.1%} buyers too many; {study.skill_verdict(there)}")
print(recall.round(2).to_dict())

# %% [markdown]
# ## The customer files
#
# From the end of the data: the same models, one window later. Where habit wins, a shop still gains little by
# recommending what would be bought anyway. So the file keeps two kinds of rows apart: `repeat`, and some places for
# products that are `new` to the customer.

# %%
files = study.campaign_tables(
    shown,
    segments.assigned(mix, mixture, names),
    segments.assigned(worth, rfm_model),
    bought, windows, config, blends, list_length, seed,
)  # fmt: skip
offers = files["recommendations.csv"]
offers[["customer_id", "rank", "product", "kind", "why"]].head(list_length)

# %% [markdown]
# ## Summary
#
# We grouped customers and tested whether the groups come out again; said who buys in the next weeks; recommended
# products; and wrote three files for a campaign. What was found:

# %% tags=["nbval-check-output", "hide-input"]
results = stability, brier, pair_brier, recalls
print(study.findings(*results))
summary = study.summary_of(shop, intention_days, names, *results)
people.write_customer_files(run_dir, shop, files, summary)
assert not offers.duplicated(["customer_id", "product"]).any()
print("Rows:", {name: len(rows) for name, rows in files.items()})

# %% [markdown]
# ```{admonition} What to do on Monday
# :class: tip
# 1. Sort `segments.csv` by `expected_spend`; write to as many customers from the top as the budget allows.
# 2. Offer each the first products of `recommendations.csv`: `repeat` rows to keep a habit, `new` rows to widen it.
# 3. Draw a tenth of these customers by lot and write nothing to them: the difference in spend is what the letter earned.
# ```
#
# ## Exercises
#
# ```{exercise}
# :label: ex-random-split
# Split customers at random instead of by time: train and calibrate on 80 % of them in the test window itself. What
# happens to the Brier score, and why is it worthless?
# ```
#
# ````{solution} ex-random-split
# :class: dropdown
# ```python
# from salesforecast_lib.decisions.customers.intention import fit_intention
# order = np.random.default_rng(seed).permutation(len(features))
# a, b, c = np.split(order, [len(order) // 2, 4 * len(order) // 5])
# rows = features.iloc[a], known.iloc[a], features.iloc[b], known.iloc[b]
# model = fit_intention(*rows, seed)
# scores.brier_table(model.predict(features.iloc[c]), known["bought"].iloc[c])
# ```
# The training rows know what the window was like (a holiday, a promotion), which nobody knows on its first morning.
# The score describes filling in gaps, not looking ahead.
# ````
#
# ```{exercise}
# :label: ex-spend
# `predicted` also holds an expected spend. Is it better than last window's? It is a mean: take squared error and total.
# ```
#
# ````{solution} ex-spend
# :class: dropdown
# ```python
# scores.spend_table(predicted["expected_spend"], bought, windows.test, intention_days)
# ```
# Compare `rmse` and `bias`. Last window's spend carries one window's luck, which a mean over several averages out.
# ````
#
# ## References
#
# RFM segments {cite:p}`chen2012`; their number {cite:p}`schwarz1978`, agreement {cite:p}`hubert1985` and stability
# {cite:p}`hennig2007`; gradient boosting {cite:p}`ke2017`; calibration {cite:p}`niculescu2005`; factorisation {cite:p}`hu2008`.
