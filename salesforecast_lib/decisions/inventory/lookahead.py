"""One-step look-ahead: the order that costs least on the sample paths of demand, with sales lost when stock is out."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr, ndtri

MOST_SKEW = 2.0  # beyond it the expansion of a quantile says nothing any more


def stock_before(paths: np.ndarray, on_hand: np.ndarray, arrivals: np.ndarray, lost: bool = True) -> np.ndarray:
    """Stock left when a new order can arrive, on every path; (samples, products).

    ``paths`` is (samples, products, periods); ``arrivals`` (products, lead) comes in before the demand of the period;
    unmet demand is ``lost``, so that a shortage today leaves no debt: this is why the stock position is not enough; or
    it waits, and the stock may be negative.
    """
    stock = np.broadcast_to(np.asarray(on_hand, float), paths.shape[:2])
    for t in range(arrivals.shape[1]):
        stock = stock + arrivals[:, t] - paths[:, :, t]
        stock = np.maximum(stock, 0.0) if lost else stock
    return stock


def lookahead_order(
    paths: np.ndarray,
    on_hand: np.ndarray,
    arrivals: np.ndarray,
    underage: float,
    overage: float,
    whole: bool = True,
    lost: bool = True,
) -> np.ndarray:
    """Order of least expected cost over the periods between its arrival and the arrival of the next order.

    Parameters
    ----------
    paths : (samples, products, lead + review), demand in units; the order arrives before the demand of period ``lead``.
    on_hand : (products,), stock now; ``arrivals`` (products, lead), goods on the way by the period they come in.
    underage, overage : money per unit lost (or, not ``lost``, per unit and period owed), and per unit and period in
        stock.

    Returns
    -------
    (products,), units. With stock I when the order arrives and cumulative demand C_k in its periods, expected cost is
    convex in the order q and its slope is ``overage sum_k P(C_k - I <= q) - underage P(C_R - I > q)``, with a sum
    over k in the last term too where unmet demand waits; the smallest whole q with slope >= 0 is found by halving.
    For one period it is the newsvendor's quantile of C - I.
    """
    lead = arrivals.shape[1]
    if paths.ndim != 3 or paths.shape[2] <= lead or paths.shape[1:2] != np.shape(on_hand):
        raise ValueError(f"paths {paths.shape}: expected (samples, {np.shape(on_hand)} products, more than {lead})")
    if not (underage > 0 and overage > 0):
        raise ValueError(f"underage={underage!r}, overage={overage!r}: expected numbers above zero")
    need = paths[:, :, lead:].cumsum(axis=2) - stock_before(paths, on_hand, arrivals, lost)[:, :, None]
    if paths.shape[2] == lead + 1:
        ratio = underage / (underage + overage)
        order = np.quantile(need[:, :, 0], ratio, axis=0, method="inverted_cdf")
        return np.maximum(np.ceil(order - 1e-9) if whole else order, 0.0)
    low, high = np.full(paths.shape[1], -1.0), np.ceil(np.maximum(need.max(axis=(0, 2)), 0.0))
    step = 1.0 if whole else 1e-3
    while (high - low > step).any():
        middle = np.floor((low + high) / 2) if whole else (low + high) / 2
        below = need <= middle[:, None] + 1e-9  # (samples, products, review)
        share = below.mean(axis=0)  # (products, review)
        short = 1 - share[:, -1] if lost else (1 - share).sum(axis=1)
        slope = overage * share.sum(axis=1) - underage * short
        low, high = np.where(slope < 0, middle, low), np.where(slope < 0, high, middle)
    return np.maximum(high, 0.0)


def moment_order(
    mean: np.ndarray,
    dispersion: np.ndarray,
    on_hand: np.ndarray,
    arrivals: np.ndarray,
    underage: float,
    overage: float,
) -> np.ndarray:
    """Order of least expected cost in the one period in which it first sells, from moments instead of sample paths.

    Free of the noise that a few hundred paths leave in their quantile.

    Parameters
    ----------
    mean : (products, lead + 1), units a period, of demand that is drawn apart in each period.
    dispersion : (products,), d in ``variance = mean + d mean^2``.
    on_hand : (products,), stock now; ``arrivals`` (products, lead), goods on the way by the period they come in.
    underage, overage : money per unit lost, and per unit left over.

    Returns
    -------
    (products,), whole units: the quantile ``underage / (underage + overage)`` of demand less the stock left, rounded.
    What is left after a period is a normal variable cut at zero, as unmet demand is lost; the quantile is the normal
    one with the skewness of demand (Cornish and Fisher 1938).

    Raises ValueError when shapes do not fit or a cost is not above zero.
    """
    lead = arrivals.shape[1]
    if mean.shape != (len(on_hand), lead + 1) or dispersion.shape != (len(on_hand),):
        raise ValueError(
            f"mean {mean.shape}, dispersion {dispersion.shape}: expected {(len(on_hand), lead + 1)} and "
            f"{(len(on_hand),)}, a row a product and a period more than arrivals {arrivals.shape}"
        )
    if not (underage > 0 and overage > 0):
        raise ValueError(f"underage={underage!r}, overage={overage!r}: expected numbers above zero")
    spread = mean + dispersion[:, None] * mean**2  # (products, lead + 1), variance
    left, variance = np.asarray(on_hand, float), np.zeros(len(on_hand))
    for t in range(lead):
        left, variance = _cut_at_zero(left + arrivals[:, t] - mean[:, t], variance + spread[:, t])
    last = mean[:, lead]
    total = np.maximum(spread[:, lead] + variance, 1e-9)
    third = last + 3 * dispersion * last**2 + 2 * dispersion**2 * last**3  # of a Poisson count with a gamma rate
    z = ndtri(underage / (underage + overage))
    score = z + (z**2 - 1) / 6 * np.minimum(third / total**1.5, MOST_SKEW)
    return np.maximum(np.floor(last - left + np.sqrt(total) * score + 0.5), 0.0)


def _cut_at_zero(mean: np.ndarray, variance: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and variance of ``max(X, 0)`` of a normal X."""
    deviation = np.sqrt(np.maximum(variance, 1e-9))
    chance = ndtr(mean / deviation)
    density = np.exp(-((mean / deviation) ** 2) / 2) / np.sqrt(2 * np.pi)
    first = mean * chance + deviation * density
    second = (mean**2 + variance) * chance + mean * deviation * density
    return first, np.maximum(second - first**2, 0.0)


def path_cost(
    paths: np.ndarray,
    on_hand: np.ndarray,
    arrivals: np.ndarray,
    order: np.ndarray,
    underage: np.ndarray | float,
    overage: np.ndarray | float,
) -> np.ndarray:
    """Expected cost (money) of ``order`` over the same periods as in `lookahead_order`; (products,).

    Costs are per unit, one number or (products,).
    """
    lead = arrivals.shape[1]
    stock = stock_before(paths, on_hand, arrivals) + order
    cost = np.zeros(paths.shape[:2])
    for t in range(lead, paths.shape[2]):
        lost = np.maximum(paths[:, :, t] - stock, 0.0)
        stock = np.maximum(stock - paths[:, :, t], 0.0)
        cost += overage * stock + underage * lost
    return cost.mean(axis=0)
