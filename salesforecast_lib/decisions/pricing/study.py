"""Estimators and prices against the truth of a simulated shop (chapter 13 and its benchmark)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import binomtest

from salesforecast_lib.data.marketplace.simulate import (
    Marketplace,
    MarketplaceConfig,
    expected_demand,
    simulate_marketplace,
)
from salesforecast_lib.decisions.pricing.data import PriceData, market_prices
from salesforecast_lib.decisions.pricing.demand import profit, units_at
from salesforecast_lib.decisions.pricing.elasticity import (
    Elasticities,
    double_ml,
    fixed_effects,
    naive_loglog,
)
from salesforecast_lib.decisions.pricing.optimise import optimise_category
from salesforecast_lib.decisions.pricing.rules import STANDARD_RULES, PriceRules
from salesforecast_lib.decisions.pricing.shrinkage import shrink

RECENT = 28  # days that stand for today


def pricing_market(seed: int, products: int = 24, days: int = 730, elasticity: float = -2.5) -> Marketplace:
    """A simulated shop of about 30 units a product and day, with stock-outs, launches and a regime shift."""
    units = 30.0 * products * days
    categories = max(1, products // 8)
    config = MarketplaceConfig(
        products=products, days=days, units=units, categories=categories, seed=seed, intermittent_share=0.0,
        elasticity=elasticity,
    )  # fmt: skip
    return simulate_marketplace(config)


@dataclass(frozen=True)
class Shop:
    """One simulated shop: its market, the estimators on it, how they score and what their prices lose."""

    market: Marketplace
    fits: dict[str, Elasticities]
    scores: pd.DataFrame
    regrets: pd.DataFrame


def play_shop(seed: int, products: int = 24, days: int = 730, rules: PriceRules = STANDARD_RULES) -> Shop:
    """Simulate a shop, fit every estimator, score them and value their prices; tables carry ``shop``, the seed."""
    market = pricing_market(seed, products, days)
    fits = compare_estimators(market)
    scores = score_estimators(market, fits).assign(shop=seed)
    return Shop(market, fits, scores, regrets(market, fits, rules).assign(shop=seed))


def play_shops(
    seeds: Iterable[int], products: int = 24, days: int = 730, rules: PriceRules = STANDARD_RULES
) -> list[Shop]:
    """`play_shop` for each seed."""
    return [play_shop(seed, products, days, rules) for seed in seeds]


def summarise(scores: pd.DataFrame) -> pd.DataFrame:
    """One row an estimator: bias, its spread, mean standard error, coverage in shops and of products, and errors."""
    return scores.groupby("method", sort=False).agg(
        shops=("covered", "size"),
        bias=("bias", "mean"),
        spread=("bias", "std"),
        standard_error=("se", "mean"),
        covered=("covered", "sum"),
        product_raw=("product_raw", "mean"),
        product_error=("product_error", "mean"),
        product_covered=("product_covered", "mean"),
    )


def products_report(market: Marketplace, table: pd.DataFrame, posterior: pd.DataFrame) -> str:
    """Sentences on single products of one shop: coverage, what shrinking brought nearer, and the cross elasticity.

    Parameters
    ----------
    table : of `Elasticities`. posterior : of ``table``, as `shrink` returns.
    """
    truth = market.products.set_index("unique_id").loc[table["unique_id"], "own_elasticity"].to_numpy()
    error, raw = np.abs(posterior["own"].to_numpy() - truth), np.abs(table["own"].to_numpy() - truth)
    inside = (error <= 1.96 * posterior["own_sd"].to_numpy()).mean()
    cross = (market.config.cross * np.abs(truth)).mean()
    return (
        f"95 % intervals of this shop hold {inside:.0%} of its products\n"
        f"shrinking brought {(error < raw).sum()} of {len(truth)} products nearer to the truth; "
        f"mean error {raw.mean():.2f} alone, {error.mean():.2f} shrunk\n"
        f"cross elasticity to the rivals' index: true mean {cross:.2f}, estimated {posterior['cross'].mean():.2f}"
    )


def compare_estimators(market: Marketplace, folds: int = 8, seed: int = 0) -> dict[str, Elasticities]:
    """Every estimator of `elasticity` on one shop; ``views`` marks those that know what customers looked at."""
    plain, full = market_prices(market, views=False), market_prices(market, views=True)
    return {
        "naive log-log": naive_loglog(plain),
        "fixed effects": fixed_effects(plain),
        "double ML": double_ml(plain, instruments=False, folds=folds, seed=seed),
        "double ML, views": double_ml(full, instruments=False, folds=folds, seed=seed),
        "double ML, instruments": double_ml(plain, folds=folds, seed=seed),
        "double ML, instruments and views": double_ml(full, folds=folds, seed=seed),
    }


def score_estimators(market: Marketplace, fits: dict[str, Elasticities]) -> pd.DataFrame:
    """One row an estimator: ``method, mean, low, high, truth, bias, covered, product_error, product_covered``.

    ``covered``: the truth (mean own elasticity of the same products, weighted alike) lies in the 95 % interval;
    ``product_covered`` is the share of products whose own elasticity lies in their posterior's 95 % interval,
    ``product_error`` its mean absolute error, ``product_raw`` that of the estimates before shrinkage.
    """
    own = market.products.set_index("unique_id")["own_elasticity"]
    rows = []
    for name, fit in fits.items():
        truth = own[fit.table["unique_id"]].to_numpy()
        average = float(fit.table["weight"].to_numpy() @ truth)
        low, high = fit.interval()
        posterior = shrink(fit.table)
        error = np.abs(posterior["own"].to_numpy() - truth)
        rows.append(
            {
                "method": name,
                "mean": fit.mean,
                "se": fit.mean_se,
                "low": low,
                "high": high,
                "truth": average,
                "bias": fit.mean - average,
                "covered": low <= average <= high,
                "product_raw": np.abs(fit.table["own"].to_numpy() - truth).mean(),
                "product_error": error.mean(),
                "product_covered": (error <= 1.96 * posterior["own_sd"].to_numpy()).mean(),
            }
        )
    return pd.DataFrame(rows)


def true_state(market: Marketplace, data: PriceData) -> pd.DataFrame:
    """What `optimise` needs of each product on sale at the end, with the true elasticities.

    Today's price and cost are the medians of the last `RECENT` days, units the true expected demand at these prices.
    """
    truth, products = market.truth, market.products.set_index("unique_id")
    last = truth[truth["ds"] > truth["ds"].max() - pd.Timedelta(days=RECENT)]
    days = last.groupby("unique_id").size()
    ids = [name for name in data.products["unique_id"] if days.get(name, 0) == RECENT]
    today = last.groupby("unique_id")[["list_price", "cost"]].median().loc[ids]
    today["price"] = today["list_price"].round(2)
    asked = truth["price"].where(~truth.index.isin(last.index), truth["unique_id"].map(today["price"]))
    units = expected_demand(market, asked.fillna(truth["price"])).loc[last.index].groupby(last["unique_id"]).mean()
    size = np.exp(products["base"])
    share = size / size.groupby(products["category"]).transform("sum")
    own = products["own_elasticity"]
    seen = data.products.set_index("unique_id")
    return pd.DataFrame(
        {
            "unique_id": ids,
            "category": products.loc[ids, "category"].to_numpy(),
            "price": today["price"].to_numpy(),
            "cost": today["cost"].to_numpy(),
            "units": units.loc[ids].to_numpy(),
            "share": share[ids].to_numpy(),
            "own": own[ids].to_numpy(),
            "cross": market.config.cross * own[ids].abs().to_numpy(),
            "price_low": seen.loc[ids, "price_low"].to_numpy(),
            "price_high": seen.loc[ids, "price_high"].to_numpy(),
        }
    )


def believed_state(state: pd.DataFrame, data: PriceData, posterior: pd.DataFrame) -> pd.DataFrame:
    """``state`` as the shop sees it: estimated elasticities with their spread, shares and units instead of the true."""
    ids, estimates = state["unique_id"], posterior.set_index("unique_id")
    own = ids.map(estimates["own"]).clip(upper=-0.05)
    last = data.table[data.table["ds"] > data.table["ds"].max() - pd.Timedelta(days=RECENT)]
    units = units_at(last, pd.Series(state["price"].to_numpy(), ids), pd.Series(own.to_numpy(), ids))
    share = data.products.set_index("unique_id")["share"]
    return state.assign(
        own=own,
        cross=ids.map(estimates["cross"]),
        units=ids.map(units).fillna(ids.map(data.table.groupby("unique_id")["units"].mean())).clip(lower=1e-3),
        share=ids.map(share),
        **{name: ids.map(estimates[name]) for name in ("own_sd", "cross_sd", "covariance")},
    )


def best_prices(state: pd.DataFrame, rules: PriceRules) -> np.ndarray:
    """`optimise_category` on every category of ``state``, in its order."""
    prices = state["price"].to_numpy(dtype="float64").copy()
    for place in state.groupby("category").indices.values():
        prices[place] = optimise_category(state.iloc[place], rules).prices
    return prices


def total_profit(state: pd.DataFrame, prices: np.ndarray) -> float:
    """Profit a day of all categories at ``prices``; with a state that holds the truth, the true one."""
    return float(sum(profit(state.iloc[p], prices[p]) for p in state.groupby("category").indices.values()))


def regrets(market: Marketplace, fits: dict[str, Elasticities], rules: PriceRules) -> pd.DataFrame:
    """Share of the best possible profit that the prices of each estimator lose: ``method, profit, regret``.

    The best possible are the optimal prices under the same rules, known to the simulator alone.
    """
    data = market_prices(market)
    state = true_state(market, data)
    best = total_profit(state, best_prices(state, rules))
    rows = [("true optimum", best), ("today's prices", total_profit(state, state["price"].to_numpy()))]
    for name, fit in fits.items():
        believed = believed_state(state, data, shrink(fit.table))
        rows.append((name, total_profit(state, best_prices(believed, rules))))
    return pd.DataFrame(rows, columns=["method", "profit"]).assign(regret=lambda t: 1 - t["profit"] / best)


def regret_verdict(lost: pd.DataFrame, one: str, other: str) -> str:
    """Sentence that compares the regrets of two estimators shop by shop, with a sign test at 5 %.

    A sign test, because a single shop with a large loss would decide a comparison of means.

    Parameters
    ----------
    lost : ``method, regret, shop``, as `play_shop` returns, of several shops.

    Raises
    ------
    ValueError
        When one of the estimators is missing.
    """
    wide = lost.pivot(index="shop", columns="method", values="regret")
    missing = [name for name in (one, other) if name not in wide]
    if missing:
        raise ValueError(f"lost: no rows of {missing}; there are {list(wide.columns)}")
    means = f"{one} loses {wide[one].mean():.1%} of the best profit, {other} {wide[other].mean():.1%}"
    gap = wide[one] - wide[other]
    wins, losses = int((gap < 0).sum()), int((gap > 0).sum())
    chance = binomtest(wins, wins + losses).pvalue if wins + losses else 1.0
    decided = "" if chance < 0.05 else f"; {len(gap)} shop{'s do' if len(gap) > 1 else ' does'} not decide between them"
    return f"{means}; {one} loses less in {wins} of {len(gap)} shops{decided}."
