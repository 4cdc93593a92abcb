"""Exact contributions of a champion's trees, in units of sales (chapter 16).

A tree of the committee forecasts sales in units of the series: levels, levels in last year's season, or changes. Its
Shapley values add up on that scale, and because the way from there to sales is a shift and a factor that are known at
the cutoff, they add up in units too. What the shift and the factor say themselves is told as well: the level is the
usual, and last year's season belongs to the season.
"""

from __future__ import annotations

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pandas as pd

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.champion.means import mean_shares
from salesforecast_lib.models.champion.stored import StoredChampion
from salesforecast_lib.models.peers import BoostingConfig, LongMemoryRows, OriginRows
from salesforecast_lib.models.peers.coding import Coding
from salesforecast_lib.models.peers.contributions import groups_of, tree_contributions
from salesforecast_lib.models.peers.kinds import KINDS, Units, window_of
from salesforecast_lib.production.explain.drivers import OPEN, SEASON, driver_labels, memory_label

EXPLAINED = ("Boosting", "LightGBMDirect")  # members whose mean is that of trees on known rows


@dataclass(frozen=True)
class Parts:
    """What one model says of the series: usual and what each driver adds, in units of sales.

    Parameters
    ----------
    names : (series,) sorted; ``steps`` (horizon,) the periods ahead.
    share : of the model in the explained part of the committee.
    usual : (series, horizon); ``added`` by driver (series, horizon). Their sum is the model's mean.
    """

    names: np.ndarray
    steps: pd.DatetimeIndex
    share: float
    usual: np.ndarray
    added: dict[str, np.ndarray]

    @property
    def mean(self) -> np.ndarray:
        """The model's forecast, (series, horizon), before anything is cut off."""
        return np.asarray(self.usual + sum(self.added.values()))


def row_labels(rows: OriginRows, table: FeatureTable, freq: str) -> list[str]:
    """The driver of each column of ``rows.inputs``."""
    names = [name for name in rows.numeric if not name.startswith("memory_")]
    labels = driver_labels(names, table.groups, freq)
    if isinstance(rows, LongMemoryRows):
        labels += [memory_label(each, freq) for each in rows.meaning]
    return labels + driver_labels(rows.categories, table.groups, freq)


def parts_of(
    booster: lgb.Booster, rows: OriginRows, labels: list[str], units: Units | None = None, share: float = 1.0
) -> Parts:
    """Contributions of one booster at the rows' cutoff.

    Parameters
    ----------
    labels : driver of each column, as `row_labels`.
    units : shift and factor from the booster's scale to sales; None: levels.
    """
    origin, step = rows.at(rows.cutoff)
    level = rows.level[origin]
    units = units or Units(np.zeros(len(level)), level, level)
    drivers, onto = groups_of(labels)
    base, values = tree_contributions(booster, rows.inputs(origin, step), onto)
    shape = (-1, rows.horizon)
    shut = ~rows.open[origin + step].reshape(shape)
    in_levels = np.where(units.shift > 0, units.shift, level)  # what the scale calls usual
    usual = np.where(units.shift > 0, in_levels + base * units.unit, base * in_levels)
    added = {name: (values[:, k] * units.unit).reshape(shape) for k, name in enumerate(drivers)}
    season = np.where(units.shift > 0, 0.0, base * (units.unit - in_levels)).reshape(shape)
    added[SEASON] = added.get(SEASON, np.zeros_like(season)) + season
    usual = usual.reshape(shape)
    for name in added:
        added[name] = np.where(shut, 0.0, added[name])
    added[OPEN] = added.get(OPEN, np.zeros_like(usual)) - np.where(shut, usual, 0.0)  # closed: nothing is sold
    names = rows.names[rows.series[origin[:: rows.horizon]]]
    return Parts(np.asarray(names).astype(str), rows.steps, share, usual, added)


def champion_parts(
    champion: StoredChampion, table: FeatureTable, known: pd.DataFrame, cutoff: pd.Timestamp | None = None
) -> list[Parts]:
    """Parts of every tree model whose mean is in the champion's mean; none where simple rules or networks made it.

    Parameters
    ----------
    table, known : as for `StoredChampion.forecast`; with a ``cutoff`` as for `StoredChampion.forecast_new`.
    cutoff : last known period of other data than those of the fit; None: that of the fit.

    Returns
    -------
    One for each model; their shares add up to one.
    """
    taken = {name: share for name, share in mean_shares(champion.shares).items() if name in EXPLAINED}
    whole, parts = sum(taken.values()), []
    horizon, freq = int(champion.meta["horizon"]), str(champion.meta["freq"])
    frequency = check_freq(freq)
    last, coding = (champion.cutoff, None) if cutoff is None else (cutoff, champion.coding)
    told = table, known[known["ds"] > last], last, horizon, freq, frequency.cycle
    if "LightGBMDirect" in taken:
        direct = OriginRows(*told, 8 * frequency.inner, coding)
        booster = champion.shelf.models[f"LightGBMDirect/mean-{champion.cutoff.date()}"]
        share = taken["LightGBMDirect"] / whole
        parts.append(parts_of(booster, direct, row_labels(direct, table, freq), share=share))
    if "Boosting" in taken:
        parts += _boosting(champion, table, told, coding, taken["Boosting"] / whole)
    return parts


def _boosting(
    champion: StoredChampion,
    table: FeatureTable,
    told: tuple,  # type: ignore[type-arg]
    coding: Coding | None,
    share: float,
) -> list[Parts]:
    freq = str(champion.meta["freq"])
    past = table.frame.loc[table.frame["ds"] <= champion.cutoff, "ds"]
    periods = coding.periods if coding else past.nunique()
    models = BoostingConfig(draws=champion.fits.boosting_draws).models
    means = [(k, kind) for k, (kind, turn) in enumerate(models) if turn % 2 == 0]
    parts, made = [], dict[int, LongMemoryRows]()
    for number, kind in means:
        booster = champion.shelf.models.get(f"Boosting/{number}/mean")
        if booster is None:  # too short a history: the level itself is the forecast
            continue
        window = window_of(kind, freq, periods)
        if window not in made:
            made[window] = LongMemoryRows(*told, window, coding)
        rows = made[window]
        units = KINDS[kind].units(rows, *rows.at(rows.cutoff))
        parts.append(parts_of(booster, rows, row_labels(rows, table, freq), units, share / len(means)))
    return parts
