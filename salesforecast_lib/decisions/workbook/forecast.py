"""What the forecast behind a run's decisions consists of: a sheet of the workbook, and a word on the stock sheet."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from salesforecast_lib.decisions.driving import CHAMPION, composition_table, driven_by, read_composition, shares
from salesforecast_lib.files import read_json
from salesforecast_lib.wording import listed

HEADINGS = {"share": "share", "loss": "error on earlier cutoffs (best 100)", "why": "why"}
_READERS = {"inventory.json": "orders", "alerts.json": "alerts", "promotions.json": "promotions"}


def drivers(folder: Path, left_out: Collection[str] = ()) -> dict[str, str]:
    """Whose forecast each decision reads, as the run's reports say, but for ``left_out`` files: decision → model."""
    found = {}
    for file, decision in _READERS.items():
        report = read_json(folder / file) if file not in left_out and (folder / file).is_file() else {}
        if report.get("model"):
            found[decision] = str(report["model"])
    return found


def short_note(folder: Path) -> str:
    """Behind the note of the stock sheet: whose forecast it rests on; empty where the run does not say."""
    model = drivers(folder).get("orders", "")
    composition = read_composition(folder) if model.casefold() == CHAMPION.casefold() else {}
    if composition:
        return f"; forecast of the {CHAMPION} ({shares(composition['weights'])}): see the sheet forecast"
    return f"; forecast of the {model}" if model else ""


def forecast_table(folder: Path, left_out: Collection[str] = ()) -> tuple[str, pd.DataFrame] | None:
    """Note and rows of the sheet on the forecast, one row a member; None where no decision of the run reads one."""
    by_model: dict[str, list[str]] = {}
    for decision, model in drivers(folder, left_out).items():
        by_model.setdefault(CHAMPION if model.casefold() == CHAMPION.casefold() else model, []).append(decision)
    if not by_model:
        return None
    words = [f"{listed(decisions)} by {driven_by(folder, model)}" for model, decisions in by_model.items()]
    composition = read_composition(folder) if CHAMPION in by_model else {}
    if not composition:
        return "; ".join(words), pd.DataFrame(columns=["member", *HEADINGS.values()])
    table = composition_table(composition)
    table["loss"] = (100 * table["loss"] / table["loss"].min()).round(1)
    return "; ".join(words), table.rename(columns=HEADINGS).reset_index()
