"""Committees of forecasts: weights learned at earlier cutoffs, applied at later ones (chapter 06)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import minimize, nnls

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES
from salesforecast_lib.models.peers.baselines import tidy

METHODS = ("mean", "median", "inverse_error", "greedy", "stacking_nnls", "stacking")
_COLUMNS = ("mean", *QUANTILE_COLUMNS)
_KEYS = ["unique_id", "ds", "cutoff"]


@dataclass(frozen=True)
class Weights:
    """Weights of the members for each column of the forecast table; JSON-able with `to_json`.

    Parameters
    ----------
    values : column → one weight a member, not negative, adding up to one ("median" ignores them).
    until : last period whose sales the weights have seen, ISO date; empty when they have seen none.
    path, losses : greedy selection only: the member added in each round, and the loss after it.
    """

    method: str
    members: tuple[str, ...]
    values: dict[str, tuple[float, ...]]
    until: str = ""
    path: tuple[str, ...] = ()
    losses: tuple[float, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Weights:
        """Inverse of `to_json`."""
        values = {name: tuple(weights) for name, weights in stored["values"].items()}
        tuples = {name: tuple(stored[name]) for name in ("members", "path", "losses")}
        return cls(**{**stored, **tuples, "values": values})


def equal_weights(members: Sequence[str], method: str = "mean") -> Weights:
    """The same weight for every member: all that can be said before any forecast was scored."""
    share = (1.0 / len(members),) * len(members)
    return Weights(method, tuple(members), {name: share for name in _COLUMNS})


def _cube(table: pd.DataFrame, members: Sequence[str]) -> tuple[pd.DataFrame, np.ndarray]:
    """Keys of the rows, and forecasts (rows, members, columns); raises ValueError when a member lacks rows."""
    keys, parts = None, []
    for name in members:
        part = table[table["model"] == name].sort_values(_KEYS, ignore_index=True)
        if keys is None:
            keys = part[[*_KEYS, *(["y"] if "y" in part else [])]]
        if part.empty or len(part) != len(keys) or not part[_KEYS].equals(keys[_KEYS]):
            raise ValueError(
                f"member {name!r} has {len(part)} rows, {members[0]!r} has {len(keys)}: a committee needs every "
                "member's forecast of the same unique_id, ds and cutoff"
            )
        parts.append(part[list(_COLUMNS)].to_numpy("float64"))
    if keys is None:
        raise ValueError("members: expected at least one model")
    return keys, np.stack(parts, axis=1)


def _pinball(forecast: np.ndarray, y: np.ndarray, weight: np.ndarray) -> float:
    """Mean over rows of the weighted pinball loss of quantiles (rows, levels); rows of weight 0 do not count."""
    error = y[:, None] - forecast
    levels = np.array(QUANTILES)
    return float((np.maximum(levels * error, (levels - 1) * error).mean(1) * weight).sum() / max((weight > 0).sum(), 1))


def fit_weights(
    past: pd.DataFrame,
    method: str,
    applied_at: pd.Timestamp,
    members: Sequence[str] | None = None,
    scale: pd.Series | None = None,
    rounds: int = 30,
    power: float = 2.0,
) -> Weights:
    """Learn the weights of a committee from scored forecasts of earlier cutoffs.

    Parameters
    ----------
    past : forecast tables of the members with ``y``; leave out rows where sales say nothing about demand.
    method : "mean"; "median" of the members in each column; "inverse_error" (Bates & Granger 1969), weights
        proportional to ``loss ** -power``; "greedy" selection with replacement (Caruana et al. 2004); "stacking_nnls",
        one weight a member from non-negative least squares of the mean (Breiman 1996); "stacking", weights on the
        simplex for each column by its pinball loss (absolute error for the mean).
    applied_at : first cutoff at which the weights will be used.
    scale : units by which the errors of each ``unique_id`` are divided, such as those of the seasonal naive; default
        none: errors count in units.
    rounds : of greedy selection.

    Raises
    ------
    ValueError
        When a horizon of ``past`` ends after ``applied_at``, ``y`` is missing, or the members lack rows.
    """
    if method not in METHODS:
        raise ValueError(f"method={method!r}: expected one of {METHODS}")
    names = list(members or sorted(past["model"].unique()))
    until = pd.Timestamp(past["ds"].max())
    if until > pd.Timestamp(applied_at):
        raise ValueError(
            f"weights for cutoff {pd.Timestamp(applied_at).date()} would see sales up to {until.date()}: give "
            "forecasts whose whole horizon ends by the cutoff"
        )
    keys, cube = _cube(past, names)
    if "y" not in keys or keys["y"].isna().any():
        raise ValueError("past: y is missing in some rows; weights can only be learned from scored forecasts")
    stamp = str(until.date())
    y = keys["y"].to_numpy("float64")
    weight = np.ones(len(y))
    if scale is not None:
        units = keys["unique_id"].map(scale).to_numpy("float64")
        weight = np.where(units > 0, 1.0 / np.where(units > 0, units, 1.0), 0.0)  # no scale: nothing to compare with
    if method in ("mean", "median"):
        return Weights(method, tuple(names), equal_weights(names).values, stamp)
    if method == "inverse_error":
        losses = np.array([_pinball(cube[:, k, 1:], y, weight) for k in range(len(names))])
        share = losses.min() ** power / np.maximum(losses, 1e-12) ** power
        return Weights(method, tuple(names), _same(share / share.sum()), stamp)
    if method == "greedy":
        path, after = _greedy(cube[:, :, 1:], y, weight, rounds)
        best = path[: int(np.argmin(after)) + 1]
        share = np.bincount(best, minlength=len(names)) / len(best)
        return Weights(method, tuple(names), _same(share), stamp, tuple(names[k] for k in path), tuple(after))
    if method == "stacking_nnls":
        share, _ = nnls(cube[:, :, 0] * weight[:, None], y * weight)
        share = share / share.sum() if share.sum() > 0 else np.full(len(names), 1 / len(names))
        return Weights(method, tuple(names), _same(share), stamp)
    levels = dict(zip(_COLUMNS, (0.5, *QUANTILES), strict=True))
    values = {name: _simplex(cube[:, :, k], y, weight, levels[name]) for k, name in enumerate(_COLUMNS)}
    return Weights(method, tuple(names), values, stamp)


def _same(share: np.ndarray) -> dict[str, tuple[float, ...]]:
    return {name: tuple(float(value) for value in share) for name in _COLUMNS}


def _greedy(cube: np.ndarray, y: np.ndarray, weight: np.ndarray, rounds: int) -> tuple[list[int], list[float]]:
    """Add in each round the member that lowers the loss of the average most; members may come again."""
    total, path, losses = np.zeros_like(cube[:, 0]), [], []
    for size in range(1, rounds + 1):
        scores = [_pinball((total + cube[:, k]) / size, y, weight) for k in range(cube.shape[1])]
        path.append(int(np.argmin(scores)))
        losses.append(float(scores[path[-1]]))
        total = total + cube[:, path[-1]]
    return path, losses


def _simplex(forecasts: np.ndarray, y: np.ndarray, weight: np.ndarray, level: float) -> tuple[float, ...]:
    """Non-negative weights adding up to one that minimise the pinball loss of one column (rows, members)."""
    count, total = forecasts.shape[1], weight.sum()

    def loss(share: np.ndarray) -> tuple[float, np.ndarray]:
        error = y - forecasts @ share
        slope = np.where(error > 0, level, level - 1.0) * weight
        return float((slope * error).sum() / total), -(slope @ forecasts) / total

    equal = np.full(count, 1 / count)
    found = minimize(
        loss,
        equal,
        jac=True,
        method="SLSQP",
        bounds=[(0.0, 1.0)] * count,
        constraints={"type": "eq", "fun": lambda w: w.sum() - 1.0, "jac": lambda w: np.ones(count)},
        options={"maxiter": 200, "ftol": 1e-9},
    )
    solved = np.clip(np.nan_to_num(found.x), 0.0, None)
    # the loss has kinks, at which the solver may stop early: never take less than the best corner or the centre
    starts = [solved / solved.sum() if solved.sum() > 0 else equal, equal, *np.eye(count)]
    best = min(starts, key=lambda share: loss(share)[0])
    return tuple(float(value) for value in best)


def combine(forecasts: pd.DataFrame, weights: Weights, name: str) -> pd.DataFrame:
    """The committee's forecast table: each quantile is the average of the members' (Vincent 1912; Lichtendahl 2013).

    Averaging quantiles keeps the members' sharpness, where averaging their distribution functions would widen it.

    Raises
    ------
    ValueError
        When a cutoff lies before the sales that the weights have seen, or a member lacks rows.
    """
    early = pd.Timestamp(forecasts["cutoff"].min())
    if weights.until and early < pd.Timestamp(weights.until):
        raise ValueError(f"cutoff {early.date()} lies before {weights.until}, up to which the weights have seen sales")
    keys, cube = _cube(forecasts, weights.members)
    if weights.method == "median":
        values = np.median(cube, axis=1)  # (rows, columns)
    else:
        shares = np.array([weights.values[column] for column in _COLUMNS])  # (columns, members)
        values = np.einsum("rmc,cm->rc", cube, shares)
    table = keys.assign(model=name, **{column: values[:, k] for k, column in enumerate(_COLUMNS)})
    result = tidy(table)
    return result.assign(y=keys["y"]) if "y" in keys else result


def combine_over_time(
    forecasts: pd.DataFrame,
    scored: pd.DataFrame,
    method: str,
    name: str,
    members: Sequence[str] | None = None,
    scale: pd.Series | None = None,
) -> tuple[pd.DataFrame, dict[str, Weights]]:
    """The committee at every cutoff, each with weights from the cutoffs whose horizon had ended by then.

    Where no horizon has ended yet the weights are equal.

    Parameters
    ----------
    forecasts : the members at every cutoff.
    scored : those rows of them that can be scored, with ``y``.

    Returns
    -------
    The forecast table, and the weights by cutoff (ISO date).
    """
    names = list(members or sorted(forecasts["model"].unique()))
    ends = scored.groupby("cutoff")["ds"].max()
    parts, learned = [], {}
    for cutoff, group in forecasts.groupby("cutoff"):
        known = scored[scored["cutoff"].isin(ends.index[ends <= cutoff]) & scored["model"].isin(names)]
        plain = "median" if method == "median" else "mean"
        weights = (
            fit_weights(known, method, pd.Timestamp(cutoff), names, scale)
            if len(known)
            else equal_weights(names, plain)
        )
        learned[str(pd.Timestamp(cutoff).date())] = weights
        parts.append(combine(group, weights, name))
    return pd.concat(parts, ignore_index=True), learned
