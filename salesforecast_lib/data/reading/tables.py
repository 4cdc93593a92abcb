"""From any file to a table of its cells as they are: text files, Parquet, workbooks (chapter 01)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from salesforecast_lib.data.reading.cells import strip
from salesforecast_lib.data.reading.layout import LINES, dated, header_names, header_place, lengthened, stacked
from salesforecast_lib.data.reading.raw import RawTable, numbered, refused_rows
from salesforecast_lib.data.reading.report import ReadingError, ReadOptions
from salesforecast_lib.data.reading.text import read_text
from salesforecast_lib.data.reading.unpacking import check_parquet
from salesforecast_lib.data.reading.workbooks import read_workbook
from salesforecast_lib.files import resolve

_TEXT_FILES = (".csv", ".txt", ".tsv", ".tab", ".gz", ".bz2", ".xz", ".zip")


def open_table(
    path: str | Path, options: ReadOptions | None = None, wanted: Sequence[str] = (), rows: int | None = None
) -> RawTable:
    """Read CSV (any separator, encoding or compression), Parquet or Excel as it is; CSV cells stay text.

    Of a folder, all its Parquet files are read, one after the other by their names; see `parquet_files`. A table with a
    column for each date or each product is turned into rows, see `lengthened` and `stacked`; of a year and a month or
    week one date is made, see `dated`.

    Parameters
    ----------
    wanted : column names looked for: they tell the header from lines above it, and a worksheet from a summary.
    rows : read only so many rows of a text file.

    Raises
    ------
    FileNotFoundError, ReadingError
        Naming the file, what was expected and what to do.
    """
    file, options = resolve(path), options or ReadOptions()
    raw = lengthened(_opened(file, options, wanted, rows), wanted, str(file))
    mapped = [*options.columns.values()]
    return dated(stacked(raw, mapped), mapped)


def _opened(file: Path, options: ReadOptions, wanted: Sequence[str], rows: int | None) -> RawTable:
    if file.is_dir():
        return RawTable(numbered(_plain_texts(read_folder(file, rows))), refused_rows())
    if not file.is_file():
        raise FileNotFoundError(
            f"{file}: no such file; give the path of a .csv, .parquet or .xlsx file, or of a folder of .parquet files"
        )
    if file.stat().st_size == 0:
        raise ReadingError(f"{file}: the file is empty; expected a header line and rows")
    suffix = file.suffix.lower()
    try:
        head = file.open("rb").read(8)
        if suffix in (".parquet", ".pq") or head[:4] == b"PAR1":
            check_parquet(file)
            frame = pd.read_parquet(file)
            pa.default_memory_pool().release_unused()  # Arrow would keep the table's memory for its next one
            frame.columns = [str(name) for name in frame.columns]
            return RawTable(numbered(_plain_texts(frame)), refused_rows())
        if suffix in (".xlsx", ".xlsm", ".xls") or (head[:4] == b"PK\x03\x04" and suffix != ".zip"):
            return _from_workbook(file, options, wanted)
        if suffix not in _TEXT_FILES:
            raise ReadingError(f"{file}: unknown file type {suffix!r}; expected .csv, .parquet or .xlsx")
        return read_text(file, options, wanted, rows)
    except ReadingError:
        raise
    except (ValueError, OSError, KeyError, csv.Error) as error:
        raise ReadingError(f"{file}: cannot be read as {suffix} ({str(error)[:200]}); export it again") from error


def parquet_files(folder: Path) -> list[Path]:
    """Parquet files of a folder and the folders in it, by name; hidden ones are left out.

    Raises
    ------
    ReadingError
        When there is none.
    """
    found = sorted(path for path in folder.rglob("*") if path.suffix.lower() in (".parquet", ".pq") and path.is_file())
    seen = [path for path in found if not any(part[0] in "._" for part in path.relative_to(folder).parts)]
    if not seen:
        raise ReadingError(f"{folder}: no .parquet file in this folder; expected at least one, or give a file")
    return seen


def read_folder(folder: Path, rows: int | None = None) -> pd.DataFrame:
    """All Parquet files of a folder as one table; with ``rows`` only the columns of the first file.

    Raises
    ------
    ReadingError
        Naming the file whose columns differ from those of the first one, or that cannot be read.
    """
    files = parquet_files(folder)
    if rows is not None:
        return pq.read_schema(files[0]).empty_table().to_pandas()
    tables: list[pa.Table] = []
    for file in files:
        try:
            check_parquet(file)
            tables.append(pq.read_table(file, partitioning=None))
        except ReadingError:
            raise
        except (ValueError, OSError) as error:
            raise ReadingError(f"{file}: cannot be read as Parquet ({str(error)[:200]}); export it again") from error
        check_schema(file, tables[-1].schema, files[0], tables[0].schema)
    frame = pa.concat_tables(tables).to_pandas()
    del tables
    pa.default_memory_pool().release_unused()
    frame.columns = [str(name) for name in frame.columns]
    return frame.reset_index(drop=True)


def check_schema(file: Path, schema: pa.Schema, first: Path, expected: pa.Schema) -> None:
    """Raise ReadingError where a file of a folder has other columns, or other types of them, than the first."""
    if not schema.equals(expected, check_metadata=False):
        odd = [
            name
            for name in dict.fromkeys([*expected.names, *schema.names])
            if _kind(schema, name) != _kind(expected, name)
        ]
        raise ReadingError(
            f"{file}: {odd or 'the order of the columns'} not as in {first.name}; expected the same columns, of the "
            "same types and in the same order, in all files of a folder: export it again"
        )


def _kind(schema: pa.Schema, name: str) -> str:
    return str(schema.field(name).type) if name in schema.names else "-"


def _plain_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Categories and every dtype of texts as plain texts, which one set of rules reads."""
    texts = [n for n, kind in frame.dtypes.items() if isinstance(kind, (pd.CategoricalDtype, pd.StringDtype))]
    if not texts:
        return frame
    return frame.assign(**{name: frame[name].astype(object).where(frame[name].notna(), None) for name in texts})


def _from_workbook(file: Path, options: ReadOptions, wanted: Sequence[str]) -> RawTable:
    sheets, notes = read_workbook(file, options.sheet, options.prefix)
    found = []
    for name, cells in sheets.items():
        texts = [[_cell_text(cell) for cell in row] for row in cells[:LINES]]
        place, hits = header_place(texts, wanted)
        if place is not None:
            found.append((hits, name, place, cells))
    if not found:
        raise ReadingError(f"{file}: no worksheet holds a header and rows; there are {list(sheets)}")
    most = max(hits for hits, *_ in found)
    chosen = [entry for entry in found if entry[0] == most]
    headers = {tuple(_cell_text(c) for c in cells[place]) for _, _, place, cells in chosen}
    if len(chosen) > 1 and len(headers) > 1:
        names = [name for _, name, _, _ in chosen]
        say = f"say which with {options.prefix}sheet="
        raise ReadingError(f"{file}: the worksheets {names} have different columns; {say}")
    frames, before = [], 0  # rows of the worksheets above
    for _, _, place, cells in chosen:
        header, more = header_names([_cell_text(c) for c in cells[place]], str(file), wanted)
        notes += more
        below = cells[place + 1 :]
        body = {before + n: row for n, row in enumerate(below, start=1) if any(_cell_text(cell) for cell in row)}
        before += len(below)
        width = max([len(header), *(_filled(row) for row in body.values())])
        header += [f"column {number + 1}" for number in range(len(header), width)]
        full = [[*row[:width], *[None] * (width - len(row))] for row in body.values()]
        frames.append(pd.DataFrame(full, columns=header, index=pd.Index(body, name="row"), dtype=object))
    read = ", ".join(name for _, name, _, _ in chosen)
    others = [name for name in sheets if name not in {entry[1] for entry in chosen}]
    if others:
        notes.append(f"worksheets not read, they lack the columns: {', '.join(others)}")
    if len(chosen) > 1:
        notes.append(f"worksheets {read} have the same columns and were read one after another")
    frame = pd.concat(frames)
    if frame.empty:
        raise ReadingError(f"{file}: a header but no rows; expected rows below it")
    return RawTable(frame, refused_rows(), sheet=read, notes=notes)


def _filled(row: list[object]) -> int:
    """Cells of a row up to its last filled one."""
    return max((number for number, cell in enumerate(row, start=1) if _cell_text(cell)), default=0)


def _cell_text(cell: object) -> str:
    return "" if cell is None else strip(str(cell))
