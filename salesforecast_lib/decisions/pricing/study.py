"""Estimators and prices against the truth of a simulated shop (chapter 11 and its benchmark)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor

from salesforecast_lib.data.marketplace.simulate import (
    Marketplace,
    MarketplaceConfig,
    expected_demand,
    simulate_marketplace,
)
from salesforecast_lib.data.panel import KEYS
from salesforecast_lib.decisions.pricing.data import PriceData, market_prices
from salesforecast_lib.decisions.pricing.elasticity import (
    TREATMENTS,
    ByProduct,
    Elasticities,
    double_ml,
    fixed_effects,
    naive_loglog,
)
from salesforecast_lib.decisions.pricing.optimise import PriceRules, ladder, optimise_category, profit
from salesforecast_lib.decisions.pricing.plan import units_at
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
    """What `price_optimisation` needs of each product on sale at the end, with the true elasticities.

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
    """``state`` as the shop sees it: estimated elasticities, shares and units instead of the true ones."""
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


@dataclass(frozen=True)
class ForecastDuel:
    """WAPE of one-day-ahead forecasts and true profit of the prices chosen with each model."""

    table: pd.DataFrame


def forecaster_against_pricer(market: Marketplace, fit: Elasticities, rules: PriceRules, seed: int = 0) -> ForecastDuel:
    """The best forecaster is not the best pricer.

    *Boosting* sees price, calendar, promotion and the sales of the last days (which carry the shock) and is tested one
    day ahead on the last 56 days; its prices come from asking it for the demand at every rung. *Causal* forecasts with
    calendar and promotion and the elasticities of ``fit``; its prices come from `best_prices`. Both forecast the same
    days, and both sets of prices are valued by the truth, product by product, under the same rules.
    """
    data = market_prices(market, views=False)
    table, features = _features(data)
    cut = table["ds"].max() - pd.Timedelta(days=2 * RECENT)
    early, late = table[table["ds"] <= cut], table[table["ds"] > cut]
    model = LGBMRegressor(
        objective="poisson", n_estimators=250, num_leaves=31, learning_rate=0.06, min_child_samples=30, n_jobs=1,
        verbose=-1, random_state=seed, deterministic=True,
    ).fit(early[features], early["units"])  # fmt: skip
    posterior = shrink(fit.table)
    response = _response(table, posterior)
    codes = pd.factorize(table["unique_id"])[0]
    X = np.column_stack([codes, table[list(data.controls)].to_numpy()])
    old = (table["ds"] <= cut).to_numpy()
    base = ByProduct().fit(X[old], (table["log_units"] - response)[old].to_numpy())
    # The mean of exp(residual) in training turns the forecast of the log into a forecast of units (Duan 1983).
    smear = np.exp((table["log_units"] - response)[old].to_numpy() - base.predict(X[old])).mean()
    causal = smear * np.exp(base.predict(X[~old]) + response[~old].to_numpy())
    boosted = model.predict(late[features])
    y = late["units"].to_numpy()
    wape = {"boosting": np.abs(boosted - y).sum() / y.sum(), "causal": np.abs(causal - y).sum() / y.sum()}

    state = true_state(market, market_prices(market))
    recent = table[table["ds"] > table["ds"].max() - pd.Timedelta(days=RECENT)]
    chosen = state["price"].to_numpy(dtype="float64").copy()
    for i, row in enumerate(state.itertuples(index=False)):
        days = recent[recent["unique_id"] == row.unique_id]
        rungs = ladder(row.price, row.cost, row.price_low, row.price_high, rules)
        asked = [days[features].assign(log_price=np.log(rung)) for rung in rungs]
        worth = [
            (rung - row.cost) * float(np.mean(np.asarray(model.predict(rows))))
            for rung, rows in zip(rungs, asked, strict=True)
        ]
        chosen[i] = rungs[int(np.argmax(worth))]
    believed = believed_state(state, data, posterior)
    prices = {"boosting": chosen, "causal": best_prices(believed, rules)}
    best = total_profit(state, best_prices(state, rules))
    rows = [(name, wape[name], total_profit(state, prices[name]) / best) for name in ("boosting", "causal")]
    return ForecastDuel(pd.DataFrame(rows, columns=["model", "wape", "share_of_best_profit"]))


def _features(data: PriceData) -> tuple[pd.DataFrame, list[str]]:
    """Price table with the sales of the days before; names of the forecaster's inputs."""
    table = data.table.sort_values(KEYS, ignore_index=True)
    log = np.log1p(table["units"]).groupby(table["unique_id"])
    table = table.assign(product=pd.factorize(table["unique_id"])[0])
    for lag in (1, 2, 7, 14):
        table[f"lag{lag}"] = log.shift(lag)
    table["last_week"] = log.transform(lambda s: s.shift(1).rolling(7).mean())
    lags = [f"lag{lag}" for lag in (1, 2, 7, 14)]
    features = ["product", *TREATMENTS, *data.controls, *lags, "last_week"]
    return table.dropna(subset=["last_week", "lag14"]).reset_index(drop=True), features


def _response(table: pd.DataFrame, posterior: pd.DataFrame) -> pd.Series:
    """Log effect of own and rival prices on every row, from the posterior's means."""
    known = posterior.set_index("unique_id")
    own, cross = table["unique_id"].map(known["own"]), table["unique_id"].map(known["cross"])
    return own * table["log_price"] + cross * table["rival_price"]
