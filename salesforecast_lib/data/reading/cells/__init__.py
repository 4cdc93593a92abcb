"""Cells of a shop's file: what an id, a number and a time stamp are, inferred from the whole column.

- `strip`: Text without outer white space of any script.
- `id_text`: The id that a cell holds.
- `read_ids`: Text of each id of a column; repairs and look-alikes are reported.
- `parse_cell`: Take a number's text apart.
- `read_numbers`: Read columns of numbers, their marks inferred.
- `parse_stamp`: Take a time stamp's text apart.
- `read_dates`: Naive time stamps of a column, the order of day and month inferred.
- `stray_stamps`: Stamps that cannot belong to the others.
"""

from salesforecast_lib.data.reading.cells.dates import read_dates
from salesforecast_lib.data.reading.cells.ids import id_text, read_ids, strip
from salesforecast_lib.data.reading.cells.numbers import parse_cell, read_numbers
from salesforecast_lib.data.reading.cells.stamps import parse_stamp
from salesforecast_lib.data.reading.cells.stray import stray_stamps

__all__ = [
    "strip",
    "id_text",
    "read_ids",
    "parse_cell",
    "read_numbers",
    "parse_stamp",
    "read_dates",
    "stray_stamps",
]
