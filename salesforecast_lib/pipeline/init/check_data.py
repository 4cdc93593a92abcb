"""What ``salesforecast check-data`` says about a file: how it was read, the quarantine, whether it can be used."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

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
from salesforecast_lib.pipeline.init.facts import panel_facts, plan_lines

READERS: dict[str, Callable[[str, ReadOptions], Reading]] = {
    "orders": read_orders,
    "panel": read_panel_file,
    "stock": read_stock_file,
    "plan": read_plan_file,
}


@dataclass(frozen=True)
class Checked:
    """How a file was read: the ``report``, the ``quarantine``, why it cannot be used (``error``, "" if it can), and of
    panels and plans what a run would make of them, as ``lines`` for a reader and ``facts`` for programs.
    """

    report: ReadingReport
    quarantine: pd.DataFrame = field(default_factory=pd.DataFrame)
    error: str = ""
    lines: tuple[tuple[str, str], ...] = ()
    facts: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """The JSON object of ``check-data --json``: the report's fields, the facts, and the error if there is one."""
        content = {**self.report.to_dict(), **self.facts}
        if self.error:
            content["error"] = self.error
        return json.dumps(content, ensure_ascii=False, indent=2, default=str)


def check_file(file: str, kind: str, options: Callable[[], ReadOptions]) -> Checked:
    """Read ``file`` as a run would.

    Order lines are cleaned with the default steps, so that cancelled and quarantined lines are counted as in a run; a
    panel is made regular, so that the periods, roles and closures are those of a run.
    """
    if kind not in READERS:
        return Checked(ReadingReport(file, kind), error=f"--kind {kind!r}: expected one of {', '.join(READERS)}")
    try:
        read = READERS[kind](str(Path(file).resolve()), options())
    except (ValueError, FileNotFoundError) as error:
        return Checked(ReadingReport(file, kind), error=str(error))
    report, quarantine = read.report, read.quarantine
    if kind == "orders":
        cleaned = clean(read.frame, CleaningConfig(), read.quarantine)
        quarantine = cleaned.quarantine
        report.count(cleaned.kept, quarantine, len(cleaned.cancelled))
    if not report.kept:
        why = "; ".join(f"{reason} ({rows:,} rows)" for reason, rows in report.reasons.items())
        return Checked(report, quarantine, f"{file}: no usable row: {why}")
    if kind == "plan":
        return Checked(report, quarantine, lines=tuple(plan_lines(read)))
    if kind == "panel":
        try:
            facts = panel_facts(read)
        except ValueError as error:
            return Checked(report, quarantine, str(error))
        return Checked(report, quarantine, "", tuple(facts.lines()), facts.to_dict())
    return Checked(report, quarantine)
