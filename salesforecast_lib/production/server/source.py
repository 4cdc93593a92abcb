"""Which version of the model answers: what the last valid line of the registry's log says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

LOG = "log.jsonl"


def newest(models: Path) -> Callable[[], tuple[str, Path]]:
    """A source for the server: the version that ``models/log.jsonl`` names, and its folder.

    A log line is a JSON object whose ``version`` is current from then on; a torn last line is left out. The log is
    read again only when it has changed.

    Raises
    ------
    FileNotFoundError, ValueError
        From the source, when the log names no version.
    """
    seen: tuple[int, int] | None = None
    found: tuple[str, Path] | None = None

    def source() -> tuple[str, Path]:
        nonlocal seen, found
        log = models / LOG
        if not log.is_file():
            raise FileNotFoundError(f"{log}: no such file; export the run first: salesforecast export {models.parent}")
        stat = log.stat()
        now = (stat.st_mtime_ns, stat.st_size)
        if found is None or now != seen:
            version = current_version(log)
            found, seen = (version, models / version), now
        return found

    return source


def current_version(log: Path) -> str:
    """The version that the last valid line of a log names; raises ValueError where none does."""
    for line in reversed(log.read_bytes().split(b"\n")):
        try:
            told = json.loads(line)
        except ValueError:
            continue  # torn by a crash, or the empty end
        version = told.get("version") if isinstance(told, dict) else None
        if isinstance(version, str) and version and "/" not in version and version not in (".", ".."):
            return version
    raise ValueError(f"{log}: names no version of the model; export the run again")
