"""Re-execute the committed notebooks in order and compare their tagged outputs (nbval)."""

from __future__ import annotations

import os
import subprocess
import sys

from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline.book import check_executed
from salesforecast_lib.pipeline.stages import STAGES


def main() -> int:
    """Run nbval over all stages in one process, one after the other: each reads what the one before wrote."""
    notebooks = [project_root() / "notebooks" / f"{stage.name}.ipynb" for stage in STAGES]
    for notebook in notebooks:
        check_executed(notebook)  # nbval passes on a notebook that was never executed
    command = [
        sys.executable,
        "-m",
        "pytest",
        "--nbval-lax",
        "--nbval-cell-timeout=1200",
        "-p",
        "no:cacheprovider",
        "-q",
        "--override-ini=addopts=",
        *map(str, notebooks),
        str(project_root() / "tests" / "reference"),  # the numbers that the notebooks have just written
    ]
    return subprocess.run(command, cwd=project_root(), env={**os.environ, "OMP_NUM_THREADS": "1"}).returncode


if __name__ == "__main__":
    sys.exit(main())
