"""Plan files: ranges, places, all products, what contradicts, lies elsewhere or is not told."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.features import ahead_features
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import load_plan, prepare, save_prepared
from salesforecast_lib.data.reading import ReadOptions

HORIZON = 28
LAST = pd.Timestamp("2024-05-19")  # of the daily panel


def made(freq="D", periods=140, ids=("A", "B", "C")):
    """Sales with a promotion in each fourth week, and a price."""
    ds = pd.date_range("2024-01-01", periods=periods, freq=freq)
    week = np.arange(periods) // (7 if freq == "D" else 1)
    one = pd.DataFrame({"ds": ds, "y": 5.0 + week % 3, "promo": (week % 4 == 0).astype(int), "price": 2.0})
    return pd.concat([one.assign(unique_id=name) for name in ids], ignore_index=True)


def planned(tmp_path, plan, frame=None, horizon=HORIZON, freq="D", columns=None, **options):
    """Prepared panel and features ahead; ``plan`` is a frame or a text."""
    (made() if frame is None else frame).to_csv(tmp_path / "panel.csv", index=False)
    file = tmp_path / "plan.csv"
    file.write_text(plan if isinstance(plan, str) else plan.to_csv(index=False))
    prepared = prepare(
        "own_panel", PanelConfig(n_series=0, freq=freq), horizon, path=str(tmp_path / "panel.csv"), country="DE",
        plan_file=str(file), plan_reading=ReadOptions(columns=columns or {}), **options,
    )  # fmt: skip
    return prepared, ahead_features(prepared.panel, prepared.meta, prepared.plan)


def days_with(ahead, name, column="promo"):
    rows = ahead[(ahead["unique_id"] == name) & (ahead[column] > 0)]
    return [(day - LAST).days for day in rows["ds"]]


def test_ranges_single_days_and_values_reach_the_rows_ahead(tmp_path):
    plan = "unique_id,ds,end,promo,price\nA,2024-05-22,2024-05-24,1,1.5\nB,2024-06-01,,1,\n"
    plan += "A,2024-06-16,2024-06-30,,1.8\n"
    prepared, ahead = planned(tmp_path, plan)
    assert days_with(ahead, "A") == [3, 4, 5] and days_with(ahead, "B") == [13] and days_with(ahead, "C") == []
    price = ahead[ahead["unique_id"] == "A"].set_index("ds")["price"]
    assert price["2024-05-22":"2024-05-24"].tolist() == [1.5] * 3 and price["2024-06-16"] == 1.8 and price.iloc[0] == 2
    assert "price: told for 4.8% of the 84 rows ahead; the last value is taken in 95.2% of the rows" in prepared.notes
    save_prepared(prepared, tmp_path)
    pd.testing.assert_frame_equal(load_plan(tmp_path), prepared.plan)


USUAL = {"on most days": [1, 1, 1, 1, 0], "seldom": [1, 0, 0, 0, 0]}  # weeks of a cycle of five


@pytest.mark.parametrize("case", USUAL)
def test_a_plan_of_one_product_leaves_all_others_as_usual(tmp_path, case):
    frame = made()
    frame["promo"] = np.array(USUAL[case])[(frame["ds"] - frame["ds"].min()).dt.days // 7 % 5]
    (tmp_path / "other").mkdir()
    _, without = planned(tmp_path, "unique_id,ds,promo\nA,2024-05-21,1\n", frame)
    for row in ("A,2024-05-21,0", "A,2024-05-25,1", "A,2024-06-10,0"):
        _, ahead = planned(tmp_path / "other", f"unique_id,ds,promo\n{row}\n", frame)
        others = ahead["unique_id"] != "A"
        pd.testing.assert_frame_equal(ahead[others], without[others])
    usual = float(case == "on most days")
    assert (without.loc[without["unique_id"] != "A", "promo"] == usual).all()


def test_a_list_of_promotions_says_that_the_days_before_its_last_are_without(tmp_path):
    frame = made()
    frame["promo"] = np.array(USUAL["on most days"])[(frame["ds"] - frame["ds"].min()).dt.days // 7 % 5]
    prepared, ahead = planned(tmp_path, "unique_id,ds,promo\nA,2024-05-22,1\nA,2024-05-25,1\n", frame)
    assert days_with(ahead, "A") == [3, 6, *range(7, 29)], "then the usual"
    assert any("lists the days with promo of 1 series" in note for note in prepared.notes)
    told, ahead = planned(tmp_path, "unique_id,ds,promo\nA,2024-05-22,1\nA,2024-05-25,0\n", frame)
    assert days_with(ahead, "A") == [1, 2, 3, 4, 5, *range(7, 29)], "a plan that also says no lists nothing"
    assert not any("lists the days" in note for note in told.notes)


def test_the_file_wins_over_the_panels_own_rows_and_silence_does_not(tmp_path):
    frame = made(periods=140 + HORIZON)
    frame["promo"] = (frame["ds"].dt.dayofweek == 0).astype(int)
    frame.loc[frame["ds"] > LAST, "y"] = np.nan
    prepared, ahead = planned(tmp_path, "unique_id,ds,promo\nA,2024-05-20,0\nB,2024-05-29,1\n", frame)
    mondays = [1, 8, 15, 22]
    assert [days_with(ahead, name) for name in "ABC"] == [mondays[1:], [1, 8, 10, 15, 22], mondays]
    assert any("promo: in 2 rows ahead the plan file counts" in note for note in prepared.notes)


def test_what_lies_elsewhere_is_counted_and_said(tmp_path):
    plan = "unique_id,ds,promo\nA,2024-05-22,1\nGhost,2024-05-22,1\nGhost,2024-05-23,1\n"
    plan += "B,2024-03-01,1\nC,2025-01-01,1\n"
    prepared, ahead = planned(tmp_path, plan)
    said = " | ".join(prepared.notes)
    assert "2 rows of 1 product that the data do not have, left out: Ghost" in said
    assert "1 row before 2024-05-20" in said and "1 row from 2024-06-17 on lie beyond the horizon" in said
    assert prepared.panel["promo"].tolist() == made()["promo"].tolist(), "the past is not rewritten"
    assert days_with(ahead, "B") == days_with(ahead, "C") == []


REFUSED = {
    "contradiction": (
        "unique_id,ds,promo\nA,2024-05-22,1\nB,2024-05-22,1\nA,2024-05-22,0\n",
        "rows 1 and 3 contradict",
    ),
    "contradicting ranges": (
        "unique_id,ds,end,price\nA,2024-05-22,2024-05-23,1.5\nA,2024-05-23,2024-05-24,1.7\n",
        "rows 1 and 2 contradict.*2024-05-23 is 1.5 and 1.7",
    ),
    "no known product": ("unique_id,ds,promo\nGhost,2024-05-22,1\n", "none of its products.*Ghost.*A"),
    "no known column": ("unique_id,ds,offer\nA,2024-05-22,1\n", r"none of its columns \['offer'\].*plan_columns"),
    "text for a number": ("unique_id,ds,price\nA,2024-05-22,1.5\nA,2024-05-23,cheap\n", "row 2: price is 'cheap'"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_plan_that_cannot_be_meant_is_refused_with_its_rows(tmp_path, case):
    plan, complaint = REFUSED[case]
    with pytest.raises(ValueError, match=complaint):
        planned(tmp_path, plan)


def test_a_nearer_row_counts_before_a_general_one(tmp_path):
    plan = "unique_id,ds,end,promo\n*,2024-05-22,2024-05-24,1\nB,2024-05-23,,0\n"
    plan += "C,2024-05-20,2024-05-27,0\nC,2024-05-24,,1\n"
    _, ahead = planned(tmp_path, plan)
    assert [days_with(ahead, name) for name in "ABC"] == [[3, 4, 5], [3, 5], [5]]


def test_rows_told_twice_alike_are_one(tmp_path):
    _, ahead = planned(tmp_path, "unique_id,ds,promo\nA,2024-05-22,1\nA,2024-05-22,1\n")
    assert days_with(ahead, "A") == [3]


PERIODS = {  # frequency: periods, plan row, its period (from 0) and share of days
    "W": ("W-SUN", 60, "2025-03-04,2025-03-06", 1, 3 / 7),
    "W-MON": ("W-MON", 60, "2025-02-25,2025-02-27", 0, 3 / 7),
    "M": ("ME", 30, "2026-07-01,2026-07-10", 0, 10 / 31),
}


@pytest.mark.parametrize("freq", PERIODS)
def test_days_of_a_longer_period_are_a_share_of_it_and_prices_a_mean(tmp_path, freq):
    alias, periods, days, place, share = PERIODS[freq]
    plan = f"unique_id,ds,end,promo,price\nA,{days},1,1.0\n"
    prepared, ahead = planned(tmp_path, plan, made(alias, periods), 4, freq)
    a = ahead[ahead["unique_id"] == "A"].reset_index(drop=True)
    assert a["promo"][place] == pytest.approx(share) and a["promo"].drop(place).eq(0).all()
    assert a["price"][place] == pytest.approx(share * 1 + (1 - share) * 2) and a["price"].drop(place).eq(2).all()


@pytest.mark.parametrize("freq", ["W", "M"])
def test_a_date_without_ranges_speaks_of_its_whole_period(tmp_path, freq):
    alias, periods, days, place, _ = PERIODS[freq]
    plan = f"unique_id,ds,promo\nA,{days.split(',')[0]},1\n"
    prepared, ahead = planned(tmp_path, plan, made(alias, periods), 4, freq)
    assert ahead[ahead["unique_id"] == "A"]["promo"].tolist()[place] == 1
    assert any("a date speaks of its whole" in note for note in prepared.notes)


def test_other_names_words_and_closures(tmp_path):
    frame = made().rename(columns={"promo": "Promo"})
    plan = "SKU;from;to;promo;geschlossen\nA;25.05.2024;26.05.2024;yes;ja\nB;27.05.2024;;no;nein\n"
    columns = {"unique_id": "SKU", "ds": "from", "end": "to"}
    prepared, ahead = planned(tmp_path, plan, frame, columns=columns)
    assert days_with(ahead, "A", "Promo") == [6, 7]
    closed = ahead[(ahead["unique_id"] == "A") & (ahead["open"] == 0)]
    assert [(day - LAST).days for day in closed["ds"]] == [6, 7]


def test_categories_and_percent_are_told_as_the_data_have_them(tmp_path):
    frame = made()
    frame["H"] = frame["ds"].dt.day.map({1: "a", 15: "b"}).fillna("0")
    frame["discount"] = frame["promo"] * 20
    plan = "unique_id,ds,H,discount\n*,2024-06-01,a,\nA,2024-05-22,0,20\nB,2024-05-23,q,\n"
    prepared, ahead = planned(tmp_path, plan, frame)
    assert all(days_with(ahead, name, "H=a") == [13] for name in "ABC")
    assert ahead.loc[(ahead["unique_id"] == "A") & (ahead["ds"] == "2024-05-22"), "discount"].tolist() == [20]
    assert any("H: the plan holds q, which the data never had" in note for note in prepared.notes)


def test_series_by_place(tmp_path):
    frame = pd.concat([made(ids=("A", "B")).assign(shop=shop) for shop in ("S1", "S2")])
    plan = "unique_id,shop,ds,promo\nA,S1,2024-05-25,1\nB,,2024-05-26,1\n*,S2,2024-05-27,1\n"
    reading = ReadOptions(columns={"location_id": "shop"})
    _, ahead = planned(tmp_path, plan, frame, columns={"location_id": "shop"}, reading=reading)
    found = {name: days_with(ahead, name) for name in ahead["unique_id"].unique()}
    assert found == {"A @ S1": [6], "A @ S2": [8], "B @ S1": [7], "B @ S2": [7, 8]}
