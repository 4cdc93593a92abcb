"""Chapter 01, what is known ahead: roles of columns, closures, ends of series, plans, and what is usual.

- `Roles`: Names of columns as the user declares them.
- `declared_roles`: Role of each declared column, or what there is instead.
- `settle_columns`: Give each covariate its role and its numbers.
- `Category`: Values of a category that have a column each.
- `take_closures`: The column that says when a series is closed, as ``open``.
- `closed_gaps`: Gaps of a file that are closed days.
- `closed_ahead`: Days after the data on which a shop with closed gaps has no row.
- `settle_open`: ``open`` of every row, also where a sale contradicts it.
- `settle_ends`: Series that ended, and periods of which nothing is known.
- `quiet_gaps`: Gaps in which a shop was not there.
- `Horizon`: The periods that are forecast.
- `planned_names`: Which column of a plan file is which of the panel's.
- `told_ahead`: What is told of each series and period of the horizon.
- `said_ahead`: Of which share of the rows ahead something is told, in sentences.
- `extend_panel`: Append the periods after the data, with what is told and what is usual.
"""

from salesforecast_lib.data.ahead.categories import Category
from salesforecast_lib.data.ahead.closures import closed_ahead, closed_gaps, settle_open, take_closures
from salesforecast_lib.data.ahead.ends import quiet_gaps, settle_ends
from salesforecast_lib.data.ahead.plan import Horizon
from salesforecast_lib.data.ahead.roles import Roles, declared_roles
from salesforecast_lib.data.ahead.settle import settle_columns
from salesforecast_lib.data.ahead.telling import planned_names, said_ahead, told_ahead
from salesforecast_lib.data.ahead.usual import extend_panel

__all__ = [
    "Roles",
    "declared_roles",
    "settle_columns",
    "Category",
    "take_closures",
    "closed_ahead",
    "closed_gaps",
    "settle_open",
    "settle_ends",
    "quiet_gaps",
    "Horizon",
    "planned_names",
    "told_ahead",
    "said_ahead",
    "extend_panel",
]
