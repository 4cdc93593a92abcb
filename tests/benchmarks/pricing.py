"""Pricing against the truth: bias and coverage of elasticities, regret of prices, and refrigerated orange juice.

``python -m tests.benchmarks.pricing --seeds 100`` plays that many simulated shops; ``--data DIR`` adds the orange juice
of Dominick's (``DIR/orange_juice/yx.parquet`` or ``DIR/yx.parquet``); ``--json FILE`` writes the numbers.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.decisions.pricing import PriceRules, forecaster_against_pricer, play_shop
from salesforecast_lib.decisions.pricing.juice import PUBLISHED, juice_elasticities
from salesforecast_lib.decisions.pricing.study import summarise
from salesforecast_lib.files import write_json

BEST = "double ML, instruments and views"


def play(seeds: int, duels: int, first: int = 0) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Estimators, regrets and forecast duels of simulated shops ``first`` to ``first + seeds - 1``."""
    scores, lost, fights = [], [], []
    rules = PriceRules()
    for seed in range(first, first + seeds):
        shop = play_shop(seed, rules=rules)
        scores.append(shop.scores)
        lost.append(shop.regrets)
        if seed - first < duels:
            fights.append(forecaster_against_pricer(shop.market, shop.fits[BEST], rules).table.assign(shop=seed))
        print(f"\rshop {seed - first + 1} of {seeds}", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return pd.concat(scores), pd.concat(lost), pd.concat(fights) if fights else pd.DataFrame()


def main(arguments: list[str] | None = None) -> dict[str, Any]:
    """Run from the command line; returns what it prints."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else "")
    parser.add_argument("--seeds", type=int, default=100, help="simulated shops")
    parser.add_argument("--duels", type=int, default=10, help="shops in which a forecaster also sets prices")
    parser.add_argument("--data", default="", help="folder with orange_juice/yx.parquet; empty: left out")
    parser.add_argument("--json", default="", help="file for the numbers; empty: none")
    given = parser.parse_args(arguments)
    if given.seeds < 1:
        parser.error("--seeds: expected at least 1")
    scores, lost, fights = play(given.seeds, given.duels)
    table = summarise(scores).drop(columns="product_raw")
    print(f"Own-price elasticity against the truth, {given.seeds} simulated shops (95 % intervals)")
    print(table.round(3).to_string())
    regret = lost.groupby("method", sort=False)["regret"].agg(["mean", "median", "max"])
    print("\nShare of the best possible profit that is lost by the prices of each estimator")
    print((100 * regret).round(2).add_suffix(" %").to_string())
    result: dict[str, Any] = {
        "seeds": given.seeds,
        "estimators": table.to_dict("index"),
        "regret": regret.to_dict("index"),
    }
    if len(fights):
        duel = fights.groupby("model", sort=False)[["wape", "share_of_best_profit"]].mean()
        print("\nThe best forecaster is not the best pricer (means over shops)")
        print(duel.round(4).to_string())
        result["duel"] = duel.to_dict("index")
    if given.data:
        juice = juice_elasticities(Path(given.data))
        print("\nRefrigerated orange juice, own-price elasticity by brand (95 % intervals)")
        print(juice.round(2).to_string(index=False))
        print("\nPublished")
        print(PUBLISHED.to_string(index=False))
        result["orange_juice"] = juice.astype(object).where(juice.notna(), None).to_dict("records")
    if given.json:
        write_json(result, Path(given.json).resolve())
    return result


if __name__ == "__main__":
    main()
