"""Demand behind sales: on days when the shelf ran empty, sales are only a lower bound (chapter 08)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from salesforecast_lib.data.marketplace.config import MarketplaceConfig
from salesforecast_lib.data.marketplace.simulate import simulate_marketplace


def mean_above(bound: np.ndarray, mean: np.ndarray, dispersion: float) -> np.ndarray:
    """E[D | D >= bound] of a negative binomial with variance ``mean + dispersion mean^2``; arrays broadcast.

    With size r = 1/d: k NB(k; r, p) = mean NB(k - 1; r + 1, p), so the sum over k >= s is a tail probability.
    """
    size = 1.0 / max(dispersion, 1e-6)
    p = size / (size + np.asarray(mean, float))
    tail = stats.nbinom.sf(np.asarray(bound) - 1, size, p)
    above = mean * stats.nbinom.sf(np.asarray(bound) - 2, size + 1, p)
    return np.where(tail > 1e-12, above / np.maximum(tail, 1e-12), np.maximum(bound, mean))


def censored_mean(
    sales: np.ndarray, censored: np.ndarray, dispersion: float = 0.2, shape: np.ndarray | None = None, steps: int = 60
) -> np.ndarray:
    """Mean demand by expectation maximisation: a censored day counts with what it was expected to be; (products,).

    Parameters
    ----------
    sales, censored : (products, periods); a censored period sold out, so that demand >= sales.
    dispersion : of demand around its mean, see `mean_above`.
    shape : (products, periods), known season or promotion factors with mean 1; without it demand is level.

    Source: Dempster, Laird and Rubin (1977); for stock-outs Vulcano, van Ryzin and Ratliff (2012).
    """
    sales, censored = np.asarray(sales, float), np.asarray(censored, bool)
    factor = np.ones_like(sales) if shape is None else np.asarray(shape, float)
    mean = np.maximum(sales.mean(axis=1), 0.05)
    for _ in range(steps):
        expected = mean_above(sales, np.maximum(mean[:, None] * factor, 1e-6), dispersion)
        new = np.where(censored, expected, sales).sum(axis=1) / factor.sum(axis=1)
        done = np.abs(new - mean).max() < 1e-4
        mean = np.maximum(new, 1e-6)
        if done:
            break
    return mean


def demand_estimates(sales: np.ndarray, censored: np.ndarray, dispersion: float = 0.2) -> dict[str, np.ndarray]:
    """Mean demand a period by three models, each (products,).

    *sales as demand* believes the till; *days in stock only* leaves sold-out days out, which keeps the days on which
    demand happened to be low; *censored likelihood* uses what they do say.
    """
    known = ~np.asarray(censored, bool)
    inside = np.where(known, sales, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    return {
        "sales as demand": np.asarray(sales, float).mean(axis=1),
        "days in stock only": inside,
        "censored likelihood": censored_mean(sales, censored, dispersion),
    }


def compare_estimates(estimates: dict[str, np.ndarray], truth: np.ndarray) -> pd.DataFrame:
    """``model, bias, error``: relative bias of total demand and mean absolute error over mean demand (truth known)."""
    total = truth.sum()
    rows = [(name, v.sum() / total - 1, np.abs(v - truth).sum() / total) for name, v in estimates.items()]
    return pd.DataFrame(rows, columns=["model", "bias", "error"])


def short_market(products: int = 40, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Four months of a simulated market that is short of stock: sales, true demand, sold out; (products, days) each."""
    config = MarketplaceConfig(products=products, days=120, units=20_000, customers=200, stock_cover=0.9, seed=seed)
    truth = simulate_marketplace(config).truth
    wide = truth.pivot(index="unique_id", columns="ds", values=["sales", "demand", "available"]).dropna()
    sales, demand = (wide[name].to_numpy(float) for name in ("sales", "demand"))
    return sales, demand, wide["available"].to_numpy() < 1
