"""A world whose best forecast is known: a simulated ARIMA(1,1,1), and the noise that stays (chapter 03)."""

from __future__ import annotations

import numpy as np


def simulate_arima111(
    phi: float, theta: float, length: int, rng: np.random.Generator, sigma: float = 1.0
) -> np.ndarray:
    """ARIMA(1,1,1): the *differences* w follow ``w_t = phi w_{t-1} + e_t + theta e_{t-1}`` (Box et al. 2015).

    Raises ValueError when ``phi`` is not stationary.
    """
    if abs(phi) >= 1:
        raise ValueError(f"phi={phi}: expected between -1 and 1, else the differences are not stationary")
    burn = 200
    noise = rng.normal(0, sigma, length + burn)
    w = np.zeros(length + burn)
    for t in range(1, length + burn):
        w[t] = phi * w[t - 1] + noise[t] + theta * noise[t - 1]
    return np.cumsum(w[burn:])


def innovations(values: np.ndarray, phi: float, theta: float) -> np.ndarray:
    """One-step errors of somebody who knows ``phi`` and ``theta``: the noise of an ARIMA(1,1,1), (time - 1,).

    The noise before the series is unknown and taken as 0; what this costs shrinks by ``theta`` with each step.

    Parameters
    ----------
    values : (time,) levels.

    Raises
    ------
    ValueError
        When ``theta`` is not between -1 and 1: then the first unknown noise never fades.
    """
    if abs(theta) >= 1:
        raise ValueError(f"theta={theta}: expected between -1 and 1, else the noise cannot be recovered")
    w = np.diff(values)
    noise = np.zeros(len(w))
    for t in range(1, len(w)):
        noise[t] = w[t] - phi * w[t - 1] - theta * noise[t - 1]
    return noise
