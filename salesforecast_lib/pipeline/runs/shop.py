"""Whose run a folder holds, and whether the data of a new one can be trusted beside those before."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from salesforecast_lib.files import read_json, write_json
from salesforecast_lib.pipeline.parameters import for_stage
from salesforecast_lib.pipeline.runs.errors import FolderError
from salesforecast_lib.pipeline.runs.files import reading_options
from salesforecast_lib.pipeline.runs.folder import STATE
from salesforecast_lib.pipeline.stages import STAGES
from salesforecast_lib.wording import counted

OWN = ("own_data", "own_panel")
SAME_SHOP = 0.5  # of the smaller file's products have to be in both: a shop renews its range, it does not swap it
FEWER = 0.1  # of the products lost is worth a word
_ADVICE = "give another --run-dir, or --replace to remove that run and begin anew"
_DATA = f"{STATE}/data.json"


def _name(values: Mapping[str, Any]) -> str:
    dataset = values.get("dataset", "complete_journey")
    return f"{dataset} of {values['path']}" if values.get("path") else dataset


def _products_of_file(values: Mapping[str, Any], level: str) -> set[str]:
    """What a file of own data holds in the column that becomes the series; empty when it has no such column."""
    from salesforecast_lib.data.reading import read_orders, read_panel_file

    panel = values["dataset"] == "own_panel"
    lines = (read_panel_file if panel else read_orders)(values["path"], reading_options(values)).frame
    column = "unique_id" if panel else level
    return set(lines[column].dropna().astype(str)) if column in lines else set()


def series_of(folder: Path) -> list[str]:
    """Names of the series in a run's panel, sorted."""
    import pandas as pd

    return sorted(pd.read_parquet(folder / "panel.parquet", columns=["unique_id"])["unique_id"].astype(str).unique())


def check_same_shop(folder: Path, values: Mapping[str, Any], advice: str = _ADVICE) -> None:
    """Refuse a folder that holds the run of another shop.

    The same data set and, for own data, the same file is the same shop, whatever the file now holds. Another file is
    of the same shop when at least half of its products, or of those of the run before, are in both: so a new file
    name every day is no other shop.

    Raises
    ------
    FolderError
        Naming both, and what to do.
    """
    if not (folder / "parameters.json").is_file() or not (folder / "panel.parquet").is_file():
        return
    before = read_json(folder / "parameters.json")
    dataset = values.get("dataset", "complete_journey")
    same = dataset == before.get("dataset", "complete_journey")
    if same and (dataset not in OWN or values["path"] == before.get("path")):
        return
    common = ""
    if same:
        old = series_of(folder)
        known = {name.split(" @ ")[0] if before.get("by_location") else name for name in old}
        found = _products_of_file(values, before.get("level", "product_type"))
        both = len(known & found)
        if both and both >= SAME_SHOP * min(len(known), len(found)):
            return
        common = f" ({counted(both, 'product')} in common)"
    raise FolderError(f"{folder}: holds the run of {_name(before)}, this one is of {_name(values)}{common}; {advice}")


def clear(folder: Path) -> None:
    """Remove what runs wrote into ``folder``; files that are no part of a run stay."""
    for name in ("notebooks", "html", "model", "champion", "whatif"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in (file for stage in STAGES for file in stage.writes):
        (folder / name).unlink(missing_ok=True)
    for name in ("parameters.json", "run.json", "decisions.xlsx"):
        (folder / name).unlink(missing_ok=True)
    for place in (folder / STATE).glob("*"):
        if place.is_dir():
            shutil.rmtree(place, ignore_errors=True)
        elif place.name not in ("lock", "running.json"):  # held by this very run
            place.unlink()


def _summary(folder: Path) -> dict[str, Any] | None:
    """Last day and products of the run's panel, with the settings that decide both; None without a panel."""
    import pandas as pd

    if not (folder / "panel.parquet").is_file() or not (folder / "parameters.json").is_file():
        return None
    days = pd.read_parquet(folder / "panel.parquet", columns=["ds"])["ds"]
    values = for_stage(STAGES[0], read_json(folder / "parameters.json"))
    settings = {name: value for name, value in values.items() if name not in ("path", "seed", "horizon", "cutoffs")}
    return {"last": str(days.max().date()), "products": series_of(folder), "settings": settings}


def _differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    if before["settings"].get("freq") != now["settings"].get("freq"):
        return []  # a last week and a last day cannot be compared
    notes = []
    if now["last"] < before["last"]:
        notes.append(
            f"The data of this run end on {now['last']}, those of the run before on {before['last']}: "
            "is this an older file?"
        )
    lost = sorted(set(before["products"]) - set(now["products"]))
    if before["settings"] == now["settings"] and len(lost) > FEWER * len(before["products"]):
        first = ", ".join(lost[:3])
        notes.append(
            f"{len(lost)} of {counted(len(before['products']), 'product')} of the run before "
            f"({len(lost) / len(before['products']):.0%}) are not in this one, such as {first}: is the file complete?"
        )
    return notes


def keep_data(folder: Path) -> None:
    """Keep what the panel in ``folder`` holds, for the comparison with the next run; the one before it stays too."""
    now = _summary(folder)
    if now is None:
        return
    kept = read_json(folder / _DATA) if (folder / _DATA).is_file() else {}
    if kept.get("now") != now:
        write_json({"before": kept.get("now"), "now": now}, folder / _DATA)


def data_notes(folder: Path) -> list[str]:
    """Sentences on data that end earlier, or hold fewer products, than those of the run before; mostly none.

    The run before is the last one that ended and had other data: a run that was cut off does not count.
    """
    now = _summary(folder)
    if now is None or not (folder / _DATA).is_file():
        return []
    kept = read_json(folder / _DATA)
    before = kept["before"] if kept["now"] == now else kept["now"]
    return _differences(before, now) if before else []
