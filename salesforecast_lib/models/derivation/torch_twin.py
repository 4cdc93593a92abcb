"""Torch counterparts of `lstm`, to check it against and to race it (chapter 03)."""

from __future__ import annotations

import numpy as np
import torch

from salesforecast_lib.models.derivation.lstm import Parameters, sliding_windows

_CELL = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def _states(x: np.ndarray, weights: dict[str, torch.Tensor]) -> torch.Tensor:
    hidden, inputs = weights["weight_hh"].shape[1], weights["weight_ih"].shape[1]
    lstm = torch.nn.LSTM(inputs, hidden).double()
    named = {f"{name}_l0": weights[name] for name in _CELL}
    states, _ = torch.func.functional_call(lstm, named, (torch.tensor(x),))
    return states


def torch_states(x: np.ndarray, p: Parameters) -> np.ndarray:
    """States of `torch.nn.LSTM` with our parameters, (time, batch, hidden), float64."""
    return _states(x, {name: torch.tensor(p[name]) for name in _CELL}).numpy()


def autograd_gradient(x: np.ndarray, y: np.ndarray, p: Parameters) -> Parameters:
    """Gradient of `squared_error` by autograd."""
    leaves = {name: torch.tensor(value, requires_grad=True) for name, value in p.items()}
    forecast = _states(x, leaves)[-1] @ leaves["head_weight"].T + leaves["head_bias"]
    (0.5 * ((forecast - torch.tensor(y)) ** 2).sum() / len(y)).backward()
    return {name: leaf.grad.numpy() for name, leaf in leaves.items() if leaf.grad is not None}


def rolling_lstm_forecasts(
    series: list[np.ndarray], test: int, window: int, hidden: int = 16, epochs: int = 60, seed: int = 0
) -> np.ndarray:
    """One-step forecasts of the last ``test`` values of each series, (series, test).

    One LSTM learns the next *difference* from a window of differences of all series, on values before the test part;
    the scale is theirs as well.
    """
    torch.manual_seed(seed)
    steps = [np.diff(values) for values in series]
    scale = np.concatenate([d[:-test] for d in steps]).std()
    cut = [sliding_windows(d / scale, window + 1) for d in steps]
    train = torch.tensor(np.concatenate([w[:-test] for w in cut]), dtype=torch.float32)
    final = torch.tensor(np.concatenate([w[-test:] for w in cut]), dtype=torch.float32)
    lstm, head = torch.nn.LSTM(1, hidden, batch_first=True), torch.nn.Linear(hidden, 1)
    weights = [*lstm.parameters(), *head.parameters()]
    optimizer = torch.optim.Adam(weights, lr=0.01)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(epochs):
        for rows in torch.randperm(len(train), generator=generator).split(256):
            states, _ = lstm(train[rows, :-1, None])  # (batch, window, hidden)
            loss = torch.nn.functional.mse_loss(head(states[:, -1])[:, 0], train[rows, -1])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        moves = head(lstm(final[:, :-1, None])[0][:, -1])[:, 0].numpy().reshape(len(series), test) * scale
    return np.stack([values[-test - 1 : -1] for values in series]) + moves
