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
# # Whom to write to, and about what

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from salesforecast_lib.data.marketplace.simulate import MarketplaceConfig, simulate_marketplace
from salesforecast_lib.decisions.customers import scores
from salesforecast_lib.decisions.customers import segments as seg
from salesforecast_lib.decisions.customers import tables
from salesforecast_lib.decisions.customers.purchases import (
    behaviour,
    known_customers,
    log_rfm,
    read_customers,
    rfm,
    top_categories,
)

from salesforecast_lib.decisions.customers.history import (
    category_snapshot,
    customer_snapshot,
    make_history,
    make_windows,
    outcomes,
)
from salesforecast_lib.decisions.customers.recommend import RecommendConfig, fit_recommender, purchases
from salesforecast_lib.files import read_json, resolve, write_csv, write_json
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% [markdown]
# ## Parameters

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of everything random
path: str = ""  # file of order lines
columns: dict = {}  # our name: name in the file
timezone: str = ""  # of the shop, when time stamps are in UTC (own data)
static: list = []  # attribute columns kept as categories (own data)
cleaning: dict = {}  # switches of CleaningConfig to change
category: str = ""  # column that groups products, empty takes the data set's own
customers: int = 20000  # at most so many customers, drawn at random, 0 all
intention_days: int = 28  # days ahead that purchases are predicted for
intention_categories: int = 20  # largest categories with a probability of their own
mix_categories: int = 8  # largest categories that describe what a customer buys
segment_replicates: int = 10  # resamples of the stability check
factors: int = 32  # of the matrix factorisation
list_length: int = 10  # products recommended to a customer

# %%
meta = read_json(resolve(run_dir) / "panel.json")
shop = read_customers(
    meta["dataset"],
    path=path,
    columns=columns,
    timezone=timezone,
    static=tuple(static),
    switches=cleaning,
    category=category,
    days=intention_days,
    customers=customers,
    seed=seed,
)

# %% [markdown]
# Data without customers, or with too few, cannot carry this part. Then the cells below run on the simulated marketplace,
# so that the methods can still be read, and the run's files stay empty.

# %%
market = simulate_marketplace(MarketplaceConfig(products=60, days=365, units=150_000, customers=800, seed=seed))
simulated = known_customers(market.lines, "category")
if shop.usable:
    lines, end, name = shop.lines, shop.end, meta["dataset"]
else:
    print(f"No customer decisions for this run: {shop.reason}. What follows is simulated.")
    lines, end, name = simulated.lines, simulated.end, "simulated marketplace"

# %% tags=["nbval-check-output"]
print(
    f"{name}: {lines['customer_id'].nunique()} customers, {len(lines)} lines; {shop.anonymous} lines without a customer"
)
if name == "complete_journey":
    print("The publisher calls these data simulated, based on real grocery shopping patterns.")

# %% [markdown]
# ## Customers
#
# ### How much they buy: RFM
#
# Recency, frequency and monetary value are the oldest description of a customer, and still a good one for whom a mailing
# pays {cite:p}`chen2012`. Fifths of each give the score; the mixture below works on their logarithms.

# %% tags=["nbval-check-output"]
value = rfm(lines, end)
print(value[["recency", "orders", "spend"]].quantile([0.1, 0.5, 0.9]).round(1).to_string())
best = value[(value["r_score"] >= 4) & (value["f_score"] >= 4) & (value["m_score"] >= 4)]
print(
    f"{len(best) / len(value):.1%} of the customers score 4 or 5 on all three: {best['spend'].sum() / value['spend'].sum():.1%} of the spend"
)

# %% [markdown]
# ### What they buy: behaviour
#
# For each large category and for the money off, the customer's share over the shop's, as a logarithm. Two purchases are
# no taste, so shares are shrunk towards the shop's:
#
# ```{math}
# :label: eq-lift-share
# x_{uc} = \log\frac{(n_{uc} + a\,p_c)/(n_u + a)}{p_c},\qquad a = 40,
# ```
#
# with $n_{uc}$ lines of customer $u$ in category $c$ and $p_c$ the shop's share: the posterior mean under a Dirichlet prior.
# Segments are components of a Gaussian mixture on the standardised $x_{uc}$. Their number is the one with the smallest
# Bayesian information criterion {cite:p}`schwarz1978`, among one to eight.
#
# ### Does it find what is there?
#
# In the simulated marketplace every customer belongs to one of four segments with tastes of their own. Who bought
# thirty times or more is used to fit; everybody is assigned. The adjusted Rand index {cite:p}`hubert1985` is 1 for the
# true segments and 0 for chance.

# %%
truth = market.customers.set_index("customer_id")["segment"]
mix = behaviour(simulated.lines, simulated.end, sorted(simulated.lines["category"].unique()))
enough = simulated.lines.groupby("customer_id").size().reindex(mix.index) >= 30
found, curve = seg.choose_by_bic(mix[enough], seed=seed)
by_value = seg.fit_segments(log_rfm(rfm(simulated.lines, simulated.end)), truth.nunique(), seed, "k-means")

# %%
agree = adjusted_rand_score(truth[mix[enough].index], found.predict(mix[enough]))
everybody = adjusted_rand_score(truth[mix.index], found.predict(mix))
rfm_labels = by_value.predict(log_rfm(rfm(simulated.lines, simulated.end)))
rfm_agree = adjusted_rand_score(truth[rfm_labels.index], rfm_labels)
assert len(found.order) == truth.nunique()
assert agree > 0.8 and everybody > 0.5 and rfm_agree < 0.2
print(f"{len(found.order)} segments found, {truth.nunique()} are there")
print(f"adjusted Rand index {agree:.2f} for customers with 30 lines, {everybody:.2f} for all; from RFM {rfm_agree:.2f}")

# %% [markdown]
# RFM tells how much a customer is worth, not what kind of customer it is: in this market both loyal and occasional
# customers hold many who buy little. Nor does it have a true number of segments: customers differ by degree, and any cut
# is a convention. So RFM is cut by k-means into as many segments as come out again: the largest number, up to six, whose
# mean adjusted Rand index over resampled customers reaches 0.8 {cite:p}`hennig2007`.
#
# ### The shop's segments
#
# The same on the shop's own lines. Names come from the profile: what sets a segment apart most.

# %%
groups = top_categories(lines, mix_categories)
mix = behaviour(lines, end, groups)
fitted_on = mix[lines.groupby("customer_id").size().reindex(mix.index) >= 30]
fitted_on = fitted_on if len(fitted_on) >= 100 else mix
mixture, curve = seg.choose_by_bic(fitted_on, seed=seed)
profile = seg.profile(mix, mixture)
names = seg.segment_names(profile)

# %%
sizes = mixture.predict(mix).value_counts().sort_index()
print(f"smallest BIC at {len(mixture.order)} segments")
for number, size in sizes.items():
    print(f"{size:6d} customers: {names[number]}")

# %% mystnb={"figure": {"caption": "Profile of each behavioural segment: mean of its standardised features.", "name": "fig-segments"}, "image": {"alt": "Heat map of segments against categories: each row is a segment with a few categories bought much more or much less than on average."}}
fig, ax = plt.subplots(figsize=(7.5, 0.6 * len(profile) + 2.2))
picture = ax.imshow(profile, cmap="RdBu_r", vmin=-1.5, vmax=1.5, aspect="auto")
ax.set_xticks(range(len(profile.columns)), [str(c).lower()[:18] for c in profile.columns], rotation=60, ha="right")
ax.set_yticks(range(len(profile)), [f"segment {k + 1} ({sizes.get(k, 0)})" for k in range(len(profile))])
ax.grid(False)
fig.colorbar(picture, label="standard deviations")
plt.show()

# %% [markdown]
# ### Would they come out again?
#
# Two questions. Had other customers of the same kind come, would the segments be the same? And
# are customers in the second half of the time still in the segment of the first? RFM goes through the same mill.

# %%
middle = lines["timestamp"].min() + (end - lines["timestamp"].min()) / 2
late = lines[lines["timestamp"] >= middle]
halves = (behaviour(lines, middle, groups), behaviour(late, end, groups))
worth = log_rfm(value)
rfm_model, rfm_curve = seg.choose_by_stability(worth, replicates=segment_replicates, seed=seed)
rfm_halves = (log_rfm(rfm(lines, middle)), log_rfm(rfm(late, end)))

# %%
stability = {}
for kind, features, fitted, pair in (("behaviour", fitted_on, mixture, halves), ("RFM", worth, rfm_model, rfm_halves)):
    again = seg.bootstrap_stability(features, fitted, segment_replicates, seed)
    rand, same, both = seg.half_stability(*pair, fitted, seed)
    measured = {"bootstrap": again.mean(), "halves": rand, "stayed": same}
    stability[kind] = {k: float(v) if np.isfinite(v) else None for k, v in measured.items()}
    print(
        f"{kind}: {len(fitted.order)} segments; bootstrap ARI {again.mean():.2f} (lowest {again.min():.2f}); "
        f"between the halves ARI {rand:.2f}, {same:.0%} of {both} customers stay"
    )

# %% [markdown]
# A low number is a result: such segments describe a crowd, they do not sort persons. Do not build a campaign on a label
# that half of the customers lose within half a year.
#
# ### Who buys in the next four weeks?
#
# The last window is the test, the one before calibrates, earlier ones train: in this order, because a shop has no other.
# Features know what happened before their cutoff only.

# %%
windows = make_windows(lines["timestamp"].min(), end, intention_days)
offered = top_categories(lines, intention_categories)
history = make_history(lines, offered)
intention = scores.learn_intention(history, windows, seed=seed)
features = customer_snapshot(history, windows.test, intention_days)
predicted, known = intention.predict(features), outcomes(history, windows.test, intention_days, features.index)
brier = scores.brier_table(predicted, known["bought"], seed=seed)
print(
    f"{len(windows.train)} training windows, {intention.model}; {known['bought'].mean():.1%} of {len(known)} customers bought"
)
print(brier.round(3).to_string(index=False))

# %% [markdown]
# Features are counts, money and recency over one, three and all windows; a logistic regression and gradient boosting
# {cite:p}`ke2017` compete on the calibration window, where the winner is then calibrated (isotonic regression, or a
# sigmoid when there are fewer than a thousand rows {cite:p}`niculescu2005`).
#
# The Brier score is the mean squared error of a probability; skill is what it saves against the base rate, with a 95 %
# interval over customers. The recency rule is the share of buyers among customers who were last here as long ago.
# Now customer by customer *and* category:

# %%
by_category = scores.learn_intention(history, windows, by_category=True, seed=seed)
pairs = category_snapshot(history, windows.test, intention_days)
pair_predicted, pair_known = by_category.predict(pairs), outcomes(history, windows.test, intention_days, pairs.index)
pair_brier = scores.brier_table(pair_predicted, pair_known["bought"], seed=seed)
print(f"{by_category.model}; {pair_known['bought'].mean():.1%} of {len(pairs)} customer-category pairs bought")
print(pair_brier.round(3).to_string(index=False))

# %% [markdown]
# The same code on the simulated market, whose customers come at random: probabilities must hold there.

# %%
there = make_history(simulated.lines, sorted(simulated.lines["category"].unique()))
then = make_windows(simulated.lines["timestamp"].min(), simulated.end, 28)
rows = customer_snapshot(there, then.test, 28)
guess = scores.learn_intention(there, then, seed=seed).predict(rows)
came = outcomes(there, then.test, 28, rows.index)["bought"]
control = scores.brier_table(guess, came, seed=seed).set_index("forecast")
gap = guess["probability"].sum() / came.sum() - 1
assert control.loc["probability", "low"] > 0 and abs(gap) < 0.1
print(f"simulated: {gap:+.1%} buyers too many; skill {control.loc['probability', 'skill']:.2f}")

# %% mystnb={"figure": {"caption": "Left: calibration on the test window, ten groups of equal size. Right: share of the buyers reached when the most probable are addressed first.", "name": "fig-intention"}, "image": {"alt": "Left, calibration points of both models close to the diagonal; right, lift curves above the diagonal, higher for customer and category than for customers alone."}}
fig, axes = plt.subplots(1, 2)
for label, p, y, style in (
    ("customer", predicted, known, "o"),
    ("customer × category", pair_predicted, pair_known, "s"),
):
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

# %%
money = scores.spend_table(predicted["expected_spend"], history, windows.test, intention_days)
print(money.round(3).to_string(index=False))

# %% [markdown]
# Expected spend adds a Tweedie regression and the customer's own mean of three windows, with weights from the calibration
# window. It is a mean: judge it by its squared error and its total, since the median customer's spend is smaller. What a
# season adds (Christmas, say) it only knows if the windows before had it.
#
# ### What to recommend
#
# Matrix factorisation {cite:p}`hu2008` gives every customer and product a short vector; their product says how strongly
# the customer should want it, learned from who bought what, each order's weight halved every two months. It is held
# against two rankings that need no learning: what sells most, and what the customer has bought before. The blend adds them up; its weights are chosen
# on the window *before* the test.

# %%
config = RecommendConfig(factors=factors, seed=seed)
blends = scores.choose_blends(lines, windows.calibrate, intention_days, config, list_length)
per_customer = scores.compare_recommenders(lines, windows.test, intention_days, config, blends, list_length)
recalls = scores.recall_table(per_customer, seed=seed)

# %% [markdown]
# Recall: hits among the list, over what could have been hit (the list's length, or fewer when the customer bought fewer
# products). *New* counts only products that the customer never bought before, for which habit has no say. `gain` is the
# paired difference to the rival named in `against`, with its 95 % interval over customers.

# %%
shown = ["kind", "recommender", "recall", "low", "high", "against", "gain", "gain_low", "gain_high"]
print(recalls[shown].round(3).to_string(index=False))
for kind, part in recalls.groupby("kind", sort=False):
    winner = part.loc[part["recall"].idxmax()]
    rival, beyond = winner["against"], winner["gain_low"] > 0
    against = f"better than {rival} {'beyond' if beyond else 'within'} chance"
    print(f"{kind}: {winner['recommender']} wins" + ("" if winner["recommender"] == rival else f", {against}"))

# %% mystnb={"figure": {"caption": "Recall of a list of products, all products (left) and never bought ones (right), with 95 % intervals over customers.", "name": "fig-recall"}, "image": {"alt": "Two bar charts of recall by recommender: repeat purchase and the blend lead for all products; for new products all recommenders are low and close together."}}
fig, axes = plt.subplots(1, 2)
for ax, (kind, part) in zip(axes, recalls.groupby("kind", sort=False), strict=True):
    error = np.abs(part[["low", "high"]].to_numpy().T - part["recall"].to_numpy())
    ax.barh(part["recommender"], part["recall"], xerr=error, color="0.7", ecolor="0.2")
    ax.set(xlabel="recall", title="all products" if kind == "recall" else "never bought before")
plt.show()

# %% [markdown]
# Is habit favoured by the way we measure? The simulated market is the control: its customers have tastes for categories,
# but no habit for a product.

# %%
small = RecommendConfig(factors=8, seed=seed)
mixed = scores.choose_blends(simulated.lines, then.calibrate, 28, small)
rivals = scores.recall_table(scores.compare_recommenders(simulated.lines, then.test, 28, small, mixed), seed=seed)
rivals = rivals[rivals["kind"] == "recall"].set_index("recommender")
assert rivals.loc["popularity", "recall"] > rivals.loc["repeat purchase", "recall"]
assert rivals.loc["blend", "gain_low"] > 0
print(rivals[["recall", "low", "high"]].round(3).to_string())

# %% [markdown]
# Without habits in the data habit loses, so the measure is fair. Where habit wins, a shop still gains little by
# recommending what would be bought anyway: the files keep the two kinds apart, with some places for products that are
# new to the customer.
#
# ### The customer files
#
# From the end of the data: the same models, one window later.

# %%
now = windows.one_later()
coming = scores.learn_intention(history, now, seed=seed).predict(customer_snapshot(history, end, intention_days))
pairs = category_snapshot(history, end, intention_days)
pair_coming = scores.learn_intention(history, now, by_category=True, seed=seed).predict(pairs)
recommender = fit_recommender(purchases(lines, end, config), config)

# %%
segment = pd.DataFrame(
    {"segment": mixture.predict(mix).map(dict(enumerate(names))), "segment_probability": mixture.probability(mix)}
)
rfm_names = seg.segment_names(seg.profile(worth, rfm_model))
rfm_segment = rfm_model.predict(worth).map(dict(enumerate(rfm_names)))
segments = tables.segments_table(value, segment, rfm_segment, coming, intention_days)
intentions = tables.intentions_table(pair_coming, pairs, intention_days)
labels = lines.drop_duplicates("product_id").set_index("product_id")["product"]
offers = tables.recommendations_table(recommender, blends, labels, list_length)

# %%
keep = slice(None) if shop.usable else slice(0)
folder = resolve(run_dir)
_ = write_csv(segments[keep], folder / "segments.csv")
_ = write_csv(intentions[keep], folder / "intentions.csv")
_ = write_csv(offers[keep], folder / "recommendations.csv")
print(segments[["customer_id", "segment", "probability", "expected_spend"]].head(5).to_string(index=False))
print(offers[["customer_id", "rank", "product", "kind", "why"]].head(10).to_string(index=False))

# %%
result = {"usable": shop.usable, "reason": shop.reason, "days": intention_days}
if shop.usable:
    result |= {
        "segments": names,
        "stability": stability,
        "intention": brier.set_index("forecast").drop(columns="auc").to_dict("index"),
        "category_intention": pair_brier.set_index("forecast").drop(columns="auc").to_dict("index"),
        "recommendations": recalls.to_dict("records"),
    }
_ = write_json(result, folder / "customers.json")
