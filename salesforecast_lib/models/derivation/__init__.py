"""Chapter 03: the LSTM, forwards and backwards, in numpy, and its twin in torch.

- `init_parameters`: Uniform weights within 1/sqrt(hidden), as torch initialises them.
- `lstm_forward`: Run the cell over time (Hochreiter & Schmidhuber 1997, with forget gate).
- `backward`: Gradient of `squared_error` by backpropagation through time (Werbos 1990), by hand.
- `bidirectional`: States of both directions side by side, (time, batch, 2 hidden) (Schuster & Paliwal 1997).
- `squared_error`: Half the mean over the batch of the summed squared errors.
- `finite_differences`: Central differences of ``loss`` in every parameter: slow, and independent of any derivation.
- `relative_error`: Largest over the parameters of ``|a - b| / max(|a|, |b|)`` in the Euclidean norm.
- `sgd_step`: One step of stochastic gradient descent.
- `adam_first_step`: First step of Adam (Kingma & Ba 2015), with bias correction.
- `sliding_windows`: All windows of a series, (time - window + 1, window), as a view: no value is copied.
- `simulate_arima111`: ARIMA(1,1,1): the *differences* w follow ``w_t = phi w_{t-1} + e_t + theta e_{t-1}`` (Box et
  al. 2015).
- `innovations`: One-step errors of somebody who knows ``phi`` and ``theta``: the noise of an ARIMA(1,1,1), (time - 1,).
- `torch_states`: States of `torch.nn.LSTM` with our parameters, (time, batch, hidden), float64.
- `autograd_gradient`: Gradient of `squared_error` by autograd.
- `rolling_lstm_forecasts`: One-step forecasts of the last ``test`` values of each series, (series, test).
"""

from salesforecast_lib.models.derivation.arima import innovations, simulate_arima111
from salesforecast_lib.models.derivation.lstm import (
    adam_first_step,
    backward,
    bidirectional,
    finite_differences,
    init_parameters,
    lstm_forward,
    relative_error,
    sgd_step,
    sliding_windows,
    squared_error,
)
from salesforecast_lib.models.derivation.torch_twin import autograd_gradient, rolling_lstm_forecasts, torch_states

__all__ = [
    "init_parameters",
    "lstm_forward",
    "backward",
    "bidirectional",
    "squared_error",
    "finite_differences",
    "relative_error",
    "sgd_step",
    "adam_first_step",
    "sliding_windows",
    "simulate_arima111",
    "innovations",
    "torch_states",
    "autograd_gradient",
    "rolling_lstm_forecasts",
]
