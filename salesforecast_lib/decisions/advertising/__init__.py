"""Chapter 11, advertising: what each channel returns, and how to share out a budget.

- `ChannelData`: Sales and spend of the same periods, with what else moves sales.
- `fit_channels`: Posterior draws of decay, half saturation, slope and lift of every channel.
- `return_on_spend`: Extra sales per unit of money spent over all periods, one value a draw and channel.
- `summarise`: Median and central interval of each channel's draws.
- `allocate`: Steady spend of each channel that maximises the expected contribution of a budget.
- `simulated_case`: The chapter's shop, with what the analyst sees and what is true.
- `misspecified_cases`: The same shop whose customers answer by other equations than the model's.
- `hard_cases`: The same shop with three budgets from which no response model can learn.
- `misspecified_shops`: Their returns beside the truth, in several simulated shops.
- `compare_returns`: Return on spend of every channel in every case, beside the truth.
- `base_sales`: Estimated sales a period without advertising.
- `true_gain`: What a new split promises, and what it adds in truth.
- `interval_verdict`: In how many channels the interval holds the truth, in a sentence.
- `gain_verdict`: What the new split promises and adds in truth, in a sentence.
- `write_channels`: Write ``channels.json``.

The modules: `response` (the model), `sampling` (its posterior), `allocation` (the budget), `cases` (the simulated shops
and their truth) and `study` (comparisons with the truth and verdicts).
"""

from salesforecast_lib.decisions.advertising.allocation import allocate
from salesforecast_lib.decisions.advertising.cases import hard_cases, misspecified_cases
from salesforecast_lib.decisions.advertising.response import ChannelData, fit_channels, return_on_spend, summarise
from salesforecast_lib.decisions.advertising.study import (
    base_sales,
    compare_returns,
    gain_verdict,
    interval_verdict,
    misspecified_shops,
    simulated_case,
    true_gain,
    write_channels,
)

__all__ = [
    "ChannelData",
    "fit_channels",
    "return_on_spend",
    "summarise",
    "allocate",
    "simulated_case",
    "misspecified_cases",
    "misspecified_shops",
    "hard_cases",
    "compare_returns",
    "base_sales",
    "true_gain",
    "interval_verdict",
    "gain_verdict",
    "write_channels",
]
