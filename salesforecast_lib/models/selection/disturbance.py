"""Sales disturbed before anything is derived from them: by noise, or by the worst small step (chapter 05)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from salesforecast_lib.data.features import FeatureTable, build_features
from salesforecast_lib.models.windows.panel_tensor import Batch, PanelTensor


@dataclass(frozen=True)
class Disturbance:
    """What happens to the sales of a window before a network reads them; zeros change nothing.

    Only sales of available periods move, and none below zero. Level, seasonal average and features follow from them.

    Parameters
    ----------
    noise : standard deviation of normal noise on each sale, in multiples of the window's mean.
    attack : step by which every sale moves in the direction that hurts the network, in multiples of the window's mean.
    """

    noise: float = 0.0
    attack: float = 0.0

    def __post_init__(self) -> None:
        for name in ("noise", "attack"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name}={getattr(self, name)}: expected at least 0")


def with_sales(table: FeatureTable, sales: pd.Series, freq: str) -> FeatureTable:
    """The table as it would be had these been the sales: ``y``, and the features that `build_features` makes of it.

    Features of other measurements, such as prices or numbers of customers, stay.
    """
    frame = table.frame.assign(y=sales)
    plain = {"freq": freq, "country": "US", "static": [], "historical": [], "future": []}  # the calendar is not used
    made = build_features(frame[["unique_id", "ds", "y", "available"]], plain)
    names = [name for name in made.roles["historical"] if name in table.roles["historical"]]
    return replace(table, frame=frame.assign(**{name: made.frame[name] for name in names}))


class SalesWindows:
    """History windows that end at one origin, made anew whenever their sales are changed.

    Parameters
    ----------
    table : features up to the end of the horizon after the origin, sorted by ``unique_id, ds``.
    tensor : the same rows as a tensor.
    last : row of the origin of each series, (series,).
    steps : periods that the network reads; None stands for the tensor's window. Sales of the window can be disturbed.

    Attributes
    ----------
    clean : the windows as they were, one for each series.
    """

    def __init__(
        self, table: FeatureTable, tensor: PanelTensor, last: np.ndarray, freq: str, steps: int | None = None
    ) -> None:
        self.table, self.tensor, self.last, self.freq, self.steps = table, tensor, last, freq, steps
        back, first = np.arange(tensor.window)[::-1], tensor.first_row(last)[:, None]
        rows = last[:, None] - back  # (series, window)
        self.rows = np.maximum(rows, first)
        self.free = (rows >= first) & (table.frame["available"].to_numpy()[self.rows] > 0)  # sales that can move
        self.clean: Batch = tensor.gather(torch.as_tensor(last), steps)
        self._pushed: dict[float, list[Batch]] = {}

    def moved(self, by: np.ndarray) -> Batch:
        """Windows after each sale went up by ``by`` (series, window), in multiples of the window's mean."""
        sales = self.table.frame["y"].to_numpy("float64").copy()
        rows, mean = self.rows[self.free], self.clean.scale.numpy().astype("float64")  # (series, 1)
        sales[rows] = np.maximum(np.nan_to_num(sales[rows]) + (by * mean)[self.free], 0.0)
        told = with_sales(self.table, pd.Series(sales, index=self.table.frame.index), self.freq)
        of = self.tensor
        return PanelTensor(told.frame, of.vocabulary, of.window, of.horizon, of.season).gather(
            torch.as_tensor(self.last), self.steps
        )

    def noisy(self, size: float, seed: int = 0) -> Batch:
        """Windows with independent normal noise on every sale; the noise depends on the seed only."""
        return self.moved(size * np.random.default_rng(seed).standard_normal(self.rows.shape))

    def attacked(self, losses: Callable[[Batch], torch.Tensor], step: float) -> Batch:
        """Windows in which every sale moved by ``step`` in the direction that raises the loss of its series.

        The fast gradient sign attack (Goodfellow et al. 2015), with the slope of each sale taken by moving it alone:
        so it goes through everything that is derived from sales, recency included, which has no gradient.

        Parameters
        ----------
        losses : loss of each series, (series,), from its window.
        """
        if step not in self._pushed:  # the same for every network that reads these windows
            each = np.eye(self.tensor.window)
            self._pushed[step] = [self.moved(np.broadcast_to(step * row, self.rows.shape)) for row in each]
        before = losses(self.clean)
        slope = [torch.sign(losses(windows) - before).nan_to_num().numpy() for windows in self._pushed[step]]
        return self.moved(step * np.stack(slope, axis=1))

    def disturbed(self, how: Disturbance, losses: Callable[[Batch], torch.Tensor], seed: int = 0) -> Batch:
        """Windows after ``how``; ``losses`` as for `attacked`.

        Raises
        ------
        ValueError
            When noise and attack are asked for together: the attack would start from other sales than it was aimed at.
        """
        if how.noise > 0 and how.attack > 0:
            raise ValueError(f"{how}: expected noise or attack, not both")
        if how.noise > 0:
            return self.noisy(how.noise, seed)
        return self.attacked(losses, how.attack) if how.attack > 0 else self.clean
