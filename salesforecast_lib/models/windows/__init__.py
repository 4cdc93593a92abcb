"""Chapter 04, windows: a feature table as tensors, cut into what a network reads.

- `PanelTensor`: The panel as one block of rows, from which windows are views by index: nothing is copied per window.
- `Vocabulary`: Input columns and category codes a model was trained with; code 0 is "unknown".
- `Batch`: Windows of one batch; all tensors share their first dimension.
- `WindowLoader`: Batches of windows in an order that depends on ``(seed, epoch)`` only, so that a run can be resumed.
- `LARGEST`: Levels that an input or a target counts as at most.
- `known_ahead`: Rows ``unique_id, ds, columns`` of every series and step, from a table that may hold more.
- `Stretch`: Stretches of a batch, each with an origin at its last ``origins`` steps.
- `StretchLoader`: Batches of stretches that cover the rows ``origins`` once per epoch; shuffled by ``(seed, epoch)``
  only.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from salesforecast_lib.models.windows.level import LARGEST

if TYPE_CHECKING:
    from salesforecast_lib.models.windows.loader import WindowLoader
    from salesforecast_lib.models.windows.panel_tensor import Batch, PanelTensor
    from salesforecast_lib.models.windows.stretches import Stretch, StretchLoader
    from salesforecast_lib.models.windows.vocabulary import Vocabulary, known_ahead

__all__ = [
    "PanelTensor",
    "Vocabulary",
    "Batch",
    "WindowLoader",
    "LARGEST",
    "known_ahead",
    "Stretch",
    "StretchLoader",
]

# Level and vocabulary need no torch, and a server must not load it: what does is imported when it is asked for.
_MODULES = {
    "WindowLoader": "loader",
    "Batch": "panel_tensor",
    "PanelTensor": "panel_tensor",
    "Stretch": "stretches",
    "StretchLoader": "stretches",
    "Vocabulary": "vocabulary",
    "known_ahead": "vocabulary",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
