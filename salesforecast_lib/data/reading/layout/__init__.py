"""Where a table's header stands, and tables that are laid out in another way than a row for each sale or period.

- `LINES`: Records in which the header is looked for.
- `header_place`: The row that holds the header.
- `header_names`: Names of the columns, none twice and none empty.
- `lengthened`: A table with a column for each date, as rows.
- `stacked`: A table with a column for each product, as rows.
- `dated`: A table whose dates are told in parts, a year and a month or week, with one column of dates.
"""

from salesforecast_lib.data.reading.layout.header import LINES, header_names, header_place
from salesforecast_lib.data.reading.layout.parts import dated
from salesforecast_lib.data.reading.layout.stacked import stacked
from salesforecast_lib.data.reading.layout.wide import lengthened

__all__ = ["LINES", "header_place", "header_names", "lengthened", "stacked", "dated"]
