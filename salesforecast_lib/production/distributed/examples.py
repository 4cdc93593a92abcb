"""What chapter 18 shows: how full a panel is, a task that kills its worker, and whether two loss curves are one."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.production.distributed.launch import loss_curves

CLOSE = 1e-3  # relative difference of losses that rounding explains: sums over a batch are taken in another order


def density(panel: pd.DataFrame) -> pd.DataFrame:
    """How full a panel is: ``what, value`` with its series, periods, rows and the share of rows with a sale."""
    rows = [
        ("series", f"{panel['unique_id'].nunique():,}"),
        ("periods", f"{panel['ds'].nunique():,}"),
        ("rows", f"{len(panel):,}"),
        ("rows with a sale", f"{(panel['y'] > 0).mean():.0%}"),
    ]
    return pd.DataFrame(rows, columns=["what", "value"])


def same_tables(first: Path, second: Path) -> bool:
    """Whether two folders hold the same Parquet files, each with the same table bit for bit."""
    files = [sorted(path.name for path in folder.glob("*.parquet")) for folder in (first, second)]
    if files[0] != files[1] or not files[0]:
        return False
    return all(pd.read_parquet(first / name).equals(pd.read_parquet(second / name)) for name in files[0])


def dies_once(task: int, folder: str, place: int) -> int:
    """Square of ``task``; the task number ``place`` kills its process the first time it is tried."""
    mark = Path(folder) / str(task)
    if task == place and not mark.exists():
        mark.parent.mkdir(parents=True, exist_ok=True)
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return task * task


def shared_training(run: str | Path, values: Mapping[str, Any]) -> tuple[pd.DataFrame, str]:
    """Losses of one and of two processes and what they say; an empty table and the reason where nothing can be trained.

    Parameters
    ----------
    values : of the network, see `loss_curves`.
    """
    try:
        curves = loss_curves(run, (1, 2), values)
    except ValueError as error:  # such as a history that is too short
        return pd.DataFrame(columns=["processes", "epoch", "train", "validation"]), f"not trained: {error}"
    return curves, curves_found(curves)


def curves_found(curves: pd.DataFrame) -> str:
    """Whether trainings with several numbers of processes have one loss curve, in a sentence.

    Parameters
    ----------
    curves : ``processes, epoch, train, validation``, see `loss_curves`.
    """
    wide = curves.pivot(index="epoch", columns="processes", values="train")
    apart = float(((wide.max(axis=1) - wide.min(axis=1)) / wide.min(axis=1).abs()).max())
    alike = "the same losses but for rounding" if apart <= CLOSE else "other losses"
    return f"{' and '.join(str(n) for n in wide.columns)} processes: {alike} over {len(wide)} epochs"
