"""The whole way from a data set's name to its panel, as chapter 01 runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.data.ahead import Roles
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.data.loaders import load
from salesforecast_lib.data.own.country import Country
from salesforecast_lib.data.own.prepared import OWN, Prepared, orders_prepared, panel_prepared
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.reading import ReadingReport, ReadOptions, read_plan_file
from salesforecast_lib.files import read_json, resolve, write_json, write_parquet
from salesforecast_lib.wording import counted

__all__ = ["Prepared", "load_panel", "load_plan", "prepare", "save_prepared"]

_LEAST = {"day": 14, "week": 9, "month": 9}  # periods below which no model has anything to learn from


def prepare(
    dataset: str,
    config: PanelConfig,
    horizon: int,
    *,
    path: str = "",
    country: str = "US",
    reading: ReadOptions | None = None,
    static: tuple[str, ...] = (),
    future: tuple[str, ...] = (),
    historical: tuple[str, ...] = (),
    plan_file: str = "",
    plan_reading: ReadOptions | None = None,
    switches: Mapping[str, Any] | None = None,
    missing_y: str = "zero",
    any_length: bool = False,
) -> Prepared:
    """Load, clean and aggregate a data set, with what is told of the periods after it.

    Parameters
    ----------
    dataset : "complete_journey", "online_retail_ii", "marketplace", "own_data" (order lines) or "own_panel" (already
        aggregated).
    country : code of the holidays (``DE``, or ``DE-BY`` for a region), or the column of own data that names it.
    reading : how the reader's own file is read: the names of its columns, its marks, its time zone.
    static, future, historical : roles of columns, see `Roles`; of order lines ``price``, ``discount``, ``promotion``
        and other attributes can be *future* or *historical*.
    plan_file, plan_reading : a file with what the shop knows ahead, see `read_plan_file`.
    switches : changes to the data set's `CleaningConfig`.
    any_length : take series that are too short to learn from: a stored model forecasts them.

    Raises
    ------
    ValueError, FileNotFoundError
        When an input cannot be used, or the series are too short for ``horizon``.
    """
    if horizon < 1:
        raise ValueError(f"horizon={horizon}: expected at least 1 period")
    config = replace(config, n_series=config.keeps(own=dataset in OWN))
    plan = read_plan_file(plan_file, plan_reading) if plan_file else None
    where = Country(country, dataset in OWN)
    roles = Roles(future, historical, static)
    if dataset == "own_panel":
        prepared = panel_prepared(path, reading, config, where, roles, plan, missing_y, horizon)
    else:
        source = load(dataset, path, reading, where.default, static)
        mapped = reading.columns if reading else {}
        prepared = orders_prepared(source, dataset, config, where, roles, plan, switches or {}, horizon, mapped)
    periods, unit = prepared.panel["ds"].nunique(), check_freq(prepared.meta["freq"]).period
    least = _LEAST[unit]
    if periods < max(3 * horizon, least) and not any_length:
        advice = f"horizon={periods // 3} or a longer history" if periods >= least else "a longer history"
        raise ValueError(
            f"{counted(periods, unit)} of data for horizon={horizon}: expected at least three horizons, and "
            f"{least} {unit}s with any horizon; give {advice}"
        )
    prepared.meta["horizon"] = horizon
    if prepared.reading:
        prepared.meta["reading"] = _settled(prepared.reading)
    return prepared


def _settled(reading: ReadingReport) -> dict[str, str]:
    """What the whole file said of its dates, and a later, shorter one of the same shop may leave open."""
    order = reading.date_order if reading.date_order in ("dmy", "mdy") else None
    found = {"date_order": order, "periods": reading.periods}
    return {name: value for name, value in found.items() if value}


def save_prepared(prepared: Prepared, run_dir: str | Path) -> None:
    """Write ``panel.parquet``, ``panel.json``, ``plan.parquet``, ``quarantine.parquet`` and ``cleaning.json``."""
    folder = resolve(run_dir)
    write_parquet(prepared.panel, folder / "panel.parquet")
    write_parquet(prepared.plan, folder / "plan.parquet")
    texts = prepared.quarantine.astype({"column": str, "value": str, "reason": str})
    write_parquet(texts, folder / "quarantine.parquet")
    write_json(prepared.report.to_dict("records"), folder / "cleaning.json")
    write_json(prepared.meta, folder / "panel.json")


def load_panel(run_dir: str | Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Read a run's panel and its description; raises FileNotFoundError that says which chapter writes it."""
    folder = resolve(run_dir)
    if not (folder / "panel.json").is_file():
        raise FileNotFoundError(f"{folder / 'panel.json'}: no panel yet; run chapter 01 first")
    return pd.read_parquet(folder / "panel.parquet"), read_json(folder / "panel.json")


def load_plan(run_dir: str | Path) -> pd.DataFrame:
    """What the shop told of the periods after the data: ``unique_id, ds`` and future columns, missing where it did not.

    Empty where a run has no plan.
    """
    file = resolve(run_dir) / "plan.parquet"
    return pd.read_parquet(file) if file.is_file() else pd.DataFrame({"unique_id": [], "ds": pd.to_datetime([])})
