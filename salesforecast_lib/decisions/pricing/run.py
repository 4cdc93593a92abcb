"""Price recommendations from a run's panel, whatever columns it has, and the files of the chapter (chapter 13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.pricing.data import NEVER_VARIED, panel_prices
from salesforecast_lib.decisions.pricing.elasticity import Elasticities, double_ml
from salesforecast_lib.decisions.pricing.plan import PlanConfig, empty_plan, recommend, state_today
from salesforecast_lib.decisions.pricing.rules import PriceRules
from salesforecast_lib.decisions.pricing.shrinkage import shrink
from salesforecast_lib.files import resolve, write_csv, write_json
from salesforecast_lib.wording import counted

LEAST_BLOCKS = 8  # four-week blocks of prices; with fewer, season and price cannot be told apart


@dataclass(frozen=True)
class RunPlan:
    """``prices`` (weekly price table), ``estimates``, ``plan`` (`PLAN_COLUMNS`) and ``remark``, the outcome in words.

    Without prices, or with too few weeks, ``plan`` has no rows, ``estimates`` is None and ``remark`` says why.
    """

    prices: pd.DataFrame
    estimates: Elasticities | None
    plan: pd.DataFrame
    remark: str

    @property
    def changes(self) -> pd.DataFrame:
        """Rows of the plan that raise or lower a price."""
        return self.plan[self.plan["action"] != "hold"]

    def why_none(self) -> str:
        """Why no price is changed, in a sentence."""
        if self.plan.empty:
            return self.remark
        commonest = self.plan["why"].value_counts().index[0]
        return f"no price change is proposed: of {counted(len(self.plan), 'product')} most {commonest}"

    def report(self) -> str:
        """``remark``, the number of rows of each action, and how many changes rest on demand that hardly answered."""
        lines = [self.remark]
        if len(self.plan):
            lines.append(self.plan["action"].value_counts().to_string())
        if len(self.changes):
            blind = int(((self.changes["action"] == "raise") & (self.changes["elasticity"] > -1)).sum())
            lines.append(
                f"{blind} of {len(self.changes)} changes raise a price whose elasticity is above -1: there a rule ends "
                "the step, not demand, so they are tests, not recommendations"
            )
        return "\n".join(lines)

    def proposals(self, rows: int = 8) -> str:
        """The first ``rows`` changes with their reasons, and how often each reason holds a price."""
        lines = [
            f"{row.unique_id}: {row.current_price:.2f} -> {row.proposed_price:.2f}\n    {row.why}"
            for row in self.changes.head(rows).itertuples()
        ]
        held = self.plan.loc[self.plan["action"] == "hold", "why"].value_counts()
        return "\n".join([*lines, held.to_string() if len(held) else "no price is held"])


def plan_run(
    panel: pd.DataFrame,
    meta: Mapping[str, Any],
    rules: PriceRules,
    config: PlanConfig,
    category: str = "",
    instrument: str = "",
) -> RunPlan:
    """Estimate the elasticities of a run's products by week and recommend prices.

    Parameters
    ----------
    panel, meta : as `load_panel` returns; ``meta`` names the ``static`` and ``future`` columns.
    category : column whose products are rivals; empty takes the panel's first static column.
    instrument : column that moves the price and nothing else; empty: none.

    Raises
    ------
    ValueError
        As `panel_prices` and `recommend` do.
    """
    reason = _too_little(panel)
    if reason:
        return RunPlan(pd.DataFrame(), None, empty_plan(), f"{reason}: no recommendations")
    statics = [name for name in meta["static"] if name in panel]
    group = category or (statics[0] if statics else "")
    controls = [name for name in meta["future"] if name != "open" and name in panel and name != instrument]
    controls = [name for name in controls if panel[name].std() > 0]
    data = panel_prices(panel, group, controls, instrument)
    blocks = data.table["block"].nunique()
    if blocks < LEAST_BLOCKS:
        reason = f"{blocks} four-week blocks of prices, at least {LEAST_BLOCKS} are needed to tell them from the season"
        if not blocks:
            reason = "no product sold five units a week or more in 26 whole weeks, at prices that changed"
        return RunPlan(data.table, None, empty_plan(), f"{reason}: no recommendations")
    estimates = double_ml(data, instruments=bool(instrument), folds=4, seed=config.seed)
    posterior = shrink(estimates.table)
    plan = recommend(state_today(data, posterior, config.cost_share), posterior, rules, config, panel, group)
    low, high = estimates.interval()
    remark = f"mean own elasticity {estimates.mean:.2f} (95 %: {low:.2f} to {high:.2f}), {len(plan)} products, by week"
    return RunPlan(data.table, estimates, plan, remark)


def _too_little(panel: pd.DataFrame) -> str:
    """Why nothing can be learned from a panel's prices; empty where it is worth trying."""
    if "price" not in panel or not (pd.to_numeric(panel["price"], errors="coerce") > 0).any():
        return "no price in the file: map it with columns={unit_price: …}, or {price: …} for a panel"
    sold = panel[(panel["price"] > 0) & (panel["y"] > 0)]
    spread = np.log(sold["price"].astype(float)).groupby(sold["unique_id"]).std()
    if not (spread >= NEVER_VARIED).any():
        return "no product's price ever changed, so what another price would do cannot be seen"
    weeks = (panel["ds"].max() - panel["ds"].min()).days / 7
    if weeks < 4 * (LEAST_BLOCKS - 1):
        return f"{weeks:.0f} weeks of data; at least {4 * LEAST_BLOCKS} are needed to tell prices from the season"
    return ""


def write_plan(
    run_dir: str | Path, found: RunPlan, scores: pd.DataFrame, regret: pd.Series, config: PlanConfig
) -> tuple[Path, Path]:
    """Write ``prices.csv`` (the plan) and ``pricing.json`` (what the simulated shops showed); returns their paths.

    Parameters
    ----------
    scores : one row an estimator, ``bias, covered, shops``. regret : mean share of profit lost, by method.
    """
    folder = resolve(run_dir)
    numbers = {
        "bias": {str(name): float(value) for name, value in scores["bias"].items()},
        "covered": {str(name): int(value) for name, value in scores["covered"].items()},
        "shops": int(scores["shops"].max()),
        "regret": {str(name): float(value) for name, value in regret.items()},
        "run_mean_elasticity": None if found.estimates is None else found.estimates.mean,
        "run_products": len(found.plan),
        "run_changes": len(found.changes),
        "cost_share": config.cost_share,
        "reason": "" if len(found.changes) else found.why_none(),
    }
    return write_csv(found.plan, folder / "prices.csv"), write_json(numbers, folder / "pricing.json")
