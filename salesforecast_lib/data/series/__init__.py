"""Chapters 01 and 18, series: from order lines to the rows of a panel, without a table of all products × all periods.

- `SeriesCodes`: Which series each line belongs to, as numbers, and what the series are called.
- `code_lines`: Find the series of each line.
- `rank_cells`: Units of each series and period that has lines.
- `choose_series`: The series with most periods with sales, ties by units.
- `Periods`: The calendar of a panel, with the period of each line.
- `fill_series`: Regular rows of the chosen series, block by block.
- `distinct_counts`: Distinct orders or customers of each series and period.
"""

from salesforecast_lib.data.series.coding import Periods, SeriesCodes, code_lines
from salesforecast_lib.data.series.counts import distinct_counts
from salesforecast_lib.data.series.fill import fill_series
from salesforecast_lib.data.series.rank import choose_series, rank_cells

__all__ = [
    "Periods",
    "SeriesCodes",
    "choose_series",
    "code_lines",
    "distinct_counts",
    "fill_series",
    "rank_cells",
]
