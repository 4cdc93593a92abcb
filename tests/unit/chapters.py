"""Chapters run in the test's own process: a second each instead of a kernel's ten."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jupytext
import matplotlib

from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline.parameters import load_profile

matplotlib.use("agg")

# The smoke profile's values and smaller ones still; without --profile every other parameter keeps its default.
SMALL = {
    **load_profile("smoke"),
    "n_series": 0,
    "level": "product_id",
    "window": 56,
    "stride": 3,
    "hidden_size": 8,
    "search_trials": 2,
    "search_epochs": 1,
    "comparison_seeds": 1,
    "regularisation_seeds": 1,
    "regularisation_epochs": 1,
    "market_epochs": 1,
    "direct_rows": 2000,
    "replicates": 100,
    "customers": 120,
}


def run_chapters(run_dir: Path, numbers: str, **values: Any) -> dict[str, Mapping[str, Any]]:
    """Run the chapters with these numbers ("01 02") in order; returns their variables by number.

    A failing cell raises its own error, which names the file of the chapter and the cell.
    """
    import matplotlib.pyplot as plt

    chosen, left = {**SMALL, **values, "run_dir": str(run_dir)}, {}
    for number in numbers.split():
        (source,) = (project_root() / "notebooks").glob(f"{number}_*.py")
        space: dict[str, Any] = {"__name__": f"chapter_{number}"}
        cells = [cell for cell in jupytext.read(source).cells if cell.cell_type == "code"]
        for place, cell in enumerate(cells):
            exec(compile(cell.source, f"{source.name}, cell {place}", "exec"), space)
            if "parameters" in cell.metadata.get("tags", []):
                space.update({name: value for name, value in chosen.items() if name in space})
        plt.close("all")
        left[number] = space
    return left
