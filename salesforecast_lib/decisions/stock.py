"""A stock file held against the products of a run: what is known, unknown and left over (chapters 08 and 09)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from salesforecast_lib.wording import counted, first_names

MISSING_STOCK = ("unknown", "zero")


class StockList(NamedTuple):
    """Stock of a run's products from a file.

    ``units`` (products,) is not a number where the stock is unknown; ``unknown`` names these products, ``missing`` all
    that the file lacks (counted as zero, perhaps), ``extra`` those of the file that the run lacks; ``note`` says it.
    """

    ids: list[str]
    units: np.ndarray
    unknown: list[str]
    missing: list[str]
    extra: list[str]
    note: str

    @property
    def known(self) -> pd.Series:
        """Units by product, those with a known stock only."""
        return pd.Series(self.units, index=self.ids).dropna()


def match_stock(stock: pd.Series, ids: Sequence[str], missing_stock: str, file: str | Path) -> StockList:
    """Hold ``stock`` (units by product, as `read_stock` reads it) against the products of a run.

    Parameters
    ----------
    missing_stock : what a product is that the file lacks: "unknown", or "zero" (out of stock).
    file : where the stock comes from, for the note.

    Raises
    ------
    ValueError
        When ``missing_stock`` is neither.
    """
    if missing_stock not in MISSING_STOCK:
        raise ValueError(f"missing_stock={missing_stock!r}: expected {' or '.join(map(repr, MISSING_STOCK))}")
    names, place = list(ids), Path(file).name
    units = stock.reindex(names).to_numpy(float)
    missing = [name for name, lacks in zip(names, np.isnan(units), strict=True) if lacks]
    extra = [str(name) for name in stock.index if name not in set(names)]
    lines = [f"stock of {len(names) - len(missing)} of {counted(len(names), 'product')} is in {place}"]
    if missing and missing_stock == "zero":
        units = np.nan_to_num(units)
        lines.append(f"counted as out of stock (missing_stock=zero), not in {place}: {first_names(missing)}")
    elif missing:
        lines.append(
            f"stock unknown, nothing proposed for {counted(len(missing), 'product')} not in {place}: "
            f"{first_names(missing)}; add them to the file, or give missing_stock=zero if it lists only what is there"
        )
    if extra:
        lines.append(
            f"{counted(len(extra), 'product')} of {place} not in this run (never sold, ended, left out by n_series, or "
            f"another id): {first_names(extra)}"
        )
    unknown = [] if missing_stock == "zero" else missing
    return StockList(names, units, unknown, missing, extra, "\n".join(lines))
