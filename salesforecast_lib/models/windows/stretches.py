"""Stretches of history with a forecast origin at every step: what the forking trainer reads (chapter 04)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch

from salesforecast_lib.models.windows.loader import in_steps
from salesforecast_lib.models.windows.panel_tensor import PanelTensor


@dataclass(frozen=True)
class Stretch:
    """Stretches of a batch, each with an origin at its last ``origins`` steps.

    ``history`` (batch, steps, inputs) with ``length`` (batch,) filled steps, ``static`` (batch, categories); for each
    origin ``scale`` and ``origin`` (batch, origins), the latter 1 where the origin counts, and ``seasonal`` (batch,
    origins, season). The periods after the first origin are held once and not once per origin: ``future`` (batch,
    origins + horizon - 1, future inputs), ``target`` and ``weight`` (batch, origins + horizon - 1); step ``h`` ahead of
    origin ``o`` is their row ``o + h - 1``.
    """

    history: torch.Tensor
    length: torch.Tensor
    future: torch.Tensor
    static: torch.Tensor
    scale: torch.Tensor
    origin: torch.Tensor
    seasonal: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor


class StretchLoader:
    """Batches of stretches that cover the rows ``origins`` once per epoch; shuffled by ``(seed, epoch)`` only.

    Every origin has at least ``warm_up`` periods of history in its stretch, or all that its series has. Series with
    more origins than fit into one stretch are cut into stretches of equal length.

    Parameters
    ----------
    origins : rows of the tensor at which a forecast is taken, as `PanelTensor.origins` gives them.
    batch_size : stretches in a batch.
    steps : periods of the longest stretch.
    warm_up : periods read before the first origin of a stretch; the default is half the window.
    """

    def __init__(
        self,
        tensor: PanelTensor,
        origins: np.ndarray,
        batch_size: int,
        seed: int = 0,
        shuffle: bool = True,
        *,
        steps: int = 256,
        warm_up: int | None = None,
    ) -> None:
        if len(origins) == 0:
            raise ValueError(
                "origins: none given; a training needs a period with a whole horizon after it; give a smaller "
                "horizon or a longer history before the cutoff"
            )
        warm_up = tensor.window // 2 if warm_up is None else warm_up
        if not 0 <= warm_up < steps:
            raise ValueError(f"warm_up={warm_up}, steps={steps}: expected 0 <= warm_up < steps")
        self.tensor, self.batch_size, self.seed, self.shuffle = tensor, batch_size, seed, shuffle
        self.n_origins, self.epoch = len(origins), 0
        counts = np.zeros(len(tensor.ds), dtype=bool)
        counts[origins] = True
        self._counts = torch.as_tensor(counts, device=tensor.device)
        begin, self._first, self._last = (
            torch.as_tensor(rows, device=tensor.device) for rows in _tiles(tensor, np.sort(origins), steps, warm_up)
        )
        self._begin = begin  # (stretches,) first row of the history, of the origins, and the last row of both

    def __len__(self) -> int:
        return -(-len(self._begin) // self.batch_size)

    def __iter__(self) -> Iterator[Stretch]:
        yield from self.batches(self.epoch * len(self), len(self))

    def batches(self, first: int, count: int) -> Iterator[Stretch]:
        """``count`` batches from step ``first`` of the training on; a pass over the stretches has ``len(self)``."""
        every = torch.arange(len(self._begin), device=self.tensor.device)
        for part in in_steps(every, self.batch_size, self.seed, self.shuffle, first, count):
            yield self.gather(part)

    def gather(self, which: torch.Tensor) -> Stretch:
        """The stretches numbered ``which`` (batch,)."""
        tensor = self.tensor
        begin, first, last = self._begin[which], self._first[which], self._last[which]
        series = tensor.row_series[begin].long()
        steps = int((last - begin).max()) + 1
        skip = int((first - begin).min())  # steps before the first origin of any stretch
        history, length = tensor.read(begin, last, steps)
        rows = (begin + skip)[:, None] + torch.arange(steps - skip, device=tensor.device)  # (batch, origins)
        inside = (rows >= first[:, None]) & (rows <= last[:, None])
        rows = torch.minimum(rows, last[:, None])
        ahead = (begin + skip + 1)[:, None] + torch.arange(steps - skip + tensor.horizon - 1, device=tensor.device)
        end = tensor.series_end[series][:, None]
        known, ahead = ahead < end, torch.minimum(ahead, end - 1)
        return Stretch(
            history,
            length,
            tensor.future[ahead],
            tensor.static[series],
            tensor.scale[rows],
            (self._counts[rows] & inside).float(),
            tensor.seasonal(rows, series[:, None]),
            tensor.y[ahead],
            tensor.available[ahead] * known,
        )


def _tiles(
    tensor: PanelTensor, origins: np.ndarray, steps: int, warm_up: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First row of the history, first and last origin of each stretch."""
    series = tensor.row_series.cpu().numpy()[origins]
    new = np.flatnonzero(np.concatenate([[True], series[1:] != series[:-1]]))
    first, last = origins[new], origins[np.append(new[1:], len(origins)) - 1]  # (series with origins,)
    start = tensor.first_row(first)
    # A young series that fits as a whole needs no cut.
    room = np.where(last - np.maximum(start, first - warm_up) < steps, steps, steps - warm_up)
    tiles = -(-(last - first + 1) // room)
    number = np.arange(tiles.sum()) - np.repeat(np.cumsum(tiles) - tiles, tiles)
    first, last, start, tiles = (np.repeat(values, tiles) for values in (first, last, start, tiles))
    span = last - first + 1
    opening = first + number * span // tiles
    closing = first + (number + 1) * span // tiles - 1
    return np.maximum(start, opening - warm_up), opening, closing
