r"""A marketplace whose truth is known: order lines from latent demand, prices, stock, customers and advertising.

Symbols: product i, category c, day t, channel k, segment g. The book's page ``book/marketplace.md`` has the same
equations with their reasons and sources.

Demand  ``D_it = Z_it N_it``, ``Z_it ~ Bernoulli(pi_i)``, ``N_it ~ NB(mean mu_it / pi_i, size r)``: E[D_it] = mu_it with
    ``log mu_it = b_i + g_i t / 365.25 + s_i(t) + w_i(weekday) + eta_c holiday_t + phi_i festival_t + ramp_i(t)
    + delta_i regime_it + beta_i promotion_it + log(1 + R_t) + u_it - sd_u^2 / 2 + sum_j e_ij log(p_jt / p0_j)``
Season  ``s_i(t) = A_i cos(2 pi (day - peak_i) / 365.25)``; the regime shift turns its sign and mirrors ``w_i``.
Shock   ``u_it = rho u_i,t-1 + noise``, in the truth's ``shock``: the price manager sees it, the analyst does not.
Price   ``log list_it = log p0_i + theta log(cost_it / c0_i) + kappa u_it + trial_i,week``;
    ``p_it = list_it (1 - depth_it)``, both in whole cents.
Cost    ``log cost_it = log c0_i + AR(1) of the category + AR(1) of its own``: moves the price only (an instrument).
Cross   ``e_ij = chi |e_ii| w_ij`` for i != j in one category, ``w_ij`` shares of base demand (`elasticity_matrix`).
Text    ``b_i`` and ``phi_i`` hold the effects of the words (table ``words``), ``peak_i`` the season word's day.
Ads     ``a_kt = x_kt + lambda_k a_k,t-1``; ``R_t = sum_k L_k a_kt^s_k / (a_kt^s_k + h_k^s_k)`` (table ``channels``).
Stock   order-up-to, weekly review, lead time, late deliveries; ``sales_it = min(D_it, stock_it)``;
    ``available_it`` = 1 where D < stock, else Beta(stock, D - stock + 1), the time of the stock-th of D even arrivals,
    and 0 without stock. So ``available < 1`` holds exactly where D >= sales is all that sales tell.
Clicks  ``views_it ~ Poisson(psi mu'_i,t+3)``, mu' = mu without the price terms; ``carts_it ~ Poisson(psi' mu_i,t+1)``.
Buyers  segment g buys a unit of i with probability ``~ activity_g taste_gc (p_it / p0_i)^sensitivity_g``, see
    `segment_shares`; within a segment customers are drawn by their activity.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.data.marketplace.config import MarketplaceConfig
from salesforecast_lib.data.marketplace.demand import Market, make_market
from salesforecast_lib.data.marketplace.orders import Stock, make_customers, make_lines, replenish
from salesforecast_lib.data.marketplace.products import Catalogue, make_catalogue


@dataclass(frozen=True)
class Marketplace:
    """Order lines and their truth.

    Parameters
    ----------
    lines : order lines of the contract, with ``category`` and ``brand``, sorted by time.
    truth : one row per product and day on sale, sorted by ``unique_id, ds``: ``mu`` (expected demand), ``shock``,
        ``demand``, ``sales``, ``stock`` (start of day), ``available``, ``price``, ``list_price``, ``cost``,
        ``promotion``, ``depth`` (planned discount share), ``views``, ``carts``, ``regime``.
    products : catalogue and true parameters of each product.
    cross_elasticity : category -> (products, products) table, row i, column j: d log demand i / d log price j.
    customers, segments : customers with segment and activity; segments with price sensitivity and category tastes.
    channels, channel_parameters : daily ``spend, adstock, response`` of each channel; its decay, half saturation,
        slope and lift.
    words : effects of the words of the texts.
    """

    config: MarketplaceConfig
    lines: pd.DataFrame
    truth: pd.DataFrame
    products: pd.DataFrame
    cross_elasticity: dict[str, pd.DataFrame]
    customers: pd.DataFrame
    segments: pd.DataFrame
    channels: pd.DataFrame
    channel_parameters: pd.DataFrame
    words: pd.DataFrame


def simulate_marketplace(config: MarketplaceConfig | None = None) -> Marketplace:
    """Simulate a marketplace (default settings without ``config``); the same config gives the same lines.

    Each mechanism has a random stream of its own: another stock rule meets the same demand, other advertising the same
    shocks. So two runs that differ in one setting are a controlled experiment.
    """
    config = config or MarketplaceConfig()
    seeds = np.random.SeedSequence(config.seed).spawn(10)
    catalogue = make_catalogue(config, np.random.default_rng(seeds[0]))
    market = make_market(config, catalogue, seeds[1:7])
    stock = replenish(config, market, catalogue, np.random.default_rng(seeds[7]))
    customers = make_customers(config, np.random.default_rng(seeds[8]))
    lines = make_lines(config, market, catalogue, stock, customers, np.random.default_rng(seeds[9]))
    products = catalogue.products
    products = products.assign(base=products["base"] + np.log(market.scale))
    categories = products["category"].unique()
    tastes = pd.DataFrame(customers.taste, columns=[f"taste_{name}" for name in categories])
    return Marketplace(
        config,
        lines,
        _truth(config, market, stock, catalogue),
        products,
        _by_category(catalogue),
        customers.table,
        pd.concat([customers.segments, tastes], axis=1),
        market.channels,
        market.channel_parameters,
        catalogue.words,
    )


def _truth(config: MarketplaceConfig, market: Market, stock: Stock, catalogue: Catalogue) -> pd.DataFrame:
    product, day = np.nonzero(market.live)
    of_market = ("price", "list_price", "cost", "promotion", "depth", "views", "carts", "regime")
    columns = {name: getattr(market, name)[product, day] for name in ("mu", "shock", "demand")}
    columns |= {name: getattr(stock, name)[product, day] for name in ("sales", "stock", "available")}
    columns |= {name: getattr(market, name)[product, day] for name in of_market}
    frame = pd.DataFrame(
        {
            "unique_id": catalogue.products["unique_id"].to_numpy()[product],
            "ds": config.calendar.to_numpy()[day],
            **columns,
        }
    )
    return frame.astype({name: "int64" for name in ("demand", "sales", "promotion", "views", "carts", "regime")})


def _by_category(catalogue: Catalogue) -> dict[str, pd.DataFrame]:
    ids = catalogue.products["unique_id"]
    tables = {}
    for name, place in catalogue.products.groupby("category").indices.items():
        table = pd.DataFrame(catalogue.elasticity[np.ix_(place, place)], index=ids.iloc[place], columns=ids.iloc[place])
        tables[str(name)] = table.rename_axis(index="unique_id", columns="price_of")
    return tables


def expected_demand(market: Marketplace, price: pd.Series) -> pd.Series:
    """Expected demand of every row of ``market.truth`` had ``price`` been asked instead, all else equal.

    Parameters
    ----------
    price : positive prices with the index of ``market.truth``.

    Raises
    ------
    ValueError
        When the index differs or a price is not positive.
    """
    truth = market.truth
    if not price.index.equals(truth.index):
        raise ValueError(f"price: expected the index of market.truth, {len(truth)} rows; got {len(price)} rows")
    if not (np.isfinite(price) & (price > 0)).all():
        raise ValueError("price: expected positive finite numbers in every row")
    change = truth[["unique_id", "ds"]].assign(move=np.log(price / truth["price"]))
    wide = change.pivot(index="ds", columns="unique_id", values="move").fillna(0.0)  # (days, products)
    moved = [wide[table.columns] @ table.T for table in market.cross_elasticity.values()]
    log_change = pd.concat(moved, axis=1)
    row = log_change.index.get_indexer(truth["ds"])
    column = log_change.columns.get_indexer(truth["unique_id"])
    return (truth["mu"] * np.exp(log_change.to_numpy()[row, column])).rename("mu")


def latent_demand_bias(estimate: pd.DataFrame, truth: pd.DataFrame, column: str = "mean") -> float:
    """Sum of ``estimate - mu`` over the sum of ``mu`` on the rows of the estimate; positive when too high.

    Parameters
    ----------
    estimate : ``unique_id, ds`` and ``column``, such as a forecast table.
    truth : ``unique_id, ds, mu``, such as ``Marketplace.truth``.

    Raises
    ------
    ValueError
        When an estimated row has no truth or no value.
    """
    joined = estimate[["unique_id", "ds", column]].merge(truth[["unique_id", "ds", "mu"]], how="left")
    bad = joined["mu"].isna() | joined[column].isna()
    if bad.any() or joined.empty:
        where = joined.loc[bad, ["unique_id", "ds"]].head(1).to_numpy().tolist()
        raise ValueError(f"{int(bad.sum())} of {len(joined)} estimated rows have no truth or no {column}: {where}")
    return float((joined[column] - joined["mu"]).sum() / joined["mu"].sum())
