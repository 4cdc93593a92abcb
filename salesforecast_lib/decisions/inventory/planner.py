"""The planner's tool: live stock projection, proposals to order, return or mark down, and warnings in money."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.inventory.orders import order_up_to_level, stockout_risk
from salesforecast_lib.wording import counted


@dataclass(frozen=True)
class ExcessConfig:
    """What it costs to get rid of a unit too many, and how much a markdown sells.

    Parameters
    ----------
    markdown_cost : money given up on a unit that is marked down.
    markdown_lift : extra sales during a markdown, as a share of usual sales.
    return_cost : money lost on a unit that goes back to the supplier.
    """

    markdown_cost: float = 0.3
    markdown_lift: float = 0.5
    return_cost: float = 0.6

    def __post_init__(self) -> None:
        for name in ("markdown_cost", "markdown_lift", "return_cost"):
            value = getattr(self, name)
            if not np.isfinite(value) or value < 0:
                raise ValueError(f"{name}={value!r}: expected a finite number of zero or more")


def replenishment_plan(
    ids: list[str],
    stock: np.ndarray,
    lead: tuple[np.ndarray, np.ndarray],
    interval: tuple[np.ndarray, np.ndarray],
    service_level: float,
    minimum_order: int = 1,
    silent: Sequence[str] | None = None,
    model: str = "",
    policy: str = "",
    wanted: tuple[np.ndarray, np.ndarray] | None = None,
) -> pd.DataFrame:
    """What to order today, why, and the expected risk of a stock-out.

    Without a ``policy`` the shelf is filled up to the demand's quantile at the ``service_level``. A named policy gives
    what is ``wanted``: its orders and the level up to which it fills, each (products,), units.

    ``lead`` and ``interval`` are (mean, sd) of demand before the delivery of today's order, and until the delivery of
    the next one. ``runs_out_before_delivery`` marks early warnings, ``excess`` the units beyond the level. Where the
    ``stock`` is unknown (not a number), so are the order, the risks and the excess. ``silent`` says of each product
    why nobody wants it ("" of the others); ``model`` is named as who forecast the demand.
    """
    stock = np.asarray(stock, float)
    level = order_up_to_level(*interval, service_level) if wanted is None else np.asarray(wanted[1], float)
    gap = np.ceil(np.maximum(level - stock, 0.0) - 1e-9) if wanted is None else np.asarray(wanted[0], float)
    gap = np.where(np.isnan(stock), np.nan, gap)
    order = np.where(np.isnan(gap), np.nan, np.where(gap > 0, np.maximum(gap, minimum_order), 0.0))
    before = stockout_risk(stock, *lead) if lead[0].any() else 0.0 * stock
    plan = pd.DataFrame({"unique_id": ids, "stock": stock.round(1), "order_quantity": whole_units(order)})
    plan["order_up_to_level"] = level.round(1)
    plan["policy"] = policy or "order-up-to"
    plan["expected_demand"] = interval[0].round(1)
    plan["risk_without_order"] = stockout_risk(stock, *interval).round(4)
    plan["risk_with_order"] = stockout_risk(stock + order, *interval).round(4)
    plan["risk_before_delivery"] = before.round(4)
    plan["runs_out_before_delivery"] = before > 0.5
    plan["excess"] = np.maximum(stock - level, 0.0).round(1)
    reasons, by = [""] * len(stock) if silent is None else silent, f" by the {model}" if model else ""
    rule = f" at service level {service_level:.0%}" + (f"; policy: {policy}" if policy else "")
    plan["why"] = [
        f"{reason}: no demand expected, no order" + ("" if s else " (if the shelf was empty all along, order by hand)")
        if reason
        else f"stock unknown: count it; the level is {u:.0f} (demand {m:.0f}{by}{rule})"
        if np.isnan(s)
        else f"stock {s:.0f} covers the level {u:.0f}: no order"
        if q == 0 and s >= u - 0.5
        else f"stock {s:.0f} is above the point at which an order up to {u:.0f} is due: no order"
        if q == 0
        else f"stock {s:.0f} is below the level {u:.0f} (demand {m:.0f}{by}{rule})"
        + (f"; raised to the minimum order {minimum_order}" if q > g else "")
        for s, u, m, q, g, reason in zip(stock, level, interval[0], order, gap, reasons, strict=True)
    ]
    return plan


def whole_units(units: np.ndarray) -> pd.Series:
    """Whole numbers in a column that can also be empty, where ``units`` is not a number."""
    units = np.asarray(units, float)
    return pd.Series(np.nan_to_num(units).astype("int64"), dtype="Int64").mask(np.isnan(units))


def project_stock(
    paths: np.ndarray, stock: np.ndarray, order: np.ndarray, lead_time: int, lost_sales: bool = True
) -> np.ndarray:
    """Stock at the end of each period on every path, with today's order coming in after the lead time.

    ``paths`` is (samples, products, periods); the result has its shape. ``stock`` counts as on the shelf today.
    """
    left, out = np.broadcast_to(np.asarray(stock, float), paths.shape[:2]), np.empty_like(paths)
    for t in range(paths.shape[2]):
        left = left + (order if t == lead_time else 0.0) - paths[:, :, t]
        left = np.maximum(left, 0.0) if lost_sales else left
        out[:, :, t] = left
    return out


def projection_table(ids: list[str], dates: pd.DatetimeIndex, projected: np.ndarray) -> pd.DataFrame:
    """Long table ``unique_id, ds, low, median, high, empty``: 80 % interval of stock, and the chance of no stock.

    Products whose stock is not known have no rows.
    """
    known = np.isfinite(projected).all(axis=(0, 2))
    ids, projected = [name for name, there in zip(ids, known, strict=True) if there], projected[:, known]
    low, median, high = np.quantile(projected, [0.1, 0.5, 0.9], axis=0)
    frame = pd.DataFrame({"unique_id": np.repeat(ids, len(dates)), "ds": np.tile(dates, len(ids))})
    for name, values in (("low", low), ("median", median), ("high", high), ("empty", (projected <= 0).mean(axis=0))):
        frame[name] = values.ravel()
    return frame


def money_at_risk(
    plan: pd.DataFrame,
    paths: np.ndarray,
    lead_time: int,
    shortage_cost: np.ndarray | float,
    holding_cost: np.ndarray | float,
) -> pd.DataFrame:
    """The plan with what is at stake, in money, until the delivery after today's; costs are one number or (products,).

    Adds ``expected_loss`` (sales lost before today's order comes in: no order of today's can save them),
    ``loss_without_order`` and ``loss_with_order`` over the whole interval, ``periods_of_stock`` (median number of
    periods until the shelf is empty without an order), ``holding`` (cost of the projected stock) and ``turnover``
    (demand of the interval over mean projected stock); not a number where the stock is unknown.
    """
    stock, order = plan["stock"].to_numpy(float), plan["order_quantity"].to_numpy(float, na_value=np.nan)
    early, total = paths[:, :, :lead_time].sum(axis=2), paths.sum(axis=2)  # (samples, products)
    before, rest = np.maximum(early - stock, 0.0), np.maximum(stock - early, 0.0)
    with_order = before + np.maximum(paths[:, :, lead_time:].sum(axis=2) - rest - order, 0.0)
    projected = project_stock(paths, stock, order, lead_time)
    alone = project_stock(paths, stock, np.zeros_like(order), lead_time)
    lasting = (alone > 0).sum(axis=2).astype(float)  # (samples, products); no later delivery, so stock only falls
    table = plan.copy()
    table["expected_loss"] = (shortage_cost * before.mean(axis=0)).round(2)
    table["loss_without_order"] = (shortage_cost * np.maximum(total - stock, 0.0).mean(axis=0)).round(2)
    table["loss_with_order"] = (shortage_cost * with_order.mean(axis=0)).round(2)
    table["periods_of_stock"] = np.where(np.isnan(stock), np.nan, np.median(lasting, axis=0))
    average = projected.mean(axis=(0, 2))
    table["holding"] = (holding_cost * projected.sum(axis=2).mean(axis=0)).round(2)
    table["turnover"] = (total.mean(axis=0) / np.maximum(average, 1e-9)).round(2)
    return table


def excess_proposals(
    plan: pd.DataFrame,
    demand_per_period: np.ndarray,
    interval: int,
    holding_cost: float,
    config: ExcessConfig,
    silent: pd.Series | None = None,
    unit_value: np.ndarray | float = 1.0,
) -> pd.DataFrame:
    """Return, mark down or keep what lies beyond the level, whichever costs least; one row a product with excess.

    The x-th unit beyond the level waits x / demand periods until it is needed: it is worth keeping while that costs
    less than getting rid of it. Of the rest, a markdown takes what its extra sales can move within the interval; what
    remains goes back when waiting for it costs more than returning it. Stock that nobody wants is not waiting for
    anything: it goes back when keeping it as long again as it has not sold costs more than that.

    ``silent`` holds the periods without a sale of the products that nobody wants, by ``unique_id``. All costs are
    multiplied by ``unit_value``, 1 or (products,) such as prices.

    Adds ``proposal``, ``markdown_quantity``, ``return_quantity``, ``keep_cost`` (money, holding of all excess until it
    is needed), ``saving`` (money against keeping) and a plain ``why``. Sorted by saving.
    """
    excess = np.floor(np.nan_to_num(plan["excess"].to_numpy(float)))
    idle = np.full(len(plan), np.nan)
    if silent is not None:
        idle = silent.reindex(plan["unique_id"]).to_numpy(float)
    dead = np.isfinite(idle)
    again = holding_cost * np.maximum(np.nan_to_num(idle), interval)  # of a dead unit: as long again
    rate = np.maximum(np.asarray(demand_per_period, float), 1e-6)
    unit = holding_cost / rate  # money that one more unit of excess waits for

    def waiting(units: np.ndarray) -> np.ndarray:
        return np.where(dead, again * units, unit * units * (units + 1) / 2)

    worth_keeping = {
        name: np.where(dead, np.where(again > cost, 0.0, np.inf), np.floor(cost / np.maximum(unit, 1e-12)))
        for name, cost in (("m", config.markdown_cost), ("r", config.return_cost))
    }
    room = np.where(dead, 0.0, np.floor(config.markdown_lift * rate * interval))
    markdown = np.minimum(np.maximum(excess - worth_keeping["m"], 0.0), room)
    if config.markdown_cost > config.return_cost:
        markdown = np.zeros_like(markdown)
    back = np.maximum(excess - markdown - worth_keeping["r"], 0.0)
    kept = excess - markdown - back
    cost = waiting(kept) + config.markdown_cost * markdown + config.return_cost * back
    table = plan.assign(
        proposal=np.select(
            [(markdown > 0) & (back > 0), back > 0, markdown > 0],
            ["mark down and return", "return", "mark down"],
            "keep",
        ),
        markdown_quantity=markdown.astype(int),
        return_quantity=back.astype(int),
        keep_cost=(unit_value * waiting(excess)).round(2),
        saving=(unit_value * (waiting(excess) - cost)).round(2),
    )
    verdict = [
        f"mark down {m:.0f}, return {b:.0f}, saves {s:.2f}" if m + b > 0 else "cheaper to keep"
        for m, b, s in zip(markdown, back, table["saving"], strict=True)
    ]
    table["why"] = [
        f"{counted(e, 'unit')} that nobody wants ({reason.split(': no demand')[0]}); as long again "
        f"{'costs' if e == 1 else 'cost'} {k:.2f} to keep: {end}"
        if gone
        else f"{counted(e, 'unit')} beyond the level {'lasts' if e == 1 else 'last'} {counted(e / r, 'period')} longer "
        f"than needed and {'costs' if e == 1 else 'cost'} {k:.2f} to keep: {end}"
        for e, r, k, gone, reason, end in zip(excess, rate, table["keep_cost"], dead, plan["why"], verdict, strict=True)
    ]
    return table[excess > 0].sort_values("saving", ascending=False, kind="stable")


def rank_warnings(plan: pd.DataFrame) -> pd.DataFrame:
    """Products that will probably run out before the delivery, the dearest first, each with its reason."""
    late = plan[plan["runs_out_before_delivery"]].sort_values("expected_loss", ascending=False, kind="stable")
    why = [
        f"stock {s:.0f} lasts about {counted(p, 'period')}; expected loss before the delivery {loss:.2f}; {reason}"
        for s, p, loss, reason in zip(
            late["stock"], late["periods_of_stock"], late["expected_loss"], late["why"], strict=True
        )
    ]
    return late.assign(why=why, rank=np.arange(1, len(late) + 1))


def abc_xyz(ids: list[str], sales: np.ndarray, value: np.ndarray | None = None) -> pd.DataFrame:
    """Classes by turnover (A: first 80 %, B: next 15 %, C) and by steadiness (X: variation < 0.5, Y: < 1, Z).

    Parameters
    ----------
    sales : (products, periods), units; the variation is the standard deviation over the mean of a period.
    value : (products,), money a unit; without it units count.
    """
    units = sales.sum(axis=1)
    money = units * (1.0 if value is None else np.nan_to_num(np.asarray(value, float), nan=0.0))
    order = np.argsort(-money, kind="stable")
    before = np.empty(len(money))  # share of turnover of the products ahead of this one
    before[order] = (np.cumsum(money[order]) - money[order]) / max(money.sum(), 1e-12)
    variation = sales.std(axis=1) / np.maximum(sales.mean(axis=1), 1e-12)
    return pd.DataFrame(
        {
            "unique_id": ids,
            "turnover": money,
            "abc": np.select([before < 0.8, before < 0.95], ["A", "B"], "C"),
            "variation": np.where(units > 0, variation, np.inf),
            "xyz": np.select([(units > 0) & (variation < 0.5), (units > 0) & (variation < 1)], ["X", "Y"], "Z"),
        }
    )
