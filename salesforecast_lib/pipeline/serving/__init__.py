"""``salesforecast serve``: the server of a finished run's current model.

- `serve`: The command, for the command line's own app.
- `running`: The server in its own process, for as long as a block lasts.
- `Running`: Such a server: its address and its process.
- `replenish_orders`: Chapter 08's rule of orders, for the server.
- `serve_run`: The server in this process, until it is told to stop.
"""

from salesforecast_lib.pipeline.serving.orders import replenish_orders
from salesforecast_lib.pipeline.serving.process import serve_run
from salesforecast_lib.pipeline.serving.running import Running, running
from salesforecast_lib.pipeline.serving.serve import serve

__all__ = ["serve", "running", "Running", "replenish_orders", "serve_run"]
