"""A trained forecaster on disk: safetensors weights and JSON metadata, no pickle (chapter 04)."""

from __future__ import annotations

import hashlib
import json
import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
import torch
from safetensors.torch import load_file, save_file

from salesforecast_lib.files import read_json, resolve, write_json
from salesforecast_lib.models.forecaster.forecast import Forecaster
from salesforecast_lib.models.networks.predictor import SalesPredictor
from salesforecast_lib.models.training.checkpoint import TrainingLog
from salesforecast_lib.models.windows.vocabulary import Vocabulary

FORMAT = 3


def fingerprint(frame: pd.DataFrame) -> str:
    """SHA-256 of a panel's keys and values, so that a model can say which data it saw."""
    rows = pd.util.hash_pandas_object(frame[["unique_id", "ds", "y"]], index=False).to_numpy()
    return hashlib.sha256(rows.tobytes()).hexdigest()


def run_key(frame: pd.DataFrame, settings: dict[str, Any]) -> str:
    """Name of a training run: changes with the data and every setting, so no checkpoint is taken for another."""
    return hashlib.sha256((fingerprint(frame) + json.dumps(settings, sort_keys=True)).encode()).hexdigest()[:16]


def save_forecaster(forecaster: Forecaster, folder: str | Path) -> Path:
    """Write ``model.safetensors`` and ``model.json``; the JSON comes last and makes the pair valid."""
    target = resolve(folder)
    target.mkdir(parents=True, exist_ok=True)
    temporary = target / ".model.safetensors.tmp"
    weights = {name: value.detach().cpu().contiguous() for name, value in forecaster.model.state_dict().items()}
    save_file(weights, temporary)
    temporary.replace(target / "model.safetensors")
    libraries = {name: version(name) for name in ("torch", "numpy", "pandas", "safetensors")}
    words = {**asdict(forecaster.vocabulary), "static": list(forecaster.vocabulary.static.items())}  # order matters
    write_json(
        {
            "format": FORMAT,
            "architecture": forecaster.architecture,
            "vocabulary": words,
            "window": forecaster.window,
            "horizon": forecaster.horizon,
            "season": forecaster.season,
            "freq": forecaster.freq,
            "reach": forecaster.reach,
            "quantiles": list(forecaster.model.quantiles),
            "python": platform.python_version(),
            "libraries": libraries,
            **forecaster.metadata,
        },
        target / "model.json",
    )
    return target


def write_training_log(search: TrainingLog, final: TrainingLog | None, path: str | Path) -> Path:
    """Write the losses of both trainings, with validation and without, as JSON."""
    return write_json({"search": asdict(search), "final": None if final is None else asdict(final)}, resolve(path))


def load_forecaster(folder: str | Path, device: str | torch.device = "cpu") -> Forecaster:
    """Load what `save_forecaster` wrote; raises ValueError when the format is not ours."""
    target = resolve(folder)
    meta = read_json(target / "model.json")
    if meta.get("format") != FORMAT:
        raise ValueError(f"{target / 'model.json'}: format {meta.get('format')!r}, expected {FORMAT}; train again")
    words = meta["vocabulary"]
    vocabulary = Vocabulary(
        tuple(words["historical"]),
        tuple(words["future"]),
        dict(words["static"]),
        tuple(words["in_units"]),
        words["unit"],
    )
    architecture = meta["architecture"]
    architecture |= {name: tuple(architecture[name]) for name in ("static_sizes", "quantiles") if name in architecture}
    model = SalesPredictor(**architecture)
    model.load_state_dict(load_file(target / "model.safetensors"))
    own = ("architecture", "vocabulary", "window", "horizon", "season", "freq", "reach")
    kept = {name: value for name, value in meta.items() if name not in own}
    return Forecaster(
        model.to(device).eval(),
        vocabulary,
        architecture,
        meta["window"],
        meta["horizon"],
        meta["season"],
        meta["freq"],
        kept,
        meta["reach"],
    )
