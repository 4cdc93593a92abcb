"""Days, weeks with any anchor and months mean the same everywhere, and every spelling is one or is refused."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesforecast_lib.data.calendar import calendar_features, cutoffs_within, period_index
from salesforecast_lib.data.frequency import check_freq, found_in
from salesforecast_lib.data.marketplace.config import MarketplaceConfig
from salesforecast_lib.data.marketplace.panel import market_columns
from salesforecast_lib.data.marketplace.simulate import simulate_marketplace
from salesforecast_lib.data.panel import PanelConfig, build_panel, extend_panel

ANCHORS = [f"W-{day}" for day in ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")]


@pytest.mark.parametrize(
    "freq, alias, season",
    [("D", "D", 7), ("W", "W-SUN", 52), ("W-MON", "W-MON", 52), ("M", "ME", 12), ("MS", "ME", 12)],
)
def test_spellings_of_a_frequency(freq, alias, season):
    found = check_freq(freq)
    assert (found.alias, found.season) == (alias, season)
    assert check_freq(found.alias) == found, "panel.json holds the alias, from which chapters come back"


@pytest.mark.parametrize("freq", ["", "d", "weekly", "W-XYZ", "Q", "2W", "H", "W-"])
def test_other_frequencies_are_refused_with_the_known_ones(freq):
    with pytest.raises(ValueError, match="expected D .days., W .* or M .months"):
        PanelConfig(freq=freq) if freq else check_freq(freq)


@settings(max_examples=60, deadline=None)
@given(st.integers(-20_000, 30_000), st.sampled_from(["D", *ANCHORS, "M"]))
def test_periods_of_days_are_those_of_pandas(day, freq):
    frequency = check_freq(freq)
    stamp = pd.Timestamp("1970-01-01") + pd.Timedelta(days=day)
    (number,), (place,) = frequency.numbers(np.array([day]))
    end = frequency.stamps(int(number), int(number))[0]
    period = stamp.to_period("M" if freq == "M" else freq)
    assert end == period.end_time.normalize()
    assert frequency.first_days(pd.DatetimeIndex([end]))[0] == period.start_time
    assert place == (0 if freq == "D" else (stamp - period.start_time).days)


@pytest.mark.parametrize("freq", ["D", "W-SAT", "M"])
def test_steps_count_periods(freq):
    frequency, last = check_freq(freq), check_freq(freq).stamps(600, 600)[0]
    ahead = frequency.after(last, 15)
    assert frequency.steps(pd.Series(ahead), pd.Series([last] * 15)).tolist() == list(range(1, 16))
    assert last + 15 * frequency.offset == ahead[-1]


def lines(first, last, skip=()):
    days = [day for day in pd.date_range(first, last) if day.dayofweek not in skip]
    table = pd.DataFrame({"order_id": range(len(days)), "product_id": "a", "timestamp": days})
    return table.assign(quantity=1.0, unit_price=2.0)


@pytest.mark.parametrize(
    "first, last, skip, expected",
    [
        ("2024-01-01", "2024-03-31", (), ["2024-01-31", "2024-02-29", "2024-03-31"]),
        ("2024-01-02", "2024-03-30", (), ["2024-01-31", "2024-02-29", "2024-03-31"]),  # New Year's Day is closed
        ("2024-01-10", "2024-03-15", (), ["2024-02-29"]),
        ("2024-01-01", "2024-03-29", (5, 6), ["2024-01-31", "2024-02-29", "2024-03-31"]),  # ends on a weekend
        ("2024-01-05", "2024-03-31", (), ["2024-02-29", "2024-03-31"]),
    ],
)
def test_incomplete_months_at_the_edges_are_left_out(first, last, skip, expected):
    panel = build_panel(lines(first, last, skip), PanelConfig(freq="M"))
    assert [str(day.date()) for day in panel["ds"]] == expected
    whole = pd.period_range(expected[0], expected[-1], freq="M")
    days = [sum(day.dayofweek not in skip for day in pd.date_range(p.start_time, p.end_time)) for p in whole]
    got = panel["y"].tolist()
    assert got[1:-1] == days[1:-1] and all(abs(a - b) <= 2 for a, b in zip(got, days, strict=True))


@pytest.mark.parametrize("freq", ANCHORS)
def test_weeks_end_on_their_anchor_and_incomplete_ones_are_left_out(freq):
    panel = build_panel(lines("2024-01-01", "2024-02-29"), PanelConfig(freq=freq))
    assert (panel["y"] == 7).all() and len(panel) in (7, 8)
    assert set(panel["ds"].dt.day_name().str[:3].str.upper()) == {freq[2:]}


def test_cutoffs_leave_two_horizons_to_learn_from():
    days = pd.Series(pd.date_range("2024-01-01", periods=200))
    assert cutoffs_within(days, "D", 7, 3)[0] == days.iloc[-1] - pd.Timedelta(days=21)
    assert len(cutoffs_within(days[:28], "D", 7, 3)) == 2
    assert cutoffs_within(days[:21], "D", 7, 3) == [days.iloc[13]]
    months = pd.Series(pd.date_range("2023-01-31", periods=12, freq="ME"))
    assert [str(end.date()) for end in cutoffs_within(months, "ME", 2, 3)] == ["2023-06-30", "2023-08-31", "2023-10-31"]


def test_calendar_of_months_counts_days():
    months = pd.date_range("2024-01-31", "2024-12-31", freq="ME")
    table = calendar_features(months, "US", "ME")
    assert table.loc["2024-11-30", "holiday"] == pytest.approx(2 / 30), "Veterans Day and Thanksgiving"
    assert table.loc["2024-12-31", "working_days"] == pytest.approx(21 / 20), "22 weekdays less Christmas"
    assert table.loc["2024-06-30", ["weekday_5", "weekday_0"]].tolist() == [1.0, 4 / 5], "five Saturdays, four Mondays"
    assert (table["year_sin_1"] - np.sin(2 * np.pi * months.month / 12)).abs().max() < 1e-12
    assert calendar_features(months, "CN", "ME").loc["2024-11-30", "festival"] == pytest.approx(1 / 30)


def test_weeks_that_bear_their_first_day_look_ahead_within_them():
    monday = pd.DatetimeIndex(["2024-12-23", "2024-12-30"])  # Christmas and New Year lie in these weeks
    assert calendar_features(monday, "US", "W-MON", "start")["holiday"].tolist() == [1.0, 1.0]
    assert calendar_features(monday, "US", "W-MON")["holiday"].tolist() == [0.0, 1.0], "weeks that end on these days"


def test_months_ahead_keep_plans_and_opening():
    panel = build_panel(lines("2023-01-01", "2024-03-31"), PanelConfig(freq="M")).assign(plan=1.0)
    ahead = extend_panel(panel, ["open", "plan"], [], "ME", 3).tail(3)
    assert ahead["ds"].dt.date.astype(str).tolist() == ["2024-04-30", "2024-05-31", "2024-06-30"]
    assert (ahead[["open", "plan"]] == 1).all(axis=None)


@pytest.mark.parametrize("freq", ["M", "W-SAT"])
def test_records_of_the_marketplace_fall_into_the_same_periods(freq):
    market = simulate_marketplace(MarketplaceConfig(products=8, days=120, units=5_000, customers=60, seed=1))
    panel = build_panel(market.lines, PanelConfig(freq=freq))
    table, plans = market_columns(panel, market, "product_id", freq)
    assert len(table) == len(panel) and table[plans].notna().all(axis=None)


@pytest.mark.parametrize(
    "days, expected",
    [
        (pd.date_range("2024-01-01", periods=30), "D"),
        (pd.date_range("2024-01-06", periods=9, freq="W-SAT"), "W-SAT"),
        (pd.date_range("2024-01-01", periods=6, freq="MS"), "M"),
        (pd.date_range("2024-01-31", periods=6, freq="ME"), "M"),
        (pd.date_range("2024-01-01", periods=6, freq="QS"), "longer"),
        (pd.DatetimeIndex(["2024-01-03", "2024-02-17", "2024-04-02", "2024-05-09", "2024-07-01"]), "D"),
        (pd.DatetimeIndex(["2024-01-03", "2024-01-10"]), ""),
    ],
)
def test_spacing_of_days_tells_the_frequency(days, expected):
    assert found_in(days) == expected


def test_incomplete_first_week_keeps_its_rule():
    number, calendar, complete = period_index(lines("2024-01-03", "2024-01-21")["timestamp"], "W")
    assert calendar.tolist() == [pd.Timestamp("2024-01-14"), pd.Timestamp("2024-01-21")]
    assert complete.sum() == 14 and set(number[complete]) == {0, 1}
