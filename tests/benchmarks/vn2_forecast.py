"""Weekly demand of VN2's pairs for the next three weeks: boosted trees and two seasonal levels, mixed.

Every number of a week's inputs comes from that week or before it, so that a history cut at the week gives the same.
"""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pandas as pd

from tests.benchmarks.vn2_data import History

HORIZON = 3  # an order decided now sells in the third week
_GROUPS = ("DepartmentGroup", "Department", "Division", "ProductGroup", "Product", "Store")


@dataclass(frozen=True)
class ForecastConfig:
    """Settings fixed on the validation windows.

    Parameters
    ----------
    memory : weeks of origins that the trees learn from.
    smoothing : weight of the newest week in the level.
    group_strength : units of demand after which a group's own season counts as much as its parent's.
    """

    rounds: int = 150
    leaves: int = 15
    learning_rate: float = 0.05
    power: float = 1.3
    memory: int = 104
    smoothing: float = 0.1
    group_strength: tuple[float, ...] = (30.0, 40.0, 60.0, 60.0, 60.0)
    seed: int = 1


def codes(history: History, name: str) -> np.ndarray:
    """Group number of each pair; store and product are the parts of its key."""
    return pd.factorize(history.master[name], sort=True)[0]


def trailing(values: np.ndarray, length: int) -> np.ndarray:
    """Sum over the last ``length`` weeks, this one included; (pairs, weeks)."""
    total = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    low = np.maximum(np.arange(values.shape[1]) + 1 - length, 0)
    return total[:, 1:] - total[:, low]


def smoothed_level(sold: np.ndarray, known: np.ndarray, alpha: float) -> np.ndarray:
    """Exponentially weighted mean of the weeks in stock, up to each week; (pairs, weeks)."""
    top, bottom, out = np.zeros(len(sold)), np.zeros(len(sold)), np.empty_like(sold)
    for t in range(sold.shape[1]):
        top, bottom = top * (1 - alpha) + sold[:, t], bottom * (1 - alpha) + known[:, t]
        out[:, t] = (top + 0.5) / (bottom + 1.0)
    return out


def week_of_year(history: History, ahead: int = 0) -> np.ndarray:
    """ISO week 0..51 of each week of the history and ``ahead`` more (week 53 counts as 52)."""
    dates = pd.date_range(history.dates[0], periods=len(history.dates) + ahead, freq="7D")
    return np.minimum(dates.isocalendar().week.to_numpy().astype(int), 52) - 1


def _by_group(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    out = np.zeros((group.max() + 1, *values.shape[1:]))
    np.add.at(out, group, values)
    return out


def inputs(history: History, first: int, config: ForecastConfig) -> tuple[np.ndarray, np.ndarray]:
    """Inputs of the origins ``first``.. end, (pairs, origins, HORIZON, inputs), and the level (pairs, weeks)."""
    sold, known = np.where(history.in_stock, history.sales, 0.0), history.in_stock.astype(float)
    pairs, weeks = sold.shape
    level = smoothed_level(sold, known, config.smoothing)
    origins = np.arange(first, weeks)
    plain = _recent(sold, known, level)
    groups = {"all": np.zeros(pairs, int)} | {name: codes(history, name) for name in _GROUPS}
    for group in groups.values():
        made, expected = _by_group(sold, group), _by_group(level * known, group)
        plain.append(np.log((made + 1) / (expected + 1))[group])
        plain.extend(np.log((trailing(made, n) + 2) / (trailing(expected, n) + 2))[group] for n in (4, 13))
    columns = [np.repeat(v[:, origins, None], HORIZON, axis=2) for v in plain]
    seasonal = {"pair": np.arange(pairs)} | {k: g for k, g in groups.items() if k != "Store"}
    for name, group in seasonal.items():
        columns.extend(_year_before(sold, known, group, origins, 1.0 if name == "pair" else 2.0))
    shape = (pairs, len(origins), HORIZON)
    season = week_of_year(history, HORIZON)[origins[:, None] + np.arange(1, HORIZON + 1)]
    columns.extend([np.broadcast_to(season, shape), np.broadcast_to(np.arange(HORIZON), shape)])
    for name in ("Department", "DepartmentGroup", "StoreFormat", "Format"):
        columns.append(np.broadcast_to(codes(history, name)[:, None, None], shape))
    return np.stack([c.astype(np.float32) for c in columns], axis=3), level


def _recent(sold: np.ndarray, known: np.ndarray, level: np.ndarray) -> list[np.ndarray]:
    """Size, means of several lengths against the level, last weeks, zeros, spread, stock, age, weeks since a sale."""
    out = [np.log(level)]
    for n in (4, 8, 13, 26, 52):
        mean = (trailing(sold, n) + 0.5) / (trailing(known, n) + 1.0)
        out.append(np.log((mean + 0.1) / (level + 0.1)))
    last = np.where(known > 0, np.log((sold + 0.3) / (level + 0.3)), np.nan)
    out.extend(np.pad(last, ((0, 0), (k, 0)), constant_values=np.nan)[:, : last.shape[1]] for k in range(4))
    zero = (sold == 0) * known
    out.extend(trailing(zero, n) / np.maximum(trailing(known, n), 1) for n in (26, 8))
    count = np.maximum(trailing(known, 52), 1)
    mean = trailing(sold, 52) / count
    out.append(np.sqrt(np.maximum(trailing(sold**2, 52) / count - mean**2, 0)) / (mean + 0.2))
    since, run = np.zeros_like(sold), np.zeros(len(sold))
    for t in range(sold.shape[1]):
        run = np.where(sold[:, t] > 0, 0, run + 1)
        since[:, t] = run
    return [*out, trailing(known, 13) / 13, np.cumsum(known, axis=1), since]


def _year_before(
    sold: np.ndarray, known: np.ndarray, group: np.ndarray, origins: np.ndarray, prior: float
) -> list[np.ndarray]:
    """Season of the target week one and two years before, against the pairs' mean of the 53 weeks around it.

    Three inputs each (one year, two years): the week with its neighbours; the same less the nine weeks that lie
    before the origin in that year; and the week alone (not for single pairs, where it is noise).
    """
    sums = np.cumsum(np.pad(sold, ((0, 0), (1, 0))), axis=1)
    counts = np.cumsum(np.pad(known, ((0, 0), (1, 0))), axis=1)
    total, size, single = _by_group(sold, group), group.max() + 1, group.max() + 1 == len(group)
    hat = np.array([0.5, 1.0, 0.5])
    out: list[np.ndarray] = []
    for lag in (52, 104):
        wide = np.full((size, len(origins), HORIZON), np.nan)
        rise, alone = wide.copy(), wide.copy()
        for o, s in enumerate(origins):
            for h in range(HORIZON):
                j = s + h + 1 - lag
                if j < 1:
                    continue
                low, high = max(j - 26, 0), min(j + 27, s + 1)
                mean = (sums[:, high] - sums[:, low] + 0.5) / (counts[:, high] - counts[:, low] + 1.0)

                def expected(part: np.ndarray, mean: np.ndarray = mean) -> np.ndarray:
                    return np.bincount(group, weights=mean * part, minlength=size)

                near = slice(j - 1, j + 2)
                wide[:, o, h] = np.log((total[:, near] @ hat + prior) / (expected(known[:, near] @ hat) + prior))
                alone[:, o, h] = np.log((total[:, j] + prior) / (expected(known[:, j]) + prior))
                past = slice(max(s - lag - 9, 0), s - lag + 1)
                if s - lag >= 4:
                    before = (total[:, past].sum(1) + prior) / (expected(known[:, past].sum(1)) + prior)
                    rise[:, o, h] = wide[:, o, h] - np.log(before)
        out.extend(v[group] for v in ((wide, rise) if single else (wide, rise, alone)))
    return out


def fit_trees(history: History, config: ForecastConfig) -> lgb.Booster:
    """Trees that correct the level, as a factor, under Tweedie loss; targets end with the history's last week."""
    last = history.sales.shape[1] - 1
    first = max(26, last - config.memory)
    table, level = inputs(history, first, config)
    table = table[:, :-1]  # (pairs, origins, HORIZON, inputs); the last week is nobody's past yet
    target = np.arange(first, last)[:, None] + np.arange(1, HORIZON + 1)  # (origins, HORIZON)
    inside = np.minimum(target, last)
    age = np.cumsum(history.in_stock, axis=1)[:, first:last, None]
    use = (target <= last) & history.in_stock[:, inside] & (age >= 4)
    offset = np.repeat(np.log(level[:, first:last, None]), HORIZON, axis=2)
    data = lgb.Dataset(table[use], history.sales[:, inside][use], init_score=offset[use])
    options = {
        "objective": "tweedie", "tweedie_variance_power": config.power, "learning_rate": config.learning_rate,
        "num_leaves": config.leaves, "min_data_in_leaf": 200, "feature_fraction": 0.4, "bagging_fraction": 0.7,
        "bagging_freq": 1, "lambda_l2": 10.0, "max_bin": 63, "seed": config.seed, "deterministic": True,
        "force_row_wise": True, "num_threads": 1, "verbose": -1,
    }  # fmt: skip
    return lgb.train(options, data, config.rounds)


def tree_mean(trees: lgb.Booster, history: History, config: ForecastConfig) -> np.ndarray:
    """Mean demand of the next weeks; (pairs, HORIZON)."""
    table, level = inputs(history, history.sales.shape[1] - 1, config)
    score = np.asarray(trees.predict(table[:, 0].reshape(-1, table.shape[3]), raw_score=True))
    return np.exp(score).reshape(-1, HORIZON) * level[:, -1:]
