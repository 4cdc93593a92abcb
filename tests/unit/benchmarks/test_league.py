"""The league's harness: dates of the protocols, what a model may see, stored forecasts, the same rows for all."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.data.features import build_features
from salesforecast_lib.files import project_root
from salesforecast_lib.models.champion import Champion, ChampionConfig, Composition
from tests.benchmarks import league, league_champion, league_search, league_tasks
from tests.benchmarks.league_champion import champion_of
from tests.benchmarks.league_models import MODELS, Entry, StaticEncoder, entries, registry, statistical
from tests.benchmarks.league_page import PAGE, league_page, ran, searched, stored_results
from tests.benchmarks.league_words import PEERS, against, best_peer, for_a_shop, found, statements, within

HORIZON = 7
META = {
    "dataset": "made",
    "freq": "D",
    "season_length": 7,
    "country": "US",
    "static": ["group"],
    "historical": ["price"],
    "future": ["plan"],
    "horizon": HORIZON,
}


def made_task(series: int = 4, days: int = 120, skipped: int = 0) -> league_tasks.Task:
    rng, parts = np.random.default_rng(0), []
    for k in range(series):
        ds = pd.date_range("2024-01-01", periods=days)
        y = rng.poisson(5 + 3 * k + 4 * (ds.dayofweek >= 5)).astype(float)
        parts.append(
            pd.DataFrame({"unique_id": f"s{k}", "ds": ds, "y": y, "available": (rng.random(days) > 0.1).astype(float)})
            .assign(price=rng.random(days), plan=rng.random(days), group="a")
        )  # fmt: skip
    panel = pd.concat(parts, ignore_index=True)
    cutoffs = league_tasks.rolling_cutoffs(panel["ds"].max(), "D", HORIZON, 2)
    validation = league_tasks.earlier_cutoffs(cutoffs, "D", HORIZON, 2)
    return league_tasks.Task("made", "Made", panel, META, tuple(cutoffs), validation, 7, skipped=skipped)


def level_entry(name: str, factor: float, seen: list[league_tasks.View] | None = None, **changes) -> Entry:
    """Forecasts ``factor`` times the mean of what the view shows, and keeps the views."""

    def fit(first):
        def forecast(view):
            if seen is not None:
                seen.append(view)
            level = view.panel.groupby("unique_id")["y"].mean() * factor
            table = view.panel.loc[view.panel["ds"] > view.cutoff, ["unique_id", "ds"]]
            mean = table["unique_id"].map(level)
            table = table.assign(cutoff=view.cutoff, model=name, mean=mean)
            return table.assign(**{c: mean * (0.4 + 0.2 * k) for k, c in enumerate(QUANTILE_COLUMNS)})

        return forecast

    values = {"refit": True, "kind": "peer", "words": "made", "settings": {"factor": factor}, **changes}
    return Entry(name=name, fit=fit, **values)


def test_a_view_hides_everything_that_is_not_known_ahead():
    task = made_task()
    cutoff = task.cutoffs[0]
    view = task.view(cutoff)
    after = view.panel["ds"] > cutoff
    assert view.panel.loc[after, ["y", "available", "price"]].isna().all(axis=None)
    assert view.panel.loc[after, ["plan", "group"]].notna().all(axis=None)
    assert view.panel.loc[~after].notna().all(axis=None)
    assert view.panel["ds"].max() == cutoff + pd.Timedelta(days=HORIZON) and after.sum() == 4 * HORIZON
    assert list(view.steps) == sorted(view.panel.loc[after, "ds"].unique())


def test_forecasts_do_not_change_when_everything_after_the_cutoff_does(tmp_path):
    task = made_task()
    after = task.panel["ds"] > task.cutoffs[0]
    spoiled = task.panel.copy()
    spoiled.loc[after, ["y", "price"]] = 1e9
    spoiled.loc[after, "available"] = 0.0
    other = league_tasks.Task("made", "Made", spoiled, META, task.cutoffs, task.validation, 7)
    known = registry(task)
    for name in ("SeasonalNaive", "WindowAverage", "LightGBM", "LightGBMDirect"):
        tables = []
        for each in (task, other):
            view = each.view(task.cutoffs[0])
            tables.append(known[name].fit(view)(view))
        pd.testing.assert_frame_equal(*tables)


def test_stored_forecasts_are_read_back_and_a_change_of_settings_or_data_computes_anew(tmp_path):
    task, seen = made_task(), []
    cutoffs = list(task.cutoffs)
    first = league.forecasts_of(task, level_entry("A", 1.0, seen), tmp_path, cutoffs[:1], say=lambda text: None)
    assert len(seen) == 1
    both = league.forecasts_of(task, level_entry("A", 1.0, seen), tmp_path, cutoffs, say=lambda text: None)
    assert len(seen) == 2, "the first cutoff was stored"
    pd.testing.assert_frame_equal(both[both["cutoff"] == cutoffs[0]].reset_index(drop=True), first)
    league.forecasts_of(task, level_entry("A", 2.0, seen), tmp_path, cutoffs, say=lambda text: None)
    assert len(seen) == 4
    changed = league_tasks.Task(
        "made", "Made", task.panel.assign(y=task.panel["y"] + 1), META, task.cutoffs, task.validation, 7
    )
    league.forecasts_of(changed, level_entry("A", 1.0, seen), tmp_path, cutoffs, say=lambda text: None)
    assert len(seen) == 6
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_model_fitted_once_is_fitted_at_the_first_cutoff_of_its_group(tmp_path):
    task, origins = made_task(), []
    entry = level_entry("A", 1.0, refit=False)

    def fit(first):
        origins.append(first.cutoff)
        return entry.fit(first)

    once = Entry("A", "peer", fit, False, "made", {})
    league.forecasts_of(task, once, tmp_path, [*task.validation, *task.cutoffs], say=lambda text: None)
    assert origins == [task.validation[0], task.cutoffs[0]]
    fewer = replace(task, validation=task.validation[1:])
    league.forecasts_of(fewer, once, tmp_path, [*fewer.validation, *task.cutoffs], say=lambda text: None)
    assert origins[2:] == [fewer.validation[0]], "what was fitted at another cutoff is not read back"


@pytest.mark.parametrize("spoil", ["missing row", "not finite", "crossing", "negative"])
def test_a_forecast_that_breaks_the_contract_is_refused(tmp_path, spoil):
    task = made_task()

    def fit(first):
        def forecast(view):
            table = level_entry("A", 1.0).fit(view)(view)
            if spoil == "missing row":
                return table.iloc[1:]
            values = {"not finite": np.nan, "crossing": 1e6, "negative": -1.0}
            table.iloc[0, table.columns.get_loc("q0.05")] = values[spoil]
            return table

        return forecast

    with pytest.raises(ValueError, match="of 28 rows"):
        league.forecasts_of(task, Entry("A", "peer", fit, True, "", {}), tmp_path, list(task.cutoffs))
    assert not list(tmp_path.rglob("*.parquet"))


def test_the_league_scores_the_same_rows_for_all_and_finds_the_better_model(tmp_path):
    task = made_task(series=8)
    chosen = [level_entry("far", 3.0), level_entry("near", 1.0, kind="network")]
    result = league.run_league(task, chosen, tmp_path, say=lambda text: None)
    scored = task.panel[(task.panel["ds"] > task.cutoffs[0]) & (task.panel["available"] > 0)]
    assert result["rows"] == len(scored) and result["series"] == 8
    assert result["comparison"]["best_peer"] == "far"
    row = result["comparison"]["intervals"]["both"]["near"]
    assert row["relative_high"] < 0 and row["verdict"] == "better"
    page = league_page({"complete_journey": result | {"task": "made"}}, {})
    assert "near" in league.show(result) and "First in scaled quantile loss: **our near**" in page


def test_the_gap_of_a_protocol_is_not_scored(tmp_path):
    task = made_task(skipped=2)
    result = league.run_league(task, [level_entry("A", 1.0)], tmp_path, say=lambda text: None)
    ahead = (task.panel["ds"] - task.cutoffs[0]).dt.days % HORIZON
    kept = (task.panel["ds"] > task.cutoffs[0]) & ~ahead.isin([1, 2]) & (task.panel["available"] > 0)
    assert result["rows"] == kept.sum()


def test_partly_available_days_are_not_scored_where_the_task_says_so():
    task = made_task()
    half = task.panel["available"].where(task.panel["ds"].dt.day % 2 == 0, 0.5)
    strict = league_tasks.Task(
        "made", "Made", task.panel.assign(available=half), META, task.cutoffs, task.validation, 7, fully_available=True
    )
    assert set(strict.scoring_panel().loc[half == 0.5, "available"]) == {0.0}


def test_the_point_of_least_percentage_error_of_a_lognormal():
    """Its minimiser is exp(mu - sigma²) (Gneiting 2011); seven quantiles come within a few percent."""
    sigma = 0.5
    levels = [float(name[1:]) for name in QUANTILE_COLUMNS]
    row = pd.DataFrame([np.exp(2 + sigma * norm.ppf(levels))], columns=list(QUANTILE_COLUMNS))
    assert league.reciprocal_median(row)[0] == pytest.approx(np.exp(2 - sigma**2), rel=0.06)


def test_statsforecast_interval_columns_reach_the_contract(tmp_path):
    from statsforecast.models import SeasonalNaive

    task = made_task()
    entry = Entry("S", "peer", statistical(SeasonalNaive, 7, False), True, "", {})
    table = league.forecasts_of(task, entry, tmp_path, [task.cutoffs[0]], say=lambda text: None)
    assert (table["q0.95"] > table["q0.5"]).mean() > 0.9


def test_categories_reach_a_network_without_embeddings_as_indicators():
    task = made_task(series=40)
    view = task.view(task.cutoffs[0])
    panel = view.panel.sort_values(["unique_id", "ds"], ignore_index=True)
    table = build_features(panel.assign(group="g" + panel["unique_id"]), view.meta)
    embedded, indicated = StaticEncoder(table, "LSTM"), StaticEncoder(table, "TFT")
    assert embedded.arguments["categorical_cardinalities"] == {"group": 41} and list(embedded(table)) == [
        "unique_id",
        "group",
    ]
    values = indicated(table).set_index("unique_id")
    assert list(values) == indicated.arguments["stat_exog_list"] and values.shape == (40, 16)
    assert (values.sum(axis=1) == 1).all()  # the rarer ones share one column


def test_a_search_stores_what_the_page_shows_and_reads_nothing_after_the_first_cutoff(tmp_path, capsys):
    grid = league_search.parse_grid(["window=14,28", "trees=5"])
    assert grid == {"window": [14, 28], "trees": [5]}
    task = made_task()
    rows = league_search.search(task, "LightGBMDirect", grid, [1, 2])
    changed = task.panel.assign(y=task.panel["y"] + 9.0 * (task.panel["ds"] > task.cutoffs[0]))
    assert league_search.search(replace(task, panel=changed), "LightGBMDirect", grid, [1, 2]) == rows
    league_search.store("made", rows[:3], tmp_path)
    league_search.store("made", rows, tmp_path)  # what was there is replaced
    lines = searched(stored_results(tmp_path)["made"])
    shown = [line.split(" | ") for line in lines if line.startswith("| LightGBMDirect")]
    assert sorted(line[1:4] for line in shown) == [["trees=5, window=14", "2", "2"], ["trees=5, window=28", "2", "2"]]
    first = [row["scaled_quantile_loss"] for row in rows if row["settings"]["window"] == 14]
    assert f"{np.mean(first):.4f}" in next(line[4] for line in shown if "window=14" in line[1])
    both = league_search.search(task, "LightGBMDirect", {"window": ["14+28"], "trees": [5]}, [1])
    assert both[0]["settings"]["window"] == "14+28"
    alone = [row["scaled_quantile_loss"] for row in rows if row["seed"] == 1]
    assert both[0]["scaled_quantile_loss"] < np.mean(alone), "quantile loss is convex: a mean beats the mean loss"
    with pytest.raises(ValueError, match="windows"):
        league_search.search(task, "LightGBMDirect", {"windows": [3]}, [1])
    with pytest.raises(ValueError, match="'window': expected NAME=VALUE"):
        league_search.parse_grid(["window"])


@pytest.mark.parametrize("model, grid", [("LSTM", {"hidden_size": [8]}), ("Boosting", {"trees": [5]})])
def test_our_models_can_be_searched(model, grid):
    (row,) = league_search.search(made_task(), model, grid, [1])
    assert 0 < row["scaled_quantile_loss"] < 1 and row["cutoffs"] == 2


@pytest.mark.parametrize("name", [file.stem for file in PAGE.with_suffix("").glob("*.json")])
def test_the_command_without_names_has_the_published_peers(name):
    published = {n for n, row in stored_results()[name]["models"].items() if row["kind"] in ("peer", "network")}
    chosen = {each.name for each in entries(None, replace(made_task(), name=name))}
    assert published <= chosen <= set(MODELS) and set(PEERS) <= chosen
    with pytest.raises(ValueError, match="models ..Ensemble..: expected some of .*Champion"):
        entries(["Ensemble"], made_task())


def test_missing_data_and_missing_peers_say_what_to_do(monkeypatch, tmp_path):
    with pytest.raises(FileNotFoundError, match="--data DIR"):
        league_tasks.TASKS["freshretailnet"](None)
    with pytest.raises(FileNotFoundError, match="freshretailnet_daily.parquet: not found"):
        league_tasks.TASKS["freshretailnet"](tmp_path)
    monkeypatch.setitem(sys.modules, "fracast", None)
    task = made_task()
    with pytest.raises(ImportError, match=r"pip install -e \.\[peers\]"):
        registry(task)["fracast"].fit(task.view(task.cutoffs[0]))


def test_the_page_is_the_one_its_results_make():
    page = league_page(stored_results(), stored_results(PAGE.with_suffix("") / "search"))
    assert PAGE.read_text() == page, "run tests/benchmarks/league_page.py"


def made_result(ours: float, peer: float, member: float, interval: tuple[float, float, float], **changes) -> dict:
    kinds = {"Champion": "champion", "Mine (member)": "member", "SeasonalNaive": "peer", "Peer": "peer"}
    loss = {"Champion": ours, "Mine (member)": member, "SeasonalNaive": 0.5, "Peer": peer}
    models = {
        name: {
            "kind": kind,
            "scaled_quantile_loss": loss[name],
            "wape": loss[name],
            "wape_of_mean": loss[name] + 0.1,
            "bias": -0.02,
            "coverage_80": 0.79,
            "run": "2026-11-27",
            "mape": 0.34,
            "mape_of_mean": 0.4,
        }
        for name, kind in kinds.items()
    }
    row = dict(zip(("relative", "relative_low", "relative_high"), interval, strict=True))
    comparison = {"best_peer": "Peer", "intervals": {"both": {"Champion": row}}}
    made = {"models": models, "comparison": comparison, "task": "made", "title": "Made", "series": 2}
    return {**made, **changes}


def test_who_wins_is_announced_whoever_it_is():
    first = found(made_result(0.2, 0.25, 0.3, (-0.2, -0.25, -0.1)))
    assert any("quantile loss: **the champion** (0.2000; next Peer, 0.2500)" in line for line in first)
    assert any("20.0 % better than the best peer, Peer (95 % interval 10.0 to 25.0 %)" in line for line in first)
    third = found(made_result(0.4, 0.25, 0.3, (0.6, 0.1, 0.9)))
    told = "**Peer** (0.2500; next the champion's Mine alone, 0.3000; the champion is number 3, 0.4000)"
    assert any(told in line for line in third)
    assert any("The best peer, Peer, wins: the champion is 60.0 % worse" in line for line in third)
    level = {"relative": -0.01, "relative_low": -0.03, "relative_high": 0.01}
    assert "about level" in against(level, "Peer") and "-3.0 to +1.0 %" in against(level, "Peer")


def test_a_peer_that_was_not_run_again_is_not_passed_over():
    """The interval needs forecasts; a kept row with a lower loss stays the best peer in words."""
    result = made_result(0.2, 0.25, 0.3, (-0.2, -0.25, -0.1))
    result["models"]["Kept"] = {**result["models"]["Peer"], "scaled_quantile_loss": 0.21, "run": "2026-11-25"}
    assert best_peer(result) == "Kept"
    assert any("better than Peer, the best peer that was run again" in line for line in found(result))
    words = " ".join(for_a_shop({"made": result}))
    assert "4.8 to 4.8 % below that of the best single peer (Kept)" in words and "zero on 0 of 1" in words
    assert (
        "Run Champion, Mine (member), Peer, SeasonalNaive on 2026-11-27; the other rows were run by 2026-11-25"
        in ran(result)
    )


@pytest.mark.parametrize(
    "changes, true",
    [
        ({}, (True, True, True)),
        ({"bias": 0.051}, (False, True, True)),
        ({"bias": -0.3, "coverage_80": 0.765}, (False, False, True)),
        ({"coverage_80": 0.84, "scaled_quantile_loss": 0.31}, (True, False, False)),
    ],
)
def test_bias_coverage_and_the_best_member_are_judged_by_their_figures(changes, true):
    result = made_result(0.2, 0.25, 0.3, (-0.2, -0.25, -0.1))
    result["models"]["Champion"].update(changes)
    assert tuple(each for each, _ in within(result).values()) == true
    lines = "\n".join(found(result))
    assert lines.count("**true**") == sum(true) and lines.count("**not true**") == 3 - sum(true)
    good = made_result(0.2, 0.25, 0.3, (-0.2, -0.25, -0.1))
    assert tuple(each for _, each, _ in statements({"made": good, "other": result})) == true
    assert within({"models": {"Peer": good["models"]["Peer"]}}) == {}


def test_models_that_only_the_league_had_are_compared_with_whoever_is_ahead():
    retired = {"JuiceQuantiles": {"scaled_quantile_loss": 0.19, "run": "2026-11-25"}}
    behind = found(made_result(0.2, 0.25, 0.3, (-0.2, -0.25, -0.1), retired=retired))
    assert any("JuiceQuantiles 0.1900" in line and "5.3% above the best of these" in line for line in behind)
    ahead = found(made_result(0.18, 0.25, 0.3, (-0.2, -0.25, -0.1), retired=retired))
    assert any("5.3% below the best of these" in line for line in ahead)
    juice = found(made_result(0.2, 0.25, 0.3, (-0.2, -0.25, -0.1), task="orange_juice"))
    assert any("34.00 %, **lower than all published**" in line for line in juice)


def test_what_the_league_means_for_a_shop_is_counted():
    results = {
        "complete_journey": made_result(0.2, 0.25, 0.3, (-0.2, -0.25, -0.1)),
        "orange_juice": made_result(0.25, 0.26, 0.2, (-0.04, -0.1, 0.02)),
    }
    words = " ".join(for_a_shop(results))
    assert "first on 1 of 2 data sets; first elsewhere: the champion's Mine alone on Orange juice" in words
    assert "3.8 to 20.0 % below" in words and "leaves out zero on 1 of 2" in words
    assert "83% to 96% of what the champion gains" in words  # (.5 - .25) / (.5 - .2) and (.5 - .26) / (.5 - .25)
    assert "0 data sets" in for_a_shop({"made": {"models": {}, "comparison": {}}})[0]


def flat(table, known, meta, cutoffs, config, *, store=None, say=print) -> Champion:
    """A stand-in for the champion: each series' mean up to the cutoff; one member that lacks a cutoff."""
    parts = []
    for number, cutoff in enumerate(cutoffs):
        past = table.frame[(table.frame["ds"] <= cutoff) & (table.frame["available"] > 0)]
        steps = pd.date_range(cutoff, periods=meta["horizon"] + 1, freq=meta["freq"])[1:]
        ahead = known.loc[known["ds"].isin(steps), ["unique_id", "ds"]]
        level = ahead["unique_id"].map(past.groupby("unique_id")["y"].mean())
        for name, factor in (("Champion", 1.0), ("Half", 0.5), *(() if number else (("Partly", 1.0),))):
            values = {c: factor * level * (0.4 + 0.2 * k) for k, c in enumerate(("mean", *QUANTILE_COLUMNS))}
            parts.append(ahead.assign(cutoff=cutoff, model=name, **values))
    every = pd.concat(parts, ignore_index=True)
    mine = every["model"] == "Champion"
    made = {str(c.date()): Composition({"Half": 1.0}) for c in cutoffs}
    return Champion(every[mine], every[~mine], made, {"Half": 2.0, "Partly": 1.0})


def test_the_champion_is_called_once_sees_no_scored_sales_and_stands_beside_its_members(tmp_path, monkeypatch):
    task, seen = made_task(series=6), []

    def spy(table, known, meta, cutoffs, config, **named):
        seen.append((table, known))
        return flat(table, known, meta, cutoffs, config, **named)

    monkeypatch.setattr(league_champion, "champion_forecasts", spy)
    said: list[str] = []
    for _ in range(2):
        result = league.run_league(task, [level_entry("A", 3.0)], tmp_path, ChampionConfig(), say=said.append)
    assert len(seen) == 1, "stored"
    table, known = seen[0]
    assert table.frame["ds"].max() == task.cutoffs[-1] and known["ds"].max() == task.panel["ds"].max()
    assert set(known) == {"unique_id", "ds", *table.roles["future"]}
    kinds = {name: row["kind"] for name, row in result["models"].items()}
    assert kinds == {"Champion": "champion", "Half (member)": "member", "A": "peer"}
    assert any("no row of the league for Partly (member)" in line for line in said)
    assert result["models"]["Half (member)"]["seconds"] == 2.0
    assert set(result["comparison"]["intervals"]["both"]) == {"Champion"}
    made = result["settings"]["Champion"]["compositions"]
    assert list(made) == [str(c.date()) for c in task.cutoffs]
    page = league_page({"complete_journey": {**result, "task": "made"}}, {})
    assert "The champion: Half 100% on average over 2 cutoffs" in page


def test_a_change_of_data_or_settings_calls_the_champion_anew(tmp_path, monkeypatch):
    calls: list[int] = []

    def spy(*told, **named):
        calls.append(1)
        return flat(*told, **named)

    monkeypatch.setattr(league_champion, "champion_forecasts", spy)
    task = made_task()
    told = (tmp_path, league.check, lambda text: None)
    champion_of(task, ChampionConfig(), *told)
    champion_of(task, ChampionConfig(budget_minutes=1.0), *told)
    champion_of(replace(task, panel=task.panel.assign(y=task.panel["y"] + 1)), ChampionConfig(), *told)
    champion_of(replace(task, fully_available=True), ChampionConfig(), *told)
    champion_of(task, ChampionConfig(), *told)
    assert len(calls) == 4


def test_rows_of_models_that_do_not_run_again_are_kept_on_the_same_rows_only(tmp_path, monkeypatch):
    monkeypatch.setattr(league_champion, "champion_forecasts", flat)
    task, quiet = made_task(series=6), (lambda text: None)
    old = league.run_league(task, [level_entry("A", 3.0), level_entry("B", 1.5)], tmp_path, ChampionConfig(), quiet)
    for row in old["models"].values():
        row["run"] = "2020-01-01"
    old["models"]["Gone (member)"] = {**old["models"]["Half (member)"]}
    new = league.run_league(task, [level_entry("A", 1.0)], tmp_path, ChampionConfig(), quiet)
    both = league.keep(old, new, Path("old.json"))
    assert both["models"]["B"] == old["models"]["B"] and both["models"]["A"] == new["models"]["A"]
    assert "Gone (member)" not in both["models"], "members go with their champion"
    assert set(both["settings"]) == set(both["models"])
    peers = league.run_league(task, [level_entry("A", 1.0)], tmp_path, None, quiet)
    kept = league.keep(old, peers, Path("old.json"))
    assert kept["models"]["Champion"] == old["models"]["Champion"] and kept["comparison"] == old["comparison"]
    moved = replace(task, panel=task.panel.assign(y=task.panel["y"] + (task.panel["ds"] == task.panel["ds"].max())))
    for other in (moved, replace(task, skipped=1)):
        changed = league.run_league(other, [level_entry("A", 1.0)], tmp_path, None, quiet)
        with pytest.raises(ValueError, match="old.json: its .* run all models again, without --keep"):
            league.keep(old, changed, Path("old.json"))


PROTOCOL = {
    "online_retail_ii": (["2011-04-24", "2011-06-19", "2011-08-14", "2011-10-09"], 500),
    "freshretailnet": (["2024-05-21", "2024-05-28", "2024-06-04", "2024-06-11"], 5000),
    "orange_juice": (None, 913),
}


@pytest.mark.parametrize("name", list(PROTOCOL))
def test_dates_of_the_protocols(name):
    folder = os.environ.get("SALESFORECAST_DATA", str(project_root().parent / "shared" / "data"))
    if not Path(folder).is_dir():
        pytest.skip(f"{folder}: no such folder; set SALESFORECAST_DATA to the folder of the league's data sets")
    task = league_tasks.TASKS[name](Path(folder))
    cutoffs, series = PROTOCOL[name]
    assert task.panel["unique_id"].nunique() == series
    if name == "orange_juice":
        weeks = [int((c - league_tasks.JUICE_FIRST_WEEK).days / 7) + 1 for c in task.cutoffs]
        assert weeks == [135 + 2 * r for r in range(10)]
        scored = task.scored(
            task.panel.merge(pd.DataFrame({"cutoff": task.cutoffs[:1]}), how="cross")
            .query("ds > cutoff")
            .assign(model="")
        )
        first = (scored["ds"].min() - league_tasks.JUICE_FIRST_WEEK).days / 7 + 1
        assert first == 137, "week 136 is the gap"
    else:
        assert [str(c.date()) for c in task.cutoffs] == cutoffs
    horizon = task.meta["horizon"]
    last = pd.date_range(task.validation[-1], periods=horizon + 1, freq=task.meta["freq"])[-1]
    assert last <= task.cutoffs[0], "models are chosen on sales before the first cutoff"
