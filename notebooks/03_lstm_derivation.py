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
# - find where the seed article's chain rule goes wrong;
# - build the cell gate by gate, and its gradient through time, in NumPy;
# - check every number: by hand = autograd = finite differences, and one optimiser step = torch's;
# - see when a bidirectional LSTM is legitimate, and when an ARIMA beats any LSTM.
#
# *Prerequisites:* matrices, the chain rule. *Running time:* see the [status page](../book/status.md).

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from statsforecast import StatsForecast
from statsforecast.models import ARIMA, Naive

from salesforecast_lib.files import resolve, write_json
from salesforecast_lib.models.derivation import lstm as scratch
from salesforecast_lib.models.derivation.torch_twin import autograd_gradient, rolling_lstm_forecasts, torch_states
from salesforecast_lib.plots import use_book_style

use_book_style()

# %% tags=["parameters"]
run_dir: str = "runs/default"  # where the stages read and write
seed: int = 0  # of weights and simulated series

# %%
torch.set_num_threads(1)  # several threads collapse as soon as anything else runs
rng = np.random.default_rng(seed)

# %% [markdown]
# ## Windows and the map
#
# From a series $x_1,\dots,x_T$ a window of length $w$ ending at $t$ is forecast by a map $f_\theta$:
# $\hat y_t=f_\theta(x_{t-w+1},\dots,x_t)$, to be compared with what came next.

# %% tags=["nbval-check-output"]
windows = scratch.sliding_windows(np.arange(6.0), 3)
print(windows)
print("a view, not a copy:", np.shares_memory(windows, windows.base))

# %% [markdown]
# ## The loss, and a wrong chain rule
#
# With the squared error over $n$ windows,
#
# ```{math}
# :label: eq-squared-error
# L(\theta)=\frac1{2n}\sum_{t}\bigl(\hat y_t-y_t\bigr)^2,\qquad
# \frac{\partial L}{\partial\theta}=\frac1n\sum_t(\hat y_t-y_t)\,\frac{\partial\hat y_t}{\partial\theta}.
# ```
#
# The seed article writes the derivative of the loss as a product of factors in which the prediction is differentiated with
# respect to the *previous* prediction only. The parameters, however, act at every step of the window: for the recurrent
# state $h_t=\phi(\theta h_{t-1}+x_t)$ the total derivative is a **sum over all paths**,
#
# ```{math}
# :label: eq-bptt
# \frac{\mathrm dh_t}{\mathrm d\theta}=\sum_{k\le t}\Bigl(\prod_{j=k+1}^{t}\frac{\partial h_j}{\partial h_{j-1}}\Bigr)
# \frac{\partial^+h_k}{\partial\theta},
# ```
#
# where $\partial^+$ holds $h_{k-1}$ fixed. Keeping the last term alone is wrong as soon as the window has two steps. A
# scalar example shows by how much.

# %% tags=["nbval-check-output"]
theta, x = 0.8, np.array([1.0, -0.5, 0.3])
h, total, last_only = 0.0, 0.0, 0.0
for value in x:
    new = np.tanh(theta * h + value)
    last_only = (1 - new**2) * h  # the previous state taken as a constant
    total = (1 - new**2) * (h + theta * total)  # all paths
    h = new
states = [[0.0], [0.0]]
for j, moved in enumerate((theta + 1e-6, theta - 1e-6)):
    for value in x:
        states[j].append(np.tanh(moved * states[j][-1] + value))
numeric = (states[0][-1] - states[1][-1]) / 2e-6
print(f"finite differences {numeric:.6f}, all paths {total:.6f}, last step only {last_only:.6f}")
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
parameters = scratch.init_parameters(inputs, hidden, outputs, rng)
x = rng.normal(size=(steps, batch, inputs))
y = rng.normal(size=(batch, outputs))
for name, value in parameters.items():
    print(f"{name:12s} {value.shape}")
trace = scratch.lstm_forward(x, parameters)
print("gates", trace.i.shape, "states (one more in front)", trace.h.shape)

# %%
forward_error = np.abs(trace.h[1:] - torch_states(x, parameters)).max()
assert forward_error <= 1e-6

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
# The cell state has a road of its own: $\partial c_t/\partial c_{t-1}=f_t$, no squashing and no matrix. That is why an LSTM
# remembers where a simple recurrent network forgets.
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
# and $\partial L/\partial W=\sum_t\delta a_t x_t^\top$: the sum over steps that the article loses {cite:p}`werbos1990`.
# `scratch.backward` is these lines in NumPy. Three independent ways must agree.

# %% tags=["nbval-check-output"]
by_hand = scratch.backward(x, y, parameters)
auto_error = scratch.relative_error(by_hand, autograd_gradient(x, y, parameters))
numeric = scratch.finite_differences(lambda p: scratch.squared_error(x, y, p), parameters)
numeric_error = scratch.relative_error(by_hand, numeric)
assert auto_error <= 1e-6 and numeric_error <= 1e-6
print(f"by hand = autograd: {auto_error <= 1e-6}; by hand = finite differences: {numeric_error <= 1e-6}")

# %% [markdown]
# ### One step downhill
#
# SGD moves against the gradient; Adam divides by its running size, so that its first step is about the learning rate in every
# coordinate {cite:p}`kingma2015`.

# %% tags=["nbval-check-output"]
for name, step in (("SGD", scratch.sgd_step), ("Adam", scratch.adam_first_step)):
    leaves = [torch.tensor(value, requires_grad=True) for value in parameters.values()]
    for leaf, value in zip(leaves, by_hand.values(), strict=True):
        leaf.grad = torch.tensor(value)
    getattr(torch.optim, name)(leaves, lr=0.01).step()
    moved = step(parameters, by_hand, 0.01)
    same = all(np.allclose(leaf.detach(), value, atol=1e-9) for leaf, value in zip(leaves, moved.values(), strict=True))
    lower = scratch.squared_error(x, y, moved) < scratch.squared_error(x, y, parameters)
    assert same and lower
    print(f"{name}: equals torch {same}, loss falls {lower}")

# %% [markdown]
# ## Bidirectional: when is it legitimate?
#
# A second LSTM reads from right to left, and both states stand side by side {cite:p}`schuster1997`: $(T,B,2H)$. Inside the
# *history window* this is fine, every day of it is known. Run over history *and* horizon it reads the answer: change the last day
# and watch the state of the first.

# %% tags=["nbval-check-output"]
back = scratch.init_parameters(inputs, hidden, outputs, rng)
both = scratch.bidirectional(x, parameters, back)
changed = x.copy()
changed[-1] += 1.0  # a day of the horizon, unknown at the cutoff
leak = np.abs(scratch.bidirectional(changed, parameters, back) - both)[0]
print(both.shape)
print(f"the first state moves: forward half {leak[:, :hidden].max() > 0}, backward half {leak[:, hidden:].max() > 0}")
assert leak[:, :hidden].max() == 0 and leak[:, hidden:].max() > 0

# %% [markdown]
# ## ARIMA(1,1,1), as it really is
#
# The article's example mixes levels and differences. ARIMA(1,1,1) is an ARMA(1,1) of the *differences* {cite:p}`box2015`:
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
# In levels this is $x_t=(1+\phi)x_{t-1}-\phi x_{t-2}+\varepsilon_t+\theta\varepsilon_{t-1}$: the term $-\phi x_{t-2}$ is what a formula
# with one lagged level cannot have. We simulate it, and let three forecasters predict one step ahead over the last
# days: the naive forecast, an LSTM trained on all series' differences, and the ARIMA that knows its own form.

# %%
phi, theta, length, test = 0.6, 0.3, 400, 40
series = [scratch.simulate_arima111(phi, theta, length, rng) for _ in range(8)]
frame = pd.concat(
    [pd.DataFrame({"unique_id": str(k), "ds": np.arange(length), "y": values}) for k, values in enumerate(series)]
)

# %%
runner = StatsForecast([ARIMA(order=(1, 1, 1), alias="ARIMA"), Naive()], freq=1)
rolled = runner.cross_validation(df=frame, h=1, n_windows=test, step_size=1, refit=False)
lstm = rolling_lstm_forecasts(series, test, window=16, seed=seed)
truth = np.stack([values[-test:] for values in series])
errors = {
    "LSTM": np.abs(lstm - truth).mean(1),
    **{
        name: (rolled[name] - rolled["y"]).abs().groupby(rolled["unique_id"]).mean().to_numpy()
        for name in ("ARIMA", "Naive")
    },
}
table = pd.DataFrame(
    {
        "mean absolute error": {name: value.mean() for name, value in errors.items()},
        "spread over series": {name: value.std() for name, value in errors.items()},
    }
)
print(table.sort_values("mean absolute error").round(3).to_string())

# %%
winner = table["mean absolute error"].idxmin()
floor = np.sqrt(2 / np.pi)  # mean absolute value of the noise: nobody can be better on average
print(f"lowest error: {winner} ({table['mean absolute error'].min():.3f}); the noise alone costs {floor:.3f}")
print(
    f"LSTM is {100 * (table.loc['LSTM', 'mean absolute error'] / table.loc['ARIMA', 'mean absolute error'] - 1):.1f} % "
    "above ARIMA: the true model has two numbers to learn, the LSTM hundreds, and there is nothing else to find"
)

# %% mystnb={"figure": {"caption": "One-step forecasts of one simulated series.", "name": "fig-arima"}, "image": {"alt": "The simulated series over the test days with the one-step forecasts of ARIMA and LSTM, which nearly lie on each other and lag behind sudden moves."}}
fig, ax = plt.subplots()
ax.plot(truth[0], color="0.3", linestyle="-", label="simulated")
ax.plot(rolled.loc[rolled["unique_id"] == "0", "ARIMA"].to_numpy(), label="ARIMA")
ax.plot(lstm[0], label="LSTM")
ax.set(xlabel="test step", ylabel="value")
ax.legend()
plt.show()

# %%
_ = write_json(
    {
        "forward_error": float(forward_error),
        "gradient_error": max(auto_error, numeric_error),
        "arima": table["mean absolute error"].to_dict(),
        "winner": winner,
    },
    resolve(run_dir) / "derivation.json",
)

# %% [markdown]
# ## Summary
#
# - We cut windows as views and wrote forecast and loss.
# - We found that the article's chain rule loses all paths but the last.
# - We built the cell and its gradient through time in NumPy.
# - We met autograd, finite differences and torch's optimisers to the last digits that count.
# - We saw that a bidirectional LSTM may read the history only, and who wins where the truth is an ARIMA.
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
# or two, as {eq}`eq-lstm-backward` says: $\delta c_{t-1}=\delta c_t\odot f_t$.
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
