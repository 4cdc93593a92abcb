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
# (ch-training)=
# # Training one network for all products
#
# The derivation is done; now the network has to learn from a shop. This chapter answers: **how do we train one LSTM
# for all products so that its forecast can be trusted tomorrow?** In it we will
#
# - split by time into training, validation and test;
# - gather windows by index, so that no day is copied;
# - forecast all horizon steps at once as quantiles that cannot cross or fall below zero;
# - train window by window, or all origins of a stretch in one pass (forking sequences), with one flag between them;
# - train with early stopping, stop a run in the middle, and resume it to the same result;
# - store the model without pickle and forecast at every cutoff of the evaluation.
#
# *Prerequisites:* {ref}`ch-features`, {ref}`ch-lstm-derivation`. *Running time:* see the [status page](../book/status.md).

# %%
import shutil
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import torch

from salesforecast_lib.data.features import build_features, load_features
from salesforecast_lib.data.panel import inner_season, rolling_cutoffs
from salesforecast_lib.data.marketplace.simulate import latent_demand_bias, simulate_marketplace
from salesforecast_lib.data.marketplace.config import QUIET, MarketplaceConfig
from salesforecast_lib.files import resolve, write_json, write_parquet
from salesforecast_lib.models.forecaster.fit import NetworkConfig, fit_network, make_loader
from salesforecast_lib.models.networks.predictor import SalesPredictor, pinball_loss
from salesforecast_lib.models.forecaster.persistence import Forecaster, fingerprint, load_forecaster, run_key, save_forecaster
from salesforecast_lib.models.windows.stretches import StretchLoader
from salesforecast_lib.models.training.loop import TrainingConfig, evaluate, make_optimizer, train_model
from salesforecast_lib.models.windows.panel_tensor import PanelTensor, Vocabulary, WindowLoader
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% tags=["parameters"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of weights, windows and dropout
cutoffs: int = 3  # rolling origins of the evaluation
window: int = 56  # periods of history that the network sees
encoder: str = "lstm"  # rnn, gru, lstm, bidirectional_lstm, attention_lstm, transformer or mlp
head: str = "quantiles"  # quantiles, negative_binomial, tweedie or gaussian
forking: bool = False  # train all origins of a stretch in one pass, not window by window
hidden_size: int = 64  # of the encoder's state
embedding_size: int = 8  # of a category
num_layers: int = 1  # of the LSTM
dropout: float = 0.2  # share of decoder units switched off in training
optimizer: str = "adam"  # adam or sgd
learning_rate: float = 0.002  # at the start; falls along a cosine
weight_decay: float = 0.0001  # pull of the weights towards zero
batch_size: int = 256  # windows a step
max_epochs: int = 10  # passes over the windows at most
patience: int = 3  # epochs without improvement before stopping
clip: float = 1.0  # largest gradient norm
stride: int = 3  # periods between the origins of training windows; forking takes every origin
stretches: int = 8  # stretches a step, when forking
steps: int = 256  # periods of the longest stretch, when forking
market_products: int = 60  # size of the simulated market whose demand is known
market_epochs: int = 10  # passes of the networks trained on it
device: str = "cpu"  # cpu or cuda

# %%
torch.set_num_threads(1)  # several threads collapse as soon as anything else runs
table, meta = load_features(run_dir)
frame, horizon, freq = table.frame, meta["horizon"], meta["freq"]
season = inner_season(freq)  # a window of weeks holds no year: use the month's rhythm
ends = rolling_cutoffs(frame["ds"].max(), freq, horizon, cutoffs)

# %% [markdown]
# ## Split by time
#
# The network is trained once, before the first cutoff, and never sees a test day. Validation origins are the last ones
# whose horizon still ends by that cutoff, and training targets end before validation targets begin.

# %% tags=["nbval-check-output"]
step = pd.tseries.frequencies.to_offset(freq)
first = frame["ds"].min()
validation = (ends[0] - (2 * horizon - 1) * step, ends[0] - horizon * step)
train_last = validation[0] - horizon * step  # its horizon ends where validation begins
print(
    f"training origins up to {train_last.date()}, validation origins {validation[0].date()} to {validation[1].date()}"
)
print(f"test: {len(ends)} cutoffs, {', '.join(str(end.date()) for end in ends)}, {horizon} periods each")

# %% [markdown]
# ## Windows by index
#
# All series lie one after another in a single tensor. A window is a row number: the batch is gathered when it is needed.
# Storing every window instead would repeat each day as many times as the window is long.

# %% tags=["nbval-check-output"]
vocabulary = Vocabulary.of(table)
tensor = PanelTensor(frame, vocabulary, window, horizon, season, device)
train_rows = tensor.origins(first, train_last, min_history=window // 2, stride=1 if forking else stride)
validation_rows = tensor.origins(*validation, min_history=window // 2, stride=stride)
print(f"{len(train_rows)} training windows, {len(validation_rows)} validation windows")
inputs = vocabulary.input_size
print(
    f"{len(frame) * inputs * 4 / 1e6:.0f} MB of rows; as copied windows {len(train_rows) * window * inputs * 4 / 1e6:.0f} MB"
)

# %% tags=["nbval-check-output"]
batch = tensor.gather(torch.as_tensor(train_rows[:4]))
for name, value in asdict(batch).items():
    print(f"{name:9s} {tuple(value.shape)}")

# %% [markdown]
# Each day is divided by the mean of the window that ends with it, and the target by that of the origin (`scale`), so that
# milk and saffron look alike to the network; the forecast is multiplied by it again. A day's inputs then do not depend on
# the origin that reads them. Series with less history than the window fill a part of it; nothing is invented.
#
# ## The network
#
# An LSTM reads the history. Its last state and the category embeddings make a small context of the origin; a second,
# light stage adds for each step ahead what is known about that day, and gives the quantiles {cite:p}`wen2017`. With the
# window's seasonal average $s_h$ and free outputs $r_h$ and $u_{h,p}$,
#
# ```{math}
# :label: eq-quantile-head
# \begin{aligned}
# \hat q_{0.5,h} &= s_h e^{r_h}, \\
# \hat q_{p,h} &= \hat q_{0.5,h}\Bigl(1+\sum_{0.5<p'\le p}\operatorname{softplus}(u_{h,p'})\Bigr), \\
# \hat q_{p,h} &= \hat q_{0.5,h}\prod_{p\le p'<0.5}\sigma(u_{h,p'}),
# \end{aligned}
# ```
#
# for levels above and below the median: rising and non-negative, whatever the weights are.

# %%
sizes = tuple(len(codes) for codes in vocabulary.static.values())
architecture = dict(
    input_size=inputs,
    hidden_size=hidden_size,
    output_size=horizon,
    future_size=len(vocabulary.future),
    static_sizes=sizes,
    embedding_size=embedding_size,
    num_layers=num_layers,
    dropout=dropout,
    encoder=encoder,
    head=head,
    window=window,
)
torch.manual_seed(seed)
model = SalesPredictor(**architecture)

# %% tags=["nbval-check-output"]
with torch.no_grad():
    quantiles = model(batch)  # (batch, horizon, quantiles)
assert (quantiles.diff(dim=2) >= 0).all() and (quantiles >= 0).all()
weights = sum(parameter.numel() for parameter in model.parameters())
print(f"forecast {tuple(quantiles.shape)}, {weights} weights")
untrained = torch.allclose(quantiles[:, :, 3], batch.seasonal.clamp(min=0.02), rtol=0.01)
print(f"before training, the median is the seasonal average: {untrained}")

# %% [markdown]
# ## The loop
#
# The loss is the pinball loss of each quantile {cite:p}`koenker1978`. Here is one epoch in its simplest form; the
# library's `train_model` adds validation, the schedule, logs and the checkpoint, and must give the same number. It adds up
# the loss and all its gradients block by block in the processor's cache, so the last digits may differ.

# %%
small = WindowLoader(tensor, train_rows[: 4 * batch_size], batch_size, seed)
adam = make_optimizer("adam", model, learning_rate, weight_decay)
torch.manual_seed(seed * 1_000_003)  # the dropout masks of epoch 0
by_hand = 0.0
model.train()
for batch in small:
    weight = batch.weight * batch.scale**0.5
    loss = pinball_loss(model(batch), batch.target / batch.scale, weight, model.quantiles)
    adam.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    adam.step()
    by_hand += loss.item() / len(small)

# %% tags=["nbval-check-output"]
torch.manual_seed(seed)
twin = SalesPredictor(**architecture)
adam = make_optimizer("adam", twin, learning_rate, weight_decay)
log = train_model(twin, small, adam, config=TrainingConfig(max_epochs=1, clip=clip, seed=seed))
assert abs(log.train[0] - by_hand) < 1e-4 or head != "quantiles"  # other heads minimise their likelihood
print("the loop by hand and train_model agree")

# %% [markdown]
# ## Forking: every day an origin
#
# Windows that overlap are a waste: run window by window, each day passes through the LSTM as many times as the window is
# long. A *forking* trainer {cite:p}`wen2017` runs a stretch of history through it once and takes a forecast and a loss at
# every step. The state at a step knows nothing later, so these are honest forecasts; and because a day's inputs do not
# depend on the origin, the loss is the same as that of windows which reach back to the start of the stretch.

# %% tags=["nbval-check-output"]
some = train_rows[:200]  # origins of the first few series
reach = int(some.max()) + 1
fork = StretchLoader(tensor, some, stretches, steps=reach + 1)
windows = WindowLoader(tensor, some, batch_size, shuffle=False, steps=reach + 1)
difference = abs(evaluate(twin, fork) - evaluate(twin, windows)) if twin.causal else 0.0
assert difference < 1e-4
print(f"one pass over each stretch has the loss of {len(windows.rows)} windows: {difference < 1e-4}")

# %% [markdown]
# One flag chooses the trainer. Here both train the same network from the same weights. Forking gets three times the
# epochs, because one of its steps sees few products and many of their days. The validation loss is that of the same
# origins with the same window of history.

# %%
trials = []
for fork in (False, True) if model.causal else (False,):
    choice = NetworkConfig(window, batch_size=batch_size, forking=fork, stretches=stretches, steps=steps)
    rows = tensor.origins(first, train_last, min_history=window // 2, stride=1 if fork else stride)
    torch.manual_seed(seed)
    trial = SalesPredictor(**architecture)
    adam = make_optimizer(optimizer, trial, learning_rate, weight_decay)
    plan = TrainingConfig(max_epochs=max_epochs if fork else max(max_epochs // 3, 1), clip=clip, seed=seed)
    begun = time.perf_counter()
    log = train_model(trial, make_loader(tensor, rows, choice, seed), adam, device, config=plan)
    spent = time.perf_counter() - begun
    check = WindowLoader(tensor, validation_rows, 1024, shuffle=False)
    trials.append(("forking" if fork else "window by window", len(rows) * len(log.train), spent, evaluate(trial, check)))

# %%
results = pd.DataFrame(trials, columns=["trainer", "trained origins", "seconds", "validation loss"])
results.assign(origins_per_second=(results["trained origins"] / results["seconds"]).round())

# %% [markdown]
# Forking trains many more origins a second, and it takes more of them, as neighbouring days of one product say nearly
# the same. What decides is the validation loss for the time spent. The published run keeps the simple trainer, which comes
# to its accuracy without more tuning; set `forking=True` where there are many series or long histories.

# %% [markdown]
# ## Training
#
# First with validation, to learn how many epochs are good; then once more with the validation months as training data, for
# just that many epochs. The weeks before the cutoff are the most telling ones, and it would be a pity not to learn
# from them.

# %%
config = TrainingConfig(max_epochs=max_epochs, patience=patience, clip=clip, seed=seed)
folder = resolve(run_dir) / "model"
shutil.rmtree(folder / "tensorboard", ignore_errors=True)
settings = {
    **architecture,
    **asdict(config),
    "optimizer": optimizer,
    "learning_rate": learning_rate,
    "stride": stride,
    "weight_decay": weight_decay,
    "batch_size": batch_size,
    "window": window,
    "season": season,
    "device": device,
    "forking": forking,
    "stretches": stretches,
    "steps": steps,
}
choice = NetworkConfig(window, batch_size=batch_size, forking=forking, stretches=stretches, steps=steps)
checkpoints = folder / "checkpoints" / run_key(frame[["unique_id", "ds", "y"]], settings)


# %%
torch.manual_seed(seed)
model = SalesPredictor(**architecture)
log = train_model(
    model,
    make_loader(tensor, train_rows, choice, seed),
    make_optimizer(optimizer, model, learning_rate, weight_decay),
    device,
    validation_loader=make_loader(tensor, validation_rows, choice, validation=True),
    config=config,
    checkpoint=checkpoints / "search",
    log_dir=folder / "tensorboard",
)
epochs = log.best_epoch + 1

# %%
all_rows = tensor.origins(first, validation[1], min_history=window // 2, stride=1 if forking else stride)
torch.manual_seed(seed)
model = SalesPredictor(**architecture)
final_log = train_model(
    model,
    make_loader(tensor, all_rows, choice, seed),
    make_optimizer(optimizer, model, learning_rate, weight_decay),
    device,
    config=TrainingConfig(max_epochs=epochs, clip=clip, seed=seed),
    checkpoint=checkpoints / "final",
)

# %%
print(f"best epoch {epochs} of {len(log.train)}, validation loss {log.best_loss:.4f}")
assert log.best_loss < log.validation[0] or epochs == 1

# %% mystnb={"figure": {"caption": "Pinball loss in each epoch (scaled units). The dotted line marks the epoch that was kept. The same curves are in the TensorBoard log of the run folder.", "name": "fig-loss"}, "image": {"alt": "Training loss falls steadily over the epochs while validation loss flattens after a few, where training is stopped."}}
fig, ax = plt.subplots()
passes = range(1, len(log.train) + 1)
ax.plot(passes, log.train, marker="o", label="training (with dropout)")
ax.plot(passes, log.validation, marker="s", label="validation")
ax.axvline(epochs, color="0.3", linestyle=":")
ax.set(xlabel="epoch", ylabel="pinball loss")
ax.legend()
plt.show()

# %% [markdown]
# ## Killed in the middle, resumed to the same result
#
# Windows and dropout masks depend on seed and epoch only, and the checkpoint holds weights and optimiser. So a run
# that stops after one epoch goes on as if nothing had happened. We show it on a few windows.

# %%
results = []
for stops in ([2], [1, 2]):  # undisturbed, and killed after the first epoch
    checkpoint = Path(tempfile.mkdtemp())
    for stop in stops:
        torch.manual_seed(seed)
        twin = SalesPredictor(**architecture)
        steps = make_optimizer("adam", twin, learning_rate, weight_decay)
        short = TrainingConfig(max_epochs=stop, clip=clip, seed=seed, schedule="constant")
        train_model(twin, small, steps, config=short, checkpoint=checkpoint)
    results.append(twin.state_dict())

# %% tags=["nbval-check-output"]
same = all(torch.equal(results[0][name], results[1][name]) for name in results[0])
assert same
print(f"weights of the resumed run equal those of the undisturbed run: {same}")

# %% [markdown]
# ## Store and load
#
# Weights are safetensors, the rest is JSON that a person can read: columns, categories, cutoff, a fingerprint of the
# data, versions and losses. A pickle could run any code when it is loaded.

# %%
seen = frame[frame["ds"] <= ends[0]]
metadata = {"dataset": meta["dataset"], "cutoff": str(ends[0].date()), "data_sha256": fingerprint(seen)}
metadata |= {"validation_loss": log.best_loss, "epochs": epochs, "seed": seed}
reach = steps if forking else None
forecaster = Forecaster(model, vocabulary, architecture, window, horizon, season, freq, metadata, reach)
_ = save_forecaster(forecaster, folder)
shutil.rmtree(folder / "checkpoints")  # the run is complete: nothing is left to resume
_ = write_json({"search": asdict(log), "final": asdict(final_log)}, resolve(run_dir) / "training_log.json")

# %% [markdown]
# ## Forecast at every cutoff, and from today
#
# At each cutoff the same network reads the history up to that evening and forecasts the horizon. Its weights stay those of the
# first cutoff; the peers of {ref}`ch-evaluation` are fitted anew at each, which favours them. The last origin is the end of
# the data: what comes after it is what the shop wants to know.

# %%
loaded = load_forecaster(folder, device)
ahead = pd.read_parquet(resolve(run_dir) / "ahead.parquet")
known = pd.concat([frame[["unique_id", "ds", *vocabulary.future]], ahead], ignore_index=True)
origins = [*ends, frame["ds"].max()]
parts = [loaded(frame, known[known["ds"] > origin], origin) for origin in origins]

# %%
forecasts = pd.concat(parts, ignore_index=True).merge(frame[["unique_id", "ds", "y"]], how="left")
_ = write_parquet(forecasts, resolve(run_dir) / "lstm_forecasts.parquet")

# %% tags=["nbval-check-output"]
columns = [name for name in forecasts if name.startswith("q")]
assert (forecasts[columns].diff(axis=1).iloc[:, 1:] >= 0).all(axis=None) and (forecasts[columns] >= 0).all(axis=None)
print(
    f"{len(forecasts)} forecasts of {forecasts['unique_id'].nunique()} series at {forecasts['cutoff'].nunique()} origins, "
    f"{forecasts['y'].isna().sum()} of them for periods after the data"
)
again = forecaster(frame, known[known["ds"] > ends[-1]], ends[-1])
print(f"the stored model repeats the forecast: {again.equals(parts[-2])}")

# %% mystnb={"figure": {"caption": "Forecast of the largest series at the last cutoff: median, 50 % and 90 % interval.", "name": "fig-forecast"}, "image": {"alt": "Line chart of the last history and the forecast horizon of one series: the median follows the weekly rhythm and most observations lie inside the ninety percent band."}}
name = frame.groupby("unique_id")["y"].sum().idxmax()
shown = forecasts[(forecasts["unique_id"] == name) & (forecasts["cutoff"] == ends[-1])]
past = frame[frame["unique_id"] == name].tail(4 * horizon)
fig, ax = plt.subplots()
ax.plot(past["ds"], past["y"], color="0.3", linestyle="-", label="observed")
ax.plot(shown["ds"], shown["q0.5"], label="median")
ax.fill_between(shown["ds"], shown["q0.05"], shown["q0.95"], alpha=0.2, label="90 %")
ax.fill_between(shown["ds"], shown["q0.25"], shown["q0.75"], alpha=0.3, label="50 %")
ax.set(xlabel="period", ylabel="units", title=name)
ax.legend()
plt.show()

# %% [markdown]
# ## The day the shelf ran empty
#
# Quantiles assume nothing about the shape of demand. A *parametric head* puts out the numbers of a known distribution
# instead, such as mean and size of a negative binomial {cite:p}`salinas2020`, and is trained on the likelihood of sales
# $y$. {ref}`ch-model-selection` compares the heads; here is what a likelihood is good for: "demand was at least $y$" has a
# probability too, and so a loss of its own. Of a day that sold out in the evening we know that demand $D \ge y$, of a day
# without any stock nothing, and the loss of a day is
#
# ```{math}
# :label: eq-censored-loss
# \ell = \begin{cases}
# -\log P(D = y) & \text{in stock all day}, \\
# -\log P(D \ge y) & \text{sold out during the day}, \\
# 0 & \text{without stock}.
# \end{cases}
# ```
#
# Only a simulated market knows what was wanted. Here is one that is short of stock on purpose ({ref}`page-marketplace`), with
# demand that has no hidden drift, and the same network three times: on sales as they are, without the days that sold out,
# and with the censored likelihood.

# %%
short = {"stock_cover": 0.8, "dispersion": 5.0}
config = MarketplaceConfig(market_products, 400, units=market_products * 400 * 8.0, seed=seed, **short, **QUIET)
truth = simulate_marketplace(config).truth
sold = truth[["unique_id", "ds", "available"]].assign(y=truth["sales"].astype(float))
told = {
    "sales as demand": sold["available"] * 0 + 1,
    "days in stock only": (sold["available"] >= 1).astype(float),
    "censored likelihood": sold["available"],
}

# %%
plain = {"dataset": "market", "freq": "D", "season_length": 7, "country": "US", "horizon": 14}
plain |= {"static": [], "historical": [], "future": []}
last = sold["ds"].max() - pd.Timedelta(days=14)
origins = pd.date_range(end=last, periods=20, freq="14D")
bias = {}
for name, available in told.items():
    market = build_features(sold.assign(available=available), plain)
    training = TrainingConfig(volume_weight=0.0, censored=name == "censored likelihood", seed=seed)
    choice = NetworkConfig(
        head="negative_binomial", forking=True, learning_rate=0.004, hidden_size=32, dropout=0.0, training=training
    )
    fitted = fit_network(market, plain, last, choice, epochs=market_epochs).forecaster
    parts = [fitted(market.frame, market.frame[market.frame["ds"] > origin], origin) for origin in origins]
    bias[name] = latent_demand_bias(pd.concat(parts), truth)

# %% tags=["nbval-check-output"]
names = list(told)
assert bias[names[0]] < bias[names[1]] < bias[names[2]]
served = truth["sales"].sum() / truth["demand"].sum()
print(f"{(sold['available'] < 1).mean():.0%} of days sold out; sales are {served:.0%} of demand")

# %%
pd.Series(bias, name="bias of demand").map("{:+.1%}".format).to_frame()

# %% [markdown]
# Two cautions. Rows have to weigh alike, and dropout is off: a weight that follows the level, and noise under the
# exponential link, would both move the mean. And where demand drifts in a way that no input shows, days without stock are
# just the days of high demand, and of those nothing is known. {ref}`ex-drift` looks at that.

# %% [markdown]
# ## Summary
#
# - We split by time: no test day, and no validation target, entered training.
# - We gathered windows by index from one tensor.
# - We forecast all steps at once as ordered, non-negative quantiles.
# - We trained window by window and by forking sequences, and saw that both have the same loss on the same history.
# - We trained with early stopping, and resumed a stopped run to the same weights.
# - We stored the model as safetensors and JSON, and forecast at every cutoff.
# - We let a sold-out day say what it knows: demand was at least the sales.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-scale
# Why is each day divided by the mean of the window that ends with it, and not by the mean of its series?
# ```
#
# ```{solution} ex-scale
# :class: dropdown
# The mean of the series would have to be fitted before the cutoff and grows stale when a product takes off. The mean of a
# window is known at the close of its last day and moves with the level.
# ```
#
# ```{exercise}
# :label: ex-head
# Replace the head by one that outputs the seven quantiles freely and count how many forecasts cross.
# ```
#
# ```{solution} ex-head
# :class: dropdown
# Return `raw` instead of `self.ordered(raw, seasonal)` and count negative differences along the last dimension. Crossing is
# rare where much data lies and common in the tails, just where stock decisions read them.
# ```
#
# ```{exercise}
# :label: ex-drift
# Give the quiet market a season (`QUIET | {"season": 0.4}`) and demand shocks that last (`"shock_sd": 0.25`). What happens to the bias of
# the censored likelihood, and which days cause it?
# ```
#
# ```{solution} ex-drift
# :class: dropdown
# It falls short of demand again, by less than sales do. The forecast is right on days in stock; it is too low on days
# without stock, because the shelf empties when demand is high, and a day without stock adds nothing to the loss.
# ```
#
# ## References
#
# LSTM {cite:p}`hochreiter1997`; several horizons and quantiles at once {cite:p}`wen2017`; scaling of each window and global models
# {cite:p}`salinas2020`; Adam {cite:p}`kingma2015`; gradient clipping {cite:p}`pascanu2013`.
