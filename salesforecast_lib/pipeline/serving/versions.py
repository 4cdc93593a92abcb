"""Versions of a run's model: a folder each, and a log that is only ever added to (chapter 14)."""

from __future__ import annotations

import json
import os
from datetime import datetime
from pathlib import Path
from typing import Any

FOLDER = "models"
LOG = "log.jsonl"


def next_version(models: Path, cutoff: str) -> str:
    """Name of the version that comes next: the cutoff, and a number that no version of it has yet."""
    taken = {path.name for path in models.iterdir()} if models.is_dir() else set()
    number = 1
    while f"{cutoff}-{number}" in taken:
        number += 1
    return f"{cutoff}-{number}"


def append_event(models: Path, event: str, version: str, **told: Any) -> None:
    """Add a line to ``models/log.jsonl`` and wait until the disk has it; a torn line before it stays alone."""
    at = datetime.now().astimezone().isoformat(timespec="seconds")
    line = json.dumps({"at": at, "event": event, "version": version, **told}, sort_keys=True, allow_nan=False)
    models.mkdir(parents=True, exist_ok=True)
    with open(models / LOG, "ab+") as file:
        size = file.seek(0, os.SEEK_END)
        if size:
            file.seek(size - 1)
            line = line if file.read(1) == b"\n" else "\n" + line
        file.write((line + "\n").encode())
        file.flush()
        os.fsync(file.fileno())


def current_version(models: Path) -> str:
    """The version that the last valid line of the log names; raises FileNotFoundError where there is none."""
    log = models / LOG
    lines = log.read_bytes().split(b"\n") if log.is_file() else []
    for line in reversed(lines):
        try:
            told = json.loads(line)
        except ValueError:  # torn by a crash, or the empty end
            continue
        if isinstance(told, dict) and isinstance(told.get("version"), str):
            return str(told["version"])
    raise FileNotFoundError(f"{log}: names no version yet; make one with: salesforecast export {models.parent}")
