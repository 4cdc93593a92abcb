"""Who buys in the next weeks, what for, and how sure that is: calibrated probabilities (chapter 10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier, LGBMRegressor
from scipy.optimize import nnls
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

MODELS = ("logistic regression", "gradient boosting")
_MOST_ROWS = 100_000  # to train on, drawn at random: more change nothing but the time
_ISOTONIC_FROM = 1_000  # rows; a staircase fitted on fewer follows noise (Niculescu-Mizil and Caruana 2005)
_TREES: dict[str, Any] = {
    "n_estimators": 150,
    "num_leaves": 15,
    "learning_rate": 0.05,
    "min_child_samples": 50,
    "subsample": 0.8,
}
_TREES |= {"subsample_freq": 1, "n_jobs": 1, "deterministic": True, "force_row_wise": True, "verbose": -1}
_RECENCY_EDGES = np.array([0.25, 0.5, 1.0, 2.0, 4.0])  # windows since the last purchase


@dataclass(frozen=True)
class Intention:
    """Calibrated models of one kind of row; `predict` gives the table of probabilities and expected spend."""

    model: str
    classifier: CalibratedClassifierCV
    money: LGBMRegressor | None  # customers only: pairs have no spend of their own
    mix: np.ndarray  # (2,): weights of the regression and of the mean of three windows
    base_rate: float
    rule: np.ndarray  # (buckets,): share of buyers by recency, the rule of thumb
    calibrated_on: int  # rows

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """``probability``, ``expected_spend``, and the comparisons ``base_rate`` and ``recency_rule``."""
        with threadpool_limits(1):
            chance = self.classifier.predict_proba(features)[:, 1]
            limit = 1 / (self.calibrated_on + 2)  # rule of succession: a staircase ends in 0 and 1, nobody is that sure
        bucket = np.digitize(features["recency"].to_numpy(), _RECENCY_EDGES)
        table = pd.DataFrame({"probability": np.clip(chance, limit, 1 - limit)}, index=features.index)
        if self.money is not None:
            table["expected_spend"] = _spend_forecasts(self.money, features) @ self.mix
        return table.assign(base_rate=self.base_rate, recency_rule=self.rule[bucket])


def _spend_forecasts(money: LGBMRegressor, features: pd.DataFrame) -> np.ndarray:
    """The regression's spend and the mean of three windows, (rows, 2)."""
    with threadpool_limits(1):
        learned = np.maximum(np.asarray(money.predict(features)), 0.0)
    return np.column_stack([learned, np.expm1(features["spend_3"]) / 3])


def _classifier(name: str, seed: int) -> Any:
    if name == "gradient boosting":
        return LGBMClassifier(random_state=seed, **_TREES)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))


def fit_intention(
    train: pd.DataFrame, known: pd.DataFrame, later: pd.DataFrame, later_known: pd.DataFrame, seed: int = 0
) -> Intention:
    """Train on ``train``, calibrate on a ``later`` window.

    The classifier with the smaller log loss on the later window is kept, and calibrated there: isotonic regression
    from `_ISOTONIC_FROM` rows, else a sigmoid (Platt). Spend is a gradient boosted Tweedie regression: most spend is
    zero, the rest skewed. Trees cannot follow the largest customers beyond what they have seen, the customer's own mean
    of three windows can: the two are added with weights (not negative) that fit the later window best.

    Parameters
    ----------
    train, later : features; ``known``, ``later_known`` are their `outcomes`.
    """
    if len(train) > _MOST_ROWS:
        drawn = np.sort(np.random.default_rng(seed).choice(len(train), _MOST_ROWS, replace=False))
        train, known = train.iloc[drawn], known.iloc[drawn]
    target = known["bought"].to_numpy()
    base = float(target.mean())
    if not 0 < base < 1 or later_known["bought"].nunique() < 2:
        raise ValueError(f"share of buyers {base:.3f}: expected buyers and others in the training windows")
    fitted, losses = {}, {}
    with threadpool_limits(1):
        for name in MODELS:
            fitted[name] = _classifier(name, seed).fit(train, target)
            losses[name] = log_loss(later_known["bought"], fitted[name].predict_proba(later)[:, 1])
        best = min(losses, key=losses.__getitem__)
        method = "isotonic" if len(later) >= _ISOTONIC_FROM else "sigmoid"
        classifier = CalibratedClassifierCV(FrozenEstimator(fitted[best]), method=method)
        classifier.fit(later, later_known["bought"])
        money, mix = None, np.zeros(2)
        if "spend_3" in train:
            money = LGBMRegressor(objective="tweedie", random_state=seed, **_TREES).fit(train, known["spend"])
            mix = nnls(_spend_forecasts(money, later), later_known["spend"].to_numpy())[0]
    bucket = np.digitize(train["recency"].to_numpy(), _RECENCY_EDGES)
    size = np.bincount(bucket, minlength=len(_RECENCY_EDGES) + 1)
    rule = (np.bincount(bucket, target, len(size)) + base) / (size + 1)  # an empty bucket takes the base rate
    return Intention(best, classifier, money, mix, base, rule, len(later))
