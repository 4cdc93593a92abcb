"""Files that unpack to something out of all proportion are refused before they fill the memory (chapter 16b)."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salesforecast_lib.data.reading.report import ReadingError

FREE = 200 << 20  # bytes that every file may unpack to
TIMES = 200  # an honest table unpacks to ten or twenty times its size; text of one sign to a thousand
_PIECE = 1 << 20
_CELL = 8  # bytes of a number, or of the place of a text


class Stream(Protocol):
    """What decompresses piece by piece."""

    def read(self, size: int = ..., /) -> bytes:
        """The next bytes, so many at most."""


def most_of(packed: int) -> int:
    """Bytes that a file of so many bytes may unpack to."""
    return max(FREE, TIMES * packed)


def check_archive(archive: zipfile.ZipFile, file: Path, packed: int) -> None:
    """Raise ReadingError where a zip or workbook says that it unpacks to too much.

    What its directory says binds: a member is not read beyond its stated size.
    """
    total = sum(member.file_size for member in archive.infolist())
    if total > most_of(packed):
        raise _refused(file, packed, total)


def unpacked(stream: Stream, file: Path, packed: int) -> bytes:
    """What a decompressing stream yields; raises ReadingError as soon as it is too much."""
    most, pieces, size = most_of(packed), [], 0
    while piece := stream.read(_PIECE):
        size += len(piece)
        if size > most:
            raise _refused(file, packed, size)
        pieces.append(piece)
    return b"".join(pieces)


def check_parquet(file: Path, texts: bool = True) -> None:
    """Raise ReadingError where a Parquet file says that it holds too much.

    Its footer tells how large the pages are without compression, and how many cells there are: ten million times the
    same number takes a few bytes of pages. Of texts a file need hold each only once, so those that could fill the
    memory are added up from their dictionary, before a table is made of them. What a page holds beyond what the footer
    tells of it is not seen.

    Parameters
    ----------
    texts : whether to add up texts as well, for which their columns are read; else the footer alone.
    """
    packed = file.stat().st_size
    with pq.ParquetFile(file) as opened:
        footer = opened.metadata
        groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
        chunks = [[group.column(number) for number in range(group.num_columns)] for group in groups]
        pages = sum(chunk.total_uncompressed_size for group in chunks for chunk in group)
        cells = _CELL * sum(chunk.num_values for group in chunks for chunk in group)
        if max(pages, cells) > most_of(packed):
            raise _refused(file, packed, max(pages, cells))
        large = {
            chunk.path_in_schema
            for group in chunks
            for chunk in group
            if chunk.physical_type == "BYTE_ARRAY"
            and chunk.num_values * chunk.total_uncompressed_size > most_of(packed)  # no text is longer than its chunk
        }
    if not texts:
        return
    total = pages
    for name in sorted(large):
        with pq.ParquetFile(file, read_dictionary=[name]) as opened:
            for number in range(opened.num_row_groups):
                total += _text_bytes(opened.read_row_group(number, columns=[name]))
                if total > most_of(packed):
                    raise _refused(file, packed, total)


def _text_bytes(table: pa.Table) -> int:
    """Bytes of all texts of a table's columns, each as often as it stands there."""
    total = 0
    for column in table.columns:
        for chunk in column.chunks:
            if not pa.types.is_dictionary(chunk.type):  # in lists, for instance
                total += chunk.nbytes
                continue
            length = pc.fill_null(pc.binary_length(chunk.dictionary), 0).to_numpy(zero_copy_only=False)
            place = chunk.indices.drop_null().to_numpy(zero_copy_only=False)
            total += int(np.bincount(place, minlength=len(length)).astype("int64") @ length.astype("int64"))
    return total


def _refused(file: Path, packed: int, size: int) -> ReadingError:
    return ReadingError(
        f"{file}: {packed:,} bytes unpack to {size:,} or more, out of all proportion for a table; unpack it yourself, "
        "look at it, and give the file that is inside"
    )
