"""From a plan without limits to what is ordered today: stock, cases, shelf life, budget, money at risk (chapter 08)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from salesforecast_lib.data.reading import ReadOptions
from salesforecast_lib.decisions.inventory.case_study import Case, moments_today, stock_today
from salesforecast_lib.decisions.inventory.constraints import Ordered
from salesforecast_lib.decisions.inventory.contest import ask, level_today
from salesforecast_lib.decisions.inventory.orders import read_stock, stockout_risk
from salesforecast_lib.decisions.inventory.planner import abc_xyz, money_at_risk, whole_units
from salesforecast_lib.decisions.inventory.policies import paths_today
from salesforecast_lib.decisions.inventory.simulator import ArrivalPolicy, Policy, SimulationConfig
from salesforecast_lib.decisions.silence import silence
from salesforecast_lib.decisions.stock import MISSING_STOCK, match_stock
from salesforecast_lib.wording import counted, first_names

Moments = tuple[np.ndarray, np.ndarray]
COSTS_AS = ("unit", "price")


class Demand(NamedTuple):
    """What is expected after the end of the data; ``moments`` hold mean and sd of the ``lead`` time and ``interval``.

    ``silent`` is the table of `silence`: products that nobody wants any more have no demand, whatever their forecast.
    """

    ids: list[str]
    moments: dict[str, Moments]
    silent: pd.DataFrame

    @property
    def note(self) -> str:
        """Which products have no demand, in a sentence."""
        gone = self.silent.index[self.silent["unwanted"]]
        many = f"{len(gone)} of {counted(len(self.ids), 'product')}"
        return f"{many} without demand: nothing is ordered" + (f" ({first_names(gone)})" if len(gone) else "")


def demand_today(
    forecasts: pd.DataFrame, panel: pd.DataFrame, model: str, config: SimulationConfig, season: int, recorded: bool
) -> Demand:
    """`moments_today` of a run's products, zero for those that nobody wants; ``recorded`` as in `silence`."""
    ids, moments = moments_today(forecasts, model, config, season)
    silent = silence(panel, ids, moments["interval"][0], recorded)
    gone = silent["unwanted"].to_numpy()
    cleared = {name: (np.where(gone, 0.0, m), np.where(gone, 0.0, s)) for name, (m, s) in moments.items()}
    return Demand(ids, cleared, silent)


def paths_ahead(
    forecasts: pd.DataFrame,
    demand: Demand,
    model: str,
    periods: int,
    interval: int,
    season: int,
    seed: int = 0,
    freq: str = "",
) -> tuple[pd.DatetimeIndex, np.ndarray]:
    """Dates and `paths_today`, (samples, products, periods); zero for the products that nobody wants."""
    _, dates, ahead = paths_today(forecasts, model, periods, interval, season, seed=seed, freq=freq)
    ahead[:, demand.silent["unwanted"].to_numpy()] = 0.0
    return dates, ahead


class OpeningStock(NamedTuple):
    """Stock on the last evening and its ``source`` (stock_file, simulated or unknown), each (products,), and a note.

    ``units`` are not a number where the stock is ``unknown``; ``extra`` are the stock file's products without a plan.
    """

    units: np.ndarray
    source: np.ndarray
    note: str
    unknown: list[str]
    extra: list[str]


def opening_stock(
    stock_file: str,
    case: Case,
    model: str,
    config: SimulationConfig,
    service_level: float,
    ids: list[str],
    expected: np.ndarray,
    missing_stock: str = "unknown",
    options: ReadOptions | None = None,
) -> OpeningStock:
    """Stock on hand and on order on the last evening of the data.

    With a ``stock_file``, read as ``options`` say, the stock of products that it lacks is what ``missing_stock`` says,
    unknown or zero. Without one it is that of the simulated shop, and a product without a simulation (it is too young)
    is given its ``expected`` demand, (products,).
    """
    if missing_stock not in MISSING_STOCK:
        raise ValueError(f"missing_stock={missing_stock!r}: expected {' or '.join(map(repr, MISSING_STOCK))}")
    if stock_file:
        found = match_stock(read_stock(stock_file, options), ids, missing_stock, stock_file)
        source = np.where(np.isnan(found.units), "unknown", "stock_file")
        return OpeningStock(found.units, source, found.note, found.unknown, found.extra)
    stock = stock_today(case, model, config, service_level).reindex(ids)
    young = counted(int(stock.isna().sum()), "product")
    note = f"stock of the simulated shop; {young} too young for it, given the expected demand"
    units = stock.fillna(pd.Series(expected, index=ids)).to_numpy()
    return OpeningStock(units, np.full(len(ids), "simulated"), note, [], [])


def unit_prices(panel: pd.DataFrame, ids: list[str]) -> np.ndarray:
    """Median price of each product, (products,), money; the median product's where it has none, else 1."""
    price = panel.groupby("unique_id")["price"].median().reindex(ids) if "price" in panel else pd.Series(1.0, index=ids)
    return price.fillna(price.median()).fillna(1.0).to_numpy()


def unit_values(panel: pd.DataFrame, ids: list[str], costs_as: str) -> np.ndarray:
    """What the costs of a unit are multiplied by, (products,): 1 for costs as "unit", its price for costs as "price".

    A product without a price, or with one of zero, counts as the median product; where no price is known at all the
    costs stay those of a unit.

    Raises
    ------
    ValueError
        When ``costs_as`` is neither.
    """
    if costs_as not in COSTS_AS:
        raise ValueError(f"costs_as={costs_as!r}: expected {' or '.join(map(repr, COSTS_AS))}")
    if costs_as == "unit" or "price" not in panel:
        return np.ones(len(ids))
    return unit_prices(panel[panel["price"] > 0], ids)


def wanted_today(
    policy: Policy | ArrivalPolicy, demand: Demand, stock: np.ndarray, lead_time: int
) -> tuple[np.ndarray, np.ndarray]:
    """What a policy orders today and the level up to which it fills, each (products,), units.

    Zero for products that nobody wants; the order is not a number where the stock is unknown. All stock counts as on
    the shelf, also what is on order: a stock file does not say when that arrives.
    """
    gone = demand.silent["unwanted"].to_numpy()
    order = np.where(gone, 0.0, ask(policy, np.nan_to_num(stock), lead_time))
    level = np.where(gone, 0.0, level_today(policy, len(stock), lead_time))
    return np.where(np.isnan(stock), np.nan, order), level


def finished_plan(
    plan: pd.DataFrame,
    stock: np.ndarray,
    ordered: Ordered,
    moments: Mapping[str, Moments],
    paths: np.ndarray,
    config: SimulationConfig,
    panel: pd.DataFrame,
    price: np.ndarray,
) -> pd.DataFrame:
    """The plan with what is ``ordered`` within limits, its risk and money, and the ABC-XYZ class.

    Sorted by expected loss: first what is lost before today's order can arrive, then what is lost without an order.

    Parameters
    ----------
    plan : of `replenishment_plan`, orders without limits; ``stock`` and ``price`` are (products,).
    ordered : what `Choices.decide` returns.
    moments : ``lead`` and ``interval`` of `moments_today`; ``paths`` (samples, products, protection interval).
    panel : history, from whose last 52 weeks the classes come; daily sales are summed to weeks.
    """
    ids = list(plan["unique_id"])
    table = plan.copy()
    units = np.where(np.isnan(stock), np.nan, ordered.units)
    table["why"] += [f"; {note}" if note else "" for note in ordered.notes]
    table["order_quantity"] = whole_units(units)
    table["refused_cost"] = np.where(np.isnan(stock), np.nan, ordered.refused).round(2)
    table["risk_with_order"] = stockout_risk(stock + units, *moments["interval"]).round(4)
    table = money_at_risk(table, paths, config.lead_time, config.shortage, config.holding)
    table["unit_value"] = np.broadcast_to(np.round(config.unit_value, 2), len(ids))
    classes = abc_xyz(ids, weekly_sales(panel, ids)[:, -52:], price)[["unique_id", "abc", "xyz"]]
    return table.merge(classes, on="unique_id").sort_values(
        ["expected_loss", "loss_without_order"], ascending=False, kind="stable"
    )


def plan_counts(plan: pd.DataFrame, warnings: pd.DataFrame, excess: pd.DataFrame) -> pd.Series:
    """How many products are ordered, warned of and too many, and the money at stake."""
    return pd.Series(
        {
            "products": len(plan),
            "ordered": int((plan["order_quantity"] > 0).sum()),
            "not ordered, a case costs more than it saves": int((plan["refused_cost"] > 0).sum()),
            "stock unknown": int(plan["stock"].isna().sum()),
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
