"""The organiser's benchmark and our orders for VN2: season, forecast, sample paths, look-ahead."""

from __future__ import annotations

from dataclasses import dataclass, field

import lightgbm as lgb
import numpy as np
import pandas as pd

from salesforecast_lib.decisions.inventory.lookahead import lookahead_order
from salesforecast_lib.decisions.inventory.paths import negative_binomial_paths, shrunken_dispersion
from tests.benchmarks.vn2_data import SHORTAGE, History, State
from tests.benchmarks.vn2_forecast import (
    HORIZON,
    ForecastConfig,
    codes,
    fit_trees,
    smoothed_level,
    tree_mean,
    week_of_year,
)


def benchmark_order(history: History, state: State) -> np.ndarray:
    """Organiser's order-up-to: mean of 13 deseasonalised weeks x factors over 4 weeks, less the position."""
    masked = np.where(history.in_stock, history.sales, np.nan)
    weeks = pd.DatetimeIndex(
        pd.date_range(history.dates[0], periods=len(history.dates) + 4, freq="7D")
    ).isocalendar().week.to_numpy()  # fmt: skip
    now = len(history.dates)
    seen = history.in_stock.any(axis=0)
    average = pd.Series(np.nanmean(masked[:, seen], axis=0)).groupby(weeks[:now][seen]).mean()
    factor = (average / average.mean()).reindex(range(1, 54)).fillna(1.0)
    recent = (masked / factor.loc[weeks[:now]].to_numpy())[:, -13:]
    known = np.isfinite(recent)
    base = np.where(known, recent, 0.0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    wanted = base * factor.loc[weeks[now:]].to_numpy().sum() - state.position
    return np.maximum(np.round(wanted), 0.0)


def season(history: History, strength: tuple[float, ...]) -> np.ndarray:
    """Factors (pairs, weeks + HORIZON): the whole shop's, then each group's drawn towards its parent's.

    The groups run from DepartmentGroup to Product. A group's factor is (sold + k) / (expected by its parent + k), both
    over the week and half its neighbours, with k of ``strength``; infinite strength leaves the shop's factors.
    """
    sold = np.where(history.in_stock, history.sales, 0.0)
    known = history.in_stock.astype(float)
    weeks = sold.shape[1]
    total, count = (np.cumsum(np.pad(v, ((0, 0), (1, 0))), axis=1) for v in (sold, known))
    low = np.maximum(np.minimum(np.maximum(np.arange(weeks) - 26, 0) + 53, weeks) - 53, 0)
    high = np.minimum(low + 53, weeks)
    level = (total[:, high] - total[:, low] + 0.5) / (count[:, high] - count[:, low] + 1.0)
    capped = np.minimum(sold, 8 * level)  # one promotion must not become everybody's season
    place = week_of_year(history, HORIZON)
    fold = np.zeros((weeks, 52))
    fold[np.arange(weeks), place[:weeks]] = 1.0
    shop = capped.sum(axis=0) @ fold / np.maximum((level * known).sum(axis=0) @ fold, 1e-9)
    factor = np.repeat((shop / shop.mean())[None], len(sold), axis=0)  # (pairs, 52)
    smooth = fold + 0.5 * (np.roll(fold, 1, axis=1) + np.roll(fold, -1, axis=1))
    for name, k in zip(("DepartmentGroup", "Department", "Division", "ProductGroup", "Product"), strength, strict=True):
        if np.isinf(k):
            continue
        group = codes(history, name)
        made, expected = np.zeros((group.max() + 1, weeks)), np.zeros((group.max() + 1, weeks))
        np.add.at(made, group, capped)
        np.add.at(expected, group, level * known * factor[:, place[:weeks]])
        factor = factor * ((made @ smooth + k) / (expected @ smooth + k))[group]
    return (factor / factor.mean(axis=1, keepdims=True))[:, place]


def seasonal_mean(history: History, strength: tuple[float, ...], alpha: float = 0.08) -> np.ndarray:
    """Deseasonalised exponential level x season of the next weeks; (pairs, HORIZON)."""
    factor = season(history, strength)
    known = history.in_stock
    weeks = known.shape[1]
    usual = np.where(known, history.sales, 0.0).sum(1) / np.maximum(known.sum(1), 1)
    sales = np.minimum(history.sales / np.maximum(factor[:, :weeks], 0.2), 6 * np.maximum(usual, 0.5)[:, None])
    level, weight = np.ones(len(known)), 0.5  # one unit a week to begin with
    for decay, prior in ((0.02, weight), (alpha, 2.0)):
        w = known * (1 - decay) ** np.arange(weeks - 1, -1, -1)
        level = ((w * sales).sum(axis=1) + prior * level) / (w.sum(axis=1) + prior)
    return level[:, None] * factor[:, weeks:]


def usual_dispersion(history: History, span: int = 78) -> np.ndarray:
    """Dispersion from the errors of the level three weeks before, with each week's common rise taken out; (pairs,)."""
    sold, known = np.where(history.in_stock, history.sales, 0.0), history.in_stock
    level = smoothed_level(sold, known.astype(float), 0.1)
    weeks = np.arange(max(sold.shape[1] - 1 - span, 26), sold.shape[1])
    forecast, known, sold = level[:, weeks - HORIZON], known[:, weeks], sold[:, weeks]
    rise = sold.sum(axis=0) / np.maximum((forecast * known).sum(axis=0), 1.0)
    return shrunken_dispersion(sold, forecast * rise, known)


@dataclass
class Planner:
    """Our orders in one window. Trees are fitted once, on the history of the first order; newer weeks are inputs.

    The sample paths of a week are kept, as several definitions of demand ask for them: a planner serves one history.
    ``overage`` is per unit left over: above the week's holding cost, because what is left may stay for longer.
    """

    config: ForecastConfig = field(default_factory=ForecastConfig)
    overage: float = 0.27
    common: float = 0.1
    samples: int = 400
    trees: lgb.Booster | None = None
    paths: dict[int, np.ndarray] = field(default_factory=dict)

    def mean(self, history: History) -> np.ndarray:
        """Geometric mean of trees, level x the shop's season and level x shrunken group seasons; (pairs, HORIZON)."""
        if self.trees is None:
            self.trees = fit_trees(history, self.config)
        shop = tuple(np.inf for _ in self.config.group_strength)
        parts = [tree_mean(self.trees, history, self.config)]
        parts += [seasonal_mean(history, strength) for strength in (shop, self.config.group_strength)]
        return np.exp(np.mean([np.log(np.maximum(p, 1e-3)) for p in parts], axis=0))

    def __call__(self, history: History, state: State) -> np.ndarray:
        """Whole-unit orders for the third week from now."""
        now = history.sales.shape[1]
        if now not in self.paths:
            self.paths[now] = negative_binomial_paths(
                self.mean(history), usual_dispersion(history), self.common, self.samples, seed=now
            )
        arrivals = np.stack([state.next_week, state.week_after], axis=1)
        return lookahead_order(self.paths[now], state.stock, arrivals, SHORTAGE, self.overage)
