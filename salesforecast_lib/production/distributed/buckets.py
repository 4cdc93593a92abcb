"""Order lines sorted into buckets by their product, so that a bucket holds all lines of each of its products.

Whatever is done product by product can then be done bucket by bucket, on any machine and in any order. The bucket is
a checksum of the product's name: unlike Python's own hash it is the same in every process and on every machine.
"""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from salesforecast_lib.data.reading import ReadingReport, ReadOptions
from salesforecast_lib.data.reading.orders import name_columns, type_lines
from salesforecast_lib.data.reading.raw import refused_rows
from salesforecast_lib.files import atomically, read_json, write_json, write_parquet
from salesforecast_lib.processes import give_back_memory
from salesforecast_lib.production.distributed.lines import Part

LARGE = 100_000  # lines from which on it is worth the time to give memory back


def bucket_of(ids: Sequence[str], buckets: int) -> np.ndarray:
    """Bucket of each id: its CRC-32 modulo the number of buckets."""
    return np.array([zlib.crc32(str(text).encode()) % buckets for text in ids], dtype="int64")


def part_file(work: str | Path, number: int) -> Path:
    """Lines of a part, by bucket; the file beside it that ends in .json is written last and says that it is whole."""
    return Path(work) / "lines" / f"part-{number:05d}.parquet"


def sort_part(part: Part, work: str, buckets: int, options: ReadOptions) -> int:
    """Read a part, and write its lines sorted by bucket, one row group for each; lines read.

    Beside it stand the lines that cannot be read, and how many lines each day has: whether a day lies far from all
    others only all parts together can tell.
    """
    file = part_file(work, part.number)
    done = file.with_suffix(".json")
    if done.is_file():
        return int(read_json(done)["rows"])
    days: dict[str, int] = {}

    def count_days(stamps: pd.Series, report: ReadingReport) -> dict[str, np.ndarray]:
        known = stamps.dropna().to_numpy().astype("datetime64[D]")
        distinct, counts = np.unique(known, return_counts=True)
        days.update(zip(distinct.astype(str), counts.tolist(), strict=True))
        return {}

    report = ReadingReport(part.file, "orders")
    cells = name_columns(part.frame(), options, report)
    read = type_lines(cells, refused_rows(), options, report, count_days)
    del cells
    lines = read.frame
    code, names = pd.factorize(lines["product_id"])
    bucket = bucket_of(names, buckets)[code] if len(names) else np.zeros(0, dtype="int64")
    order = np.argsort(bucket, kind="stable")
    ends = np.cumsum(np.bincount(bucket, minlength=buckets))
    table = pa.Table.from_pandas(lines, preserve_index=False).take(pa.array(order))
    groups = atomically_sorted(table, ends, file)
    write_parquet(as_texts(read.quarantine), file.with_suffix(".refused.parquet"))
    write_json({"rows": part.rows, "days": days, "groups": groups}, done)
    del read, lines, table
    if part.rows > LARGE:
        give_back_memory()
    return part.rows


def atomically_sorted(table: pa.Table, ends: np.ndarray, file: Path) -> list[int]:
    """Write a table, a row group for each bucket that has lines; the row group of each bucket, -1 for none."""
    groups, starts = [], np.concatenate([[0], ends[:-1]])

    def write(place: Path) -> None:
        count = 0
        with pq.ParquetWriter(place, table.schema, compression="snappy") as writer:
            for start, end in zip(starts.tolist(), ends.tolist(), strict=True):
                groups.append(count if end > start else -1)
                if end > start:
                    writer.write_table(table.slice(start, end - start), row_group_size=end - start)
                    count += 1

    atomically(file, write)
    return groups


def as_texts(quarantine: pd.DataFrame) -> pd.DataFrame:
    """A quarantine whose columns have the same types in every file."""
    return quarantine.astype({"row": "int64", "column": str, "value": str, "reason": str})


def bucket_lines(work: str, bucket: int, parts: int) -> pd.DataFrame:
    """All lines of a bucket, in the order of the files."""
    tables = []
    for number in range(parts):
        file = part_file(work, number)
        group = read_json(file.with_suffix(".json"))["groups"][bucket]
        if group >= 0:
            with pq.ParquetFile(file) as opened:
                tables.append(opened.read_row_group(group, use_threads=False))
    if not tables:
        return pd.DataFrame()
    frame = pa.concat_tables(tables, promote_options="permissive").to_pandas()
    del tables
    pa.default_memory_pool().release_unused()
    return frame


def days_of(work: str, parts: int) -> tuple[np.ndarray, np.ndarray]:
    """Distinct days of all parts, rising, and lines of each."""
    total: dict[str, int] = {}
    for number in range(parts):
        known: dict[str, Any] = read_json(part_file(work, number).with_suffix(".json"))["days"]
        for day, count in known.items():
            total[day] = total.get(day, 0) + int(count)
    days = np.array(sorted(total), dtype="datetime64[D]")
    order = np.argsort(days)
    return days[order], np.array([total[str(day)] for day in days], dtype="int64")[order]
