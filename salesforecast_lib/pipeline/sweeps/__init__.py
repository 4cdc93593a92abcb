"""Sweeps: the same stages under many parameters, each stage once for all combinations that it cannot tell apart.

- `read_grid`: The list of values of each parameter, from a file.
- `combinations`: All combinations of the lists.
- `Metric`: Which number of a run's reports is compared.
- `choose_metric`: The metric that was asked for, or the first usual one that the stages write.
- `run_sweep`: Runs every combination that is not there yet and returns the table.
- `run_on`: Executes the stages of all combinations side by side, on an engine, before that.
- `write_sweep`: Writes table and figure.
- `draw_sweep`: The metric over each parameter, as a figure.
"""

from salesforecast_lib.pipeline.sweeps.grid import combinations, read_grid
from salesforecast_lib.pipeline.sweeps.metric import Metric, choose_metric
from salesforecast_lib.pipeline.sweeps.share import run_sweep
from salesforecast_lib.pipeline.sweeps.spread import run_on
from salesforecast_lib.pipeline.sweeps.table import draw_sweep, write_sweep

__all__ = [
    "Metric",
    "choose_metric",
    "combinations",
    "draw_sweep",
    "read_grid",
    "run_on",
    "run_sweep",
    "write_sweep",
]
