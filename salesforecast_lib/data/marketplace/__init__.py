"""Chapters 01 to 13, the simulated marketplace: order lines from demand, elasticities and stock-outs that are known.

- `MarketplaceConfig`: Size and strengths of the simulated marketplace; a strength of 0 turns its mechanism off.
- `QUIET`: A market without shocks, seasons or festivals: what remains is what a method has to find.
- `config_from`: Settings from names and values; raises ValueError that names the source and an unknown or bad
  parameter.
- `read_config`: Settings from a YAML file ``name: value``; without a path, the defaults.
- `Marketplace`: Order lines and their truth.
- `simulate_marketplace`: Simulate a marketplace (default settings without ``config``); the same config gives the same
  lines.
- `expected_demand`: Expected demand of every row of ``market.truth`` had ``price`` been asked instead, all else
  equal.
- `latent_demand_bias`: Sum of ``estimate - mu`` over the sum of ``mu`` on the rows of the estimate; positive when too
  high.
- `COUNTRY`: Whose holidays the simulated market has.
- `FESTIVALS`: Days that the simulated market celebrates, with their lift.
- `adstock`: Geometric adstock ``a_t = x_t + decay a_(t-1)`` along the last axis, zero before the first day.
- `autoregression`: Stationary AR(1) along the last axis with standard deviation ``sd``.
- `hill`: Saturation ``a^s / (a^s + half^s)``, from 0 to 1 (Jin et al. 2017, equation of the Hill function).
- `market_columns`: Add the marketplace's own records to a panel built from its lines; returns ``(panel, planned
  columns)``.
"""

from salesforecast_lib.data.marketplace.config import QUIET, MarketplaceConfig, config_from, read_config
from salesforecast_lib.data.marketplace.demand import COUNTRY, FESTIVALS, adstock, autoregression, hill
from salesforecast_lib.data.marketplace.panel import market_columns
from salesforecast_lib.data.marketplace.simulate import (
    Marketplace,
    expected_demand,
    latent_demand_bias,
    simulate_marketplace,
)

__all__ = [
    "MarketplaceConfig",
    "QUIET",
    "config_from",
    "read_config",
    "Marketplace",
    "simulate_marketplace",
    "expected_demand",
    "latent_demand_bias",
    "COUNTRY",
    "FESTIVALS",
    "adstock",
    "autoregression",
    "hill",
    "market_columns",
]
