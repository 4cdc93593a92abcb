"""What chapter 14 shows of a network's forms: beside each other, by the bits of a weight, and in words."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pandas as pd
import torch

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.models.forecaster import Forecaster, NetworkConfig
from salesforecast_lib.models.windows import Vocabulary
from salesforecast_lib.production.export.backtest import forecasts_at, wape_of, windows_at
from salesforecast_lib.production.export.compress import prune, retrain
from salesforecast_lib.production.export.folder import unpublished
from salesforecast_lib.production.export.gates import Gate, batch_of, best_of, medians, timed
from salesforecast_lib.production.export.network import write_window_graph
from salesforecast_lib.production.live import LiveModel, States, Windows, open_session

__all__ = [
    "Forms",
    "apart",
    "bits_found",
    "carried_found",
    "compare",
    "damaged_copy",
    "found",
    "gates_of",
    "inputs_of",
    "next_period",
    "product_error",
    "pruned",
    "unpublished",
]
TORCH, EXACT, SMALL, THIN = "torch", "ONNX, 32 bits", "ONNX, 8 bits", "pruned, 32 bits"
LARGE = 1024  # series of a large request


@dataclass(frozen=True)
class Forms:
    """One network in several forms: as torch has it, pruned, and as the graphs in 32 and in 8 bits."""

    network: Forecaster
    thin: Forecaster
    exact: Path
    small: Path


def inputs_of(table: FeatureTable, config: NetworkConfig) -> dict[str, list[str]]:
    """What the live network reads besides sales and availability, by where it comes from."""
    words = Vocabulary.of(table, config.without)
    told = [name for name in words.future if name in table.groups.get("promotion", [])]
    date = [name for name in words.future if name not in told]
    return {"follows from the date": date, "told by the shop": told, "category": list(words.static)}


def apart(forecaster: Forecaster, model: LiveModel, windows: Windows) -> float:
    """Largest relative difference of means and quantiles between torch and the graph."""
    feeds, scale = model.read(windows)
    with torch.no_grad():
        mean, quantiles = (each.numpy() for each in forecaster.model.predict(batch_of(feeds)))
    # A closed period is zero whatever the network says; it is left out.
    found = model.forecast(replace(windows, ahead=_opened(model, windows.ahead)))
    pairs = (mean * scale, found[0]), (quantiles * scale[:, :, None], found[1])
    return max(float(np.max(np.abs(ours - graph) / (1e-6 + np.abs(ours)))) for ours, graph in pairs)


def _opened(model: LiveModel, ahead: np.ndarray) -> np.ndarray:
    if "open" not in model.future:
        return ahead
    place = model.future.index("open")
    if (ahead[:, :, place] > 0).all():
        return ahead
    raise ValueError("apart: a period ahead is closed; compare windows whose horizon is open")


def product_error(weights: np.ndarray, state: np.ndarray, bits: int) -> float:
    """Relative error of ``weights @ state`` when each weight has so many bits and the matrix one scale."""
    scale = np.abs(weights).max() / (2 ** (bits - 1) - 1)
    rounded = scale * np.round(weights / scale)
    exact = weights @ state
    return float(np.linalg.norm(rounded @ state - exact) / np.linalg.norm(exact))


def bits_found(bits: Sequence[int], errors: Sequence[float]) -> str:
    """From how many bits on the product is off by less than a hundredth, in a sentence."""
    enough = [int(count) for count, error in zip(bits, errors, strict=True) if error < 0.01]
    eight = dict(zip(bits, errors, strict=True)).get(8)
    if not enough or eight is None:
        return f"No number of bits up to {max(bits)} keeps the product within a hundredth."
    least = f"{min(enough)} bits are the fewest with which the product is off by less than a hundredth"
    return f"{least}{':' if min(enough) == 8 else '; with 8 it is off'} by {100 * eight:.2g} %."


def pruned(
    forecaster: Forecaster, table: FeatureTable, cutoff: pd.Timestamp, config: NetworkConfig, share: float
) -> Forecaster:
    """A share of the weights set to zero, and the others trained on for as many steps as two epochs have."""
    thin, masks = prune(forecaster, share)
    steps = 2 * (config.training.epoch_steps or 50)
    return retrain(thin, table, cutoff, config, steps=steps, masks=masks)


def compare(
    forms: Forms,
    model: LiveModel,
    frame: pd.DataFrame,
    known: pd.DataFrame,
    cutoffs: Sequence[pd.Timestamp],
    others: Mapping[str, Path] = MappingProxyType({}),
) -> pd.DataFrame:
    """File, packed file, error, time to load, and median and 99th percentile of a call, of each form.

    Parameters
    ----------
    model : the network's live model in 32 bits.
    cutoffs : whose horizons none of the forms has seen.
    others : more graphs of networks that read the same inputs, by name.
    """
    thin = write_window_graph(forms.thin, forms.exact.with_name("pruned.onnx"))
    graphs = {EXACT: forms.exact, SMALL: forms.small, THIN: thin, **others}
    rows: dict[str, dict[str, float]] = {TORCH: {"KB": _torch_bytes(forms.network) / 1e3, "KB packed": np.nan}}
    for name, path in graphs.items():
        packed = len(gzip.compress(path.read_bytes()))
        rows[name] = {"KB": path.stat().st_size / 1e3, "KB packed": packed / 1e3}
        table = forecasts_at(model.reading(path), frame, known, cutoffs)
        rows[name]["WAPE %"] = 100 * wape_of(table, frame)
        rows[name]["load ms"] = 1e3 * best_of(lambda path=path: open_session(path), 3)  # type: ignore[misc]
    rows[TORCH] |= {"WAPE %": rows[EXACT]["WAPE %"], "load ms": np.nan}  # the same numbers
    for size in (1, LARGE):
        for name, seconds in _times(forms.network, model, graphs, frame, known, cutoffs[0], size).items():
            rows[name][f"p50 ms, {size:,}"] = 1e3 * float(np.median(seconds))
            rows[name][f"p99 ms, {size:,}"] = 1e3 * float(np.quantile(seconds, 0.99))
    return pd.DataFrame(rows).T


def _times(
    forecaster: Forecaster,
    model: LiveModel,
    graphs: dict[str, Path],
    frame: pd.DataFrame,
    known: pd.DataFrame,
    cutoff: pd.Timestamp,
    size: int,
) -> dict[str, np.ndarray]:
    """Seconds of each call with ``size`` series, of the best of some rounds."""
    _, windows = windows_at(model, frame, known, cutoff)
    feeds, _ = model.read(windows)
    feeds = {name: np.resize(values, (size, *values.shape[1:])) for name, values in feeds.items()}
    batch = batch_of(feeds)

    def eager() -> None:
        with torch.no_grad():
            forecaster.model.predict(batch)

    calls: dict[str, Callable[[], object]] = {TORCH: eager}
    for name, path in graphs.items():
        session = open_session(path)
        given = {each.name: feeds[each.name] for each in session.get_inputs()}
        calls[name] = lambda session=session, given=given: session.run(None, given)  # type: ignore[misc]
    return timed(calls, 200 if size == 1 else 8, 2)


def _torch_bytes(forecaster: Forecaster) -> int:
    return sum(each.numel() * each.element_size() for each in forecaster.model.parameters())


def found(compared: pd.DataFrame) -> list[str]:
    """What the table of `compare` shows, in sentences."""
    file, error = compared["KB"], compared["WAPE %"]
    change = error[SMALL] - error[EXACT]
    lines = [
        f"One byte a weight: {file[SMALL] / file[EXACT]:.0%} of the file, and a WAPE {_points(change)}.",
        f"The smallest weights as zeros: {compared.loc[THIN, 'KB packed'] / compared.loc[EXACT, 'KB packed']:.0%} of "
        f"the packed file, and a WAPE {_points(error[THIN] - error[EXACT])}.",
    ]
    better = change < error[THIN] - error[EXACT]
    small = file[SMALL] < compared.loc[THIN, "KB packed"]
    verdict = "One byte is the better bargain" if better and small else "Neither wins in both file and error"
    return [*lines, f"{verdict}; the two could be joined."]


def _points(change: float) -> str:
    if abs(change) < 0.005:
        return "that is the same to a hundredth of a point"
    return f"{abs(change):.2f} points {'higher' if change > 0 else 'lower'}"


def gates_of(model: LiveModel) -> list[Gate]:
    """The gates that a model has passed, as its folder has them."""
    names = ("name", "figure", "limit", "words")
    return [Gate(**{name: gate[name] for name in names}) for gate in model.info["gates"]]


def damaged_copy(folder: Path, target: Path, name: str) -> Path:
    """A copy of a model folder in which the last byte of one file is another."""
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(folder, target)
    content = bytearray((target / name).read_bytes())
    content[-1] ^= 1
    (target / name).write_bytes(content)
    return target


def next_period(model: LiveModel, states: States) -> np.ndarray:
    """The quantiles 0.1, 0.5 and 0.9, or those nearest to them, of the first period ahead of one series, (3,)."""
    ahead = model.ahead(states.at, 1, ids=list(states.ids))
    quantiles = model.decode(states, ahead)[1][0, 0]
    return quantiles[[int(np.argmin(np.abs(np.array(model.levels) - level))) for level in (0.1, 0.5, 0.9)]]


def carried_found(model: LiveModel, states: States, windows: Windows) -> str:
    """Time of a step and of reading a window, for one series, in a sentence."""
    day = model.today(states.at, len(states), ids=list(states.ids))
    sold, there = np.ones((2, len(states)))
    calls = {
        "step": lambda: model.step(states, sold, there, day),
        "window": lambda: model.forecast(windows),
    }
    times = medians(calls, 20, 3)
    return (
        f"A new period of one product takes {1e3 * times['step']:.2f} ms; reading a window of {windows.y.shape[1]} "
        f"periods again, with its forecast, {1e3 * times['window']:.2f} ms."
    )
