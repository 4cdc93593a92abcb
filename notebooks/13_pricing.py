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
# - find the most profitable prices of a whole category on a ladder of endings, and say how sure the gain is;
# - clear a stock that has to go, and learn a price by asking it;
# - size the test of a price where the past cannot answer, and write for each of this run's products what to ask: a new
#   price where the evidence carries it, else a test.
#
# *Prerequisites:* {ref}`ch-evaluation`, {ref}`page-marketplace`. *Running time:* see the [status page](../book/status.md).

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy.stats import t as student

from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.decisions import pricing
from salesforecast_lib.decisions.pricing import bandit, demand, duel, markdown
from salesforecast_lib.decisions.pricing import experiment, juice, study
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of the simulated shops
shops: int = 10  # simulated shops of the comparison of estimators
duels: int = 2  # of these, shops in which a forecaster also sets prices
priced_products: int = 24  # products of a simulated shop
market_days: int = 730  # days of a simulated shop
cost_share: float = 0.7  # cost / today's price: order lines do not hold it
min_margin: float = 0.05  # smallest margin as a share of the price
max_change: float = 0.1  # largest change of a price at once
cost_doubt: float = 0.15  # the cost share may be so much lower or higher
randomised_prices: bool = False  # past prices of this run were drawn by lot
price_tests: int = 10  # price tests to begin at the same time, at most
longest_test: int = 26  # weeks that a price test may take
confidence: float = 0.8  # a change is proposed where profit rises so surely
allow_outside: bool = False  # prices never asked before; marked in the plan
price_category: str = ""  # column of rivals; empty: the first static column
instrument: str = ""  # column that moves the price only, such as its cost
juice_folder: str = ""  # of yx.parquet (Dominick's); empty: left out

# %% [markdown]
# ## What a spreadsheet says
#
# The price elasticity $\varepsilon$ is the percentage change of demand for one percent of price:
# $\log q = \varepsilon \log p + \dots$ In our simulated shop the price manager sees demand that nobody records, a warm
# weekend or a post by an influencer, and raises the price ({eq}`eq-market-price`). So high prices meet high demand. This
# is what the shop records:

# %%
rules = pricing.PriceRules(min_margin=min_margin)
shop = study.play_shop(seed, priced_products, market_days, rules)
data = pricing.market_prices(shop.market)
columns = ["unique_id", "ds", "units", "log_price", "log_cost", "log_views"]
data.table[columns].head().round(2)

# %% [markdown]
# Six estimators look for the mean elasticity of its products. The truth is known because the shop is simulated.

# %% tags=["nbval-check-output"]
shown = shop.scores[["method", "mean", "low", "high", "truth", "covered"]]
print(shown.round(2).to_string(index=False))

# %% [markdown]
# The naive line is far too flat. *Fixed effects* take out the levels of products and periods, and what confounds is
# neither. *Double machine learning* (double ML) removes what the recorded controls explain, and the shock is not among
# them. Two things help. One is an **instrument**, which moves the price and nothing else: here the supplier's cost and
# the planned depth of a discount {cite:p}`angrist2001`. The other is a record of what confounds: **views** of product
# pages rise with interest before the purchase, whatever the price turns out to be.
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

# %%
rng = np.random.default_rng(seed)
n = 20_000
control, cost, shock = rng.normal(size=(3, n))
price = 0.5 * control + 0.6 * cost + 0.8 * shock
noise = rng.normal(size=n)
sales = -2.0 * price + 1.0 * control + 2.0 * shock + noise

# %% tags=["nbval-check-output"]
y, T, Z = (
    v - control * (control @ v) / (control @ control)
    for v in (sales, price, cost)
)
ols, iv = (T @ y) / (T @ T), (Z @ y) / (Z @ T)
assert abs(iv + 2.0) < 0.1 < abs(ols + 2.0)
print(f"truth -2.00, least squares {ols:.2f}, with the instrument {iv:.2f}")

# %% [markdown]
# The library leaves the residuals to `econml` (`OrthoIV`, folds of whole four-week blocks) and adds what a shop needs:
# own price and rivals' index together, one estimate a product with a common first stage, and intervals that leave out
# one four-week block of all products at a time, because the weeks of a product are no independent draws
# {cite:p}`mackinnon2023`.
#
# ### The logarithm of a count
#
# Days without a sale have no logarithm, so units $q$ enter as $\psi(q+1)$, with the digamma function $\psi$. This is not
# unbiased. For Poisson counts of mean $\lambda$ it exceeds $\log\lambda$ by $E_1(\lambda)$, the exponential integral, and
# finds the share $1-e^{-\lambda}$ of an elasticity:

# %% tags=["nbval-check-output"]
bias = pricing.count_bias([0.2, 0.5, 1, 2, 5])
print(bias.round(3).to_string(index=False))

# %% [markdown]
# From five units a period the error is below one percent; at one unit a third of the elasticity is lost. So products
# with fewer than five units a period are left out, or added up to weeks. The last column is the bias of $\log(q+\tfrac12)$,
# a little smaller up to two units, and still too large to be of use there. We keep $\psi$ because it also has an exact form
# for a day that sold out: $\psi(q)$ less the log of the fraction of the day until then.
#
# ### More shops
#
# One shop may be luck. The truth is that of the same products, with the same weights.

# %%
others = range(seed + 1, seed + shops)
played = [shop, *study.play_shops(others, priced_products, market_days, rules)]
many = pd.concat([one.scores for one in played], ignore_index=True)
lost = pd.concat([one.regrets for one in played], ignore_index=True)

# %% tags=["nbval-check-output"]
best_method = "double ML, instruments and views"
table = study.summarise(many)
columns = ["bias", "spread", "covered", "shops"]
print(table[columns].round(2).to_string())
assert table.loc["naive log-log", "bias"] > 0.3
assert abs(table.loc[best_method, "bias"]) < 0.1 * abs(many["truth"].mean())

# %% mystnb={"figure": {"caption": "Estimated mean own elasticity minus the truth in simulated shops; a dot a shop, bars are the mean 95 % interval.", "name": "fig-elasticity-bias"}, "image": {"alt": "Dots of the error of each estimator over simulated shops: naive, fixed effects and double machine learning alone lie far above zero, views alone a little above it, and the two estimators with instruments scatter around zero."}}
fig, ax = plt.subplots()
for place, (_name, part) in enumerate(many.groupby("method", sort=False)):
    bias, half = part["bias"], (part["high"] - part["low"]).mean() / 2
    ax.errorbar(bias.mean(), place, xerr=half, color="0.6", capsize=4)
    ax.plot(bias, [place] * len(part), "o", markersize=4, alpha=0.7)
ax.set_yticks(range(len(table)), table.index)
ax.axvline(0, color="0.3", linestyle=":")
ax.set(xlabel="estimate - truth (own-price elasticity)")
plt.show()

# %% [markdown]
# ## One product knows little: shrinkage
#
# Two years of one product leave a wide interval. Its category says more: with a normal prior of the category, estimated
# from all products (empirical Bayes {cite:p}`morris1983`), each estimate moves to the category's mean by as much as it is
# uncertain:
#
# ```{math}
# :label: eq-shrink
# \hat\varepsilon_i^{\text{EB}} = \bar\varepsilon_c + \frac{\tau^2}{\tau^2+s_i^2}\,(\hat\varepsilon_i - \bar\varepsilon_c).
# ```
#
# The table has mean absolute errors of single products over all shops, the sentences are about the first shop. What is
# precise alone gains little, and in one shop shrinking can do harm: products that truly differ from their category are
# pulled towards it too.

# %% tags=["nbval-check-output"]
errors = table[["product_raw", "product_error"]]
errors = errors.loc[["double ML, instruments", best_method]]
print(errors.set_axis(["alone", "shrunk"], axis=1).round(2).to_string())
fit = shop.fits[best_method]
posterior = pricing.shrink(fit.table)
print(study.products_report(shop.market, fit.table, posterior))

# %% mystnb={"figure": {"caption": "Own elasticities of single products: estimate and shrunk estimate against the truth.", "name": "fig-shrinkage"}, "image": {"alt": "Scatter of estimated against true own elasticities of one shop: the shrunk estimates lie closer together than the ones alone; in the middle of the range both lie near the diagonal, and for the most elastic products, whose intervals are wide, most of the shrunk ones are pulled above it."}}
fig, ax = plt.subplots(figsize=(5.5, 4.2))
products = shop.market.products.set_index("unique_id")
truth = products.loc[fit.table["unique_id"], "own_elasticity"]
own, width = fit.table["own"], 1.96 * fit.table["own_se"]
ax.errorbar(truth, own, yerr=width, fmt="none", ecolor="0.8")
ax.plot(truth, own, "o", fillstyle="none", label="alone")
ax.plot(truth, posterior["own"], "s", markersize=4, label="shrunk")
ends = [truth.min(), truth.max()]
ax.plot(ends, ends, color="0.3", linestyle=":", label="truth")
ax.set(xlabel="true own elasticity", ylabel="estimate")
ax.legend()
plt.show()

# %% [markdown]
# ## The best forecaster is not the best pricer
#
# Two models forecast the last eight weeks one day ahead. *Boosting* sees yesterday's sales, which carry the unrecorded
# shock, beside price, calendar and promotions. *Causal* has the calendar, promotions and our elasticities, nothing else.
# Then each sets prices, and the truth says what they earn.

# %% tags=["nbval-check-output"]
fights = pd.concat(
    pricing.forecaster_against_pricer(
        one.market, one.fits[best_method], rules, seed
    ).table.assign(shop=number)
    for number, one in enumerate(played[:duels])
)
duel_means = fights.groupby("model", sort=False).mean()
print(duel_means.drop(columns="shop").round(3).to_string())
print(duel.duel_verdict(fights))

# %% [markdown]
# Boosting explains the sales of a dear day by the days before it, and credits little to the price. As a forecast that is
# right. As an answer to "what if we ask more?" it is wrong. Lower forecast error is no argument for prices; that takes
# variation of prices that demand did not cause.
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

# %%
names = ["unique_id", "price", "cost", "units", "share", "own", "cross"]
rows = [
    ("A", 4.99, 3.2, 20.0, 0.31, -2.8, 0.8),
    ("B", 3.49, 1.6, 35.0, 0.55, -2.1, 0.5),
    ("C", 6.29, 3.9, 9.0, 0.14, -1.7, 0.7),
]
small = pd.DataFrame(rows, columns=names).assign(
    price_low=[4.0, 2.9, 5.0], price_high=[5.9, 4.2, 7.5]
)
small

# %% tags=["nbval-check-output"]
everything = pricing.brute_force(small)
ours = pricing.optimise_category(small, enumerate_up_to=0)  # the search
assert np.allclose(everything.prices, ours.prices)
assert ours.bound >= everything.profit * (1 - 1e-9)
print("today", small["price"].tolist(), f"profit {ours.current_profit:.2f}")
print("best ", ours.prices.tolist(), f"profit {ours.profit:.2f}, "
      f"at most {100 * ours.gap:.1f} % below the optimum")  # fmt: skip

# %% [markdown]
# ### Regret
#
# Prices from estimated elasticities, valued by the truth, against the best prices under the same rules. *Regret* is the
# share of that best profit which is lost.

# %% tags=["nbval-check-output"]
regret = lost.groupby("method", sort=False)["regret"].agg(["mean", "max"])
print((100 * regret).round(1).add_suffix(" regret, %").to_string())
ours, naive = regret["mean"][best_method], regret["mean"]["naive log-log"]
assert ours <= 0.03 and ours < naive
print(study.regret_verdict(lost, best_method, "naive log-log"))
print(study.regret_verdict(lost, best_method, "double ML, views"))

# %% mystnb={"figure": {"caption": "Share of the best possible profit lost by prices from each estimator, mean over simulated shops; the dotted line is 3 %.", "name": "fig-regret"}, "image": {"alt": "Horizontal bars of regret: today's prices lose most, about nine percent; naive elasticities, fixed effects and double machine learning alone lose four to five percent; the three estimators with views or instruments lose below one percent. The worst shops of the first four lie at thirteen percent and more."}}
fig, ax = plt.subplots()
bars = 100 * regret.drop("true optimum").iloc[::-1]
ax.barh(bars.index, bars["mean"])
ax.plot(bars["max"], bars.index, "k|", markersize=12, linestyle="none",
        label="worst shop")  # fmt: skip
ax.axvline(3, color="0.3", linestyle=":")
ax.set(xlabel="regret, % of the best profit")
ax.legend()
plt.show()

# %% [markdown]
# ### Expected profit with its uncertainty
#
# The posterior of the elasticities says how sure a gain is. Each draw values all prices of the shop.

# %% tags=["nbval-check-output"]
state = study.true_state(shop.market, data)
believed = study.believed_state(state, data, posterior)
chosen, today = study.best_prices(believed, rules), state["price"].to_numpy()
gain = demand.gain_draws(believed, chosen, 400, seed)
low, high = np.quantile(gain, [0.025, 0.975])
actual = study.total_profit(state, chosen) - study.total_profit(state, today)
assert actual > 0
print(f"expected gain a day {gain.mean():.0f} (95 %: {low:.0f} to "
      f"{high:.0f}); true gain {actual:.0f}")  # fmt: skip

# %% [markdown]
# ### Advice without an instrument
#
# Now the same for every estimator and shop: how many of its price changes lose money in truth, and what does it promise?

# %% tags=["nbval-check-output"]
advice = duel.advice_against_truth(played, rules)
print(advice.round(2).to_string())
print(duel.advice_verdict(advice, "double ML", best_method))

# %% [markdown]
# An order file alone holds neither a cost nor views: its estimate is that of the blind row. Its direction may be right
# and its promise is not known to be. So this book never writes "raise" or "lower" from such an estimate. It writes
# **test**.
#
# ### How long is a test?
#
# A change from price $p$ to $p'$ with cost $k$ pays if the units after it, over those before it, exceed
#
# ```{math}
# :label: eq-break-even
# \frac{q'}{q} = \frac{p-k}{p'-k}, \qquad \text{at the elasticity } \frac{\log (q'/q)}{\log (p'/p)} .
# ```
#
# That is what the test has to be able to see. Weeks come in pairs, in each pair a coin says which week asks the new
# price, and the mean difference of log units within the $n$ pairs is the answer. With $\sigma$ the product's own noise
# from week to week, $n$ is enough when
#
# ```{math}
# :label: eq-test-length
# \sqrt n \; \bigl|\log (q'/q)\bigr| \;\ge\; \sigma \,\bigl(t_{n-1,\,0.95} + t_{n-1,\,0.8}\bigr).
# ```

# %% tags=["nbval-check-output"]
asked, noise = np.array([9.99, 10.99]), np.array([0.3])
for cost in (5.5, 7.0, 8.5):
    ratio = experiment.break_even_ratio(asked[:1], asked[1:], np.array([cost]))
    effect = np.log(ratio)
    needed = experiment.periods_needed(effect, noise, 104)
    print(f"cost {cost:.2f}: pays if units fall by less than "
          f"{1 - ratio[0]:.0%}; {needed[0]:.0f} weeks show it")  # fmt: skip

# %% [markdown]
# Four thousand such tests of the middle case, with an effect of that size: how many see it, and how many see one where
# there is none?

# %% tags=["nbval-check-output"]
effect = np.log(
    experiment.break_even_ratio(asked[:1], asked[1:], np.array([7.0]))
)
pairs = int(experiment.periods_needed(effect, noise, 104)[0]) // 2
for truth in (effect[0], 0.0):
    drawn = rng.normal(truth, noise[0], (4000, pairs))
    value = drawn.mean(1) / drawn.std(1, ddof=1) * np.sqrt(pairs)
    seen = (value < student.ppf(0.05, pairs - 1)).mean()
    print(f"true change of units {np.expm1(truth):+.0%}: {seen:.0%} of the "
          "tests report a fall")  # fmt: skip
    assert abs(seen - (0.8 if truth else 0.05)) < 0.08

# %% [markdown]
# ### Guard rails
#
# No price depends on who buys: every function of this chapter refuses a column that describes customers. And nothing is
# proposed outside the range that was asked before, because there the elasticity is a guess; `allow_outside` lifts this,
# and the plan says so in its row.

# %% tags=["nbval-check-output"]
try:
    pricing.refuse_customers(["price", "customer_segment"], "prices")
except ValueError as refusal:
    print(refusal)
inside_rungs = pricing.ladder(2.49, 1.2, 2.29, 2.59, pricing.PriceRules())
print("rungs between 2.29 and 2.59:", inside_rungs.tolist())

# %% [markdown]
# ## Clearance: the stock has to go
#
# With $n$ units and $k$ weeks left the price that is best depends on both. Backward induction {cite:p}`gallego1994`
# starts after the last week, when a unit brings its salvage value $v$:
#
# ```{math}
# :label: eq-markdown
# \begin{aligned}
# V_0(n) &= v\,n,\\
# V_k(n) &= \max_{p}\;\mathrm E\bigl[p\min(D,n)+V_{k-1}\bigl(n-\min(D,n)\bigr)\bigr],\quad k \ge 1,\\
# D &\sim \operatorname{Poisson}(\lambda_k(p)).
# \end{aligned}
# ```
#
# A clearance price does not rise again, so the library also keeps the last price: $p$ runs over the rungs up to it.

# %%
clearance = markdown.ClearanceConfig(
    prices=(9.99, 8.99, 7.99, 6.99, 5.99, 4.99),
    rate=(8.0, 7.0, 6.0, 5.0, 4.0, 3.0), reference_price=9.99,
    elasticity=-2.2, stock=60, salvage=1.0,
)  # fmt: skip
policy = markdown.solve(clearance)

# %% tags=["nbval-check-output"]
steady = [markdown.fixed_value(clearance, (k,) * 6) for k in range(6)]
late = markdown.fixed_value(clearance, (0, 0, 0, 0, 4, 5))
assert policy.expected >= max(*steady, late)
print(f"stock-aware {policy.expected:.1f}, best single price "
      f"{max(steady):.1f}, full price then half {late:.1f}")  # fmt: skip

# %% mystnb={"figure": {"caption": "The price to ask with so many units left, by week; a clearance that has asked the highest price so far.", "name": "fig-markdown"}, "image": {"alt": "Falling steps of the best price over the units left, one line for six, four, two and one weeks left: more stock means a lower price, and with the same stock less time means a lower price or the same."}}
fig, ax = plt.subplots()
units = np.arange(1, clearance.stock + 1)
left = {0: "6 weeks", 2: "4 weeks", 4: "2 weeks", 5: "1 week"}
for week, text in left.items():
    asked = np.array(clearance.prices)[policy.choice[week, 0]]
    ax.step(units, asked[1:], where="mid", label=f"{text} left")
ax.set(xlabel="units left", ylabel="best price")
ax.legend()
plt.show()

# %% [markdown]
# ## Learning a price by asking it
#
# Where prices never varied, nothing above works: somebody has to try. Thompson sampling {cite:p}`thompson1933,ferreira2018`
# draws an elasticity from what is believed, asks the price that would be best if the draw were true, and learns from the
# sales. Its cost is what the tried prices earn less than the best one. Its peers are a test of every rung, which then keeps
# the best, and today's price kept for ever.

# %%
rungs = (7.99, 8.49, 8.99, 9.49, 9.99, 10.49, 10.99, 11.49, 11.99)
learner = bandit.BanditConfig(
    prices=rungs, cost=6.0, reference_price=9.99, prior_level=np.log(25.0)
)
expected = 25.0 * (np.array(rungs) / 9.99) ** -3.2  # units a day

# %% tags=["nbval-check-output"]
trial = bandit.compare_learners(learner, expected, 120, 100, seed=seed)
print(trial.report())
print(f"learned elasticity {trial.elasticity:.2f} (prior -2.00, truth -3.20)")
print(trial.verdict("Thompson sampling"))

# %% [markdown]
# Learning is an investment: it costs most at first, and pays only where the price will be asked for long enough
# afterwards. A shop with fewer days to go than that keeps today's price.

# %% mystnb={"figure": {"caption": "Cumulative profit lost against the best price; the band is two standard errors of Thompson sampling.", "name": "fig-bandit"}, "image": {"alt": "Cumulative regret over 120 days: Thompson sampling rises fastest and has lost most until about day 80, then flattens and is lowest at the end; the test of every rung rises in steps below it and goes on as a line; today's price grows as a straight line, for a long time the lowest and at the end the highest."}}
fig, ax = plt.subplots()
learned = "Thompson sampling"
curve, band = trial.curves[learned], 2 * trial.errors[learned]
day = np.arange(1, len(curve) + 1)
for name, total in trial.curves.items():
    ax.plot(day, total, label=name)
ax.fill_between(day, curve - band, curve + band, alpha=0.2)
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
print(juice.juice_report(juice_folder))

# %% [markdown]
# ## Prices for this run
#
# The run's panel is added up to weeks. Its prices are what was paid per unit: for a product *type* a change of the mix
# looks like a change of price, and where large orders get rebates the price answers to the quantity. There is no cost in
# order lines and no instrument unless `instrument` names one. Without one a changed price is a **test**, at the price
# that the estimate likes best within small steps and the observed range; its length follows from {eq}`eq-test-length`
# and the product's own noise. Where prices *were* drawn by lot, say `-p randomised_prices=true`: then a change is
# advised where the whole interval of its profit lies above zero. The cost is assumed, so every proposal is worked out
# at a lower and a higher one too, and held where its direction changes. At most `price_tests` begin now, one a category,
# the most money at stake first.

# %%
panel, meta = load_panel(run_dir)
limits = pricing.PriceRules(
    min_margin=min_margin, max_change=max_change, allow_outside=allow_outside
)
sure = pricing.PlanConfig(
    *(cost_share, confidence), seed=seed, cost_doubt=cost_doubt,
    randomised=randomised_prices, tests=price_tests,
    longest_test=longest_test,
)  # fmt: skip
found = pricing.plan_run(
    panel, meta, limits, sure, price_category, instrument
)
found.prices.iloc[:5, :9].round(2)

# %% tags=["nbval-check-output"]
print(found.report())

# %% tags=["nbval-check-output"]
print(found.proposals(8))

# %% tags=["hide-input"]
_ = pricing.write_plan(run_dir, found, table, regret["mean"], sure)

# %% mystnb={"figure": {"caption": "Own elasticities of the run's products, shrunk, with 95 % intervals, largest in size first.", "name": "fig-run-elasticities"}, "image": {"alt": "Own elasticities of the run's products from the most negative to the least, with their intervals: nearly all are negative, most lie above minus one, and the intervals are wide, many of them reaching from below minus one to above it."}}
drawn = found.plan.dropna(subset=["elasticity"]).sort_values("elasticity")
place = range(len(drawn))
low, high = drawn["elasticity_low"], drawn["elasticity_high"]
fig, ax = plt.subplots()
ax.fill_between(place, low.astype(float), high.astype(float), alpha=0.2)
ax.plot(place, drawn["elasticity"], ".")
ax.axhline(-1, color="0.3", linestyle=":")
ax.set(xlabel="product, sorted", ylabel="own elasticity")
plt.show()

# %% [markdown]
# ## Summary
#
# - We saw past prices and sales mislead, and instruments with double machine learning find the known elasticities.
# - We pulled single products towards their category, which made them more accurate in the mean over shops, not in each.
# - We saw a better forecaster choose worse prices.
# - We optimised a category's prices on a ladder with a certificate, and measured the regret against the truth.
# - We cleared a stock by backward induction, and learned a price at a stated cost, which takes time to pay.
# - We saw what advice without an instrument promises and what it brings, and worked out how long a test takes instead.
# - We wrote what to ask or to test for each of the run's products, and why, or why not to touch it.
#
# The simulated shop has constant elasticities and no memory: customers do not stock up, rivals outside do not answer.
# A test answers for its own weeks and its own shop: repeat it when the season or the rivals change.
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
