"""Order lines of the simulated marketplace per second: ``OMP_NUM_THREADS=1 python tests/benchmarks/simulate_speed.py``.

Each size runs in a process of its own, on one thread. ``million`` is what the book promises: a million lines within ten
seconds.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time

import pandas as pd

SIZES = {
    "default": {},
    "million": {"products": 1000, "units": 1_280_000.0, "customers": 20_000},
    "four million": {"products": 4000, "units": 5_100_000.0, "customers": 80_000},
    "long": {"products": 1000, "days": 1900, "units": 1_280_000.0, "customers": 20_000},
}


def measure(name: str) -> dict[str, float]:
    """Seconds, lines a second and peak memory (MB) of one size."""
    from salesforecast_lib.data.marketplace.config import config_from
    from salesforecast_lib.data.marketplace.simulate import simulate_marketplace

    config = config_from(SIZES[name])
    wall, cpu = time.perf_counter(), time.process_time()
    market = simulate_marketplace(config)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return {
        "products": config.products,
        "days": config.days,
        "lines": len(market.lines),
        "seconds": wall,
        "cpu_seconds": cpu,
        "lines_per_second": len(market.lines) / wall,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> None:
    """Print the table."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    results = []
    for name in SIZES:
        command = [sys.executable, __file__, name]
        done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
        results.append({"size": name, **json.loads(done.stdout.splitlines()[-1])})
    print(pd.DataFrame(results).round(2).to_string(index=False))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(measure(sys.argv[1])))
    else:
        main()
