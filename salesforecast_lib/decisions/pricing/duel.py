"""Prices set by belief and valued by the truth of simulated shops: forecaster, pricer and advice (chapter 13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor

from salesforecast_lib.data.marketplace.simulate import Marketplace
from salesforecast_lib.data.panel import KEYS
from salesforecast_lib.decisions.pricing.data import PriceData, market_prices
from salesforecast_lib.decisions.pricing.elasticity import TREATMENTS, Elasticities
from salesforecast_lib.decisions.pricing.nuisance import ByProduct
from salesforecast_lib.decisions.pricing.rules import PriceRules, ladder
from salesforecast_lib.decisions.pricing.shrinkage import shrink
from salesforecast_lib.decisions.pricing.study import (
    RECENT,
    Shop,
    believed_state,
    best_prices,
    total_profit,
    true_state,
)


@dataclass(frozen=True)
class ForecastDuel:
    """One row a model: ``model, wape`` of one-day-ahead forecasts, ``share_of_best_profit`` that its prices earn by the
    truth, ``above_best`` (how much more it asks than the best prices, mean over products)."""

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
    right = best_prices(state, rules)
    best = total_profit(state, right)
    rows = [
        (name, wape[name], total_profit(state, prices[name]) / best, float((prices[name] / right).mean() - 1))
        for name in ("boosting", "causal")
    ]
    return ForecastDuel(pd.DataFrame(rows, columns=["model", "wape", "share_of_best_profit", "above_best"]))


def duel_verdict(fights: pd.DataFrame, level: float = 0.01) -> str:
    """Sentence on who forecasts better, who earns more, and in how many shops the better forecaster earned less.

    Parameters
    ----------
    fights : tables of `ForecastDuel` with ``shop``. level : WAPEs closer than this share are about level.
    """
    mean = fights.groupby("model", sort=False)[["wape", "share_of_best_profit", "above_best"]].mean()
    wape, share = mean["wape"].sort_values(), mean["share_of_best_profit"]
    first, second = wape.index[:2]
    if wape.iloc[1] < (1 + level) * wape.iloc[0]:
        earned = f"their prices earn {share[first]:.1%} and {share[second]:.1%} of the best profit"
        return f"{first.capitalize()} and {second} forecast about level; {earned}."
    wide = fights.pivot(index="shop", columns="model")
    better = wide["wape"].idxmin(axis=1)
    less = int((better != wide["share_of_best_profit"].idxmax(axis=1)).sum())
    asks = mean.loc[first, "above_best"]
    return (
        f"{first.capitalize()} forecasts better (WAPE {wape.iloc[0]:.2f} against {wape.iloc[1]:.2f}) and earns "
        f"{share[first]:.1%} of the best profit, {second} {share[second]:.1%}. "
        f"{first.capitalize()} asks {abs(asks):.1%} {'more' if asks > 0 else 'less'} than the best prices. "
        f"The better forecaster earned less in {less} of {len(wide)} shops."
    )


def advice_against_truth(shops: Sequence[Shop], rules: PriceRules) -> pd.DataFrame:
    """What the price changes of each estimator promise, and what they bring by the truth, over all shops.

    Returns
    -------
    DataFrame by ``method`` with ``changes`` (products whose price it moves), ``losing`` (share of them that lose money
    in truth, each alone beside today's other prices), ``raises`` (share of them that go up), ``promised`` and ``true``
    (change of profit of all shops together, as a share of today's).
    """
    rows = []
    for shop in shops:
        data = market_prices(shop.market)
        state = true_state(shop.market, data)
        today = state["price"].to_numpy(dtype="float64")
        before = total_profit(state, today)
        for method, fit in shop.fits.items():
            believed = believed_state(state, data, shrink(fit.table))
            chosen = best_prices(believed, rules)
            moved = np.flatnonzero(np.abs(chosen - today) > 1e-9)
            alone = [total_profit(state, np.where(np.arange(len(today)) == i, chosen, today)) for i in moved]
            gain = total_profit(state, chosen) - before
            belief = total_profit(believed, chosen) - total_profit(believed, today)
            up, lost = int((chosen[moved] > today[moved]).sum()), int((np.array(alone) < before).sum())
            rows.append((method, len(moved), lost, up, belief, gain, total_profit(believed, today), before))
    names = ["method", "changes", "losing", "raises", "promised", "true", "base", "before"]
    sums = pd.DataFrame(rows, columns=names).groupby("method", sort=False).sum()
    share = {name: sums[name] / sums["changes"].clip(lower=1) for name in ("losing", "raises")}
    money = {"promised": sums["promised"] / sums["base"], "true": sums["true"] / sums["before"]}
    return sums[["changes"]].assign(**share, **money)


def advice_verdict(table: pd.DataFrame, blind: str, instrumented: str) -> str:
    """Sentence on what an estimator without instruments promises and brings, beside one with them.

    ``table`` : of `advice_against_truth`; ``blind, instrumented`` : two of its methods.
    """
    one, other = table.loc[blind], table.loc[instrumented]
    return (
        f"{blind}: {one['raises']:.0%} of its {one['changes']:.0f} changes go up, {one['losing']:.0%} lose money in "
        f"truth; it promises {one['promised']:+.1%} profit and brings {one['true']:+.1%}.\n"
        f"{instrumented}: {other['losing']:.0%} of {other['changes']:.0f} changes lose money; promised "
        f"{other['promised']:+.1%}, true {other['true']:+.1%}."
    )


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
