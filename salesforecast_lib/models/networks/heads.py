"""Output heads: from a decoder's free numbers to a loss and to ordered, non-negative quantiles (chapter 04)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

SMALLEST = 0.02  # of the seasonal average, in scaled units: the median must be able to grow from it


@dataclass(frozen=True)
class Observed:
    """What a forecast is held against; all (..., horizon).

    ``target`` in scaled units, ``scale`` units per scaled unit, ``weight`` 0 where sales say nothing, ``censored`` 1
    where demand was *at least* the target.
    """

    target: torch.Tensor
    scale: torch.Tensor
    weight: torch.Tensor
    censored: torch.Tensor | None = None


class Head(nn.Module):
    """A family of predictive distributions; ``size`` numbers of the decoder describe one horizon step."""

    size: int

    def __init__(self, levels: tuple[float, ...]) -> None:
        super().__init__()
        self.levels = levels

    def start(self) -> torch.Tensor:
        """Biases (size,) of the untrained decoder: a forecast around the seasonal average."""
        raise NotImplementedError

    def quantiles(self, raw: torch.Tensor, seasonal: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """Quantiles in scaled units, (..., horizon, levels), from ``raw`` (..., horizon, size)."""
        raise NotImplementedError

    def mean(self, raw: torch.Tensor, seasonal: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """Mean of the distribution in scaled units, (..., horizon)."""
        raise NotImplementedError

    def forecast(
        self, raw: torch.Tensor, seasonal: torch.Tensor, scale: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and quantiles."""
        return self.mean(raw, seasonal, scale), self.quantiles(raw, seasonal, scale)

    def loss(self, raw: torch.Tensor, seasonal: torch.Tensor, seen: Observed) -> torch.Tensor:
        """Loss of each horizon step, (..., horizon), not weighted."""
        raise NotImplementedError


def quantile_mean(quantiles: torch.Tensor, levels: tuple[float, ...]) -> torch.Tensor:
    """Mean of the piecewise linear quantile function with flat tails, over the last dimension."""
    edges = [0.0, *((low + high) / 2 for low, high in zip(levels[:-1], levels[1:], strict=True)), 1.0]
    weights = [high - low for low, high in zip(edges[:-1], edges[1:], strict=True)]
    return quantiles @ torch.tensor(weights, dtype=quantiles.dtype, device=quantiles.device)


def running_product(values: torch.Tensor) -> torch.Tensor:
    """``cumprod`` over the last dimension; for ONNX, which has none, one factor after the other: the same bits.

    torch multiplies in double precision and rounds each product, and so does this.
    """
    if not torch.compiler.is_exporting() or values.shape[-1] == 0:
        return torch.cumprod(values, dim=-1)
    exact = values.double()
    products = [exact[..., 0]]
    for k in range(1, values.shape[-1]):
        products.append(products[-1] * exact[..., k])
    return torch.stack(products, dim=-1).to(values.dtype)


class QuantileHead(Head):
    """Quantiles that can neither cross nor fall below zero, whatever the weights are.

    The median is the seasonal average times ``exp`` of a learned correction; quantiles above it add positive steps,
    those below multiply by factors in (0, 1). Wen et al. (2017) forecast several quantiles directly; the construction
    makes their order certain.
    """

    def __init__(self, levels: tuple[float, ...]) -> None:
        super().__init__(levels)
        self.size, self.middle = len(levels), levels.index(0.5)

    def start(self) -> torch.Tensor:
        return torch.tensor([1.0] * self.middle + [0.0] + [-1.0] * (self.size - self.middle - 1))

    def quantiles(self, raw: torch.Tensor, seasonal: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        middle = self.middle
        median = seasonal[..., None] * torch.exp(raw[..., middle : middle + 1].clamp(-6, 6))
        down = running_product(torch.sigmoid(raw[..., :middle].flip(-1))).flip(-1)
        up = torch.cumsum(nn.functional.softplus(raw[..., middle + 1 :]), dim=-1)
        return torch.cat([median * down, median, median * (1 + up)], dim=-1)

    def mean(self, raw: torch.Tensor, seasonal: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        return self.forecast(raw, seasonal, scale)[0]

    def forecast(
        self, raw: torch.Tensor, seasonal: torch.Tensor, scale: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The quantiles are all that is known: the mean is theirs."""
        quantiles = self.quantiles(raw, seasonal, scale)
        return quantile_mean(quantiles, self.levels), quantiles

    def loss(self, raw: torch.Tensor, seasonal: torch.Tensor, seen: Observed) -> torch.Tensor:
        forecast = self.quantiles(raw, seasonal, seen.scale)
        loss = pinball(forecast, seen.target, self.levels)
        if seen.censored is not None:
            loss = torch.where(seen.censored > 0, censored_pinball(forecast, seen.target, self.levels), loss)
        return loss


def pinball(forecast: torch.Tensor, target: torch.Tensor, levels: tuple[float, ...]) -> torch.Tensor:
    """Pinball loss (Koenker & Bassett 1978), mean over the levels: (..., horizon) from (..., horizon, levels)."""
    tau = torch.tensor(levels, dtype=forecast.dtype, device=forecast.device)
    error = target[..., None] - forecast
    return torch.maximum(tau * error, (tau - 1) * error).mean(-1)


def censored_pinball(forecast: torch.Tensor, least: torch.Tensor, levels: tuple[float, ...]) -> torch.Tensor:
    """Pinball loss where demand was at least ``least``: (..., horizon).

    Below ``least`` a quantile is pulled up as usual. Above it, demand given that it reached ``least`` lies below the
    quantile of level ``p`` with probability ``w = (p - c) / (1 - c)``, where ``c`` is the forecast's own probability of
    demand below ``least``; the slope is then ``w - p`` (redistribution of mass, Portnoy 2003). Unlike Powell's (1986)
    loss it needs no stock level on the days without stock-out, where the level is rarely recorded.
    """
    tau = torch.tensor(levels, dtype=forecast.dtype, device=forecast.device)
    below = _probability_below(forecast.detach(), least, tau)[..., None]  # c
    inside = ((tau - below) / (1 - below)).clamp(min=0)
    error = forecast - least[..., None]
    return torch.where(error < 0, -tau * error, (inside - tau) * error).mean(-1)


def _probability_below(forecast: torch.Tensor, value: torch.Tensor, tau: torch.Tensor) -> torch.Tensor:
    """Piecewise linear distribution function through the quantiles, from (0, 0), at ``value``."""
    zero = torch.zeros_like(forecast[..., :1])
    edges = torch.cat([zero, forecast], dim=-1)  # (..., levels + 1)
    heights = torch.cat([tau.new_zeros(1), tau])
    width = (edges[..., 1:] - edges[..., :-1]).clamp(min=1e-9)
    share = ((value[..., None] - edges[..., :-1]) / width).clamp(0, 1)
    return (share * (heights[1:] - heights[:-1])).sum(-1)
