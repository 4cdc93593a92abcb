"""Settings of the league's models, compared on the validation cutoffs: nothing after the first cutoff is read.

``python -m tests.benchmarks.league_search online_retail_ii LSTM window=26,52 dropout=0.2,0.5 --seeds 1,2 --data DIR``

Every combination is fitted anew at each validation cutoff; ``window=52+26`` fits both and averages their forecasts.
The rows are printed and added to ``book/league/search/DATASET.json``, from which the league's page shows them.
"""

from __future__ import annotations

import argparse
import itertools
import time
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.files import project_root, read_json, write_json
from salesforecast_lib.models.forecaster.fit import NetworkConfig
from salesforecast_lib.models.forecaster.several import mean_of
from salesforecast_lib.models.peers.baselines import close_shop
from salesforecast_lib.models.peers.boosting import BoostingConfig, boosting_forecasts
from salesforecast_lib.models.peers.regression import DirectConfig
from tests.benchmarks.league import check, score
from tests.benchmarks.league_models import (
    Forecast,
    direct_lightgbm,
    features_of,
    first_window,
    network,
    network_config,
)
from tests.benchmarks.league_tasks import TASKS, Task, View, earlier_cutoffs

FOLDER = project_root() / "book" / "league" / "search"
CONFIGS: dict[str, type] = {"LSTM": NetworkConfig, "Boosting": BoostingConfig, "LightGBMDirect": DirectConfig}
KEY = ("model", "settings", "cutoffs", "seed")


def fitted(task: Task, model: str, changes: dict[str, Any], seed: int, view: View) -> Forecast:
    """``model`` with ``changes`` to its settings in the league; raises ValueError on a name that it does not have."""
    known = {field.name for field in fields(CONFIGS[model])}
    unknown = sorted(set(changes) - known)
    if unknown:
        raise ValueError(f"{model} has no settings {unknown}; expected some of {sorted(known)}")
    strict = task.fully_available
    if model == "LSTM":
        config = network_config(task)
        return network(replace(config, training=replace(config.training, seed=seed), **changes), strict)(view)
    if model == "Boosting":
        return boosting(BoostingConfig(**{"seed": seed, **changes}), strict)
    return direct_lightgbm(DirectConfig(**{"window": first_window(task), "seed": seed, **changes}), strict)(view)


def boosting(config: BoostingConfig, strict: bool) -> Forecast:
    """The champion's boosting (chapter 06), with the features of the league's network."""

    def forecast(view: View) -> pd.DataFrame:
        table, freq = features_of(view, strict), str(view.meta["freq"])
        ahead = table.frame[table.frame["ds"] > view.cutoff]
        told = (table, ahead, view.cutoff, len(view.steps), freq, check_freq(freq).cycle)
        return boosting_forecasts(*told, config)

    return forecast


def search(task: Task, model: str, grid: dict[str, list[Any]], seeds: list[int]) -> list[dict[str, Any]]:
    """One row for each combination and seed: scaled quantile loss and WAPE on the validation cutoffs."""
    rows = []
    known = task.panel[task.panel["ds"] <= task.cutoffs[0]].reset_index(drop=True)
    judged = replace(task, panel=known, cutoffs=task.validation, validation=())
    for values in itertools.product(*grid.values()):
        changes = dict(zip(grid, values, strict=True))
        for seed in seeds:
            begun, tables = time.perf_counter(), []
            for cutoff in task.validation:
                view = task.view(cutoff)
                table = mean_of([fitted(task, model, each, seed, view)(view) for each in mixed(changes)])
                tables.append(check(close_shop(table, task.panel, task.meta["future"]), task, cutoff, model))
            scores = score(judged, pd.concat(tables, ignore_index=True))[0].iloc[0]
            loss, wape = float(scores["scaled_quantile_loss"]), float(scores["wape"])
            found = {"scaled_quantile_loss": round(loss, 5), "wape": round(wape, 5)}
            rows.append({"model": model, "settings": changes, "cutoffs": len(task.validation), "seed": seed, **found})
            print(
                f"{model} {changes} seed {seed}: {loss:.4f} {wape:.4f} {time.perf_counter() - begun:.0f} s", flush=True
            )
    return rows


def mixed(changes: dict[str, Any]) -> list[dict[str, Any]]:
    """The settings whose forecasts are averaged: ``52+26`` stands for two of them."""
    values = [
        [yaml.safe_load(part) for part in value.split("+")] if isinstance(value, str) else [value]
        for value in changes.values()
    ]
    return [dict(zip(changes, combination, strict=True)) for combination in itertools.product(*values)]


def parse_grid(words: list[str]) -> dict[str, list[Any]]:
    """``name=v1,v2`` as lists of YAML values; raises ValueError on a word without values."""
    grid = {}
    for word in words:
        name, _, values = word.partition("=")
        if not name or not values:
            raise ValueError(f"{word!r}: expected NAME=VALUE or NAME=VALUE,VALUE")
        grid[name] = [yaml.safe_load(value) for value in values.split(",")]
    return grid


def store(name: str, rows: list[dict[str, Any]], folder: Path = FOLDER) -> None:
    """Add rows to the task's file; those of the same model, settings, cutoffs and seed are replaced."""
    file = folder / f"{name}.json"
    known = read_json(file) if file.is_file() else []
    same = [[row[name] for name in KEY] for row in rows]
    write_json([row for row in known if [row[name] for name in KEY] not in same] + rows, file)


def main(arguments: list[str] | None = None) -> list[dict[str, Any]]:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=sorted(TASKS))
    parser.add_argument("model", choices=list(CONFIGS))
    parser.add_argument("grid", nargs="*", help="settings, NAME=VALUE,VALUE")
    parser.add_argument("--seeds", default="1", help="separated by commas")
    parser.add_argument("--cutoffs", type=int, default=0, help="so many before the first scored one, a horizon apart")
    parser.add_argument("--data", type=Path, default=None, help="folder with the data sets that are not embedded")
    chosen = parser.parse_args(arguments)
    seeds = [int(seed) for seed in chosen.seeds.split(",")]
    task = TASKS[chosen.dataset](chosen.data)
    if chosen.cutoffs:
        freq, horizon = str(task.meta["freq"]), int(task.meta["horizon"])
        task = replace(task, validation=earlier_cutoffs(list(task.cutoffs), freq, horizon, chosen.cutoffs))
    rows = search(task, chosen.model, parse_grid(chosen.grid), seeds)
    store(chosen.dataset, rows)
    return rows


if __name__ == "__main__":
    main()
