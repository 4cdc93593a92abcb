"""What order lines are, and the check of frames that a loader makes; files of a shop are read in `reading`."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pandera.pandas as pa

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


def quarantine_rows(lines: pd.DataFrame, mask: np.ndarray, column: str, reason: str) -> pd.DataFrame:
    """Rows of ``lines`` under ``mask`` as quarantine rows: row number, column, value (text), reason."""
    bad = lines.loc[mask, ["row", column]]
    return pd.DataFrame(
        {
            "row": bad["row"].astype("int64"),
            "column": column,
            "value": bad[column].astype(object).where(bad[column].notna(), "").astype(str).str.slice(0, 200),
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
