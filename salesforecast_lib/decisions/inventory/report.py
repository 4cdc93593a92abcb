"""What chapter 08 leaves in a run's folder: the planner's tables, and costs and choices as JSON."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.inventory.case_study import Case
from salesforecast_lib.decisions.inventory.contest import Runs, choice_sentences, months
from salesforecast_lib.decisions.inventory.today import Demand, OpeningStock
from salesforecast_lib.files import resolve, write_csv, write_json


def save_today(
    run_dir: str | Path,
    plan: pd.DataFrame,
    warnings: pd.DataFrame,
    excess: pd.DataFrame,
    projection: pd.DataFrame,
    report: dict[str, Any],
) -> None:
    """Write the planner's files of a run: the four tables as CSV and ``inventory.json``."""
    folder = resolve(run_dir)
    tables = {"replenishment": plan, "warnings": warnings, "excess": excess, "projection": projection.round(3)}
    for name, table in tables.items():
        write_csv(table, folder / f"{name}.csv")
    write_json(report, folder / "inventory.json")


class Chosen(NamedTuple):
    """The policy that the plan follows, how its costs are meant, and the runs on which it was chosen and judged."""

    policy: str
    costs_as: str
    runs: Runs
    simple: Runs
    horizon: int


def inventory_report(
    case: Case,
    table: pd.DataFrame,
    policies: pd.DataFrame,
    ranking: pd.DataFrame,
    service_level: float,
    stock: OpeningStock,
    demand: Demand,
    model: str,
    chosen: Chosen,
) -> dict[str, Any]:
    """Content of ``inventory.json``: costs of forecasts and policies, which error measure ranks as money does, the
    ``model`` and the ``policy`` that drive the plan, where the stock comes from (``stock_source``: stock_file or
    simulated), and the products whose stock is unknown, that only the stock file has, and that nobody wants.

    ``months`` holds the cost of every policy and simple rule in the earlier months, on which the policy was chosen,
    and in the last; ``choice`` says in sentences what the policy saved there, against the best simple rule too.
    """
    cost = table.set_index("policy")["total"].drop(["rule of thumb", "perfect foresight"])

    def by(name: str, rows: pd.DataFrame) -> dict[str, Any]:  # a share of nothing is no number: null
        return rows.set_index(name).replace({np.nan: None}).to_dict("index")

    return {
        "service_level": service_level,
        "model": model,
        "policy": chosen.policy,
        "costs_as": chosen.costs_as,
        "stock_source": "simulated" if "simulated" in stock.source else "stock_file",
        "months": {
            n: by("policy", months(runs, chosen.horizon).round(2).reset_index())
            for n, runs in (("policies", chosen.runs), ("simple_rules", chosen.simple))
        },
        "choice": choice_sentences(chosen.runs, chosen.simple, chosen.policy, chosen.horizon),
        "cheapest_model": cost.idxmin(),
        "products": len(case.ids),
        "periods": len(case.dates),
        "stock_unknown": stock.unknown,
        "stock_without_plan": stock.extra,
        "without_demand": list(demand.silent.index[demand.silent["unwanted"]]),
        "policies": by("policy", table),
        "other_policies": by("policy", policies),
        "value_of_accuracy": by("metric", ranking),
    }
