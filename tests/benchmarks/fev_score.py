"""Measures of fev-bench (Shchur et al. 2025), its Seasonal Naive, and the rank among published results."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from salesforecast_lib import quantile_columns
from salesforecast_lib.evaluation.metrics import pinball
from tests.benchmarks.fev_tasks import KEYS, MEASURES, FevTask

LEVELS = tuple(round(0.1 * k, 1) for k in range(1, 10))
COLUMNS = list(quantile_columns(LEVELS))
_MIDDLE = LEVELS.index(0.5)
_CONTEXT = 1000  # periods that the published statistical models read


def expected(task: FevTask, window: pd.DataFrame) -> pd.DataFrame:
    """Rows of a window, ``unique_id, cutoff, ds, y, scale``: a whole horizon a series; ``y`` is missing if not known.

    ``scale`` is the mean absolute change over ``season`` periods up to the cutoff; missing where there is none.
    """
    panel = task.panel[[*KEYS, "y"]].merge(window, on="unique_id")
    change = (panel["y"] - panel.groupby("unique_id", sort=False)["y"].shift(task.season)).abs()
    past = panel["ds"] <= panel["cutoff"]
    scale = change[past].groupby(panel.loc[past, "unique_id"]).mean()
    place = panel.groupby("unique_id", sort=False).cumcount()
    last = place.where(past).groupby(panel["unique_id"]).transform("max")
    rows = panel[~past & (place - last <= task.horizon)]
    return rows.assign(scale=rows["unique_id"].map(scale)).reset_index(drop=True)


def measures(task: FevTask, windows: tuple[pd.DataFrame, ...], forecasts: pd.DataFrame) -> dict[str, float]:
    """SQL, MASE, WAPE and WQL: means over the rows of each window, then over windows.

    Raises ValueError when a row that has to be forecast is missing.
    """
    found = []
    for window in windows:
        rows = expected(task, window).merge(forecasts, on=["unique_id", "ds", "cutoff"], how="left")
        lacking = int(rows[COLUMNS].isna().any(axis=1).sum())
        if lacking:
            raise ValueError(f"{task.name}: {lacking} of {len(rows)} rows have no forecast; each is needed")
        rows = rows[rows["y"].notna()]
        scale = rows["scale"].where(rows["scale"] > 0)  # rows without one are left out of the scaled measures
        loss = 2 * pinball(rows["y"].to_numpy(), rows[COLUMNS].to_numpy(), LEVELS).mean(axis=1)
        error = (rows["y"] - rows[COLUMNS[_MIDDLE]]).abs()
        size = max(float(rows["y"].abs().mean()), 1.0)
        found.append([(loss / scale).mean(), (error / scale).mean(), error.mean() / size, loss.mean() / size])
    mean = np.nanmean(np.array(found, dtype="float64"), axis=0)
    return {name: float(value) for name, value in zip(MEASURES, mean, strict=True)}


def seasonal_naive(task: FevTask, windows: tuple[pd.DataFrame, ...]) -> pd.DataFrame:
    """The benchmark's Seasonal Naive: the last season repeated, normal intervals that widen with each one.

    As published: gaps hold the last value known, the last 1,000 periods are read, quantiles may be negative.
    """
    parts = []
    for window in windows:
        rows = expected(task, window)
        past = task.panel[[*KEYS, "y"]].merge(window, on="unique_id")
        past = past[past["ds"] <= past["cutoff"]]
        known = {name: y.ffill().to_numpy()[-_CONTEXT:] for name, y in past.groupby("unique_id", sort=False)["y"]}
        for name, ahead in rows.groupby("unique_id", sort=False):
            sales = known[name]
            season = task.season if len(sales) >= task.season else 1
            change = sales[season:] - sales[:-season]
            sigma = np.sqrt(np.nansum(change**2) / max(len(change), 1))
            step = np.arange(len(ahead))
            width = sigma * np.sqrt(step // season + 1)
            middle = np.nan_to_num(np.resize(sales[-season:], len(ahead)))
            values = middle[:, None] + width[:, None] * norm.ppf(LEVELS)
            parts.append(ahead[["unique_id", "ds", "cutoff"]].assign(**dict(zip(COLUMNS, values.T, strict=True))))
    return pd.concat(parts, ignore_index=True)


def ranks(found: dict[str, float], others: list[dict[str, Any]]) -> dict[str, int]:
    """Place among published rows in each measure, 1 the best; measures that nobody published are left out."""
    places = {}
    for name in MEASURES:
        values = [row[name] for row in others if name in row]
        if values:
            places[name] = 1 + sum(value < found[name] for value in values)
    return places


def naive_check(found: dict[str, float], others: list[dict[str, Any]]) -> tuple[str, bool]:
    """Whether our Seasonal Naive is the published one to three decimals, in words; true as well where none is."""
    rows = [row for row in others if row["model"] == "Seasonal Naive"]
    if not rows:
        return "no Seasonal Naive is published for this task: the protocol is not checked", True
    apart = {name: abs(found[name] - rows[0][name]) for name in MEASURES if name in rows[0]}
    worst = max(apart, key=lambda name: apart[name])
    same = apart[worst] < 0.0005
    words = ", ".join(f"{name} {found[name]:.4f} ({rows[0][name]:.4f} published)" for name in apart)
    return f"Seasonal Naive {'agrees' if same else 'DOES NOT AGREE'} to 3 decimals: {words}", same
