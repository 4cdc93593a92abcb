"""A trained network with everything needed to forecast from any cutoff (chapter 04)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from salesforecast_lib import quantile_columns
from salesforecast_lib.models.networks.predictor import SalesPredictor
from salesforecast_lib.models.peers.baselines import close_shop
from salesforecast_lib.models.windows.level import causal_level
from salesforecast_lib.models.windows.panel_tensor import PanelTensor
from salesforecast_lib.models.windows.vocabulary import Vocabulary, known_ahead


@dataclass
class Forecaster:
    """A network with everything needed to forecast: vocabulary, window, season and where the data ended.

    ``reach`` is the number of periods that the encoder reads before an origin: the window, or for a network trained by
    forking the longest stretch it was trained on; None stands for the window.
    """

    model: SalesPredictor
    vocabulary: Vocabulary
    architecture: dict[str, Any]
    window: int
    horizon: int
    season: int
    freq: str
    metadata: dict[str, Any]
    reach: int | None = None

    @torch.no_grad()
    def __call__(
        self,
        history: pd.DataFrame,
        future: pd.DataFrame,
        cutoff: pd.Timestamp | str,
        batch_size: int = 1024,
        new: pd.DataFrame | None = None,
    ) -> pd.DataFrame:
        """Forecast every series of ``history`` from ``cutoff``, however short it is, and the ``new`` ones.

        A period known to be closed (``open`` 0 among the future columns) is forecast as zero.

        Parameters
        ----------
        history : feature rows; rows after the cutoff are not looked at.
        future : ``unique_id, ds`` and the future columns for the horizon after the cutoff.
        new : ``unique_id`` and the static columns of products without any history; each starts from one day at the
            usual level of the products of its category.

        Returns
        -------
        DataFrame ``unique_id, ds, cutoff, model, mean`` and a column for each level of the network, ``q0.05 …
        q0.95`` by default, one row per series and horizon step.

        Raises
        ------
        ValueError
            When a column, or a day of the horizon, is missing.
        """
        tensor, origins, names, rows = self.windows(history, future, pd.Timestamp(cutoff), new)
        means, parts = [], []
        for begin in range(0, len(origins), batch_size):
            batch = tensor.gather(origins[begin : begin + batch_size], self.reach)
            mean, quantiles = self.model.predict(batch)
            means.append((mean * batch.scale).cpu())
            parts.append((quantiles * batch.scale[:, :, None]).cpu())
        table = self.table(names, pd.Timestamp(cutoff), torch.cat(means), torch.cat(parts))
        return close_shop(table, rows, list(self.vocabulary.future))

    def windows(
        self, history: pd.DataFrame, future: pd.DataFrame, cutoff: pd.Timestamp, new: pd.DataFrame | None = None
    ) -> tuple[PanelTensor, torch.Tensor, np.ndarray, pd.DataFrame]:
        """What the network is told at a cutoff: the panel, the origins in it and the series' names, (series,), and what
        is known ahead; arguments and errors as for a call.
        """
        words = self.vocabulary
        wanted = {"unique_id", "ds", "y", "available", *words.historical, *words.future, *words.static}
        missing = sorted(wanted - set(history))
        if missing:
            raise ValueError(f"features: missing columns {missing}; the model was trained with them")
        place = np.flatnonzero((history["ds"] <= cutoff).to_numpy())
        days = history["ds"].to_numpy()[place]
        series, _ = pd.factorize(history["unique_id"].iloc[place])
        last = pd.Series(days).groupby(series).max().to_numpy()
        alive = (last == np.datetime64(cutoff))[series]
        if not alive.any():
            ends = history["ds"].max()
            raise ValueError(f"cutoff={cutoff.date()}: no series has a row on that day; history ends {ends}")
        place, days, series = place[alive], days[alive], series[alive]
        sales = history[["y", "available"]].iloc[place]
        level = self.levels(sales, series, days)  # of the whole history; the network reads the end of it
        # What the encoder reads, and before it the window of the first day's seasonal average.
        read = (self.reach or self.window) + self.window
        recent = days >= pd.date_range(end=cutoff, periods=read, freq=self.freq)[0].to_datetime64()
        past = history[[name for name in history if name in wanted]].iloc[place[recent]]
        level = level[recent]
        if new is not None and len(new):
            first = self.first_days(past, new, cutoff)
            past = pd.concat([past, first], ignore_index=True)
            level = np.concatenate([level, self.levels(first, np.arange(len(first)), first["ds"].to_numpy())])
        codes, series = pd.factorize(past["unique_id"], sort=True)
        rows = self.known_ahead(series, future, cutoff)
        frame = pd.concat([past, rows], ignore_index=True)
        level = np.concatenate([level, np.full(len(rows), words.unit)])  # of days ahead, only what is known is read
        codes = np.concatenate([codes, np.repeat(np.arange(len(series)), self.horizon)])
        order = np.lexsort((frame["ds"].to_numpy(), codes))
        frame = frame.iloc[order].reset_index(drop=True)
        device = next(self.model.parameters()).device
        tensor = PanelTensor(frame, words, self.window, self.horizon, self.season, device, level[order])
        origins = torch.as_tensor(np.flatnonzero(frame["ds"].to_numpy() == np.datetime64(cutoff)), device=device)
        return tensor, origins, frame["unique_id"].to_numpy()[origins.cpu().numpy()], rows

    def levels(self, sales: pd.DataFrame, series: np.ndarray, days: np.ndarray) -> np.ndarray:
        """Units per scaled unit of each row, (rows,), from what was sold until then.

        Parameters
        ----------
        sales : ``y`` and ``available`` of each series from its first row on.
        series, days : (rows,) number of the series, and period.
        """
        order = np.lexsort((days, series))
        numbers = series[order]
        first = np.searchsorted(numbers, np.arange(numbers[-1] + 1))[numbers]  # first row of each row's series
        sold, seen = sales["y"].fillna(0.0).to_numpy("float64"), sales["available"].fillna(1.0).to_numpy("float64")
        level = np.empty(len(sales))
        level[order] = causal_level(sold[order], seen[order], first, self.window, self.vocabulary.unit).scale
        return level

    def known_ahead(self, names: np.ndarray, future: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
        """Future columns of every series and period after the cutoff, sorted; raises ValueError on a missing row."""
        steps = pd.date_range(cutoff, periods=self.horizon + 1, freq=self.freq)[1:]
        return known_ahead(future, self.vocabulary.future, np.sort(names), steps)

    def table(
        self, names: np.ndarray, cutoff: pd.Timestamp, mean: torch.Tensor, quantiles: torch.Tensor
    ) -> pd.DataFrame:
        """The forecast table from means (series, horizon) and quantiles (series, horizon, quantiles) in units."""
        table = pd.DataFrame(
            {
                "unique_id": np.repeat(names, self.horizon),
                "ds": np.tile(pd.date_range(cutoff, periods=self.horizon + 1, freq=self.freq)[1:], len(names)),
                "cutoff": cutoff,
                "model": self.metadata.get("model", "LSTM"),
                "mean": mean.numpy().ravel(),
            }
        )
        flat = quantiles.reshape(-1, quantiles.shape[2]).numpy()
        return table.assign(**{name: flat[:, k] for k, name in enumerate(quantile_columns(self.model.quantiles))})

    def first_days(self, past: pd.DataFrame, new: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
        """One day for each product without history, at the median level of the products of its category.

        The first static column in which a known product agrees decides; a product of an unseen category gets the
        median level of all.
        """
        static = list(self.vocabulary.static)
        missing = [name for name in ("unique_id", *static) if name not in new]
        if missing:
            raise ValueError(f"new: missing columns {missing}; a product without history needs its categories")
        known = sorted(set(new["unique_id"]) & set(past["unique_id"]))
        if known:
            raise ValueError(f"new: {known[0]!r} already has history; leave it out")
        recent = past[(past["available"] > 0) & (past.groupby("unique_id").cumcount(ascending=False) < self.window)]
        products = recent.groupby("unique_id", observed=True).agg({"y": "mean", **dict.fromkeys(static, "last")})
        level = pd.Series(np.nan, index=new.index)
        for name in static:
            usual = products.groupby(products[name].astype(str))["y"].median()
            level = level.fillna(new[name].astype(str).map(usual))
        level = level.fillna(products["y"].median())
        return new[["unique_id", *static]].assign(ds=cutoff, y=level, available=1.0)


def forecast_origins(
    forecaster: Forecaster, frame: pd.DataFrame, ahead: pd.DataFrame, origins: Sequence[pd.Timestamp]
) -> pd.DataFrame:
    """Forecast from each origin with the same weights, beside what was sold.

    Parameters
    ----------
    frame : feature rows of the whole panel; an origin's forecast reads its future columns only after the origin.
    ahead : ``unique_id, ds`` and the future columns of the periods after the panel; may be empty.

    Returns
    -------
    The forecaster's table of all origins with ``y``, which is missing after the panel's end.
    """
    known = frame[["unique_id", "ds", *forecaster.vocabulary.future]]
    if len(ahead):
        known = pd.concat([known, ahead], ignore_index=True)
    parts = [forecaster(frame, known[known["ds"] > origin], origin) for origin in origins]
    return pd.concat(parts, ignore_index=True).merge(frame[["unique_id", "ds", "y"]], how="left")
