"""What a run needs around its stages.

- `FolderError`: A run cannot have its folder, in one sentence.
- `StageError`: A chapter failed, with its cell and error.
- `locked`: Holds a run's folder for this process.
- `open_folder`: Makes a folder and sees that files can be written there.
- `own_command`: The command that runs the same again.
- `goal_of`: What the last run in a folder was for.
- `left_out`: Stages that the goal of a run did not need.
- `whole_command`: The command that runs these, too.
- `unfinished`: Whether the last run in a folder stopped on its way.
- `check_same_shop`: Refuses a folder that holds another shop's run.
- `clear`: Removes what runs wrote into a folder.
- `data_notes`: Where the data are not what they were in the run before.
"""

from salesforecast_lib.pipeline.runs.errors import FolderError, StageError
from salesforecast_lib.pipeline.runs.folder import locked, open_folder
from salesforecast_lib.pipeline.runs.record import goal_of, left_out, own_command, unfinished, whole_command
from salesforecast_lib.pipeline.runs.shop import check_same_shop, clear, data_notes

__all__ = [
    "FolderError",
    "StageError",
    "check_same_shop",
    "clear",
    "data_notes",
    "goal_of",
    "left_out",
    "locked",
    "open_folder",
    "own_command",
    "unfinished",
    "whole_command",
]
