"""Rolling-origin backtest: the same cutoffs and the same rows for every model (chapter 07)."""

from __future__ import annotations

from typing import Any

import pandas as pd

from salesforecast_lib.models.baselines import close_shop, lightgbm_forecasts, statistical_forecasts


def comparable_panel(panel: pd.DataFrame, cutoffs: list[pd.Timestamp]) -> pd.DataFrame:
    """Series that every model can forecast at every cutoff: alive then, and with 60 days or 12 weeks before the first.

    Raises ValueError when none is left.
    """
    before = panel[panel["ds"] <= cutoffs[0]]
    span = before.groupby("unique_id")["ds"].agg(["min", "max"])
    step = panel["ds"].drop_duplicates().sort_values().diff().median()
    enough = 60 if step <= pd.Timedelta(days=1) else 12
    last = panel.groupby("unique_id")["ds"].max()
    good = span.index[((span["max"] - span["min"]) / step >= enough) & (last.reindex(span.index) == panel["ds"].max())]
    if len(good) == 0:
        raise ValueError(
            f"no series has {enough} periods before the first cutoff {cutoffs[0].date()} and lives to the "
            "end; use fewer cutoffs, a shorter horizon or a longer history"
        )
    return panel[panel["unique_id"].isin(good)].reset_index(drop=True)


def peer_forecasts(
    panel: pd.DataFrame, meta: dict[str, Any], cutoffs: list[pd.Timestamp], seed: int = 0, threads: int = 1
) -> pd.DataFrame:
    """All peers at all cutoffs, each fitted anew on the rows up to its cutoff."""
    horizon, freq, season = int(meta["horizon"]), str(meta["freq"]), int(meta["season_length"])
    parts = []
    for cutoff in cutoffs:
        parts.append(statistical_forecasts(panel, cutoff, horizon, freq, season, n_jobs=threads))
        parts.append(lightgbm_forecasts(panel, meta, cutoff, seed, threads))
    return close_shop(pd.concat(parts, ignore_index=True), panel, list(meta["future"]))
