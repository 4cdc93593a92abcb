"""Do promised effects come true? The newest weeks are held out, and what they do not confirm is not promised.

The best of many options looks better than it is. Effects of single products are already drawn towards those of all
(`product_effects`); here the earlier weeks promise, the held-out weeks answer, and the share that came true shrinks
what the plan may promise (chapter 12).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.panel_regression import clustered, within
from salesforecast_lib.decisions.promotions.effects import PromotionWeeks, two_way_effects, varying
from salesforecast_lib.decisions.promotions.product_effects import ProductEffects, product_effects
from salesforecast_lib.wording import counted

HELD_OUT = 0.25  # share of the weeks, the newest
LOT = "effects rest on weeks that nobody drew by lot: begin with the first rows, in half of the weeks, and compare"
LEAST_WEEKS = 8  # on either side of the cut


@dataclass(frozen=True)
class Recheck:
    """What the held-out weeks left of the effects of the earlier ones; one number an effect, 0 to 1.

    Parameters
    ----------
    names : effects. ``common`` : share of the mean effect that came true. ``own`` : share of the differences between
        products that came true. ``weeks`` : weeks held out; 0 where the history is too short to hold any out.
    """

    names: tuple[str, ...]
    common: np.ndarray
    own: np.ndarray
    weeks: int

    def words(self, kinds: Sequence[str]) -> str:
        """A sentence a kind."""
        if not self.weeks:
            return "The history is too short to hold weeks out: all products are taken to answer alike."
        lines = [
            f"{name}: {common:.0%} of its mean effect and {own:.0%} of the differences between products came true in "
            f"{counted(self.weeks, 'held-out week')}."
            for name, common, own in zip(self.names, self.common, self.own, strict=True)
            if name in kinds or name == "depth"
        ]
        return "\n".join(lines)

    def table(self) -> pd.DataFrame:
        """``effect, common, own``."""
        return pd.DataFrame({"effect": self.names, "common": self.common, "own": self.own})


def recheck(weeks: PromotionWeeks, names: Sequence[str], share: float = HELD_OUT) -> Recheck:
    """Regress the sales of the held-out weeks on what the earlier weeks promise of them.

    The promise has two parts for each effect: the dose times the mean effect, and the dose times what the product
    differs from it. Their slopes, cut to 0 to 1, are the shares that came true; a slope that lies no standard error
    above zero counts as none. Levels of products and weeks are taken out of both sides.

    Parameters
    ----------
    names : columns of ``weeks.table``. ``share`` : of the weeks, the newest, that are held out.
    """
    dates = np.sort(weeks.table["week"].unique())
    late = int(share * len(dates))
    short = Recheck(tuple(names), np.ones(len(names)), np.zeros(len(names)), 0)
    if min(late, len(dates) - late) < LEAST_WEEKS:
        return short
    new = weeks.table["week"] >= dates[-late]
    early = PromotionWeeks(weeks.table[~new].reset_index(drop=True), weeks.kinds)
    if varying(early, names) != tuple(names):
        return short
    centre = two_way_effects(early, names).estimate  # (effects,)
    found = product_effects(early, names)
    rows = weeks.table[new & weeks.table["unique_id"].isin(found.ids)].dropna(subset=[*names, "relative"])
    if rows["unique_id"].nunique() < 2:
        return short
    differ = found.mean[pd.Index(found.ids).get_indexer(rows["unique_id"])] - found.mean.mean(0)  # (rows, effects)
    dose = rows[list(names)].to_numpy(float)
    product, week = pd.factorize(rows["unique_id"])[0], pd.factorize(rows["week"])[0]
    flat = within(np.column_stack([dose * centre, dose * differ, rows["relative"]]), product, week)
    x, y = flat[:, :-1], flat[:, -1]
    slope = np.linalg.lstsq(x, y, rcond=None)[0]
    error = np.sqrt(np.maximum(np.diag(clustered(x, y - x @ slope, product, week)), 0.0))
    error = np.where(np.abs(x).max(0) > 1e-9, error, np.inf)  # nothing to confirm it with
    kept = np.where(slope > error, np.clip(slope, 0.0, 1.0), 0.0)
    return Recheck(tuple(names), kept[: len(names)], kept[len(names) :], late)


def confirmed(products: ProductEffects, checked: Recheck) -> ProductEffects:
    """The products' effects with the mean and the differences from it shrunk to what came true.

    Raises
    ------
    ValueError
        When the two are about different effects.
    """
    if products.names != checked.names:
        raise ValueError(f"effects of {products.names} against a check of {checked.names}: expected the same")
    centre = products.mean.mean(0)
    return replace(products, mean=checked.common * centre + checked.own * (products.mean - centre))
