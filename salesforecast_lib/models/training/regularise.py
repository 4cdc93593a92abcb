"""Augmentation of history windows and adversarial training, as one switch of the training loop (chapter 05)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

import torch

from salesforecast_lib.models.windows.panel_tensor import Batch
from salesforecast_lib.models.windows.stretches import Stretch

Windows = TypeVar("Windows", bound=Batch | Stretch)  # what a loader yields

MASK, SEEN, LOG_SCALE = 1, 2, 3  # columns of `Batch.history` that describe the window and are not measured


@dataclass(frozen=True)
class Regularisation:
    """What a training window goes through before the network sees it; zeros change nothing, not even a random number.

    Targets stay as they are: the network has to give the same forecast from a disturbed history.

    Parameters
    ----------
    jitter : standard deviation of the noise on each measured value, in scaled units (Um et al. 2017).
    scaling : standard deviation of the logarithm of one factor for the measured values of a window (Um et al. 2017).
    warping : share of windows in which a stretch of time runs at half or double speed (Le Guennec et al. 2016).
    adversarial : step of the fast gradient sign attack, in scaled units; the loss is the mean of the clean and
        the attacked one (Goodfellow et al. 2015), which doubles the cost of a step.
    """

    jitter: float = 0.0
    scaling: float = 0.0
    warping: float = 0.0
    adversarial: float = 0.0

    def __post_init__(self) -> None:
        for name in ("jitter", "scaling", "adversarial"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}={getattr(self, name)}: expected at least 0")
        if not 0 <= self.warping <= 1:
            raise ValueError(f"warping={self.warping}: expected a share of windows between 0 and 1")

    def augment(self, batch: Windows, generator: torch.Generator) -> Windows:
        """The batch with disturbed histories; depends on the generator only."""
        if self.warping > 0:
            batch = warp(batch, self.warping, generator)
        if self.scaling > 0:
            batch = rescale(batch, self.scaling, generator)
        if self.jitter > 0:
            batch = jitter(batch, self.jitter, generator)
        return batch

    def loss(
        self, loss_of: Callable[[Windows], torch.Tensor], batch: Windows, generator: torch.Generator
    ) -> torch.Tensor:
        """Training loss of a batch after augmentation, with the attacked loss in it when that is asked for."""
        batch = self.augment(batch, generator)
        if self.adversarial == 0:
            return loss_of(batch)
        clean, attacked = attack(loss_of, batch, self.adversarial)
        return (clean + loss_of(attacked)) / 2


def measured(batch: Windows) -> torch.Tensor:
    """Which inputs of the history are measurements, (inputs,): sales and historical columns.

    What is known for certain (mask, availability, scale, calendar and plans) is never disturbed.
    """
    columns = torch.arange(batch.history.shape[2], device=batch.history.device)
    future = batch.history.shape[2] - batch.future.shape[2]  # the future columns come last
    described = (columns == MASK) | (columns == SEEN) | (columns == LOG_SCALE)
    return ~described & (columns < future)


def _disturbed(batch: Windows, values: torch.Tensor) -> Windows:
    """The batch with ``values`` (batch, window, inputs) where they are measurements and the window holds a period."""
    use = measured(batch) & (batch.history[:, :, MASK : MASK + 1] > 0)  # (batch, window, inputs)
    return replace(batch, history=torch.where(use, values, batch.history))


def jitter(batch: Windows, size: float, generator: torch.Generator) -> Windows:
    """Add independent normal noise to each measured value."""
    noise = torch.randn(batch.history.shape, generator=generator).to(batch.history.device)
    return _disturbed(batch, batch.history + size * noise)


def rescale(batch: Windows, size: float, generator: torch.Generator) -> Windows:
    """Multiply the measured values of a window by one log-normal factor."""
    factor = torch.exp(size * torch.randn((len(batch.history), 1, 1), generator=generator)).to(batch.history.device)
    return _disturbed(batch, batch.history * factor)


def warp(batch: Windows, share: float, generator: torch.Generator) -> Windows:
    """Let a third of the window run at half or double speed, in a random ``share`` of the windows.

    The window keeps its length and its ends: the other periods make room or fill up. Values between two periods are
    interpolated; availability moves with the sales it belongs to, the calendar stays.

    Raises
    ------
    ValueError
        When a history has several origins: a value that moves back in time would tell the earlier ones their target.
    """
    history = batch.history
    if batch.scale.shape[1] > 1:
        raise ValueError("warping: a stretch with several origins would leak its targets; train window by window")
    number, window, _ = history.shape
    random = torch.rand((3, number, 1), generator=generator).to(history.device)
    length = window / 3
    begin = random[0] * (window - 1 - length)  # (batch, 1) where the stretch begins, in source time
    speed = torch.where(random[1] < 0.5, 0.5, 2.0)
    stretched = length / speed
    rest = (window - 1 - stretched) / (window - 1 - length)  # periods that one source period outside lasts
    steps = torch.arange(window, dtype=history.dtype, device=history.device)[None]  # (1, window) target time
    first, second = begin * rest, begin * rest + stretched  # (batch, 1) the stretch in target time
    source = torch.where(
        steps < first,
        steps / rest,
        torch.where(steps < second, begin + (steps - first) * speed, begin + length + (steps - second) / rest),
    )
    source = torch.where(random[2] < share, source, steps)  # (batch, window)
    inside = history[:, :, MASK] > 0  # (batch, window); a young series fills only a part
    filled = torch.where(inside, steps, steps.new_tensor(float("nan")))
    oldest, newest = filled.nan_to_num(window - 1.0).amin(1), filled.nan_to_num(0.0).amax(1)
    source = torch.minimum(torch.maximum(source, oldest[:, None]), newest[:, None])
    low = source.floor().long().clamp(max=window - 2)
    part = (source - low)[:, :, None]
    rows = torch.arange(number, device=history.device)[:, None]
    values = (1 - part) * history[rows, low] + part * history[rows, low + 1]
    warped = _disturbed(batch, values).history.clone()
    warped[:, :, SEEN] = torch.where(inside, values[:, :, SEEN], history[:, :, SEEN])
    return replace(batch, history=warped)


def attack(loss_of: Callable[[Windows], torch.Tensor], batch: Windows, step: float) -> tuple[torch.Tensor, Windows]:
    """Loss of the batch, and the batch moved by ``step`` along the sign of its gradient (Goodfellow et al. 2015).

    It moves what the encoder reads and leaves the window's level, as training can afford; how a trained network stands
    an attack on the sales themselves is asked by `selection.disturbance`. The returned loss still has its graph, so
    that its backward pass costs no second forward pass.
    """
    history = batch.history.detach().requires_grad_(True)
    loss = loss_of(replace(batch, history=history))
    (slope,) = torch.autograd.grad(loss, history, retain_graph=True)
    return loss, _disturbed(batch, batch.history + step * slope.sign())
