"""Price recommendations from a run's panel, whatever columns it has, and the files of the chapter (chapter 13)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.pricing.data import NEVER_VARIED, panel_prices
from salesforecast_lib.decisions.pricing.elasticity import Elasticities, double_ml
from salesforecast_lib.decisions.pricing.plan import empty_plan, recommend, state_today
from salesforecast_lib.decisions.pricing.rules import CHANGES, PlanConfig, PriceRules
from salesforecast_lib.decisions.pricing.shrinkage import shrink
from salesforecast_lib.files import resolve, write_csv, write_json
from salesforecast_lib.wording import counted

BLIND = "nobody drew these prices by lot and no instrument moved them"
WEAK = 10.0  # F of the first stage below which an instrument says too little (Staiger and Stock, 1997)
LEAST_BLOCKS = 8  # four-week blocks of prices; with fewer, season and price cannot be told apart


@dataclass(frozen=True)
class RunPlan:
    """``prices`` (weekly price table), ``estimates``, ``plan`` (`PLAN_COLUMNS`) and ``remark``, the outcome in words.

    Without prices, or with too few weeks, ``plan`` has no rows, ``estimates`` is None and ``remark`` says why.
    ``basis`` says what moved the prices, and with it what may be proposed.
    """

    prices: pd.DataFrame
    estimates: Elasticities | None
    plan: pd.DataFrame
    remark: str
    basis: str = ""

    @property
    def changes(self) -> pd.DataFrame:
        """Rows of the plan that raise or lower a price."""
        return self.plan[self.plan["action"].isin(CHANGES)]

    @property
    def asked(self) -> pd.DataFrame:
        """Rows of the plan that ask for something now: a change, or a test."""
        return self.plan[self.plan["action"].isin((*CHANGES, "test"))]

    def why_none(self) -> str:
        """Why no price is to be changed or tested, in a sentence."""
        if self.plan.empty:
            return self.remark
        counts = self._held().value_counts().head(3)
        reasons = "; ".join(f"{number} {why}" for why, number in counts.items())
        return f"no price change or test is proposed: of {counted(len(self.plan), 'product')} {reasons}"

    def _held(self) -> pd.Series:
        """The reasons of the held prices, without what is special to one product."""
        held = self.plan.loc[self.plan["action"] == "hold", "why"]
        return held.str.replace(r" \(.*\)", "", regex=True)

    def report(self) -> str:
        """``remark``, the number of rows of each action, and on what they rest."""
        lines = [self.remark]
        if len(self.plan):
            lines.append(self.plan["action"].value_counts().to_string())
            lines.append(self.basis)
        return "\n".join(lines)

    def proposals(self, rows: int = 8) -> str:
        """The first ``rows`` changes and tests with their reasons, and how often each reason holds a price."""
        lines = [
            f"{row.action} {row.unique_id}: {row.current_price:.2f} -> {row.proposed_price:.2f}\n    {row.why}"
            for row in self.asked.head(rows).itertuples()
        ]
        reasons = self._held().value_counts()
        return "\n".join([*lines, reasons.to_string() if len(reasons) else "no price is held"])


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
    identified, basis = _basis(estimates, instrument, config.randomised)
    config = replace(config, period="month" if str(meta.get("freq", "D")).startswith("M") else "week")
    state = state_today(data, posterior, config.cost_share)
    plan = recommend(state, posterior, rules, config, panel, group, identified)
    low, high = estimates.interval()
    elasticity = f"mean own elasticity {estimates.mean:.2f} (95 %: {low:.2f} to {high:.2f})"
    remark = f"{elasticity}, {len(plan)} products, by {config.period}"
    return RunPlan(data.table, estimates, plan, remark, basis)


def _basis(estimates: Elasticities, instrument: str, randomised: bool) -> tuple[bool, str]:
    """Whether what moved the prices has nothing to do with demand, and that in words."""
    strength = estimates.first_stage_f
    if instrument and strength < WEAK:
        return False, (
            f"the instrument {instrument} hardly moves the prices (F {strength:.1f}, at least {WEAK:.0f} is needed): a "
            "change of price is a test, not advice"
        )
    if instrument:
        return True, (
            f"the instrument {instrument} moves the prices (F {strength:.0f}) and, you say, nothing else: a change is "
            "advised where the whole interval of its profit is above zero; the rest is a test"
        )
    if randomised:
        return True, (
            "past prices were drawn by lot, you say: a change is advised where the whole interval of its profit is "
            "above zero; the rest is a test"
        )
    return False, (
        f"{BLIND}, so demand may have moved them: a change of price is a test, not advice (-p randomised_prices=true "
        "or -p instrument=COLUMN says otherwise)"
    )


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
    folder, basis = resolve(run_dir), found.basis
    if basis.startswith(BLIND) and "double ML" in scores.index:
        held, shops = (int(scores.loc["double ML", name]) for name in ("covered", "shops"))
        basis += f"; the interval of such an estimate held the truth in {held} of {counted(shops, 'simulated shop')}"
    numbers = {
        "bias": {str(name): float(value) for name, value in scores["bias"].items()},
        "covered": {str(name): int(value) for name, value in scores["covered"].items()},
        "shops": int(scores["shops"].max()),
        "regret": {str(name): float(value) for name, value in regret.items()},
        "run_mean_elasticity": None if found.estimates is None else found.estimates.mean,
        "run_products": len(found.plan),
        "run_changes": len(found.changes),
        "run_tests": int((found.plan["action"] == "test").sum()),
        "run_tests_later": int((found.plan["action"] == "test later").sum()),
        "cost_share": config.cost_share,
        "basis": basis,
        "reason": "" if len(found.asked) else found.why_none(),
    }
    return write_csv(found.plan, folder / "prices.csv"), write_json(numbers, folder / "pricing.json")
