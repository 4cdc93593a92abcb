"""Posterior draws by tempered sequential Monte Carlo, and the check that they are calibrated (chapter 11)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import logsumexp


def tempered_draws(
    log_likelihood: Callable[[np.ndarray], np.ndarray],
    dimension: int,
    rng: np.random.Generator,
    particles: int = 600,
    moves: int = 4,
    last_moves: int = 12,
) -> tuple[np.ndarray, float]:
    """Draws from ``prior x likelihood`` where the prior is standard normal, and the log evidence.

    Particles start as draws of the prior. The likelihood is switched on in steps ``L**t``, 0 < t <= 1, each as large as
    keeps half of the effective sample size; particles are resampled, then moved by random-walk Metropolis steps with
    the particles' own covariance (Del Moral, Doucet and Jasra, 2006). Several modes survive where a chain would get
    stuck in one.

    Parameters
    ----------
    log_likelihood : (n, dimension) -> (n,); may be -inf, not NaN.
    moves, last_moves : Metropolis steps at each temperature, and at the last one.

    Returns
    -------
    draws (particles, dimension), and the log of the marginal likelihood.

    Raises
    ------
    ValueError
        When no draw of the prior has a finite likelihood.
    """
    state = rng.standard_normal((particles, dimension))
    value = log_likelihood(state)
    if not np.isfinite(value).any():
        raise ValueError("no draw of the prior has a finite likelihood: check the data for zeros, gaps and infinities")
    temperature, evidence, scale = 0.0, 0.0, 2.38 / np.sqrt(dimension)
    while temperature < 1.0:
        step = _next_step(value, 1.0 - temperature)
        weight = step * value
        evidence += float(logsumexp(weight) - np.log(particles))
        temperature = 1.0 if step >= 1.0 - temperature else temperature + step
        chosen = _systematic(np.exp(weight - logsumexp(weight)), rng)
        state, value = state[chosen], value[chosen]
        for _ in range(last_moves if temperature == 1.0 else moves):
            spread = np.linalg.cholesky(np.cov(state.T).reshape(dimension, dimension) + 1e-9 * np.eye(dimension))
            proposal = state + scale * rng.standard_normal(state.shape) @ spread.T  # (particles, dimension)
            new = log_likelihood(proposal)
            change = temperature * (new - value) + ((state**2).sum(1) - (proposal**2).sum(1)) / 2
            accept = np.log(rng.random(particles)) < change
            state = np.where(accept[:, None], proposal, state)
            value = np.where(accept, new, value)
            scale *= np.exp(accept.mean() - 0.25)  # towards the best acceptance rate of a random walk
    return state, evidence


def _next_step(value: np.ndarray, longest: float) -> float:
    """Largest temperature step that keeps half of the effective sample size."""

    def sample_size(step: float) -> float:
        weight = step * (value - value.max())
        return float(np.exp(2 * logsumexp(weight) - logsumexp(2 * weight)))

    if sample_size(longest) >= 0.5 * len(value):
        return longest
    low, high = 0.0, longest
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if sample_size(middle) >= 0.5 * len(value) else (low, middle)
    return max(low, 1e-8)


def _systematic(weight: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Indices of a systematic resample."""
    places = (rng.random() + np.arange(len(weight))) / len(weight)
    return np.minimum(np.searchsorted(np.cumsum(weight), places), len(weight) - 1)


def rank_of_truth(draws: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Share of the draws below the truth, (draws, quantities) -> (quantities,).

    Over many data sets whose parameters come from the prior it is uniform if and only if the draws are right
    (simulation-based calibration; Talts et al., 2018).
    """
    return (draws < truth).mean(axis=0)
