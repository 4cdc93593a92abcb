"""The chapter's comparisons with the truth, and the file it leaves: intervals, budgets and verdicts (chapter 11)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.marketplace.simulate import MarketplaceConfig, simulate_marketplace
from salesforecast_lib.decisions.advertising.allocation import Allocation, allocate
from salesforecast_lib.decisions.advertising.cases import ChannelCase, market_case, misspecified_cases, true_fit
from salesforecast_lib.decisions.advertising.response import (
    ChannelFit,
    extra_sales,
    fit_channels,
    return_on_spend,
    summarise,
)
from salesforecast_lib.files import resolve, write_json
from salesforecast_lib.wording import listed


def simulated_case(products: int, seed: int = 0) -> ChannelCase:
    """The chapter's shop: large enough for advertising to pay, never out of stock, two years by day."""
    units = 10_000.0 * products
    config = MarketplaceConfig(products=products, units=units, seed=seed, stock_cover=0.0, line_split=0.01)
    return market_case(simulate_marketplace(config))


def compare_returns(
    cases: Mapping[str, ChannelCase], seed: int = 0, particles: int = 600, fits: Mapping[str, ChannelFit] | None = None
) -> pd.DataFrame:
    """Return on spend of every channel in every case, beside the truth.

    Parameters
    ----------
    fits : posteriors that are known already, by name of the case.

    Returns
    -------
    ``channel, median, low, high`` (90 % interval), ``case, truth, correlation`` (of the log returns of the first two
    channels), ``width`` (log of high over low) and ``inside``.
    """
    rows = []
    for name, case in cases.items():
        known = (fits or {}).get(name)
        fit = known if known is not None else fit_channels(case.data, seed, particles=particles)
        draws = return_on_spend(fit, case.data)
        part = summarise(draws, case.data.names).assign(case=name, truth=case.true_return)
        part["correlation"] = np.corrcoef(np.log(draws[:, 0]), np.log(draws[:, 1]))[0, 1]
        rows.append(part)
    table = pd.concat(rows, ignore_index=True)
    table["width"] = np.log(table["high"] / table["low"])
    table["inside"] = (table["low"] <= table["truth"]) & (table["truth"] <= table["high"])
    return table


def misspecified_shops(
    products: int, shops: int = 10, seed: int = 0, particles: int = 600, first: pd.DataFrame | None = None
) -> pd.DataFrame:
    """`compare_returns` of `misspecified_cases` in ``shops`` simulated shops, with the number of the ``shop``.

    Parameters
    ----------
    first : of the first shop, that of ``seed``, where it is known already.
    """
    parts = [] if first is None else [first.assign(shop=0)]
    for number in range(len(parts), shops):
        cases = misspecified_cases(simulated_case(products, seed + number))
        parts.append(compare_returns(cases, seed + number, particles).assign(shop=number))
    return pd.concat(parts, ignore_index=True)


def coverage(table: pd.DataFrame) -> pd.DataFrame:
    """By case and channel of `misspecified_shops`: ``inside`` of ``shops`` intervals hold the truth.

    ``median_over_truth`` is the posterior median over the truth, the median over the shops.
    """
    rows = table.assign(ratio=table["median"] / table["truth"]).groupby(["case", "channel"], sort=False)
    return rows.agg(
        inside=("inside", "sum"), shops=("inside", "size"), median_over_truth=("ratio", "median")
    ).reset_index()


@dataclass(frozen=True)
class Gain:
    """Contribution a day that a new split adds: as the model says, and in truth.

    ``promised`` is the posterior mean with its 90 % interval ``low`` to ``high``, ``chance`` the probability of a gain;
    ``true`` is what the split really adds, ``possible`` what the best split would.
    """

    promised: float
    low: float
    high: float
    chance: float
    true: float
    possible: float


def base_sales(case: ChannelCase, fit: ChannelFit) -> float:
    """Estimated sales a period without advertising."""
    extra = extra_sales(fit.response(case.data.spend), case.data.sales).sum(axis=1).mean()
    return float((case.data.sales.sum() - extra) / len(case.data.sales))


def true_gain(case: ChannelCase, budget: Allocation, margin: float, limit: np.ndarray) -> Gain:
    """Value a proposed split by the true response of the simulated shop."""
    present, truth = case.data.spend.mean(axis=1), true_fit(case)
    base = (case.expected / (1 + case.response.sum(axis=0))).mean()
    arguments = (truth, present.sum(), base, margin, limit, present)
    low, high = np.quantile(budget.gain, [0.05, 0.95])
    return Gain(
        float(budget.gain.mean()),
        float(low),
        float(high),
        float((budget.gain > 0).mean()),
        float(allocate(*arguments, fixed=budget.spend).gain[0]),
        float(allocate(*arguments).gain[0]),
    )


def interval_verdict(table: pd.DataFrame) -> list[str]:
    """For each case of `compare_returns`: in how many channels the 90 % interval holds the truth, and where not."""
    words = []
    for name, part in table.groupby("case", sort=False):
        missed = part.loc[~part["inside"], "channel"].tolist()
        text = f"{name}: the interval holds the truth in {int(part['inside'].sum())} of {len(part)} channels"
        words.append(text + (f", not for {listed(missed)}." if missed else "."))
    return words


def coverage_verdict(table: pd.DataFrame) -> list[str]:
    """For each case of `coverage`: how many intervals hold the truth, out of how many, and where the median is off."""
    words = []
    for name, part in table.groupby("case", sort=False):
        inside, number = int(part["inside"].sum()), int(part["shops"].sum())
        ratios = ", ".join(f"{row.channel} {row.median_over_truth:.1f}" for row in part.itertuples())
        words.append(f"{name}: {inside} of {number} intervals of 90 % hold the truth; median over truth {ratios}.")
    return words


def shape_verdict(table: pd.DataFrame) -> str:
    """Whether other equations cost intervals that hold the truth: `coverage` of each case against ``as assumed``.

    Differences count only beyond two standard errors of the difference of two such counts.
    """
    counts = table.groupby("case", sort=False)[["inside", "shops"]].sum()
    assumed, number = counts.loc["as assumed", ["inside", "shops"]]
    noise = 2 * np.sqrt(2 * number * 0.9 * 0.1)
    lost = assumed - counts["inside"].drop("as assumed")
    costly = [str(name) for name in lost[lost > noise].index]
    if costly:
        return f"Wrong equations cost intervals beyond chance: {listed(costly)}."
    most = max(int(lost.max()), 0)
    return f"Of {number} intervals a case, no wrong equation costs more than chance would (the most: {most})."


def gain_verdict(gain: Gain) -> str:
    """What the new split promises and what it adds in truth, in a sentence."""
    held = "lies in" if gain.low <= gain.true <= gain.high else "lies outside"
    sure = "" if gain.low > 0 else " The interval holds zero: a test, not a decision."
    part = f"is {gain.true / gain.possible:.0%} of the best possible" if gain.true > 0 else "is a loss"
    return (
        f"The new split promises {gain.promised:.0f} a day ({gain.low:.0f} to {gain.high:.0f}); the true gain, "
        f"{gain.true:.0f}, {held} the interval and {part}.{sure}"
    )


def findings(table: pd.DataFrame, gain: Gain, wrong: pd.DataFrame, hard: pd.DataFrame) -> str:
    """The chapter's verdicts, one a line: returns, budget, other equations (`coverage`), other budgets."""
    ranked = table.sort_values("median", ascending=False)
    order = ", ".join(
        f"{row.channel} {row.median:.1f} ({row.low:.1f} to {row.high:.1f})" for row in ranked.itertuples()
    )
    sentences = [
        f"Extra sales per unit of money spent: {order}.",
        gain_verdict(gain),
        *(f"By other equations, {words}" for words in coverage_verdict(wrong[wrong["case"] != "as assumed"])),
        shape_verdict(wrong),
        *(f"By other budgets, {words}" for words in interval_verdict(hard[hard["case"] != "as planned"])),
    ]
    return "\n".join(f"- {sentence}" for sentence in sentences)


def write_channels(
    run_dir: str | Path, table: pd.DataFrame, split: pd.DataFrame, gain: Gain, wrong: pd.DataFrame
) -> None:
    """Write ``channels.json``: returns, budget, its gain, and the `coverage` by other equations."""
    values = asdict(gain)
    result: dict[str, Any] = {
        "simulated": True,
        "channels": table[["channel", "median", "low", "high", "truth"]].to_dict("records"),
        "budget": split.to_dict("records"),
        "gain_a_day": {name: values[name] for name in ("promised", "true", "possible")},
        "misspecified": wrong.to_dict("records"),
    }
    write_json(result, resolve(run_dir) / "channels.json")
