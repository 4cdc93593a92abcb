"""Which version of the model answers: what the registry's log says, passing over what cannot be read."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path

from salesforecast_lib.production.version_log import LOG, current_version, serving_line

Source = Callable[[Collection[str]], tuple[str, Path]]


def newest(models: Path) -> Source:
    """A source for the server: the version that ``models/log.jsonl`` names as current, and its folder.

    Versions that the caller names as unfit are passed over: then it is the one that was current before them. The log is
    read again only when it has changed.

    Raises
    ------
    FileNotFoundError, ValueError
        From the source, when the log names no version, or all of them are unfit.
    """
    seen: tuple[int, int] | None = None
    line: list[str] = []

    def source(unfit: Collection[str] = ()) -> tuple[str, Path]:
        nonlocal seen, line
        log = models / LOG
        stat = log.stat() if log.is_file() else None
        now = (stat.st_mtime_ns, stat.st_size) if stat else None
        if not line or now != seen:
            current_version(models)  # says what is wrong where there is none
            line, seen = serving_line(models), now
        fit = [version for version in line if version not in unfit]
        if not fit:
            raise ValueError(f"{log}: none of its versions can be served")
        return fit[-1], models / fit[-1]

    return source
