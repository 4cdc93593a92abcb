"""Promotions a shop could run next, from its own forecast and the measured uplift, as `promotions.csv` (chapter 12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.promotions.effects import Effects, PromotionWeeks
from salesforecast_lib.decisions.promotions.plan import PlanRules, best_plan
from salesforecast_lib.decisions.promotions.product_effects import ProductEffects
from salesforecast_lib.files import empty_table
from salesforecast_lib.wording import counted

CAP = 2.0  # robust standard deviations between products
QUIET = 0.1  # share of a product's weeks with the least promotion that stands for a quiet one
COLUMNS = (
    *("unique_id", "start", "end", "kind", "depth", "usual_units", "extra_units", "extra_low", "extra_high"),
    *("profit", "profit_low", "profit_high", "spend", "uplift", "busy_weeks", "weeks", "why"),
)


@dataclass(frozen=True)
class PromotionCosts:
    """What a promotion costs.

    Parameters
    ----------
    cost_share : purchase cost over the regular price; the order lines do not say it.
    fee : money for each product and period on promotion (display space, a place in the mailer).
    kept : share of the extra units that is new: 1 less what comes from other products and from later weeks.
    """

    cost_share: float
    fee: float
    kept: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.cost_share < 1:
            raise ValueError(f"cost_share={self.cost_share!r}: expected a share between 0 and 1, such as 0.7")
        if not self.fee >= 0:
            raise ValueError(f"fee={self.fee!r}: expected an amount of zero or more")
        if not 0 <= self.kept <= 1:
            raise ValueError(f"kept={self.kept!r}: expected a share from 0 to 1")


def empty_plan() -> pd.DataFrame:
    """A plan without rows: what a shop without promotions gets."""
    return empty_table({name: "object" if name in _TEXT else "float64" for name in COLUMNS})


_TEXT = ("unique_id", "start", "end", "kind", "why")


def coming_weeks(forecasts: pd.DataFrame, model: str, daily: bool) -> pd.DataFrame:
    """Expected units of each product and coming week by the newest forecast: ``unique_id, period, start, end, units``.

    Raises
    ------
    ValueError
        When ``model`` has no forecast beyond the data.
    """
    rows = forecasts[(forecasts["model"] == model) & (forecasts["cutoff"] == forecasts["cutoff"].max())]
    rows = rows[rows["y"].isna()]
    if rows.empty:
        raise ValueError(
            f"model={model!r}: no forecast beyond the data; expected one of {sorted(set(forecasts['model']))}"
        )
    days = pd.Index(sorted(rows["ds"].unique()))
    length = 7 if daily else 1
    period = days.get_indexer(rows["ds"]) // length
    rows = rows.assign(period=period)[period < len(days) // length]
    table = rows.groupby(["unique_id", "period"], as_index=False).agg(
        start=("ds", "min"), end=("ds", "max"), units=("mean", "sum")
    )
    return table


def own_options(
    weeks: PromotionWeeks,
    effects: Effects,
    coming: pd.DataFrame,
    costs: PromotionCosts,
    depths: Sequence[float] = (0.0, 0.1, 0.2),
    seed: int = 0,
    draws: int = 300,
    products: ProductEffects | None = None,
) -> pd.DataFrame:
    """Every product, week, kind and depth with expected extra units, profit and 90 % intervals.

    An option is held against a quiet week of the product, the tenth part of its weeks with the least promotion: what it
    would sell with less than it ever had is no question for its data. The forecast holds the usual promotions, so the
    quiet week is the forecast less what they add beyond it. A kind is offered only where its own effect is above zero
    with 95 % confidence; a depth beyond what the product's own weeks have seen is not offered, and no price reduction
    where the effect of depth is not measured. No option promises a larger uplift than `CAP` deviations above the
    middle product: the best of many is mostly luck.

    Parameters
    ----------
    effects : of ``weeks.kinds`` and ``depth`` on relative sales, such as `two_way_effects` returns.
    coming : what `coming_weeks` returns.
    products : each product's own effects; without them all products are taken to answer alike, which is too sure. The
        uncertainty of ``effects`` is added to theirs.
    """
    names = list(effects.names)
    table = effects.table().set_index("effect")
    kinds = [kind for kind in weeks.kinds if kind in names and table.loc[kind, "low"] > 0]
    by_product = weeks.table.sort_values("week").groupby("unique_id", observed=True)
    usual = by_product[names].mean()
    deepest = by_product["depth"].quantile(0.95)
    recent = by_product.tail(13)
    regular = (recent["price"] / (1 - recent["depth"])).groupby(recent["unique_id"], observed=True).median()
    rng = np.random.default_rng(seed)
    coming = coming[coming["unique_id"].isin(usual.index) & (coming["units"] > 0)].reset_index(drop=True)
    units, price = coming["units"].to_numpy(), coming["unique_id"].map(regular).to_numpy(float)
    ids = coming["unique_id"]
    quiet = by_product[names].quantile(QUIET).loc[ids].to_numpy(float)  # (rows, effects)
    shift = usual.loc[ids].to_numpy(float) - quiet
    theta = _draws(effects, products, coming["unique_id"], draws, rng)  # (draws, rows, effects)
    base = units * np.clip(1 - np.einsum("dre,re->dr", theta, shift), 0.1, None)  # (draws, rows)
    cost, fee = costs.cost_share * price, costs.fee
    cut = quiet[:, names.index("depth")] if "depth" in names else 0.0
    margin = price * (1 - cut) - cost  # of a quiet week
    busy = {kind: (weeks.table[kind] >= 0.5).groupby(weeks.table["unique_id"], observed=True).sum() for kind in kinds}
    parts = []
    for kind in kinds:
        for depth in depths if "depth" in names else (0.0,):
            dose = np.zeros((len(coming), len(names)))
            dose[:, names.index(kind)] = 1 - quiet[:, names.index(kind)]
            dose[:, [name == "depth" for name in names]] = depth
            extra = units * np.einsum("dre,re->dr", theta, dose)
            extra = extra * _capped(extra.mean(0) / base.mean(0), ids)
            net = base + costs.kept * extra
            profit = net * margin - (base + extra) * price * depth - base * margin - fee
            rows = coming.assign(kind=kind, depth=depth, usual_units=base.mean(0), regular_price=price)
            rows["uplift"], rows["busy_weeks"] = (extra.mean(0) / base.mean(0)), ids.map(busy[kind]).to_numpy(float)
            rows["weeks"] = ids.map(by_product.size()).to_numpy(float)
            for name, value in (("extra", extra), ("profit", profit)):
                low, high = np.quantile(value, [0.05, 0.95], axis=0)
                rows[f"{name}_low"], rows[f"{name}_high"] = low, high
            rows["extra_units"], rows["profit"] = extra.mean(0), profit.mean(0)
            rows["spend"] = (base + extra).mean(0) * price * depth + fee
            parts.append(rows[(depth <= coming["unique_id"].map(deepest).to_numpy() + 1e-9) & np.isfinite(price)])
    return pd.concat(parts, ignore_index=True) if parts else empty_plan().assign(period=0)


def _capped(uplift: np.ndarray, ids: pd.Series) -> np.ndarray:
    """Factor that brings each row's ``uplift`` (rows,) down to `CAP` deviations above the middle product.

    Median and median absolute deviation over products: a single broken estimate must not lift its own cap.
    """
    mean = pd.Series(uplift).groupby(ids.to_numpy()).mean()
    middle = float(mean.median())
    spread = 1.4826 * float((mean - middle).abs().median())
    most = middle + CAP * max(spread, 0.25 * abs(middle))
    return np.where(uplift > most, most / np.where(uplift > 0, uplift, 1.0), 1.0) if most > 0 else np.ones(len(ids))


def _draws(
    effects: Effects, products: ProductEffects | None, ids: pd.Series, draws: int, rng: np.random.Generator
) -> np.ndarray:
    """Effects of each row's product, (draws, rows, effects); one draw of a product serves all its rows."""
    shared = rng.multivariate_normal(np.zeros(len(effects.names)), effects.covariance, draws, method="svd")
    if products is None:
        return np.repeat((effects.estimate + shared)[:, None], len(ids), axis=1)
    if products.names != effects.names:
        raise ValueError(f"products: effects of {products.names}, expected those of {effects.names}")
    values, vectors = np.linalg.eigh(products.covariance)
    root = vectors * np.sqrt(np.clip(values, 0, None))[:, None, :]  # (products, effects, effects)
    noise = rng.standard_normal((draws, len(products.ids), len(products.names)))
    own = products.mean + np.einsum("pij,dpj->dpi", root, noise) + shared[:, None]
    return own[:, pd.Index(products.ids).get_indexer(ids)]


def promotion_plan(options: pd.DataFrame, rules: PlanRules, costs: PromotionCosts) -> pd.DataFrame:
    """The best plan within the rules in the columns of ``promotions.csv``, the most profitable first.

    Only options are taken whose profit is above zero also at the lower end of its interval.
    """
    sure = options[options["profit_low"].astype(float) > 0].reset_index(drop=True)
    if sure.empty:
        return empty_plan()
    plan = best_plan(sure, rules).sort_values("profit", ascending=False, kind="stable", ignore_index=True)
    plan["why"] = [_why(row, costs) for row in plan.to_dict("records")]
    for name in ("start", "end"):
        plan[name] = plan[name].dt.strftime("%Y-%m-%d")
    numbers = [name for name in COLUMNS if name not in _TEXT]
    plan[numbers] = plan[numbers].astype(float).round(2)
    return plan[list(COLUMNS)]


def _why(row: dict[str, Any], costs: PromotionCosts) -> str:
    cut = f"at {100 * row['depth']:.0f} % off" if row["depth"] > 0 else "at the price of a quiet week"
    seen = f"{counted(row['busy_weeks'], row['kind'] + ' week')} among its {row['weeks']:.0f}"
    units = f"{row['extra_units']:.0f} extra units ({row['extra_low']:.0f} to {row['extra_high']:.0f})"
    money = f"profit {row['profit']:.2f} ({row['profit_low']:.2f} to {row['profit_high']:.2f})"
    assumed = f"goods cost {100 * costs.cost_share:.0f} % of the regular price"
    return (
        f"{row['kind']} {cut}: {units} on {row['usual_units']:.0f} of a quiet week, {row['uplift']:.0%} more; {money} "
        f"if {assumed} and {costs.kept:.0%} of the extra units are new; rests on {seen} and on the other products"
    )
