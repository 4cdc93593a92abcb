"""Is the true return on spend in the interval? ``python -m tests.benchmarks.channels --seeds 100 [--json FILE]``.

Each seed is another simulated shop with another advertising history. The table holds, for each channel and for all
together, how often the 90 % interval holds the truth, how wide it is, and how far the median is off; and for the budget
what the allocation gains in truth, against what it promised and against what is possible. One thread is enough.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.marketplace.simulate import MarketplaceConfig, simulate_marketplace
from salesforecast_lib.decisions.advertising.allocation import allocate
from salesforecast_lib.decisions.advertising.cases import market_case, true_fit
from salesforecast_lib.decisions.advertising.response import extra_sales, fit_channels, return_on_spend
from salesforecast_lib.files import write_json

MARGIN = 0.4  # contribution of a unit of sales
MARKET = MarketplaceConfig(
    units=2e6, stock_cover=0.0, line_split=0.01, customers=100
)  # large enough for advertising to pay; few lines, because only sales a day are read


def one_seed(seed: int, stock_cover: float, particles: int) -> tuple[list[dict[str, float]], dict[str, float]]:
    """Rows of the channels and one of the budget."""
    case = market_case(simulate_marketplace(replace(MARKET, seed=seed, stock_cover=stock_cover)))
    data = case.data
    fit = fit_channels(data, seed, particles=particles)
    share = data.spend.sum(axis=1) / data.spend.sum()
    found, truth = return_on_spend(fit, data), case.true_return
    found = np.column_stack([found, found @ share])
    truth = np.append(truth, truth @ share)
    low, median, high = np.quantile(found, [0.05, 0.5, 0.95], axis=0)
    rows = [
        {
            "seed": seed, "channel": name, "truth": truth[k], "median": median[k], "low": low[k], "high": high[k],
            "inside": bool(low[k] <= truth[k] <= high[k]), "rank": float((found[:, k] < truth[k]).mean()),
        }
        for k, name in enumerate((*data.names, "all"))
    ]  # fmt: skip
    present = data.spend.mean(axis=1)
    base = float(
        (data.sales - extra_sales(fit.response(data.spend), data.sales).sum(1).mean() / len(data.sales)).mean()
    )
    known = true_fit(case)
    true_base = float((case.expected / (1 + case.response.sum(0))).mean())
    limit = 3 * present
    ours = allocate(fit, present.sum(), base, MARGIN, limit, present)
    best = allocate(known, present.sum(), true_base, MARGIN, limit, present)
    gained = allocate(known, present.sum(), true_base, MARGIN, limit, present, fixed=ours.spend)
    low, high = np.quantile(ours.gain, [0.05, 0.95])
    budget = {
        "seed": seed, "promised": float(ours.gain.mean()), "gained": float(gained.gain[0]),
        "possible": float(best.gain[0]), "inside": bool(low <= gained.gain[0] <= high),
    }  # fmt: skip
    return rows, budget


def over_seeds(rows: list[dict[str, Any]], budgets: list[dict[str, Any]]) -> dict[str, Any]:
    """How often each channel's interval holds the true return, and what sharing out the budget anew earns."""
    table, budget = pd.DataFrame(rows), pd.DataFrame(budgets)
    table["width"] = (table["high"] - table["low"]) / table["truth"]
    table["ratio"] = table["median"] / table["truth"]
    shown = table.groupby("channel", sort=False).agg(
        seeds=("inside", "size"), inside=("inside", "sum"), truth=("truth", "mean"), relative_width=("width", "median"),
        median_over_truth=("ratio", "median"),
    )  # fmt: skip
    means = {**budget[["promised", "gained", "possible"]].mean(), "inside": int(budget["inside"].sum())}
    return {"seeds": len(budget), "channels": shown.to_dict("index"), "budget": means}


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--particles", type=int, default=400)
    parser.add_argument("--stock-cover", type=float, default=0.0, help="0 never runs out; 1.4 is the market's default")
    parser.add_argument("--json", type=Path, help="write the summary here")
    options = parser.parse_args()
    if options.seeds < 1:
        parser.error("--seeds: expected at least 1")
    begin, rows, budgets = time.process_time(), [], []
    for seed in range(options.first, options.first + options.seeds):
        channels, budget = one_seed(seed, options.stock_cover, options.particles)
        rows += channels
        budgets.append(budget)
    result = over_seeds(rows, budgets)
    print(pd.DataFrame(result["channels"]).T.round(3).to_string())
    print("\ncontribution a day from sharing out the same budget anew, mean over seeds")
    print(pd.Series(result["budget"]).round(2).to_string())
    print(f"\n{time.process_time() - begin:.0f} s of one thread, {options.particles} particles")
    if options.json:
        write_json(result, options.json.resolve())


if __name__ == "__main__":
    main()
