"""The answer to another price: the forecast under the run's plan, times what the price was measured to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib import levels_of, quantile_columns
from salesforecast_lib.decisions.whatif.response import PriceResponse

KEYS = ["unique_id", "ds"]
LEVEL = 0.95
_Z = 1.959963984540054  # of the level, in standard deviations
_NEAR = 1.05  # a price so near to a tried one counts as tried, as in `support`


@dataclass(frozen=True)
class Answer:
    """Forecasts under both plans with the measured response to prices.

    Parameters
    ----------
    after : forecast table under the other plan. Rows in which the price alone differs have the forecast under the
        run's plan times ``(price / price) ** elasticity``, quantiles as well; all others are the models' own.
    effects : index ``unique_id`` of the products in which every row that differs is of that kind: ``elasticity, sd``,
        ``models`` (difference in units that the models gave), ``low, high`` (95 % interval of the difference in units,
        of the price's effect alone), ``slope, shared`` (for intervals of sums, see `interval_of_sum`), ``beyond``
        (rows whose price lies beyond what was tried: the effect stops at the last tried price).
    """

    after: pd.DataFrame
    effects: pd.DataFrame


def price_only(before: pd.DataFrame, after: pd.DataFrame, columns: Sequence[str]) -> pd.Series:
    """Rows in which two plans differ by their price and by nothing else that is decided, (rows,)."""
    others = [name for name in columns if name != "price"]
    apart = (before[others] - after[others]).abs().gt(1e-12).any(axis=1) if others else pd.Series(False, before.index)
    return (before["price"] - after["price"]).abs().gt(1e-12) & ~apart


def answer(
    before: pd.DataFrame,
    after: pd.DataFrame,
    plans: tuple[pd.DataFrame, pd.DataFrame],
    columns: Sequence[str],
    response: PriceResponse | None,
) -> Answer:
    """Put the measured effect of a price in the place of the models'.

    Parameters
    ----------
    before, after : forecast tables of the same rows under the run's plan and the other one.
    plans : ``unique_id, ds`` and ``columns`` of the same rows under both.
    columns : what the shop decides.
    response : None, or one with a reason why it cannot be used, leaves the models' own answer.
    """
    names = ["elasticity", "sd", "models", "low", "high", "slope", "shared", "beyond"]
    nothing = pd.DataFrame(columns=names, index=pd.Index([], name="unique_id"), dtype="float64")
    if response is None or response.reason or "price" not in columns:
        return Answer(after, nothing)
    only = price_only(*plans, columns).to_numpy()
    told = plans[0][KEYS].assign(only=only, one=plans[0]["price"], other=plans[1]["price"].to_numpy())
    rows = before[[*KEYS, "mean"]].merge(told, on=KEYS, how="left", validate="one_to_one")
    models = after[KEYS].merge(rows[KEYS], on=KEYS, how="right").shape[0] and _aligned(after, before)
    known = rows["unique_id"].map(response.table["elasticity"])
    usable = rows["only"].fillna(False).astype(bool) & known.notna() & (rows["one"] > 0) & (rows["other"] > 0)
    ends = [np.log(rows["unique_id"].map(response.table[end])) for end in ("low", "high")]
    ends = [ends[0] - np.log(_NEAR), ends[1] + np.log(_NEAR)]
    asked = [np.log(rows[side].where(usable, 1.0)) for side in ("one", "other")]
    held = [each.clip(ends[0], ends[1]) for each in asked]
    move = (held[1] - held[0]).where(usable, 0.0)
    columns_of = ["mean", *quantile_columns(levels_of(before))]
    factor = np.exp(known.fillna(0.0) * move).to_numpy()
    told_after = models.copy()
    place = usable.to_numpy()
    told_after.loc[place, columns_of] = before[columns_of].to_numpy()[place] * factor[place][:, None]
    differs = (models["mean"] - before["mean"].to_numpy()).abs().gt(1e-9).to_numpy() | rows["only"].fillna(False).to_numpy(bool)
    whole = pd.Series(place | ~differs).groupby(rows["unique_id"]).all() & pd.Series(place).groupby(rows["unique_id"]).any()
    ids = whole.index[whole]
    sd = rows["unique_id"].map(response.table["sd"]).fillna(0.0)
    shared = rows["unique_id"].map(response.table["shared"]).fillna(0.0)

    def difference(elasticity: pd.Series) -> pd.Series:
        return (rows["mean"] * np.expm1(elasticity.fillna(0.0) * move)).groupby(rows["unique_id"]).sum()

    sides = [difference(known + sign * _Z * sd) for sign in (-1, 1)]
    slope = rows["mean"] * move * factor
    table = pd.DataFrame(
        {
            "elasticity": response.table["elasticity"].reindex(ids),
            "sd": response.table["sd"].reindex(ids),
            "models": (models["mean"] - before["mean"].to_numpy()).groupby(rows["unique_id"]).sum().reindex(ids),
            "low": np.minimum(*sides).reindex(ids),
            "high": np.maximum(*sides).reindex(ids),
            "slope": slope.groupby(rows["unique_id"]).sum().reindex(ids),
            "shared": shared.groupby(rows["unique_id"]).first().reindex(ids),
            "beyond": ((asked[1] - held[1]).abs() > 1e-9).where(usable, False).groupby(rows["unique_id"]).sum().reindex(ids),
        }
    ).rename_axis("unique_id")
    return Answer(told_after, table)


def _aligned(after: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    return before[KEYS].merge(after, on=KEYS, how="left", validate="one_to_one")


def interval_of_sum(effects: pd.DataFrame, difference: float) -> tuple[float, float]:
    """95 % interval of the difference of all products of ``effects``: their elasticities share the error of the mean."""
    own = np.maximum(effects["sd"] ** 2 - effects["shared"] ** 2, 0.0)
    variance = float((effects["slope"] ** 2 * own).sum() + (effects["slope"] * effects["shared"]).sum() ** 2)
    return difference - _Z * np.sqrt(variance), difference + _Z * np.sqrt(variance)
