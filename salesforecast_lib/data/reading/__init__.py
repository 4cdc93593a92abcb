"""Chapter 01, reading: any shop's file is read for sure, or what is unsure is said, or it is refused.

- `ReadOptions`: What the reader is told; whatever is left empty is inferred from the whole file, and shown.
- `ReadingError`: A file cannot be read for sure.
- `ReadingReport`: How a file was read and what came out.
- `Reading`: Rows that can be used, the quarantine and the report.
- `open_table`: Read CSV, Parquet or Excel as it is; CSV cells stay text.
- `read_orders`: Read a file of order lines.
- `read_panel_file`: Read an aggregated panel ``unique_id, ds, y`` and its covariates.
- `read_stock_file`: Read the stock of each product.
- `read_plan_file`: Read what a shop knows ahead.
"""

from salesforecast_lib.data.reading.orders import read_orders
from salesforecast_lib.data.reading.panel_file import read_panel_file
from salesforecast_lib.data.reading.plan_file import read_plan_file
from salesforecast_lib.data.reading.report import Reading, ReadingError, ReadingReport, ReadOptions
from salesforecast_lib.data.reading.stock_file import read_stock_file
from salesforecast_lib.data.reading.tables import open_table

__all__ = [
    "ReadOptions",
    "ReadingError",
    "ReadingReport",
    "Reading",
    "open_table",
    "read_orders",
    "read_panel_file",
    "read_stock_file",
    "read_plan_file",
]
