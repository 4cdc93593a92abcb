"""What many more lines would take: nodes, hours and money, reckoned from a measurement (chapter 18)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from salesforecast_lib.production.distributed.build import BUCKET
from salesforecast_lib.production.distributed.lines import PART


@dataclass(frozen=True)
class Assumed:
    """What is not measured.

    Parameters
    ----------
    lines : order lines to become a panel. ``hours`` : in which they should.
    cores, memory_gb : of a node. ``node_hour`` : its price, dollars: 16 virtual cores and 64 GB, list price of Amazon's
        m7i.4xlarge on demand in us-east-1; look up your own.
    gb_month : price of a gigabyte of disk for a month, dollars: list price of Amazon's gp3.
    disk_mb : read or written by a node in a second. ``seek_ms`` : from asking for a piece of a file to its first byte.
    slack : time over the ideal: nodes wait for the slowest task.
    """

    lines: float = 10e9
    hours: float = 4.0
    cores: int = 16
    memory_gb: float = 64.0
    node_hour: float = 0.8064
    gb_month: float = 0.08
    disk_mb: float = 500.0
    seek_ms: float = 1.0
    slack: float = 1.3


@dataclass(frozen=True)
class Measured:
    """What the largest build in parts of a benchmark took for each line, and for each process."""

    lines: float
    cpu_seconds: float
    input_bytes: float
    work_bytes: float
    process_gb: float

    @classmethod
    def of(cls, result: Mapping[str, Any], processes: int = 2) -> Measured:
        """The measurement in ``book/scale/scale.json``.

        Raises
        ------
        ValueError
            When no build in parts was finished.
        """
        runs = [run for run in result["runs"] if run["way"] == "in parts" and run["outcome"] == "done"]
        if not runs:
            raise ValueError("scale.json: no build in parts was finished; run python -m tests.benchmarks.scale")
        run = max(runs, key=lambda each: each["lines"])
        count, work = float(run["lines"]), run["bytes"]["lines"] + run["bytes"]["clean"]
        return cls(
            count,
            run["cpu_seconds"] / count,
            run["input_bytes"] / count,
            work / count,
            run["peak_mb"] / 1000 / processes,
        )


@dataclass(frozen=True)
class Plan:
    """What the lines would take; hours are of the clock with ``nodes`` nodes."""

    nodes: int
    workers: int
    input_gb: float
    work_gb: float
    cpu_hours: float
    pieces: float
    hours: Mapping[str, float]
    dollars: float
    disk_dollars: float

    @property
    def bottleneck(self) -> str:
        """What takes longest: computing, disks or small reads."""
        return max(self.hours, key=lambda name: self.hours[name])

    def table(self) -> pd.DataFrame:
        """``what, value`` rows for a reader."""
        rows = [
            ("order lines as Parquet, GB", f"{self.input_gb:,.0f}"),
            ("files between the steps, GB", f"{self.work_gb:,.0f}"),
            ("hours of one core", f"{self.cpu_hours:,.0f}"),
            ("pieces that buckets read from parts, millions", f"{self.pieces / 1e6:,.1f}"),
            ("nodes", f"{self.nodes:,}"),
            ("processes of a node", f"{self.workers}"),
            *((f"hours of {name}", f"{value:,.2f}") for name, value in self.hours.items()),
            ("dollars for the nodes", f"{self.dollars:,.0f}"),
            ("dollars a month for the disks", f"{self.disk_dollars:,.0f}"),
        ]
        return pd.DataFrame(rows, columns=["what", "value"])


def paper_plan(measured: Measured, assumed: Assumed = Assumed()) -> Plan:
    """The smallest number of nodes that is done in time, all steps one after the other.

    A line takes the processor's time and the bytes that it took in the measurement. Each bucket reads a piece of each
    part, so the pieces grow with the square of the lines: parts and buckets are as large as a process can hold.

    Raises
    ------
    ValueError
        When a node cannot hold one process.
    """
    workers = min(assumed.cores, int(assumed.memory_gb / measured.process_gb))
    if workers < 1:
        raise ValueError(
            f"memory_gb={assumed.memory_gb}: a process took {measured.process_gb:.1f} GB; expected a node with more"
        )
    cpu_hours = assumed.lines * measured.cpu_seconds / 3600
    pieces = math.ceil(assumed.lines / PART) * math.ceil(assumed.lines / BUCKET)
    read = measured.input_bytes + 3 * measured.work_bytes  # lines are read and written, then read; clean likewise
    alone = {
        "computing": assumed.slack * cpu_hours / workers,
        "disks": assumed.lines * read / (assumed.disk_mb * 1e6) / 3600,
        "small reads": pieces * assumed.seek_ms / 1000 / 3600 / workers,
    }
    nodes = max(1, math.ceil(sum(alone.values()) / assumed.hours))
    hours = {name: value / nodes for name, value in alone.items()}
    return Plan(
        nodes,
        workers,
        assumed.lines * measured.input_bytes / 1e9,
        assumed.lines * measured.work_bytes / 1e9,
        cpu_hours,
        pieces,
        hours,
        nodes * sum(hours.values()) * assumed.node_hour,
        assumed.lines * (measured.input_bytes + measured.work_bytes) / 1e9 * assumed.gb_month,
    )


def plan_found(plan: Plan, assumed: Assumed = Assumed()) -> str:
    """What the plan says, in a sentence."""
    share = plan.hours[plan.bottleneck] / sum(plan.hours.values())
    advice = {
        "computing": "more or faster cores help",
        "disks": "faster disks help",
        "small reads": "larger parts and buckets, on nodes with more memory, help more than further nodes",
    }[plan.bottleneck]
    return (
        f"{assumed.lines:,.0f} lines in {assumed.hours:g} hours take {plan.nodes} node{'s' * (plan.nodes > 1)} and "
        f"about {plan.dollars:,.0f} dollars; {plan.bottleneck} takes {share:.0%} of the time, so {advice}."
    )
