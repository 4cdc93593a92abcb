"""Chapter 16b, fairness: who is served badly, and what it costs to serve them better.

- `product_groups`: Group of each product by size, age, price, brand and the panel's own columns.
- `bought_by`: Units of each series that each group of customers bought.
- `served`: Sums of error, sales and demand that was not served, by product.
- `metric_frame`: Fairlearn's frame of WAPE, bias and fill rate.
- `by_group`: The same with intervals over products, and whether a group differs beyond chance.
- `calibrated`: Forecasts of each group scaled by what earlier cutoffs teach.
- `reweighted_forecasts`: Small trees whose training rows count more for some groups.
- `reweighting_prices`: What that brings and costs, for several seeds.
- `together`: Tables of several attributes as one.
- `price_of`: What a group gains and what the others pay.
- `groups_found`: What was found, in sentences.
"""

from salesforecast_lib.production.fairness.groups import bought_by, product_groups
from salesforecast_lib.production.fairness.measures import by_group, metric_frame, served, together
from salesforecast_lib.production.fairness.mitigation import (
    calibrated,
    price_of,
    reweighted_forecasts,
    reweighting_prices,
)
from salesforecast_lib.production.fairness.verdicts import groups_found

__all__ = [
    "product_groups",
    "bought_by",
    "served",
    "metric_frame",
    "by_group",
    "calibrated",
    "reweighted_forecasts",
    "reweighting_prices",
    "together",
    "price_of",
    "groups_found",
]
