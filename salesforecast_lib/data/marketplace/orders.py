"""Stock, customers and order lines of the simulated marketplace; equations in `simulate`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.data.marketplace.config import MarketplaceConfig
from salesforecast_lib.data.marketplace.demand import Market
from salesforecast_lib.data.marketplace.products import Catalogue

_LATE_DAYS = 7
_SMOOTHING = 0.1  # of the buyer's forecast, a half-life of about a week
_DAY_MS = 86_400_000
# segment, share of customers, orders against the mean, price elasticity against the mean of the market
_SEGMENTS = (
    ("loyal", 0.15, 3.0, 0.8),
    ("regular", 0.35, 1.2, 0.2),
    ("occasional", 0.35, 0.4, -0.2),
    ("bargain", 0.15, 1.0, -1.5),
)


@dataclass(frozen=True)
class Stock:
    """``stock`` at the start of the day, ``sales`` and ``available``, each (products, days)."""

    stock: np.ndarray
    sales: np.ndarray
    available: np.ndarray


@dataclass(frozen=True)
class Customers:
    """``table``: customer_id, segment, activity, sorted by segment; ``segments``: shares, elasticity, tastes."""

    table: pd.DataFrame
    segments: pd.DataFrame
    taste: np.ndarray  # (segments, categories)


def replenish(config: MarketplaceConfig, market: Market, catalogue: Catalogue, rng: np.random.Generator) -> Stock:
    """Serve demand from stock, day by day, vectorised over products.

    Deliveries come in the morning, demand is met while stock lasts and lost after, and on its review day each product
    orders up to ``stock_cover`` times the buyer's forecast of lead time + review period. That forecast smooths the
    *sales* of days that did not sell out: the buyer does not see lost demand either, and foresees no festival.
    """
    demand, (n, T) = market.demand, market.demand.shape
    if config.stock_cover == 0:
        return Stock(np.full((n, T), np.inf), demand, np.ones((n, T)))
    opening = np.where(np.arange(T) < np.minimum(catalogue.launch + 28, T)[:, None], market.mu * market.live, 0.0)
    forecast = opening.sum(1) / np.maximum((opening > 0).sum(1), 1) * rng.lognormal(0, 0.3, n)
    protection = config.lead_time + config.review_period
    on_hand = np.ceil(config.stock_cover * forecast * protection)
    on_order = np.zeros(n)
    arrivals = np.zeros((T + config.lead_time + _LATE_DAYS + 1, n))
    review = rng.integers(config.review_period, size=n)
    late = rng.random((T, n)) < config.late_share
    stock, product = np.empty((n, T)), np.arange(n)
    for day in range(T):
        on_hand = on_hand + arrivals[day]
        on_order = on_order - arrivals[day]
        stock[:, day] = on_hand
        sold = np.minimum(demand[:, day], on_hand)
        on_hand = on_hand - sold
        learns = market.live[:, day] & (on_hand > 0)
        forecast = np.where(learns, forecast + _SMOOTHING * (sold - forecast), forecast)
        level = np.maximum(np.ceil(config.stock_cover * forecast * protection), 1.0)
        due = (day % config.review_period == review) & market.live[:, day]
        order = np.where(due, np.maximum(level - on_hand - on_order, 0.0), 0.0)
        arrivals[day + config.lead_time + _LATE_DAYS * late[day], product] += order
        on_order = on_order + order
    sales = np.minimum(demand, stock).astype(demand.dtype)
    # The day sells out at the stock-th of the day's demands, which come evenly: an order statistic of uniforms.
    available = np.ones((n, T))
    out = demand >= stock
    last = out & (stock > 0)
    available[out & (stock == 0)] = 0.0
    available[last] = rng.beta(stock[last], demand[last] - stock[last] + 1)
    return Stock(stock, sales, available)


def make_customers(config: MarketplaceConfig, rng: np.random.Generator) -> Customers:
    """Draw customers: a segment each, and an own activity around the segment's (gamma, shape 1)."""
    names = [row[0] for row in _SEGMENTS]
    share, frequency, elasticity = np.array([row[1:] for row in _SEGMENTS], dtype="float64").T
    segment = np.sort(rng.choice(len(names), config.customers, p=share))
    segment[: len(names)] = np.arange(len(names))  # no segment is empty
    segment.sort()
    activity = frequency[segment] * rng.gamma(1.0, 1.0, config.customers) + 1e-9
    taste = rng.dirichlet(np.full(config.categories, 3.0), len(names)) * config.categories
    table = pd.DataFrame(
        {
            "customer_id": [f"C{i:06d}" for i in range(1, config.customers + 1)],
            "segment": np.array(names)[segment],
            "activity": activity,
        }
    )
    segments = pd.DataFrame(
        {
            "segment": names,
            "customers": np.bincount(segment, minlength=len(names)),
            "activity": np.bincount(segment, activity, len(names)),
            "price_sensitivity": elasticity,
        }
    )
    return Customers(table, segments, taste)


def segment_shares(customers: Customers, category: np.ndarray, log_price: np.ndarray) -> np.ndarray:
    """Share of each segment in the demand of a product at its price, (rows, segments).

    ``category`` codes and ``log_price`` (price over reference price) are (rows,). The shares sum to 1, so that the
    product's own elasticity stays exactly what the catalogue says.
    """
    weight = customers.segments["activity"].to_numpy() * customers.taste.T[category]
    weight = weight * np.exp(customers.segments["price_sensitivity"].to_numpy() * log_price[:, None])
    return weight / weight.sum(1, keepdims=True)


def make_lines(
    config: MarketplaceConfig,
    market: Market,
    catalogue: Catalogue,
    stock: Stock,
    customers: Customers,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Split the sales of each product and day into order lines that add up to them exactly.

    Every unit after the first opens a new line with probability ``line_split``; each line goes to a segment by its
    share, and within the segment and day to one of the visits, whose number is lines / ``basket``. A line's time lies
    in the part of the day in which the product was in stock.
    """
    products = catalogue.products
    day, product = np.nonzero(stock.sales.T)
    units = stock.sales[product, day]
    total = int(units.sum())
    first = np.cumsum(units) - units
    opens = rng.random(total) < config.line_split
    opens[first] = True
    starts = np.flatnonzero(opens)
    quantity = np.diff(np.append(starts, total))
    cell = np.repeat(np.arange(len(units)), units)[starts]  # (lines,)

    codes, names = pd.factorize(products["category"])
    reference = products["reference_price"].to_numpy()
    price = market.price[product, day]
    bounds = segment_shares(customers, codes[product], np.log(price / reference[product])).cumsum(1)[:, :-1]
    segment = (rng.random(len(cell))[:, None] > bounds[cell]).sum(1)
    count = len(customers.segments)
    group = day[cell] * count + segment
    visits = np.ceil(np.bincount(group, minlength=config.days * count) / config.basket).astype("int64")
    slot = np.cumsum(visits)[group] - visits[group] + (rng.random(len(cell)) * visits[group]).astype("int64")
    weight = np.cumsum(customers.table["activity"].to_numpy())
    upper = weight[np.cumsum(customers.segments["customers"].to_numpy()) - 1]
    lower = np.append(0.0, upper[:-1])
    slot_segment = np.repeat(np.arange(len(visits)) % count, visits)
    drawn = lower[slot_segment] + rng.random(len(slot_segment)) * (upper - lower)[slot_segment]
    who = np.minimum(np.searchsorted(weight, drawn, side="right"), len(weight) - 1)
    used = np.bincount(slot, minlength=len(slot_segment)) > 0
    order = 1_000_000 + np.cumsum(used)

    moment = day[cell] * _DAY_MS + (rng.random(len(cell)) * stock.available[product, day][cell] * _DAY_MS).astype(
        "int64"
    )
    time = np.argsort(moment, kind="stable")
    cell, slot, moment, quantity = cell[time], slot[time], moment[time], quantity[time].astype("float64")
    item = product[cell]
    list_price = market.list_price[product, day][cell]
    start = np.datetime64(config.calendar[0], "ms")
    return pd.DataFrame(
        {
            "order_id": order[slot],
            "product_id": products["unique_id"].to_numpy()[item],
            "timestamp": (start + moment.astype("timedelta64[ms]")).astype("datetime64[ns]"),
            "quantity": quantity,
            "unit_price": price[cell],
            "customer_id": customers.table["customer_id"].to_numpy()[who[slot]],
            "discount": np.round(quantity * (list_price - price[cell]), 2),
            "promotion": market.promotion[product, day][cell].astype("int64"),
            "category": pd.Categorical.from_codes(codes[item], categories=names),
            "brand": pd.Categorical(products["brand"])[item],
        }
    )
