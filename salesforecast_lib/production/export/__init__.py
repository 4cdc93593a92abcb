"""Chapter 14, export: from a finished run to a model folder that answers without torch.

- `write_model_folder`: Make the model folder of a finished run.
- `fit_live_network`: Train the live network on the sales up to a cutoff.
- `live_config`: Settings of the live network, by the size of the data.
- `write_window_graph`: Write the graph window → mean and quantiles.
- `write_step_graph`: Write the graph of one period of the carried state.
- `write_decode_graph`: Write the graph state → mean and quantiles.
- `quantise_graph`: Write a graph with weights of 8 bits.
- `check_exportable`: Raise on an encoder or head that ONNX cannot express.
"""

from salesforecast_lib.production.export.folder import write_model_folder
from salesforecast_lib.production.export.network import (
    check_exportable,
    write_decode_graph,
    write_step_graph,
    write_window_graph,
)
from salesforecast_lib.production.export.quantise import quantise_graph
from salesforecast_lib.production.export.training import fit_live_network, live_config

__all__ = [
    "write_model_folder",
    "fit_live_network",
    "live_config",
    "write_window_graph",
    "write_step_graph",
    "write_decode_graph",
    "quantise_graph",
    "check_exportable",
]
