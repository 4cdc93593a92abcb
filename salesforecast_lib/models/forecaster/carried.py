"""Forecasts from a carried state: one new day costs one step of the encoder, however long the history (chapter 04)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import torch

from salesforecast_lib.models.forecaster.forecast import Forecaster
from salesforecast_lib.models.networks.encoders import Carried
from salesforecast_lib.models.peers.baselines import close_shop
from salesforecast_lib.models.windows.level import LARGEST, causal_level, enough_of, floored
from salesforecast_lib.models.windows.panel_tensor import PanelTensor, squashed


@dataclass(frozen=True)
class CarriedState:
    """What is remembered of all series after the period ``at``; its size does not depend on their length.

    ``names`` (series,), ``state`` (series, size) of the encoder and what it carries, ``y`` and ``available`` (series,
    window) the newest last, ``static`` (series, categories). For the level, (series,) each: ``mean`` of the last window
    with available periods enough, ``size`` and ``seen``, absolute sales and available periods since the first one,
    ``age`` in periods, and ``known``, whether a window had enough yet.
    """

    at: pd.Timestamp
    names: np.ndarray
    state: torch.Tensor
    carried: Carried
    y: torch.Tensor
    available: torch.Tensor
    static: torch.Tensor
    mean: np.ndarray
    size: np.ndarray
    seen: np.ndarray
    age: np.ndarray
    known: np.ndarray

    def scale(self, unit: float) -> torch.Tensor:
        """Level of each series, (series, 1), as `windows.level.causal_level` has it."""
        level = floored(self.mean, self.size / np.maximum(self.seen, 1.0), unit)
        return torch.as_tensor(level, device=self.y.device)[:, None]


def told_of(column: torch.Tensor) -> torch.Tensor:
    """A covariate that is not in units, as the network reads it."""
    return torch.as_tensor(squashed(column.cpu().numpy()), device=column.device)


def _clip(values: torch.Tensor) -> torch.Tensor:
    return values.clamp(-LARGEST, LARGEST)


@torch.no_grad()
def carry_history(forecaster: Forecaster, history: pd.DataFrame, cutoff: pd.Timestamp | str) -> CarriedState:
    """One pass over all series that live at ``cutoff``, each from its first row.

    Raises ValueError when no series lives then, or when the encoder has no state to carry.
    """
    cutoff = pd.Timestamp(cutoff)
    past = history[history["ds"] <= cutoff].sort_values(["unique_id", "ds"], kind="stable")
    past = past[past.groupby("unique_id", observed=True)["ds"].transform("max") == cutoff].reset_index(drop=True)
    if past.empty:
        raise ValueError(f"cutoff={cutoff.date()}: no series has a row on that day")
    device = next(forecaster.model.parameters()).device
    window = forecaster.window
    tensor = PanelTensor(past, forecaster.vocabulary, window, forecaster.horizon, forecaster.season, device)
    begin, last = tensor.series_start, tensor.series_end - 1
    inputs, length = tensor.read(begin, last, int((last - begin).max()) + 1)
    state, carried = forecaster.model.encoder.carry(inputs, length, None)
    rows = last[:, None] - torch.arange(window - 1, -1, -1, device=device)  # (series, window)
    inside = rows >= begin[:, None]
    rows = torch.maximum(rows, begin[:, None])
    y, available = (values.double()[rows] * inside for values in (tensor.y, tensor.available))
    sold, seen = past["y"].fillna(0.0).to_numpy("float64"), past["available"].fillna(1.0).to_numpy("float64")
    starts, ends = begin.cpu().numpy(), last.cpu().numpy()
    first = tensor.first_row(np.arange(len(past)))
    level = causal_level(sold, seen, first, window, forecaster.vocabulary.unit)
    return CarriedState(
        cutoff,
        np.asarray(tensor.names),
        state,
        carried,
        y,
        available,
        tensor.static,
        level.mean[ends],
        np.add.reduceat(np.abs(sold) * seen, starts),
        np.add.reduceat(seen, starts),
        ends - starts + 1,
        level.known[ends],
    )


@torch.no_grad()
def carry_day(forecaster: Forecaster, state: CarriedState, rows: pd.DataFrame) -> CarriedState:
    """The state one period later.

    Parameters
    ----------
    rows : feature rows of the next period, one for each series of the state.

    Raises
    ------
    ValueError
        When a series is missing, stands twice, or the rows are not those of the next period.
    """
    at = pd.date_range(state.at, periods=2, freq=forecaster.freq)[1]
    found = rows.set_index("unique_id")
    wrong = sorted(set(state.names) ^ set(found.index))
    if wrong or found.index.has_duplicates or (found["ds"] != at).any():
        raise ValueError(
            f"rows: expected one row of {at.date()} for each of the {len(state.names)} series; "
            + (f"{wrong[0]!r} is missing or unknown" if wrong else "a series stands twice or has another date")
        )
    found, words, device = found.loc[state.names], forecaster.vocabulary, state.y.device

    def column(name: str, empty: float = 0.0) -> torch.Tensor:
        return torch.as_tensor(found[name].fillna(empty).to_numpy("float64"), device=device)[:, None]

    sold, seen = column("y"), column("available", 1.0)
    y, available = torch.cat([state.y[:, 1:], sold], 1), torch.cat([state.available[:, 1:], seen], 1)
    now, put = (each.cpu().numpy()[:, 0] for each in (sold, seen))
    within = available.sum(1).cpu().numpy()
    enough = enough_of(within, np.minimum(state.age + 1, forecaster.window))
    mean = (y * available).sum(1).cpu().numpy() / np.maximum(within, 1.0)
    mean = np.where(enough | (~state.known), mean, state.mean)
    after = replace(
        state,
        at=at,
        y=y,
        available=available,
        mean=mean,
        size=state.size + np.abs(now) * put,
        seen=state.seen + put,
        age=state.age + 1,
        known=state.known | enough,
    )
    scale = after.scale(words.unit)
    columns = [_clip(sold / scale), torch.ones_like(seen), seen, torch.log(scale / words.unit)]
    for name in (*words.historical, *words.future):
        columns.append(_clip(column(name) / scale) if name in words.in_units else told_of(column(name)))
    inputs = torch.stack(columns, 2).float()  # (series, 1, inputs)
    one = torch.ones(len(inputs), dtype=torch.int64, device=device)
    encoded, carried = forecaster.model.encoder.carry(inputs, one, state.carried)
    return replace(after, state=encoded, carried=carried)


@torch.no_grad()
def carried_forecast(forecaster: Forecaster, state: CarriedState, future: pd.DataFrame) -> pd.DataFrame:
    """Forecast table of all series from the carried state; ``future`` as for `Forecaster`."""
    season, names = forecaster.season, state.names
    rows = forecaster.known_ahead(names, future, state.at)
    values = rows[list(forecaster.vocabulary.future)].fillna(0.0).to_numpy("float32")
    known = torch.as_tensor(squashed(values), device=state.y.device).view(len(names), forecaster.horizon, -1)
    known = known[torch.as_tensor(np.argsort(np.argsort(names)), device=known.device)]  # rows are sorted by name
    cycles = forecaster.window // season
    scale = state.scale(forecaster.vocabulary.unit)
    sold, seen = (
        each[:, -cycles * season :].view(len(names), cycles, season).sum(1)
        for each in (state.y * state.available, state.available)
    )
    phases = (sold / scale + 1) / (seen + 1)  # (series, season)
    mean, quantiles = forecaster.model.decode(
        state.state[:, None], state.static, scale.float(), phases[:, None].float(), known
    )
    mean, quantiles = mean[:, 0] * scale, quantiles[:, 0] * scale[:, :, None]
    table = forecaster.table(names, state.at, mean.float().cpu(), quantiles.float().cpu())
    return close_shop(table, rows, list(forecaster.vocabulary.future))
