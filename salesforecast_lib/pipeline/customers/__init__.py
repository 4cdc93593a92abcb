"""Giving the shop its own customer ids back: a run holds hashed ones (chapter 16b).

- `customers`: The command ``salesforecast customers``.
- `own_ids`: By pseudonym the id that the shop's file holds.
- `with_own_ids`: A table of a run with the shop's own ids.
- `TABLES`: Tables of a run that name customers.
- `ID`: Their column of customers.
"""

from salesforecast_lib.pipeline.customers.back import ID, TABLES, own_ids, with_own_ids
from salesforecast_lib.pipeline.customers.command import customers

__all__ = ["customers", "own_ids", "with_own_ids", "TABLES", "ID"]
