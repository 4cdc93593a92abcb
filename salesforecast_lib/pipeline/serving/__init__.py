"""``salesforecast export``: a finished run as a model that production reads.

- `export`: The command, for the command line's own app.
- `publish_run`: A run's model folder as its newest version.
- `next_version`: Name of the version that comes next.
- `append_event`: One line more in the log of versions.
- `current_version`: The version that the log names.
"""

from salesforecast_lib.pipeline.serving.export import export, publish_run
from salesforecast_lib.pipeline.serving.versions import append_event, current_version, next_version

__all__ = ["export", "publish_run", "next_version", "append_event", "current_version"]
