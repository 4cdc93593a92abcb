"""A run to try the server on, so that the shop's own one learns nothing that did not happen."""

from __future__ import annotations

import shutil
from pathlib import Path

from salesforecast_lib.files import resolve
from salesforecast_lib.pipeline.runs.files import CHAMPION_FORECASTS
from salesforecast_lib.production import registry
from salesforecast_lib.production.registry.log import FOLDER, append


def trial_run(run_dir: str | Path, target: str | Path) -> Path:
    """A folder that can be served like the run: a copy of its current model, nothing observed.

    Raises
    ------
    FileNotFoundError
        When the run has no model.
    """
    run, trial = resolve(run_dir), resolve(target)
    place = registry.model_folder(run)
    shutil.copytree(place, trial / FOLDER / place.name)
    if (run / CHAMPION_FORECASTS).is_file():
        shutil.copy(run / CHAMPION_FORECASTS, trial)
    append(trial, "promoted", place.name, place.name, "trial")
    return trial


def copy_version(run_dir: str | Path) -> str:
    """Publish a run's current model once more, under the next name, which is handed back."""
    run = resolve(run_dir)
    fresh = registry.next_version(run)
    shutil.copytree(registry.model_folder(run), run / FOLDER / fresh)
    append(run, "promoted", fresh, fresh, "trial")
    return fresh
