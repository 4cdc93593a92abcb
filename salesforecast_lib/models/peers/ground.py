"""What the rows of direct regression stand on, whatever their window: made once for several models (chapter 06)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.models.windows.vocabulary import known_ahead


@dataclass(frozen=True)
class Ground:
    """History up to the cutoff and the horizon after it, sorted by series and period.

    Parameters
    ----------
    names : (series,) identifiers; ``series`` (rows,) their places.
    first : (series,) first row of each; ``start, end`` (rows,) first row and the row after the last of a row's series.
    ds, y : (rows,) period, and sales in units, 0 where missing.
    open, seen : (rows,) whether the shop is open, and the availability, 0 after the cutoff and where closed.
    historical : by column (rows,), raw; missing after the cutoff.
    ahead : (rows, future) columns known ahead, raw.
    values : by static column (series,).
    """

    names: pd.Index | np.ndarray
    series: np.ndarray
    first: np.ndarray
    start: np.ndarray
    end: np.ndarray
    ds: np.ndarray
    y: np.ndarray
    open: np.ndarray
    seen: np.ndarray
    historical: dict[str, np.ndarray]
    ahead: np.ndarray
    values: dict[str, pd.Series]


def ground_of(table: FeatureTable, future: pd.DataFrame, cutoff: pd.Timestamp, steps: pd.DatetimeIndex) -> Ground:
    """The ground of a feature frame cut at ``cutoff``: nothing observed later can enter.

    Parameters
    ----------
    future : ``unique_id, ds`` and the future columns for the ``steps`` after the cutoff; other columns are not read.

    Raises
    ------
    ValueError
        When no series lives at the cutoff, or a period of the horizon is missing in ``future``.
    """
    roles, frame = table.roles, table.frame
    names = ["unique_id", "ds", "y", "available", *roles["historical"], *roles["future"], *roles["static"]]
    early = (frame["ds"] <= cutoff).to_numpy()
    past = frame[list(dict.fromkeys(names))]
    past = past if early.all() else past[early]
    alive = past.loc[past["ds"] == cutoff, "unique_id"]
    if alive.empty:
        raise ValueError(f"cutoff={cutoff.date()}: no series has a row on that day; features end {past['ds'].max()}")
    ahead = known_ahead(future, roles["future"], alive, steps)
    ids = pd.concat([past["unique_id"], ahead["unique_id"]], ignore_index=True)
    when = np.concatenate([past["ds"].to_numpy(), ahead["ds"].to_numpy()])
    code = ids.to_numpy() if pd.api.types.is_integer_dtype(ids) else pd.factorize(ids, sort=True)[0]
    order = np.lexsort((when, code))
    series, known = pd.factorize(ids.take(order))

    def column(name: str) -> np.ndarray:
        """Numbers of a column, (rows,); missing after the cutoff where it is not known ahead."""
        after = ahead[name].to_numpy("float64") if name in ahead else np.full(len(ahead), np.nan)
        return np.concatenate([past[name].to_numpy("float64"), after])[order]

    first = np.flatnonzero(np.r_[True, series[1:] != series[:-1]])
    when = when[order]
    opened = np.full(len(order), True)
    if "open" in roles["future"]:
        told = column("open")
        opened = (told > 0) | np.isnan(told)
    seen = np.nan_to_num(column("available")) * opened
    seen *= when <= np.datetime64(cutoff)
    wide = np.empty((len(order), len(roles["future"])), dtype="float32")
    for k, name in enumerate(roles["future"]):
        wide[:, k] = column(name)
    return Ground(
        known, series, first, first[series], np.append(first[1:], len(series))[series], when,
        np.nan_to_num(column("y")), opened, seen, {name: column(name) for name in roles["historical"]}, wide,
        {name: past[name].iloc[order[first]].reset_index(drop=True) for name in roles["static"]},
    )  # fmt: skip
