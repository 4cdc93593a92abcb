"""New data forecast with a run's stored champion, without training (chapter 14).

- `forecast`: The command.
- `read_new`: A file of order lines or a panel, as the run's data.
- `NewData`: What was read, in the run's columns, and what should be said of it.
- `forecast_data`: The forecast table of new data, in blocks of series where there are many.
- `orders_of`: What to order today from that table.
"""

from salesforecast_lib.pipeline.batch.command import forecast
from salesforecast_lib.pipeline.batch.orders import orders_of
from salesforecast_lib.pipeline.batch.read import NewData, read_new
from salesforecast_lib.pipeline.batch.table import forecast_data

__all__ = ["NewData", "forecast", "forecast_data", "orders_of", "read_new"]
