"""Catalogue of the simulated marketplace: products, the words of their texts, and their elasticities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.data.marketplace.config import MarketplaceConfig

_NOUNS = {
    "kitchen": ("kettle", "pan", "toaster", "knife set"),
    "toys": ("puzzle", "toy train", "doll", "board game"),
    "garden": ("lantern", "planter", "hose", "garden chair"),
    "fashion": ("scarf", "jacket", "sandals", "belt"),
    "electronics": ("headphones", "charger", "speaker", "webcam"),
    "beauty": ("soap", "hand cream", "perfume", "brush"),
    "sports": ("yoga mat", "bottle", "racket", "helmet"),
    "office": ("notebook", "desk lamp", "pen set", "organiser"),
}
_BRANDS = ("Alba", "Brio", "Corvo", "Dana", "Elmo")
_NOISE = ("blue", "green", "red", "grey", "round", "soft", "matte", "light", "new design", "two sizes")
# word, kind, log effect on the level, log effect on festival days, day of the year of its peak
_WORDS: tuple[tuple[str, str, float, float, float], ...] = (
    ("premium", "level", -0.6, 0.0, np.nan),
    ("limited", "level", -0.3, 0.0, np.nan),
    ("classic", "level", 0.0, 0.0, np.nan),
    ("basic", "level", 0.3, 0.0, np.nan),
    ("bestselling", "level", 0.8, 0.0, np.nan),
    ("winter", "season", 0.0, 0.0, 15.0),
    ("spring", "season", 0.0, 0.0, 105.0),
    ("summer", "season", 0.0, 0.0, 196.0),
    ("autumn", "season", 0.0, 0.0, 288.0),
    ("gift", "occasion", 0.0, 0.6, np.nan),
    ("everyday", "occasion", 0.0, -0.4, np.nan),
    *((word, "none", 0.0, 0.0, np.nan) for word in _NOISE),
)
_SLOW = -2.0  # log level of a slow product against the others


@dataclass(frozen=True)
class Catalogue:
    """What is fixed about the products.

    ``products`` has one row a product (see `simulate`), ``words`` the true effects of the words, ``elasticity`` is
    (products, products): row i, column j is d log demand i / d log price j; 0 across categories. ``weekday`` and
    ``weekday_after`` (products, 7) are the log weekly profiles before and after the regime shift.
    """

    products: pd.DataFrame
    words: pd.DataFrame
    elasticity: np.ndarray
    weekday: np.ndarray
    weekday_after: np.ndarray
    launch: np.ndarray
    end: np.ndarray


def word_table() -> pd.DataFrame:
    """True effects of the words: ``word, kind, level, festival, peak_day``; words of kind "none" have no effect."""
    return pd.DataFrame(_WORDS, columns=["word", "kind", "level", "festival", "peak_day"])


def elasticity_matrix(own: np.ndarray, base: np.ndarray, category: np.ndarray, cross: float) -> np.ndarray:
    """Own and cross elasticities, (products, products).

    ``e_ij = cross |e_ii| w_ij`` within a category, where ``w_ij`` is product j's share of the base demand of the
    category without i: a rise of all other prices by 1 % moves ``cross |e_ii|`` % of demand to product i.

    Parameters
    ----------
    own, base, category : own elasticities, log base demand and category codes, each (products,).
    """
    size = np.exp(base - base.max())
    near = (category[:, None] == category[None, :]) & ~np.eye(len(own), dtype=bool)
    weight = near * size[None, :]
    total = weight.sum(1, keepdims=True)
    weight = np.divide(weight, total, out=np.zeros_like(weight), where=total > 0)
    return np.diag(own) + cross * np.abs(own)[:, None] * weight


def make_catalogue(config: MarketplaceConfig, rng: np.random.Generator) -> Catalogue:
    """Draw the products; their log base demand is scaled later so that expected demand meets ``config.units``."""
    n, T = config.products, config.days
    names = list(_NOUNS)[: config.categories]
    category = rng.permutation(np.arange(n) % config.categories)
    words = word_table()
    kinds = {kind: words.index[words["kind"] == kind].to_numpy() for kind in ("level", "season", "occasion", "none")}
    level_word = rng.choice(kinds["level"], n)
    season_word = np.where(rng.random(n) < 0.4, rng.choice(kinds["season"], n), -1)
    occasion_word = np.where(rng.random(n) < 0.5, rng.choice(kinds["occasion"], n), -1)
    noise = np.stack([rng.permutation(kinds["none"])[:2] for _ in range(n)])
    brand = rng.integers(len(_BRANDS), size=n)
    noun = rng.integers(4, size=n)
    spelt = [*words["word"], ""]  # index -1 is no word
    text = [
        " ".join(
            part
            for part in (
                *(_BRANDS[brand[i]], spelt[level_word[i]], spelt[season_word[i]], spelt[occasion_word[i]]),
                *(_NOUNS[names[category[i]]][noun[i]] + ",", spelt[noise[i, 0]], spelt[noise[i, 1]]),
            )
            if part
        )
        for i in range(n)
    ]

    slow = rng.random(n) < config.intermittent_share
    occurrence = np.where(slow, rng.uniform(0.15, 0.5, n), 1.0)
    base = rng.normal(0, 0.3, config.categories)[category] + rng.normal(0, config.level_sd, n) + _SLOW * slow
    base += config.text * words["level"].to_numpy()[level_word]
    seasonal = season_word >= 0
    own_peak = rng.uniform(0, 365, config.categories)[category]
    peak = np.where(seasonal & (config.text != 0), words["peak_day"].to_numpy()[season_word], own_peak)
    amplitude = config.season * np.where(seasonal, config.text, 0.25)
    festival = config.festival * rng.uniform(0.7, 1.3, n)
    festival += config.text * config.festival * np.append(words["festival"].to_numpy(), 0.0)[occasion_word]
    profile = rng.normal(0, 0.15, (config.categories, 7))[category] + rng.normal(0, 0.05, (n, 7))
    profile[:, 5:] += 0.25
    profile = config.week * (profile - profile.mean(1, keepdims=True))

    launch = np.where(
        rng.random(n) < config.launch_share, rng.integers(int(0.1 * T), max(int(0.85 * T), int(0.1 * T) + 1), n), 0
    )
    end_draw = np.maximum(rng.integers(T // 2, max(int(0.95 * T), T // 2 + 1), n), launch + min(60, T // 4))
    end = np.where((rng.random(n) < config.delisting_share) & (end_draw < T), end_draw, T)
    regime = rng.random(n) < config.regime_share
    own = np.minimum(rng.normal(config.elasticity, config.elasticity_sd, n), -0.1)
    price = np.exp(rng.normal(2.5, 0.6, n))
    first = pd.Timestamp(config.start).normalize()
    products = pd.DataFrame(
        {
            "unique_id": [f"P{i:05d}" for i in range(1, n + 1)],
            "category": np.array(names)[category],
            "brand": np.array(_BRANDS)[brand],
            "text": text,
            "launch": first + pd.to_timedelta(launch, unit="D"),
            "delisting": (first + pd.Series(pd.to_timedelta(end, unit="D"))).where(pd.Series(end < T)),
            "reference_price": np.round(price, 2),
            "reference_cost": np.round(price * rng.uniform(0.5, 0.7, n), 2),
            "base": base,
            "trend": rng.normal(0, config.trend_sd, n),
            "season_amplitude": amplitude,
            "season_peak": peak,
            "holiday_effect": config.holiday * rng.uniform(-0.5, 1.5, config.categories)[category],
            "festival_effect": festival,
            "own_elasticity": own,
            "promotion_effect": config.promotion_effect * rng.uniform(0.6, 1.4, n),
            "occurrence": occurrence,
            "regime": regime,
            "regime_effect": np.where(regime, config.regime_effect, 0.0),
        }
    )
    return Catalogue(
        products,
        words,
        elasticity_matrix(own, base, category, config.cross),
        profile,
        np.where(regime[:, None], profile[:, ::-1], profile),
        launch,
        end,
    )
