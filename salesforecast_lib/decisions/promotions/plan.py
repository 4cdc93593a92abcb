"""Which product is promoted when and how deep, under a budget: a mixed-integer programme (chapter 12)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint
from scipy.sparse import csr_array

from salesforecast_lib.decisions.solver import milp

OPTION_COLUMNS = ("unique_id", "period", "depth", "profit", "spend")


@dataclass(frozen=True)
class PlanRules:
    """What the shop allows.

    Parameters
    ----------
    budget : money for discounts and fees over all periods.
    rest : a product is promoted at most once within so many periods.
    per_period : most promotions in one period (pages of the mailer, places for displays).
    """

    budget: float
    rest: int = 4
    per_period: int = 10

    def __post_init__(self) -> None:
        if not (np.isfinite(self.budget) and self.budget >= 0):
            raise ValueError(f"budget={self.budget!r}: expected a finite amount of zero or more")
        for name in ("rest", "per_period"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)!r}: expected at least 1")


def _check(options: pd.DataFrame) -> None:
    missing = [name for name in OPTION_COLUMNS if name not in options]
    if missing:
        raise ValueError(f"options: missing columns {missing}; expected {list(OPTION_COLUMNS)}")
    bad = ~np.isfinite(options[["profit", "spend"]].to_numpy(float)).all(axis=1)
    if bad.any():
        row = options.loc[bad, ["unique_id", "period"]].iloc[0].tolist()
        raise ValueError(f"options: profit or spend of {row} is not a number")


def _limits(options: pd.DataFrame, rules: PlanRules) -> tuple[csr_array, np.ndarray]:
    """Rows of ``A x <= b``: the budget, one row a product and window of ``rest`` periods, one a period."""
    number = len(options)
    period = pd.factorize(options["period"], sort=True)[0]
    product = pd.factorize(options["unique_id"])[0]
    rows, columns = [np.zeros(number, int)], [np.arange(number)]
    values, bounds = [options["spend"].to_numpy(float)], [rules.budget]
    for start in range(max(int(period.max(initial=0)) - rules.rest + 2, 1)):
        inside = np.flatnonzero((period >= start) & (period < start + rules.rest))
        codes, names = pd.factorize(product[inside])
        rows.append(len(bounds) + codes)
        columns.append(inside)
        values.append(np.ones(len(inside)))
        bounds += [1.0] * len(names)
    rows.append(len(bounds) + period)
    columns.append(np.arange(number))
    values.append(np.ones(number))
    bounds += [float(rules.per_period)] * (int(period.max(initial=-1)) + 1)
    place = (np.concatenate(rows), np.concatenate(columns))
    return csr_array((np.concatenate(values), place), shape=(len(bounds), number)), np.array(bounds)


def best_plan(options: pd.DataFrame, rules: PlanRules, gap: float = 1e-4) -> pd.DataFrame:
    """The options that add most profit within the rules (scipy's ``milp``, the HiGHS solver).

    Parameters
    ----------
    options : one row a product, period and depth (or kind) with its expected ``profit`` against no promotion and the
        ``spend`` it takes from the budget; further columns are kept.
    gap : relative distance to the optimum at which the solver may stop.

    Raises
    ------
    ValueError
        When a column is missing or a number is not finite.
    RuntimeError
        When the solver fails.
    """
    _check(options)
    worth = options[options["profit"] > 0].reset_index(drop=True)
    if worth.empty:
        return worth
    matrix, bounds = _limits(worth, rules)
    result = milp(
        -worth["profit"].to_numpy(float),
        integrality=np.ones(len(worth)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(matrix, ub=bounds),
        options={"mip_rel_gap": gap},
    )
    if result.x is None:
        raise RuntimeError(f"the solver found no promotion plan: {result.message}")
    return worth[result.x > 0.5].sort_values(["period", "unique_id"], ignore_index=True)


def greedy_plan(options: pd.DataFrame, rules: PlanRules, order: np.ndarray) -> pd.DataFrame:
    """Take the options one after the other in ``order`` (positions), each if it still fits; what rules of thumb do."""
    _check(options)
    matrix, bounds = _limits(options, rules)
    columns = matrix.tocsc()
    left, taken = bounds.astype(float).copy(), []
    for place in order:
        span = slice(columns.indptr[place], columns.indptr[place + 1])
        rows, need = columns.indices[span], columns.data[span]
        if (need <= left[rows] + 1e-9).all():
            left[rows] -= need
            taken.append(place)
    return options.iloc[np.sort(np.array(taken, int))].sort_values(["period", "unique_id"], ignore_index=True)


def random_plan(options: pd.DataFrame, rules: PlanRules, rng: np.random.Generator) -> pd.DataFrame:
    """Options drawn at random while they fit."""
    return greedy_plan(options, rules, rng.permutation(len(options)))


def deepest_on_bestsellers(options: pd.DataFrame, rules: PlanRules, size: pd.Series) -> pd.DataFrame:
    """The deepest discount on the product that sells most, then the next; ``size`` is units by ``unique_id``."""
    deepest = options["depth"] >= options["depth"].max() - 1e-9
    rank = -options["unique_id"].map(size).to_numpy(float)
    order = np.lexsort((options["period"].to_numpy(), rank))
    return greedy_plan(options, rules, order[deepest.to_numpy()[order]])
