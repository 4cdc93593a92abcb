"""Cleaning of order lines: documented, switchable steps whose counts always add up (chapter 01).

- `CleaningConfig`: Switches of the steps; every step can be turned off.
- `clean`: Run the steps in order; each line is kept, quarantined with a reason or cancelled.
- `Cleaned`: What was kept, quarantined and cancelled, and the counts of each step.
- `outlier_limit`: Largest credible quantity of each line's product.
- `match_cancellations`: Cancelling lines, and the earlier orders that they cancel.
- `cancelled_orders`: Lines of orders that a column calls cancelled.
"""

from salesforecast_lib.data.cleaning.run import Cleaned, CleaningConfig, clean
from salesforecast_lib.data.cleaning.steps import cancelled_orders, match_cancellations, outlier_limit

__all__ = ["Cleaned", "CleaningConfig", "cancelled_orders", "clean", "match_cancellations", "outlier_limit"]
