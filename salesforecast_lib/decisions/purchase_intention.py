"""Who buys in the next weeks, what for, and how sure that is: calibrated probabilities (chapter 10)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from lightgbm import LGBMClassifier, LGBMRegressor
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

MODELS = ("logistic regression", "gradient boosting")
_ISOTONIC_FROM = 1_000  # rows; a staircase fitted on fewer follows noise (Niculescu-Mizil and Caruana 2005)
_TREES = {"n_estimators": 150, "num_leaves": 15, "learning_rate": 0.05, "min_child_samples": 50, "subsample": 0.8}
_TREES |= {"subsample_freq": 1, "n_jobs": 1, "deterministic": True, "force_row_wise": True, "verbose": -1}
_RECENCY_EDGES = np.array([0.25, 0.5, 1.0, 2.0, 4.0])  # windows since the last purchase


@dataclass(frozen=True)
class Windows:
    """Cutoffs in time: each one's window of ``days`` ends where the next begins, ``now`` ends the data."""

    train: tuple[pd.Timestamp, ...]
    calibrate: pd.Timestamp
    test: pd.Timestamp
    now: pd.Timestamp
    days: int

    def one_later(self) -> Windows:
        """The same split one window on: the test window is now known, so the model for ``now`` may calibrate on it."""
        return Windows((*self.train, self.calibrate), self.test, self.now, self.now, self.days)


def make_windows(start: pd.Timestamp, end: pd.Timestamp, days: int = 28, train: int = 5) -> Windows:
    """Test on the last window, calibrate on the one before, train on up to ``train`` earlier ones.

    Every training cutoff has at least one window of history.

    Raises
    ------
    ValueError
        When the data are shorter than five windows.
    """
    step = pd.Timedelta(days=days)
    room = int((end - start) // step) - 3  # history, calibration and test
    if room < 2:
        raise ValueError(f"{(end - start).days} days of data: expected at least five windows of {days} days")
    cutoffs = tuple(end - (3 + k) * step for k in reversed(range(min(train, room))))
    return Windows(cutoffs, end - 2 * step, end - step, end, days)


def _age(lines: pd.DataFrame, cutoff: pd.Timestamp) -> pd.Series:
    return (cutoff - lines["timestamp"]).dt.total_seconds() / 86_400


def customer_snapshot(lines: pd.DataFrame, cutoff: pd.Timestamp, days: int) -> pd.DataFrame:
    """What is known of each customer on the evening before ``cutoff``; customers without a purchase yet are left out.

    Logarithms of counts and money over one, three and all windows, recency in windows and against the customer's own
    rhythm. Only lines before the cutoff are looked at.
    """
    past = lines[lines["timestamp"] < cutoff]
    orders = past.groupby(["customer_id", "order_id"], as_index=False).agg(
        timestamp=("timestamp", "min"), spend=("spend", "sum"), discount=("discount", "sum"), lines=("spend", "size")
    )
    age = _age(orders, cutoff)
    groups = orders.assign(age=age).groupby("customer_id")
    table = pd.DataFrame({"recency": groups["age"].min() / days, "tenure": groups["age"].max() / days})
    for name, limit in (("1", days), ("3", 3 * days), ("all", np.inf)):
        near = orders[age <= limit].groupby("customer_id")
        table[f"orders_{name}"] = np.log1p(near.size().reindex(table.index, fill_value=0))
        table[f"spend_{name}"] = np.log1p(near["spend"].sum().clip(lower=0).reindex(table.index, fill_value=0.0))
    gap = (table["tenure"] - table["recency"]) / np.maximum(groups.size() - 1, 1)
    table["rhythm"] = np.log((table["recency"] + 0.1) / (gap + 0.1))  # above 0: later than usual
    table["basket"] = np.log1p(groups["lines"].mean())
    table["discount"] = groups["discount"].sum() / (groups["discount"].sum() + groups["spend"].sum()).clip(lower=1e-9)
    return table.fillna(0.0)


def category_snapshot(lines: pd.DataFrame, cutoff: pd.Timestamp, days: int, categories: list[str]) -> pd.DataFrame:
    """What is known of each customer and category on the evening before ``cutoff``, by ``customer_id, category``.

    A customer who never bought the category has recency equal to the tenure in the shop.
    """
    past = lines[lines["timestamp"] < cutoff]
    customer = customer_snapshot(lines, cutoff, days)
    shown = past[past["category"].isin(categories)]
    pairs = shown.drop_duplicates(["customer_id", "category", "order_id"])
    age = _age(pairs, cutoff)
    keys = pd.MultiIndex.from_product([customer.index, categories], names=["customer_id", "category"])
    own = pairs.assign(age=age).groupby(["customer_id", "category"])
    table = pd.DataFrame(index=keys)
    who = keys.get_level_values("customer_id")
    overall = customer.loc[who]
    tenure = overall["tenure"].to_numpy()
    first = (own["age"].max() / days).reindex(keys).to_numpy()
    recency = (own["age"].min() / days).reindex(keys).to_numpy()
    table["recency"] = np.where(np.isnan(recency), tenure, recency)
    for name, limit in (("1", days), ("3", 3 * days), ("all", np.inf)):
        count = pairs[age <= limit].groupby(["customer_id", "category"]).size()
        table[f"bought_{name}"] = np.log1p(count.reindex(keys, fill_value=0).to_numpy())
    total = np.expm1(table["bought_all"].to_numpy())
    gap = np.where(total > 1, (first - recency) / np.maximum(total - 1, 1), tenure)
    table["rhythm"] = np.log((table["recency"] + 0.1) / (gap + 0.1))
    buyers = pairs[age <= days].groupby("category")["customer_id"].nunique() / max(len(customer), 1)
    table["popularity"] = buyers.reindex(keys.get_level_values("category"), fill_value=0.0).to_numpy()
    for name in ("recency", "orders_1", "orders_3", "basket", "tenure"):
        table[f"shop_{name}"] = overall[name].to_numpy()
    return table.fillna(0.0)


def outcomes(lines: pd.DataFrame, cutoff: pd.Timestamp, days: int, index: pd.Index) -> pd.DataFrame:
    """``bought`` (0 or 1) and ``spend`` of each row of ``index`` in the window that begins at ``cutoff``."""
    window = lines[(lines["timestamp"] >= cutoff) & (lines["timestamp"] < cutoff + pd.Timedelta(days=days))]
    spend = window.groupby(list(index.names))["spend"].sum()
    bought = index.isin(spend.index).astype("int64")
    return pd.DataFrame({"bought": bought, "spend": spend.reindex(index, fill_value=0.0).clip(lower=0.0)}, index=index)


@dataclass(frozen=True)
class Intention:
    """Calibrated models of one kind of row; `predict` gives the table of probabilities and expected spend."""

    model: str
    classifier: CalibratedClassifierCV
    money: LGBMRegressor
    base_rate: float
    rule: np.ndarray  # (buckets,): share of buyers by recency, the rule of thumb

    def predict(self, features: pd.DataFrame) -> pd.DataFrame:
        """``probability``, ``expected_spend``, and the comparisons ``base_rate`` and ``recency_rule``."""
        with threadpool_limits(1):
            chance = self.classifier.predict_proba(features)[:, 1]
            spend = np.maximum(np.asarray(self.money.predict(features)), 0.0)
        bucket = np.digitize(features["recency"].to_numpy(), _RECENCY_EDGES)
        return pd.DataFrame(
            {
                "probability": chance,
                "expected_spend": spend,
                "base_rate": self.base_rate,
                "recency_rule": self.rule[bucket],
            },
            index=features.index,
        )


def _classifier(name: str, seed: int) -> LGBMClassifier | object:
    if name == "gradient boosting":
        return LGBMClassifier(random_state=seed, **_TREES)
    return make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))


def fit_intention(
    train: pd.DataFrame, known: pd.DataFrame, later: pd.DataFrame, later_known: pd.DataFrame, seed: int = 0
) -> Intention:
    """Train on ``train``, calibrate on a ``later`` window.

    The classifier with the smaller log loss on the later window is kept, and calibrated there: isotonic regression
    from `_ISOTONIC_FROM` rows, else a sigmoid (Platt). Spend is a gradient boosted Tweedie regression: most spend is
    zero, the rest skewed.

    Parameters
    ----------
    train, later : features; ``known``, ``later_known`` are their `outcomes`.
    """
    target = known["bought"].to_numpy()
    base = float(target.mean())
    if not 0 < base < 1 or later_known["bought"].nunique() < 2:
        raise ValueError(f"share of buyers {base:.3f}: expected buyers and others in the training windows")
    fitted, losses = {}, {}
    with threadpool_limits(1):
        for name in MODELS:
            fitted[name] = _classifier(name, seed).fit(train, target)  # type: ignore[attr-defined]
            losses[name] = log_loss(later_known["bought"], fitted[name].predict_proba(later)[:, 1])
        best = min(losses, key=losses.__getitem__)
        method = "isotonic" if len(later) >= _ISOTONIC_FROM else "sigmoid"
        classifier = CalibratedClassifierCV(FrozenEstimator(fitted[best]), method=method)
        classifier.fit(later, later_known["bought"])
        money = LGBMRegressor(objective="tweedie", random_state=seed, **_TREES).fit(train, known["spend"])
    bucket = np.digitize(train["recency"].to_numpy(), _RECENCY_EDGES)
    size = np.bincount(bucket, minlength=len(_RECENCY_EDGES) + 1)
    rule = (np.bincount(bucket, target, len(size)) + base) / (size + 1)  # an empty bucket takes the base rate
    return Intention(best, classifier, money, base, rule)
