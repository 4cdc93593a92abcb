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

from salesforecast_lib.models.windows.level import LARGEST
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
