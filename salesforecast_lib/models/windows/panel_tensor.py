"""A panel as one in-memory tensor from which history windows are gathered by index (chapter 04)."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from salesforecast_lib.models.windows.level import LARGEST, causal_level, seasonal_sums, squashed
from salesforecast_lib.models.windows.vocabulary import Vocabulary


@dataclass(frozen=True)
class Batch:
    """Windows of one batch; all tensors share their first dimension.

    ``history`` (batch, window, inputs) begins with the window's first period; where a series is younger than the
    window, only its first ``length`` (batch,) steps are filled. ``future`` (batch, horizon, future inputs), ``static``
    (batch, categories) codes, ``scale`` (batch, 1) units per scaled unit, ``seasonal`` (batch, horizon) scaled average
    of the window at the same phase, ``phases`` (batch, season) one cycle of it, ``target`` and ``weight`` (batch,
    horizon): units, and 0 where sales say nothing.
    """

    history: torch.Tensor
    future: torch.Tensor
    static: torch.Tensor
    scale: torch.Tensor
    seasonal: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor
    length: torch.Tensor
    phases: torch.Tensor


class PanelTensor:
    """The panel as one block of rows, from which windows are views by index: nothing is copied per window.

    The inputs of a row are scaled by what is known at that row, the mean of the available sales of the last ``window``
    periods. So they serve every origin after it, and one pass over a stretch of history can forecast at each step.

    Parameters
    ----------
    frame : feature frame sorted by ``unique_id, ds``; rows after a cutoff need future columns only.
    scale : (rows,) level of each row where the frame holds the end of the series only; None reckons it from the frame.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        vocabulary: Vocabulary,
        window: int,
        horizon: int,
        season: int,
        device: str | torch.device = "cpu",
        scale: np.ndarray | None = None,
    ) -> None:
        wanted = ["unique_id", "ds", "y", "available", *vocabulary.historical, *vocabulary.future, *vocabulary.static]
        missing = [name for name in wanted if name not in frame]
        if missing:
            raise ValueError(f"features: missing columns {missing}; the model was trained with them")
        if window < season or horizon < 1:
            raise ValueError(f"window={window}, horizon={horizon}: expected window >= season ({season}), horizon >= 1")
        self.vocabulary, self.window, self.horizon, self.season = vocabulary, window, horizon, season
        self.device = torch.device(device)
        self.ds = frame["ds"].to_numpy()
        codes, self.names = pd.factorize(frame["unique_id"])
        start = np.flatnonzero(np.concatenate([[True], codes[1:] != codes[:-1]]))
        size = len(codes)

        def tensor(values: np.ndarray, kind: torch.dtype = torch.float32) -> torch.Tensor:
            return torch.as_tensor(np.ascontiguousarray(values), dtype=kind, device=self.device)

        self.row_series = tensor(codes, torch.int32)
        self.series_start = tensor(start, torch.int64)
        self.series_end = tensor(np.append(start[1:], size), torch.int64)
        self.static = self._static(frame.iloc[start])  # (series, categories)
        del codes
        inputs = np.empty((size, vocabulary.input_size), dtype="float32")
        y, available, level, value, count = np.empty((5, size), dtype="float32")
        self.enough = np.empty(size, dtype=bool)  # rows whose window holds available periods enough to learn from
        for block in self._blocks():  # doubles exist for one block at a time
            rows, first = frame.iloc[block], self.first_row(np.arange(block.start, block.stop)) - block.start
            sold, seen = rows["y"].fillna(0.0).to_numpy("float64"), rows["available"].fillna(1.0).to_numpy("float64")
            found = causal_level(sold, seen, first, window, vocabulary.unit)
            units = found.scale if scale is None else scale[block]
            y[block], available[block], level[block] = sold, seen, units
            value[block], count[block] = seasonal_sums(sold, seen, first, window, season)
            self.enough[block] = found.enough
            part = inputs[block]
            part[:, 1], part[:, 2], part[:, 3] = 1.0, seen, np.log(units / vocabulary.unit)
            part[:, 0] = (sold / units).clip(-LARGEST, LARGEST)
            for k, name in enumerate((*vocabulary.historical, *vocabulary.future), start=4):
                column = rows[name].fillna(0.0).to_numpy("float32")
                if name in vocabulary.in_units:
                    part[:, k] = (column / units).clip(-LARGEST, LARGEST)
                else:
                    part[:, k] = squashed(column)
        self.inputs = tensor(inputs)  # (rows, inputs)
        self.future = self.inputs[:, vocabulary.input_size - len(vocabulary.future) :]  # a view
        self.y, self.available = tensor(y), tensor(available)
        self.scale, self.seasonal_value, self.seasonal_count = tensor(level), tensor(value), tensor(count)

    def _blocks(self, rows: int = 4_000_000) -> Iterator[slice]:
        """Slices of whole series with about so many rows each, over the whole panel."""
        starts, size = self.series_start.cpu().numpy(), len(self.ds)
        cuts = [int(starts[np.searchsorted(starts, at)]) for at in range(0, int(starts[-1]) + 1, rows)]
        for begin, end in zip(cuts, [*cuts[1:], size], strict=True):
            if end > begin:
                yield slice(begin, end)

    def first_row(self, rows: np.ndarray) -> np.ndarray:
        """First row of the series of each row."""
        return self.series_start.cpu().numpy()[self.row_series.cpu().numpy()[rows]]

    def _static(self, firsts: pd.DataFrame) -> torch.Tensor:
        """Category codes of each series; a category the model never saw is a warning and code 0."""
        columns = []
        for name, known in self.vocabulary.static.items():
            values = firsts[name].astype(str)
            unseen = sorted(set(values) - set(known))
            if unseen:
                warnings.warn(
                    f"{name}: {len(unseen)} categories are new to the model, such as {unseen[0]!r}; their series are "
                    "forecast as 'unknown'. Train again to learn them.",
                    stacklevel=3,
                )
            columns.append(values.map(known).fillna(0).to_numpy("int64"))
        codes = np.stack(columns, 1) if columns else np.zeros((len(firsts), 0), dtype="int64")
        return torch.as_tensor(codes, dtype=torch.int64, device=self.device)

    def origins(self, first: pd.Timestamp, last: pd.Timestamp, min_history: int = 1, stride: int = 1) -> np.ndarray:
        """Rows that end a history window in ``[first, last]`` with a whole horizon after them.

        A window in which almost nothing could be bought says nothing about what follows; its row is left out.
        """
        end, found = self.series_end.cpu().numpy(), []
        for block in self._blocks():
            ds = self.ds[block]
            row = block.start + np.flatnonzero((ds >= np.datetime64(first)) & (ds <= np.datetime64(last)))
            left = end[self.row_series.cpu().numpy()[row]] - 1 - row  # periods after the row
            fits = (left >= self.horizon) & (row - self.first_row(row) + 1 >= min_history) & (left % stride == 0)
            found.append(row[fits & self.enough[row]])
        return np.concatenate(found)

    def read(self, begin: torch.Tensor, last: torch.Tensor, steps: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Inputs of rows ``begin`` to ``last`` (batch,), zero after them: (batch, steps, inputs), and their number."""
        length = last - begin + 1
        rows = begin[:, None] + torch.arange(steps, device=self.device)  # (batch, steps)
        if bool((length == steps).all()):
            return self.inputs[rows], length
        inside = rows <= last[:, None]
        return self.inputs[torch.minimum(rows, last[:, None])] * inside[:, :, None], length

    def seasonal(self, rows: torch.Tensor, series: torch.Tensor) -> torch.Tensor:
        """Scaled average of the window before each row at every phase, shrunk to 1: (..., season)."""
        back = rows[..., None] + torch.arange(1 - self.season, 1, device=self.device)
        inside = back >= self.series_start[series][..., None]
        back = torch.where(inside, back, rows[..., None])
        value = self.seasonal_value[back] * inside / self.scale[rows][..., None]
        return (value + 1.0) / (self.seasonal_count[back] * inside + 1.0)

    def gather(self, origin: torch.Tensor, steps: int | None = None) -> Batch:
        """Windows of ``steps`` periods (default: window) that end at the rows ``origin`` (batch,)."""
        series = self.row_series[origin].long()
        steps = steps or self.window
        history, length = self.read(torch.maximum(origin - steps + 1, self.series_start[series]), origin, steps)
        ahead = origin[:, None] + torch.arange(1, self.horizon + 1, device=self.device)
        end = self.series_end[series][:, None]
        known, ahead = ahead < end, torch.minimum(ahead, end - 1)
        phase = torch.arange(self.horizon, device=self.device) % self.season
        phases = self.seasonal(origin, series)
        return Batch(
            history,
            self.future[ahead],
            self.static[series],
            self.scale[origin][:, None],
            phases[:, phase],
            self.y[ahead],
            self.available[ahead] * known,
            length,
            phases,
        )
