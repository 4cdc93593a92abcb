"""A champion whose models are fitted: it forecasts again, under another plan too, without any training (chapter 06)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib import levels_of, quantile_columns
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.champion import guard, means, weights
from salesforecast_lib.models.champion.members import FORMS, Task, forecast_member
from salesforecast_lib.models.champion.plan import Fits
from salesforecast_lib.models.champion.renewed import Part, coding_of, forecast_part, joined, renamed
from salesforecast_lib.models.champion.settings import MODEL, ChampionConfig, Composition
from salesforecast_lib.models.forecaster.persistence import fingerprint
from salesforecast_lib.models.peers.baselines import tidy
from salesforecast_lib.models.peers.coding import Coding, Whole
from salesforecast_lib.models.peers.shelf import Shelf
from salesforecast_lib.models.peers.smoothing import MODEL as ETS
from salesforecast_lib.models.peers.smoothing import numbered

_ROLES = ("static", "historical", "future")


@dataclass(frozen=True)
class StoredChampion:
    """The champion of one cutoff with the fitted models of its members.

    Parameters
    ----------
    cutoff : last period that the models have seen.
    meta : ``features.json`` of the run: freq, horizon, season_length and the roles of the columns.
    config, fits : settings, and what was fitted.
    composition : weights, spread and factor of the mean, as people read them.
    shares : the members' weights, not rounded; only these members are kept.
    shelf : their models, as `persistence` names them.
    categories : values of each static column in the history, sorted; models know them by their place.
    data_sha256 : `fingerprint` of the history up to the cutoff.
    coding : what the models were told in terms of the history; None in champions that were stored without.
    """

    cutoff: pd.Timestamp
    meta: dict[str, Any]
    config: ChampionConfig
    fits: Fits
    composition: Composition
    shares: dict[str, float]
    shelf: Shelf
    categories: dict[str, list[str]]
    data_sha256: str
    coding: Coding | None = None

    @classmethod
    def of(
        cls, task: Task, cutoff: pd.Timestamp, composition: Composition, shares: dict[str, float], shelf: Shelf
    ) -> StoredChampion:
        """What stays of a champion after its call: the members without a share are dropped."""
        kept = {name: model for name, model in shelf.models.items() if name.partition("/")[0] in shares}
        past = task.table.frame[task.table.frame["ds"] <= cutoff]
        known = _categories(past, task.meta)
        told = deepcopy(task.meta), task.config, task.fits, composition, shares, Shelf(kept, closed=True), known
        return cls(cutoff, *told, fingerprint(past), coding_of(task, cutoff))

    def forecast(self, table: FeatureTable, known: pd.DataFrame) -> pd.DataFrame:
        """The forecast table, model "Champion", of every series alive at the cutoff; nothing is fitted.

        With the run's own ``known`` these are the numbers of `champion_forecasts` at this cutoff.

        Parameters
        ----------
        table : features of the history that the models were fitted on; later rows are not looked at.
        known : ``unique_id, ds`` and the future columns of the history and of the horizon after it.

        Raises
        ------
        ValueError
            When the features are not those of the fit, or a row ahead is missing in ``known``.
        """
        self._check(table)
        task = Task(table, known, self.meta, self.fits, self.config)
        parts = {name: forecast_member(task, name, [self.cutoff], self.shelf)[0] for name in self.shares}
        limit = guard.thinkable(table.frame, self.cutoff, 8 * check_freq(str(self.meta["freq"])).inner)
        return composed(parts, self.shares, self.composition.spread, self.composition.mean_factor, limit)[0]

    def with_coding(self, table: FeatureTable, known: pd.DataFrame) -> StoredChampion:
        """The same champion with the coding of its models; of one that was stored without, from the data of its fit.

        Raises
        ------
        ValueError
            When it was stored without, and the data are not those of the fit.
        """
        if self.coding is not None:
            return self
        self._check(table)
        return replace(self, coding=coding_of(Task(table, known, self.meta, self.fits, self.config), self.cutoff))

    def forecast_new(self, table: FeatureTable, known: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
        """The forecast table from other data than those of the fit: later, of other series, of another length.

        Models that learn are those of the fit, and see the data in its coding; simple rules, and the chosen forms of
        AutoETS, are fitted to the new history; weights, spread and the factor of the mean are the champion's. From the
        data of the fit these are the numbers of `forecast`.

        Parameters
        ----------
        table : features in the run's roles.
        known : ``unique_id, ds`` and the future columns of the history and of the horizon after the cutoff.
        cutoff : last known period.

        Raises
        ------
        ValueError
            When the columns are not those of the fit, no series lives at the cutoff, or a row ahead is missing.
        """
        part = self.part(table, known, cutoff)
        return self.composed_of([part], cutoff)[0]

    def numbered(self, names: pd.Index) -> StoredChampion:
        """The same champion for a table whose series go by their place in ``names``."""
        key = f"{ETS}/{FORMS}"
        if key not in self.shelf.models:
            return self
        models = {**self.shelf.models, key: numbered(self.shelf.models[key], names)}
        return replace(self, shelf=Shelf(models, closed=True))

    def part(self, table: FeatureTable, known: pd.DataFrame, cutoff: pd.Timestamp, whole: Whole | None = None) -> Part:
        """What `forecast_new` needs of some of the series; ``whole`` holds the sums over all of them."""
        self._check_roles(table)
        if self.coding is None:
            raise ValueError("champion: it was stored without the coding of its models; with_coding adds it")
        if not (table.frame["ds"] == cutoff).any():
            ends = table.frame["ds"].max()
            raise ValueError(f"cutoff={cutoff.date()}: no series has a row on that day; the data end on {ends.date()}")
        coding = replace(self.coding, whole=whole)
        task = Task(table, known, self.meta, self.fits, self.config, coding, {})
        shelf = renamed(self.shelf, cutoff, task.horizon, task.freq)
        return forecast_part(task, list(self.shares), shelf, cutoff)

    def composed_of(self, parts: Sequence[Part], cutoff: pd.Timestamp) -> tuple[pd.DataFrame, str]:
        """The forecast table from the parts of all series, and what was cut, in a sentence."""
        tables, limit = joined(parts, list(self.shares), self.meta, cutoff, self.config.levels)
        return composed(tables, self.shares, self.composition.spread, self.composition.mean_factor, limit)

    def unknown(self, table: FeatureTable) -> dict[str, list[str]]:
        """By static column: values that the models have not seen, sorted; columns without any are left out."""
        found = {
            name: sorted(set(table.frame[name].astype(str)) - set(self.categories[name])) for name in self.categories
        }
        return {name: values for name, values in found.items() if values}

    def _check_roles(self, table: FeatureTable) -> None:
        for role in _ROLES:
            if list(table.roles[role]) != list(self.meta[role]):
                odd = sorted(set(table.roles[role]) ^ set(self.meta[role])) or "their order"
                raise ValueError(f"features: the {role} columns are not those of the stored models: {odd}; {_AGAIN}")

    def _check(self, table: FeatureTable) -> None:
        self._check_roles(table)
        past = table.frame[table.frame["ds"] <= self.cutoff]
        if fingerprint(past) != self.data_sha256:
            raise ValueError(f"features: the sales up to {self.cutoff.date()} are not those of the fit; {_AGAIN}")
        found = _categories(past, self.meta)
        changed = next((name for name in found if found[name] != self.categories[name]), None)
        if changed is not None:
            raise ValueError(f"features: the values of {changed!r} are not those of the fit; {_AGAIN}")


_AGAIN = "run the stage that stores the champion again"


def _categories(past: pd.DataFrame, meta: Mapping[str, Any]) -> dict[str, list[str]]:
    return {name: sorted(past[name].astype(str).unique()) for name in meta["static"]}


@dataclass(frozen=True)
class Champion:
    """What `champion_forecasts` hands back.

    Parameters
    ----------
    forecasts : the forecast table, model "Champion", at the asked cutoffs.
    members : the forecast tables of the members at the asked cutoffs and at the validation cutoffs.
    compositions : what the champion consists of, by cutoff (ISO date).
    seconds : wall time of each member, all its fits together.
    stored : the champion of the last cutoff with its fitted models; None where forecasts were read back.
    """

    forecasts: pd.DataFrame
    members: pd.DataFrame
    compositions: dict[str, Composition]
    seconds: dict[str, float]
    stored: StoredChampion | None = None


def composed(
    members: Mapping[str, pd.DataFrame],
    shares: Mapping[str, float],
    spread: float,
    mean_factor: float,
    limit: pd.Series,
) -> tuple[pd.DataFrame, str]:
    """The champion's forecast table from those of its members at one cutoff, and what was cut, in a sentence.

    Parameters
    ----------
    members : forecast tables with the same rows, by name; ``shares`` adds up to one.
    spread : factor on the distance of the quantiles from the median.
    limit : largest forecast that is thinkable, by ``unique_id``.
    """
    first = members[next(iter(shares))]
    columns = quantile_columns(levels_of(first))
    taken = np.array([*shares.values()])
    # (members, rows, 1 + levels)
    values = np.stack([members[name][["mean", *columns]].to_numpy("float64") for name in shares])
    levels = np.array(levels_of(first))
    quantiles = weights.widened(weights.mixed(taken, values), levels, spread)
    mean = mean_factor * means.committee_mean(taken, list(shares), values, levels)
    table = first[["unique_id", "ds", "cutoff"]].assign(model=MODEL, mean=mean)
    table = tidy(table.assign(**{name: quantiles[:, k] for k, name in enumerate(columns)}))
    table, cut = guard.capped(table, limit)
    return table.reset_index(drop=True), cut
