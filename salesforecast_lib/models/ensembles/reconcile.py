"""Forecasts that add up: product, category and shop, through hierarchicalforecast (chapter 06)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.models.peers.baselines import tidy

LEAST_ERRORS = 3  # periods from which MinT can estimate how the errors of nodes go together
METHODS = ("bottom_up", "mint_shrink")
SHOP = "shop"


@dataclass(frozen=True)
class Hierarchy:
    """Summing matrix of a shop.

    Parameters
    ----------
    summing : one row a node, upper nodes first; column ``unique_id`` and one 0/1 column for each product.
    levels : level → its nodes; the levels are "shop", the categories' columns, and "product".
    """

    summing: pd.DataFrame
    levels: dict[str, np.ndarray]

    @property
    def products(self) -> list[str]:
        """Lowest nodes, in the order of the summing matrix's columns."""
        return list(self.summing.columns[1:])

    @property
    def upper(self) -> list[str]:
        """All nodes above the products."""
        return list(self.summing["unique_id"].iloc[: -len(self.products)])

    def matrix(self) -> np.ndarray:
        """Summing matrix, (nodes, products)."""
        return self.summing.iloc[:, 1:].to_numpy("float64")


def build_hierarchy(panel: pd.DataFrame, categories: Sequence[str] = ()) -> Hierarchy:
    """Hierarchy of the panel's products under the columns ``categories``, widest first, under the shop.

    Raises
    ------
    ValueError
        When a column is missing, or a product belongs to two categories of one level.
    """
    from hierarchicalforecast.utils import aggregate  # brings Dask, of which most who import this room need nothing

    missing = [name for name in categories if name not in panel]
    if missing:
        raise ValueError(f"categories {missing} are not columns of the panel; there are {list(panel.columns)}")
    products = panel[["unique_id", *categories]].drop_duplicates()
    twice = products["unique_id"].duplicated()
    if twice.any():
        raise ValueError(
            f"product {products.loc[twice, 'unique_id'].iloc[0]!r} has more than one value in {list(categories)}; "
            "a hierarchy needs one"
        )
    frame = products.rename(columns={"unique_id": "product"}).assign(**{SHOP: SHOP, "ds": 0, "y": 0.0})
    columns = [SHOP, *categories, "product"]
    frame[columns] = frame[columns].astype(str)
    spec = [columns[: depth + 1] for depth in range(len(columns))]
    _, summing, tags = aggregate(frame[[*columns, "ds", "y"]], spec)
    names = dict(zip(frame[columns].agg("/".join, axis=1), frame["product"], strict=True))
    summing = summing.rename(columns=names).assign(unique_id=summing["unique_id"].map(lambda n: names.get(n, n)))
    levels = {
        column: np.array([names.get(node, node) for node in tags["/".join(part)]])
        for column, part in zip(columns, spec, strict=True)
    }
    return Hierarchy(summing, levels)


def aggregate_panel(panel: pd.DataFrame, hierarchy: Hierarchy, future: Sequence[str] = ("open",)) -> pd.DataFrame:
    """Panel of the nodes above the products: ``y`` adds up, a node is available when any of its products is.

    The covariates ``future`` are averaged. Sales of an unavailable product enter as they were observed.
    """
    products = panel[panel["unique_id"].isin(hierarchy.products)]
    matrix, parts = pd.DataFrame(hierarchy.matrix(), hierarchy.summing["unique_id"], hierarchy.products), []
    names = [name for name in future if name in panel]
    rules = {"y": "sum", "available": "max", **dict.fromkeys(names, "mean")}
    for node in hierarchy.upper:
        inside = matrix.columns[matrix.loc[node] > 0]
        part = products[products["unique_id"].isin(inside)].groupby("ds").agg(rules).reset_index()
        parts.append(part.assign(unique_id=node))
    return pd.concat(parts, ignore_index=True)[["unique_id", "ds", "y", "available", *names]]


def incoherence(forecasts: pd.DataFrame, hierarchy: Hierarchy) -> float:
    """Largest difference between a node's mean and the sum of its products' means, in units."""
    wide = forecasts.pivot(index="unique_id", columns=["cutoff", "ds"], values="mean")
    wide = wide.reindex(hierarchy.summing["unique_id"]).to_numpy()
    return float(np.abs(wide - hierarchy.matrix() @ wide[-len(hierarchy.products) :]).max())


def reconcile(
    forecasts: pd.DataFrame,
    hierarchy: Hierarchy,
    method: str,
    name: str,
    past: pd.DataFrame | None = None,
) -> pd.DataFrame:
    """Coherent forecasts of every node.

    The means are reconciled and, where a product's mean came out negative, set to zero and added up again: so they are
    coherent and never negative. The quantiles keep the shape of the base forecast and move with the mean (multiplied by
    the ratio of the means, shifted where the base mean is nearly zero). Quantiles of sums are not sums of quantiles:
    they do **not** add up, and their coverage has to be checked again.

    Parameters
    ----------
    forecasts : base forecasts of all nodes, one model, from one cutoff.
    method : "bottom_up", or "mint_shrink" (Wickramasuriya et al. 2019), whose weights come from the errors in ``past``.
    past : scored base forecasts of all nodes from earlier cutoffs, with ``y``.

    Raises
    ------
    ValueError
        When a node has no forecast, ``past`` is missing for MinT, or it reaches beyond the cutoff.
    """
    from hierarchicalforecast.core import HierarchicalReconciliation
    from hierarchicalforecast.methods import BottomUp, MinTrace

    if method not in METHODS:
        raise ValueError(f"method={method!r}: expected one of {METHODS}")
    nodes = hierarchy.summing["unique_id"].tolist()
    missing = sorted(set(nodes) - set(forecasts["unique_id"]))
    if missing:
        raise ValueError(f"nodes without a base forecast: {missing[:5]} ({len(missing)} in all); forecast every level")
    base = forecasts[forecasts["unique_id"].isin(nodes)].reset_index(drop=True)
    if base["cutoff"].nunique() != 1 or base.duplicated(["unique_id", "ds"]).any():
        raise ValueError("forecasts: expected one model and one cutoff; reconcile them one by one")
    errors = None
    if method == "mint_shrink":
        errors = _errors(past, nodes, pd.Timestamp(base["cutoff"].iloc[0]))
    rule = BottomUp() if method == "bottom_up" else MinTrace("mint_shrink")
    wide = base[["unique_id", "ds", "mean"]].rename(columns={"mean": "base"})
    tags = dict(hierarchy.levels)
    result = HierarchicalReconciliation([rule]).reconcile(Y_hat_df=wide, S_df=hierarchy.summing, tags=tags, Y_df=errors)
    column = [c for c in result if c.startswith("base/")][0]
    table = result.pivot(index="unique_id", columns="ds", values=column).reindex(nodes)
    lowest = np.maximum(table.to_numpy()[-len(hierarchy.products) :], 0.0)  # (products, steps)
    coherent = pd.DataFrame(hierarchy.matrix() @ lowest, table.index, table.columns)
    mean = coherent.stack().rename("reconciled").reset_index()
    merged = base.merge(mean, on=["unique_id", "ds"])
    before, after = merged["mean"].to_numpy()[:, None], merged["reconciled"].to_numpy()[:, None]
    quantiles = merged[list(QUANTILE_COLUMNS)].to_numpy("float64")
    small = before < 0.1
    moved = np.where(small, quantiles + after - before, quantiles * after / np.where(small, 1.0, before))
    merged = merged.assign(mean=merged["reconciled"], model=name)
    merged[list(QUANTILE_COLUMNS)] = moved
    tidied = tidy(merged)
    return tidied.assign(y=merged["y"]) if "y" in merged else tidied


def common_errors(past: pd.DataFrame, nodes: list[str]) -> pd.DataFrame:
    """Rows of the scored base forecasts ``past`` on the days on which every node was scored."""
    rows = past.loc[past["unique_id"].isin(nodes), ["unique_id", "ds", "y", "mean"]].dropna()
    return rows[rows.groupby("ds")["unique_id"].transform("nunique") == len(nodes)]


def _errors(past: pd.DataFrame | None, nodes: list[str], cutoff: pd.Timestamp) -> pd.DataFrame:
    """Observed and forecast values of all nodes on the days that every node was scored."""
    if past is None or past.empty:
        raise ValueError("mint_shrink: give the scored forecasts of earlier cutoffs as past; it weighs by their errors")
    if pd.Timestamp(past["ds"].max()) > cutoff:
        raise ValueError(
            f"past reaches {past['ds'].max().date()}, beyond the cutoff {cutoff.date()}: give earlier cutoffs only"
        )
    rows = common_errors(past, nodes)
    if rows["ds"].nunique() < LEAST_ERRORS:
        raise ValueError(
            f"mint_shrink: {rows['ds'].nunique()} periods of past have every node's error, expected {LEAST_ERRORS}; "
            "give forecasts of more cutoffs"
        )
    return rows.rename(columns={"mean": "base"})
