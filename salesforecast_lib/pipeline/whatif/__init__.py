"""``salesforecast whatif``: a finished run forecast again under another plan, without training.

- `whatif`: The command, for the command line's own app.
- `Comparison`: What another plan changes.
- `compare_plans`: The comparison of a run's plan with another one.
- `stock_under_both`: What is ordered today, and what is left, under both plans.
- `write_comparison`: Tables and page in the run's folder.
"""

from salesforecast_lib.pipeline.whatif.command import whatif
from salesforecast_lib.pipeline.whatif.compare import Comparison, compare_plans
from salesforecast_lib.pipeline.whatif.page import write_comparison
from salesforecast_lib.pipeline.whatif.stock import stock_under_both

__all__ = ["whatif", "Comparison", "compare_plans", "stock_under_both", "write_comparison"]
