"""Weights and spread of a committee, learned on validation cutoffs (chapter 06).

Greedy selection (Caruana et al. 2004), drawn towards fixed weights (Clemen 1989; Smith & Wallis 2009).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd

from salesforecast_lib import levels_of, quantile_columns
from salesforecast_lib.data.scaling import naive_changes

KEYS = ["cutoff", "unique_id", "ds"]


class Validated(NamedTuple):
    """Forecasts of validation rows: ``values`` (members, rows, columns), the mean first, then ``levels``.

    ``y``, ``weight``, ``cutoff`` and ``series`` are (rows,). With the weights a sum over the rows is the mean over
    series and cutoffs of each one's mean, divided by the series' seasonal naive error.
    """

    names: tuple[str, ...]
    levels: np.ndarray
    values: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    cutoff: np.ndarray
    series: np.ndarray

    @property
    def cells(self) -> int:
        """Series and cutoffs with rows that count."""
        some = self.weight > 0
        return len({*zip(self.series[some].tolist(), self.cutoff[some].tolist(), strict=True)})

    def part(self, rows: np.ndarray) -> Validated:
        """Some of the rows."""
        told = self.y[rows], self.weight[rows], self.cutoff[rows], self.series[rows]
        return Validated(self.names, self.levels, self.values[:, rows], *told)

    def only(self, names: list[str]) -> Validated:
        """Some of the members."""
        return self._replace(names=tuple(names), values=self.values[[self.names.index(name) for name in names]])

    def levelled(self) -> Validated:
        """Weights with which the best member's loss is 1 at each cutoff, so that no single hard one decides."""
        weight = self.weight.copy()
        for cutoff in np.unique(self.cutoff):
            rows = self.cutoff == cutoff
            best = min(losses(self.part(rows)).values(), default=0.0)
            weight[rows] /= best if best > 0 else 1.0
        return self._replace(weight=weight)


def naive_scale(frame: pd.DataFrame, cutoff: pd.Timestamp, lag: int) -> pd.Series:
    """Mean absolute seasonal naive error up to the cutoff by ``unique_id``, missing where there is none."""
    past = frame.loc[frame["ds"] <= cutoff, ["unique_id", "ds", "y", "available"]]
    return naive_changes(past, lag).abs().groupby(past["unique_id"], sort=False).mean()


def validated(
    members: pd.DataFrame, names: list[str], frame: pd.DataFrame, cutoffs: list[pd.Timestamp], lag: int
) -> Validated:
    """The rows of ``cutoffs`` that can be scored: the period was available and the series has a naive error.

    Parameters
    ----------
    members : forecast tables of the members, with the same rows each.
    frame : ``unique_id, ds, y, available``, sorted; nothing after the last horizon of ``cutoffs`` is used.
    """
    known = frame.loc[frame["available"] > 0, ["unique_id", "ds", "y"]]
    columns = ["mean", *quantile_columns(levels_of(members))]
    scales = [naive_scale(frame, c, lag).rename("scale").reset_index().assign(cutoff=c) for c in cutoffs]
    values, base = [], None
    for name in names:
        rows = members[(members["model"] == name) & members["cutoff"].isin(cutoffs)]
        rows = rows.merge(known, on=["unique_id", "ds"]).sort_values(KEYS, ignore_index=True)
        if base is not None and not rows[KEYS].equals(base[KEYS]):
            raise ValueError(f"member {name!r} forecasts other validation rows than {names[0]!r}")
        base = rows
        values.append(rows[columns].to_numpy("float64"))
    assert base is not None
    base = base[[*KEYS, "y"]].merge(pd.concat(scales), on=["unique_id", "cutoff"], how="left")
    size = base.groupby(["cutoff", "unique_id"])["y"].transform("size")
    share = 1 / size / max(len(base[["cutoff", "unique_id"]].drop_duplicates()), 1)
    weight = (share / base["scale"].where(base["scale"] > 0)).fillna(0.0).to_numpy()
    levels = np.array(levels_of(members))
    told = base["y"].to_numpy("float64"), weight, base["cutoff"].to_numpy(), base["unique_id"].to_numpy()
    return Validated(tuple(names), levels, np.stack(values), *told)


def pinball(quantiles: np.ndarray, y: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Pinball loss, mean over the levels (rows,), of quantiles (rows, levels)."""
    error = y[:, None] - quantiles
    return np.asarray(np.maximum(levels * error, (levels - 1) * error).mean(1))


def losses(known: Validated) -> dict[str, float]:
    """Scaled quantile loss of each member."""
    return {
        name: float(pinball(value[:, 1:], known.y, known.levels) @ known.weight)
        for name, value in zip(known.names, known.values, strict=True)
    }


def _measures(forecast: np.ndarray, known: Validated) -> np.ndarray:
    """Scaled quantile loss and WAPE of the median."""
    middle = 1 + int(np.flatnonzero(known.levels == 0.5)[0])
    error = np.abs(known.y - forecast[:, middle]).sum() / max(known.y.sum(), 1e-12)
    return np.array([pinball(forecast[:, 1:], known.y, known.levels) @ known.weight, error])


def greedy_shares(known: Validated, rounds: int = 25) -> np.ndarray:
    """Add the member that lowers both measures most, with replacement; weights (members,) of the best round."""
    best_single = np.maximum(np.min([_measures(v, known) for v in known.values], axis=0), 1e-12)
    total, count = np.zeros_like(known.values[0]), np.zeros(len(known.values))
    found: tuple[float, np.ndarray] = (np.inf, np.full(len(count), 1 / len(count)))
    for turn in range(1, rounds + 1):
        scores = [(_measures((total + v) / turn, known) / best_single).sum() for v in known.values]
        pick = int(np.argmin(scores))
        total, count[pick] = total + known.values[pick], count[pick] + 1
        if scores[pick] < found[0] - 1e-6:
            found = (float(scores[pick]), count / count.sum())
    return found[1]


# What a member weighs before anything is known of it: boosting is an average of four models; networks, of up to three,
# were the weakest of those that learn on earlier windows with little history.
# Simple rules weigh nothing before: they come in by selection, or alone.
PRIOR = {"Boosting": 4.0, "Networks": 1.0, "LightGBMDirect": 1.0, "LightGBM": 1.0, "AutoETS": 1.0}
# What the spread of a committee is multiplied by before anything is known of it: 80 % intervals covered 75 % on the
# validation cutoffs of the league's tasks, and fits are surer of what they have seen than of what comes.
WIDER = 1.1
LEAST = 0.02  # a smaller share is none
NEAR = 1.10  # times the best member's loss: those within it may be selected
CELLS = 200  # series and cutoffs on which selection is worth a quarter of the weights
STEEP = 4.0, 14.0  # power of the losses' ratio that divides prior weights, with no evidence and with all


def committee_shares(known: Validated) -> np.ndarray:
    """Between prior weights, divided by a power of each member's loss, and greedy selection among the near ones.

    A few validation cutoffs of a few series cannot tell good members apart, and fixed weights are hard to beat (Clemen
    1989; Smith & Wallis 2009): the fewer series and cutoffs there are, the less the losses move the prior weights, and
    the less selection counts, for a half at most.
    """
    alone = np.maximum(list(losses(known).values()), 1e-12)
    prior = np.array([PRIOR.get(name, 0.0) for name in known.names])
    if not prior.any():
        prior = np.ones(len(alone))
    best, evidence = alone[prior > 0].min(), known.cells / (known.cells + CELLS)
    prior = prior * (best / alone) ** (STEEP[0] + (STEEP[1] - STEEP[0]) * evidence)
    near = np.flatnonzero(alone <= NEAR * alone.min())
    chosen = np.zeros(len(alone))
    chosen[near] = greedy_shares(known.only([known.names[k] for k in near]))
    shares = (1 - evidence / 2) * prior / prior.sum() + evidence / 2 * chosen
    shares = np.where(shares < LEAST, 0.0, shares)
    return np.asarray(shares / shares.sum())


def margin(cells: int) -> float:
    """Share by which a simple rule has to be better than the committee to be taken alone: less, the more is known."""
    return 0.1 * CELLS / (cells + CELLS)


def mixed(shares: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Weighted average of the members' columns: (rows, columns)."""
    return np.asarray(np.tensordot(shares, values, 1))


def widened(forecast: np.ndarray, levels: np.ndarray, factor: float) -> np.ndarray:
    """Quantiles of forecasts (rows, columns) with their distance from the median multiplied, not below zero."""
    middle = forecast[:, [1 + int(np.flatnonzero(levels == 0.5)[0])]]
    return np.maximum(middle + factor * (forecast[:, 1:] - middle), 0.0)


def coverage_gap(quantiles: np.ndarray, y: np.ndarray, levels: np.ndarray) -> float:
    """How far the share of ``y`` (rows,) inside each central interval is from what it claims, mean over intervals."""
    pairs = [(low, len(levels) - 1 - low) for low in range(len(levels) // 2)]
    inside = [((y >= quantiles[:, low]) & (y <= quantiles[:, high])).mean() for low, high in pairs]
    claimed = [levels[high] - levels[low] for low, high in pairs]
    return float(np.abs(np.subtract(inside, claimed)).mean()) if pairs else 0.0


def spread_factor(forecast: np.ndarray, known: Validated, usual: float = WIDER) -> float:
    """Factor on the distance of the quantiles from the median, so that intervals cover what they claim on validation.

    The fewer series and cutoffs it was found on, the more it is drawn to ``usual``. On left-out cutoffs the pinball
    loss was lower with it than with the factor that minimises that loss, and a factor for each level did harm.
    """
    rows = known.weight > 0
    y, values, grid = known.y[rows], forecast[rows], np.arange(0.7, 1.61, 0.05)
    gaps = [coverage_gap(widened(values, known.levels, each), y, known.levels) for each in grid]
    cutoffs = len(np.unique(known.cutoff))
    evidence = cutoffs / (cutoffs + 2) * known.cells / (known.cells + CELLS)
    return float(usual + (grid[int(np.argmin(gaps))] - usual) * evidence)


class Learnt(NamedTuple):
    """Weights (members,), spread factor, and the committee's loss on cutoffs left out of the learning.

    ``loss`` is None with a single validation cutoff.
    """

    shares: np.ndarray
    factor: float
    loss: float | None


def learn(known: Validated) -> Learnt:
    """Weights and spread from the validation rows, and what they lose on cutoffs left out in turn.

    A single member keeps its own spread as the usual one; several learned ones together are usually too narrow.
    """
    usual = WIDER if len(known.names) > 1 else 1.0

    def both(rows: Validated) -> tuple[np.ndarray, float]:
        shares = committee_shares(rows)
        return shares, spread_factor(mixed(shares, rows.values), rows, usual)

    shares, factor = both(known)
    cutoffs, loss = np.unique(known.cutoff), 0.0
    if len(cutoffs) < 2:
        return Learnt(shares, factor, None)
    for cutoff in cutoffs:
        weights, spread = both(known.part(known.cutoff != cutoff))
        left = known.part(known.cutoff == cutoff)
        forecast = widened(mixed(weights, left.values), left.levels, spread)
        loss += float(pinball(forecast, left.y, left.levels) @ left.weight)
    return Learnt(shares, factor, loss)
