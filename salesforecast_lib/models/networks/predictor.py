"""The forecasting network: an encoder of the history, a light decoder for every origin and step (chapter 04)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import nn

from salesforecast_lib import QUANTILES
from salesforecast_lib.models.networks.encoders import make_encoder
from salesforecast_lib.models.networks.fused import Decoder, fused_pinball
from salesforecast_lib.models.networks.heads import SMALLEST, Head, Observed, QuantileHead, pinball
from salesforecast_lib.models.networks.parametric import make_head
from salesforecast_lib.models.windows.level import LARGEST
from salesforecast_lib.models.windows.panel_tensor import Batch
from salesforecast_lib.models.windows.stretches import Stretch


class SalesPredictor(nn.Module):
    """Encoder, entity embeddings and a two-stage decoder (MQ-RNN, Wen et al. 2017) for all horizon steps at once.

    The global stage turns the state at an origin, the categories' embeddings and the level into a small context; the
    local stage adds, for each step ahead, what is known about that day and the seasonal average, and puts out the
    numbers of the head. What is known about a day is computed once, however many origins look at it.

    Parameters
    ----------
    input_size : inputs of the encoder at each step (`Vocabulary.input_size`).
    hidden_size : size of the encoder's state.
    output_size : horizon, in periods.
    future_size : covariates known ahead, for each horizon step.
    static_sizes : number of categories of each static column, "unknown" not counted.
    context_size : units of the global stage.
    day_size : units of the layer that reads what is known about a day.
    first_size, local_size : units of the two layers of the local stage.
    category_dropout : share of series whose category is hidden in training, so that "unknown" (code 0) is learnt.
    encoder : one of `encoders.ENCODERS`.
    head : one of `parametric.HEADS`.
    window : periods of history; only the MLP has to know them.
    quantiles : levels of the forecast, rising, 0.5 among them.
    unit : typical level of the panel (`Vocabulary.unit`); the network is told levels relative to it.
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
        category_dropout: float = 0.05,
        context_size: int = 64,
        first_size: int = 32,
        local_size: int = 32,
        day_size: int = 64,
        encoder: str = "lstm",
        head: str = "quantiles",
        window: int | None = None,
        quantiles: tuple[float, ...] = QUANTILES,
        unit: float = 1.0,
    ) -> None:
        super().__init__()
        inside = all(0 < level < 1 for level in quantiles)
        if not inside or 0.5 not in quantiles or list(quantiles) != sorted(set(quantiles)):
            raise ValueError(f"quantiles={quantiles}: expected rising levels between 0 and 1 that include 0.5")
        if not unit > 0:
            raise ValueError(f"unit={unit}: expected the typical level of a panel, more than 0")
        for name, value in (("input_size", input_size), ("hidden_size", hidden_size), ("output_size", output_size)):
            if value < 1:
                raise ValueError(f"{name}={value}: expected at least 1")
        self.quantiles, self.output_size, self.category_dropout = tuple(quantiles), output_size, category_dropout
        self.unit = unit
        self.share: tuple[int, slice] | None = None  # size of the batch of which these series are a part, and which
        self.embeddings = nn.ModuleList(nn.Embedding(size + 1, embedding_size) for size in static_sizes)
        self.encoder = make_encoder(encoder, input_size, hidden_size, num_layers, dropout, window)
        self.head: Head = make_head(head, self.quantiles)
        width = self.encoder.size + embedding_size * len(static_sizes) + 1
        self.context, self.dropout = nn.Linear(width, context_size), dropout
        self.first = nn.Linear(context_size, first_size)
        self.step = nn.Parameter(0.3 * torch.randn(output_size, first_size))  # what each step ahead adds
        self.second = nn.Linear(first_size, local_size)
        known = max(future_size + embedding_size * len(static_sizes), 1)
        self.day = nn.Sequential(nn.Linear(known, day_size), nn.ReLU(), nn.Linear(day_size, first_size, bias=False))
        self.level = nn.Parameter(torch.empty(first_size).uniform_(-0.5, 0.5))  # weights of the log seasonal average
        self.local = nn.Linear(local_size, self.head.size)
        layers = [self.context, self.first, self.second, *(each for each in self.day if isinstance(each, nn.Linear))]
        for layer in layers:
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")  # the default lets the signal fade
        nn.init.zeros_(self.local.weight)  # the untrained network is the seasonal average
        with torch.no_grad():
            self.local.bias.copy_(self.head.start())

    @property
    def causal(self) -> bool:
        """Whether the encoder may be trained by forking: no state knows a later step."""
        return self.encoder.causal

    def forward(self, batch: Batch | Stretch) -> torch.Tensor:
        """Quantiles in scaled units, (batch, horizon, quantiles); of a stretch (batch, origins, horizon, quantiles)."""
        return self.predict(batch)[1]

    def predict(self, batch: Batch | Stretch) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean (batch, horizon) and quantiles as in `forward`, in scaled units; of a stretch one for each origin."""
        stretch = self._hide_categories(as_stretch(batch))
        state = self._states(batch)
        mean, quantiles = self.decode(state, stretch.static, stretch.scale, stretch.seasonal, stretch.future)
        return (mean[:, 0], quantiles[:, 0]) if isinstance(batch, Batch) else (mean, quantiles)

    def decode(
        self,
        state: torch.Tensor,
        static: torch.Tensor,
        scale: torch.Tensor,
        seasonal: torch.Tensor,
        future: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Mean (batch, origins, horizon) and quantiles (…, quantiles) from encoder states (batch, origins, size)."""
        context = self._context(state, static, scale)
        raw, average = self._raw(context, seasonal, self._days(static, future))
        return self.head.forecast(raw, average, scale[:, :, None].expand_as(average))

    def loss(
        self, batch: Batch | Stretch, volume_weight: float = 0.0, censored: bool = False
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Weighted sum of the head's loss in scaled units over all origins and steps, and the sum of the weights.

        Parameters
        ----------
        volume_weight : origins weigh ``scale ** volume_weight``.
        censored : sales of a partly available period are a lower bound of demand, and no fraction of an observation.
        """
        stretch, horizon = as_stretch(batch), self.output_size
        stretch = self._hide_categories(stretch)
        context = self._context(self._states(batch), stretch.static, stretch.scale)
        strength = stretch.origin * stretch.scale**volume_weight  # (batch, origins)
        if isinstance(self.head, QuantileHead) and not censored and self.training:
            decoder = Decoder(
                self.step,
                self.level,
                self.second.weight,
                self.second.bias,
                self.local.weight,
                self.local.bias,
            )
            days, average = self._days(stretch.static, stretch.future), stretch.seasonal.clamp(min=SMALLEST)
            observed = (stretch.target, stretch.weight, stretch.scale, strength)
            return fused_pinball(self.first(context), days, decoder, average, *observed, self.head)
        raw, average = self._raw(context, stretch.seasonal, self._days(stretch.static, stretch.future))
        scale = stretch.scale[:, :, None].expand_as(average)
        available = stretch.weight.unfold(1, horizon, 1)  # (batch, origins, horizon)
        target = (stretch.target.unfold(1, horizon, 1) / scale).clamp(max=LARGEST)
        partly = ((available > 0) & (available < 1)).float() if censored else None
        weight = strength[:, :, None] * (available if partly is None else (available > 0).float())
        terms = self.head.loss(raw, average, Observed(target, scale, weight, partly))
        return (terms * weight).sum(), weight.sum()

    def _hide_categories(self, stretch: Stretch) -> Stretch:
        """In training, a share of the categories becomes "unknown"."""
        if not self.training or self.category_dropout <= 0 or not len(self.embeddings):
            return stretch
        shown = self._random(stretch.static.shape, stretch.static.device) >= self.category_dropout
        return replace(stretch, static=stretch.static * shown)

    def _random(self, shape: tuple[int, ...], device: torch.device) -> torch.Tensor:
        """Uniform numbers (batch, …); a share of a batch gets those that it would have in the whole one."""
        whole, mine = self.share or (shape[0], slice(None))
        return torch.rand((whole, *shape[1:]), device=device)[mine]

    def _states(self, batch: Batch | Stretch) -> torch.Tensor:
        """Encoder states at the origins, (batch, origins, size)."""
        if isinstance(batch, Batch):
            return self.encoder.last(batch.history, batch.length)[:, None]
        if not self.causal:
            name = type(self.encoder).__name__
            raise ValueError(f"{name} sees later steps at each step; forking needs a causal encoder, or forking=False")
        return self.encoder(batch.history, batch.length)[:, -batch.scale.shape[1] :]

    def _context(self, state: torch.Tensor, static: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
        known = self._categories(static, state.shape[1])
        context = torch.relu(self.context(torch.cat([state, *known, torch.log(scale / self.unit)[:, :, None]], dim=2)))
        if self.training and self.dropout > 0:  # one mask for all origins of a stretch (Gal & Ghahramani 2016)
            mask = self._random((len(context), 1, context.shape[2]), context.device) >= self.dropout
            context = context * (mask / (1 - self.dropout))
        return context

    def _categories(self, static: torch.Tensor, rows: int) -> list[torch.Tensor]:
        """Embedding of each category, (batch, rows, embedding)."""
        return [embed(static[:, k])[:, None].expand(-1, rows, -1) for k, embed in enumerate(self.embeddings)]

    def _days(self, static: torch.Tensor, future: torch.Tensor) -> torch.Tensor:
        """What is known about each day for each series, once per row: (batch, origins + horizon - 1, local)."""
        known = torch.cat([future, *self._categories(static, future.shape[1])], dim=2)
        if known.shape[2] == 0:  # nothing is known ahead, and there are no categories
            known = known.new_zeros(*known.shape[:2], 1)
        return self.day(known)

    def _raw(
        self, context: torch.Tensor, seasonal: torch.Tensor, days: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Numbers of the head (batch, origins, horizon, size) and the seasonal average of each step."""
        horizon = self.output_size
        phase = torch.arange(horizon, device=seasonal.device) % seasonal.shape[2]
        average = seasonal.clamp(min=SMALLEST)[:, :, phase]  # (batch, origins, horizon)
        first = self.first(context)[:, :, None] + self.step + days.unfold(1, horizon, 1).transpose(2, 3)
        first = torch.relu(first + torch.log(average)[..., None] * self.level)
        return self.local(torch.relu(self.second(first))), average


def as_stretch(batch: Batch | Stretch) -> Stretch:
    """A window as a stretch with one origin."""
    if isinstance(batch, Stretch):
        return batch
    one = torch.ones_like(batch.scale)
    return Stretch(
        batch.history,
        batch.length,
        batch.future,
        batch.static,
        batch.scale,
        one,
        batch.phases[:, None],
        batch.target,
        batch.weight,
    )


def pinball_loss(
    forecast: torch.Tensor, target: torch.Tensor, weight: torch.Tensor, levels: tuple[float, ...]
) -> torch.Tensor:
    """Weighted mean pinball loss (Koenker & Bassett 1978); forecast (batch, horizon, quantiles)."""
    loss = pinball(forecast, target, levels)  # (batch, horizon)
    return (loss * weight).sum() / weight.sum().clamp(min=1e-9)
