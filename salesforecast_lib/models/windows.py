"""History windows gathered by index from one in-memory tensor (chapter 04)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch

from salesforecast_lib.data.features import FeatureTable


@dataclass(frozen=True)
class Batch:
    """Windows of one batch; all tensors share their first dimension.

    ``history`` (batch, window, inputs) scaled, ``future`` (batch, horizon, future inputs), ``static`` (batch,
    categories) codes, ``scale`` (batch, 1) units per scaled unit, ``seasonal`` (batch, horizon) scaled average of the
    window at the same phase, ``target`` and ``weight`` (batch, horizon): units, and 0 where sales say nothing.
    """

    history: torch.Tensor
    future: torch.Tensor
    static: torch.Tensor
    scale: torch.Tensor
    seasonal: torch.Tensor
    target: torch.Tensor
    weight: torch.Tensor


@dataclass(frozen=True)
class Vocabulary:
    """Input columns and category codes a model was trained with; code 0 is "unknown"."""

    historical: tuple[str, ...]
    future: tuple[str, ...]
    static: dict[str, dict[str, int]]
    in_units: tuple[str, ...]

    @classmethod
    def of(cls, table: FeatureTable, without: tuple[str, ...] = ()) -> Vocabulary:
        """Collect columns and categories of a feature table, leaving out the feature groups ``without``."""
        left_out = {name for group in without for name in table.groups.get(group, [])}
        static = {
            name: {value: code for code, value in enumerate(sorted(table.frame[name].unique()), start=1)}
            for name in table.roles["static"]
        }
        historical, future = (
            tuple(name for name in table.roles[role] if name not in left_out) for role in ("historical", "future")
        )
        return cls(historical, future, static, tuple(name for name in table.in_units if name in historical))

    @property
    def input_size(self) -> int:
        """Inputs of the encoder at each step: y, mask, available, log scale, historical and future columns."""
        return 4 + len(self.historical) + len(self.future)


class PanelTensor:
    """The panel as one block of rows, from which windows are views by index: nothing is copied per window.

    Parameters
    ----------
    frame : feature frame sorted by ``unique_id, ds``; rows after a cutoff need future columns only.
    """

    def __init__(
        self,
        frame: pd.DataFrame,
        vocabulary: Vocabulary,
        window: int,
        horizon: int,
        season: int,
        device: str | torch.device = "cpu",
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
        self.series = codes
        self.start = start[codes]  # first row of each row's series
        self.end = np.append(start[1:], len(codes))[codes]

        def tensor(values: np.ndarray, kind: torch.dtype = torch.float32) -> torch.Tensor:
            return torch.as_tensor(np.ascontiguousarray(values), dtype=kind, device=self.device)

        self.y = tensor(frame["y"].fillna(0.0).to_numpy())
        self.available = tensor(frame["available"].fillna(1.0).to_numpy())
        self.historical = tensor(frame[list(vocabulary.historical)].fillna(0.0).to_numpy("float32"))
        self.future = tensor(frame[list(vocabulary.future)].fillna(0.0).to_numpy("float32"))
        static = [
            frame[name].astype(str).map(known).fillna(0).to_numpy("int64") for name, known in vocabulary.static.items()
        ]
        self.static = tensor(np.stack(static, 1) if static else np.zeros((len(frame), 0)), torch.int64)
        self.row_start = tensor(self.start, torch.int64)
        self.row_end = tensor(self.end, torch.int64)
        self.in_units = tensor(np.isin(vocabulary.historical, vocabulary.in_units), torch.bool)

    def origins(self, first: pd.Timestamp, last: pd.Timestamp, min_history: int = 1, stride: int = 1) -> np.ndarray:
        """Rows that end a history window in ``[first, last]`` with a whole horizon after them."""
        row = np.arange(len(self.ds))
        when = (self.ds >= np.datetime64(first)) & (self.ds <= np.datetime64(last))
        fits = (row + self.horizon < self.end) & (row - self.start + 1 >= min_history)
        return row[when & fits & ((self.end - 1 - row) % stride == 0)]

    def gather(self, origin: torch.Tensor) -> Batch:
        """Windows that end at the rows ``origin`` (batch,)."""
        back = torch.arange(self.window - 1, -1, -1, device=self.device)
        rows = origin[:, None] - back  # (batch, window)
        inside = rows >= self.row_start[origin][:, None]
        rows = torch.maximum(rows, self.row_start[origin][:, None])
        mask = inside.float()
        seen = mask * self.available[rows]
        y = self.y[rows] * mask
        total = seen.sum(1, keepdim=True)
        scale = ((y * seen).sum(1, keepdim=True) / total.clamp(min=1)).clamp(min=0.1)  # (batch, 1) units
        historical = self.historical[rows]
        historical = torch.where(self.in_units, historical / scale[:, :, None], historical)
        history = torch.cat(
            [
                (y / scale)[:, :, None],
                mask[:, :, None],
                seen[:, :, None],
                torch.log(scale)[:, :, None].expand(-1, self.window, 1),
                historical,
                self.future[rows],
            ],
            dim=2,
        )
        history = history * mask[:, :, None]
        ahead = origin[:, None] + torch.arange(1, self.horizon + 1, device=self.device)
        known = ahead < self.row_end[origin][:, None]
        ahead = torch.minimum(ahead, self.row_end[origin][:, None] - 1)
        return Batch(
            history,
            self.future[ahead],
            self.static[origin],
            scale,
            self._seasonal(y / scale, seen),
            self.y[ahead],
            self.available[ahead] * known.float(),
        )

    def _seasonal(self, y: torch.Tensor, seen: torch.Tensor) -> torch.Tensor:
        """Average of the window at the phase of each horizon step, shrunk to the window's mean (1 in scaled units)."""
        batch, cycles = y.shape[0], self.window // self.season
        length = cycles * self.season
        value = (y * seen)[:, -length:].reshape(batch, cycles, self.season).sum(1)  # (batch, season)
        count = seen[:, -length:].reshape(batch, cycles, self.season).sum(1)
        average = (value + 1.0) / (count + 1.0)
        phase = torch.arange(self.horizon, device=self.device) % self.season
        return average[:, phase]  # (batch, horizon)


class WindowLoader:
    """Batches of windows in an order that depends on ``(seed, epoch)`` only, so that a run can be resumed."""

    def __init__(
        self, tensor: PanelTensor, origins: np.ndarray, batch_size: int, seed: int = 0, shuffle: bool = True
    ) -> None:
        if len(origins) == 0:
            raise ValueError("no window fits: shorten window or horizon, or give more history before the cutoff")
        self.tensor, self.batch_size, self.seed, self.shuffle = tensor, batch_size, seed, shuffle
        self.rows = torch.as_tensor(origins, dtype=torch.int64, device=tensor.device)
        self.epoch = 0

    def __len__(self) -> int:
        return -(-len(self.rows) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        rows = self.rows
        if self.shuffle:
            generator = torch.Generator().manual_seed(self.seed * 100_003 + self.epoch)
            rows = rows[torch.randperm(len(rows), generator=generator).to(rows.device)]
        for start in range(0, len(rows), self.batch_size):
            yield self.tensor.gather(rows[start : start + self.batch_size])
