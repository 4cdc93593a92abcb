"""The forecasting network: an LSTM over the history, all horizon steps at once (chapter 04)."""

from __future__ import annotations

import torch
from torch import nn

from salesforecast_lib import QUANTILES
from salesforecast_lib.models.windows import Batch


class SalesPredictor(nn.Module):
    """LSTM encoder, one decoder for all horizon steps, quantiles that are ordered and non-negative by construction.

    The median is the window's seasonal average times ``exp`` of a learned correction; quantiles above it add positive
    steps, quantiles below it multiply by factors in (0, 1). So they can neither cross nor fall below zero (Wen et
    al. 2017 forecast several quantiles directly; the construction here makes their order certain).

    Parameters
    ----------
    input_size : inputs of the encoder at each step (`Vocabulary.input_size`).
    hidden_size : size of the LSTM state.
    output_size : horizon, in periods.
    future_size : covariates known ahead, for each horizon step.
    static_sizes : number of categories of each static column, "unknown" not counted.
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        output_size: int,
        *,
        future_size: int = 0,
        static_sizes: tuple[int, ...] = (),
        embedding_size: int = 8,
        num_layers: int = 1,
        dropout: float = 0.1,
        bidirectional: bool = False,
        quantiles: tuple[float, ...] = QUANTILES,
    ) -> None:
        super().__init__()
        if 0.5 not in quantiles or list(quantiles) != sorted(set(quantiles)):
            raise ValueError(f"quantiles={quantiles}: expected rising levels that include 0.5")
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("output_size", output_size)):
            if value < 1:
                raise ValueError(f"{name}={value}: expected at least 1")
        self.quantiles, self.output_size = tuple(quantiles), output_size
        self.embeddings = nn.ModuleList(nn.Embedding(size + 1, embedding_size) for size in static_sizes)
        self.lstm = nn.LSTM(
            input_size,
            hidden_size,
            num_layers,
            batch_first=True,
            bidirectional=bidirectional,
            dropout=dropout if num_layers > 1 else 0.0,
        )
        context = hidden_size * (2 if bidirectional else 1) + embedding_size * len(static_sizes) + 1
        self.step = nn.Embedding(output_size, embedding_size)
        self.context = nn.Linear(context, hidden_size)
        self.ahead = nn.Linear(future_size + embedding_size + 1, hidden_size)
        self.body = nn.Sequential(
            nn.ReLU(), nn.Dropout(dropout), nn.Linear(hidden_size, hidden_size), nn.ReLU(), nn.Dropout(dropout)
        )
        self.head = nn.Linear(hidden_size, len(quantiles))
        nn.init.zeros_(self.head.weight)  # the untrained network is the seasonal average
        below = self.quantiles.index(0.5)
        with torch.no_grad():
            self.head.bias.copy_(torch.tensor([1.0] * below + [0.0] + [-1.0] * (len(quantiles) - below - 1)))

    def forward(self, batch: Batch) -> torch.Tensor:
        """Quantiles in scaled units, (batch, horizon, quantiles)."""
        states, _ = self.lstm(batch.history)  # (batch, window, hidden)
        last = states[:, -1]  # (batch, hidden)
        static = [embed(batch.static[:, k]) for k, embed in enumerate(self.embeddings)]
        context = self.context(torch.cat([last, *static, torch.log(batch.scale)], dim=1))  # (batch, hidden)
        steps = self.step.weight.expand(len(last), -1, -1)  # (batch, horizon, embedding)
        seasonal = batch.seasonal.clamp(min=0.02)
        ahead = self.ahead(torch.cat([batch.future, steps, torch.log(seasonal)[:, :, None]], dim=2))
        raw = self.head(self.body(context[:, None] + ahead))  # (batch, horizon, quantiles)
        return self.ordered(raw, seasonal)

    def ordered(self, raw: torch.Tensor, seasonal: torch.Tensor) -> torch.Tensor:
        """Turn free numbers into rising, non-negative quantiles around the seasonal average."""
        middle = self.quantiles.index(0.5)
        median = seasonal[:, :, None] * torch.exp(raw[:, :, middle : middle + 1].clamp(-6, 6))
        down = torch.cumprod(torch.sigmoid(raw[:, :, :middle].flip(2)), dim=2).flip(2)
        up = torch.cumsum(nn.functional.softplus(raw[:, :, middle + 1 :]), dim=2)
        return torch.cat([median * down, median, median * (1 + up)], dim=2)


def quantile_mean(quantiles: torch.Tensor, levels: tuple[float, ...]) -> torch.Tensor:
    """Mean of the piecewise linear quantile function with flat tails, over the last dimension."""
    edges = [0.0, *((low + high) / 2 for low, high in zip(levels[:-1], levels[1:], strict=True)), 1.0]
    weights = [high - low for low, high in zip(edges[:-1], edges[1:], strict=True)]
    return quantiles @ torch.tensor(weights, dtype=quantiles.dtype, device=quantiles.device)


def pinball_loss(
    forecast: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, levels: tuple[float, ...]
) -> torch.Tensor:
    """Weighted mean pinball loss (Koenker & Bassett 1978); forecast (batch, horizon, quantiles)."""
    tau = torch.tensor(levels, dtype=forecast.dtype, device=forecast.device)
    error = target[:, :, None] - forecast
    loss = torch.maximum(tau * error, (tau - 1) * error).mean(2)  # (batch, horizon)
    return (loss * weight).sum() / weight.sum().clamp(min=1e-9)
