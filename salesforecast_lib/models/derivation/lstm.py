"""The LSTM in NumPy: forward, backpropagation through time, one optimiser step (chapter 03).

Gate order and parameter shapes are torch's: rows ``i, f, g, o``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

Parameters = dict[str, np.ndarray]


def sliding_windows(series: np.ndarray, window: int) -> np.ndarray:
    """All windows of a series, (time - window + 1, window), as a view: no value is copied.

    Raises ValueError when the series is shorter than the window.
    """
    series = np.asarray(series)
    if series.ndim != 1 or not 1 <= window <= len(series):
        raise ValueError(f"window={window}: expected 1 to {len(series)}, the length of the series")
    return np.lib.stride_tricks.sliding_window_view(series, window)


def sigmoid(x: np.ndarray) -> np.ndarray:
    """Logistic function, stable for large negative values."""
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def init_parameters(inputs: int, hidden: int, outputs: int, rng: np.random.Generator) -> Parameters:
    """Uniform weights within 1/sqrt(hidden), as torch initialises them."""
    bound = 1 / np.sqrt(hidden)
    shapes = {
        "weight_ih": (4 * hidden, inputs),
        "weight_hh": (4 * hidden, hidden),
        "bias_ih": (4 * hidden,),
        "bias_hh": (4 * hidden,),
        "head_weight": (outputs, hidden),
        "head_bias": (outputs,),
    }
    return {name: rng.uniform(-bound, bound, shape) for name, shape in shapes.items()}


@dataclass(frozen=True)
class Trace:
    """Everything the backward pass needs; arrays are (time, batch, hidden), states have one more step in front."""

    x: np.ndarray
    i: np.ndarray
    f: np.ndarray
    g: np.ndarray
    o: np.ndarray
    c: np.ndarray
    h: np.ndarray


def lstm_forward(x: np.ndarray, p: Parameters) -> Trace:
    """Run the cell over time (Hochreiter & Schmidhuber 1997, with forget gate).

    Parameters
    ----------
    x : (time, batch, inputs).
    """
    steps, batch, _ = x.shape
    hidden = p["weight_hh"].shape[1]
    gates = [np.zeros((steps, batch, hidden)) for _ in range(4)]
    c, h = np.zeros((steps + 1, batch, hidden)), np.zeros((steps + 1, batch, hidden))
    for t in range(steps):
        a = x[t] @ p["weight_ih"].T + p["bias_ih"] + h[t] @ p["weight_hh"].T + p["bias_hh"]  # (batch, 4 hidden)
        ai, af, ag, ao = np.split(a, 4, axis=1)
        i, f, g, o = sigmoid(ai), sigmoid(af), np.tanh(ag), sigmoid(ao)
        c[t + 1] = f * c[t] + i * g
        h[t + 1] = o * np.tanh(c[t + 1])
        for store, value in zip(gates, (i, f, g, o), strict=True):
            store[t] = value
    i_gate, f_gate, g_gate, o_gate = gates
    return Trace(x, i_gate, f_gate, g_gate, o_gate, c, h)


def predict(x: np.ndarray, p: Parameters) -> tuple[np.ndarray, Trace]:
    """Linear head on the last state: ``(batch, outputs)`` and the trace."""
    trace = lstm_forward(x, p)
    return trace.h[-1] @ p["head_weight"].T + p["head_bias"], trace


def squared_error(x: np.ndarray, y: np.ndarray, p: Parameters) -> float:
    """Half the mean over the batch of the summed squared errors."""
    return float(0.5 * ((predict(x, p)[0] - y) ** 2).sum() / len(y))


def backward(x: np.ndarray, y: np.ndarray, p: Parameters) -> Parameters:
    """Gradient of `squared_error` by backpropagation through time (Werbos 1990), by hand."""
    forecast, s = predict(x, p)
    delta = (forecast - y) / len(y)  # (batch, outputs)
    grad = {name: np.zeros_like(value) for name, value in p.items()}
    grad["head_weight"], grad["head_bias"] = delta.T @ s.h[-1], delta.sum(0)
    dh, dc = delta @ p["head_weight"], np.zeros_like(s.c[0])  # (batch, hidden)
    for t in reversed(range(len(x))):
        squashed = np.tanh(s.c[t + 1])
        dc = dc + dh * s.o[t] * (1 - squashed**2)
        da = np.concatenate(
            [
                dc * s.g[t] * s.i[t] * (1 - s.i[t]),
                dc * s.c[t] * s.f[t] * (1 - s.f[t]),
                dc * s.i[t] * (1 - s.g[t] ** 2),
                dh * squashed * s.o[t] * (1 - s.o[t]),
            ],
            axis=1,
        )  # (batch, 4 hidden)
        grad["weight_ih"] += da.T @ x[t]
        grad["weight_hh"] += da.T @ s.h[t]
        grad["bias_ih"] += da.sum(0)
        grad["bias_hh"] += da.sum(0)
        dh, dc = da @ p["weight_hh"], dc * s.f[t]
    return grad


def finite_differences(loss: Callable[[Parameters], float], p: Parameters, step: float = 1e-6) -> Parameters:
    """Central differences of ``loss`` in every parameter: slow, and independent of any derivation."""
    grad = {}
    for name, value in p.items():
        grad[name] = np.zeros_like(value)
        for place in np.ndindex(value.shape):
            moved = []
            for sign in (1, -1):
                other = value.copy()
                other[place] += sign * step
                moved.append(loss({**p, name: other}))
            grad[name][place] = (moved[0] - moved[1]) / (2 * step)
    return grad


def relative_error(a: Parameters, b: Parameters) -> float:
    """Largest over the parameters of ``|a - b| / max(|a|, |b|)`` in the Euclidean norm."""
    norm = {name: max(float(np.linalg.norm(a[name])), float(np.linalg.norm(b[name])), 1e-12) for name in a}
    return max(float(np.linalg.norm(a[name] - b[name])) / norm[name] for name in a)


def sgd_step(p: Parameters, grad: Parameters, rate: float) -> Parameters:
    """One step of stochastic gradient descent."""
    return {name: value - rate * grad[name] for name, value in p.items()}


def adam_first_step(
    p: Parameters, grad: Parameters, rate: float, betas: tuple[float, float] = (0.9, 0.999), epsilon: float = 1e-8
) -> Parameters:
    """First step of Adam (Kingma & Ba 2015), with bias correction."""
    moved = {}
    for name, value in p.items():
        m = (1 - betas[0]) * grad[name] / (1 - betas[0])
        v = (1 - betas[1]) * grad[name] ** 2 / (1 - betas[1])
        moved[name] = value - rate * m / (np.sqrt(v) + epsilon)
    return moved


def bidirectional(x: np.ndarray, forward: Parameters, back: Parameters) -> np.ndarray:
    """States of both directions side by side, (time, batch, 2 hidden) (Schuster & Paliwal 1997)."""
    return np.concatenate([lstm_forward(x, forward).h[1:], lstm_forward(x[::-1], back).h[1:][::-1]], axis=2)
