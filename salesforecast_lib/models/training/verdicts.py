"""Sentences about losses that hold on another processor, too (chapter 04)."""

from __future__ import annotations

from collections.abc import Mapping


def compare_losses(losses: Mapping[str, float], margin: float = 0.03) -> str:
    """Which of several losses is the lowest, or that they are about level.

    The same training ends a percent or two apart on two processors, because sums are rounded in another order. Losses
    closer than ``margin``, a share of the lowest, are therefore called level.

    Raises ValueError when there is nothing to compare.
    """
    if len(losses) < 2:
        raise ValueError(f"losses={dict(losses)}: expected at least two to compare")
    best, second = sorted(losses, key=losses.__getitem__)[:2]
    if losses[second] <= (1 + margin) * losses[best]:
        return f"{' and '.join(name for name in losses if name in (best, second))} are about level"
    return f"{best} has the lowest loss"


def describe_stop(validation: list[float], max_epochs: int) -> str:
    """How a training with validation ended: by itself before ``max_epochs``, or because its epochs were used up."""
    if not validation:
        raise ValueError("validation: no epoch was run")
    if len(validation) < max_epochs:
        return "training stopped by itself: the validation loss had ceased to fall"
    return "training used all its epochs: with more of them the validation loss might fall further"
