"""What can go wrong with a run, and a sentence for it."""

from __future__ import annotations

import errno
import shutil
import tempfile
from pathlib import Path

LEAST_SPACE = 20_000_000  # bytes; a small run writes about as much
_FULL = (errno.ENOSPC, errno.EDQUOT)


class StageError(RuntimeError):
    """A cell failed; the message names notebook, cell, error and the half-executed notebook."""


class FolderError(RuntimeError):
    """A run cannot have its folder: it is a file, cannot be written, is full, or belongs to another run or shop."""


def nearest(path: Path) -> Path:
    """``path`` or the nearest folder or file above it that exists."""
    return next(place for place in (path, *path.parents) if place.exists())


def free_space(path: Path) -> int:
    """Bytes that can still be written where ``path`` lies or would lie."""
    return shutil.disk_usage(nearest(path)).free


def is_full(error: BaseException | str) -> bool:
    """Whether an error, or the text of one from another process, means that a disk has no space left."""
    if isinstance(error, OSError) and error.errno in _FULL:
        return True
    text = str(error)
    return any(sign in text for sign in ("No space left on device", "Disk quota exceeded", "[Errno 28]", "os error 28"))


def full_sentence(folder: Path) -> str:
    """Says which disk is full: the run's, or that of temporary files, whichever has less space left."""
    place = min((folder, Path(tempfile.gettempdir())), key=free_space)
    left = f" ({free_space(place) / 1e6:,.0f} MB left)" if free_space(place) < LEAST_SPACE else ""
    return (
        f"{place}: the disk is full{left}; free some space there, or give another folder, and run the same command "
        "again: what is finished is kept"
    )


def in_words(error: OSError, folder: Path) -> str:
    """One sentence about a file that could not be written or read while working in ``folder``."""
    if is_full(error):
        return full_sentence(folder)
    place = error.filename or folder
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{place}: cannot be written ({error.strerror}); give a folder in which you may write"
    return f"{place}: {error.strerror or error}"
