"""Decoder and pinball loss in one pass over memory (chapter 04).

A stretch of 200 origins, 28 steps and 7 quantiles has 39,200 forecasts a series. Written as one expression after the
other, each of some fifty intermediate results travels to memory and back. Here a few series at a time go through
the local decoder, the quantiles, the loss *and all gradients* while they are in the processor's cache; only the
gradients leave. `tests` hold it against the plain expression, values and gradients.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import torch
from torch import nn

from salesforecast_lib.models.networks.heads import QuantileHead
from salesforecast_lib.models.windows.level import LARGEST

_ORIGINS = 100  # origins in cache at a time


def quantile_gradient(
    raw: torch.Tensor, seasonal: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, head: QuantileHead
) -> torch.Tensor:
    """Weighted pinball loss of a flat block, a scalar; ``raw`` (levels, n) is overwritten by its gradient.

    With median m, factors s below it and steps u above it, ``q = m s`` and ``q = m (1 + u)``: the derivative by the
    log median is the sum of ``g q`` over all levels, and that by a factor's or step's raw number collects the levels
    beyond it.
    """
    middle, count = head.middle, len(head.levels)
    offset = raw.new_tensor([[0.5 - level] for level in head.levels])  # (levels, 1)
    inside = raw[middle].abs() <= 6.0
    median = seasonal * torch.exp(raw[middle].clamp(-6, 6))  # (n,)
    gate = torch.sigmoid(raw)  # (levels, n)
    step = nn.functional.softplus(raw[middle + 1 :]).mul_(median)
    quantile = torch.empty_like(raw)
    quantile[middle] = median
    for k in range(middle - 1, -1, -1):
        torch.mul(quantile[k + 1], gate[k], out=quantile[k])
    for k in range(middle + 1, count):
        torch.add(quantile[k - 1], step[k - middle - 1], out=quantile[k])
    error = quantile - target
    slope = torch.sign(error).mul_(0.5).add_(offset).mul_(weight)  # pinball = (1[q > y] - p)(q - y)
    loss = torch.dot(slope.view(-1), error.view(-1))
    pull = quantile.mul_(slope)
    torch.sum(pull, 0, out=raw[middle]).mul_(inside)
    for k in range(1, middle):  # the lowest level is moved by every factor
        pull[k].add_(pull[k - 1])
    torch.mul(pull[:middle], gate[:middle].neg_().add_(1.0), out=raw[:middle])
    for k in range(count - 2, middle, -1):
        slope[k].add_(slope[k + 1])
    torch.mul(slope[middle + 1 :].mul_(median), gate[middle + 1 :], out=raw[middle + 1 :])
    raw.mul_(1.0 / count)
    return loss / count


@dataclass(frozen=True)
class Decoder:
    """Weights of the local decoder, as tensors that take gradients.

    ``step`` (horizon, first) and ``level`` (first,) enter the first layer; ``second`` (second, first), ``local``
    (numbers of the head, second) and their biases are those of the layers after it.
    """

    step: torch.Tensor
    level: torch.Tensor
    second: torch.Tensor
    second_bias: torch.Tensor
    local: torch.Tensor
    local_bias: torch.Tensor


class _FusedPinball(torch.autograd.Function):
    """Loss now, gradients at once: the backward pass only multiplies them by what comes from above."""

    @staticmethod
    def forward(
        ctx: Any,
        context: torch.Tensor,
        days: torch.Tensor,
        step: torch.Tensor,
        level: torch.Tensor,
        second: torch.Tensor,
        second_bias: torch.Tensor,
        local: torch.Tensor,
        local_bias: torch.Tensor,
        seasonal: torch.Tensor,
        target: torch.Tensor,
        weight: torch.Tensor,
        scale: torch.Tensor,
        strength: torch.Tensor,
        head: QuantileHead,
    ) -> torch.Tensor:
        batch, origins, units = context.shape
        horizon, season = step.shape[0], seasonal.shape[2]
        phase = torch.arange(horizon, device=context.device) % season
        context, days = context.contiguous(), days.contiguous()
        d_context, d_days = torch.empty_like(context), torch.zeros_like(days)
        weights = (step, level, second, second_bias, local, local_bias)
        gradients = [torch.zeros_like(each) for each in weights]
        d_step, d_level, d_second, d_second_bias, d_local, d_local_bias = gradients
        logs = torch.log(seasonal)
        total = context.new_zeros(())
        several, wide = _blocks(batch, origins, context.is_cuda)
        skewed = context.new_zeros(several, horizon, wide + horizon, units)
        for begin, at in ((b, o) for b in range(0, batch, several) for o in range(0, origins, wide)):
            part, which = slice(begin, begin + several), slice(at, at + wide)
            z, log = context[part, which], logs[part, which]
            n, m = z.shape[0], z.shape[1]
            rows = days[part, at : at + m + horizon - 1]
            shape, size = (n, m, horizon, units), rows.stride()
            fanned = rows.as_strided(shape, (size[0], size[1], size[1], size[2]), rows.storage_offset())
            first = (fanned + step).contiguous()  # of one series torch may lay the axes out in another order
            cycle = torch.addcmul(z[:, :, None], log[..., None], level)  # one season of it
            for h in range(0, horizon, season):
                first[:, :, h : h + season] += cycle[:, :, : horizon - h]
            flat = first.view(-1, units).clamp_min_(0.0)
            hidden = torch.addmm(second_bias, flat, second.t()).clamp_min_(0.0)
            raw = torch.addmm(local_bias[:, None], local, hidden.t())  # (levels, forecasts)
            aim = target[part, at : at + m + horizon - 1].unfold(1, horizon, 1) / scale[part, which, None]
            aim = aim.clamp_(max=LARGEST).flatten()
            heavy = weight[part, at : at + m + horizon - 1].unfold(1, horizon, 1) * strength[part, which, None]
            average = seasonal[part, which][:, :, phase].flatten()
            total += quantile_gradient(raw, average, aim, heavy.flatten(), head)
            d_local.addmm_(raw, hidden)
            d_local_bias += raw.sum(1)
            back = torch.mm(raw.t(), local)  # (forecasts, second)
            torch.ops.aten.threshold_backward.grad_input(back, hidden, 0.0, grad_input=back)
            d_second.addmm_(back.t(), flat)
            d_second_bias += back.sum(0)
            back = torch.mm(back, second)  # (forecasts, units)
            torch.ops.aten.threshold_backward.grad_input(back, flat, 0.0, grad_input=back)
            steps = back.view(shape)
            d_step += steps.flatten(0, 1).sum(0)
            d_cycle = torch.zeros_like(cycle)
            for h in range(0, horizon, season):
                d_cycle[:, :, : horizon - h] += steps[:, :, h : h + season]
            torch.sum(d_cycle, 2, out=d_context[part, which])
            d_level += torch.mv(d_cycle.view(-1, units).t(), log.reshape(-1))
            # Step h of origin o belongs to day o + h: written askew, the days stand in columns that are summed.
            if m < wide:
                skewed.zero_()  # a shorter block leaves columns that the last one filled
            buffer = skewed[:n, :, : m + horizon]
            size = buffer.stride()
            buffer.as_strided(shape, (size[0], size[2], size[1] + size[2], size[3])).copy_(steps)
            d_days[part, at : at + m + horizon - 1] += buffer[:, :, : m + horizon - 1].sum(1)
        ctx.save_for_backward(d_context, d_days, *gradients)
        return total

    @staticmethod
    def backward(ctx: Any, *above: torch.Tensor) -> tuple[torch.Tensor | None, ...]:
        return (*(each * above[0] for each in ctx.saved_tensors), None, None, None, None, None, None)


def _blocks(batch: int, origins: int, all_at_once: bool) -> tuple[int, int]:
    """Series and origins of a block; a device with its own large memory takes the whole batch."""
    if all_at_once:
        return batch, origins
    pieces = -(-origins // _ORIGINS)
    return max(1, _ORIGINS // origins), -(-origins // pieces)


def fused_pinball(
    context: torch.Tensor,
    days: torch.Tensor,
    decoder: Decoder,
    seasonal: torch.Tensor,
    target: torch.Tensor,
    weight: torch.Tensor,
    scale: torch.Tensor,
    strength: torch.Tensor,
    head: QuantileHead,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Weighted sum of the pinball loss over all origins and steps, and the sum of its weights.

    Parameters
    ----------
    context : (batch, origins, first), what is known at each origin.
    days : (batch, origins + horizon - 1, first), what is known about each day, computed once.
    seasonal : (batch, origins, season), positive.
    target, weight : (batch, origins + horizon - 1), in units; ``scale`` and ``strength`` (batch, origins).
    """
    weights = (getattr(decoder, each.name) for each in fields(decoder))
    with torch.autocast(context.device.type, enabled=False):
        loss = _FusedPinball.apply(
            context.float(), days.float(), *weights, seasonal, target, weight, scale, strength, head
        )
    return loss, (weight.unfold(1, len(decoder.step), 1).sum(2) * strength).sum()
