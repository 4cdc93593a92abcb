"""Encoders of the history behind one interface: recurrent, attention, Transformer and a plain MLP (chapter 04).

Each turns ``history`` (batch, steps, inputs) with ``length`` (batch,) filled steps into states (batch, steps, size).
A *causal* encoder's state at a step depends on nothing after it, so that one pass serves an origin at every step.
"""

from __future__ import annotations

import math

import torch
from torch import nn

Carried = tuple[torch.Tensor, ...]
ENCODERS = ("rnn", "gru", "lstm", "bidirectional_lstm", "attention_lstm", "transformer", "mlp")
NOT_CAUSAL = ("bidirectional_lstm", "mlp")  # see later steps or have no state at each step: they cannot be forked


class Encoder(nn.Module):
    """What the network asks of an encoder; ``size`` is that of its state."""

    causal: bool = True
    size: int

    def forward(self, history: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        """States (batch, steps, size); steps after ``length`` are without meaning."""
        raise NotImplementedError

    def last(self, history: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        """State at the last filled step, (batch, size)."""
        states = self(history, length)
        return states[torch.arange(states.shape[0], device=states.device), length - 1]

    def carry(
        self, history: torch.Tensor, length: torch.Tensor, carried: Carried | None
    ) -> tuple[torch.Tensor, Carried]:
        """State (batch, size) after the new steps that follow those already ``carried``, and what to carry on."""
        raise ValueError(f"{type(self).__name__} carries no state from day to day; use encoder='rnn', 'gru' or 'lstm'")


class RecurrentEncoder(Encoder):
    """RNN (Elman 1990), GRU (Cho et al. 2014) or LSTM (Hochreiter & Schmidhuber 1997), one- or bidirectional."""

    def __init__(
        self,
        kind: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        dropout: float = 0.0,
        bidirectional: bool = False,
    ) -> None:
        super().__init__()
        cell = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[kind]
        between = dropout if num_layers > 1 else 0.0
        self.cell = cell(
            input_size, hidden_size, num_layers, batch_first=True, bidirectional=bidirectional, dropout=between
        )
        self.causal = not bidirectional
        self.size = hidden_size * (2 if bidirectional else 1)

    def forward(self, history: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        if not self.causal and bool((length < history.shape[1]).any()):  # the way back must begin at the last step
            packed = nn.utils.rnn.pack_padded_sequence(history, length.cpu(), batch_first=True, enforce_sorted=False)
            return nn.utils.rnn.pad_packed_sequence(self.cell(packed)[0], True, total_length=history.shape[1])[0]
        return self.cell(history)[0]  # (batch, steps, hidden)

    def last(self, history: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        if self.causal:
            return super().last(history, length)
        states, half = self(history, length), self.size // 2
        onward = states[torch.arange(states.shape[0], device=states.device), length - 1, :half]
        return torch.cat([onward, states[:, 0, half:]], dim=1)  # each direction once it has read everything

    def carry(
        self, history: torch.Tensor, length: torch.Tensor, carried: Carried | None
    ) -> tuple[torch.Tensor, Carried]:
        if not self.causal:
            return super().carry(history, length, carried)
        several = isinstance(self.cell, nn.LSTM)
        before = None if carried is None else (carried if several else carried[0])
        packed = nn.utils.rnn.pack_padded_sequence(history, length.cpu(), batch_first=True, enforce_sorted=False)
        after = self.cell(packed, before)[1]
        kept = after if several else (after,)
        return kept[0][-1], kept  # the top layer's state


class AttentionEncoder(Encoder):
    """LSTM whose state looks back at all earlier states by dot-product attention (Bahdanau 2015, Luong 2015)."""

    def __init__(self, input_size: int, hidden_size: int, num_layers: int = 1, dropout: float = 0.0) -> None:
        super().__init__()
        self.recurrent = RecurrentEncoder("lstm", input_size, hidden_size, num_layers, dropout)
        self.query = nn.Linear(hidden_size, 2 * hidden_size)
        self.size = 2 * hidden_size

    def forward(self, history: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        states = self.recurrent(history, length)  # (batch, steps, hidden)
        query, key = self.query(states).chunk(2, dim=2)
        if torch.compiler.is_exporting():  # ONNX knows attention with several heads only: here it is one
            one, other, value = (each[:, None] for each in (query, key, states))
            seen = nn.functional.scaled_dot_product_attention(one, other, value, is_causal=True)[:, 0]
        else:
            seen = nn.functional.scaled_dot_product_attention(query, key, states, is_causal=True)
        return torch.cat([states, seen], dim=2)


class TransformerEncoder(Encoder):
    """Causal Transformer encoder, norm first, with sinusoidal positions (Vaswani et al. 2017)."""

    def __init__(
        self, input_size: int, hidden_size: int, num_layers: int = 1, dropout: float = 0.0, heads: int = 4
    ) -> None:
        super().__init__()
        if hidden_size % (2 * heads):
            raise ValueError(
                f"hidden_size={hidden_size}: a Transformer with {heads} heads needs a multiple of {2 * heads}"
            )
        self.project = nn.Linear(input_size, hidden_size)
        layer = nn.TransformerEncoderLayer(
            hidden_size, heads, 2 * hidden_size, dropout, batch_first=True, norm_first=True
        )
        self.layers = nn.TransformerEncoder(layer, num_layers, nn.LayerNorm(hidden_size), enable_nested_tensor=False)
        self.size = hidden_size

    def forward(self, history: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        steps = history.shape[1]
        mask = nn.Transformer.generate_square_subsequent_mask(steps, device=history.device)
        inputs = self.project(history) + positions(steps, self.size, history)
        return self.layers(inputs, mask=mask, is_causal=True)  # later, padded steps are masked by causality


class MLPEncoder(Encoder):
    """Control without memory: the last ``steps`` periods side by side through two layers."""

    causal = False

    def __init__(self, input_size: int, hidden_size: int, steps: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.steps, self.size = steps, hidden_size
        self.layers = nn.Sequential(
            nn.Linear(input_size * steps, hidden_size),
            nn.ReLU(),
            nn.Dropout(dropout),
            nn.Linear(hidden_size, hidden_size),
        )

    def last(self, history: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        if history.shape[1] != self.steps:
            raise ValueError(f"history of {history.shape[1]} periods: the MLP was built for window={self.steps}")
        back = torch.arange(self.steps, device=history.device) - self.steps + length[:, None]  # newest last
        history = history[torch.arange(history.shape[0], device=history.device)[:, None], back.clamp(min=0)]
        return self.layers((history * (back >= 0)[:, :, None]).flatten(1))

    def forward(self, history: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        raise ValueError(
            "encoder='mlp' reads one fixed window and has no state at each step; train it with forking=False"
        )


def positions(steps: int, size: int, like: torch.Tensor) -> torch.Tensor:
    """Sinusoidal positions (steps, size)."""
    step = torch.arange(steps, device=like.device, dtype=like.dtype)[:, None]
    rate = torch.exp(torch.arange(0, size, 2, device=like.device, dtype=like.dtype) * (-math.log(10_000.0) / size))
    return torch.stack([torch.sin(step * rate), torch.cos(step * rate)], dim=2).flatten(1)


def make_encoder(
    name: str, input_size: int, hidden_size: int, num_layers: int, dropout: float, window: int | None
) -> Encoder:
    """Encoder by name; raises ValueError on another name, or on an MLP whose window is not given."""
    if name in ("rnn", "gru", "lstm", "bidirectional_lstm"):
        kind = name.removeprefix("bidirectional_")
        return RecurrentEncoder(kind, input_size, hidden_size, num_layers, dropout, name.startswith("bidirectional_"))
    if name == "attention_lstm":
        return AttentionEncoder(input_size, hidden_size, num_layers, dropout)
    if name == "transformer":
        return TransformerEncoder(input_size, hidden_size, num_layers, dropout)
    if name == "mlp":
        if window is None:
            raise ValueError("encoder='mlp' needs window=, the number of periods that it reads")
        return MLPEncoder(input_size, hidden_size, window, dropout)
    raise ValueError(f"encoder={name!r}: expected one of {ENCODERS}")
