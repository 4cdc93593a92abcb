"""The answer to another price: the forecast under the run's plan, times what the price was measured to do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib import levels_of, quantile_columns
from salesforecast_lib.decisions.whatif.response import PriceResponse, measure_response
from salesforecast_lib.decisions.whatif.support import NEAR
from salesforecast_lib.wording import counted

KEYS = ["unique_id", "ds"]
_Z = 1.959963984540054  # standard deviations of a 95 % interval


@dataclass(frozen=True)
class Answer:
    """The forecast under the other plan, with the measured response to prices.

    Parameters
    ----------
    after : forecast table. Rows in which the price alone differs, or only their rivals' prices do, have the forecast
        under the run's plan times the measured effect, quantiles as well; all others are the models' own.
    effects : index ``unique_id`` of the products whose difference is the measured one throughout: ``elasticity`` (not a
        number where only its rivals' prices differ), ``own`` (whether it changed its price before), ``models``
        (difference in units that the models gave), ``units_low, units_high`` (95 % interval of the difference, of the
        prices' effect alone), ``beyond`` (periods whose price lies beyond what was tried), and for `sum_interval`
        ``slope, own_sd, shared, rivals``.
    response : what the effects rest on; None where no row differs by its price alone.
    """

    after: pd.DataFrame
    effects: pd.DataFrame
    response: PriceResponse | None = None

    def notes(self) -> list[str]:
        """What should be said of the answer to prices, in sentences."""
        if self.response is None:
            return []
        if self.response.reason:
            return [f"prices: {self.response.reason}: their effect is what the models make of it, likely too small"]
        mean, half = self.response.mean, _Z * self.response.mean_se
        rivals = f"; {self.response.cross:+.1f} to their rivals' prices" if self.response.cross else ""
        asked = self.effects[self.effects["elasticity"].notna()]
        notes = [
            f"prices: the size of their effect is measured on the changes of price of "
            f"{counted(self.response.measured, 'product')} (elasticity {mean:.1f}, 95 %: {mean - half:.1f} to "
            f"{mean + half:.1f}{rivals}); the models, which shrink it, gave {asked['models'].sum():+,.1f} units"
        ]
        lent, beyond = int((asked["own"] < 1).sum()), int((asked["beyond"] > 0).sum())
        if lent:
            notes.append(f"prices: {counted(lent, 'product')} never changed theirs: the effect is that of the others")
        if beyond:
            notes.append(
                f"prices: {counted(beyond, 'product')} would be sold at a price that was never tried: its effect stops "
                "at the last tried one, so it is a least size"
            )
        return notes


def answer(
    panel: pd.DataFrame,
    before: pd.DataFrame,
    after: pd.DataFrame,
    plans: tuple[pd.DataFrame, pd.DataFrame],
    columns: Sequence[str],
    freq: str,
    group: str = "",
) -> Answer:
    """Put the measured effect of prices in the place of the models', where a price is all that two plans differ in.

    Models that forecast shrink what they saw seldom, so their answer to a price is too small. Promotions stay theirs.

    Parameters
    ----------
    panel : the history, as `measure_response` reads it.
    before, after : forecast tables of the same rows under the run's plan and the other one.
    plans : ``unique_id, ds`` and ``columns`` of the periods ahead under both, the same rows.
    columns : what the shop decides.
    group : static column whose products are rivals; empty for none.
    """
    nothing = pd.DataFrame({name: pd.Series(dtype=float) for name in _EFFECTS}).rename_axis("unique_id")
    if "price" not in columns or "price" not in panel:
        return Answer(after, nothing)
    rows = _aligned(before, after, plans, columns)
    if not rows["only"].any():
        return Answer(after, nothing)
    asked = rows.loc[rows["only"], "unique_id"].unique()
    controls = [name for name in columns if name not in ("price", "open") and name in panel]
    response = measure_response(panel, controls, freq, group, asked)
    if response.reason:
        return Answer(after, nothing, response)
    told = response.table.reindex(rows["unique_id"])
    ends = [np.log(told[end].to_numpy()) + sign * np.log1p(NEAR) for end, sign in (("low", -1), ("high", 1))]
    moves = [np.log(rows[side].where(rows["only"], 1.0).to_numpy()) for side in ("price_before", "price_after")]
    held = [np.clip(each, *ends) for each in moves]
    rows["move"] = np.where(rows["only"], held[1] - held[0], 0.0)
    rows["beyond"] = rows["only"] & (np.abs(moves[1] - held[1]) > 1e-9)
    rows["rivals"] = response.rivals(rows)
    rows["log"] = np.nan_to_num(told["elasticity"].to_numpy()) * rows["move"] + response.cross * rows["rivals"]
    measured = (rows["only"] | ~rows["differs"]).to_numpy()
    values = ["mean", *quantile_columns(levels_of(before))]
    found = before[KEYS].merge(after, on=KEYS, how="left", validate="one_to_one")
    factor = np.exp(rows["log"].to_numpy())[:, None]
    found[values] = np.where(measured[:, None], before[values].to_numpy() * factor, found[values].to_numpy())
    return Answer(found[list(after)], _effects(rows, measured, response), response)


_EFFECTS = ("elasticity", "own", "models", "units_low", "units_high", "beyond", "slope", "own_sd", "shared", "rivals")


def _aligned(
    before: pd.DataFrame, after: pd.DataFrame, plans: tuple[pd.DataFrame, pd.DataFrame], columns: Sequence[str]
) -> pd.DataFrame:
    """Rows of the forecast with both prices and means; ``differs`` in anything decided, ``only`` in the price."""
    moved = (plans[0][list(columns)] - plans[1][list(columns)].to_numpy()).abs() > 1e-12
    prices = {f"price_{side}": plan["price"].to_numpy() for side, plan in zip(("before", "after"), plans, strict=True)}
    only = moved["price"] & ~moved.drop(columns="price").any(axis=1)
    told = plans[0][KEYS].assign(differs=moved.any(axis=1), only=only, **prices)
    rows = before[[*KEYS, "mean"]].merge(told, on=KEYS, how="left", validate="one_to_one")
    rows = rows.merge(after[[*KEYS, "mean"]], on=KEYS, how="left", suffixes=("", "_models"))
    real = (rows["price_before"] > 0) & (rows["price_after"] > 0)
    flags = rows[["differs", "only"]] == True  # noqa: E712  (a period without a plan is missing)
    return rows.assign(differs=flags["differs"], only=flags["only"] & real)


def _effects(rows: pd.DataFrame, measured: np.ndarray, response: PriceResponse) -> pd.DataFrame:
    """The table ``effects`` of an `Answer`."""
    sold = rows["mean"] * np.exp(rows["log"])
    by = rows.assign(
        measured=measured,
        touched=(rows["log"] != 0) | rows["only"],
        models=rows["mean_models"] - rows["mean"],
        change=sold - rows["mean"],
        slope=sold * rows["move"],
        rivals=sold * rows["rivals"] * response.cross_se,
    ).groupby("unique_id")
    table = by[["models", "change", "slope", "rivals", "beyond"]].sum().astype("float64")
    table = table[by["measured"].all() & by["touched"].any()]
    told = response.table.reindex(table.index)
    asked = by["only"].any().reindex(table.index)
    table["elasticity"] = told["elasticity"].where(asked)
    table["own"] = told["own"].notna().astype("float64")
    table["shared"] = told["shared"].fillna(0.0)
    table["own_sd"] = np.sqrt((told["sd"].fillna(0.0) ** 2 - table["shared"] ** 2).clip(lower=0.0))
    half = _Z * np.sqrt(table["slope"] ** 2 * (table["own_sd"] ** 2 + table["shared"] ** 2) + table["rivals"] ** 2)
    table["units_low"], table["units_high"] = table["change"] - half, table["change"] + half
    return table[list(_EFFECTS)]


def sum_interval(effects: pd.DataFrame, difference: float) -> tuple[float, float]:
    """95 % interval of the sum of all products of ``effects``, whose elasticities share the error of their mean."""
    own = float((effects["slope"] * effects["own_sd"]).pow(2).sum())
    shared = float((effects["slope"] * effects["shared"]).sum()) ** 2 + float(effects["rivals"].sum()) ** 2
    half = _Z * np.sqrt(own + shared)
    return difference - half, difference + half
