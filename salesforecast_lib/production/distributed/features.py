"""Features of a panel that lies in files of whole series, file by file on an engine (chapter 18).

A feature looks at one series, so that a file of whole series is a task and nothing is moved between workers. This is
why the files are ours and no ``dask.dataframe``: that knows no divisions of what it reads, may cut a file or join two,
and would shuffle all rows to bring those of a series together that lie together already. What looks at all series, the
usual price of a group, is found first and told to every task.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from salesforecast_lib.data.blocks import series_blocks
from salesforecast_lib.data.features import ROLES, build_features, usual_prices
from salesforecast_lib.files import write_json, write_parquet
from salesforecast_lib.production.distributed.engine import Engine, EngineError, Failure

ROWS = 150_000  # of a file, about


def write_parts(panel: pd.DataFrame, folder: Path, rows: int = ROWS) -> list[Path]:
    """Write a panel, sorted by ``unique_id, ds``, as Parquet files of whole series, of about ``rows`` rows each."""
    blocks = enumerate(series_blocks(panel, rows))
    return [write_parquet(block, folder / f"part-{number:05d}.parquet") for number, block in blocks]


def features_on(engine: Engine, folder: Path, meta: dict[str, Any], out: Path) -> tuple[Failure, ...]:
    """`build_features` of every Parquet file in ``folder``, written below ``out`` as `load_features` reads it.

    ``out/features.parquet`` becomes a folder of as many files, in their order, beside ``features.json``. Numbers are
    those of the whole panel, bit for bit.

    Returns
    -------
    The files that failed three times, with their series: the features lack them.

    Raises
    ------
    EngineError
        When there is no file, a series lies in two of them, or not one could be done.
    """
    parts = sorted(folder.glob("*.parquet"))
    if not parts:
        raise EngineError(f"{folder}: no Parquet file there; write_parts writes a panel as files of whole series")
    names = [pq.read_table(part, columns=["unique_id"]).column(0).unique().to_pylist() for part in parts]
    seen: dict[str, Path] = {}
    for part, series in zip(parts, names, strict=True):
        for name in series:
            if seen.setdefault(name, part) != part:
                raise EngineError(f"{part}: series {name!r} is in {seen[name].name} too; a series needs one file")
    priced = bool(meta["static"]) and "price" in {*meta["historical"], *meta["future"]}
    columns = ["unique_id", "ds", "price", *meta["static"][:1]]
    usual = usual_prices(pd.concat([pd.read_parquet(p, columns=columns) for p in parts]), meta) if priced else None
    target = out / "features.parquet"
    done = engine.run_tasks(_features, [(str(part), str(target)) for part in parts], names, (meta, usual))
    if not done.delivered:
        raise EngineError(f"no features were built: {done.failures[0].sentence}")
    write_json({**meta, **done.delivered[0]}, out / "features.json")
    return done.failures


def _features(task: tuple[str, str], meta: dict[str, Any], usual: pd.Series | None) -> dict[str, Any]:
    """Build and write the features of one file; the roles of its columns."""
    part, target = Path(task[0]), Path(task[1])
    table = build_features(pd.read_parquet(part), meta, usual)
    write_parquet(table.frame, target / part.name)
    return {**{role: table.roles[role] for role in ROLES}, "groups": table.groups, "in_units": table.in_units}
