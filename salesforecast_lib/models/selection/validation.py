"""Rolling-origin validation of a network inside its training period (chapter 05)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import torch

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.data.scaling import naive_changes
from salesforecast_lib.models.forecaster.fit import NetworkConfig
from salesforecast_lib.models.networks.predictor import SalesPredictor
from salesforecast_lib.models.selection.disturbance import Disturbance, SalesWindows
from salesforecast_lib.models.windows.panel_tensor import Batch, PanelTensor
from salesforecast_lib.models.windows.vocabulary import Vocabulary

WINDOWS = {"D": (28, 56, 84), "W": (13, 26, 39), "M": (12, 24, 36)}  # periods of history that chapter 05 compares


@dataclass(frozen=True)
class Protocol:
    """Origins at which a network is trained anew on what came before, and scored on the horizon after.

    Parameters
    ----------
    origins : validation origins; nothing after an origin is used in training, early stopping included.
    before : the first cutoff of the test; no validation target may lie after it.
    horizon, freq, season_length : as in ``features.json``.
    """

    origins: tuple[pd.Timestamp, ...]
    before: pd.Timestamp
    horizon: int
    freq: str
    season_length: int

    def __post_init__(self) -> None:
        if not self.origins:
            raise ValueError("origins: expected at least one validation origin")
        for origin in self.origins:
            if self.end(origin) > self.before:
                raise ValueError(
                    f"validation origin {origin.date()}: its horizon ends {self.end(origin).date()}, after the first "
                    f"test cutoff {self.before.date()}; the latest possible is {(self.before - self._span()).date()}"
                )

    def _span(self) -> Any:
        return self.horizon * pd.tseries.frequencies.to_offset(self.freq)

    def end(self, origin: pd.Timestamp) -> pd.Timestamp:
        """Last target of an origin."""
        return origin + self._span()

    @property
    def last(self) -> pd.Timestamp:
        """Last period that validation looks at."""
        return self.end(max(self.origins))

    def later(self) -> Protocol:
        """One origin, the last period this protocol looks at: a horizon on which its choice can be checked."""
        return replace(self, origins=(self.last,))


def rolling_validation(
    before: pd.Timestamp,
    meta: Mapping[str, Any],
    origins: int = 3,
    keep: int = 1,
    *,
    first: pd.Timestamp | None = None,
    window: int = 0,
) -> Protocol:
    """The last ``origins`` validation origins, a horizon apart, whose targets end ``keep`` horizons before the test.

    Parameters
    ----------
    first, window : first period of the data and longest window; origins that leave no training window are left out,
        except the last one, which is kept with less history than half the window.

    Raises
    ------
    ValueError
        When ``origins < 1``, or not even one period with a horizon after it lies before the last origin.
    """
    if origins < 1 or keep < 0:
        raise ValueError(f"origins={origins}, keep={keep}: expected at least 1 and 0")
    horizon, freq = int(meta["horizon"]), str(meta["freq"])
    step = horizon * pd.tseries.frequencies.to_offset(freq)
    ends = tuple(pd.Timestamp(before - (keep + k) * step) for k in range(origins, 0, -1))
    if first is not None:  # training targets end a horizon before the origin: early stopping needs that one
        earliest = first + (window // 2) * pd.tseries.frequencies.to_offset(freq) + 2 * step
        if ends[-1] < first + step:
            raise ValueError(
                f"history begins {first.date()}: with horizon={horizon} nothing can be learned before the last "
                f"possible validation origin {ends[-1].date()}; give fewer cutoffs, a smaller horizon or more history"
            )
        ends = tuple(end for end in ends if end >= earliest) or ends[-1:]
    return Protocol(ends, pd.Timestamp(before), horizon, freq, int(meta["season_length"]))


def searched_meta(meta: Mapping[str, Any], first: pd.Timestamp, before: pd.Timestamp) -> dict[str, Any]:
    """``meta`` with the horizon of a search: the run's, or a shorter one where the history has no room for it.

    Before the first test cutoff ``before`` lie a horizon to check the choice on, one to choose by, and one each for
    early stopping and for training that may not overlap: five of them from the first period ``first`` on.
    """
    periods = len(pd.date_range(first, before, freq=str(meta["freq"])))
    return {**meta, "horizon": max(1, min(int(meta["horizon"]), (periods - 2) // 5))}


def until(table: FeatureTable, last: pd.Timestamp) -> FeatureTable:
    """The table without the rows after ``last``."""
    return replace(table, frame=table.frame[table.frame["ds"] <= last].reset_index(drop=True))


def sample_series(table: FeatureTable, last: pd.Timestamp, number: int) -> FeatureTable:
    """At most ``number`` series, evenly spread from the best to the worst selling by what is known at ``last``."""
    frame = table.frame
    sales = frame[frame["ds"] <= last].groupby("unique_id", observed=True)["y"].sum()
    order = sales.sort_values(ascending=False, kind="stable").index
    kept = order[np.unique(np.linspace(0, len(order) - 1, min(number, len(order))).round().astype(int))]
    return replace(table, frame=frame[frame["unique_id"].isin(kept)].reset_index(drop=True))


class OriginScore:
    """Scaled quantile loss of a network's forecasts from one origin, whatever its window or loss.

    The training loss divides by the mean of the window, so networks with different windows (or heads) cannot be
    compared by it. Here the pinball loss is taken in units and divided by the series' seasonal naive error up to the
    origin; the result is `evaluate`'s ``scaled_quantile_loss`` (Makridakis et al. 2022). All networks are scored on the
    same rows: series with the whole horizon observed and a naive error above zero.

    Raises
    ------
    ValueError
        When no series can be scored at this origin.
    """

    def __init__(self, table: FeatureTable, protocol: Protocol, origin: pd.Timestamp, config: NetworkConfig) -> None:
        frame = until(table, protocol.end(origin)).frame
        known = until(table, origin)
        season = check_freq(protocol.freq).cycle
        vocabulary = Vocabulary.of(known, config.without)
        tensor = PanelTensor(frame, vocabulary, config.window, protocol.horizon, season)
        rows = tensor.origins(origin, origin)
        scale = naive_errors(known.frame, protocol.season_length)
        names = frame["unique_id"].to_numpy()[rows]
        usable = scale.reindex(names).to_numpy() > 0  # a missing error compares False
        if not usable.any():
            raise ValueError(f"validation origin {origin.date()}: no series has a horizon after it and a naive error")
        self.origin, self.series = origin, names[usable]
        self.windows = SalesWindows(replace(table, frame=frame), tensor, rows[usable], protocol.freq, config.reach)
        self.batch: Batch = self.windows.clean
        self.scale = torch.as_tensor(scale.loc[self.series].to_numpy(), dtype=torch.float32)[:, None]  # (series, 1)
        back = torch.arange(protocol.horizon) % season - season + 1  # the last season, repeated
        last = torch.as_tensor(rows[usable])
        past = torch.maximum(
            last[:, None] + back, torch.as_tensor(tensor.first_row(rows[usable]))[:, None]
        )  # (series, horizon)
        self.naive = self._mean(self._losses(tensor.y[past][:, :, None], (0.5,)))

    def _losses(self, quantiles: torch.Tensor, levels: tuple[float, ...]) -> torch.Tensor:
        """Scaled quantile loss of each series, (series,), from ``quantiles`` (series, horizon, levels) in units."""
        tau = torch.tensor(levels)
        error = self.batch.target[:, :, None] - quantiles
        loss = torch.maximum(tau * error, (tau - 1) * error).mean(2) / self.scale  # (series, horizon)
        open_days = (self.batch.weight > 0).float()
        return (loss * open_days).sum(1) / open_days.sum(1)  # missing where the shop was closed throughout

    def _mean(self, losses: torch.Tensor) -> float:
        return float(losses[(self.batch.weight > 0).any(1)].mean())

    def losses(self, model: SalesPredictor, batch: Batch) -> torch.Tensor:
        """Scaled quantile loss of the model's forecast for each series, (series,), from these windows."""
        device = next(model.parameters()).device
        batch = Batch(**{name: value.to(device) for name, value in vars(batch).items()})
        with torch.no_grad():
            quantiles = (model(batch) * batch.scale[:, :, None]).cpu()  # (series, horizon, quantiles) in units
        return self._losses(quantiles, model.quantiles)

    def __call__(self, model: SalesPredictor, disturbed: Disturbance | None = None, seed: int = 0) -> float:
        """Score of the model on the sales as they were, or disturbed before anything was derived from them."""
        training = model.training
        model.eval()
        windows = self.windows.disturbed(disturbed or Disturbance(), lambda batch: self.losses(model, batch), seed)
        losses = self.losses(model, windows)
        model.train(training)
        return self._mean(losses)


def naive_errors(frame: pd.DataFrame, season: int) -> pd.Series:
    """Mean absolute seasonal naive error of each series over available pairs of periods, missing without any.

    See `naive_changes` for a history of less than a season.
    """
    return naive_changes(frame, season).abs().groupby(frame["unique_id"]).mean()
