"""What ``salesforecast check-data`` says about a file: how it was read, the quarantine, whether it can be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd

from salesforecast_lib.data.cleaning import CleaningConfig, clean
from salesforecast_lib.data.reading import (
    Reading,
    ReadingReport,
    ReadOptions,
    read_orders,
    read_panel_file,
    read_plan_file,
    read_stock_file,
)

READERS: dict[str, Callable[[str, ReadOptions], Reading]] = {
    "orders": read_orders,
    "panel": read_panel_file,
    "stock": read_stock_file,
    "plan": read_plan_file,
}


def check_file(
    file: str, kind: str, options: Callable[[], ReadOptions]
) -> tuple[ReadingReport, pd.DataFrame, str]:
    """Read ``file`` as a run would; returns the report, the quarantine, and why it cannot be used ("" if it can).

    Order lines are cleaned with the default steps, so that cancelled and quarantined lines are counted as in a run.
    """
    nothing = ReadingReport(file, kind), pd.DataFrame()
    if kind not in READERS:
        return *nothing, f"--kind {kind!r}: expected one of {', '.join(READERS)}"
    try:
        read = READERS[kind](str(Path(file).resolve()), options())
    except (ValueError, FileNotFoundError) as error:
        return *nothing, str(error)
    report, quarantine = read.report, read.quarantine
    if kind == "orders":
        cleaned = clean(read.frame, CleaningConfig(), read.quarantine)
        quarantine = cleaned.quarantine
        report.count(cleaned.kept, quarantine, len(cleaned.cancelled))
    if report.kept:
        return report, quarantine, ""
    return report, quarantine, f"{file}: no usable row; the reasons are {report.reasons}"


def checked(report: ReadingReport, error: str) -> str:
    """The JSON object of ``check-data --json``: the report's fields, and ``error`` when the file cannot be used."""
    content = report.to_dict()
    if error:
        content["error"] = error
    return json.dumps(content, ensure_ascii=False, indent=2, default=str)
