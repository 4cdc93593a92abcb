"""From a folder of order lines to a folder with a panel, in parts that fit into memory (chapter 18).

1. Each part of the files is read, and its lines are sorted into buckets by product.
2. Each bucket is cleaned: duplicates, cancellations and absurd orders are found among the lines of one product.
3. Each bucket ranks its products; all buckets together choose which are kept.
4. Each bucket lays out the panel of its chosen products.

Every step writes a file when it is done; begun again after a kill, the build does what has no such file.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.calendar import period_bounds, period_numbers
from salesforecast_lib.data.cleaning import CleaningConfig
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.reading import ReadingReport, ReadOptions
from salesforecast_lib.data.reading.cells.dates import FAR
from salesforecast_lib.data.reading.cells.stray import FUTURE, stray_days
from salesforecast_lib.files import read_json, write_json, write_parquet
from salesforecast_lib.production.distributed.buckets import bucket_of, days_of, part_file, sort_part
from salesforecast_lib.production.distributed.buckets_to_panel import (
    best,
    clean_bucket,
    clean_file,
    lay_out_bucket,
    rank_bucket,
)
from salesforecast_lib.production.distributed.engine import Engine
from salesforecast_lib.production.distributed.lines import PART, order_files, parts_of

BUCKET = 1_000_000  # lines of a bucket: half a gigabyte while they are cleaned


@dataclass(frozen=True)
class Built:
    """What a build made: the panel's ``folder``, its ``rows`` and ``series``, and the cleaning's ``report``."""

    folder: Path
    lines: int
    rows: int
    series: int
    all_series: int
    buckets: int
    report: pd.DataFrame


def build_panel_folder(
    path: str | Path,
    out: str | Path,
    engine: Engine,
    config: PanelConfig,
    cleaning: CleaningConfig | None = None,
    options: ReadOptions | None = None,
    static: tuple[str, ...] = (),
    sizes: tuple[int, int] = (PART, BUCKET),
    say: Callable[[str], None] = lambda _: None,
) -> Built:
    """Build the panel of order lines that need not fit into memory; the same rows as `build_panel` of all of them.

    Parameters
    ----------
    path : a folder of Parquet files, or one. ``out`` : folder for ``panel/``, ``panel.json`` and ``cleaning.json``.
    config : of series by product. ``static`` : columns constant within a series.
    sizes : lines of a part and of a bucket. ``say`` : is told what is at work.

    Raises
    ------
    ValueError, FileNotFoundError, EngineError
        When the files or options cannot be used, or a part fails three times.
    """
    options, cleaning = options or ReadOptions(), cleaning or CleaningConfig()
    work = Path(out).expanduser().resolve()
    config = replace(config, n_series=config.keeps(own=True))
    check_supported(config, cleaning)
    parts = parts_of(order_files(path), options, sizes[0])
    total = sum(part.rows for part in parts)
    buckets = max(1, -(-total // sizes[1]))
    _same_build(work, [parts, buckets, config, cleaning, options, static])
    folder = str(work)
    engine.run_tasks(sort_part, _said(parts, "sort lines into buckets", say), shared=(folder, buckets, options)).whole()
    stray = _stray(folder, len(parts), str(path))
    told = (folder, len(parts), cleaning, static, stray)
    found = engine.run_tasks(clean_bucket, _said(range(buckets), "clean bucket", say), shared=told).whole()
    filled = [bucket for bucket in range(buckets) if found[bucket]["lines"]]
    if not filled:
        raise ValueError("no order lines left after cleaning; look at the quarantine for the reasons")
    days = np.unique(np.array([day for each in found for day in each["days"]], dtype="datetime64[D]")).astype("int64")
    span = period_bounds(days, config.frequency)
    number, calendar, _ = period_numbers(days, config.frequency, *span)
    is_open = (np.bincount(number, minlength=len(calendar)) > 0)[None]
    all_series = sum(each["series"] for each in found if each["lines"])
    names = _chosen(engine, filled, folder, config, span, buckets, say) if 0 < config.n_series < all_series else None
    shared = (folder, config, static, span, is_open, names)
    made = engine.run_tasks(lay_out_bucket, _said(filled, "lay out bucket", say), shared=shared).whole()
    report = _report(found, folder, len(parts), total)
    write_json(report.to_dict("records"), work / "cleaning.json")
    rows, series = sum(each[0] for each in made), sum(each[1] for each in made)
    write_json({"freq": config.frequency.alias, "rows": rows, "series": series, "lines": total}, work / "panel.json")
    return Built(work / "panel", total, rows, series, all_series, buckets, report)


def check_supported(config: PanelConfig, cleaning: CleaningConfig) -> None:
    """Raise ValueError on what needs lines of several products at once, which buckets by product keep apart."""
    if config.level != "product_id" or config.by_location:
        what = "by_location" if config.by_location else f"level={config.level}"
        raise ValueError(f"{what}: lines that are read in parts become series by product; expected level=product_id")
    if cleaning.cancelled_when:
        raise ValueError(
            "cancelled_when: a cancelled order has lines of several products, which are cleaned apart here; take "
            "such orders out while you write the files"
        )


def _said(tasks: Sequence[Any], what: str, say: Callable[[str], None]) -> Iterator[Any]:
    """The tasks, each of which is told when it is taken."""
    for place, task in enumerate(tasks, start=1):
        say(f"{what} {place} of {len(tasks)}")
        yield task


def _same_build(work: Path, about: list[Any]) -> None:
    """Keep what an earlier build of the same files with the same options left, and nothing else."""
    parts = [{**asdict(part), "when": Path(part.file).stat().st_mtime_ns} for part in about[0]]
    text = json.dumps([parts, *(repr(each) for each in about[1:])], sort_keys=True)
    print_of = hashlib.sha256(text.encode()).hexdigest()
    known = work / "build.json"
    if not known.is_file() or read_json(known)["build"] != print_of:
        for name in ("lines", "clean", "ranks", "panel"):
            shutil.rmtree(work / name, ignore_errors=True)
        write_json({"build": print_of}, known)


def _stray(folder: str, parts: int, path: str) -> dict[str, list[str]]:
    """Days that do not belong to the others, by the reason, as all parts together tell."""
    days, counts = days_of(folder, parts)
    if not len(days):
        return {}
    far, future = stray_days(days, counts, ReadingReport(path, "orders"))
    return {FAR: days[far].astype(str).tolist(), FUTURE: days[future].astype(str).tolist()}


def _chosen(
    engine: Engine,
    filled: list[int],
    folder: str,
    config: PanelConfig,
    span: tuple[int, int],
    buckets: int,
    say: Callable[[str], None],
) -> dict[int, list[str]]:
    """Names of the series that are kept, by bucket."""
    tasks = _said(filled, "rank products of bucket", say)
    ranks = engine.run_tasks(rank_bucket, tasks, shared=(folder, config, *span)).whole()
    names = best(pd.concat(ranks, ignore_index=True), config.n_series)["name"].tolist()
    chosen: dict[int, list[str]] = {}
    for name, bucket in zip(names, bucket_of(names, buckets).tolist(), strict=True):
        chosen.setdefault(bucket, []).append(name)
    return chosen


def _report(found: list[dict[str, Any]], folder: str, parts: int, total: int) -> pd.DataFrame:
    """The cleaning's account of all buckets, which begins with what could not be read; and the quarantine's file."""
    files = [part_file(folder, number) for number in range(parts)]
    files += [clean_file(folder, bucket) for bucket, each in enumerate(found) if each["lines"]]
    refused = [pd.read_parquet(file.with_suffix(".refused.parquet")) for file in files]
    write_parquet(pd.concat(refused, ignore_index=True), Path(folder) / "quarantine.parquet")
    unread = sum(len(table) for table in refused[:parts])
    steps = pd.concat([pd.DataFrame(each["report"]) for each in found if each["lines"]])
    capped = steps["step"].str.extract(r" \(capped (\d+)\)$")[0].astype("float64")
    steps["step"] = steps["step"].str.replace(r" \(capped \d+\)$", "", regex=True)
    if capped.notna().any():
        name = steps.loc[capped.notna(), "step"].iloc[0]
        steps["step"] = steps["step"].replace(name, f"{name} (capped {int(capped.sum())})")
    report = steps.groupby("step", sort=False).sum().reset_index()
    report.loc[0, ["before", "quarantined"]] += unread
    return report[["step", "before", "quarantined", "cancelled", "after"]]
