"""What chapter 06 leaves of the champion for later chapters: its forecasts, those of its members, its make-up."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from salesforecast_lib.files import resolve, write_json, write_parquet
from salesforecast_lib.models.champion import MODEL, Champion, ChampionConfig, save_champion
from salesforecast_lib.models.ensembles.report import with_sales

FILE, FOLDER = "champion_forecasts.parquet", "champion"


def beside_members(champion: Champion) -> pd.DataFrame:
    """The champion's forecasts and those of its members at the same cutoffs, in one table.

    A member that is all of the champion keeps its own rows as well.
    """
    at = champion.members["cutoff"].isin(champion.forecasts["cutoff"].unique())
    return pd.concat([champion.forecasts, champion.members[at]], ignore_index=True)


def write_champion(
    champion: Champion, config: ChampionConfig, panel: pd.DataFrame, run_dir: str | Path
) -> pd.DataFrame:
    """Write ``champion_forecasts.parquet``, ``champion.json`` and the fitted models of the last cutoff, ``champion/``.

    Returns the forecasts, with ``y`` where it is known.

    Parameters
    ----------
    panel : ``unique_id, ds, y`` of every series that the champion forecasts.
    """
    written = with_sales(beside_members(champion), panel)
    write_parquet(written, resolve(run_dir) / FILE)
    made = {
        "compositions": {when: made.to_json() for when, made in champion.compositions.items()},
        "seconds": {name: round(float(taken), 1) for name, taken in champion.seconds.items()},
        "budget_minutes": config.budget_minutes,
        "seed": config.seed,
    }
    write_json(made, resolve(run_dir) / "champion.json")
    if champion.stored is not None:
        save_champion(champion.stored, resolve(run_dir) / FOLDER)
    return written


def shares_over_time(champion: Champion) -> pd.DataFrame:
    """Share of each member at each cutoff: index ISO dates, a column a member that ever has one, largest first."""
    table = pd.DataFrame({when: made.weights for when, made in champion.compositions.items()}).T.fillna(0.0)
    order = table.sum().sort_values(ascending=False, kind="stable").index
    return table[order[table.sum()[order] > 0]].sort_index()


def best_member_found(
    losses: Mapping[str, float] | pd.Series, members: Sequence[str], what: str, name: str = MODEL, within: float = 2.0
) -> str:
    """How far the champion is from its best member, which is known only afterwards.

    Parameters
    ----------
    losses : by model; those that are no number are not compared.
    within : per cent; closer than that is called level.
    """
    values = pd.Series(losses, dtype="float64")
    known = values.reindex([member for member in members if member != name]).dropna()
    if known.empty or not np.isfinite(values.get(name, np.nan)):
        return f"{what}: not defined for {name} or for its members here"
    best = str(known.idxmin())
    if known[best] <= 0:
        return f"{what}: {best} makes no error here, {name} {values[name]:.3g}"
    gap = 100 * (values[name] / known[best] - 1)
    if abs(gap) <= within:
        return f"{what}: {name} within {within:g} % of its best member on these rows, {best}"
    return f"{what}: {name} {abs(gap):.1f} % {'above' if gap > 0 else 'below'} its best member on these rows, {best}"
