"""The champion beside its members on a made chain of shops: ``python -m tests.benchmarks.chain [--shops 300]``.

The chain (`tests.unit.chain`) has promotions in alternate weeks, closed Sundays but for some shops, holidays with
letters, shops that open in the last year and one that rebuilds. Its last horizons are forecast six weeks ahead, once
without and once with the promotions known ahead; losses, time and peak memory are printed.
"""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path
from typing import Any

from salesforecast_lib.files import resolve, write_json, write_parquet
from salesforecast_lib.models.champion import ChampionConfig
from tests.benchmarks import fev
from tests.benchmarks.fev_score import LEVELS
from tests.benchmarks.fev_words import beside_members
from tests.unit.chain import AHEAD, make_chain

PLAIN, PROMOTED = "chain", "chain+promo"


def write_tasks(folder: Path, shops: int, days: int, seed: int, windows: int) -> Path:
    """The chain as two tasks of one file in the form that `fev` plays: without and with promotions known ahead."""
    panel = make_chain(shops, days, seed)
    write_parquet(panel[panel["y"].notna()], folder / "chain.parquet")
    task: dict[str, Any] = {"file": "chain.parquet", "freq": "D", "horizon": AHEAD, "windows": windows, "season": 7}
    task |= {"country": "DE", "first_cutoff": None, "static": ["store_type", "assortment"], "past_only": []}
    ahead = ["open", "StateHoliday", "school_holiday"]
    tasks = {PLAIN: {**task, "known_ahead": ahead}, PROMOTED: {**task, "known_ahead": ["promo", *ahead]}}
    write_json(tasks, folder / "tasks.json")
    return folder


def verdict(results: dict[str, dict[str, Any]]) -> list[str]:
    """How the champion stands beside its best member in each task, and what promotions known ahead are worth."""
    lines = []
    for name, result in results.items():
        lines.append(f"{name}: champion WAPE {result['champion']['WAPE']:.4f}. {beside_members(result)}".rstrip())
    if PLAIN in results and PROMOTED in results:
        before, after = (results[name]["champion"]["WAPE"] for name in (PLAIN, PROMOTED))
        change = after / before - 1
        lines.append(f"Promotions known ahead {'lower' if change < 0 else 'raise'} its WAPE by {abs(change):.1%}.")
    return lines


def main(arguments: list[str] | None = None) -> dict[str, dict[str, Any]]:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shops", type=int, default=300)
    parser.add_argument("--days", type=int, default=900)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--windows", type=int, default=1, help="horizons of six weeks that are forecast")
    parser.add_argument("--budget-minutes", type=float, default=ChampionConfig().budget_minutes)
    parser.add_argument("--root", type=Path, default=Path("runs/chain"), help="where chain and forecasts are stored")
    given = parser.parse_args(arguments)
    made = f"{given.shops}-shops-{given.days}-days-{given.seed}"
    folder = write_tasks(resolve(given.root) / made, given.shops, given.days, given.seed, given.windows)
    config = ChampionConfig(budget_minutes=given.budget_minutes, levels=LEVELS)
    results = {}
    for name in (PLAIN, PROMOTED):
        results[name] = fev.play(folder, name, config, folder, say=partial(print, flush=True))
        print(fev.show(results[name]), flush=True)
    print("\n".join(verdict(results)))
    return results


if __name__ == "__main__":
    main()
