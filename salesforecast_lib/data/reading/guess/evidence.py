"""What the cells of a column say about its meaning: dates, numbers, ids, one unit's price or a line's total."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.data.reading.cells.ids import strip
from salesforecast_lib.data.reading.cells.numbers import NumberColumn
from salesforecast_lib.data.reading.cells.periods import periods_of
from salesforecast_lib.data.reading.cells.serials import stamps_of_numbers
from salesforecast_lib.data.reading.cells.stamps import parse_stamp

_DISTINCT = 400  # texts of a column that are looked at as dates
_VOTES = 8  # lines with more than the fewest units that settle what a price is for
_AGREE = 0.9  # share of them that must say the same
_SAME = 0.98  # share of rows in which two columns say the same


def text_of(values: pd.Series) -> pd.Series:
    """Cells as stripped text, "" where empty."""
    return pd.Series(["" if pd.isna(cell) else strip(str(cell)) for cell in values], index=values.index, dtype=object)


def numbers_of(values: pd.Series) -> np.ndarray:
    """Cells as numbers (rows,), NaN where they are none, with the decimal mark that most cells prove."""
    column = NumberColumn(str(values.name), values if values.dtype.kind in "iuf" else values.astype(object))
    votes = column.votes() if column.cells else None
    return column.read(votes.most_common(1)[0][0] if votes else ".", True)


@dataclass(frozen=True)
class Profile:
    """Shares of a column's cells: ``filled`` of all; ``dates``, ``numbers``, ``whole`` numbers, ``periods`` (months and
    ISO weeks) of the filled ones.

    ``distinct`` is the number of different texts, ``examples`` the first three of them; ``counted`` says that the
    cells may be dates in another form: numbers of Excel or Unix, months and weeks as numbers or of short years.
    """

    filled: float
    dates: float
    numbers: float
    whole: float
    distinct: int
    examples: tuple[str, ...]
    periods: float = 0.0
    counted: bool = False


def profile(values: pd.Series) -> Profile:
    """Look at the cells of one column."""
    texts = text_of(values)
    filled = texts != ""
    counts = texts[filled].value_counts(sort=False)
    if counts.empty:
        return Profile(0.0, 0.0, 0.0, 0.0, 0, ())
    looked = counts.iloc[:_DISTINCT]
    dates = [_is_date(text) for text in looked.index]
    periods = periods_of(looked.index, str(values.name))
    found = [text in periods.found and not periods.words for text in looked.index]
    numbers = numbers_of(values)[filled.to_numpy()]
    known = np.isfinite(numbers)
    return Profile(
        float(filled.mean()),
        float(looked[dates].sum() / looked.sum()),
        float(known.mean()),
        float((known & (numbers == np.round(numbers))).mean()),
        len(counts),
        tuple(counts.index[:3]),
        float(looked[found].sum() / looked.sum()),
        bool(stamps_of_numbers(list(looked.index))[1] or periods.words or periods.doubt),
    )


def _is_date(text: str) -> bool:
    stamp = parse_stamp(text)
    return stamp is not None and (not stamp.known or 1970 <= stamp.parts[0] <= 2100)


def same(first: pd.Series, second: pd.Series, ids: bool = False) -> bool:
    """Whether two columns say the same in nearly every row; for ``ids`` one-to-one is the same."""
    one, two = text_of(first), text_of(second)
    if ids:
        pairs = len(pd.DataFrame({"one": one, "two": two}).drop_duplicates())
        return pairs == one.nunique() == two.nunique()
    return float((one == two).mean()) >= _SAME


def same_day(first: pd.Series, second: pd.Series) -> bool:
    """Whether two columns of stamps lie on the same day in nearly every row where both are filled."""
    days = [text_of(column).str.split("[T ]").str[0] for column in (first, second)]
    both = (days[0] != "") & (days[1] != "")
    return bool(both.any()) and float((days[0] == days[1])[both].mean()) >= _SAME


def counts_lines(values: pd.Series, order: pd.Series | None) -> bool:
    """Whether a column only counts 1, 2, 3, … within each order (or in the file): a line number, no product."""
    numbers = numbers_of(values)
    keys = text_of(order) if order is not None else pd.Series("", index=values.index)
    place = keys.groupby(keys).cumcount().to_numpy()
    return any(float((numbers == place + start).mean()) >= _SAME for start in (0, 1))


def of_the_order(values: pd.Series, order: pd.Series) -> bool:
    """Whether a column belongs to the whole order: alike on all its lines, or filled on the first one only."""
    frame = pd.DataFrame({"order": text_of(order), "value": text_of(values)})
    size = frame.groupby("order")["value"].transform("size")
    groups = frame[(size > 1) & (frame["order"] != "")].groupby("order")["value"]
    if groups.ngroups < 5 or frame["value"].nunique() < 2:
        return False
    first_only = groups.apply(lambda cells: cells.iloc[0] != "" and not cells.iloc[1:].any())
    alike = groups.nunique() == 1
    return float((first_only | alike).mean()) >= _AGREE


@dataclass(frozen=True)
class Scaling:
    """What a price does when more units are sold: it stays ("unit") or grows with them ("line").

    "same" where no line sells more than one unit, "open" where the lines do not settle it.
    """

    verdict: str
    evidence: str


def price_scaling(quantity: np.ndarray, price: np.ndarray, product: pd.Series) -> Scaling:
    """Compare lines of the same product with few and with many units.

    Of each product the price at its fewest units is the reference. A line with ``r`` times as many units votes for a
    unit price when its price is near the reference, for a line total when it is near ``r`` times the reference.

    Parameters
    ----------
    quantity, price, product : of shape (lines,).
    """
    frame = pd.DataFrame({"q": quantity, "p": price, "product": text_of(product).to_numpy()})
    frame = frame[np.isfinite(frame["q"]) & np.isfinite(frame["p"]) & (frame["q"] > 0) & (frame["p"] > 0)]
    if frame.empty:
        return Scaling("open", "no line has both units and a price")
    fewest = frame.groupby("product")["q"].transform("min")
    reference = frame[frame["q"] == fewest].groupby("product")["p"].median()
    more = frame.assign(few=fewest, reference=frame["product"].map(reference))
    more = more[more["q"] > 1.5 * more["few"]]
    if more.empty:
        if (frame["q"] == 1).all():
            return Scaling("same", "every line sells one unit: for one unit and for the line are the same")
        return Scaling("open", "no product is sold in different numbers of units")
    ratio, units = np.log(more["p"] / more["reference"]), np.log(more["q"] / more["few"])
    near = 0.35 * units
    stays, grows = int((ratio.abs() <= near).sum()), int(((ratio - units).abs() <= near).sum())
    most, word = (grows, "grows with the units") if grows > stays else (stays, "stays the same")
    line = more.loc[(more["q"] - 2 * more["few"]).abs().idxmin()]
    example = f"{line['product']}: {line['few']:g} for {line['reference']:g}, {line['q']:g} for {line['p']:g}"
    evidence = f"{word} in {most} of {len(more)} lines with more units ({example})"
    if most < _VOTES or most < _AGREE * len(more):
        return Scaling("open", f"not settled: it {evidence}")
    return Scaling("line" if grows > stays else "unit", f"it {evidence}")


def product_matches(quantity: np.ndarray, price: np.ndarray, total: np.ndarray) -> float:
    """Share of lines whose ``total`` is quantity times price to the cent, of those where all three are known."""
    known = np.isfinite(quantity) & np.isfinite(price) & np.isfinite(total) & (quantity > 1)
    if known.sum() < _VOTES:
        return float("nan")
    return float((np.abs(quantity * price - total)[known] <= 0.011).mean())


def rhythm(days: pd.DatetimeIndex) -> str:
    """Frequency that the distinct days of a panel have: "M", "W" or "D"."""
    days = days.normalize().unique().sort_values()
    if len(days) < 4:
        return "D"
    if (days.day == 1).all() or days.is_month_end.all():
        return "M"
    return "W" if days.dayofweek.nunique() == 1 else "D"


def constant_within(values: pd.Series, key: pd.Series) -> bool:
    """Whether each key has one value throughout (a product's category does, its price does not)."""
    frame = pd.DataFrame({"key": text_of(key), "value": text_of(values)}, dtype=object)
    frame = frame[frame["value"] != ""]
    return len(frame) > 0 and bool((frame.groupby("key")["value"].nunique() == 1).all())
