"""Weights, spread and mean of a committee, learned on validation cutoffs (chapter 06).

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


# What a member weighs before anything is known of it: boosting is an average of four models, networks of up to three.
# Simple rules weigh nothing before: they come in by selection, or alone.
PRIOR = {"Boosting": 4.0, "Networks": 2.0, "LightGBMDirect": 1.0, "LightGBM": 1.0, "AutoETS": 1.0}
HELP = 0.005  # share of the loss that a change of the spread has to save
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


def widened(forecast: np.ndarray, levels: np.ndarray, factors: np.ndarray) -> np.ndarray:
    """Quantiles of forecasts (rows, columns) with each one's distance from the median multiplied, not below zero."""
    middle = forecast[:, [1 + int(np.flatnonzero(levels == 0.5)[0])]]
    return np.maximum(middle + factors * (forecast[:, 1:] - middle), 0.0)


def spread_factors(forecast: np.ndarray, known: Validated) -> np.ndarray:
    """Factor on the distance of each quantile from the median, (levels,): the best of a grid on validation."""
    factors, grid = np.ones(len(known.levels)), np.arange(0.7, 1.61, 0.05)
    error = [known.y[:, None] - widened(forecast, known.levels, np.full(len(factors), factor)) for factor in grid]
    for k, tau in enumerate(known.levels):
        scores = [np.maximum(tau * each[:, k], (tau - 1) * each[:, k]) @ known.weight for each in error]
        factors[k] = grid[int(np.argmin(scores))] if tau != 0.5 else 1.0
    return factors


class Learnt(NamedTuple):
    """Weights (members,), spread factors (levels,), and the committee's loss on cutoffs left out of the learning.

    The factors are ones where they do not lower that loss; ``loss`` is None with a single validation cutoff.
    """

    shares: np.ndarray
    factors: np.ndarray
    loss: float | None


def learn(known: Validated) -> Learnt:
    """Weights and spread from the validation rows; cutoffs left out in turn decide whether the spread is changed."""
    shares = committee_shares(known)
    ones = np.ones(len(known.levels))
    cutoffs, found = np.unique(known.cutoff), np.zeros(2)  # without and with the factors
    if len(cutoffs) < 2:
        return Learnt(shares, ones, None)
    for cutoff in cutoffs:
        rest, left = known.part(known.cutoff != cutoff), known.part(known.cutoff == cutoff)
        weights = committee_shares(rest)
        factors = _drawn(spread_factors(mixed(weights, rest.values), rest), rest)
        forecast = mixed(weights, left.values)
        for k, each in enumerate((ones, factors)):
            found[k] += pinball(widened(forecast, left.levels, each), left.y, left.levels) @ left.weight
    helps = found[1] < (1 - HELP) * found[0]
    factors = _drawn(spread_factors(mixed(shares, known.values), known), known) if helps else ones
    return Learnt(shares, factors, float(found[int(helps)]))


def _drawn(factors: np.ndarray, known: Validated) -> np.ndarray:
    """Factors drawn towards one, the more the fewer series and cutoffs they were found on."""
    cutoffs = len(np.unique(known.cutoff))
    return np.asarray(1 + (factors - 1) * cutoffs / (cutoffs + 2) * known.cells / (known.cells + CELLS))


def mean_factor(mean: np.ndarray, known: Validated) -> float:
    """Factor on the mean: what was sold over what was forecast at the median cutoff, drawn towards one.

    With ``n`` cutoffs the logarithm keeps ``n / (n + 2)`` of itself, and the factor lies between 0.85 and 1.18.
    """
    ratios = []
    for cutoff in np.unique(known.cutoff):
        rows = known.cutoff == cutoff
        sold, told = known.y[rows].sum(), mean[rows].sum()
        if sold > 0 and told > 0:
            ratios.append(np.log(sold / told))
    if not ratios:
        return 1.0
    drawn = float(np.median(ratios)) * len(ratios) / (len(ratios) + 2)
    return float(np.exp(np.clip(drawn, -0.165, 0.165)))
