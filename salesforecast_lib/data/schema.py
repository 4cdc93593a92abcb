"""Order lines from CSV, Parquet or Excel, checked row by row; what is refused goes to quarantine."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pandera.pandas as pa

from salesforecast_lib.files import resolve

REQUIRED = ("order_id", "product_id", "timestamp", "quantity", "unit_price")
OPTIONAL = ("customer_id", "location_id", "discount", "promotion")
QUARANTINE_COLUMNS = ["row", "column", "value", "reason"]
_NUMBERS = ("quantity", "unit_price", "discount")
_MAX_CELL = 1_000_000  # characters; a longer cell is a broken quote, not a product name

ORDER_LINES = pa.DataFrameSchema(
    {
        "row": pa.Column("int64"),
        "order_id": pa.Column(nullable=False),
        "product_id": pa.Column(nullable=False),
        "timestamp": pa.Column("datetime64[ns]", nullable=False),
        "quantity": pa.Column("float64", pa.Check(np.isfinite), nullable=False),
        "unit_price": pa.Column("float64", pa.Check(np.isfinite), nullable=False),
    },
    strict=False,
)


def _read_csv(file: Path, rows: int | None) -> pd.DataFrame:
    """CSV whose separator is the one of ``, ; tab |`` that its header line holds most of."""
    opener = gzip.open if file.suffix.lower() == ".gz" else open
    with opener(file, "rt", encoding="utf-8-sig", newline="") as handle:
        header = handle.readline(_MAX_CELL)
    separator = max(",;\t|", key=header.count)
    names = [name.strip() for name in next(csv.reader([header], delimiter=separator), [])]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"columns {twice} appear twice in the header")
    return pd.read_csv(file, dtype=str, sep=separator, encoding="utf-8-sig", nrows=rows, low_memory=False)


def read_table(path: str | Path, rows: int | None = None) -> pd.DataFrame:
    """Read CSV, Parquet or Excel as it is; CSV cells stay text so that nothing is guessed.

    ``rows`` reads only so many rows of a CSV file.

    Raises
    ------
    FileNotFoundError, ValueError
        Naming the file, what was expected and what to do.
    """
    file = resolve(path)
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no such file; give the path of a .csv, .parquet or .xlsx file")
    suffix = file.suffix.lower()
    if file.stat().st_size == 0:
        raise ValueError(f"{file}: the file is empty; expected a header line and order lines")
    try:
        if suffix in (".parquet", ".pq"):
            return pd.read_parquet(file)
        if suffix in (".xlsx", ".xls"):
            return pd.concat(pd.read_excel(file, sheet_name=None, dtype=object).values(), ignore_index=True)
        if suffix in (".csv", ".txt", ".tsv", ".gz"):
            return _read_csv(file, rows)
    except UnicodeDecodeError as error:
        raise ValueError(f"{file}: not UTF-8 at byte {error.start}; save the file as 'CSV UTF-8'") from error
    except (ValueError, OSError, KeyError) as error:
        raise ValueError(f"{file}: cannot be read as {suffix} ({str(error)[:200]}); export it again") from error
    raise ValueError(f"{file}: unknown file type {suffix!r}; expected .csv, .parquet or .xlsx")


def rename_columns(table: pd.DataFrame, column_map: Mapping[str, str] | None, source: str) -> pd.DataFrame:
    """Give the file's columns our names; ``column_map`` is ``{our name: name in the file}``.

    Raises ValueError that lists the missing columns and those the file has.
    """
    column_map = dict(column_map or {})
    unknown = sorted(set(column_map) - set(REQUIRED) - set(OPTIONAL))
    if unknown:
        raise ValueError(f"column map: unknown names {unknown}; expected some of {[*REQUIRED, *OPTIONAL]}")
    names = {ours: column_map.get(ours, ours) for ours in (*REQUIRED, *OPTIONAL)}
    missing = [
        f"{ours} (looked for {theirs!r})"
        for ours, theirs in names.items()
        if theirs not in table.columns and (ours in REQUIRED or ours in column_map)
    ]
    if missing:
        raise ValueError(
            f"{source}: missing columns {missing}; the file has {list(map(str, table.columns))[:30]}. "
            "Name yours in the column map, for example quantity=Qty"
        )
    if table.columns.duplicated().any():
        raise ValueError(f"{source}: columns {list(table.columns[table.columns.duplicated()])} appear twice")
    return table.rename(columns={theirs: ours for ours, theirs in names.items() if theirs in table.columns})


def quarantine_rows(lines: pd.DataFrame, mask: np.ndarray, column: str, reason: str) -> pd.DataFrame:
    """Rows of ``lines`` under ``mask`` as quarantine rows: row number, column, value (text), reason."""
    bad = lines.loc[mask, ["row", column]]
    return pd.DataFrame(
        {
            "row": bad["row"].astype("int64"),
            "column": column,
            "value": bad[column].astype(str).str.slice(0, 200),
            "reason": reason,
        }
    )


def _to_number(values: pd.Series) -> pd.Series:
    return values if values.dtype == np.float64 else pd.to_numeric(values, errors="coerce").astype("float64")


def _to_timestamp(values: pd.Series) -> pd.Series:
    if pd.api.types.is_datetime64_any_dtype(values):
        return values if values.dt.tz is not None else values.astype("datetime64[ns]")
    if pd.api.types.is_numeric_dtype(values):  # 20240101 and Excel serials are ambiguous: refuse
        return pd.Series(pd.NaT, index=values.index, dtype="datetime64[ns]")
    parsed = pd.to_datetime(values, errors="coerce", format="ISO8601", utc=False) if values.notna().any() else values
    return parsed if pd.api.types.is_datetime64_any_dtype(parsed) else pd.to_datetime(values, errors="coerce", utc=True)


def validate_order_lines(lines: pd.DataFrame, timezone: str | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Split ``lines`` (our column names) into valid lines and quarantine.

    Adds ``row`` (1-based number of the line in the input) when it is not there. ``timezone`` is the shop's:
    time stamps with a zone, or in UTC, are converted to it and made naive.

    Returns
    -------
    lines, quarantine : DataFrame
        Together they hold every input row exactly once.
    """
    lines = lines.set_axis(
        pd.RangeIndex(len(lines)), axis=0, copy=False
    )  # a shallow copy: the columns are not duplicated
    if "row" not in lines:
        lines["row"] = np.arange(1, len(lines) + 1, dtype="int64")
    bad = np.zeros(len(lines), dtype=bool)
    parts: list[pd.DataFrame] = []

    def refuse(mask: np.ndarray, column: str, reason: str) -> None:
        mask = np.asarray(mask, dtype=bool) & ~bad
        if mask.any():
            parts.append(quarantine_rows(lines, mask, column, reason))
            bad[mask] = True

    for column in ("order_id", "product_id"):
        values = lines[column]
        if not pd.api.types.is_integer_dtype(values):
            text = values.astype("string").str.strip()
            refuse(values.isna() | (text == "").fillna(True), column, "missing id")
            refuse((text.str.len() > _MAX_CELL).fillna(False), column, "cell longer than a million characters")
    parsed = {"timestamp": _to_timestamp(lines["timestamp"])}
    refuse(parsed["timestamp"].isna(), "timestamp", "not a date; expected ISO 8601 such as 2024-03-31 17:05")
    for column in (c for c in _NUMBERS if c in lines):
        parsed[column] = _to_number(lines[column])
        if column != "discount":
            refuse(~np.isfinite(parsed[column].to_numpy()), column, "not a finite number")
    stamps = parsed["timestamp"]
    if stamps.dt.tz is not None:
        parsed["timestamp"] = stamps.dt.tz_convert(timezone or "UTC").dt.tz_localize(None).astype("datetime64[ns]")
    elif timezone:
        parsed["timestamp"] = stamps.dt.tz_localize("UTC").dt.tz_convert(timezone).dt.tz_localize(None)
    good = lines
    for column, values in parsed.items():
        good[column] = values
    if bad.any():
        good = good.loc[~bad]
        good.index = pd.RangeIndex(len(good))  # reset_index would copy every column again
    quarantine = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=QUARANTINE_COLUMNS)
    return ORDER_LINES.validate(good, inplace=True), quarantine


def read_order_lines(
    path: str | Path, column_map: Mapping[str, str] | None = None, timezone: str | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read, rename and validate a file of order lines; returns ``(lines, quarantine)``.

    Raises ValueError or FileNotFoundError naming the file when it cannot be used at all.
    """
    table = read_table(path)
    if table.empty:
        raise ValueError(f"{path}: a header but no rows; expected order lines")
    return validate_order_lines(rename_columns(table, column_map, str(path)), timezone)


def check_columns(path: str | Path, column_map: Mapping[str, str] | None) -> None:
    """Raise what `read_order_lines` would raise about the file's columns, reading its first rows only where it can."""
    rename_columns(read_table(path, rows=1), column_map, str(path))
