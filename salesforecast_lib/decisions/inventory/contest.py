"""The contest of policies: played on the same months, chosen on the earlier ones, judged on the last (chapter 08)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy import stats

from salesforecast_lib.decisions.inventory.case_study import Case, model_run, naive_levels, trailing
from salesforecast_lib.decisions.inventory.orders import (
    article_rule,
    forecast_arrays,
    order_up_to,
    order_up_to_level,
    rolling_moments,
)
from salesforecast_lib.decisions.inventory.player.policy import PlayerPolicy
from salesforecast_lib.decisions.inventory.policies import (
    ForecastPaths,
    LookaheadPolicy,
    MixedPolicy,
    cheapest_so_far,
    economic_lot,
    fixed_quantity,
    path_levels,
)
from salesforecast_lib.decisions.inventory.simulator import (
    ArrivalPolicy,
    Policy,
    SimulationConfig,
    SimulationResult,
    simulate,
)
from salesforecast_lib.wording import counted

MIXED = "chosen per product"
PLAYER, BOTH = "stock player, own demand", "stock player and forecast"
USUAL = "order-up-to from quantiles"  # where no earlier month tells which policy is cheap
ARTICLE = ("article, as printed", "article, repaired")
LEVEL = 0.015  # as in `evaluation.verdicts`; importing that would make every network's code one of this chapter's
SAME = 0.005  # relative cost by which another processor moves a trained forecast: closer is no reason to change
SIMPLE = ("SeasonalNaive", "WindowAverage")  # forecasts that anybody can make; the rule of thumb is the third

Runs = Mapping[str, SimulationResult]


def named_policies(
    case: Case,
    model: str,
    config: SimulationConfig,
    service_level: float,
    seed: int = 0,
    prior_correlation: float = 0.1,
) -> dict[str, Policy | ArrivalPolicy]:
    """The policies of chapter 08 for the periods of a case, those with a forecast driven by ``model``.

    The reorder point knows no forecast: mean and standard deviation of the last eight seasons (at most 26 periods of
    weekly data), safety stock for the protection interval, and one review period's mean demand on top. The stock
    player forecasts demand itself, from days or weeks; it is not there for other periods, nor in the first weeks.

    Parameters
    ----------
    prior_correlation : of forecast errors, for the first cutoff of the case; see `ForecastPaths`.
    """
    _, _, arrays = forecast_arrays(case.forecasts, model)
    mean, sd = rolling_moments(arrays, config.protection, case.season, prior_correlation)
    past = trailing(case, min(8 * case.season, 56 if case.season == 7 else 26, case.history.shape[1]))
    usual, spread = past.mean(axis=2), past.std(axis=2)
    z = stats.norm.ppf(service_level)
    point = usual * config.protection + z * spread * np.sqrt(config.protection)
    forecast = ForecastPaths(arrays, case.season, config.protection, seed=seed, prior_correlation=prior_correlation)
    lots = economic_lot(usual.mean(axis=1), config.order_cost, config.holding, config.review_period)
    policies: dict[str, Policy | ArrivalPolicy] = {
        USUAL: order_up_to(order_up_to_level(mean, sd, service_level)),
        "article, as printed": article_rule(mean, repaired=False),
        "article, repaired": article_rule(mean, repaired=True),
        "reorder point from history (s, S)": order_up_to(point + usual * config.review_period, point),
        "reorder point and lots (s, Q)": fixed_quantity(point, lots),
        "newsvendor, normal": order_up_to(mean + z * sd),
        "order-up-to from paths (R, S)": order_up_to(path_levels(forecast, config, mean.shape[1], service_level)),
        "look-ahead on paths": LookaheadPolicy(forecast, config),
    }
    if case.past.plays(case.history.shape[1]):
        player = PlayerPolicy(case.past, case.history.shape[1], config)
        policies |= {PLAYER: player, BOTH: player.beside(forecast.mean)}
    return policies


def horizon_of(case: Case, model: str) -> int:
    """Periods of one forecast: what one month of the contest is."""
    return int(forecast_arrays(case.forecasts, model)[2]["mean"].shape[2])


def play(case: Case, model: str, config: SimulationConfig, service_level: float, seed: int = 0) -> Runs:
    """Run every policy over the case's months, and last *chosen per product*.

    It takes in each month what was cheapest for the product in the months before.
    """
    policies = named_policies(case, model, config, service_level, seed)
    runs = {name: simulate(case.demand, policy, case.initial_stock, config) for name, policy in policies.items()}
    candidates = [name for name in policies if name not in ARTICLE]
    horizon = horizon_of(case, model)
    choice = cheapest_so_far({name: runs[name] for name in candidates}, horizon)
    chosen = MixedPolicy([policies[name] for name in candidates], choice, horizon)
    runs[MIXED] = simulate(case.demand, chosen, case.initial_stock, config)
    return runs


def cost_table(runs: Runs) -> pd.DataFrame:
    """Cost, fill rate and turnover over all months, a row a ``policy``."""
    return pd.DataFrame({name: run.summary() for name, run in runs.items()}).T.rename_axis("policy").reset_index()


def compare_policies(
    case: Case, model: str, config: SimulationConfig, service_level: float, seed: int = 0
) -> pd.DataFrame:
    """Cost table of the policies of chapter 08, those with a forecast driven by ``model``; see `play`."""
    return cost_table(play(case, model, config, service_level, seed))


def months(runs: Runs, horizon: int) -> pd.DataFrame:
    """Cost of each policy in the ``earlier`` months and in the ``last``; the last decides nothing."""
    periods = next(iter(runs.values())).demand.shape[1]
    cut = periods - horizon
    rows = {n: (run.cost_by_product(0, cut).sum(), run.cost_by_product(cut).sum()) for n, run in runs.items()}
    return pd.DataFrame(rows, index=["earlier", "last"]).T.rename_axis("policy")


def cheapest_before(runs: Runs, horizon: int) -> str:
    """The policy that was cheapest in all months before the last.

    The usual one where there is no earlier month, or where it is as cheap but for what another processor would change.
    The article's rules do not compete.
    """
    cost = months({name: run for name, run in runs.items() if name not in ARTICLE}, horizon)["earlier"]
    return USUAL if cost[USUAL] <= cost.min() * (1 + SAME) else str(cost.idxmin())


def simple_rules(case: Case, config: SimulationConfig, service_level: float) -> Runs:
    """Runs of what a shop can do without any model: the rule of thumb, and order-up-to from simple forecasts."""
    thumb = order_up_to(naive_levels(case, config.protection))
    runs = {"rule of thumb": simulate(case.demand, thumb, case.initial_stock, config)}
    there = set(case.forecasts["model"].unique())
    return runs | {name: model_run(case, name, config, service_level) for name in SIMPLE if name in there}


def best_rule(cost: pd.Series) -> str:
    """The cheapest rule that needs no model, of costs by name as in `compare`."""
    return str(cost.reindex(["rule of thumb", *SIMPLE]).dropna().idxmin())


def choice_sentences(runs: Runs, simple: Runs, chosen: str, horizon: int) -> list[str]:
    """What the plan follows, what that saved in the last month, and against whom.

    All were chosen on the earlier months, the simple rule too; nothing was chosen on the last.
    """
    ours, theirs = months(runs, horizon), months(simple, horizon)
    span = next(iter(runs.values())).demand.shape[1]
    if span <= horizon:
        return [f"the plan follows {chosen!r}: with one month of forecasts there is no earlier one to choose on"]
    best = best_rule(theirs["earlier"])
    before = counted((span - horizon) / horizon, "month")
    cheaper = ours.loc[chosen, "earlier"] > ours["earlier"].drop(list(ARTICLE)).min()
    why = f"no other was cheaper by more than {100 * SAME} %" if cheaper else "the cheapest"
    lines = [f"the plan follows {chosen!r}: {why} in the {before} before the last"]
    references = {USUAL: ours.loc[USUAL, "last"], f"the best simple rule ({best})": theirs["last"][best]}
    after = best_rule(theirs["last"])
    if after != best:
        references[f"the simple rule that turned out best there ({after})"] = theirs["last"][after]
    for reference, cost in references.items():
        if reference != chosen:
            lines.append(_against(float(ours.loc[chosen, "last"] / cost - 1), reference))
    cheapest = str(ours["last"].drop(list(ARTICLE)).idxmin())
    change = 1 - float(ours.loc[cheapest, "last"] / max(ours.loc[chosen, "last"], 1e-9))
    if change > SAME:
        lines.append(f"known only afterwards, {cheapest!r} was the cheapest there: {100 * change:.1f} % less to pay")
    return lines


def _against(change: float, reference: str) -> str:
    if abs(change) <= LEVEL:
        return f"in the last month, which chose nothing, it cost about as much as {reference}"
    word = "less" if change < 0 else "more"
    return f"in the last month, which chose nothing, it cost {100 * abs(change):.1f} % {word} than {reference}"


def policy_today(
    name: str, case: Case, model: str, config: SimulationConfig, service_level: float, correlation: float, runs: Runs,
    played: Sequence[str], seed: int = 0,
) -> Policy | ArrivalPolicy:  # fmt: skip
    """The policy ``name`` on the first period after the end of the data, of a case that `case_ahead` makes.

    Parameters
    ----------
    correlation : of the forecast's errors at the newest cutoff whose sales are known.
    runs, played : runs of the contest and its products: which policy each product follows where each has its own.
        A product that was not played follows the usual one.
    """
    policies = named_policies(case, model, config, service_level, seed, correlation)
    if name != MIXED:
        return policies[name]
    candidates = [n for n in policies if n not in ARTICLE and n in runs]
    costs = pd.DataFrame({n: runs[n].cost_by_product() for n in candidates}, index=list(played))
    best = costs.to_numpy().argmin(axis=1)
    choice = pd.Series(best, index=costs.index).reindex(case.ids).fillna(candidates.index(USUAL)).to_numpy(int)
    return MixedPolicy([policies[n] for n in candidates], choice[:, None], horizon_of(case, model))


def ask(policy: Policy | ArrivalPolicy, stock: np.ndarray, lead_time: int) -> np.ndarray:
    """Whole units that a policy orders in the first period with ``stock`` on the shelf and nothing on the way."""
    if isinstance(policy, ArrivalPolicy):
        wanted = policy.order(0, stock, np.zeros((len(stock), lead_time)))
    else:
        wanted = policy(0, stock, stock)
    return np.ceil(np.maximum(wanted, 0.0) - 1e-9)


def level_today(policy: Policy | ArrivalPolicy, products: int, lead_time: int) -> np.ndarray:
    """Units up to which a policy fills the shelf, (products,): beyond it nothing is ordered.

    The stock at which it stops ordering, found by doubling and halving, or stock and order just below that, whichever
    is more: a policy that waits for a reorder point fills the shelf further than the point.
    """
    low, high = np.full(products, -1.0), np.ones(products)
    for _ in range(40):
        more = ask(policy, high, lead_time) > 0
        if not more.any():
            break
        low, high = np.where(more, high, low), np.where(more, 2 * high, high)
    while (high - low > 1).any():
        middle = np.floor((low + high) / 2)
        more = ask(policy, np.maximum(middle, 0.0), lead_time) > 0
        low, high = np.where(more, middle, low), np.where(more, high, middle)
    below = np.maximum(low, 0.0)
    return np.where(low < 0, 0.0, np.maximum(high, below + ask(policy, below, lead_time)))
