"""The inventory case study: every model's forecast drives the same policy on the same months (chapter 08)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.inventory import (
    daily_sd,
    extend,
    forecast_arrays,
    interval_correlation,
    interval_moments,
    order_up_to,
    order_up_to_level,
    perfect_foresight,
    rolling_moments,
)
from salesforecast_lib.decisions.simulator import SimulationConfig, SimulationResult, simulate


@dataclass(frozen=True)
class Case:
    """Test months of a shop: demand (products, periods), what was known before, and the forecasts.

    ``history`` is (products, past periods) up to the first cutoff; ``initial_stock`` (products,) is assumed.
    """

    ids: list[str]
    dates: pd.DatetimeIndex
    demand: np.ndarray
    history: np.ndarray
    initial_stock: np.ndarray
    forecasts: pd.DataFrame
    season: int


def build_case(forecasts: pd.DataFrame, panel: pd.DataFrame, config: SimulationConfig, season: int) -> Case:
    """Line up forecasts and history of the products that have a forecast at every cutoff.

    The shop's stock is not in the data: it is assumed to start with one protection interval of the mean demand of the
    last four seasons before the first cutoff, which is known on that day.

    Raises
    ------
    ValueError
        When cutoffs are not one horizon apart (a later test month would leak into an earlier one) or no product
        has forecasts at all of them.
    """
    known = forecasts.dropna(subset="y")
    counts = known.groupby("unique_id").size()
    known = known[known["unique_id"].isin(counts.index[counts == counts.max()])]
    cutoffs = sorted(known["cutoff"].unique())
    horizon = known.groupby(["model", "unique_id", "cutoff"]).size()
    if known.empty or horizon.nunique() != 1:
        raise ValueError("forecasts: no product has the same number of forecasts at every cutoff")
    first = known[known["model"] == known["model"].iloc[0]].sort_values(["unique_id", "ds"])
    ids = sorted(first["unique_id"].unique())
    dates = pd.DatetimeIndex(first["ds"].unique()).sort_values()
    if len(dates) != int(horizon.iloc[0]) * len(cutoffs):
        raise ValueError(f"cutoffs {cutoffs}: expected them one horizon ({horizon.iloc[0]} periods) apart")
    demand = first["y"].to_numpy(float).reshape(len(ids), len(dates))
    past = panel[panel["ds"] <= cutoffs[0]].pivot(index="unique_id", columns="ds", values="y")
    history = past.reindex(ids).fillna(0.0).to_numpy()
    start = np.ceil(history[:, -4 * min(season, 13) :].mean(1) * config.protection)
    return Case(ids, dates, demand, history, start, known, season)


def naive_levels(case: Case, protection: int) -> np.ndarray:
    """Order-up-to level of the rule of thumb: what sold over the last ``protection`` periods; (products, periods)."""
    everything = np.concatenate([case.history, case.demand], axis=1)
    total = np.cumsum(np.pad(everything, ((0, 0), (1, 0))), axis=1)
    now = case.history.shape[1] + np.arange(case.demand.shape[1])
    return total[:, now] - total[:, now - protection]


def model_run(case: Case, model: str, config: SimulationConfig, service_level: float) -> SimulationResult:
    """Simulate order-up-to levels from one model's quantile forecasts over the protection interval."""
    _, _, arrays = forecast_arrays(case.forecasts, model)
    mean, sd = rolling_moments(arrays, config.protection, case.season)
    levels = order_up_to_level(mean, sd, service_level)
    return simulate(case.demand, order_up_to(levels), case.initial_stock, config)


def compare(case: Case, config: SimulationConfig, service_level: float) -> pd.DataFrame:
    """Cost table of the rule of thumb, every model and perfect foresight; ``value`` is the saving in per cent.

    ``value_share`` says how much of the way from the rule of thumb to perfect foresight a model goes.
    """
    runs = {
        "rule of thumb": simulate(
            case.demand, order_up_to(naive_levels(case, config.protection)), case.initial_stock, config
        )
    }
    for model in sorted(case.forecasts["model"].unique()):
        runs[model] = model_run(case, model, config, service_level)
    runs["perfect foresight"] = simulate(
        case.demand, perfect_foresight(case.demand, config.protection), case.initial_stock, config
    )
    table = pd.DataFrame({name: run.summary() for name, run in runs.items()}).T.rename_axis("policy").reset_index()
    cost = table.set_index("policy")["total"]
    span = cost["rule of thumb"] - cost["perfect foresight"]
    table["saving_percent"] = (100 * (1 - table["total"] / cost["rule of thumb"])).to_numpy()
    table["share_of_possible"] = ((cost["rule of thumb"] - table["total"].to_numpy()) / span) if span > 0 else np.nan
    return table.sort_values("total", kind="stable", ignore_index=True)


def service_curve(case: Case, models: list[str], config: SimulationConfig, levels: list[float]) -> pd.DataFrame:
    """Cost, fill rate, stock and turnover over service levels: ``model, service_level, total, fill_rate, …``."""
    rows = [
        {"model": model, "service_level": level, **model_run(case, model, config, level).summary()}
        for model in models
        for level in levels
    ]
    return pd.DataFrame(rows)


def moments_today(case: Case, model: str, config: SimulationConfig) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Mean and standard deviation of demand from the last cutoff on: ``lead`` and the protection ``interval``."""
    _, _, arrays = forecast_arrays(case.forecasts, model)
    mean = extend(arrays["mean"][-1], config.protection, case.season)
    sd = extend(daily_sd(arrays["quantiles"][-1]), config.protection, case.season)
    correlation = _last_known_correlation(arrays, config.protection)
    return {
        name: interval_moments(mean[:, :length], sd[:, :length], correlation)
        for name, length in (("lead", config.lead_time), ("interval", config.protection))
    }


def _last_known_correlation(arrays: dict[str, np.ndarray], protection: int) -> float:
    """Correlation estimated on the cutoff before the last one; the prior of `rolling_moments` when there is none."""
    if len(arrays["mean"]) < 2:
        return 0.1
    error = arrays["y"][-2] - arrays["mean"][-2]
    return interval_correlation(error, daily_sd(arrays["quantiles"][-2]), protection)


def stock_at_last_cutoff(case: Case, run: SimulationResult, horizon: int) -> np.ndarray:
    """Position (on hand and on order, less backlog) of a simulated shop on the evening of the last cutoff."""
    now = run.demand.shape[1] - horizon
    if now == 0:
        return case.initial_stock
    on_order = run.ordered[:, max(0, now - run.config.lead_time) : now].sum(1)
    return run.net_stock[:, now - 1] + on_order
