"""Inventory policies driven by sample paths, and the choice among policies by cost in a back-test (chapter 08)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.inventory.lookahead import lookahead_order
from salesforecast_lib.decisions.inventory.orders import daily_sd, extend, forecast_arrays, interval_correlation
from salesforecast_lib.decisions.inventory.paths import copula_paths
from salesforecast_lib.decisions.inventory.simulator import ArrivalPolicy, Policy, SimulationConfig, SimulationResult
from salesforecast_lib.wording import counted


@dataclass(frozen=True)
class ForecastPaths:
    """Sample paths for any simulated period, from the newest forecast made before it.

    Parameters
    ----------
    arrays : ``mean, y`` (cutoffs, products, horizon) and ``quantiles`` (…, 7), see `forecast_arrays`.
    season : season that is repeated where a path passes the horizon.
    interval : periods whose errors' correlation is estimated, at the cutoff before the one that is used; the first
        uses ``prior_correlation``.
    """

    arrays: Mapping[str, np.ndarray]
    season: int
    interval: int
    samples: int = 200
    seed: int = 0
    prior_correlation: float = 0.1

    def correlation(self, cutoff: int) -> float:
        """Correlation of errors known at a cutoff."""
        if cutoff == 0:
            return self.prior_correlation
        mean, y, quantiles = (self.arrays[name][cutoff - 1] for name in ("mean", "y", "quantiles"))
        return interval_correlation(y - mean, daily_sd(quantiles), self.interval)

    def _newest(self, name: str, t: int, periods: int) -> tuple[int, np.ndarray]:
        """The cutoff before period ``t``, and what its forecast says from there on, (products, periods, ...)."""
        cutoff, step = divmod(t, self.arrays["mean"].shape[2])
        if cutoff >= len(self.arrays["mean"]):
            raise ValueError(f"period {t}: beyond the last forecast; expected less than {self.arrays['y'][:, 0].size}")
        return cutoff, extend(self.arrays[name][cutoff], periods, self.season)[:, step : step + periods]

    def mean(self, t: int, periods: int) -> np.ndarray:
        """Mean demand of the periods t .. t + periods - 1; (products, periods)."""
        return self._newest("mean", t, periods)[1]

    def draw(self, t: int, periods: int) -> np.ndarray:
        """Demand of the periods t .. t + periods - 1; (samples, products, periods)."""
        cutoff, quantiles = self._newest("quantiles", t, periods)
        return copula_paths(quantiles, self.correlation(cutoff), self.samples, self.seed + t)


@dataclass(frozen=True)
class LookaheadPolicy:
    """Each review orders what costs least on the paths until the next order arrives (cost-aware, lost sales)."""

    forecast: ForecastPaths
    config: SimulationConfig
    newest: dict[int, np.ndarray] = field(default_factory=dict)  # paths of the period asked last

    def order(self, t: int, net: np.ndarray, arrivals: np.ndarray) -> np.ndarray:
        """Order quantities, (products,); see `simulate`."""
        if t not in self.newest:
            self.newest.clear()
            self.newest[t] = self.forecast.draw(t, self.config.protection)
        paths = self.newest[t]
        costs = (self.config.shortage_cost, self.config.holding_cost)
        return lookahead_order(paths, net, arrivals, *costs, lost=self.config.lost_sales)


def path_levels(forecast: ForecastPaths, config: SimulationConfig, periods: int, service_level: float) -> np.ndarray:
    """Order-up-to levels (products, periods): quantile of the paths' *sums* over the protection interval.

    Only review periods are drawn; others repeat the level before, as nothing is ordered there.
    """
    levels = []
    for t in range(periods):
        if t % config.review_period == 0:
            level = np.quantile(forecast.draw(t, config.protection).sum(axis=2), service_level, axis=0)
        levels.append(level)
    return np.stack(levels, axis=1)


def fixed_quantity(reorder_points: np.ndarray, quantity: np.ndarray) -> Policy:
    """(s, Q): at or below the point s of the period, order as many lots of Q as bring the position above it.

    ``reorder_points`` is (products, periods), ``quantity`` (products,).
    """
    lot = np.asarray(quantity, float)
    if (lot <= 0).any():
        raise ValueError(f"quantity: expected lots above zero, got {lot.min():g} for product {int(lot.argmin())}")

    def policy(t: int, position: np.ndarray, on_hand: np.ndarray) -> np.ndarray:
        gap = reorder_points[:, t] - position
        return np.where(gap >= 0, (np.floor(gap / lot + 1e-9) + 1) * lot, 0.0)

    return policy


def economic_lot(
    demand: np.ndarray, order_cost: float, holding_cost: np.ndarray | float, review_period: int = 1
) -> np.ndarray:
    """Lot size that balances order and holding costs (Harris, 1913), at least one review period's demand; (products,).

    ``demand`` is units a period; ``holding_cost`` money a unit and period, one number or (products,).
    """
    mean = np.maximum(np.asarray(demand, float), 1e-6)
    held = np.maximum(holding_cost, 1e-9)
    return np.ceil(np.maximum(np.sqrt(2 * mean * order_cost / held), mean * review_period))


def cheapest_so_far(runs: Mapping[str, SimulationResult], horizon: int) -> np.ndarray:
    """Index of the policy that was cheapest for each product in all horizons before; (products, horizons).

    Nothing is known before the first horizon: there the policy that is named first is taken for every product. The
    policies are compared on separate simulations, each with its own stock.
    """
    results = list(runs.values())
    cuts = range(0, results[0].demand.shape[1], horizon)
    choice = [np.zeros(len(results[0].demand), int)]
    for cut in list(cuts)[1:]:
        choice.append(np.argmin([run.cost_by_product(0, cut) for run in results], axis=0))
    return np.stack(choice, axis=1)


@dataclass(frozen=True)
class MixedPolicy:
    """Each product follows the policy that ``choice`` (products, horizons) names for the horizon."""

    policies: list[Policy | ArrivalPolicy]
    choice: np.ndarray
    horizon: int

    def order(self, t: int, net: np.ndarray, arrivals: np.ndarray) -> np.ndarray:
        """Order quantities, (products,); see `simulate`."""
        position, on_hand = net + arrivals.sum(axis=1), np.maximum(net, 0.0)
        wanted = np.stack(
            [
                one.order(t, net, arrivals) if isinstance(one, ArrivalPolicy) else one(t, position, on_hand)
                for one in self.policies
            ]
        )
        return wanted[self.choice[:, t // self.horizon], np.arange(len(net))]


def random_lead_demand(paths: np.ndarray, chances: Mapping[int, float], review: int, seed: int = 0) -> np.ndarray:
    """Demand until the next order arrives when the lead time is uncertain; (samples, products).

    ``chances`` gives the probability of each lead time in periods; each path draws its own. With independent demand of
    mean m and variance v a period the variance is ``E[L + review] v + Var[L] m^2``: late deliveries, not demand, may
    be what the safety stock is for.

    Raises ValueError when the chances do not sum to 1 or a lead time passes the end of the paths.
    """
    leads, weight = np.array(list(chances)), np.array(list(chances.values()), float)
    if not np.isclose(weight.sum(), 1) or (weight < 0).any() or leads.max() + review > paths.shape[2]:
        raise ValueError(
            f"chances={dict(chances)}: expected shares that sum to 1, for at most {counted(paths.shape[2], 'period')}"
        )
    drawn = np.random.default_rng(seed).choice(leads, size=paths.shape[:2], p=weight)
    total = paths.cumsum(axis=2)
    return np.take_along_axis(total, (drawn + review - 1)[:, :, None], axis=2)[:, :, 0]


def paths_today(
    forecasts: pd.DataFrame,
    model: str,
    periods: int,
    interval: int,
    season: int,
    samples: int = 400,
    seed: int = 0,
    freq: str = "",
) -> tuple[list[str], pd.DatetimeIndex, np.ndarray]:
    """Products, dates and paths (samples, products, periods) of the demand after the end of the data.

    The quantiles are those of the newest cutoff, whose ``y`` is not known yet; the correlation of errors over
    ``interval`` comes from the newest cutoff whose sales are. Dates beyond the horizon follow in steps of ``freq``, by
    default the spacing of those within it.
    """
    newest = forecasts["cutoff"] == forecasts["cutoff"].max()
    future = forecasts[newest & forecasts["y"].isna() & (forecasts["model"] == model)]
    ids, _, ahead = forecast_arrays(future, model)
    _, _, known = forecast_arrays(forecasts.dropna(subset="y"), model)
    errors, spread = known["y"][-1] - known["mean"][-1], daily_sd(known["quantiles"][-1])
    quantiles = extend(ahead["quantiles"][0], periods, season)[:, :periods]
    dates = pd.DatetimeIndex(np.sort(future["ds"].unique()))
    step = pd.tseries.frequencies.to_offset(freq) if freq else dates[-1] - dates[-2] if len(dates) > 1 else None
    step = pd.Timedelta(days=1) if step is None else step
    dates = pd.DatetimeIndex([dates[0] + k * step for k in range(periods)])
    return ids, dates, copula_paths(quantiles, interval_correlation(errors, spread, interval), samples, seed)
