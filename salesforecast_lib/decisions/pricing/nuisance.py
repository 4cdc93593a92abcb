"""What sales, prices and instruments owe to the controls: the learners inside double machine learning (chapter 13)."""

from __future__ import annotations

import numpy as np
from lightgbm import LGBMRegressor
from sklearn.base import BaseEstimator, RegressorMixin, clone


class ByProduct(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Ridge regression on the controls, one for each product; the first column of X is the product's number.

    Controls and outcome are centred within the product, so the level is free; a product that was not seen in training
    is predicted at the mean of all.
    """

    def __init__(self, penalty: float = 1e-3) -> None:
        self.penalty = penalty

    def fit(self, X: np.ndarray, y: np.ndarray) -> ByProduct:
        """Fit; ``X`` (rows, 1 + controls), ``y`` (rows,) or (rows, outcomes)."""
        outcome = np.asarray(y, dtype="float64").reshape(len(X), -1)
        self.overall_ = outcome.mean(0)
        self.one_ = np.ndim(y) == 1
        self.parts_: dict[float, tuple[np.ndarray, np.ndarray, np.ndarray]] = {}
        for code in np.unique(X[:, 0]):
            rows = X[:, 0] == code
            controls, own = X[rows, 1:], outcome[rows]
            centre, level = controls.mean(0), own.mean(0)
            inner = controls - centre
            gram = inner.T @ inner
            gram += self.penalty * rows.sum() * np.diag(np.maximum(np.diag(gram) / rows.sum(), 1e-12))
            self.parts_[code] = (centre, level, np.linalg.solve(gram, inner.T @ (own - level)))
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predictions in the shape of the outcome."""
        out = np.tile(self.overall_, (len(X), 1))
        for code, (centre, level, slope) in self.parts_.items():
            rows = X[:, 0] == code
            out[rows] = level + (X[rows, 1:] - centre) @ slope
        return out[:, 0] if self.one_ else out


class Boosting(RegressorMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """Gradient-boosted trees on what `ByProduct` leaves, one a column of the outcome."""

    def __init__(self, trees: int = 60, seed: int = 0) -> None:
        self.trees = trees
        self.seed = seed

    def fit(self, X: np.ndarray, y: np.ndarray) -> Boosting:
        """Fit; shapes as in `ByProduct`."""
        self.linear_ = ByProduct().fit(X, y)
        left = (y - self.linear_.predict(X)).reshape(len(X), -1)
        model = LGBMRegressor(
            n_estimators=self.trees, num_leaves=15, learning_rate=0.1, min_child_samples=60, n_jobs=1, verbose=-1,
            random_state=self.seed, deterministic=True,
        )  # fmt: skip
        self.trees_ = [clone(model).fit(X, column) for column in left.T]
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        """Predictions in the shape of the outcome."""
        linear = self.linear_.predict(X)
        return linear + np.column_stack([tree.predict(X) for tree in self.trees_]).reshape(linear.shape)
