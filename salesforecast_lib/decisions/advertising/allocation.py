"""A budget over channels by marginal return, and what it is expected to gain (chapter 11)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize

from salesforecast_lib.decisions.advertising.response import ChannelFit


@dataclass(frozen=True)
class Allocation:
    """Spend a period and channel, (channels,).

    ``marginal`` is the contribution of the last unit of money; equal in all channels that are neither at zero nor at
    their limit. ``gain`` (draws,) is the contribution a period against the present spend, one value a posterior draw.
    """

    spend: np.ndarray
    marginal: np.ndarray
    gain: np.ndarray


def allocate(
    fit: ChannelFit,
    budget: float,
    base_sales: float,
    margin: float,
    limit: np.ndarray,
    present: np.ndarray,
    steps: int = 200,
    fixed: np.ndarray | None = None,
) -> Allocation:
    """Steady spend of each channel that maximises the expected contribution of ``budget`` a period.

    Steady spend x has adstock x / (1 - decay). The curve of a channel is averaged over the posterior; with slopes above
    1 it is S-shaped, where equal marginal returns can be a minimum, so the budget is first shared out on a grid
    by dynamic programming (exact on the grid) and then refined where marginal returns can be made equal.

    Parameters
    ----------
    base_sales : sales a period without advertising; ``margin`` is the contribution of a unit of sales, 0 to 1.
    limit : (channels,) highest spend a period that the data support.
    present : (channels,) spend a period that the gain is counted against.
    fixed : (channels,) a given split, only to be valued.

    Raises
    ------
    ValueError
        When the budget is not positive or exceeds the sum of the limits.
    """
    if not 0 < budget <= limit.sum() * (1 + 1e-9):
        raise ValueError(f"budget={budget}: expected above 0 and at most the sum of the limits, {limit.sum():.2f}")
    if not 0 < margin <= 1:
        raise ValueError(f"margin={margin}: expected a share above 0, at most 1")
    spend = _refine(fit, _on_grid(fit, budget, limit, steps), budget, limit) if fixed is None else fixed
    worth = base_sales * margin
    return Allocation(spend, worth * marginal_gain(fit, spend), worth * _difference(fit, spend, present))


def expected_gain(fit: ChannelFit, spend: np.ndarray) -> np.ndarray:
    """Posterior mean of each channel's relative gain at steady spend (channels, levels) -> (channels, levels)."""
    return fit.steady(spend).mean(axis=0)


def marginal_gain(fit: ChannelFit, spend: np.ndarray) -> np.ndarray:
    """Derivative of the expected relative gain in the spend, (channels,)."""
    stock = spend / (1 - fit.decay)  # (draws, channels)
    power = (np.maximum(stock, 1e-12) / fit.half) ** fit.slope
    slope = fit.lift * fit.slope * power / (1 + power) ** 2 / np.maximum(spend, 1e-12)
    return np.where(spend > 0, slope, slope * 0).mean(axis=0)


def _difference(fit: ChannelFit, spend: np.ndarray, present: np.ndarray) -> np.ndarray:
    both = fit.steady(np.column_stack([spend, present])).sum(axis=1)  # (draws, 2)
    return both[:, 0] - both[:, 1]


def _on_grid(fit: ChannelFit, budget: float, limit: np.ndarray, steps: int) -> np.ndarray:
    """Best split of the budget into ``steps`` equal parts: one channel after the other, best of all shares."""
    levels = np.linspace(0, budget, steps + 1)
    gain = expected_gain(fit, np.tile(levels, (len(limit), 1)))  # (channels, levels)
    gain = np.where(levels <= limit[:, None] * (1 + 1e-9), gain, -np.inf)
    best, choices = gain[0], []
    for channel in range(1, len(limit)):
        place = np.arange(steps + 1)
        rest = place[:, None] - place[None, :]  # parts left for the channels before
        value = np.where(rest >= 0, best[np.maximum(rest, 0)] + gain[channel][None, :], -np.inf)
        choices.append(value.argmax(axis=1))
        best = value.max(axis=1)
    shares, left = [], steps
    for choice in reversed(choices):
        shares.append(int(choice[left]))
        left -= shares[-1]
    return levels[[left, *reversed(shares)]]


def _refine(fit: ChannelFit, start: np.ndarray, budget: float, limit: np.ndarray) -> np.ndarray:
    """Equal marginal returns near the best split of the grid; keeps the start where nothing better is found."""
    scale = max(float(expected_gain(fit, start[:, None]).sum()), 1e-12)
    part = budget / 100

    def cost(share: np.ndarray) -> tuple[float, np.ndarray]:
        spend = np.clip(share, 0, None) * part
        gain = expected_gain(fit, spend[:, None]).sum()
        return -float(gain) / scale, -marginal_gain(fit, spend) * part / scale

    result = minimize(
        cost,
        np.minimum(start, limit) / part,
        jac=True,
        method="SLSQP",
        bounds=[(0, float(top)) for top in limit / part],
        constraints={"type": "eq", "fun": lambda share: share.sum() - 100, "jac": lambda share: np.ones_like(share)},
        options={"ftol": 1e-12, "maxiter": 200},
    )
    found = np.clip(result.x * part, 0, limit)
    exact = abs(found.sum() - budget) < 1e-6 * budget
    better = exact and -cost(found / part)[0] >= -cost(start / part)[0]
    return found if better else start
