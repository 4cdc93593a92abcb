"""Changes of the world on the simulated marketplace, each from a known day on (chapter 15).

Sales are changed as demand would be: a factor below one keeps each unit with that chance, one above adds Poisson units.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.marketplace import MarketplaceConfig, simulate_marketplace

KEYS = ["unique_id", "ds"]
META: dict[str, Any] = {
    "dataset": "marketplace", "freq": "D", "season_length": 7, "country": "CN", "horizon": 7,
    "static": ["category"], "historical": ["price", "views"], "future": ["promotion", "depth"],
}  # fmt: skip
PRICES, LOST, GROWTH, DOZEN, EARLIER = 1.15, 0.35, 0.4, 12.0, 90
QUARTER = 91


@dataclass(frozen=True)
class WatchedMarket:
    """A market's panel, its products with their true parameters, and the last day before a change."""

    panel: pd.DataFrame
    products: pd.DataFrame
    cutoff: pd.Timestamp

    @property
    def largest(self) -> str:
        """The category that sells most before the cutoff."""
        past = self.panel[self.panel["ds"] <= self.cutoff]
        return str(past.groupby("category")["y"].sum().idxmax())


def watched_market(seed: int, products: int = 60, days: int = 560) -> WatchedMarket:
    """Simulate a market in which nothing but season, prices, promotions and chance moves sales; a quarter is ahead."""
    config = MarketplaceConfig(
        products=products, days=days, units=days * products * 4.0, seed=seed, categories=min(4, products),
        launch_share=0.0, delisting_share=0.0, regime_share=0.0,
    )  # fmt: skip
    market = simulate_marketplace(config)
    columns = [*KEYS, "sales", "available", "price", "views", "promotion", "depth"]
    panel = market.truth[columns].rename(columns={"sales": "y"})
    panel = panel.astype({name: "float64" for name in ("y", "price", "views", "promotion", "depth")})
    panel["category"] = panel["unique_id"].map(market.products.set_index("unique_id")["category"])
    panel = panel.sort_values(KEYS, ignore_index=True)
    return WatchedMarket(panel, market.products, panel["ds"].max() - pd.Timedelta(days=QUARTER))


def changed(y: np.ndarray, factor: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Sales (rows,) had demand been ``factor`` (rows,) times as large."""
    kept = rng.binomial(y.astype("int64"), np.minimum(factor, 1.0))
    return (kept + rng.poisson(y * np.maximum(factor - 1.0, 0.0))).astype("float64")


def inject(market: WatchedMarket, drift: str, seed: int = 0) -> pd.DataFrame:
    """The panel with one change of `DRIFTS` after the cutoff; earlier rows stay as they are.

    Raises ValueError for an unknown name.
    """
    if drift not in DRIFTS:
        raise ValueError(f"drift={drift!r}: expected one of {list(DRIFTS)}")
    panel = market.panel.copy()
    after = (panel["ds"] > market.cutoff).to_numpy()
    day = ((panel.loc[after, "ds"] - market.cutoff).dt.days).to_numpy("float64")
    part = panel[after].copy()
    DRIFTS[drift](market, part, day, np.random.default_rng(seed))
    panel.loc[after, part.columns] = part
    return panel


def _price_regime(market: WatchedMarket, part: pd.DataFrame, day: np.ndarray, rng: np.random.Generator) -> None:
    """All prices rise by `PRICES`; demand answers by each product's elasticity."""
    elasticity = part["unique_id"].map(market.products.set_index("unique_id")["own_elasticity"]).to_numpy("float64")
    part["price"] = (part["price"] * PRICES).round(2)
    part["y"] = changed(part["y"].to_numpy(), PRICES**elasticity, rng)


def _competitor(market: WatchedMarket, part: pd.DataFrame, day: np.ndarray, rng: np.random.Generator) -> None:
    """The largest category loses `LOST` of its demand within two weeks."""
    hit = (part["category"] == market.largest).to_numpy()
    part["y"] = changed(part["y"].to_numpy(), 1 - LOST * hit * np.minimum(day / 14, 1), rng)


def _season(market: WatchedMarket, part: pd.DataFrame, day: np.ndarray, rng: np.random.Generator) -> None:
    """The year's season comes `EARLIER` days earlier."""
    of = market.products.set_index("unique_id")
    size, peak = (part["unique_id"].map(of[f"season_{name}"]).to_numpy("float64") for name in ("amplitude", "peak"))
    angle = 2 * np.pi * (part["ds"].dt.dayofyear.to_numpy() - peak) / 365.25
    moved = np.cos(angle + 2 * np.pi * EARLIER / 365.25) - np.cos(angle)
    part["y"] = changed(part["y"].to_numpy(), np.exp(size * moved), rng)


def _units(market: WatchedMarket, part: pd.DataFrame, day: np.ndarray, rng: np.random.Generator) -> None:
    """The feed counts the largest category in dozens."""
    hit = (part["category"] == market.largest).to_numpy()
    part["y"] = np.where(hit, part["y"] / DOZEN, part["y"])


def _growth(market: WatchedMarket, part: pd.DataFrame, day: np.ndarray, rng: np.random.Generator) -> None:
    """Demand grows evenly, by `GROWTH` at the end of the quarter."""
    part["y"] = changed(part["y"].to_numpy(), 1 + GROWTH * day / QUARTER, rng)


def _nothing(market: WatchedMarket, part: pd.DataFrame, day: np.ndarray, rng: np.random.Generator) -> None:
    """No change."""


Drift = Callable[[WatchedMarket, pd.DataFrame, np.ndarray, np.random.Generator], None]
DRIFTS: dict[str, Drift] = {
    "nothing": _nothing,
    "price regime": _price_regime,
    "new competitor": _competitor,
    "season shift": _season,
    "feed in dozens": _units,
    "slow growth": _growth,
}
