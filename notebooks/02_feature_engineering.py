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
# (ch-features)=
# # Features that do not look ahead
#
# A feature is worth something only if it will be known on the day of the forecast. This chapter answers: **what may a
# model know, and which of it helps?** In it we will
#
# - build features of the calendar, the past, prices, promotions and buyers;
# - declare each as *static*, *historical* or *future*;
# - set a tripwire that catches features which look ahead, and plant three leaks to see it work;
# - measure with an ablation which groups help, and publish those that do not.
#
# *Prerequisites:* {ref}`ch-preprocessing`. *Running time:* see the [status page](../book/status.md).

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib import data
from salesforecast_lib.data import calendar, features
from salesforecast_lib.data.prepare import load_plan
from salesforecast_lib.models.forecaster import ablation
from salesforecast_lib.plots import figure_text, use_book_style

use_book_style()

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of everything random
cutoffs: int = 3  # rolling origins of the evaluation
ablation_seeds: int = 3  # repetitions of the ablation, 0 none

# %% [markdown]
# We start from the panel of {ref}`ch-preprocessing`: one row for each series and period.

# %% tags=["hide-input"]
panel, meta = data.load_panel(run_dir)
season = data.inner_season(meta["freq"])
ends = data.cutoffs_within(
    panel["ds"],
    meta["freq"],
    meta["horizon"],
    cutoffs,
)
first_cutoff = ends[0]
panel.head(3)

# %% [markdown]
# ## Features from the past
#
# On the evening of day $t$, the sales up to and including day $t$ are known. A *lag* is the value of some periods ago. A
# *rolling mean* is the mean of the last periods, today included. `since_sale` counts the periods since the last sale (as a
# logarithm, because the difference between one day and two says more than that between 50 and 51). A day on which the shop
# was closed (`available` 0) says nothing: it is left out of means and not counted as a day without a sale. By hand, for one
# series:

# %%
name = panel.groupby("unique_id")["y"].sum().idxmin()
one = panel[panel["unique_id"] == name].set_index("ds")
by_hand = one[["y"]].copy()
seen = one["available"] > 0
y = one["y"].where(seen)
mean = y.rolling(season, min_periods=1).mean().ffill()
lag = y.shift(season).fillna(mean.shift(season))
by_hand[f"lag_{season}"] = lag
by_hand[f"mean_{season}"] = mean
step = seen.cumsum() - 1
last_sale = step.where(one["y"] > 0).ffill()
gap = (step - last_sale).fillna(step).clip(lower=0)
by_hand["since_sale"] = np.log1p(gap)
by_hand.tail(8).round(2)

# %% [markdown]
# `data.build_features` makes these and all others of the book, for every series at once. Before the first values there is
# no past; there the library puts 0.

# %% tags=["nbval-check-output"]
table = data.build_features(panel, meta)
same = table.frame[table.frame["unique_id"] == name].set_index("ds")
for column in by_hand:
    assert np.allclose(same[column], by_hand[column].fillna(0)), column
print(f"{len(table.frame)} rows; equal by hand: {', '.join(by_hand)}")
for group, names in table.groups.items():
    print(f"{group:13s} {', '.join(names)}")

# %% mystnb={"figure": {"caption": "The largest series with two of its historical features.", "name": "fig-smoothing"}, "image": {"alt": "Line chart of the units of one series, which swing strongly, with two features: the rolling mean of one season rises and falls with the sales some periods later, and the slow exponentially weighted mean stays nearly level."}}
largest = panel.groupby("unique_id")["y"].sum().idxmax()
one = table.frame[table.frame["unique_id"] == largest].tail(120)
means = [f"mean_{season}", f"ewm_{4 * season}"]
fig, ax = plt.subplots()
ax.plot(one["ds"], one["y"], color="0.6", linewidth=0.8, label="units")
for column in means:
    ax.plot(one["ds"], one[column], label=column)
ax.set(xlabel="period", ylabel="units", title=figure_text(largest))
ax.tick_params(axis="x", rotation=30)
ax.legend()
plt.show()

# %% tags=["nbval-check-output"]
print("standard deviation over these periods, in units:")
print(one[["y", *means]].std().round(1).to_string())

# %% [markdown]
# The longer the memory, the less a feature moves. A model gets both: the short one says where the series stands this week,
# the long one what is usual.
#
# ## Three roles
#
# On the evening of day $t$ we forecast days $t+1,\dots,t+H$. A **static** feature describes the series; a **historical**
# one is known up to $t$; a **future** one is planned or astronomical and known up to $t+H$. The role decides where a
# network may use it: history window or decoder.

# %% tags=["nbval-check-output"]
for role, names in table.roles.items():
    print(f"{role} ({len(names)}): {', '.join(names)}\n")

# %% [markdown]
# ### The calendar of the shop's country
#
# Holidays come from the `holidays` package. In China the shopping festivals of 18 June (618) and 11 November are no public
# holidays, yet they are the largest days of the year; they have a column of their own.

# %% tags=["nbval-check-output"]
days = pd.date_range("2024-11-09", "2024-11-12")
november = calendar.calendar_features(days, "CN", "D")
print(november[["holiday", "festival", "holiday_ahead"]].round(2).to_string())

# %% mystnb={"figure": {"caption": "Units by the place of the period in its cycle, relative to the series' own mean, for all series.", "name": "fig-weekday"}, "image": {"alt": "Box plots of units relative to the mean of the series, one box for each weekday (each quarter in weekly data): Saturday and Sunday have the highest medians, Wednesday and Thursday the lowest, and all boxes overlap."}}
relative = panel["y"] / panel.groupby("unique_id")["y"].transform("mean")
place, label = calendar.cycle_position(panel["ds"], meta["freq"])
groups = [part.dropna() for _, part in relative.groupby(place)]
fig, ax = plt.subplots()
ax.boxplot(groups, showfliers=False)
ax.set(xlabel=label, ylabel="units / mean of the series")
plt.show()

# %% tags=["nbval-check-output"]
middle = relative.groupby(place).median()
print(f"by {label}, relative to the mean of the series:")
print(f"highest median {middle.max():.2f}, at {middle.idxmax()}")
print(f"lowest median {middle.min():.2f}, at {middle.idxmin()}")

# %% [markdown]
# ## The tripwire
#
# Does a feature know the future? Change every number after the cutoff and build again: no feature at or before the cutoff
# may move by one bit. By hand, with sales only (and, of a large shop, with 300 series):

# %% tags=["nbval-check-output"]
sold_lately = panel.loc[panel["ds"] > first_cutoff, "unique_id"]
first = sold_lately.unique()[:300]
watched = panel[panel["unique_id"].isin(first)].reset_index(drop=True)
honest = data.build_features(watched, meta).frame
after = watched["ds"] > first_cutoff
spoiled = watched.assign(y=watched["y"].where(~after, 3 * watched["y"] + 2))
again = data.build_features(spoiled, meta).frame
moved = [
    name
    for name in table.roles["historical"]
    if not honest.loc[~after, name].equals(again.loc[~after, name])
]
print(f"{after.sum()} rows spoiled; features that moved before: {moved}")

# %% [markdown]
# `data.find_leaks` spoils every column, and asks one thing more: no *future* feature may change, before or after the cutoff,
# when only what is not known ahead was spoiled.

# %% tags=["nbval-check-output"]
known_ahead = tuple(meta["future"])
leaks = data.find_leaks(
    lambda changed: data.build_features(changed, meta),
    watched,
    first_cutoff,
    known_ahead,
)
assert leaks == moved == []
print(f"features that know the future: {leaks}")

# %% [markdown]
# A test that cannot fail is worth nothing. Here are the three leaks that published notebooks have most: a scaler
# fitted on everything, a centred rolling mean, and tomorrow's sales sold as "known ahead".


# %%
def with_leaks(panel, meta):
    planted = data.build_features(panel, meta)
    y = planted.frame.groupby("unique_id")["y"]
    scaled = panel["y"] / panel["y"].mean()
    centred = y.transform(lambda v: v.rolling(7, center=True).mean())
    planted.add("leak", "historical", {"global_scaled": scaled})
    planted.add("leak", "historical", {"centred_mean": centred})
    planted.add("leak", "future", {"sales_as_plan": planted.frame["y"]})
    return planted


# %% tags=["nbval-check-output"]
found = data.find_leaks(
    lambda changed: with_leaks(changed, meta),
    watched,
    first_cutoff,
    known_ahead,
)
assert set(found) == {"global_scaled", "centred_mean", "sales_as_plan"}
print(f"caught: {sorted(found)}")

# %% [markdown]
# ## Which features help?
#
# A gradient boosting model {cite:p}`ke2017` forecasts the units of the whole horizon from the features of the cutoff day (and
# the mean of the future features over the horizon). It is trained on earlier origins and scored by WAPE on later ones. One
# group at a time is left out: a positive *gain* means that the group helped. We repeat this with several seeds, and
# on two *stretches* of the history whose targets do not overlap. Both end before the first cutoff of the evaluation, so
# that this choice never sees the test months.
#
# Seeds differ by the luck of training. `half` is half of the 95 % interval of the mean gain over seeds, by Student's t.
# A group *helps* or *harms* when that interval lies on one side of zero.

# %%
seeds = range(seed, seed + ablation_seeds)
gains = ablation.ablate_stretches(
    table,
    meta["horizon"],
    first_cutoff,
    meta["freq"],
    seeds,
)
gains[gains["without"] != "nothing"].round(4)

# %% mystnb={"figure": {"caption": "Change of WAPE when a feature group is left out, in each stretch; bars are 95 % intervals over seeds (none with one seed).", "name": "fig-ablation"}, "image": {"alt": "Dot plot of the WAPE change for each left-out feature group in two stretches: in the default data only promotion helps in both; most intervals reach across zero, some lie wholly on the harmful side in one stretch, none in both; hierarchy has the lowest mean."}}
shown = gains[gains["without"] != "nothing"]
mean_gain = shown.groupby("without")["gain"].mean().sort_values()
names = list(mean_gain.index)
fig, ax = plt.subplots(figsize=(7.5, 4.5))
ways = zip("os", (-0.15, 0.15), shown.groupby("stretch"), strict=False)
for marker, shift, (end, part) in ways:
    at = part["without"].map(names.index) + shift
    half, label = part["half"].fillna(0), f"stretch to {end.date()}"
    ax.errorbar(part["gain"], at, xerr=half, fmt=marker, label=label)
ax.axvline(0, color="0.3", linestyle="-")
ax.set_yticks(range(len(names)), [figure_text(n) for n in names])
ax.set(xlabel="WAPE without the group minus WAPE with all groups")
ax.locator_params(axis="x", nbins=6)
if len(shown):
    ax.legend()
plt.show()

# %% tags=["nbval-check-output"]
helping = ablation.groups_always(gains, "helps")
print(f"help in every stretch: {', '.join(helping) or 'none'}")
print(f"lowest mean gain: {', '.join(names[:1]) or 'not measured'}")
print(ablation.ablation_decision(gains))

# %% [markdown]
# A group can harm in one stretch, beyond the luck of the seeds. That alone is no reason to drop it: the seeds do not hold
# the luck of the stretch, and what harms in one stretch need not harm in the next. So our rule is: a group becomes a
# candidate to leave out when it harms in *every* stretch. We set this rule after we had seen the result of the later
# stretch.
#
# The verdicts also speak for one boosting model only. The network of {ref}`ch-training` uses the static features in
# another way, and was not asked: that would take a training for each group, seed and stretch. So the table that we write
# keeps all groups, and the one with the lowest mean gain is the first to test on the network.
#
# Groups repeat what other groups say, so leaving out *one* seldom hurts. That is no proof that it is useless, only that it
# is replaceable.
#
# ## Beyond the last day
#
# The real forecast starts where the data end. Of the days ahead we know the calendar, and what the shop told in its
# plan (`plan_file`, or rows of a panel after its last sales). Where it told nothing, the usual stands in: a series opens
# on the weekdays on which it usually does, and so it is with everything that is on or off; a price stays as it was last;
# any other number is its mean over the last four weeks. Chapter 01 says of which share of the days that is so.

# %%
plan = load_plan(run_dir)
ahead = features.ahead_features(panel, meta, plan)
ahead.head(3).round(2)

# %% tags=["nbval-check-output"]
start, end = ahead["ds"].min().date(), ahead["ds"].max().date()
print(f"{ahead['ds'].nunique()} periods ahead, {start} to {end}")
assert list(ahead.columns[2:]) == table.roles["future"]

# %% tags=["hide-input"]
features.save_features(table, meta, run_dir, ahead)

# %% [markdown]
# ## Summary
#
# - We built features of the calendar, the past, prices, promotions and buyers.
# - We declared each as static, historical or future.
# - We set a tripwire, and it caught the three leaks that we planted.
# - We measured before the test months which groups help, and published those that do not. None is dropped on
#   the word of one stretch.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-leak
# Plant a fourth leak: the mean of `y` by category over the whole data, joined to every row. Does the tripwire catch it?
# ```
#
# ```{solution} ex-leak
# :class: dropdown
# Yes: perturbing the days after the cutoff moves the category's mean, and with it the rows before. Target
# encodings must be computed from rows up to the cutoff.
# ```
#
# ```{exercise}
# :label: ex-role
# Is a price *historical* or *future*?
# ```
#
# ```{solution} ex-role
# :class: dropdown
# It depends on the shop: where prices are fixed for the coming weeks it is future, where they react to demand it is
# historical. We only see prices that were paid, so we take the careful role.
# ```
#
# ## References
#
# Feature roles follow {cite:t}`salinas2020` and {cite:t}`wen2017`; holidays and Fourier terms {cite:t}`hyndman2021`.
