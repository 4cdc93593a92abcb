"""What is done in each bucket: clean its lines, rank its products, lay out the chosen ones (chapter 18)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.calendar import period_numbers
from salesforecast_lib.data.cleaning import CleaningConfig, clean
from salesforecast_lib.data.panel import PanelConfig, series_panel
from salesforecast_lib.data.reading.cells.dates import FAR
from salesforecast_lib.data.reading.cells.stray import FUTURE
from salesforecast_lib.data.schema import quarantine_rows
from salesforecast_lib.data.series import Periods, code_lines, rank_cells
from salesforecast_lib.data.series.rank import series_units
from salesforecast_lib.files import read_json, write_json, write_parquet
from salesforecast_lib.processes import give_back_memory
from salesforecast_lib.production.distributed.buckets import LARGE, as_texts, bucket_lines

_NEEDED = ("timestamp", "quantity", "unit_price", "discount")


def clean_file(work: str | Path, bucket: int) -> Path:
    """Clean lines of a bucket."""
    return Path(work) / "clean" / f"bucket-{bucket:05d}.parquet"


def clean_bucket(
    bucket: int, work: str, parts: int, cleaning: CleaningConfig, static: tuple[str, ...], stray: dict[str, list[str]]
) -> dict[str, Any]:
    """Clean the lines of a bucket and write what a panel needs of them; what became of them, as a dictionary.

    Parameters
    ----------
    stray : days that do not belong to the others, by the reason.
    """
    file = clean_file(work, bucket)
    done = file.with_suffix(".json")
    if done.is_file():
        return dict(read_json(done))
    lines = bucket_lines(work, bucket, parts)
    if lines.empty:
        write_json({"lines": 0, "report": [], "days": []}, done)
        return dict(read_json(done))
    refused, days = [], lines["timestamp"].to_numpy().astype("datetime64[D]")
    bad = np.zeros(len(lines), dtype=bool)
    for reason in (FAR, FUTURE):
        mask = np.isin(days, np.array(stray.get(reason, []), dtype="datetime64[D]"))
        refused.append(quarantine_rows(lines, mask, "timestamp", reason))
        bad |= mask
    if bad.any():
        lines = lines[~bad].reset_index(drop=True)
    cleaned = clean(lines, cleaning, pd.concat(refused, ignore_index=True))
    kept = cleaned.kept
    needed = kept[[name for name in (*_NEEDED, *static) if name in kept]].copy(deep=False)
    needed.insert(0, "row", kept["row"])
    needed["product_id"] = kept["product_id"].astype("category")
    for name in (name for name in ("order_id", "customer_id") if name in kept):
        codes = pd.factorize(kept[name])[0]  # only which are equal is counted: numbers do
        needed[name] = _codes(codes)
    write_parquet(needed, file)
    write_parquet(as_texts(cleaned.quarantine), file.with_suffix(".refused.parquet"))
    stamps = kept["timestamp"].to_numpy().astype("datetime64[D]")
    found = {
        "lines": len(kept),
        "series": int(kept["product_id"].nunique()),
        "units": float(kept["quantity"].sum()),
        "report": cleaned.report.to_dict("records"),
        "days": np.unique(stamps).astype(str).tolist(),
    }
    write_json(found, done)
    del lines, cleaned, kept, needed
    if found["lines"] > LARGE:
        give_back_memory()
    return dict(read_json(done))


def _codes(codes: np.ndarray) -> np.ndarray:
    """Codes as numbers that are missing where the id is."""
    return np.where(codes < 0, np.nan, codes) if (codes < 0).any() else codes


def _periods(lines: pd.DataFrame, config: PanelConfig, low: int, high: int) -> Periods:
    days = lines["timestamp"].to_numpy().astype("datetime64[D]").astype("int64")
    number, calendar, complete = period_numbers(days, config.frequency, low, high)
    return Periods(calendar, number, complete)


def rank_bucket(bucket: int, work: str, config: PanelConfig, low: int, high: int) -> pd.DataFrame:
    """The best series of a bucket: ``name, sold`` (periods with sales), ``units, first`` (row of the first line).

    No more than the panel keeps can come from one bucket, so no more are handed on.
    """
    columns = ["row", "product_id", "timestamp", "quantity"]
    lines = pd.read_parquet(clean_file(work, bucket), columns=columns)
    codes, periods = code_lines(lines, config.level), _periods(lines, config, low, high)
    usable = periods.complete
    cell, units = rank_cells(
        codes.code[usable], periods.number[usable], lines["quantity"].to_numpy()[usable], len(periods)
    )
    series = np.arange(len(codes))
    first = np.full(len(codes), np.iinfo("int64").max)
    np.minimum.at(first, codes.code, lines["row"].to_numpy())
    ranks = pd.DataFrame(
        {
            "name": np.asarray(codes.names.astype(str), dtype=object),
            "sold": np.bincount((cell // len(periods))[units > 0], minlength=len(codes)),
            "units": series_units(cell, units, len(periods), series),
            "first": first,
        }
    )
    return best(ranks, config.n_series)


def best(ranks: pd.DataFrame, keep: int) -> pd.DataFrame:
    """The ``keep`` series with most periods with sales, ties by units, then by the first line; 0 keeps all."""
    order = np.lexsort((ranks["first"], -ranks["units"], -ranks["sold"]))
    return ranks.iloc[order[: keep or len(ranks)]]


def panel_file(work: str | Path, bucket: int) -> Path:
    """Panel of a bucket's chosen series."""
    return Path(work) / "panel" / f"bucket-{bucket:05d}.parquet"


def lay_out_bucket(
    bucket: int,
    work: str,
    config: PanelConfig,
    static: tuple[str, ...],
    span: tuple[int, int],
    is_open: np.ndarray,
    names: dict[int, list[str]] | None,
) -> tuple[int, int, float]:
    """Write the panel of a bucket's chosen series; its rows, series and units.

    Parameters
    ----------
    span : numbers of the first and the last period. ``is_open`` : (1, periods).
    names : chosen series of each bucket; None takes all.
    """
    file = panel_file(work, bucket)
    done = file.with_suffix(".json")
    if not done.is_file():
        lines = pd.read_parquet(clean_file(work, bucket))
        if names is not None:
            lines = lines[lines["product_id"].isin(names.get(bucket, []))].reset_index(drop=True)
        rows, series, units = 0, 0, 0.0
        if len(lines):
            lines["product_id"] = lines["product_id"].astype(object)
            codes, periods = code_lines(lines, config.level), _periods(lines, config, *span)
            panel = series_panel(lines, config, static, codes, periods, np.arange(len(codes)), is_open)
            write_parquet(panel, file)
            rows, series, units = len(panel), int(panel["unique_id"].nunique()), float(panel["y"].sum())
        write_json({"rows": rows, "series": series, "units": units}, done)
        if rows > LARGE:
            give_back_memory()
    said = read_json(done)
    return int(said["rows"]), int(said["series"]), float(said["units"])
