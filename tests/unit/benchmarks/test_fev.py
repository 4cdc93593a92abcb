"""fev-bench: windows and measures by hand, what a model may know, stored forecasts, and tasks of any form."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.files import project_root, read_json
from salesforecast_lib.models.champion import Champion, ChampionConfig, Composition
from tests.benchmarks import fev
from tests.benchmarks.champion import DECIDING, code_key
from tests.benchmarks.fev_score import COLUMNS, LEVELS, expected, measures, naive_check, ranks, seasonal_naive
from tests.benchmarks.fev_tasks import calls, described, load_task, published

DATA = Path(os.environ.get("SALESFORECAST_DATA", str(project_root().parent / "shared" / "data"))) / "fev"
CONFIG = ChampionConfig(levels=LEVELS)


def made_folder(folder: Path, series: dict[str, pd.DataFrame], **told) -> Path:
    """A folder with one task, "made", whose series are frames ``ds, y`` and covariates."""
    frame = pd.concat([each.assign(unique_id=name) for name, each in series.items()], ignore_index=True)
    frame.to_parquet(folder / "made.parquet")
    given = {"freq": "D", "horizon": 7, "windows": 2, "season": 7, "country": "IT", "first_cutoff": None, **told}
    (folder / "tasks.json").write_text(json.dumps({"made": {"file": "made.parquet", **given}}))
    return folder


def made_series(
    first: str = "2024-01-01", periods: int = 70, freq: str = "D", seed: int = 0, **columns
) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    ds = pd.date_range(first, periods=periods, freq=freq)
    return pd.DataFrame({"ds": ds, "y": rng.poisson(20, periods).astype(float), **columns})


def flat(table, known, meta, cutoffs, config=CONFIG, *, store=None, say=print) -> Champion:
    """A stand-in for the champion: the mean of each series' available periods up to the cutoff, and a half of it."""
    parts = []
    for cutoff in cutoffs:
        past = table.frame[(table.frame["ds"] <= cutoff) & (table.frame["available"] > 0)]
        steps = pd.date_range(cutoff, periods=meta["horizon"] + 1, freq=meta["freq"])[1:]
        ahead = known.loc[known["ds"].isin(steps), ["unique_id", "ds"]]
        level = ahead["unique_id"].map(past.groupby("unique_id")["y"].mean())
        for name, factor in (("Champion", 1.0), ("Half", 0.5)):
            made = {column: factor * level for column in ("mean", *COLUMNS)}
            parts.append(ahead.assign(cutoff=cutoff, model=name, **made))
    table = pd.concat(parts, ignore_index=True)
    members = table[table["model"] == "Half"]
    made = {str(c.date()): Composition({"Half": 1.0}, left_out={"Wild": "loss 9.1"}) for c in cutoffs}
    return Champion(table[table["model"] == "Champion"], members, made, {"Half": 0.1})


def test_windows_end_with_each_series_and_a_short_one_is_left_out_of_the_windows_it_lacks(tmp_path):
    series = {"a": made_series(), "b": made_series(periods=60), "c": made_series("2024-03-01", periods=10)}
    task = load_task(made_folder(tmp_path, series), "made", earlier=1)
    first, last = ({r.unique_id: str(r.cutoff.date()) for r in w.itertuples()} for w in task.origins)
    assert last == {"a": "2024-03-03", "b": "2024-02-22", "c": "2024-03-03"}
    assert first == {"a": "2024-02-25", "b": "2024-02-15"}, "c has three periods before its last horizon"
    assert [set(w["unique_id"]) for w in task.earlier] == [{"a", "b"}]


def test_a_gap_in_which_no_series_lives_is_counted_in_periods(tmp_path):
    series = {"a": made_series(periods=20), "b": made_series("2024-03-01", periods=40)}
    task = load_task(made_folder(tmp_path, series, windows=1, first_cutoff="2024-03-10"), "made")
    assert task.origins[0]["unique_id"].tolist() == ["b"]
    assert (task.origins[0]["cutoff"] == pd.Timestamp("2024-03-10")).all()


@pytest.mark.parametrize(
    "freq, first, given, cutoffs",
    [
        ("D", "2024-02-20", "D", ["2024-02-20", "2024-02-27"]),
        ("W-SUN", "2024-10-02", "W-SUN", ["2024-09-29", "2024-11-17"]),  # a Wednesday: the week before is known
        ("MS", "2027-08-01", "M", ["2027-08-31", "2028-03-31"]),  # months bear their last day in the library
        ("W-FRI", "2024-10-04", "W-FRI", ["2024-10-04", "2024-11-22"]),
    ],
)
def test_a_first_cutoff_is_a_date_of_all_series(tmp_path, freq, first, given, cutoffs):
    series = {
        "a": made_series(freq=freq),
        "late": made_series(freq=freq).iloc[30:],
        "ended": made_series(freq=freq)[:45],
    }
    task = load_task(made_folder(tmp_path, series, first_cutoff=first, freq=given), "made")
    found = [w.set_index("unique_id")["cutoff"].dt.date.astype(str).to_dict() for w in task.origins]
    for window, cutoff in zip(found, cutoffs, strict=True):
        assert set(window.values()) == {cutoff} and {"a", "late"} <= set(window)
    assert not any("ended" in window for window in found)


def test_measures_are_those_of_the_protocol(tmp_path):
    """Hand values: means over rows, not over series first; unscored rows and scales of zero are left out."""
    a = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=5), "y": [1.0, 3.0, 1.0, 4.0, np.nan]})
    b = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=5), "y": [5.0, 5.0, 5.0, 7.0, 5.0]})
    told = {"horizon": 2, "windows": 1, "season": 1}
    task = load_task(made_folder(tmp_path, {"a": a, "b": b}, **told), "made")
    rows = expected(task, task.origins[0])
    assert rows["y"].tolist()[0] == 4.0 and np.isnan(rows["y"][1]) and rows["scale"][0] == 2.0
    assert (rows.loc[rows["unique_id"] == "b", "scale"] == 0).all()
    keys = rows[["unique_id", "cutoff", "ds"]]
    forecast = keys.assign(**dict.fromkeys(COLUMNS, 3.0))
    forecast.loc[keys["unique_id"] == "a", "q0.9"] = 6.0
    found = measures(task, task.origins, forecast)
    tau = np.array(LEVELS)
    pinball = 2 * tau * 1.0  # 4 against 3
    pinball[-1] = 2 * 0.1 * 2.0  # 4 against 6
    assert found["SQL"] == pytest.approx(pinball.mean() / 2)
    assert found["MASE"] == pytest.approx(0.5), "b's scale is zero: its rows are left out"
    assert found["WAPE"] == pytest.approx((1 + 4 + 2) / (4 + 7 + 5))
    of_b = [(2 * tau * gap).mean() for gap in (4.0, 2.0)]
    assert found["WQL"] == pytest.approx(np.mean([pinball.mean(), *of_b]) / np.mean([4, 7, 5]))
    with pytest.raises(ValueError, match="1 of 4 rows have no forecast"):
        measures(task, task.origins, forecast.iloc[1:])


def test_the_seasonal_naive_repeats_the_last_season_with_wider_intervals_each_time(tmp_path):
    y = np.tile(np.arange(7.0), 10) + np.repeat(np.arange(10.0), 7)  # each week one more
    series = {"a": made_series().assign(y=y)}
    task = load_task(made_folder(tmp_path, series, horizon=14, windows=1), "made")
    table = seasonal_naive(task, task.origins)
    assert table["q0.5"].tolist() == pytest.approx([*y[49:56], *y[49:56]])
    width = (table["q0.9"] - table["q0.5"]).to_numpy()
    assert width[:7] == pytest.approx(1.2816 * np.ones(7), rel=1e-4) and width[7] == pytest.approx(width[0] * 2**0.5)


@pytest.mark.parametrize(
    "name", ["hierarchical_sales_1W", "hierarchical_sales_1D", "rohlik_orders_1D", "rohlik_orders_1W"]
)
def test_our_seasonal_naive_is_the_published_one(name):
    if not DATA.is_dir():
        pytest.skip(f"{DATA}: no such folder; set SALESFORECAST_DATA to the folder that holds fev")
    task = load_task(DATA, name)
    words, same = naive_check(measures(task, task.origins, seasonal_naive(task, task.origins)), published(DATA, name))
    assert same and "agrees" in words, words


def test_another_naive_than_the_published_one_is_said():
    others = [{"model": "Seasonal Naive", "SQL": 1.0, "MASE": 2.0}]
    assert naive_check({"SQL": 1.0004, "MASE": 2.0, "WAPE": 1.0, "WQL": 1.0}, others)[1]
    words, same = naive_check({"SQL": 1.0006, "MASE": 2.0, "WAPE": 1.0, "WQL": 1.0}, others)
    assert not same and "DOES NOT AGREE" in words
    assert "not checked" in naive_check({"SQL": 1.0}, [])[0]


def test_the_rank_counts_who_is_better():
    others = [{"model": "x", "SQL": 0.5, "MASE": 0.5}, {"model": "y", "SQL": 0.7}]
    assert ranks({"SQL": 0.6, "MASE": 0.6, "WAPE": 0.1, "WQL": 0.1}, others) == {"SQL": 2, "MASE": 2}
    assert ranks({"SQL": 0.4, "MASE": 0.5, "WAPE": 0.1, "WQL": 0.1}, others) == {"SQL": 1, "MASE": 1}


def columns_of(rows: int) -> dict:
    """Covariates of every kind: a number with gaps, texts, a letter among figures, a closure, a name that is taken."""
    rng = np.random.default_rng(1)
    return {
        "price": np.where(rng.random(rows) < 0.2, np.nan, rng.random(rows)),
        "StateHoliday": rng.choice(["0", "a", "b"], rows, p=[0.8, 0.1, 0.1]),
        "weather": rng.choice(["rain", "sun"], rows),
        "Open": (np.arange(rows) % 7 != 6).astype(float),
        "holiday": rng.integers(0, 2, rows),
        "visitors": rng.poisson(5, rows),
        "city": ["Rome"] * rows,
    }


ROLES = {
    "known_ahead": ["price", "StateHoliday", "Open", "holiday"],
    "past_only": ["visitors", "weather"],
    "static": ["city"],
}


def with_closures(seed: int, **columns) -> pd.DataFrame:
    frame = made_series(seed=seed, **{**columns_of(70), **columns})
    return frame.assign(y=frame["y"].where(frame["Open"] > 0, 0.0))


def test_a_sale_in_a_closed_period_keeps_the_closure_and_the_sale(tmp_path):
    series = {name: with_closures(k) for k, name in enumerate("abcdefghijklmnop")}
    series["a"].loc[13, "y"] = 5.0
    task = load_task(made_folder(tmp_path, series, **ROLES), "made")
    mine = task.panel[task.panel["unique_id"] == "a"].reset_index(drop=True)
    assert mine["open"][13] == 1 and mine["open"][[6, 20, 27, 69]].tolist() == [0, 0, 0, 0]


def test_every_kind_of_column_reaches_the_model_and_closures_are_recognised_by_what_they_do(tmp_path):
    series = {name: with_closures(k) for k, name in enumerate("abc")}
    task = load_task(made_folder(tmp_path, series, **ROLES), "made")
    assert set(task.future) == {
        "price",
        "StateHoliday=0",
        "StateHoliday=a",
        "StateHoliday=b",
        "holiday (given)",
        "open",
    }
    assert set(task.historical) == {"visitors", "weather=rain", "weather=sun"} and task.static == ("city",)
    assert np.isfinite(task.panel.drop(columns=["unique_id", "ds", "y", "city"]).to_numpy()).all()
    (call,) = calls(task, task.origins)
    frame = call.table.frame
    assert (frame.loc[frame["ds"].dt.dayofweek == 6, ["open", "available"]] == 0).all(axis=None)
    assert (frame.loc[frame["ds"].dt.dayofweek != 6, "available"] == 1).all()


def test_a_flag_that_is_no_closure_of_the_series_is_a_covariate(tmp_path):
    """A flag of others' closures, under which more is sold, and one that was never seen to close."""
    series = {
        name: made_series(seed=k, others_closed=np.arange(70) % 7 == 6, rare=np.arange(70) == 3)
        for k, name in enumerate("ab")
    }
    series["a"].loc[3, "y"] = series["b"].loc[3, "y"] = 0.0
    task = load_task(made_folder(tmp_path, series, known_ahead=["others_closed", "rare"]), "made")
    assert task.future == ("others_closed", "rare", "open") and (task.panel["open"] == 1).all()


def test_nothing_after_a_cutoff_reaches_the_model_but_what_is_known_ahead(tmp_path):
    spoiled, tables = {}, []
    for number in range(2):
        series = {name: with_closures(k) for k, name in enumerate("abc")}
        series["b"] = series["b"].iloc[:65]  # ends early: its cutoffs lie before those of the others
        if number:
            for frame in series.values():
                after = frame["ds"] > frame["ds"].max() - pd.Timedelta(days=7)
                frame.loc[after & (frame["Open"] > 0), "y"] = 1e6
                frame.loc[after, "visitors"] = 10**6
        folder = tmp_path / str(number)
        folder.mkdir()
        task = load_task(made_folder(folder, series, **ROLES), "made")
        tables.append(calls(task, task.origins)[0])
        spoiled[number] = task.panel["y"].max()
    assert spoiled[1] == 1e6 and tables[0].origins.equals(tables[1].origins)
    pd.testing.assert_frame_equal(tables[0].table.frame, tables[1].table.frame)
    pd.testing.assert_frame_equal(tables[0].known, tables[1].known)
    frame, last = tables[0].table.frame, pd.Timestamp("2024-02-27")
    assert (frame.loc[(frame["unique_id"] == "b") & (frame["ds"] > last), "available"] == 0).all()
    assert set(tables[0].known.columns) == {"unique_id", "ds", *tables[0].meta["future"]}


@pytest.mark.parametrize("country", [None, "", "XX", "Atlantis"])
@pytest.mark.parametrize("freq, given", [("D", "D"), ("W-WED", "W-WED"), ("ME", "M")])
def test_a_country_without_known_holidays_has_none(tmp_path, country, freq, given):
    told = {"freq": given, "country": country, "horizon": 3}
    task = load_task(made_folder(tmp_path, {"a": made_series(freq=freq)}, **told), "made")
    (call,) = calls(task, task.origins)
    assert task.country == "" and (call.known["holiday"] == 0).all() and len(call.known) == 70


def test_what_is_known_ahead_is_told_for_the_horizon(tmp_path):
    series = {name: made_series(seed=k, promo=(np.arange(70) >= 63).astype(float)) for k, name in enumerate("ab")}
    task = load_task(made_folder(tmp_path, series, known_ahead=["promo"]), "made")
    (call,) = calls(task, task.origins)
    assert call.table.frame["ds"].max() == call.cutoffs[-1] and call.known["ds"].max() == series["a"]["ds"].max()
    assert call.known.loc[call.known["ds"] > call.cutoffs[-1], "promo"].tolist() == [1.0] * 14


def test_a_few_series_that_end_early_are_played_apart_and_no_series_is_lost(tmp_path, monkeypatch):
    series = {f"s{k:02d}": made_series(seed=k) for k in range(30)}
    series["s03"] = series["s03"].iloc[:61]
    task = load_task(made_folder(tmp_path, series, windows=1), "made")
    main, rest = calls(task, task.origins, kin=5)
    assert len(main.origins) == 29 and rest.origins["unique_id"].tolist() == ["s03"] and rest.share < main.share
    assert rest.table.frame["unique_id"].nunique() == 6
    monkeypatch.setattr(fev, "champion_forecasts", flat)
    found, record = fev.forecast_task(
        task, task.origins, CONFIG, tmp_path / "out", tmp_path / "store", say=lambda text: None
    )
    own = found[found["model"] == "Champion"]
    assert len(own) == 30 * 7 and not own.duplicated(["unique_id", "ds", "cutoff"]).any() and record["stood_in"] == 0


def play(folder: Path, root: Path, **changes) -> dict:
    lines: list[str] = []
    result = fev.play(folder, "made", replace(CONFIG, **changes), root, say=lines.append)
    return {**result, "said": lines}


def test_a_stored_task_is_read_back_until_data_or_settings_change(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(fev, "champion_forecasts", lambda *told, **named: asked.append(1) or flat(*told, **named))
    folder = made_folder(tmp_path, {"a": made_series(), "b": made_series(seed=1)})
    first = play(folder, tmp_path / "runs")
    again = play(folder, tmp_path / "runs")
    assert len(asked) == 1 and any("read back" in line for line in again["said"])
    assert again["champion"] == first["champion"] and again["members"]["Half"] == first["members"]["Half"]
    play(folder, tmp_path / "runs", budget_minutes=3.0)
    made_folder(tmp_path, {"a": made_series(), "b": made_series(seed=2)})
    play(folder, tmp_path / "runs")
    assert len(asked) == 3
    monkeypatch.setattr(fev, "code_key", lambda members_only=False: "other")
    play(folder, tmp_path / "runs")
    assert len(asked) == 4


def test_the_code_key_changes_with_what_the_code_does_alone(tmp_path):
    library = tmp_path / "salesforecast_lib"
    for file in (*DECIDING, "salesforecast_lib/models/peers.py", "salesforecast_lib/__init__.py"):
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text('"""Says."""\n')
    champion, peers = tmp_path / DECIDING[1], library / "models" / "peers.py"
    champion.write_text("import salesforecast_lib.models.champion.guard\nimport salesforecast_lib.models.peers\n")
    (library / "models" / "unused.py").write_text("x = 1\n")

    def keys() -> tuple[str, str]:
        return code_key(root=tmp_path), code_key(members_only=True, root=tmp_path)

    peers.write_text('"""Says."""\ndef f(x):\n    """One."""\n    return x + 1  # more\n')
    first = keys()
    peers.write_text('"""Says other."""\ndef f(x):\n    """Two."""\n    return x + 1\n')
    (library / "models" / "unused.py").write_text("x = 2\n")
    assert keys() == first
    (tmp_path / DECIDING[2]).write_text("limit = 3\n")
    assert keys()[0] != first[0] and keys()[1] == first[1], "members' forecasts do not depend on how they are weighed"
    peers.write_text('"""Says other."""\ndef f(x):\n    """Two."""\n    return x + 2\n')
    assert keys()[1] != first[1]


def test_a_row_that_the_champion_does_not_forecast_is_said(tmp_path, monkeypatch):
    def gaps(*told, **named):
        found = flat(*told, **named)
        return replace(found, forecasts=found.forecasts[found.forecasts["unique_id"] != "b"])

    monkeypatch.setattr(fev, "champion_forecasts", gaps)
    folder = made_folder(tmp_path, {"a": made_series(), "b": made_series(seed=1)})
    result = play(folder, tmp_path / "runs")
    assert result["stood_in"] == 0.5 and any("14 of 28 rows without a forecast" in line for line in result["said"])


def test_the_library_s_champion_plays_a_task_and_sales_of_later_windows_change_no_earlier_forecast(tmp_path):
    week = np.tile([10.0, 12.0, 15.0, 20.0, 30.0, 45.0, 5.0], 20)
    tables = []
    for number in range(2):
        rng = np.random.default_rng(1)
        series = {
            name: pd.DataFrame(
                {"ds": pd.date_range("2024-01-01", periods=140), "y": week * level + rng.normal(0, 2, 140)}
            )
            for name, level in (("a", 1.0), ("b", 3.0))
        }
        if number:
            for frame in series.values():
                frame.loc[126:132, "y"] = 1e4
        folder = tmp_path / str(number)
        folder.mkdir()
        members = ("SeasonalNaive", "WindowAverage", "Theta")
        result = play(made_folder(folder, series), folder / "runs", members=members)
        assert set(result["members"]) == set(members) and len(result["compositions"]) == 2
        (file,) = (folder / "runs").rglob("forecasts.parquet")
        found = pd.read_parquet(file)
        tables.append(found[found["cutoff"] == found["cutoff"].min()].reset_index(drop=True))
        if not number:
            assert result["champion"]["SQL"] < 0.9 * result["naive"]["SQL"]
    pd.testing.assert_frame_equal(*tables)


def test_the_command_writes_results_by_task_and_names_what_it_does_not_know(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fev, "champion_forecasts", flat)
    folder = made_folder(tmp_path, {"a": made_series(), "b": made_series(seed=1)})
    (folder / "published.csv").write_text(
        "task,model,SQL,MASE,WAPE,WQL,num_forecasts,trained_on_this_data\n"
        "made,Good,0.01,0.01,0.01,0.01,4,False\nmade,Bad,99,99,99,99,4,True\nmade,Point,50,50,50,,4,False\n"
    )
    file = tmp_path / "out.json"
    told = ["--data", str(folder), "--root", str(tmp_path / "runs"), "--json", str(file)]
    fev.main(["made", *told])
    text = capsys.readouterr().out
    assert "rank among 3 published rows: SQL 2, MASE 2, WAPE 2, WQL 2" in text and "Wild left out: loss 9.1" in text
    assert read_json(file)["made"]["published"][2]["trained_on_this_data"] is True
    fev.main(["all", "--before", "2", *told])
    assert "before the scored ones" in capsys.readouterr().out and read_json(file)["made"]["before"] == 2
    for wrong, words in ((["other"], "describes made"), (["made", "--before", "-1"], "expected how many windows")):
        with pytest.raises(SystemExit):
            fev.main([*wrong, *told])
        assert words in capsys.readouterr().err


def test_a_task_that_fails_does_not_stop_the_others(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fev, "champion_forecasts", flat)
    folder = made_folder(tmp_path, {"a": made_series(), "b": made_series(seed=1)})
    tasks = read_json(folder / "tasks.json")
    (folder / "tasks.json").write_text(json.dumps({"long": {**tasks["made"], "horizon": 99}, **tasks}))
    file = tmp_path / "out.json"
    with pytest.raises(SystemExit) as left:
        fev.main(["all", "--data", str(folder), "--root", str(tmp_path / "runs"), "--json", str(file)])
    told = capsys.readouterr()
    assert left.value.code == 1 and "long was not played: " in told.err and "whole horizon of 99" in told.err
    assert list(read_json(file)) == ["made"]


def test_a_folder_that_cannot_be_used_says_what_to_do(tmp_path):
    with pytest.raises(FileNotFoundError, match="tasks.json: not found; --data DIR"):
        described(tmp_path)
    folder = made_folder(tmp_path, {"a": made_series()}, known_ahead=["promo"])
    with pytest.raises(ValueError, match=r"no columns \['promo'\], which tasks.json declares"):
        load_task(folder, "made")
    with pytest.raises(ValueError, match="describes made"):
        load_task(folder, "nothing")
    with pytest.raises(ValueError, match="no series has a whole horizon of 99"):
        load_task(made_folder(tmp_path, {"a": made_series()}, horizon=99), "made")
    with pytest.raises(ValueError, match="its dates are no periods of freq=W-SUN"):
        load_task(made_folder(tmp_path, {"a": made_series(freq="W-MON")}, freq="W-SUN"), "made")
    twice = pd.concat([made_series(), made_series().tail(1)])
    for frame in (
        twice,
        made_series(freq="W-SUN").assign(ds=lambda f: f["ds"] + pd.to_timedelta((f.index == 5) * 1, unit="D")),
    ):
        freq = "D" if frame is twice else "W-SUN"
        with pytest.raises(ValueError, match="series 'a', 2024-.*: a second row of a period, or no period"):
            load_task(made_folder(tmp_path, {"a": frame}, freq=freq), "made")
    (folder / "made.parquet").unlink()
    with pytest.raises(FileNotFoundError, match="made.parquet: not found"):
        load_task(folder, "made")
