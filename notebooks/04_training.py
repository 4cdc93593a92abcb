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
# - train window by window first, then all origins of a stretch in one pass (forking sequences);
# - train with early stopping, stop a run in the middle, and resume it to the same result;
# - store the model without pickle and forecast at every cutoff of the evaluation.
#
# *Prerequisites:* {ref}`ch-features`, {ref}`ch-lstm-derivation`. *Running time:* see the [status page](../book/status.md).

# %% tags=["hide-input"]
import shutil
import tempfile
from dataclasses import astuple, replace
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
import torch

from salesforecast_lib.data.features import load_features
from salesforecast_lib.data.calendar import cutoffs_within
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.files import read_json, resolve, write_parquet
from salesforecast_lib.models import forecaster, networks, training, windows
from salesforecast_lib.models.forecaster import stockouts
from salesforecast_lib.plots import figure_text, use_book_style

use_book_style()

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of weights, windows and dropout
cutoffs: int = 3  # rolling origins of the evaluation
window: int = 56  # periods of history that the network sees
encoder: str = "lstm"  # what reads the history, of networks.ENCODERS
head: str = "quantiles"  # what says the distribution, of networks.HEADS
forking: bool = True  # all origins of a stretch in one pass
hidden_size: int = 64  # of the encoder's state
embedding_size: int = 8  # of a category
num_layers: int = 1  # of the LSTM
dropout: float = 0.2  # share of decoder units switched off in training
optimizer: str = "adam"  # adam or sgd
learning_rate: float = 0.002  # at the start; falls along a cosine
weight_decay: float = 0.0001  # pull of the weights towards zero
batch_size: int = 256  # windows a step, when not forking
epoch_steps: int = 50  # gradient steps of an epoch
max_epochs: int = 20  # epochs at most
patience: int = 5  # epochs without improvement before stopping
clip: float = 1.0  # largest gradient norm
stride: int = 3  # periods between training windows, when not forking
stretches: int = 8  # stretches a step, when forking
steps: int = 256  # periods of the longest stretch, when forking
market_products: int = 60  # size of the simulated market whose demand is known
market_epochs: int = 10  # passes of the networks trained on it
device: str = "cpu"  # cpu or cuda

# %% tags=["hide-input"]
config = forecaster.NetworkConfig(
    window=window,
    hidden_size=hidden_size,
    embedding_size=embedding_size,
    num_layers=num_layers,
    dropout=dropout,
    optimizer=optimizer,
    learning_rate=learning_rate,
    weight_decay=weight_decay,
    batch_size=batch_size,
    stride=stride,
    encoder=encoder,
    head=head,
    forking=forking,
    steps=steps,
    stretches=stretches,
    training=training.TrainingConfig(
        max_epochs=max_epochs,
        epoch_steps=epoch_steps,
        patience=patience,
        clip=clip,
        seed=seed,
    ),
)

# %% tags=["hide-input"]
torch.set_num_threads(1)  # several threads collapse if anything else runs
table, meta = load_features(run_dir)
frame, horizon, freq = table.frame, meta["horizon"], meta["freq"]
season = check_freq(freq).cycle  # of weeks, the month: a window holds no year
ends = cutoffs_within(frame["ds"], freq, horizon, cutoffs)
ahead = pd.read_parquet(resolve(run_dir) / "ahead.parquet")

# %% [markdown]
# ## Split by time
#
# The network is trained once, before the first cutoff, and never sees a test day. Validation origins are the last ones
# whose horizon still ends by that cutoff, and training targets end before validation targets begin.

# %% tags=["nbval-check-output"]
step = pd.tseries.frequencies.to_offset(freq)
last = ends[0] - horizon * step  # origin whose horizon ends at the cutoff
validate = (last - (horizon - 1) * step, last)
train_last = validate[0] - horizon * step  # ends as validation begins
print("training origins   up to", train_last.date())
print("validation origins", *(day.date() for day in validate))
print("cutoffs of the test", *(end.date() for end in ends))
split = forecaster.split_by_time(ends[0], horizon, freq)
assert astuple(split) == (train_last, *validate)

# %% [markdown]
# From each cutoff of the test the next periods are forecast, as many as the horizon has.
#
# ## Windows by index
#
# All series lie one after another in a single tensor. A window is a row number: the batch is gathered when it is needed.
# Storing every window instead would repeat each day as many times as the window is long.

# %%
vocabulary = windows.Vocabulary.of(table)
tensor = windows.PanelTensor(
    frame, vocabulary, window, horizon, season, device
)
enough, every = window // 2, 1 if config.forks else None  # of history
rows = forecaster.choose_origins(
    tensor, ends[0], freq, enough, stride, every
)
train_rows, validation_rows = rows.train, rows.validation
if not rows.validated:
    print("too short for a validation horizon: every window trains")

# %% tags=["nbval-check-output"]
print(f"{len(train_rows)} windows, {len(validation_rows)} for validation")
day = vocabulary.input_size * 4 / 1e6  # MB of one series' day
copied = len(train_rows) * window * day
print(f"{len(frame) * day:.0f} MB of rows, {copied:.0f} MB as copied windows")

# %% tags=["nbval-check-output"]
batch = tensor.gather(torch.as_tensor(train_rows[:4]))
for name, value in vars(batch).items():
    print(f"{name:9s} {tuple(value.shape)}")

# %% [markdown]
# Each day is divided by the mean of the window that ends with it, and the target by that of the origin (`scale`), so that
# milk and saffron look alike to the network, and sums of money like units; the forecast is multiplied by it again. A day's
# inputs then do not depend on the origin that reads them. Series with less history than the window fill a part of it; nothing
# is invented. Where a shop was closed for nearly the whole window, the level at which it closed stays, and the day is no
# training origin: a mean of next to nothing would make the first sale a million levels. For the same reason a target counts
# as 50 levels at most.
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
architecture = forecaster.architecture_of(vocabulary, horizon, config)
torch.manual_seed(seed)
model = networks.SalesPredictor(**architecture)

# %% tags=["nbval-check-output"]
with torch.no_grad():
    quantiles = model(batch)  # (batch, horizon, quantiles)
assert (quantiles.diff(dim=2) >= 0).all() and (quantiles >= 0).all()
weights = sum(parameter.numel() for parameter in model.parameters())
print(f"forecast {tuple(quantiles.shape)}, {weights} weights")
median = quantiles[:, :, model.quantiles.index(0.5)]
average = batch.seasonal.clamp(min=0.02)
untrained = torch.allclose(median, average, rtol=0.01)
print("before training, the median is the seasonal average:", untrained)

# %% [markdown]
# ## The loop
#
# The loss is the pinball loss of each quantile {cite:p}`koenker1978`. Here is one epoch in its simplest form. The library's
# `train_model` adds validation, the schedule, logs and the checkpoint, and must give the same number. It adds up the loss and its
# gradients block by block in the processor's cache, so the last digits may differ.

# %%
small = windows.WindowLoader(
    tensor, train_rows[: 4 * batch_size], batch_size, seed
)
adam = training.make_optimizer("adam", model, learning_rate, weight_decay)
torch.manual_seed(seed * 1_000_003)  # the dropout masks of epoch 0
by_hand = 0.0
model.train()
for batch in small:
    weight = batch.weight * batch.scale**0.5
    scaled = (batch.target / batch.scale).clamp(max=windows.LARGEST)
    loss = networks.pinball_loss(
        model(batch), scaled, weight, model.quantiles
    )
    adam.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), clip)
    adam.step()
    by_hand += loss.item() / len(small)

# %% tags=["nbval-check-output"]
torch.manual_seed(seed)
twin = networks.SalesPredictor(**architecture)
adam = training.make_optimizer("adam", twin, learning_rate, weight_decay)
once = training.TrainingConfig(max_epochs=1, clip=clip, seed=seed)
log = training.train_model(twin, small, adam, config=once)
agree = abs(log.train[0] - by_hand) < 1e-4
assert agree or head != "quantiles"  # other heads minimise their likelihood
print("the loop by hand and train_model agree:", agree)

# %% [markdown]
# ## Forking: every day an origin
#
# Windows that overlap are a waste: run window by window, each day passes through the LSTM as many times as the window is
# long. A *forking* trainer {cite:p}`wen2017` runs a stretch of history through it once and takes a forecast and a loss at
# every step. The state at a step knows nothing later, so these are honest forecasts; and because a day's inputs do not
# depend on the origin, the loss is the same as that of windows which reach back to the start of the stretch.

# %% tags=["nbval-check-output"]
some = train_rows[:200]  # origins of the first few series
reach = int(some.max()) + 2  # periods: to the start of every stretch
loaders = [windows.WindowLoader(tensor, some, batch_size, steps=reach)]
if twin.causal:
    fork = windows.StretchLoader(tensor, some, stretches, steps=reach)
    loaders.append(fork)
losses = [training.evaluate(twin, loader) for loader in loaders]
same = max(losses) - min(losses) < 1e-4
assert same
print(f"a pass over each stretch has the loss of {len(some)} windows: {same}")

# %% [markdown]
# Window by window is the plain way and was shown first; one flag chooses it. Here both train the same network from the
# same weights. An epoch is a number of gradient steps and not a pass over the shop, so that a shop with few products is
# trained as long as one with many. The forking trainer gets half of the epochs that the network may take below, and windows a
# third of that, because one of their steps is the slower one.
# The validation loss is that of the same origins with the same window of history.

# %%
trainers = {"window by window": (False, max(max_epochs // 6, 1))}
if model.causal:
    trainers["forking"] = (True, max(max_epochs // 2, 1))
judge = validation_rows if rows.validated else train_rows
check = windows.WindowLoader(tensor, judge, 1024, shuffle=False)
origins, read, losses = {}, {}, {}
for name, (fork, epochs) in trainers.items():
    rows = forecaster.choose_origins(
        tensor, ends[0], freq, enough, stride, 1 if fork else None
    ).train
    choice = replace(config, forking=fork)
    loader = forecaster.make_loader(tensor, rows, choice, seed)
    torch.manual_seed(seed)
    trial = networks.SalesPredictor(**architecture)
    adam = training.make_optimizer(
        optimizer, trial, learning_rate, weight_decay
    )
    plan = replace(config.training, max_epochs=epochs)
    training.train_model(trial, loader, adam, device, config=plan)
    losses[name] = training.evaluate(trial, check)
    every_step = loader.batches(0, epochs * epoch_steps)
    read[name] = sum(int(part.length.sum()) for part in every_step)
    passes = epochs * epoch_steps / len(loader)
    origins[name] = round(passes * len(rows))

# %% tags=["nbval-check-output"]
for name in trainers:
    each = read[name] / origins[name]
    print(f"{name}: {origins[name]} origins, {each:.1f} encoder steps each")

# %%
pd.Series(losses, name="validation loss").round(3).to_frame()

# %% tags=["nbval-check-output"]
if len(losses) > 1:
    print(training.compare_losses(losses))

# %% [markdown]
# Forking reads each day about once, however many origins lie before it; the [speed page](../book/speed.md) has the clock's word on
# it. It also needs more origins, as neighbouring days of one product say nearly the same. Everything from here on is trained by
# forking, and so are the networks of the chapters after this one. An encoder that sees later steps (a bidirectional LSTM) or
# has no state at each step (the MLP) cannot fork; it is trained window by window whatever the flag says.

# %% [markdown]
# ## Training
#
# First with validation, to learn how many epochs are good; then once more with the validation months as training data, for
# just that many epochs. The weeks before the cutoff are the most telling ones, and it would be a pity not to learn
# from them. `fit_network` does both. It is given the whole table, and looks at no row after the cutoff.

# %%
folder = resolve(run_dir) / "model"
shutil.rmtree(folder / "tensorboard", ignore_errors=True)
fit = forecaster.fit_network(
    table,
    meta,
    ends[0],
    config,
    device=device,
    checkpoint=folder / "checkpoints",
    log_dir=folder / "tensorboard",
)
log = fit.search

# %%
pd.DataFrame(
    {"training": log.train, "validation": log.validation},
    index=pd.RangeIndex(1, len(log.train) + 1, name="epoch"),
).round(4).T

# %% tags=["nbval-check-output"]
print(training.describe_stop(log.validation, max_epochs))
best = log.best_loss == min(log.validation)
if fit.validated:
    again = len(fit.final.train) == log.best_epoch + 1
    print(f"kept the epoch with the lowest validation loss: {best}")
    print(f"trained again for as many epochs: {again}")

# %% mystnb={"figure": {"caption": "Pinball loss in each epoch (scaled units). The dotted line marks the epoch that was kept. The same curves are in the TensorBoard log of the run folder.", "name": "fig-loss"}, "image": {"alt": "Training loss falls with every epoch. Validation loss jumps up and down without falling for long and is lowest at the epoch that the dotted line marks."}}
fig, ax = plt.subplots()
passes = range(1, len(log.train) + 1)
ax.plot(passes, log.train, marker="o", label="training (with dropout)")
ax.plot(passes, log.validation, marker="s", label="validation")
ax.axvline(log.best_epoch + 1, color="0.3", linestyle=":")
ax.set(xlabel="epoch", ylabel="pinball loss")
ax.legend()
plt.show()

# %% [markdown]
# Validation origins are few, so their loss can jump from epoch to epoch. Which epoch is the best is therefore partly luck, and another
# processor may keep another one.
#
# ## Killed in the middle, resumed to the same result
#
# Windows and dropout masks depend on seed and epoch only, and the checkpoint holds weights and optimiser. So a run
# that stops after one epoch goes on as if nothing had happened. We show it on a few windows.

# %%
results = []
for stops in ([2], [1, 2]):  # undisturbed, and killed after one epoch
    checkpoint = Path(tempfile.mkdtemp())
    for stop in stops:
        torch.manual_seed(seed)
        twin = networks.SalesPredictor(**architecture)
        adam = training.make_optimizer(
            "adam", twin, learning_rate, weight_decay
        )
        short = replace(once, max_epochs=stop, schedule="constant")
        training.train_model(
            twin, small, adam, config=short, checkpoint=checkpoint
        )
    results.append(twin.state_dict())

# %% tags=["nbval-check-output"]
undisturbed, resumed = results
same = all(torch.equal(undisturbed[k], resumed[k]) for k in undisturbed)
assert same
print("weights of the resumed run equal those of the undisturbed run:", same)

# %% [markdown]
# ## Store and load
#
# Weights are safetensors, the rest is JSON that a person can read: columns, categories, cutoff, a fingerprint of the
# data, versions and losses. A pickle could run any code when it is loaded.

# %% tags=["nbval-check-output"]
forecaster.save_forecaster(fit.forecaster, folder)
for file in sorted(folder.glob("model.*")):
    print(file.name)
stored = read_json(folder / "model.json")
print(f"window {stored['window']}, horizon {stored['horizon']}")
print(f"trained on {stored['dataset']} up to {stored['cutoff']}")

# %% tags=["hide-input"]
forecaster.write_training_log(
    fit.search, fit.final, resolve(run_dir) / "training_log.json"
)
shutil.rmtree(folder / "checkpoints")  # complete: nothing is left to resume

# %% [markdown]
# ## Forecast at every cutoff, and from today
#
# At each cutoff the same network reads the history up to that evening and forecasts the horizon. Its weights stay those of the
# first cutoff; the peers of {ref}`ch-evaluation` are fitted anew at each, which favours them. The last origin is the end of
# the data: what comes after it is what the shop wants to know.

# %%
loaded = forecaster.load_forecaster(folder, device)
cutoffs_and_today = [*ends, frame["ds"].max()]
forecasts = forecaster.forecast_origins(
    loaded, frame, ahead, cutoffs_and_today
)
columns = [name for name in forecasts if name.startswith("q")]
forecasts[["unique_id", "ds", "cutoff", "mean", *columns[::3]]].head(3).round(1)

# %% tags=["hide-input"]
_ = write_parquet(forecasts, resolve(run_dir) / "lstm_forecasts.parquet")

# %% tags=["nbval-check-output"]
values = forecasts[columns]
assert (values.diff(axis=1).iloc[:, 1:] >= 0).all(axis=None)
assert (values >= 0).all(axis=None)
series, origins = forecasts[["unique_id", "cutoff"]].nunique()
print(f"{len(forecasts)} forecasts: {series} series at {origins} origins")
print(forecasts["y"].isna().sum(), "of them for periods after the data")

# %% tags=["nbval-check-output"]
again = forecaster.forecast_origins(fit.forecaster, frame, ahead, ends[-1:])
before = forecasts[forecasts["cutoff"] == ends[-1]].reset_index(drop=True)
print("the stored model repeats the forecast:", again.equals(before))

# %% mystnb={"figure": {"caption": "Forecast of the largest series at the last cutoff: median, 50 % and 90 % interval.", "name": "fig-forecast"}, "image": {"alt": "Line chart of the last history and the forecast horizon of one series: the median follows the weekly rhythm and most observations lie inside the ninety percent band."}}
name = frame.groupby("unique_id")["y"].sum().idxmax()
shown = before[before["unique_id"] == name]
past = frame[frame["unique_id"] == name].tail(4 * horizon)
fig, ax = plt.subplots()
ax.plot(past["ds"], past["y"], color="0.3", linestyle="-", label="observed")
ax.plot(shown["ds"], shown["q0.5"], label="median")
for low, high, alpha, label in (
    ("q0.05", "q0.95", 0.2, "90 %"),
    ("q0.25", "q0.75", 0.3, "50 %"),
):
    ax.fill_between(
        shown["ds"], shown[low], shown[high], alpha=alpha, label=label
    )
ax.set(xlabel="period", ylabel="units", title=figure_text(name))
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
truth = stockouts.short_market(market_products, seed)
columns = ["unique_id", "ds", "sales", "available", "demand"]
truth.loc[truth["available"] < 1, columns].head(3).round(2)

# %% tags=["nbval-check-output"]
out = (truth["available"] < 1).mean()
served = truth["sales"].sum() / truth["demand"].sum()
print(f"{out:.0%} of days sold out; sales are {served:.0%} of demand")

# %%
available = truth["available"]  # share of the day with stock
told = {  # what the network hears about each day
    "sales as demand": available * 0 + 1,
    "days in stock only": (available >= 1).astype(float),
    "censored likelihood": available,
}
bias = {}
for name, heard in told.items():
    censored = name == "censored likelihood"
    bias[name] = stockouts.demand_bias(
        truth, heard, censored, market_epochs, seed
    )

# %%
pd.Series(bias, name="bias of demand").map("{:+.0%}".format).to_frame()

# %% tags=["nbval-check-output"]
assert list(bias.values()) == sorted(bias.values())
for name, share in bias.items():
    print(f"{name}: misses demand by more than 10 %: {abs(share) > 0.1}")

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
# Give the market a season and demand shocks that last: `stockouts.short_market(60, season=0.4, shock_sd=0.25)`. What happens to the bias of
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
