"""A run to try the server on, so that the shop's own one learns nothing that did not happen."""

from __future__ import annotations

import shutil
from pathlib import Path

from salesforecast_lib.files import resolve
from salesforecast_lib.pipeline.serving.orders import FORECASTS
from salesforecast_lib.pipeline.serving.versions import FOLDER, append_event, current_version, next_version


def trial_run(run_dir: str | Path, target: str | Path) -> Path:
    """A folder that can be served like the run: a copy of its current model, nothing observed.

    Raises
    ------
    FileNotFoundError
        When the run has no model.
    """
    run, trial = resolve(run_dir), resolve(target)
    version = current_version(run / FOLDER)
    shutil.copytree(run / FOLDER / version, trial / FOLDER / version)
    if (run / FORECASTS).is_file():
        shutil.copy(run / FORECASTS, trial)
    append_event(trial / FOLDER, "promote", version)
    return trial


def copy_version(run_dir: str | Path) -> str:
    """Publish a run's current model once more, under the next name, which is handed back."""
    models = resolve(run_dir) / FOLDER
    before = current_version(models)
    fresh = next_version(models, before.rpartition("-")[0] or before)
    shutil.copytree(models / before, models / fresh)
    append_event(models, "promote", fresh)
    return fresh
