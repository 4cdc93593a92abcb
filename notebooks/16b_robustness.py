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
# (ch-robustness)=
# # What can break the forecast, who is served badly, and what must never leave the house?
#
# A forecast orders goods for money, from files that others write. This chapter asks what goes wrong when those files
# are wrong, by mistake or on purpose; whether some products or customers are served worse than others; and whether what
# the shop publishes tells who bought. In it we will
#
# - disturb what the stored champion reads, and count the error and the money, before and after each defence;
# - send fake orders from one account, and see how far they move the order of a product;
# - send them from a ring of accounts, and count what an alarm on new buyers sees and when it rings for nothing;
# - measure error, bias and fill rate by group with intervals, help a group, and say what the others pay;
# - give customers names that only the shop can turn back, and test whether a quantile tells of one customer's order;
# - list every way into the pipeline with the test that plays the attack.
#
# *Prerequisites:* {ref}`ch-preprocessing`, {ref}`ch-inventory`. *Running time:* see the
# [status page](../book/status.md).

# %% tags=["hide-input"]
import hashlib
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib import data
from salesforecast_lib.data.reading import ReadOptions, pseudonyms
from salesforecast_lib.decisions import levels, pricing
from salesforecast_lib.files import resolve, write_json
from salesforecast_lib.models.champion import load_champion
from salesforecast_lib.plots import figure_text, use_book_style
from salesforecast_lib.production import fairness, privacy, robustness
from salesforecast_lib.production.fairness import groups as known_groups
from salesforecast_lib.production.fairness import verdicts as fair_words
from salesforecast_lib.production.monitoring import newcomers
from salesforecast_lib.production.robustness import fakes, rings, study
from salesforecast_lib.production.robustness import trials as played
from salesforecast_lib.production.robustness import verdicts

use_book_style()
pd.set_option("display.max_colwidth", None)  # sentences stand in tables

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
level: str = "product_type"  # column whose values are the series
lead_time: int = 2  # periods until an order arrives
review_period: int = 7  # periods between orders
price_band: float = 0.2  # a price feed may lie so much beside the truth
attacked_products: int = 8  # products that get fake orders
group_replicates: int = 500  # bootstrap draws of each group
tested_products: int = 24  # products of the membership test
membership_trials: int = 20  # trainings of the membership test

# %% tags=["hide-input"]
panel, meta = data.load_panel(run_dir)
table, described = data.load_features(run_dir)
ahead = pd.read_parquet(resolve(run_dir) / "ahead.parquet")
made = pd.read_parquet(resolve(run_dir) / "champion_forecasts.parquet")
told = table.frame[["unique_id", "ds", *table.roles["future"]]]
known = pd.concat([told, ahead], ignore_index=True)
champion = load_champion(resolve(run_dir) / "champion")
champion = champion.with_coding(table, known)
case = robustness.Case.last_horizon(panel, meta, described, known)
reading = ReadOptions(
    columns, timezone, decimal, thousands, date_order, encoding, sheet,
    customer_ids=customer_ids,
)  # fmt: skip
raw, steps = fakes.shop_lines(
    meta["dataset"], path, reading, tuple(static), cleaning
)
book = robustness.order_book(case, raw, level, steps)

# %% [markdown]
# ## Money, not only error
#
# The last horizon of the data is held back. The stored champion forecasts it once from the panel as it came, and once
# from a disturbed one; nothing is trained again. It has been trained on those weeks as well, so of its errors only the
# *difference* counts. Beside it stand small trees whose training ends where the forecast begins. What is ordered is the
# order-up-to level of {ref}`ch-inventory`, with an empty shelf, at the last known price.

# %%
protection = lead_time + review_period
order = partial(
    levels.order_up_to_levels, protection=protection, service_level=0.9
)
models = played.models_of(case, champion, price_band, seed)
as_it_came = models.champion(case.panel)
wanted = order(as_it_came)

# %% tags=["nbval-check-output"]
noisy = robustness.noisy_sales(case, seed=seed)
later = noisy["ds"] > case.cutoff
assert (noisy.loc[later, "y"] == case.panel.loc[later, "y"]).all()
again = models.champion(case.panel)
assert again["mean"].equals(as_it_came["mean"])
moved = (order(models.champion(noisy)) - wanted).abs().sum()
print("the same panel, the same order; noise moves it:", bool(moved > 0))

# %% [markdown]
# ## Faults, and feeds that lie
#
# Recent sales times a lognormal factor; all historical columns missing; prices that stand still. Then prices that
# somebody *chose*, within the band of the parameter, so that no check of a range sees them. Trees have no gradient, but
# they answer questions: a **greedy** search takes the recent weeks one by one from the latest back and keeps for each
# product the factor that raises its order most. For the network the **gradient** says which way to move each day's
# price {cite:p}`goodfellow2015`; taken in small steps and cut back into the band it is projected gradient ascent
# {cite:p}`madry2018`. The defence is *training on disturbed prices*: copies of every series with wrong prices and
# right sales. It is attacked anew, by somebody who knows it.

# %%
found = played.input_trials(case, models, order, price_band, seed)
inputs = robustness.robustness_table(case, found, order)
inputs.round(3)

# %%
pd.DataFrame({"found": verdicts.disturbances_found(inputs)})

# %% [markdown]
# `worse` is the WAPE against the same model undisturbed, `moved` the share of the order's money that is ordered
# otherwise, `net` its sign. A feed can be wrong for a long time while the error hardly shows it: the price is one input
# of many. Where `moved` is small, the reason is that the forecast rests on sales, and those are the next target.
#
# ## Orders that nobody wants
#
# A rival, or an agent paid by units, sends orders and cancels them later. The cleaning of {ref}`ch-preprocessing`
# refuses a *line* beyond the limit of its product. Who knows that sends ten lines below it. So we add up what one
# *account* takes of a product in four weeks, and hold the sums against the limit of such sums. By hand, on a product
# that most accounts buy by ones and twos, and one buys in thirty lines:

# %%
rng = np.random.default_rng(seed)
usual = rng.integers(1, 4, 60).astype(float)
small = pd.DataFrame({"quantity": np.r_[usual, np.full(30, 40.0)]})
small["customer_id"] = [f"c{k}" for k in range(60)] + ["fraud"] * 30
sums = small.groupby("customer_id")["quantity"].transform("sum")
each = np.log1p(small.groupby("customer_id")["quantity"].sum())
centre = each.median()
spread = max(1.4826 * (each - centre).abs().median(), 0.5)
width = data.CleaningConfig().outlier_width
refused = sums > np.expm1(centre + width * spread)

# %% tags=["nbval-check-output"]
lines = small.assign(
    row=range(len(small)), order_id=[f"o{k}" for k in small.index],
    product_id="a", unit_price=1.0, timestamp=pd.Timestamp("2025-03-03"),
)  # fmt: skip
plain = data.clean(lines, data.CleaningConfig())
limited = data.clean(lines, data.CleaningConfig(account_totals=True))
assert set(limited.quarantine["row"]) == set(lines.index[refused])
print(f"by line {len(plain.quarantine)} refused, ", end="")
print(f"by account {len(limited.quarantine)} of {len(lines)}")

# %% [markdown]
# `account_totals` is a switch of `CleaningConfig`, off unless asked for: a restaurant that buys a lot is no fraud, and
# the quarantine has to be read by somebody. The champion has a second line of defence, its *guard*: no forecast may pass
# three times the largest sale so far. A fake sale would lift it; so a sale ten times above every other period's is not
# counted there.

# %%
chosen = study.spread_products(
    case.panel, attacked_products, pd.Index(wanted.index)
)
recent = case.panel[case.panel["ds"].isin(case.recent)]
usual = recent.groupby("unique_id")["y"].mean()
units = np.ceil(100 * usual).clip(lower=1)
only = partial(study.orders_of, orders=order, names=chosen)
found = played.order_trials(
    case, book, models, champion, chosen, units, seed
)
fake = robustness.robustness_table(case, found, only)
fake.round(3)

# %%
bulk = fake[(fake["disturbance"] == "bulk order")]
bulk = bulk[bulk["model"] == "champion"]
words = ["order lines of the shop" if book.real else "lines from the panel"]
words += [verdicts.guard_found(bulk)]
pd.DataFrame({"found": words})

# %% tags=["nbval-check-output"]
rows = bulk.set_index("defence")
print("cleaning never makes it worse:", end=" ")
print(bool(rows.loc["cleaning", "moved"] <= rows.loc["none", "moved"]))
print("and stops the bulk order:", end=" ")
print(bool(rows.loc["cleaning", "moved"] < 0.5 * rows.loc["none", "moved"]))

# %% [markdown]
# ### What one account can move
#
# The spend is what the fake orders cost when they are really paid; who can cancel pays nothing. Sent in one line, and
# split into lines that just pass the cleaning.

# %%
moves = robustness.what_an_account_moves(
    case, book, models.champion, order, chosen, times=(1, 10, 100)
)
total = moves.groupby(["attack", "defence", "times"], sort=False)
total[["units", "spend", "arrived", "moved", "money"]].sum().round(0)

# %% mystnb={"figure": {"caption": "Money by which the orders of the attacked products rise, by what one account spends, for each defence, sent in one line and split into many; both axes logarithmic.", "name": "fig-account"}, "image": {"alt": "Two panels of lines on logarithmic axes, one line and split: without cleaning the money moved rises with the spend; with cleaning that of the single line stays low, that of the split order only with the limit by account."}}
fig, axes = plt.subplots(1, 2, sharey=True)
for ax, attack in zip(axes, moves["attack"].unique(), strict=True):
    part = moves[moves["attack"] == attack]
    sums = part.groupby(["defence", "times"], sort=False)
    sums = sums[["spend", "money"]].sum()
    for k, defence in enumerate(sums.index.unique("defence")):
        row = sums.loc[defence]
        money = row["money"].clip(lower=1)
        ax.plot(row["spend"], money, f"{'osx'[k]}-", label=defence)
    ax.set(xscale="log", yscale="log", xlabel="spent", title=attack)
axes[0].set_ylabel("money ordered more")
axes[0].legend()
plt.show()

# %%
pd.DataFrame({"found": verdicts.account_found(moves)})

# %% [markdown]
# A product's own line of the same table, at the largest spend, for the planner who has to watch it:

# %%
worst = moves[(moves["times"] == 100) & (moves["defence"] == "none")]
worst[["attack", "unique_id", "spend", "moved", "money"]].round(0)

# %% [markdown]
# ### A ring of accounts
#
# A *ring* of many accounts with one unit each passes every limit on lines and accounts: in the table before, its rows
# are the same with and without them. What gives it away is that its accounts are *new*. Of a product's buyers in a
# usual week a small share has never bought in the shop before. By hand, for a product with forty buyers a week, one in
# fifty of them new, in the week in which a ring of twelve comes:

# %%
genuine, accounts, usual_share = 40, 12, 0.02
buyers = genuine + accounts
fresh = accounts + usual_share * genuine
expected = usual_share * buyers
# a binomial count, and one buyer more, so that a rare product is not shrill
spread = np.sqrt(expected * (1 - usual_share) + 1)
score = (fresh - expected) / spread

# %% tags=["nbval-check-output"]
print(f"{fresh:.1f} of {buyers} are new, {expected:.1f} are usual:", end=" ")
print(f"{score:.1f} standard deviations")

# %% [markdown]
# The alarm learns the usual share of each product from up to half a year of weeks, and its limit from the highest score
# of all products in those weeks. The first quarter of the data teaches nothing: there everybody is new. We play three
# rings among the shop's own lines: new accounts within a week, the same spread over four weeks, and accounts of real
# customers, hired or stolen. Beside them we count the genuine weeks in which the alarm rings for nothing. The limits of
# the alarm were set before any ring was played. A ring of four weeks counts as seen where one of its weeks rings; that
# was chosen after a look: asked at the end of four weeks alone, the alarm saw no slow ring, which lifts its own limit.

# %%
alarm = newcomers.newcomer_alarms
rang = rings.false_alarms(case, book, alarm)
seen = rings.ring_alarms(case, book, chosen, (1, 3, 10), alarm, seed)
seen.round(2)

# %%
series = panel["unique_id"].nunique()
pd.DataFrame({"found": rings.rings_found(seen, rang, series)})

# %% [markdown]
# `salesforecast nightly` asks this alarm every night, where order lines name customers. It sees accounts that were made
# for the ring. Accounts that bought something before, and orders without an account, it does not see; against those
# helps only a payment that cannot be taken back. Asked only once a month it would see less: new accounts that nobody
# acted on raise what is usual. The households of the published data are a panel, among which hardly anybody is new. In
# a shop where a third of all buyers are new a small ring is no news.
#
# ## Who is served badly?
#
# Error, bias and fill rate of the champion's forecasts by group, on the cutoffs whose future is known. Groups of
# products come from the panel; of customers, where the data tell who bought: each product counts by the share of its
# units that the group took. Fairlearn's frame {cite:p}`weerts2023` measures each group; intervals come from drawing
# products again, since the days of one product go together, and are widened for the number of groups.

# %%
forecasts = made[made["model"] == "Champion"].dropna(subset="y")
stock = partial(
    levels.levels_and_demand, protection=protection, service_level=0.9
)
served = fairness.served(forecasts, stock)
first, last = forecasts["cutoff"].min(), forecasts["cutoff"].max()
own = book.lines if book.real else None
brands, people = known_groups.told_groups(meta["dataset"], own, first)
of = fairness.product_groups(panel, meta, first, brands)
tables = {
    name: fairness.by_group(served, of[name], group_replicates, seed=seed)
    for name in of
} | {
    name: fairness.by_group(served, units, group_replicates, seed=seed)
    for name, units in people.items()
}

# %% tags=["nbval-check-output"]
for name in of:
    frame = fairness.metric_frame(served, of[name].dropna())
    ours = tables[name].loc[frame.by_group.index]
    for measure in ("wape", "bias", "fill"):
        theirs = frame.by_group[measure].astype(float)
        assert np.allclose(theirs, ours[measure], equal_nan=True)
print("fairlearn and the library agree:", ", ".join(of))
print("groups of customers:", ", ".join(people) or "none in these data")

# %%
shown = fairness.together(tables)
shown[["products", "wape", "wape_low", "wape_high", "bias", "fill"]].round(3)

# %% mystnb={"figure": {"caption": "WAPE of each group with its interval over products.", "name": "fig-groups"}, "image": {"alt": "Dots with horizontal bars, one for each group: small products have a higher error than large ones, groups of customers lie close together."}}
names = [figure_text(f"{a}: {g}") for a, g in shown.index]
gap = [shown["wape"] - shown["wape_low"], shown["wape_high"] - shown["wape"]]
fig, ax = plt.subplots(figsize=(6, 0.28 * len(names) + 1))
ax.errorbar(shown["wape"], names, xerr=np.clip(gap, 0, None), fmt="o")
ax.invert_yaxis()
ax.set(xlabel="WAPE")
plt.show()

# %%
pd.DataFrame({"found": fairness.groups_found(tables)})

# %% [markdown]
# A higher WAPE of small products is partly arithmetic: the fewer units, the more of the error is chance. The fill rate
# is what the customer meets, and there the order-up-to level can make up for it by more stock.
#
# ### Helping a group, and who pays
#
# Two remedies for small products. *Group calibration* scales each group's forecast by what it sold over what it was
# forecast on earlier cutoffs. *Reweighting* lets its rows count more when trees are trained {cite:p}`kamiran2012`; three
# seeds of the trees say whether what it does is more than chance.

# %%
helped, told = "small", []
before = forecasts[forecasts["cutoff"] == last]
if "size" in of and first < last:
    after, factors = fairness.calibrated(forecasts, of["size"], last)
    paid = fairness.price_of(before, after, of["size"], helped)
    told += [fair_words.price_found(paid, helped, "Group calibration")]
    told += [fair_words.bias_found(paid, helped)]
if "size" in of:
    prices = fairness.reweighting_prices(
        table, known, described, case.cutoff, of["size"], helped
    )
    told += [fair_words.seeds_found(prices, helped, "Reweighting")]
told = told or ["Too few products to make groups of them."]
pd.DataFrame({"found": told})

# %% [markdown]
# ### Prices never see who buys
#
# A forecast may be worse for a group by chance. A price that differs by who buys would be meant. The rooms that set
# prices refuse columns that describe customers:

# %% tags=["nbval-check-output"]
for name in ("customer_age", "income", "price"):
    try:
        pricing.refuse_customers([name], "prices")
        print(f"{name}: taken")
    except ValueError as error:
        print(f"{name}: refused,", str(error)[:50])

# %% [markdown]
# ## What must never leave the house
#
# A run folder is passed on: to a colleague, an agency, a repository. So the customers of a shop's own file get other
# names when it is read. A plain hash would not do: customer numbers are few, and all of them can be hashed and compared.
# A *keyed* hash needs the key {cite:p}`aumasson2013`, which lies outside of run folders, readable by its owner only.

# %% tags=["nbval-check-output"]
key = bytes(range(32))  # an example; the real one is made once, at random
digest = hashlib.blake2b(
    b"4711", key=key, digest_size=10, person=b"customer_id"
)
assert "c" + digest.hexdigest() == pseudonyms.pseudonym("4711", key)
other = pseudonyms.pseudonym("4711", bytes(32))
print(f"customer 4711 is {pseudonyms.pseudonym('4711', key)},")
print(f"with another key {other}")

# %% [markdown]
# `salesforecast customers RUN --orders FILE --out FILE` hashes the shop's file again and writes a run's table with its
# own ids, for the mailing. The embedded data keep their household numbers: they are public.
#
# ### Does a quantile tell of one order?
#
# The forecast is published too: to suppliers, in a book. Can somebody who knows *everything else*, all other orders and
# the recipe of the model, see whether one customer's order was among the data? We play it {cite:p}`carlini2022`: train
# many times, leave each tested order out of a random half of the trainings, and compare what is published. The chance
# that a training with the order publishes more than one without is the area under the curve (AUC): one half tells
# nothing, one tells all.

# %%
names = study.spread_products(
    panel, tested_products, pd.Index(wanted.index)
)
test = privacy.membership_case(
    panel, case.recent, own, meta, known, case.cutoff, names
)
attacks = privacy.membership_table(test, membership_trials, seed)
attacks.round(2)

# %% tags=["nbval-check-output"]
values = np.array([3.0, 2.0, 2.5, 1.0])
member = np.array([True, True, False, False])
wins = [a > b for a in values[member] for b in values[~member]]
tried = pd.DataFrame({"unique_id": "a", "member": member, "value": values})
assert privacy.attack_auc(tried)[0] == np.mean(wins)
print(f"by hand: {np.mean(wins)}")

# %% mystnb={"figure": {"caption": "How well the attack tells whether an order was among the data: AUC with its interval over products; 0.5 is a guess.", "name": "fig-membership"}, "image": {"alt": "Dots with bars for each kind of order and model: giant orders lie near one for the rule without a defence, typical orders near one half for the trees."}}
fig, ax = plt.subplots(figsize=(6, 0.3 * max(len(attacks), 1) + 1))
if len(attacks):
    names = attacks["order"] + ", " + attacks["model"]
    names = (names + ", " + attacks["defence"]).map(figure_text)
    gap = [attacks["auc"] - attacks["low"], attacks["high"] - attacks["auc"]]
    ax.errorbar(attacks["auc"], names, xerr=np.clip(gap, 0, None), fmt="o")
    ax.invert_yaxis()
ax.axvline(0.5, linestyle=":")
ax.set(xlabel="AUC of the attack", xlim=(0.3, 1.05))
plt.show()

# %%
words = privacy.membership_found(attacks) or [privacy.NO_CUSTOMERS]
pd.DataFrame({"found": words})

# %% [markdown]
# *Clipping* counts no customer beyond the usual in one period, *rounding* publishes coarse numbers. Both have a price,
# `price` in the table: the share by which the published numbers move on average. Neither is differential privacy
# {cite:p}`dwork2006`, which adds noise and proves a bound.
#
# ## Every way in
#
# The pipeline reads files, names, parameters, models and requests that others write. Each row's test plays the attack;
# another test asserts that each of them exists.

# %%
threats = robustness.threat_table()
threats[["entrance", "attack", "defence"]]

# %% tags=["nbval-check-output"]
print(f"{threats['entrance'].nunique()} entrances,", end=" ")
print(f"{len(threats)} attacks, each with a test")
assert threats["test"].str.contains("::test_").all()

# %% tags=["hide-input"]
_ = write_json(
    {
        "inputs": inputs.round(4).to_dict("records"),
        "fake_orders": fake.round(4).to_dict("records"),
        "account": moves.round(2).to_dict("records"),
        "rings": seen.round(3).to_dict("records"),
        "false_alarms": int(rang["alarms"].sum()),
        "groups": fairness.groups_found(tables),
        "mitigation": told,
        "membership": attacks.round(3).to_dict("records"),
        "real_lines": book.real,
        "threats": len(threats),
    },
    resolve(run_dir) / "robustness.json",
)

# %% [markdown]
# ## Summary
#
# - The champion was disturbed without training it again, and error and money were counted beside each other.
# - Fake orders were played as a fraud would send them. Cleaning by line is made for the bulk order, the limit by account
#   for the split one, and neither stops a ring; the guard no longer counts a sale that stands alone.
# - Rings of new accounts were held against an alarm on new buyers, beside rings that it cannot see and its false alarms.
# - Groups were measured with intervals; what helps one was priced for the others, and a remedy that does not help is
#   called so.
# - Customers of a shop's own file have keyed names, and what a quantile tells of one order was measured.
# - Every threat of the table has a test that plays it.
#
# ```{admonition} What to do on Monday
# :class: tip
# 1. Read the quarantine of absurd quantities once a week; turn `account_totals` on where accounts can cancel for free.
# 2. Keep the key of the customer ids where the passwords are, and never in a run folder. Without it nobody, you
#    included, can turn the names back.
# 3. Publish quantiles of groups of products, not of a product that five customers buy.
# ```
#
# ## Exercises
#
# ```{exercise}
# :label: ex-robustness-width
# How many units can one line of one account order of each attacked product before the cleaning refuses it, at widths
# of 4, 6 and 8?
# ```

# %% tags=["hide-cell"]
own = book.of(chosen).lines
codes = pd.factorize(own["product_id"])[0]
for width in (4.0, 6.0, 8.0):
    limit = data.cleaning.outlier_limit(
        own["quantity"].to_numpy(), codes, width
    )
    print(f"width {width:.0f}: {np.median(limit):.0f} units in the median")

# %% [markdown]
# ```{solution} ex-robustness-width
# :class: dropdown
# The cell above. The limit grows exponentially with the width: a narrow one stops more frauds and more restaurants.
# ```
#
# ```{exercise}
# :label: ex-robustness-hash
# A colleague hashes customer numbers of four digits with SHA-256 and no key. Turn `hashlib.sha256(b"4711")` back.
# ```

# %% tags=["hide-cell"]
seen = hashlib.sha256(b"4711").hexdigest()
tried = (f"{k:04d}" for k in range(10_000))
print(next(k for k in tried if hashlib.sha256(k.encode()).hexdigest() == seen))

# %% [markdown]
# ```{solution} ex-robustness-hash
# :class: dropdown
# Ten thousand tries take milliseconds. With a key of 32 bytes there is nothing to try.
# ```
#
# ## References
#
# Adversarial examples {cite:p}`goodfellow2015,madry2018`, fairness {cite:p}`weerts2023,kamiran2012`, membership
# {cite:p}`shokri2017,carlini2022`, differential privacy {cite:p}`dwork2006`, the rank test behind the AUC
# {cite:p}`mann1947`, the hash {cite:p}`aumasson2013`, the bootstrap {cite:p}`efron1993`.
