"""Settings of the simulated marketplace: every strength of `simulate` is one named number, checked when it is given."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from salesforecast_lib.files import resolve

MAX_CATEGORIES = 8
LOOK_AHEAD = 14  # days simulated beyond the data, so that the last views and carts can lead; fixed, see `calendar`
_WHOLE = {
    "products": 1,
    "days": 60,
    "seed": 0,
    "categories": 1,
    "customers": 20,
    "lead_time": 1,
    "review_period": 1,
    "views_lead": 0,
    "carts_lead": 0,
}
_RANGES = {
    "units": (1.0, np.inf),
    "basket": (1.0, np.inf),
    "line_split": (0.01, 1.0),
    "elasticity": (-10.0, -0.1),
    "shock_memory": (0.0, 0.999),
    "cross": (0.0, 0.9),
    "regime_at": (0.0, 1.0),
    "confounding": (-5.0, 5.0),
    "regime_effect": (-5.0, 5.0),
    "promotion_effect": (-5.0, 5.0),
    "holiday": (-5.0, 5.0),
    "festival": (-5.0, 5.0),
    "spend_follows": (-5.0, 5.0),
    "text": (-5.0, 5.0),
}
# Settings under which nothing moves demand but the day's luck: ``MarketplaceConfig(**QUIET)``.
QUIET = {
    **dict.fromkeys(("season", "week", "holiday", "festival", "shock_sd", "trend_sd", "price_noise", "cost_sd"), 0.0),
    **dict.fromkeys(("promotion_share", "ad_lift", "intermittent_share", "launch_share", "delisting_share"), 0.0),
    **dict.fromkeys(("regime_share", "confounding"), 0.0),
}
_SHARES = ("promotion_share", "late_share", "intermittent_share", "launch_share", "delisting_share", "regime_share")


@dataclass(frozen=True)
class MarketplaceConfig:
    """Size and strengths of the simulated marketplace; a strength of 0 turns its mechanism off.

    Parameters
    ----------
    products, days, start, seed, categories, customers : size, first day and seed.
    units : expected units demanded over all products and days; the truth's ``mu`` adds up to it.
    level_sd, trend_sd : spread of log base demand and of log growth a year.
    season, week, holiday, festival : log amplitude of the year, strength of the weekday profile (1 as drawn), log
        effects of public holidays and of shopping festivals.
    shock_sd, shock_memory : stationary spread and day-to-day correlation of the demand shock nobody records.
    dispersion : size r of the negative binomial, variance m + m^2 / r; 0 draws Poisson counts.
    intermittent_share : share of slow products, demanded on some days only.
    elasticity, elasticity_sd, cross : mean and spread of own-price elasticities; cross over own, category price.
    cost_sd, pass_through, price_noise : spread of log supplier cost, its elasticity in the price, price trials.
    confounding : log price per unit of log demand shock (the price manager sees the shock).
    promotion_share, promotion_effect : share of product-weeks on promotion; log effect beyond the price cut.
    stock_cover, lead_time, review_period, late_share : order-up-to level as a multiple of the buyer's forecast over
        lead time + review period (days); 0 never runs out. Share of deliveries that come a week late.
    launch_share, delisting_share : products that enter, and leave, within the data.
    regime_share, regime_at, regime_effect : products whose demand changes, when (share of the days), log level change.
    views_per_unit, carts_per_unit, views_lead, carts_lead : views and carts a unit, and by how many days they lead.
    ad_lift, spend_follows : relative lift of all channels when saturated; how much spend follows the season.
    text : how much of the words' effects is at work.
    line_split, basket : chance that a further unit opens a new order line; mean lines an order.
    """

    products: int = 200
    days: int = 730
    start: str = "2023-01-02"
    seed: int = 0
    units: float = 400_000.0
    categories: int = 6
    customers: int = 5_000
    level_sd: float = 0.7
    trend_sd: float = 0.1
    season: float = 0.4
    week: float = 1.0
    holiday: float = 0.2
    festival: float = 1.0
    shock_sd: float = 0.25
    shock_memory: float = 0.85
    dispersion: float = 10.0
    intermittent_share: float = 0.25
    elasticity: float = -2.0
    elasticity_sd: float = 0.4
    cross: float = 0.3
    cost_sd: float = 0.12
    pass_through: float = 0.8
    price_noise: float = 0.03
    confounding: float = 0.25
    promotion_share: float = 0.08
    promotion_effect: float = 0.3
    stock_cover: float = 1.4
    lead_time: int = 5
    review_period: int = 7
    late_share: float = 0.05
    launch_share: float = 0.15
    delisting_share: float = 0.05
    regime_share: float = 0.2
    regime_at: float = 0.75
    regime_effect: float = -0.5
    views_per_unit: float = 20.0
    carts_per_unit: float = 2.5
    views_lead: int = 3
    carts_lead: int = 1
    ad_lift: float = 0.3
    spend_follows: float = 0.5
    text: float = 1.0
    line_split: float = 0.8
    basket: float = 1.8

    def __post_init__(self) -> None:
        for name, low in _WHOLE.items():
            whole = getattr(self, name)
            if isinstance(whole, bool) or not isinstance(whole, (int, np.integer)) or whole < low:
                raise ValueError(f"{name}={whole!r}: expected a whole number of at least {low}")
        for field in dataclasses.fields(self):
            if field.name in _WHOLE or field.name == "start":
                continue
            lowest, highest = _RANGES.get(field.name, (0.0, 1.0 if field.name in _SHARES else np.inf))
            value = getattr(self, field.name)
            number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
            if not number or not np.isfinite(value) or not lowest <= value <= highest:
                raise ValueError(f"{field.name}={value!r}: expected a number from {lowest} to {highest}")
        for name in ("views_lead", "carts_lead"):
            if getattr(self, name) > LOOK_AHEAD:
                raise ValueError(f"{name}={getattr(self, name)}: expected at most {LOOK_AHEAD} days")
        if self.categories > min(MAX_CATEGORIES, self.products):
            limit = min(MAX_CATEGORIES, self.products)
            raise ValueError(f"categories={self.categories}: expected at most {limit} (products={self.products})")
        try:
            pd.Timestamp(self.start)
        except ValueError as error:
            raise ValueError(f"start={self.start!r}: not a date; expected ISO 8601 such as 2023-01-02") from error

    @property
    def calendar(self) -> pd.DatetimeIndex:
        """The days of the data and `LOOK_AHEAD` more: always as many, so that a lead changes no other draw."""
        return pd.date_range(pd.Timestamp(self.start).normalize(), periods=self.days + LOOK_AHEAD, freq="D")

    @property
    def regime_day(self) -> int:
        """Number of the first day after the regime shift."""
        return round(self.regime_at * self.days)


def config_from(values: Mapping[str, Any], source: str = "marketplace") -> MarketplaceConfig:
    """Settings from names and values; raises ValueError that names the source and an unknown or bad parameter."""
    names = [field.name for field in dataclasses.fields(MarketplaceConfig)]
    unknown = sorted(set(map(str, values)) - set(names))
    if unknown:
        raise ValueError(f"{source}: unknown parameters {unknown}; expected some of {names}")
    try:
        checked: dict[str, Any] = {name: str(v) if name == "start" else v for name, v in values.items()}
        return MarketplaceConfig(**checked)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{source}: {error}") from error


def read_config(path: str | Path = "") -> MarketplaceConfig:
    """Settings from a YAML file ``name: value``; without a path, the defaults.

    Raises FileNotFoundError or ValueError that names the file.
    """
    if not path:
        return MarketplaceConfig()
    file = resolve(path)
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such file; give a YAML file of MarketplaceConfig values, or no path")
    try:
        values = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{file}: not YAML ({str(error)[:200]}); expected lines such as 'products: 100'") from error
    if not isinstance(values or {}, dict):
        raise ValueError(f"{file}: expected lines such as 'products: 100', found {type(values).__name__}")
    return config_from(values or {}, str(file))
