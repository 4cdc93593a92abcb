"""From a feature table to a trained forecaster at a cutoff, in one call: what chapter 04 does step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from salesforecast_lib import QUANTILES
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.forecaster.forecast import Forecaster
from salesforecast_lib.models.forecaster.persistence import fingerprint, run_key
from salesforecast_lib.models.forecaster.split import choose_origins
from salesforecast_lib.models.networks.encoders import NOT_CAUSAL
from salesforecast_lib.models.networks.predictor import SalesPredictor
from salesforecast_lib.models.training.checkpoint import TrainingLog
from salesforecast_lib.models.training.loop import ALONE, Loader, TrainingConfig, make_optimizer, train_model
from salesforecast_lib.models.training.team import Alone
from salesforecast_lib.models.windows.loader import WindowLoader
from salesforecast_lib.models.windows.panel_tensor import PanelTensor
from salesforecast_lib.models.windows.stretches import StretchLoader
from salesforecast_lib.models.windows.vocabulary import Vocabulary


@dataclass(frozen=True)
class NetworkConfig:
    """Architecture and training of one network; the defaults are those of chapter 04.

    Parameters
    ----------
    window : periods of history that the network sees.
    stride : periods between the origins of training windows; forking trains on every origin at no extra cost.
    without : feature groups left out.
    encoder, head : names from `encoders.ENCODERS` and `parametric.HEADS`.
    forking : train by forking sequences (Wen et al. 2017), one pass over a stretch with a loss at every step; False
        runs every window on its own, as do encoders that are not causal, see `forks`.
    steps : periods of the longest stretch.
    stretches : stretches in a batch; ``batch_size`` counts windows.
    min_history : periods of history from which on an origin is trained; None stands for half the window.
    levels : quantile levels of the forecast, rising, 0.5 among them.
    """

    window: int = 56
    hidden_size: int = 64
    embedding_size: int = 8
    num_layers: int = 1
    dropout: float = 0.2
    optimizer: str = "adam"
    learning_rate: float = 0.002
    weight_decay: float = 0.0001
    batch_size: int = 256
    stride: int = 3
    without: tuple[str, ...] = ()
    encoder: str = "lstm"
    head: str = "quantiles"
    forking: bool = True
    steps: int = 256
    stretches: int = 8
    min_history: int | None = None
    levels: tuple[float, ...] = QUANTILES
    training: TrainingConfig = field(default_factory=lambda: TrainingConfig(max_epochs=20, patience=5, epoch_steps=50))

    @property
    def forks(self) -> bool:
        """Whether training forks: asked for, and possible with this encoder."""
        return self.forking and self.encoder not in NOT_CAUSAL

    @property
    def reach(self) -> int | None:
        """Periods that the network reads before an origin; None stands for the window."""
        return self.steps if self.forks else None


@dataclass(frozen=True)
class Fit:
    """A trained forecaster with the losses of its two trainings; ``final`` is None when there was only one.

    ``validated`` is False where the history was too short to keep a validation horizon apart.
    """

    forecaster: Forecaster
    search: TrainingLog
    final: TrainingLog | None
    validated: bool = True


def architecture_of(vocabulary: Vocabulary, horizon: int, config: NetworkConfig) -> dict[str, Any]:
    """Arguments of `SalesPredictor` for these columns and this horizon."""
    return {
        "input_size": vocabulary.input_size,
        "hidden_size": config.hidden_size,
        "output_size": horizon,
        "future_size": len(vocabulary.future),
        "static_sizes": tuple(len(codes) for codes in vocabulary.static.values()),
        "embedding_size": config.embedding_size,
        "num_layers": config.num_layers,
        "dropout": config.dropout,
        "encoder": config.encoder,
        "head": config.head,
        "window": config.window,
        "quantiles": config.levels,
        "unit": vocabulary.unit,
    }


def make_loader(
    tensor: PanelTensor, origins: np.ndarray, config: NetworkConfig, seed: int = 0, validation: bool = False
) -> Loader:
    """Loader of the trainer that ``config.forks`` chooses; for validation it keeps its order.

    Validation stretches end in a few origins and reach as far back as the network may look.
    """
    if not config.forks:
        return WindowLoader(tensor, origins, 1024 if validation else config.batch_size, seed, not validation)
    warm_up = None
    if validation:
        row = tensor.first_row(origins)
        spans = pd.Series(origins).groupby(row).agg(lambda rows: rows.max() - rows.min() + 1)
        warm_up = max(config.steps - int(spans.max()), config.window // 2)
    return StretchLoader(tensor, origins, config.stretches, seed, not validation, steps=config.steps, warm_up=warm_up)


def fit_network(
    table: FeatureTable,
    meta: dict[str, Any],
    cutoff: pd.Timestamp,
    config: NetworkConfig = NetworkConfig(),
    *,
    device: str = "cpu",
    refit: bool = True,
    epochs: int | None = None,
    checkpoint: Path | None = None,
    log_dir: Path | None = None,
    on_epoch: Callable[[int, SalesPredictor], None] | None = None,
    team: Alone = ALONE,
) -> Fit:
    """Train on what is known at ``cutoff``: first with validation, then anew on everything for the best epochs.

    A history too short to keep a horizon apart is trained on once, for all epochs, see `choose_origins`.

    Parameters
    ----------
    table : features, which may reach beyond the cutoff: later rows are not looked at.
    meta : ``features.json``: freq, horizon and roles.
    refit : train again with the validation months, for the best number of epochs.
    epochs : train once, on everything, for so many epochs that an earlier search found (a later cutoff's new fit).
    checkpoint : folder from which a stopped training goes on.
    on_epoch : called after each epoch of the training with validation.
    team : of processes that share the training, each of which calls this with the same arguments (chapter 18).

    Raises
    ------
    ValueError
        When no series has a period with a whole horizon after it before the cutoff.
    """
    frame = table.frame[table.frame["ds"] <= cutoff].reset_index(drop=True)
    horizon, freq, seed = int(meta["horizon"]), str(meta["freq"]), config.training.seed
    season = check_freq(freq).cycle
    known = FeatureTable(frame, table.roles, table.groups, table.in_units)
    vocabulary = Vocabulary.of(known, config.without)
    architecture = architecture_of(vocabulary, horizon, config)
    tensor = PanelTensor(frame, vocabulary, config.window, horizon, season, device)
    data = fingerprint(frame)
    if checkpoint is not None:
        checkpoint = checkpoint / run_key(frame[["unique_id", "ds", "y"]], {**architecture, **asdict(config)})
    del frame, known  # the tensor holds the training data, once

    enough = config.window // 2 if config.min_history is None else config.min_history
    rows = choose_origins(tensor, cutoff, freq, enough, config.stride, 1 if config.forks else None)

    def train(origins: np.ndarray, training: TrainingConfig, name: str, search: bool) -> tuple[Any, TrainingLog]:
        loader = make_loader(tensor, origins, config, seed)
        validation = None
        if search and rows.validated:
            validation = make_loader(tensor, rows.validation, config, validation=True)
        torch.manual_seed(seed)
        model = SalesPredictor(**architecture)
        log = train_model(
            model,
            loader,
            make_optimizer(config.optimizer, model, config.learning_rate, config.weight_decay),
            device,
            validation_loader=validation,
            config=training,
            checkpoint=None if checkpoint is None else checkpoint / name,
            log_dir=log_dir if search else None,
            on_epoch=on_epoch if search else None,
            team=team,
        )
        return model, log

    if epochs is not None:
        model, search = train(rows.everything, replace(config.training, max_epochs=epochs), "final", False)
    else:
        model, search = train(rows.train, config.training, "search", True)
    final = None
    if refit and epochs is None and rows.validated:
        best = replace(config.training, max_epochs=search.best_epoch + 1)
        model, final = train(rows.everything, best, "final", False)
    metadata = {
        "dataset": meta.get("dataset", ""),
        "cutoff": str(pd.Timestamp(cutoff).date()),
        "data_sha256": data,
        "validation_loss": search.best_loss,
        "epochs": epochs or search.best_epoch + 1,
        "seed": seed,
    }
    told = (config.window, horizon, season, freq, metadata, config.reach)
    forecaster = Forecaster(model, vocabulary, architecture, *told)
    return Fit(forecaster, search, final, rows.validated)
