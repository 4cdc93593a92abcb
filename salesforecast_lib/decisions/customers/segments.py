"""Segments of customers: how many, how stable, and what to call them (chapter 10)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score
from sklearn.mixture import GaussianMixture
from threadpoolctl import threadpool_limits

STABLE = 0.8  # mean bootstrap adjusted Rand index from which segments count as reproducible
_FLOOR = 1e-2  # added to variances of standardised features, so that no segment collapses on a few customers
_WORDS = {
    "recency": ("long away", "recent"),
    "orders": ("many orders", "few orders"),
    "spend": ("high spend", "low spend"),
    "discount": ("many bargains", "few bargains"),
}


@dataclass(frozen=True)
class SegmentModel:
    """Mixture or k-means on standardised features; segments are numbered by size, 0 the largest."""

    columns: tuple[str, ...]
    mean: np.ndarray  # (features,)
    sd: np.ndarray  # (features,)
    estimator: GaussianMixture | KMeans
    order: np.ndarray  # (segments,): component of each segment

    @property
    def kind(self) -> str:
        """ "mixture" or "k-means"."""
        return "mixture" if isinstance(self.estimator, GaussianMixture) else "k-means"

    def standardise(self, features: pd.DataFrame) -> np.ndarray:
        """Features in units of the fitted customers' spread, (customers, features)."""
        return (features[list(self.columns)].to_numpy(float) - self.mean) / self.sd

    def predict(self, features: pd.DataFrame) -> pd.Series:
        """Number of the segment of each customer: the most probable, or the nearest."""
        with threadpool_limits(1):
            label = self.estimator.predict(self.standardise(features))
        return pd.Series(np.argsort(self.order)[label], index=features.index, name="segment")

    def probability(self, features: pd.DataFrame) -> pd.Series:
        """Probability of each customer's segment; 1 for k-means, which knows no doubt."""
        if isinstance(self.estimator, KMeans):
            return pd.Series(1.0, index=features.index)
        with threadpool_limits(1):
            chance = self.estimator.predict_proba(self.standardise(features))  # (customers, segments)
        return pd.Series(chance.max(axis=1), index=features.index)

    def bic(self, features: pd.DataFrame) -> float:
        """Bayesian information criterion of a mixture."""
        return float(self.estimator.bic(self.standardise(features)))


def fit_segments(
    features: pd.DataFrame, number: int, seed: int = 0, kind: str = "mixture", starts: int = 3
) -> SegmentModel:
    """Fit ``number`` segments: a Gaussian "mixture" with a covariance each, or "k-means"; the best of some starts.

    Raises
    ------
    ValueError
        When the kind is unknown, or there are fewer than two customers a segment.
    """
    if kind not in ("mixture", "k-means"):
        raise ValueError(f"kind={kind!r}: expected mixture or k-means")
    if len(features) < 2 * number:
        raise ValueError(f"segments={number}: expected at most half of the {len(features)} customers")
    values = features.to_numpy(float)
    mean, sd = values.mean(axis=0), values.std(axis=0)
    sd = np.where(sd > 0, sd, 1.0)
    x = (values - mean) / sd
    estimator: GaussianMixture | KMeans
    if kind == "mixture":
        estimator = GaussianMixture(number, reg_covar=_FLOOR, n_init=starts, random_state=seed)
    else:
        estimator = KMeans(number, n_init=starts, random_state=seed)
    with threadpool_limits(1):  # the result must not depend on the number of threads
        label = estimator.fit(x).predict(x)
    order = np.argsort(-np.bincount(label, minlength=number), kind="stable")
    return SegmentModel(tuple(map(str, features.columns)), mean, sd, estimator, order)


def choose_by_bic(
    features: pd.DataFrame, candidates: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8), seed: int = 0
) -> tuple[SegmentModel, pd.DataFrame]:
    """The mixture with the smallest Bayesian information criterion, and the table ``segments, bic`` behind it.

    BIC pays for each parameter with half the logarithm of the number of customers (Schwarz 1978), so that a segment has
    to explain more than chance would.
    """
    models = [fit_segments(features, number, seed) for number in candidates if 10 * number <= len(features)]
    if not models:
        raise ValueError(f"{len(features)} customers: expected at least 10 a segment")
    table = pd.DataFrame({"segments": [len(m.order) for m in models], "bic": [m.bic(features) for m in models]})
    return models[int(table["bic"].argmin())], table


def choose_by_stability(
    features: pd.DataFrame, candidates: tuple[int, ...] = (2, 3, 4, 5, 6), replicates: int = 10, seed: int = 0
) -> tuple[SegmentModel, pd.DataFrame]:
    """K-means with the largest number of segments that come out again, and the table ``segments, stability``.

    Customers who differ by degree only have no true number of segments: any cut is a convention, and the finest that
    another sample of customers would reproduce (mean bootstrap adjusted Rand index of `STABLE`) is the most useful.
    Without one, the most stable number is taken.
    """
    models = [fit_segments(features, k, seed, "k-means") for k in candidates if 10 * k <= len(features)]
    if not models:
        raise ValueError(f"{len(features)} customers: expected at least 10 a segment")
    scores = [bootstrap_stability(features, model, replicates, seed).mean() for model in models]
    table = pd.DataFrame({"segments": [len(m.order) for m in models], "stability": scores})
    stable = np.flatnonzero(table["stability"] >= STABLE)
    return models[int(stable[-1] if len(stable) else table["stability"].argmax())], table


def bootstrap_stability(features: pd.DataFrame, model: SegmentModel, replicates: int = 20, seed: int = 0) -> np.ndarray:
    """Adjusted Rand index between the model's segments and those of models fitted on resamples, (replicates,).

    Each resample draws customers with replacement; its model then assigns every customer (Hennig 2007). 1 says that
    other customers of the same kind would have given the same segments, 0 that they would share nothing but chance.
    """
    rng = np.random.default_rng(seed)
    reference, scores = model.predict(features), []
    for replicate in range(replicates):
        drawn = features.iloc[rng.integers(len(features), size=len(features))]
        again = fit_segments(drawn, len(model.order), seed + replicate + 1, model.kind)
        scores.append(adjusted_rand_score(reference, again.predict(features)))
    return np.array(scores)


def half_stability(
    first: pd.DataFrame, second: pd.DataFrame, like: SegmentModel, seed: int = 0
) -> tuple[float, float, int]:
    """How far customers stay in their segment from one half of the time to the other.

    A model ``like`` the given one, fitted on the ``first`` half's features, assigns the customers of both halves.
    Returns the adjusted Rand index, the share of customers in the same segment, and how many bought in both halves;
    the first two are NaN when the first half has fewer than ten customers a segment.
    """
    both = first.index.intersection(second.index)
    if len(both) < 2 or len(first) < 10 * len(like.order):
        return float("nan"), float("nan"), len(both)
    model = fit_segments(first, len(like.order), seed, like.kind)
    a, b = model.predict(first.loc[both]), model.predict(second.loc[both])
    return float(adjusted_rand_score(a, b)), float((a == b).mean()), len(both)


def profile(features: pd.DataFrame, model: SegmentModel) -> pd.DataFrame:
    """Mean of each standardised feature in each segment, (segments, features), by segment number."""
    x = pd.DataFrame(model.standardise(features), columns=list(model.columns))
    return x.groupby(model.predict(features).to_numpy()).mean().reindex(range(len(model.order))).fillna(0.0)


def segment_names(profiles: pd.DataFrame, words: int = 2) -> list[str]:
    """Names made from the profile: the features that set a segment apart most, in plain words.

    Further features are added until no two names are equal; a segment near the shop's average on everything (no mean
    beyond a quarter of a standard deviation) says so; beyond one standard deviation it is "very" or "much".
    """

    def describe(row: pd.Series, length: int) -> str:
        ranked = row.abs().sort_values(ascending=False, kind="stable").index[:length]
        marked = [name for name in ranked if abs(row[name]) >= 0.25]
        if not marked:
            return "close to the average"
        parts = []
        for name in marked:
            known = name in _WORDS
            high, low = _WORDS.get(name, (f"more {name.lower()}", f"less {name.lower()}"))
            degree = ("very " if known else "much ") if abs(row[name]) >= 1 else ""
            parts.append(degree + (high if row[name] > 0 else low))
        return ", ".join(parts)

    for length in range(words, len(profiles.columns) + 1):
        names = [describe(row, length) for _, row in profiles.iterrows()]
        if len(set(names)) == len(names):
            return names
    names = [describe(row, words) for _, row in profiles.iterrows()]
    return [f"{name} ({number + 1})" for number, name in enumerate(names)]


def assigned(features: pd.DataFrame, model: SegmentModel, names: list[str] | None = None) -> pd.DataFrame:
    """``segment`` (its name) and ``segment_probability`` of each customer; names come from the profile if not given."""
    names = segment_names(profile(features, model)) if names is None else names
    return pd.DataFrame(
        {
            "segment": model.predict(features).map(dict(enumerate(names))),
            "segment_probability": model.probability(features),
        }
    )
