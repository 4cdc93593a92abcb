"""New buyers of a product are counted week by week, and a ring rings where a usual week does not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.production.monitoring.newcomers import new_buyers, newcomer_alarms

END = pd.Timestamp("2024-12-31")
PRODUCTS = [f"p{k}" for k in range(8)]


def shop(weeks: int = 45, customers: int = 400, newcomers: float = 0.02, seed: int = 0) -> pd.DataFrame:
    """Lines of a shop in which each week every product has 30 to 60 buyers, some of whom are new in the shop."""
    rng = np.random.default_rng(seed)
    count = rng.integers(30, 60, weeks * len(PRODUCTS))
    place = np.repeat(np.arange(len(count)), count)
    fresh = rng.random(len(place)) < newcomers
    who = np.where(fresh, customers + fresh.cumsum(), rng.integers(0, customers, len(place)))
    back = 7 * (place // len(PRODUCTS)) + rng.integers(0, 7, len(place))
    names = np.array(PRODUCTS, dtype=object)[place % len(PRODUCTS)]
    ids = [f"c{number}" for number in who]
    return pd.DataFrame({"series": names, "customer_id": ids, "timestamp": END - pd.to_timedelta(back, "D")})


def ring(name: str, accounts: int, before: int = 0) -> pd.DataFrame:
    """One line each of as many accounts, in the newest week or so many weeks before."""
    days = END - pd.to_timedelta(np.arange(accounts) % 7 + 7 * before, "D")
    return pd.DataFrame({"series": name, "customer_id": [f"r{k}" for k in range(accounts)], "timestamp": days})


def rung(lines: pd.DataFrame, last: pd.Timestamp = END) -> list[str]:
    found = newcomer_alarms(lines, last)
    return found.loc[found["alarm"], "subject"].tolist()


def test_buyers_and_new_ones_are_counted_by_hand():
    days = pd.to_datetime(
        ["2024-12-31", "2024-12-25", "2024-12-24 23:00", "2024-12-31", "2024-12-10", "2025-01-01"], format="mixed"
    )
    lines = pd.DataFrame({"series": list("aaabba"), "customer_id": ["x", "y", "x", "x", "z", "w"], "timestamp": days})
    lines = pd.concat([lines, lines.iloc[:1].assign(customer_id=None)])
    found = new_buyers(lines, END).set_index(["series", "back"])
    assert found.loc[("a", 0)].tolist() == [2, 1], "x came a week before, y is new, w came after the last day"
    assert found.loc[("a", 1)].tolist() == [1, 1] and found.loc[("b", 0)].tolist() == [1, 0]
    assert found.loc[("b", 3)].tolist() == [1, 1] and len(found) == 4


@pytest.mark.parametrize("accounts", [15, 60])
def test_a_ring_of_new_accounts_is_named_with_its_product_and_nothing_else_is(accounts):
    found = newcomer_alarms(pd.concat([shop(), ring("p3", accounts)]), END)
    assert found.loc[found["alarm"], "subject"].tolist() == ["p3"] and found["subject"].nunique() == len(PRODUCTS)
    assert "buyers of p3 have never bought here before" in found["says"].iloc[0] and "payment" in found["do"].iloc[0]
    assert found["value"].iloc[0] > found["limit"].iloc[0]


def test_usual_weeks_hardly_ever_ring():
    weeks = [len(rung(shop(seed=seed))) for seed in range(20)]
    assert sum(weeks) <= 2, f"{weeks} of 8 products in each of 20 shops"


@pytest.mark.parametrize(("share", "least", "most"), [(0.02, 6, 6), (0.35, 0, 3)])
def test_where_a_third_of_all_buyers_are_new_a_ring_of_ten_is_hardly_news(share, least, most):
    shops = [shop(newcomers=share, seed=seed) for seed in range(6)]
    seen = sum(rung(pd.concat([lines, ring("p3", 10)])) == ["p3"] for lines in shops)
    assert least <= seen <= most and sum(len(rung(lines)) for lines in shops) <= 1
    assert "p3" in rung(pd.concat([shops[0], ring("p3", 150)]))


def test_accounts_that_bought_before_and_orders_without_an_account_are_not_seen():
    lines = shop()
    known = ring("p3", 60).assign(customer_id=[f"c{k}" for k in range(60)])
    assert rung(pd.concat([lines, known])) == []
    assert rung(pd.concat([lines, ring("p3", 60).assign(customer_id=None)])) == []


def test_a_ring_of_last_week_does_not_ring_again_and_raises_what_a_new_one_must_pass():
    lines = pd.concat([shop(), ring("p3", 60, before=1)])
    assert rung(lines) == [] and rung(lines, END - pd.Timedelta(days=7)) == ["p3"]


def test_a_short_history_says_nothing_and_a_missing_column_is_named():
    assert newcomer_alarms(pd.concat([shop(weeks=20), ring("p3", 60)]), END).empty
    with pytest.raises(ValueError, match="no column 'customer_id'"):
        newcomer_alarms(shop().drop(columns="customer_id"))
