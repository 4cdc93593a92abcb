"""The stock player in daily and weekly shops: weeks from days, stock-outs as missing demand, nothing from later."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.decisions.inventory.player import PastSales, PlayerPolicy
from salesforecast_lib.decisions.inventory.player.policy import player_config
from salesforecast_lib.decisions.inventory.simulator import SimulationConfig, simulate

PRODUCTS = 30
CONFIG = SimulationConfig(3, 7, holding_cost=0.02, shortage_cost=1.0)


def made(periods: int, freq: str = "D", seed: int = 0) -> PastSales:
    """Poisson sales, on Saturdays (or in every fourth week) three times as many, closed on Sundays of a daily shop."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range("2022-01-03", periods=periods, freq=freq if freq == "D" else "7D")  # a Monday
    peak = (dates.dayofweek == 5) if freq == "D" else (np.arange(periods) % 4 == 0)
    opened = np.ones((PRODUCTS, periods), bool) & ((dates.dayofweek != 6) | (freq != "D"))
    sales = rng.poisson(rng.uniform(1, 6, (PRODUCTS, 1)) * np.where(peak, 3.0, 1.0)) * opened
    groups = pd.DataFrame({"aisle": np.arange(PRODUCTS) % 3, "kind": np.arange(PRODUCTS) % 6, "same": 1})
    return PastSales(sales.astype(float), opened.astype(float), opened, dates, groups)


def test_days_are_summed_to_weeks_and_what_was_missing_is_scaled_up():
    past = made(30)
    stock, sales = past.in_stock.copy(), past.sales.copy()
    sales[0, 2:9] = [0, 5, 5, 5, 0, 5, 5]  # Wednesday to Tuesday; Sunday (the fifth) is closed
    stock[0, 2] = 0.0
    stock[1, 2:7] = 0.0
    part = dataclasses.replace(past, sales=sales, in_stock=stock).weeks(9)
    assert part.sales.shape == (PRODUCTS, 1) and part.dates[0] == past.dates[2]
    assert part.sales[0, 0] == 30 and part.in_stock[0, 0], "25 units in five of six open days"
    assert not part.in_stock[1, 0], "in stock on one open day of six: nothing is known"


def test_a_closed_week_is_known_to_sell_nothing():
    past = made(28)
    closed = past.is_open.copy()
    closed[:, 7:14] = False
    week = dataclasses.replace(past, is_open=closed, in_stock=np.where(closed, 1.0, 0.0)).weeks(28)
    assert week.in_stock[:, 1].all() and (week.sales[:, 1] == 0).all()


def test_weekdays_are_those_of_the_shop():
    share = made(140).weekdays(140)  # the next day is a Monday
    assert share.sum(axis=1) == pytest.approx(1) and share.shape == (PRODUCTS, 7)
    assert (share.argmax(axis=1) == 5).all() and (share[:, 6] < 0.02).all()
    assert (made(140).weekdays(138).argmax(axis=1) == 0).all(), "from a Saturday on"


@pytest.mark.parametrize("periods", [56, 140, 420])
def test_it_serves_a_daily_shop_of_any_age(periods):
    """Two months are too short for trees and seasons: levels are left; the shelf is filled all the same."""
    past = made(periods + 28)
    policy = PlayerPolicy(past, periods, CONFIG)
    run = simulate(past.sales[:, periods:], policy, np.full(PRODUCTS, 30.0), CONFIG)
    assert policy.draw(0).shape == (200, PRODUCTS, CONFIG.protection)
    assert policy.draw(0).mean(axis=0)[:, 5].mean() > 2 * policy.draw(0).mean(axis=0)[:, 1].mean(), "Saturdays"
    assert run.summary()["fill_rate"] > 0.9
    assert (policy.planner.trees is None) == (periods < 7 * 34)


def test_it_serves_a_weekly_shop():
    past, config = made(120, "W"), SimulationConfig(2, 2, holding_cost=0.2, shortage_cost=1.0)
    policy = PlayerPolicy(past, 104, config)
    run = simulate(past.sales[:, 104:], policy, np.full(PRODUCTS, 30.0), config)
    assert policy.draw(0).shape == (200, PRODUCTS, 4) and run.summary()["fill_rate"] > 0.7


def test_it_sees_nothing_of_the_periods_ahead():
    past = made(168)
    later = past.sales.copy()
    later[:, 140:] *= 7
    one, other = (PlayerPolicy(p, 140, CONFIG).draw(0) for p in (past, dataclasses.replace(past, sales=later)))
    assert np.array_equal(one, other)


def test_stock_outs_are_missing_demand_not_none():
    past = made(140)
    empty = past.in_stock.copy()
    empty[:, 112:] = 0.0
    told = PlayerPolicy(dataclasses.replace(past, sales=past.sales * (empty > 0), in_stock=empty), 140, CONFIG)
    believed = PlayerPolicy(dataclasses.replace(past, sales=past.sales * (empty > 0)), 140, CONFIG)
    usual = PlayerPolicy(past, 140, CONFIG).draw(0).mean()
    assert told.draw(0).mean() == pytest.approx(usual, rel=0.15) and believed.draw(0).mean() < 0.75 * usual


def test_a_forecast_is_mixed_in_and_tells_the_days():
    past = made(140)
    low = PlayerPolicy(past, 140, CONFIG, lambda t, n: np.tile([0, 0, 0, 7.0, 0, 0, 0], (PRODUCTS, n // 7)))
    paths, own = low.draw(0).mean(axis=(0, 1)), PlayerPolicy(past, 140, CONFIG).draw(0).mean(axis=(0, 1))
    assert paths[[0, 1, 2, 4]] == pytest.approx(0, abs=1e-3) and 0 < paths[3] < own[:7].sum()


def test_groups_are_columns_that_tell_products_apart_the_widest_first():
    config = player_config(made(140), CONFIG)
    assert config.nested == ("aisle", "kind") and config.horizon == 2
    assert (
        player_config(dataclasses.replace(made(140), attributes=pd.DataFrame(index=range(PRODUCTS))), CONFIG).nested
        == ()
    )


def test_months_have_no_player():
    months = pd.date_range("2022-01-31", periods=24, freq="ME")
    none = dataclasses.replace(made(24), dates=months)
    assert none.days == 0 and not none.plays(24)


@pytest.mark.parametrize("freq, start, plays", [("D", 55, False), ("D", 56, True), ("W", 7, False), ("W", 8, True)])
def test_eight_weeks_come_before_the_first_order(freq, start, plays):
    assert made(70, freq).plays(start) == plays


def test_players_side_by_side_share_their_trees():
    alone = PlayerPolicy(made(300), 280, CONFIG)
    mixed = alone.beside(lambda t, n: np.ones((PRODUCTS, n)))
    drawn = mixed.draw(0)
    trees = alone.planner.trees
    assert trees and not np.array_equal(alone.draw(0), drawn) and alone.planner.trees is trees
    alone.draw(3)  # a review of another day of the week
    assert np.array_equal(alone.draw(0), PlayerPolicy(made(300), 280, CONFIG).draw(0)), "whoever was asked before"
