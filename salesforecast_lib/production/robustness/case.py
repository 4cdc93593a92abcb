"""What is disturbed and what it is measured with: a panel, a cutoff whose future is known, and stored models."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.features import build_features
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.evaluation.metrics import evaluate, scored_rows
from salesforecast_lib.models.champion import ChampionConfig, StoredChampion, champion_forecasts
from salesforecast_lib.models.champion.renewed import joined
from salesforecast_lib.models.champion.stored import composed

KEYS = ["unique_id", "ds"]
Orders = Callable[[pd.DataFrame], pd.Series]  # a forecast table of one model to units by unique_id


@dataclass(frozen=True)
class Case:
    """A panel up to its end, and a cutoff before it.

    Parameters
    ----------
    panel : as chapter 01 leaves it, sorted.
    meta : ``panel.json``; ``described`` is ``features.json``, which models are told.
    known : ``unique_id, ds`` and the future columns of every period.
    cutoff : last known period; what came after it is what forecasts are scored with.
    """

    panel: pd.DataFrame
    meta: Mapping[str, Any]
    described: Mapping[str, Any]
    known: pd.DataFrame
    cutoff: pd.Timestamp

    @classmethod
    def last_horizon(
        cls, panel: pd.DataFrame, meta: Mapping[str, Any], described: Mapping[str, Any], known: pd.DataFrame
    ) -> Case:
        """The case whose future is the last horizon of the data; series that end before it are left out.

        Raises
        ------
        ValueError
            When the panel is no longer than a horizon.
        """
        days = np.sort(panel["ds"].unique())
        horizon = int(meta["horizon"])
        if len(days) <= horizon:
            raise ValueError(f"panel: {len(days)} periods, expected more than the horizon of {horizon}")
        return cls(panel, dict(meta), dict(described), known, pd.Timestamp(days[-horizon - 1]))

    @property
    def recent(self) -> pd.DatetimeIndex:
        """The last four short seasons before the cutoff: four weeks of days."""
        number = 4 * check_freq(str(self.meta["freq"])).inner
        days = np.sort(self.panel.loc[self.panel["ds"] <= self.cutoff, "ds"].unique())
        return pd.DatetimeIndex(days[-min(number, len(days)) :])

    @property
    def prices(self) -> pd.Series:
        """Last price before the cutoff by ``unique_id``; 1 where the panel has none, so that money is units."""
        past = self.panel[self.panel["ds"] <= self.cutoff]
        if "price" not in past:
            return pd.Series(1.0, index=pd.Index(past["unique_id"].unique(), name="unique_id"))
        return past.groupby("unique_id")["price"].last().fillna(0.0)

    def fit(self, panel: pd.DataFrame | None = None, *, seed: int = 0, minutes: float = 0.2) -> StoredChampion:
        """Small boosted trees, trained on ``panel`` up to the cutoff: what training data can poison."""
        used = self.panel if panel is None else panel
        config = ChampionConfig(minutes, members=("LightGBMDirect",), validation=0, seed=seed)
        table = build_features(used, dict(self.meta))
        known = self.known_for(used)
        stored = champion_forecasts(table, known, dict(self.described), [self.cutoff], config).stored
        assert stored is not None  # nothing was read back from a store
        return stored

    def forecast(self, model: StoredChampion, panel: pd.DataFrame | None = None, guarded: bool = True) -> pd.DataFrame:
        """The forecast table of a stored model on a panel; without the guard when not ``guarded``.

        Nothing is fitted. A model of a later cutoff has seen the weeks that it is scored on: of such a one only the
        difference between two panels says something.
        """
        used = self.panel if panel is None else panel
        part = model.part(build_features(used, dict(self.meta)), self.known_for(used), self.cutoff)
        if guarded:
            return model.composed_of([part], self.cutoff)[0]
        tables, limit = joined([part], list(model.shares), model.meta, self.cutoff, model.config.levels)
        weights = model.shares, model.composition.spread, model.composition.mean_factor
        return composed(tables, *weights, limit * 0 + np.inf)[0]

    def known_for(self, panel: pd.DataFrame) -> pd.DataFrame:
        """What is known ahead, for every series of a panel; copies that training adds take it from their original."""
        extra = set(panel["unique_id"].unique()) - set(self.known["unique_id"].unique())
        if not extra:
            return self.known
        copies = pd.DataFrame({"copy": sorted(extra)})
        copies["unique_id"] = copies["copy"].str.rsplit(COPY, n=1).str[0]
        rows = copies.merge(self.known, on="unique_id").drop(columns="unique_id").rename(columns={"copy": "unique_id"})
        return pd.concat([self.known, rows[self.known.columns]], ignore_index=True)

    def errors(self, forecasts: pd.DataFrame) -> tuple[float, float]:
        """WAPE and scaled quantile loss of a forecast table against what came."""
        rows = scored_rows(forecasts, self.panel)
        found = evaluate(rows, self.panel, int(self.meta["season_length"])).iloc[0]
        return float(found["wape"]), float(found["scaled_quantile_loss"])

    def with_panel(self, panel: pd.DataFrame) -> Case:
        """The same case on other data."""
        return replace(self, panel=panel)


COPY = "\x1fcopy"  # no shop's name holds a unit separator
