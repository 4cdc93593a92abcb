"""Evidently's own default drift test on tables that `monitoring.py` wrote; runs in an environment of its own.

``PYTHON tests/benchmarks/monitoring_evidently.py FOLDER``: PYTHON has evidently (0.7, with pandas 2), which needs
28 packages that the book does not. For each ``N-before.parquet`` and ``N-now.parquet`` it says in ``answers.json``
whether the share of drifted columns reaches evidently's limit.
"""

import json
import sys
from pathlib import Path

import evidently
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset


def main() -> None:
    """Write ``answers.json``."""
    folder, answers = Path(sys.argv[1]), {}
    for file in sorted(folder.glob("*-before.parquet")):
        name = file.name.removesuffix("-before.parquet")
        before, now = pd.read_parquet(file), pd.read_parquet(folder / f"{name}-now.parquet")
        whole = Report([DataDriftPreset()]).run(now, before).dict()["metrics"][0]
        answers[name] = bool(whole["value"]["share"] >= whole["config"]["drift_share"])
    told = {"version": evidently.__version__, "alarms": answers}
    (folder / "answers.json").write_text(json.dumps(told), encoding="utf-8")


if __name__ == "__main__":
    main()
