"""From declared roles and cells to the columns of a panel, as numbers or as categories of series (chapter 01)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from salesforecast_lib.data.ahead.categories import Category, category_of, category_texts, indicators, varies_within
from salesforecast_lib.data.own_columns import is_empty, numbers_of
from salesforecast_lib.wording import first_names


@dataclass
class Settled:
    """``table`` with every covariate as a number or a text, and the names of each role; ``open`` is among *future*."""

    table: pd.DataFrame
    future: list[str] = field(default_factory=list)
    historical: list[str] = field(default_factory=list)
    static: list[str] = field(default_factory=list)
    categories: dict[str, Category] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def settle_columns(
    table: pd.DataFrame, names: list[str], declared: Mapping[str, str], told: set[str], planned: set[str]
) -> Settled:
    """Give each covariate its role and its numbers.

    Parameters
    ----------
    table : all rows of the file, those ahead included. ``names`` : its covariates.
    declared : role by column, as the user says.
    told, planned : columns with values ahead in the file itself, and in the plan file.
    """
    settled, ahead = Settled(table.copy()), []
    for name in names:
        if name in ("available", "open"):
            continue
        cells = settled.table.pop(name)
        if is_empty(cells).all():
            settled.notes.append(f"column {name!r} is empty and left out")
            continue
        role = declared.get(name, "")
        if role in ("historical", "static") and name in planned:
            settled.notes.append(f"column {name!r} of the plan is not used: you declared it {role}")
        numbers = None if role == "static" else numbers_of(cells)
        known_ahead = role == "future" or (not role and (name in told or name in planned))
        if numbers is not None:
            settled.table[name] = numbers
            (settled.future if known_ahead else settled.historical).append(name)
            ahead += [name] if known_ahead and not role else []
            continue
        texts = category_texts(cells)
        varies = varies_within(texts, settled.table["unique_id"])
        if role in ("", "static") and not (known_ahead and varies):
            _describe_series(settled, name, texts, varies)
            continue
        category = category_of(texts)
        columns = indicators(texts, name, category)
        settled.table[list(columns)] = columns
        settled.categories[name] = category
        (settled.future if known_ahead else settled.historical).extend(columns)
        ahead += [name] if known_ahead and not role else []
        rest = f"; {len(category.others)} rarer values count as {category.usual!r}" if category.others else ""
        settled.notes.append(
            f"column {name!r} is a category with a column of 0 and 1 for {first_names(category.values)}; none of them "
            f"is {category.usual!r}{rest}"
        )
    if ahead:
        settled.notes.append(f"known ahead, because values are told after the data: {first_names(ahead, 12)}")
    return settled


def _describe_series(settled: Settled, name: str, texts: pd.Series, varies: bool) -> None:
    ids = settled.table["unique_id"]
    if varies:
        changing = int((texts.groupby(ids).nunique() > 1).sum())
        settled.notes.append(
            f"column {name!r} holds text such as {texts.dropna().iloc[0]!r} that changes within {changing} series: it "
            f"is read as a category of the series, its most frequent value; future=[{name}] makes it one of each period"
        )
    settled.table[name] = texts
    settled.static.append(name)
