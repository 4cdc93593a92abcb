"""Rings of accounts against an alarm on buyers: which are seen, and how often it rings for nothing (chapter 16b)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd

from salesforecast_lib.production.robustness.case import Case
from salesforecast_lib.production.robustness.fakes import Book, days_for, fake_lines

# order lines with ``series, customer_id, timestamp`` and the last day, to a table with ``subject`` and ``alarm``
Alarms = Callable[[pd.DataFrame, pd.Timestamp], pd.DataFrame]
NEW, SLOW, KNOWN = "new accounts, one week", "new accounts, four weeks", "accounts that bought before"
RINGS = (NEW, SLOW, KNOWN)
WEEKS = 8  # genuine weeks on which false alarms are counted


def known_customers(book: Book, case: Case) -> np.ndarray:
    """Ids of those who bought before the recent periods, sorted."""
    before = book.lines["timestamp"] < case.recent[0]
    return np.sort(book.lines.loc[before, "customer_id"].dropna().astype(str).unique())


def ring_lines(
    book: Book, case: Case, name: str, accounts: int, kind: str, seed: int = 0, known: np.ndarray | None = None
) -> pd.DataFrame:
    """One unit each from so many accounts of a ring.

    Parameters
    ----------
    kind : of `RINGS`: accounts made for it, within the last week or over all recent days, or customers of the shop that
        were hired or whose passwords were stolen.
    known : of `known_customers`; None asks the book.
    """
    when = days_for(accounts, case.recent if kind == SLOW else case.recent[-7:])
    who: Sequence[str] = [f"account {name} {k}" for k in range(accounts)]
    if kind == KNOWN:
        known = known_customers(book, case) if known is None else known
        who = list(np.random.default_rng(seed).choice(known, accounts, replace=accounts > len(known)))
    return fake_lines(book, name, when, [1.0] * accounts, who)


def ring_alarms(
    case: Case, book: Book, names: Sequence[str], times: Sequence[float], alarms: Alarms, seed: int = 0
) -> pd.DataFrame:
    """Rings on some products, each kind and size played on all of them at once.

    Parameters
    ----------
    times : units sent, in multiples of what the product sells in one of its recent periods; one account each.
    alarms : told the lines up to the case's cutoff, customers as numbers; of a ring of four weeks, at the end of each
        of them, as a shop asks it: what it saw and nobody acted on is part of what is usual a week later.

    Returns
    -------
    ``ring, times, products, accounts`` (of all products together), ``seen`` (share of the products with an alarm) and
    ``others`` (other products with an alarm); empty where lines name no customer.
    """
    columns = ["ring", "times", "products", "accounts", "seen", "others"]
    if not (book.real and book.accounts):
        return pd.DataFrame(columns=columns)
    genuine, ids = _lines(book, case.cutoff)
    small, known = book.of(names), known_customers(book, case)
    usual = case.panel[case.panel["ds"].isin(case.recent)].groupby("unique_id")["y"].mean()
    rows = []
    for kind in RINGS:
        for many in times:
            accounts = {name: max(int(np.ceil(many * float(usual[name]))), 1) for name in names}
            told = [(name, accounts[name], kind, seed + k, known) for k, name in enumerate(names)]
            fakes = pd.concat([ring_lines(small, case, *each)[genuine.columns] for each in told], ignore_index=True)
            both = pd.concat([genuine, _numbered(fakes, ids, genuine["series"].cat.categories)], ignore_index=True)
            ends = case.recent[6::7] if kind == SLOW else [case.cutoff]
            found = pd.concat([alarms(both[both["timestamp"] < _after(end)], end) for end in ends])
            rung = set(found.loc[found["alarm"], "subject"])
            seen = len(rung & set(names)) / len(names)
            rows.append((kind, many, len(names), sum(accounts.values()), seen, len(rung - set(names))))
    return pd.DataFrame(rows, columns=columns)


def false_alarms(case: Case, book: Book, alarms: Alarms, weeks: int = WEEKS) -> pd.DataFrame:
    """Alarms in genuine weeks before the cutoff, each with what was known then: ``week`` (its last day), ``alarms``.

    Empty where lines name no customer.
    """
    if not (book.real and book.accounts):
        return pd.DataFrame(columns=["week", "alarms"])
    ends = [case.cutoff - pd.Timedelta(days=7 * back) for back in range(weeks)]
    lines, _ = _lines(book, case.cutoff)
    rows = [(end, int(alarms(lines[lines["timestamp"] < _after(end)], end)["alarm"].sum())) for end in ends]
    return pd.DataFrame(rows, columns=["week", "alarms"])


def rings_found(rings: pd.DataFrame, false: pd.DataFrame, products: int) -> list[str]:
    """What the alarm sees and what it does not, in a sentence each.

    Parameters
    ----------
    products : of the shop, among which false alarms are counted.
    """
    if rings.empty:
        return ["The order lines name no customers, so nobody can tell who is new: a ring is not seen."]
    words = []
    for kind, part in rings.groupby("ring", sort=False):
        sizes = ", ".join(
            f"{seen:.0%} at {times:g} times" for times, seen in zip(part["times"], part["seen"], strict=True)
        )
        words.append(f"{kind}: seen on {sizes} the sales of a usual period.")
    rung = int((false["alarms"] > 0).sum())
    words.append(
        f"In {rung} of {len(false)} genuine weeks it rang for nothing, for {false['alarms'].sum()} products of "
        f"{products * len(false)} that were looked at."
    )
    return words


def _lines(book: Book, last: pd.Timestamp) -> tuple[pd.DataFrame, pd.Index]:
    """Genuine lines up to the end of a day, each customer by its place in an index, which comes with them."""
    lines = book.lines.loc[book.lines["timestamp"] < _after(last), ["series", "customer_id", "timestamp"]]
    ids = pd.Index(lines["customer_id"].dropna().astype(str).unique())
    return _numbered(lines, ids, pd.Index(sorted(lines["series"].unique()))), ids


def _numbered(lines: pd.DataFrame, ids: pd.Index, series: pd.Index) -> pd.DataFrame:
    """Lines with numbers for customers, those not among the ``ids`` after them; alarms compare both many times."""
    told = lines["customer_id"].astype("string").astype(object)
    place = ids.get_indexer(told).astype("float64")
    new = (place < 0) & told.notna().to_numpy()
    place[new] = len(ids) + pd.factorize(told[new])[0]
    place[told.isna().to_numpy()] = np.nan
    return lines.assign(customer_id=place, series=pd.Categorical(lines["series"], series))


def _after(last: pd.Timestamp) -> pd.Timestamp:
    """The end of a day."""
    return last.normalize() + pd.Timedelta(days=1)
