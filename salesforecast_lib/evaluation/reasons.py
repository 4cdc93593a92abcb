"""The reasons of a run's forecasts as a file, and whether they still are those of its champion (chapter 16)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from salesforecast_lib.files import resolve, unescape_formula

FILE = "reasons.csv"
COLUMNS = ("unique_id", "cutoff", "driver", "units", "share", "low", "high", "sure", "when", "usual", "forecast", "why")
USUAL, REST = "usual", "rest of the committee"  # the first row of a product, and the last one
_NUMBERS = ("units", "share", "low", "high", "usual", "forecast")
_NEAR = 1e-3  # by which a forecast may differ from the one that was explained: figures are rounded


def read_reasons(run_dir: str | Path) -> pd.DataFrame:
    """``reasons.csv`` of a run: a row for each product and driver, `COLUMNS`; empty where the run has none.

    ``units`` of a product add up to its ``forecast``, over the horizon after the ``cutoff``.

    Raises
    ------
    ValueError
        When a column is missing, or a number is none.
    """
    file = resolve(run_dir) / FILE
    if not file.is_file():
        return pd.DataFrame(columns=list(COLUMNS))
    table = pd.read_csv(file, keep_default_na=False, dtype=str)
    missing = [name for name in COLUMNS if name not in table]
    if missing:
        raise ValueError(f"{file}: no column {missing[0]!r}; run chapter 16 again, which writes it")
    for name in _NUMBERS:
        values = pd.to_numeric(table[name].replace("", None), errors="coerce")
        wrong = values.isna() & (table[name] != "")
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise ValueError(f"{file}: row {row + 2}, {name}: {table[name].iloc[row]!r} is no number; run chapter 16")
        table[name] = values
    for name in ("unique_id", "driver", "why"):
        table[name] = table[name].map(unescape_formula)
    return table.assign(sure=table["sure"].str.casefold() == "true")[list(COLUMNS)]


def current_reasons(reasons: pd.DataFrame, forecasts: pd.DataFrame) -> pd.DataFrame:
    """The rows of products whose forecast is the one that was explained; a champion made anew has other reasons.

    Parameters
    ----------
    forecasts : the champion's forecast table; its newest cutoff counts.
    """
    if reasons.empty or forecasts.empty:
        return reasons.iloc[:0]
    newest = forecasts["cutoff"].max()
    totals = forecasts[forecasts["cutoff"] == newest].groupby("unique_id")["mean"].sum()
    totals.index = totals.index.astype(str)
    told = reasons["unique_id"].map(totals)
    near = (told - reasons["forecast"]).abs() <= np.maximum(_NEAR * told.abs(), 2e-3)
    return reasons[near & (reasons["cutoff"] == str(newest.date()))].reset_index(drop=True)
