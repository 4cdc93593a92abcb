"""Chapter 04, networks: an encoder of the history, a decoder of what is known ahead, and a head.

- `SalesPredictor`: Encoder, entity embeddings and a two-stage decoder (MQ-RNN, Wen et al. 2017) for all horizon steps
  at once.
- `pinball_loss`: Weighted mean pinball loss (Koenker & Bassett 1978); forecast (batch, horizon, quantiles).
- `ENCODERS`: What can read the history, by name.
- `Carried`: What an encoder hands from one day to the next.
- `QuantileHead`: Quantiles that can neither cross nor fall below zero, whatever the weights are.
- `Observed`: What a forecast is held against; all (..., horizon).
- `censored_pinball`: Pinball loss where demand was at least ``least``: (..., horizon).
- `quantile_mean`: Mean of the piecewise linear quantile function with flat tails, over the last dimension.
- `HEADS`: What can say the distribution, by name.
- `GaussianHead`: Normal distribution around the seasonal average, in scaled units; quantiles below zero are set to
  zero.
- `NegativeBinomialHead`: Counts in units with mean ``mu`` and variance ``mu + mu² / size`` (DeepAR's head, Salinas et
  al. 2020).
- `TweedieHead`: Compound Poisson-gamma with power 1.5 (Jørgensen 1987), in scaled units: many zeros, a continuous
  rest.
- `make_head`: Head by name; raises ValueError on another name.
"""

from salesforecast_lib.models.networks.encoders import ENCODERS, Carried
from salesforecast_lib.models.networks.heads import Observed, QuantileHead, censored_pinball, quantile_mean
from salesforecast_lib.models.networks.parametric import (
    HEADS,
    GaussianHead,
    NegativeBinomialHead,
    TweedieHead,
    make_head,
)
from salesforecast_lib.models.networks.predictor import SalesPredictor, pinball_loss

__all__ = [
    "SalesPredictor",
    "pinball_loss",
    "ENCODERS",
    "Carried",
    "QuantileHead",
    "Observed",
    "censored_pinball",
    "quantile_mean",
    "HEADS",
    "GaussianHead",
    "NegativeBinomialHead",
    "TweedieHead",
    "make_head",
]
