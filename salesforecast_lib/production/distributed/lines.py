"""Order lines in a folder of Parquet files, cut into parts that fit into memory (chapter 18)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from salesforecast_lib.data.reading import ReadingError, ReadingReport, ReadOptions
from salesforecast_lib.data.reading.orders import name_columns
from salesforecast_lib.data.reading.tables import check_schema, parquet_files
from salesforecast_lib.data.reading.unpacking import check_parquet

PART = 1_000_000  # lines of a part: half a gigabyte while they are read


@dataclass(frozen=True)
class Part:
    """Row groups ``groups`` of a ``file``; ``first`` is the number of its first row among all files, from 1."""

    number: int
    file: str
    groups: tuple[int, ...]
    first: int
    rows: int

    def frame(self) -> pd.DataFrame:
        """The cells as they are, indexed by the row's number among all files."""
        with pq.ParquetFile(self.file) as opened:
            table = opened.read_row_groups(list(self.groups), use_threads=False)
        return table.to_pandas().set_axis(pd.RangeIndex(self.first, self.first + self.rows, name="row"), axis=0)


def order_files(path: str | Path) -> list[Path]:
    """The Parquet files of a folder, by name, or the one file that ``path`` is.

    Raises
    ------
    FileNotFoundError, ReadingError
        When there is nothing there, or another kind of file.
    """
    place = Path(path).expanduser().resolve()
    if place.is_dir():
        return parquet_files(place)
    if not place.is_file():
        raise FileNotFoundError(f"{place}: no such folder; give a folder of .parquet files with order lines")
    if place.suffix.lower() not in (".parquet", ".pq"):
        raise ReadingError(
            f"{place}: only Parquet can be read in parts; expected .parquet files, or use salesforecast run"
        )
    return [place]


def parts_of(files: list[Path], options: ReadOptions, size: int = PART) -> list[Part]:
    """Cut the files into parts of about ``size`` lines; a row group is never cut.

    Raises
    ------
    ReadingError
        When the columns of the files differ, or their types would have to be guessed from all rows.
    """
    parts: list[Part] = []
    first, expected = 1, None
    for file in files:
        try:
            check_parquet(file, texts=False)
            opened = pq.ParquetFile(file)
        except ReadingError:
            raise
        except (ValueError, OSError) as error:
            raise ReadingError(f"{file}: cannot be read as Parquet ({str(error)[:200]}); export it again") from error
        with opened:
            schema, metadata = opened.schema_arrow, opened.metadata
            if expected is None:
                expected = schema
                empty = schema.empty_table().to_pandas()
                name_columns(empty, options, ReadingReport(str(file), "orders"))  # raises where one is missing
                _check_types(file, schema, options)
            check_schema(file, schema, files[0], expected)
            sizes = [metadata.row_group(group).num_rows for group in range(metadata.num_row_groups)]
        groups: list[int] = []
        for group, rows in enumerate(sizes):
            groups.append(group)
            if sum(sizes[one] for one in groups) >= size or group == len(sizes) - 1:
                rows = sum(sizes[one] for one in groups)
                parts.append(Part(len(parts), str(file), tuple(groups), first, rows))
                first, groups = first + rows, []
    return parts


def _check_types(file: Path, schema: pa.Schema, options: ReadOptions) -> None:
    """Raise where a cell's meaning depends on the other rows: dates and numbers that are texts."""
    kinds = {name: schema.field(name).type for name in schema.names}
    when = kinds.get(_theirs("timestamp", options.columns))
    if when is not None and not (pa.types.is_timestamp(when) or pa.types.is_date(when)):
        raise ReadingError(
            f"{file}: timestamp is of the type {when}; lines that are read in parts need stamps of a type of time: "
            "convert the column while you write the file"
        )
    if options.timezone and when is not None and getattr(when, "tz", None) is None:
        raise ReadingError(
            f"timezone={options.timezone}: the stamps of {file.name} have no zone; write them with one (UTC), or "
            "leave timezone out"
        )
    for ours in ("quantity", "unit_price", "line_total", "discount"):
        kind = kinds.get(_theirs(ours, options.columns))
        if kind is not None and (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
            raise ReadingError(
                f"{file}: {ours} is text; lines that are read in parts need numbers: convert the column while you "
                "write the file"
            )


def _theirs(ours: str, columns: Mapping[str, str]) -> str:
    return columns.get(ours, ours)
