"""AutoETS at several cutoffs: the form of the first one is kept where it can be."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib import QUANTILES
from salesforecast_lib.models.peers import smoothing
from salesforecast_lib.models.peers.baselines import statistical_forecasts
from salesforecast_lib.models.peers.smoothing import Form, ets_at, ets_forecasts, forms_of, forms_table

HORIZON, SEASON = 7, 7
DAYS = pd.date_range("2024-01-01", periods=126)
CUTOFFS = [DAYS[-1 - 2 * HORIZON], DAYS[-1 - HORIZON], DAYS[-1]]


def made() -> pd.DataFrame:
    """A weekly rhythm, a trend, one that is always above zero, one that begins late, and one that never sells."""
    rng, t = np.random.default_rng(1), np.arange(len(DAYS))
    sales = {
        "rhythm": rng.poisson(3 + 2 * np.sin(2 * np.pi * t / 7)),
        "trend": rng.poisson(2 + 0.1 * t),
        "above": 60 * (1 + 0.3 * np.cos(2 * np.pi * t / 7)) * np.exp(0.05 * rng.standard_normal(len(t))),
        "late": rng.poisson(5, len(t)),
        "never": np.zeros(len(t)),
    }
    panel = pd.concat([pd.DataFrame({"unique_id": k, "ds": DAYS, "y": y.astype(float)}) for k, y in sales.items()])
    late = (panel["unique_id"] == "late") & (panel["ds"] <= CUTOFFS[0])
    return panel[~late].assign(available=1.0).sort_values(["unique_id", "ds"], ignore_index=True)


def alone(panel, cutoff):
    return statistical_forecasts(panel, cutoff, HORIZON, "D", SEASON, 1, ["AutoETS"])


def sorted_by_key(table):
    return table.sort_values(["cutoff", "unique_id", "ds"], ignore_index=True)


def test_the_first_cutoff_is_autoets_and_every_row_is_there_once():
    panel = made()
    table = ets_forecasts(panel, CUTOFFS, HORIZON, "D", SEASON)
    first = table[table["cutoff"] == CUTOFFS[0]]
    pd.testing.assert_frame_equal(sorted_by_key(first), sorted_by_key(alone(panel, CUTOFFS[0])))
    assert not table.duplicated(["unique_id", "ds", "cutoff"]).any() and table.notna().all().all()
    lived = panel[panel["ds"] <= CUTOFFS[1]]["unique_id"].nunique()
    assert (table["cutoff"] == CUTOFFS[1]).sum() == lived * HORIZON == 5 * HORIZON


def test_later_cutoffs_fit_the_chosen_form_to_all_that_is_known_by_then():
    panel = made()
    panel = panel[panel["unique_id"].isin(["rhythm", "above"])]
    table = ets_forecasts(panel, CUTOFFS, HORIZON, "D", SEASON)
    # the form of these series stays the best, so that choosing it anew gives the same numbers
    expected = pd.concat([alone(panel, cutoff) for cutoff in CUTOFFS])
    pd.testing.assert_frame_equal(sorted_by_key(table), sorted_by_key(expected))
    by_cutoff = table.groupby(["unique_id", "cutoff"])["mean"].sum().unstack()
    assert (by_cutoff.nunique(axis=1) == 3).all(), "the parameters follow the data"


def test_a_form_is_kept_only_where_it_can_be_fitted(monkeypatch):
    seen = {}
    at = smoothing.ets_at

    def watched(panel, cutoff, *told):
        table = at(panel, cutoff, *told)
        seen[cutoff] = dict(told[-1])
        return table

    monkeypatch.setattr(smoothing, "ets_at", watched)
    panel = made()
    ets_forecasts(panel, CUTOFFS, HORIZON, "D", SEASON)
    assert "M" in seen[CUTOFFS[0]]["above"].letters and seen[CUTOFFS[0]].keys() == {"above", "rhythm", "trend"}
    assert seen[CUTOFFS[1]].keys() == {"above", "rhythm", "trend", "late"}, "a flat series tells no form"
    panel.loc[(panel["unique_id"] == "above") & (panel["ds"] == CUTOFFS[1]), "y"] = 0.0
    ets_forecasts(panel, CUTOFFS, HORIZON, "D", SEASON)
    assert "M" in seen[CUTOFFS[0]]["above"].letters and "M" not in seen[CUTOFFS[1]]["above"].letters


def test_a_series_without_a_form_takes_the_first_usual_one_that_suits_it(monkeypatch):
    monkeypatch.setattr(smoothing, "_forms", lambda *told: pytest.fail("all forms were tried"))
    panel = made()
    panel = panel[panel["unique_id"].isin(["rhythm", "above"])]
    usual = [Form("MAM", False, SEASON), Form("ANA", False, SEASON)]
    found = ets_at(panel, CUTOFFS[2], HORIZON, "D", SEASON, 1, QUANTILES, {}, usual)
    own = {"above": usual[0], "rhythm": usual[1]}  # the latter has days without a sale
    pd.testing.assert_frame_equal(found, ets_at(panel, CUTOFFS[2], HORIZON, "D", SEASON, 1, QUANTILES, own))


def test_forms_are_stored_with_the_most_frequent_first():
    forms = {"a": Form("ANN", False, 1), "b": Form("MAM", True, 7), "c": Form("MAM", True, 7)}
    table = forms_table(forms)
    assert forms_of(table) == (forms, [forms["b"], forms["a"]])
    places, usual = forms_of(smoothing.numbered(table, pd.Index(["c", "new", "a"])))
    assert places[0] == forms["c"] and places[2] == forms["a"] and usual[0] == forms["b"]
    assert forms_of(forms_table({})) == ({}, [])


@pytest.mark.parametrize(
    ("letters", "season", "least", "suits"),
    [("AAA", 7, 0.0, True), ("MAM", 7, 0.0, False), ("MAM", 7, 0.1, True), ("ANN", 1, 0.0, False)],
)
def test_a_form_suits_a_season_and_what_is_multiplied_is_above_zero(letters, season, least, suits):
    assert Form(letters, False, season).suits(7, least) == suits
