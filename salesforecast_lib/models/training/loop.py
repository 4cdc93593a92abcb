"""Training loop: early stopping by time, schedule and logs (chapter 04)."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from tqdm import tqdm

from salesforecast_lib.models.networks.predictor import SalesPredictor
from salesforecast_lib.models.training.checkpoint import TrainingLog, restore, store
from salesforecast_lib.models.training.regularise import Regularisation
from salesforecast_lib.models.training.team import Alone, Losses
from salesforecast_lib.models.windows.loader import WindowLoader
from salesforecast_lib.models.windows.panel_tensor import Batch
from salesforecast_lib.models.windows.stretches import Stretch, StretchLoader

Loader = WindowLoader | StretchLoader
ALONE = Alone()


@dataclass(frozen=True)
class TrainingConfig:
    """How long and how to train.

    Parameters
    ----------
    max_epochs : epochs at most.
    epoch_steps : gradient steps of an epoch, whatever the size of the panel: a small panel is passed over several
        times, of a large one every epoch sees another part. None makes an epoch one pass over the training data.
    patience : epochs without a better validation loss before training stops.
    clip : largest norm of the gradient (Pascanu et al. 2013).
    volume_weight : windows weigh ``scale ** volume_weight``; 0 treats all products alike, 1 counts units.
    schedule : "cosine" lets the learning rate fall to a tenth, "constant" keeps it.
    regularisation : augmentation of the windows and adversarial training (chapter 05); nothing by default.
    censored : sales of a partly available period are a lower bound of demand; without it, a fraction of an observation.
    autocast : compute in bfloat16 where a CUDA device does the work; nothing changes on a CPU.
    """

    max_epochs: int = 20
    patience: int = 4
    clip: float = 1.0
    volume_weight: float = 0.5
    schedule: str = "cosine"
    seed: int = 0
    regularisation: Regularisation = Regularisation()
    censored: bool = False
    autocast: bool = True
    epoch_steps: int | None = None

    def __post_init__(self) -> None:
        if self.epoch_steps is not None and self.epoch_steps < 1:
            raise ValueError(f"epoch_steps={self.epoch_steps}: expected at least 1, or None for a pass over the data")
        if self.max_epochs < 1 or self.patience < 1:
            raise ValueError(f"max_epochs={self.max_epochs}, patience={self.patience}: expected at least 1")
        if self.schedule not in ("cosine", "constant"):
            raise ValueError(f"schedule={self.schedule!r}: expected cosine or constant")


def make_optimizer(
    name: str, model: torch.nn.Module, learning_rate: float, weight_decay: float = 0.0
) -> torch.optim.Optimizer:
    """Adam with decoupled weight decay, or SGD with momentum; raises ValueError on another name."""
    if learning_rate <= 0 or weight_decay < 0:
        raise ValueError(f"learning_rate={learning_rate}, weight_decay={weight_decay}: expected > 0 and >= 0")
    if name == "adam":
        return torch.optim.AdamW(model.parameters(), lr=learning_rate, weight_decay=weight_decay)
    if name == "sgd":
        return torch.optim.SGD(model.parameters(), lr=learning_rate, momentum=0.9, weight_decay=weight_decay)
    raise ValueError(f"optimizer={name!r}: expected adam or sgd")


def batch_loss(
    model: SalesPredictor, batch: Batch | Stretch, config: TrainingConfig, losses: Losses | None = None
) -> torch.Tensor:
    """Mean loss of a batch in scaled units; origins weigh by a power of their scale.

    ``losses`` stands for ``model.loss`` where several processes share the batch, see `Alone.losses`.
    """
    with torch.autocast(batch.history.device.type, torch.bfloat16, enabled=_half(batch, config)):
        total, weight = (losses or model.loss)(batch, config.volume_weight, config.censored)
    return total / weight.clamp(min=1e-9)


def _half(batch: Batch | Stretch, config: TrainingConfig) -> bool:
    return config.autocast and batch.history.is_cuda


@torch.no_grad()
def evaluate(
    model: SalesPredictor, loader: Loader, config: TrainingConfig = TrainingConfig(), team: Alone = ALONE
) -> float:
    """Mean loss over all origins of a loader, without dropout; it does not depend on the size of the batches."""
    model.eval()
    sums = torch.zeros(2, dtype=torch.float64)
    for batch in team.mine(loader):
        total, weight = model.loss(batch, config.volume_weight, config.censored)
        sums += torch.stack([total, weight]).double().cpu()
    sums = team.added(sums)
    return (sums[0] / sums[1].clamp(min=1e-9)).item()


def train_model(
    model: SalesPredictor,
    train_loader: Loader,
    optimizer: torch.optim.Optimizer,
    device: str | torch.device = "cpu",
    *,
    validation_loader: Loader | None = None,
    config: TrainingConfig = TrainingConfig(),
    checkpoint: Path | None = None,
    log_dir: Path | None = None,
    on_epoch: Callable[[int, SalesPredictor], None] | None = None,
    team: Alone = ALONE,
) -> TrainingLog:
    """Train until the validation loss stops falling; the model ends with its best weights.

    The loader chooses the way: a `WindowLoader` runs every window through the encoder on its own, a `StretchLoader`
    trains by forking sequences (Wen et al. 2017), one pass over a stretch of history with a loss at every step.

    With ``checkpoint`` (a folder) every epoch is stored, and a run that was killed goes on from there to the same
    result: the order of windows and the dropout masks depend on seed and epoch only. ``log_dir`` takes TensorBoard
    events. A progress bar is shown on a terminal only. ``on_epoch`` is called with each epoch's number and model; it
    may raise to give up. A ``team`` of several processes shares every batch; each calls this with the same arguments.
    """
    model.to(device)
    log, best, first = TrainingLog(), None, 0
    if checkpoint is not None and (checkpoint / "state.json").exists():
        log, best, first = restore(model, optimizer, checkpoint, device)
    team.agree(first)
    losses = team.losses(model)
    rates = [group["lr"] if first == 0 else group["initial_lr"] for group in optimizer.param_groups]
    for group, rate in zip(optimizer.param_groups, rates, strict=True):
        group["initial_lr"] = rate
    writer = None
    if log_dir is not None and team.first:
        from torch.utils.tensorboard import SummaryWriter  # imported late: it takes a second

        writer = SummaryWriter(str(log_dir))
    windows, steps = 0, config.epoch_steps or len(train_loader)
    bar = tqdm(range(first, config.max_epochs), desc="epoch", disable=not (team.first and sys.stderr.isatty()))
    for epoch in bar:
        if epoch - 1 - log.best_epoch >= config.patience and validation_loader is not None:
            break
        share = 0.1 + 0.9 * 0.5 * (1 + torch.cos(torch.tensor(torch.pi * epoch / config.max_epochs)).item())
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * (share if config.schedule == "cosine" else 1.0)
        begun, loss = time.perf_counter(), _train_epoch(model, train_loader, optimizer, epoch, config, team, losses)
        log.seconds.append(time.perf_counter() - begun)
        windows += round(train_loader.n_origins * steps / len(train_loader))
        log.train.append(loss)
        score = loss if validation_loader is None else evaluate(model, validation_loader, config, team)
        log.validation.append(score)
        if score < log.best_loss or validation_loader is None:
            log.best_loss, log.best_epoch = score, epoch
            best = {name: value.detach().clone() for name, value in model.state_dict().items()}
        if on_epoch is not None:
            on_epoch(epoch, model)
        if writer is not None:
            writer.add_scalars("loss", {"train": loss, "validation": score}, epoch)
        if checkpoint is not None and team.first:
            store(model, optimizer, log, best, epoch, checkpoint)
        bar.set_postfix(train=f"{loss:.4f}", validation=f"{score:.4f}")
    if writer is not None:
        writer.close()
    if windows:
        log.windows_per_second = windows / sum(log.seconds[first:])
    if best is not None:
        model.load_state_dict(best)
    model.eval()
    return log


def _train_epoch(
    model: SalesPredictor,
    loader: Loader,
    optimizer: torch.optim.Optimizer,
    epoch: int,
    config: TrainingConfig,
    team: Alone,
    losses: Losses,
) -> float:
    torch.manual_seed(config.seed * 1_000_003 + epoch)  # dropout masks of this epoch
    noise = torch.Generator().manual_seed(config.seed * 1_000_003 + epoch)  # augmentation of this epoch
    steps = config.epoch_steps or len(loader)
    model.train()
    total = torch.zeros(())
    for batch in loader.batches(epoch * steps, steps):
        loss = config.regularisation.loss(lambda b: batch_loss(model, b, config, losses), batch, noise)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimizer.step()
        total += loss.detach().cpu()
    return team.added(total).item() / team.size / steps
