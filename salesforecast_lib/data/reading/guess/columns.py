"""Which column of an unknown file is which: by its name in nine languages *and* by its cells, else it is asked.

A guess says what it rests on. It is certain only when the name is known, the cells fit, and no other column that says
something else fits as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from salesforecast_lib.data.reading.cells.periods import first_days
from salesforecast_lib.data.reading.cells.serials import stamps_of_numbers
from salesforecast_lib.data.reading.cells.stamps import parse_stamp
from salesforecast_lib.data.reading.guess.evidence import (
    constant_within,
    counts_lines,
    numbers_of,
    of_the_order,
    rhythm,
    same,
    same_day,
    text_of,
)
from salesforecast_lib.data.reading.guess.headers import ROLES, says_cancelled
from salesforecast_lib.data.reading.guess.look import WHOLE, Choice, Looked
from salesforecast_lib.data.reading.guess.prices import guess_price

REQUIRED = {
    "orders": ("product_id", "timestamp", "quantity", "unit_price"),
    "panel": ("unique_id", "ds", "y"),
    "stock": ("unique_id", "stock"),
    "plan": ("unique_id", "ds"),
}
_DENSE = 0.8  # share of the days of its span on which a daily series has a row; shops close on Sundays
_NAMES = {"unique_id": "product_id", "ds": "timestamp"}  # whose names a panel's columns share


@dataclass(frozen=True)
class Guess:
    """What a file is (``kind``: orders, panel, stock or plan) and what its columns are.

    ``cancelled_when`` maps a column to the values that cancel an order (none: whenever it is filled), ``static`` are
    attributes of products; ``states`` shows the states of orders that stay, ``header`` all columns of the file.
    """

    kind: str
    choices: tuple[Choice, ...]
    cancelled_when: dict[str, list[str]]
    static: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    header: tuple[str, ...] = ()

    @property
    def columns(self) -> dict[str, str]:
        """``{our name: name in the file}`` of what was found."""
        return {choice.role: choice.column for choice in self.choices if choice.column is not None}

    @property
    def open(self) -> tuple[Choice, ...]:
        """Choices that have to be asked."""
        return tuple(choice for choice in self.choices if not choice.certain)


def _choose(looked: Looked, role: str, order: str | None = None) -> Choice:
    """The column of a role that is no price."""
    if role in looked.meant:
        column = looked.meant[role]
        return _made(looked, role, column, "this system's name for it")
    names = _NAMES.get(role, role)
    found = looked.named(role, names)
    if names == "product_id":
        lines = looked.table[order] if order else None
        found = [entry for entry in found if not counts_lines(looked.table[entry[2]], lines)]
    if not found:
        columns = tuple(name for name in looked.headers if looked.fits(role, name))
        return Choice(role, None, "no column has a name that says so", False, columns)
    tier, _, column = found[0]
    rivals = tuple(name for other, _, name in found[1:] if other == tier and not _alike(looked, role, column, name))
    later = [name for other, _, name in found if other > tier]
    look = looked.profiles[column]
    evidence = "by its name" if tier < len(ROLES[names].tiers) else "by a part of its name"
    if names in ("order_id", "product_id") and look.filled < WHOLE:
        rivals += tuple(name for name in later if looked.profiles[name].filled >= WHOLE)
        evidence += f", but {1 - look.filled:.0%} of its cells are empty: those rows go to quarantine"
        return _made(looked, role, column, evidence, rivals, not rivals)
    if later and not rivals:
        evidence += f"; rather than {later[0]}"
    if rivals:
        evidence += f"; {', '.join(rivals)} could be it too"
    return _made(looked, role, column, evidence, rivals, not rivals)


def _alike(looked: Looked, role: str, one: str, two: str) -> bool:
    first, second = looked.table[one], looked.table[two]
    if role in ("timestamp", "ds"):
        return same_day(first, second)
    return same(first, second, ids=role in ("order_id", "product_id", "unique_id", "customer_id", "location_id"))


def _made(
    looked: Looked, role: str, column: str, evidence: str, rivals: tuple[str, ...] = (), certain: bool = True
) -> Choice:
    return Choice(role, column, evidence, certain, rivals, looked.profiles[column].examples)


def _optional(looked: Looked, role: str, order: str | None, taken: set[str]) -> Choice | None:
    """A column that helps and is never asked for: the first whose name says so, if it belongs to the line."""
    found = [*looked.named("unit_price"), *looked.named(role)] if role == "price" else looked.named(role)
    for tier, _, column in found:
        whole_order = order is not None and of_the_order(looked.table[column], looked.table[order])
        # "Discount: 10" may be per cent; money has cents, or a name that says so
        percent = tier > 0 and looked.profiles[column].whole == 1
        if column not in taken and not (role == "discount" and (whole_order or percent)):
            return _made(looked, role, column, "by its name")
    return None


def _cancelled(looked: Looked) -> tuple[dict[str, list[str]], tuple[str, ...]]:
    """Column and values of cancelled orders, and the states that stay."""
    found: dict[str, list[str]] = {}
    stay: list[str] = []
    for _, _, column in looked.named("status"):
        states = [state for state in text_of(looked.table[column]).unique() if state]
        gone = [state for state in states if says_cancelled(state)]
        if gone:
            found[column] = gone
        stay += [state for state in states if state not in gone and state not in stay and len(states) <= 30]
    for _, _, column in looked.named("cancelled_at"):
        if looked.profiles[column].dates >= 0.9:
            found[column] = []
    return found, tuple(stay)


def _static(looked: Looked, product: str | None, taken: set[str]) -> tuple[str, ...]:
    """Attributes that each product has one value of."""
    if product is None:
        return ()
    return tuple(
        column
        for _, _, column in looked.named("category")
        if column not in taken
        and 2 <= looked.profiles[column].distinct <= 60
        and constant_within(looked.table[column], looked.table[product])
    )


def _days_of(texts: pd.Series) -> pd.DatetimeIndex:
    """Day of each text, day first where that is open; missing where it cannot be read."""
    days, _ = first_days(stamps_of_numbers(list(texts))[0], str(texts.name))
    stamps = [parse_stamp(day or "") for day in days]
    dates = [None if stamp is None else stamp.day("dmy") or stamp.day("mdy") for stamp in stamps]
    return pd.DatetimeIndex(pd.to_datetime(dates, errors="coerce"))


def guess_kind(looked: Looked) -> str:
    """Whether a file holds order lines, a panel (one row for each series and period) or a stock."""
    dated = looked.named("timestamp")
    if not dated:
        return "stock" if looked.named("stock") and looked.named("product_id") else "orders"
    if "order_id" in looked.meant or any(looked.whole("order_id", name) for *_, name in looked.named("order_id")):
        return "orders"
    places, amount = [name for *_, name in looked.named("location_id")][:1], looked.named("y")
    keys = [*[name for *_, name in looked.named("unique_id", "product_id")][:1], *places]
    if not keys or not amount:
        return "orders"
    keys.append(dated[0][2])
    texts = pd.DataFrame({name: text_of(looked.table[name]) for name in keys})
    if texts.duplicated().any():
        return "orders"
    if any(header in ("unique id", "ds", "y") for header in looked.headers.values()):
        return "panel"
    days = _days_of(texts[dated[0][2]])
    if rhythm(days.dropna()) in ("W", "M"):
        return "panel"
    by_series = pd.Series(days).groupby([texts[name] for name in keys[:-1]])
    spans = by_series.agg(lambda ds: (ds.max() - ds.min()).days + 1)
    return "panel" if len(looked.table) >= _DENSE * spans.sum() else "orders"


def guess_columns(table: pd.DataFrame, kind: str = "", given: dict[str, str] | None = None) -> Guess:
    """What the columns of a file are.

    Parameters
    ----------
    table : the file's cells as text (or typed, from Parquet or a workbook); its first 5,000 rows are looked at.
    kind : "orders", "panel", "stock" or "plan"; empty: orders or a panel, as the cells say.
    given : ``{our name: name in the file}`` that the user has said; it is certain.
    """
    looked, given = Looked(table), dict(given or {})
    kind = kind or ("panel" if {"unique_id", "ds", "y"} & given.keys() else guess_kind(looked))
    choices: list[Choice] = []

    def settle(choice: Choice | None) -> str | None:
        if choice is None:
            return None
        if choice.role in given:
            column = given[choice.role]
            choice = Choice(choice.role, column, "as you said", True, (), looked.profiles[column].examples)
        choices.append(choice)
        return choice.column

    if kind == "orders":
        order = settle(_order_number(looked, given))
        product = settle(_choose(looked, "product_id", order))
        settle(_choose(looked, "timestamp"))
        quantity = settle(_choose(looked, "quantity"))
        said = next((name for name in ("unit_price", "line_total") if name in given), "")
        price = Choice(said, given[said], "", True) if said else guess_price(looked, order, product, quantity)
        settle(price)
        extras: tuple[str, ...] = ("customer_id", "location_id", "discount")
    else:
        order = None
        product = settle(_series(looked, kind))
        for role in REQUIRED[kind][1:]:
            settle(_dated_or_counted(looked, role, kind))
        extras = {"panel": ("location_id", "price"), "plan": ("end", "location_id")}.get(kind, ())
    taken = {choice.column for choice in choices if choice.column is not None}
    for role in extras:
        settle(_optional(looked, role, order, taken))
    for role in given.keys() - {choice.role for choice in choices}:
        settle(Choice(role, given[role], "", True))
    cancelled, states = _cancelled(looked) if kind == "orders" else ({}, ())
    taken |= {choice.column for choice in choices if choice.column is not None}
    return Guess(kind, tuple(choices), cancelled, _static(looked, product, taken), states, tuple(looked.headers))


def _order_number(looked: Looked, given: dict[str, str]) -> Choice | None:
    """The order number, None when no column may be one: then each row counts as an order of its own."""
    choice = _choose(looked, "order_id")
    if choice.column is None and "order_id" not in given:
        return None
    return choice


def _series(looked: Looked, kind: str) -> Choice:
    """The column of the series: a product, or in a panel or plan without products the place."""
    choice = _choose(looked, "unique_id")
    if choice.column is not None or kind == "stock":
        return choice
    places = [name for name in looked.headers if looked.whole("location_id", name)]
    return _made(looked, "unique_id", places[0], "by its name: a series for each place") if places else choice


def _dated_or_counted(looked: Looked, role: str, kind: str) -> Choice:
    """A column of a panel, stock or plan beside the series; the day of a plan is the first one of its range."""
    if role == "y":
        return _amount(looked)
    starts = looked.named("start") if kind == "plan" and role == "ds" else []
    return _made(looked, "ds", starts[0][2], "by its name") if starts else _choose(looked, role)


def _amount(looked: Looked) -> Choice:
    """Units of a panel; "sales" with cents may be money, of which nobody can order any."""
    choice = _choose(looked, "y")
    if choice.column is None or looked.headers[choice.column] == "y":
        return choice
    numbers = numbers_of(looked.table[choice.column])
    cents = float(np.mean(numbers[np.isfinite(numbers)] % 1 != 0))
    first_tier = looked.headers[choice.column] in ROLES["y"].tiers[0]
    if not first_tier and cents > 0.1:
        return replace(choice, certain=False, evidence=f"{cents:.0%} of its cells have decimals: units, or money?")
    return choice
