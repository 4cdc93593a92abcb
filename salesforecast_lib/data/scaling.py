"""Normalisation fitted on the training part only, invertible and storable as JSON (chapter 01)."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

METHODS = ("none", "standard", "robust", "log1p", "mean")


@dataclass(frozen=True)
class Scaler:
    """Affine map per series (or one for all) after an optional logarithm: ``(f(y) - centre) / width``.

    Parameters
    ----------
    method : "standard" (mean, standard deviation), "robust" (median, interquartile range), "log1p" (standard after
        the logarithm), "mean" (divide by the mean) or "none".
    centre, width : one value for each series, in units of ``f(y)``.
    fallback : centre and width of all series together, for a series without training rows.
    """

    method: str
    centre: dict[str, float]
    width: dict[str, float]
    fallback: tuple[float, float]

    def _parameters(self, series: pd.Series) -> tuple[np.ndarray, np.ndarray]:
        centre = series.map(self.centre).fillna(self.fallback[0]).to_numpy("float64")
        return centre, series.map(self.width).fillna(self.fallback[1]).to_numpy("float64")

    def transform(self, series: pd.Series, y: np.ndarray) -> np.ndarray:
        """Scaled values; ``series`` holds the ``unique_id`` of each row."""
        centre, width = self._parameters(series)
        values = np.asarray(y, dtype="float64")
        return ((np.log1p(values) if self.method == "log1p" else values) - centre) / width

    def inverse(self, series: pd.Series, scaled: np.ndarray) -> np.ndarray:
        """Values in units again: the inverse of `transform`."""
        centre, width = self._parameters(series)
        values = np.asarray(scaled, dtype="float64") * width + centre
        return np.expm1(values) if self.method == "log1p" else values

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary, for the metadata beside a model."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Scaler:
        """Inverse of `to_json`."""
        return cls(**{**stored, "fallback": tuple(stored["fallback"])})


def fit_scaler(
    panel: pd.DataFrame, cutoff: pd.Timestamp | str, method: str = "standard", per_series: bool = True
) -> Scaler:
    """Fit on rows with ``ds <= cutoff`` and ``available > 0`` only.

    Raises
    ------
    ValueError
        When ``method`` is not known or no row lies before the cutoff.
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r}: expected one of {METHODS}")
    train = panel[(panel["ds"] <= pd.Timestamp(cutoff)) & (panel.get("available", 1.0) > 0)]
    if train.empty:
        raise ValueError(f"cutoff={cutoff}: no training row at or before it; the panel begins {panel['ds'].min()}")
    values = np.log1p(train["y"]) if method == "log1p" else train["y"].astype("float64")

    def parameters(y: pd.Series) -> tuple[float, float]:
        if method == "none":
            return 0.0, 1.0
        if method == "mean":
            return 0.0, float(y.mean()) or 1.0
        if method == "robust":
            low, centre, high = np.percentile(y, [25, 50, 75])
            return float(centre), float(high - low) or 1.0
        return float(y.mean()), float(y.std(ddof=0)) or 1.0

    fallback = parameters(values)
    if not per_series:
        return Scaler(method, {}, {}, fallback)
    fitted = {str(name): parameters(group) for name, group in values.groupby(train["unique_id"], observed=True)}
    return Scaler(method, {k: v[0] for k, v in fitted.items()}, {k: v[1] for k, v in fitted.items()}, fallback)


def naive_changes(panel: pd.DataFrame, season: int, until: pd.Timestamp | None = None) -> pd.Series:
    """Sales minus those of one season before, (rows,), missing where either period was unavailable.

    It is the error of the seasonal naive, by which the errors of all models are divided. A history of less than a
    season, or one that repeats itself exactly, has no such error up to ``until``: then it is the change from one
    period to the next, for all series alike.

    Parameters
    ----------
    panel : rows sorted by ``unique_id, ds``.
    """
    sales = panel["y"].where(panel["available"] > 0)
    groups = sales.groupby(panel["unique_id"], sort=False)
    told = pd.Series(True, panel.index) if until is None else panel["ds"] <= until
    change = sales - groups.shift(season)
    if season > 1 and not (change[told].abs() > 0).any():
        return sales - groups.shift(1)
    return change
