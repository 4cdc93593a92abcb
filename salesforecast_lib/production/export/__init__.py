"""Chapter 14, export: from a finished run to a model folder that answers without torch.

- `write_model_folder`: Make the model folder of a finished run.
- `earlier_cutoffs`: Cutoffs before the scored ones, at which choices are made.
- `fit_live_network`: Train the live network on the sales up to a cutoff.
- `live_config`: Settings of the live network, by the size of the data.
- `write_window_graph`: Write the graph window → mean and quantiles.
- `write_step_graph`: Write the graph of one period of the carried state.
- `write_decode_graph`: Write the graph state → mean and quantiles.
- `quantise_graph`: Write a graph with weights of 8 bits.
- `Gate`: One condition that a network has to hold before it is published.
- `GateError`: A network that fails a gate is not published.
- `gate_table`: The gates as a table.
- `windows_at`: Raw windows of a panel at a cutoff, as a server would be given them.
- `forecasts_at`: The forecast table of a live model at several cutoffs.
- `check_exportable`: Raise on an encoder or head that ONNX cannot express.
"""

from salesforecast_lib.production.export.backtest import forecasts_at, windows_at
from salesforecast_lib.production.export.folder import earlier_cutoffs, write_model_folder
from salesforecast_lib.production.export.gates import Gate, GateError, gate_table
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
    "earlier_cutoffs",
    "fit_live_network",
    "live_config",
    "write_window_graph",
    "write_step_graph",
    "write_decode_graph",
    "quantise_graph",
    "Gate",
    "GateError",
    "gate_table",
    "windows_at",
    "forecasts_at",
    "check_exportable",
]
