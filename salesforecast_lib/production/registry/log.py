"""The append-only log of a run's models: one JSON object a line, forced to the disk before anybody is told."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from salesforecast_lib.production.version_log import LOG as FILE
from salesforecast_lib.production.version_log import MODELS as FOLDER
from salesforecast_lib.production.version_log import log_entries

EVENTS = ("published", "promoted", "refused", "rolled back", "removed")


def append(run: Path, event: str, model: str, current: str | None, who: str, **told: Any) -> dict[str, Any]:
    """Write one line and force it to the disk; returns what was written.

    ``model`` is the version that the event is about; ``current`` the one that serves from then on, which the line keeps
    as ``version``: a reader needs nothing but the last line.

    A line that an earlier crash left torn is closed first, so that it spoils no other.

    Raises
    ------
    ValueError
        When the event is none of `EVENTS`.
    """
    if event not in EVENTS:
        raise ValueError(f"event={event!r}: expected one of {', '.join(EVENTS)}")
    entry: dict[str, Any] = {
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "who": who,
        "what": event,
        "model": model,
    }
    entry |= {"version": current, **told}
    file = run / FOLDER / FILE
    file.parent.mkdir(parents=True, exist_ok=True)
    line = json.dumps(entry, sort_keys=True, allow_nan=False, default=str).encode() + b"\n"
    if torn(file):
        line = b"\n" + line
    place = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    try:
        os.write(place, line)
        os.fsync(place)
    finally:
        os.close(place)
    sync(file.parent)
    return entry


def torn(file: Path) -> bool:
    """Whether the last line has no end."""
    if not file.is_file() or file.stat().st_size == 0:
        return False
    with file.open("rb") as handle:
        handle.seek(-1, os.SEEK_END)
        return handle.read(1) != b"\n"


def entries(run: Path) -> list[dict[str, Any]]:
    """Every line that can be read, oldest first; torn and foreign lines are left out."""
    return log_entries(run / FOLDER)


def sync(path: Path) -> None:
    """Force a file, or the names in a folder, to the disk."""
    place = os.open(path, os.O_RDONLY)
    try:
        os.fsync(place)
    finally:
        os.close(place)
