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
# - put the LSTM beside seasonal naive, window average, AutoETS, Theta and LightGBM on the same rows;
# - look at errors by demand class, horizon step and product group, and at the honesty of the intervals.
#
# *Prerequisites:* {ref}`ch-training`. *Running time:* see the [status page](../book/status.md).

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib.data.panel import extend_panel, rolling_cutoffs
from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.evaluation.backtest import comparable_panel, peer_forecasts
from salesforecast_lib.evaluation.metrics import evaluate, scored_rows
from salesforecast_lib.evaluation.segments import demand_classes
from salesforecast_lib.files import resolve, write_json, write_parquet
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% tags=["parameters"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of LightGBM
cutoffs: int = 3  # rolling origins of the evaluation
threads: int = 1  # of the peers

# %%
panel, meta = load_panel(run_dir)
horizon, season = meta["horizon"], meta["season_length"]
ends = rolling_cutoffs(panel["ds"].max(), meta["freq"], horizon, cutoffs)
lstm_file = resolve(run_dir) / "lstm_forecasts.parquet"
if not lstm_file.is_file():
    raise FileNotFoundError(f"{lstm_file}: no LSTM forecasts yet; run chapter 04 first")
lstm = pd.read_parquet(lstm_file).drop(columns="y")

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
# ## The backtest
#
# The LSTM keeps the weights it had at the first cutoff; each peer is fitted anew at every cutoff. All see the same history and,
# where they can use them, the same covariates known ahead. Rows of closed periods are not scored.
# One more forecast starts at the end of the data; nobody can score it yet, {ref}`ch-inventory` orders by it.

# %%
comparable, today = comparable_panel(panel, ends), panel["ds"].max()
extended = extend_panel(comparable, meta["future"], meta["static"], meta["freq"], horizon)
peers = peer_forecasts(extended, meta, [*ends, today], seed, threads)
ours = lstm[lstm["unique_id"].isin(comparable["unique_id"]) | (lstm["cutoff"] == today)]
forecasts = pd.concat([ours, peers], ignore_index=True).merge(comparable[["unique_id", "ds", "y"]], how="left")
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
gain = 1 - wape["LSTM"] / wape["SeasonalNaive"]
print(
    f"lowest WAPE: {wape.idxmin()} ({wape.min():.3f}); lowest scaled quantile loss: {loss.idxmin()} ({loss.min():.3f})"
)
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
fig, ax = plt.subplots()
for name, part in by_cutoff.groupby("model"):
    ax.plot([str(end.date()) for end in part["cutoff"]], part["wape"], marker="o", label=name)
ax.set(xlabel="cutoff", ylabel="WAPE")
ax.legend(ncols=2)
plt.show()

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
wide = by_class.pivot(index="demand_class", columns="model", values="wape")
ax = wide.plot.bar(rot=0)
ax.set(xlabel="demand class", ylabel="WAPE")
plt.show()

# %%
step = ((rows["ds"] - rows["cutoff"]) / (7 if season == 52 else 1)).dt.days
by_step = evaluate(rows.assign(step=step), comparable, season, ["step"])

# %% mystnb={"figure": {"caption": "WAPE by horizon step.", "name": "fig-horizon"}, "image": {"alt": "Lines of WAPE over the horizon step for each model: errors grow slowly with the distance and differ more between models than between steps."}}
fig, ax = plt.subplots()
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
# ## Are the intervals honest?
#
# A 90 % interval should hold nine observations of ten {cite:p}`gneiting2007`. Too few means overconfidence, which a planner pays in
# lost sales.

# %% mystnb={"figure": {"caption": "Observed against nominal coverage; honest intervals lie on the diagonal.", "name": "fig-coverage"}, "image": {"alt": "Observed coverage of the fifty, eighty and ninety percent intervals per model beside the diagonal: some models are overconfident and lie below it, the seasonal naive lies above."}}
fig, ax = plt.subplots()
nominal = [50, 80, 90]
for row in table.itertuples():
    ax.plot(nominal, [100 * getattr(row, f"coverage_{level}") for level in nominal], marker="o", label=row.model)
ax.plot(nominal, nominal, color="0.3", linestyle=":")
ax.set(xlabel="nominal coverage (%)", ylabel="observed coverage (%)")
ax.legend(ncols=2)
plt.show()

# %% mystnb={"figure": {"caption": "Forecasts of the largest series from the last cutoff.", "name": "fig-single"}, "image": {"alt": "Observed sales of one series over the last horizon with the forecasts of the LSTM and the best peer."}}
name = comparable.groupby("unique_id")["y"].sum().idxmax()
best_peer = wape.drop("LSTM").idxmin()
shown = rows[(rows["unique_id"] == name) & (rows["cutoff"] == ends[-1])]
fig, ax = plt.subplots()
one = shown[shown["model"] == "LSTM"]
ax.plot(one["ds"], one["y"], color="0.3", linestyle="-", label="observed")
for model in ("LSTM", best_peer):
    part = shown[shown["model"] == model]
    ax.plot(part["ds"], part["mean"], label=model)
ax.set(xlabel="period", ylabel="units", title=name)
ax.legend()
plt.show()

# %%
results = {
    "models": table.set_index("model").replace({np.nan: None}).to_dict("index"),
    "by_cutoff": {
        str(end.date()): part.set_index("model")["wape"].to_dict() for end, part in by_cutoff.groupby("cutoff")
    },
    "winner": {"wape": wape.idxmin(), "scaled_quantile_loss": loss.idxmin()},
    "lstm_gain_over_seasonal_naive": float(gain),
    "series": int(comparable["unique_id"].nunique()),
    "cutoffs": [str(end.date()) for end in ends],
    "horizon": horizon,
}
_ = write_json(results, resolve(run_dir) / "metrics.json")

# %% [markdown]
# ## Summary
#
# - We tested from several cutoffs, with nothing from after them.
# - We computed each metric by hand and met the library's numbers; MAPE is silent where nothing sold.
# - We put the LSTM beside five peers on the same rows; the table above says who wins.
# - We saw which classes, steps and groups are hard, and whose intervals are too narrow.
#
# One network with one seed is compared here; {ref}`ch-training` says how it was trained. Differences smaller than those between
# the cutoffs should not be taken for a ranking.
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
# ## References
#
# Scaled errors {cite:p}`hyndman2006`, the quantile loss of the M5 {cite:p}`makridakis2022`, ETS {cite:p}`hyndman2002`, Theta
# {cite:p}`assimakopoulos2000`, LightGBM {cite:p}`ke2017`.
