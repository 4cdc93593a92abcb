"""From a plan without limits to what is ordered today: stock, cases, shelf life, budget, money at risk (chapter 08)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.inventory.case_study import Case, stock_today
from salesforecast_lib.decisions.inventory.constraints import (
    abc_xyz,
    allocate,
    options,
    packed,
    savings,
    shelf_life_room,
)
from salesforecast_lib.decisions.inventory.orders import read_stock, stockout_risk
from salesforecast_lib.decisions.inventory.planner import money_at_risk
from salesforecast_lib.decisions.inventory.simulator import SimulationConfig
from salesforecast_lib.files import resolve, write_csv, write_json
from salesforecast_lib.wording import counted

Moments = tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True)
class Limits:
    """What an order must respect.

    Parameters
    ----------
    case_pack : units in a case; orders are whole cases.
    minimum_order : smallest order line, units.
    shelf_life : periods after which a unit cannot be sold; 0 never.
    order_budget : money for today's orders, at unit prices; 0 sets no limit.
    """

    case_pack: int = 1
    minimum_order: int = 1
    shelf_life: int = 0
    order_budget: float = 0.0

    def __post_init__(self) -> None:
        if self.case_pack < 1 or min(self.minimum_order, self.shelf_life, self.order_budget) < 0:
            raise ValueError(f"{self}: expected a case of at least 1 unit and no other limit below zero")


class Choices(NamedTuple):
    """Quantities to choose from: ``order`` (products,) within cases and shelf life, ``quantities`` and the expected
    ``saving`` of each (products, options), money, and the ``price`` of a unit (products,).
    """

    order: np.ndarray
    quantities: np.ndarray
    saving: np.ndarray
    price: np.ndarray

    def within(self, budget: float) -> np.ndarray:
        """The quantities that save most within ``budget``; (products,), units."""
        return allocate(self.quantities, self.saving, [(self.price, budget)])

    def saved(self, chosen: np.ndarray) -> float:
        """Expected saving of a choice, money."""
        place = (self.quantities == chosen[:, None]).argmax(axis=1)
        return float(self.saving[np.arange(len(chosen)), place].sum())


class OpeningStock(NamedTuple):
    """Stock on the last evening, (products,), its ``source`` (stock_file or simulated) and a sentence on it."""

    units: np.ndarray
    source: str
    note: str


def opening_stock(
    stock_file: str,
    case: Case,
    model: str,
    config: SimulationConfig,
    service_level: float,
    ids: list[str],
    expected: np.ndarray,
) -> OpeningStock:
    """Stock on hand and on order on the last evening of the data.

    With a ``stock_file`` products that it lacks count as out of stock. Without one it is that of the simulated shop,
    and a product without a simulation (it is too young) is given its ``expected`` demand, (products,).
    """
    if stock_file:
        stock = read_stock(stock_file).reindex(ids)
        lacking = f"{stock.isna().sum()} of {counted(len(ids), 'product')}"
        note = f"{lacking} not in {stock_file}: counted as out of stock"
        return OpeningStock(stock.fillna(0.0).to_numpy(), "stock_file", note)
    stock = stock_today(case, model, config, service_level).reindex(ids)
    young = counted(int(stock.isna().sum()), "product")
    note = f"stock of the simulated shop; {young} too young for it, given the expected demand"
    return OpeningStock(stock.fillna(pd.Series(expected, index=ids)).to_numpy(), "simulated", note)


def unit_prices(panel: pd.DataFrame, ids: list[str]) -> np.ndarray:
    """Median price of each product, (products,), money; the median product's where it has none, else 1."""
    price = panel.groupby("unique_id")["price"].median().reindex(ids) if "price" in panel else pd.Series(1.0, index=ids)
    return price.fillna(price.median()).fillna(1.0).to_numpy()


def order_choices(
    wanted: np.ndarray,
    ahead: np.ndarray,
    stock: np.ndarray,
    price: np.ndarray,
    config: SimulationConfig,
    limits: Limits,
) -> Choices:
    """Orders cut to whole cases and to what sells before it expires, and the smaller ones that a budget may choose.

    Parameters
    ----------
    wanted : orders without limits, (products,), units.
    ahead : demand paths from today on, (samples, products, periods), at least the protection interval and the shelf
        life long.
    stock, price : (products,).
    """
    pack, minimum = limits.case_pack, limits.minimum_order
    most = shelf_life_room(ahead[:, :, : limits.shelf_life], stock) if limits.shelf_life else np.inf
    order = packed(wanted, pack, minimum, most)
    quantities = np.minimum(options(order, pack, minimum), order[:, None])
    none = np.zeros((len(order), config.lead_time))
    paths = ahead[:, :, : config.protection]
    saving = savings(quantities, paths, stock, none, config.shortage_cost, config.holding_cost)
    return Choices(order, quantities, saving, price)


def budget_curve(choices: Choices, shares: tuple[float, ...] = (0.25, 0.5, 0.75)) -> pd.Series:
    """Share of what orders can save that is left with a share of the plan's money; 1 where nothing can be saved."""
    full, best = float(choices.price @ choices.order), float(choices.saving.max(axis=1).sum())
    kept = [choices.saved(choices.within(share * full)) for share in shares]
    return pd.Series([value / best if best > 0 else 1.0 for value in kept], index=pd.Index(shares, name="money"))


def finished_plan(
    plan: pd.DataFrame,
    stock: np.ndarray,
    ordered: np.ndarray,
    moments: Mapping[str, Moments],
    paths: np.ndarray,
    config: SimulationConfig,
    panel: pd.DataFrame,
    price: np.ndarray,
) -> pd.DataFrame:
    """The plan with what is ``ordered`` within limits, its risk and money, and the ABC-XYZ class; riskiest first.

    Parameters
    ----------
    plan : of `replenishment_plan`, orders without limits; ``stock``, ``ordered`` and ``price`` are (products,).
    moments : ``lead`` and ``interval`` of `moments_today`; ``paths`` (samples, products, protection interval).
    panel : history, from whose last 52 weeks the classes come; daily sales are summed to weeks.
    """
    ids = list(plan["unique_id"])
    table = plan.copy()
    changed = ordered != table["order_quantity"]
    table["why"] += np.where(changed, [f"; ordered {q:.0f}: cases, shelf life or budget" for q in ordered], "")
    table["order_quantity"] = ordered.astype(int)
    table["risk_with_order"] = stockout_risk(stock + ordered, *moments["interval"]).round(4)
    table = money_at_risk(table, paths, config.lead_time, config.shortage_cost, config.holding_cost)
    classes = abc_xyz(ids, weekly_sales(panel, ids)[:, -52:], price)[["unique_id", "abc", "xyz"]]
    return table.merge(classes, on="unique_id").sort_values("risk_without_order", ascending=False, kind="stable")


def plan_counts(plan: pd.DataFrame, warnings: pd.DataFrame, excess: pd.DataFrame) -> pd.Series:
    """How many products are ordered, warned of and too many, and the money at stake."""
    return pd.Series(
        {
            "products": len(plan),
            "ordered": int((plan["order_quantity"] > 0).sum()),
            "probably run out before the delivery": len(warnings),
            "their expected loss, money": round(warnings["expected_loss"].sum()),
            "with more than the level": len(excess),
            "to return or mark down": int((excess["proposal"] != "keep").sum()),
            "saved by that, money": round(excess["saving"].sum()),
        }
    )


def weekly_sales(panel: pd.DataFrame, ids: list[str]) -> np.ndarray:
    """Sales by week, (products, weeks), units; daily sales are summed, an incomplete first week is left out."""
    recent = panel.pivot(index="unique_id", columns="ds", values="y").reindex(ids).fillna(0.0)
    daily = len(recent.columns) > 1 and recent.columns.to_series().diff().min() < pd.Timedelta(days=7)
    units = recent.to_numpy()
    return units[:, units.shape[1] % 7 :].reshape(len(ids), -1, 7).sum(2) if daily else units


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


def inventory_report(
    case: Case, table: pd.DataFrame, policies: pd.DataFrame, ranking: pd.DataFrame, service_level: float
) -> dict[str, Any]:
    """Content of ``inventory.json``: costs of forecasts and policies, and which error measure ranks as money does."""
    cost = table.set_index("policy")["total"].drop(["rule of thumb", "perfect foresight"])

    def by(name: str, rows: pd.DataFrame) -> dict[str, Any]:  # a share of nothing is no number: null
        return rows.set_index(name).replace({np.nan: None}).to_dict("index")

    return {
        "service_level": service_level,
        "cheapest_model": cost.idxmin(),
        "products": len(case.ids),
        "periods": len(case.dates),
        "policies": by("policy", table),
        "other_policies": by("policy", policies),
        "value_of_accuracy": by("metric", ranking),
    }
