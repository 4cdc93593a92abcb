"""The chapter's membership test: which orders, which models, which defences (chapter 16b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.production.privacy.membership import (
    Orders,
    Published,
    attack_auc,
    candidate_orders,
    clipped_panel,
    giant_orders,
    membership_trials,
    rounded,
)
from salesforecast_lib.production.privacy.publishers import quantile_rule, quantile_trees

GIANT = 10.0  # of a product's usual sales in a period
COLUMNS = ["order", "model", "defence", "auc", "low", "high", "price"]


@dataclass(frozen=True)
class MembershipCase:
    """A panel of some products, the orders that are tested in it, the models, and the panel with clipped customers.

    ``orders`` holds each kind of orders with the panel that has them; it is empty where lines name no customer.
    """

    orders: list[tuple[pd.DataFrame, Orders]]
    models: dict[str, Published]
    clipped: pd.DataFrame
    limit: pd.Series


def membership_case(
    panel: pd.DataFrame,
    recent: pd.DatetimeIndex,
    lines: pd.DataFrame | None,
    meta: Mapping[str, Any],
    known: pd.DataFrame,
    cutoff: pd.Timestamp,
    names: Sequence[str],
) -> MembershipCase:
    """The orders of some products: a typical and the largest one of a customer, and one as large as a trade order.

    Parameters
    ----------
    lines : clean order lines with ``series``; None, or without ``customer_id``, where customers are not known.
    """
    small = panel[panel["unique_id"].isin(list(names))].reset_index(drop=True)
    models = {"rule": quantile_rule(cutoff, len(recent)), "trees": quantile_trees(meta, known, cutoff)}
    if lines is None or "customer_id" not in lines:
        return MembershipCase([], models, small, pd.Series(dtype="float64"))
    own = lines[lines["series"].isin(list(names)) & lines["customer_id"].notna()]
    freq = str(meta["freq"])
    largest, typical = candidate_orders(own, names, recent, freq)
    if largest.table.empty:
        return MembershipCase([], models, small, pd.Series(dtype="float64"))
    clipped, limit = clipped_panel(small, own, freq)
    found = [(small, typical), (small, largest), giant_orders(small, largest, GIANT)]
    return MembershipCase(found, models, clipped, limit)


def membership_table(case: MembershipCase, trials: int = 20, seed: int = 0) -> pd.DataFrame:
    """How well each kind of order can be told, with and without each defence: ``order, model, defence, auc, low,
    high, price``.

    ``price`` is the mean change of the published numbers as a share of their mean: what a planner pays.
    """
    rows = []
    for panel, orders in case.orders:
        for name, publish in case.models.items():
            found = membership_trials(panel, orders, publish, trials, seed)
            rows.append((orders.kind, name, "none", *attack_auc(found, seed=seed), 0.0))
            usual = float(found["value"].mean()) or np.nan
            step = max(float(np.round(found["value"].median() / 4)), 1.0)
            coarse = rounded(found["value"], step)
            moved = float((coarse - found["value"]).abs().mean()) / usual
            rows.append((orders.kind, name, "rounded", *attack_auc(found.assign(value=coarse), seed=seed), moved))
            most = orders.table["unique_id"].map(case.limit)
            table = Orders(orders.table.assign(units=np.minimum(orders.table["units"], most)), orders.kind)
            cut = membership_trials(case.clipped, table, publish, trials, seed)
            moved = float((cut["value"] - found["value"]).abs().mean()) / usual
            rows.append((orders.kind, name, "clipped", *attack_auc(cut, seed=seed), moved))
    return pd.DataFrame(rows, columns=COLUMNS)
