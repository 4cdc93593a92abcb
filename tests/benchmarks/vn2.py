"""VN2 Inventory Planning Challenge: play it, and play it on earlier windows of the history as validation.

    python -m tests.benchmarks.vn2 DIR [--out runs/vn2] [--json FILE] [--windows 84,92,...]

DIR holds the organiser's files (``shared/data/vn2``'s README has the rules). A round reads the files up to its week.
Orders become ``round_K.csv`` in the output folder. With week 0 alone, earlier windows of eight weeks are played:
there demand of a week without stock is unknown. It counts as none and the pair's week costs nothing (``masked``); the
table also shows its two alternatives: ``zero`` charges holding in these weeks, ``filled`` gives them the mean of the
weeks in stock before and after, which no decision sees.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from tests.benchmarks.vn2_data import (
    FREE_WEEKS,
    HOLDING,
    ROUNDS,
    SHORTAGE,
    WEEKS,
    History,
    Policy,
    advance,
    check_orders,
    organisers_start,
    read_history,
    read_state,
    read_template,
    sales_files,
    write_orders,
)
from tests.benchmarks.vn2_policy import benchmark_order, planner, settings

WINDOWS = (84, 92, 100, 108, 116, 124, 132, 140, 148)  # columns that serve as week 0, 8 weeks apart
DEFINITIONS = ("masked", "zero", "filled")


@dataclass(frozen=True)
class Demand:
    """What a validation window charges: units (pairs, weeks) and whether the pair's week counts."""

    units: np.ndarray
    counts: np.ndarray


def demand_of(history: History, definition: str) -> Demand:
    """Demand of all weeks of ``history`` under one definition of the weeks without stock."""
    known = history.in_stock
    units = np.where(known, history.sales, 0.0)
    if definition == "masked":
        return Demand(units, known)
    if definition == "filled":
        table = pd.DataFrame(np.where(known, history.sales, np.nan).T)
        before, after = (getattr(table, side)().to_numpy().T for side in ("ffill", "bfill"))
        units = np.nan_to_num(np.round(np.nanmean(np.stack([before, after]), axis=0)), nan=0.0)
    elif definition != "zero":
        raise ValueError(f"definition={definition!r}: expected one of {DEFINITIONS}")
    return Demand(units, np.ones_like(known))


def play_window(history: History, start: int, policy: Policy, demand: Demand) -> tuple[np.ndarray, np.ndarray]:
    """Holding and shortage cost, each (WEEKS,), of a policy in the eight weeks after column ``start``."""
    state = organisers_start(history.until(start))
    costs = np.zeros((2, WEEKS))
    for week in range(WEEKS):
        now = start + week
        order = np.zeros(len(history.sales))
        if week < ROUNDS:
            order = check_orders(policy(history.until(now), state), len(order))
        state, left, lost = advance(state, demand.units[:, now + 1], order)
        counts = demand.counts[:, now + 1]
        costs[:, week] = HOLDING * left[counts].sum(), SHORTAGE * lost[counts].sum()
    return costs[0], costs[1]


def validate(history: History, windows: tuple[int, ...], make: Callable[[], Policy]) -> pd.DataFrame:
    """One row a window: cost of weeks 3-8 of the benchmark and of ours, under each definition of demand."""
    rows = []
    for start in windows:
        ours = make()
        row: dict[str, object] = {"week 0": str(history.dates[start].date())}
        for definition in DEFINITIONS:
            demand = demand_of(history.until(start + WEEKS), definition)
            for name, policy in (("benchmark", benchmark_order), ("ours", ours)):
                holding, shortage = (c[FREE_WEEKS:].sum() for c in play_window(history, start, policy, demand))
                row[f"{name} {definition}"] = round(float(holding + shortage), 1)
                if definition == "masked":
                    row[f"{name} holding"], row[f"{name} shortage"] = (
                        round(float(holding), 1),
                        round(float(shortage), 1),
                    )
            row[f"saving {definition}"] = 1 - row[f"ours {definition}"] / row[f"benchmark {definition}"]  # type: ignore[operator]
        rows.append(row)
    return pd.DataFrame(rows)


def play(folder: Path, out: Path, policy: Policy) -> pd.DataFrame:
    """The game: one submission a round, and the cost of each week whose sales are in the folder."""
    template, state = read_template(folder), read_state(folder)
    order = np.zeros(len(template))
    last = max(k for k in range(max(sales_files(folder)) + 1) if set(range(k + 1)) <= set(sales_files(folder)))
    rows = []
    for week in range(min(last, WEEKS) + 1):
        history = read_history(folder, week)
        if week:
            state, left, lost = advance(state, history.sales[:, -1], order)
            rows.append({"week": week, "holding": HOLDING * left.sum(), "shortage": SHORTAGE * lost.sum()})
        order = np.zeros(len(template))
        if week < ROUNDS:
            order = check_orders(policy(history, state), len(template))
            write_orders(order, template, out / f"round_{week + 1}.csv")
    table = pd.DataFrame(rows, columns=["week", "holding", "shortage"])
    return table.assign(cost=table["holding"] + table["shortage"])


def print_validation(table: pd.DataFrame) -> None:
    """The windows, their mean saving under each definition, and the spread."""
    shown = ["week 0", "benchmark masked", "ours masked", "ours holding", "ours shortage"]
    shown += [f"saving {d}" for d in DEFINITIONS]
    print(table[shown].to_string(index=False, formatters={f"saving {d}": "{:.1%}".format for d in DEFINITIONS}))
    for definition in DEFINITIONS:
        ours, theirs = table[f"ours {definition}"], table[f"benchmark {definition}"]
        saving = table[f"saving {definition}"]
        print(
            f"{definition:7s} mean cost of weeks 3-8: ours {ours.mean():.0f}, benchmark {theirs.mean():.0f}, saving "
            f"{1 - ours.mean() / theirs.mean():.1%} (windows {saving.min():.1%} to {saving.max():.1%}, "
            f"mean of windows {saving.mean():.1%})"
        )


def main() -> None:
    """Play, print, write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR", help="folder with VN2's weekly files")
    parser.add_argument("--out", type=Path, default=Path("runs/vn2"), help="folder of the submission files")
    parser.add_argument("--json", type=Path, help="file that stores the table")
    parser.add_argument("--windows", default=",".join(map(str, WINDOWS)), help="validation: columns that are week 0")
    options = parser.parse_args()
    began = time.perf_counter()
    costs = play(options.folder, options.out, planner())
    print(f"orders written to {options.out}")
    stored: dict[str, object] = {}
    if len(costs):
        print(costs.round(1).to_string(index=False))
        ranked = costs.loc[costs["week"] > FREE_WEEKS, "cost"].sum()
        print(f"cost of weeks 3-{int(costs['week'].max())}: {ranked:.1f}")
        stored = {"weeks": costs.round(2).to_dict("records"), "cost_of_weeks_3_to_8": round(float(ranked), 2)}
    else:
        windows = tuple(int(w) for w in options.windows.split(","))
        table = validate(read_history(options.folder, 0), windows, planner)
        print_validation(table)
        stored = {"settings": settings(), "windows": table.to_dict("records")}
    print(f"{time.perf_counter() - began:.0f} s")
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(stored, indent=1) + "\n")


if __name__ == "__main__":
    main()
