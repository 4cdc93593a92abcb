"""What the columns of an unknown file are: a guess that says what it rests on, and asks where it is not certain.

- `guess_columns`: Column for each of our names, by the headers in nine languages and by the cells.
- `Guess`: What a file is, and the choices made.
- `Choice`: Column for one of our names, with the evidence and the columns that could be it too.
- `Looked`: A file's columns with what their cells say.
- `guess_country`: Country that the file speaks for, with what that rests on.
- `SAMPLE`: Rows of a file that are looked at.
- `REQUIRED`: Names that a file of each kind must have.
- `country_column`: Column of a panel that names the country of each series.
- `ROLES`: What shop systems call each of our names.
- `rhythm`: Frequency of a panel's days: "D", "W" or "M".
"""

from salesforecast_lib.data.reading.guess.columns import REQUIRED, Guess, guess_columns
from salesforecast_lib.data.reading.guess.country import country_column, guess_country
from salesforecast_lib.data.reading.guess.evidence import rhythm
from salesforecast_lib.data.reading.guess.headers import ROLES
from salesforecast_lib.data.reading.guess.look import SAMPLE, Choice, Looked

__all__ = [
    "guess_columns",
    "Guess",
    "Choice",
    "Looked",
    "guess_country",
    "country_column",
    "ROLES",
    "SAMPLE",
    "REQUIRED",
    "rhythm",
]
