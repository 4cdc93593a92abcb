"""A team of processes that train one network: every batch is shared, every gradient is the whole batch's (chapter 18).

Li et al. (2020), "PyTorch Distributed: Experiences on Accelerating Data Parallel Training", VLDB.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import torch
from torch import distributed, nn

from salesforecast_lib.models.networks.predictor import SalesPredictor
from salesforecast_lib.models.training.team import Alone, Losses, Sums
from salesforecast_lib.models.windows.panel_tensor import Batch
from salesforecast_lib.models.windows.stretches import Stretch

LOOPBACK = "lo0" if sys.platform == "darwin" else "lo"


class _Loss(nn.Module):
    """The loss as a forward pass, which is what DistributedDataParallel watches."""

    def __init__(self, model: SalesPredictor) -> None:
        super().__init__()
        self.model = model

    def forward(self, batch: Batch | Stretch, volume_weight: float, censored: bool) -> Sums:
        return self.model.loss(batch, volume_weight, censored)


class Team(Alone):
    """The processes of the default group; each holds the whole panel and works on its share of every batch.

    DistributedDataParallel averages gradients over processes. The loss of a batch is a weighted mean, so that a mean
    of the processes' means would be wrong whenever their shares weigh differently. Each process therefore divides its
    sum by the weight of the *whole* batch and multiplies it by the number of processes: the average is then exact.

    The numbers of dropout are those of the whole batch, of which each process takes its rows. A training of several
    processes repeats that of one up to the order of sums: to 1e-5 in the first epoch, and to a few thousandths after
    hundreds of steps, as far apart as two trainings of one process that cut the same sums into other blocks. Dropout
    between the layers of an encoder (``num_layers`` above 1, Transformer, MLP) is drawn by each process for itself:
    there the curves agree in expectation only.
    """

    def __init__(self) -> None:
        self.rank, self.size = distributed.get_rank(), distributed.get_world_size()
        self.first = self.rank == 0

    def losses(self, model: SalesPredictor) -> Losses:
        wrapped = nn.parallel.DistributedDataParallel(_Loss(model), gradient_as_bucket_view=True)

        def loss(batch: Batch | Stretch, volume_weight: float, censored: bool) -> Sums:
            rows = len(batch.history)
            mine = share_of(rows, self.rank, self.size)
            model.share = (rows, mine)
            try:
                total, weight = wrapped(part_of(batch, self.rank, self.size), volume_weight, censored)
            finally:
                model.share = None
            return self.size * total, self.added(weight)

        return loss

    def mine(self, batches: Iterable[Batch | Stretch]) -> Iterator[Batch | Stretch]:
        yield from (batch for number, batch in enumerate(batches) if number % self.size == self.rank)

    def added(self, sums: torch.Tensor) -> torch.Tensor:
        device = torch.device("cuda") if distributed.get_backend() == "nccl" else torch.device("cpu")
        there = sums.detach().to(device, copy=True)
        distributed.all_reduce(there)
        return there.to(sums.device)

    def agree(self, epoch: int) -> None:
        sums = self.added(torch.tensor([epoch, epoch**2], dtype=torch.float64))
        if sums[0] != self.size * epoch or sums[1] != self.size * epoch**2:
            raise ValueError(
                f"process {self.rank} goes on from epoch {epoch}, others from another one: the checkpoint is not the "
                "same for all; put the output folder on a disk that all machines share"
            )


def share_of(rows: int, rank: int, size: int) -> slice:
    """Rows of a batch that process ``rank`` of ``size`` works on; a process without any keeps the first as company."""
    begin, end = rows * rank // size, rows * (rank + 1) // size
    return slice(begin, end) if end > begin else slice(0, 1)


def part_of(batch: Batch | Stretch, rank: int, size: int) -> Batch | Stretch:
    """The share of a batch. Where there are fewer rows than processes, some get a row that weighs nothing.

    All must call the network, or the others would wait for their gradients for ever.
    """
    rows = len(batch.history)
    mine, idle = share_of(rows, rank, size), rows * rank // size == rows * (rank + 1) // size
    part = replace(batch, **{name: values[mine] for name, values in vars(batch).items()})
    return replace(part, weight=torch.zeros_like(part.weight)) if idle else part


def join(device: str, store: Path | None = None) -> Team:
    """Enter the team that the environment describes (RANK, WORLD_SIZE, LOCAL_RANK, as torchrun sets them).

    Parameters
    ----------
    device : "cpu" (gloo) or "cuda" (nccl, one device a process).
    store : file in which the processes of one machine find each other; without it by MASTER_ADDR and MASTER_PORT.

    Raises
    ------
    ValueError
        When there are fewer CUDA devices than processes on this machine.
    """
    rank, size = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    local = int(os.environ.get("LOCAL_RANK", rank))
    if device == "cuda":
        if local >= torch.cuda.device_count():
            raise ValueError(
                f"device=cuda: process {local} finds {torch.cuda.device_count()} devices on this machine; start as "
                "many processes as it has devices, or give --device cpu"
            )
        torch.cuda.set_device(local)
    if int(os.environ.get("LOCAL_WORLD_SIZE", size)) == size:  # one machine: nobody outside has to reach a process
        os.environ.setdefault("GLOO_SOCKET_IFNAME", LOOPBACK)
        os.environ.setdefault("NCCL_SOCKET_IFNAME", LOOPBACK)
    backend = "nccl" if device == "cuda" else "gloo"
    if store is None:
        distributed.init_process_group(backend)
    else:
        meeting = distributed.FileStore(str(store), size)
        distributed.init_process_group(backend, store=meeting, rank=rank, world_size=size)
    return Team()
