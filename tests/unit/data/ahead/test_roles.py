"""Roles of a panel's columns: rows after the last sales are the plan, blanks and letters keep their meaning."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.ahead import Roles
from salesforecast_lib.data.features import ahead_features
from salesforecast_lib.data.own.regular import regular_panel
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import prepare
from tests.unit.chain import make_chain

HORIZON = 28


def made(days=140, ids=("A", "B"), ahead=0):
    """Daily sales, and ``ahead`` days after them without."""
    ds = pd.date_range("2024-01-01", periods=days + ahead)
    y = np.where(np.arange(days + ahead) < days, 5.0 + np.arange(days + ahead) % 7, np.nan)
    return pd.concat([pd.DataFrame({"unique_id": name, "ds": ds, "y": y}) for name in ids], ignore_index=True)


def weeks(frame):
    """0 to 3, the week in a cycle of four."""
    return (frame["ds"] - frame["ds"].min()).dt.days // 7 % 4


def from_file(tmp_path, frame, horizon=HORIZON, **options):
    frame.to_csv(tmp_path / "panel.csv", index=False)
    prepared = prepare(
        "own_panel", PanelConfig(n_series=0), horizon, path=str(tmp_path / "panel.csv"), country="DE", **options
    )
    return prepared, ahead_features(prepared.panel, prepared.meta, prepared.plan)


def test_rows_after_the_last_sales_are_the_plan_and_reach_the_rows_ahead(tmp_path):
    chain = make_chain(shops=12, days=250)
    prepared, ahead = from_file(tmp_path, chain, 42)
    assert prepared.panel["ds"].max() == chain.loc[chain["y"].notna(), "ds"].max(), "not one day of sales of zero"
    assert prepared.meta["static"] == ["store_type", "assortment"] and prepared.meta["historical"] == []
    true = chain[chain["y"].isna()].set_index(["unique_id", "ds"])
    found = ahead.set_index(["unique_id", "ds"]).loc[true.index]
    for name in ("promo", "open", "school_holiday"):
        assert (found[name] == true[name]).all(), name
    letters = sorted(set(chain.loc[chain["y"].notna(), "StateHoliday"]) - {"0"})
    assert letters and all((found[f"StateHoliday={x}"] == (true["StateHoliday"] == x)).all() for x in letters)
    assert {"promo: told for all 504 rows ahead", "open: told for all 504 rows ahead"} <= set(prepared.notes)


def test_nothing_told_is_said_and_the_usual_stands_in(tmp_path):
    frame = made()
    frame["promo"] = (frame["ds"].dt.dayofweek == 2).astype(int)
    frame["price"] = np.where(frame["ds"] < "2024-05-01", 2.0, 3.0)
    prepared, ahead = from_file(tmp_path, frame, future=("promo", "price"))
    assert (ahead["promo"] == (ahead["ds"].dt.dayofweek == 2)).all() and (ahead["price"] == 3).all()
    said = [note for note in prepared.notes if "100.0% of the rows" in note]
    assert [note.split(":")[0] for note in said] == ["open", "promo", "price"], said


def test_a_column_told_for_some_series_is_usual_for_the_others(tmp_path):
    frame = made(ahead=HORIZON)
    frame["temperature"] = 20.0 + frame["ds"].dt.day
    frame.loc[frame["y"].isna() & (frame["unique_id"] == "B"), "temperature"] = np.nan
    prepared, ahead = from_file(tmp_path, frame)
    mean = frame.loc[(frame["unique_id"] == "B") & frame["y"].notna(), "temperature"].tail(28).mean()
    assert ahead.loc[ahead["unique_id"] == "B", "temperature"].unique() == pytest.approx([mean])
    assert any("temperature: told for 50.0% of the 56 rows" in note for note in prepared.notes)


LISTED = {  # what lists only what was on: values, and the column of 0 and 1 or the number that it becomes
    "ones": (1, "deal"),
    "depths of a discount": (0.25, "deal"),
    "a mark": ("x", "deal=x"),
    "a name": ("flyer", "deal=flyer"),
}


@pytest.mark.parametrize("what", LISTED)
@pytest.mark.parametrize("declared", [True, False])
def test_blank_beside_what_was_on_is_without_and_never_goes_on(tmp_path, what, declared):
    value, column = LISTED[what]
    frame = made(ahead=HORIZON)
    on = weeks(frame) == 1
    frame["deal"] = pd.Series(np.where(on, value, None), dtype=object)
    prepared, ahead = from_file(tmp_path, frame, future=("deal",) if declared else ())
    size = value if isinstance(value, float) else 1
    past, later = frame["y"].notna(), frame["y"].isna()
    assert prepared.panel[column].tolist() == (on[past] * size).tolist()
    assert ahead[column].tolist() == (on[later] * size).tolist()
    assert any("blank" in note and "'deal'" in note for note in prepared.notes)


def test_blank_among_several_categories_is_one_of_them(tmp_path):
    frame = made(ahead=HORIZON)
    frame["deal"] = weeks(frame).map({0: None, 1: "flyer", 2: None, 3: "radio"})
    prepared, ahead = from_file(tmp_path, frame)
    assert [name for name in prepared.meta["future"] if name != "open"] == ["deal=flyer", "deal=radio"]
    for word in ("flyer", "radio"):
        assert ahead[f"deal={word}"].tolist() == (frame.loc[frame["y"].isna(), "deal"] == word).tolist()


def test_a_price_with_gaps_keeps_its_last_value(tmp_path):
    frame = made(ahead=HORIZON)
    frame["price"] = np.where(frame["ds"].dt.day == 1, 1.0, np.nan)
    prepared, ahead = from_file(tmp_path, frame)
    first = prepared.panel.groupby("unique_id")["ds"].rank() == 1
    assert (prepared.panel.loc[~first, "price"] == 1).all() and (ahead["price"] == 1).all()


@pytest.mark.parametrize("codes", [("0", "a"), ("1", "b"), (0, "c")])
def test_letters_in_a_mostly_numeric_column_are_categories(codes):
    usual, letter = codes
    frame = made(ahead=7)
    rare = frame["ds"].dt.day == 15
    frame["H"] = pd.Series(np.where(rare, letter, None), dtype=object).where(rare, usual)
    found = regular_panel(frame, horizon=7)
    past = frame["y"].notna()
    assert found.panel[f"H={letter}"].tolist() == rare[past].astype(float).tolist()
    assert found.categories["H"].usual == str(usual)


def test_number_codes_of_a_mixed_column_keep_their_own_category():
    frame = made(ahead=7)
    frame["H"] = frame["ds"].dt.day.map({1: "1", 2: "2", 3: "a"}).fillna("0")
    found = regular_panel(frame, horizon=7)
    assert [name for name in found.future if name != "open"] == ["H=1", "H=2", "H=a"]


def test_a_category_only_told_ahead_has_no_column_and_is_said():
    frame = made(ahead=14)
    frame["H"] = np.where(frame["ds"].dt.day == 1, "a", "0")
    frame.loc[frame["y"].isna() & (frame["ds"].dt.dayofweek == 2), "H"] = "z"
    found = regular_panel(frame, horizon=14)
    assert found.future == ["open", "H=a"]
    assert any("hold z, which the data never had" in note for note in found.notes)


def test_text_that_changes_and_is_not_told_ahead_advises_to_declare_it():
    frame = made()
    frame["H"] = np.where(frame["ds"].dt.day == 1, "a", "0")
    found = regular_panel(frame)
    assert found.texts == ["H"] and any("future=[H]" in note for note in found.notes)
    advised = regular_panel(frame, roles=Roles(future=("H",)))
    assert advised.future == ["open", "H=a"] and advised.texts == []
    observed = regular_panel(frame, roles=Roles(historical=("H",)))
    assert observed.numeric == ["H=a"] and observed.future == ["open"]


def test_undeclared_columns_without_values_ahead_stay_observed(tmp_path):
    frame = made(ahead=HORIZON)
    frame["customers"] = frame["y"] * 2
    frame["town"] = np.where(frame["unique_id"] == "A", "Ulm", "Bonn")
    prepared, _ = from_file(tmp_path, frame)
    assert prepared.meta["historical"] == ["customers"] and prepared.meta["static"] == ["town"]


WRONG = {
    "no such column": (Roles(future=("promotoin",)), r"promotoin.*'promo'.*did you mean 'promo'"),
    "two roles": (Roles(future=("promo",), historical=("promo",)), "'promo' is declared future and historical"),
    "closures afterwards": (Roles(historical=("open",)), "closures are known ahead"),
    "what is forecast": (Roles(future=("y",)), "what is forecast"),
    "stock ahead": (Roles(future=("available",)), "known afterwards"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_roles_are_refused_with_what_there_is(case):
    roles, complaint = WRONG[case]
    with pytest.raises(ValueError, match=complaint):
        regular_panel(made().assign(promo=1.0, open=1.0, available=1.0), roles=roles)


def test_products_only_in_the_plan_are_left_out_and_said():
    frame = pd.concat([made(ahead=7), made(ahead=7, ids=("New",)).tail(7)], ignore_index=True).assign(promo=1.0)
    found = regular_panel(frame, horizon=7)
    assert set(found.panel["unique_id"]) == {"A", "B"} and any("New" in note for note in found.notes)
