"""The state of a training run between two epochs: stored without pickle, and read to go on (chapter 04)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from salesforecast_lib.files import write_json
from salesforecast_lib.models.networks.predictor import SalesPredictor


@dataclass
class TrainingLog:
    """Losses of each epoch and the best of them."""

    train: list[float] = field(default_factory=list)
    validation: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    best_epoch: int = -1
    best_loss: float = float("inf")
    windows_per_second: float = 0.0  # trained forecast origins


def store(
    model: SalesPredictor,
    optimizer: torch.optim.Optimizer,
    log: TrainingLog,
    best: dict[str, torch.Tensor] | None,
    epoch: int,
    folder: Path,
) -> None:
    """Write weights and optimiser as safetensors, then the JSON that makes them valid (no pickle)."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"model/{name}": value for name, value in model.state_dict().items()}
    tensors |= {f"best/{name}": value for name, value in (best or {}).items()}
    state = optimizer.state_dict()
    for number, entries in state["state"].items():
        tensors |= {
            f"optimizer/{number}/{key}": torch.as_tensor(value) for key, value in entries.items() if value is not None
        }
    name = f"epoch_{epoch}.safetensors"
    save_file({key: value.contiguous().clone() for key, value in tensors.items()}, folder / name)
    write_json(
        {"epoch": epoch, "file": name, "log": asdict(log), "groups": state["param_groups"]},
        (folder / "state.json").resolve(),
    )
    for old in folder.glob("epoch_*.safetensors"):
        if old.name != name:
            old.unlink()


def restore(
    model: SalesPredictor, optimizer: torch.optim.Optimizer, folder: Path, device: str | torch.device
) -> tuple[TrainingLog, dict[str, torch.Tensor] | None, int]:
    stored: dict[str, Any] = json.loads((folder / "state.json").read_text())
    tensors = load_file(folder / stored["file"], device=str(device))
    parts: dict[str, dict[str, torch.Tensor]] = {"model": {}, "best": {}}
    states: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in tensors.items():
        kind, rest = key.split("/", 1)
        if kind == "optimizer":
            number, entry = rest.split("/", 1)
            states.setdefault(int(number), {})[entry] = value
        else:
            parts[kind][rest] = value
    model.load_state_dict(parts["model"])
    optimizer.load_state_dict({"state": states, "param_groups": stored["groups"]})
    return TrainingLog(**stored["log"]), parts["best"] or None, stored["epoch"] + 1
