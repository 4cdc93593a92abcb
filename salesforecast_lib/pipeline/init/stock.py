"""The stock file beside the orders: its columns, its marks, and whether it speaks of the same products."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.data.reading import Reading, ReadingError, ReadOptions, open_table, read_stock_file
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline.init.questions import Ask, InitError, settle_columns, spelled_columns

_OPTION = "--stock-column"


@dataclass(frozen=True)
class StockFile:
    """``file`` with the user's map of its ``columns``; ``options`` are those of the orders, whose decimal mark the user
    ``said`` or which was found; ``encoding`` and ``sheet`` are the stock file's own.
    """

    file: Path
    columns: Mapping[str, str]
    options: ReadOptions
    said: bool
    encoding: str = ""
    sheet: str = ""


def settle_stock(
    stock: StockFile, reading: Reading, table: pd.DataFrame, ask: Ask | None, say: Callable[[Any], None]
) -> tuple[ReadOptions, dict[str, Any]]:
    """Options that both files can be read with, and the stock's values of the profile.

    A decimal mark that was found in the orders is left open where the stock is written with another.

    Raises
    ------
    InitError, ReadingError
        When a column is not certain, the stock cannot be read, or none of its products is in the orders.
    """
    own = ReadOptions(encoding=stock.encoding, sheet=stock.sheet, prefix="stock_")
    raw = open_table(stock.file, own).frame
    given = spelled_columns(stock.columns, raw, stock.file, _OPTION)
    columns = settle_columns(raw, stock.file, given, ask, say, "stock", _OPTION).columns
    options = stock.options
    marks = replace(own, columns=columns, decimal=options.decimal, thousands=options.thousands)
    try:
        ids = set(read_stock_file(stock.file, marks).frame["unique_id"])
    except ReadingError:
        if stock.said or not options.decimal:
            raise
        ids = set(read_stock_file(stock.file, replace(marks, decimal="")).frame["unique_id"])
        options = replace(options, decimal="")
    products = set(reading.frame["product_id" if reading.report.kind == "orders" else "unique_id"])
    if not ids & products:
        raise InitError(_other_ids(stock.file, ids, products, table))
    say(f"stock: {len(ids & products)} of {len(products)} products are in {stock.file.name}")
    values: dict[str, Any] = {"stock_file": str(stock.file)}
    if "stock_columns" in settings.all_parameters():
        values["stock_columns"] = columns
    return options, values


def _other_ids(file: Path, ids: set[str], products: set[str], table: pd.DataFrame) -> str:
    """What to say when the stock speaks of other ids: the column of the orders that holds them."""
    shares = {str(name): len(ids & set(table[name].dropna().astype(str).str.strip())) for name in table}
    best = max(shares, key=lambda name: shares[name])
    say_so = f"--column {shlex.quote(f'product_id={best}')}"
    hint = f"its ids are in the column {best!r}: say {say_so}" if shares[best] else "check its ids"
    return f"{file}: none of its {len(ids)} products is in the orders (as {min(products)!r} is); {hint}"
