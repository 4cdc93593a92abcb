"""What chapter 06 leaves for later chapters: the members' forecasts and the numbers about committees."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.files import resolve, write_json, write_parquet
from salesforecast_lib.models.ensembles.ensemble import Weights

METRICS = ("wape", "bias", "mase", "rmsse", "scaled_quantile_loss", "coverage_50", "coverage_80", "coverage_90")


def with_sales(forecasts: pd.DataFrame, panel: pd.DataFrame) -> pd.DataFrame:
    """The forecast table with ``y`` wherever the period has passed."""
    return forecasts.drop(columns="y", errors="ignore").merge(panel[["unique_id", "ds", "y"]], how="left")


def write_members(members: pd.DataFrame, panel: pd.DataFrame, run_dir: str | Path) -> None:
    """Write ``members.parquet``: every member's forecasts with ``y``."""
    write_parquet(with_sales(members, panel), resolve(run_dir) / "members.parquet")


def _by_model(table: pd.DataFrame) -> dict[str, Any]:
    return table.set_index("model")[list(METRICS)].replace({np.nan: None}).to_dict("index")


def write_report(
    run_dir: str | Path,
    evaluated: Mapping[str, pd.DataFrame],
    learned: Mapping[str, Mapping[str, Weights]],
    cutoffs: Sequence[pd.Timestamp],
    learned_at: Sequence[pd.Timestamp],
    chosen: str,
    coverage: pd.DataFrame,
    levels: pd.DataFrame,
) -> dict[str, Any]:
    """Write ``ensemble.json`` and return it.

    Parameters
    ----------
    evaluated : tables of `evaluate` under "members", "committees" and "committees_with_learned_weights".
    coverage : observed coverage of the 90 % interval by model and kind of calibration; ``levels`` : WAPE by level and
        kind of reconciliation. Both are left out when no weights were learned at any cutoff.
    """
    tables = {name: _by_model(table) for name, table in evaluated.items()}
    flat = {f"{model} {kind}": float(value) for (model, kind), value in coverage.stack().items()}
    report = {
        **tables,
        "chosen": chosen,
        "weights": {method: {when: w.to_json() for when, w in fitted.items()} for method, fitted in learned.items()},
        "coverage_90": flat if learned_at else {},
        "hierarchy_wape": levels.to_dict() if learned_at else {},
        "cutoffs": [str(end.date()) for end in cutoffs],
        "learned_at": [str(end.date()) for end in learned_at],
    }
    write_json(report, resolve(run_dir) / "ensemble.json")
    return report
