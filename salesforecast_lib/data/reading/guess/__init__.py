"""What the columns of an unknown file are: a guess that says what it rests on, and asks where it is not certain.

- `guess_columns`: Column for each of our names, by the headers in nine languages and by the cells.
- `Guess`: What a file is, and the choices made.
- `Choice`: Column for one of our names, with the evidence and the columns that could be it too.
- `REQUIRED`: Names that a file of each kind must have.
- `days_of`: Days of a column's stamps, whatever their order of day and month.
- `rhythm`: Frequency of a panel's days: "D", "W" or "M".
"""

from salesforecast_lib.data.reading.guess.columns import REQUIRED, Guess, days_of, guess_columns
from salesforecast_lib.data.reading.guess.evidence import rhythm
from salesforecast_lib.data.reading.guess.look import Choice

__all__ = ["guess_columns", "Guess", "Choice", "REQUIRED", "days_of", "rhythm"]
