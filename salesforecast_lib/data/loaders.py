"""Data sets of the book: each loader returns order lines in our names, with the cleaning that fits them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from salesforecast_lib.data.cleaning import CleaningConfig
from salesforecast_lib.data.journey import journey_order_lines
from salesforecast_lib.data.marketplace.config import read_config
from salesforecast_lib.data.marketplace.demand import COUNTRY
from salesforecast_lib.data.marketplace.simulate import Marketplace, simulate_marketplace
from salesforecast_lib.data.online_retail import PRODUCT_CODES, retail_order_lines
from salesforecast_lib.data.reading import ReadingReport, ReadOptions, read_orders
from salesforecast_lib.data.reading.pseudonyms import private
from salesforecast_lib.data.schema import validate_order_lines

_NO_PRODUCT_DEPARTMENTS = ("FUEL", "MISCELLANEOUS", "COUPON")


@dataclass(frozen=True)
class Source:
    """Order lines with what is known about the shop; ``market`` is the truth of simulated ones, ``reading`` says how a
    shop's own file was read.
    """

    lines: pd.DataFrame
    quarantine: pd.DataFrame
    country: str
    static: tuple[str, ...] = ()
    cleaning: CleaningConfig = field(default_factory=CleaningConfig)
    note: str = ""
    market: Marketplace | None = None
    reading: ReadingReport | None = None


def complete_journey() -> Source:
    """The Complete Journey (84.51 degrees): simulated data based on real grocery shopping patterns, 2017.

    Time stamps are UTC in the file; shops are on US Eastern time. ``unit_price`` is net of the shop's discount,
    ``discount`` is the money off per line.
    """
    lines, quarantine = validate_order_lines(journey_order_lines(), "America/New_York")
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
    lines, quarantine = validate_order_lines(retail_order_lines(path))
    return Source(
        lines,
        quarantine,
        "GB",
        ("family",),
        CleaningConfig(product_pattern=PRODUCT_CODES),
        "UCI Online Retail II (Chen), CC BY 4.0",
    )


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
    path: str, options: ReadOptions | None = None, country: str = "US", static: tuple[str, ...] = ()
) -> Source:
    """The reader's own order lines; raises ValueError naming the file and what is missing.

    Customers get names that only the shop's key gives back (`pseudonyms`), unless the options ask for plain ids.
    """
    if not path:
        raise ValueError("path is empty; give your file: -p path=orders.csv")
    read = read_orders(path, options)
    note, lines = f"own data: {Path(path).name}", private(read.frame, (options or ReadOptions()).customer_ids)
    return Source(lines, read.quarantine, country, static, CleaningConfig(), note, reading=read.report)


def load(
    dataset: str,
    path: str = "",
    options: ReadOptions | None = None,
    country: str = "US",
    static: tuple[str, ...] = (),
) -> Source:
    """Loader by name; ``options`` say how the reader's own file is read. Raises ValueError that lists the names."""
    if dataset == "complete_journey":
        return complete_journey()
    if dataset == "online_retail_ii":
        return online_retail_ii(path)
    if dataset == "marketplace":
        return marketplace(path)
    if dataset == "own_data":
        return own_data(path, options, country, static)
    raise ValueError(f"dataset={dataset!r}: expected complete_journey, online_retail_ii, marketplace or own_data")
