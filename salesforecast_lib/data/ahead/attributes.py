"""Price, discount, promotion and other attributes of order lines, per series and period (chapter 01)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from salesforecast_lib.data.ahead.categories import Category, category_of, category_texts, indicators
from salesforecast_lib.data.ahead.usual import KEYS
from salesforecast_lib.data.calendar import period_index
from salesforecast_lib.data.own_columns import is_empty, numbers_of, settle_names

_NONE = ("", "0", "0.0", "no", "none", "false", "nein", "non", "nan")  # of a column that names the promotion


@dataclass
class Attributes:
    """``panel`` with a column for each attribute; ``columns`` maps the attribute to its columns there."""

    panel: pd.DataFrame
    columns: dict[str, list[str]] = field(default_factory=dict)
    categories: dict[str, Category] = field(default_factory=dict)


def add_attributes(
    panel: pd.DataFrame, lines: pd.DataFrame, names: Iterable[str], level: str, freq: str, by_location: bool
) -> Attributes:
    """Attributes of order lines as columns of the panel.

    ``price`` is what was last paid, also where nothing was sold, and ``discount`` the share of the list price: both are
    in the panel. A number is the mean over the lines of the period; ``promotion``, and numbers between 0 and 1, are the
    share of lines and 0 where nothing was sold, others keep their last value. Text has a column for each value.
    """
    found = Attributes(panel)
    wanted = [name for name in names if name not in panel]
    found.columns = {name: [name] for name in names if name in panel}
    if not wanted:
        return found
    number, calendar, complete = period_index(lines["timestamp"], freq)
    ids = lines[level].astype(str)
    if by_location:
        ids = ids + " @ " + lines["location_id"].astype(str)
    keys = pd.DataFrame({"unique_id": ids.to_numpy(), "ds": calendar.to_numpy()[number]})
    grid = pd.MultiIndex.from_frame(panel[KEYS])
    for name in wanted:
        cells = lines[name].reset_index(drop=True)
        numbers = numbers_of(cells)
        if name == "promotion" and numbers is None:
            named = ~cells.astype("string").str.strip().str.casefold().isin(_NONE).fillna(False) & ~is_empty(cells)
            numbers = named.astype("float64")
        if numbers is not None:
            values = pd.DataFrame({settle_names([name])[0][0]: numbers.fillna(0.0) if name == "promotion" else numbers})
        else:
            texts = category_texts(cells)
            found.categories[name] = category_of(texts)
            values = indicators(texts, name, found.categories[name])
        table = values[complete].groupby([keys.loc[complete, "unique_id"], keys.loc[complete, "ds"]]).mean()
        table = table.reindex(grid)
        for column in table:
            share = bool(table[column].dropna().between(0, 1).all())
            filled = pd.Series(table[column].to_numpy(), index=panel.index)
            if not share:
                filled = filled.groupby(panel["unique_id"]).ffill().groupby(panel["unique_id"]).bfill()
            found.panel = found.panel.assign(**{str(column): np.nan_to_num(filled.to_numpy("float64"))})
        found.columns[name] = [str(column) for column in table]
    return found
