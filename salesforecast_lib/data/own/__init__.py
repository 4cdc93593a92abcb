"""Chapter 01, the reader's own data: from their file to a panel with its description, its plan and what is said.

- `Prepared`: A panel with its description, its plan and what the reader should be told.
- `orders_prepared`: Order lines as a panel, with the attributes that are declared or planned.
- `panel_prepared`: An aggregated panel made regular, with its own rows ahead and the plan file.
- `read_panel`: Read an aggregated panel and make it regular.
- `regular_panel`: Every period of each series, with its roles, closures and end settled.
- `Country`: One country for all series, or the column that names it.
- `settle_country`: The panel with codes of countries.
"""

from salesforecast_lib.data.own.country import Country, settle_country
from salesforecast_lib.data.own.prepared import Prepared, orders_prepared, panel_prepared
from salesforecast_lib.data.own.regular import read_panel, regular_panel

__all__ = ["read_panel", "regular_panel", "Prepared", "orders_prepared", "panel_prepared", "Country", "settle_country"]
