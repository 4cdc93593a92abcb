"""Error measures of the forecast table, by any grouping (chapter 07)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from utilsforecast import losses

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES
from salesforecast_lib.data.scaling import naive_changes

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


def naive_scales(panel: pd.DataFrame, cutoffs: Iterable[pd.Timestamp], season: int) -> pd.DataFrame:
    """Seasonal naive errors of the rows up to each cutoff: ``unique_id, cutoff, absolute, square`` (mean |e|, mean e²).

    Up to a first cutoff within the first season, errors of the naive forecast stand in, see `naive_changes`. Pairs with
    an unavailable period are left out; scales that are zero or have no pair are missing, as a division by
    them would say nothing (Hyndman & Koehler 2006).
    """
    ordered, cutoffs = panel.sort_values(["unique_id", "ds"]), list(cutoffs)
    change = naive_changes(ordered, season, min(cutoffs))
    work = ordered[["unique_id", "ds"]].assign(absolute=change.abs(), square=change**2)
    parts = [
        work[work["ds"] <= cutoff].groupby("unique_id")[["absolute", "square"]].mean().assign(cutoff=cutoff)
        for cutoff in cutoffs
    ]
    table = pd.concat(parts).reset_index()
    table[["absolute", "square"]] = table[["absolute", "square"]].where(table[["absolute", "square"]] > 0)
    return table


def quadrature_weights(levels: Sequence[float]) -> np.ndarray:
    """Share of the probability axis that each quantile level stands for, (levels,), summing to 1.

    Level k stands for the points nearer to it than to its neighbours; the outer levels reach to 0 and 1.

    Raises ValueError when the levels do not rise strictly within (0, 1).
    """
    points = np.asarray(levels, dtype="float64")
    if points.ndim != 1 or len(points) == 0 or points[0] <= 0 or points[-1] >= 1 or (np.diff(points) <= 0).any():
        raise ValueError(f"levels={list(levels)}: expected rising levels between 0 and 1")
    return np.diff(np.concatenate([[0.0], (points[1:] + points[:-1]) / 2, [1.0]]))


def pinball(y: np.ndarray, quantiles: np.ndarray, levels: Sequence[float] = QUANTILES) -> np.ndarray:
    """Pinball loss of every row and level, (rows, levels), from ``y`` (rows,) and ``quantiles`` (rows, levels)."""
    error = np.asarray(y, dtype="float64")[:, None] - np.asarray(quantiles, dtype="float64")
    tau = np.asarray(levels, dtype="float64")
    return np.maximum(tau * error, (tau - 1) * error)


def crps(y: np.ndarray, quantiles: np.ndarray, levels: Sequence[float] = QUANTILES) -> np.ndarray:
    """Continuous ranked probability score of every row, (rows,), in units of ``y``, approximated from quantiles.

    The score of a distribution with quantile function ``q`` is twice the pinball loss integrated over all levels
    (Gneiting & Raftery 2007 for the score, Laio & Tamea 2007 for this form). The integral is replaced by a sum over
    the levels at hand, each weighted by `quadrature_weights`: ours lie unevenly, and equal weights, as in
    ``utilsforecast.losses.scaled_crps``, would count the tails too much. Any positive weights leave the score proper
    for the quantiles. Where all quantiles are one number, levels being symmetric around 0.5, it is the absolute error.
    """
    return 2 * pinball(y, quantiles, levels) @ quadrature_weights(levels)


def _scaled(rows: pd.DataFrame, panel: pd.DataFrame, season: int, keys: list[str]) -> pd.DataFrame:
    """MASE, RMSSE and scaled quantile loss: means of the losses of series and cutoffs within each group ``keys``."""
    which = list(dict.fromkeys([*keys, "unique_id", "cutoff"]))
    work = rows[[*which, "y", "mean", *QUANTILE_COLUMNS]].copy()
    work["cell"] = work.groupby(which, observed=True).ngroup()
    cells = work.drop_duplicates("cell")[["cell", *which]]
    losses_of = work[["cell", "y", "mean", *QUANTILE_COLUMNS]]
    quantiles = np.array(QUANTILES)
    for name, table in (
        ("mae", losses.mae(losses_of, ["mean"], id_col="cell")),
        ("mse", losses.mse(losses_of, ["mean"], id_col="cell")),
        ("mql", losses.mqloss(losses_of, {"mean": list(QUANTILE_COLUMNS)}, quantiles, id_col="cell")),
    ):
        cells = cells.merge(table.rename(columns={"mean": name}), on="cell")
    cells = cells.merge(naive_scales(panel, rows["cutoff"].unique(), season), on=["unique_id", "cutoff"], how="left")
    cells["mase"], cells["rmsse"] = cells["mae"] / cells["absolute"], np.sqrt(cells["mse"] / cells["square"])
    cells["scaled_quantile_loss"] = cells["mql"] / cells["absolute"]
    return cells.groupby(keys, observed=True)[["mase", "rmsse", "scaled_quantile_loss"]].mean()


def evaluate(rows: pd.DataFrame, panel: pd.DataFrame, season: int, by: list[str] | None = None) -> pd.DataFrame:
    """One row per model (and group ``by``) with every metric, sorted by WAPE.

    Pooled over rows: ``mse, rmse, mae``; ``wape`` and ``bias``, the sums of absolute errors and of errors over the
    sum of sales (a positive bias forecasts too much); ``mape`` over rows with sales, ``mape_rows`` the share of rows it
    could be computed on; ``coverage_50/80/90``; ``crps`` in units, see `crps`, and ``scaled_crps``, its sum over the
    sum of sales: to the CRPS what WAPE is to the MAE. Averaged over series and cutoffs, the seasonal naive error of
    the training part being the scale: ``mase, rmsse, scaled_quantile_loss`` (Hyndman & Koehler 2006; Makridakis et
    al. 2022).
    """
    by = list(by or [])
    keys = ["model", *by]
    error = rows["mean"] - rows["y"]
    sold = rows["y"] > 0
    work = rows[keys].assign(
        se=error**2,
        ae=error.abs(),
        error=error,
        y=rows["y"],
        ape=(error.abs() / rows["y"].where(sold)),
        sold=sold.astype(float),
        crps=crps(rows["y"].to_numpy(), rows[list(QUANTILE_COLUMNS)].to_numpy()),
        **{
            f"coverage_{level}": ((rows["y"] >= rows[low]) & (rows["y"] <= rows[high])).astype(float)
            for level, (low, high) in _BANDS.items()
        },
    )
    groups = work.groupby(keys, observed=True)
    mean, total = groups.mean(numeric_only=True), groups[["ae", "error", "y", "crps"]].sum()
    table = pd.DataFrame(
        {
            "mse": mean["se"],
            "rmse": np.sqrt(mean["se"]),
            "mae": mean["ae"],
            "mape": mean["ape"],
            "mape_rows": mean["sold"],
            "wape": total["ae"] / total["y"].where(total["y"] > 0),
            "bias": total["error"] / total["y"].where(total["y"] > 0),
        }
    )
    scaled = _scaled(rows, panel, season, keys)
    table[scaled.columns] = scaled
    table["crps"], table["scaled_crps"] = mean["crps"], total["crps"] / total["y"].where(total["y"] > 0)
    coverage = [f"coverage_{level}" for level in _BANDS]
    table[coverage] = mean[coverage]
    return table.reset_index().sort_values([*by, "wape"], kind="stable", ignore_index=True)
