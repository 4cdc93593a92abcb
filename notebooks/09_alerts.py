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
# (ch-alerts)=
# # What a planner must look at
#
# Two hundred products sell every day, and nobody can look at two hundred curves. This chapter answers: **which of them
# needs a person today, and why?** In it we will
#
# - build four detectors: forecast interval, cumulative sum, robust decomposition and an LSTM autoencoder, with an isolation
#   forest as control;
# - make their evidence comparable and hold every one to the same budget of false alerts;
# - combine two of them, the interval and the cumulative sum, with new channels in one alarm, which is the one in use;
# - put known anomalies of six kinds into real data, and count what each alarm finds, how soon, and what else it reports;
# - look at what the combination owes to two channels that were made for two of these kinds;
# - write one line for one cause: sales, price, stock and data feed, with what was expected.
#
# *Prerequisites:* {ref}`ch-evaluation`. *Running time:* see the [status page](../book/status.md).

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.data.reading import ReadOptions
from salesforecast_lib.decisions import alerts, driving, inventory
from salesforecast_lib.decisions.alerts import autoencoder, combination
from salesforecast_lib.decisions.alerts import contest, evidence
from salesforecast_lib.decisions.alerts import stock as shelves
from salesforecast_lib.decisions.alerts import summary, table as alert_table
from salesforecast_lib.decisions.alerts.grid import normal_scores
from salesforecast_lib.decisions.alerts.injection import STRENGTHS
from salesforecast_lib.decisions.stock import match_stock
from salesforecast_lib.files import resolve, write_csv, write_json
from salesforecast_lib.plots import figure_text, use_book_style

use_book_style()
pd.set_option("display.max_colwidth", None)  # reasons are sentences

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of the autoencoder, the forest and the injections
alert_model: str = "champion"  # whose forecast says what is expected
alert_budget: float = 10.0  # false alerts per 1,000 product-weeks
alert_epochs: int = 6  # of the autoencoder
alert_products: int = 60  # of the simulated market with known stock-outs
stock_file: str = ""  # stock today: unique_id, stock; empty knows none
stock_columns: dict = {}  # unique_id and stock: names in stock_file
decimal: str = ""  # decimal mark of stock_file, found where it is empty
thousands: str = ""  # mark of thousands, found where it is empty
missing_stock: str = "unknown"  # or "zero": a product not in stock_file is out

# %% [markdown]
# ## What is known when
#
# Each period is held against the newest forecast made before it. All detectors learn from periods before the first cutoff. The
# forecasts of the cutoffs after it are the *calibration* periods, where every alert counts as a false one; those of the
# newest cutoff with known sales are the *alert* periods. Nothing of an alert period is known to what alarms in it.

# %% tags=["hide-input"]
panel, meta = load_panel(run_dir)
forecasts, alert_model = driving.read_forecasts(run_dir, alert_model)
grid = alerts.build_grid(panel, forecasts, meta, alert_model)

# %% tags=["nbval-check-output"]
train_end, calibration, recent = grid.split()
day = [str(date.date()) for date in grid.dates]
print(f"learn      until {day[train_end - 1]}")
print(f"calibrate  {day[calibration[0]]} to {day[calibration[-1]]}")
print(f"alert      {day[recent[0]]} to {day[recent[-1]]}")
prices = "known" if grid.price is not None else "not known, no price alerts"
print(f"{len(grid.ids)} series; prices: {prices}")

# %% [markdown]
# The first alert periods of the product that sells most: what was sold, and what the forecast said before.

# %%
top = int(np.nansum(grid.sales, axis=1).argmax())
outer = grid.quantiles[top][:, [0, -1]]
known = np.column_stack([grid.sales[top], grid.mean[top], outer])
names = ["sold", "expected", "5 %", "95 %"]
pd.DataFrame(known[recent], grid.dates[recent], names).head().round(1)

# %% [markdown]
# ## Four ways to be suspicious
#
# ### Outside the forecast interval
#
# A forecast has quantiles; sales have a place among them. We read this place in units of a standard normal, so that every
# product, large or small, speaks the same language: two is rare, four is an alarm.

# %% tags=["nbval-check-output"]
# 5, 10, 25, 50, 75, 90 and 95 % of a standard normal
spread = np.array([-1.645, -1.282, -0.674, 0.0, 0.674, 1.282, 1.645])
quantiles = (40 + 10 * spread)[None, None]  # forecast: mean 40, sd 10
for sold in (40.0, 50.0, 20.0, 90.0):
    score = float(normal_scores(np.array([[sold]]), quantiles)[0, 0])
    assert abs(score - (sold - 40) / 10) < 0.02
    print(f"{sold:.0f} units: {score:+.1f}")

# %% [markdown]
# ### A little, again and again
#
# A product that sells a fifth less than expected is never outside its interval, and yet something has happened. The cumulative
# sum {cite:p}`page1954` keeps what exceeds a slack $k$ and forgets the rest:
#
# ```{math}
# :label: eq-cusum
# S_t=\max(0,\;S_{t-1}+z_t-k).
# ```

# %% tags=["nbval-check-output"]
rng = np.random.default_rng(7)
z = rng.normal(size=60)
z[30:] += 1.5  # the level moves, by one and a half standard deviations
total, by_hand = 0.0, []
for value in z:
    total = max(0.0, total + min(value, 4.0) - 1.0)
    by_hand.append(total)
never = np.zeros(60, dtype=bool)
assert np.allclose(by_hand, evidence.cusum(z[None], restart=never)[0])
print(f"largest single score: {z.max():.1f}")
print(f"cumulative sum before the shift: {max(by_hand[:30]):.1f}")
print(f"cumulative sum after it: {max(by_hand):.1f}")

# %% [markdown]
# ### Against its own past
#
# A decomposition needs no forecast: level, weekday effect, rest. With means, one freak day would bend its own yardstick, so we
# take medians, and only of the past (the loess of {cite:t}`cleveland1990` looks to both sides, which an alarm cannot). Counts
# are put on the scale $2\sqrt{y+3/8}$, where their noise does not grow with their level {cite:p}`anscombe1948`.

# %% tags=["nbval-check-output"]
past = np.array([9.0, 11.0, 10.0, 12.0, 8.0, 10.0, 11.0])
freak = np.append(past, 100.0)
for name, days in (("without", past), ("with", freak)):
    mean, median = days.mean(), np.median(days)
    print(f"{name} the freak day: mean {mean:.1f}, median {median:.1f}")
assert abs(np.median(freak) - np.median(past)) < 1
assert abs(freak.mean() - past.mean()) > 10

# %% [markdown]
# ### What a network cannot rebuild
#
# The LSTM autoencoder {cite:p}`malhotra2016` squeezes four weeks of a product, sales and price, through six numbers and must
# rebuild them. It learns what weeks look like; a week it cannot rebuild is strange. Isolation trees {cite:p}`liu2008` are the
# control that knows nothing of time: how few random cuts part a product's day from all others. Where the history is too short
# for the autoencoder, it is left out. The largest value of each channel in the calibration periods of one product:

# %%
size = autoencoder.AutoencoderConfig(epochs=alert_epochs, seed=seed)
detectors = alerts.fit_detectors(grid, train_end, size)
before = alerts.collect(detectors, grid, calibration)
largest = {name: np.nan_to_num(x[top]).max() for name, x in before.items()}
pd.Series(largest, name=grid.ids[top]).round(2).to_frame().T

# %% [markdown]
# ## The same budget for everyone
#
# The detectors' numbers have nothing in common: standard deviations, sums, reconstruction errors. What they share is how
# *rare* a value is in ordinary periods, $r=-\log_{10}P(X\ge x)$, counted where there are enough periods, and beyond by a Pareto
# tail {cite:p}`hill1975`. An alarm is the rarest of its channels above one threshold, chosen so that the calibration periods hold
# `alert_budget` alerts per 1,000 product-weeks. Consecutive alarms of a product are one alert, and so are those of many products
# that begin in one period.

# %% tags=["nbval-check-output"]
weeks = combination.product_weeks(grid, calibration)
allowed = alert_budget / 1000 * weeks
print(f"{weeks:.0f} product-weeks of calibration: {allowed:.1f} alerts allowed")
alarms = contest.single_alarms(before, grid, calibration, alert_budget)

# %% [markdown]
# ## What is combined
#
# The combined alarm refines two of the single detectors. From the forecasts, with what all products share in a period taken
# out (a holiday is not two hundred anomalies), it has single periods *high* and *low*, and cumulative sums *rising* and *falling*.
# Its *list_price* is the price before discounts, which a promotion leaves alone. Two channels are new: *flat* (how unlikely is it
# to sell the very same number again?) and *missing* (more products without a sale than their forecasts allow). The other
# detectors are not in it: they are controls. The budget is shared out by a rehearsal: anomalies injected into the calibration
# periods show where it finds most.

# %%
rehearsals = alerts.rehearse(
    [alerts.SalesEvidence()], grid, calibration, seed + 1
)
equal = alerts.calibrate(
    "combined", contest.CHANNELS, before, grid, calibration, alert_budget
)
combined = alerts.share_out(equal, before, rehearsals, grid.quiet, allowed)
pd.Series(combined.weights, name="share").round(2).to_frame().T

# %% [markdown]
# The shares come from a search over few alerts, so they are rough. Which detectors are in the combination is settled by its
# channels:

# %% tags=["nbval-check-output"]
members = contest.membership(combined, alarms)
inside = members["in_combined"]
print("combined:", ", ".join(members.index[inside].drop("(new)")))
print("controls only:", ", ".join(members.index[~inside]))
print("no single detector has:", members.loc["(new)", "combined"])
members[["channels", "combined"]]

# %% [markdown]
# ## Anomalies that we know
#
# Real data do not say what was an anomaly. So we put some in, into the alert periods only: six kinds, three strengths, in a
# quarter of the products each time (a missing feed hits a tenth, a third or all of them). Forecasts stay as they were at the
# cutoff. An event is found when an alarm is up that was *not* up without the injection; all other alerts count as false, though
# some of them will be real events of that month.

# %%
ordinary = alerts.collect(detectors, grid, recent)
scenarios = alerts.rehearse(detectors, grid, recent, seed)
result = alerts.trial([*alarms, combined], ordinary, scenarios, grid)
summary.overview(result).round(3)

# %% [markdown]
# *ordinary_alerts* are those per 1,000 product-weeks in the same periods as they are. Recall by kind, and the mean delay of what
# was found, in periods:

# %%
summary.pivot(result, "recall").round(2)

# %%
summary.pivot(result, "delay").round(1)

# %% mystnb={"figure": {"caption": "Share of the injected events found, by kind (colour: strength) and detector, all held to the same budget of false alerts in the calibration periods.", "name": "fig-alert-recall"}, "image": {"alt": "Small panels, one per kind of anomaly, with bars per detector and strength: the combined alarm is the only one with high bars for flat lines and missing feeds and has the longest bars on strong level shifts and drifts; on price typos interval and cumulative sum come near it; of strong spikes several single detectors find as many or more; weak spikes, shifts and drifts are hardly found by any."}}
keys = ["kind", "alarm", "strength"]
shares = alerts.summarise(result, keys).set_index(keys)["recall"]
kinds, names = (list(result.events[key].unique()) for key in keys[:2])
fig, axes = plt.subplots(2, 3, figsize=(7.8, 5.0), sharex=True, sharey=True)
for ax, kind in zip(axes.flat, kinds, strict=False):
    table = shares[kind].unstack().loc[names[::-1], list(STRENGTHS)]
    for k, shade in enumerate(("0.75", "0.5", "0.2")):
        height, word = np.arange(len(table)) + 0.26 * (1 - k), STRENGTHS[k]
        ax.barh(height, table[word], 0.26, color=shade, label=word)
    ax.set_yticks(range(len(table)), table.index)
    ax.set(title=kind, xlim=(0, 1))
for ax in axes.flat[len(kinds) :]:
    ax.set_visible(False)
fig.supxlabel("share found")
handles = axes.flat[0].get_legend_handles_labels()
fig.legend(*handles, loc="outside upper center", ncols=3)
plt.show()

# %% [markdown]
# Is the combination better than every single detector? The differences in recall from the one that does best, with 95 % intervals
# from a bootstrap that draws products. We chose the channels after a look at injections into these very months, so the lead
# flatters the combination.

# %%
gain = alerts.recall_gain(result, "combined", seed=seed)
summary.best_rival(gain).set_index("kind").round(3)

# %% tags=["nbval-check-output"]
finds = "the combination finds "
print(summary.leaders(result))
print(summary.listed(summary.against_each(gain), before=finds))
print("\nkind by kind, against the single detector that does best")
print(summary.listed(summary.against_best(gain), before=finds))

# %% [markdown]
# ## What two channels are worth
#
# The channel *flat* was made for flat lines, and *missing* for missing feeds; no single detector has anything like them. So a
# part of the lead is built in. We leave both out, share the same budget out again in the same way, and look at all kinds, and at
# those that no channel mirrors.

# %%
bare = alerts.combine(
    before,
    *(grid, calibration, alert_budget, rehearsals),
    without=contest.MIRRORS,
    name="without the two",
)
bare_result = alerts.trial([bare], ordinary, scenarios, grid)
everyone = summary.together(result, bare_result)
others = summary.only_kinds(everyone, contest.MIRRORS.values())
without = {"all kinds": everyone, "kinds without a mirror": others}
shown = {name: summary.recall(part) for name, part in without.items()}
pd.DataFrame(shown).round(2)

# %% tags=["nbval-check-output"]
full, less = shown["all kinds"][["combined", "without the two"]]
print(f"all kinds: recall {full:.1f}, without the two channels {less:.1f}")
gain_bare = alerts.recall_gain(others, "without the two", seed=seed)
gain_bare = gain_bare[gain_bare["alarm"] != "combined"]
print("\nwithout the two channels, on kinds without a mirror")
print(summary.listed(summary.against_each(gain_bare), before=finds))

# %% [markdown]
# ## The same number of alerts, in hindsight
#
# The budget was kept in the calibration periods; the months after them may be louder or quieter, and not for all detectors
# alike. So once more, with each threshold moved, in hindsight, to the budget in these periods:

# %%
same = alert_budget / 1000 * combination.product_weeks(grid, recent)
rivals = [*alarms, combined]
limits = [
    combination.threshold_for(one.score(ordinary), grid.quiet, same)
    for one in rivals
]
hindsight = alerts.trial(rivals, ordinary, scenarios, grid, limits)
summary.overview(hindsight).round(3)

# %% tags=["nbval-check-output"]
print("in hindsight,", summary.leaders(hindsight))

# %% [markdown]
# ## How a feed breaks
#
# Some failures need no statistics. We break the last but one selling period of these data in five ways. Each must give one feed
# alert, not one for every product: a period that the feed explains is blanked before anything else is looked at.

# %%
selling = recent[grid.open[recent]]
feeds = contest.broken_feeds(grid, int(selling[-2:][0]), combined)
feeds

# %% tags=["nbval-check-output"]
seen = (feeds["feed alerts"] == 1).sum()
print(f"broken feeds that are one feed alert: {seen} of {len(feeds)}")

# %% [markdown]
# ## A market that knows its stock-outs
#
# In the simulated market ({ref}`page-marketplace`) we know on which days a shelf was really empty. We hide it: the alarm sees
# order lines only. A product is reported when its run of days without a sale has, under its forecast, a chance below one in ten
# thousand. Nothing here is the reader's data: the numbers are the same in every run.

# %% tags=["nbval-check-output"]
shelf_grid, market = contest.simulated_market(alert_products, 0.9)
whole = np.concatenate(shelf_grid.horizons())
reported = alerts.stock_alerts(shelf_grid, whole)
truth = contest.against_truth(reported, market.truth, shelf_grid.dates[whole])
assert truth["precision"] >= 0.9
print(f"alerts: {len(reported)}; empty on most days: {truth['true']}")
print(f"precision: {truth['precision']:.2f}")
print(f"empty a week or longer: {truth['long']}, found {truth['long_found']}")
reported[["unique_id", "start", "end", "why"]].head(3)

# %% [markdown]
# The same contest as above, in a market that never runs out: there, nothing but what we inject is an anomaly. So the goal can
# be an assertion: at the same budget the combined alarm has a higher recall and a higher F1 than every single detector.

# %%
market_grid, _ = contest.simulated_market(alert_products, 0.0)
small = autoencoder.AutoencoderConfig(epochs=2, seed=0)
in_market = contest.compete(market_grid, 10.0, small)
scores = ["recall", "precision", "f1"]
market_table = alerts.summarise(in_market).set_index("alarm")[scores]
market_table.round(2)

# %% tags=["nbval-check-output"]
print(summary.leaders(in_market))
for measure in ("recall", "f1"):
    single = market_table[measure].drop("combined")
    assert market_table.loc["combined", measure] > single.max()

# %% [markdown]
# ## The alerts of this run
#
# One line is one cause. First the feed; what it explains is not reported again for each product. Then shelves that
# sell nothing, then what many products do at once, then single products, where consecutive alarms are one line.
# Rarity decides whether there is an alert, **money** how severe it is: *impact* is what lies between expected and
# seen, in units times the product's price, and for a broken feed all that it makes worthless. *High* is at least what
# an average product takes in a week, *medium* a quarter of it. Most money is on top; what a holiday explains comes
# last. That a product which nobody has bought for months sells nothing is no news, and a product that the stock file
# lacks has an unknown stock, not an empty shelf.

# %%
listed = None
if stock_file:
    reading = ReadOptions(stock_columns, "", decimal, thousands)
    units = inventory.read_stock(stock_file, reading)
    listed = match_stock(units, list(grid.ids), missing_stock, stock_file)
    print(listed.note)

# %%
unwanted = shelves.unwanted_products(
    panel, grid, recent, recorded=meta["dataset"] == "own_panel"
)
found = alerts.find_alerts(
    *(grid, recent, combined, [alerts.SalesEvidence()]),
    stock=listed.known if listed else None, unwanted=unwanted,
)  # fmt: skip
report = alerts.numbered(found)
reason = alert_table.why_none(report, grid, recent, combined)
print(reason or f"{len(report)} alerts")
pd.crosstab(report["kind"], report["severity"])

# %%
columns = ["alert", "severity", "kind", "unique_id", "start", "end", "why"]
report[columns].head(12)

# %% mystnb={"figure": {"caption": "The alerts at a glance, most money at stake on top: when, what, and how far from what was expected.", "name": "fig-alerts"}, "image": {"alt": "Two panels side by side with one line per alert: a bar from its start to its end, darker for higher severity, and a dot for observed relative to expected on a logarithmic axis; the alerts with most money at stake are at the top."}}
part = report.head(18).iloc[::-1].reset_index(drop=True)
grey = {"high": "0.15", "medium": "0.5", "low": "0.75"}
shade = part["severity"].map(grey)
fig, (left, right) = plt.subplots(
    *(1, 2), figsize=(7.8, 0.8 + 0.27 * max(len(part), 3)),
    sharey=True, width_ratios=[2, 1],
)
length = (part["end"] - part["start"]).dt.days + round(7 * grid.weeks)
left.barh(part.index, length, left=part["start"], color=shade)
label = [f"{k} · {figure_text(n, 22)}" for k, n in zip(part["kind"],
         part["unique_id"], strict=True)]  # fmt: skip
left.set_yticks(part.index, label, fontsize="x-small")
left.tick_params(axis="x", rotation=30)
week = pd.Timedelta(days=7)
left.set(xlim=(grid.dates[recent[0]], grid.dates[recent[-1]] + week))
left.set(xlabel="date")
ratio = (part["observed"] + 0.5) / (part["expected"] + 0.5)
right.scatter(ratio.clip(0.01, 100), part.index, color=shade)
right.axvline(1, color="0.3", linestyle=":")
right.set(xscale="log", xlabel="observed / expected")
plt.show()

# %% tags=["hide-input"]
known = {"stock_outs": truth, "contest": market_table.to_dict("index")}
numbers = summary.record(
    *(grid, combined, alert_model, result, hindsight, gain),
    *((bare, others), report, known, reason),
)
_ = write_json(numbers, resolve(run_dir) / "alerts.json")
_ = write_csv(report, resolve(run_dir) / "alerts.csv")

# %% [markdown]
# ## Summary
#
# - We built four detectors and a control, each causal: an alert of a day uses nothing after the day.
# - We compared them at one budget of false alerts, which the calibration periods settle.
# - We injected six kinds of anomalies and saw that each detector has kinds to which it is blind; the table says which.
# - We combined the ideas of two detectors, the interval and the cumulative sum, with two new channels. Where a single detector
#   still wins, the verdicts name the kind: what is spent on other kinds is missing there.
# - We left the two new channels out, because they mirror two of the injected kinds, and reported recall without them.
# - We wrote alerts of feed, stock, many products and single products, one line for one cause.
#
# Injected anomalies have shapes that we chose. The budget of the combined alarm is shared out by a rehearsal of the same
# shapes, at other products and days: its lead over the controls is a lead for anomalies of these kinds. Its channels, the
# range of usual prices and the way its budget is shared were chosen after a look at the injections of these months; thresholds and
# weights come from the calibration alone. The forecasts are those of the last cutoff; in use, a shift becomes part of the next
# forecast and falls silent.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-alert-budget
# A planner has time for one alert a day. Which `alert_budget` is that for 200 products, and what is no longer found?
# ```
#
# ```{solution} ex-alert-budget
# :class: dropdown
# 200 products for a week are 200 product-weeks, seven alerts: `-p alert_budget=35` is more than the default of 10, so more is
# found, at the price of more false alerts. With 2,000 products the same planner could afford 3.5.
# ```
#
# ```{exercise}
# :label: ex-alert-max
# Why is the strangest channel taken, and not the sum of all?
# ```
#
# ```{solution} ex-alert-max
# :class: dropdown
# A price typo leaves sales alone: the sum would add the noise of six quiet channels to the one that speaks. The sum wins where
# weak evidence is spread over several channels.
# ```
#
# ```{exercise}
# :label: ex-alert-flat
# Why does the forecast interval never see a frozen feed?
# ```
#
# ```{solution} ex-alert-flat
# :class: dropdown
# The frozen value is an ordinary one. What is strange is that it comes again and again: that is a statement about several
# periods.
# ```
#
# ## References
#
# Cumulative sums {cite:p}`page1954`, robust decomposition {cite:p}`cleveland1990`, variance-stable counts {cite:p}`anscombe1948`,
# autoencoders for anomalies {cite:p}`malhotra2016`, isolation forests {cite:p}`liu2008`, tails {cite:p}`hill1975`, the bootstrap
# {cite:p}`efron1993`. A survey: {cite:t}`chandola2009`.
