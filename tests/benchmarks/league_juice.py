"""Our forecast of the orange juice task: gradient boosting and a linear model on log sales, trained on what MAPE asks.

The absolute percentage error of a log forecast with error ``r`` is ``|exp(r) - 1|``: its gradient is
``sign(r) exp(r)``, so that forecasts too high cost more. Both models minimise it directly; settings were chosen on
rounds whose targets end by week 134.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from league_models import Forecast
from league_tasks import View

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES
from salesforecast_lib.models.peers.baselines import tidy

_BRANDS = 11


@dataclass(frozen=True)
class JuiceConfig:
    """Settings chosen on rounds whose targets end by week 135.

    Parameters
    ----------
    memory : weeks of targets that boosting learns from.
    linear_share : weight of the linear model in the mix, on the log scale.
    linear_shift, shift : added to the linear forecast and to the mix, on the log scale.
    half_life : weeks after which a row counts half in the linear model.
    """

    trees: int = 300
    leaves: int = 31
    learning_rate: float = 0.05
    memory: int = 200
    linear_share: float = 0.3
    linear_shift: float = -0.15
    shift: float = -0.04
    half_life: float = 60.0
    ridge: float = 30.0
    seed: int = 0


@dataclass(frozen=True)
class QuantileConfig:
    """Settings of the quantile fits, chosen on rounds whose targets end by week 135.

    Parameters
    ----------
    gaps : weeks from origin to target that are learnt: those that the protocol scores.
    memory : weeks of targets that boosting learns from.
    """

    trees: int = 200
    leaves: int = 31
    learning_rate: float = 0.08
    gaps: tuple[int, ...] = (2, 3)
    memory: int = 200
    seed: int = 0


class Shelf:
    """The panel as arrays (store, brand, week): log sales (missing where unknown), log prices, deal, feature."""

    def __init__(self, view: View) -> None:
        panel = view.panel
        self.store, self.stores = pd.factorize(panel["store"], sort=True)
        self.brand = panel["brand"].str[1:].astype(int).to_numpy() - 1
        weeks = np.sort(panel["ds"].unique())
        week = np.searchsorted(weeks, panel["ds"].to_numpy())
        self.origin = int(np.searchsorted(weeks, np.datetime64(view.cutoff)))
        shape = (len(self.stores), _BRANDS, len(weeks))
        self.sales, self.price = np.full(shape, np.nan), np.full(shape, np.nan)
        self.deal, self.feature = np.zeros(shape), np.zeros(shape)
        place = (self.store, self.brand, week)
        known = (panel["available"] > 0).to_numpy()
        with np.errstate(divide="ignore", invalid="ignore"):  # sales are missing beyond the cutoff and in gaps
            self.sales[place] = np.where(known, np.log(panel["y"].to_numpy()), np.nan)
        self.deal[place], self.feature[place] = panel["deal"], panel["feature"]
        for k in range(_BRANDS):
            self.price[self.store, k, week] = panel[f"log_price{k + 1}"]
            rows = pd.DataFrame(self.price[:, k].T).ffill().bfill()
            self.price[:, k] = rows.to_numpy().T
        self.row = {name: (s, b) for name, s, b in zip(panel["unique_id"], self.store, self.brand, strict=True)}


def _mean(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis of what is known; missing where nothing is."""
    known = np.isfinite(values)
    return np.where(known, values, 0).sum(-1) / np.where(known.any(-1), known.sum(-1), np.nan)


def inputs(shelf: Shelf, origin: int, target: int) -> tuple[np.ndarray, np.ndarray]:
    """Columns (store × brand, inputs) for week ``target`` known after week ``origin``, and the level (store × brand,).

    Sales enter up to ``origin`` only; prices, deals and features up to ``target``.
    """
    sales, price, deal, feature = shelf.sales[:, :, : origin + 1], shelf.price, shelf.deal, shelf.feature
    size = sales.shape[:2]
    own = price[:, :, target]
    half_year = price[:, :, max(0, origin - 25) : origin + 1]
    rival = np.stack([np.delete(own, k, axis=1).min(1) for k in range(_BRANDS)], axis=1)
    year = slice(max(0, origin - 51), origin + 1)
    above = sales[:, :, year] - _mean(sales[:, :, year])[:, :, None]
    known = np.isfinite(above)
    above = np.where(known, above, 0.0)
    state = (feature > 0.5) * 2 + (deal > 0.5)
    same = known & (state[:, :, year] == state[:, :, [target]])
    near = np.exp(-(((price[:, :, year] - own[:, :, None]) / 0.08) ** 2))
    near = near * np.exp(-2 * np.abs(feature[:, :, year] - feature[:, :, [target]])) * known
    near = near * np.exp(-(origin - np.arange(year.start, origin + 1)) / 40)
    columns = [
        np.arange(size[0])[:, None], np.arange(size[1])[None], np.full(size, target - origin),
        np.full(size, target % 52),
        *(sales[:, :, origin - lag] for lag in range(4)),
        *(_mean(sales[:, :, -w:]) for w in (4, 8, 16, 52)),
        *(np.sqrt(_mean((sales[:, :, -w:] - _mean(sales[:, :, -w:])[:, :, None]) ** 2)) for w in (8, 26)),
        own, own - own.mean(1, keepdims=True), own - rival, own - half_year.mean(2), own - half_year.min(2),
        own - price[:, :, target - 1], price[:, :, target - 1] - half_year.mean(2),
        deal[:, :, target], feature[:, :, target], deal[:, :, target - 1], feature[:, :, target - 1],
        deal[:, :, target].sum(1, keepdims=True), feature[:, :, target].sum(1, keepdims=True),
        feature[:, :, target].mean(0, keepdims=True), deal[:, :, target].mean(0, keepdims=True),
        *(own[:, [k]] for k in range(_BRANDS)),
        (above * same).sum(2) / (same.sum(2) + 2), (above * near).sum(2) / (near.sum(2) + 0.3), near.sum(2),
        ((above * near).sum((0, 2)) / (near.sum((0, 2)) + 1))[None],
    ]  # fmt: skip
    level = _mean(sales[:, :, -26:]).reshape(-1)
    return np.stack([np.broadcast_to(column, size).reshape(-1) for column in columns], axis=1), level


def _percentage(forecast: np.ndarray, data: lgb.Dataset) -> tuple[np.ndarray, np.ndarray]:
    """Gradient of ``|exp(r) - 1|`` and a positive curvature for Newton's step."""
    error = np.clip(forecast - data.get_label(), -3, 3)
    return np.sign(error) * np.exp(error), 0.5 * np.exp(error) + 0.05


def training_data(shelf: Shelf, origin: int, gaps: list[int], memory: int) -> lgb.Dataset:
    """Rows of all targets of the last ``memory`` weeks up to ``origin``, one a gap; log sales above the level."""
    pairs = [(t - g, t) for t in range(max(12, origin - memory), origin + 1) for g in gaps if t - g >= 8]
    made = [(*inputs(shelf, *pair), shelf.sales[:, :, pair[1]].reshape(-1)) for pair in pairs]
    columns, level, sales = (np.concatenate([each[k] for each in made]) for k in range(3))
    good = np.isfinite(sales) & np.isfinite(level)
    return lgb.Dataset(columns[good], (sales - level)[good], categorical_feature=[1])


def booster_settings(config: JuiceConfig | QuantileConfig) -> dict[str, Any]:
    """What both boostings share."""
    return {
        "learning_rate": config.learning_rate,
        "num_leaves": config.leaves,
        "min_data_in_leaf": 50,
        "feature_fraction": 0.5,
        "bagging_freq": 1,
        "num_threads": 1,
        "max_bin": 127,
        "seed": config.seed,
        "verbosity": -1,
    }


def predicted(models: list[lgb.Booster], shelf: Shelf, origin: int, targets: list[int]) -> np.ndarray:
    """Log forecasts (store, brand, target, model)."""
    out = []
    for target in targets:
        rows, level = inputs(shelf, origin, target)
        values = np.stack([np.asarray(model.predict(rows)) + level for model in models], axis=1)
        out.append(values.reshape(*shelf.sales.shape[:2], len(models)))
    return np.stack(out, axis=2)


def boosted(shelf: Shelf, origin: int, targets: list[int], config: JuiceConfig) -> np.ndarray:
    """Log forecasts (store, brand, target) of one LightGBM fitted on targets up to ``origin``, with the same gaps."""
    data = training_data(shelf, origin, sorted({target - origin for target in targets}), config.memory)
    settings = {**booster_settings(config), "objective": _percentage, "bagging_fraction": 0.6}
    return predicted([lgb.train(settings, data, config.trees)], shelf, origin, targets)[..., 0]


def _design(shelf: Shelf, brand: int, origin: int) -> np.ndarray:
    """Inputs of the linear model of a brand, (store, week, inputs); prices against the store's mean so far."""
    price = shelf.price - shelf.price[:, :, : origin + 1].mean(2, keepdims=True)
    own, others = price[:, brand], np.delete(price, brand, 1)
    deal, feature = shelf.deal[:, brand], shelf.feature[:, brand]

    def before(values: np.ndarray) -> np.ndarray:
        return np.concatenate([values[:, :1], values[:, :-1]], axis=1)

    columns = [own, own**2, deal, feature, deal * feature, own * feature, before(own), before(deal), before(feature),
               before(before(feature)), others.min(1), own - price.mean(1), *np.moveaxis(others, 1, 0),
               *np.moveaxis(np.delete(shelf.feature, brand, 1), 1, 0), np.delete(shelf.deal, brand, 1).sum(1),
               np.minimum(own + 0.15, 0), np.minimum(own + 0.3, 0)]  # fmt: skip
    return np.stack(columns, axis=2)


def linear(shelf: Shelf, origin: int, targets: list[int], config: JuiceConfig) -> np.ndarray:
    """Log forecasts (store, brand, target): a ridge regression a brand with store effects and recent residuals.

    Reweighted least squares (three rounds) approach the minimum of the percentage error.
    """
    out = np.full((*shelf.sales.shape[:2], len(targets)), np.nan)
    stores = len(shelf.stores)
    for brand in range(_BRANDS):
        design = _design(shelf, brand, origin)
        size = design.shape[2]
        sales = shelf.sales[:, brand, : origin + 1].reshape(-1)
        good = np.isfinite(sales)
        age = 0.5 ** ((origin - np.arange(origin + 1)) / config.half_life)
        aged = np.tile(age, stores)[good]
        store = np.repeat(np.arange(stores), origin + 1)[good]
        rows, sales = design[:, : origin + 1].reshape(-1, size)[good], sales[good]
        centre, width = np.average(rows, axis=0, weights=aged), rows.std(0) + 1e-3
        rows, weight = (rows - centre) / width, aged.copy()
        for _ in range(4):
            middle, effect = np.average(sales, weights=weight), np.zeros(stores)
            left = (rows * weight[:, None]).T @ rows + config.ridge * np.eye(size)
            for _ in range(6):  # slopes and store effects in turn
                slope = np.linalg.solve(left, (rows * weight[:, None]).T @ (sales - middle - effect[store]))
                rest = (sales - middle - rows @ slope) * weight
                effect = np.bincount(store, rest, stores) / (np.bincount(store, weight, stores) + 1.0)
            error = middle + effect[store] + rows @ slope - sales
            weight = aged * np.exp(np.clip(error, -1.5, 1.5)) * 0.3 / np.maximum(np.abs(error), 0.1)
        residual = np.full(stores * (origin + 1), np.nan)
        residual[good] = -error
        residual = residual.reshape(stores, origin + 1)
        known, recent = np.isfinite(residual), np.exp(-np.arange(origin, -1, -1) / 6)
        drift = (np.where(known, residual, 0) * recent).sum(1) / ((known * recent).sum(1) + 3.0)
        ahead = (design[:, targets] - centre) / width
        out[:, brand] = (middle + effect + drift)[:, None] + ahead @ slope
    return out


def boosted_quantiles(shelf: Shelf, origin: int, targets: list[int], config: QuantileConfig) -> np.ndarray:
    """Log quantiles (store, brand, target, level): one LightGBM a level with the pinball loss, fitted up to ``origin``.

    The loss on the log scale weighs products alike, as the scaled quantile loss does; a quantile keeps its meaning when
    the scale is changed.
    """
    data = training_data(shelf, origin, list(config.gaps), config.memory)
    settings = {**booster_settings(config), "objective": "quantile", "bagging_fraction": 0.5, "force_row_wise": True}
    models = [lgb.train({**settings, "alpha": level}, data, config.trees) for level in QUANTILES]
    return predicted(models, shelf, origin, targets)


Point = Callable[[Shelf, int, list[int]], np.ndarray]


def _rows(view: View, shelf: Shelf, values: np.ndarray) -> tuple[pd.DataFrame, np.ndarray]:
    """``unique_id, ds`` of the view's horizon, and the values (store, brand, step, …) of each of these rows."""
    ahead = view.panel.loc[view.panel["ds"] > view.cutoff, ["unique_id", "ds"]].reset_index(drop=True)
    where = np.array([shelf.row[name] for name in ahead["unique_id"]])
    return ahead, values[where[:, 0], where[:, 1], view.steps.get_indexer(ahead["ds"])]


def _entry(point: Point, config: JuiceConfig) -> Callable[[View], Forecast]:
    """Forecast table around ``point`` (log forecasts): refitted at each view, quantiles from past errors.

    The errors are those of the same models at an origin whose targets end at the first cutoff. ``point`` aims at the
    smallest percentage error, below the median; it stays the table's ``mean``, and the quantiles stand where the
    errors say.
    """

    def fit(first: View) -> Forecast:
        shelf = Shelf(first)
        early = shelf.origin - len(first.steps)
        tested = [early + k for k in range(2, len(first.steps) + 1)]
        errors = shelf.sales[:, :, tested] - point(shelf, early, tested)
        spread = np.nanquantile(errors, QUANTILES)

        def forecast(view: View) -> pd.DataFrame:
            shelf = Shelf(view)
            values = point(shelf, shelf.origin, [shelf.origin + k for k in range(1, len(view.steps) + 1)])
            ahead, log = _rows(view, shelf, values)
            quantiles = np.exp(log[:, None] + spread)
            table = ahead.assign(cutoff=view.cutoff, model="", mean=np.exp(log + config.shift))
            return tidy(table.assign(**{name: quantiles[:, k] for k, name in enumerate(QUANTILE_COLUMNS)}))

        return forecast

    return fit


def juice_boosting(config: JuiceConfig) -> Callable[[View], Forecast]:
    """Gradient boosting alone."""
    return _entry(lambda shelf, origin, targets: boosted(shelf, origin, targets, config), config)


def juice_mix(config: JuiceConfig) -> Callable[[View], Forecast]:
    """Gradient boosting and the linear model, averaged on the log scale."""

    def point(shelf: Shelf, origin: int, targets: list[int]) -> np.ndarray:
        low = linear(shelf, origin, targets, config) + config.linear_shift
        return (1 - config.linear_share) * boosted(shelf, origin, targets, config) + config.linear_share * low

    return _entry(point, config)


def juice_quantiles(config: QuantileConfig) -> Callable[[View], Forecast]:
    """The quantile fits as a league entry, fitted anew at each view; the mean is the median."""

    def forecast(view: View) -> pd.DataFrame:
        shelf = Shelf(view)
        targets = [shelf.origin + k for k in range(1, len(view.steps) + 1)]
        values = np.exp(boosted_quantiles(shelf, shelf.origin, targets, config))
        ahead, quantiles = _rows(view, shelf, values)
        table = ahead.assign(cutoff=view.cutoff, model="", mean=quantiles[:, QUANTILES.index(0.5)])
        return tidy(table.assign(**{name: quantiles[:, k] for k, name in enumerate(QUANTILE_COLUMNS)}))

    return lambda first: forecast
