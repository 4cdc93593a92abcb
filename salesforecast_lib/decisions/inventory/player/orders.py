"""Weekly orders: trees and seasonal levels, mixed to a mean, and the order that is cheapest in its first week.

Weekly panel in (`WeeklyHistory`), orders or sample paths out; costs and the lead time are parameters.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import lightgbm as lgb
import numpy as np

from salesforecast_lib.decisions.inventory.lookahead import moment_order
from salesforecast_lib.decisions.inventory.paths import negative_binomial_paths, shrunken_dispersion
from salesforecast_lib.decisions.inventory.player.demand import (
    WeeklyDemandConfig,
    WeeklyHistory,
    fit_trees,
    smoothed_level,
    tree_mean,
    week_of_year,
)

YEAR_SEEN = 56  # weeks: before that, most weeks ahead have no week of the year before
LEARNT_ORIGINS = 8  # weeks that trees need to learn from, after the half year that their inputs look back


def season(history: WeeklyHistory, config: WeeklyDemandConfig, own: bool = True) -> np.ndarray:
    """Factors (products, weeks + horizon): the whole shop's, then each group's drawn towards its parent's.

    The groups are the nested attributes of the configuration, the widest first. A group's factor is
    (sold + k) / (expected by its parent + k), both over the week and half its neighbours, with k of
    ``group_strength``. Without ``own`` seasons the shop's factors are left. A history that has hardly seen a year says
    nothing about seasons: all factors are 1.
    """
    sold = np.where(history.in_stock, history.sales, 0.0)
    known = history.in_stock.astype(float)
    weeks = sold.shape[1]
    if weeks < YEAR_SEEN:
        return np.ones((len(sold), weeks + config.horizon))
    total, count = (np.cumsum(np.pad(v, ((0, 0), (1, 0))), axis=1) for v in (sold, known))
    low = np.maximum(np.minimum(np.maximum(np.arange(weeks) - 26, 0) + 53, weeks) - 53, 0)
    high = np.minimum(low + 53, weeks)
    level = (total[:, high] - total[:, low] + 0.5) / (count[:, high] - count[:, low] + 1.0)
    capped = np.minimum(sold, 8 * level)  # one promotion must not become everybody's season
    place = week_of_year(history, config.horizon)
    fold = np.zeros((weeks, 52))
    fold[np.arange(weeks), place[:weeks]] = 1.0
    shop = capped.sum(axis=0) @ fold / np.maximum((level * known).sum(axis=0) @ fold, 1e-9)
    factor = np.repeat((shop / shop.mean())[None], len(sold), axis=0)  # (products, 52)
    smooth = fold + 0.5 * (np.roll(fold, 1, axis=1) + np.roll(fold, -1, axis=1))
    for name, k in zip(config.nested, config.group_strength, strict=True):
        if not own or np.isinf(k):
            continue
        group = history.codes(name)
        made, expected = np.zeros((group.max() + 1, weeks)), np.zeros((group.max() + 1, weeks))
        np.add.at(made, group, capped)
        np.add.at(expected, group, level * known * factor[:, place[:weeks]])
        factor = factor * ((made @ smooth + k) / (expected @ smooth + k))[group]
    return (factor / factor.mean(axis=1, keepdims=True))[:, place]


def seasonal_mean(
    history: WeeklyHistory, config: WeeklyDemandConfig, own: bool = True, alpha: float = 0.08
) -> np.ndarray:
    """Deseasonalised exponential level x season of the next weeks; (products, horizon)."""
    factor = season(history, config, own)
    known = history.in_stock
    weeks = known.shape[1]
    usual = np.where(known, history.sales, 0.0).sum(1) / np.maximum(known.sum(1), 1)
    sales = np.minimum(history.sales / np.maximum(factor[:, :weeks], 0.2), 6 * np.maximum(usual, 0.5)[:, None])
    level, weight = np.ones(len(known)), 0.5  # one unit a week to begin with
    for decay, prior in ((0.02, weight), (alpha, 2.0)):
        w = known * (1 - decay) ** np.arange(weeks - 1, -1, -1)
        level = ((w * sales).sum(axis=1) + prior * level) / (w.sum(axis=1) + prior)
    return level[:, None] * factor[:, weeks:]


def usual_dispersion(history: WeeklyHistory, horizon: int, span: int = 78) -> np.ndarray:
    """Dispersion from errors of the level ``horizon`` weeks before, each week's common rise taken out; (products,)."""
    sold, known = np.where(history.in_stock, history.sales, 0.0), history.in_stock
    level = smoothed_level(sold, known.astype(float), 0.1)
    stop = sold.shape[1]
    weeks = np.arange(max(stop - 1 - span, min(26, stop // 2), horizon), stop)
    forecast, known, sold = level[:, weeks - horizon], known[:, weeks], sold[:, weeks]
    rise = sold.sum(axis=0) / np.maximum((forecast * known).sum(axis=0), 1.0)
    return shrunken_dispersion(sold, forecast * rise, known)


@dataclass
class WeeklyPlanner:
    """Orders of all products, week by week. Trees are fitted once, at the first order; newer weeks are inputs.

    A planner serves one history: the forecast of a week is kept, as a comparison may ask for it several times.

    Parameters
    ----------
    config : the demand model and the lead time.
    underage, overage : money per unit lost, and per unit left over. What is left may stay for longer than a week, so
        overage may lie above a week's holding cost.
    common : share of the dispersion that is one draw for a whole sample path; ``samples`` paths are drawn. Orders take
        the weeks' errors as drawn apart.
    width : the dispersion over that of a plain level's errors, below 1 where the mean is better than the level.
    """

    config: WeeklyDemandConfig
    underage: float
    overage: float
    common: float = 0.1
    samples: int = 400
    width: float = 1.0
    trees: list[lgb.Booster] | None = None
    means: dict[int, np.ndarray] = field(default_factory=dict)  # forecast by number of weeks known

    def mean(self, history: WeeklyHistory) -> np.ndarray:
        """Geometric mean of trees and levels, each half; (products, horizon).

        The levels are those with the shop's season and those with groups' seasons, in equal parts. Where the history is
        too short for trees at the first order, the levels are left.
        """
        config = self.config
        levels = [seasonal_mean(history, config, own, alpha) for own in (False, True) for alpha in config.level_weights]
        log_mean = np.mean([np.log(np.maximum(level, 1e-3)) for level in levels], axis=0)
        if self.trees is None and history.sales.shape[1] >= 26 + LEARNT_ORIGINS:
            self.trees = fit_trees(history, config)
        if self.trees is not None:
            log_mean = (log_mean + np.log(np.maximum(tree_mean(self.trees, history, config), 1e-3))) / 2
        return np.exp(log_mean)

    def dispersion(self, history: WeeklyHistory) -> np.ndarray:
        """``variance = mean + d mean^2`` of a week's demand around the forecast; (products,)."""
        return self.width * usual_dispersion(history, self.config.horizon)

    def paths_around(self, mean: np.ndarray, history: WeeklyHistory) -> np.ndarray:
        """Whole-unit paths around a mean (products, horizon), as wide as past errors; (samples, products, horizon)."""
        return negative_binomial_paths(
            mean, self.dispersion(history), self.common, self.samples, seed=history.sales.shape[1]
        )

    def order(self, history: WeeklyHistory, on_hand: np.ndarray, arrivals: np.ndarray) -> np.ndarray:
        """Whole-unit orders, (products,), decided at the end of the history's last week.

        Parameters
        ----------
        on_hand : stock now, (products,).
        arrivals : goods on the way by the week they come in, (products, lead_time).

        Raises ValueError when the arrivals do not span the lead time.
        """
        arrivals = np.asarray(arrivals, float)
        if arrivals.shape != (len(history.sales), self.config.lead_time):
            raise ValueError(
                f"arrivals {arrivals.shape}: expected {(len(history.sales), self.config.lead_time)}, a column for "
                "each week of the lead time"
            )
        now = history.sales.shape[1]
        if now not in self.means:
            self.means[now] = self.mean(history)
        spread = self.dispersion(history)
        return moment_order(self.means[now], spread, on_hand, arrivals, self.underage, self.overage)
