"""Which version of the model serves: what the last valid line of a run's log of models says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MODELS, LOG = "models", "log.jsonl"


def log_entries(models: Path) -> list[dict[str, Any]]:
    """Every line of ``models/log.jsonl`` that can be read, oldest first; torn and foreign lines are left out."""
    log, found = models / LOG, []
    for line in log.read_bytes().split(b"\n") if log.is_file() else []:
        try:
            entry = json.loads(line)
        except ValueError:  # torn by a crash, or the empty end
            continue
        if isinstance(entry, dict) and isinstance(entry.get("version"), str | None):
            found.append(entry)
    return found


def current_version(models: Path) -> str:
    """The version that the last line with one names.

    Raises
    ------
    FileNotFoundError, ValueError
        When there is no log, or no line of it names a version.
    """
    log = models / LOG
    if not log.is_file():
        raise FileNotFoundError(f"{log}: no such file; export the run first: salesforecast export {models.parent}")
    for entry in reversed(log_entries(models)):
        version = entry.get("version") or ""
        if version and "/" not in version and version not in (".", ".."):
            return str(version)
    raise ValueError(
        f"{log}: names no version of the model; export the run again: salesforecast export {models.parent}"
    )
