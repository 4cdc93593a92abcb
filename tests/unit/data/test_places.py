"""Order lines by product and place: each place is open or closed on its own."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.availability import places_open
from salesforecast_lib.data.features import ahead_features
from salesforecast_lib.data.panel import PanelConfig, build_panel
from salesforecast_lib.data.prepare import prepare

DAYS = pd.date_range("2024-01-01", periods=126)  # Monday on


def orders(rates, seed=0):
    """``rates[place](day)`` is the mean number of orders of each of two products there; at least one, if not 0."""
    rng, rows = np.random.default_rng(seed), []
    for place, rate in rates.items():
        for day in DAYS:
            for product in ("tea", "cup"):
                rows += [(product, day, 1.0, 2.0, place)] * max(rng.poisson(rate(day)), int(rate(day) >= 1))
    frame = pd.DataFrame(rows, columns=["product_id", "timestamp", "quantity", "unit_price", "location_id"])
    return frame.assign(order_id=np.arange(len(frame)).astype(str))


def state(panel, place):
    """``open`` and ``available`` of each day of a place, the same for all of its series."""
    there = panel[panel["unique_id"].str.endswith(f" @ {place}")]
    assert (there.groupby("ds")["open"].nunique() == 1).all()
    return there.groupby("ds")[["open", "available"]].first()


def test_each_place_has_its_own_days():
    refit = pd.date_range("2024-03-04", periods=16)
    frame = orders(
        {
            "mall": lambda day: 3,
            "street": lambda day: 0 if day.dayofweek == 6 else 2,
            "kiosk": lambda day: 0 if day.dayofweek == 0 else 0.8,
            "rebuilt": lambda day: 0 if day in refit else 1,
        }
    )
    panel = build_panel(frame, PanelConfig(by_location=True, n_series=0))
    assert (state(panel, "mall") == 1).all(axis=None)
    for place, weekday in (("street", 6), ("kiosk", 0)):
        table = state(panel, place)
        shut = table.index.dayofweek == weekday
        assert (table[shut] == 0).all(axis=None) and (table[~shut]["open"].mean() > 0.95), place
    rebuilt = state(panel, "rebuilt")
    assert rebuilt.index[rebuilt["open"] == 0].equals(refit)
    whole = build_panel(frame, PanelConfig(n_series=0))
    assert (whole["open"] == 1).all(), "of the whole shop a day is open when any place sold"


def test_a_day_on_which_no_place_sold_is_closed_for_all():
    frame = orders({"a": lambda day: 2 * (day != DAYS[50]), "b": lambda day: 0.3 * (day != DAYS[50])})
    panel = build_panel(frame, PanelConfig(by_location=True, n_series=0))
    for place in "ab":
        assert state(panel, place).loc[DAYS[50]].tolist() == [0, 0]
    assert state(panel, "a")["open"].sum() == len(DAYS) - 1


def test_a_place_that_sells_seldom_is_not_closed_by_chance():
    frame = orders({"large": lambda day: 4, "small": lambda day: 0.1})
    table = state(build_panel(frame, PanelConfig(by_location=True, n_series=0)), "small")
    assert (table == 1).all(axis=None)


def test_closures_of_places_by_hand():
    weekday = np.arange(70) % 7
    regular = np.where(weekday == 6, 0, 3)
    regular[[20, 41]] = 0, 0
    regular[20] = 5  # one open Sunday
    sundays = np.where(weekday == 6, 2, 1)
    found = places_open(np.array([regular, sundays, np.where(weekday < 5, 1, 0)]), np.ones(70, dtype=bool), weekday)
    assert (found[0] == (regular > 0)).all()
    assert found[1].all()
    assert (found[2] == (weekday < 5)).all()
    weeks = np.array([[5] * 20 + [0] * 3 + [5] * 20, [1, 0, 0, 1, 0] * 8 + [0, 0, 1]])
    shut = ~places_open(weeks, np.ones(43, dtype=bool))
    assert shut[0].nonzero()[0].tolist() == [20, 21, 22] and not shut[1].any()


def test_what_is_usual_at_a_place_goes_on_after_the_data(tmp_path):
    orders({"mall": lambda day: 2, "street": lambda day: 0 if day.dayofweek == 6 else 2}).to_csv(
        tmp_path / "orders.csv", index=False
    )
    made = prepare("own_data", PanelConfig(by_location=True), 14, path=str(tmp_path / "orders.csv"))
    ahead = ahead_features(made.panel, made.meta, made.plan)
    street = ahead["unique_id"].str.endswith("street")
    sunday = ahead["ds"].dt.dayofweek == 6
    assert (ahead.loc[~street, "open"] == 1).all()
    assert (ahead.loc[street, "open"] == ~sunday[street]).all()
    assert any("closed while others sold: street (18)" in note for note in made.notes), made.notes


@pytest.mark.parametrize("dtype", [object, "string", "category"])
def test_lines_without_a_place_are_a_place_of_their_own(tmp_path, dtype):
    frame = orders({"mall": lambda day: 2, "": lambda day: 3})
    units = frame.groupby(["product_id", "location_id"])["quantity"].sum()
    lines = frame.assign(location_id=frame["location_id"].replace("", None).astype(dtype))
    found = build_panel(lines, PanelConfig(by_location=True)).groupby("unique_id")["y"].sum()
    assert found.to_dict() == {f"{p} @ {place or 'unknown'}": total for (p, place), total in units.items()}
    frame.assign(colour="red").to_csv(tmp_path / "orders.csv", index=False)
    made = prepare(
        "own_data", PanelConfig(by_location=True), 14, path=str(tmp_path / "orders.csv"), future=("price", "discount")
    )
    assert made.panel["y"].sum() == len(frame) and made.panel["price"].eq(2).all()
    assert any("without a location_id" in note for note in made.notes), made.notes


def test_lines_without_the_level_are_in_no_series():
    frame = orders({"mall": lambda day: 2, "street": lambda day: 2})
    frame["brand"] = np.where(frame["product_id"] == "tea", "leaf", None)
    panel = build_panel(frame, PanelConfig(level="brand", by_location=True))
    assert sorted(panel["unique_id"].unique()) == ["leaf @ mall", "leaf @ street"]
    assert panel["y"].sum() == (frame["brand"] == "leaf").sum()
