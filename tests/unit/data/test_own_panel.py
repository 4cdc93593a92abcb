"""Somebody's own panel: any names, any frequency, odd series; what cannot be read is refused with advice that works."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.features import build_features
from salesforecast_lib.data.own.regular import read_panel, regular_panel
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import prepare


def made(ds, ids=("a", "b"), **columns):
    """A panel whose sales count its rows."""
    parts = [
        pd.DataFrame({"unique_id": name, "ds": pd.DatetimeIndex(ds), "y": np.arange(len(ds)) + 1.0}) for name in ids
    ]
    return pd.concat(parts, ignore_index=True).assign(**columns)


CONTRADICTIONS = {
    "weeks as days": (pd.date_range("2024-01-01", periods=20, freq="W-MON"), "D", "Mondays"),
    "months as days": (pd.date_range("2024-01-01", periods=20, freq="MS"), "D", "months"),
    "months as weeks": (pd.date_range("2024-01-31", periods=20, freq="ME"), "W", "months"),
    "days as weeks": (pd.date_range("2024-01-01", periods=60), "W", "are days"),
    "days as months": (pd.date_range("2024-01-01", periods=90), "M", "days"),
    "weeks as months": (pd.date_range("2024-01-06", periods=20, freq="W-SAT"), "M", "Saturdays"),
    "another weekday": (pd.date_range("2024-01-06", periods=20, freq="W-SAT"), "W-MON", "Saturdays"),
}


@pytest.mark.parametrize("case", CONTRADICTIONS)
def test_frequency_that_contradicts_the_dates_is_refused_with_advice_that_works(case):
    ds, freq, what = CONTRADICTIONS[case]
    with pytest.raises(ValueError, match=what) as refused:
        regular_panel(made(ds), freq)
    advised = re.search(r"give freq=([A-Z-]+)", str(refused.value))[1]
    assert regular_panel(made(ds), advised).panel["y"].sum() == made(ds)["y"].sum()


@pytest.mark.parametrize("day", ["MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN"])
def test_weeks_begin_on_any_day(day):
    ds = pd.date_range("2024-01-01", periods=20, freq=f"W-{day}").delete([7])
    for freq in ("W", f"W-{day}", "auto"):
        found = regular_panel(made(ds), freq)
        assert found.freq.alias == f"W-{day}" and found.stamp == ("start" if day == "MON" else "end")
        assert len(found.panel) == 40 and found.panel["y"].sum() == made(ds)["y"].sum()


@pytest.mark.parametrize("stamp", ["MS", "ME"])
def test_months_bear_their_last_day_whatever_they_bore(stamp):
    found = regular_panel(made(pd.date_range("2023-01-01", periods=14, freq=stamp)), "M")
    assert found.panel["ds"].dt.is_month_end.all() and found.freq.alias == "ME"
    assert bool(found.notes) == (stamp == "MS"), "said where something changed"


def test_one_odd_day_among_weeks_is_named():
    panel = made(pd.date_range("2024-01-01", periods=20, freq="W-MON"))
    panel.loc[16, "ds"] += pd.Timedelta(days=1)
    with pytest.raises(ValueError, match="row 17: 2024-04-23 is a Tuesday"):
        regular_panel(panel, "W")


@pytest.mark.parametrize(
    "freq, ds", [("D", pd.date_range("2024-01-01", periods=9)), ("M", ["2024-01-01", "2024-02-01"])]
)
def test_repeated_keys_name_both_rows(freq, ds):
    panel = made(ds)
    panel = pd.concat([panel, panel.iloc[[1]]], ignore_index=True)
    with pytest.raises(ValueError, match=f"rows 2 and {len(panel)}: they appear twice"):
        regular_panel(panel, freq)


def test_two_days_of_a_month_are_no_months():
    with pytest.raises(ValueError, match="rows 1 and 2"):
        regular_panel(made(["2024-01-01", "2024-01-31", "2024-02-29"]), "M")


@pytest.mark.parametrize(
    "name", ["holiday", "age", "lag_1", "mean_7", "weekday_0", "row", "level", "year_sin_1", "cutoff", "trend"]
)
@pytest.mark.parametrize("text", [False, True])
def test_name_of_a_feature_is_kept_under_another_and_reported(name, text):
    values = np.where(np.arange(80) % 2, "x", "y") if text else np.arange(80.0)
    found = regular_panel(made(pd.date_range("2024-01-01", periods=40), **{name: values}))
    other = found.renamed[name]
    assert other != name and any(repr(name) in note and repr(other) in note for note in found.notes)
    if not text:
        assert found.panel[other].tolist() == values.tolist(), "not one value is overwritten"
    meta = {"freq": "D", "country": "US", "static": found.texts, "historical": found.numeric, "future": ["open"]}
    table = build_features(found.panel, meta)
    assert other in [*table.roles["historical"], *table.roles["static"]]


ODD_NAMES = [
    "price [EUR]",
    "promo: yes/no",
    "größe, cm",
    'brand "x"',
    "{a}",
    "",
    "  ",
    "价格",
    "x" * 300,
    "a b",
    "a\tb",
]


def test_any_name_of_a_column_is_read():
    panel = made(pd.date_range("2024-01-01", periods=40))
    extra = pd.DataFrame(np.arange(80 * 11.0).reshape(80, 11), columns=ODD_NAMES)
    found = regular_panel(pd.concat([panel, extra], axis=1))
    assert len(found.numeric) == 11 == len(set(found.numeric))
    assert np.array_equal(found.panel[found.numeric].to_numpy(), extra.to_numpy())


def test_a_word_among_numbers_makes_a_category_and_never_zero():
    ds = pd.date_range("2024-01-01", periods=40)
    size = [9] * 39 + ["XL"] + [10] * 40
    found = regular_panel(made(ds, size=pd.Series(size, dtype=object), nothing=[np.nan] * 80, blank=[" "] * 80))
    assert found.texts == ["size"] and found.numeric == []
    assert found.panel.groupby("unique_id")["size"].first().to_dict() == {"a": "9", "b": "10"}
    assert any("'size'" in note and "changes within 1 series" in note for note in found.notes)
    assert sum("is empty and left out" in note for note in found.notes) == 2


@pytest.mark.parametrize("name", ["available", "open", "price"])
def test_column_with_a_meaning_has_to_be_a_number(name):
    cells = pd.Series(["1"] * 80, dtype=object)
    panel = made(pd.date_range("2024-01-01", periods=40), **{name: cells})
    assert (regular_panel(panel).panel[name] == 1).all()
    panel.loc[4, name] = "perhaps"
    with pytest.raises(ValueError, match=f"row 5: column '{name}' holds 'perhaps'"):
        regular_panel(panel)


def test_never_sold_single_and_ended_series_stay():
    days = pd.date_range("2024-01-01", periods=40)
    parts = [
        made(days, ["usual"]),
        made(days, ["never"]).assign(y=0.0),
        made(days[-1:], ["new"]),
        made(days[:9], ["end"]),
    ]
    found = regular_panel(pd.concat(parts, ignore_index=True))
    assert found.panel.groupby("unique_id").size().to_dict() == {"usual": 40, "never": 40, "new": 1, "end": 9}
    assert any("1 series ended more than 28 days before" in note and "'end'" in note for note in found.notes)


def test_prepared_panel_says_what_was_read(tmp_path):
    file = tmp_path / "panel.csv"
    made(pd.date_range("2022-01-03", periods=60, freq="W-MON"), ("a", "b", "c"), age=1.5, kind="x").to_csv(
        file, index=False
    )
    prepared = prepare("own_panel", PanelConfig(freq="W", n_series=2), 5, path=str(file), static=("kind",))
    assert prepared.meta["freq"] == "W-MON" and prepared.meta["stamp"] == "start"
    assert prepared.meta["static"] == ["kind (given)"] and prepared.meta["historical"] == ["age (given)"]
    said = " ".join(prepared.notes)
    assert "'age (given)'" in said and "Monday" in said and "n_series=2" in said
    with pytest.raises(ValueError, match="static=.*colour"):
        prepare("own_panel", PanelConfig(freq="W"), 5, path=str(file), static=("colour",))
    with pytest.raises(ValueError, match="60 weeks of data for horizon=21.*give horizon=20 or"):
        prepare("own_panel", PanelConfig(freq="W"), 21, path=str(file))


def test_file_and_frame_give_the_same_panel(tmp_path):
    panel = made(pd.date_range("2024-01-31", periods=12, freq="ME"))
    panel.to_csv(tmp_path / "panel.csv", index=False)
    regular, read = read_panel(str(tmp_path / "panel.csv"), freq="M")
    assert read.quarantine.empty and regular.panel.equals(regular_panel(panel, "M").panel)
