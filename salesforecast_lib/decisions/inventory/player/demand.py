"""Weekly demand of many products for the next weeks: boosted trees that correct a smoothed level (chapter 08).

Every number of a week's inputs comes from that week or before it, so that a history cut at the week gives the same.
Here stands the model that `orders` mixes with two seasonal levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pandas as pd


@dataclass(frozen=True)
class WeeklyHistory:
    """What is known at the end of a week.

    Parameters
    ----------
    sales : (products, weeks), units; ``in_stock`` (products, weeks) is False where the shelf was empty.
    dates : the weeks, seven days apart.
    attributes : a row a product, with the columns that `WeeklyDemandConfig` names.
    """

    sales: np.ndarray
    in_stock: np.ndarray
    dates: pd.DatetimeIndex
    attributes: pd.DataFrame

    def until(self, week: int) -> WeeklyHistory:
        """The same at the end of column ``week``: nothing later is left in the arrays."""
        stop = week + 1
        return WeeklyHistory(self.sales[:, :stop], self.in_stock[:, :stop], self.dates[:stop], self.attributes)

    def codes(self, name: str) -> np.ndarray:
        """Group number of each product in one column of the attributes, (products,)."""
        if name not in self.attributes:
            raise ValueError(f"attributes: no column {name!r}; expected one of {list(self.attributes)}")
        return pd.factorize(self.attributes[name], sort=True)[0]


@dataclass(frozen=True)
class WeeklyDemandConfig:
    """Settings of the demand model; the defaults were fixed on earlier windows of 599 products' history.

    Parameters
    ----------
    lead_time : weeks between an order and its arrival; what is ordered now sells in week ``lead_time + 1``.
    nested : attributes from the widest group to the narrowest; each has a season of its own.
    other_groups : attributes whose level and trend are inputs, such as the store.
    categories : attributes that the trees see as numbers.
    memory : weeks of origins that the trees learn from.
    half_lives : one set of trees each: weeks after which an origin's weight has halved; infinite: all weigh the same.
    seeds : one set of trees each; their forecasts are averaged, as the draw of one seed moves them.
    smoothing : weight of the newest week in the level that trees correct.
    level_weights : weights of the newest week in the seasonal levels, which are averaged.
    group_strength : units of demand after which a group's own season counts as much as its parent's, one a nested
        attribute; infinite leaves the parent's.
    """

    lead_time: int = 2
    nested: tuple[str, ...] = ()
    other_groups: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    group_strength: tuple[float, ...] = ()
    rounds: int = 150
    leaves: int = 15
    learning_rate: float = 0.05
    power: float = 1.3
    memory: int = 104
    half_lives: tuple[float, ...] = (np.inf, 26.0)
    smoothing: float = 0.1
    level_weights: tuple[float, ...] = (0.05, 0.25)
    seeds: tuple[int, ...] = (1, 2, 3)

    def __post_init__(self) -> None:
        if self.lead_time < 0 or len(self.group_strength) != len(self.nested):
            raise ValueError(
                f"lead_time={self.lead_time}, nested={self.nested}, group_strength={self.group_strength}: expected a "
                "lead time of zero or more and one strength for each nested attribute"
            )

    @property
    def horizon(self) -> int:
        """Weeks that a forecast reaches: up to the one in which an order decided now first sells."""
        return self.lead_time + 1


def trailing(values: np.ndarray, length: int) -> np.ndarray:
    """Sum over the last ``length`` weeks, this one included; (products, weeks)."""
    total = np.cumsum(np.pad(values, ((0, 0), (1, 0))), axis=1)
    low = np.maximum(np.arange(values.shape[1]) + 1 - length, 0)
    return total[:, 1:] - total[:, low]


def smoothed_level(sold: np.ndarray, known: np.ndarray, alpha: float) -> np.ndarray:
    """Exponentially weighted mean of the weeks in stock, up to each week; (products, weeks)."""
    top, bottom, out = np.zeros(len(sold)), np.zeros(len(sold)), np.empty_like(sold)
    for t in range(sold.shape[1]):
        top, bottom = top * (1 - alpha) + sold[:, t], bottom * (1 - alpha) + known[:, t]
        out[:, t] = (top + 0.5) / (bottom + 1.0)
    return out


def week_of_year(history: WeeklyHistory, ahead: int = 0) -> np.ndarray:
    """ISO week 0..51 of each week of the history and ``ahead`` more (week 53 counts as 52)."""
    dates = pd.date_range(history.dates[0], periods=len(history.dates) + ahead, freq="7D")
    return np.minimum(dates.isocalendar().week.to_numpy().astype(int), 52) - 1


def _by_group(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    out = np.zeros((group.max() + 1, *values.shape[1:]))
    np.add.at(out, group, values)
    return out


def inputs(history: WeeklyHistory, first: int, config: WeeklyDemandConfig) -> tuple[np.ndarray, np.ndarray]:
    """Inputs of the origins ``first``.. end, (products, origins, horizon, inputs), and the level (products, weeks)."""
    sold, known = np.where(history.in_stock, history.sales, 0.0), history.in_stock.astype(float)
    (products, weeks), horizon = sold.shape, config.horizon
    level = smoothed_level(sold, known, config.smoothing)
    origins = np.arange(first, weeks)
    plain = _recent(sold, known, level)
    names = (*config.nested, *config.other_groups)
    groups = {"all": np.zeros(products, int)} | {name: history.codes(name) for name in names}
    for group in groups.values():
        made, expected = _by_group(sold, group), _by_group(level * known, group)
        plain.append(np.log((made + 1) / (expected + 1))[group])
        plain.extend(np.log((trailing(made, n) + 2) / (trailing(expected, n) + 2))[group] for n in (4, 13))
    columns = [np.repeat(v[:, origins, None], horizon, axis=2) for v in plain]
    seasonal = {"product": np.arange(products)} | {k: g for k, g in groups.items() if k not in config.other_groups}
    for name, group in seasonal.items():
        columns.extend(_year_before(sold, known, group, origins, horizon, 1.0 if name == "product" else 2.0))
    shape = (products, len(origins), horizon)
    season = week_of_year(history, horizon)[origins[:, None] + np.arange(1, horizon + 1)]
    columns.extend([np.broadcast_to(season, shape), np.broadcast_to(np.arange(horizon), shape)])
    for name in config.categories:
        columns.append(np.broadcast_to(history.codes(name)[:, None, None], shape))
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
    sold: np.ndarray, known: np.ndarray, group: np.ndarray, origins: np.ndarray, horizon: int, prior: float
) -> list[np.ndarray]:
    """Season of the target week one and two years before, against the products' mean of the 53 weeks around it.

    Three inputs each (one year, two years): the week with its neighbours; the same less the nine weeks that lie
    before the origin in that year; and the week alone (not for single products, where it is noise).
    """
    sums = np.cumsum(np.pad(sold, ((0, 0), (1, 0))), axis=1)
    counts = np.cumsum(np.pad(known, ((0, 0), (1, 0))), axis=1)
    total, size, single = _by_group(sold, group), group.max() + 1, group.max() + 1 == len(group)
    hat = np.array([0.5, 1.0, 0.5])
    out: list[np.ndarray] = []
    for lag in (52, 104):
        wide = np.full((size, len(origins), horizon), np.nan)
        rise, alone = wide.copy(), wide.copy()
        for o, s in enumerate(origins):
            for h in range(horizon):
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


def fit_trees(history: WeeklyHistory, config: WeeklyDemandConfig) -> list[lgb.Booster]:
    """Trees that correct the level, as a factor, under Tweedie loss; targets end with the history's last week.

    One set for each half-life and seed of the configuration.
    """
    last = history.sales.shape[1] - 1
    first = max(26, last - config.memory)
    table, level = inputs(history, first, config)
    table = table[:, :-1]  # (products, origins, horizon, inputs); the last week is nobody's past yet
    horizon = config.horizon
    target = np.arange(first, last)[:, None] + np.arange(1, horizon + 1)  # (origins, horizon)
    inside = np.minimum(target, last)
    age = np.cumsum(history.in_stock, axis=1)[:, first:last, None]
    use = (target <= last) & history.in_stock[:, inside] & (age >= 4)
    offset = np.repeat(np.log(level[:, first:last, None]), horizon, axis=2)
    options = {
        "objective": "tweedie", "tweedie_variance_power": config.power, "learning_rate": config.learning_rate,
        "num_leaves": config.leaves, "min_data_in_leaf": 200, "feature_fraction": 0.4, "bagging_fraction": 0.7,
        "bagging_freq": 1, "lambda_l2": 10.0, "max_bin": 63, "deterministic": True, "force_row_wise": True,
        "num_threads": 1, "verbose": -1,
    }  # fmt: skip
    sets = []
    data = lgb.Dataset(
        table[use], history.sales[:, inside][use], init_score=offset[use], free_raw_data=False, params={"max_bin": 63}
    )
    for half_life in config.half_lives:
        weight = 0.5 ** ((last - target) / half_life)  # (origins, horizon)
        data.set_weight(np.broadcast_to(weight, use.shape)[use])
        sets += [lgb.train(options | {"seed": seed}, data, config.rounds) for seed in config.seeds]
    return sets


def tree_mean(trees: list[lgb.Booster], history: WeeklyHistory, config: WeeklyDemandConfig) -> np.ndarray:
    """Mean demand of the next weeks, the geometric mean over sets of trees; (products, horizon)."""
    table, level = inputs(history, history.sales.shape[1] - 1, config)
    rows = table[:, 0].reshape(-1, table.shape[3])
    score = np.mean([np.asarray(each.predict(rows, raw_score=True)) for each in trees], axis=0)
    return np.exp(score).reshape(-1, config.horizon) * level[:, -1:]
