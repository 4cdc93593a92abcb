"""Two ways to a better small network that were tried: pruning, and the champion as a teacher (chapter 14)."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import pandas as pd
import torch

from salesforecast_lib import quantile_columns
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.models.forecaster import Forecaster, NetworkConfig, choose_origins, make_loader
from salesforecast_lib.models.training.loop import batch_loss, make_optimizer
from salesforecast_lib.models.windows import Batch, PanelTensor, Stretch


@dataclass(frozen=True)
class Teaching:
    """What a teacher said: windows (n of them), its quantiles in scaled units (n, horizon, levels) and weights (n,)."""

    windows: Batch
    quantiles: torch.Tensor
    weight: torch.Tensor


def prune(forecaster: Forecaster, share: float) -> tuple[Forecaster, dict[str, torch.Tensor]]:
    """A copy whose smallest weights, a share of each matrix, are zero; and the masks of what stays.

    By magnitude (Han et al. 2015). Biases and embeddings stay whole: they are few.
    """
    if not 0 <= share < 1:
        raise ValueError(f"share={share}: expected the share of weights that become zero, from 0 to below 1")
    copy = _copy(forecaster)
    masks = {}
    with torch.no_grad():
        for name, weight in copy.model.named_parameters():
            if weight.dim() < 2 or name.startswith(("embeddings", "step")):
                continue
            size = weight.abs().flatten()
            least = size.kthvalue(max(1, round(share * len(size)))).values if share > 0 else size.new_tensor(-1.0)
            masks[name] = (weight.abs() > least).to(weight.dtype)
            weight.mul_(masks[name])
    return copy, masks


def teach(forecaster: Forecaster, table: FeatureTable, teacher: pd.DataFrame, cutoff: pd.Timestamp) -> Teaching:
    """The teacher's forecasts as targets, of the origins whose horizon ends by ``cutoff``.

    Parameters
    ----------
    teacher : forecast table with the network's quantile levels, at one or more cutoffs.
    """
    tensor = _tensor(forecaster, table, cutoff)
    levels = list(quantile_columns(forecaster.model.quantiles))
    origins = {cut: part for cut, part in teacher.groupby("cutoff") if part["ds"].max() <= cutoff}
    names = pd.Index(tensor.names)
    rows, said = [], []
    for cut, part in origins.items():
        part = part.sort_values(["unique_id", "ds"])
        each = part["unique_id"].unique()
        days = pd.Series(np.arange(len(tensor.ds))[tensor.ds == np.datetime64(pd.Timestamp(str(cut)))])
        at = dict(zip(tensor.row_series.cpu().numpy()[days].tolist(), days.tolist(), strict=True))
        number = names.get_indexer(each)
        rows += [at[int(k)] for k in number]
        said.append(part[levels].to_numpy("float32").reshape(len(each), forecaster.horizon, -1))
    if not rows:
        raise ValueError(f"teacher: no cutoff whose horizon ends by {cutoff.date()}; give earlier forecasts")
    windows = tensor.gather(torch.as_tensor(rows), forecaster.reach)
    quantiles = torch.as_tensor(np.concatenate(said)) / windows.scale[:, :, None]
    return Teaching(windows, quantiles, windows.scale[:, 0] ** 0.5)


def retrain(
    forecaster: Forecaster,
    table: FeatureTable,
    cutoff: pd.Timestamp,
    config: NetworkConfig,
    *,
    steps: int = 200,
    masks: dict[str, torch.Tensor] | None = None,
    teaching: Teaching | None = None,
    teacher_weight: float = 0.5,
    learning_rate: float = 0.001,
) -> Forecaster:
    """A copy trained on for some gradient steps: on the sales, and on what a teacher said where there is one.

    Parameters
    ----------
    masks : weights that stay zero, see `prune`.
    teacher_weight : share of the loss that is the distance to the teacher's quantiles (Hinton et al. 2015), the rest
        being the pinball loss of the sales.
    """
    copy, seed = _copy(forecaster), config.training.seed
    tensor = _tensor(copy, table, cutoff)
    origins = choose_origins(tensor, cutoff, copy.freq, config.window // 2, config.stride, 1).everything
    loader = make_loader(tensor, origins, config, seed)
    model, noise = copy.model.train(), torch.Generator().manual_seed(seed)
    optimizer = make_optimizer("adam", model, learning_rate)
    torch.manual_seed(seed)
    parameters = dict(model.named_parameters())
    training = replace(config.training, epoch_steps=None)
    for number, stretch in enumerate(loader.batches(0, steps)):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate * (0.05 + 0.95 * (1 - number / steps))
        loss = batch_loss(model, cast(Stretch, stretch), training)
        if teaching is not None:
            some = torch.randint(len(teaching.weight), (256,), generator=noise)
            told = Batch(*(getattr(teaching.windows, name)[some] for name in teaching.windows.__dataclass_fields__))
            apart = (model(told) - teaching.quantiles[some]).abs().mean((1, 2))
            weight = teaching.weight[some]
            loss = (1 - teacher_weight) * loss + teacher_weight * (apart * weight).sum() / weight.sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.training.clip)
        optimizer.step()
        with torch.no_grad():
            for name, mask in (masks or {}).items():
                parameters[name].mul_(mask)
    model.eval()
    return copy


def zeros(forecaster: Forecaster) -> float:
    """Share of the weights that are zero."""
    weights = torch.cat([each.detach().flatten() for each in forecaster.model.parameters()])
    return float((weights == 0).float().mean())


def _copy(forecaster: Forecaster) -> Forecaster:
    return replace(forecaster, model=deepcopy(forecaster.model), metadata=dict(forecaster.metadata))


def _tensor(forecaster: Forecaster, table: FeatureTable, cutoff: pd.Timestamp) -> PanelTensor:
    frame = table.frame[table.frame["ds"] <= cutoff].reset_index(drop=True)
    told = forecaster.vocabulary, forecaster.window, forecaster.horizon, forecaster.season
    return PanelTensor(frame, *told)
