"""Bars of the champion's forecasts: exact for its trees, and together the forecast, whatever the committee."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.features import ahead_features, build_features
from salesforecast_lib.models.champion.members import Task, forecast_member
from salesforecast_lib.models.peers import LongMemoryRows
from salesforecast_lib.production.explain import champion_reasons, why
from salesforecast_lib.production.explain.committee import reasons_of
from salesforecast_lib.production.explain.drivers import driver_of
from salesforecast_lib.production.explain.trees import champion_parts
from tests.unit.models.champion.made import make_panel, told
from tests.unit.production.explain.made import small_champion
from tests.unit.production.made_run import made_panel

BOTH = ("Boosting", "LightGBMDirect")


@pytest.fixture(scope="module")
def shop():
    """Six products with promotions known ahead, closed on one day of the horizon, and their champion."""
    panel = make_panel(6, 126)
    panel.loc[panel["ds"] == panel["ds"].max(), "open"] = 0.0
    table, known, meta, last = told(panel)
    return small_champion(table, known, meta, last, (*BOTH, "WindowAverage")), table, known


def test_the_bars_of_the_trees_are_the_forecasts_of_the_members(shop):
    champion, table, known = shop
    task = Task(table, known, champion.meta, champion.fits, champion.config)
    parts = champion_parts(champion, table, known)
    assert sum(part.share for part in parts) == pytest.approx(1.0) and len(parts) == 3
    for name, some in (("LightGBMDirect", parts[:1]), ("Boosting", parts[1:])):
        member = forecast_member(task, name, [champion.cutoff], champion.shelf)[0]
        wide = member.pivot(index="unique_id", columns="ds", values="mean").to_numpy()
        assert np.allclose(np.mean([part.mean for part in some], axis=0), wide, rtol=1e-9)


def test_usual_drivers_and_rest_are_the_forecast_and_a_closed_day_is_a_driver(shop):
    champion, table, known = shop
    reasons = champion_reasons(champion, table, known)
    forecast = champion.forecast(table, known).groupby("unique_id")["mean"].sum()
    assert np.allclose(reasons.usual + reasons.added.sum(axis=1) + reasons.rest, forecast)
    closed = reasons.added[:, reasons.drivers.index("opening days")]
    day = reasons.usual / len(reasons.steps)
    assert (closed < -0.5 * day).all() and reasons.when[0, reasons.drivers.index("opening days")] == reasons.steps[-1]


def test_a_promotion_in_the_plan_is_the_promotions_bar(shop):
    champion, table, known = shop
    ahead = known["ds"] > champion.cutoff
    none, all_days = (
        champion_reasons(champion, table, known.assign(promo=known["promo"].where(~ahead, all_ahead)))
        for all_ahead in (0.0, 1.0)
    )
    place = [reasons.drivers.index("promotion") for reasons in (none, all_days)]
    gain = all_days.added[:, place[1]] - none.added[:, place[0]]
    grown = all_days.forecast - none.forecast
    assert (gain > 0).all() and (all_days.added[:, place[1]] > 0).all() and (none.added[:, place[0]] < 0).all()
    assert gain.sum() > 0.7 * grown.sum()
    assert all_days.sure[:, place[1]].all()


@pytest.mark.parametrize("freq", ["D", "W-SUN", "MS"])
def test_every_frequency_is_explained_and_each_column_of_the_memory_has_a_meaning(freq):
    panel, meta = made_panel(freq)
    table = build_features(panel, meta)
    told, last = {**meta, **table.roles}, panel["ds"].max()
    columns = ["unique_id", "ds", *table.roles["future"]]
    known = pd.concat([table.frame[columns], ahead_features(panel, meta)[columns]], ignore_index=True)
    rows = LongMemoryRows(table, known, last, 8, meta["freq"], meta["season_length"], 8)
    assert len(rows.meaning) == sum(name.startswith("memory_") for name in rows.numeric)
    champion = small_champion(table, known, told, last, BOTH)
    reasons = champion_reasons(champion, table, known)
    assert np.allclose(reasons.usual + reasons.added.sum(axis=1) + reasons.rest, reasons.forecast)
    assert {"promotion", "recent sales", "kind of product", "season"} <= set(reasons.drivers)
    weekdays = {"D": True, "W-SUN": False, "MS": True}  # months differ in how many Saturdays they have
    assert ("day of the week" in reasons.drivers) == weekdays[freq]


def test_simple_rules_have_no_drivers_and_the_card_says_so():
    table, known, meta, last = told(make_panel(4, 90))
    champion = small_champion(table, known, meta, last, ("WindowAverage", "SeasonalNaive"))
    reasons = champion_reasons(champion, table, known)
    assert reasons.drivers == () and np.allclose(reasons.usual, reasons.forecast)
    card = why(reasons, "s00", "day")
    assert "not told by driver" in card.sentence and "cannot be told by driver" in card.certainty


def test_a_product_that_the_trees_do_not_know_is_named(shop):
    champion, table, known = shop
    parts = champion_parts(champion, table, known)
    wide = champion.forecast(table, known).pivot(index="unique_id", columns="ds", values="mean")
    with pytest.raises(ValueError, match="'new'.*make the champion again"):
        reasons_of(parts, wide.rename(index={"s00": "new"}), champion.cutoff)


@pytest.mark.parametrize(
    ("column", "group", "driver"),
    [
        ("mailer", "promotion", "promotion"), ("Promo2", "promotion", "promotion"),
        ("open", "promotion", "opening days"),
        ("ad_search", "promotion", "advertising"), ("price", "promotion", "price"), ("school_holiday", "promotion",
        "school holiday"), ("weekday_3", "calendar", "day of the week"), ("festival", "calendar", "holidays"),
        ("lag_7", "lags", "recent sales"), ("discount_x_level", "combinations", "price"), ("rating", "other",
        "other columns"),
    ],
)  # fmt: skip
def test_a_column_is_called_what_a_planner_calls_it(column, group, driver):
    assert driver_of(column, group, "D") == driver


# Later data than those of the fit -------------------------------------------------------------------------------------


def test_on_the_data_of_the_fit_the_reasons_of_new_data_are_its_own(shop):
    champion, table, known = shop
    own = champion_reasons(champion, table, known)
    new = champion_reasons(champion, table, known, cutoff=champion.cutoff)
    assert new.drivers == own.drivers and np.allclose(new.added, own.added) and np.allclose(new.usual, own.usual)


def test_bars_of_later_data_are_the_forecasts_that_the_stored_models_make_of_them():
    panel = make_panel(6, 140)
    _, _, meta, last = told(panel)
    early = panel[panel["ds"] <= last]  # the models know a fortnight less
    first, known, fit_meta, fitted = told(early.assign(y=early["y"].where(early["ds"] <= last - pd.Timedelta(days=14))))
    champion = small_champion(first, known, fit_meta, fitted, BOTH)
    table, ahead, _, last = told(panel)
    assert champion.cutoff < last
    forecast = champion.forecast_new(table, ahead, last)
    reasons = champion_reasons(champion, table, ahead, forecast, last)
    assert reasons.cutoff == last and list(reasons.steps) == sorted(forecast["ds"].unique())
    total = forecast.groupby("unique_id")["mean"].sum()
    assert np.allclose(reasons.usual + reasons.added.sum(axis=1) + reasons.rest, total)
    parts = champion_parts(champion, table, ahead, last)
    trees = sum(part.share * np.maximum(part.mean, 0.0) for part in parts)
    factor = champion.composition.mean_factor
    apart = np.abs(trees.sum(axis=1) * factor / total.to_numpy() - 1)
    assert (apart < 0.05).all(), "the committee's mean is half of its members' means and half of its quantiles'"
