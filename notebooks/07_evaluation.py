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
# (ch-evaluation)=
# # Which forecast is best, and where
#
# A single split can flatter anyone. This chapter answers: **which model should the shop trust, and for which
# products?** In it we will
#
# - test from several cutoffs, each time as if the days after it had not happened;
# - compute every metric by hand once, zero demand included, and meet the library's numbers;
# - put the LSTM and the committee beside seven peers, from the seasonal naive to boosted trees, on the same rows;
# - ask whether a difference is more than luck, with a bootstrap that knows what hangs together and with a test;
# - look at errors by demand class, horizon step, product group, volume and age;
# - check the honesty of the quantiles and what the residuals still hold, and page through single forecasts.
#
# *Prerequisites:* {ref}`ch-training`, {ref}`ch-ensembles`. *Running time:* see the [status page](../book/status.md).

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib.data.panel import extend_panel, rolling_cutoffs
from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.evaluation.backtest import comparable_panel, rolling_origin
from salesforecast_lib.evaluation.calibration import mean_residuals, pit_histogram, reliability
from salesforecast_lib.evaluation.calibration import residual_autocorrelation, residuals
from salesforecast_lib.evaluation.metrics import crps, evaluate, scored_rows
from salesforecast_lib.evaluation.segments import age_bands, demand_classes, volume_groups
from salesforecast_lib.evaluation.significance import BlockBootstrap, diebold_mariano_table, differences
from salesforecast_lib.files import resolve, write_json, write_parquet
from salesforecast_lib.models.peers.baselines import close_shop, statistical_forecasts
from salesforecast_lib.plots import COLOURS, forecast_page, pager, use_book_style

use_book_style()

# %% tags=["parameters"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of the bootstrap
cutoffs: int = 3  # rolling origins of the evaluation
threads: int = 1  # of the peers
replicates: int = 2000  # draws of the bootstrap
pages: int = 6  # products to page through

# %%
panel, meta = load_panel(run_dir)
horizon, season = meta["horizon"], meta["season_length"]
ends = rolling_cutoffs(panel["ds"].max(), meta["freq"], horizon, cutoffs)
lstm_file = resolve(run_dir) / "lstm_forecasts.parquet"
if not lstm_file.is_file():
    raise FileNotFoundError(f"{lstm_file}: no LSTM forecasts yet; run chapter 04 first")
lstm = pd.read_parquet(lstm_file).drop(columns="y")
members = pd.read_parquet(resolve(run_dir) / "members.parquet").drop(columns="y")
committees = pd.read_parquet(resolve(run_dir) / "ensemble_forecasts.parquet").drop(columns="y")
own_models = ["LSTM", "Ensemble"]  # all others are peers

# %% [markdown]
# ## Metrics by hand
#
# With forecasts $\hat y_i$, sales $y_i$ and the seasonal naive error of the training part
# $q=\frac1{n-m}\sum_{t>m}|y_t-y_{t-m}|$ as scale,
#
# ```{math}
# :label: eq-metrics
# \begin{aligned}
# \mathrm{MAE}&=\tfrac1n\sum|y_i-\hat y_i|, & \mathrm{RMSE}&=\sqrt{\tfrac1n\sum(y_i-\hat y_i)^2},\\
# \mathrm{WAPE}&=\frac{\sum|y_i-\hat y_i|}{\sum y_i}, & \mathrm{MASE}&=\frac{\mathrm{MAE}}{q}.
# \end{aligned}
# ```
#
# The mean absolute percentage error divides by each $y_i$: on a day without a sale it is infinite, and a library has to choose.
# We leave such rows out and say on which share of rows it stands; WAPE has no such trouble {cite:p}`hyndman2006`.

# %%
days = pd.date_range("2024-01-01", periods=8)
small = pd.DataFrame({"unique_id": "a", "ds": days, "y": [2, 0, 4, 2, 3, 1, 0, 4.0], "available": 1.0})
forecast = pd.DataFrame({"unique_id": "a", "ds": days[6:], "cutoff": days[5], "model": "by hand", "mean": [1.0, 3.0]})
spread = {"q0.05": -1, "q0.1": -0.8, "q0.25": -0.4, "q0.5": 0, "q0.75": 0.4, "q0.9": 0.8, "q0.95": 1}
forecast = forecast.assign(**{name: forecast["mean"] + move for name, move in spread.items()})
library = evaluate(scored_rows(forecast, small), small, season=2).iloc[0]

# %% tags=["nbval-check-output"]
y, guess, train = np.array([0.0, 4.0]), np.array([1.0, 3.0]), small["y"].to_numpy()[:6]
naive_error = np.abs(train[2:] - train[:-2])
naive_square = np.sqrt(np.mean(naive_error**2))
pinball = np.mean(
    [
        np.maximum(p * (y - guess - spread[f"q{p}"]), (p - 1) * (y - guess - spread[f"q{p}"])).mean()
        for p in (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
    ]
)
hand = {
    "mse": np.mean((y - guess) ** 2),
    "rmse": np.sqrt(np.mean((y - guess) ** 2)),
    "mae": np.abs(y - guess).mean(),
    "wape": np.abs(y - guess).sum() / y.sum(),
    "bias": (guess - y).sum() / y.sum(),
    "mape": 1 / 4,
    "mase": np.abs(y - guess).mean() / naive_error.mean(),
    "coverage_90": 1.0,
    "rmsse": np.sqrt(np.mean((y - guess) ** 2)) / naive_square,
    "scaled_quantile_loss": pinball / naive_error.mean(),
}
for name, value in hand.items():
    assert abs(library[name] - value) < 1e-9, (name, library[name], value)
    print(f"{name:21s} {value:.4f}")
print(f"MAPE could be computed on {library['mape_rows']:.0%} of the rows")

# %% [markdown]
# ### One score for the whole distribution
#
# Seven quantiles say more than a mean. The continuous ranked probability score compares the whole distribution $F$ with what
# was sold; in terms of its quantiles $q_p$ it is twice the pinball loss $\ell_p$ over all levels
# {cite:p}`gneiting2007,laio2007`:
#
# ```{math}
# :label: eq-crps
# \mathrm{CRPS}(F,y)=2\int_0^1 \ell_p(y,q_p)\,dp\approx 2\sum_k w_k\,\ell_{p_k}(y,q_{p_k}),
# ```
#
# where $w_k$ is the share of levels nearer to $p_k$ than to its neighbours. It is in units and, for a forecast that is one
# number, the absolute error: so it can be read beside the MAE.

# %% tags=["nbval-check-output"]
levels = np.array([0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95])
quantiles = guess[:, None] + np.array(list(spread.values()))  # (rows, levels)
edges = np.concatenate([[0], (levels[1:] + levels[:-1]) / 2, [1]])
error = y[:, None] - quantiles
by_hand = (2 * np.maximum(levels * error, (levels - 1) * error) * np.diff(edges)).sum(1)
assert np.allclose(by_hand, crps(y, quantiles)) and np.isclose(by_hand.mean(), library["crps"])
print(f"weights {np.diff(edges).round(3)}")
print(f"CRPS {by_hand.mean():.4f} units, where the mean forecast alone misses by {library['mae']:.4f}")

# %% [markdown]
# ## The backtest
#
# A backtest takes any model that can be fitted at a cutoff and then forecasts. Everything after the cutoff that is not known
# ahead is blanked before the model sees the table, so that it cannot look. A model of a few lines shows the contract, and what
# it costs not to refit: the mean of each weekday (or of all weeks) over the last eight weeks.


# %%
class RecentProfile:
    """Mean of the last eight weeks by series and weekday; quantiles are those of the same days."""

    def fit(self, known, meta, cutoff):
        past = known[
            (known["ds"] <= cutoff) & (known["ds"] > cutoff - pd.Timedelta(weeks=8)) & (known["available"] > 0)
        ]
        days = past.groupby(["unique_id", past["ds"].dt.dayofweek.rename("weekday")])["y"]
        profile = days.quantile(levels).unstack().set_axis(list(spread), axis=1).assign(mean=days.mean())

        def forecast(later, origin):
            steps = pd.date_range(origin, periods=meta["horizon"] + 1, freq=meta["freq"])[1:]
            rows = later.loc[later["ds"].isin(steps), ["unique_id", "ds"]]
            rows = rows.assign(weekday=rows["ds"].dt.dayofweek)
            found = rows.merge(profile.reset_index(), how="left", on=["unique_id", "weekday"])
            return found.fillna(0.0)  # a weekday without an open day in eight weeks

        return forecast


# %%
usable = comparable_panel(panel, ends)
for refit in (True, False):
    profile = rolling_origin(usable, meta, ends, {"RecentProfile": RecentProfile()}, refit)
    error = evaluate(scored_rows(profile, usable), usable, season, ["cutoff"])["wape"]
    print(f"refit={refit!s:5}  WAPE by cutoff: {error.round(3).tolist()}")

# %% [markdown]
# ### All models
#
# The LSTM keeps the weights it had at the first cutoff; each peer is fitted anew at every cutoff. All see the same history and,
# where they can use them, the same covariates known ahead. On a day on which the shop is known to be closed every forecast
# is zero, and it is not scored. AutoETS is fitted here; the
# other peers come from {ref}`ch-ensembles`, as does the calibrated committee, whose weights at a cutoff are those of earlier ones.
# One more forecast starts at the end of the data; nobody can score it yet, {ref}`ch-inventory` orders by it.

# %%
comparable, today = comparable_panel(panel, ends), panel["ds"].max()
extended = extend_panel(comparable, meta["future"], meta["static"], meta["freq"], horizon)
parts = [lstm[lstm["unique_id"].isin(comparable["unique_id"]) | (lstm["cutoff"] == today)]]
parts.append(members[members["model"].isin(["SeasonalNaive", "WindowAverage", "Theta", "LightGBM", "LightGBMDirect", "Ridge"])])
parts.append(committees[committees["model"] == "Ensemble"])
for cutoff in [*ends, today]:
    parts.append(statistical_forecasts(extended, cutoff, horizon, meta["freq"], season, threads, ["AutoETS"]))
forecasts = close_shop(pd.concat(parts, ignore_index=True), extended, meta["future"])
forecasts = forecasts.merge(comparable[["unique_id", "ds", "y"]], how="left")
_ = write_parquet(forecasts, resolve(run_dir) / "forecasts.parquet")

# %%
rows = scored_rows(forecasts, comparable)
table = evaluate(rows, comparable, season)
print(
    f"{comparable['unique_id'].nunique()} of {panel['unique_id'].nunique()} series, cutoffs "
    f"{', '.join(str(end.date()) for end in ends)}, horizon {horizon}"
)
print(table.round(3).to_string(index=False))

# %% [markdown]
# ### Who wins?

# %%
wape = table.set_index("model")["wape"]
loss = table.set_index("model")["scaled_quantile_loss"]
least = loss.idxmin() if loss.notna().any() else "not defined"  # no history of more than one season: no scale
gain = 1 - wape["LSTM"] / wape["SeasonalNaive"]
print(f"lowest WAPE: {wape.idxmin()} ({wape.min():.3f}); lowest scaled quantile loss: {least} ({loss.min():.3f})")
print(
    f"LSTM against the seasonal naive: {100 * gain:.1f} % lower WAPE (target 20 %): {'met' if gain >= 0.2 else 'missed'}"
)
print(
    f"LSTM no worse than AutoETS: {'met' if wape['LSTM'] <= wape['AutoETS'] else 'missed'} "
    f"({wape['LSTM']:.3f} against {wape['AutoETS']:.3f})"
)

# %%
by_cutoff = evaluate(rows, comparable, season, ["cutoff"])
print(by_cutoff.pivot(index="model", columns="cutoff", values="wape").round(3).to_string())

# %% mystnb={"figure": {"caption": "WAPE at each cutoff: a ranking from one split alone could mislead.", "name": "fig-wape-cutoff"}, "image": {"alt": "Lines of WAPE per model over the cutoffs: the seasonal naive is worst throughout, the best models lie close together."}}
fig, ax = plt.subplots(figsize=(6.5, 2.8))
for name, part in by_cutoff.groupby("model"):
    ax.plot([str(end.date()) for end in part["cutoff"]], part["wape"], marker="o", label=name)
ax.set(xlabel="cutoff", ylabel="WAPE")
ax.legend(ncols=2)
plt.show()

# %% [markdown]
# ## More than luck?
#
# The best model here need not be the best next month. How far could chance have moved the difference to the best peer? Rows
# are not independent draws: one series is missed in the same direction over a horizon, and one holiday is missed for all
# products. So the bootstrap draws whole series {cite:p}`efron1993`, blocks of consecutive days with all series in them
# {cite:p}`kunsch1989`, or both, crossed {cite:p}`owen2007`; every model is scored on the same draw, so what hits all alike
# cancels. Only the crossed one respects both kinds of dependence; we judge by it.

# %%
metric = "scaled_quantile_loss" if loss.notna().all() else "scaled_crps"  # a scale needs more than one season
score = table.set_index("model")[metric]
best_peer = score.drop(own_models).idxmin()
compared = {
    kind: differences(rows, comparable, season, best_peer, metric, BlockBootstrap(kind, 0, replicates, seed=seed))
    for kind in ("series", "periods", "both")
}
shown = ["model", "value", "relative", "relative_low", "relative_high", "verdict"]
print(f"{metric} against {best_peer} ({score[best_peer]:.3f}), 95 % intervals of the relative difference\n")
print(compared["both"][shown].round(3).to_string(index=False))

# %%
for kind, part in compared.items():
    for name, judged in part.set_index("model").loc[own_models].iterrows():
        low, high = 100 * judged["relative_low"], 100 * judged["relative_high"]
        print(f"{name:8s} drawing {kind:7s} {low:+.1f} % to {high:+.1f} %: {judged['verdict']}")
for name, judged in compared["both"].set_index("model").loc[own_models].iterrows():
    print(
        f"\nThe {name}'s loss is {100 * abs(judged['relative']):.1f} % {'below' if judged['relative'] < 0 else 'above'} that "
        f"of {best_peer}; with series and periods drawn, it is {judged['verdict']}."
    )

# %% mystnb={"figure": {"caption": "Difference to the best peer in scaled quantile loss (scaled CRPS where there is no scale), with 95 % intervals from three bootstraps. Left of zero is better.", "name": "fig-bootstrap"}, "image": {"alt": "Points with horizontal intervals per model around the best peer at zero: simple models lie clearly to the right, intervals that draw series and periods are the widest."}}
fig, ax = plt.subplots(figsize=(7.5, 3))
for number, (kind, part) in enumerate(compared.items()):
    part = part.sort_values("model")
    place = np.arange(len(part)) + 0.2 * (number - 1)
    reach = 100 * np.abs(part[["relative_low", "relative_high"]].to_numpy().T - part["relative"].to_numpy())
    ax.errorbar(100 * part["relative"], place, xerr=reach, fmt="os^"[number], markersize=4, capsize=2, label=kind)
ax.set_yticks(range(len(part)), part["model"])
ax.axvline(0, color="0.3", linestyle=":")
ax.set(xlabel=f"difference to {best_peer} (%)")
ax.legend(title="drawn")
plt.show()

# %% [markdown]
# The test of {cite:t}`diebold1995` asks the same of the sequence of daily losses, summed over products: is the mean of the
# difference zero, given that neighbouring days are alike? Its answer depends on how long that likeness is allowed to last; one
# period pretends that there is none. The small-sample correction is that of {cite:t}`harvey1997`, and a chance finding among
# several comparisons is not ruled out.

# %%
spans = [span for span in ((1, 7, 14) if season == 7 else (1, 2, 4)) if 3 * span <= rows["ds"].nunique()]
tests = pd.concat([diebold_mariano_table(rows, comparable, season, best_peer, "crps", span) for span in spans])
wide = tests.pivot(index="model", columns="horizon", values="p_value")
print(f"CRPS against {best_peer}: p-values, by the number of periods over which losses stay alike\n")
print(wide.round(3).to_string())
for name in own_models:
    low, high = wide.loc[name].min(), wide.loc[name].max()
    print(f"\n{name}: p between {low:.3f} and {high:.3f}; below 0.05 at every span: {high < 0.05}")

# %% [markdown]
# ## Where the errors are
#
# Demand classes follow {cite:t}`syntetos2005`: how often a product sells, and how much its sales vary when it does,
# computed before the first cutoff.

# %%
classes = demand_classes(comparable, ends[0])
print(classes["demand_class"].value_counts().to_string())
by_class = evaluate(rows.merge(classes[["unique_id", "demand_class"]]), comparable, season, ["demand_class"])
print(by_class.pivot(index="model", columns="demand_class", values="wape").round(3).to_string())

# %% mystnb={"figure": {"caption": "WAPE by demand class.", "name": "fig-demand-class"}, "image": {"alt": "Grouped bars of WAPE by demand class and model: erratic, intermittent and lumpy products are forecast worse than smooth ones by every model."}}
by_demand = by_class.pivot(index="demand_class", columns="model", values="wape")
ax = by_demand.plot.bar(rot=0)
ax.set(xlabel="demand class", ylabel="WAPE")
plt.show()

# %%
step = ((rows["ds"] - rows["cutoff"]) / (7 if season == 52 else 1)).dt.days
by_step = evaluate(rows.assign(step=step), comparable, season, ["step"])

# %% mystnb={"figure": {"caption": "WAPE by horizon step.", "name": "fig-horizon"}, "image": {"alt": "Lines of WAPE over the horizon step for each model: errors grow little with the distance and rise for all models around the eighteenth step, in the weeks of holidays."}}
fig, ax = plt.subplots(figsize=(6.5, 2.8))
for name, part in by_step.groupby("model"):
    ax.plot(part["step"], part["wape"], label=name)
ax.set(xlabel="horizon step (periods ahead)", ylabel="WAPE")
ax.legend(ncols=2)
plt.show()

# %% [markdown]
# By product group, where the data have one: the ten with most sales.

# %%
group = meta["static"][-1] if meta["static"] else "unique_id"
labelled = rows if group == "unique_id" else rows.merge(comparable[["unique_id", group]].drop_duplicates("unique_id"))
largest = labelled.groupby(group)["y"].sum().nlargest(10).index
by_group = evaluate(labelled[labelled[group].isin(largest)], comparable, season, [group])
print(by_group.pivot(index=group, columns="model", values="wape").reindex(largest).round(3).to_string())

# %% mystnb={"figure": {"caption": "WAPE by product group, LSTM against the seasonal naive.", "name": "fig-group"}, "image": {"alt": "Horizontal bars of WAPE by product group: in most groups the LSTM has the lower error than the seasonal naive."}}
pair = by_group.pivot(index=group, columns="model", values="wape").reindex(largest)[["LSTM", "SeasonalNaive"]]
ax = pair.iloc[::-1].plot.barh()
ax.set(xlabel="WAPE", ylabel="")
plt.show()

# %% [markdown]
# Volume: deciles of mean sales before the first cutoff. Age: periods since the first sale, where the data saw the launch.

# %%
volumes = volume_groups(comparable, ends[0], min(10, len(classes)))
by_volume = evaluate(rows.merge(volumes), comparable, season, ["volume_group"])
print(by_volume.pivot(index="model", columns="volume_group", values="wape").round(2).to_string())
bands = age_bands(comparable, ends)
by_age = evaluate(rows.merge(bands), comparable, season, ["age_band"])
print("\n" + by_age.pivot(index="model", columns="age_band", values="wape").round(3).to_string())
seen = (bands["age_band"] != "since the data begin").mean()
print(f"\nlaunch seen in the data: {seen:.0%} of series and cutoffs; of the others the age is not known")

# %% mystnb={"figure": {"caption": "WAPE by decile of volume; 1 holds the products that sell least.", "name": "fig-volume"}, "image": {"alt": "Lines of WAPE over the volume decile for the LSTM, the best peer and the seasonal naive: products that sell more are forecast with a smaller relative error."}}
fig, ax = plt.subplots(figsize=(7.5, 3))
for name in ("LSTM", best_peer, "SeasonalNaive"):
    part = by_volume[by_volume["model"] == name]
    ax.plot(part["volume_group"], part["wape"], marker="o", label=name, color=COLOURS[list(table["model"]).index(name)])
ax.set(xlabel="decile of volume (10 sells most)", ylabel="WAPE", ylim=(0, None))
ax.legend()
plt.show()

# %% [markdown]
# ## Are the quantiles honest?
#
# Nine sales of ten should lie below the 90 % quantile {cite:p}`gneiting2007b`; too few means overconfidence, which a planner
# pays in lost sales. Counts tie with their quantiles: the share strictly below and the share at most the quantile may both be
# far from the level while the forecast is right. We split ties over the levels that they span {cite:p}`czado2009` and round
# quantiles to whole units, since 0.2 units cannot be sold.

# %%
reliable = reliability(rows)
print(reliable.pivot(index="model", columns="level", values="observed").round(3).to_string())
gap = (reliable["observed"] - reliable["level"]).abs().groupby(reliable["model"]).mean().sort_values()
print(f"\nmean distance from the level: {', '.join(f'{name} {value:.3f}' for name, value in gap.items())}")

# %% mystnb={"figure": {"caption": "Left: observed share of sales up to each quantile, minus its level; zero is honest. Right: histogram of the PIT between the levels; one is honest.", "name": "fig-reliability"}, "image": {"alt": "Two panels per model: deviations of observed from nominal shares by level, and densities of the probability integral transform; the outer bins of the LSTM rise above one, its intervals are too narrow; the hump of the seasonal naive shows intervals that are too wide."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(7.5, 3.2))
pit = pit_histogram(rows)
look = {
    name: {"color": COLOURS[k], "linestyle": ("-", "--", "-.", ":")[k % 4]} for k, name in enumerate(table["model"])
}
for name, style in look.items():
    part = reliable[reliable["model"] == name]
    left.plot(part["level"], part["observed"] - part["level"], marker=".", label=name, **style)
for name in dict.fromkeys(("LSTM", best_peer, "SeasonalNaive")):
    part = pit[pit["model"] == name]
    right.stairs(part["density"], [*part["low"], 1.0], label=name, **look[name])
left.axhline(0, color="0.3", linestyle=":")
right.axhline(1, color="0.3", linestyle=":")
left.set(xlabel="level", ylabel="observed minus level")
right.set(xlabel="PIT", ylabel="density")
fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize="x-small")
plt.show()

# %% [markdown]
# ## What the residuals still hold
#
# A residual is what was sold minus the mean forecast. A good forecast leaves no pattern: not by weekday, not by step, and
# little memory from one day to the next. Memory at every lag is a level that was missed from the start; peaks at lag 7 and 14
# are a week not learned.

# %%
left_over = residuals(rows, meta["freq"])
grouping = "weekday" if meta["freq"] == "D" else "step"
patterns = mean_residuals(left_over, grouping)
memory = residual_autocorrelation(left_over, min(21, horizon - 1))
print(f"residuals over sales, by {grouping} (positive: forecast too low)\n")
print(patterns.pivot(index="model", columns=grouping, values="share").round(3).to_string())

# %% mystnb={"figure": {"caption": "Residuals: mean by horizon step as a share of sales (left), autocorrelation within series and cutoff (right).", "name": "fig-residuals"}, "image": {"alt": "Two panels for the LSTM, the best peer and the seasonal naive: mean residuals by step, and residual autocorrelation by lag, which for the seasonal naive peaks at multiples of the season while the others fall to small positive values."}}
fig, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8))
by_step = mean_residuals(left_over, "step")
for name in dict.fromkeys(("LSTM", best_peer, "SeasonalNaive")):
    one, two = by_step[by_step["model"] == name], memory[memory["model"] == name]
    left.plot(one["step"], one["share"], label=name, **look[name])
    right.plot(two["lag"], two["autocorrelation"], marker=".", label=name, **look[name])
left.axhline(0, color="0.3", linestyle=":")
right.axhline(0, color="0.3", linestyle=":")
left.set(xlabel="horizon step", ylabel="residual / sales")
right.set(xlabel="lag (periods)", ylabel="autocorrelation")
fig.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small")
plt.show()

# %% [markdown]
# ## Page through single forecasts
#
# Averages hide what a planner sees. Below are products spread from the largest to the smallest volume, from the last cutoff;
# a click on a name opens its page.

# %%
label = classes.set_index("unique_id")["demand_class"]
last = rows[(rows["cutoff"] == ends[-1]) & rows["model"].isin(["LSTM", best_peer])]
last = last.sort_values("model", key=lambda names: names != "LSTM", kind="stable")
scored = volumes[volumes["unique_id"].isin(last["unique_id"])]
order = scored.sort_values("volume", ascending=False)["unique_id"].to_numpy()
chosen = order[np.linspace(0, len(order) - 1, min(pages, len(order))).round().astype(int)]
book = []
for name in chosen:
    history = comparable[(comparable["unique_id"] == name) & (comparable["ds"] <= ends[-1])].tail(horizon)
    book.append(forecast_page(history, last[last["unique_id"] == name], label[name]))
pager(book, "forecasts-of-products")

# %%
results = {
    "models": table.set_index("model").replace({np.nan: None}).to_dict("index"),
    "by_cutoff": {
        str(end.date()): part.set_index("model")["wape"].to_dict() for end, part in by_cutoff.groupby("cutoff")
    },
    "winner": {"wape": wape.idxmin(), "scaled_quantile_loss": least},
    "lstm_gain_over_seasonal_naive": float(gain),
    "series": int(comparable["unique_id"].nunique()),
    "cutoffs": [str(end.date()) for end in ends],
    "horizon": horizon,
    "significance": {
        "reference": best_peer,
        "metric": metric,
        "bootstrap": {
            kind: part.drop(columns="value").set_index("model").to_dict("index") for kind, part in compared.items()
        },
        "diebold_mariano": {
            "metric": "crps",
            "p_value": {str(span): wide[span].to_dict() for span in spans},
        },
    },
    "calibration_error": gap.to_dict(),
}
_ = write_json(results, resolve(run_dir) / "metrics.json")

# %% [markdown]
# ## Summary
#
# - We tested from several cutoffs, with nothing from after them.
# - We computed each metric by hand and met the library's numbers; MAPE is silent where nothing sold.
# - We put the LSTM and the committee beside seven peers on the same rows; the table above says who wins.
# - We gave every difference to the best peer an interval that respects products and days, and a test.
# - We saw which classes, steps, groups and volumes are hard.
# - We saw whose quantiles are honest, what the residuals still hold, and single forecasts.
#
# One network with one seed is compared here; {ref}`ch-training` says how it was trained. The intervals hold for these months and
# this kind of product; seeds, and months of another kind, are not in them.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-mape
# Which constant forecast minimises the MAPE of a product that sells 1 unit on half of its days and 10 on the other half?
# ```
#
# ```{solution} ex-mape
# :class: dropdown
# One unit: errors on days with small sales are divided by little and count most. MAPE rewards forecasting too low
# {cite:p}`kolassa2016`.
# ```
#
# ```{exercise}
# :label: ex-refit
# Train the LSTM anew at each cutoff. How much does its WAPE improve at the last one?
# ```
#
# ```{solution} ex-refit
# :class: dropdown
# Run the chapters with `-p cutoffs=1`: training then ends before the last cutoff. Compare with the last column of the
# table by cutoff.
# ```
#
# ```{exercise}
# :label: ex-blocks
# A colleague bootstraps single rows and finds every model different from every other. Which way does that err, and why?
# ```
#
# ```{solution} ex-blocks
# :class: dropdown
# Rows of one series, and of one day, repeat much of the same luck. Taken as independent they count as far more evidence than
# they are: intervals come out too narrow.
# ```
#
# ## References
#
# CRPS {cite:p}`gneiting2007,laio2007`, resampling {cite:p}`efron1993,kunsch1989,owen2007`, tests
# {cite:p}`diebold1995,harvey1997`, calibration {cite:p}`gneiting2007b,czado2009`. Scaled errors {cite:p}`hyndman2006`, the quantile loss of the M5 {cite:p}`makridakis2022`, ETS {cite:p}`hyndman2002`, Theta
# {cite:p}`assimakopoulos2000`, LightGBM {cite:p}`ke2017`.
