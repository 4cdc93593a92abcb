"""The reasons of a run, made from its champion and written for the page, the sheet and the server (chapter 16)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.data.features import FeatureTable, load_features
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.evaluation.reasons import FILE
from salesforecast_lib.files import resolve, write_csv, write_json
from salesforecast_lib.models.champion import MODEL, load_champion
from salesforecast_lib.models.champion.stored import StoredChampion
from salesforecast_lib.models.ensembles.members import read_known
from salesforecast_lib.production.explain.card import reasons_table, usual_miss
from salesforecast_lib.production.explain.committee import Reasons, reasons_of
from salesforecast_lib.production.explain.trees import Parts, champion_parts


@dataclass(frozen=True)
class RunParts:
    """What the reasons of a finished run are made from, read and computed once.

    Parameters
    ----------
    known : ``unique_id, ds`` and the future columns of all periods, those after the end of the data included.
    forecasts : the champion's, at all cutoffs.
    parts : of its trees, see `champion_parts`.
    """

    champion: StoredChampion
    table: FeatureTable
    meta: dict[str, Any]
    known: pd.DataFrame
    forecasts: pd.DataFrame
    parts: list[Parts]


def run_parts(run_dir: str | Path) -> RunParts:
    """Read a finished run's champion, features and forecasts, and take its trees apart.

    Raises
    ------
    FileNotFoundError, ValueError
        When the run has no features or no champion, or they do not belong together.
    """
    folder = resolve(run_dir)
    champion = load_champion(folder / "champion")
    table, meta = load_features(folder)
    forecasts = pd.read_parquet(folder / "champion_forecasts.parquet")
    ours = forecasts[forecasts["model"] == MODEL]
    if not (ours["cutoff"] == champion.cutoff).any():
        raise ValueError(
            f"{folder / 'champion_forecasts.parquet'}: no forecast of the champion at {champion.cutoff.date()}, when "
            "it was stored; run its stage 06b_champion again"
        )
    known = read_known(folder, table)
    return RunParts(champion, table, meta, known, ours, champion_parts(champion, table, known))


def run_reasons(told: RunParts) -> tuple[Reasons, str, pd.Series]:
    """Reasons of a finished run's forecasts, the noun of its periods, and how far its totals miss, by product."""
    newest = told.forecasts[told.forecasts["cutoff"] == told.champion.cutoff]
    wide = newest.pivot(index="unique_id", columns="ds", values="mean")
    reasons = reasons_of(told.parts, wide, told.champion.cutoff)
    return reasons, check_freq(str(told.meta["freq"])).period, usual_miss(told.forecasts, MODEL)


def write_reasons(
    run_dir: str | Path, reasons: Reasons, period: str, miss: pd.Series, found: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Write ``reasons.csv`` and ``trust.json``, and return the table.

    Parameters
    ----------
    found : what else the chapter found, for ``trust.json``.
    """
    folder = resolve(run_dir)
    table = reasons_table(reasons, period, miss)
    write_csv(table, folder / FILE)
    named = int(reasons.sure.any(axis=1).sum()) if len(reasons.drivers) else 0
    told = {
        "cutoff": str(reasons.cutoff.date()),
        "products": len(reasons.names),
        "drivers": list(reasons.drivers),
        "with_a_sure_reason": named,
        "rest_share": round(float(abs(reasons.rest).sum() / max(reasons.forecast.sum(), 1e-9)), 3),
    }
    write_json({**told, **(found or {})}, folder / "trust.json")
    return table
