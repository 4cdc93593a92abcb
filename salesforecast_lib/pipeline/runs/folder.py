"""The folder of a run: that it can be written, and that nobody else is at work in it."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from salesforecast_lib.files import read_json, write_json
from salesforecast_lib.pipeline.runs.errors import LEAST_SPACE, FolderError, free_space, full_sentence, is_full, nearest

STATE = ".state"  # what the runner keeps for itself, in the run's folder


def open_folder(folder: Path) -> Path:
    """Make ``folder`` where it is missing, and see that files can be written there.

    Raises
    ------
    FolderError
        When it, or something above it, is a file; when it cannot be written; when hardly any space is left.
    """
    folder = Path(os.path.abspath(folder))
    above = nearest(folder)
    if not above.is_dir():
        raise FolderError(f"{above}: is a file, but {folder} has to be a folder; give another one with --run-dir")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"x" * 4096)
    except OSError as error:
        if is_full(error):
            raise FolderError(full_sentence(folder)) from None
        raise FolderError(
            f"{folder}: nothing can be written there ({error.strerror or error}); give another folder with --run-dir"
        ) from None
    if free_space(folder) < LEAST_SPACE:
        raise FolderError(full_sentence(folder))
    return folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder of a run for this process; it may be asked for again inside.

    The lock is the operating system's: it goes with the process, however that ends.

    Raises
    ------
    FolderError
        Saying which process has the folder and since when; or what `open_folder` says.
    """
    from filelock import FileLock, Timeout

    folder = open_folder(folder)
    holder = folder / STATE / "running.json"
    holder.parent.mkdir(exist_ok=True)
    lock = FileLock(folder / STATE / "lock", is_singleton=True)  # the same process may enter twice
    try:
        lock.acquire(timeout=0)
    except Timeout:
        found = read_json(holder) if holder.is_file() else {}
        who = f" (process {found['pid']}, since {found['since']})" if found else ""
        raise FolderError(
            f"{folder}: another run{who} is using this folder; wait until it ends, or give another one with --run-dir"
        ) from None
    try:
        if lock.lock_counter == 1:
            write_json({"pid": os.getpid(), "since": datetime.now().strftime("%Y-%m-%d %H:%M:%S")}, holder)
        yield
    finally:
        if lock.lock_counter == 1:
            holder.unlink(missing_ok=True)
        lock.release()
