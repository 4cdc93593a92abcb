"""Orders that nobody wants: what a fraud sends, and what of it a panel takes in (chapter 16b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.calendar import periods_of
from salesforecast_lib.data.cleaning import CleaningConfig, clean, outlier_limit
from salesforecast_lib.data.loaders import load
from salesforecast_lib.data.reading import ReadOptions
from salesforecast_lib.production.robustness.case import Case

FAKE = "fake"
_COUNTS = ("y", "baskets", "buyers")


@dataclass(frozen=True)
class Book:
    """Order lines of some series.

    Parameters
    ----------
    lines : order lines with ``row`` and ``series``, the ``unique_id`` of each.
    cleaning : switches that fit them.
    real : whether they are the shop's, or were made from its panel.
    """

    lines: pd.DataFrame
    cleaning: CleaningConfig
    real: bool

    @property
    def accounts(self) -> bool:
        """Whether lines name a customer."""
        return "customer_id" in self.lines

    def of(self, names: Sequence[str]) -> Book:
        """The lines of some series only."""
        kept = self.lines[self.lines["series"].isin(list(names))]
        return Book(kept.reset_index(drop=True), self.cleaning, self.real)


def order_book(case: Case, lines: pd.DataFrame | None, level: str, cleaning: CleaningConfig) -> Book:
    """The shop's lines, or lines made from its panel where they are not the panel's.

    Parameters
    ----------
    lines : validated order lines, None where the run began with a panel.
    level : column that names the series.
    """
    names = set(case.panel["unique_id"].unique())
    if lines is not None and level in lines:
        series = lines[level].astype("string").astype(object)
        found = series.isin(names)
        if set(series[found].unique()) == names:
            kept = lines[found.to_numpy()].assign(series=series[found])
            return Book(kept.reset_index(drop=True), cleaning, True)
    return Book(lines_of_panel(case.panel), CleaningConfig(duplicates=False, cancellations=False), False)


def lines_of_panel(panel: pd.DataFrame) -> pd.DataFrame:
    """One line for each basket of a panel, twenty at most where baskets are not counted; whole periods as days."""
    sold = panel[panel["y"] > 0]
    if "baskets" in sold:
        count = sold["baskets"].fillna(1).clip(lower=1).round()
    else:
        count = sold["y"].round().clip(1, 20)
    times = count.to_numpy("int64")
    place = np.repeat(np.arange(len(sold)), times)
    price = sold["price"].fillna(1.0).to_numpy() if "price" in sold else np.ones(len(sold))
    names = sold["unique_id"].to_numpy()[place]
    return pd.DataFrame(
        {
            "row": np.arange(1, len(place) + 1),
            "order_id": [f"line {number}" for number in range(len(place))],
            "product_id": names,
            "timestamp": sold["ds"].to_numpy()[place],
            "quantity": (sold["y"].to_numpy() / times)[place],
            "unit_price": price[place],
            "series": names,
        }
    )


def shop_lines(
    dataset: str,
    path: str = "",
    reading: ReadOptions | None = None,
    static: tuple[str, ...] = (),
    switches: Mapping[str, Any] | None = None,
) -> tuple[pd.DataFrame | None, CleaningConfig]:
    """The order lines of a run's data set and the cleaning that chapter 01 gave them; None of a panel."""
    if dataset == "own_panel":
        return None, CleaningConfig()
    source = load(dataset, path, reading, static=static)
    return source.lines, source.cleaning.change(switches or {})


def fake_lines(
    book: Book,
    name: str,
    when: Sequence[pd.Timestamp] | pd.DatetimeIndex,
    quantities: Sequence[float],
    accounts: Sequence[str],
) -> pd.DataFrame:
    """Lines of the best-selling product of a series, one each period, quantity and account; else like a genuine one.

    Raises
    ------
    ValueError
        When the book holds no line of the series.
    """
    own = book.lines[book.lines["series"] == name]
    if own.empty:
        raise ValueError(f"{name!r}: no order line of this series; choose one that sold")
    best = own.groupby("product_id", sort=False)["quantity"].sum().idxmax()
    like = own[own["product_id"] == best].iloc[[-1]]
    lines = like.iloc[np.zeros(len(quantities), dtype=int)].reset_index(drop=True)
    if isinstance(lines["order_id"].iloc[0], str):
        lines["order_id"] = [f"{FAKE} {name} {number}" for number in range(len(lines))]
    else:  # numbers stay numbers, as in the file
        lines["order_id"] = int(book.lines["order_id"].max()) + 1 + np.arange(len(lines))
    lines["timestamp"] = pd.DatetimeIndex(when).as_unit("ns")
    lines["quantity"] = np.asarray(quantities, dtype="float64")
    if book.accounts:
        lines["customer_id"] = lines["customer_id"].astype(object)
        lines["customer_id"] = list(accounts)
    if "discount" in lines:
        lines["discount"] = 0.0
    return lines.assign(row=-1 - np.arange(len(lines)))


def days_for(number: int, days: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """A day for each of so many lines: the last of ``days`` first, and so back and round again."""
    return days[::-1][np.arange(number) % len(days)]


def one_order(book: Book, case: Case, name: str, units: float) -> pd.DataFrame:
    """All units in one line of one account on the last day."""
    return fake_lines(book, name, [case.recent[-1]], [units], ["account"])


def split_order(book: Book, case: Case, name: str, units: float, share: float = 0.9) -> pd.DataFrame:
    """The units of one account in lines that the cleaning just lets through, on the last days: a fraud who knows it."""
    own = book.lines[book.lines["series"] == name]
    best = own.groupby("product_id", sort=False)["quantity"].sum().idxmax()
    quantity = own.loc[own["product_id"] == best, "quantity"].to_numpy("float64")
    limit = outlier_limit(quantity, np.zeros(len(quantity), dtype=int), book.cleaning.outlier_width)[0]
    each = max(np.floor(share * limit), 1.0)
    number = max(int(np.ceil(units / each)), 1)
    when = days_for(number, case.recent[-7:])
    return fake_lines(book, name, when, [units / number] * number, ["account"] * number)


def ring(book: Book, case: Case, name: str, units: float) -> pd.DataFrame:
    """One unit each from as many accounts, over the last days: like reviews that were bought."""
    number = max(int(round(units)), 1)
    when = days_for(number, case.recent[-7:])
    return fake_lines(book, name, when, [1.0] * number, [f"account {k}" for k in range(number)])


def taken_in(book: Book, fakes: pd.DataFrame, cleaning: CleaningConfig | None, freq: str) -> pd.DataFrame:
    """What fake lines change in the panel: ``unique_id, ds`` and the change of ``y, baskets, buyers``.

    Genuine lines that are refused because of fakes count as well.

    Parameters
    ----------
    cleaning : None takes every line as it comes.
    """
    products = fakes["product_id"].unique()
    genuine = book.lines[book.lines["product_id"].isin(products)]
    both = pd.concat([genuine.astype({"product_id": object}), fakes], ignore_index=True)
    if book.accounts:
        both["customer_id"] = both["customer_id"].astype(str)
    before, after = (
        _counted(lines if cleaning is None else clean(lines, cleaning).kept, freq)
        for lines in (both[both["row"] >= 0].reset_index(drop=True), both)
    )
    change = after.sub(before, fill_value=0.0)
    return change[(change != 0).any(axis=1)].reset_index()


def poisoned(case: Case, change: pd.DataFrame) -> pd.DataFrame:
    """The panel with what `taken_in` found."""
    panel = case.panel.merge(change, on=["unique_id", "ds"], how="left", suffixes=("", "_change"))
    for name in _COUNTS:
        if name in case.panel:
            moved = panel[name] + panel[f"{name}_change"].fillna(0.0)
            panel[name] = moved.clip(lower=np.minimum(panel[name], 0.0))
    return panel[case.panel.columns]


def _counted(lines: pd.DataFrame, freq: str) -> pd.DataFrame:
    """``y, baskets, buyers`` by series and period."""
    if lines.empty:
        index = pd.MultiIndex.from_arrays([[], pd.DatetimeIndex([])], names=["unique_id", "ds"])
        return pd.DataFrame({name: [] for name in _COUNTS}, index=index, dtype="float64")
    keys = [lines["series"].astype(str).rename("unique_id"), periods_of(lines["timestamp"], freq)]
    who = lines["customer_id"] if "customer_id" in lines else lines["order_id"]
    groups = lines.assign(customer_id=who).groupby(keys, observed=True)
    table = groups.agg(y=("quantity", "sum"), baskets=("order_id", "nunique"), buyers=("customer_id", "nunique"))
    return table.astype("float64")
