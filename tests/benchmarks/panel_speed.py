"""Order lines to panel: time, rows a second, peak memory and how they grow: ``python tests/benchmarks/panel_speed.py``.

Each size runs in a process of its own, after a dry run on no lines that imports what the libraries import late.
``cpu`` are the processor's seconds of ``total``: on a shared machine the wall clock also counts waiting. The peer is
the aggregation as most notebooks write it: a pandas ``groupby`` by product and day, and a ``reindex`` to a regular
grid, on the same clean lines.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time

import pandas as pd


def peer(lines: pd.DataFrame) -> pd.DataFrame:
    """Units by product type and day with pandas alone."""
    work = lines.assign(ds=lines["timestamp"].dt.normalize())
    units = work.groupby(["product_type", "ds"], observed=True)["quantity"].sum()
    grid = pd.MultiIndex.from_product([units.index.levels[0], pd.date_range(work["ds"].min(), work["ds"].max())])
    return units.reindex(grid, fill_value=0.0).reset_index()


def measure(copies: int) -> dict[str, float]:
    """Seconds of each step and peak memory (MB) for ``copies`` times the order lines."""
    from salesforecast_lib.data.cleaning import clean
    from salesforecast_lib.data.loaders import complete_journey
    from salesforecast_lib.data.panel import PanelConfig, build_panel
    from salesforecast_lib.data.schema import REQUIRED, validate_order_lines

    validate_order_lines(pd.DataFrame({name: [] for name in REQUIRED}))
    begun, cpu = time.perf_counter(), time.process_time()
    source = complete_journey()
    loaded, cpu = time.perf_counter(), time.process_time() - cpu
    lines = source.lines
    if copies > 1:  # other shops with the same products: order numbers differ
        parts = [lines.assign(order_id=lines["order_id"] + copy * 10**12) for copy in range(copies)]
        lines = pd.concat(parts, ignore_index=True)
        lines["row"] = range(1, len(lines) + 1)
    ready, cpu = time.perf_counter(), cpu - time.process_time()
    cleaned = clean(lines, source.cleaning)
    clean_end = time.perf_counter()
    panel = build_panel(cleaned.kept, PanelConfig(level="product_type"), ("product_category", "department"))
    end, cpu = time.perf_counter(), cpu + time.process_time()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    plain = time.perf_counter()
    peer(cleaned.kept)
    return {
        "rows": len(lines),
        "load": loaded - begun,
        "clean": clean_end - ready,
        "panel": end - clean_end,
        "total": loaded - begun + end - ready,
        "cpu": cpu,
        "rows_per_second": len(lines) / (loaded - begun + end - ready),
        "peak_mb": memory,
        "panel_over_pandas_groupby": (end - clean_end) / (time.perf_counter() - plain),
        "panel_rows": len(panel),
    }


def main() -> None:
    """Print the table for 1, 4 and 16 times the rows."""
    results = []
    for copies in (1, 4, 16):
        done = subprocess.run([sys.executable, __file__, str(copies)], capture_output=True, text=True, check=True)
        results.append({"copies": copies, **json.loads(done.stdout.splitlines()[-1])})
    print(pd.DataFrame(results).round(2).to_string(index=False))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(int(sys.argv[1]))))
    else:
        main()
