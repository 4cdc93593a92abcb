"""Price, discount, promotion and other attributes of order lines, per series and period (chapter 01)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from salesforecast_lib.data.ahead.categories import Category, category_of, category_texts, indicators
from salesforecast_lib.data.ahead.settle import NONE
from salesforecast_lib.data.ahead.usual import KEYS, is_price
from salesforecast_lib.data.availability import place_names
from salesforecast_lib.data.calendar import inner_season, period_index
from salesforecast_lib.data.own_columns import is_empty, settle_names
from salesforecast_lib.data.reading import ReadingError, ReadingReport, ReadOptions
from salesforecast_lib.data.reading.cells.numbers import read_numbers
from salesforecast_lib.data.reading.panel_file import covariates_of

# what a column that names the promotion says where there was none
_NONE = "|0|0.0|no|n|none|false|off|-|nan|nein|keine|kein|non|nee|nao|não|ninguna|ninguno|nessuna|无|なし".split("|")


@dataclass
class Attributes:
    """``panel`` with a column for each attribute; ``columns`` maps the attribute to its columns there."""

    panel: pd.DataFrame
    columns: dict[str, list[str]] = field(default_factory=dict)
    categories: dict[str, Category] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def add_attributes(
    panel: pd.DataFrame,
    lines: pd.DataFrame,
    names: Mapping[str, str],
    grouping: tuple[str, bool],
    freq: str,
    marks: ReadingReport | None = None,
) -> Attributes:
    """Attributes of order lines as columns of the panel.

    ``price`` is what was last paid, also where nothing was sold, and ``discount`` the share of the list price: both are
    in the panel. A number is the mean over the lines of the period; ``promotion`` and the columns of a text, one for
    each of its values, are the share of lines. A period without a line tells nothing: what is known ahead keeps its
    last value for one season, as a promotion goes on over a day without a sale. Were it 0 there, it would say that
    nothing is sold. After that, and of what is observed at once, shares are 0; other numbers keep their last value.

    Parameters
    ----------
    names : role by attribute, "future" or "historical".
    grouping : column whose values are the series, and whether there is one for each place.
    marks : how the file's numbers were read.
    """
    found = Attributes(panel, {name: [name] for name in names if name in panel})
    if all(name in panel and name != "discount" for name in names):
        return found
    level, by_location = grouping
    number, calendar, complete = period_index(lines["timestamp"], freq)
    ids = lines[level].astype(str)
    if by_location:
        ids = ids + " @ " + place_names(lines)
    keys = pd.DataFrame({"unique_id": ids.to_numpy(), "ds": calendar.to_numpy()[number]})
    grid = pd.MultiIndex.from_frame(panel[KEYS])
    seen = pd.MultiIndex.from_frame(keys[complete].drop_duplicates())
    empty = ~grid.isin(seen)
    periods = inner_season(freq)
    for name, role in names.items():
        if name in panel:
            if name == "discount" and role == "future":
                values = panel[name].mask(empty)
                found.panel = found.panel.assign(discount=_carried(values, panel["unique_id"], periods))
            continue
        values = _values(found, name, lines, marks)
        table = values[complete].groupby([keys.loc[complete, "unique_id"], keys.loc[complete, "ds"]]).mean()
        table = table.reindex(grid)
        for column in table:
            filled = pd.Series(table[column].to_numpy(), index=panel.index)
            if filled.dropna().between(0, 1).all():
                filled = _carried(filled, panel["unique_id"], periods if role == "future" else 0)
            else:
                filled = filled.groupby(panel["unique_id"]).ffill().fillna(0.0)
            found.panel = found.panel.assign(**{str(column): filled})
        found.columns[name] = [str(column) for column in table]
        if not found.columns[name]:
            found.notes.append(f"{name}: has one value only, {found.categories[name].usual!r}, and is left out")
    return found


def _values(found: Attributes, name: str, lines: pd.DataFrame, marks: ReadingReport | None) -> pd.DataFrame:
    """Numbers of an attribute in each line, or a column of 0 and 1 for each of its texts."""
    cells = lines[name].set_axis(lines["row"].to_numpy()) if "row" in lines else lines[name]
    report = ReadingReport("orders", "orders")
    numeric, _ = covariates_of(cells.to_frame(), [name], report)
    if name == "promotion" and not numeric:
        texts = cells.astype("string").str.strip().str.casefold()
        return pd.DataFrame({name: (~texts.isin(_NONE) & ~is_empty(cells)).fillna(False).to_numpy("float64")})
    if numeric:
        known = ReadOptions()
        if marks is not None:
            known = ReadOptions(decimal=marks.decimal or "", thousands=marks.thousands or "")
        values, nothing = read_numbers(numeric, known, report)[name]
        numbers, blank = values.to_numpy("float64"), values.isna().to_numpy()
        if (blank & ~np.asarray(nothing)).any():
            at = int(np.flatnonzero(blank & ~np.asarray(nothing))[0])
            raise ReadingError(
                f"the orders, row {cells.index[at]}: {name} is {cells.iloc[at]!r}, no number with the decimal mark "
                f"{known.decimal!r} of the other columns; correct the column, or leave it out of the roles and the plan"
            )
        listed = blank.any() and not is_price(name) and bool(((numbers[~blank] > 0) & (numbers[~blank] <= 1)).all())
        if name == "promotion" or listed:
            numbers = np.where(blank, 0.0, numbers)
        return pd.DataFrame({settle_names([name])[0][0]: numbers})
    texts = category_texts(cells.reset_index(drop=True))
    texts = texts.where(texts.notna(), NONE)
    found.categories[name] = category_of(texts)
    return indicators(texts, name, found.categories[name])


def _carried(values: pd.Series, ids: pd.Series, periods: int) -> pd.Series:
    """Gaps keep the last value of their series for so many periods, and are 0 after that."""
    groups = values.groupby(ids)
    return (groups.ffill(limit=periods) if periods else values).fillna(0.0)
