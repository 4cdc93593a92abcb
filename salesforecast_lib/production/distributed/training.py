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
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from salesforecast_lib.production.distributed.launch import (
    REFUSED,
    WORKER,
    check,
    check_features,
    told_values,
    train_together,
)


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
        run, out = told.run.expanduser().resolve(), told.out.expanduser().resolve()
        check_features(run)
        values = told_values(told.set)
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
