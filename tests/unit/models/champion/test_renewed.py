"""A stored champion on other data: what it says depends on its own coding, not on the data at hand."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.features import FeatureTable, build_features
from salesforecast_lib.models.champion import ChampionConfig, champion_forecasts, load_champion, save_champion
from salesforecast_lib.models.champion import champion as made_by
from salesforecast_lib.models.champion.renewed import whole_of
from salesforecast_lib.models.peers import smoothing
from tests.unit.models.champion.made import make_panel, told
from tests.unit.models.champion.test_stored import small_plan

MEMBERS = ("Boosting", "LightGBMDirect", "LightGBM", "Networks", "WindowAverage", "AutoETS")
CONFIG = ChampionConfig(levels=(0.1, 0.5, 0.9))


@pytest.fixture(scope="module")
def fitted(tmp_path_factory):
    """A champion in which every kind of member has a share, stored and read back, with what it was told."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(made_by, "plan_fits", small_plan(MEMBERS))
        patch.setattr(made_by.guard, "out_of_proportion", lambda losses, rules: {})  # networks of two steps
        patch.setattr(made_by, "_choose", lambda known: (dict.fromkeys(MEMBERS, 1 / len(MEMBERS)), 1.1, 1.02, None))
        table, known, meta, last = told(make_panel(6, 126))
        stored = champion_forecasts(table, known, meta, [last - pd.Timedelta(days=14), last], CONFIG).stored
    folder = save_champion(stored, tmp_path_factory.mktemp("made") / "champion")
    return load_champion(folder), table, known, last


def numbers(table):
    return table[["mean", "q0.1", "q0.5", "q0.9"]].to_numpy()


def test_the_data_of_the_fit_give_the_same_bits(fitted):
    champion, table, known, last = fitted
    assert set(champion.shares) == set(MEMBERS)
    pd.testing.assert_frame_equal(champion.forecast(table, known), champion.forecast_new(table, known, last))


def test_a_champion_stored_without_its_coding_finds_it_in_the_data_of_the_fit_and_in_no_other(fitted):
    champion, table, known, last = fitted
    old = replace(champion, coding=None)
    with pytest.raises(ValueError, match="with_coding adds it"):
        old.forecast_new(table, known, last)
    assert old.with_coding(table, known).coding == champion.coding
    other = FeatureTable(table.frame.assign(y=table.frame["y"] + 1), table.roles, table.groups, table.in_units)
    with pytest.raises(ValueError, match="are not those of the fit"):
        old.with_coding(other, known)


def test_some_of_the_series_with_the_sums_of_all_get_the_forecasts_that_they_get_among_all(fitted):
    champion, table, known, last = fitted
    steps = pd.DatetimeIndex(np.sort(known.loc[known["ds"] > last, "ds"].unique()))
    whole = whole_of(table.frame, champion.coding, steps, last)
    learned = replace(champion, shares={n: s for n, s in champion.shares.items() if n != "WindowAverage"})
    parts = []
    for names in (["s00", "s01", "s02", "s03"], ["s04", "s05"]):
        rows = table.frame[table.frame["unique_id"].isin(names)].reset_index(drop=True)
        some = FeatureTable(rows, table.roles, table.groups, table.in_units)
        parts.append(learned.part(some, known[known["unique_id"].isin(names)], last, whole))
    found = learned.composed_of(parts, last)[0]
    pd.testing.assert_frame_equal(found, learned.forecast_new(table, known, last))


@pytest.mark.parametrize("change", ["alone", "order", "unknown"])
def test_a_series_is_coded_as_in_the_fit_whatever_stands_beside_it(fitted, change):
    """Alone its category would be number 0, and a new one in front would move the others."""
    champion, table, known, last = fitted
    only = replace(champion, shares={"LightGBMDirect": 0.5, "Networks": 0.5})  # members without memory of groups
    frame = table.frame.copy()
    if change == "alone":
        frame = frame[frame["unique_id"].isin(["s01", "s03"])]
    if change == "order":
        frame.loc[frame["unique_id"] == "s00", "kind"] = "0 a new one in front"
    if change == "unknown":
        frame.loc[frame["unique_id"].isin(["s00", "s02", "s04"]), "kind"] = "never seen"
    other = FeatureTable(frame.reset_index(drop=True), table.roles, table.groups, table.in_units)
    before, after = only.forecast_new(table, known, last), only.forecast_new(other, known, last)
    pick = lambda rows: numbers(rows[rows["unique_id"].isin(["s01", "s03"])])  # noqa: E731
    np.testing.assert_allclose(pick(before), pick(after), rtol=1e-6)  # networks reckon in 32 bits
    told_of = only.unknown(other)
    assert (
        told_of
        == {"alone": {}, "order": {"kind": ["0 a new one in front"]}, "unknown": {"kind": ["never seen"]}}[change]
    )


def test_later_data_move_the_cutoff_and_no_model(fitted, monkeypatch):
    champion, _, _, last = fitted
    panel = make_panel(6, 140)
    table, known, _, later = told(panel)
    assert later == last + pd.Timedelta(days=14)
    found = champion.forecast_new(table, known, later)
    assert (
        (found["cutoff"] == later).all() and found["ds"].min() == later + pd.Timedelta(days=1) and len(found) == 6 * 14
    )
    with pytest.raises(ValueError, match="are not those of the fit"):
        champion.forecast(table, known)
    sold = panel[panel["y"].notna()].groupby("unique_id")["y"].mean()
    assert np.allclose(found.groupby("unique_id")["mean"].mean() / sold, 1, atol=0.35)


def test_new_data_are_smoothed_with_the_forms_of_the_fit(fitted, monkeypatch):
    champion, table, known, last = fitted
    only = replace(champion, shares={"AutoETS": 1.0})
    monkeypatch.setattr(smoothing, "_forms", lambda *told: pytest.fail("a form was searched again"))
    noisy = table.frame.assign(y=table.frame["y"] * np.linspace(0.9, 1.1, len(table.frame)))
    found = only.forecast_new(FeatureTable(noisy, table.roles, table.groups, table.in_units), known, last)
    assert (numbers(found) != numbers(only.forecast(table, known))).any(), "the parameters follow the data"


def test_forms_are_searched_at_the_first_cutoff_and_at_the_last(monkeypatch):
    search, searched = smoothing._forms, []

    def counted(runner, season):
        searched.extend(runner.uids)
        return search(runner, season)

    monkeypatch.setattr(smoothing, "_forms", counted)
    monkeypatch.setattr(made_by, "plan_fits", small_plan(("AutoETS", "SeasonalNaive")))
    table, known, meta, last = told(make_panel(3, 126))
    cutoffs = [last - pd.Timedelta(days=14 * k) for k in (2, 1, 0)]
    champion_forecasts(table, known, meta, cutoffs, CONFIG)
    assert sorted(searched) == sorted(2 * ["s00", "s01", "s02"]), "of four cutoffs, one for validation"


@pytest.mark.parametrize("days", [1, 3, 10, 30])
def test_a_short_history_is_forecast_by_models_that_learned_from_a_long_one(fitted, days):
    champion, _, _, last = fitted
    panel = make_panel(3, 126)
    first = last - pd.Timedelta(days=days - 1)
    table, known, _, _ = told(panel[panel["ds"] >= first].reset_index(drop=True))
    found = champion.forecast_new(table, known, last)
    assert len(found) == 3 * 14 and np.isfinite(numbers(found)).all() and (numbers(found) >= 0).all()
    assert (np.diff(numbers(found)[:, 1:]) >= 0).all()


def test_a_cutoff_without_data_is_refused(fitted):
    champion, table, known, last = fitted
    with pytest.raises(ValueError, match="no series has a row on that day; the data end on"):
        champion.forecast_new(table, known, last + pd.Timedelta(days=3))


def test_other_columns_are_refused(fitted):
    champion, _, known, last = fitted
    panel = make_panel(6, 126).assign(weather=1.0)
    frame = panel[panel["y"].notna()].reset_index(drop=True)
    table = build_features(frame, {**champion.meta, "static": ["kind"], "future": ["open", "promo", "weather"],
                                   "historical": []})  # fmt: skip
    with pytest.raises(ValueError, match="the future columns are not those of the stored models"):
        champion.forecast_new(table, known, last)
