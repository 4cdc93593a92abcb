"""Files that unpack to something out of all proportion are refused before they fill the memory (chapter 16b)."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Protocol

from salesforecast_lib.data.reading.report import ReadingError

FREE = 200 << 20  # bytes that every file may unpack to
TIMES = 200  # an honest table unpacks to ten or twenty times its size; text of one sign to a thousand
_PIECE = 1 << 20


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


def _refused(file: Path, packed: int, size: int) -> ReadingError:
    return ReadingError(
        f"{file}: {packed:,} bytes unpack to {size:,} or more, out of all proportion for a table; unpack it yourself, "
        "look at it, and give the file that is inside"
    )
