"""Rings are played among genuine lines, and what the alarm sees is counted beside what it rings for nothing."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.cleaning import CleaningConfig
from salesforecast_lib.production.monitoring.newcomers import newcomer_alarms
from salesforecast_lib.production.robustness import rings
from salesforecast_lib.production.robustness.case import Case
from salesforecast_lib.production.robustness.fakes import Book
from tests.unit.production.monitoring.test_newcomers import END, PRODUCTS, shop


@pytest.fixture(scope="module")
def played():
    """A shop of eight products whose last horizon comes after the lines end, and its book."""
    lines = shop().assign(quantity=1.0, unit_price=2.0)
    lines = lines.assign(product_id=lines["series"], order_id=[f"o{k}" for k in range(len(lines))])
    lines["row"] = np.arange(len(lines))
    days = pd.date_range(END - pd.Timedelta(days=314), END + pd.Timedelta(days=7))
    sold = lines.groupby(["series", "timestamp"])["quantity"].sum().rename_axis(["unique_id", "ds"])
    grid = pd.MultiIndex.from_product([PRODUCTS, days], names=["unique_id", "ds"])
    panel = sold.reindex(grid, fill_value=0.0).rename("y").reset_index()
    case = Case(panel, {"freq": "D", "horizon": 7, "season_length": 7}, {}, panel[["unique_id", "ds"]], END)
    return case, Book(lines, CleaningConfig(), True)


def test_new_accounts_are_seen_slow_ones_less_and_known_ones_not(played):
    case, book = played
    found = rings.ring_alarms(case, book, ["p1", "p5"], (1, 10), newcomer_alarms).set_index(["ring", "times"])
    assert found.loc[(rings.NEW, 10), "seen"] == 1.0 and (found.loc[rings.KNOWN, "seen"] == 0.0).all()
    assert found.loc[(rings.SLOW, 10), "seen"] <= found.loc[(rings.NEW, 10), "seen"]
    assert (found["others"] == 0).all() and found.loc[(rings.NEW, 10), "accounts"] > 100


def test_the_lines_of_a_ring_are_one_unit_of_an_account_each(played):
    case, book = played
    for kind in rings.RINGS:
        lines = rings.ring_lines(book, case, "p1", 20, kind)
        known = set(book.lines["customer_id"])
        assert (lines["quantity"] == 1.0).all() and lines["customer_id"].nunique() == 20
        assert set(lines["customer_id"]) <= known if kind == rings.KNOWN else not set(lines["customer_id"]) & known
        assert lines["timestamp"].between(case.recent[0], case.recent[-1]).all()
    slow, quick = (rings.ring_lines(book, case, "p1", 28, kind)["timestamp"] for kind in (rings.SLOW, rings.NEW))
    assert slow.nunique() == 28 and quick.nunique() == 7


def test_an_alarm_that_always_rings_is_counted_as_false_and_the_words_say_it(played):
    case, book = played

    def always(lines, last):
        return pd.DataFrame({"subject": PRODUCTS, "alarm": True})

    false = rings.false_alarms(case, book, always, weeks=3)
    assert false["alarms"].tolist() == [8, 8, 8] and false["week"].iloc[1] == END - pd.Timedelta(days=7)
    found = rings.ring_alarms(case, book, ["p1"], (1,), always)
    assert (found["seen"] == 1.0).all() and (found["others"] == 7).all()
    words = rings.rings_found(found, false, 8)
    assert words[0] == "new accounts, one week: seen on 100% at 1 times the sales of a usual period."
    assert words[-1] == "In 3 of 3 genuine weeks it rang for nothing, for 24 products of 24 that were looked at."


def test_lines_without_customers_say_that_no_ring_is_seen(played):
    case, book = played
    bare = Book(book.lines.drop(columns="customer_id"), book.cleaning, True)
    found, false = rings.ring_alarms(case, bare, ["p1"], (1,), None), rings.false_alarms(case, bare, None)
    assert found.empty and false.empty and "a ring is not seen" in rings.rings_found(found, false, 8)[0]
