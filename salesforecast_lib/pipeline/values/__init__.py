"""Values of parameters: what they may be, and how what a user writes becomes one.

- `RULES`: What every parameter may be, by name.
- `FREE`: Parameters that take every value of their type.
- `OWN_DATASETS`: Data sets that read a file of the user.
- `check_value`: Refuses a value that breaks its rule.
- `COLUMN_NAMES`: Our names of columns, on the left of a column map.
- `ParameterError`: A parameter is unknown, or its value is none that it can have.
- `parse_columns`: A column map from one line of text.
- `columns_of`: One from all that a repeated option was given.
- `read_text`: A value from the text behind ``name=``.
- `read_yaml`: Values from a YAML text.
"""

from salesforecast_lib.pipeline.values.checks import FREE, OWN_DATASETS, RULES, check_value
from salesforecast_lib.pipeline.values.texts import (
    COLUMN_NAMES,
    ParameterError,
    columns_of,
    parse_columns,
    read_text,
    read_yaml,
)

__all__ = [
    "COLUMN_NAMES",
    "FREE",
    "OWN_DATASETS",
    "RULES",
    "ParameterError",
    "check_value",
    "columns_of",
    "parse_columns",
    "read_text",
    "read_yaml",
]
