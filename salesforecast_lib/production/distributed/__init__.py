"""The same work on several processes or machines (chapter 18).

- `Engine`: Runs tasks side by side; `open_engine` makes one.
- `open_engine`: In this process, in several of this machine, or on a cluster of dask.
- `check_engine`: Whether the options of an engine can be right; takes no time.
- `EngineError`: An engine cannot work, or a caller needs every task and one failed.
- `Results`: Values in the order of the tasks, and what failed.
- `Failure`: A task that failed three times, its series and the reason.
- `build_panel_folder`: The panel of a folder of order lines that need not fit into memory.
- `Built`: What such a build made.
- `bucket_of`: The bucket of each product.
- `train_together`: Train a run's network with several processes of this machine.
- `loss_curves`: Losses of the same training with several numbers of processes.
- `describe_curves`: Whether they were the same, in a sentence.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from salesforecast_lib.production.distributed.engine import Engine, EngineError, Failure, Results
from salesforecast_lib.production.distributed.launch import describe_curves, loss_curves, train_together
from salesforecast_lib.production.distributed.opening import check_engine, open_engine

if TYPE_CHECKING:
    from salesforecast_lib.production.distributed.buckets import bucket_of
    from salesforecast_lib.production.distributed.build import Built, build_panel_folder

__all__ = [
    "Built",
    "Engine",
    "EngineError",
    "Failure",
    "Results",
    "bucket_of",
    "build_panel_folder",
    "check_engine",
    "describe_curves",
    "loss_curves",
    "open_engine",
    "train_together",
]

_LATE = {"bucket_of": "buckets", "Built": "build", "build_panel_folder": "build"}  # need pandas


def __getattr__(name: str) -> Any:
    if name not in _LATE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_LATE[name]}"), name)
