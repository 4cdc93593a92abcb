"""A trained network as ONNX graphs: of a window, of one step of the carried state, and of the decoder (chapter 14)."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

import onnx
import torch
from torch import nn

from salesforecast_lib.models.forecaster import Forecaster
from salesforecast_lib.models.networks.encoders import RecurrentEncoder
from salesforecast_lib.models.networks.predictor import SalesPredictor
from salesforecast_lib.models.windows.panel_tensor import Batch
from salesforecast_lib.production.export.slim import slim

EXPORTED_ENCODERS = ("gru", "lstm", "attention_lstm", "transformer", "mlp")
EXPORTED_HEADS = ("quantiles", "gaussian")
CARRIED_ENCODERS = ("gru", "lstm")
_WHY = {
    "rnn": "torch writes it with a fixed number of steps",
    "bidirectional_lstm": "the way back of windows of several lengths has no form in ONNX",
}
OPSET = 20
# of networks that live: an export takes torch seconds, and a chapter asks for the same graph more than once
_exported: WeakKeyDictionary[nn.Module, dict[tuple[object, ...], onnx.ModelProto]] = WeakKeyDictionary()
_TRACED = 8  # periods of the example that is traced: their number is free, and a GRU is traced period by period


class WindowGraph(nn.Module):
    """A window of history and what is known ahead → mean and quantiles in scaled units."""

    def __init__(self, model: SalesPredictor, categories: int, future: int) -> None:
        super().__init__()
        self.model, self.categories, self.future = model, categories, future

    def forward(self, history: torch.Tensor, length: torch.Tensor, *rest: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Mean (batch, horizon) and quantiles; ``rest`` as `names` has it."""
        static, scale, phases, future = _unpacked(rest, history, self.categories, self.future, self.model.output_size)
        nothing = torch.zeros_like(scale)
        batch = Batch(history, future, static, scale, nothing, nothing, nothing, length, phases)
        return self.model.predict(batch)


class StepGraph(nn.Module):
    """What the encoder carries, one period later; ``carried`` (batch, layers · hidden · tensors) in one row."""

    def __init__(self, model: SalesPredictor) -> None:
        super().__init__()
        self.cell = _carrying(model)

    def forward(self, inputs: torch.Tensor, carried: torch.Tensor) -> torch.Tensor:
        """Carried on by ``inputs`` (batch, inputs)."""
        layers, hidden = self.cell.num_layers, self.cell.hidden_size
        parts = carried.reshape(carried.shape[0], -1, layers, hidden).permute(1, 2, 0, 3).contiguous()
        if isinstance(self.cell, nn.LSTM):
            after = torch.stack(self.cell(inputs[:, None], (parts[0], parts[1]))[1])
        else:
            after = self.cell(inputs[:, None], parts[0])[1][None]
        return after.permute(2, 0, 1, 3).reshape(carried.shape[0], -1)  # (batch, tensors, layers, hidden)


class DecodeGraph(nn.Module):
    """The encoder's state and what is known ahead → mean and quantiles in scaled units."""

    def __init__(self, model: SalesPredictor, categories: int, future: int) -> None:
        super().__init__()
        self.model, self.categories, self.future = model, categories, future

    def forward(self, state: torch.Tensor, *rest: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Mean (batch, horizon) and quantiles (batch, horizon, levels)."""
        static, scale, phases, future = _unpacked(rest, state, self.categories, self.future, self.model.output_size)
        mean, quantiles = self.model.decode(state[:, None], static, scale, phases[:, None], future)
        return mean[:, 0], quantiles[:, 0]


def _unpacked(
    rest: Sequence[torch.Tensor], like: torch.Tensor, categories: int, future: int, horizon: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """static, scale, phases, future: what a model without categories or future columns is not given is empty."""
    given = list(rest)
    static = given.pop(0) if categories else like.new_zeros((like.shape[0], 0), dtype=torch.int64)
    scale, phases = given.pop(0), given.pop(0)
    known = given.pop(0) if future else like.new_zeros((like.shape[0], horizon, 0))
    return static, scale, phases, known


def check_exportable(architecture: dict[str, object]) -> None:
    """Raise ValueError, saying which can, on an encoder or head that ONNX cannot express."""
    encoder, head = str(architecture.get("encoder", "lstm")), str(architecture.get("head", "quantiles"))
    if encoder not in EXPORTED_ENCODERS:
        why = _WHY.get(encoder, "it is not known")
        raise ValueError(f"encoder={encoder!r}: cannot be exported, {why}; expected one of {EXPORTED_ENCODERS}")
    if head not in EXPORTED_HEADS:
        raise ValueError(
            f"head={head!r}: cannot be exported, its quantiles are found by tables outside the network; expected one "
            f"of {EXPORTED_HEADS}"
        )


def carried_size(model: SalesPredictor) -> int:
    """Numbers that the encoder carries for each series; raises ValueError where it carries none."""
    cell = _carrying(model)
    return cell.num_layers * cell.hidden_size * (2 if isinstance(cell, nn.LSTM) else 1)


def _carrying(model: SalesPredictor) -> nn.RNNBase:
    encoder = model.encoder
    if not isinstance(encoder, RecurrentEncoder) or not encoder.causal:
        raise ValueError(f"{type(encoder).__name__} carries no state; expected encoder to be one of {CARRIED_ENCODERS}")
    return encoder.cell


def encoded_part(model: SalesPredictor) -> tuple[int, int]:
    """Where the encoder's state, that of the top layer, begins and ends in what is carried."""
    cell = _carrying(model)
    return (cell.num_layers - 1) * cell.hidden_size, cell.num_layers * cell.hidden_size


def write_window_graph(forecaster: Forecaster, path: Path) -> Path:
    """Write the graph window → mean and quantiles; batch and window length are free, but for an MLP's window.

    Raises
    ------
    ValueError
        When the encoder or the head cannot be exported.
    """
    check_exportable(forecaster.architecture)
    graph = WindowGraph(forecaster.model, *_sizes(forecaster)).eval()
    fixed = forecaster.architecture.get("encoder") == "mlp"
    steps = forecaster.window if fixed else min(forecaster.window, _TRACED)
    inputs = {
        "history": torch.randn(3, steps, forecaster.vocabulary.input_size),
        "length": torch.tensor([steps, steps, max(1, steps - 1)]),
        **_rest(forecaster, 3),
    }
    free = {name: {0: "batch"} for name in inputs}
    if not fixed:
        free["history"][1] = "steps"
    return _write(forecaster.model, graph, inputs, free, ["mean", "quantiles"], path)


def write_step_graph(forecaster: Forecaster, path: Path) -> Path:
    """Write the graph of one period of the carried state; raises ValueError where the encoder carries none."""
    inputs = {
        "inputs": torch.randn(3, forecaster.vocabulary.input_size),
        "carried": torch.randn(3, carried_size(forecaster.model)),
    }
    graph = StepGraph(forecaster.model).eval()
    return _write(forecaster.model, graph, inputs, _batch(inputs), ["carried_on"], path)


def write_decode_graph(forecaster: Forecaster, path: Path) -> Path:
    """Write the graph state → mean and quantiles."""
    check_exportable(forecaster.architecture)
    inputs = {"state": torch.randn(3, forecaster.model.encoder.size), **_rest(forecaster, 3)}
    graph = DecodeGraph(forecaster.model, *_sizes(forecaster)).eval()
    return _write(forecaster.model, graph, inputs, _batch(inputs), ["mean", "quantiles"], path)


def _batch(inputs: dict[str, torch.Tensor]) -> dict[str, dict[int, str]]:
    return {name: {0: "batch"} for name in inputs}


def _sizes(forecaster: Forecaster) -> tuple[int, int]:
    return len(forecaster.vocabulary.static), len(forecaster.vocabulary.future)


def _rest(forecaster: Forecaster, n: int) -> dict[str, torch.Tensor]:
    """Example inputs of the decoder; those without columns are left out."""
    categories, future = _sizes(forecaster)
    found = {"static": torch.ones(n, categories, dtype=torch.int64)} if categories else {}
    found |= {"scale": torch.rand(n, 1) + 1.0, "phases": torch.rand(n, forecaster.season) + 0.5}
    return found | ({"future": torch.randn(n, forecaster.horizon, future)} if future else {})


def _write(
    network: SalesPredictor,
    graph: nn.Module,
    inputs: dict[str, torch.Tensor],
    free: dict[str, dict[int, str]],
    outputs: list[str],
    path: Path,
) -> Path:
    key = type(graph), *(weight._version for weight in network.parameters())  # rises when a weight is changed in place
    graphs = _exported.setdefault(network, {})
    if key not in graphs:
        graphs[key] = _export(graph, inputs, free, outputs)
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(graphs[key], path)
    return path


def _export(
    graph: nn.Module, inputs: dict[str, torch.Tensor], free: dict[str, dict[int, str]], outputs: list[str]
) -> onnx.ModelProto:
    sizes: dict[str, object] = {}
    for axes in free.values():
        for name in axes.values():
            sizes.setdefault(name, torch.export.Dim(name, min=1, max=1_000_000))
    shapes = tuple({axis: sizes[name] for axis, name in free[each].items()} for each in inputs)
    fixed = 2 if "length" in inputs else 1  # arguments before the star
    _forget_kernels()
    told = (*shapes[:fixed], shapes[fixed:]) if not isinstance(graph, StepGraph) else shapes
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            graph, tuple(inputs.values()), input_names=list(inputs), output_names=outputs, opset_version=OPSET,
            dynamo=True, dynamic_shapes=told, verbose=False, optimize=True,
        )  # fmt: skip
    assert program is not None
    model = slim(program.model_proto)
    _check_free(model, free)
    return model


def _forget_kernels() -> None:
    """Let torch look up anew what does the work of its recurrent layers.

    Its exporter replaces that by a form with a free number of steps. Where the layer has been traced before in this
    process, the kernel of then is remembered and the number of steps is frozen.
    """
    for name in ("lstm", "gru"):
        getattr(getattr(torch.ops.aten, name).input, "_dispatch_cache", {}).clear()


def _check_free(model: onnx.ModelProto, free: dict[str, dict[int, str]]) -> None:
    """Raise where a size that must be free was frozen: torch falls back to fixed sizes without a word."""
    for each in model.graph.input:
        for axis in free[each.name]:
            if not each.type.tensor_type.shape.dim[axis].dim_param:
                raise ValueError(f"{each.name}: dimension {axis} was frozen at export; the network reads its size")


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """torch's exporter prints its progress, and warns of its own parts; what fails is raised all the same."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        finally:
            logger.setLevel(level)
