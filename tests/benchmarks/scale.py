"""Order lines to panel at 1, 10 and 100 million lines: ``python -m tests.benchmarks.scale FOLDER --json FILE``.

Measures time and memory of the library's two ways and of the scripts that one would write in pandas and in Polars
(``pip install polars``; skipped where it is missing). Each runs in processes of its own; a watchdog adds up what all of
them hold and ends those that pass the limit. The lines are made once and stay in FOLDER.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from salesforecast_lib.files import read_json, write_json
from tests.benchmarks.scale_lines import DAYS, write_lines

SIZES = {1_000_000: 100_000, 10_000_000: 1_000_000, 100_000_000: 1_000_000}  # lines: products
KEEP = 10_000  # series
LIMIT = 8e9  # bytes
WAYS = ("in parts", "in memory", "pandas", "polars")
PATIENCE = 1_500  # seconds of a run


def tree_bytes(root: int) -> int:
    """Memory that a process and all below it hold."""
    children: dict[int, list[int]] = {}
    held: dict[int, int] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                held[int(entry.name)] = int(fields[21]) * os.sysconf("SC_PAGE_SIZE")
                children.setdefault(int(fields[1]), []).append(int(entry.name))
            except (OSError, IndexError):  # it has ended meanwhile
                continue
    total, todo = 0, [root]
    while todo:
        one = todo.pop()
        total += held.get(one, 0)
        todo += children.get(one, [])
    return total


def watched(way: str, lines: Path, work: Path) -> dict[str, Any]:
    """Run one way in a process of its own, and what it took."""
    if way == "polars" and find_spec("polars") is None:
        return {"outcome": "not installed"}
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    command = [sys.executable, "-m", "tests.benchmarks.scale", str(lines), "--way", way, "--work", str(work)]
    threads = {"OMP_NUM_THREADS": "1", "POLARS_MAX_THREADS": "2"}
    begun, load = time.perf_counter(), os.getloadavg()[0]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    child = subprocess.Popen(command, env={**os.environ, **threads}, start_new_session=True)
    peak, outcome = 0, "done"
    while child.poll() is None:
        peak = max(peak, tree_bytes(child.pid))
        late = time.perf_counter() - begun > PATIENCE
        if peak > LIMIT or late:
            outcome = "out of time" if late else "out of memory"
            os.killpg(child.pid, 9)
            child.wait()
            break
        time.sleep(0.1)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {
        "outcome": outcome if outcome != "done" or child.returncode == 0 else "failed",
        "seconds": round(time.perf_counter() - begun, 1),
        "cpu_seconds": round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 1),
        "peak_mb": round(peak / 1e6),
        "load_before": round(load, 1),
    }
    if found["outcome"] == "done":
        found |= read_json(work / "said.json")
    return found


def in_parts(lines: Path, work: Path) -> dict[str, Any]:
    """The library, bucket by bucket, in two processes."""
    from salesforecast_lib.data.panel import PanelConfig
    from salesforecast_lib.production.distributed import build_panel_folder, open_engine

    begun: dict[str, float] = {}

    def say(text: str) -> None:
        begun.setdefault(text.rsplit(" ", 3)[0], time.perf_counter())

    with open_engine("local", workers=2) as engine:
        built = build_panel_folder(lines, work, engine, PanelConfig(n_series=KEEP), say=say)
    ends = [*list(begun.values())[1:], time.perf_counter()]
    steps = {name: round(end - start, 1) for (name, start), end in zip(begun.items(), ends, strict=True)}
    sizes = {name: sum(f.stat().st_size for f in (work / name).glob("*")) for name in ("lines", "clean", "panel")}
    return {"rows": built.rows, "buckets": built.buckets, "steps": steps, "bytes": sizes}


def in_memory(lines: Path, work: Path) -> dict[str, Any]:
    """The library, all lines at once."""
    from salesforecast_lib.data.cleaning import CleaningConfig, clean
    from salesforecast_lib.data.panel import PanelConfig, build_panel
    from salesforecast_lib.data.reading import read_orders

    read = read_orders(lines)
    kept = clean(read.frame, CleaningConfig(), read.quarantine).kept
    del read
    panel = build_panel(kept, PanelConfig(n_series=KEEP))
    panel.to_parquet(work / "panel.parquet")
    return {"rows": len(panel)}


def with_pandas(lines: Path, work: Path) -> dict[str, Any]:
    """The script that one writes first: best products, units by day, a regular grid."""
    import pandas as pd

    orders = pd.read_parquet(lines).drop_duplicates()
    orders = orders[(orders["quantity"] > 0) & (orders["unit_price"] > 0)]
    best = orders.groupby("product_id")["quantity"].sum().nlargest(KEEP).index
    orders = orders[orders["product_id"].isin(best)]
    units = orders.groupby(["product_id", orders["timestamp"].dt.normalize()])["quantity"].sum()
    panel = units.unstack(fill_value=0).stack().rename("y").reset_index()
    panel.to_parquet(work / "panel.parquet")
    return {"rows": len(panel)}


def with_polars(lines: Path, work: Path) -> dict[str, Any]:
    """The same script in Polars, read lazily and run by its engine for data larger than memory."""
    import polars as pl

    orders = pl.scan_parquet(lines / "*.parquet").unique()
    orders = orders.filter((pl.col("quantity") > 0) & (pl.col("unit_price") > 0))
    orders = orders.with_columns(ds=pl.col("timestamp").dt.truncate("1d"))
    daily = orders.group_by("product_id", "ds").agg(pl.col("quantity").cast(pl.Int64).sum().alias("y"))
    table = daily.collect(engine="streaming")
    best = table.group_by("product_id").agg(pl.col("y").sum().alias("all")).top_k(KEEP, by="all")
    grid = best.select("product_id").join(table.select("ds").unique(), how="cross")
    panel = grid.join(table, on=["product_id", "ds"], how="left").fill_null(0).sort("product_id", "ds")
    panel.write_parquet(work / "panel.parquet")
    return {"rows": panel.height}


RUN = {"in parts": in_parts, "in memory": in_memory, "pandas": with_pandas, "polars": with_polars}


def main() -> None:
    """Run one way here, or all ways at all sizes in processes of their own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("--way", choices=WAYS)
    parser.add_argument("--work", type=Path)
    parser.add_argument("--lines", type=int, nargs="*", default=list(SIZES))
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=WAYS)
    parser.add_argument("--json", type=Path, default=Path("book/scale/scale.json"))
    given = parser.parse_args()
    if given.way:
        write_json(RUN[given.way](given.folder, given.work), given.work / "said.json")
        return
    result = read_json(given.json.resolve()) if given.json.is_file() else {"runs": []}
    for count in given.lines:
        lines = given.folder / str(count)
        size = write_lines(lines, count, SIZES[count])
        for way in given.ways:
            found = watched(way, lines, given.folder / "work")
            row = {"way": way, "lines": count, "products": SIZES[count], "input_bytes": size, **found}
            result["runs"] = [r for r in result["runs"] if (r["way"], r["lines"]) != (way, count)] + [row]
            print(json.dumps(row), flush=True)
            write_json({**result, "limit_bytes": LIMIT, "series": KEEP, "days": DAYS}, given.json.resolve())
    shutil.rmtree(given.folder / "work", ignore_errors=True)


if __name__ == "__main__":
    main()
