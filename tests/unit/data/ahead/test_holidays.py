"""Public holidays ahead: closed as they were before, open where they were open."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.ahead import extend_panel
from salesforecast_lib.data.ahead.holidays import closed_holidays
from salesforecast_lib.data.calendar import holiday_names
from salesforecast_lib.data.features import ahead_features
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import prepare


def panel_of(closed, first="2023-01-02", last="2024-12-20"):
    """Series with ``open`` 0 on the days that ``closed[name]`` says."""
    days = pd.date_range(first, last)
    parts = [
        pd.DataFrame({"unique_id": name, "ds": days, "open": np.where([shut(day) for day in days], 0.0, 1.0)})
        for name, shut in closed.items()
    ]
    table = pd.concat(parts, ignore_index=True)
    return table.assign(y=5.0 * table["open"], available=table["open"])


def ahead_of(panel, country="DE", horizon=28, **options):
    where = pd.Series(country, panel["unique_id"].unique()) if isinstance(country, str) else pd.Series(country)
    table = extend_panel(panel, ["open"], [], "D", horizon, countries=where, **options)
    return table[table["ds"] > panel["ds"].max()].pivot(index="ds", columns="unique_id", values="open")


GERMAN = set(holiday_names(pd.date_range("2022-01-01", "2025-12-31"), "DE").index)


def test_holidays_are_closed_as_they_were_and_open_where_they_were():
    panel = panel_of(
        {
            "shop": lambda day: day.dayofweek == 6 or day in GERMAN,
            "station": lambda day: False,
            "museum": lambda day: day.dayofweek == 0 and day not in GERMAN,
            "cafe": lambda day: (day.month, day.day) == (12, 25),
        }
    )
    ahead = ahead_of(panel)
    special = pd.DatetimeIndex(["2024-12-25", "2024-12-26", "2025-01-01"])
    assert (ahead.loc[special, "shop"] == 0).all()
    assert (ahead["station"] == 1).all()
    assert ahead["cafe"].index[ahead["cafe"] == 0].tolist() == [special[0]], "the other holidays were open"
    plain = ahead.index[~ahead.index.isin(special)]
    assert (ahead.loc[plain, "shop"] == (plain.dayofweek != 6)).all()
    assert (ahead["museum"] == (ahead.index.dayofweek != 0)).all()
    assert (ahead_of(panel, "")["shop"].loc[special] == 1).all(), "no country, no holidays"


def test_a_holiday_that_the_data_never_had_goes_by_the_others():
    """Seven months of data: Christmas was never seen, eight other holidays were."""
    panel = panel_of({"shop": lambda day: day in GERMAN, "kiosk": lambda day: False}, "2024-04-01", "2024-12-20")
    ahead = ahead_of(panel)
    assert ahead["shop"].index[ahead["shop"] == 0].strftime("%m-%d").tolist() == ["12-25", "12-26", "01-01"]
    assert (ahead["kiosk"] == 1).all()
    two = panel_of({"shop": lambda day: day in GERMAN}, "2024-07-01", "2024-12-20")  # one weekday holiday only
    assert (ahead_of(two)["shop"] == 1).all(), "too few to say something of another holiday"


def test_closures_that_come_by_chance_prove_nothing():
    rng = np.random.default_rng(0)
    off = set(pd.date_range("2023-01-02", "2024-12-20")[rng.random(719) < 0.3]) | {pd.Timestamp("2023-12-25")}
    panel = panel_of({"small": lambda day: day in off}, "2023-10-05")
    assert panel.loc[panel["ds"].isin(pd.to_datetime(["2023-12-25"])), "open"].eq(0).all()
    assert ahead_of(panel).equals(ahead_of(panel, ""))


def test_a_new_series_takes_the_holidays_of_its_own_place_and_country():
    shut, never = (lambda day: day in GERMAN), (lambda day: False)
    old = panel_of({"tea @ street": shut, "tea @ station": never, "tea @ Wien": never})
    new = panel_of({"cup @ street": never, "cup @ station": never, "cup @ Wien": never}, "2024-11-15")
    panel = pd.concat([old, new], ignore_index=True)
    where = {name: "AT" if "Wien" in name else "DE" for name in panel["unique_id"].unique()}
    ahead = ahead_of(panel, where)
    assert ahead.loc["2024-12-25", "cup @ street"] == 0
    assert ahead.loc["2024-12-25", ["cup @ station", "cup @ Wien"]].eq(1).all()


def test_a_plan_counts_before_past_holidays():
    panel = panel_of({"shop": lambda day: day in GERMAN})
    day = pd.Timestamp("2024-12-26")
    ahead = ahead_of(panel, plan=pd.DataFrame({"unique_id": ["shop"], "ds": [day], "open": [1.0]}))
    assert ahead.loc["2024-12-25", "shop"] == 0 and ahead.loc[day, "shop"] == 1


@pytest.mark.parametrize("freq", ["W", "M"])
def test_longer_periods_have_no_closed_holiday(freq):
    panel = panel_of({"shop": lambda day: day in GERMAN})
    says = closed_holidays(panel, panel[["unique_id", "ds"]], check_freq(freq), pd.Series({"shop": "DE"}))
    assert (says == "").all()


@pytest.mark.parametrize("kind", ["own_data", "own_panel"])
def test_a_run_closes_them_and_says_so(tmp_path, kind):
    days = pd.date_range("2023-01-02", "2024-12-20")
    shut = (days.dayofweek == 6) | days.isin(list(GERMAN))
    rows = pd.DataFrame({"ds": days[~shut], "y": 3 + days[~shut].dayofweek})
    if kind == "own_panel":
        table = pd.concat([rows.assign(unique_id=name) for name in "abc"])
    else:
        lines = [rows.rename(columns={"ds": "timestamp", "y": "quantity"}).assign(product_id=name) for name in "abc"]
        table = pd.concat(lines, ignore_index=True).assign(unit_price=2.0)
        table["order_id"] = np.arange(len(table))
    file = tmp_path / "sales.csv"
    table.to_csv(file, index=False)
    made = prepare(kind, PanelConfig(), 28, path=str(file), country="DE")
    ahead = ahead_features(made.panel, made.meta, made.plan).set_index("ds")
    first = ahead[ahead["unique_id"] == "a"]["open"]
    closed = first.index[first == 0].strftime("%m-%d").tolist()
    assert closed == ["12-22", "12-25", "12-26", "12-29", "01-01", "01-05", "01-12"]
    note = next(note for note in made.notes if "past holidays" in note)
    assert "2024-12-25" in note and "closed on 1 of 1 past ones" in note and "for 3 series" in note, note
    assert not any("past holidays" in note for note in prepare(kind, PanelConfig(), 4, path=str(file)).notes)
    (tmp_path / "plan.csv").write_text("unique_id,ds,open\na,2024-12-26,1\n")
    made = prepare(kind, PanelConfig(), 28, path=str(file), country="DE", plan_file=str(tmp_path / "plan.csv"))
    ahead = ahead_features(made.panel, made.meta, made.plan).set_index(["unique_id", "ds"])["open"]
    assert ahead["a", "2024-12-26"] == 1 and ahead["b", "2024-12-26"] == 0
