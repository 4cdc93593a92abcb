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
# - put known anomalies of six kinds into real data, and count what each detector finds, how soon, and what else it shouts;
# - combine the evidence in one alarm, which is the one in use;
# - write one line for one cause: sales, price, stock and data feed, with what was expected.
#
# *Prerequisites:* {ref}`ch-evaluation`. *Running time:* see the [status page](../book/status.md).

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib.data.panel import PanelConfig, build_panel
from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.data.marketplace.simulate import MarketplaceConfig, simulate_marketplace
from salesforecast_lib.decisions.alerts.grid import build_grid, normal_scores
from salesforecast_lib.decisions.alerts.table import find_alerts, stock_alerts
from salesforecast_lib.decisions.alerts.autoencoder import Autoencoder, AutoencoderConfig, enough_history
from salesforecast_lib.decisions.alerts.combination import calibrate, collect, product_weeks, share_out, threshold_for
from salesforecast_lib.decisions.alerts.detectors import CusumAlarm, Decomposition, Forest, IntervalAlarm, SalesEvidence
from salesforecast_lib.decisions.alerts.detectors import cusum
from salesforecast_lib.decisions.alerts.injection import (
    STRENGTHS,
    against_truth,
    break_feed,
    recall_gain,
    rehearse,
    summarise,
    trial,
)
from salesforecast_lib.decisions.inventory.orders import read_stock
from salesforecast_lib.files import resolve, write_csv, write_json
from salesforecast_lib.models.peers.baselines import statistical_forecasts
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% tags=["parameters"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of the autoencoder, the forest and the injections
alert_model: str = "Ensemble"  # whose forecast says what is expected
alert_budget: float = 10.0  # false alerts per 1,000 product-weeks
alert_epochs: int = 6  # of the autoencoder
alert_products: int = 60  # of the simulated market with known stock-outs
stock_file: str = ""  # your stock today: a file with unique_id and stock; empty knows none

# %% [markdown]
# ## What is known when
#
# Each period is held against the newest forecast made before it. All detectors learn from periods before the first cutoff. The
# forecasts of the cutoffs after it are the *calibration* periods, where every alert counts as a false one; those of the
# newest cutoff with known sales are the *alert* periods. Nothing of an alert period is known to what alarms in it.

# %%
panel, meta = load_panel(run_dir)
forecasts = pd.read_parquet(resolve(run_dir) / "forecasts.parquet")
grid = build_grid(panel, forecasts, meta, alert_model)
train_end, calibration, recent = grid.split()
print(f"learn      until {grid.dates[train_end - 1].date()}")
print(f"calibrate  {grid.dates[calibration[0]].date()} to {grid.dates[calibration[-1]].date()}")
print(f"alert      {grid.dates[recent[0]].date()} to {grid.dates[recent[-1]].date()}")
print(f"{len(grid.ids)} series; price: {'yes' if grid.price is not None else 'no, price alerts are left out'}")

# %% [markdown]
# ## Four ways to be suspicious
#
# ### Outside the forecast interval
#
# A forecast has quantiles; sales have a place among them. We read this place in units of a standard normal, so that every
# product, large or small, speaks the same language: two is rare, four is an alarm.

# %% tags=["nbval-check-output"]
levels = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
spread = np.array([-1.645, -1.282, -0.674, 0.0, 0.674, 1.282, 1.645])
quantiles = 40 + 10 * spread  # of a forecast with mean 40 and standard deviation 10
for sold in (40, 50, 20, 90):
    score = float(normal_scores(np.array([[float(sold)]]), quantiles[None, None])[0, 0])
    assert abs(score - (sold - 40) / 10) < 0.02
    print(f"{sold} units: {score:+.1f}")

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
z[30:] += 1.5  # the level moves by one and a half standard deviations
total, by_hand = 0.0, []
for value in z:
    total = max(0.0, total + min(value, 4.0) - 1.0)
    by_hand.append(total)
assert np.allclose(by_hand, cusum(z[None], np.zeros(60, dtype=bool))[0])
print(
    f"largest single score {z.max():.1f}; cumulative sum before the shift {max(by_hand[:30]):.1f}, after {max(by_hand):.1f}"
)

# %% [markdown]
# ### Against its own past
#
# A decomposition needs no forecast: level, weekday effect, rest. With means, one freak day would bend its own yardstick, so we
# take medians, and only of the past (the loess of {cite:t}`cleveland1990` looks to both sides, which an alarm cannot). Counts
# are put on the scale $2\sqrt{y+3/8}$, where their noise does not grow with their level {cite:p}`anscombe1948`.

# %% tags=["nbval-check-output"]
past = np.array([9.0, 11.0, 10.0, 12.0, 8.0, 10.0, 11.0])
freak = np.append(past, 100.0)
print(f"level without the freak day: mean {past.mean():.1f}, median {np.median(past):.1f}")
print(f"level with it:               mean {freak.mean():.1f}, median {np.median(freak):.1f}")
assert abs(np.median(freak) - np.median(past)) < 1 < abs(freak.mean() - past.mean())

# %% [markdown]
# ### What a network cannot rebuild
#
# The LSTM autoencoder {cite:p}`malhotra2016` squeezes four weeks of a product, sales and price, through six numbers and must
# rebuild them. It learns what weeks look like; a week it cannot rebuild is strange. Isolation trees {cite:p}`liu2008` are the
# control that knows nothing of time: how few random cuts part a product's day from all others.

# %%
detectors = [IntervalAlarm(), CusumAlarm(), Decomposition(), Forest(seed).fit(grid, train_end), SalesEvidence()]
size = AutoencoderConfig(epochs=alert_epochs, seed=seed)
if enough_history(grid, train_end, size):
    autoencoder = Autoencoder(size).fit(grid, train_end)
    detectors.insert(0, autoencoder)
    print("loss by epoch:", ", ".join(f"{loss:.3f}" for loss in autoencoder.losses))
else:
    print(f"{train_end} periods before the first forecast are too few for the autoencoder: it is left out")

# %% [markdown]
# ## The same budget for everyone
#
# The detectors' numbers have nothing in common: standard deviations, sums, reconstruction errors. What they share is how
# *rare* a value is in ordinary periods, $r=-\log_{10}P(X\ge x)$, counted where there are enough periods, and beyond by a Pareto
# tail {cite:p}`hill1975`. An alarm is the rarest of its channels above one threshold, chosen so that the calibration periods hold
# `alert_budget` alerts per 1,000 product-weeks. Consecutive alarms of a product are one alert, and so are those of many products
# that begin in one period.
#
# The combined alarm has its channels from the same forecasts, with what all products share in a period taken out (a holiday is
# not two hundred anomalies): single periods *high* and *low*, cumulative sums *rising* and *falling*, *flat* (how unlikely is it
# to sell the very same number again?), *missing* (more products without a sale than their forecasts allow), and the price before
# discounts, which a promotion leaves alone. Its budget is shared out by a rehearsal: anomalies injected into the calibration
# periods show where it finds most.

# %%
controls = {
    "interval": ["interval", "price_range"],
    "cumulative sum": ["cusum", "price_range"],
    "decomposition": ["decomposition", "price"],
    "autoencoder": ["rebuilt_sales", "rebuilt_price", "rebuilt_cycle"],
    "isolation forest": ["forest"],
}
channels = ["high", "low", "rising", "falling", "flat", "missing", "list_price"]
before = collect(detectors, grid, calibration)
there = {name: use for name, use in controls.items() if use[0] in before}
alarms = [calibrate(name, use, before, grid, calibration, alert_budget) for name, use in there.items()]
equal = calibrate("combined", channels, before, grid, calibration, alert_budget)
allowed = alert_budget / 1000 * product_weeks(grid, calibration)
combined = share_out(equal, before, rehearse([SalesEvidence()], grid, calibration, seed + 1), grid.quiet, allowed)
alarms.append(combined)

# %%
print(f"{allowed:.1f} alerts allowed in {product_weeks(grid, calibration):.0f} product-weeks of calibration")
print("share of the budget:", ", ".join(f"{name} {weight:.0%}" for name, weight in combined.weights.items()))

# %% [markdown]
# ## Anomalies that we know
#
# Real data do not say what was an anomaly. So we put some in, into the alert periods only: six kinds, three strengths, in a
# quarter of the products each time (a missing feed hits a tenth, a third or all of them). Forecasts stay as they were at the
# cutoff. An event is found when an alarm is up that was *not* up without the injection; all other alerts count as false, though
# some of them will be real events of that month.

# %%
ordinary = collect(detectors, grid, recent)
scenarios = rehearse(detectors, grid, recent, seed)
result = trial(alarms, ordinary, scenarios, grid)
overall, by_kind = summarise(result), summarise(result, ["alarm", "kind"])
print(overall.round(3).to_string(index=False))

# %%
print("recall by kind\n")
recall = by_kind.pivot(index="alarm", columns="kind", values="recall").loc[list(overall["alarm"])]
print(recall.round(2).to_string())
print("\nmean delay of what was found, in periods\n")
print(by_kind.pivot(index="alarm", columns="kind", values="delay").loc[list(overall["alarm"])].round(1).to_string())
quiet = result.alerts[result.alerts["kind"] == "none"].set_index("alarm")
print("\nalerts per 1,000 product-weeks in the same periods as they are\n")
print((1000 * quiet["others"] / quiet["weeks"]).round(1).to_string())

# %% mystnb={"figure": {"caption": "Share of the injected events found, by kind (colour: strength) and detector, all held to the same budget of false alerts in the calibration periods.", "name": "fig-alert-recall"}, "image": {"alt": "Small panels, one per kind of anomaly, with bars per detector and strength: the combined alarm is the only one with high bars for flat lines and missing feeds and leads on level shifts and drifts; on price typos it is near the best single detectors, on weak spikes some of them find more."}}
shares = summarise(result, ["alarm", "kind", "strength"]).set_index(["kind", "alarm", "strength"])["recall"]
kinds = list(dict.fromkeys(result.events["kind"]))
fig, axes = plt.subplots(2, 3, figsize=(7.8, 5.0), sharex=True, sharey=True)
for ax, kind in zip(axes.flat, kinds, strict=False):
    table = shares[kind].unstack().loc[list(overall["alarm"])[::-1], list(STRENGTHS)]
    for k, strength in enumerate(STRENGTHS):
        height = np.arange(len(table)) + 0.26 * (1 - k)
        ax.barh(height, table[strength], 0.26, color=("0.75", "0.5", "0.2")[k], label=strength)
    ax.set_yticks(range(len(table)), table.index)
    ax.set(title=kind, xlim=(0, 1))
for ax in axes.flat[len(kinds) :]:
    ax.set_visible(False)
fig.supxlabel("share found")
fig.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
plt.show()

# %% [markdown]
# Is the combination better than every single detector? The differences in recall, with 95 % intervals from a bootstrap that
# draws products:

# %%
gain = recall_gain(result, "combined", seed=seed)
for name, row in gain[gain["kind"] == "all"].set_index("alarm").iterrows():
    print(f"combined - {name:17s} {100 * row['gain']:+5.1f} points [{100 * row['low']:+.1f}, {100 * row['high']:+.1f}]")
print()
for kind in kinds:
    part = gain[gain["kind"] == kind].sort_values("gain").iloc[0]
    verdict = (
        "better than every single one"
        if part["low"] > 0
        else "worse than one"
        if part["high"] < 0
        else "not told apart"
    )
    interval = f"[{100 * part['low']:+.0f}, {100 * part['high']:+.0f}]"
    print(
        f"{kind:13s} best single: {part['alarm']:17s} combined {100 * part['gain']:+5.0f} points {interval}: {verdict}"
    )

# %% [markdown]
# The budget was kept in the calibration periods; the months after them may be louder or quieter, and not for all detectors
# alike. So once more, with each threshold moved, in hindsight, to the same number of alerts in the same periods as they are:

# %%
same = alert_budget / 1000 * product_weeks(grid, recent)
limits = [threshold_for(alarm.score(ordinary), grid.quiet, same) for alarm in alarms]
hindsight = summarise(trial(alarms, ordinary, scenarios, grid, limits))
print(hindsight.round(3).to_string(index=False))
print("\nrecall by kind\n")
in_hindsight = summarise(trial(alarms, ordinary, scenarios, grid, limits), ["alarm", "kind"])
print(
    in_hindsight.pivot(index="alarm", columns="kind", values="recall").loc[list(overall["alarm"])].round(2).to_string()
)

# %% [markdown]
# ## How a feed breaks
#
# Some failures need no statistics. We break the last but one selling period of these data in five ways. Each must give one feed
# alert, not one for every product: a period that the feed explains is blanked before anything else is looked at.

# %%
selling = recent[grid.open[recent]]
broken_at = int(selling[-2])
whole_feed = find_alerts(grid, recent, combined, [SalesEvidence()])
for name, broken in break_feed(grid, broken_at).items():
    table = find_alerts(broken, recent, combined, [SalesEvidence()])
    here = table["kind"].str.startswith("feed") & (table["start"] == grid.dates[broken_at])
    more = len(table) - here.sum() - len(whole_feed)
    print(f"{name:25s} {', '.join(table['kind'][here]) or 'not seen'}; all other alerts: {more:+d}")

# %% [markdown]
# ## A market that knows its stock-outs
#
# In the simulated market ({ref}`page-marketplace`) we know on which days a shelf was really empty. We hide it: the alarm sees
# order lines only. A product is reported when its run of days without a sale has, under its forecast, a chance below one in ten
# thousand. Nothing here is the reader's data: the numbers are the same in every run.


# %%
def simulated(products: int, stock_cover: float):
    """Grid of a simulated market with window-average forecasts, and the market."""
    market = simulate_marketplace(MarketplaceConfig(products, 300, regime_share=0.0, stock_cover=stock_cover))
    table = build_panel(market.lines, PanelConfig(n_series=0), ("category",))
    ends = pd.date_range(end=table["ds"].max(), periods=85, freq="D")[:-1:28]
    known = [statistical_forecasts(table, end, 28, "D", 7, models=("WindowAverage",)) for end in ends]
    about = {"freq": "D", "static": ["category"], "country": "CN"}
    return build_grid(table, pd.concat(known), about, "WindowAverage"), market


# %% tags=["nbval-check-output"]
shelf_grid, market = simulated(alert_products, stock_cover=0.9)
whole = np.concatenate(shelf_grid.horizons())
reported = stock_alerts(shelf_grid, whole)
verdict = against_truth(reported, market.truth, shelf_grid.dates[whole])
print(f"{len(reported)} alerts, {verdict['true']} of them with a shelf that was empty on most of their days")
print(
    f"precision {verdict['precision']:.2f}; empty for a week or longer: {verdict['long']}, found {verdict['long_found']}"
)
assert verdict["precision"] >= 0.9

# %% [markdown]
# The same contest as above, in a market that never runs out: there, nothing but what we inject is an anomaly. So the goal can
# be an assertion: at the same budget the combined alarm has a higher recall and a higher F1 than every single detector.

# %%
market_grid, _ = simulated(alert_products, stock_cover=0.0)
begin, before_market, watched = market_grid.split()
market_seed = 0
market_detectors = [
    *(IntervalAlarm(), CusumAlarm(), Decomposition()),
    Autoencoder(AutoencoderConfig(epochs=2, seed=market_seed)).fit(market_grid, begin),
    Forest(market_seed).fit(market_grid, begin),
    SalesEvidence(),
]
past = collect(market_detectors, market_grid, before_market)
contest = [calibrate(name, use, past, market_grid, before_market, 10.0) for name, use in controls.items()]
start = calibrate("combined", channels, past, market_grid, before_market, 10.0)
trained = rehearse(market_detectors[-1:], market_grid, before_market, market_seed + 1)
budget = 10.0 / 1000 * product_weeks(market_grid, before_market)
contest.append(share_out(start, past, trained, market_grid.quiet, budget))

# %%
plain = collect(market_detectors, market_grid, watched)
injected = rehearse(market_detectors, market_grid, watched, market_seed)
table = summarise(trial(contest, plain, injected, market_grid)).set_index("alarm")
print(table[["recall", "precision", "f1"]].round(2).to_string())
for measure in ("recall", "f1"):
    assert table.loc["combined", measure] > table[measure].drop("combined").max(), table

# %% [markdown]
# ## The alerts of this run
#
# One line is one cause. First the feed; what it explains is not reported again for each product. Then shelves that sell
# nothing, then what many products do at once, then single products, where consecutive alarms are one line. *Severity* follows
# from how rare it is and how far from what was expected; *impact* is the difference in money.

# %%
stock = read_stock(stock_file) if stock_file else None
alerts = find_alerts(grid, recent, combined, [SalesEvidence()], stock)
alerts.insert(0, "alert", [f"A{number:03d}" for number in range(1, len(alerts) + 1)])
_ = write_csv(alerts, resolve(run_dir) / "alerts.csv")
print("Stock:", f"{stock_file} is compared" if stock_file else "no stock file given; only sales and availability speak")
if grid.price is None:
    print("Price: these data have no price; there are no price alerts")
print(pd.crosstab(alerts["kind"], alerts["severity"]).to_string() if len(alerts) else "nothing to report")

# %%
for row in alerts.head(12).itertuples():
    print(
        f"{row.alert} {row.severity:6s} {row.kind} · {row.unique_id} · {row.start.date()} to {row.end.date()}\n     {row.why}"
    )

# %% mystnb={"figure": {"caption": "The alerts at a glance, most severe on top: when, what, and how far from what was expected.", "name": "fig-alerts"}, "image": {"alt": "Two panels side by side with one line per alert: a bar from its start to its end, dark for high severity, and a dot for observed relative to expected on a logarithmic axis; most severe alerts are at the top."}}
shown = alerts.head(18).iloc[::-1].reset_index(drop=True)
shade = shown["severity"].map({"high": "0.15", "medium": "0.5", "low": "0.75"})
fig, (left, right) = plt.subplots(
    1, 2, figsize=(7.8, 0.8 + 0.27 * max(len(shown), 3)), sharey=True, width_ratios=[2, 1]
)
length = (shown["end"] - shown["start"]).dt.days + (1 if meta["freq"] == "D" else 7)
left.barh(shown.index, length, left=shown["start"], color=shade)
left.set_yticks(shown.index, shown["kind"] + " · " + shown["unique_id"].str.slice(0, 22), fontsize="x-small")
left.tick_params(axis="x", rotation=30)
left.set(xlim=(grid.dates[recent[0]], grid.dates[recent[-1]] + pd.Timedelta(days=7)))
ratio = ((shown["observed"] + 0.5) / (shown["expected"] + 0.5)).clip(0.01, 100)
right.scatter(ratio, shown.index, color=shade)
right.axvline(1, color="0.3", linestyle=":")
right.set(xscale="log", xlabel="observed / expected")
plt.show()

# %%
results = {
    "budget": alert_budget,
    "model": alert_model,
    "calibration": [str(grid.dates[calibration[0]].date()), str(grid.dates[calibration[-1]].date())],
    "alert_periods": [str(grid.dates[recent[0]].date()), str(grid.dates[recent[-1]].date())],
    "weights": combined.weights,
    "overall": overall.set_index("alarm").replace({np.nan: None}).to_dict("index"),
    "hindsight": hindsight.set_index("alarm").replace({np.nan: None}).to_dict("index"),
    "recall_by_kind": recall.to_dict("index"),
    "gain_in_recall": gain[gain["kind"] == "all"].drop(columns="kind").set_index("alarm").to_dict("index"),
    "alerts": alerts["kind"].value_counts().to_dict(),
    "market": {"stock_outs": verdict, "contest": table[["recall", "precision", "f1"]].to_dict("index")},
}
_ = write_json(results, resolve(run_dir) / "alerts.json")

# %% [markdown]
# ## Summary
#
# - We built four detectors and a control, each causal: an alert of a day uses nothing after the day.
# - We compared them at one budget of false alerts, which the calibration periods settle.
# - We injected six kinds of anomalies and saw that each detector has kinds to which it is blind; the table says which.
# - We combined their evidence; where a single detector still wins, the table says so: what is spent on other kinds is missing
#   there.
# - We wrote alerts of feed, stock, many products and single products, one line for one cause.
#
# Injected anomalies have shapes that we chose. The budget of the combined alarm is shared out by a rehearsal of the same
# shapes, at other products and days: its lead over the controls is a lead for anomalies of these kinds. Its channels, the
# range of usual prices and the way its budget is shared were chosen after a look at the injections of these months; thresholds and
# weights come from the calibration alone. The forecasts are those of the last cutoff; in use, a shift becomes part of the next forecast and falls silent.
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
