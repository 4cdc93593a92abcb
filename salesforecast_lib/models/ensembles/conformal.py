"""Conformal calibration of forecast intervals, split and adaptive (chapter 06)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.models.peers.baselines import tidy

_BANDS = {"90": ("q0.05", "q0.95"), "80": ("q0.1", "q0.9"), "50": ("q0.25", "q0.75")}


@dataclass(frozen=True)
class Conformal:
    """Offsets of the interval ends, in units of the square root of the forecast volume.

    Parameters
    ----------
    offsets : model → nominal coverage in percent → offset for each group of horizon steps; positive offsets widen.
    levels : model → nominal coverage → share of the scores that the offset was set to cover.
    borders : first step of each group, ascending.
    until : last period whose sales were used, ISO date.
    """

    offsets: dict[str, dict[str, tuple[float, ...]]]
    levels: dict[str, dict[str, float]]
    borders: tuple[int, ...]
    until: str

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Conformal:
        """Inverse of `to_json`."""
        offsets = {m: {k: tuple(v) for k, v in bands.items()} for m, bands in stored["offsets"].items()}
        return cls(**{**stored, "offsets": offsets, "borders": tuple(stored["borders"])})

    def apply(self, forecasts: pd.DataFrame) -> pd.DataFrame:
        """Forecast table with calibrated quantiles; the mean and the median stay.

        Raises
        ------
        ValueError
            When a cutoff lies before the sales that the calibration has seen, or a model was not calibrated.
        """
        early = pd.Timestamp(forecasts["cutoff"].min())
        if early < pd.Timestamp(self.until):
            raise ValueError(
                f"cutoff {early.date()} lies before {self.until}, up to which the calibration has seen sales"
            )
        unknown = sorted(set(forecasts["model"]) - set(self.offsets))
        if unknown:
            raise ValueError(f"models {unknown} were not calibrated; calibrated were {sorted(self.offsets)}")
        table = forecasts.reset_index(drop=True)
        group, unit = _group(table, self.borders), _unit(table)
        inner_low = inner_high = table["q0.5"].to_numpy("float64")
        ends: dict[str, np.ndarray] = {}
        for band in ("50", "80", "90"):  # outwards from the median, so that no interval crosses a narrower one
            low, high = _BANDS[band]
            known = {model: np.array(values[band]) for model, values in self.offsets.items()}
            move = np.zeros(len(table))
            for model, values in known.items():
                rows = (table["model"] == model).to_numpy()
                move[rows] = values[group[rows]]
            inner_low = np.minimum(inner_low, table[low].to_numpy("float64") - move * unit)
            inner_high = np.maximum(inner_high, table[high].to_numpy("float64") + move * unit)
            ends |= {low: inner_low, high: inner_high}
        result = tidy(table.assign(**ends))
        return result.assign(y=table["y"]) if "y" in table else result


def _unit(table: pd.DataFrame) -> np.ndarray:
    """Square root of the median forecast: the spread of counts grows with it, so that all products share offsets."""
    return np.sqrt(table["q0.5"].to_numpy("float64").clip(min=0.0) + 0.1)


def _steps(table: pd.DataFrame) -> np.ndarray:
    """Horizon step of each row, from 1, by rank of ``ds`` among the periods of its cutoff."""
    return table.groupby("cutoff")["ds"].rank(method="dense").to_numpy("int64")


def _group(table: pd.DataFrame, borders: tuple[int, ...]) -> np.ndarray:
    return np.searchsorted(np.array(borders), _steps(table), side="right") - 1


def _scores(table: pd.DataFrame, band: str) -> np.ndarray:
    """How far ``y`` lies outside the interval, negative inside it, in volume units (Romano et al. 2019)."""
    low, high = _BANDS[band]
    y = table["y"].to_numpy("float64")
    return np.maximum(table[low].to_numpy() - y, y - table[high].to_numpy()) / _unit(table)


def _quantile(scores: np.ndarray, level: float) -> float:
    """The ⌈(n + 1) level⌉-th smallest score: the finite-sample quantile of split conformal prediction."""
    if len(scores) == 0:
        return 0.0
    rank = int(np.ceil((len(scores) + 1) * level))
    return float(np.sort(scores)[np.clip(rank, 1, len(scores)) - 1])


def _check(past: pd.DataFrame, applied_at: pd.Timestamp) -> str:
    until = pd.Timestamp(past["ds"].max())
    if until > pd.Timestamp(applied_at):
        raise ValueError(
            f"calibration for cutoff {pd.Timestamp(applied_at).date()} would see sales up to {until.date()}: give "
            "forecasts whose whole horizon ends by the cutoff"
        )
    if "y" not in past or past["y"].isna().any():
        raise ValueError("past: y is missing in some rows; intervals can only be calibrated on scored forecasts")
    return str(until.date())


def fit_split(past: pd.DataFrame, applied_at: pd.Timestamp, groups: int = 4) -> Conformal:
    """Split conformal calibration of each interval: conformalised quantile regression (Romano et al. 2019).

    Products of all sizes share the scores of a group of horizon steps, which makes the coverage right on average over
    products, not for each of them; and it holds where later errors resemble the earlier ones.

    Parameters
    ----------
    past : scored forecasts of earlier cutoffs with ``y``, several models allowed.
    groups : groups of neighbouring horizon steps with offsets of their own.

    Raises
    ------
    ValueError
        When a horizon of ``past`` ends after ``applied_at`` or ``y`` is missing.
    """
    levels = {model: {band: int(band) / 100 for band in _BANDS} for model in sorted(past["model"].unique())}
    return _fit(past, applied_at, groups, levels)


def _fit(past: pd.DataFrame, applied_at: pd.Timestamp, groups: int, levels: dict[str, dict[str, float]]) -> Conformal:
    until = _check(past, applied_at)
    horizon = int(_steps(past).max())
    borders = tuple(sorted({1 + k * horizon // groups for k in range(groups)}))
    offsets = {}
    for model, bands in levels.items():
        rows = past[past["model"] == model]
        group = _group(rows, borders)
        offsets[model] = {
            band: tuple(_quantile(_scores(rows, band)[group == k], level) for k in range(len(borders)))
            for band, level in bands.items()
        }
    return Conformal(offsets, levels, borders, until)


def adaptive_levels(rows: pd.DataFrame, band: str, rate: float) -> pd.DataFrame:
    """Adaptive conformal inference, period by period: ``ds, level, miss`` (Gibbs & Candès 2021).

    Before each period the offset covers ``level`` of the scores seen so far; after it the miscoverage moves by
    ``rate * (target - share missed)``, so that a run of misses widens the interval. The share is over all products.
    """
    target = 1 - int(band) / 100
    ordered = rows.sort_values("ds")
    scores, days = _scores(ordered, band), ordered["ds"].to_numpy()
    starts = np.flatnonzero(np.r_[True, days[1:] != days[:-1]])
    alpha, log = target, []
    for begin, end in zip(starts, np.append(starts[1:], len(days)), strict=True):
        level = float(np.clip(1 - alpha, 0.0, 1.0))
        miss = float((scores[begin:end] > _quantile(scores[:begin], level)).mean())
        log.append((days[begin], level, miss))
        alpha += rate * (target - miss)
    table = pd.DataFrame(log, columns=["ds", "level", "miss"])
    table.attrs["next"] = float(np.clip(1 - alpha, 0.0, 1.0))
    return table


def fit_adaptive(past: pd.DataFrame, applied_at: pd.Timestamp, groups: int = 4, rate: float = 0.02) -> Conformal:
    """Like `fit_split`, with the level that adaptive conformal inference has reached by the end of ``past``.

    Within the horizon the level stands still: a forecast made at a cutoff knows nothing after it.

    Parameters
    ----------
    rate : step of the adaptation at each period; 0 is the split calibration.
    """
    levels = {
        str(model): {band: adaptive_levels(rows, band, rate).attrs["next"] for band in _BANDS}
        for model, rows in past.groupby("model")
    }
    return _fit(past, applied_at, groups, levels)
