"""Our ensemble: weights by greedy selection on the validation cutoffs, quantile by quantile (Caruana et al. 2004)."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from league_models import Entry, Forecast
from league_tasks import Task, View

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES
from salesforecast_lib.evaluation.metrics import naive_scales
from salesforecast_lib.files import write_json
from salesforecast_lib.models.peers.baselines import tidy

COLUMNS = ["mean", *QUANTILE_COLUMNS]
MIDDLE = 1 + QUANTILES.index(0.5)


class Validated(NamedTuple):
    """Forecasts (members, rows, columns), sales, weights of the scaled loss and cutoffs (rows,), validation rows only.

    With the weights a sum over the rows is the mean over series and cutoffs of each one's mean, divided by its scale.
    """

    values: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    cutoff: np.ndarray

    def part(self, rows: np.ndarray) -> Validated:
        """Some of the rows."""
        return Validated(self.values[:, rows], self.y[rows], self.weight[rows], self.cutoff[rows])

    def levelled(self) -> Validated:
        """Weights with which the members' mean loss is 1 at each cutoff, so that no single hard one decides."""
        weight = self.weight.copy()
        for cutoff in np.unique(self.cutoff):
            rows = self.cutoff == cutoff
            weight[rows] /= np.mean([measures(v[rows], self.y[rows], weight[rows])[0] for v in self.values])
        return self._replace(weight=weight)


def validated(task: Task, tables: dict[str, pd.DataFrame]) -> Validated:
    """What the members forecast on the validation cutoffs; nothing after the first scored cutoff is read."""
    panel = task.scoring_panel()
    panel = panel[panel["ds"] <= task.cutoffs[0]]
    gap = {c: pd.date_range(c, periods=task.skipped + 1, freq=task.meta["freq"])[-1] for c in task.validation}
    scales = naive_scales(panel, task.validation, task.scale_lag)
    known = panel.loc[panel["available"] > 0, ["unique_id", "ds", "y"]]
    values, base = [], None
    for table in tables.values():
        rows = table[table["ds"] > table["cutoff"].map(gap)].merge(known, on=["unique_id", "ds"])
        rows = rows.merge(scales, on=["unique_id", "cutoff"], how="left")
        rows = rows.sort_values(["cutoff", "unique_id", "ds"], ignore_index=True)
        if base is not None and not rows[["cutoff", "unique_id", "ds"]].equals(base[["cutoff", "unique_id", "ds"]]):
            raise ValueError("members forecast different validation rows")
        base = rows
        values.append(rows[COLUMNS].to_numpy("float64"))
    assert base is not None
    size = base.groupby(["cutoff", "unique_id"])["y"].transform("size")
    share = 1 / size / len(base[["cutoff", "unique_id"]].drop_duplicates())
    weight = (share / base["absolute"]).fillna(0.0).to_numpy()
    return Validated(np.stack(values), base["y"].to_numpy("float64"), weight, base["cutoff"].to_numpy())


def measures(forecast: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Scaled quantile loss and WAPE of the median of forecasts (rows, columns)."""
    tau = np.array(QUANTILES)
    error = y[:, None] - forecast[:, 1:]
    pinball = np.maximum(tau * error, (tau - 1) * error).mean(1)
    return np.array([pinball @ weight, np.abs(y - forecast[:, MIDDLE]).sum() / y.sum()])


def greedy(values: np.ndarray, y: np.ndarray, weight: np.ndarray, rounds: int = 25) -> np.ndarray:
    """Add the member that lowers both measures most, with replacement; weights (members,) of the best round."""
    best_single = np.min([measures(v, y, weight) for v in values], axis=0)
    total, count = np.zeros_like(values[0]), np.zeros(len(values))
    found: tuple[float, np.ndarray] = (np.inf, count)
    for turn in range(1, rounds + 1):
        scores = [(measures((total + v) / turn, y, weight) / best_single).sum() for v in values]
        pick = int(np.argmin(scores))
        total, count[pick] = total + values[pick], count[pick] + 1
        if scores[pick] < found[0] - 1e-6:
            found = (scores[pick], count / count.sum())
    return found[1]


def with_equal(shares: np.ndarray, values: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Half of the way from the greedy weights to equal ones over the members within 5 % of the best alone.

    A few validation cutoffs cannot tell good members apart, and equal weights are hard to beat (Clemen 1989, Smith &
    Wallis 2009); a clearly worse member keeps what greedy selection gave it.
    """
    losses = np.array([measures(v, y, weight)[0] for v in values])
    good = losses <= 1.05 * losses.min()
    return (shares + good / good.sum()) / 2


def widened(forecast: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Quantiles of forecasts (rows, columns) with each one's distance from the median multiplied, not below zero."""
    middle = forecast[:, [MIDDLE]]
    return np.maximum(middle + factors * (forecast[:, 1:] - middle), 0.0)


def spread_factors(forecast: np.ndarray, y: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Factor on the distance of each quantile from the median, (quantiles,): the best of a grid on validation."""
    factors, grid = np.ones(len(QUANTILES)), np.arange(0.7, 1.61, 0.05)
    error = [y[:, None] - widened(forecast, np.full(len(QUANTILES), factor)) for factor in grid]
    for k, tau in enumerate(QUANTILES):
        losses = [np.maximum(tau * each[:, k], (tau - 1) * each[:, k]) @ weight for each in error]
        factors[k] = grid[int(np.argmin(losses))] if tau != 0.5 else 1.0
    return factors


def combination(known: Validated) -> tuple[np.ndarray, np.ndarray]:
    """Weights (members,) and spread factors (quantiles,); the factors are ones where `spread_helps` does not say so."""
    shares, factors = learnt(known)
    return shares, factors if spread_helps(known) else np.ones_like(factors)


def learnt(known: Validated) -> tuple[np.ndarray, np.ndarray]:
    """Weights, and the spread factors that fit the same rows best."""
    shares = with_equal(greedy(*known[:3]), *known[:3])
    return shares, spread_factors(np.tensordot(shares, known.values, 1), known.y, known.weight)


def spread_helps(known: Validated) -> bool:
    """Whether the factors lower the scaled quantile loss of cutoffs that are left out of the learning in turn."""
    cutoffs, losses = np.unique(known.cutoff), np.zeros(2)  # without and with the factors
    if len(cutoffs) < 2:
        return False
    for cutoff in cutoffs:
        shares, factors = learnt(known.part(known.cutoff != cutoff))
        left = known.part(known.cutoff == cutoff)
        mixed = np.tensordot(shares, left.values, 1)
        for k, each in enumerate((np.ones_like(factors), factors)):
            losses[k] += measures(np.column_stack([mixed[:, 0], widened(mixed, each)]), left.y, left.weight)[0]
    return bool(losses[1] < losses[0])


def ensemble(task: Task, root: Path, members: list[Entry], point: Entry | None = None) -> Entry:
    """The ensemble of ``members`` as an entry; it reads their stored forecasts.

    ``point`` gives the column ``mean`` where the task's first measure wants another point than the mean. The weights
    and spread factors are written beside the ensemble's own forecasts.
    """

    def fit(first: View) -> Forecast:
        from league import Stored, forecasts_of  # the league imports this module

        tables = {m.name: forecasts_of(task, m, root, list(task.validation)) for m in members}
        shares, factors = combination(validated(task, tables).levelled())
        found = {
            "weights": {m.name: round(float(s), 3) for m, s in zip(members, shares, strict=True)},
            "spread_factors": {name: round(float(f), 2) for name, f in zip(QUANTILE_COLUMNS, factors, strict=True)},
        }
        write_json(found, Stored.of(root, task, entry).folder / "fitted.json")
        used = [(m, s) for m, s in zip(members, shares, strict=True) if s > 0]

        def forecast(view: View) -> pd.DataFrame:
            keys = ["unique_id", "ds"]
            parts = [forecasts_of(task, m, root, [view.cutoff]).sort_values(keys, ignore_index=True) for m, _ in used]
            mixed = sum(s * p[COLUMNS].to_numpy("float64") for (_, s), p in zip(used, parts, strict=True))
            quantiles, mean = widened(mixed, factors), mixed[:, 0]
            if point is not None:
                mean = forecasts_of(task, point, root, [view.cutoff]).sort_values(keys)["mean"].to_numpy("float64")
            table = parts[0][keys].assign(cutoff=view.cutoff, model="Ensemble", mean=mean)
            return tidy(table.assign(**{name: quantiles[:, k] for k, name in enumerate(QUANTILE_COLUMNS)}))

        return forecast

    settings = {
        "members": {m.name: [m.settings, m.refit] for m in members},
        "validation": [str(cutoff.date()) for cutoff in task.validation],
        "version": 4,
    }
    words = (
        "greedy selection on the validation cutoffs, half-way to equal weights; quantile averaging, spread factors "
        "where they help on left-out cutoffs"
    )
    if point is not None:
        settings["point"] = point.name
        words += f"; point forecast of {point.name}"
    entry = Entry("Ensemble", "ensemble", fit, False, words, settings)
    return entry
