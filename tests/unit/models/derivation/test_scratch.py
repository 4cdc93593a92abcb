"""The hand-made LSTM equals torch's, in values, gradients and steps."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from salesforecast_lib.models.derivation import lstm as scratch


@pytest.fixture
def problem():
    rng = np.random.default_rng(0)
    p = scratch.init_parameters(3, 5, 2, rng)
    return rng.normal(size=(7, 4, 3)), rng.normal(size=(4, 2)), p


def torch_lstm(p, bidirectional=None):
    hidden, inputs = p["weight_hh"].shape[1], p["weight_ih"].shape[1]
    lstm = torch.nn.LSTM(inputs, hidden, bidirectional=bidirectional is not None).double()
    with torch.no_grad():
        for suffix, source in (("", p), ("_reverse", bidirectional)):
            for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh") if source is not None else ():
                getattr(lstm, f"{name}_l0{suffix}").copy_(torch.tensor(source[name]))
    return lstm


def autograd(x, y, p):
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in p.items()}
    lstm = torch.nn.LSTM(3, 5).double()
    weights = {f"{name}_l0": leaves[name] for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")}
    states, _ = torch.func.functional_call(lstm, weights, (torch.tensor(x),))
    forecast = states[-1] @ leaves["head_weight"].T + leaves["head_bias"]
    (0.5 * ((forecast - torch.tensor(y)) ** 2).sum() / len(y)).backward()
    return {name: leaf.grad.numpy() for name, leaf in leaves.items()}


def test_forward_equals_torch(problem):
    x, _, p = problem
    states, _ = torch_lstm(p)(torch.tensor(x))
    assert np.abs(scratch.lstm_forward(x, p).h[1:] - states.detach().numpy()).max() <= 1e-6


def test_bidirectional_forward_equals_torch(problem):
    x, _, p = problem
    back = scratch.init_parameters(3, 5, 2, np.random.default_rng(1))
    states, _ = torch_lstm(p, back)(torch.tensor(x))
    assert np.abs(scratch.bidirectional(x, p, back) - states.detach().numpy()).max() <= 1e-6


def test_hand_gradient_equals_autograd_and_finite_differences(problem):
    x, y, p = problem
    by_hand = scratch.backward(x, y, p)
    assert scratch.relative_error(by_hand, autograd(x, y, p)) <= 1e-6
    numeric = scratch.finite_differences(lambda q: scratch.squared_error(x, y, q), p)
    assert scratch.relative_error(by_hand, numeric) <= 1e-6


@pytest.mark.parametrize("name", ["sgd", "adam"])
def test_one_step_equals_torch(problem, name):
    x, y, p = problem
    grad = scratch.backward(x, y, p)
    leaves = [torch.tensor(value, requires_grad=True) for value in p.values()]
    for leaf, value in zip(leaves, grad.values(), strict=True):
        leaf.grad = torch.tensor(value)
    optimizer = torch.optim.SGD(leaves, lr=0.1) if name == "sgd" else torch.optim.Adam(leaves, lr=0.1)
    optimizer.step()
    step = scratch.sgd_step if name == "sgd" else scratch.adam_first_step
    for leaf, value in zip(leaves, step(p, grad, 0.1).values(), strict=True):
        assert np.abs(leaf.detach().numpy() - value).max() <= 1e-9


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 60), st.integers(1, 60))
def test_windows_are_views_of_the_series(length, window):
    series = np.arange(float(length))
    if window > length:
        with pytest.raises(ValueError, match="window="):
            scratch.sliding_windows(series, window)
        return
    windows = scratch.sliding_windows(series, window)
    assert windows.shape == (length - window + 1, window) and np.shares_memory(windows, series)
    assert (windows[:, 0] == series[: len(windows)]).all() and (windows[:, -1] == series[window - 1 :]).all()
