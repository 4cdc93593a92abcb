"""From a file to its bytes and their encoding: compression, byte order marks, the shop's own code page (chapter 01)."""

from __future__ import annotations

import bz2
import codecs
import gzip
import io
import lzma
import re
import zipfile
import zlib
from pathlib import Path

from charset_normalizer import from_bytes

from salesforecast_lib.data.reading.report import ReadingError
from salesforecast_lib.data.reading.unpacking import check_archive, unpacked

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SHOWN = {"utf-8-sig": "UTF-8 with mark", "utf-8": "UTF-8", "gb18030": "GB18030", "cp1252": "Windows-1252"}
_HIGH = re.compile(rb"[\x80-\xff]+")
_SAMPLE = 1 << 20  # bytes of runs looked at
_CHINESE_PAIR = re.compile(
    rb"(?:[\xb0-\xd7][\xa1-\xfe]|[\xa1-\xa3][\xa1-\xfe])+"
)  # common characters, full-width marks
_HANGUL = re.compile(rb"(?:[\xb0-\xc8][\xa1-\xfe])+")  # of EUC-KR; half of all Chinese characters lie beyond
_KOREAN = 8  # pairs, all of them among these: such a Chinese text is one in hundreds
_SYMBOL_IN_WORD = re.compile(r"[^\W\d_][^\w\s\x00-\x7f’‘´·–—-][^\W\d_]|\b[£¹³][^\W\d_]{2}|[^\W\d_][¹³£]")
_FOREIGN_WORD = re.compile(r"[^\W\d_]*[^\x00-\x7f\W\d_][^\W\d_]*")
_ENOUGH = 60  # bytes above 127 from which a language can be told


def read_bytes(file: Path) -> bytes:
    """The file's content, decompressed (gzip, bzip2, xz, or a zip with one file)."""
    data = file.read_bytes()
    try:
        if data[:2] == b"\x1f\x8b":
            return unpacked(gzip.GzipFile(fileobj=io.BytesIO(data)), file, len(data))
        if data[:3] == b"BZh":
            return unpacked(bz2.BZ2File(io.BytesIO(data)), file, len(data))
        if data[:6] == b"\xfd7zXZ\x00":
            return unpacked(lzma.LZMAFile(io.BytesIO(data)), file, len(data))
        if data[:4] == b"PK\x03\x04" and file.suffix.lower() == ".zip":
            return _only_member(data, file)
    except (OSError, EOFError, lzma.LZMAError, zipfile.BadZipFile, zlib.error) as error:
        raise ReadingError(f"{file}: cannot be decompressed ({error}); compress or export it again") from error
    return data


def _only_member(data: bytes, file: Path) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        check_archive(archive, file, len(data))
        names = [n for n in archive.namelist() if not n.endswith("/") and not n.startswith(("__MACOSX", "."))]
        if len(names) != 1:
            raise ReadingError(f"{file}: holds {names[:10]}; expected one file: unpack it and give the right one")
        return archive.read(names[0])


def shown_encoding(encoding: str) -> str:
    """Name of an encoding for a reader."""
    return _SHOWN.get(encoding, encoding.upper().replace("_", "-"))


def say_encoding(data: bytes, encoding: str, prefix: str = "") -> str | None:
    """A sentence with words that show whether the encoding is right; None for Unicode, which needs none."""
    if encoding.startswith("utf"):
        return None
    words = dict.fromkeys(_FOREIGN_WORD.findall(data[:_SAMPLE].decode(encoding, errors="ignore")))
    shown = ", ".join(repr(word) for word in list(words)[:3]) or "no letters beyond ASCII"
    name = shown_encoding(encoding)
    return f"the file is not Unicode and was read as {name}: {shown}. If that looks wrong, say {prefix}encoding="


def find_encoding(data: bytes, file: str, asked: str = "", prefix: str = "") -> str:
    """Python's name of the encoding: what was ``asked`` for, a byte order mark, UTF-8 where it fits, else by its words.

    ``prefix`` is what the name of the parameter begins with, for advice.

    Raises
    ------
    ReadingError
        When the bytes do not tell, or are no text.
    """
    if asked:
        try:
            data.decode(asked)
        except (LookupError, UnicodeDecodeError) as error:
            raise ReadingError(
                f"{file}: {prefix}encoding={asked!r} does not fit ({error}); leave it out to have it found"
            ) from error
        return asked
    for mark, name in _MARKS:
        if data.startswith(mark):
            return _checked(data, name, file)
    head = data[:4096]
    if b"\x00" in head:
        even, odd = head[::2].count(0), head[1::2].count(0)
        if max(even, odd) > 0.3 * len(head) / 2 and min(even, odd) < 0.1 * len(head) / 2:
            return _checked(data, "utf-16-le" if odd > even else "utf-16-be", file)
        raise ReadingError(f"{file}: no text but binary data; expected a .csv, .parquet or .xlsx file")
    if _fits(data, "utf-8"):
        return "utf-8"
    return _code_page(data, file, f"{prefix}encoding=")


def _fits(data: bytes, name: str) -> bool:
    try:
        data.decode(name)
    except UnicodeDecodeError:
        return False
    return True


def _checked(data: bytes, name: str, file: str) -> str:
    if not _fits(data, name):
        raise ReadingError(f"{file}: begins like {name} but is not; export it again as 'CSV UTF-8'")
    return name


def _code_page(data: bytes, file: str, say: str) -> str:
    """GB18030, Windows-1252 or another code page, from how bytes above 127 stand among the letters.

    ``say`` is the parameter that names it, in advice.
    """
    chinese = western = long = pairs = 0
    runs = list(_HIGH.finditer(data[: 64 * _SAMPLE]))[:100_000]
    for run in runs:
        bytes_, before, after = run.group(), data[run.start() - 1 : run.start()], data[run.end() : run.end() + 1]
        long += len(bytes_) > 3
        touches = before.islower() or after.islower()
        if len(bytes_) % 2 == 0 and _CHINESE_PAIR.fullmatch(bytes_) and not (touches and len(bytes_) == 2):
            chinese, pairs = chinese + 1, pairs + len(bytes_) // 2
        elif len(bytes_) == 1 or (touches and len(bytes_) <= 3):
            western += 1
    if pairs > 1 and chinese >= 0.8 * len(runs) and _fits(data, "gb18030"):
        if pairs < _KOREAN or not _HANGUL.fullmatch(b"".join(run.group() for run in runs)):
            return "gb18030"
        raise ReadingError(f"{file}: Korean or Chinese, which its bytes do not tell; say {say}euc_kr or {say}gb18030")
    if western >= 0.8 * len(runs) and not long:
        words = b"\n".join(data[max(run.start() - 3, 0) : run.end() + 3] for run in runs)
        for name in ("cp1252", "cp1250"):
            if _fits(data, name) and not _SYMBOL_IN_WORD.search(words.decode(name)):
                return name
    guess = from_bytes(data[:_SAMPLE]).best()
    if guess is not None and sum(len(run.group()) for run in runs) >= _ENOUGH:
        if guess.coherence >= 0.5 and guess.chaos < 0.1 and _fits(data, guess.encoding):
            return str(guess.encoding)
    maybe = f" (perhaps {guess.encoding})" if guess is not None else ""
    raise ReadingError(
        f"{file}: neither UTF-8 nor an encoding that can be told for sure{maybe}; save it as 'CSV UTF-8', or say "
        f"{say}, for example {say}cp1252 (Western Windows) or {say}gb18030 (Chinese)"
    )
