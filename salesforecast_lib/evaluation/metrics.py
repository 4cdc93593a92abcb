"""Error measures of the forecast table, by any grouping (chapter 07)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from utilsforecast import losses

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES

_BANDS = {50: ("q0.25", "q0.75"), 80: ("q0.1", "q0.9"), 90: ("q0.05", "q0.95")}


def scored_rows(forecasts: pd.DataFrame, panel: pd.DataFrame) -> pd.DataFrame:
    """Forecast rows with ``y`` and ``available > 0``: on other days sales say nothing about demand.

    Raises
    ------
    ValueError
        When the models do not forecast the same rows, so that their errors could not be compared.
    """
    known = panel.loc[panel["available"] > 0, ["unique_id", "ds", "y"]]
    rows = forecasts.drop(columns="y", errors="ignore").merge(known, on=["unique_id", "ds"])
    sizes = rows.groupby("model").size()
    if sizes.nunique() != 1:
        raise ValueError(f"models forecast different rows: {sizes.to_dict()}; compare them on the same ones")
    return rows


def _scaled(rows: pd.DataFrame, panel: pd.DataFrame, season: int) -> pd.DataFrame:
    """MASE, RMSSE and scaled quantile loss of each model, series and cutoff; scales from rows up to the cutoff."""
    parts = []
    for (model, cutoff), part in rows.groupby(["model", "cutoff"]):
        train = panel.loc[panel["ds"] <= cutoff, ["unique_id", "ds", "y"]]
        length = train.groupby("unique_id")["y"].transform("size")
        train = train[length > season]
        part = part[part["unique_id"].isin(train["unique_id"].unique())].drop(columns=["cutoff", "model"])
        if part.empty:
            continue
        shared: dict[str, Any] = {"seasonality": season, "train_df": train}
        table = losses.mase(part, ["mean"], **shared).rename(columns={"mean": "mase"})
        table["rmsse"] = losses.rmsse(part, ["mean"], **shared)["mean"]
        table["scaled_quantile_loss"] = losses.scaled_mqloss(
            part, {"mean": list(QUANTILE_COLUMNS)}, quantiles=np.array(QUANTILES), **shared)["mean"]
        parts.append(table.assign(model=model, cutoff=cutoff))
    if not parts:
        return pd.DataFrame(columns=["unique_id", "model", "cutoff", "mase", "rmsse", "scaled_quantile_loss"])
    return pd.concat(parts, ignore_index=True).replace([np.inf, -np.inf], np.nan)


def evaluate(rows: pd.DataFrame, panel: pd.DataFrame, season: int, by: list[str] | None = None) -> pd.DataFrame:
    """One row per model (and group ``by``) with every metric, sorted by WAPE.

    Pooled over rows: ``mse, rmse, mae``; ``wape`` and ``bias``, the sums of absolute errors and of errors over the
    sum of sales (a positive bias forecasts too much); ``mape`` over rows with sales, ``mape_rows`` the share of rows it
    could be computed on; ``coverage_50/80/90``. Averaged over series and cutoffs, with the seasonal naive error of the
    training part as scale: ``mase, rmsse, scaled_quantile_loss`` (Hyndman & Koehler 2006; Makridakis et al. 2022).
    """
    by = list(by or [])
    keys = ["model", *by]
    error = rows["mean"] - rows["y"]
    sold = rows["y"] > 0
    work = rows[keys].assign(
        se=error**2, ae=error.abs(), error=error, y=rows["y"],
        ape=(error.abs() / rows["y"].where(sold)), sold=sold.astype(float),
        **{f"coverage_{level}": ((rows["y"] >= rows[low]) & (rows["y"] <= rows[high])).astype(float)
           for level, (low, high) in _BANDS.items()})
    groups = work.groupby(keys, observed=True)
    mean, total = groups.mean(numeric_only=True), groups[["ae", "error", "y"]].sum()
    table = pd.DataFrame({"mse": mean["se"], "rmse": np.sqrt(mean["se"]), "mae": mean["ae"], "mape": mean["ape"],
                          "mape_rows": mean["sold"], "wape": total["ae"] / total["y"].where(total["y"] > 0),
                          "bias": total["error"] / total["y"].where(total["y"] > 0)})
    scaled = _scaled(rows, panel, season)
    extra = [name for name in by if name not in scaled]
    if extra:
        scaled = scaled.merge(rows[["unique_id", "cutoff", *extra]].drop_duplicates(["unique_id", "cutoff"]))
    names = ["mase", "rmsse", "scaled_quantile_loss"]
    table[names] = scaled.groupby(keys, observed=True)[names].mean()
    coverage = [f"coverage_{level}" for level in _BANDS]
    table[coverage] = mean[coverage]
    return table.reset_index().sort_values([*by, "wape"], kind="stable", ignore_index=True)
