"""How good intentions and recommendations are, each with a bootstrap over customers (chapter 10)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from salesforecast_lib.decisions.purchase_intention import (
    Intention,
    Windows,
    category_snapshot,
    customer_snapshot,
    fit_intention,
    outcomes,
)
from salesforecast_lib.decisions.recommend import (
    Purchases,
    RecommendConfig,
    Scorer,
    blend,
    bought_next,
    fit_factors,
    purchases,
    recall,
    scorers,
)

BLENDS = ((0.0, 0.0), (0.3, 0.0), (1.0, 0.0), (3.0, 0.0), (0.3, 0.03), (1.0, 0.1))  # factorisation, log popularity
NEW_BLENDS = ((0.0, 1.0), (1.0, 0.0), (1.0, 0.03), (1.0, 0.1), (1.0, 0.3))


def intention_rows(
    lines: pd.DataFrame, cutoffs: tuple[pd.Timestamp, ...], days: int, categories: list[str] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features and outcomes of several cutoffs, one under the other; of customer × category with ``categories``."""
    features, known = [], []
    for cutoff in cutoffs:
        if categories is None:
            rows = customer_snapshot(lines, cutoff, days)
        else:
            rows = category_snapshot(lines, cutoff, days, categories)
        features.append(rows)
        known.append(outcomes(lines, cutoff, days, rows.index))
    return pd.concat(features), pd.concat(known)


def learn_intention(
    lines: pd.DataFrame, windows: Windows, categories: list[str] | None = None, seed: int = 0
) -> Intention:
    """Train and calibrate on the windows before the one that is to be predicted."""
    train = intention_rows(lines, windows.train, windows.days, categories)
    later = intention_rows(lines, (windows.calibrate,), windows.days, categories)
    return fit_intention(*train, *later, seed=seed)


def brier_table(predicted: pd.DataFrame, bought: pd.Series, replicates: int = 500, seed: int = 0) -> pd.DataFrame:
    """Brier score of the probability, the base rate and the recency rule, with AUC and skill against the base rate.

    ``low, high`` bound the 95 % interval of the skill from resampled customers (all rows of one together). An AUC
    needs an order: the base rate has none.
    """
    codes, customers = pd.factorize(predicted.index.get_level_values("customer_id"))
    y = bought.to_numpy(float)
    loss = {name: (predicted[name].to_numpy() - y) ** 2 for name in ("probability", "recency_rule", "base_rate")}
    total = {name: np.bincount(codes, value, len(customers)) for name, value in loss.items()}
    draws = np.random.default_rng(seed).multinomial(
        len(customers), np.full(len(customers), 1 / len(customers)), replicates
    )
    base = draws @ total["base_rate"]
    rows = []
    for name, value in loss.items():
        skill = 1 - draws @ total[name] / base  # (replicates,)
        auc = roc_auc_score(y, predicted[name]) if 0 < y.mean() < 1 else np.nan
        ends = np.quantile(skill, [0.025, 0.975])
        rows.append((name, value.mean(), 1 - value.mean() / loss["base_rate"].mean(), *ends, auc))
    return pd.DataFrame(rows, columns=["forecast", "brier", "skill", "low", "high", "auc"])


def calibration_curve(probability: pd.Series, bought: pd.Series, bins: int = 10) -> pd.DataFrame:
    """Mean probability, share of buyers and size of equally large groups by probability."""
    place = (probability.rank(method="first", pct=True) * bins).apply(np.ceil).clip(1, bins)
    frame = pd.DataFrame(
        {"predicted": probability.to_numpy(), "bought": bought.to_numpy(float), "bin": place.to_numpy()}
    )
    return frame.groupby("bin").agg(predicted=("predicted", "mean"), bought=("bought", "mean"), rows=("bought", "size"))


def lift_curve(score: pd.Series, bought: pd.Series) -> pd.DataFrame:
    """Share of all buyers reached when the best ``contacted`` share is addressed, and the lift over chance."""
    order = np.argsort(-score.to_numpy(), kind="stable")
    reached = np.cumsum(bought.to_numpy(float)[order]) / max(bought.sum(), 1)
    contacted = np.arange(1, len(order) + 1) / len(order)
    keep = np.unique(np.linspace(0, len(order) - 1, 101).astype(int))
    return pd.DataFrame({"contacted": contacted[keep], "reached": reached[keep], "lift": (reached / contacted)[keep]})


def spend_table(predicted: pd.Series, lines: pd.DataFrame, cutoff: pd.Timestamp, days: int) -> pd.DataFrame:
    """Mean absolute error and total of expected spend against last window's spend and the mean of three windows."""
    actual = outcomes(lines, cutoff, days, predicted.index)["spend"]
    step = pd.Timedelta(days=days)
    before = [outcomes(lines, cutoff - k * step, days, predicted.index)["spend"] for k in (1, 2, 3)]
    forecasts = {"expected spend": predicted, "last window": before[0], "mean of three": sum(before) / 3}
    total = float(actual.sum())
    rows = [
        (name, (value - actual).abs().mean(), np.sqrt(((value - actual) ** 2).mean()), value.sum() / total - 1)
        for name, value in forecasts.items()
    ]
    return pd.DataFrame(rows, columns=["forecast", "mae", "rmse", "bias"])


def choose_blends(
    lines: pd.DataFrame, cutoff: pd.Timestamp, days: int, config: RecommendConfig, number: int = 10
) -> tuple[tuple[float, float], tuple[float, float]]:
    """Weights of the blends for all and for new products: the best recall on the window after ``cutoff``.

    The caller gives a cutoff whose window ends before the test begins.
    """
    past = purchases(lines, cutoff, config)
    future, factors = bought_next(lines, cutoff, days, past), fit_factors(past, config)
    every = {w: recall(past, future, blend(past, factors, w), number)["recall"].mean() for w in BLENDS}
    new = {w: recall(past, future, blend(past, factors, w, repeat=False), number)["new"].mean() for w in NEW_BLENDS}
    return max(every, key=every.__getitem__), max(new, key=new.__getitem__)


def compare_recommenders(
    lines: pd.DataFrame,
    cutoff: pd.Timestamp,
    days: int,
    config: RecommendConfig,
    weights: tuple[tuple[float, float], tuple[float, float]],
    number: int = 10,
) -> pd.DataFrame:
    """Recall of each customer by recommender, columns ``(recommender, recall or new)``, on the window after cutoff."""
    past = purchases(lines, cutoff, config)
    future, factors = bought_next(lines, cutoff, days, past), fit_factors(past, config)
    table = {name: recall(past, future, score, number) for name, score in scorers(past, factors).items()}
    table["blend"] = recall(past, future, blend(past, factors, weights[0]), number)
    table["blend"]["new"] = recall(past, future, blend(past, factors, weights[1], repeat=False), number)["new"]
    return pd.concat(table, axis=1)


def recall_table(
    scores: pd.DataFrame, rival: str = "repeat purchase", replicates: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Mean recall with a 95 % interval over customers, and the paired difference to ``rival`` with its interval."""
    rng, rows = np.random.default_rng(seed), []
    for kind in ("recall", "new"):
        values = scores.xs(kind, axis=1, level=1).dropna()
        other = "popularity" if kind == "new" else rival  # who never bought a product has no habit of it
        draws = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), replicates) / len(values)
        for name in values.columns:
            ends = np.quantile(draws @ values[name].to_numpy(), [0.025, 0.975])
            gap = values[name] - values[other]
            gap_ends = np.quantile(draws @ gap.to_numpy(), [0.025, 0.975])
            rows.append((kind, name, values[name].mean(), *ends, other, gap.mean(), *gap_ends, len(values)))
    columns = ["kind", "recommender", "recall", "low", "high", "against", "gain", "gain_low", "gain_high", "customers"]
    return pd.DataFrame(rows, columns=columns)
