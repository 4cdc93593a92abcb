"""Recommendations: the matrices, lists by hand, repeatable factors, no look ahead, and who wins where."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from threadpoolctl import threadpool_limits

from salesforecast_lib.decisions.customers import recommend as rec
from salesforecast_lib.decisions.customers import scores, tables
from salesforecast_lib.decisions.customers.purchases import known_customers

CUTOFF = pd.Timestamp("2024-06-01")
CONFIG = rec.RecommendConfig(factors=4, least_buyers=1)


def lines_of(rows: list[tuple]) -> pd.DataFrame:
    """Lines from (customer, order, product, days before the cutoff)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "order_id", "product_id", "ago"])
    return frame.assign(timestamp=CUTOFF - pd.to_timedelta(frame["ago"], unit="D")).drop(columns="ago")


@pytest.fixture(scope="module")
def small():
    return lines_of(
        [
            *[("A", 1, "tea", 60), ("A", 1, "tea", 60), ("A", 2, "tea", 1), ("A", 2, "jam", 1)],
            *[("B", 3, "jam", 10), ("C", 4, "jam", 10), ("C", 5, "nut", 5)],
            *[("A", 6, "nut", -3), ("A", 6, "tea", -3), ("B", 7, "fig", -3), ("B", 7, "jam", -5), ("D", 8, "jam", -1)],
        ]
    )


@pytest.fixture(scope="module")
def habits():
    """Two tastes of 30 customers each; within its taste each customer is true to three products of twenty."""
    rng, rows = np.random.default_rng(0), []
    for who in range(60):
        shelf = [f"{'tea' if who % 2 else 'jam'}{k:02d}" for k in range(20)]
        loved = rng.choice(shelf, 3, replace=False)
        for day in range(-27, 150, 4):
            basket = [*rng.choice(loved, 2), rng.choice(shelf)]
            rows += [(f"u{who:02d}", who * 1000 + day + 100, product, day + rng.random()) for product in basket]
    return lines_of(rows)


def test_matrices_by_hand(small):
    past = rec.purchases(small, CUTOFF, CONFIG)
    assert past.customers.tolist() == ["A", "B", "C"] and past.products.tolist() == ["jam", "nut", "tea"]
    assert past.count.toarray().tolist() == [[1, 0, 2], [1, 0, 0], [1, 1, 0]]  # two lines of an order count once
    assert past.habit[0, 2] == pytest.approx(0.5 + 2 ** (-1 / 60))
    assert past.last[0, 2] == pytest.approx(1) and past.last[2, 1] == pytest.approx(5)
    assert past.popular.tolist() == [3, 1, 1]
    future = rec.bought_next(small, CUTOFF, 28, past)
    assert future.toarray().tolist() == [[0, 1, 1, 0], [1, 0, 0, 1], [0, 0, 0, 0]]  # figs have no column, D no row


def test_lists_and_recall_by_hand(small):
    past = rec.purchases(small, CUTOFF, CONFIG)
    fitted, future = rec.fit_recommender(past, CONFIG), rec.bought_next(small, CUTOFF, 28, past)
    assert fitted.own(rec.REPEAT, 2)[0].tolist() == [[2, 0], [0, -1], [1, 0]]
    assert fitted.new(rec.POPULARITY, 2)[0].tolist() == [[1, -1], [1, 2], [2, -1]]
    assert fitted.best(rec.POPULARITY, 1).tolist() == [[0], [0], [0]]
    all_products = rec.recall(fitted, future, rec.REPEAT, number=2)
    assert all_products["A"] == 0.5 and all_products["B"] == 0.5 and np.isnan(all_products["C"])
    new = rec.recall(fitted, future, rec.POPULARITY, new=True, number=2)
    assert new["A"] == 1 and new["B"] == 0  # B's fig was new to the shop: missed, and counted


def test_best_is_the_best_of_all_products(habits):
    past = rec.purchases(habits, CUTOFF, CONFIG)
    fitted = rec.fit_recommender(past, CONFIG)
    for a, w, v in ((1.0, 0.7, 0.2), rec.FACTORS, rec.REPEAT):
        dense = a * past.habit.toarray() + w * fitted.users @ fitted.items.T + v * fitted.popularity
        expected = np.sort(dense, axis=1)[:, ::-1][:, :10]
        listed = fitted.best((a, w, v), 10)
        assert np.take_along_axis(dense, listed, axis=1) == pytest.approx(expected, rel=1e-5, abs=1e-6)
        assert all(len(set(row)) == 10 for row in listed)


def test_factors_are_repeatable_and_raise_no_warning(habits, monkeypatch):
    past = rec.purchases(habits, CUTOFF, CONFIG)
    monkeypatch.setattr("implicit.utils._checked_blas_config", False)  # it warns of a BLAS pool only once a process
    with warnings.catch_warnings(), threadpool_limits(2, user_api="blas"):
        warnings.simplefilter("error")
        first, second = (rec.fit_recommender(past, CONFIG) for _ in range(2))
    assert (first.users == second.users).all() and (first.items == second.items).all()
    other = rec.fit_recommender(past, rec.RecommendConfig(factors=4, least_buyers=1, seed=1))
    assert not np.allclose(first.items, other.items)


def test_nothing_after_the_cutoff_changes_a_list(habits):
    late = habits["timestamp"] >= CUTOFF
    changed = habits.assign(product_id=habits["product_id"].mask(late, "tea00"))
    lists = [
        rec.fit_recommender(rec.purchases(h, CUTOFF, CONFIG), CONFIG).best((1, 1, 1), 5) for h in (habits, changed)
    ]
    assert (lists[0] == lists[1]).all() and not habits.equals(changed)
    before = CUTOFF - pd.Timedelta(days=28)
    assert scores.choose_blends(habits, before, 28, CONFIG) == scores.choose_blends(changed, before, 28, CONFIG)


def test_habit_wins_where_there_are_habits_and_taste_beats_popularity(habits):
    blends = scores.choose_blends(habits, CUTOFF - pd.Timedelta(days=28), 28, CONFIG, 3)
    table = scores.recall_table(scores.compare_recommenders(habits, CUTOFF, 28, CONFIG, blends, 3), replicates=200)
    found = table[table["kind"] == "recall"].set_index("recommender")["recall"]
    assert found["repeat purchase"] > found["popularity"] + 0.2 and found["blend"] > found["popularity"] + 0.2
    new = table[table["kind"] == "new"].set_index("recommender")
    assert (table["low"] <= table["recall"]).all() and (table["recall"] <= table["high"]).all()
    assert "repeat purchase" not in new.index  # habit has no say in what was never bought
    assert new.loc["popularity", "gain"] == 0 and new["against"].eq("popularity").all()


def test_offers_name_kind_and_reason(habits):
    fitted = rec.fit_recommender(rec.purchases(habits, CUTOFF, CONFIG), CONFIG)
    table = tables.recommendations_table(fitted, ((1, 1, 0.1), (0, 1, 0.1)), number=6, new=2)
    assert list(table.columns) == tables.RECOMMENDATION_COLUMNS
    assert table.groupby("customer_id").size().eq(6).all() and not table.duplicated(["customer_id", "product_id"]).any()
    assert table.groupby("customer_id")["kind"].agg(list).map(lambda kinds: kinds == ["repeat"] * 4 + ["new"] * 2).all()
    past = habits[habits["timestamp"] < CUTOFF]
    pairs = set(zip(past["customer_id"], past["product_id"], strict=True))
    bought = [pair in pairs for pair in zip(table["customer_id"], table["product_id"], strict=True)]
    assert (pd.Series(bought) == (table["kind"] == "repeat")).all()
    assert (
        table.loc[table["kind"] == "repeat", "why"]
        .str.fullmatch(r"bought in \d+ orders?, the last \d+ days? ago")
        .all()
    )


def test_a_product_of_several_numbers_is_one_product(habits):
    """Two article numbers a product, as in The Complete Journey: listed once, new only where none was bought."""
    raw = habits.rename(columns={"product_id": "product_type"}).assign(quantity=1.0, unit_price=1.0, shelf="all")
    raw["product_id"] = raw["product_type"] + "-" + (raw["order_id"] % 2).astype(str)
    lines = known_customers(raw, "shelf", "product_type").lines
    fitted = rec.fit_recommender(rec.purchases(lines, CUTOFF, CONFIG), CONFIG)
    table = tables.recommendations_table(fitted, ((1, 1, 0.1), (0, 1, 0.1)), number=6, new=2)
    assert not table.duplicated(["customer_id", "product"]).any()
    past = raw[raw["timestamp"] < CUTOFF]
    pairs = set(zip(past["customer_id"], past["product_type"], strict=True))
    bought = [pair in pairs for pair in zip(table["customer_id"], table["product"], strict=True)]
    assert (pd.Series(bought) == (table["kind"] == "repeat")).all()


def test_of_equal_scores_the_first_columns_are_taken():
    scores_of = np.array([[1.0, 2.0, 1.0, 1.0, 3.0], [0.0, 0.0, 0.0, 0.0, 0.0], [-np.inf, 1.0, -np.inf, 1.0, 1.0]])
    assert rec._top(scores_of, 3).tolist() == [[4, 1, 0], [0, 1, 2], [1, 3, 4]]
    rng = np.random.default_rng(0)
    many = rng.integers(0, 5, (40, 300)).astype(float)
    assert (rec._top(many, 20) == np.argsort(-many, axis=1, kind="stable")[:, :20]).all()
