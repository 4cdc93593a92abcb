"""A panel in blocks of whole series, which can be worked on side by side (chapters 02 and 18)."""

from __future__ import annotations

import numpy as np
import pandas as pd

ROWS = 50_000  # of a block, about: what becomes of one is a few tens of megabytes on its way between processes
# A table with fewer rows is not handed out: its features take as long as a cluster takes to be asked (three seconds;
# a row takes 12 microseconds to build and 2 to send).
WORTH = 250_000


def series_blocks(panel: pd.DataFrame, rows: int = ROWS) -> list[pd.DataFrame]:
    """Blocks of whole series, about ``rows`` rows each and numbered anew, of a panel sorted by ``unique_id, ds``."""
    names = panel["unique_id"].to_numpy()
    starts = np.r_[0, (names[1:] != names[:-1]).nonzero()[0] + 1]
    cuts = sorted({int(starts[np.searchsorted(starts, at)]) for at in range(0, int(starts[-1]) + 1, rows)})
    ends = [*cuts[1:], len(panel)]
    return [panel.iloc[begin:end].reset_index(drop=True) for begin, end in zip(cuts, ends, strict=True)]


def in_order(panel: pd.DataFrame) -> bool:
    """Whether the rows are numbered, and sorted by series and period."""
    ids, days = panel["unique_id"].to_numpy(), panel["ds"].to_numpy()
    same, later = ids[1:] == ids[:-1], ids[1:] > ids[:-1]
    rising = later | (same & (days[1:] >= days[:-1]))
    return bool(np.all(rising)) and panel.index.equals(pd.RangeIndex(len(panel)))
