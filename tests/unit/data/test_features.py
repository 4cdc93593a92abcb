"""Features look back only, and the tripwire catches those that do not."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.calendar import calendar_features, cycle_position
from salesforecast_lib.data.features import ahead_features, build_features, load_features, save_features
from salesforecast_lib.data.leaks import find_leaks


def made(freq="D", periods=120):
    rng = np.random.default_rng(0)
    ds = pd.date_range("2023-01-01", periods=periods, freq=freq)
    parts = [
        pd.DataFrame(
            {
                "unique_id": name,
                "ds": ds,
                "y": rng.poisson(5, periods).astype(float),
                "available": 1.0,
                "open": 1.0,
                "price": rng.uniform(1, 3, periods),
                "discount": rng.uniform(0, 0.3, periods),
                "buyers": 2.0,
                "baskets": 2.0,
                "repeat_share": 0.5,
                "group": "g",
            }
        )
        for name in ("a", "b")
    ]
    meta = {"freq": freq, "season_length": 7 if freq == "D" else 52, "country": "US", "horizon": 7, "static": ["group"]}
    meta |= {"historical": ["price", "discount", "buyers", "baskets", "repeat_share"], "future": ["open"]}
    return pd.concat(parts, ignore_index=True), meta


@pytest.mark.parametrize("freq", ["D", "W-SUN"])
def test_honest_features_pass_the_tripwire(freq):
    panel, meta = made(freq)
    assert find_leaks(lambda data: build_features(data, meta), panel, panel["ds"].iloc[90], ("open",)) == []


PLANTED = {
    "a scaler fitted on everything": ("historical", lambda data, y: data["y"] / data["y"].mean()),
    "a centred mean": ("historical", lambda data, y: y.transform(lambda v: v.rolling(7, center=True).mean())),
    "sales as plan": ("future", lambda data, y: data["y"]),
}


@pytest.mark.parametrize("leak", PLANTED)
def test_planted_leak_is_caught(leak):
    panel, meta = made()
    role, rule = PLANTED[leak]

    def build(data):
        table = build_features(data, meta)
        table.add("leak", role, {"leak": rule(data, data.groupby("unique_id")["y"])})
        return table

    assert find_leaks(build, panel, panel["ds"].iloc[90], ("open",)) == ["leak"]


def test_tripwire_needs_something_to_perturb():
    panel, meta = made()
    with pytest.raises(ValueError, match="inside the panel"):
        find_leaks(lambda data: build_features(data, meta), panel, "2030-01-01")


def test_values_by_hand():
    panel, meta = made()
    table = build_features(panel, meta)
    a, y = table.frame[table.frame["unique_id"] == "a"], panel["y"].to_numpy()[:120]
    assert a["lag_7"].iloc[50] == y[43]
    assert a["mean_7"].iloc[50] == pytest.approx(y[44:51].mean())
    assert a["trend"].iloc[60] == pytest.approx(y[54:61].mean() - y[33:61].mean())
    zeros = np.flatnonzero(y[:61] > 0)[-1]
    assert a["since_sale"].iloc[60] == pytest.approx(np.log1p(60 - zeros))
    assert a["lag_1"].iloc[0] == 0, "nothing is borrowed from another series"


def test_chinese_festivals_and_holidays():
    days = calendar_features(pd.date_range("2024-01-01", "2024-12-31"), "CN", "D")
    assert days.index[days["festival"] == 1].strftime("%m-%d").tolist() == ["06-18", "11-11"]
    assert days.loc["2024-10-01", "holiday"] == 1 and days.loc["2024-11-11", "holiday"] == 0


def test_a_holiday_on_any_day_counts_for_its_week():
    weeks = calendar_features(pd.date_range("2024-01-07", "2024-12-29", freq="W-SUN"), "US", "W-SUN")
    assert weeks.loc["2024-07-07", "holiday"] == 1, "4 July 2024 was a Thursday"


def test_features_survive_the_disk(tmp_path):
    panel, meta = made()
    table = build_features(panel, meta)
    save_features(table, meta, tmp_path)
    back, stored = load_features(tmp_path)
    pd.testing.assert_frame_equal(back.frame, table.frame)
    assert (back.roles, back.groups, back.in_units) == (table.roles, table.groups, table.in_units)
    assert stored["horizon"] == 7


def test_unsorted_or_incomplete_panels_are_refused():
    panel, meta = made()
    with pytest.raises(ValueError, match="not sorted"):
        build_features(panel.iloc[::-1].reset_index(drop=True), meta)
    with pytest.raises(ValueError, match="price"):
        build_features(panel.drop(columns="price"), meta)


def test_place_in_the_cycle_has_a_name():
    days = pd.Series(pd.to_datetime(["2024-01-01", "2024-01-07", "2024-12-29"]))
    place, name = cycle_position(days, "D")
    assert place.tolist() == [1, 7, 7] and "Monday" in name
    assert cycle_position(days, "W-SUN")[0].tolist() == [1, 1, 4]


def test_features_ahead_are_written_beside_the_table(tmp_path):
    panel, meta = made()
    ahead = ahead_features(panel, meta)
    assert ahead["ds"].min() == panel["ds"].max() + pd.Timedelta(days=1)
    assert len(ahead) == meta["horizon"] * panel["unique_id"].nunique()
    save_features(build_features(panel, meta), meta, tmp_path, ahead)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "ahead.parquet"), ahead)
