"""Learning a price by asking it: Thompson sampling on a ladder, and what the learning costs (chapter 13).

Demand at rung k is Poisson with mean ``exp(a + e log(p_k / p0))``. The posterior of (a, e) lives on a grid, so the
update is exact; each period draws one (a, e) from it and asks the rung that would be best if the draw were true
(Thompson 1933; for prices Ferreira, Simchi-Levi and Wang 2018). The prior of e may be the empirical-Bayes posterior.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class BanditConfig:
    """A product whose price is tried out.

    Parameters
    ----------
    prices : ladder. ``cost`` per unit. ``reference_price`` : today's.
    prior_level, prior_level_sd : of log expected demand a period at today's price.
    prior_elasticity, prior_elasticity_sd : of its elasticity.
    grid : points a side of the posterior's grid, four prior deviations wide either way.
    """

    prices: tuple[float, ...]
    cost: float
    reference_price: float
    prior_level: float
    prior_level_sd: float = 0.5
    prior_elasticity: float = -2.0
    prior_elasticity_sd: float = 0.5
    grid: int = 31

    def __post_init__(self) -> None:
        if len(self.prices) < 2 or min(self.prices) <= 0 or self.reference_price <= 0:
            raise ValueError(f"prices={self.prices}: expected at least two positive prices, and a positive reference")
        if self.prior_level_sd <= 0 or self.prior_elasticity_sd <= 0 or self.grid < 3:
            raise ValueError("prior_level_sd and prior_elasticity_sd: expected positive numbers; grid: at least 3")

    def points(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Grid of levels and elasticities and their log prior, each (points,)."""
        step = np.linspace(-4, 4, self.grid)
        level, slope = np.meshgrid(step, step, indexing="ij")
        elasticity = self.prior_elasticity + self.prior_elasticity_sd * slope
        log_prior = -(level**2 + slope**2) / 2
        log_prior[elasticity > 0] = -np.inf  # a dearer product does not sell more
        return (self.prior_level + self.prior_level_sd * level).ravel(), elasticity.ravel(), log_prior.ravel()


@dataclass(frozen=True)
class Learning:
    """``asked`` (replicates, periods): rung numbers. ``regret`` (replicates, periods): expected profit lost against
    the best rung, a period. ``elasticity`` (replicates,): posterior mean at the end."""

    asked: np.ndarray
    regret: np.ndarray
    elasticity: np.ndarray

    def cumulative(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean cumulative regret over replicates and its standard error, each (periods,)."""
        total = self.regret.cumsum(1)
        return total.mean(0), total.std(0, ddof=1) / np.sqrt(len(total)) if len(total) > 1 else np.zeros(total.shape[1])


def thompson(config: BanditConfig, mean: np.ndarray, periods: int, replicates: int, seed: int = 0) -> Learning:
    """Play ``replicates`` independent copies against the true expected demand ``mean`` (prices,) a period.

    Raises ValueError when ``mean`` does not fit the prices.
    """
    prices, truth = np.array(config.prices), np.asarray(mean, dtype="float64")
    if truth.shape != prices.shape or (truth < 0).any():
        raise ValueError(f"mean has shape {truth.shape}: expected one expected demand, zero or more, for each price")
    level, elasticity, log_prior = config.points()
    log_rate = level[:, None] + elasticity[:, None] * np.log(prices / config.reference_price)  # (points, prices)
    margin = prices - config.cost
    best_of_point = (margin * np.exp(log_rate)).argmax(1)  # the rung to ask if this point is true
    profit = margin * truth
    rng = np.random.default_rng(seed)
    posterior = np.tile(log_prior, (replicates, 1))  # (replicates, points)
    asked = np.empty((replicates, periods), dtype="int64")
    for period in range(periods):
        noise = rng.gumbel(size=posterior.shape)  # argmax of log weight + Gumbel noise is a draw from the weights
        rung = best_of_point[(posterior + noise).argmax(1)]
        sold = rng.poisson(truth[rung])
        rate = log_rate[:, rung].T  # (replicates, points)
        posterior += sold[:, None] * rate - np.exp(rate)
        posterior -= posterior.max(1, keepdims=True)
        asked[:, period] = rung
    weight = np.exp(posterior)
    estimate = (weight * elasticity).sum(1) / weight.sum(1)
    return Learning(asked, profit.max() - profit[asked], estimate)


def fixed_price(config: BanditConfig, mean: np.ndarray, rung: int, periods: int) -> np.ndarray:
    """Cumulative regret (periods,) of asking one rung for ever."""
    profit = (np.array(config.prices) - config.cost) * np.asarray(mean)
    return (profit.max() - profit[rung]) * np.arange(1, periods + 1)


def explore_then_commit(
    config: BanditConfig, mean: np.ndarray, periods: int, replicates: int, each: int = 4, seed: int = 0
) -> Learning:
    """The A/B test: ask every rung ``each`` times in turn, then keep what earned most; the peer of `thompson`."""
    prices, truth = np.array(config.prices), np.asarray(mean, dtype="float64")
    if periods < each * len(prices):
        raise ValueError(f"periods={periods}: expected at least each * rungs = {each * len(prices)}")
    rng = np.random.default_rng(seed)
    profit = (prices - config.cost) * truth
    sold = rng.poisson(truth, (replicates, each, len(prices))).sum(1)
    winner = ((prices - config.cost) * sold).argmax(1)
    trial = np.tile(np.tile(np.arange(len(prices)), each), (replicates, 1))
    asked = np.hstack([trial, np.tile(winner[:, None], (1, periods - trial.shape[1]))])
    return Learning(asked, profit.max() - profit[asked], np.full(replicates, np.nan))


@dataclass(frozen=True)
class Trial:
    """Cumulative regret of several ways to price: ``curves`` and their standard ``errors`` (periods,) by name.

    ``best_profit`` is that of the best rung over all periods, ``elasticity`` the mean that Thompson sampling learned.
    """

    curves: dict[str, np.ndarray]
    errors: dict[str, np.ndarray]
    best_profit: float
    elasticity: float

    def report(self) -> str:
        """One line a way: what it loses at the end with two standard errors, and in percent of the best profit."""
        return "\n".join(
            f"{name:18s} loses {curve[-1]:4.0f} ± {2 * self.errors[name][-1]:2.0f} of {self.best_profit:.0f} in "
            f"{len(curve)} days ({curve[-1] / self.best_profit:.1%})"
            for name, curve in self.curves.items()
        )

    def verdict(self, name: str) -> str:
        """Sentences on when ``name`` has lost most and least, and how sure its lead at the end is.

        Raises
        ------
        ValueError
            When ``name`` is missing or alone.
        """
        if name not in self.curves or len(self.curves) < 2:
            raise ValueError(f"{name!r}: expected one of at least two curves, there are {list(self.curves)}")
        own = self.curves[name]
        rivals = {key: curve for key, curve in self.curves.items() if key != name}
        others = np.stack(list(rivals.values()))  # (rivals, periods)
        most, least = own > others.max(0), own < others.min(0)
        text = f"{name} has lost most on {most.sum()} of {len(own)} days"
        text += f", the last of them day {np.flatnonzero(most)[-1] + 1}" if most.any() else ""
        if not least[-1]:
            return f"{text}. At the end it has not lost least."
        behind = np.flatnonzero(~least)
        next_best = min(rivals, key=lambda key: rivals[key][-1])
        gap = rivals[next_best][-1] - own[-1]
        reach = 2 * float(np.hypot(self.errors[name][-1], self.errors[next_best][-1]))
        return (
            f"{text}. It has lost least from day {behind[-1] + 2 if len(behind) else 1} on.\n"
            f"At the end it is {gap:.0f} ahead of the next, {next_best!r} (two standard errors: {reach:.0f}): "
            f"{'beyond' if gap > reach else 'within'} what chance may give."
        )


def compare_learners(
    config: BanditConfig, mean: np.ndarray, periods: int, replicates: int, each: int = 4, seed: int = 0
) -> Trial:
    """Thompson sampling, the test of every rung and today's price (one of the rungs) against the same true demand.

    Raises
    ------
    ValueError
        As `thompson` and `explore_then_commit` do, and when today's price is no rung.
    """
    if config.reference_price not in config.prices:
        raise ValueError(f"reference_price={config.reference_price}: expected one of the prices {config.prices}")
    sampled = thompson(config, mean, periods, replicates, seed)
    tested = explore_then_commit(config, mean, periods, replicates, each, seed)
    stay = fixed_price(config, mean, config.prices.index(config.reference_price), periods)
    names = ("Thompson sampling", "test every rung", "today's price")
    both = (sampled.cumulative(), tested.cumulative(), (stay, np.zeros(periods)))
    best = float(((np.array(config.prices) - config.cost) * np.asarray(mean)).max()) * periods
    return Trial(
        {name: curve for name, (curve, _) in zip(names, both, strict=True)},
        {name: error for name, (_, error) in zip(names, both, strict=True)},
        best,
        float(sampled.elasticity.mean()),
    )
