"""UCI Online Retail II: the publisher's workbook, or a file in its columns, as order lines (chapter 01)."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from salesforecast_lib.data.reading import open_table
from salesforecast_lib.files import resolve

ONLINE_RETAIL_URL = "https://archive.ics.uci.edu/static/public/502/online+retail+ii.zip"
NAMES = {  # our name: name in the file
    "order_id": "Invoice",
    "product_id": "StockCode",
    "timestamp": "InvoiceDate",
    "quantity": "Quantity",
    "unit_price": "Price",
    "customer_id": "CustomerID",
    "location_id": "Country",
}
PRODUCT_CODES = r"\d{5}[A-Z]{0,2}"  # five digits and a colour; postage, fees, vouchers and tests look otherwise


def retail_order_lines(path: str = "") -> pd.DataFrame:
    """Order lines in our column names, not yet validated; without ``path`` the publisher's workbook is fetched.

    Product codes are told apart without regard to case and outer blanks. ``family``, the first three characters of the
    code, stands in for the hierarchy that the shop does not have.

    Raises
    ------
    ValueError
        When the file lacks a column of Online Retail II, or the download fails.
    """
    if not path:
        raw = _fetch()
    else:
        workbook = Path(path).suffix.lower() in (".xlsx", ".xls") and resolve(path).is_file()
        raw = _read_workbook(resolve(path)) if workbook else open_table(path, wanted=tuple(NAMES.values())).frame
    raw = raw.rename(columns={"Customer ID": "CustomerID"})
    missing = [theirs for theirs in NAMES.values() if theirs not in raw]
    if missing:
        raise ValueError(f"{path}: missing columns {missing}; expected the columns of Online Retail II")
    lines = pd.DataFrame({ours: raw[theirs] for ours, theirs in NAMES.items()})
    lines["order_id"] = lines["order_id"].astype(str)
    lines["product_id"] = lines["product_id"].astype(str).str.strip().str.upper()
    lines["family"] = lines["product_id"].str.slice(0, 3)
    return lines


def _fetch() -> pd.DataFrame:
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
