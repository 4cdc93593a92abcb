"""The chapter's case: the weeks to learn from or their stand-in, the three doubts, and the plans beside the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.marketplace.simulate import Marketplace
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import prepare
from salesforecast_lib.decisions.driving import read_forecasts
from salesforecast_lib.decisions.promotions.checks import double_ml, placebo_effects
from salesforecast_lib.decisions.promotions.coupons import coupon_effects, journey_campaigns
from salesforecast_lib.decisions.promotions.effects import (
    Effects,
    PromotionWeeks,
    cannibalised_share,
    promotion_kinds,
    promotion_weeks,
    two_way_effects,
    varying,
    with_rivals,
    with_shifts,
)
from salesforecast_lib.decisions.promotions.options import (
    PromotionCosts,
    coming_weeks,
    empty_plan,
    own_options,
    promotion_plan,
)
from salesforecast_lib.decisions.promotions.plan import PlanRules, deepest_on_bestsellers, random_plan
from salesforecast_lib.decisions.promotions.product_effects import product_effects
from salesforecast_lib.decisions.promotions.recheck import LOT, Recheck, confirmed, recheck
from salesforecast_lib.decisions.promotions.truth import true_profit
from salesforecast_lib.files import resolve, write_csv, write_json
from salesforecast_lib.wording import counted, listed

LEAST_PRODUCTS = 3  # with every week
_AROUND = (-2, -1, 0, 1, 2)


@dataclass(frozen=True)
class ShownWeeks:
    """Weeks that the chapter learns from: the run's ``own``, or those of a simulated shop; ``note`` says which.

    ``depth`` holds the column of the discount where one is recorded and varies, else nothing; ``reason`` why the run's
    own weeks cannot be learned from, empty where they can.
    """

    weeks: PromotionWeeks
    depth: tuple[str, ...]
    own: bool
    note: str
    reason: str = ""


def whole_products(weeks: PromotionWeeks) -> PromotionWeeks:
    """The products that have every week: placebo plans and tables of products by weeks need them."""
    table = weeks.table
    size = table.groupby("unique_id", observed=True)["week"].transform("size")
    return PromotionWeeks(table[size == table["week"].nunique()].reset_index(drop=True), weeks.kinds)


def shown_weeks(panel: pd.DataFrame, meta: Mapping[str, Any]) -> ShownWeeks:
    """The run's weeks, or a simulated shop's where the run's data record no promotion to learn from.

    Three products with every week are the least, and the first kind has to vary among them.
    """
    weeks = promotion_weeks(panel, meta)
    reason = _too_little(weeks, panel, meta)
    note = f"{meta['dataset']}: {weeks.table['unique_id'].nunique()} products, {weeks.table['week'].nunique()} weeks"
    if reason:
        found = prepare("marketplace", PanelConfig(n_series=60), 28)
        weeks = promotion_weeks(found.panel, found.meta)
        note = f"No promotions for this run: {reason}. promotions.csv stays empty; what follows is simulated."
    return ShownWeeks(weeks, varying(weeks, ["depth"]), not reason, note, reason)


def _too_little(weeks: PromotionWeeks, panel: pd.DataFrame, meta: Mapping[str, Any]) -> str:
    """Why nothing can be learned from these weeks; empty where it can."""
    planned = promotion_kinds(panel, meta["future"])
    if not planned:
        return "these data record no promotion that is planned ahead, such as displays or mailers"
    if not weeks.kinds:
        return f"{listed(planned)} never differ between products and weeks, so their effect cannot be seen"
    whole = whole_products(weeks)
    products = whole.table["unique_id"].nunique()
    if products < LEAST_PRODUCTS:
        return f"{counted(products, 'product')} with sales in every week; at least {LEAST_PRODUCTS} are needed"
    if not varying(whole, weeks.kinds[:1]):
        return f"{weeks.kinds[0]} never differs between the products that have every week"
    if meta["dataset"] != "complete_journey" and weeks.table["price"].notna().sum() == 0:
        return "no price is recorded, so that no profit can be worked out"
    return ""


def check_table(
    shown: ShownWeeks, effects: Effects, package: Effects, repeats: int = 50, seed: int = 0
) -> pd.DataFrame:
    """Three checks of each kind's effect beside its estimate.

    Returns
    -------
    ``effect, estimate, low, high`` (two-way, with the discount held fixed), ``double_ml, dml_low, dml_high``,
    ``package`` (with the discount that comes with it), ``placebo`` (mean over wrong plans) and ``placebo_90`` (nine of
    ten wrong plans find less).
    """
    weeks, kinds = shown.weeks, list(shown.weeks.kinds)
    placebo = placebo_effects(weeks, kinds, repeats, seed)
    lagged, before = with_shifts(weeks, "relative", (1, 2))
    forest = double_ml(lagged, kinds, [*shown.depth, *before], seed)
    table = effects.table().head(len(kinds))[["effect", "estimate", "low", "high"]]
    table = table.assign(double_ml=forest.estimate, dml_low=forest.table()["low"], dml_high=forest.table()["high"])
    table["package"], table["placebo"] = package.estimate, placebo.mean(axis=0)
    table["placebo_90"] = np.quantile(np.abs(placebo), 0.9, axis=0)
    return table


def weeks_around(weeks: PromotionWeeks) -> pd.DataFrame:
    """Effect of each kind in the two weeks before, in its own and in the two weeks after: ``kind, week`` and the rest.

    The doses of the five weeks are estimated together, the other kinds held fixed.
    """
    parts = []
    for kind in weeks.kinds:
        shifted, moved = with_shifts(weeks, kind, _AROUND)
        others = [other for other in weeks.kinds if other != kind]
        found = two_way_effects(shifted, [*moved, *others]).table().head(len(_AROUND))
        parts.append(found.assign(kind=kind, week=_AROUND))
    return pd.concat(parts, ignore_index=True)


def rival_table(weeks: PromotionWeeks) -> pd.DataFrame:
    """Effects of the own doses and of those of the category's other products; no rows where they cannot be told."""
    added, others = with_rivals(weeks)
    kept = varying(added, others, weeks.kinds)
    effects = two_way_effects(added, [*weeks.kinds, *kept]).table()
    return effects if kept else effects.head(0)


@dataclass(frozen=True)
class NewShare:
    """Shares of what ``kind`` adds that come from ``rivals`` (``low`` to ``high``) and from ``later`` weeks.

    ``rivals`` is not a number where the data cannot tell rivals apart; it then counts as zero.
    """

    kind: str
    rivals: float
    low: float
    high: float
    later: float

    @property
    def kept(self) -> float:
        """Share of the extra units that is new, 0 to 1."""
        taken = max(self.rivals, 0.0) if np.isfinite(self.rivals) else 0.0
        return float(np.clip(1 - taken - max(self.later, 0.0), 0.0, 1.0))


def new_share(weeks: PromotionWeeks, effects: Effects, around: pd.DataFrame) -> NewShare:
    """`NewShare` of the kind with the largest effect."""
    kind = weeks.kinds[int(np.argmax(effects.estimate[: len(weeks.kinds)]))]
    found = around[around["kind"] == kind].set_index("week")["estimate"]
    return NewShare(kind, *cannibalised_share(weeks, kind), float(-found[[1, 2]].sum() / found[0]))


def coupon_table(dataset: str) -> pd.DataFrame:
    """`coupon_effects` of The Complete Journey's campaigns; no rows for other data, which hold none."""
    if dataset != "complete_journey":
        return pd.DataFrame()
    return coupon_effects(journey_campaigns(), ("Type A", "Type B", "Type C"))


def plan_profits(
    market: Marketplace,
    plans: Mapping[str, pd.DataFrame],
    options: pd.DataFrame,
    rules: PlanRules,
    size: pd.Series,
    start: pd.Timestamp,
    periods: int,
    fee: float,
    seed: int = 0,
) -> dict[str, float]:
    """Profit that each plan adds in truth, with two that need no model: deepest on best-sellers, and ten by lot.

    ``size`` is units by ``unique_id``; the other arguments are those of `true_profit` and `greedy_plan`.
    """
    rng = np.random.default_rng(seed)
    every = {**plans, "deepest on best-sellers": deepest_on_bestsellers(options, rules, size)}
    chance = [random_plan(options, rules, rng) for _ in range(10)]
    without = true_profit(market, options.head(0), start, periods, fee)
    profit = {name: true_profit(market, plan, start, periods, fee) - without for name, plan in every.items()}
    lots = [true_profit(market, plan, start, periods, fee) - without for plan in chance]
    return {**profit, "random (mean of 10)": float(np.mean(lots))}


def run_plan(
    run_dir: str | Path,
    shown: ShownWeeks,
    effects: Effects,
    costs: PromotionCosts,
    rules: PlanRules,
    model: str,
    daily: bool,
    seed: int = 0,
    checked: Recheck | None = None,
) -> pd.DataFrame:
    """The plan for the run's own products, from its newest forecast and each product's effects; empty for a stand-in.

    ``checked`` : what held-out weeks confirm; by default `recheck` of the shown weeks.

    Raises
    ------
    FileNotFoundError
        When chapter 07 has not run yet.
    ValueError
        When ``model``, upper and lower case alike, has no forecast, or none beyond the data.
    """
    if not shown.own:
        return empty_plan()
    coming = coming_weeks(*read_forecasts(run_dir, model), daily)
    own = confirmed(product_effects(shown.weeks, effects.names), checked or recheck(shown.weeks, effects.names))
    return promotion_plan(own_options(shown.weeks, effects, coming, costs, seed=seed, products=own), rules, costs)


def why_none(plan: pd.DataFrame, shown: ShownWeeks) -> str:
    """Why no promotion is proposed, in a sentence; empty where one is."""
    if len(plan):
        return ""
    return shown.reason or "no promotion is proposed: none pays at the lower end of its 90 % interval too"


def write_promotions(
    run_dir: str | Path,
    plan: pd.DataFrame,
    profit: Mapping[str, float],
    shown: ShownWeeks,
    effects: Effects,
    share: NewShare,
    model: str = "",
    checked: Recheck | None = None,
) -> None:
    """Write ``promotions.csv`` and ``promotions.json``; the effects of a stand-in are not written.

    The report gives the reason of an empty plan, and the ``model`` whose forecast the plan of own products reads.
    """
    write_csv(plan, resolve(run_dir) / "promotions.csv")
    result: dict[str, Any] = {"simulated": True, "promotion_profit": dict(profit), "reason": why_none(plan, shown)}
    if shown.own:
        if model:
            result["model"] = read_forecasts(run_dir, model)[1]  # as the forecasts call it
        if len(plan):
            result["effects_rest_on"] = LOT
        if checked is not None:
            result["recheck"] = {"weeks": checked.weeks, "effects": checked.table().to_dict("records")}
        result["uplift"] = {"beyond_discount": effects.table().to_dict("records"), "kept": share.kept}
    write_json(result, resolve(run_dir) / "promotions.json")
