"""The value of accuracy: which error measure ranks forecasts as their cost in money does (chapter 08)."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from salesforecast_lib import QUANTILES
from salesforecast_lib.decisions.inventory.case_study import Case, model_run
from salesforecast_lib.decisions.inventory.orders import (
    forecast_arrays,
    newsvendor_quantiles,
    order_up_to_level,
    rolling_moments,
)
from salesforecast_lib.decisions.inventory.simulator import SimulationConfig
from salesforecast_lib.evaluation.metrics import crps
from salesforecast_lib.wording import listed

METRICS = ("WAPE", "RMSE", "absolute bias", "scaled CRPS", "cost-quantile loss", "interval loss")


def _tilted(error: np.ndarray, level: float) -> np.ndarray:
    return np.maximum(level * error, (level - 1) * error)


def product_losses(case: Case, model: str, config: SimulationConfig, service_level: float) -> dict[str, np.ndarray]:
    """Losses of one model that add up over products, each (products,), and its simulated ``cost`` (money).

    Losses of single periods are summed over the ``scored`` periods, which ``periods`` counts, as in chapter 07.
    ``cost-quantile loss`` is the pinball loss of single periods at the service level; ``interval loss`` that of the
    order-up-to level against the demand of the protection interval it is for.
    """
    _, _, arrays = forecast_arrays(case.forecasts, model)
    products = len(case.ids)
    mean, y = (arrays[name].transpose(1, 0, 2).reshape(products, -1) for name in ("mean", "y"))
    quantiles = arrays["quantiles"].transpose(1, 0, 2, 3).reshape(products, -1, len(QUANTILES))
    ratio = float(np.clip(service_level, QUANTILES[0], QUANTILES[-1]))
    at_cost = newsvendor_quantiles(quantiles, ratio, 1 - ratio)
    level = order_up_to_level(*rolling_moments(arrays, config.protection, case.season), service_level)
    ahead = np.zeros((products, 0))  # no interval ends within the periods
    if y.shape[1] >= config.protection:
        ahead = np.lib.stride_tricks.sliding_window_view(y, config.protection, axis=1).sum(axis=2)
    score = crps(y.ravel(), quantiles.reshape(-1, len(QUANTILES))).reshape(y.shape)

    def total(loss: np.ndarray) -> np.ndarray:  # (products, periods) -> (products,)
        return np.where(case.scored, loss, 0.0).sum(axis=1)

    return {
        "periods": case.scored.sum(axis=1).astype(float),
        "demand": total(y),
        "absolute": total(np.abs(mean - y)),
        "square": total((mean - y) ** 2),
        "error": total(mean - y),
        "score": total(score),
        "at_cost": total(_tilted(y - at_cost, service_level)),
        "interval": _tilted(ahead - level[:, : ahead.shape[1]], service_level).sum(axis=1),
        "cost": model_run(case, model, config, service_level).cost_by_product(),
    }


def _metrics(sums: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    demand = np.maximum(sums["demand"], 1e-12)
    values = (
        sums["absolute"] / demand,
        np.sqrt(sums["square"] / np.maximum(sums["periods"], 1.0)),
        np.abs(sums["error"]) / demand,
        sums["score"] / demand,
        sums["at_cost"] / demand,
        sums["interval"] / demand,
    )
    return dict(zip(METRICS, values, strict=True))


def _rank_correlation(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Spearman's rho along the first axis (models); the others are replicates."""
    a, b = (stats.rankdata(v, axis=0) for v in (first, second))
    a, b = a - a.mean(axis=0), b - b.mean(axis=0)
    return (a * b).sum(axis=0) / np.maximum(np.sqrt((a**2).sum(axis=0) * (b**2).sum(axis=0)), 1e-12)


def value_of_accuracy(
    case: Case, models: list[str], config: SimulationConfig, service_level: float, replicates: int = 500, seed: int = 0
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Errors and cost of every model, and how well each error measure ranks them by cost.

    Returns
    -------
    ``model, cost`` and the columns of `METRICS`; and ``metric, rank_correlation, low, high, needed``: Spearman's rho
    with the cost, its 90 % interval over resampled products (the same products for all models), and the value that
    chance passes once in twenty with so few models.

    Raises ValueError with fewer than three models.
    """
    if len(models) < 3:
        raise ValueError(f"models={models}: expected at least three to rank")
    losses = [product_losses(case, model, config, service_level) for model in models]
    grids = {name: np.stack([loss[name] for loss in losses]) for name in losses[0]}  # (models, products)
    rng = np.random.default_rng(seed)
    weight = rng.multinomial(len(case.ids), np.full(len(case.ids), 1 / len(case.ids)), size=replicates).T
    whole = {name: grid.sum(axis=1) for name, grid in grids.items()}
    drawn = {name: grid @ weight for name, grid in grids.items()}  # (models, replicates)
    chance = _rank_correlation(
        np.repeat(np.arange(len(models))[:, None], 20_000, axis=1), rng.random((len(models), 20_000))
    )
    needed = float(np.quantile(chance, 0.95))
    rows = []
    measured, replicated = _metrics(whole), _metrics(drawn)
    for name, values in measured.items():
        spread = _rank_correlation(replicated[name], drawn["cost"])
        low, high = np.quantile(spread, [0.05, 0.95])
        rows.append((name, float(_rank_correlation(values, whole["cost"])), float(low), float(high), needed))
    ranking = pd.DataFrame(rows, columns=["metric", "rank_correlation", "low", "high", "needed"])
    table = pd.DataFrame({"model": models, "cost": whole["cost"], **measured})
    return (
        table.sort_values("cost", kind="stable", ignore_index=True),
        ranking.sort_values("rank_correlation", ascending=False, kind="stable", ignore_index=True),
    )


def telling_measures(ranking: pd.DataFrame) -> str:
    """Which error measures rank the models as money does: those whose whole interval lies above what chance reaches."""
    good = ranking["low"] > ranking["needed"]
    told, left = (sorted(ranking.loc[which, "metric"]) for which in (good, ~good))
    return f"rank models as money does: {listed(told)}; not surely better than chance: {listed(left)}"
