"""Chapter 11, advertising: what each channel returns, and how to share out a budget.

- `ChannelData`: Sales and spend of the same periods.
- `ChannelFit`: Posterior draws, (draws, channels) each; ``half`` in money of adstock.
- `ChannelPrior`: Prior of every channel, as centre and spread of a normal on the transformed scale.
- `fit_channels`: Posterior draws of decay, half saturation, slope and lift of every channel.
- `extra_sales`: Sales lost without each channel, the others unchanged: (..., channels, periods) -> (..., channels).
- `return_on_spend`: Extra sales per unit of money spent over all periods, (draws, channels).
- `summarise`: ``channel, median, low, high`` of draws (draws, channels) with the central interval of ``level``.
- `allocate`: Steady spend of each channel that maximises the expected contribution of ``budget`` a period.
- `expected_gain`: Posterior mean of each channel's relative gain at steady spend (channels, levels) -> (channels,
  levels).
- `marginal_gain`: Derivative of the expected relative gain in the spend, (channels,).
- `market_case`: Daily sales at each product's mean price, with what a shop knows beside its calendar: prices,
  promotions, range.
- `hard_cases`: Four budgets for one shop: as planned, and three from which no response model can learn.
- `true_fit`: The true parameters as a fit with a single draw, to value a budget by the truth.
- `respend`: The same shop with other spend (channels, periods), and with a demand ``shock`` (log, periods) nobody
  records.
- `tempered_draws`: Draws from ``prior x likelihood`` where the prior is standard normal, and the log evidence.
"""

from salesforecast_lib.decisions.advertising.allocation import allocate, expected_gain, marginal_gain
from salesforecast_lib.decisions.advertising.cases import hard_cases, market_case, respend, true_fit
from salesforecast_lib.decisions.advertising.response import (
    ChannelData,
    ChannelFit,
    ChannelPrior,
    extra_sales,
    fit_channels,
    return_on_spend,
    summarise,
)
from salesforecast_lib.decisions.advertising.sampling import tempered_draws

__all__ = [
    "ChannelData",
    "ChannelFit",
    "ChannelPrior",
    "fit_channels",
    "extra_sales",
    "return_on_spend",
    "summarise",
    "allocate",
    "expected_gain",
    "marginal_gain",
    "market_case",
    "hard_cases",
    "true_fit",
    "respend",
    "tempered_draws",
]
