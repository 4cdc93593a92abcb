"""Start the processes that train a run's network together, and read what they leave (chapter 18)."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesforecast_lib.files import read_json, resolve

if TYPE_CHECKING:  # the process that starts the others needs none of it
    import pandas as pd

    from salesforecast_lib.models.forecaster import NetworkConfig

WORKER = "salesforecast_lib.production.distributed.training"
REFUSED = 3  # status of a process that says what the user can mend


def config_of(values: Mapping[str, Any]) -> NetworkConfig:
    """The network that parameters of a run name as chapter 04 does; what they leave out keeps its default."""
    from salesforecast_lib.models.forecaster import NetworkConfig
    from salesforecast_lib.models.training import TrainingConfig

    known = {each.name for each in fields(NetworkConfig)} - {"training"}
    training = {each.name for each in fields(TrainingConfig)} - {"regularisation"}
    config = NetworkConfig()
    told = replace(config.training, **{name: value for name, value in values.items() if name in training})
    return replace(config, training=told, **{name: value for name, value in values.items() if name in known})


def check_features(run: Path) -> None:
    """Raise FileNotFoundError unless ``run`` has features."""
    for name in ("features.json", "features.parquet"):
        if not (run / name).is_file():
            raise FileNotFoundError(f"{run / name}: no such file; give a run whose chapter 02 has finished")


def check(run: Path, values: Mapping[str, Any], processes: int) -> NetworkConfig:
    """The network of a run and ``values``; refuses what can be seen before any process is started.

    Raises
    ------
    ValueError, FileNotFoundError
        When there are no features, or fewer parts of a batch than processes.
    """
    check_features(run)
    if processes < 1:
        raise ValueError(f"processes={processes}: expected at least 1")
    config = config_of({**parameters_of(run), **values})
    name, parts = ("stretches", config.stretches) if config.forks else ("batch_size", config.batch_size)
    if processes > parts:
        raise ValueError(
            f"processes={processes}: a batch has {parts} parts to share ({name}); give at most {parts} processes or a "
            f"larger {name}"
        )
    return config


def train_together(
    run: str | Path,
    out: str | Path,
    processes: int = 2,
    values: Mapping[str, Any] | None = None,
    *,
    cutoff: str = "",
    device: str = "cpu",
) -> pd.DataFrame:
    """Train the network of a run with processes of this machine and store it in ``out``.

    Parameters
    ----------
    run : folder with ``features.json`` and ``features.parquet``.
    out : folder of ``model.safetensors``, ``model.json``, ``training_log.json`` and ``checkpoint/``.
    values : parameters of chapter 04 by name, over those of the run (``max_epochs``, ``stretches``, ``seed`` …).
    cutoff : last day that the training may see, such as 2024-06-30; the last of the data without it.

    Returns
    -------
    ``epoch, train, validation, seconds``: losses in scaled units of the training with validation, and wall time.

    Raises
    ------
    ValueError, FileNotFoundError
        When it cannot begin, see `check`, or nothing can be trained.
    RuntimeError
        When a process failed, with its last words.
    """
    import pandas as pd

    run, out = resolve(run), resolve(out)
    values = {} if values is None else values
    check(run, values, processes)
    told = [f"--set={name}={value}" for name, value in values.items()]
    if cutoff:
        told.append(f"--cutoff={_day(cutoff)}")
    with tempfile.TemporaryDirectory(prefix="salesforecast-") as place:
        _launch([str(run), f"--out={out}", f"--device={device}", *told], processes, Path(place))
    log = read_json(out / "training_log.json")["search"]
    losses = {name: log[name] for name in ("train", "validation", "seconds")}
    return pd.DataFrame({"epoch": range(1, len(log["train"]) + 1), **losses})


def loss_curves(
    run: str | Path, processes: Sequence[int] = (1, 2), values: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Losses of the same training with several numbers of processes: ``processes, epoch, train, validation, seconds``.

    The batch stays the same and is shared. Nothing is kept but the table.
    """
    import pandas as pd

    parts = []
    with tempfile.TemporaryDirectory(prefix="salesforecast-") as place:
        for number in processes:
            curve = train_together(run, Path(place) / str(number), number, values)
            curve.insert(0, "processes", number)
            parts.append(curve)
    return pd.concat(parts, ignore_index=True)


def describe_curves(curves: pd.DataFrame, first: float = 1e-4, all_through: float = 0.01) -> str:
    """Whether the trainings of `loss_curves` had the same losses, up to the order in which sums are rounded.

    Parameters
    ----------
    first, all_through : largest difference, as a share, that counts as the same in the first epoch and in all later
        ones: rounding errors grow from step to step, also between two kinds of processor.

    Raises
    ------
    ValueError
        When there is one training only.
    """
    numbers = sorted(int(each) for each in curves["processes"].unique())
    if len(numbers) < 2:
        raise ValueError(f"curves: trainings with {numbers} processes; expected at least two numbers to compare")
    base = curves[curves["processes"] == numbers[0]].set_index("epoch")[["train", "validation"]]
    for number in numbers[1:]:
        other = curves[curves["processes"] == number].set_index("epoch")[["train", "validation"]]
        if len(other) != len(base):
            return f"{number} processes stopped after {len(other)} epochs, {numbers[0]} after {len(base)}"
        apart = (other / base - 1).abs().max(axis=1)
        if not (apart.iloc[0] <= first and (apart <= all_through).all()):
            epoch = apart.index[0] if apart.iloc[0] > first else apart.idxmax()
            much = f"{apart[epoch]:.2%} in epoch {epoch}"
            return f"the losses of {number} processes differ from those of {numbers[0]} by {much}"
    who = ", ".join(map(str, numbers[:-1])) + f" and {numbers[-1]}"
    return f"{who} processes had the same losses, up to {first:.2%} in the first epoch and {all_through:.0%} in all"


def parameters_of(run: Path) -> dict[str, Any]:
    """What the run was told."""
    file = run / "parameters.json"
    return dict(read_json(file)) if file.is_file() else {}


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise ValueError(f"cutoff={text!r}: expected a day such as 2024-06-30") from None


def _launch(arguments: Sequence[str], processes: int, place: Path) -> None:
    """Run the worker as so many processes; when one fails, the others are ended."""
    running, words = [], []
    try:
        for rank in range(processes):
            described = {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(processes)}
            words.append(place / f"{rank}.txt")
            with words[-1].open("w") as file:
                running.append(
                    subprocess.Popen(
                        [sys.executable, "-m", WORKER, *arguments, f"--store={place / 'meeting'}"],
                        env={**os.environ, "OMP_NUM_THREADS": "1", **described},
                        stdout=subprocess.DEVNULL,
                        stderr=file,
                    )
                )
        while (codes := [each.poll() for each in running]) and None in codes and not any(codes):
            time.sleep(0.05)
    finally:
        for each in running:
            if each.poll() is None:
                each.terminate()
        for each in running:
            each.wait()
    failed = sorted((code != REFUSED, rank) for rank, code in enumerate(codes) if code)
    if failed:
        rank = failed[0][1]
        said = words[rank].read_text().strip().splitlines() or [f"it ended with status {codes[rank]}"]
        if codes[rank] == REFUSED:
            raise ValueError(said[-1].removeprefix("error: "))
        raise RuntimeError(f"process {rank} of {processes}: {said[-1]}; give the same command again to go on")


def told_values(texts: Sequence[str]) -> dict[str, Any]:
    """``name=value`` as parameters of chapter 04; raises ValueError on another name or a value of another kind."""
    from salesforecast_lib.models.forecaster import NetworkConfig

    config = NetworkConfig()
    kinds = {each.name: getattr(config, each.name) for each in fields(config) if each.name != "training"}
    kinds |= {each.name: getattr(config.training, each.name) for each in fields(config.training)}
    values: dict[str, Any] = {}
    for text in texts:
        name, found, value = text.partition("=")
        kind = kinds.get(name)
        if not found or not isinstance(kind, bool | int | float | str):
            raise ValueError(f"--set {text}: expected name=value with a parameter of chapter 04, such as max_epochs=5")
        try:
            values[name] = value in ("True", "true") if isinstance(kind, bool) else type(kind)(value)
        except ValueError:
            raise ValueError(f"--set {text}: expected a value such as {kind!r}") from None
    return values
