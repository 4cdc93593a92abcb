"""Price recommendations for a run: what to ask, what it is expected to earn, and why (chapter 13)."""

from __future__ import annotations

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.pricing.data import NEVER_VARIED, PriceData
from salesforecast_lib.decisions.pricing.demand import draw_elasticities, profit_draws, units_at
from salesforecast_lib.decisions.pricing.experiment import design, first_tests, over_cost, period_noise, why_of
from salesforecast_lib.decisions.pricing.optimise import optimise_category
from salesforecast_lib.decisions.pricing.rules import (
    CHANGES,
    STANDARD_PLAN,
    TESTS,
    PlanConfig,
    PriceRules,
    refuse_customers,
)
from salesforecast_lib.files import empty_table
from salesforecast_lib.wording import counted

PLAN_COLUMNS = (
    *("unique_id", "category", "action", "current_price", "proposed_price", "change_percent", "elasticity"),
    *("elasticity_low", "elasticity_high", "cost", "units_per_period", "profit_per_period", "profit_change"),
    *("profit_change_low", "profit_change_high", "chance_of_gain", "observed_low", "observed_high"),
    *("break_even", "break_even_units", "test_periods", "at_stake", "over_cost", "seen", "moves", "why"),
)
_TEXT = ("unique_id", "category", "action", "over_cost", "why")


def empty_plan() -> pd.DataFrame:
    """A plan without rows: what a shop without prices gets."""
    return empty_table({name: "object" if name in _TEXT else "float64" for name in PLAN_COLUMNS})


def state_today(data: PriceData, posterior: pd.DataFrame, cost_share: float, recent: int = 8) -> pd.DataFrame:
    """Today's state of every product: the median price of its ``recent`` last periods and mean units at that price.

    Returns ``unique_id, category, share, periods, price, cost, units, price_low, price_high, variation`` and the
    columns of `period_noise`.
    """
    rows = data.table.groupby("unique_id", sort=True).tail(recent)
    last = rows.groupby("unique_id", sort=True)
    own = posterior.set_index("unique_id")["own"].clip(upper=0.0)
    whole = data.table.groupby("unique_id", sort=True)["log_price"]
    price = np.exp(last["log_price"].median()).round(2)
    out = data.products.set_index("unique_id").assign(
        price=price, units=units_at(rows, price, own), variation=whole.std()
    )
    out["cost"] = cost_share * out["price"]
    return out.join(period_noise(data)).reset_index()


def recommend(
    state: pd.DataFrame,
    posterior: pd.DataFrame,
    rules: PriceRules,
    config: PlanConfig = STANDARD_PLAN,
    panel: pd.DataFrame | None = None,
    category: str = "",
    identified: bool = False,
) -> pd.DataFrame:
    """One row a product with `PLAN_COLUMNS`: raise, lower, test, test later or hold, and why.

    Products of a category are optimised together at the posterior's means; a change that does not raise the profit of
    its category with probability ``confidence`` is taken back, the least certain first. What is left is a change only
    where the elasticities are ``identified`` and the whole interval of its profit is above zero, at every cost share
    that is held possible; everything else is a test, if one of ``longest_test`` periods can tell.

    Parameters
    ----------
    state : as `state_today` returns; posterior : as `shrinkage.shrink` returns.
    panel, category : with them, products of the panel without a state are listed too, as held.
    identified : what moved the prices is known to have nothing to do with demand: an instrument, or a lot.

    Raises
    ------
    ValueError
        When a column describes customers.
    """
    refuse_customers([*state.columns, *posterior.columns], "price recommendations")
    names = ["own", "own_sd", "cross", "cross_sd", "covariance"]
    table = state.merge(posterior[["unique_id", *names]], on="unique_id", how="left")
    never = ~(table["variation"] >= NEVER_VARIED) | table["own"].isna()
    wrong = ~never & (table["own"] > -0.05)
    usable = table[~never & ~wrong]
    done = [
        over_cost(_category(part.reset_index(drop=True), rules, config), rules, config)
        for _, part in usable.groupby("category", sort=True)
    ]
    held = table[never | wrong]
    rest = held.assign(
        proposed=held["price"], change=0.0, low=0.0, high=0.0, chance=np.nan, over_cost="", steady=True,
        reason=np.where(
            never[held.index], "hold: price never varied", "hold: sales did not fall when the price rose in the data"
        ),
    )  # fmt: skip
    parts = [part for part in (*done, rest) if len(part)]
    if panel is not None:
        parts.append(_unknown(panel[~panel["unique_id"].isin(table["unique_id"])], category))
    everything = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return _write(_actions(design(everything, config.longest_test), config, identified), config)


def _actions(table: pd.DataFrame, config: PlanConfig, identified: bool) -> pd.DataFrame:
    """Adds ``action``, and the reason of what is held although a better price seemed to be there."""
    move = np.sign((table["proposed"] - table["price"]).round(6))
    steady, sure = table["steady"].astype(bool), identified & (table["low"] > 0)
    table = table.assign(wanted=(move != 0) & steady & ~sure & table["test_periods"].notna())
    first = first_tests(table, config.tests)
    action = np.select(
        [(move > 0) & steady & sure, (move < 0) & steady & sure, first, table["wanted"]],
        [*CHANGES, *TESTS],
        "hold",
    )
    unsteady = (
        "hold: what pays depends on what it costs (" + table["over_cost"] + " of the price): set cost_share first"
    )
    noisy = f"hold: its sales are too noisy, a test would take more than {counted(config.longest_test, config.period)}"
    lost = (move != 0) & (action == "hold")
    reason = table["reason"].where(~lost, np.where(steady, noisy, unsteady))
    return table.assign(action=action, reason=reason)


def _unknown(panel: pd.DataFrame, category: str) -> pd.DataFrame:
    """Rows of products with too few units or weeks for an estimate: held at their last price."""
    columns = {"price": ("price", "last"), "price_low": ("price", "min"), "price_high": ("price", "max")}
    rows = panel[panel["price"] > 0].groupby("unique_id", sort=True).agg(**columns).reset_index()
    sold = panel[panel["price"] > 0]
    spread = np.log(sold["price"]).groupby(sold["unique_id"]).std()
    fixed = ~(rows["unique_id"].map(spread) >= NEVER_VARIED)
    group = panel.groupby("unique_id")[category].first() if category else None
    return rows.assign(
        category=rows["unique_id"] if group is None else rows["unique_id"].map(group),
        price=rows["price"].round(2), proposed=rows["price"].round(2), change=0.0, low=0.0, high=0.0,
        cost=np.nan, units=np.nan, own=np.nan, own_sd=np.nan, chance=np.nan, over_cost="", steady=True, noise=np.nan,
        reason=np.where(fixed, "hold: price never varied", "hold: too few units or weeks to learn from"),
    )  # fmt: skip


def _category(part: pd.DataFrame, rules: PriceRules, config: PlanConfig) -> pd.DataFrame:
    """Proposed prices of one category with the change of its profit that each of them makes."""
    own, cross = draw_elasticities(part, config.draws, config.seed)
    today = part["price"].to_numpy()
    best = optimise_category(part, rules).prices
    while True:  # take back, one by one, what is not sure enough
        total = profit_draws(part, best, own, cross).sum(1)
        gain = np.zeros((len(total), len(part)))  # (draws, products): what this one change adds to the category
        for i in np.flatnonzero(np.abs(best - today) > 1e-9):
            without = best.copy()
            without[i] = today[i]
            gain[:, i] = total - profit_draws(part, without, own, cross).sum(1)
        changed = np.abs(best - today) > 1e-9
        chance = np.where(changed, (gain > 0).mean(0), 1.0)
        if chance.min(initial=1.0) >= config.confidence:
            break
        best = best.copy()
        best[chance.argmin()] = today[chance.argmin()]
    low, high = np.quantile(gain, [0.025, 0.975], axis=0)
    reason = np.where(changed, "", "hold: no allowed price is better with enough certainty")
    return part.assign(
        proposed=best, change=gain.mean(0), low=low, high=high, chance=np.where(changed, chance, np.nan), reason=reason
    )


def _write(table: pd.DataFrame, config: PlanConfig) -> pd.DataFrame:
    """The plan's columns with a sentence a row: changes first, then tests, by the money at stake."""
    percent = 100 * (table["proposed"] / table["price"] - 1)
    plan = pd.DataFrame(
        {
            "unique_id": table["unique_id"],
            "category": table["category"],
            "action": table["action"],
            "current_price": table["price"],
            "proposed_price": table["proposed"].round(2),
            "change_percent": percent.round(1),
            "elasticity": table["own"],
            "elasticity_low": table["own"] - 1.96 * table["own_sd"],
            "elasticity_high": table["own"] + 1.96 * table["own_sd"],
            "cost": table["cost"],
            "units_per_period": table["units"],
            "profit_per_period": (table["price"] - table["cost"]) * table["units"],
            "profit_change": table["change"],
            "profit_change_low": table["low"],
            "profit_change_high": table["high"],
            "chance_of_gain": table["chance"],
            "observed_low": table["price_low"].round(2),
            "observed_high": table["price_high"].round(2),
            **{name: table[name] for name in ("break_even", "break_even_units", "test_periods", "at_stake")},
            **{name: table[name] for name in ("over_cost", "seen", "moves")},
            "why": [why_of(row, config) for _, row in table.iterrows()],
        }
    )
    held = plan["action"] == "hold"
    plan.loc[held, "proposed_price"] = plan.loc[held, "current_price"]
    plan.loc[held, ["change_percent", "profit_change", "profit_change_low", "profit_change_high"]] = 0.0
    plan.loc[held, ["break_even", "break_even_units", "test_periods", "at_stake", "chance_of_gain"]] = np.nan
    rank = plan["action"].map({name: k for k, name in enumerate((*CHANGES, *TESTS, "hold"))}).to_numpy()
    rank = np.where(rank == 1, 0, rank)  # raise and lower together
    order = np.lexsort((-np.where(held, 0.0, plan["at_stake"].fillna(0.0)), rank))
    return plan.iloc[order].reset_index(drop=True)[list(PLAN_COLUMNS)]
