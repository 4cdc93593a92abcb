"""The inventory case study: every model's forecast drives the same policy on the same months (chapter 08)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.inventory.orders import (
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
from salesforecast_lib.decisions.inventory.player.policy import PastSales
from salesforecast_lib.decisions.inventory.simulator import SimulationConfig, SimulationResult, simulate
from salesforecast_lib.wording import counted


@dataclass(frozen=True)
class Case:
    """Test months of a shop: demand (products, periods), what was known before, and the forecasts.

    ``history`` is (products, past periods) up to the first cutoff; ``initial_stock`` (products,) is assumed. ``scored``
    (products, periods) is False where sales say nothing about demand: chapter 07 does not score these periods either.
    ``past`` holds history and test months with what is known of the shelf.
    """

    ids: list[str]
    dates: pd.DatetimeIndex
    demand: np.ndarray
    history: np.ndarray
    initial_stock: np.ndarray
    forecasts: pd.DataFrame
    season: int
    scored: np.ndarray
    past: PastSales


def past_sales(panel: pd.DataFrame, ids: list[str], until: pd.Timestamp, groups: Sequence[str] = ()) -> PastSales:
    """A panel's sales up to a date as grids; before a product is there, nothing is known of its demand.

    ``groups`` are columns that say the same of a product in all periods, such as its department.
    """
    part = panel[(panel["ds"] <= until) & panel["unique_id"].isin(ids)]
    told = [name for name in ("y", "open", "available") if name in part]
    wide = part.pivot(index="unique_id", columns="ds", values=told).reindex(ids)
    opened = wide["open"].fillna(1.0).to_numpy() > 0 if "open" in told else np.ones(wide["y"].shape, bool)
    stock = wide["available"] if "available" in told else wide["y"].notna().astype(float)
    names = part.groupby("unique_id")[list(groups)].first().reindex(ids).fillna("unknown").reset_index(drop=True)
    dates = pd.DatetimeIndex(wide["y"].columns)
    return PastSales(wide["y"].fillna(0.0).to_numpy(), stock.fillna(0.0).to_numpy(float), opened, dates, names)


def build_case(
    forecasts: pd.DataFrame, panel: pd.DataFrame, config: SimulationConfig, season: int, groups: Sequence[str] = ()
) -> Case:
    """Line up forecasts and history of the products that have a forecast at every cutoff.

    The shop's stock is not in the data: it is assumed to start with one protection interval of the mean demand of the
    last four seasons before the first cutoff, which is known on that day. ``groups`` are columns of the panel by which
    the stock player groups products.

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
        raise ValueError(f"cutoffs {cutoffs}: expected them one horizon ({counted(horizon.iloc[0], 'period')}) apart")
    demand = first["y"].to_numpy(float).reshape(len(ids), len(dates))
    past = past_sales(panel, ids, dates[-1], groups)
    history = past.sales[:, : int((past.dates <= cutoffs[0]).sum())]
    known_day = panel[["unique_id", "ds", "available"]]
    scored = first[["unique_id", "ds"]].merge(known_day, how="left")["available"].to_numpy(float) > 0
    start = np.ceil(history[:, -4 * min(season, 13) :].mean(1) * config.protection)
    return Case(ids, dates, demand, history, start, known, season, scored.reshape(demand.shape), past)


def trailing(case: Case, length: int) -> np.ndarray:
    """Sales of the ``length`` periods before each simulated period; (products, periods, length).

    Periods before the data count as a product's mean history.
    """
    short = max(0, length - case.history.shape[1])
    before = np.repeat(case.history.mean(axis=1, keepdims=True), short, axis=1)
    everything = np.concatenate([before, case.history, case.demand], axis=1)[:, :-1]
    return np.lib.stride_tricks.sliding_window_view(everything, length, axis=1)[:, -case.demand.shape[1] :]


def naive_levels(case: Case, protection: int) -> np.ndarray:
    """Order-up-to level of the rule of thumb: what sold over the last ``protection`` periods; (products, periods)."""
    return trailing(case, protection).sum(axis=2)


def model_run(case: Case, model: str, config: SimulationConfig, service_level: float) -> SimulationResult:
    """Simulate order-up-to levels from one model's quantile forecasts over the protection interval."""
    _, _, arrays = forecast_arrays(case.forecasts, model)
    mean, sd = rolling_moments(arrays, config.protection, case.season)
    levels = order_up_to_level(mean, sd, service_level)
    return simulate(case.demand, order_up_to(levels), case.initial_stock, config)


def compare(case: Case, config: SimulationConfig, service_level: float) -> pd.DataFrame:
    """Cost table of the rule of thumb, every model's order-up-to policy and perfect foresight.

    ``saving_percent`` is against the rule of thumb; ``share_of_possible`` says how much of the way from it to perfect
    foresight a model goes.
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


def case_ahead(
    forecasts: pd.DataFrame,
    panel: pd.DataFrame,
    model: str,
    config: SimulationConfig,
    season: int,
    groups: Sequence[str] = (),
) -> tuple[Case, float]:
    """The periods after the end of the data as a case whose demand is not known, so that policies can be asked today.

    Its demand is written as zero and its stock too: only the first period is asked. Also returns the
    correlation of errors over the protection interval, at the newest cutoff whose sales are known.
    """
    newest = forecasts["cutoff"] == forecasts["cutoff"].max()
    future = forecasts[newest & forecasts["y"].isna() & (forecasts["model"] == model)]
    ids, _, ahead = forecast_arrays(future, model)
    dates = pd.DatetimeIndex(np.sort(future["ds"].unique()))
    past = past_sales(panel, ids, panel["ds"].max(), groups)
    shape = ahead["mean"].shape[1:]
    zeros, known = np.zeros(shape), np.ones(shape, bool)
    case = Case(ids, dates, zeros, past.sales, zeros[:, 0], future.assign(y=future["mean"]), season, known, past)
    _, _, before = forecast_arrays(forecasts.dropna(subset="y"), model)
    spread = daily_sd(before["quantiles"][-1])
    return case, interval_correlation(before["y"][-1] - before["mean"][-1], spread, config.protection)


def moments_today(
    forecasts: pd.DataFrame, model: str, config: SimulationConfig, season: int
) -> tuple[list[str], dict[str, tuple[np.ndarray, np.ndarray]]]:
    """Products, and mean and standard deviation of their demand after the end of the data.

    Returns the moments of the ``lead`` time and of the protection ``interval``, from the newest cutoff, whose ``y`` is
    not known yet. The correlation of errors comes from the newest cutoff whose sales are known.

    Raises
    ------
    ValueError
        When ``model`` made no forecast beyond the data.
    """
    newest = forecasts["cutoff"] == forecasts["cutoff"].max()
    ids, _, ahead = forecast_arrays(forecasts[newest & forecasts["y"].isna()], model)
    _, _, known = forecast_arrays(forecasts.dropna(subset="y"), model)
    correlation = interval_correlation(
        known["y"][-1] - known["mean"][-1], daily_sd(known["quantiles"][-1]), config.protection
    )
    mean = extend(ahead["mean"][0], config.protection, season)
    sd = extend(daily_sd(ahead["quantiles"][0]), config.protection, season)
    return ids, {
        name: interval_moments(mean[:, :length], sd[:, :length], correlation)
        for name, length in (("lead", config.lead_time), ("interval", config.protection))
    }


def stock_today(case: Case, model: str, config: SimulationConfig, service_level: float) -> pd.Series:
    """Position (on hand and on order, less backlog) of a simulated shop on the last evening of the data, by product.

    The simulation goes on for a lead time without demand, so that the last orders are placed as in any other week.
    """
    _, _, arrays = forecast_arrays(case.forecasts, model)
    levels = order_up_to_level(*rolling_moments(arrays, config.protection, case.season), service_level)
    longer = ((0, 0), (0, config.lead_time))
    policy = order_up_to(np.pad(levels, longer, mode="edge"))
    run = simulate(np.pad(case.demand, longer), policy, case.initial_stock, config)
    now = case.demand.shape[1]
    on_order = run.ordered[:, max(0, now - config.lead_time) : now].sum(axis=1)
    return pd.Series(np.maximum(run.net_stock[:, now - 1] + on_order, 0.0), index=case.ids)
