"""``salesforecast init``: from a shop's files to its profile.

- `init_shop`: Guess how the files are read, ask what is not certain, write the profile.
- `Shop`: What the user hands in: the profile's name, files and settled answers.
- `InitError`: The profile cannot be written; the message says what to say.
- `guess_table`: The guess with examples and evidence, to show.
- `parse_columns`: ``our=theirs`` pairs of the command line as a column map.
- `show`: Print a table or a sentence.
- `put_question`: Ask the user on the terminal.
- `propose_periods`: Frequency and horizon that a history allows.
- `profile_text`: A profile as YAML, every value with its comment.
"""

from salesforecast_lib.pipeline.init.flow import Shop, init_shop
from salesforecast_lib.pipeline.init.propose import profile_text, propose_periods
from salesforecast_lib.pipeline.init.questions import InitError, guess_table
from salesforecast_lib.pipeline.init.terminal import parse_columns, put_question, show

__all__ = [
    "init_shop",
    "Shop",
    "InitError",
    "guess_table",
    "parse_columns",
    "show",
    "put_question",
    "propose_periods",
    "profile_text",
]
