"""Which rows a network is trained on and validated with, however short the history is (chapter 04)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.windows.panel_tensor import PanelTensor


@dataclass(frozen=True)
class Split:
    """Origins by time: training up to ``train_last``, validation from ``validation_first`` to ``validation_last``.

    Targets of the training origins end where those of the validation begin, and none lies after the cutoff.
    """

    train_last: pd.Timestamp
    validation_first: pd.Timestamp
    validation_last: pd.Timestamp


def split_by_time(cutoff: pd.Timestamp, horizon: int, freq: str) -> Split:
    """Split before ``cutoff``: the last horizon of origins validates."""
    step = check_freq(freq).offset
    return Split(cutoff - (3 * horizon - 1) * step, cutoff - (2 * horizon - 1) * step, cutoff - horizon * step)


@dataclass(frozen=True)
class Origins:
    """Rows of a tensor at which forecasts are taken: of the training, the validation, and the training on everything.

    ``validation`` is empty where the history is too short to keep a horizon apart; ``train`` is then ``everything``.
    ``min_history`` and ``stride`` are those that were used: a short history takes shorter ones than it was asked for.
    """

    train: np.ndarray
    validation: np.ndarray
    everything: np.ndarray
    min_history: int
    stride: int

    @property
    def validated(self) -> bool:
        """Whether a horizon is kept apart for validation."""
        return len(self.validation) > 0


def choose_origins(
    tensor: PanelTensor, cutoff: pd.Timestamp, freq: str, min_history: int, stride: int, every: int | None = None
) -> Origins:
    """Origins of training and validation before ``cutoff``.

    Nothing changes for a history that is long beside the horizon. In a short one, origins need less history before
    them and lie closer together; without room for a validation horizon all origins train, and with less than a horizon
    after the first row none does.

    Parameters
    ----------
    min_history : periods of history that an origin should have.
    stride : periods between origins of validation, and of training unless ``every`` says otherwise.

    Raises
    ------
    ValueError
        When no series has a period with a whole horizon after it.
    """
    horizon, first = tensor.horizon, pd.Timestamp(tensor.ds.min())
    periods = len(pd.date_range(first, cutoff, freq=check_freq(freq).alias))
    split = split_by_time(cutoff, horizon, freq)
    for kept in (3 * horizon, horizon):  # periods at the end in which no training origin lies
        room = periods - kept  # last training origin, counted from the first period
        enough = min(min_history, max(1, 2 * room // 3))
        apart = min(stride, max(1, (room - enough) // 4), horizon)
        between = apart if every is None else every
        train = tensor.origins(first, split.train_last if kept > horizon else split.validation_last, enough, between)
        if len(train) == 0 and enough > 1:  # only young series live now
            train = tensor.origins(first, split.train_last if kept > horizon else split.validation_last)
        if kept > horizon:
            validation = tensor.origins(split.validation_first, split.validation_last, enough, apart)
            if len(train) and len(validation):
                everything = tensor.origins(first, split.validation_last, enough, between)
                return Origins(train, validation, everything, enough, apart)
        elif len(train):
            return Origins(train, validation[:0], train, enough, apart)
    if not tensor.enough.any():
        raise ValueError(
            "available: no series has a window of which at least a tenth was available, so that nothing can be learnt; "
            "give sales of periods with stock, or check the column available (1 in stock, 0 sold out or closed)"
        )
    raise ValueError(
        f"horizon={horizon}: no series has {horizon + 1} periods up to {cutoff.date()}, one to learn from and a "
        "horizon to forecast; give a smaller horizon, fewer cutoffs or a longer history"
    )
