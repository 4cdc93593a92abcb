"""The contest of the alarms: what is combined, what it owes to mirrored kinds, verdicts, and reasons in words."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.decisions.alerts import contest, summary
from salesforecast_lib.decisions.alerts.autoencoder import AutoencoderConfig
from salesforecast_lib.decisions.alerts.combination import collect
from salesforecast_lib.decisions.alerts.detectors import CusumAlarm, IntervalAlarm, SalesEvidence
from salesforecast_lib.decisions.alerts.grid import build_grid
from salesforecast_lib.decisions.alerts.table import find_alerts, numbered, stock_alerts
from salesforecast_lib.decisions.alerts.trials import Trial, rehearse, trial
from salesforecast_lib.files import FORMULA_STARTS, write_csv, write_json
from salesforecast_lib.wording import counted
from tests.unit.decisions.alerts.test_alerts import META, SMALL, made


@pytest.fixture(scope="module")
def fair():
    """A shop, its calibrated alarms, the combination with and without the mirrors, and the trial of all."""
    grid = build_grid(*made(products=40, seed=3), META, "M")
    end, before, watched = grid.split()
    detectors = contest.fit_detectors(grid, end, SMALL)
    found = collect(detectors, grid, before)
    singles = contest.single_alarms(found, grid, before, 10.0)
    rehearsals = rehearse([SalesEvidence()], grid, before, 1)
    combined = contest.combine(found, grid, before, 10.0, rehearsals)
    bare = contest.combine(found, grid, before, 10.0, rehearsals, contest.MIRRORS, "bare")
    scenarios, plain = rehearse(detectors, grid, watched, 0), collect(detectors, grid, watched)
    first, second = trial([*singles, combined], plain, scenarios, grid), trial([bare], plain, scenarios, grid)
    return grid, singles, combined, bare, first, second


def test_the_combination_says_whom_it_combines(fair):
    _, singles, combined, bare, _, _ = fair
    table = contest.membership(combined, singles)
    assert table.index[table["in_combined"]].tolist() == ["interval", "cumulative sum", "(new)"]
    assert table.index[~table["in_combined"]].tolist() == ["decomposition", "autoencoder", "isolation forest"]
    assert table.loc["(new)", "combined"].split(", ") == list(contest.MIRRORS)
    assert contest.membership(bare, singles).loc["(new)", "combined"] == ""


def test_the_channels_taken_over_are_those_of_the_single_detectors():
    """With nothing shared taken out, one direction or the other is the cumulative sum, and the score's sign."""
    grid = build_grid(*made(products=5), META, "M")
    recent = grid.split()[2]
    own = SalesEvidence(fewest=10**6).channels(grid, recent)
    single = CusumAlarm().channels(grid, recent) | IntervalAlarm().channels(grid, recent)
    np.testing.assert_array_equal(np.maximum(own["rising"], own["falling"]), single["cusum"])
    assert ((np.maximum(own["high"], own["low"]) > 0) == (single["interval"] > 0)).all()


def test_without_the_mirrors_their_kinds_are_lost_and_the_others_are_not(fair):
    _, singles, combined, bare, first, second = fair
    assert set(combined.tails) - set(bare.tails) == set(contest.MIRRORS)
    everyone = summary.together(first, second)
    mirrored = list(contest.MIRRORS.values())
    by_kind = summary.pivot(everyone)
    assert (by_kind.loc["combined", mirrored] - by_kind.loc["bare", mirrored] > 0.2).all()
    others = summary.only_kinds(everyone, mirrored)
    recall = summary.recall(others)
    assert recall["bare"] >= recall["combined"] - 0.05
    assert recall["bare"] == pytest.approx(by_kind.loc["bare"].drop(mirrored).mean())
    assert list(recall.index) == [*(one.name for one in singles), "combined", "bare"]
    with pytest.raises(ValueError, match="no other kind"):
        summary.only_kinds(others, list(by_kind))


def test_a_contest_is_the_sum_of_its_parts(fair):
    grid, first = fair[0], fair[4]
    again = contest.compete(grid, 10.0, SMALL)
    pd.testing.assert_frame_equal(again.events, first.events)
    pd.testing.assert_frame_equal(again.alerts, first.alerts)


def test_short_histories_have_no_autoencoder():
    panel, forecasts = made(products=12, days=80, horizon=8, freq="W-SUN")
    grid = build_grid(panel, forecasts, {**META, "freq": "W-SUN"}, "M")
    detectors = contest.fit_detectors(grid, 20, AutoencoderConfig(epochs=1))
    before = grid.split()[1]
    alarms = contest.single_alarms(collect(detectors, grid, before), grid, before, 10.0)
    assert "autoencoder" not in [one.name for one in alarms] and len(alarms) == 4


def test_each_broken_feed_has_a_row(fair):
    grid, combined = fair[0], fair[2]
    table = contest.broken_feeds(grid, int(grid.split()[2][10]), combined)
    assert (table["feed alerts"] == 1).all() and len(table) == 5
    assert table.loc["loaded twice", "seen as"] == "feed: day loaded twice"
    assert table["other alerts"].abs().max() <= 1


def test_record_is_complete_and_can_be_written(fair, tmp_path):
    grid, _, combined, bare, first, second = fair
    gain = summary.recall_gain(first, "combined", replicates=50)
    others = summary.only_kinds(summary.together(first, second), contest.MIRRORS.values())
    alerts = numbered(find_alerts(grid, grid.split()[2], combined, [SalesEvidence()]))
    assert alerts["alert"].tolist() == [f"A{k + 1:03d}" for k in range(len(alerts))]
    plain = first.alerts[first.alerts["kind"] == "none"].set_index("alarm")["others"]
    weeks = first.alerts["weeks"].iloc[0]
    np.testing.assert_allclose(summary.overview(first)["ordinary_alerts"], 1000 * plain / weeks)
    values = summary.record(grid, combined, "M", first, first, gain, (bare, others), alerts, {})
    write_json(values, tmp_path / "alerts.json")
    assert values["overall"].keys() == {*contest.CONTROLS, "combined"} and values["weights"] == combined.weights
    assert values["other_kinds"]["channels"] == list(bare.tails)
    assert values["other_kinds"]["overall"].keys() == {*contest.CONTROLS, "combined", "bare"}
    assert values["recall_by_kind"]["combined"].keys() == set(first.events["kind"])


@pytest.mark.parametrize(
    ("low", "high", "words"),
    [(0.03, 0.2, "more"), (0.01, 0.2, "about as many"), (-0.2, -0.01, "about as many"), (-0.2, -0.03, "fewer")],
)
def test_verdict_wants_a_clear_interval(low, high, words):
    assert summary.verdict(low, high) == words
    gain = pd.DataFrame([["x", "all", 0.0, low, high]], columns=["alarm", "kind", "gain", "low", "high"])
    assert summary.against_each(gain)[words] == ["x"]


def test_kinds_are_told_by_the_best_single_detector():
    rows = [
        ("x", "flat", 0.9, 0.8, 1.0),
        ("y", "flat", 0.95, 0.9, 1.0),
        ("x", "spike", -0.1, -0.2, -0.05),
        ("y", "spike", 0.3, 0.2, 0.4),
        ("x", "drift", 0.1, 0.05, 0.2),
        ("x", "all", 0.9, 0.9, 0.9),
    ]
    gain = pd.DataFrame(rows, columns=["alarm", "kind", "gain", "low", "high"])
    words = {"far more": ["flat"], "as many or somewhat more": ["drift"], "fewer": ["spike"]}
    assert summary.against_best(gain) == words
    assert summary.best_rival(gain)["kind"].tolist() == ["flat", "spike", "drift", "all"]
    assert summary.best_rival(gain)["gain"].tolist() == [0.9, -0.1, 0.1, 0.9]


@pytest.mark.parametrize(("hits", "words"), [((90, 60), "a"), ((61, 60), "a and b are about level")])
def test_leader_is_ahead_by_more_than_processors_move(hits, words):
    found = np.concatenate([np.arange(100) < count for count in hits])
    events = pd.DataFrame({"alarm": np.repeat(["a", "b"], 100), "kind": "k", "strength": "s", "found": found})
    alerts = pd.DataFrame({"alarm": ["a", "b"], "kind": "k", "strength": "s", "others": 0, "weeks": 1.0})
    result = Trial(events.assign(delay=0.0, series=0), alerts)
    assert summary.leader(result) == words and summary.leaders(result).startswith(f"highest recall: {words}; ")


def test_names_are_listed_by_verdict():
    assert summary.listed({"more": ["a", "b"], "fewer": []}, "finds ") == "finds more: a, b\nfinds fewer: none"


def test_numbers_and_nouns_agree():
    assert [counted(n, "period") for n in (0, 1, 1.2, 25)] == ["0 periods", "1 period", "1 period", "25 periods"]


def test_one_period_is_no_plural(fair):
    grid, recent = fair[0], fair[0].split()[2]
    available = grid.available.copy()
    available[2, recent[4]] = 0.0
    reasons = stock_alerts(replace(grid, available=available), recent)["why"]
    assert reasons.str.contains("in 1 day;").tolist() == [True]


@pytest.mark.parametrize(("factor", "words"), [(0.5, "below the forecast"), (1.8, "above the forecast")])
def test_no_reason_is_quoted_as_a_formula(fair, tmp_path, factor, words):
    """A spreadsheet runs text that begins with a sign, so such text is quoted; a reason must not need it."""
    grid, combined, recent = fair[0], fair[2], fair[0].split()[2]
    sales = grid.sales.copy()
    sales[1, recent[3] :] = np.rint(factor * sales[1, recent[3] :])
    table = find_alerts(replace(grid, sales=sales), recent, combined, [SalesEvidence()])
    assert table["why"].str.contains(words).any() and not table["why"].str.startswith(FORMULA_STARTS).any()
    file = write_csv(table, tmp_path / "alerts.csv")
    assert "'" not in file.read_text(encoding="utf-8")
    guarded = write_csv(pd.DataFrame({"unique_id": ["=1+1", "-30 %"]}), tmp_path / "guarded.csv")
    assert pd.read_csv(guarded)["unique_id"].tolist() == ["'=1+1", "'-30 %"]
