"""What counts as usual while a version of the models serves: what it was trained on, and how its back-test erred.

New models have seen the change that alarmed while the old ones served. So each version brings its own measure along,
and with the way back to an earlier one comes that one's measure.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesforecast_lib.files import read_json, write_json
from salesforecast_lib.pipeline.runs.files import CHAMPION_FORECASTS
from salesforecast_lib.production import registry

if TYPE_CHECKING:
    import pandas as pd

    from salesforecast_lib.pipeline.nightly.history import Shop
    from salesforecast_lib.production.monitoring import ForecastWatch, Reference

FILE = "usual.json"  # in a model folder


def write_usual(folder: Path, model: Path) -> Path:
    """Write into a model folder what is usual for models that the run in ``folder`` has trained."""
    meta = read_json(folder / "panel.json")
    told = {"watch": _watch(folder, meta).to_json(), "reference": _reference(folder, meta).to_json()}
    return write_json(told, model / FILE)


def reference_of(shop: Shop, version: str) -> Reference:
    """Profile of the data that a version was trained on: its own, else that of the run."""
    from salesforecast_lib.production.monitoring import Reference

    own = _own(shop, version)
    return Reference.from_json(own["reference"]) if own else _reference(shop.run, shop.meta)


def watch_of(shop: Shop, version: str) -> ForecastWatch:
    """A watch without nights that knows how a version's back-test erred."""
    from salesforecast_lib.production.monitoring import ForecastWatch

    own = _own(shop, version)
    return ForecastWatch.from_json(own["watch"]) if own else _watch(shop.run, shop.meta)


def followed(before: ForecastWatch, shop: Shop, version: str, since: pd.Timestamp) -> ForecastWatch:
    """The watch once ``version`` serves: its nights stay on record, signals begin anew after ``since``."""
    fresh = replace(watch_of(shop, version), figures=before.figures)
    fresh.retrained(since)
    return fresh


def _own(shop: Shop, version: str) -> dict[str, Any] | None:
    """What a version brought along; None for the run's own models, and for a version that was exported from it."""
    if version not in registry.versions(shop.run):
        return None
    file = registry.model_folder(shop.run, version) / FILE
    return read_json(file) if file.is_file() else None


def _reference(folder: Path, meta: dict[str, Any]) -> Reference:
    import pandas as pd

    from salesforecast_lib.production.monitoring import Reference

    return Reference.of(pd.read_parquet(folder / "panel.parquet"), meta)


def _watch(folder: Path, meta: dict[str, Any]) -> ForecastWatch:
    import pandas as pd

    from salesforecast_lib.decisions.driving import CHAMPION
    from salesforecast_lib.production.monitoring import ForecastWatch

    made = pd.read_parquet(folder / CHAMPION_FORECASTS)
    made = made[(made["model"] == CHAMPION) & made["y"].notna()]
    return ForecastWatch.of(made, pd.read_parquet(folder / "panel.parquet"), meta)
