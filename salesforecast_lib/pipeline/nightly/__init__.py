"""Every night unattended: new sales in, forecasts, alarms and decisions out (chapter 15).

- `nightly`: The command.
- `rollback`: The command that goes back to the models before.
- `read_config`: The YAML file of a shop's nights, checked.
- `NightlyConfig`: What it says.
- `play`: One night.
- `Night`: What came of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from salesforecast_lib.pipeline.nightly.command import nightly, rollback
from salesforecast_lib.pipeline.nightly.config import NightlyConfig, read_config

if TYPE_CHECKING:
    from salesforecast_lib.pipeline.nightly.night import Night, play

__all__ = ["Night", "NightlyConfig", "nightly", "play", "read_config", "rollback"]


def __getattr__(name: str) -> Any:
    """`play` and `Night` take seconds to import, which the command line must not wait for."""
    if name in ("play", "Night"):
        from salesforecast_lib.pipeline.nightly import night

        return getattr(night, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
