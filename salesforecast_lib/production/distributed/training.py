"""Train a run's network with several processes (chapter 18).

On one machine:

    python -m salesforecast_lib.production.distributed.training RUN --out FOLDER --processes 2

The processes find each other through a file and talk on the loopback device: nothing listens on the network. On
several machines, or with torchrun, the same module is the worker; all must see the same RUN and FOLDER:

    torchrun --nnodes 2 --nproc-per-node 4 --rdzv-backend c10d --rdzv-endpoint HOST:29400 \\
        -m salesforecast_lib.production.distributed.training RUN --out FOLDER

torchrun's own store listens on every address of its machine, also with ``--standalone``: use it in a network you trust.
A training that was killed goes on from its last whole epoch when the same command is given again, with any number of
processes.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import threading
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


def check(run: Path, values: Mapping[str, Any], processes: int) -> NetworkConfig:
    """The network of a run and ``values``; refuses what can be seen before any process is started.

    Raises
    ------
    ValueError, FileNotFoundError
        When there are no features, or fewer parts of a batch than processes.
    """
    for name in ("features.json", "features.parquet"):
        if not (run / name).is_file():
            raise FileNotFoundError(f"{run / name}: no such file; give a run whose chapter 02 has finished")
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


def work(run: Path, out: Path, values: Mapping[str, Any], cutoff: str, device: str, store: Path | None) -> None:
    """The part of one process of the team that the environment describes; the first writes the files."""
    import pandas as pd
    import torch
    from torch import distributed

    from salesforecast_lib.data.features import load_features
    from salesforecast_lib.models.forecaster import fit_network, save_forecaster, write_training_log
    from salesforecast_lib.production.distributed.team import join

    config = check(run, values, int(os.environ["WORLD_SIZE"]))
    torch.set_num_threads(1)
    team = join(device, store)
    try:
        table, meta = load_features(run)
        last = pd.Timestamp(cutoff) if cutoff else table.frame["ds"].max()
        fit = fit_network(table, meta, last, config, device=device, checkpoint=out / "checkpoint", team=team)
        if team.first:
            save_forecaster(fit.forecaster, out)
            write_training_log(fit.search, fit.final, out / "training_log.json")
        distributed.barrier()
    finally:
        distributed.destroy_process_group()


def _leave_with(parent: int) -> None:
    """End this process soon after ``parent`` is gone: nobody is left to end it when another one fails."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


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


def main(given: Sequence[str] | None = None) -> None:
    """Start the processes, or be one of them where the environment names a rank."""
    asked = argparse.ArgumentParser(prog=f"python -m {WORKER}", description="Train a run's network together.")
    asked.add_argument("run", type=Path, help="folder of a run with features")
    asked.add_argument("--out", type=Path, required=True, help="folder of the model, its log and its checkpoint")
    asked.add_argument("--processes", type=int, default=2, help="on this machine; torchrun tells its own number")
    asked.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="a parameter of chapter 04")
    asked.add_argument("--cutoff", default="", help="last day that the training may see")
    asked.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    asked.add_argument("--store", type=Path, help=argparse.SUPPRESS)
    told = asked.parse_args(given)
    try:
        run, out, values = told.run.expanduser().resolve(), told.out.expanduser().resolve(), told_values(told.set)
        if "RANK" in os.environ:
            if told.store is not None:
                _leave_with(os.getppid())
            work(run, out, values, told.cutoff, told.device, told.store)
            return
        curve = train_together(run, out, told.processes, values, cutoff=told.cutoff, device=told.device)
    except (ValueError, FileNotFoundError) as error:
        print(f"error: {error}", file=sys.stderr)
        raise SystemExit(REFUSED) from None
    except (OSError, RuntimeError) as error:
        raise SystemExit(f"error: {error}") from None
    print(curve.round(4).to_string(index=False))
    print(f"model: {out}")


if __name__ == "__main__":
    main()
