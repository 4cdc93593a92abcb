"""Why the champion forecasts what it forecasts, as a model folder tells it: read, never computed (chapter 16)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from salesforecast_lib.files import read_json

REASONS = "reasons.json"
_FIELDS = {"id", "cutoff", "usual", "forecast", "rest", "drivers", "why"}


def read_cards(folder: Path) -> dict[str, dict[str, Any]]:
    """The cards of a model folder by product; empty where it was exported without any.

    Raises
    ------
    ValueError
        When the file is not the list that the export writes.
    """
    path = folder / REASONS
    if not path.is_file():
        return {}
    told = read_json(path)
    if not isinstance(told, list) or not all(isinstance(card, dict) and set(card) == _FIELDS for card in told):
        raise ValueError(f"{path}: is no list of reasons; export the run again with: salesforecast export RUN")
    return {str(card["id"]): card for card in told}
