"""Parametric heads: negative binomial, Tweedie and Gaussian, with exact censored likelihoods (chapter 04).

Their loss is the negative log likelihood of sales; for a period in which demand was *at least* the sales it is
``-log P(D >= y)``. Quantiles are inverted numerically, without random numbers.
"""

from __future__ import annotations

import math
from functools import lru_cache
from statistics import NormalDist
from typing import Any

import numpy as np
import torch
from scipy import special, stats
from torch import nn

from salesforecast_lib.models.networks.heads import Head, Observed, QuantileHead

HEADS = ("quantiles", "negative_binomial", "tweedie", "gaussian")
_TINY = 1e-30


class GaussianHead(Head):
    """Normal distribution around the seasonal average, in scaled units; quantiles below zero are set to zero."""

    size = 2

    def start(self) -> torch.Tensor:
        return torch.tensor([0.0, -0.5])

    def parameters_of(self, raw: torch.Tensor, seasonal: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean and standard deviation, (..., horizon)."""
        mean = seasonal * torch.exp(raw[..., 0].clamp(-6, 6))
        return mean, 0.01 + nn.functional.softplus(raw[..., 1])

    def mean(self, raw: torch.Tensor, seasonal: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        """Mean of the normal distribution of which what lies below zero counts as zero."""
        mean, spread = self.parameters_of(raw, seasonal)
        score = mean / spread
        density = torch.exp(-0.5 * score**2) / math.sqrt(2 * math.pi)
        return mean * torch.special.ndtr(score) + spread * density

    def quantiles(self, raw: torch.Tensor, seasonal: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        mean, spread = self.parameters_of(raw, seasonal)
        levels = torch.tensor(self.levels, dtype=raw.dtype, device=raw.device)
        if torch.compiler.is_exporting():  # ONNX has no inverse of the normal distribution: the numbers themselves
            score = levels.new_tensor([NormalDist().inv_cdf(level) for level in self.levels])
        else:
            score = torch.special.ndtri(levels)
        return (mean[..., None] + spread[..., None] * score).clamp(min=0)

    def loss(self, raw: torch.Tensor, seasonal: torch.Tensor, seen: Observed) -> torch.Tensor:
        mean, spread = self.parameters_of(raw, seasonal)
        score = (seen.target - mean) / spread
        loss = 0.5 * score**2 + torch.log(spread) + 0.5 * math.log(2 * math.pi)
        if seen.censored is not None:
            loss = torch.where(seen.censored > 0, -torch.special.log_ndtr(-score), loss)
        return loss


class NegativeBinomialHead(Head):
    """Counts in units with mean ``mu`` and variance ``mu + mu² / size`` (DeepAR's head, Salinas et al. 2020)."""

    size = 2

    def start(self) -> torch.Tensor:
        return torch.tensor([0.0, 0.5])

    def parameters_of(
        self, raw: torch.Tensor, seasonal: torch.Tensor, scale: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean in units and the size parameter, (..., horizon)."""
        mean = seasonal * torch.exp(raw[..., 0].clamp(-6, 6)) * scale
        return mean, 0.05 + nn.functional.softplus(raw[..., 1].clamp(max=1_000))

    def mean(self, raw: torch.Tensor, seasonal: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        return self.parameters_of(raw, seasonal, scale)[0] / scale

    def quantiles(self, raw: torch.Tensor, seasonal: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        mean, size = (each.detach().cpu().double().numpy() for each in self.parameters_of(raw, seasonal, scale))
        units = stats.nbinom.ppf(np.array(self.levels), size[..., None], (size / (size + mean))[..., None])
        return torch.as_tensor(units, dtype=raw.dtype, device=raw.device) / scale[..., None]

    def loss(self, raw: torch.Tensor, seasonal: torch.Tensor, seen: Observed) -> torch.Tensor:
        mean, size = self.parameters_of(raw, seasonal, seen.scale)
        count = torch.round(seen.target * seen.scale)
        log_p = torch.log(mean / (size + mean))  # of one more unit
        loss = -(
            torch.lgamma(count + size)
            - torch.lgamma(size)
            - torch.lgamma(count + 1)
            - size * torch.log1p(mean / size)
            + count * log_p
        )
        if seen.censored is not None:
            hidden = seen.censored > 0
            survival = _AtLeast.apply(count[hidden], mean[hidden], size[hidden])
            loss = loss.masked_scatter(hidden, -torch.log(survival.clamp(min=_TINY)))
        return loss


class _AtLeast(torch.autograd.Function):
    """``P(D >= count)`` of the negative binomial, a regularised incomplete beta function ``I_p(count, size)``.

    The derivative by the mean is closed; that by the size has no closed form and is a central difference.
    """

    @staticmethod
    def forward(ctx: Any, count: torch.Tensor, mean: torch.Tensor, size: torch.Tensor) -> torch.Tensor:
        k, m, r = (each.detach().cpu().double().numpy() for each in (count, mean, size))

        def survival(r: np.ndarray) -> np.ndarray:
            return np.where(k > 0, special.betainc(np.maximum(k, 1), r, m / (m + r)), 1.0)

        p, step = m / (m + r), 1e-5 * r
        by_size = (survival(r + step) - survival(r - step)) / (2 * step)
        log_density = (k - 1) * np.log(p) + (r - 1) * np.log1p(-p) - special.betaln(np.maximum(k, 1), r)
        by_mean = np.where(k > 0, np.exp(log_density) * r / (m + r) ** 2, 0.0)
        ctx.save_for_backward(torch.as_tensor(by_mean).to(mean), torch.as_tensor(by_size).to(size))
        return torch.as_tensor(survival(r)).to(mean)

    @staticmethod
    def backward(ctx: Any, *above: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        by_mean, by_size = ctx.saved_tensors
        return None, above[0] * by_mean, above[0] * by_size


class TweedieHead(Head):
    """Compound Poisson-gamma with power 1.5 (Jørgensen 1987), in scaled units: many zeros, a continuous rest.

    With this power the number of purchases is Poisson with ``rate = 2 sqrt(mean) / dispersion`` and each is exponential
    with mean ``dispersion sqrt(mean) / 2``. Likelihood and survival are sums over the number of purchases; the
    dispersion is kept above 0.1, where ``terms`` purchases hold all but a negligible part of the probability.
    """

    size, terms = 2, 64

    def start(self) -> torch.Tensor:
        return torch.tensor([0.0, 0.0])

    def parameters_of(self, raw: torch.Tensor, seasonal: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Poisson rate and mean purchase, (..., horizon)."""
        mean = seasonal * torch.exp(raw[..., 0].clamp(-6, 6))
        root = torch.sqrt(mean)
        dispersion = 0.1 + nn.functional.softplus(raw[..., 1]) + root / 16  # rate <= 32
        return 2 * root / dispersion, dispersion * root / 2

    def mean(self, raw: torch.Tensor, seasonal: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        rate, purchase = self.parameters_of(raw, seasonal)
        return rate * purchase

    def quantiles(self, raw: torch.Tensor, seasonal: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        rate, purchase = self.parameters_of(raw, seasonal)
        log_rates, table = _tweedie_table(self.levels, self.terms)
        found = rate.detach().cpu().double().log().numpy()
        units = np.stack([np.interp(found, log_rates, row) for row in table], axis=-1)
        return torch.as_tensor(units, dtype=raw.dtype, device=raw.device) * purchase[..., None]

    def loss(self, raw: torch.Tensor, seasonal: torch.Tensor, seen: Observed) -> torch.Tensor:
        rate, purchase = self.parameters_of(raw, seasonal)
        number = torch.arange(1, self.terms + 1, dtype=raw.dtype, device=raw.device)
        log_poisson = number * torch.log(rate)[..., None] - rate[..., None] - torch.lgamma(number + 1)
        size = (seen.target / purchase)[..., None]  # sales in purchases
        log_gamma = (number - 1) * torch.log(size.clamp(min=1e-6)) - size - torch.lgamma(number)
        density = torch.logsumexp(log_poisson + log_gamma, dim=-1) - torch.log(purchase)
        loss = -torch.where(seen.target > 0, density, -rate)
        if seen.censored is not None:
            hidden = (seen.censored > 0) & (seen.target > 0)
            chance = torch.special.gammaincc(number, size[hidden].clamp(min=1e-6))
            survival = (torch.exp(log_poisson[hidden]) * chance).sum(-1)
            loss = torch.where(seen.censored > 0, torch.zeros_like(loss), loss)  # at least nothing: no information
            loss = loss.masked_scatter(hidden, -torch.log(survival.clamp(min=_TINY)))
        return loss


@lru_cache(maxsize=8)
def _tweedie_table(levels: tuple[float, ...], terms: int) -> tuple[np.ndarray, np.ndarray]:
    """Quantiles, in mean purchases, over log rates: (rates,), (levels, rates), by bisection."""
    log_rates = np.linspace(math.log(1e-3), math.log(40.0), 600)
    rate = np.exp(log_rates)
    number = np.arange(1, terms + 1)
    chance = stats.poisson.pmf(number, rate[:, None])  # (rates, terms)
    rows = []
    for level in levels:
        low, high = np.zeros(len(rate)), np.full(len(rate), 120.0)
        for _ in range(40):
            middle = (low + high) / 2
            below = np.exp(-rate) + (chance * special.gammainc(number, middle[:, None])).sum(1)
            low, high = np.where(below < level, middle, low), np.where(below < level, high, middle)
        rows.append(np.where(np.exp(-rate) >= level, 0.0, high))
    return log_rates, np.stack(rows)


def make_head(name: str, levels: tuple[float, ...]) -> Head:
    """Head by name; raises ValueError on another name."""
    kinds: dict[str, type[Head]] = dict(
        zip(HEADS, (QuantileHead, NegativeBinomialHead, TweedieHead, GaussianHead), strict=True)
    )
    if name not in kinds:
        raise ValueError(f"head={name!r}: expected one of {HEADS}")
    return kinds[name](levels)
