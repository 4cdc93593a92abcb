"""From declared roles and cells to the columns of a panel, as numbers or as categories of series (chapter 01)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from salesforecast_lib.data.ahead.categories import Category, category_of, category_texts, indicators, varies_within
from salesforecast_lib.data.ahead.usual import is_price
from salesforecast_lib.data.own_columns import is_empty, numbers_of
from salesforecast_lib.wording import first_names

NONE = "none"  # what a blank cell of a category says, where the history has blanks


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
    table: pd.DataFrame,
    names: list[str],
    declared: Mapping[str, str],
    told: set[str],
    planned: set[str],
    history: int | None = None,
) -> Settled:
    """Give each covariate its role and its numbers.

    A column that lists what was on, only shares above 0 (such as 1) or the name of it beside blanks, is without where
    it is blank. Of other numbers a blank is a gap.

    Parameters
    ----------
    table : all rows of the file, those ahead included: they follow the first ``history`` rows, by default all.
    names : its covariates.
    declared : role by column, as the user says.
    told, planned : columns with values ahead in the file itself, and in the plan file.
    """
    settled, ahead = Settled(table.copy()), []
    past = np.arange(len(table)) < (len(table) if history is None else history)
    for name in names:
        if name in ("available", "open"):
            continue
        cells = settled.table.pop(name)
        if is_empty(cells)[past].all():
            settled.notes.append(f"column {name!r} is empty and left out")
            continue
        blanks = is_empty(cells) & (past | (name in told))  # blank ahead: not told, where the column has nothing there
        role = declared.get(name, "")
        if role in ("historical", "static") and name in planned:
            settled.notes.append(f"column {name!r} of the plan is not used: you declared it {role}")
        place = name == "location_id" and not role  # an id is text, also one of digits
        numbers = None if role == "static" or place else numbers_of(cells)
        known_ahead = role == "future" or (not role and (name in told or name in planned))
        if numbers is not None:
            if blanks[past].any() and _lists_what_was_on(name, numbers[past]):
                numbers = numbers.mask(blanks, 0.0)
                settled.notes.append(f"column {name!r} is never 0 and has blanks: blank is read as 0")
            settled.table[name] = numbers
            (settled.future if known_ahead else settled.historical).append(name)
            ahead += [name] if known_ahead and not role else []
            continue
        texts = category_texts(cells)
        varies = varies_within(texts, settled.table["unique_id"])
        mark = bool(blanks[past].any()) and texts[past].nunique() == 1  # such as x, or the name of the promotion
        if (
            known_ahead
            and (varies or (mark and (role == "future" or blanks[past].mean() > 0.2)))
            or (role == "historical" and (varies or mark))
        ):
            varies = True
            if blanks[past].any():
                texts = texts.mask(blanks, NONE)
                settled.notes.append(f"column {name!r}: blank is a value of its own, {NONE!r}")
        if role in ("", "static") and not (known_ahead and varies):
            _describe_series(settled, name, texts, varies)
            continue
        category = category_of(texts[past])
        new = sorted(set(texts[~past].dropna()) - {category.usual, *category.values, *category.others})
        if new:
            settled.notes.append(never_had(name, new, category, "the rows after the data hold"))
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


def never_had(name: str, new: list[str], category: Category, where: str) -> str:
    """What is said of values of a category that are told ahead and that the data never had."""
    return (
        f"{name}: {where} {first_names(new)}, which the data never had: nothing can be known of its effect, it counts "
        f"as {category.usual!r}"
    )


def _lists_what_was_on(name: str, numbers: pd.Series) -> bool:
    """Whether a column holds shares above 0 only, such as the 1 of a promotion or the depth of a discount."""
    values = numbers.dropna()
    return not is_price(name) and bool(((values > 0) & (values <= 1)).all())


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
