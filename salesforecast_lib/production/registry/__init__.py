"""Which model of a run serves: versions, an append-only log, promotion through a gate, and the way back (chapter 15).

- `publish`: A model folder as the next version.
- `promote`: Makes a version the one that serves.
- `refuse`: Writes down that a version did not pass.
- `rollback`: Goes back to the version before.
- `retain`: Removes old versions.
- `current`: The version that serves.
- `next_version`: Name of the version that comes next.
- `versions`: All that are there.
- `model_folder`: Where a version lies.
- `entries`: The log.
- `DESCRIPTION`: Name of the file that describes a model folder.
- `verify`: Holds a model folder against its checksums.
- `Gate`: What a challenger has to show.
- `Figures`: How a model did.
- `figures_of`: Scores forecasts on what came.
"""

from salesforecast_lib.production.registry.gate import Figures, Gate, figures_of
from salesforecast_lib.production.registry.log import entries
from salesforecast_lib.production.registry.versions import (
    DESCRIPTION,
    current,
    model_folder,
    next_version,
    promote,
    publish,
    refuse,
    retain,
    rollback,
    verify,
    versions,
)

__all__ = [
    "DESCRIPTION",
    "Figures",
    "Gate",
    "current",
    "entries",
    "figures_of",
    "model_folder",
    "next_version",
    "promote",
    "publish",
    "refuse",
    "retain",
    "rollback",
    "verify",
    "versions",
]
