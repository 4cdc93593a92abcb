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
# (ch-pricing)=
# # Which price to ask
#
# A forecast says what will be sold at the prices that the shop is going to ask. A price manager asks another question:
# **what would be sold at another price, and which price earns most?** In this chapter we will
#
# - see why sales and prices of the past give a wrong answer, and get the right one with double machine learning and
#   instruments, checked against a simulated shop whose elasticities are known;
# - pull noisy estimates of single products towards their category;
# - show that the best forecaster is not the best pricer;
# - find the most profitable prices of a whole category on a ladder of endings, with a certificate, and what our
#   uncertainty about elasticities does to them;
# - clear a stock that has to go, and learn a price by asking it;
# - write price recommendations for this run's products, with their reasons.
#
# *Prerequisites:* {ref}`ch-evaluation`, {ref}`page-marketplace`. *Running time:* see the [status page](../book/status.md).

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

# %%
from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.decisions.pricing.bandit import BanditConfig, explore_then_commit, fixed_price, thompson
from salesforecast_lib.decisions.pricing.elasticity import double_ml
from salesforecast_lib.decisions.pricing.markdown import ClearanceConfig, fixed_policy, policy_value, solve
from salesforecast_lib.decisions.pricing.optimise import PriceRules, brute_force, ladder, optimise_category
from salesforecast_lib.decisions.pricing.plan import (
    PLAN_COLUMNS,
    PlanConfig,
    draw_elasticities,
    profit_draws,
    recommend,
    state_today,
)
from salesforecast_lib.decisions.pricing.data import market_prices, panel_prices, refuse_customers
from salesforecast_lib.decisions.pricing.juice import PUBLISHED, juice_elasticities
from salesforecast_lib.decisions.pricing.study import (
    believed_state,
    best_prices,
    compare_estimators,
    forecaster_against_pricer,
    pricing_market,
    regrets,
    score_estimators,
    total_profit,
    true_state,
)
from salesforecast_lib.decisions.pricing.shrinkage import shrink
from salesforecast_lib.files import resolve, write_csv, write_json
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% tags=["parameters"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of the simulated shops
shops: int = 10  # simulated shops of the comparison of estimators
duels: int = 2  # simulated shops in which a forecaster also sets prices
priced_products: int = 24  # products of a simulated shop
market_days: int = 730  # days of a simulated shop
cost_share: float = 0.7  # your cost as a share of today's price, because order lines do not hold it
min_margin: float = 0.05  # smallest margin as a share of the price
max_change: float = 0.1  # largest change of a price at once
confidence: float = 0.8  # a change is proposed where profit rises with at least this probability
allow_outside: bool = False  # prices never asked before are allowed (and marked in the plan)
price_category: str = ""  # column whose products are rivals; empty takes the panel's first static column
instrument: str = ""  # a column of the panel that moves the price and nothing else, such as the supplier's cost
juice_folder: str = ""  # folder with Dominick's orange juice (yx.parquet); empty leaves the section out

# %% [markdown]
# ## What a spreadsheet says
#
# The price elasticity $\varepsilon$ is the percentage change of demand for one percent of price:
# $\log q = \varepsilon \log p + \dots$ In our simulated shop the price manager sees demand that nobody records, a warm
# weekend or a post by an influencer, and raises the price ({eq}`eq-market-price`). So high prices meet high demand.

# %%
market = pricing_market(seed, priced_products, market_days)
best_method = "double ML, instruments and views"
fits = compare_estimators(market)
scores = score_estimators(market, fits)

# %% tags=["nbval-check-output"]
shown = scores[["method", "mean", "low", "high", "truth", "covered"]]
print(shown.round(2).to_string(index=False))

# %% [markdown]
# The naive line is far too flat, and *fixed effects* (levels of products and periods taken out) are no cure: what
# confounds is neither. Neither is machine learning by itself: *double ML* removes whatever the recorded controls explain,
# and the shock is not among them. Two things help. Something that moves the price and nothing else, an **instrument**:
# the supplier's cost, and the planned depth of a discount {cite:p}`angrist2001`. And a record of what confounds: **views**
# of product pages rise with interest before the purchase, whatever the price turns out to be.
#
# ### Double machine learning with instruments, by hand
#
# Take out of $y=\log q$, of the prices $T$ and of the instruments $Z$ what the controls predict, out of fold, and relate
# what is left {cite:p}`chernozhukov2018`:
#
# ```{math}
# :label: eq-orthoiv
# \begin{aligned}
# \hat\varepsilon &= (\tilde Z^\top \tilde T)^{-1} \tilde Z^\top \tilde y, \\
# \tilde y &= y - \hat{\mathrm E}[y \mid X],\;\; \tilde T = T - \hat{\mathrm E}[T \mid X],\;\;
# \tilde Z = Z - \hat{\mathrm E}[Z \mid X].
# \end{aligned}
# ```
#
# The numbers below are independent draws, so least squares on the controls is all the machine learning that is needed.

# %% tags=["nbval-check-output"]
rng = np.random.default_rng(seed)
n = 20_000
control, cost, shock = rng.normal(size=(3, n))
price = 0.5 * control + 0.6 * cost + 0.8 * shock
sales = -2.0 * price + 1.0 * control + 2.0 * shock + rng.normal(size=n)
left = {
    name: v - control * (control @ v) / (control @ control) for name, v in (("y", sales), ("T", price), ("Z", cost))
}
ols = (left["T"] @ left["y"]) / (left["T"] @ left["T"])
iv = (left["Z"] @ left["y"]) / (left["Z"] @ left["T"])
assert abs(iv + 2.0) < 0.1 < abs(ols + 2.0)
print(f"truth -2.00, least squares {ols:.2f}, with the instrument {iv:.2f}")

# %% [markdown]
# The library leaves the residuals to `econml` (`OrthoIV`, folds of whole four-week blocks) and adds what a shop needs:
# own price and rivals' index together, one estimate a product with a common first stage, and intervals that know that
# the weeks of a product are no independent draws: they leave out one four-week block of all products at a time
# {cite:p}`mackinnon2023`. Counts enter as $\psi(q+1)$, which is unbiased for $\log$ demand, zeros and sold-out days
# included (see `pricing_data`).

# %% [markdown]
# ### Ten shops
#
# One shop may be luck. The truth is that of the same products, with the same weights.

# %%
rows, lost = [scores.assign(shop=seed)], []
rules = PriceRules(min_margin=min_margin)
lost.append(regrets(market, fits, rules).assign(shop=seed))
for other in range(seed + 1, seed + shops):
    another = pricing_market(other, priced_products, market_days)
    found = compare_estimators(another)
    rows.append(score_estimators(another, found).assign(shop=other))
    lost.append(regrets(another, found, rules).assign(shop=other))
many = pd.concat(rows, ignore_index=True)

# %% tags=["nbval-check-output"]
by_method = many.groupby("method", sort=False)
table = by_method.agg(
    bias=("bias", "mean"), spread=("bias", "std"), covered=("covered", "sum"), shops=("covered", "size")
)
print(table.round(2).to_string())
assert table.loc["naive log-log", "bias"] > 0.3 and table.loc["naive log-log", "covered"] == 0
assert abs(table.loc[best_method, "bias"]) < 0.1 * abs(many["truth"].mean())

# %% mystnb={"figure": {"caption": "Estimated mean own elasticity minus the truth in simulated shops; a dot a shop, bars are the mean 95 % interval.", "name": "fig-elasticity-bias"}, "image": {"alt": "Dots of the error of each estimator over simulated shops: naive, fixed effects and double machine learning alone lie far above zero, the estimators with instruments scatter around zero."}}
fig, ax = plt.subplots()
for place, (_name, part) in enumerate(by_method):
    half = (part["high"] - part["low"]).mean() / 2
    ax.errorbar(part["bias"].mean(), place, xerr=half, color="0.6", capsize=4)
    ax.plot(part["bias"], np.full(len(part), place), "o", markersize=4, alpha=0.7)
ax.set_yticks(range(len(table)), table.index)
ax.axvline(0, color="0.3", linestyle=":")
ax.set(xlabel="estimate - truth (own-price elasticity)")
plt.show()

# %% [markdown]
# ## One product knows little: shrinkage
#
# Two years of one product leave a wide interval. Its category says more: with a normal prior of the category, estimated
# from all products (empirical Bayes {cite:p}`morris1983`), each estimate moves to the category's mean by as much as it is
# uncertain (the table has mean absolute errors over all shops; what is precise alone gains nothing),
#
# ```{math}
# :label: eq-shrink
# \hat\varepsilon_i^{\text{EB}} = \bar\varepsilon_c + \frac{\tau^2}{\tau^2+s_i^2}\,(\hat\varepsilon_i - \bar\varepsilon_c).
# ```

# %% tags=["nbval-check-output"]
fit = fits[best_method]
posterior = shrink(fit.table)
truth = market.products.set_index("unique_id")["own_elasticity"][fit.table["unique_id"]].to_numpy()
inside = (np.abs(posterior["own"] - truth) <= 1.96 * posterior["own_sd"]).mean()
noisy = by_method[["product_raw", "product_error"]].mean().loc[["double ML, instruments", best_method]]
print(noisy.rename(columns={"product_raw": "alone", "product_error": "shrunk"}).round(2).to_string())
print(f"95 % intervals of the first shop hold {inside:.0%} of its products")
cross = market.config.cross * np.abs(truth)
print(f"cross elasticity to the rivals' index: true mean {cross.mean():.2f}, estimated {posterior['cross'].mean():.2f}")
vague = noisy.loc["double ML, instruments"]
assert shops < 5 or vague["product_error"] < vague["product_raw"]  # one shop may be luck

# %% mystnb={"figure": {"caption": "Own elasticities of single products: estimate and shrunk estimate against the truth.", "name": "fig-shrinkage"}, "image": {"alt": "Scatter of estimated against true own elasticities: shrunk estimates lie closer to the diagonal than the raw ones, most of all for products with wide intervals."}}
fig, ax = plt.subplots(figsize=(5.5, 4.2))
ax.errorbar(truth, fit.table["own"], yerr=1.96 * fit.table["own_se"], fmt="none", ecolor="0.8")
ax.plot(truth, fit.table["own"], "o", fillstyle="none", label="alone")
ax.plot(truth, posterior["own"], "s", markersize=4, label="shrunk")
ax.plot([truth.min(), truth.max()], [truth.min(), truth.max()], color="0.3", linestyle=":", label="truth")
ax.set(xlabel="true own elasticity", ylabel="estimate")
ax.legend()
plt.show()

# %% [markdown]
# ## The best forecaster is not the best pricer
#
# Two models forecast the last eight weeks one day ahead. *Boosting* sees yesterday's sales, which carry the unrecorded
# shock, beside price, calendar and promotions. *Causal* has the calendar, promotions and our elasticities, nothing else.
# Then each sets prices, and the truth says what they earn.

# %%
fights = [forecaster_against_pricer(market, fit, rules, seed).table.assign(shop=seed)]
for other in range(seed + 1, seed + duels):
    another = pricing_market(other, priced_products, market_days)
    instrumented = double_ml(market_prices(another))
    fights.append(forecaster_against_pricer(another, instrumented, rules, seed).table.assign(shop=other))

# %%
duel = pd.concat(fights).groupby("model", sort=False)[["wape", "share_of_best_profit"]].mean()
print(duel.round(3).to_string())
assert duel.loc["boosting", "wape"] < duel.loc["causal", "wape"]
assert duel.loc["boosting", "share_of_best_profit"] < duel.loc["causal", "share_of_best_profit"]

# %% [markdown]
# Boosting explains the sales of a dear day by the days before it, and credits little to the price. As a forecast that is
# right. As an answer to "what if we ask more?" it is wrong, and it asks too much. Lower forecast error is no argument for
# prices; that takes variation of prices that demand did not cause.
#
# ## Prices of a whole category
#
# Products of a category take customers from each other, so their prices belong together. With log price changes $x_i$ and
# the category's index $G=\sum_j s_j x_j$,
#
# ```{math}
# :label: eq-category-profit
# \max_{p_i \in \text{ladder}_i} \sum_i (p_i - k_i)\, a_i \exp\Bigl(\varepsilon_i x_i + c_i\,\frac{G - s_i x_i}{1-s_i}\Bigr).
# ```
#
# Prices stand on a ladder (…9 endings), keep a margin, move at most so far at once, and stay in the observed range. For a
# fixed $G$ the sum separates, and one rung a product is an integer programme with a single linking row
# {cite:p}`ferreira2016`. Searching $G$ over shrinking bins gives the optimum *and a bound*. Three products show it
# against trying everything:

# %% tags=["nbval-check-output"]
small = pd.DataFrame(
    {
        "unique_id": ["A", "B", "C"],
        "price": [4.99, 3.49, 6.29],
        "cost": [3.2, 1.6, 3.9],
        "units": [20.0, 35.0, 9.0],
        "share": [0.31, 0.55, 0.14],
        "own": [-2.8, -2.1, -1.7],
        "cross": [0.8, 0.5, 0.7],
        "price_low": [4.0, 2.9, 5.0],
        "price_high": [5.9, 4.2, 7.5],
    }
)
everything, ours = brute_force(small), optimise_category(small)
assert np.allclose(everything.prices, ours.prices) and ours.bound >= everything.profit * (1 - 1e-9)
print("today", small["price"].tolist(), f"profit {ours.current_profit:.2f}")
print("best ", ours.prices.tolist(), f"profit {ours.profit:.2f}, at most {100 * ours.gap:.2f} % below the optimum")

# %% [markdown]
# ### Regret
#
# Prices from estimated elasticities, valued by the truth, against the best prices under the same rules. *Regret* is the
# share of that best profit which is lost.

# %%
regret = pd.concat(lost).groupby("method", sort=False)["regret"].agg(["mean", "max"])
print((100 * regret).round(1).rename(columns=lambda c: f"{c} regret, %").to_string())
assert regret.loc[best_method, "mean"] <= 0.03
assert regret.loc[best_method, "mean"] < regret.loc["naive log-log", "mean"]

# %% mystnb={"figure": {"caption": "Share of the best possible profit lost by prices from each estimator, mean over simulated shops.", "name": "fig-regret"}, "image": {"alt": "Horizontal bars of regret: today's prices lose most, naive elasticities and machine learning alone lose several percent, instruments with views lose well below one percent."}}
fig, ax = plt.subplots()
bars = 100 * regret.drop("true optimum").iloc[::-1]
ax.barh(bars.index, bars["mean"])
ax.plot(bars["max"], bars.index, "k|", markersize=12, linestyle="none", label="worst shop")
ax.axvline(3, color="0.3", linestyle=":")
ax.set(xlabel="regret, % of the best profit")
ax.legend()
plt.show()

# %% [markdown]
# ### Expected profit with its uncertainty
#
# The posterior of the elasticities says how sure a gain is. Each draw values all prices of the shop.

# %%
data = market_prices(market)
state = true_state(market, data)
believed = believed_state(state, data, posterior).merge(
    posterior[["unique_id", "own_sd", "cross_sd", "covariance"]], on="unique_id"
)
chosen, today = best_prices(believed, rules), state["price"].to_numpy()
own, rival = draw_elasticities(believed, 400, seed)
gain = np.zeros(400)
for place in believed.groupby("category").indices.values():
    pieces = (believed.iloc[place], own[:, place], rival[:, place])
    gain += (
        profit_draws(pieces[0], chosen[place], *pieces[1:]) - profit_draws(pieces[0], today[place], *pieces[1:])
    ).sum(1)
low, high = np.quantile(gain, [0.025, 0.975])
actual = total_profit(state, chosen) - total_profit(state, today)
print(f"expected gain a day {gain.mean():.0f} (95 %: {low:.0f} to {high:.0f}); true gain {actual:.0f}")
assert actual > 0

# %% [markdown]
# ### Guard rails
#
# No price depends on who buys: every function of this chapter refuses a column that describes customers. And nothing is
# proposed outside the range that was asked before, because there the elasticity is a guess; `allow_outside` lifts this,
# and the plan says so in its row.

# %% tags=["nbval-check-output"]
try:
    refuse_customers(["unique_id", "price", "customer_segment"], "prices")
except ValueError as error:
    print(error)
inside_rungs = ladder(2.49, 1.2, 2.29, 2.59, PriceRules())
print("rungs between 2.29 and 2.59:", inside_rungs.tolist())

# %% [markdown]
# ## Clearance: the stock has to go
#
# With $n$ units and $k$ weeks left the price that is best depends on both. Backward induction {cite:p}`gallego1994`:
#
# ```{math}
# :label: eq-markdown
# \begin{aligned}
# V_k(n) &= \max_{p}\;\mathrm E\bigl[p\min(D,n)+V_{k-1}\bigl(n-\min(D,n)\bigr)\bigr],\\
# D &\sim \operatorname{Poisson}(\lambda_k(p)).
# \end{aligned}
# ```

# %% tags=["nbval-check-output"]
clearance = ClearanceConfig(
    prices=(9.99, 8.99, 7.99, 6.99, 5.99, 4.99), rate=(8.0, 7.0, 6.0, 5.0, 4.0, 3.0), reference_price=9.99,
    elasticity=-2.2, stock=60, salvage=1.0,
)  # fmt: skip
policy = solve(clearance)
steady = [policy_value(clearance, fixed_policy(clearance, (k,) * 6)) for k in range(6)]
late = policy_value(clearance, fixed_policy(clearance, (0, 0, 0, 0, 4, 5)))
print(f"stock-aware {policy.expected:.1f}, best single price {max(steady):.1f}, full price then half {late:.1f}")
assert policy.expected >= max(*steady, late)

# %% mystnb={"figure": {"caption": "The price to ask with so many units left, by week; a clearance that began at the highest price.", "name": "fig-markdown"}, "image": {"alt": "Step lines of the optimal price over remaining stock, one a week: more stock or less time left means a lower price."}}
fig, ax = plt.subplots()
for week in (0, 2, 4, 5):
    asked = np.array(clearance.prices)[policy.choice[week, 0]]
    ax.step(np.arange(1, clearance.stock + 1), asked[1:], where="mid", label=f"{6 - week} weeks left")
ax.set(xlabel="units left", ylabel="best price")
ax.legend()
plt.show()

# %% [markdown]
# ## Learning a price by asking it
#
# Where prices never varied, nothing above works: somebody has to try. Thompson sampling {cite:p}`thompson1933,ferreira2018`
# draws an elasticity from what is believed, asks the price that would be best if the draw were true, and learns from the
# sales. Its cost is what the tried prices earn less than the best one; a fixed wrong price pays for ever, a test of
# every rung pays at once.

# %%
rungs = (7.99, 8.49, 8.99, 9.49, 9.99, 10.49, 10.99, 11.49, 11.99)
learner = BanditConfig(prices=rungs, cost=6.0, reference_price=9.99, prior_level=np.log(25.0))
demand = 25.0 * (np.array(rungs) / 9.99) ** -3.2
periods, copies = 120, 100
sampled = thompson(learner, demand, periods, copies, seed)
tested = explore_then_commit(learner, demand, periods, copies, each=4, seed=seed)
stay = fixed_price(learner, demand, rungs.index(9.99), periods)

# %%
(curve, error), (test_curve, _) = sampled.cumulative(), tested.cumulative()
best_profit = ((np.array(rungs) - 6.0) * demand).max() * periods
for name, total in (("Thompson sampling", curve[-1]), ("test every rung", test_curve[-1]), ("today's price", stay[-1])):
    print(f"{name:18s} loses {total:6.0f} of {best_profit:.0f} over {periods} days ({100 * total / best_profit:.1f} %)")
print(f"learned elasticity {sampled.elasticity.mean():.2f} (prior -2.00, truth -3.20)")
assert curve[-1] < min(test_curve[-1], stay[-1])

# %% mystnb={"figure": {"caption": "Cumulative profit lost against the best price; the band is two standard errors.", "name": "fig-bandit"}, "image": {"alt": "Cumulative regret over days: the fixed price grows as a straight line, the test of every rung rises steeply and then flattens, Thompson sampling stays lowest."}}
fig, ax = plt.subplots()
days = np.arange(1, periods + 1)
ax.plot(days, curve, label="Thompson sampling")
ax.fill_between(days, curve - 2 * error, curve + 2 * error, alpha=0.2)
ax.plot(days, test_curve, label="test every rung, then keep the best")
ax.plot(days, stay, label="keep today's price")
ax.set(xlabel="day", ylabel="profit lost so far")
ax.legend()
plt.show()

# %% [markdown]
# ## Orange juice
#
# Real prices, eleven brands of refrigerated juice in the shops of one chain. There is no truth here, only signs, sizes and
# what others found: an average brand elasticity of published studies, whose authors also find that accounting for prices
# that answer to demand makes estimates larger in size {cite:p}`bijmolt2005`; the chain's own elasticities differ by shop
# {cite:p}`hoch1995,montgomery1997`.

# %%
if juice_folder:
    print(juice_elasticities(juice_folder).round(2).to_string(index=False))
    print(PUBLISHED.to_string(index=False))
else:
    print(
        "juice_folder is empty: the section is left out (-p juice_folder=DIR with yx.parquet of the R package bayesm)"
    )

# %% [markdown]
# ## Prices for this run
#
# The run's panel is added up to weeks. Its prices are what was paid per unit: for a product *type* a change of the mix
# looks like a change of price, and where large orders get rebates the price answers to the quantity. There is no cost in
# order lines and no instrument unless `instrument` names one, so an estimate can still be confounded; that is why
# only changes within the observed range, small ones, and sure ones are proposed.

# %%
panel, meta = load_panel(run_dir)
usable = "price" in panel and (panel["price"] > 0).any()
statics = [name for name in meta["static"] if name in panel]
category = price_category or (statics[0] if statics else "")
controls = [name for name in meta["future"] if name != "open" and name in panel and name != instrument]
controls = [name for name in controls if panel[name].std() > 0]
if not usable:
    print("the panel has no prices: no recommendations")
run_prices = panel_prices(panel, category, controls, instrument) if usable else None

# %%
plan = pd.DataFrame(columns=list(PLAN_COLUMNS))
estimates = None
if run_prices is not None and run_prices.table["block"].nunique() >= 8:
    estimates = double_ml(run_prices, instruments=bool(instrument), folds=4, seed=seed)
    shrunk = shrink(estimates.table)
    plan = recommend(
        state_today(run_prices, shrunk, cost_share),
        shrunk,
        PriceRules(min_margin=min_margin, max_change=max_change, allow_outside=allow_outside),
        PlanConfig(cost_share=cost_share, confidence=confidence, seed=seed),
        panel,
        category,
    )
    low, high = estimates.interval()
    print(f"mean own elasticity {estimates.mean:.2f} (95 %: {low:.2f} to {high:.2f}), {len(plan)} products, by week")
    print(plan["action"].value_counts().to_string())
elif usable:
    print("fewer than eight four-week blocks of prices: no recommendations")

# %%
moved = plan[plan["action"] != "hold"]
for row in moved.head(8).itertuples():
    print(f"{row.unique_id}: {row.current_price:.2f} -> {row.proposed_price:.2f}\n    {row.why}")
print(plan.loc[plan["action"] == "hold", "why"].value_counts().to_string())

# %%
folder = resolve(run_dir)
_ = write_csv(plan, folder / "prices.csv")
_ = write_json(
    {
        "bias": {name: float(value) for name, value in table["bias"].items()},
        "covered": {name: int(value) for name, value in table["covered"].items()},
        "shops": int(shops),
        "regret": {name: float(value) for name, value in regret["mean"].items()},
        "run_mean_elasticity": None if estimates is None else estimates.mean,
        "run_products": len(plan),
        "run_changes": len(moved),
        "cost_share": cost_share,
    },
    folder / "pricing.json",
)

# %% mystnb={"figure": {"caption": "Own elasticities of the run's products, shrunk, with 95 % intervals, largest in size first.", "name": "fig-run-elasticities"}, "image": {"alt": "Elasticities of the run's products sorted by size with their intervals; most are negative and many intervals are wide."}}
drawn = plan.dropna(subset=["elasticity"]).sort_values("elasticity")
fig, ax = plt.subplots()
ax.fill_between(
    range(len(drawn)), drawn["elasticity_low"].astype(float), drawn["elasticity_high"].astype(float), alpha=0.2
)
ax.plot(range(len(drawn)), drawn["elasticity"], ".")
ax.axhline(-1, color="0.3", linestyle=":")
ax.set(xlabel="product, sorted", ylabel="own elasticity")
plt.show()

# %% [markdown]
# ## Summary
#
# - We saw past prices and sales mislead, and instruments with double machine learning find the known elasticities.
# - We pulled single products towards their category, which made them more accurate.
# - We saw a better forecaster choose worse prices.
# - We optimised a category's prices on a ladder with a certificate, and measured the regret against the truth.
# - We cleared a stock by backward induction, and learned a price at a stated cost.
# - We wrote what to ask for each of the run's products, and why, or why not to touch it.
#
# The simulated shop has constant elasticities and no memory: customers do not stock up, rivals outside do not answer.
# Proposals for real products are hypotheses; change a few, and measure.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-price-confounding
# Simulate a shop whose price manager does not look at demand (`MarketplaceConfig(confounding=0.0)`). Which estimators
# become right?
# ```
#
# ```{solution} ex-price-confounding
# :class: dropdown
# Double machine learning without instruments is then nearly unbiased. The naive line still is not: it gives the price cut
# of a promotion the credit of being seen on promotion, and leaves the rivals' prices out.
# ```
#
# ```{exercise}
# :label: ex-price-cross
# Optimise the three products with `cross` set to zero, and value the prices with the cross effects. What is lost, and in
# which direction are the prices wrong?
# ```
#
# ```{solution} ex-price-cross
# :class: dropdown
# Prices come out too low: without cross effects a customer who leaves a product is lost to the shop, while in truth part
# of them buys its neighbour. The category's prices should be higher together than one by one.
# ```
#
# ## References
#
# Double machine learning {cite:p}`chernozhukov2018`; instruments {cite:p}`angrist2001`; cluster jackknife
# {cite:p}`mackinnon2023`; empirical Bayes {cite:p}`morris1983`; retail price optimisation {cite:p}`ferreira2016`;
# clearance {cite:p}`gallego1994`; learning {cite:p}`thompson1933,ferreira2018`; published elasticities
# {cite:p}`hoch1995,montgomery1997,bijmolt2005`.
