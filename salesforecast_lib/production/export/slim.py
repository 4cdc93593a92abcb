"""ONNX graphs without what only their author reads (chapter 14)."""

from __future__ import annotations

import onnx


def slim(model: onnx.ModelProto) -> onnx.ModelProto:
    """The same graph without what only its author reads: stack traces, descriptions, and long names."""
    graph = model.graph
    keep = {each.name for each in (*graph.input, *graph.output)}
    short: dict[str, str] = {"": ""}

    def name_of(name: str) -> str:
        return name if name in keep else short.setdefault(name, f"v{len(short)}")

    for node in graph.node:
        node.name, node.doc_string = "", ""
        del node.metadata_props[:]
        node.input[:] = [name_of(each) if each else "" for each in node.input]
        node.output[:] = [name_of(each) if each else "" for each in node.output]
    for weight in graph.initializer:
        weight.name, weight.doc_string = name_of(weight.name), ""
        del weight.metadata_props[:]
    del graph.value_info[:], graph.metadata_props[:], model.metadata_props[:]
    graph.doc_string = model.doc_string = ""
    return model
