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
# (ch-lstm-derivation)=
# # The LSTM, derived by hand
#
# A network that decides about stock should not be a black box. This chapter answers: **what does an LSTM compute, and how does
# it learn?** In it we will
#
# - cut a series into windows and write the forecast as a map $f$ with a squared-error loss;
# - check the seed article's chain rule factor by factor;
# - build the cell gate by gate, and its gradient through time, in NumPy;
# - check every number: by hand = autograd = finite differences, and one optimiser step = torch's;
# - see when a bidirectional LSTM is legitimate, and how an LSTM does where an ARIMA is the truth.
#
# *Prerequisites:* matrices, the chain rule. *Running time:* see the [status page](../book/status.md).

# %% tags=["hide-input"]
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from salesforecast_lib.files import resolve, write_json
from salesforecast_lib.models import derivation
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% tags=["parameters", "hide-input"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of weights and simulated series

# %% tags=["hide-input"]
torch.set_num_threads(1)  # several threads collapse if anything else runs
rng = np.random.default_rng(seed)

# %% [markdown]
# ## Windows and the map
#
# From a series $x_1,\dots,x_T$ a window of length $w$ ending at $t$ is forecast by a map $f_\theta$:
# $\hat y_t=f_\theta(x_{t-w+1},\dots,x_t)$, to be compared with what came next.

# %% tags=["nbval-check-output"]
windows = derivation.sliding_windows(np.arange(6.0), 3)
print(windows)
print("a view, not a copy:", np.shares_memory(windows, windows.base))

# %% [markdown]
# Each row is one window. The next value of the series is what its forecast is compared with.
#
# ## The loss, and two errors that cancel
#
# With the squared error over $n$ windows,
#
# ```{math}
# :label: eq-squared-error
# L(\theta)=\frac1{2n}\sum_{t}\bigl(\hat y_t-y_t\bigr)^2,\qquad
# \frac{\partial L}{\partial\theta}=\frac1n\sum_t(\hat y_t-y_t)\,\frac{\partial\hat y_t}{\partial\theta}.
# ```
#
# The seed article takes another way to this gradient. With $L_t=\tfrac12(y_t-\hat y_t)^2$ it writes three factors,
#
# ```{math}
# :label: eq-article-chain
# \frac{\partial L_t}{\partial y_t}\,\frac{\partial y_t}{\partial\hat y_t}\,\frac{\partial\hat y_t}{\partial\theta},
# ```
#
# and says that the first is $-(y_t-\hat y_t)$ and the second is 1. Both are wrong. The derivative of the loss in $y_t$ is
# $+(y_t-\hat y_t)$. And $y_t$ is data: no forecast moves it, so the second factor is 0. We hold the factors against numbers.

# %% tags=["nbval-check-output"]
sold, forecast, nudge = 3.0, 2.5, 1e-6


def loss(y, y_hat):
    """Squared error of one forecast."""
    return 0.5 * (y - y_hat) ** 2


in_y = (loss(sold + nudge, forecast) - loss(sold, forecast)) / nudge
in_y_hat = (loss(sold, forecast + nudge) - loss(sold, forecast)) / nudge
article = -(sold - forecast)
print(f"in y:     {in_y:+.3f}, the article's factor  {article:+.3f}")
print(f"in y hat: {in_y_hat:+.3f}, the article's product {article:+.3f}")

# %% [markdown]
# The two errors cancel. The product that the article arrives at, $-(y_t-\hat y_t)\,\partial\hat y_t/\partial\theta$, is the gradient
# of {eq}`eq-squared-error`. The right way to it has two factors, $\partial L_t/\partial\hat y_t$ and $\partial\hat y_t/\partial\theta$.
#
# ## All paths count
#
# The article leaves the last factor to "backpropagation". It is the hard one, because the parameters act at every step of
# the window. For the recurrent state $h_t=\phi(\theta h_{t-1}+x_t)$ the total derivative is a **sum over all paths**,
#
# ```{math}
# :label: eq-bptt
# \frac{\mathrm dh_t}{\mathrm d\theta}=\sum_{k\le t}\Bigl(\prod_{j=k+1}^{t}\frac{\partial h_j}{\partial h_{j-1}}\Bigr)
# \frac{\partial^+h_k}{\partial\theta},
# ```
#
# where $\partial^+$ holds $h_{k-1}$ fixed. A scalar example shows what is lost by who keeps the last term alone.


# %%
def last_state(theta, x):
    """State after the last input, and its derivative in theta, two ways."""
    h, all_paths, last_only = 0.0, 0.0, 0.0
    for value in x:
        new = np.tanh(theta * h + value)
        last_only = (1 - new**2) * h  # the previous state held fixed
        all_paths = (1 - new**2) * (h + theta * all_paths)
        h = new
    return h, all_paths, last_only


# %% tags=["nbval-check-output"]
theta, x = 0.8, [1.0, -0.5, 0.3]
_, total, last_only = last_state(theta, x)
up, down = last_state(theta + 1e-6, x)[0], last_state(theta - 1e-6, x)[0]
numeric = (up - down) / 2e-6
print(f"finite differences {numeric:.6f}")
print(f"all paths          {total:.6f}")
print(f"last step only     {last_only:.6f}")
assert abs(total - numeric) < 1e-8 and abs(last_only - numeric) > 1e-2

# %% [markdown]
# ## The cell, gate by gate
#
# For a batch of $B$ windows, $D$ inputs and $H$ hidden units, step $t$ computes {cite:p}`hochreiter1997,graves2005`
#
# ```{math}
# :label: eq-lstm
# \begin{aligned}
# i_t&=\sigma(W_ix_t+U_ih_{t-1}+b_i), & f_t&=\sigma(W_fx_t+U_fh_{t-1}+b_f),\\
# g_t&=\tanh(W_gx_t+U_gh_{t-1}+b_g), & o_t&=\sigma(W_ox_t+U_oh_{t-1}+b_o),\\
# c_t&=f_t\odot c_{t-1}+i_t\odot g_t, & h_t&=o_t\odot\tanh(c_t).
# \end{aligned}
# ```
#
# The four gates share one matrix product: the rows of $W\in\mathbb R^{4H\times D}$ and $U\in\mathbb R^{4H\times H}$ are stacked.

# %% tags=["nbval-check-output"]
steps, batch, inputs, hidden, outputs = 12, 4, 3, 5, 2
parameters = derivation.init_parameters(inputs, hidden, outputs, rng)
x = rng.normal(size=(steps, batch, inputs))
y = rng.normal(size=(batch, outputs))
for name, value in parameters.items():
    print(f"{name:12s} {value.shape}")

# %% tags=["nbval-check-output"]
trace = derivation.lstm_forward(x, parameters)
print("gates", trace.i.shape, "states (one more in front)", trace.h.shape)

# %% tags=["nbval-check-output"]
theirs = derivation.torch_states(x, parameters)  # (time, batch, hidden)
forward_error = np.abs(trace.h[1:] - theirs).max()
assert forward_error <= 1e-6
print("the states are those of torch.nn.LSTM:", forward_error <= 1e-6)

# %% mystnb={"figure": {"caption": "Gates and cell state of one hidden unit over time.", "name": "fig-gates"}, "image": {"alt": "Lines over twelve steps: input, forget and output gates stay between zero and one, the cell state adds up the candidates that the gates let in."}}
fig, ax = plt.subplots()
for name, values in {
    "input gate": trace.i,
    "forget gate": trace.f,
    "output gate": trace.o,
    "cell state": trace.c[1:],
}.items():
    ax.plot(values[:, 0, 0], label=name)
ax.set(xlabel="step", ylabel="activation")
ax.legend(ncols=2)
plt.show()

# %% [markdown]
# The cell state has a road of its own. On the direct path from one step to the next its derivative is $f_t$: no squashing and no
# matrix stand in the way, and a gate near 1 lets the gradient through almost whole. It is not the only path. $c_{t-1}$ also
# moves $h_{t-1}$, and this moves all four gates through $U$:
#
# ```{math}
# :label: eq-cell-paths
# \frac{\mathrm dc_t}{\mathrm dc_{t-1}}=\underbrace{\operatorname{diag}(f_t)}_{\text{direct path}}
# +\underbrace{\frac{\partial c_t}{\partial h_{t-1}}\,\frac{\partial h_{t-1}}{\partial c_{t-1}}}_{\text{through the gates}}.
# ```
#
# A simple recurrent network has only paths of the second kind, and forgets where an LSTM can remember.
#
# ## Backpropagation through time
#
# Walk back from the loss. With $\delta h_t,\delta c_t$ for the derivatives of the loss,
#
# ```{math}
# :label: eq-lstm-backward
# \begin{aligned}
# \delta c_t &\mathrel{+}= \delta h_t\odot o_t\odot(1-\tanh^2c_t),\\
# \delta a_i&=\delta c_t\odot g_t\odot i_t(1-i_t), \quad \delta a_f=\delta c_t\odot c_{t-1}\odot f_t(1-f_t),\\
# \delta a_g&=\delta c_t\odot i_t\odot(1-g_t^2), \quad \delta a_o=\delta h_t\odot\tanh(c_t)\odot o_t(1-o_t),\\
# \delta h_{t-1}&=U^\top\delta a, \qquad \delta c_{t-1}=\delta c_t\odot f_t,
# \end{aligned}
# ```
#
# and $\partial L/\partial W=\sum_t\delta a_t x_t^\top$: a sum over steps again {cite:p}`werbos1990`. Both paths of {eq}`eq-cell-paths` are
# here: $\delta c_{t-1}$ begins with the direct one, and $\delta h_{t-1}$ adds the other at the next step back.
# `derivation.backward` is these lines in NumPy. Three independent ways must agree.

# %% tags=["nbval-check-output"]
by_hand = derivation.backward(x, y, parameters)
automatic = derivation.autograd_gradient(x, y, parameters)
numeric = derivation.finite_differences(
    lambda p: derivation.squared_error(x, y, p), parameters
)
auto_error = derivation.relative_error(by_hand, automatic)
numeric_error = derivation.relative_error(by_hand, numeric)
print("by hand = autograd:", auto_error <= 1e-6)
print("by hand = finite differences:", numeric_error <= 1e-6)
assert max(auto_error, numeric_error) <= 1e-6

# %% [markdown]
# ### One step downhill
#
# SGD moves against the gradient; Adam divides by its running size, so that its first step is about the learning rate in every
# coordinate {cite:p}`kingma2015`.

# %%
def torch_step(name, values, gradient, rate):
    """Parameters after one step of torch's optimiser of that name."""
    leaves = {k: torch.tensor(v, requires_grad=True) for k, v in values.items()}
    for key, leaf in leaves.items():
        leaf.grad = torch.tensor(gradient[key])
    getattr(torch.optim, name)(leaves.values(), lr=rate).step()
    return {key: leaf.detach().numpy() for key, leaf in leaves.items()}


# %% tags=["nbval-check-output"]
steps = {"SGD": derivation.sgd_step, "Adam": derivation.adam_first_step}
before = derivation.squared_error(x, y, parameters)
for name, step in steps.items():
    moved = step(parameters, by_hand, 0.01)
    theirs = torch_step(name, parameters, by_hand, 0.01)
    same = all(np.allclose(theirs[k], moved[k], atol=1e-9) for k in moved)
    lower = derivation.squared_error(x, y, moved) < before
    assert same and lower
    print(f"{name}: equals torch {same}, loss falls {lower}")

# %% [markdown]
# ## Bidirectional: when is it legitimate?
#
# A second LSTM reads from right to left, and both states stand side by side {cite:p}`schuster1997`: $(T,B,2H)$. Inside the
# *history window* this is fine, every day of it is known. Run over history *and* horizon it reads the answer: change the last day
# and watch the state of the first.

# %% tags=["nbval-check-output"]
back = derivation.init_parameters(inputs, hidden, outputs, rng)
both = derivation.bidirectional(x, parameters, back)
changed = x.copy()
changed[-1] += 1.0  # a day of the horizon, unknown at the cutoff
other = derivation.bidirectional(changed, parameters, back)
leak = np.abs(other - both)[0]  # of the first state, (batch, 2 hidden)
ahead, behind = leak[:, :hidden].max(), leak[:, hidden:].max()
print(both.shape)
print(f"first state moves: forward {ahead > 0}, backward {behind > 0}")
assert ahead == 0 and behind > 0

# %% [markdown]
# ## ARIMA(1,1,1), as it really is
#
# ARIMA(1,1,1) is an ARMA(1,1) of the *differences* {cite:p}`box2015`:
#
# ```{math}
# :label: eq-arima
# \begin{aligned}
# &(1-\phi B)(1-B)\,x_t=(1+\theta B)\,\varepsilon_t \\
# \Longleftrightarrow\quad &
# w_t=x_t-x_{t-1},\quad w_t=\phi w_{t-1}+\varepsilon_t+\theta\varepsilon_{t-1}.
# \end{aligned}
# ```
#
# The article gives the name to $x_t=\alpha+\beta x_{t-1}+\gamma(x_{t-1}-x_{t-2})+\varepsilon_t$. With $\alpha=0$, $\beta=1$ and
# $\gamma=\phi$ this is $w_t=\phi w_{t-1}+\varepsilon_t$, an ARIMA(1,1,0). Two things lack. The moving-average term
# $\theta\varepsilon_{t-1}$ is not there. And $\beta$ is free: with another value than 1 the levels are not integrated at all.
#
# We simulate {eq}`eq-arima`, and let three forecasters predict one step ahead over the last days: the naive forecast, an LSTM
# trained on all series' differences, and the ARIMA that knows its own form.

# %%
phi, theta, length, test, count = 0.6, 0.3, 400, 40, 8
series = [
    derivation.simulate_arima111(phi, theta, length, rng) for _ in range(count)
]
frame = pd.DataFrame(
    {
        "unique_id": np.repeat([str(k) for k in range(count)], length),
        "ds": np.tile(np.arange(length), count),
        "y": np.concatenate(series),
    }
)
frame.tail(3)

# %% tags=["hide-input"]
from statsforecast import StatsForecast
from statsforecast.models import ARIMA, Naive

# %%
models = [ARIMA(order=(1, 1, 1), alias="ARIMA"), Naive()]
rolled = StatsForecast(models, freq=1).cross_validation(
    df=frame, h=1, n_windows=test, step_size=1, refit=False
)
forecasts = {
    name: rolled[name].to_numpy().reshape(count, test)
    for name in ("ARIMA", "Naive")
}
forecasts["LSTM"] = derivation.rolling_lstm_forecasts(
    series, test, window=16, hidden=16, seed=seed
)

# %% [markdown]
# How low can an error be? Who knows $\phi$ and $\theta$ misses by $\varepsilon_t$ and nothing else. Over many steps that is
# $\sqrt{2/\pi}$ on average for noise of variance 1. These test steps are few, and their own noise may be smaller or larger. So the
# floor is the noise of *these* steps, which {eq}`eq-arima`, solved for $\varepsilon_t$, gives back.

# %%
truth = np.stack([values[-test:] for values in series])  # (series, test)
noise = np.stack(
    [derivation.innovations(v, phi, theta)[-test:] for v in series]
)
errors = {
    name: np.abs(forecast - truth).mean(1)
    for name, forecast in forecasts.items()
}
errors["noise alone"] = np.abs(noise).mean(1)

# %%
each = pd.DataFrame(errors)  # one row a series
table = pd.DataFrame(
    {
        "mean absolute error": each.mean(),
        "spread over series": each.std(ddof=0),
    }
).sort_values("mean absolute error")
table.round(3)

# %% tags=["nbval-check-output"]
mean = table["mean absolute error"]
floor = mean["noise alone"]
long_run = np.sqrt(2 / np.pi)
print(f"noise: {floor:.3f} on these steps, {long_run:.3f} in the long run")
for name in mean.drop("noise alone").index:
    above = 100 * (mean[name] / floor - 1)
    print(f"{name}: {mean[name]:.3f}, {above:.1f} % above that noise")

# %% tags=["nbval-check-output"]
winner = mean.drop("noise alone").idxmin()
wins = int((errors["ARIMA"] < errors["LSTM"]).sum())
weights = derivation.init_parameters(1, 16, 1, np.random.default_rng(seed))
learnt = sum(value.size for value in weights.values())
print(f"lowest error: {winner}")
print(f"ARIMA is closer than the LSTM in {wins} of {count} series")
print(f"numbers to learn: ARIMA 2, LSTM {learnt:,}")

# %% [markdown]
# The simulated world holds nothing beyond the two numbers of the ARIMA. An LSTM has to find them with many more weights, and all
# it can reach is the same floor. This says nothing about sales, which follow no ARIMA.

# %% mystnb={"figure": {"caption": "One-step forecasts of one simulated series.", "name": "fig-arima"}, "image": {"alt": "The simulated series over the test days with the one-step forecasts of ARIMA and LSTM, which nearly lie on each other and lag behind sudden moves."}}
fig, ax = plt.subplots()
ax.plot(truth[0], color="0.3", linestyle="-", label="simulated")
for name in ("ARIMA", "LSTM"):
    ax.plot(forecasts[name][0], label=name)
ax.set(xlabel="test step", ylabel="value")
ax.legend()
plt.show()

# %% tags=["hide-input"]
_ = write_json(
    {
        "forward_error": float(forward_error),
        "gradient_error": max(auto_error, numeric_error),
        "arima": mean.drop("noise alone").to_dict(),
        "winner": winner,
    },
    resolve(run_dir) / "derivation.json",
)

# %% [markdown]
# ## Summary
#
# - We cut windows as views and wrote forecast and loss.
# - We found two wrong factors in the article's chain rule, which cancel, and saw that the hard factor is a sum over all paths.
# - We built the cell and its gradient through time in NumPy.
# - We met autograd, finite differences and torch's optimisers to the last digits that count.
# - We saw that a bidirectional LSTM may read the history only, and how near to the noise ARIMA and LSTM come where the truth is an
#   ARIMA(1,1,1). The article's formula of that name is an ARIMA(1,1,0) with a free coefficient.
#
# ## Exercises
#
# ```{exercise}
# :label: ex-forget
# Set the bias of the forget gate to 5 and to -5. How does $\partial h_T/\partial x_1$ change with the window's length?
# ```
#
# ```{solution} ex-forget
# :class: dropdown
# With $f\approx1$ the cell keeps what came in and the derivative hardly decays; with $f\approx0$ it vanishes after a step
# or two, as the direct path of {eq}`eq-cell-paths` says.
# ```
#
# ```{exercise}
# :label: ex-arima
# Simulate with a level shift in the middle. Does ARIMA still win?
# ```
#
# ```{solution} ex-arima
# :class: dropdown
# Differencing turns the shift into one outlier, so ARIMA suffers little. Non-linear structure, such as a weekend that matters only
# in summer, is where the LSTM earns its parameters.
# ```
#
# ## References
#
# {cite:t}`hochreiter1997`, {cite:t}`werbos1990`, {cite:t}`kingma2015`, {cite:t}`schuster1997`, {cite:t}`box2015`.
