"""Empirical Bayes: noisy estimates of many products pulled towards their category (chapter 13)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.panel_regression import between_variance

_PAIR = ["own", "cross"]


def shrink(table: pd.DataFrame, robust: float = 3.0, least_spread: tuple[float, float] = (0.25, 0.1)) -> pd.DataFrame:
    """Posterior of each product's own and cross elasticity under a normal prior of its category.

    The prior's mean is the category's precision-weighted mean; the spread between products is one for all categories,
    estimated by moments (DerSimonian and Laird 1986), and so is the spread between categories, towards whose common
    mean small categories are pulled. Own and cross are shrunk together with the covariance of their errors
    (Morris 1983).

    Parameters
    ----------
    table : ``unique_id, category, own, own_se, cross, cross_se, covariance``, as in `elasticity.Elasticities`.
    robust : for the prior only, estimates farther than this many of their own total deviations from the median are
        moved to that distance: one product with a broken estimate must not widen the prior of all.
    least_spread : least standard deviation of the true own and cross elasticities between products. Few or vague
        estimates often give a spread of zero, and with it intervals that claim all products to be alike.

    Returns
    -------
    DataFrame ``unique_id, category, own, own_sd, cross, cross_sd, covariance, prior_own, prior_cross``.
    """
    prior, unsure, spread = np.zeros((len(table), 2)), np.zeros((len(table), 2)), np.zeros(2)
    groups = table.groupby("category", sort=True).indices
    for k, name in enumerate(_PAIR):
        estimate = table[name].to_numpy(dtype="float64")
        variance = np.maximum(table[f"{name}_se"].to_numpy(dtype="float64") ** 2, 1e-12)
        if np.allclose(estimate, estimate[0]):
            prior[:, k] = estimate
            continue
        middle = float(np.median(estimate))
        scale = 1.4826 * float(np.median(np.abs(estimate - middle)))
        reach = robust * np.sqrt(scale**2 + variance)
        estimate = np.clip(estimate, middle - reach, middle + reach)
        spread[k] = max(between_variance(estimate, variance), least_spread[k] ** 2)
        weight = 1 / (spread[k] + variance)
        means = np.array([np.average(estimate[place], weights=weight[place]) for place in groups.values()])
        errors = np.array([1 / weight[place].sum() for place in groups.values()])
        grand = np.average(means, weights=1 / (between_variance(means, errors) + errors))
        pull = errors / (errors + max(between_variance(means, errors), 1e-12))
        for place, mean, share in zip(groups.values(), means, pull, strict=True):
            prior[place, k] = share * grand + (1 - share) * mean
            unsure[place, k] = (1 - share) ** 2 / weight[place].sum()
    rows = []
    tau = np.diag(np.maximum(spread, 1e-6))
    values = table[["own", "own_se", "cross", "cross_se", "covariance"]].to_numpy(dtype="float64")
    for (own, own_se, cross, cross_se, covariance), mean, doubt in zip(values, prior, unsure, strict=True):
        noise = np.array([[own_se**2, covariance], [covariance, cross_se**2]]) + 1e-9 * np.eye(2)
        gain = tau @ np.linalg.inv(tau + noise)  # (2, 2)
        centre = mean + gain @ (np.array([own, cross]) - mean)
        keep = np.eye(2) - gain
        cov = tau - gain @ tau + keep @ np.diag(doubt) @ keep.T  # the prior's mean is an estimate too
        rows.append((*centre, *np.sqrt(np.maximum(np.diag(cov), 0)), cov[0, 1], *mean))
    names = ["own", "cross", "own_sd", "cross_sd", "covariance", "prior_own", "prior_cross"]
    out = pd.DataFrame(rows, columns=names, index=table.index)
    return pd.concat([table[["unique_id", "category"]], out], axis=1)
