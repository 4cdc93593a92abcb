"""LSTM autoencoder: what it cannot rebuild from a few numbers is strange (Malhotra et al., 2016; chapter 09)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import nn

from salesforecast_lib.decisions.alerts.detectors import Channels, deviations
from salesforecast_lib.decisions.alerts.grid import Grid


class LSTMAutoencoder(nn.Module):
    """Encoder LSTM, a bottleneck of ``code`` numbers, and a decoder LSTM that must rebuild the window from them."""

    def __init__(self, inputs: int, hidden: int = 24, code: int = 6) -> None:
        super().__init__()
        self.encoder = nn.LSTM(inputs, hidden, batch_first=True)
        self.squeeze = nn.Linear(hidden, code)
        self.decoder = nn.LSTM(code, hidden, batch_first=True)
        self.output = nn.Linear(hidden, inputs)

    def forward(self, windows: torch.Tensor) -> torch.Tensor:
        """Rebuild ``windows`` (batch, steps, inputs)."""
        _, (state, _) = self.encoder(windows)  # (1, batch, hidden)
        code = self.squeeze(state[-1])  # (batch, code)
        repeated = code[:, None].expand(-1, windows.shape[1], -1)  # (batch, steps, code)
        return self.output(self.decoder(repeated)[0])  # (batch, steps, inputs)


@dataclass(frozen=True)
class AutoencoderConfig:
    """Size and training; ``cycles`` of history (weeks, or months of four weeks) are one window, every ``stride``-th is
    trained on, and a deviation counts for at most ``limit`` scales, in training and in use."""

    cycles: int = 4
    hidden: int = 24
    code: int = 6
    epochs: int = 6
    stride: int = 4
    batch: int = 128
    learning_rate: float = 5e-3
    limit: float = 10.0
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("cycles", "hidden", "code", "epochs", "stride", "batch"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: expected at least 1")


@dataclass
class Autoencoder:
    """Detector: reconstruction error of the newest period, and of the whole newest cycle, against what is usual.

    Input are each product's deviations from its trailing level (the weekly profile is left in, to be learned) and from
    its usual price. Errors are divided by their own median in training, by product.
    """

    config: AutoencoderConfig = AutoencoderConfig()
    model: LSTMAutoencoder | None = field(default=None, repr=False)
    usual: np.ndarray | None = field(default=None, repr=False)  # (kinds, n)
    losses: list[float] = field(default_factory=list)

    def _inputs(self, grid: Grid, columns: np.ndarray) -> np.ndarray:
        """Windows that end at each column; (n, columns, steps, inputs)."""
        steps = self.config.cycles * grid.season
        first = int(columns[0]) - steps + 1
        wide = np.arange(max(first, 0), int(columns[-1]) + 1)
        parts = deviations(grid, wide)
        both = [parts.season_free] + ([] if parts.price is None else [parts.price / 4])
        x = np.clip(np.nan_to_num(np.stack(both, axis=-1)), -self.config.limit, self.config.limit)
        x = np.concatenate([np.zeros((len(x), wide[0] - first, x.shape[-1])), x], axis=1)
        windows = np.lib.stride_tricks.sliding_window_view(x, steps, axis=1)  # (n, wide, inputs, steps)
        return np.swapaxes(windows[:, columns - int(columns[0])], 2, 3).astype("float32")

    def fit(self, grid: Grid, end: int) -> Autoencoder:
        """Train on windows that end before ``end``; the seed settles weights and order.

        Raises
        ------
        ValueError
            When there is no whole window of history.
        """
        config, steps = self.config, self.config.cycles * grid.season
        if end <= 2 * steps:
            raise ValueError(f"{end} periods before the cutoff: the autoencoder needs more than {2 * steps}")
        columns = np.arange(2 * steps, end)
        windows = self._inputs(grid, columns)
        seen = np.isfinite(grid.sales[:, columns - steps])  # on sale since the window began
        train = torch.from_numpy(windows[:, :: config.stride][seen[:, :: config.stride]])  # (windows, steps, inputs)
        if len(train) < 2:
            raise ValueError(f"no product is on sale for {steps} periods before the cutoff: use a longer history")
        generator = torch.Generator().manual_seed(config.seed)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.model = LSTMAutoencoder(train.shape[2], config.hidden, config.code)
        optimizer = torch.optim.Adam(self.model.parameters(), lr=config.learning_rate)
        self.losses = []
        for _ in range(config.epochs):
            total = 0.0
            for rows in torch.randperm(len(train), generator=generator).split(config.batch):
                loss = nn.functional.smooth_l1_loss(self.model(train[rows]), train[rows])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                total += float(loss.detach()) * len(rows)
            self.losses.append(total / len(train))
        errors = self._errors(windows[:, -8 * grid.season :], grid.season)
        self.usual = np.maximum(np.median(errors, axis=2), 0.05)
        return self

    @torch.no_grad()
    def _errors(self, windows: np.ndarray, season: int) -> np.ndarray:
        """Absolute error of the last period by input, and mean error of the last cycle; (kinds, n, columns)."""
        if self.model is None:
            raise ValueError("autoencoder: not fitted yet; call fit(grid, end) first")
        n, columns, steps, inputs = windows.shape
        flat = torch.from_numpy(np.ascontiguousarray(windows.reshape(-1, steps, inputs)))
        rebuilt = torch.cat([self.model(part) for part in flat.split(4096)])
        error = (flat - rebuilt).abs().numpy().reshape(n, columns, steps, inputs)
        last = np.moveaxis(error[:, :, -1], -1, 0)  # (inputs, n, columns)
        return np.concatenate([last, error[:, :, -season:, 0].mean(2)[None]])

    def channels(self, grid: Grid, columns: np.ndarray) -> Channels:
        errors = self._errors(self._inputs(grid, columns), grid.season)
        assert self.usual is not None  # set together with the model
        strange = errors / self.usual[:, :, None]
        names = ["rebuilt_sales"] + (["rebuilt_price"] if len(strange) == 3 else []) + ["rebuilt_cycle"]
        live = grid.live[:, columns]
        return {name: np.where(live, values, np.nan) for name, values in zip(names, strange, strict=True)}


def enough_history(grid: Grid, end: int, config: AutoencoderConfig = AutoencoderConfig()) -> bool:
    """Whether some product is on sale for a whole window before column ``end``."""
    steps = config.cycles * grid.season
    return end > 2 * steps + config.stride and bool(np.isfinite(grid.sales[:, steps : end - steps]).any())
