"""A champion on disk: LightGBM's own text, safetensors, Parquet and JSON, no pickle (chapter 06).

The folder holds

- ``champion.json``: format, cutoff, settings, what was fitted, weights (exact and rounded), spread, factor of the mean,
  roles of the features, categories in the order of their codes, coding, fingerprint of the history, versions of the
  libraries, and every other file with its SHA-256;
- ``Boosting/NUMBER/LEVEL.txt``, ``LightGBMDirect/LEVEL-CUTOFF.txt``, ``LightGBM/ORIGIN.txt``: boosters as LightGBM
  writes them; the recursive one has a second origin, a horizon earlier, whose errors give its quantiles;
- ``Networks/NUMBER/model.safetensors`` and ``model.json``, as of `save_forecaster`;
- ``RULE/table.parquet``: forecasts of models that are fitted series by series, before closed periods are set to zero;
  ``AutoETS/forms.parquet``: the form that was chosen for each series, which new data do not choose anew.

The history is not in it: the features of the run are, ``features.parquet``, held against the fingerprint.
"""

from __future__ import annotations

import platform
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

import lightgbm as lgb
import pandas as pd

from salesforecast_lib.files import (
    checksums,
    folder_atomically,
    inside,
    read_json,
    resolve,
    sha256_of,
    write_json,
    write_parquet,
    write_text,
)
from salesforecast_lib.models.champion.plan import Fits
from salesforecast_lib.models.champion.settings import ChampionConfig, Composition
from salesforecast_lib.models.champion.stored import StoredChampion
from salesforecast_lib.models.forecaster.fit import NetworkConfig
from salesforecast_lib.models.forecaster.forecast import Forecaster
from salesforecast_lib.models.forecaster.persistence import load_forecaster, save_forecaster
from salesforecast_lib.models.peers.coding import Coding
from salesforecast_lib.models.peers.shelf import Shelf
from salesforecast_lib.models.training.loop import TrainingConfig

FORMAT = 1
FILE = "champion.json"
_LIBRARIES = ("lightgbm", "mlforecast", "statsforecast", "torch", "numpy", "pandas", "safetensors")


def save_champion(champion: StoredChampion | None, folder: str | Path) -> Path:
    """Write a champion's folder whole, or leave the one that is there: written beside it, then renamed.

    Raises
    ------
    ValueError
        When there are no models: forecasts were read back from a store.
    """
    if champion is None:
        raise ValueError("champion: its models were not kept; call champion_forecasts without store")
    kept = champion

    def write(fresh: Path) -> None:
        for name, model in kept.shelf.models.items():
            _write(model, fresh / name)
        write_json(_described(kept, checksums(fresh)), fresh / FILE)

    return folder_atomically(folder, write)


def load_champion(folder: str | Path) -> StoredChampion:
    """Read what `save_champion` wrote.

    Raises
    ------
    FileNotFoundError, ValueError
        When there is no champion, its format is not ours, or a file is missing or was changed.
    """
    target = resolve(folder)
    if not (target / FILE).is_file():
        raise FileNotFoundError(f"{target / FILE}: no stored champion; run the stage that makes the champion first")
    told = read_json(target / FILE)
    if told.get("format") != FORMAT:
        raise ValueError(f"{target / FILE}: format {told.get('format')!r}, expected {FORMAT}; make the champion again")
    for name, digest in told["files"].items():
        path = inside(target, name)
        if not path.is_file() or sha256_of(path) != digest:
            state = "was changed" if path.is_file() else "is missing"
            raise ValueError(f"{path}: the file {state} since the champion was stored; make the champion again")
    config = ChampionConfig(**{**told["config"], **_tuples(told["config"], "members", "levels")})
    networks = tuple(_network(each) for each in told["fits"]["networks"])
    fits = Fits(**{**told["fits"], **_tuples(told["fits"], "members"), "networks": networks})
    shelf = Shelf({name: _read(inside(target, name)) for name in told["models"]}, closed=True)
    cutoff, composition = pd.Timestamp(told["cutoff"]).as_unit("ns"), Composition.from_json(told["composition"])
    return StoredChampion(
        cutoff, told["meta"], config, fits, composition, dict(told["shares"]), shelf, told["categories"],
        told["data_sha256"], Coding.from_json(told["coding"], told["categories"]) if told.get("coding") else None,
    )  # fmt: skip


def _described(champion: StoredChampion, files: dict[str, str]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "cutoff": str(champion.cutoff),
        "meta": champion.meta,
        "config": asdict(champion.config),
        "fits": asdict(champion.fits),
        "composition": champion.composition.to_json(),
        "shares": list(champion.shares.items()),  # a list: sums depend on the order of the members
        "categories": champion.categories,
        "data_sha256": champion.data_sha256,
        "coding": champion.coding.to_json() if champion.coding else None,
        "models": list(champion.shelf.models),
        "files": files,
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in _LIBRARIES},
    }


def _write(model: lgb.Booster | Forecaster | pd.DataFrame, path: Path) -> None:
    if isinstance(model, lgb.Booster):
        write_text(model.model_to_string(), path.with_name(f"{path.name}.txt"))
    elif isinstance(model, Forecaster):
        save_forecaster(model, path)
    else:
        write_parquet(model, path.with_name(f"{path.name}.parquet"))


def _read(path: Path) -> lgb.Booster | Forecaster | pd.DataFrame:
    if path.is_dir():
        return load_forecaster(path)
    text = path.with_name(f"{path.name}.txt")
    if text.is_file():
        return lgb.Booster(model_str=text.read_text(encoding="utf-8"))
    return pd.read_parquet(path.with_name(f"{path.name}.parquet"))


def _network(told: dict[str, Any]) -> NetworkConfig:
    training = TrainingConfig(**told["training"])
    return NetworkConfig(**{**told, **_tuples(told, "without", "levels"), "training": training})


def _tuples(told: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: tuple(told[name]) for name in names}
