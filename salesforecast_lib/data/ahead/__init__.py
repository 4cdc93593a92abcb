"""Chapters 01 and 02, ahead: what a shop declares and tells about the time after its data, and what stands in for it.

- `Roles`: Columns that the shop declares as future, historical or static.
- `NO_ROLES`: Nothing declared.
- `Category`: How a column of categories becomes columns of 0 and 1.
- `split_told`: The rows after the last sales are what is known ahead.
- `settle_covariates`: Fill the covariates of a panel and give each its role.
- `usual_values`: What a column usually is, where nothing is told of a period ahead.
- `with_plan`: Values ahead, replaced by those that a plan tells.
- `within_horizon`: What is told of the horizon, and of which share of its rows.
"""

from salesforecast_lib.data.ahead.categories import Category
from salesforecast_lib.data.ahead.covariates import settle_covariates, split_told
from salesforecast_lib.data.ahead.roles import NO_ROLES, Roles
from salesforecast_lib.data.ahead.usual import usual_values, with_plan, within_horizon

__all__ = ["Roles", "NO_ROLES", "Category", "split_told", "settle_covariates", "usual_values", "with_plan", "within_horizon"]
