"""Boosting on several workers: a draw of rows for each fit, or LightGBM's own trainer over a cluster.

    python -m tests.benchmarks.boosting_scale runs/default --out boosting_scale.json

Every variant fits the same trees (the mean, in levels of the series, with the columns of chapter 06's boosting) at
cutoffs before the scored part of the run and forecasts the horizon after them. What differs is which rows are seen and
who works:

- ``draw``: so many pairs of origin and step, drawn from all series, one process, one thread; what the library does.
- ``files``: the same number, an equal share of each of eight files of whole series; sampled where the series lie.
- ``pairs of fits``: ``draw``, two fits with seeds of their own side by side on an engine; seconds of one of the two.
- ``cluster``: LightGBM's Dask trainer on two workers of one thread, on the rows of ``draw``.
- ``more``, ``cluster, more``: four times as many rows, in one process and by the Dask trainer.

The file that it writes says for each the weighted absolute percentage error over cutoffs, seconds of the fits, CPU
seconds and the largest sum of resident memory of all processes of the variant, loading included.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil

from salesforecast_lib.data.features import load_features
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.files import read_json, write_json
from salesforecast_lib.models.ensembles.members import read_known
from salesforecast_lib.models.peers.memory import LongMemoryRows
from salesforecast_lib.production.distributed import open_engine

ROWS, MORE, FILES = 160_000, 4, 8
VARIANTS = ("draw", "files", "pairs of fits", "cluster", "more", "cluster, more")
TREES: dict[str, Any] = {
    "n_estimators": 80, "learning_rate": 0.1, "num_leaves": 63, "min_child_samples": 50, "colsample_bytree": 0.5,
    "subsample": 0.5, "subsample_freq": 1, "max_bin": 63, "verbosity": -1, "deterministic": True,
    "force_col_wise": True,
}  # fmt: skip


@dataclass
class Drawn:
    """Training rows of a fit: inputs (pairs, columns), target and weight (pairs,); columns that are codes."""

    inputs: np.ndarray
    target: np.ndarray
    weight: np.ndarray
    codes: list[int]


def rows_at(run: Path, back: int) -> LongMemoryRows:
    """Rows of a run at the cutoff ``back`` horizons before its last scored one's horizon begins."""
    table, meta = load_features(run)
    frequency, horizon = check_freq(str(meta["freq"])), int(meta["horizon"])
    scored = int(read_json(run / "parameters.json").get("cutoffs", 1)) if (run / "parameters.json").is_file() else 1
    end = table.frame["ds"].max()
    cutoff = pd.date_range(end=end, periods=(scored + back) * horizon + 1, freq=frequency.alias)[0]
    return LongMemoryRows(table, read_known(run, table), cutoff, horizon, frequency.alias, frequency.cycle, 56)


def drawn(rows: LongMemoryRows, count: int, seed: int, files: int = 1) -> Drawn:
    """A seeded draw of pairs, the same number of each of ``files`` equal shares of the series."""
    origin, step = rows.training(rows.cutoff, count * (4 if files > 1 else 1), seed)
    if files > 1:
        file, rng = rows.series[origin] * files // len(rows.names), np.random.default_rng(seed)
        own = [np.flatnonzero(file == k) for k in range(files)]
        chosen = np.concatenate([rng.choice(each, min(count // files, len(each)), replace=False) for each in own])
        origin, step = origin[np.sort(chosen)], step[np.sort(chosen)]
    level = rows.level[origin]
    weight = np.clip(level / np.median(level), 0.05, 20) * rows.seen[origin + step]
    target = np.clip(rows.y[origin + step] / level, -50, 50)
    return Drawn(
        rows.inputs(origin, step), target, weight, [len(rows.numeric) + k for k in range(len(rows.categories))]
    )


def fit(data: Drawn, seed: int) -> Any:
    """One fit in one process and thread."""
    import lightgbm as lgb

    model = lgb.LGBMRegressor(**TREES, random_state=seed, n_jobs=1)
    return model.fit(data.inputs, data.target, sample_weight=data.weight, categorical_feature=data.codes).booster_


def fit_of(seed: int, data: Drawn) -> str:
    """The text of a fit, for an engine."""
    return str(fit(data, seed).model_to_string())


def few() -> Drawn:
    """Rows that are fitted in no time."""
    rng = np.random.default_rng(0)
    return Drawn(rng.random((500, 3), "float32"), rng.random(500), np.ones(500), [])


def fit_on_cluster(data: Drawn, seed: int, client: Any) -> Any:
    """One fit by LightGBM's Dask trainer, the rows in one part for each worker."""
    import dask.array as da
    import lightgbm as lgb

    workers = sorted(client.scheduler_info()["workers"])
    parts = np.array_split(np.arange(len(data.target)), len(workers))

    def spread(values: np.ndarray) -> Any:
        kept = [client.scatter(values[p], workers=[w]) for p, w in zip(parts, workers, strict=True)]
        return da.concatenate(
            [da.from_delayed(k, values[p].shape, values.dtype) for k, p in zip(kept, parts, strict=True)]
        )

    model = lgb.DaskLGBMRegressor(**TREES, random_state=seed, n_jobs=1, client=client, tree_learner="data")
    with client.as_current():
        arrays = [spread(values) for values in (data.inputs, data.target, data.weight)]
        return model.fit(arrays[0], arrays[1], sample_weight=arrays[2], categorical_feature=data.codes).booster_


def forecast_error(booster: Any, rows: LongMemoryRows, table: pd.DataFrame) -> tuple[float, float]:
    """Sum of absolute errors and of sales after the cutoff, where the product could be bought."""
    origin, step = rows.at(rows.cutoff)
    mean = np.maximum(booster.predict(rows.inputs(origin, step)) * rows.level[origin], 0)
    told = rows.table(origin, step, mean[:, None], "Boosting").merge(table, on=["unique_id", "ds"])
    told = told[told["available"] > 0]
    return float((told["mean"] - told["y"]).abs().sum()), float(told["y"].sum())


def one(variant: str, run: Path, cutoffs: int, first: int) -> dict[str, Any]:
    """Fit and score one variant in this process, and the workers that it opens."""
    import lightgbm as lgb

    table = load_features(run)[0].frame[["unique_id", "ds", "y", "available"]]
    count = ROWS * (MORE if "more" in variant else 1)
    seconds, errors, sales, pairs = 0.0, 0.0, 0.0, 0
    engine = open_engine(
        "dask" if "cluster" in variant else "local", workers=1 + (variant == "pairs of fits" or "cluster" in variant)
    )
    with engine:
        if engine.workers > 1:
            engine.run_tasks(fit_of, [0, 1], shared=(few(),)).whole()  # imports are not what is measured
        for back in range(first, first + cutoffs):
            rows = rows_at(run, back)
            data = drawn(rows, count, back, FILES if variant == "files" else 1)
            begun, pairs = time.perf_counter(), len(data.target)
            if "cluster" in variant:
                booster = fit_on_cluster(data, back, engine.client)  # type: ignore[attr-defined]
            elif variant == "pairs of fits":
                texts = engine.run_tasks(fit_of, [back, back + 100], shared=(data,)).whole()
                booster = lgb.Booster(model_str=texts[0])
            else:
                booster = fit(data, back)
            seconds += (time.perf_counter() - begun) / (2 if variant == "pairs of fits" else 1)
            error, sold = forecast_error(booster, rows, table)
            errors, sales = errors + error, sales + sold
    return {"rows": pairs, "wape": round(errors / sales, 4), "seconds a fit": round(seconds / cutoffs, 2)}


def measured(command: list[str]) -> dict[str, Any]:
    """What a variant printed, its CPU seconds, and the largest memory of it and its workers in GB."""
    before, most = resource.getrusage(resource.RUSAGE_CHILDREN), 0
    running = subprocess.Popen(command, env={**os.environ, "OMP_NUM_THREADS": "1"}, stdout=subprocess.PIPE, text=True)
    while running.poll() is None:
        try:
            family = [psutil.Process(running.pid), *psutil.Process(running.pid).children(recursive=True)]
            most = max(most, sum(each.memory_info().rss for each in family))
        except psutil.Error:
            pass
        time.sleep(0.2)
    said = running.stdout.read().strip().splitlines() if running.stdout else []
    if running.returncode or not said:
        raise SystemExit(f"{' '.join(command)}: ended with {running.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {**json.loads(said[-1]), "CPU seconds in all": round(cpu, 1), "GB": round(most / 1e9, 2)}


def main() -> None:
    """Measure every variant in a process of its own and write the file."""
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("run", type=Path, help="a run with features")
    asked.add_argument("--out", type=Path, default=Path("boosting_scale.json"))
    asked.add_argument("--cutoffs", type=int, default=3)
    asked.add_argument("--first", type=int, default=1, help="horizons between the scored part and the latest cutoff")
    asked.add_argument("--one", choices=VARIANTS, help=argparse.SUPPRESS)
    told = asked.parse_args()
    if told.one:
        print(json.dumps(one(told.one, told.run, told.cutoffs, told.first)))
        return
    program = [sys.executable, "-m", "tests.benchmarks.boosting_scale", str(told.run), "--cutoffs", str(told.cutoffs)]
    found: dict[str, Any] = {}
    for variant in VARIANTS:
        load = round(os.getloadavg()[0], 1)
        found[variant] = {**measured([*program, "--first", str(told.first), "--one", variant]), "load before": load}
        print(variant, found[variant], flush=True)
    meta = read_json(told.run / "panel.json")
    content = {"dataset": meta["dataset"], "horizon": meta["horizon"], "cutoffs": told.cutoffs, "variants": found}
    write_json(content, told.out)


if __name__ == "__main__":
    main()
