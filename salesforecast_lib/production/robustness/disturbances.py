"""What goes wrong with an input without anybody's intent: noise, missing columns, a feed that stands still."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from salesforecast_lib.production.robustness.case import COPY, Case

_SALES = ("y", "baskets", "buyers")


def noisy_sales(case: Case, strength: float = 0.3, seed: int = 0) -> pd.DataFrame:
    """The panel with recent sales counted wrongly: each times a lognormal factor of mean one and that spread."""
    panel, rows = _recent(case)
    rng = np.random.default_rng(seed)
    factor = np.exp(strength * rng.standard_normal(int(rows.sum())) - strength**2 / 2)
    panel.loc[rows, "y"] = panel.loc[rows, "y"].to_numpy() * factor
    return panel


def missing_covariates(case: Case, columns: Sequence[str] = ()) -> pd.DataFrame:
    """The panel whose historical columns have not come since the recent periods began; none when it has none."""
    panel, rows = _recent(case)
    names = [name for name in (columns or case.meta["historical"]) if name in panel]
    for name in names:
        if pd.api.types.is_numeric_dtype(panel[name]):
            panel.loc[rows, name] = np.nan
    return panel


def stale_prices(case: Case, periods: int) -> pd.DataFrame:
    """The panel whose price and discount stand still for the last ``periods`` before the cutoff."""
    panel = case.panel.copy()
    days = np.sort(panel.loc[panel["ds"] <= case.cutoff, "ds"].unique())
    frozen = panel["ds"].isin(days[-periods:]) & (panel["ds"] > days[max(len(days) - periods - 1, 0)])
    for name in ("price", "discount"):
        if name in panel:
            before = panel[name].where(~frozen)
            held = before.groupby(panel["unique_id"]).ffill()
            panel[name] = panel[name].where(~frozen, held)
    return panel


def scaled_prices(case: Case, factors: pd.DataFrame) -> pd.DataFrame:
    """The panel with the prices of some rows multiplied.

    Parameters
    ----------
    factors : by ``unique_id`` (index) and period (columns); what is not in it stays.
    """
    panel = case.panel.copy()
    row = factors.index.get_indexer(panel["unique_id"])
    column = factors.columns.get_indexer(panel["ds"])
    inside = (row >= 0) & (column >= 0)
    values = factors.to_numpy("float64")[np.maximum(row, 0), np.maximum(column, 0)]
    panel["price"] = panel["price"].to_numpy("float64") * np.where(inside, values, 1.0)
    return panel


def augmented(case: Case, band: float, copies: int = 1, seed: int = 0) -> pd.DataFrame:
    """The panel with copies of every series whose price feed was disturbed in stretches: adversarial training's cheap
    form (Goodfellow et al. 2015), for any model.

    Each copy's price is multiplied in every short season by one of ``1 - band``, 1 and ``1 + band``, drawn at random;
    its sales stay, so a model that learns from it trusts a price less.
    """
    if "price" not in case.panel:
        return case.panel
    rng = np.random.default_rng(seed)
    parts = [case.panel]
    days = pd.DatetimeIndex(np.sort(case.panel["ds"].unique()))
    names = pd.Index(case.panel["unique_id"].unique())
    length = max(len(case.recent) // 4, 1)
    for number in range(copies):
        blocks = rng.choice([1 - band, 1.0, 1 + band], size=(len(names), len(days) // length + 1))
        factors = pd.DataFrame(np.repeat(blocks, length, axis=1)[:, : len(days)], index=names, columns=days)
        copy = scaled_prices(case, factors)
        parts.append(copy.assign(unique_id=copy["unique_id"] + f"{COPY}{number}"))
    joined = pd.concat(parts, ignore_index=True)
    return joined.sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)


def original(forecasts: pd.DataFrame) -> pd.DataFrame:
    """A forecast table without the series that `augmented` added."""
    return forecasts[~forecasts["unique_id"].str.contains(COPY, regex=False)].reset_index(drop=True)


def _recent(case: Case) -> tuple[pd.DataFrame, np.ndarray]:
    return case.panel.copy(), case.panel["ds"].isin(case.recent).to_numpy()
