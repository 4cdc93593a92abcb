"""Price tests: what has to be seen for a change to pay, how long a test of it takes, and which tests to run first.

Where prices were not drawn by lot and nothing else moved them from outside, an elasticity is a guess (chapter 13): the
next step is a test. Periods come in pairs; in each pair a coin decides which one asks the new price. The mean
difference of log units within the pairs is the answer, so that level, season and trend drop out.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import t as student

from salesforecast_lib.decisions.pricing.data import PriceData
from salesforecast_lib.decisions.pricing.optimise import optimise_category
from salesforecast_lib.decisions.pricing.rules import CHANGES, PlanConfig, PriceRules
from salesforecast_lib.wording import counted

FALSE_ALARMS, POWER = 0.05, 0.8  # one-sided level, and the chance to see the effect when it is there
FEWEST_PAIRS = 3  # with two pairs a single odd week decides
MOVED = 0.01  # change of the log price that counts as one


def break_even_ratio(price: np.ndarray, proposed: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Units after the change over units before it at which profit stays the same, (products,).

    Below 1 for a raise, above 1 for a cut; infinite where the new price leaves no margin, and 1 where nothing changes.
    """
    margin, new = np.asarray(price - cost, float), np.asarray(proposed - cost, float)
    with np.errstate(divide="ignore", invalid="ignore"):  # a price at its cost has no break-even
        ratio = np.where(new > 1e-9, margin / new, np.inf)
    return np.where(np.abs(proposed - price) < 1e-9, 1.0, np.maximum(ratio, 0.0))


def break_even_elasticity(price: np.ndarray, proposed: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Elasticity at which the change just pays, (products,): a raise pays above it, a cut below it.

    Not a number where the price does not change, minus infinity for a cut to the cost or below it.
    """
    ratio = break_even_ratio(price, proposed, cost)
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.log(ratio) / np.log(np.asarray(proposed, float) / price)
    return np.where(np.abs(proposed - price) < 1e-9, np.nan, found)


def period_noise(data: PriceData) -> pd.DataFrame:
    """How much a product's log units change from one period to the next for reasons other than price and plan.

    The changes between neighbouring periods are freed, by least squares, of the changes of the own and the rivals'
    price and of the controls; their standard deviation is what a pair of test periods has to be told from.

    Returns
    -------
    DataFrame by ``unique_id`` with ``noise`` (log units; not a number with too few pairs of neighbours), ``seen``
    (periods) and ``moves`` (changes of the price of one percent or more).
    """
    names = ["log_price", "rival_price", *data.controls]
    rows = {}
    for unique_id, part in data.table.groupby("unique_id", sort=True):
        step = part["ds"].diff().dt.days.to_numpy()[1:]
        near = step <= 1.5 * np.median(step) if len(step) else np.zeros(0, bool)
        y = np.diff(part["log_units"].to_numpy(float))[near]
        x = np.diff(part[names].to_numpy(float), axis=0)[near]
        moves = int((np.abs(np.diff(part["log_price"].to_numpy(float))) >= MOVED).sum())
        slope, _, rank, _ = np.linalg.lstsq(x, y, rcond=1e-8) if len(y) else (np.zeros(len(names)), 0, 0, 0)
        free = len(y) - rank
        noise = float(np.sqrt(((y - x @ slope) ** 2).sum() / free)) if free >= FEWEST_PAIRS else np.nan
        rows[unique_id] = (noise, len(part), moves)
    return pd.DataFrame.from_dict(rows, orient="index", columns=["noise", "seen", "moves"]).rename_axis("unique_id")


def periods_needed(effect: np.ndarray, noise: np.ndarray, longest: int) -> np.ndarray:
    """Periods of the shortest test that sees ``effect`` (log units) with `POWER` at `FALSE_ALARMS`, (products,).

    Pairs are counted up until ``sqrt(pairs) * effect / noise`` reaches the sum of the two quantiles of Student's t
    (Cohen, 1988); not a number where ``longest`` periods are too few, or the noise is unknown.
    """
    pairs = np.arange(FEWEST_PAIRS, max(longest // 2, FEWEST_PAIRS - 1) + 1)
    effect, noise = np.abs(np.asarray(effect, float)), np.asarray(noise, float)
    if not len(pairs):
        return np.full(effect.shape, np.nan)
    needed = (student.ppf(1 - FALSE_ALARMS, pairs - 1) + student.ppf(POWER, pairs - 1)) / np.sqrt(pairs)
    with np.errstate(invalid="ignore"):
        enough = effect[:, None] >= needed * np.maximum(noise, 1e-6)[:, None]  # (products, pairs)
    return np.where(enough.any(1), 2.0 * pairs[enough.argmax(1)], np.nan)


def design(plan: pd.DataFrame, longest: int) -> pd.DataFrame:
    """The plan with the test of each proposed change.

    Adds ``break_even`` (elasticity), ``break_even_units`` (units after over before, at which it just pays),
    ``at_stake`` (money a period that the change brings if nobody minds a raise, or costs if nobody notices a cut) and
    ``test_periods``.

    Parameters
    ----------
    plan : ``price, proposed, cost, units, noise``. ``longest`` : periods that a test may take.
    """
    price, proposed, cost = (plan[name].to_numpy(float) for name in ("price", "proposed", "cost"))
    ratio = break_even_ratio(price, proposed, cost)
    with np.errstate(divide="ignore"):
        effect = np.log(ratio)
    effect = np.where(np.isfinite(effect) & (effect != 0), effect, np.nan)
    return plan.assign(
        break_even=break_even_elasticity(price, proposed, cost),
        break_even_units=np.where(np.isfinite(effect), ratio, np.nan),
        at_stake=np.abs(proposed - price) * plan["units"].to_numpy(float),
        test_periods=periods_needed(effect, plan["noise"].to_numpy(float), longest),
    )


def first_tests(plan: pd.DataFrame, most: int) -> np.ndarray:
    """Which of the ``wanted`` tests to run first, mask (products,): the most money at stake, one a category.

    Products of a category take customers from each other: two tests in one would disturb each other.
    """
    order = plan[plan["wanted"]].sort_values("at_stake", ascending=False, kind="stable")
    chosen = order.drop_duplicates("category").head(most).index
    return np.asarray(plan.index.isin(chosen))


def over_cost(part: pd.DataFrame, rules: PriceRules, config: PlanConfig) -> pd.DataFrame:
    """A category's proposals at the lowest, the assumed and the highest cost share, in words.

    Each with the share of the units that it may lose, or has to win, for the proposed price to pay. ``steady`` : the
    direction is the same at all three.
    """
    low, high = config.cost_shares
    shares = (low, config.cost_share, high)
    price, proposed = part["price"].to_numpy(float), part["proposed"].to_numpy(float)
    prices = [optimise_category(part.assign(cost=share * part["price"]), rules).prices for share in (low, high)]
    moves = np.sign(np.round([prices[0] - price, proposed - price, prices[1] - price], 6))
    words = {1.0: "raise", -1.0: "lower", 0.0: "keep"}
    ratios = [break_even_ratio(price, proposed, share * price) for share in shares]
    text = [
        ", ".join(
            f"{words[move]} at {share:.0%}"
            + (f" (units {ratio - 1:+.0%})" if np.isfinite(ratio) and ratio != 1 else "")
            for move, share, ratio in zip(column, shares, limits, strict=True)
        )
        for column, limits in zip(moves.T, np.transpose(ratios), strict=True)
    ]
    return part.assign(over_cost=text, steady=(moves == moves[1]).all(0))


def why_of(row: pd.Series, config: PlanConfig) -> str:
    """The reason of one row, for a planner: what to do, when it pays, and what that rests on."""
    if row["reason"]:
        return str(row["reason"])
    share, ratio = row["proposed"] / row["price"] - 1, row["break_even_units"]
    pays = (
        f"it pays if units {'fall by less' if share > 0 else 'rise by more'} than {abs(ratio - 1):.0%} (elasticity "
        f"{'above' if share > 0 else 'below'} {row['break_even']:.1f}) at a cost of {config.cost_share:.0%} of the "
        "price"
    )
    rests = f"{counted(row['seen'], config.period)} in which the price moved {counted(row['moves'], 'time')}"
    out = row["proposed"] < row["price_low"] - 0.005 or row["proposed"] > row["price_high"] + 0.005
    asked = (
        f"; outside the observed prices {row['price_low']:.2f} to {row['price_high']:.2f}: a trial, not an estimate"
        if out
        else ""
    )
    if row["action"] in CHANGES:
        return (
            f"{row['action']} by {abs(share):.0%}: elasticity {row['own']:.2f}, profit {row['change']:+.2f} a "
            f"{config.period} (95 %: {row['low']:+.2f} to {row['high']:+.2f}); {pays}; rests on {rests}{asked}"
        )
    length = counted(row["test_periods"], config.period)
    begin = "" if row["action"] == "test" else "later, when the tests of more money and of its category are over: "
    return (
        f"{begin}ask {row['proposed']:.2f} instead of {row['price']:.2f} in {row['test_periods'] / 2:.0f} of {length}, "
        f"drawn by lot; {pays}, and that many show a {'fall' if share > 0 else 'rise'} of this size; past sales do not "
        f"tell: {rests}, not by lot{asked}"
    )
