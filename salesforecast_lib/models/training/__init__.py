"""Chapters 04 and 05, training: the loop, its loss, and what keeps a network from learning by heart.

- `TrainingConfig`: How long and how to train.
- `TrainingLog`: Losses of each epoch and the best of them.
- `Loader`: What a training reads, a `WindowLoader` or a `StretchLoader`.
- `batch_loss`: Mean loss of a batch in scaled units; origins weigh by a power of their scale.
- `evaluate`: Mean loss over all origins of a loader, without dropout; it does not depend on the size of the batches.
- `make_optimizer`: Adam with decoupled weight decay, or SGD with momentum; raises ValueError on another name.
- `train_model`: Train until the validation loss stops falling; the model ends with its best weights.
- `Regularisation`: What a training window goes through before the network sees it; zeros change nothing, not even a
  random number.
- `attack`: Loss of the batch, and the batch moved by ``step`` along the sign of its gradient (Goodfellow et al. 2015).
- `compare_losses`: Which of several losses is the lowest, or that they are about level.
- `describe_stop`: How a training with validation ended: by itself, or because its epochs were used up.
"""

from salesforecast_lib.models.training.checkpoint import TrainingLog
from salesforecast_lib.models.training.loop import (
    Loader,
    TrainingConfig,
    batch_loss,
    evaluate,
    make_optimizer,
    train_model,
)
from salesforecast_lib.models.training.regularise import Regularisation, attack
from salesforecast_lib.models.training.verdicts import compare_losses, describe_stop

__all__ = [
    "TrainingConfig",
    "TrainingLog",
    "Loader",
    "batch_loss",
    "evaluate",
    "make_optimizer",
    "train_model",
    "Regularisation",
    "attack",
    "compare_losses",
    "describe_stop",
]
