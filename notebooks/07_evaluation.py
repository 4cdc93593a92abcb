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
# - put the champion, its members and the LSTM beside seven peers, from the seasonal naive to boosted trees, on the same rows;
# - ask whether a difference is more than luck, with a bootstrap that knows what hangs together and with a test;
# - look at errors by demand class, horizon step, product group, volume and age;
# - check the honesty of the quantiles and what the residuals still hold, and page through single forecasts.
#
# *Prerequisites:* {ref}`ch-training`, {ref}`ch-ensembles`, {ref}`ch-champion`. *Running time:* see the [status page](../book/status.md).

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES, evaluation
from salesforecast_lib.data.calendar import cutoffs_within
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.data.prepare import load_panel
from salesforecast_lib.evaluation import calibration, champion, figures
from salesforecast_lib.evaluation import gather, report, segments, verdicts
from salesforecast_lib.files import resolve, write_json, write_parquet
from salesforecast_lib.plots import figure_text, forecast_page
from salesforecast_lib.plots import pager, use_book_style

use_book_style()

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of the bootstrap
cutoffs: int = 3  # rolling origins of the evaluation
threads: int = 1  # of the peers
replicates: int = 2000  # draws of the bootstrap
pages: int = 6  # products to page through

# %% tags=["hide-input"]
panel, meta = load_panel(run_dir)
horizon, season = meta["horizon"], meta["season_length"]
frequency = check_freq(meta["freq"])
ends = cutoffs_within(panel["ds"], meta["freq"], horizon, cutoffs)

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
sales = [2, 0, 4, 2, 3, 1, 0, 4.0]
small = pd.DataFrame({"unique_id": "a", "ds": days, "y": sales})
small["available"] = 1.0
forecast = pd.DataFrame({"unique_id": "a", "ds": days[6:], "mean": [1.0, 3]})
forecast = forecast.assign(cutoff=days[5], model="by hand")
spread = np.array([-1, -0.8, -0.4, 0, 0.4, 0.8, 1])  # around the mean
for name, move in zip(QUANTILE_COLUMNS, spread, strict=True):
    forecast[name] = forecast["mean"] + move
rows = evaluation.scored_rows(forecast, small)
library = evaluation.evaluate(rows, small, season=2).iloc[0]
rows[["ds", "y", "mean", "q0.05", "q0.95"]]

# %%
y, guess, train = np.array([0.0, 4]), np.array([1.0, 3]), np.array(sales[:6])
error = y - guess
naive_error = np.abs(train[2:] - train[:-2])
levels = np.array(QUANTILES)
quantiles = guess[:, None] + spread  # (rows, levels)
beyond = y[:, None] - quantiles
pinball = np.maximum(levels * beyond, (levels - 1) * beyond)  # (rows, levels)

# %% tags=["nbval-check-output"]
hand = {
    "mse": np.mean(error**2),
    "rmse": np.sqrt(np.mean(error**2)),
    "mae": np.abs(error).mean(),
    "wape": np.abs(error).sum() / y.sum(),
    "bias": (guess - y).sum() / y.sum(),
    "mape": 1 / 4,
    "mase": np.abs(error).mean() / naive_error.mean(),
    "coverage_90": 1.0,
    "rmsse": np.sqrt(np.mean(error**2) / np.mean(naive_error**2)),
    "scaled_quantile_loss": pinball.mean() / naive_error.mean(),
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
edges = np.concatenate([[0], (levels[1:] + levels[:-1]) / 2, [1]])
by_hand = (2 * pinball * np.diff(edges)).sum(1)  # (rows,)
assert np.allclose(by_hand, evaluation.crps(y, quantiles))
assert np.isclose(by_hand.mean(), library["crps"])
print(f"weights {np.diff(edges).round(3)}")
print(f"CRPS {by_hand.mean():.4f} units, MAE {hand['mae']:.4f}")

# %% [markdown]
# ## The backtest
#
# A backtest takes any model that can be fitted at a cutoff and then forecasts. Everything after the cutoff that is not known
# ahead is blanked before the model sees the table, so that it cannot look. A model of a few lines shows the contract, and what
# it costs not to refit: the mean of each weekday over the last eight weeks (of longer periods, the mean of the last eight).


# %%
def weekday_of(ds):
    """Weekday of days; weeks and months have none."""
    return ds.dt.dayofweek if frequency.kind == "D" else 0 * ds.dt.year


def weekday_profile(known, cutoff):
    """Mean and quantiles of the last eight weeks by series and weekday."""
    begin = cutoff - max(8, frequency.periods_in(56)) * frequency.offset
    past = known[(known["ds"] <= cutoff) & (known["ds"] > begin)]
    past = past[past["available"] > 0]
    weekday = weekday_of(past["ds"]).rename("weekday")
    days = past.groupby(["unique_id", weekday])["y"]
    profile = days.quantile(list(QUANTILES)).unstack()
    return profile.set_axis(QUANTILE_COLUMNS, axis=1).assign(mean=days.mean())


# %%
class RecentProfile:
    """The contract of the backtest: fit at a cutoff, return what forecasts."""

    def fit(self, known, meta, cutoff):
        profile = weekday_profile(known, cutoff).reset_index()

        def forecast(later, origin):
            count, freq = meta["horizon"] + 1, meta["freq"]
            steps = pd.date_range(origin, periods=count, freq=freq)[1:]
            rows = later.loc[later["ds"].isin(steps), ["unique_id", "ds"]]
            rows = rows.assign(weekday=weekday_of(rows["ds"]))
            # a weekday without an open day in eight weeks sells nothing
            return rows.merge(profile, how="left").fillna(0.0)

        return forecast


# %% tags=["nbval-check-output"]
comparable = evaluation.comparable_panel(panel, ends)
for refit in (True, False):
    profile = evaluation.rolling_origin(
        comparable, meta, ends, {"RecentProfile": RecentProfile()}, refit
    )
    rows = evaluation.scored_rows(profile, comparable)
    error = evaluation.evaluate(rows, comparable, season, ["cutoff"])["wape"]
    print(f"refit={refit!s:5}  WAPE by cutoff: {error.round(3).tolist()}")

# %% [markdown]
# ### All models
#
# The LSTM keeps the weights it had at the first cutoff; each peer is fitted anew at every cutoff. All see the same history and,
# where they can use them, the same covariates known ahead. On a day on which the shop is known to be closed every forecast
# is zero, and it is not scored. AutoETS is fitted here: which form each series has is chosen at the first cutoff, by all
# forms in turn, and its parameters are fitted anew at each cutoff. The other peers come from {ref}`ch-ensembles`, and from {ref}`ch-champion` the *champion* with
# those of its members that are no peers. Its weights at a cutoff are those of earlier ones. One more
# forecast starts at the end of the data; nobody can score it yet, {ref}`ch-inventory` orders by it.

# %% tags=["hide-input", "nbval-check-output"]
forecasts = evaluation.gather_forecasts(
    run_dir, comparable, meta, ends, threads
)
_ = write_parquet(forecasts, resolve(run_dir) / "forecasts.parquet")
ours = gather.own_models(forecasts)  # the champion first; others are peers
first = ours[0]
rows = evaluation.scored_rows(forecasts, comparable)
series = comparable["unique_id"].nunique()
print(f"{series} of {panel['unique_id'].nunique()} series, horizon {horizon}")
print(f"cutoffs {verdicts.listed(str(end.date()) for end in ends)}")

# %%
table = evaluation.evaluate(rows, comparable, season)
table.set_index("model").round(3)

# %% [markdown]
# ### Who wins?
#
# Training on another processor moves a WAPE by up to one percent. So we call models level that are closer than 1.5 %.

# %%
wape = table.set_index("model")["wape"]
loss = table.set_index("model")["scaled_quantile_loss"]
print(verdicts.winner(wape, "WAPE"))
print(verdicts.winner(loss, "scaled quantile loss"))
for name in (first, "LSTM"):
    print(verdicts.gain_sentence(name, wape, "SeasonalNaive", "WAPE"))
print(verdicts.champion_caveat(meta["dataset"]))

# %% [markdown]
# The champion is worth its minutes if it comes near the member that only hindsight would have picked.

# %%
members = gather.champion_members(run_dir)
for values, words in ((wape, "WAPE"), (loss, "scaled quantile loss")):
    print(champion.best_member_found(values, members, words))

# %%
by_cutoff = evaluation.evaluate(rows, comparable, season, ["cutoff"])
wide = by_cutoff.pivot(index="model", columns="cutoff", values="wape")
wide = wide.set_axis([str(end.date()) for end in wide], axis=1)
wide.round(3)

# %% mystnb={"figure": {"caption": "WAPE at each cutoff: a ranking from one split alone could mislead.", "name": "fig-wape-cutoff"}, "image": {"alt": "Lines of WAPE per model over the cutoffs: the seasonal naive is worst throughout, the best models lie close together."}}
ax = wide.T.plot(figsize=(7.5, 3), marker="o")
ax.set(xlabel="cutoff", ylabel="WAPE", xticks=range(len(ends)))
ax.set_xticklabels(wide.columns)
ax.legend(ncols=1, loc="center left", bbox_to_anchor=(1, 0.5))
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
comparison = evaluation.compare_with_best_peer(
    rows, comparable, season, ours, replicates, seed
)
metric, best_peer = comparison.metric, comparison.reference
judged = comparison.tables["both"].set_index("model")
judged["verdict"] = [
    verdicts.interval_verdict(low, high)
    for low, high in judged[["relative_low", "relative_high"]].to_numpy()
]
shown = ["value", "relative", "relative_low", "relative_high", "verdict"]
judged[shown].round(3)

# %% [markdown]
# `relative` is the distance to the best peer, with its 95 % interval. An interval that ends within half a percent of zero
# could end on the other side after training with another seed, so we do not call it.

# %%
print(f"{metric} against {best_peer}, series and periods drawn")
for name in ours:
    print(f"{name}: {judged['verdict'][name]}")

# %% mystnb={"figure": {"caption": "Difference to the best peer in scaled quantile loss (scaled CRPS where there is no scale), with 95 % intervals from three bootstraps. Left of zero is better.", "name": "fig-bootstrap"}, "image": {"alt": "Points with horizontal intervals per model around the best peer at zero: simple models lie clearly to the right, intervals that draw series and periods are the widest."}}
fig = figures.interval_figure(comparison)
plt.show()

# %% [markdown]
# The test of {cite:t}`diebold1995` asks the same of the sequence of daily losses, summed over products: is the mean of the
# difference zero, given that neighbouring days are alike? Its answer depends on how long that likeness is allowed to last; one
# period pretends that there is none. The small-sample correction is that of {cite:t}`harvey1997`. Several models are compared, so
# we call a difference firm when p is below 0.01 at every span, and say that none was found when p is above 0.1 at every span.

# %%
p_values = evaluation.p_values_by_span(rows, comparable, season, best_peer)
p_values.round(3)  # CRPS; columns: periods over which losses stay alike

# %%
said = {name: verdicts.p_value_verdict(p) for name, p in p_values.iterrows()}
print(f"against {best_peer}: {report.read_verdicts(said)}")

# %% [markdown]
# ## Where the errors are
#
# Demand classes follow {cite:t}`syntetos2005`: how often a product sells, and how much its sales vary when it does,
# computed before the first cutoff.

# %% tags=["nbval-check-output"]
classes = evaluation.demand_classes(comparable, ends[0])
print(classes["demand_class"].value_counts().to_string())
by_class = evaluation.wape_by(rows, classes, comparable, season, "demand_class")
print(f"hardest for the {first}: {by_class[first].idxmax()}")

# %%
by_class.T.round(3)

# %% mystnb={"figure": {"caption": "WAPE by demand class.", "name": "fig-demand-class"}, "image": {"alt": "Grouped bars of WAPE by demand class and model: every model forecasts the erratic products worse than the smooth ones."}}
ax = by_class.plot.bar(rot=0)
ax.set(xlabel="demand class", ylabel="WAPE")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% mystnb={"figure": {"caption": "WAPE by horizon step.", "name": "fig-horizon"}, "image": {"alt": "Lines of WAPE over the horizon step for each model: errors go up and down with the weekday, grow little with the distance, and rise for all models around the eighteenth step."}}
steps = evaluation.residuals(rows, meta["freq"])["step"]
keys = rows[["unique_id", "cutoff", "ds"]].assign(step=steps).drop_duplicates()
by_step = evaluation.wape_by(rows, keys, comparable, season, "step")
ax = by_step.plot(figsize=(7.5, 3))
ax.set(xlabel="horizon step (periods ahead)", ylabel="WAPE")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
plt.show()

# %% [markdown]
# By product group, where the data have one: the ten with most sales.

# %%
groups = segments.product_groups(comparable, rows, meta)
by_group = evaluation.wape_by(rows, groups, comparable, season, "group")
by_group.round(3)

# %% tags=["nbval-check-output"]
lower = (by_group[first] < by_group["SeasonalNaive"]).sum()
of = f"{lower} of {len(by_group)} groups"
print(f"{first} below the seasonal naive in {of}")

# %% mystnb={"figure": {"caption": "WAPE by product group, the champion against the seasonal naive.", "name": "fig-group"}, "image": {"alt": "Horizontal bars of WAPE by product group: the champion has a lower error than the seasonal naive in nearly all groups."}}
bars = by_group[[first, "SeasonalNaive"]].iloc[::-1]
ax = bars.rename(index=figure_text).plot.barh()
ax.set(xlabel="WAPE", ylabel="")
plt.show()

# %% [markdown]
# Volume: deciles of mean sales before the first cutoff. Age: periods since the first sale, where the data saw the launch.

# %%
decile = "volume_group"
volumes = evaluation.volume_groups(comparable, ends[0], min(10, series))
by_volume = evaluation.wape_by(rows, volumes, comparable, season, decile)
by_volume.T.round(2)

# %%
edges = [frequency.periods_in(days) for days in (28, 91, 182, 365)]
bands = segments.age_bands(comparable, ends, edges, grace=edges[0])
by_age = evaluation.wape_by(rows, bands, comparable, season, "age_band")
by_age.round(3)

# %% tags=["nbval-check-output"]
times = by_volume[first].iloc[0] / by_volume[first].iloc[-1]
print(f"{first}'s WAPE, smallest over largest decile: {times:.1f}")
seen = (bands["age_band"] != segments.FROM_THE_START).mean()
print(f"launch seen in the data: {seen:.0%} of series and cutoffs")

# %% mystnb={"figure": {"caption": "WAPE by decile of volume; 1 holds the products that sell least.", "name": "fig-volume"}, "image": {"alt": "Lines of WAPE over the volume decile for the champion, the LSTM, the best peer and the seasonal naive: products that sell more are forecast with a smaller relative error."}}
few = list(dict.fromkeys((first, "LSTM", best_peer, "SeasonalNaive")))
ax = by_volume[few].plot(marker="o", figsize=(7.5, 3))
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
reliable = evaluation.reliability(rows)
reliable.pivot(index="model", columns="level", values="observed").round(3)

# %% tags=["nbval-check-output"]
gap = report.closest_to_levels(reliable)
near = sorted(gap.index[gap < 0.01])
print(f"within 0.01 of the levels on average: {verdicts.listed(near)}")
covered = table.set_index("model")["coverage_90"]
said = {name: verdicts.coverage_verdict(c) for name, c in covered.items()}
print(f"90 % intervals: {report.read_verdicts(said)}")

# %% mystnb={"figure": {"caption": "Left: observed share of sales up to each quantile, minus its level; zero is honest. Right: histogram of the PIT between the levels; one is honest.", "name": "fig-reliability"}, "image": {"alt": "Two panels: deviations of observed from nominal shares by level for every model, and densities of the probability integral transform for four; outer bins above one show intervals that are too narrow; the hump of the seasonal naive shows intervals that are too wide."}}
look = figures.looks(table["model"])
histogram = calibration.pit_histogram(rows)
fig = figures.reliability_figure(reliable, histogram, few, look)
plt.show()

# %% [markdown]
# ## What the residuals still hold
#
# A residual is what was sold minus the mean forecast. A good forecast leaves no pattern: not by weekday, not by step, and
# little memory from one day to the next. Memory at every lag is a level that was missed from the start; peaks at lag 7 and 14
# are a week not learned.

# %%
left_over = evaluation.residuals(rows, meta["freq"])
grouping = "weekday" if meta["freq"] == "D" else "step"
patterns = calibration.mean_residuals(left_over, grouping)
lags = max(1, min(21, horizon - 1))
memory = calibration.residual_autocorrelation(left_over, lags)
patterns.pivot(index="model", columns=grouping, values="share").round(3)

# %% tags=["nbval-check-output"]
bias = table.set_index("model")["bias"]
said = {name: verdicts.bias_verdict(value) for name, value in bias.items()}
print(report.read_verdicts(said))

# %% mystnb={"figure": {"caption": "Residuals: mean by horizon step as a share of sales (left), autocorrelation within series and cutoff (right).", "name": "fig-residuals"}, "image": {"alt": "Two panels for the champion, the LSTM, the best peer and the seasonal naive: mean residuals by step, and residual autocorrelation by lag, which for the seasonal naive peaks at multiples of the season while the others stay below 0.3."}}
by_step = calibration.mean_residuals(left_over, "step")
fig = figures.residual_figure(by_step, memory, few, look)
plt.show()

# %% [markdown]
# ## Page through single forecasts
#
# Averages hide what a planner sees. Below are products spread from the largest to the smallest volume, from the last cutoff;
# a click on a name opens its page.

# %%
label = classes.set_index("unique_id")["demand_class"]
last = rows[rows["cutoff"] == ends[-1]]
last = last[last["model"].isin([first, best_peer])]
last = last.sort_values("model", key=lambda name: name != first, kind="stable")
before = comparable[comparable["ds"] <= ends[-1]]
book = []
for name in segments.spread_over_volume(volumes, last["unique_id"], pages):
    history = before[before["unique_id"] == name].tail(horizon)
    part = last[last["unique_id"] == name]
    book.append(forecast_page(history, part, label[name]))
pager(book, "forecasts-of-products")

# %% tags=["hide-input"]
results = evaluation.evaluation_report(
    table, by_cutoff, comparison, p_values, gap, series, horizon
)
_ = write_json(results, resolve(run_dir) / "metrics.json")

# %% [markdown]
# ## Summary
#
# - We tested from several cutoffs, with nothing from after them.
# - We computed each metric by hand and met the library's numbers; MAPE is silent where nothing sold.
# - We put the champion, its members and the LSTM beside seven peers on the same rows, and called level what a processor could
#   reverse.
# - We gave every difference to the best peer an interval that respects products and days, and a test.
# - We saw which classes, steps, groups and volumes are hard.
# - We saw whose quantiles are honest, what the residuals still hold, and single forecasts.
#
# The LSTM is one network with one seed; {ref}`ch-training` says how it was trained. The champion is compared with more
# peers on more data in the [league](../book/league.md). The intervals hold for these months and
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
