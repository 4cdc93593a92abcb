"""What a training asks of the processes that share it; one process on its own is the default (chapter 04).

`production.distributed` hands in a team of several (chapter 18). The loop stays the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import torch

from salesforecast_lib.models.networks.predictor import SalesPredictor
from salesforecast_lib.models.windows.panel_tensor import Batch
from salesforecast_lib.models.windows.stretches import Stretch

Sums = tuple[torch.Tensor, torch.Tensor]  # of the loss and of its weights
Losses = Callable[[Batch | Stretch, float, bool], Sums]  # batch, volume weight, censored


class Alone:
    """One process that does all the work; ``size`` processes share a training, and the ``first`` writes its files."""

    size: int = 1
    first: bool = True

    def losses(self, model: SalesPredictor) -> Losses:
        """Sums of a batch's loss and weights such that the mean over the processes of their ratio is the batch's mean.

        Of several processes each looks at its share of the batch. The mean of their gradients is then that of the
        whole batch, whatever the sizes of the shares.
        """
        return model.loss

    def mine(self, batches: Iterable[Batch | Stretch]) -> Iterator[Batch | Stretch]:
        """The validation batches of this process."""
        yield from batches

    def added(self, sums: torch.Tensor) -> torch.Tensor:
        """The sums of all processes, the same on each of them."""
        return sums

    def agree(self, epoch: int) -> None:
        """Raise ValueError unless all processes go on from the same ``epoch``."""
