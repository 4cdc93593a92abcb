"""Promotions a shop could run next, from its own forecast and the measured uplift, as `promotions.csv` (chapter 12)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.decisions.promotions.effects import Effects, PromotionWeeks
from salesforecast_lib.decisions.promotions.plan import PlanRules, best_plan
from salesforecast_lib.decisions.promotions.product_effects import ProductEffects
from salesforecast_lib.files import empty_table

COLUMNS = (
    *("unique_id", "start", "end", "kind", "depth", "usual_units", "extra_units", "extra_low", "extra_high"),
    *("profit", "profit_low", "profit_high", "spend", "why"),
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

    The forecast holds a product's usual promotions, so the week without one is the forecast less what they usually add.
    A kind is offered only where its own effect is above zero with 95 % confidence; a depth beyond what the product's
    own weeks have seen is not offered, and no price reduction where the effect of depth is not measured.

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
    shift = usual.loc[coming["unique_id"]].to_numpy(float)  # (rows, effects)
    theta = _draws(effects, products, coming["unique_id"], draws, rng)  # (draws, rows, effects)
    base = units * np.clip(1 - np.einsum("dre,re->dr", theta, shift), 0.1, None)  # (draws, rows)
    cost, fee = costs.cost_share * price, costs.fee
    parts = []
    for kind in kinds:
        for depth in depths if "depth" in names else (0.0,):
            dose = np.array([1.0 if name == kind else depth if name == "depth" else 0.0 for name in names])
            extra = units * (theta @ dose)
            net = base + costs.kept * extra
            profit = net * (price - cost) - (base + extra) * price * depth - base * (price - cost) - fee
            rows = coming.assign(kind=kind, depth=depth, usual_units=base.mean(0), regular_price=price)
            for name, value in (("extra", extra), ("profit", profit)):
                low, high = np.quantile(value, [0.05, 0.95], axis=0)
                rows[f"{name}_low"], rows[f"{name}_high"] = low, high
            rows["extra_units"], rows["profit"] = extra.mean(0), profit.mean(0)
            rows["spend"] = (base + extra).mean(0) * price * depth + fee
            parts.append(rows[(depth <= coming["unique_id"].map(deepest).to_numpy() + 1e-9) & np.isfinite(price)])
    return pd.concat(parts, ignore_index=True) if parts else empty_plan().assign(period=0)


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


def _why(row: dict[str, object], costs: PromotionCosts) -> str:
    def number(name: str, digits: int = 0) -> str:
        return f"{row[name]:.{digits}f}"

    cut = f" at {100 * float(str(row['depth'])):.0f} % off" if float(str(row["depth"])) > 0 else " at the regular price"
    return (
        f"{row['kind']}{cut}: {number('extra_units')} extra units ({number('extra_low')} to {number('extra_high')}) on "
        f"{number('usual_units')} without it; profit {number('profit', 2)} ({number('profit_low', 2)} to "
        f"{number('profit_high', 2)}) if goods cost {100 * costs.cost_share:.0f} % of the regular price"
    )
