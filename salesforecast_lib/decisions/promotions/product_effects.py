"""Effects of each product, drawn towards those of all: the normal hierarchy behind promotion plans (chapter 12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.panel_regression import within
from salesforecast_lib.decisions.promotions.effects import PromotionWeeks


@dataclass(frozen=True)
class ProductEffects:
    """Each product's effects: ``mean`` (products, effects), ``covariance`` (products, effects, effects)."""

    ids: tuple[str, ...]
    names: tuple[str, ...]
    mean: np.ndarray
    covariance: np.ndarray


def hierarchy_step(
    precision: np.ndarray, load: np.ndarray, centre: np.ndarray, omega: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """One step of expectation maximisation for theta_i ~ N(centre, omega) with normal information on each.

    Parameters
    ----------
    precision, load : (products, k, k) and (products, k): the data say theta_i ~ N(precision^-1 load, precision^-1);
        zero where they say nothing.

    Returns
    -------
    Posterior means (products, k) and covariances (products, k, k), new centre (k,) and omega (k, k).
    """
    prior = np.linalg.inv(omega)
    spread = np.linalg.inv(precision + prior)
    theta = np.einsum("pij,pj->pi", spread, load + prior @ centre)
    centre = theta.mean(0)
    omega = np.einsum("pi,pj->ij", theta - centre, theta - centre) / len(theta) + spread.mean(0)
    return theta, spread, centre, omega


def product_effects(weeks: PromotionWeeks, names: Sequence[str], rounds: int = 100) -> ProductEffects:
    """Effects of ``names`` on relative sales for every product, each drawn towards the mean of all.

    Product and week levels are taken away over all products; the product's own weeks then say as much as their number
    and noise allow. How much products differ is estimated with them (empirical Bayes).
    """
    rows = weeks.table[[*names, "relative", "unique_id", "week"]].dropna()
    product, ids = pd.factorize(rows["unique_id"])
    flat = within(rows[[*names, "relative"]].to_numpy(float), product, pd.factorize(rows["week"])[0])
    x, y = flat[:, :-1], flat[:, -1]
    centre = np.linalg.lstsq(x, y, rcond=None)[0]
    number, size = len(ids), np.bincount(product)
    gram = np.zeros((number, len(names), len(names)))
    moment = np.zeros((number, len(names)))
    np.add.at(gram, product, x[:, :, None] * x[:, None, :])
    np.add.at(moment, product, x * y[:, None])
    omega = np.diag(np.maximum(centre**2, 0.01))
    theta = np.tile(centre, (number, 1))
    for _ in range(rounds):
        rest = (y - (x * theta[product]).sum(1)) ** 2
        noise = np.maximum(np.bincount(product, rest) / np.maximum(size - len(names) - 1, 1), 1e-8)
        new, spread, centre, omega = hierarchy_step(gram / noise[:, None, None], moment / noise[:, None], centre, omega)
        omega += 1e-10 * np.eye(len(names))
        done = np.abs(new - theta).max() < 1e-5
        theta = new
        if done:
            break
    return ProductEffects(tuple(ids), tuple(names), theta, spread)
