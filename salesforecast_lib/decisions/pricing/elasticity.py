"""How demand answers to prices: naive, fixed effects, and double machine learning with instruments (chapter 13).

Model of product i in period t: ``log q = e_i log p + c_i log P + g_i(controls) + u``, with ``P`` the index of the
rivals' prices. ``e_i`` is the own elasticity, ``c_i`` the cross elasticity with respect to the rivals together. Prices
answer to ``u``, so instruments Z have to move them. Double machine learning (Chernozhukov et al. 2018) takes out of
log q, the prices and Z what the controls predict, out of fold, and then solves

``b_i = (Zhat_i' T_i)^-1 Zhat_i' y_i``,  Zhat = Z times the first stage,

with one first stage for all products: a product's own would chase noise and pull the estimate back to least squares.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

import numpy as np
import pandas as pd
from econml.dml import LinearDML
from econml.iv.dml import OrthoIV
from scipy.stats import t as student
from sklearn.model_selection import GroupKFold

from salesforecast_lib.decisions.panel_regression import clustered, within
from salesforecast_lib.decisions.pricing.data import PriceData
from salesforecast_lib.decisions.pricing.nuisance import Boosting, ByProduct

TREATMENTS = ("log_price", "rival_price")
Learner = Literal["ridge", "boosting"]


@dataclass(frozen=True)
class Elasticities:
    """Estimates by product and their mean.

    Parameters
    ----------
    table : ``unique_id, category, own, own_se, cross, cross_se, covariance`` (of own and cross), ``periods``, and
        ``weight`` (share of the information on the own price that the instruments give; sales play no part in it).
    mean, mean_se : own elasticity averaged with these weights, and its standard error.
    freedom : degrees of freedom of the intervals (number of clusters - 1).
    first_stage_f : F statistic of the instruments on the own price, robust to clusters; infinite without instruments.
    """

    method: str
    table: pd.DataFrame
    mean: float
    mean_se: float
    freedom: int
    first_stage_f: float = np.inf

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Interval of the mean own elasticity, from Student's t."""
        half = float(student.ppf((1 + level) / 2, self.freedom)) * self.mean_se
        return self.mean - half, self.mean + half


def naive_loglog(data: PriceData) -> Elasticities:
    """Slope of log units on log price of each product, as a spreadsheet gives it; confounded prices bias it."""
    table = data.table
    centred = table[["log_units", *TREATMENTS]] - table.groupby("unique_id")[["log_units", *TREATMENTS]].transform(
        "mean"
    )
    y, prices = centred["log_units"].to_numpy(), centred[[TREATMENTS[0]]].to_numpy()
    return _solve("naive log-log", data, y, prices, prices)


def fixed_effects(data: PriceData) -> Elasticities:
    """One own and one cross elasticity for all, with product and period effects (two-way within estimator).

    Standard errors are clustered by product (Arellano 1987); every row of the table carries the common estimate.
    """
    table = data.table
    columns = ["log_units", *TREATMENTS, *data.controls]
    product, period = pd.factorize(table["unique_id"])[0], pd.factorize(table["ds"])[0]
    values = within(table[columns].to_numpy(dtype="float64"), product, period)
    y, X = values[:, 0], values[:, 1:]
    X = X[:, (np.abs(X) > 1e-8).any(0)]  # the calendar's columns are absorbed by the period effects
    slope = np.linalg.pinv(X.T @ X) @ (X.T @ y)
    cov = clustered(X, y - X @ slope, product)
    estimates = data.products[["unique_id", "category", "periods"]].assign(
        own=slope[0], own_se=np.sqrt(cov[0, 0]), cross=slope[1], cross_se=np.sqrt(cov[1, 1]), covariance=cov[0, 1]
    )
    estimates["weight"] = estimates["periods"] / estimates["periods"].sum()
    freedom = max(int(product.max()), 1)
    return Elasticities("fixed effects", estimates, float(slope[0]), float(np.sqrt(cov[0, 0])), freedom)


def double_ml(
    data: PriceData, *, instruments: bool = True, learner: Learner = "ridge", folds: int = 8, seed: int = 0
) -> Elasticities:
    """Double machine learning by econml: with instruments its `OrthoIV`, without them `LinearDML`.

    econml cross-fits the residuals (folds are whole four-week blocks, so that a fold is not predicted from its
    neighbours); the last stage is by product, its intervals clustered by block over all products, see `_solve`.

    Parameters
    ----------
    learner : what predicts from the controls: ridge regressions by product, or boosted trees after them.

    Raises
    ------
    ValueError
        When instruments are asked for and the data have none, or there are fewer blocks than folds.
    """
    table = data.table
    if instruments and not data.instruments:
        raise ValueError("instruments=True: the price data have no instruments; name one, or pass instruments=False")
    if table["block"].nunique() < max(folds, 2):
        raise ValueError(f"{table['block'].nunique()} four-week blocks for folds={folds}: expected at least as many")
    y = table["log_units"].to_numpy()
    # Where no product has rivals, their column is zero: econml would fail (with instruments) or warn (without).
    treatments = [name for name in TREATMENTS if table[name].any()]
    prices = table[treatments].to_numpy()
    controls = np.column_stack([pd.factorize(table["unique_id"])[0], table[list(data.controls)].to_numpy()])
    model = ByProduct() if learner == "ridge" else Boosting(seed=seed)
    blocks = table["block"].to_numpy()
    order = np.random.default_rng(seed).permutation(blocks.max() + 1)
    splits = list(GroupKFold(folds).split(y, groups=order[blocks]))
    if instruments:
        Z = table[[name for name in data.instruments if table[name].any()]].to_numpy()
        fit = OrthoIV(model_y_xw=model, model_t_xw=model, model_z_xw=model, cv=splits, random_state=seed)
        fit.fit(y, prices, Z=Z, W=controls, cache_values=True, inference=None)
        y_left, T_left, Z_left, _, W, _ = fit.residuals_
    else:
        fit = LinearDML(model_y=model, model_t=model, cv=splits, random_state=seed)
        fit.fit(y, prices, W=controls, cache_values=True, inference=None)
        y_left, T_left, _, W = fit.residuals_
        Z_left = T_left
    if not np.array_equal(W, controls):
        raise RuntimeError("econml returned its residuals in another order")
    name = "double ML with instruments" if instruments else "double ML"
    y_left, T_left = _project(controls, y_left.reshape(-1)), _project(controls, T_left.reshape(len(y), -1))
    Z_left = _project(controls, Z_left.reshape(len(y), -1)) if instruments else T_left
    return _solve(name, data, y_left, T_left, Z_left, controls[:, 1:])


def _project(controls: np.ndarray, left: np.ndarray) -> np.ndarray:
    """Residuals without what is still linear in a product's controls.

    Costs move slowly: out of fold, their residuals keep a trend by chance, and so do those of sales. In long samples
    the product of two such errors vanishes; with two years of data it does not, and it is the same error in all blocks,
    so that the intervals would not see it.
    """
    return left - ByProduct(1e-8).fit(controls, left).predict(controls)


def _solve(
    method: str, data: PriceData, y: np.ndarray, T: np.ndarray, Z: np.ndarray, controls: np.ndarray | None = None
) -> Elasticities:
    """Instrumental regression product by product with a common first stage; ``controls`` stay in, linearly.

    Standard errors leave out one four-week block at a time (delete-a-cluster jackknife, MacKinnon, Nielsen and Webb
    2023): of the product for its own estimate, of all products at once for the mean, because advertising and the season
    move all of them in the same weeks and a shock lasts for days. The coefficients of the controls are estimated anew
    without the block: costs are slow, so what the season takes from them matters. The sandwich is too narrow here.
    ``y`` (rows,), ``T`` (rows, prices), ``Z`` (rows, instruments), ``controls`` (rows, controls).
    """
    table = data.table
    stage = np.linalg.lstsq(Z, T, rcond=None)[0]
    fitted = Z @ stage  # (rows, prices)
    blocks, names = pd.factorize(table["block"], sort=True)
    size, prices = len(names), T.shape[1]
    rows, without, weights = [], [], []
    for unique_id, place in table.groupby("unique_id", sort=True).indices.items():
        extra = np.ones((len(place), 1))
        if controls is not None:
            scale = np.maximum(controls[place].std(0), 1e-12)
            extra = np.column_stack([extra, (controls[place] - controls[place].mean(0)) / scale])
        left, right = np.hstack([fitted[place], extra]), np.hstack([T[place], extra])  # (rows, prices + controls)
        gram, target = np.zeros((size, left.shape[1], left.shape[1])), np.zeros((size, left.shape[1]))
        for block in np.unique(blocks[place]):
            inside = blocks[place] == block
            gram[block], target[block] = left[inside].T @ right[inside], left[inside].T @ y[place][inside]
        slope = (np.linalg.pinv(gram.sum(0), rcond=1e-10) @ target.sum(0))[:prices]
        less = (
            np.linalg.pinv(gram.sum(0) - gram, rcond=1e-10) @ (target.sum(0) - target)[:, :, None]
        )  # (blocks, all, 1)
        moved = less[:, :prices, 0] - slope  # zero for blocks in which the product was not on sale
        count = len(np.unique(blocks[place]))
        cov = (count - 1) / count * moved.T @ moved
        without.append(moved[:, 0])
        cross = (slope[1], np.sqrt(cov[1, 1]), cov[0, 1]) if prices > 1 else (0.0, 0.0, 0.0)
        rows.append((unique_id, slope[0], np.sqrt(cov[0, 0]), *cross, len(place)))
        moves = fitted[place].T @ fitted[place]
        rest = moves[0, 1:] @ np.linalg.pinv(moves[1:, 1:]) @ moves[1:, 0] if prices > 1 else 0.0
        weights.append(max(moves[0, 0] - rest, 0.0))
    columns = ["unique_id", "own", "own_se", "cross", "cross_se", "covariance", "periods"]
    estimates = pd.DataFrame(rows, columns=columns)
    category = data.products.set_index("unique_id")["category"]
    estimates.insert(1, "category", estimates["unique_id"].map(category))
    estimates["weight"] = np.array(weights) / np.sum(weights)
    mean_se = float(np.sqrt((size - 1) / size * ((estimates["weight"].to_numpy() @ np.array(without)) ** 2).sum()))
    strength = np.inf if Z is T else _first_stage_f(T[:, 0], Z, blocks)
    freedom = max(size - 1, 1)
    return Elasticities(method, estimates, float(estimates["weight"] @ estimates["own"]), mean_se, freedom, strength)


def _first_stage_f(price: np.ndarray, Z: np.ndarray, blocks: np.ndarray) -> float:
    """Wald F of all instruments on the own price, clustered by block; below about 10 the instruments are weak."""
    bread = np.linalg.pinv(Z.T @ Z)
    slope = bread @ (Z.T @ price)
    scores = np.zeros((blocks.max() + 1, Z.shape[1]))
    np.add.at(scores, blocks, Z * (price - Z @ slope)[:, None])
    cov = bread @ scores.T @ scores @ bread
    return cast(float, float(slope @ np.linalg.pinv(cov) @ slope / Z.shape[1]))
