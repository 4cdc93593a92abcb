"""Weights of an ONNX graph as whole numbers of one byte (chapter 14)."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process

from salesforecast_lib.production.export.slim import slim

_LARGE = 128  # numbers from which on a table is stored in fewer bytes


def quantise_graph(source: Path, target: Path) -> Path:
    """Write ``source`` with weights of 8 bits; what they are multiplied with is quantised as it comes.

    Raises
    ------
    ValueError
        When the graph has an LSTM and it stayed in 32 bits: onnxruntime leaves what it cannot read without a word.
    """
    had = {node.op_type for node in onnx.load(source).graph.node}
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it advises to call quant_pre_process, which has just been called
    try:
        with tempfile.TemporaryDirectory() as folder:
            ready = Path(folder) / "ready.onnx"
            # Without symbolic shapes: their inference gives up on the LSTM, which would then stay as it is.
            quant_pre_process(source, ready, skip_symbolic_shape=True)
            kept = _last_sums(ready)
            told = {"weight_type": QuantType.QInt8, "op_types_to_quantize": _OPERATORS, "nodes_to_exclude": kept}
            # weights of seven bits: where a processor adds products in 16 bits (no VNNI), those of eight overflow
            quantize_dynamic(ready, target, reduce_range=True, **told)
    finally:
        root.setLevel(level)
    model = slim(stored_small(onnx.load(target)))
    found = {node.op_type for node in model.graph.node}
    if "LSTM" in had and ("DynamicQuantizeLSTM" not in found or "LSTM" in found):
        raise ValueError(f"{source}: its LSTM stayed in 32 bits; export it again, with its weights as constants")
    onnx.save(model, target)
    return target


def stored_small(model: onnx.ModelProto) -> onnx.ModelProto:
    """Tables that are looked up or added, stored in one byte a number and read back as the graph is loaded.

    Embeddings and what each step ahead adds are no products, so that no quantised operator takes them. Biases keep two
    bytes: they are added to sums of many products.
    """
    graph = model.graph
    biases = {name for node in graph.node if node.op_type == "DynamicQuantizeLSTM" for name in node.input[3:4]}
    first = []
    for weight in list(graph.initializer):
        values = numpy_helper.to_array(weight)
        if weight.data_type != onnx.TensorProto.FLOAT or values.size < _LARGE:
            continue
        name = weight.name
        if name in biases:
            small = [numpy_helper.from_array(values.astype("float16"), f"{name}_small")]
            first.append(helper.make_node("Cast", [small[0].name], [name], to=onnx.TensorProto.FLOAT))
        else:
            scale = float(np.abs(values).max()) / 127 or 1.0
            whole = np.clip(np.round(values / scale), -127, 127).astype("int8")
            parts = (whole, f"{name}_small"), (np.float32(scale), f"{name}_scale"), (np.int8(0), f"{name}_zero")
            small = [numpy_helper.from_array(np.asarray(array), each) for array, each in parts]
            first.append(helper.make_node("DequantizeLinear", [each.name for each in small], [name]))
        graph.initializer.remove(weight)
        graph.initializer.extend(small)
    nodes = [*first, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def _last_sums(path: Path) -> list[str]:
    """Names of sums with fixed weights, such as the mean of quantiles, which 8 bits would only round.

    Nodes are named by it: the quantiser leaves them out by name, and a name that is empty would be that of all.
    """
    model, sums = onnx.load(path), []
    weights = {each.name: each for each in model.graph.initializer}
    for number, node in enumerate(model.graph.node):
        node.name = f"n{number}"
        if node.op_type == "MatMul" and node.input[1] in weights and len(weights[node.input[1]].dims) < 2:
            sums.append(node.name)
    onnx.save(model, path)
    return sums


_OPERATORS = ["LSTM", "MatMul", "Gemm", "Attention"]
