"""Prices, promotions, advertising and latent demand of the simulated marketplace; equations in `simulate`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import holidays
import numpy as np
import pandas as pd
from scipy.signal import lfilter

from salesforecast_lib.data.marketplace.config import MarketplaceConfig
from salesforecast_lib.data.marketplace.products import Catalogue

COUNTRY = "CN"  # whose holidays; features.py knows the same two festivals for it
FESTIVALS = ((6, 18), (11, 11))
_PROMOTION_DAYS = 7
_DEPTHS = np.array([0.1, 0.2, 0.3])
_COST_MEMORY = 0.97
_RAMP = (0.7, 14.0)  # a launch starts at 30 % of its level and approaches it over two weeks
# channel, decay, slope, share of the lift, daily budget; half saturation = twice the adstock of a steady budget
_CHANNELS = (("search", 0.2, 1.0, 0.4, 400.0), ("social", 0.6, 1.5, 0.35, 300.0), ("video", 0.85, 2.0, 0.25, 500.0))


@dataclass(frozen=True)
class Market:
    """Arrays of (products, days), without the look-ahead, except ``channels`` (long table) and its parameters."""

    mu: np.ndarray
    shock: np.ndarray
    demand: np.ndarray
    price: np.ndarray
    list_price: np.ndarray
    cost: np.ndarray
    promotion: np.ndarray
    depth: np.ndarray
    views: np.ndarray
    carts: np.ndarray
    live: np.ndarray
    regime: np.ndarray
    channels: pd.DataFrame
    channel_parameters: pd.DataFrame
    scale: float


def adstock(spend: np.ndarray, decay: np.ndarray | float) -> np.ndarray:
    """Geometric adstock ``a_t = x_t + decay a_(t-1)`` along the last axis, zero before the first day.

    Parameters
    ----------
    spend : (..., days); ``decay`` a number or one for each row of a (channels, days) array.

    Raises
    ------
    ValueError
        When a decay is outside [0, 1).
    """
    decays = np.atleast_1d(np.asarray(decay, dtype="float64"))
    if not ((decays >= 0) & (decays < 1)).all():
        raise ValueError(f"decay={decay!r}: expected 0 <= decay < 1")
    if decays.size == 1:
        return lfilter([1.0], [1.0, -decays[0]], spend, axis=-1)
    return np.stack([lfilter([1.0], [1.0, -d], row) for d, row in zip(decays, spend, strict=True)])


def hill(stock: np.ndarray, half: np.ndarray | float, slope: np.ndarray | float) -> np.ndarray:
    """Saturation ``a^s / (a^s + half^s)``, from 0 to 1 (Jin et al. 2017, equation of the Hill function)."""
    power = np.power(stock, slope)
    return power / (power + np.power(half, slope))


def autoregression(rng: np.random.Generator, sd: float, memory: float, shape: tuple[int, int]) -> np.ndarray:
    """Stationary AR(1) along the last axis with standard deviation ``sd``."""
    noise = rng.normal(0, sd, shape)
    noise[:, 1:] *= np.sqrt(1 - memory**2)
    return lfilter([1.0], [1.0, -memory], noise, axis=-1)


@lru_cache(maxsize=8)
def _marked_days(first: int, last: int) -> tuple[frozenset[pd.Timestamp], frozenset[pd.Timestamp]]:
    years = range(first, last + 1)
    public = frozenset(pd.Timestamp(day) for day in holidays.country_holidays(COUNTRY, years=years))
    return public, frozenset(pd.Timestamp(year, *day) for year in years for day in FESTIVALS)


def _promotions(config: MarketplaceConfig, festival: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Planned discount share (products, days), 0 off promotion: weeks drawn at random, and most festivals."""
    shape = (config.products, len(festival))
    when = np.arange(shape[1])
    start = rng.random(shape) < 1 - (1 - config.promotion_share) ** (1 / _PROMOTION_DAYS)
    last = np.maximum.accumulate(np.where(start, when, -_PROMOTION_DAYS), axis=1)
    drawn = rng.choice(_DEPTHS, shape)
    depth = np.where(when - last < _PROMOTION_DAYS, np.take_along_axis(drawn, np.maximum(last, 0), axis=1), 0.0)
    joins = (rng.random(shape) < 0.6) & (config.promotion_share > 0) & (festival > 0)
    return np.where(joins, _DEPTHS[-1], depth)


def _advertising(
    config: MarketplaceConfig, index: np.ndarray, rng: np.random.Generator
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Channel table, its true parameters and the total lift (days,).

    ``index`` is the mean log seasonal demand of a day: budgets follow it with elasticity ``spend_follows``.
    """
    names = [row[0] for row in _CHANNELS]
    decay, slope, share, budget = np.array([row[1:] for row in _CHANNELS]).T
    shape = (len(names), len(index))
    fortnights = -(-shape[1] // 14)
    flight = np.repeat(rng.choice([0.0, 1.0, 2.0], (shape[0], fortnights), p=[0.3, 0.5, 0.2]), 14, axis=1)
    spend = budget[:, None] * flight[:, : shape[1]] * np.exp(rng.normal(0, 0.3, shape))
    spend = np.round(spend * np.exp(config.spend_follows * index), 2)  # (channels, days)
    half = 2 * budget / (1 - decay)
    carried = adstock(spend, decay)
    response = config.ad_lift * share[:, None] * hill(carried, half[:, None], slope[:, None])
    inside = config.days
    channels = pd.DataFrame(
        {
            "ds": np.tile(config.calendar[:inside].to_numpy(), len(names)),
            "channel": np.repeat(names, inside),
            "spend": spend[:, :inside].ravel(),
            "adstock": carried[:, :inside].ravel(),
            "response": response[:, :inside].ravel(),
        }
    )
    parameters = pd.DataFrame(
        {"channel": names, "decay": decay, "half_saturation": half, "slope": slope, "lift": config.ad_lift * share}
    )
    return channels, parameters, response.sum(0)


def _timing(config: MarketplaceConfig, catalogue: Catalogue) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Log effect of the calendar and of trend, launch and regime (products, days); festival days; regime mask."""
    days, products = config.calendar, catalogue.products
    public, festivals = _marked_days(days[0].year, days[-1].year)
    festival = days.isin(list(festivals)).astype("float64")
    holiday = days.isin(list(public)).astype("float64")
    when = np.arange(len(days))
    column = {name: products[name].to_numpy()[:, None] for name in products}
    after = column["regime"] & (when >= config.regime_day)  # (products, days)
    angle = 2 * np.pi * (days.dayofyear.to_numpy() - column["season_peak"]) / 365.25
    season = column["season_amplitude"] * np.where(after, -1.0, 1.0) * np.cos(angle)
    weekday = days.dayofweek.to_numpy()
    week = np.where(after, catalogue.weekday_after[:, weekday], catalogue.weekday[:, weekday])
    age = np.maximum(when - catalogue.launch[:, None], 0)
    ramp = np.where(catalogue.launch[:, None] > 0, np.log1p(-_RAMP[0] * np.exp(-age / _RAMP[1])), 0.0)
    effect = season + week + holiday * column["holiday_effect"] + festival * column["festival_effect"]
    effect += column["trend"] * when / 365.25 + ramp + after * column["regime_effect"]
    return effect, festival, after


def make_market(config: MarketplaceConfig, catalogue: Catalogue, seeds: list[np.random.SeedSequence]) -> Market:
    """Draw what happens before the stock decides what is sold.

    ``seeds`` are those of shocks, costs and prices, promotions, advertising, demand counts, views and carts: a setting
    changes its own draws only.
    """
    shocks, costs, plans, ads, counts, clicks = (np.random.default_rng(seed) for seed in seeds)
    products, n, T = catalogue.products, config.products, config.days
    timing, festival, after = _timing(config, catalogue)
    shape = timing.shape
    when = np.arange(shape[1])
    live = (when >= catalogue.launch[:, None]) & (when < catalogue.end[:, None])

    shock = autoregression(shocks, config.shock_sd, config.shock_memory, shape)
    codes, groups = pd.factorize(products["category"])
    common = autoregression(costs, config.cost_sd * np.sqrt(0.5), _COST_MEMORY, (len(groups), shape[1]))
    log_cost = common[codes] + autoregression(costs, config.cost_sd * np.sqrt(0.5), _COST_MEMORY, shape)
    trial = np.repeat(costs.normal(0, config.price_noise, (n, -(-shape[1] // 7))), 7, axis=1)[:, : shape[1]]
    reference = products["reference_price"].to_numpy()[:, None]
    depth = _promotions(config, festival, plans)
    list_price = np.exp(config.pass_through * log_cost + config.confounding * shock + trial) * reference
    list_price = np.maximum(np.round(list_price, 2), 0.02)
    price = np.maximum(np.round(list_price * (1 - depth), 2), 0.01)
    pull = catalogue.elasticity @ (np.log(price / reference) * live)  # a product not on sale draws nobody away
    channels, parameters, lift = _advertising(config, timing.mean(0) - timing.mean(), ads)
    promotion = depth > 0
    # Every log effect but the price's: this is what views answer to.
    interest = products["base"].to_numpy()[:, None] + timing + shock - config.shock_sd**2 / 2 + np.log1p(lift)
    interest += promotion * products["promotion_effect"].to_numpy()[:, None]
    mu = np.exp(interest + pull)
    scale = config.units / (mu * live)[:, :T].sum()
    mu *= scale

    occurs = products["occurrence"].to_numpy()[:, None]
    mean = mu[:, :T] / occurs
    occurring = counts.random(mean.shape) < occurs
    if config.dispersion > 0:
        mean = mean * counts.gamma(config.dispersion, 1 / config.dispersion, mean.shape)
    demand = counts.poisson(mean) * occurring * live[:, :T]
    views_mean = config.views_per_unit * scale * np.exp(interest[:, config.views_lead :][:, :T])
    carts_mean = config.carts_per_unit * mu[:, config.carts_lead :][:, :T]

    def inside(values: np.ndarray) -> np.ndarray:
        return values[:, :T]

    return Market(
        mu=inside(mu),
        shock=inside(shock),
        demand=demand,
        price=inside(price),
        list_price=inside(list_price),
        cost=inside(np.round(products["reference_cost"].to_numpy()[:, None] * np.exp(log_cost), 4)),
        promotion=inside(promotion),
        depth=inside(depth),
        views=clicks.poisson(views_mean),
        carts=clicks.poisson(carts_mean),
        live=inside(live),
        regime=inside(after),
        channels=channels,
        channel_parameters=parameters,
        scale=scale,
    )
