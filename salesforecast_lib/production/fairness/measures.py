"""Error, bias and fill rate of each group, with intervals over products (chapter 16b).

Groups of products are disjoint. A group of customers is served by all products; each counts by the share of its units
that the group bought.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from fairlearn.metrics import MetricFrame

MEASURES = ("wape", "bias", "fill")
Levels = Callable[[pd.DataFrame], pd.DataFrame]  # forecasts of one cutoff to unique_id, level, demand


def served(forecasts: pd.DataFrame, levels: Levels) -> pd.DataFrame:
    """One row for each product: sums over cutoffs of what is measured.

    Parameters
    ----------
    forecasts : of one model, with ``y`` where known; rows without it are not looked at.
    levels : forecasts of a cutoff to ``unique_id``, the ``level`` that an order fills up to and the ``demand`` that
        came until the next order arrives; products without one are left out.

    Returns
    -------
    Index ``unique_id``; ``sold, absolute, error`` in units over all periods, ``demand`` and ``short``, what the level
    could not serve.
    """
    rows = forecasts.dropna(subset="y")
    work = rows.assign(error=rows["mean"] - rows["y"])
    sums = work.assign(absolute=work["error"].abs()).groupby("unique_id")[["y", "absolute", "error"]].sum()
    parts = [levels(part) for _, part in rows.groupby("cutoff")]
    stock = pd.concat(parts, ignore_index=True)
    stock["short"] = np.maximum(stock["demand"] - stock["level"], 0.0)
    return sums.rename(columns={"y": "sold"}).join(stock.groupby("unique_id")[["demand", "short"]].sum(), how="inner")


def _wape(y_true: np.ndarray, y_pred: np.ndarray, absolute: np.ndarray, weight: np.ndarray) -> float:
    return float((weight * absolute).sum() / (weight * y_true).sum())


def _bias(y_true: np.ndarray, y_pred: np.ndarray, weight: np.ndarray) -> float:
    return float((weight * (y_pred - y_true)).sum() / (weight * y_true).sum())


def _fill(y_true: np.ndarray, y_pred: np.ndarray, demand: np.ndarray, short: np.ndarray, weight: np.ndarray) -> float:
    return float(1 - (weight * short).sum() / (weight * demand).sum())


def metric_frame(table: pd.DataFrame, groups: pd.Series, weight: np.ndarray | None = None) -> MetricFrame:
    """Fairlearn's frame of ``wape, bias, fill`` (Weerts et al. 2023): over all, by group, and their differences.

    Parameters
    ----------
    table : of `served`, a row for each entry of ``groups``.
    weight : how much each row counts, (rows,).
    """
    rows = table.loc[groups.index]
    one = np.ones(len(rows)) if weight is None else np.asarray(weight, dtype="float64")
    columns = {name: rows[name].to_numpy() for name in ("absolute", "demand", "short")}
    return MetricFrame(
        metrics={"wape": _wape, "bias": _bias, "fill": _fill},
        y_true=rows["sold"].to_numpy(),
        y_pred=(rows["sold"] + rows["error"]).to_numpy(),
        sensitive_features=groups.to_numpy(),
        sample_params={
            "wape": {"absolute": columns["absolute"], "weight": one},
            "bias": {"weight": one},
            "fill": {"demand": columns["demand"], "short": columns["short"], "weight": one},
        },
    )


def shares_of(table: pd.DataFrame, groups: pd.Series | pd.DataFrame) -> pd.DataFrame:
    """How much each product counts in each group, (products, groups): 0 or 1, or the share that the group bought."""
    if isinstance(groups, pd.Series):
        kept = groups.reindex(table.index)
        return pd.get_dummies(kept).astype("float64").reindex(table.index, fill_value=0.0)
    units = groups.reindex(table.index).fillna(0.0)
    return units.div(units.sum(axis=1).where(lambda total: total > 0, 1.0), axis=0)


def by_group(
    table: pd.DataFrame, groups: pd.Series | pd.DataFrame, replicates: int = 500, level: float = 0.95, seed: int = 0
) -> pd.DataFrame:
    """Measures of each group with intervals, and whether it differs from all others beyond chance.

    Products are drawn again with replacement (Efron & Tibshirani 1993): days and cutoffs of one product go together.
    The level is shared out among the groups (Bonferroni), since the worst of many groups always looks bad.

    Parameters
    ----------
    groups : `product_groups` column, or units by group of customers from `bought_by`.

    Returns
    -------
    Index of groups; ``products`` (how many count), and for each of ``wape, bias, fill`` the value, ``_low``, ``_high``,
    ``_gap`` (group minus the others) and ``_differs``.
    """
    shares = shares_of(table, groups)
    sums = table[["absolute", "error", "sold", "short", "demand"]].to_numpy("float64")  # (products, 5)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(len(table), np.full(len(table), 1 / len(table)), size=replicates).astype("float64")
    draws = np.vstack([np.ones(len(table)), draws])  # the first row is the data themselves
    tail = (1 - level) / 2 / max(shares.shape[1], 1)
    counted = shares.sum(axis=1).to_numpy()
    rows = {}
    for name in shares:
        weight = shares[name].to_numpy()
        own, rest = _values(draws @ (weight[:, None] * sums)), _values(draws @ ((counted - weight)[:, None] * sums))
        found: dict[str, float | bool | int] = {"products": int((weight > 0).sum())}
        for k, measure in enumerate(MEASURES):
            low, high = np.nanquantile(own[1:, k], [tail, 1 - tail])
            gap = own[:, k] - rest[:, k]
            near, far = np.nanquantile(gap[1:], [tail, 1 - tail])
            found |= {measure: own[0, k], f"{measure}_low": low, f"{measure}_high": high, f"{measure}_gap": gap[0]}
            found[f"{measure}_differs"] = bool(near > 0 or far < 0)
        rows[str(name)] = found
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("group")


def together(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Tables of `by_group` as one, by ``attribute`` and ``group``; without rows where no group is known."""
    if tables:
        return pd.concat(dict(tables), names=["attribute"])
    index = pd.MultiIndex.from_arrays([[], []], names=["attribute", "group"])
    names = [f"{name}{end}" for name in MEASURES for end in ("", "_low", "_high", "_gap")]
    return pd.DataFrame(columns=["products", *names], index=index, dtype="float64")


def _values(sums: np.ndarray) -> np.ndarray:
    """WAPE, bias and fill rate from sums (replicates, 5); missing where a group sold nothing."""
    absolute, error, sold, short, demand = sums.T
    sold, demand = np.where(sold > 0, sold, np.nan), np.where(demand > 0, demand, np.nan)
    return np.stack([absolute / sold, error / sold, 1 - short / demand], axis=1)
