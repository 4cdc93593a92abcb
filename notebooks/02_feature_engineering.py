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
# - build calendar, recency, trend, lag, price, promotion, behaviour and hierarchy features;
# - declare each as *static*, *historical* or *future*;
# - set a tripwire that catches features which look ahead, and plant three leaks to see it work;
# - measure with an ablation which groups help, and publish those that do not.
#
# *Prerequisites:* {ref}`ch-preprocessing`. *Running time:* see the [status page](../book/status.md).

# %%
import matplotlib.pyplot as plt
import pandas as pd

from salesforecast_lib.data.features import (
    ahead_features,
    build_features,
    calendar_features,
    find_leaks,
    save_features,
)
from salesforecast_lib.data.panel import rolling_cutoffs
from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.files import resolve, write_json, write_parquet
from salesforecast_lib.models.forecaster.ablation import ablate
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% tags=["parameters"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of everything random
cutoffs: int = 3  # rolling origins of the evaluation
ablation_seeds: int = 3  # repetitions of the ablation

# %%
panel, meta = load_panel(run_dir)
first_cutoff = rolling_cutoffs(panel["ds"].max(), meta["freq"], meta["horizon"], cutoffs)[0]
table = build_features(panel, meta)

# %% [markdown]
# ## Three roles
#
# On the evening of day $t$ we forecast days $t+1,\dots,t+H$. A **static** feature describes the series; a **historical**
# one is known up to $t$; a **future** one is planned or astronomical and known up to $t+H$. The role decides where a
# network may use it: history window or decoder.

# %% tags=["nbval-check-output"]
for role, names in table.roles.items():
    print(f"{role} ({len(names)}): {', '.join(names)}")

# %% tags=["nbval-check-output"]
for group, names in table.groups.items():
    print(f"{group:13s} {', '.join(names)}")

# %% [markdown]
# ### The calendar of the shop's country
#
# Holidays come from the `holidays` package. In China the shopping festivals of 18 June (618) and 11 November are no public
# holidays, yet they are the largest days of the year; they have a column of their own.

# %% tags=["nbval-check-output"]
november = calendar_features(pd.date_range("2024-11-09", "2024-11-12"), "CN", "D")
print(november[["holiday", "festival", "holiday_ahead"]].round(2).to_string())

# %% mystnb={"figure": {"caption": "Units by weekday, relative to the series' own mean, for all series.", "name": "fig-weekday"}, "image": {"alt": "Box plots of relative units for each weekday: in daily data the weekend sells more than the middle of the week."}}
relative = panel["y"] / panel.groupby("unique_id")["y"].transform("mean")
days = panel["ds"].dt.dayofweek if meta["freq"] == "D" else panel["ds"].dt.quarter
fig, ax = plt.subplots()
ax.boxplot([relative[days == day].dropna() for day in sorted(days.unique())], showfliers=False)
ax.set(xlabel="weekday (1 = Monday)" if meta["freq"] == "D" else "quarter", ylabel="units / mean of the series")
plt.show()

# %% [markdown]
# ### Features from the past
#
# Lags, rolling and exponentially weighted means say where the series stands; `trend` compares the last cycle with the last
# four; `since_sale` counts periods since the last sale (logarithm). A window that ends at $t$ includes $y_t$: it is
# known in the evening.

# %% mystnb={"figure": {"caption": "One series with two of its historical features.", "name": "fig-smoothing"}, "image": {"alt": "Line chart of one series with its rolling mean and its slower exponentially weighted mean, both following the level without the weekly swings."}}
name = panel.groupby("unique_id")["y"].sum().idxmax()
one = table.frame[table.frame["unique_id"] == name].tail(120)
means = [column for column in (*table.groups["rolling"][:1], *table.groups["smoothing"][-1:])]
fig, ax = plt.subplots()
ax.plot(one["ds"], one["y"], color="0.6", linewidth=0.8, label="units")
for column in means:
    ax.plot(one["ds"], one[column], label=column)
ax.set(xlabel="period", ylabel="units", title=name)
ax.legend()
plt.show()

# %% [markdown]
# ## The tripwire
#
# Perturb every number after the cutoff. No feature at or before it may change by one bit; no *future* feature may change
# when only what is not known ahead was perturbed.

# %% tags=["nbval-check-output"]
known_ahead = tuple(meta["future"])
leaks = find_leaks(lambda data: build_features(data, meta), panel, first_cutoff, known_ahead)
assert leaks == []
print(f"features that know the future: {leaks}")

# %% [markdown]
# A test that cannot fail is worth nothing. Here are the three leaks that published notebooks have most: a scaler
# fitted on everything, a centred rolling mean, and tomorrow's sales sold as "known ahead".


# %% tags=["nbval-check-output"]
def with_leaks(data, meta):
    planted = build_features(data, meta)
    y = planted.frame.groupby("unique_id")["y"]
    planted.add("leak", "historical", {"global_scaled": data["y"] / data["y"].mean()})
    planted.add("leak", "historical", {"centred_mean": y.transform(lambda v: v.rolling(7, center=True).mean())})
    planted.add("leak", "future", {"sales_as_plan": planted.frame["y"]})
    return planted


found = find_leaks(lambda data: with_leaks(data, meta), panel, first_cutoff, known_ahead)
assert set(found) == {"global_scaled", "centred_mean", "sales_as_plan"}
print(f"caught: {sorted(found)}")

# %% [markdown]
# ## Which features help?
#
# A gradient boosting model {cite:p}`ke2017` forecasts the units of the whole horizon from the features of the cutoff day (and the
# mean of the future features over the horizon). It is trained on earlier origins and scored by WAPE on origins whose
# horizon ends before the first cutoff of the evaluation, so that this choice never sees the test months. One group at a
# time is left out; a positive number means that the group helped. `spread` is the standard deviation over seeds.

# %%
ablation = ablate(table, meta["horizon"], first_cutoff, meta["freq"], seeds=range(seed, seed + ablation_seeds))
print(ablation.round(4).to_string(index=False))

# %%
helped = ablation[(ablation["gain"] > ablation["spread"]) & (ablation["without"] != "nothing")]
harmed = ablation[ablation["gain"] < -ablation["spread"]]
print("help beyond their spread:", ", ".join(helped["without"]) or "none")
print("do harm beyond their spread:", ", ".join(harmed["without"]) or "none")
_ = write_json(ablation.to_dict("records"), resolve(run_dir) / "ablation.json")

# %% mystnb={"figure": {"caption": "Change of WAPE when a feature group is left out; bars show the spread over seeds.", "name": "fig-ablation"}, "image": {"alt": "Horizontal bar chart of the WAPE change per left-out feature group: few groups help clearly, most lie within the spread around zero."}}
bars = ablation[ablation["without"] != "nothing"]
fig, ax = plt.subplots()
ax.barh(bars["without"], bars["gain"], xerr=bars["spread"])
ax.axvline(0, color="0.3", linestyle="-")
ax.set(xlabel="WAPE without the group minus WAPE with all (positive: the group helps)")
plt.show()

# %% [markdown]
# Most groups repeat what the others say: leaving out *one* seldom hurts. That is no proof that it is useless, only that it is
# replaceable.

# %% [markdown]
# ## Beyond the last day
#
# The real forecast starts where the data end. Of the days ahead we know the calendar; the shop opens on the weekdays on
# which it usually does; of promotions nobody told us, so their mean over the last four weeks stands in.

# %% tags=["nbval-check-output"]
ahead = ahead_features(panel, meta)
print(f"{ahead['ds'].nunique()} periods ahead, {ahead['ds'].min().date()} to {ahead['ds'].max().date()}")
print(f"known of each: {', '.join(ahead.columns[2:])}")

# %%
save_features(table, meta, run_dir)
_ = write_parquet(ahead, resolve(run_dir) / "ahead.parquet")

# %% [markdown]
# ## Summary
#
# - We built calendar, recency, trend, lag, price, promotion, behaviour and hierarchy features.
# - We declared each as static, historical or future.
# - We set a tripwire, and it caught the three leaks that we planted.
# - We measured which groups help before the test months, and published those that do not.
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
