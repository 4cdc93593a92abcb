"""What a network has to hold before it is published (chapter 14)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from salesforecast_lib.models.forecaster import Forecaster
from salesforecast_lib.models.windows.panel_tensor import Batch
from salesforecast_lib.production.export.backtest import forecasts_at, wape_of, windows_at
from salesforecast_lib.production.live import LiveModel
from salesforecast_lib.production.live.sessions import open_session

WAPE_POINTS = 0.1  # percentage points by which the error may change
SIZE_SHARE = 0.30  # of the file in 32 bits
TIME_SHARE = 1 / 3  # of torch's time for one series
LOAD_SECONDS = 0.2
ROUNDS, CALLS = 5, 60  # the best of several rounds counts: other work on the machine only ever adds time


@dataclass(frozen=True)
class Gate:
    """One condition: ``figure`` may be at most ``limit``; ``words`` say what was measured."""

    name: str
    figure: float
    limit: float
    words: str

    @property
    def passed(self) -> bool:
        """Whether the figure keeps the limit."""
        return bool(self.figure <= self.limit)


class GateError(ValueError):
    """A network that fails a gate is not published."""


def accuracy_gates(
    exact: LiveModel, small: Path, frame: pd.DataFrame, known: pd.DataFrame, cutoffs: Sequence[pd.Timestamp]
) -> list[Gate]:
    """Error and size of the graph ``small`` beside the model with the graph in 32 bits.

    A network that is published has been trained on these sales as well: the error compares two forms of one network,
    and says nothing of how it will forecast.

    Parameters
    ----------
    frame, known : history and what is known ahead, see `windows_at`.
    cutoffs : at which both forecast.
    """
    tables = {"fp32": forecasts_at(exact, frame, known, cutoffs)}
    tables["int8"] = forecasts_at(exact.reading(small), frame, known, cutoffs)
    error = {name: 100 * wape_of(table, frame) for name, table in tables.items()}
    bytes_ = {"fp32": (exact.folder / "network.onnx").stat().st_size, "int8": small.stat().st_size}
    return [
        Gate(
            "WAPE",
            abs(error["int8"] - error["fp32"]),
            WAPE_POINTS,
            f"{error['fp32']:.3f} % in 32 bits and {error['int8']:.3f} % in 8, over {len(cutoffs)} cutoffs",
        ),
        Gate(
            "size",
            bytes_["int8"] / bytes_["fp32"],
            SIZE_SHARE,
            f"{bytes_['int8']:,} of {bytes_['fp32']:,} bytes",
        ),
    ]


def speed_gates(
    forecaster: Forecaster,
    model: LiveModel,
    graph: Path,
    frame: pd.DataFrame,
    known: pd.DataFrame,
    cutoff: pd.Timestamp,
) -> list[Gate]:
    """Time of one series beside eager torch on one thread, and time to load; the best of several rounds."""
    _, windows = windows_at(model, frame, known, cutoff)
    feeds, _ = model.read(windows.take([0]))
    batch = batch_of(feeds)
    session = open_session(graph)
    names = {each.name for each in session.get_inputs()}
    given = {name: values for name, values in feeds.items() if name in names}

    def eager() -> None:
        with torch.no_grad():
            forecaster.model.predict(batch)

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        times = medians({"torch": eager, "onnx": lambda: session.run(None, given)})
    finally:
        torch.set_num_threads(before)
    load = best_of(lambda: open_session(graph), ROUNDS)
    return [
        Gate(
            "time of one series",
            times["onnx"] / times["torch"],
            TIME_SHARE,
            f"{1e3 * times['onnx']:.3f} ms beside {1e3 * times['torch']:.3f} ms in torch (median of {CALLS} calls, "
            f"best of {ROUNDS} rounds, one thread)",
        ),
        Gate("time to load", load, LOAD_SECONDS, f"{1e3 * load:.0f} ms (best of {ROUNDS})"),
    ]


def batch_of(feeds: dict[str, np.ndarray]) -> Batch:
    """The same input as torch reads it."""
    given = {name: torch.as_tensor(values) for name, values in feeds.items()}
    nothing = torch.zeros_like(given["scale"])
    known = given["history"], given["future"], given["static"], given["scale"], nothing, nothing, nothing
    return Batch(*known, given["length"], given["phases"])


def medians(calls: dict[str, Callable[[], object]], count: int = CALLS, rounds: int = ROUNDS) -> dict[str, float]:
    """Seconds of each call: the median of ``count``, of the best of several rounds that take turns."""
    return {name: float(np.median(seconds)) for name, seconds in timed(calls, count, rounds).items()}


def timed(calls: dict[str, Callable[[], object]], count: int, rounds: int) -> dict[str, np.ndarray]:
    """Seconds of ``count`` calls of each, (count,), of the round with the least median; rounds take turns."""
    found: dict[str, np.ndarray] = {}
    for _ in range(rounds):
        for name, call in calls.items():
            call()
            seconds = np.empty(count)
            for k in range(count):
                begun = time.perf_counter()
                call()
                seconds[k] = time.perf_counter() - begun
            if name not in found or np.median(seconds) < np.median(found[name]):
                found[name] = seconds
    return found


def best_of(call: Callable[[], object], rounds: int) -> float:
    """Seconds of the fastest of several calls."""
    best = np.inf
    for _ in range(rounds):
        begun = time.perf_counter()
        call()
        best = min(best, time.perf_counter() - begun)
    return best


def check_gates(gates: Sequence[Gate]) -> None:
    """Raise GateError, with the figures, where a gate is not passed."""
    failed = [each for each in gates if not each.passed]
    if failed:
        told = "; ".join(f"{each.name} {each.figure:.3g}, at most {each.limit:.3g} ({each.words})" for each in failed)
        raise GateError(f"the live network is not published, it fails {len(failed)} of {len(gates)} gates: {told}")


def gate_table(gates: Sequence[Gate]) -> pd.DataFrame:
    """The gates as a table: figure, limit, whether it is kept, and in words."""
    rows = [(each.name, each.figure, each.limit, "yes" if each.passed else "no", each.words) for each in gates]
    return pd.DataFrame(rows, columns=["gate", "figure", "limit", "kept", "measured"]).set_index("gate")
