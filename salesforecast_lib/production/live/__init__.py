"""Chapter 14, what answers in production: a model folder is read, asked and carried on, without torch.

- `LiveModel`: The live network and the carried state of a model folder.
- `Windows`: Histories of several series and what is known ahead of each.
- `States`: What is remembered of several series, one row of numbers each.
- `Calendar`: Future columns that follow from the date, by country.
- `read_model_file`: ``model.json`` of a folder whose every file is as it was written.
- `open_session`: A graph ready to run on the processor.
- `FORMAT`: Version of the model folder that is read and written.
- `FILE`: Name of the file that makes a folder a model folder.
"""

from salesforecast_lib.production.live.calendar import Calendar
from salesforecast_lib.production.live.folder import FILE, FORMAT, read_model_file
from salesforecast_lib.production.live.model import LiveModel
from salesforecast_lib.production.live.sessions import open_session
from salesforecast_lib.production.live.states import States
from salesforecast_lib.production.live.windows import Windows

__all__ = [
    "LiveModel",
    "Windows",
    "States",
    "Calendar",
    "read_model_file",
    "open_session",
    "FORMAT",
    "FILE",
]
