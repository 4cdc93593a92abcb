"""How good intentions and recommendations are, each with a bootstrap over customers (chapter 10)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.metrics import roc_auc_score

from salesforecast_lib.decisions.customers.history import (
    History,
    Windows,
    category_snapshot,
    customer_snapshot,
    outcomes,
)
from salesforecast_lib.decisions.customers.intention import Intention, fit_intention
from salesforecast_lib.decisions.customers.recommend import (
    BLENDS,
    FACTORS,
    NEW_BLENDS,
    POPULARITY,
    REPEAT,
    RecommendConfig,
    Weights,
    bought_next,
    fit_recommender,
    purchases,
    recall,
)


def learn_intention(history: History, windows: Windows, by_category: bool = False, seed: int = 0) -> Intention:
    """Train and calibrate on the windows before the one that is to be predicted; of pairs with ``by_category``."""
    snapshot = category_snapshot if by_category else customer_snapshot
    cutoffs = (*windows.train, windows.calibrate)
    features = [snapshot(history, cutoff, windows.days) for cutoff in cutoffs]
    known = [outcomes(history, c, windows.days, rows.index) for c, rows in zip(cutoffs, features, strict=True)]
    return fit_intention(pd.concat(features[:-1]), pd.concat(known[:-1]), features[-1], known[-1], seed)


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


def spend_table(predicted: pd.Series, history: History, cutoff: pd.Timestamp, days: int) -> pd.DataFrame:
    """Mean absolute error and total of expected spend against last window's spend and the mean of three windows."""
    actual = outcomes(history, cutoff, days, predicted.index)["spend"]
    step = pd.Timedelta(days=days)
    before = [outcomes(history, cutoff - k * step, days, predicted.index)["spend"] for k in (1, 2, 3)]
    forecasts = {"expected spend": predicted, "last window": before[0], "mean of three": sum(before) / 3}
    total = float(actual.sum())
    rows = [
        (name, (value - actual).abs().mean(), np.sqrt(((value - actual) ** 2).mean()), value.sum() / total - 1)
        for name, value in forecasts.items()
    ]
    return pd.DataFrame(rows, columns=["forecast", "mae", "rmse", "bias"])


def choose_blends(
    lines: pd.DataFrame, cutoff: pd.Timestamp, days: int, config: RecommendConfig, number: int = 10
) -> tuple[Weights, Weights]:
    """Weights of the blends for all and for new products: the best recall on the window after ``cutoff``.

    The caller gives a cutoff whose window ends before the test begins.
    """
    past = purchases(lines, cutoff, config)
    future, fitted = bought_next(lines, cutoff, days, past), fit_recommender(past, config)
    every = {weights: recall(fitted, future, weights, number=number).mean() for weights in BLENDS}
    new = {weights: recall(fitted, future, weights, True, number).mean() for weights in NEW_BLENDS}
    return max(every, key=every.__getitem__), max(new, key=new.__getitem__)


def compare_recommenders(
    lines: pd.DataFrame,
    cutoff: pd.Timestamp,
    days: int,
    config: RecommendConfig,
    blends: tuple[Weights, Weights],
    number: int = 10,
) -> pd.DataFrame:
    """Recall of each customer on the window after ``cutoff``, columns ``(recall or new, recommender)``."""
    past = purchases(lines, cutoff, config)
    future, fitted = bought_next(lines, cutoff, days, past), fit_recommender(past, config)
    rivals = {"popularity": POPULARITY, "repeat purchase": REPEAT, "factorisation": FACTORS, "blend": blends[0]}
    table = {("recall", name): recall(fitted, future, weights, number=number) for name, weights in rivals.items()}
    rivals = {"popularity": POPULARITY, "factorisation": FACTORS, "blend": blends[1]}  # habit knows no new product
    table |= {("new", name): recall(fitted, future, weights, True, number) for name, weights in rivals.items()}
    return pd.DataFrame(table)


def recall_table(
    scores: pd.DataFrame, rival: str = "repeat purchase", replicates: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Mean recall with a 95 % interval over customers, and the paired difference to ``rival`` with its interval."""
    rng, rows = np.random.default_rng(seed), []
    for kind in ("recall", "new"):
        values = scores[kind].dropna()
        other = "popularity" if kind == "new" else rival  # who never bought a product has no habit of it
        if values.empty:  # nobody bought a new product, say: nothing to resample
            continue
        draws = rng.multinomial(len(values), np.full(len(values), 1 / len(values)), replicates) / len(values)
        for name in values.columns:
            ends = np.quantile(draws @ values[name].to_numpy(), [0.025, 0.975])
            gap = values[name] - values[other]
            gap_ends = np.quantile(draws @ gap.to_numpy(), [0.025, 0.975])
            rows.append((kind, name, values[name].mean(), *ends, other, gap.mean(), *gap_ends, len(values)))
    columns = ["kind", "recommender", "recall", "low", "high", "against", "gain", "gain_low", "gain_high", "customers"]
    return pd.DataFrame(rows, columns=columns)
