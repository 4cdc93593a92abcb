"""Batches of windows in an order that can be repeated (chapter 04)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from salesforecast_lib.models.windows.panel_tensor import Batch, PanelTensor


def epoch_order(items: torch.Tensor, seed: int, epoch: int, shuffle: bool) -> torch.Tensor:
    """The ``items`` of an epoch; shuffled, their order depends on ``(seed, epoch)`` only."""
    if not shuffle:
        return items
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
    return items[torch.randperm(len(items), generator=generator).to(items.device)]


def in_steps(
    items: torch.Tensor, batch_size: int, seed: int, shuffle: bool, first: int, count: int
) -> Iterator[torch.Tensor]:
    """``count`` batches of items from the training's step ``first`` on, one pass over the items after the other."""
    passes = -(-len(items) // batch_size)
    batches: tuple[torch.Tensor, ...] = ()
    for step in range(first, first + count):
        if not batches or step % passes == 0:
            batches = epoch_order(items, seed, step // passes, shuffle).split(batch_size)
        yield batches[step % passes]


class WindowLoader:
    """Batches of windows in an order that depends on ``(seed, epoch)`` only, so that a run can be resumed."""

    def __init__(
        self,
        tensor: PanelTensor,
        origins: np.ndarray,
        batch_size: int,
        seed: int = 0,
        shuffle: bool = True,
        steps: int | None = None,
    ) -> None:
        if len(origins) == 0:
            raise ValueError(
                "origins: none given; a training needs a period with a whole horizon after it; give a smaller "
                "horizon or a longer history before the cutoff"
            )
        self.tensor, self.batch_size, self.seed, self.shuffle, self.steps = tensor, batch_size, seed, shuffle, steps
        self.rows = torch.as_tensor(origins, dtype=torch.int64, device=tensor.device)
        self.n_origins, self.epoch = len(origins), 0

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        yield from self.batches(self.epoch * len(self), len(self))

    def batches(self, first: int, count: int) -> Iterator[Batch]:
        """``count`` batches from step ``first`` of the training on; a pass over the windows has ``len(self)``."""
        for part in in_steps(self.rows, self.batch_size, self.seed, self.shuffle, first, count):
            yield self.tensor.gather(part, self.steps)
