"""What another plan changes: units and money of each product, and of all by how well the plan is supported."""

from __future__ import annotations

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.whatif.support import DEGREES, worst

KEYS = ["unique_id", "ds"]
_REDUCTIONS = ("discount", "depth")  # shares that are taken off the price


def plan_prices(panel: pd.DataFrame, ahead: pd.DataFrame, periods: int = 56) -> pd.Series:
    """Price of one unit in each row of ``ahead``, money; missing where a product has no price.

    A price that is planned counts as it is. Else it is the product's usual one, the median over its last ``periods``
    with nothing taken off, less the planned ``discount`` or ``depth``.
    """
    if "price" in ahead:
        return ahead["price"].rename("price")
    if "price" not in panel:
        return pd.Series(np.nan, ahead.index, name="price")
    off = next((name for name in _REDUCTIONS if name in panel and name in ahead), None)
    full = panel if off is None else panel[panel[off].fillna(0.0) <= 0]
    recent = full[full["ds"] > np.sort(panel["ds"].unique())[-periods:][0]]
    usual = recent.groupby("unique_id")["price"].median()
    usual = usual.reindex(ahead["unique_id"].unique()).fillna(panel.groupby("unique_id")["price"].median())
    taken = 0.0 if off is None else ahead[off].fillna(0.0)
    return (ahead["unique_id"].map(usual) * (1 - taken)).rename("price")


def difference(
    before: pd.DataFrame,
    after: pd.DataFrame,
    prices: tuple[pd.Series, pd.Series],
    supported: pd.DataFrame,
    cost_share: float | None = None,
    effects: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Units and money of each product under both plans, largest change of money (of units without prices) first.

    Parameters
    ----------
    before, after : forecast tables of the same rows under the run's plan and the other one.
    prices : price of a unit in each of their rows under each plan, money; missing where it is not known.
    supported : of `support`.
    cost_share : cost of a unit as a share of its price under the run's plan; None leaves margins out.
    effects : of an `Answer`; None or an empty one leaves intervals out.

    Returns
    -------
    DataFrame ``unique_id, units_before, units_after, units_difference, units_percent``, with ``effects`` also
    ``units_low, units_high`` (95 % interval of the difference, missing where it is the models' own), the same of
    ``money`` and perhaps of ``margin``, with ``effects`` the price ``elasticity``, ``support`` ("unchanged" where the
    plan changes nothing of the product) and ``why``.
    """
    if cost_share is not None and not 0 <= cost_share < 1:
        raise ValueError(f"cost_share={cost_share!r}: expected a share of the price from 0 to below 1, such as 0.7")
    rows = before[KEYS].assign(units_before=before["mean"].to_numpy(), price_before=prices[0].to_numpy())
    other = after[KEYS].assign(units_after=after["mean"].to_numpy(), price_after=prices[1].to_numpy())
    rows = rows.merge(other, on=KEYS, validate="one_to_one")
    kinds = ["units"]
    for side in ("before", "after"):
        rows[f"money_{side}"] = rows[f"units_{side}"] * rows[f"price_{side}"]
        if cost_share is not None:  # what a unit costs does not follow the price that is asked
            cost = cost_share * rows.groupby("unique_id")["price_before"].transform("median")
            rows[f"margin_{side}"] = rows[f"units_{side}"] * (rows[f"price_{side}"] - cost)
    kinds += ["money"] + (["margin"] if cost_share is not None else [])
    columns = [f"{kind}_{side}" for kind in kinds for side in ("before", "after")]
    table = rows.groupby("unique_id", sort=True)[columns].sum(min_count=1).reset_index()
    for kind in kinds:
        change = table[f"{kind}_after"] - table[f"{kind}_before"]
        table[f"{kind}_difference"] = change
        if kind == "units":
            table["units_percent"] = 100 * change / table["units_before"].where(table["units_before"] > 0)
    priced = effects is not None and len(effects) > 0
    if effects is not None and priced:
        table = table.join(effects[["units_low", "units_high"]], on="unique_id")
    order = [name for kind in kinds for name in table if str(name).startswith(f"{kind}_")]
    table = table[["unique_id", *order]]
    if effects is not None and priced:
        table = table.join(effects["elasticity"], on="unique_id")
    table["support"] = table["unique_id"].map(worst(supported)).fillna("unchanged")
    why = supported.groupby("unique_id")["words"].agg("; ".join)
    table["why"] = table["unique_id"].map(why).fillna("the plan changes nothing of this product")
    if effects is not None and priced:
        rivals = effects.index[effects["elasticity"].isna()]
        table.loc[table["unique_id"].isin(rivals), "why"] += " but its rivals' prices"
    key = table["money_difference"].fillna(0.0).abs()
    if not (key > 0).any():
        key = table["units_difference"].abs()
    return table.iloc[np.argsort(-key.to_numpy(), kind="stable")].reset_index(drop=True)


def totals(table: pd.DataFrame) -> pd.DataFrame:
    """Products and differences by degree of support, and of all: index ``support``, best known first, then "all"."""
    sums = [name for name in table if str(name).endswith("_difference")]
    groups = table.groupby("support")
    by = groups[sums].sum().assign(products=groups.size())
    by = by.reindex([name for name in (*DEGREES, "unchanged") if name in by.index])
    everything = pd.DataFrame([{**table[sums].sum().to_dict(), "products": len(table)}], index=["all"])
    found = pd.concat([by, everything]).rename_axis("support")
    return found[["products", *sums]]
