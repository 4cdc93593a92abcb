"""The whole way from a data set's name to its panel, as chapter 01 runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.data.cleaning import Cleaned, clean
from salesforecast_lib.data.frequency import Frequency, check_freq
from salesforecast_lib.data.journey import journey_promotions
from salesforecast_lib.data.loaders import load
from salesforecast_lib.data.marketplace.panel import CLICKS, LEVELS, market_columns
from salesforecast_lib.data.own_panel import read_panel
from salesforecast_lib.data.panel import PanelConfig, build_panel
from salesforecast_lib.data.reading import ReadingReport, ReadOptions
from salesforecast_lib.files import read_json, resolve, write_json, write_parquet
from salesforecast_lib.wording import counted

_OBSERVED = ("price", "discount", "baskets", "buyers", "repeat_share")


_LEAST = {"day": 14, "week": 9, "month": 9}  # periods below which no model has anything to learn from


@dataclass(frozen=True)
class Prepared:
    """``panel`` with its description ``meta`` (panel.json), the accounting ``report`` and the quarantine.

    ``cleaned`` is None when the input was already a panel; ``reading`` says how the reader's own file was read.
    ``notes`` is what else the reader should be told: columns under another name, a frequency inferred, gaps filled.
    """

    panel: pd.DataFrame
    meta: dict[str, Any]
    report: pd.DataFrame
    quarantine: pd.DataFrame
    cleaned: Cleaned | None
    note: str
    reading: ReadingReport | None = None
    notes: list[str] = field(default_factory=list)


def prepare(
    dataset: str,
    config: PanelConfig,
    horizon: int,
    *,
    path: str = "",
    country: str = "US",
    reading: ReadOptions | None = None,
    static: tuple[str, ...] = (),
    switches: Mapping[str, Any] | None = None,
    missing_y: str = "zero",
) -> Prepared:
    """Load, clean and aggregate a data set.

    Parameters
    ----------
    dataset : "complete_journey", "online_retail_ii", "marketplace", "own_data" (order lines) or "own_panel" (already
        aggregated).
    reading : how the reader's own file is read: the names of its columns, its marks, its time zone.
    switches : changes to the data set's `CleaningConfig`.

    Raises
    ------
    ValueError, FileNotFoundError
        When an input cannot be used, or the series are too short for ``horizon``.
    """
    if horizon < 1:
        raise ValueError(f"horizon={horizon}: expected at least 1 period")
    if dataset == "own_panel":
        prepared = _from_panel(path, reading, config, country, static, missing_y)
    else:
        source = load(dataset, path, reading, country, static)
        cleaned = clean(source.lines, source.cleaning.change(switches or {}), source.quarantine)
        level = config.level
        panel = build_panel(cleaned.kept, config, tuple(name for name in source.static if name != level))
        future = ["open"]
        if dataset == "complete_journey" and level in ("product_type", "product_category") and config.freq == "D":
            panel = panel.merge(journey_promotions(panel, level), on=["unique_id", "ds"], how="left")
            future += ["display", "mailer", "coupon"]
        clicks: list[str] = []
        if source.market is not None and level in LEVELS and not config.by_location:
            panel, plans = market_columns(panel, source.market, level, config.freq)
            future += plans
            clicks = list(CLICKS)
        meta = _describe(
            dataset,
            config.frequency,
            source.country,
            [n for n in source.static if n != level],
            [*(name for name in _OBSERVED if name in panel), *clicks],
            future,
        )
        prepared = Prepared(panel, meta, cleaned.report, cleaned.quarantine, cleaned, source.note, source.reading)
    periods, unit = prepared.panel["ds"].nunique(), check_freq(prepared.meta["freq"]).period
    least = _LEAST[unit]
    if periods < max(3 * horizon, least):
        advice = f"horizon={periods // 3} or a longer history" if periods >= least else "a longer history"
        raise ValueError(
            f"{counted(periods, unit)} of data for horizon={horizon}: expected at least three horizons, and "
            f"{least} {unit}s with any horizon; give {advice}"
        )
    prepared.meta["horizon"] = horizon
    return prepared


def _describe(
    dataset: str, frequency: Frequency, country: str, static: list[str], historical: list[str], future: list[str]
) -> dict[str, Any]:
    return {
        "dataset": dataset,
        "freq": frequency.alias,
        "season_length": frequency.season,
        "country": country,
        "static": static,
        "historical": historical,
        "future": future,
    }


def _from_panel(
    path: str,
    options: ReadOptions | None,
    config: PanelConfig,
    country: str,
    static: tuple[str, ...],
    missing_y: str,
) -> Prepared:
    regular, read = read_panel(path, options, config.freq, missing_y)
    panel, notes = regular.panel, list(regular.notes)
    kept = [regular.renamed.get(name, name) for name in static]
    unknown = [name for name in kept if name not in (*regular.numeric, *regular.texts)]
    if unknown:
        raise ValueError(f"static={unknown}: not in the panel, which has {[*regular.numeric, *regular.texts]}")
    numbers = [name for name in regular.numeric if name not in kept]
    if config.n_series:
        best = panel.groupby("unique_id")["y"].sum().nlargest(config.n_series).index
        left = panel["unique_id"].nunique() - len(best)
        if left:
            notes.append(f"{counted(left, 'series')} with the lowest sales left out: n_series={config.n_series}")
        panel = panel[panel["unique_id"].isin(best)].reset_index(drop=True)
    meta = _describe("own_panel", regular.freq, country, kept or regular.texts, numbers, ["open"])
    meta["stamp"] = regular.stamp
    rows, refused = read.report.rows, len(read.quarantine)
    report = pd.DataFrame(
        {"step": ["schema"], "before": [rows], "quarantined": [refused], "cancelled": [0], "after": [rows - refused]}
    )
    return Prepared(
        panel, meta, report, read.quarantine, None, f"own panel: {Path(path).name}", read.report, notes
    )


def save_prepared(prepared: Prepared, run_dir: str | Path) -> None:
    """Write ``panel.parquet``, ``panel.json``, ``quarantine.parquet`` and ``cleaning.json`` of a run."""
    folder = resolve(run_dir)
    write_parquet(prepared.panel, folder / "panel.parquet")
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
