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


def serving_line(models: Path) -> list[str]:
    """The versions that were current, the current one last; what was rolled back from is not among them."""
    line: list[str] = []
    for entry in log_entries(models):
        name = entry.get("version") or ""
        if not name or "/" in name or name in (".", "..") or line[-1:] == [name]:
            continue
        if entry.get("what") == "rolled back" and name in line:
            line = line[: line.index(name) + 1]
        else:
            line = [other for other in line if other != name] + [name]
    return line


def has_live(folder: Path) -> bool:
    """False where a version says that it holds no live network, so that a server has nothing to answer with.

    One that cannot be read says nothing; whoever loads it hears why.
    """
    try:
        told = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return True
    return not isinstance(told, dict) or told.get("live", True) is not None


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
    line = serving_line(models)
    if line:
        return line[-1]
    raise ValueError(
        f"{log}: names no version of the model; export the run again: salesforecast export {models.parent}"
    )
