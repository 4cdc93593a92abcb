"""Fake orders: what of them a panel takes in, and what cleaning refuses."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.cleaning import CleaningConfig, clean
from salesforecast_lib.data.panel import build_panel
from salesforecast_lib.production.robustness import fakes, study
from tests.unit.production.robustness.made import made_book, made_case, made_lines

CLEAN = CleaningConfig(duplicates=False, cancellations=False)


@pytest.fixture(scope="module")
def shop():
    lines = made_lines()
    case, _ = made_case(lines)
    return case, made_book(case, lines), lines


@pytest.mark.parametrize("attack", [fakes.one_order, fakes.split_order, fakes.ring])
@pytest.mark.parametrize("cleaning", [None, CLEAN, replace(CLEAN, account_totals=True)])
def test_what_is_taken_in_is_what_the_whole_way_makes_of_the_lines(shop, attack, cleaning):
    case, book, lines = shop
    false = attack(book, case, "p2", 700.0)
    change = fakes.taken_in(book, false, cleaning, "D")
    both = pd.concat([lines, false.drop(columns="series")], ignore_index=True)
    kept = both if cleaning is None else clean(both, cleaning).kept
    whole = build_panel(kept, static=("group",)).assign(open=1.0)
    ours = fakes.poisoned(case, change)
    for name in ("y", "baskets", "buyers"):
        np.testing.assert_allclose(ours[name], whole[name], err_msg=name)


def test_cleaning_stops_the_bulk_and_the_account_limit_the_split(shop):
    case, book, _ = shop
    by_account = replace(CLEAN, account_totals=True)

    def arrived(attack, cleaning):
        change = fakes.taken_in(book, attack(book, case, "p1", 3000.0), cleaning, "D")
        return change["y"].sum()

    assert arrived(fakes.one_order, None) == arrived(fakes.ring, None) == 3000
    assert arrived(fakes.split_order, None) == pytest.approx(3000)
    assert arrived(fakes.one_order, CLEAN) == 0
    assert arrived(fakes.split_order, CLEAN) == pytest.approx(3000), "a fraud who knows the limit passes it"
    assert arrived(fakes.split_order, by_account) == 0
    assert arrived(fakes.ring, by_account) == 3000, "many accounts pass both limits, and the chapter says so"


def test_the_account_limit_takes_no_usual_customer(shop):
    _, _, lines = shop
    found = clean(lines, replace(CLEAN, account_totals=True))
    assert len(found.kept) == len(lines)
    nobody = lines.drop(columns="customer_id")
    assert len(clean(nobody, replace(CLEAN, account_totals=True)).kept) == len(nobody)
    unknown = lines.assign(customer_id=None)
    assert len(clean(unknown, replace(CLEAN, account_totals=True)).kept) == len(unknown)


def test_an_accounts_total_is_refused_whole_and_counted(shop):
    _, _, lines = shop
    much = lines[lines["product_id"] == "p0"].tail(200).assign(customer_id="hoarder", quantity=10.0)
    much = much.assign(row=-1 - np.arange(200), timestamp=lines["timestamp"].max())
    found = clean(pd.concat([lines, much], ignore_index=True), replace(CLEAN, account_totals=True))
    assert set(found.quarantine["row"]) == set(much["row"]) and set(found.quarantine["column"]) == {"customer_id"}
    assert found.report.set_index("step").loc["absurd accounts", "quarantined"] == 200


def test_a_panel_without_order_lines_has_lines_made_from_it(shop):
    case, _, _ = shop
    book = fakes.order_book(case, None, "product_id", CLEAN)
    assert not book.real and not book.accounts
    sums = book.lines.groupby(["series", "timestamp"])["quantity"].sum()
    sold = case.panel[case.panel["y"] > 0].set_index(["unique_id", "ds"])["y"]
    np.testing.assert_allclose(sums.sort_index(), sold.sort_index())
    bare = replace(case, panel=case.panel.drop(columns=["baskets", "buyers", "price"]))
    book = fakes.order_book(bare, None, "product_id", CLEAN)
    change = fakes.taken_in(book, fakes.one_order(book, bare, "p0", 50.0), None, "D")
    assert fakes.poisoned(bare, change)["y"].sum() == pytest.approx(bare.panel["y"].sum() + 50)
    assert list(study.defences(CLEAN, book.accounts)) == ["none", "cleaning"]


def test_a_series_that_never_sold_cannot_be_attacked(shop):
    case, book, _ = shop
    with pytest.raises(ValueError, match="no order line"):
        fakes.fake_lines(book, "p99", [case.cutoff], [1.0], ["x"])
