"""Integrated gradients of a network: what each input adds to a forecast, from an average product on (chapter 16).

Sundararajan, Taly & Yan (2017): the gradient of the forecast, averaged on the straight way from a baseline to the
inputs, times the way. The parts add up to the forecast less that of the baseline, up to the error of the average.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch
from captum.attr import IntegratedGradients
from torch import nn

from salesforecast_lib.models.forecaster import Forecaster
from salesforecast_lib.models.windows.panel_tensor import Batch
from salesforecast_lib.production.explain.drivers import RECENT, SEASON, WEEKDAY, driver_labels

MOST_STEPS = 2_048
FILLED = 4  # inputs of each step before the features: sales, one, availability, log level
Inputs = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


@dataclass(frozen=True)
class Gradients:
    """Attributions of a network's forecasts, in units of sales over the horizon.

    Parameters
    ----------
    names : (series,). ``forecast, start`` : of the inputs and of the baseline, (series,).
    added : (series, drivers), index ``names``.
    by_step : (series, steps), what each period of the history adds.
    """

    names: np.ndarray
    forecast: np.ndarray
    start: np.ndarray
    added: pd.DataFrame
    by_step: np.ndarray

    @property
    def error(self) -> float:
        """Largest error of completeness, relative to the spread of the forecasts over the series."""
        gap = np.abs(self.start + self.added.to_numpy().sum(axis=1) - self.forecast)
        spread = float(self.forecast.std()) if len(self.forecast) > 1 else float(np.abs(self.forecast).mean())
        return float(gap.max() / max(spread, 1e-12))


class HorizonSum(nn.Module):
    """The network's mean in units, summed over the horizon, as a function of the inputs that are explained.

    Categories and level are those of ``batch``. In double precision, so that what is left of completeness is the error
    of the average alone.
    """

    def __init__(self, forecaster: Forecaster, batch: Batch) -> None:
        super().__init__()
        self.model, self.batch = deepcopy(forecaster.model).double().eval(), batch

    def forward(
        self, history: torch.Tensor, future: torch.Tensor, phases: torch.Tensor, rows: torch.Tensor
    ) -> torch.Tensor:
        """Units (rows,) of the series ``rows`` (rows,), which may come several times."""
        known, scale = self.batch, self.batch.scale[rows].to(history.dtype)
        part = replace(
            known, history=history, future=future, phases=phases, scale=scale, static=known.static[rows],
            length=known.length[rows], seasonal=phases[:, torch.arange(future.shape[1]) % phases.shape[1]],
            target=known.target[rows], weight=known.weight[rows],
        )  # fmt: skip
        return (self.model.predict(part)[0] * scale).sum(dim=1)


def windows_at(
    forecaster: Forecaster, frame: pd.DataFrame, known: pd.DataFrame, cutoff: pd.Timestamp, series: int = 0
) -> tuple[Batch, np.ndarray]:
    """The inputs of a network at a cutoff, and the names; of the first ``series`` by name, 0 for all."""
    tensor, origins, names, _ = forecaster.windows(frame, known[known["ds"] > cutoff], cutoff)
    kept = slice(0, series or len(origins))
    return tensor.gather(origins[kept], forecaster.reach), np.asarray(names[kept]).astype(str)


def inputs_and_baseline(batch: Batch) -> tuple[Inputs, Inputs]:
    """The inputs that are explained, and those of an average product: the mean over the batch at each step.

    History (batch, steps, inputs), known-ahead columns (batch, horizon, columns) and the phases of the season
    (batch, season). Steps that a young series does not have are zero in both.
    """
    history, future, phases = (each.double() for each in (batch.history, batch.future, batch.phases))
    filled = (torch.arange(history.shape[1])[None, :] < batch.length[:, None].cpu())[:, :, None].to(history)
    middle = (history * filled).sum(dim=(0, 1)) / filled.sum().clamp(min=1.0)  # (inputs,)
    ahead = future.mean(dim=(0, 1)) if future.numel() else future.new_zeros(future.shape[2])
    return (history, future, phases), (middle * filled, ahead.expand_as(future), torch.ones_like(phases))


def integrated_gradients(
    forecaster: Forecaster,
    batch: Batch,
    names: np.ndarray,
    groups: Mapping[str, Sequence[str]],
    steps: int = 64,
    method: str = "riemann_middle",
    tolerance: float = 0.0,
) -> Gradients:
    """Integrated gradients of every series of a batch, by captum; on a GPU without cuDNN, whose LSTM has no gradient
    outside of training.

    A network has kinks (ReLU, clamping, sorted quantiles), so the error falls with the first power of the steps only;
    the midpoint rule was twice as near as Gauss's.

    Parameters
    ----------
    groups : group → feature names, as in ``features.json``.
    steps, method : of the average, as captum has them.
    tolerance : error of completeness, relative to the spread, above which a series is done again with twice the steps,
        up to `MOST_STEPS`; 0 leaves it.
    """
    summed = HorizonSum(forecaster, batch)
    inputs, start = inputs_and_baseline(batch)
    everyone = torch.arange(len(names), device=batch.scale.device)
    with torch.no_grad():
        end, begin = summed(*inputs, everyone), summed(*start, everyone)
    spread = float(end.std(unbiased=False)) if len(names) > 1 else float(end.abs().mean())
    parts = [torch.zeros_like(each) for each in inputs]
    rows = everyone
    while len(rows):
        chosen = tuple(each[rows] for each in inputs), tuple(each[rows] for each in start)
        with torch.backends.cudnn.flags(enabled=False):
            found = IntegratedGradients(summed).attribute(
                *chosen, additional_forward_args=(rows,), n_steps=steps, method=method,
                internal_batch_size=max(1024, len(rows)),
            )  # fmt: skip
        for part, values in zip(parts, found, strict=True):
            part[rows] = values.detach()
        gap = end - begin - sum(part.flatten(1).sum(dim=1) for part in parts)
        rows = everyone[gap.abs() > tolerance * spread] if tolerance > 0 and 2 * steps <= MOST_STEPS else rows[:0]
        steps *= 2
    history, future, phases = (part.cpu().numpy() for part in parts)
    labels, values = _labelled(forecaster, groups, history, future, phases)
    added = pd.DataFrame(values, names, labels).T.groupby(level=0, sort=False).sum().T
    return Gradients(names, end.cpu().numpy(), begin.cpu().numpy(), added, history.sum(axis=2))


def _labelled(
    forecaster: Forecaster,
    groups: Mapping[str, Sequence[str]],
    history: np.ndarray,
    future: np.ndarray,
    phases: np.ndarray,
) -> tuple[list[str], np.ndarray]:
    """Driver of each column, and (series, columns), each input summed over its periods."""
    words = forecaster.vocabulary
    told = driver_labels([*words.historical, *words.future], groups, forecaster.freq)
    ahead = driver_labels(list(words.future), groups, forecaster.freq)
    phase = WEEKDAY if forecaster.freq == "D" else SEASON
    labels = [*[RECENT] * FILLED, *told, *ahead, phase]
    return labels, np.column_stack([history.sum(axis=1), future.sum(axis=1), phases.sum(axis=1)])
