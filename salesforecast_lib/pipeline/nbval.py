"""Re-execute the committed notebooks and compare their tagged outputs (nbval), as many at a time as there are cores."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from graphlib import TopologicalSorter
from pathlib import Path

from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline.book import check_executed
from salesforecast_lib.pipeline.execute import KERNEL_STARTS, kernel_did_not_start
from salesforecast_lib.pipeline.stages import STAGES, Stage

BEGAN = "SALESFORECAST_NBVAL_BEGAN"  # environment: when the notebooks began to be executed, seconds since 1970
MOST = 2  # at a time: a notebook of the default run takes up to two gigabytes


def waits_for(stages: Sequence[Stage] = STAGES) -> dict[str, set[str]]:
    """Names of the stages that each stage reads from, or may read from."""
    writer = {file: stage.name for stage in stages for file in stage.writes}
    return {
        stage.name: {writer[file] for file in (*stage.reads, *stage.may_read) if file in writer} for stage in stages
    }


def side_by_side(check: Callable[[str], int], before: dict[str, set[str]], jobs: int) -> dict[str, int]:
    """Call ``check`` with each name when what stands ``before`` it has ended, well or not; returns what it returned.

    Parameters
    ----------
    jobs : calls at the same time.
    """
    order, codes = TopologicalSorter(before), {}
    order.prepare()
    with ThreadPoolExecutor(jobs) as pool:
        working: dict[Future[int], str] = {}
        while order.is_active():
            working |= {pool.submit(check, name): name for name in order.get_ready()}
            for ended in wait(working, return_when=FIRST_COMPLETED).done:
                name = working.pop(ended)
                codes[name] = ended.result()
                order.done(name)
    return codes


def run_nbval(*files: Path) -> int:
    """Check notebooks, or run tests, in a process of its own; prints what it said when it has ended."""
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-cell-timeout=1200", "-p", "no:cacheprovider"]
    for _ in range(KERNEL_STARTS):
        done = subprocess.run(
            [*command, "-q", "--override-ini=addopts=", *map(str, files)],
            cwd=project_root(),
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        if not kernel_did_not_start(done.stdout):
            break
    print(f"{', '.join(file.name for file in files)}\n{done.stdout}", flush=True)
    return done.returncode


def main() -> int:
    """Run nbval over all stages, each after those that it reads from, then compare the numbers that they wrote."""
    notebooks = {stage.name: project_root() / "notebooks" / f"{stage.name}.ipynb" for stage in STAGES}
    for notebook in notebooks.values():
        check_executed(notebook)  # nbval passes on a notebook that was never executed
    os.environ[BEGAN] = str(time.time())  # the numbers that they write from now on are not made again to be compared
    codes = side_by_side(lambda name: run_nbval(notebooks[name]), waits_for(), min(MOST, os.cpu_count() or 1))
    codes["reference"] = run_nbval(project_root() / "tests" / "reference")
    failed = sorted(name for name, code in codes.items() if code)
    print(f"failed: {', '.join(failed)}" if failed else "all notebooks and numbers are as published")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
