"""One call from a feature table to the forecast table (chapter 06)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib import QUANTILES
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.peers.regression import DirectConfig, direct_lightgbm_forecasts

MODEL = "Champion"


@dataclass(frozen=True)
class ChampionConfig:
    """How a champion is made.

    Parameters
    ----------
    budget_minutes : what all fits together may take on this machine, about; settings and members follow from it.
    members : names to choose from; empty takes those that fit the data's size and the budget.
    levels : quantile levels of the forecast, rising, 0.5 among them.
    seed, threads : of everything random, and of each fit.
    """

    budget_minutes: float = 10.0
    members: tuple[str, ...] = ()
    levels: tuple[float, ...] = QUANTILES
    seed: int = 0
    threads: int = 1


@dataclass(frozen=True)
class Composition:
    """What the champion consists of at one cutoff; JSON-able with `to_json`.

    Parameters
    ----------
    weights : member → share, adding up to one.
    losses : member → scaled quantile loss on the validation cutoffs; empty where nothing could be validated.
    left_out : member → the reason, with its figure.
    validated_at : earlier cutoffs on which members were judged, ISO dates.
    notes : what else a reader should be told, in sentences.
    """

    weights: dict[str, float]
    losses: dict[str, float] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    validated_at: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary."""
        return asdict(self)


@dataclass(frozen=True)
class Champion:
    """``forecasts`` (model "Champion") at the asked cutoffs, ``members`` the same of each member, also at the
    validation cutoffs, ``compositions`` by cutoff (ISO date) and ``seconds`` that each member took.
    """

    forecasts: pd.DataFrame
    members: pd.DataFrame
    compositions: dict[str, Composition]
    seconds: dict[str, float]


def champion_forecasts(
    table: FeatureTable,
    known: pd.DataFrame,
    meta: dict[str, Any],
    cutoffs: Sequence[pd.Timestamp],
    config: ChampionConfig = ChampionConfig(),
    *,
    store: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Champion:
    """Forecast from each cutoff with what was known there.

    Parameters
    ----------
    table : features of the whole panel; rows after a cutoff are not looked at, but for the future columns.
    known : ``unique_id, ds`` and the future columns of all periods, those after the end of the data included.
    meta : ``features.json``: freq, horizon, season_length and roles.
    store : folder in which each member's forecasts are kept, so that a stopped call goes on.
    say : told what is being fitted.
    """
    horizon, freq = int(meta["horizon"]), str(meta["freq"])
    direct = DirectConfig(window=8 * check_freq(freq).inner, seed=config.seed, threads=config.threads)
    parts = []
    for cutoff in cutoffs:
        told = (table, known, cutoff, horizon, freq, check_freq(freq).cycle, direct)
        parts.append(direct_lightgbm_forecasts(*told))
    members = pd.concat(parts, ignore_index=True)
    alone = Composition({"LightGBMDirect": 1.0})
    return Champion(members.assign(model=MODEL), members, {str(c.date()): alone for c in cutoffs}, {})
