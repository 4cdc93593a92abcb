"""Graphs as onnxruntime runs them (chapter 14)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnxruntime

_ROWS = 2048  # series that one call of a graph takes


def open_session(path: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """A graph ready to run on the processor, with so many threads."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def in_parts(
    session: onnxruntime.InferenceSession, feeds: Mapping[str, np.ndarray], horizon: int, levels: int
) -> tuple[np.ndarray, np.ndarray]:
    """Mean (n, horizon) and quantiles (n, horizon, levels) of a graph, a number of series at a time.

    A model without categories or columns ahead has no input for them; what the graph does not ask for is not given.
    """
    n, names = len(feeds["scale"]), {each.name for each in session.get_inputs()}
    mean, quantiles = np.empty((n, horizon)), np.empty((n, horizon, levels))
    for begin in range(0, n, _ROWS):
        part = slice(begin, begin + _ROWS)
        given = {name: values[part] for name, values in feeds.items() if name in names}
        mean[part], quantiles[part] = session.run(["mean", "quantiles"], given)
    return mean, quantiles
