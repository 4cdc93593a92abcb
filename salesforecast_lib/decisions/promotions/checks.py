"""Is it the promotion? Placebo plans and double machine learning beside the fixed effects (chapter 12)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.panel_regression import clustered, within
from salesforecast_lib.decisions.promotions.effects import Effects, PromotionWeeks


def placebo_effects(weeks: PromotionWeeks, columns: Sequence[str], repeats: int = 100, seed: int = 0) -> np.ndarray:
    """Estimates when every product is given the plan of another, drawn at random, (repeats, columns).

    Plans keep their rhythm, size and season but belong to other sales: what the estimator finds is not there. Only
    products with every week take part.

    Raises
    ------
    ValueError
        When fewer than three products have every week.
    """
    table = weeks.table
    number = table["week"].nunique()
    whole = table.groupby("unique_id", observed=True)["week"].transform("size") == number
    table = table[whole].sort_values(["unique_id", "week"], ignore_index=True)
    products = len(table) // number
    if products < 3:
        raise ValueError(f"{products} products have all {number} weeks: expected at least three for a placebo")
    product, week = np.repeat(np.arange(products), number), np.tile(np.arange(number), products)
    y = within(table[["relative"]].to_numpy(float), product, week)[:, 0]
    plan = within(table[list(columns)].to_numpy(float), product, week).reshape(products, number, -1)
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(repeats):
        x = plan[_derange(rng.permutation(products))].reshape(len(y), -1)
        found.append(np.linalg.lstsq(x, y, rcond=None)[0])
    return np.array(found)


def _derange(order: np.ndarray) -> np.ndarray:
    """Each product's donor: its neighbour in a random circle, so never itself."""
    donor = np.empty_like(order)
    donor[order] = np.roll(order, 1)
    return donor


def double_ml(
    weeks: PromotionWeeks, columns: Sequence[str], controls: Sequence[str], seed: int = 0, folds: int = 3
) -> Effects:
    """Partially linear double machine learning (Chernozhukov et al., 2018) through econml.

    Sales and doses are first freed of product and week levels; what the controls explain of both, in any shape, is
    removed by gradient-boosted trees fitted on other products, and the rest is regressed on the rest. The trees see the
    controls as they are and as distance from their levels: a threshold lies in the first, a change in the second.
    econml's final stage knows no clusters, so its cross-fitted residuals get the intervals of `clustered`.
    """
    from econml.dml import LinearDML  # slow to import, and only needed here
    from lightgbm import LGBMRegressor
    from sklearn.model_selection import GroupKFold
    from sklearn.multioutput import MultiOutputRegressor

    rows = weeks.table[[*columns, *controls, "relative", "unique_id", "week"]].dropna()
    product, week = pd.factorize(rows["unique_id"])[0], pd.factorize(rows["week"])[0]
    flat = within(rows[[*columns, *controls, "relative"]].to_numpy(float), product, week)
    y, dose = flat[:, -1], flat[:, : len(columns)]
    rest = np.column_stack([flat[:, len(columns) : -1], rows[list(controls)].to_numpy(float)])

    def trees() -> LGBMRegressor:
        return LGBMRegressor(
            n_estimators=80, learning_rate=0.08, num_leaves=15, min_child_samples=40, n_jobs=1, random_state=seed,
            verbose=-1, deterministic=True,
        )  # fmt: skip

    model = LinearDML(model_y=trees(), model_t=MultiOutputRegressor(trees()), cv=GroupKFold(folds), random_state=seed)
    model.fit(y, dose, W=rest, groups=product, cache_values=True)
    left = np.column_stack([model.residuals_[0].ravel(), model.residuals_[1].reshape(len(y), -1)])
    left = within(left, product, week)  # the levels of what the trees have explained
    y_left, dose_left = left[:, 0], left[:, 1:]
    estimate = np.linalg.lstsq(dose_left, y_left, rcond=None)[0]
    covariance = clustered(dose_left, y_left - dose_left @ estimate, product, week)
    return Effects(tuple(columns), estimate, covariance, min(product.max(), week.max()) + 1)
