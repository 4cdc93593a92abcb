"""Where an attention network looks, and why that is no explanation (chapter 16).

Jain & Wallace (2019): weights that look elsewhere often give the same forecast, and they need not go with what the
gradient says. Both can be measured here.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import spearmanr

from salesforecast_lib.models.forecaster import Forecaster
from salesforecast_lib.models.networks.encoders import AttentionEncoder
from salesforecast_lib.models.networks.predictor import as_stretch
from salesforecast_lib.models.windows.panel_tensor import Batch


@dataclass(frozen=True)
class Attention:
    """What the last state of an attention network looks at.

    Parameters
    ----------
    weights : (series, steps), adding up to one; zero on steps that a young series does not have.
    forecast : (series,) units over the horizon. ``shuffled`` : the same with the weights dealt out anew over the steps,
        (series, deals).
    """

    weights: np.ndarray
    forecast: np.ndarray
    shuffled: np.ndarray

    @property
    def moved(self) -> float:
        """How much of the forecasts another distribution of attention moves: mean over series and deals."""
        return float(np.abs(self.shuffled - self.forecast[:, None]).mean() / max(self.forecast.mean(), 1e-12))

    def goes_with(self, by_step: np.ndarray) -> float:
        """Mean rank correlation over series of the weights and the size of what each step adds, (series, steps)."""
        pairs = zip(self.weights, np.abs(by_step), strict=True)
        return float(np.nanmean([spearmanr(weight, size).statistic for weight, size in pairs]))


def attention_of(forecaster: Forecaster, batch: Batch, deals: int = 5, seed: int = 0) -> Attention:
    """Weights of the last state, and forecasts under other weights.

    Raises
    ------
    ValueError
        When the network's encoder has no attention of its own over earlier states.
    """
    encoder, rng = forecaster.model.encoder, np.random.default_rng(seed)
    if not isinstance(encoder, AttentionEncoder):
        name = forecaster.architecture.get("encoder", type(encoder).__name__)
        raise ValueError(f"encoder={name!r}: it has no attention over its states; train one with attention_lstm")
    forecaster.model.eval()
    with torch.no_grad():
        states = encoder.recurrent(batch.history, batch.length)  # (series, steps, hidden)
        weights = last_weights(encoder, states, batch.length)
        forecast = _forecast(forecaster, batch, states, weights)
        dealt = []
        for _ in range(deals):
            other = torch.zeros_like(weights)
            for row, length in enumerate(batch.length.tolist()):
                other[row, :length] = weights[row, torch.as_tensor(rng.permutation(length))]
            dealt.append(_forecast(forecaster, batch, states, other))
    return Attention(weights.numpy(), forecast.numpy(), torch.stack(dealt, dim=1).numpy())


def last_weights(encoder: AttentionEncoder, states: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
    """Softmax of the last filled state's query with the keys up to it, over the root of their size: (series, steps)."""
    query, key = encoder.query(states).chunk(2, dim=2)
    last = query[torch.arange(len(states)), length - 1]  # (series, hidden)
    score = (key @ last[:, :, None])[:, :, 0] / key.shape[2] ** 0.5
    later = torch.arange(states.shape[1])[None, :] >= length[:, None]
    return torch.softmax(score.masked_fill(later, float("-inf")), dim=1)


def _forecast(forecaster: Forecaster, batch: Batch, states: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """Units over the horizon, (series,), with these weights in place of the network's own."""
    stretch = as_stretch(batch)
    last = states[torch.arange(len(states)), batch.length - 1]
    seen = (weights[:, None] @ states)[:, 0]
    state = torch.cat([last, seen], dim=1)[:, None]
    mean, _ = forecaster.model.decode(state, stretch.static, stretch.scale, stretch.seasonal, stretch.future)
    return (mean[:, 0] * batch.scale).sum(dim=1)
