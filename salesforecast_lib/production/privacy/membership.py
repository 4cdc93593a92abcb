"""Membership test: from published forecasts, was one customer's order among the data? (chapter 16b)

The attacker of the literature (Shokri et al. 2017; Carlini et al. 2022): knows all other orders and the model's recipe,
but not its random numbers. The model is trained many times, every tested order being left out in a random half of the
trainings. If what is published for its product lies apart with and without it, the order can be told.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.data.calendar import periods_of

Published = Callable[[pd.DataFrame, int], pd.Series]  # a panel and a seed to a number for each product


@dataclass(frozen=True)
class Orders:
    """Orders that are tested, one for each product: ``unique_id, ds, units``, and what each kind of order is."""

    table: pd.DataFrame
    kind: str


def candidate_orders(
    lines: pd.DataFrame, names: Sequence[str], days: Sequence[pd.Timestamp], freq: str
) -> list[Orders]:
    """For each product one customer's units in one recent period: the largest, and a typical one.

    Parameters
    ----------
    lines : ``series, customer_id, timestamp, quantity``; ``days`` are the recent periods.
    """
    day = periods_of(lines["timestamp"], freq)
    used = lines[lines["series"].isin(list(names)) & day.isin(pd.DatetimeIndex(days)) & lines["customer_id"].notna()]
    keys = [used["series"].astype(str).rename("unique_id"), day[used.index], used["customer_id"].astype(str)]
    totals = used["quantity"].groupby(keys, observed=True).sum().rename("units").reset_index()
    totals = totals.sort_values(["unique_id", "units", "ds", "customer_id"], kind="stable")
    by = totals.groupby("unique_id", sort=False)
    largest = by.tail(1)
    typical = totals[by.cumcount() == (by["units"].transform("size") - 1) // 2]
    columns = ["unique_id", "ds", "units"]
    return [
        Orders(largest[columns].reset_index(drop=True), "largest"),
        Orders(typical[columns].reset_index(drop=True), "typical"),
    ]


def giant_orders(panel: pd.DataFrame, orders: Orders, times: float) -> tuple[pd.DataFrame, Orders]:
    """The same orders, but so many times what the product sells in a usual period; and the panel that holds them.

    What a shop has when a restaurant buys at its counter.
    """
    usual = panel.groupby("unique_id")["y"].mean()
    units = np.ceil(times * orders.table["unique_id"].map(usual).to_numpy())
    table = orders.table.assign(units=units)
    more = panel.merge(table.assign(more=units - orders.table["units"])[["unique_id", "ds", "more"]],
                       on=["unique_id", "ds"], how="left")["more"].fillna(0.0)  # fmt: skip
    return panel.assign(y=panel["y"].to_numpy() + more.to_numpy()), Orders(table, "giant")


def clipped_panel(
    panel: pd.DataFrame, lines: pd.DataFrame, freq: str, share: float = 0.9
) -> tuple[pd.DataFrame, pd.Series]:
    """The panel had no customer counted with more than a limit of a product in one period; and the limit by product.

    The limit is the ``share`` quantile of such totals: bounding what one person adds is what differential privacy
    starts from (Dwork et al. 2006); no noise is added here, so it is not differentially private.
    """
    keys = [
        lines["series"].astype(str).rename("unique_id"),
        periods_of(lines["timestamp"], freq),
        lines["customer_id"].astype(str),
    ]
    totals = lines["quantity"].groupby(keys, observed=True).sum().rename("units").reset_index()
    limit = totals.groupby("unique_id")["units"].quantile(share)
    cut = totals.assign(over=np.maximum(totals["units"] - totals["unique_id"].map(limit), 0.0))
    over = cut.groupby(["unique_id", "ds"])["over"].sum().reset_index()
    table = panel.merge(over, on=["unique_id", "ds"], how="left")
    return panel.assign(y=np.maximum(table["y"] - table["over"].fillna(0.0), 0.0).to_numpy()), limit


def membership_trials(
    panel: pd.DataFrame, orders: Orders, publish: Published, trials: int = 20, seed: int = 0
) -> pd.DataFrame:
    """What is published with and without each order: ``unique_id, trial, member, value``.

    In every trial a model is trained anew with a seed of its own, on a panel in which each order is left out with a
    chance of one half; half of the trials of each order have it.
    """
    rng = np.random.default_rng(seed)
    table = orders.table
    member = np.array([rng.permutation(np.arange(trials) % 2 == 0) for _ in range(len(table))])  # (orders, trials)
    parts = []
    for trial in range(trials):
        absent = table[~member[:, trial]]
        taken = panel.merge(absent, on=["unique_id", "ds"], how="left")["units"].fillna(0.0).to_numpy()
        value = publish(panel.assign(y=np.maximum(panel["y"].to_numpy() - taken, 0.0)), seed * 10_000 + trial)
        found = table[["unique_id"]].assign(trial=trial, member=member[:, trial])
        parts.append(found.assign(value=found["unique_id"].map(value)))
    return pd.concat(parts, ignore_index=True)


def attack_auc(trials: pd.DataFrame, replicates: int = 400, seed: int = 0) -> tuple[float, float, float]:
    """Area under the curve of the attack, with a 95 % interval over products: 0.5 tells nothing, 1 everything.

    The attack says "member" where the published number is above a threshold: an order can only raise what is sold. The
    area is the chance that a training with the order publishes more than one without it (Mann & Whitney 1947), averaged
    over products, each of which has its own threshold.
    """
    areas = np.array([_area(part) for _, part in trials.groupby("unique_id")])
    rng = np.random.default_rng(seed)
    means = areas[rng.integers(0, len(areas), (replicates, len(areas)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(areas.mean()), float(low), float(high)


def _area(part: pd.DataFrame) -> float:
    inside = part.loc[part["member"], "value"].to_numpy()[:, None]
    outside = part.loc[~part["member"], "value"].to_numpy()[None, :]
    return float((inside > outside).mean() + 0.5 * (inside == outside).mean())


def rounded(values: pd.Series, to: float) -> pd.Series:
    """Published numbers rounded to multiples of ``to``."""
    return (values / to).round() * to
