"""``salesforecast export`` and ``serve``: a finished run as a model that production reads, and its server.

- `export`: The command, for the command line's own app.
- `publish_run`: A run's model folder as its newest version.
- `serve`: The command, for the command line's own app.
- `running`: The server in its own process, for as long as a block lasts.
- `Running`: Such a server: its address and its process.
- `start`: The server in its own process, until it is stopped.
- `trial_run`: A copy of a run to try the server on.
- `copy_version`: A run's current model once more, under the next name.
- `replenish_orders`: Chapter 08's rule of orders, for the server.
- `serve_run`: The server in this process, until it is told to stop.
"""

from salesforecast_lib.pipeline.serving.export import export, publish_run
from salesforecast_lib.pipeline.serving.orders import replenish_orders
from salesforecast_lib.pipeline.serving.process import serve_run
from salesforecast_lib.pipeline.serving.running import Running, running, start
from salesforecast_lib.pipeline.serving.serve import serve
from salesforecast_lib.pipeline.serving.trial import copy_version, trial_run

__all__ = [
    "export",
    "publish_run",
    "serve",
    "running",
    "Running",
    "start",
    "trial_run",
    "copy_version",
    "replenish_orders",
    "serve_run",
]
