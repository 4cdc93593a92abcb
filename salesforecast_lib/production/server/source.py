"""Which version of the model answers: what the last valid line of the registry's log says."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from salesforecast_lib.production.version_log import LOG, current_version


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
        stat = log.stat() if log.is_file() else None
        now = (stat.st_mtime_ns, stat.st_size) if stat else None
        if found is None or now != seen:
            version = current_version(models)
            found, seen = (version, models / version), now
        return found

    return source
