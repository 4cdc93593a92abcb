"""Notebooks of a test run in its own process: what a kernel does has tests of its own, which wait for kernels."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from salesforecast_lib.files import write_text
from salesforecast_lib.pipeline.execute import StageError, to_notebook


def execute_here(source: Path, target: Path, parameters: Mapping[str, Any]) -> Path:
    """What `execute` does, without a kernel; the seconds that it notes are made, a different number for each name."""
    space: dict[str, Any] = {}
    for cell in to_notebook(source).cells:
        try:
            exec(compile(cell.source, source.name, "exec"), space)
        except Exception as error:
            raise StageError(f"{source.name}: {type(error).__name__}: {error}") from None
        if "parameters" in cell.metadata.get("tags", []):
            space.update(parameters)
    seconds = 1 + sum(map(ord, source.stem)) % 9
    notebook = {"cells": [], "metadata": {"papermill": {"duration": seconds}}, "nbformat": 4, "nbformat_minor": 5}
    return write_text(json.dumps(notebook), target)
