"""A shop at a glance: the first page of a run's book, and its page of products.

- `glance_pages`: Both pages of a run, their pictures and data, and a table of contents with them in front.
- `RunFiles`: The files of a finished run, as tables.
- `read_run`: Reads them.
- `Total`: Sales and forecast of the whole shop, in units or money.
- `shop_total`: Sums the products of a run, with a fan that knows how their errors go together.
- `product_link`: The address of one product.
- `product_pages`: The page of products and its data.
"""

from salesforecast_lib.pipeline.glance.contents import glance_pages
from salesforecast_lib.pipeline.glance.files import RunFiles, read_run
from salesforecast_lib.pipeline.glance.product_page import product_link, product_pages
from salesforecast_lib.pipeline.glance.total import Total, shop_total

__all__ = ["RunFiles", "Total", "glance_pages", "product_link", "product_pages", "read_run", "shop_total"]
