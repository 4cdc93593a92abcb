"""Products that nobody asks for: how long they have not sold, held against their own past (chapters 08 and 09)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from salesforecast_lib.wording import counted

LEAST_DAYS = 56  # shorter silences say nothing: a slow product pauses for weeks
LEAST_PERIODS = 3  # of months, of which 56 days hold less than two
FEW_SALES = 3  # of fewer periods with a sale no usual pause is known: the silence has to be four times as long
NOTHING = 0.01  # units that a forecast may expect in an interval and still mean none


def silence(
    panel: pd.DataFrame, ids: Sequence[str], expected: np.ndarray | None = None, recorded: bool = False
) -> pd.DataFrame:
    """How long each product has not sold, and whether that means that nobody wants it any more; by ``unique_id``.

    A product is unwanted when it has not sold for eight weeks and for more than three times its longest earlier pause
    (with fewer than three periods with a sale, for 32 weeks), when it never sold in eight weeks or more, or when its
    forecast expects nothing. A product for one season of the year, whose pauses are long, is not unwanted.

    Parameters
    ----------
    panel : ``unique_id, ds, y`` and, where there are any, ``open`` and ``available``. Closed periods are not counted.
    ids : products, in the order of the result; one that the panel lacks is not unwanted.
    expected : units that the forecast expects in the coming interval, (products,); None: it is not asked.
    recorded : ``available`` is what the shop recorded: periods out of stock are not counted. Where it was inferred
        from silence itself (order lines), it must not explain it.

    Returns
    -------
    ``periods`` without a sale up to the end, the longest ``pause`` before (periods), ``sales`` (periods with a sale),
    ``unwanted``, and ``why``, empty for the others.
    """
    rows = panel.sort_values(["unique_id", "ds"], kind="stable")
    step = float(np.median(np.diff(np.sort(rows["ds"].unique())) / np.timedelta64(1, "D"))) if len(rows) > 1 else 1.0
    least = max(LEAST_PERIODS, int(np.ceil(LEAST_DAYS / max(step if np.isfinite(step) else 1.0, 1.0))))
    counts = rows["open"].gt(0) if "open" in rows else pd.Series(True, index=rows.index)
    if recorded and "available" in rows:
        counts &= rows["available"] > 0
    sold = (rows["y"].fillna(0.0) > 0)[counts].groupby(rows.loc[counts, "unique_id"], sort=False)
    measured = {name: _gaps(np.flatnonzero(part.to_numpy()), len(part)) for name, part in sold}
    table = pd.DataFrame([measured.get(name, (0, 0, 0)) for name in ids], columns=["periods", "pause", "sales"])
    table.index = pd.Index(ids, name="unique_id")
    needed = np.where((table["sales"] > 0) & (table["sales"] < FEW_SALES), 4 * least, least)
    ended = (table["periods"] >= needed) & (table["periods"] > 3 * table["pause"])
    none = np.zeros(len(table), bool) if expected is None else np.asarray(expected, float) < NOTHING
    table["unwanted"] = ended | none
    table["why"] = [
        ""
        if not row.unwanted
        else "its forecast expects no sale"
        if not gone
        else f"never sold in {counted(row.periods, 'period')}"
        if row.sales == 0
        else f"not sold in {counted(row.periods, 'period')}, longest pause before {row.pause}"
        for row, gone in zip(table.itertuples(), ended, strict=True)
    ]
    return table


def _gaps(places: np.ndarray, periods: int) -> tuple[int, int, int]:
    """Periods after the last sale, longest run of periods without one before it, and number of periods with one."""
    if not len(places):
        return periods, 0, 0
    before = np.diff(np.concatenate([[-1], places])) - 1
    return periods - 1 - int(places[-1]), int(before.max()), len(places)
