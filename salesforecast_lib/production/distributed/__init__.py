"""The same work on several processes or machines (chapter 18).

- `Engine`: Runs tasks side by side; `open_engine` makes one.
- `open_engine`: In this process, in several of this machine, or on a cluster of dask.
- `check_engine`: Whether the options of an engine can be right; takes no time.
- `EngineError`: An engine cannot work, or a caller needs every task and one failed.
- `Results`: Values in the order of the tasks, and what failed.
- `Failure`: A task that failed three times, its series and the reason.
- `train_together`: Train a run's network with several processes of this machine.
- `loss_curves`: Losses of the same training with several numbers of processes.
- `describe_curves`: Whether they were the same, in a sentence.
"""

from salesforecast_lib.production.distributed.engine import Engine, EngineError, Failure, Results
from salesforecast_lib.production.distributed.launch import describe_curves, loss_curves, train_together
from salesforecast_lib.production.distributed.opening import check_engine, open_engine

__all__ = [
    "Engine",
    "EngineError",
    "Failure",
    "Results",
    "check_engine",
    "open_engine",
    "train_together",
    "loss_curves",
    "describe_curves",
]
