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
# (ch-marketing)=
# # Whom to write to, and about what
#
# Marketing money is spent on customers, channels and promotions. This chapter answers: **whom should the shop address,
# and with what?** In it we will
#
# - group customers by how much and by what they buy, and test whether the groups would come out again;
# - say who buys in the next four weeks, with probabilities that can be taken at their word;
# - recommend products, and hold matrix factorisation against habit and popularity;
# - measure what each advertising channel returns, with an interval that holds the simulator's truth, and share out the budget
#   by marginal return;
# - show three ways to plan a budget from which no such model can learn;
# - measure the uplift of displays, mailers and coupons, with placebos, cannibalisation and pull-forward;
# - choose which product to promote, when and how deep, and write `promotions.csv`.
#
# Features are made from purchases only: no age, income, address or other personal attribute enters, and customer numbers
# stay the pseudonyms they come as.
#
# *Prerequisites:* {ref}`ch-preprocessing`. *Running time:* see the [status page](../book/status.md).

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import adjusted_rand_score

from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.data.marketplace.simulate import MarketplaceConfig, simulate_marketplace
from salesforecast_lib.decisions.customers import scores
from salesforecast_lib.decisions.customers import segments as seg
from salesforecast_lib.decisions.customers import tables
from salesforecast_lib.decisions.advertising.allocation import allocate
from salesforecast_lib.decisions.advertising.cases import hard_cases, market_case, true_fit
from salesforecast_lib.decisions.advertising.response import extra_sales, fit_channels, return_on_spend, summarise
from salesforecast_lib.decisions.promotions.coupons import coupon_effects, journey_campaigns
from salesforecast_lib.decisions.customers.purchases import (
    behaviour,
    known_customers,
    log_rfm,
    read_customers,
    rfm,
    top_categories,
)

# %%
from salesforecast_lib.decisions.promotions.product_effects import product_effects
from salesforecast_lib.decisions.promotions.market import (
    estimate_response,
    market_options,
    weekly_baseline,
)
from salesforecast_lib.decisions.promotions.options import (
    PromotionCosts,
    coming_weeks,
    empty_plan,
    own_options,
    promotion_plan,
)
from salesforecast_lib.decisions.promotions.plan import PlanRules, best_plan, deepest_on_bestsellers, random_plan
from salesforecast_lib.decisions.promotions.truth import true_options, true_profit
from salesforecast_lib.decisions.promotions.effects import (
    cannibalised_share,
    promotion_weeks,
    two_way_effects,
    varying,
    with_rivals,
    with_shifts,
)
from salesforecast_lib.decisions.customers.history import (
    category_snapshot,
    customer_snapshot,
    make_history,
    make_windows,
    outcomes,
)
from salesforecast_lib.decisions.customers.recommend import RecommendConfig, fit_recommender, purchases
from salesforecast_lib.decisions.promotions.checks import double_ml, placebo_effects
from salesforecast_lib.files import read_json, resolve, write_csv, write_json
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% [markdown]
# ## Parameters

# %% tags=["parameters"]
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
model: str = "LSTM"  # whose forecast the promotion plan starts from
ad_products: int = 200  # products of the simulated shop whose advertising is measured
particles: int = 400  # posterior draws of the channel model
margin: float = 0.4  # contribution of a unit of sales, for the advertising budget
plan_products: int = 100  # products of the simulated shop whose promotions are planned
plan_weeks: int = 8  # weeks that the simulated shop plans ahead
plan_budget: float = 3000.0  # money for discounts and fees of the simulated shop
cost_share: float = 0.7  # purchase cost over regular price of the run's own products; the order lines do not say it
promotion_fee: float = 5.0  # money for each promoted product and week of the run's own plan
promotion_budget: float = 300.0  # money for discounts and fees of the run's own plan
promotions_per_week: int = 10  # most promoted products a week
placebo_repeats: int = 50  # plans moved to wrong products

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
marketing = {"customers": {"usable": shop.usable, "reason": shop.reason, "days": intention_days}}
if shop.usable:
    marketing["customers"] |= {
        "segments": names,
        "stability": stability,
        "intention": brier.set_index("forecast").drop(columns="auc").to_dict("index"),
        "category_intention": pair_brier.set_index("forecast").drop(columns="auc").to_dict("index"),
        "recommendations": recalls.to_dict("records"),
    }
_ = write_json(marketing, folder / "marketing.json")

# %% [markdown]
# (sec-channels)=
# ## Which channel sells?
#
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
config = MarketplaceConfig(products=ad_products, units=10_000.0 * ad_products, seed=seed, stock_cover=0.0, line_split=0.01)
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
#
# (sec-promotions)=
# ## What does a promotion add?
#
# The Complete Journey is **simulated by its publisher** {cite:p}`completejourney` after real shopping patterns: what follows shows the method
# at full size, not what a real display earns. A *dose* of 1 is a week with as many displays (mailers, coupon campaigns) as in the
# product's busiest weeks; sales are relative to the product's mean week.

# %%
panel, meta = load_panel(run_dir)
weeks = promotion_weeks(panel, meta)
kinds = list(weeks.kinds)
depth_seen = [*varying(weeks, ["depth"])]  # empty where no discount is recorded
has_promotions = bool(kinds)
if not has_promotions:
    print("these data record no promotions: no uplift, and promotions.csv stays empty")

# %% [markdown]
# Two levels are taken away first: each product's (milk sells more than saffron) and each week's (Christmas). What is left is compared
# with the doses; the interval allows for errors that a product or a week has in common {cite:p}`cameron2011`. With the depth of the
# discount held fixed, what remains is the effect of being seen.

# %%
if has_promotions:
    package = two_way_effects(weeks, kinds)
    effects = two_way_effects(weeks, [*kinds, *depth_seen])
    print("with the discount that comes with it\n", package.table().round(3).to_string(index=False))
    print("beyond the discount (depth: per 100 % off)\n", effects.table().round(3).to_string(index=False))

# %% [markdown]
# ### Is it the promotion?
#
# Three doubts. *Would these weeks have sold more anyway?* Then next week's promotion would seem to work today (a lead). *Does
# the estimator find effects where there are none?* Then it finds them with another product's plan. *Do straight lines
# mislead?* Double machine learning {cite:p}`chernozhukov2018` removes what trees can explain from sales and doses, then compares the rest.

# %%
if has_promotions:
    placebo = placebo_effects(weeks, kinds, placebo_repeats, seed)
    lagged, before = with_shifts(weeks, "relative", (1, 2))
    forest = double_ml(lagged, kinds, [*depth_seen, *before], seed)
    checks = effects.table().head(len(kinds))[["effect", "estimate", "low", "high"]]
    checks = checks.assign(double_ml=forest.estimate, dml_low=forest.table()["low"], dml_high=forest.table()["high"])
    checks["package"], checks["placebo"] = package.estimate, placebo.mean(axis=0)
    checks["placebo_90"] = np.quantile(np.abs(placebo), 0.9, axis=0)
    print(checks.round(3).to_string(index=False))

# %% [markdown]
# ### Borrowed from other weeks and other products
#
# A household that fills its cellar does not buy next week (*pull-forward*), and who takes the displayed brand leaves another
# (*cannibalisation*). So the doses of the weeks around, and of the other products of the category, enter as well.

# %%
after = {}
if has_promotions:
    for kind in kinds:
        shifted, moved = with_shifts(weeks, kind, (-2, -1, 0, 1, 2))
        after[kind] = two_way_effects(shifted, [*moved, *(other for other in kinds if other != kind)]).table()
    rivals, others = with_rivals(weeks)
    others = varying(rivals, others, kinds)
    if others:
        print(two_way_effects(rivals, [*kinds, *others]).table().round(3).to_string(index=False))
    else:
        print("too few products of a category to see what they take from each other")

# %% mystnb={"figure": {"caption": "Extra sales in the weeks around a promotion (week 0), as share of a usual week, with 95 % intervals.", "name": "fig-promotion-weeks"}, "image": {"alt": "Point estimates with intervals over the weeks from two before to two after: where promotions are recorded, sales rise in the promoted week and stay close to zero before and after it."}}
if has_promotions:
    fig, ax = plt.subplots(figsize=(7.5, 3.0))
    for number, (kind, found) in enumerate(after.items()):
        found = found.head(5)
        reach = [found["estimate"] - found["low"], found["high"] - found["estimate"]]
        ax.errorbar(np.arange(-2, 3) + 0.12 * (number - 1), found["estimate"], reach, fmt="o", label=kind)
    ax.axhline(0, color="0.3", linestyle=":")
    ax.set(xlabel="weeks after the promotion", ylabel="share of a usual week", xticks=range(-2, 3))
    ax.legend()
    plt.show()

# %%
kept = 1.0
if has_promotions:
    strongest = kinds[int(np.argmax(effects.estimate[: len(kinds)]))]
    share, low, high = cannibalised_share(weeks, strongest)
    later = after[strongest].set_index("effect")["estimate"]
    pulled = -later[[f"{strongest}+1", f"{strongest}+2"]].sum() / later[strongest]
    taken = max(share, 0.0) if np.isfinite(share) else 0.0
    kept = float(np.clip(1 - taken - max(pulled, 0.0), 0.0, 1.0))
    if np.isfinite(share):
        print(f"{strongest}: {share:.0%} ({low:.0%} to {high:.0%}) of the extra units come from the rest of the category,")
    print(f"{strongest}: {pulled:.0%} come from the two weeks after; {kept:.0%} is taken as new")

# %% [markdown]
# ### Coupons, by household
#
# Coupons go to chosen households, mostly to those who buy a lot anyway. So each household's change from before to during a
# campaign is compared with that of the households that were not sent it. The same comparison one window earlier is the placebo.

# %%
coupons = pd.DataFrame()
if meta["dataset"] == "complete_journey":
    coupons = coupon_effects(journey_campaigns(), ("Type A", "Type B", "Type C"))
    print(coupons.round(2).to_string(index=False))
else:
    print("these data hold no coupon campaigns")

# %% [markdown]
# Where the interval holds zero, these data do not show that the coupon sold anything; too few households buy too few of the products
# for a small effect to be seen. "Redeemed" is not "sold": who redeems would often have bought anyway.
#
# (sec-promotion-plan)=
# ## Which product, when, how deep?
#
# In the simulated shop the truth is known. The last weeks are kept out; from the weeks before, each product's response to a discount
# is estimated and drawn towards the others' (few products were promoted often). Profit counts the margin given away on
# units that would have sold anyway, and the rivals' lost margin. Then a mixed-integer programme chooses within a budget.

# %%
market = simulate_marketplace(MarketplaceConfig(products=plan_products, seed=seed + 1))
start = market.truth["ds"].max() - pd.Timedelta(days=7 * plan_weeks - 1)
today, fee, depths = start - pd.Timedelta(days=1), plan_budget / 150, (0.1, 0.2, 0.3)
response = estimate_response(market, today, seed)
baseline = weekly_baseline(market, today, plan_weeks)
options = market_options(market, response, baseline, today, depths, fee)
rules = PlanRules(plan_budget, rest=4, per_period=6)
ours = best_plan(options, rules)

# %%
known = true_options(market, start, plan_weeks, depths, fee)
plans = {"ours": ours, "truth known": best_plan(known, rules)}
plans["deepest on best-sellers"] = deepest_on_bestsellers(options, rules, baseline.sum(axis=1))
rng = np.random.default_rng(seed)
chance = [random_plan(options, rules, rng) for _ in range(10)]
without = true_profit(market, ours.head(0), start, plan_weeks, fee)
profit = {name: true_profit(market, plan, start, plan_weeks, fee) - without for name, plan in plans.items()}
profit["random (mean of 10)"] = np.mean([true_profit(market, p, start, plan_weeks, fee) - without for p in chance])

# %%
for name, value in sorted(profit.items(), key=lambda item: -item[1]):
    print(f"{name:25s} adds {value:7.0f} to the true profit")
assert profit["ours"] > 0 and profit["ours"] > profit["random (mean of 10)"]
assert profit["ours"] > profit["deepest on best-sellers"]

# %% [markdown]
# The rule of thumb gives most away where most would have sold anyway. What is missing to the plan that knows the truth is the price
# of not knowing each product's response and the coming weeks.
#
# ### The run's own plan
#
# The same for the run's own products: the newest forecast says what sells without a promotion, the measured effects what each
# kind adds, less what it takes from other products and later weeks. Products differ: each one's own weeks count as much as they
# say, the mean of all fills the rest. Margins are not in the data: `cost_share` says them.
# Only promotions are proposed that pay also at the lower end of their 90 % interval.

# %%
plan = empty_plan()
if has_promotions:
    forecasts = pd.read_parquet(resolve(run_dir) / "forecasts.parquet")
    coming = coming_weeks(forecasts, model, meta["freq"] == "D")
    costs = PromotionCosts(cost_share, promotion_fee, kept)
    own = product_effects(weeks, effects.names)
    offered = own_options(weeks, effects, coming, costs, seed=seed, products=own)
    plan = promotion_plan(offered, PlanRules(promotion_budget, 4, promotions_per_week), costs)
    print(plan[["unique_id", "start", "kind", "depth", "extra_units", "profit", "profit_low"]].head(8).to_string(index=False))
print(f"{len(plan)} promotions proposed, expected profit {plan['profit'].astype(float).sum():.0f}")

# %%
_ = write_csv(plan, resolve(run_dir) / "promotions.csv")
result = {
    "simulated": True,
    "channels": table.to_dict("records"),
    "budget": split.to_dict("records"),
    "gain_a_day": {"promised": budget.gain.mean(), "true": gained, "possible": possible},
    "promotion_profit": profit,
}
if has_promotions:
    result["uplift"] = {"beyond_discount": effects.table().to_dict("records"), "kept": kept}
_ = write_json(result, resolve(run_dir) / "channels.json")

# %% [markdown]
# ## Summary
#
# - We grouped customers by how much they buy (RFM) and by what; on the simulator the second found the true segments, the
#   first did not, and the stability check said how far to trust the shop's own.
# - We predicted who buys in the next weeks, with calibrated probabilities held against the base rate and a recency rule.
# - We recommended products; habit was the rival to beat, and new products were scored on their own.
# - We measured each channel's return on spend, compared it with the truth, and gained by sharing the same budget out anew.
# - We showed that budgets that run together, never vary or follow demand cannot be learnt from: the last misleads silently.
# - We measured what displays, mailers and coupons add, beyond the discount, and how much of it is borrowed.
# - We planned promotions that add profit in truth, where the rule of thumb loses money, and wrote the run's own plan.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-random-split
# Split customers at random instead of by time: train on 80 % of them in the test window itself. Why does the Brier
# score improve, and why is it worthless?
# ```
#
# ```{solution} ex-random-split
# :class: dropdown
# The training rows then know what the window was like (a holiday, a promotion), which nobody knows on its first
# morning. The score describes filling in gaps, not looking ahead.
# ```
#
# ```{exercise}
# :label: ex-recall-uplift
# A list with high recall is sent out, and sales do not rise. How can that be, and which experiment would tell?
# ```
#
# ```{solution} ex-recall-uplift
# :class: dropdown
# Recall rewards what customers would have bought anyway. Send the list to a random half: the difference to the other half
# is what it earns.
# ```
#
# ```{exercise}
# :label: ex-promotion-margin
# Set `-p cost_share=0.85`. What happens to the number of promotions, and which kinds disappear first?
# ```
#
# ```{solution} ex-promotion-margin
# :class: dropdown
# A discount is paid on every unit, the extra margin is earned on the extra units only. With a margin of $1-c$ a cut of depth
# $d$ and uplift $u$ pays if $(1+u)(1-c-d) > 1-c$, so thin margins first lose the deep discounts and then, when
# $u\,(1-c)$ times the usual sales no longer covers the fee, the displays of small products.
# ```
#
# ## References
#
# RFM segments of this kind of shop {cite:p}`chen2012`; choice of their number {cite:p}`schwarz1978`; agreement
# {cite:p}`hubert1985` and stability {cite:p}`hennig2007` of clusterings; calibration {cite:p}`niculescu2005`;
# factorisation of implicit feedback {cite:p}`hu2008`; gradient boosting {cite:p}`ke2017`. Media mix models {cite:p}`jin2017`,
# their sampler and its check {cite:p}`delmoral2006,talts2018`; double machine learning {cite:p}`chernozhukov2018`; clustered
# intervals {cite:p}`cameron2011`.
