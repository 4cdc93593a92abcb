"""salesforecast nightly: unattended, the same again changes nothing, whatever kills it the next call finishes."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from salesforecast_lib.evaluation.reasons import COLUMNS, USUAL, read_reasons
from salesforecast_lib.files import read_json, write_json
from salesforecast_lib.pipeline.cli import app
from salesforecast_lib.pipeline.nightly import compare, play, read_config
from salesforecast_lib.pipeline.nightly import reasons as told_reasons
from salesforecast_lib.production import registry
from tests.unit.pipeline.nightly.made import DAYS, content, lines, quick, shop
from tests.unit.production.monitoring import test_newcomers


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return shop(tmp_path_factory.mktemp("shop"))


@pytest.fixture
def config(made, tmp_path):
    """The shop before its first night, in a folder of its own."""
    shutil.copytree(made.parent, tmp_path / "shop")
    return tmp_path / "shop" / "night.yml"


def come(config, first, days=1, name="", **changes):
    path = config.parent / "inbox" / (name or f"day{first:03d}.csv")
    lines(first, days, **changes).to_csv(path, index=False)
    return path


def call(config):
    done = CliRunner().invoke(app, ["nightly", str(config)])
    return done.exit_code, done.output


def test_a_night_reads_forecasts_compares_and_decides_and_the_same_again_changes_nothing(config):
    come(config, DAYS)
    code, said = call(config)
    assert code == 0, said
    night = config.parent / "run" / "nights" / "2024-04-08"
    assert "read: day098.csv, 6 rows" in said and "forecasts held against what came: 6 rows" in said
    table = pd.read_parquet(night / "forecast.parquet")
    assert table["unique_id"].nunique() == 6 and (table["cutoff"] == pd.Timestamp("2024-04-08")).all()
    sheet = pd.read_csv(night / "decisions.csv")
    assert (sheet["order_quantity"] > 0).any() and set(sheet["unique_id"]) == {f"p{k}" for k in range(6)}
    assert "Night of 2024-04-08" in (night / "index.html").read_text()
    reasons, expected = read_reasons(night), table.groupby("unique_id")["mean"].sum()
    assert set(reasons["unique_id"]) == set(expected.index) and set(reasons["cutoff"]) == {"2024-04-08"}
    assert np.allclose(reasons.groupby("unique_id")["units"].sum(), expected, atol=0.05), "bars add up to the forecast"
    assert "The next 7 days: " in reasons.loc[reasons["driver"] == USUAL, "why"].iloc[0]
    before = content(config.parent)
    assert call(config)[0] == 0 and content(config.parent) == before
    come(config, DAYS + 1)
    assert call(config)[0] == 0
    assert sorted(p.name for p in (config.parent / "run" / "nights").glob("2*")) == ["2024-04-08", "2024-04-09"]


def test_series_that_the_run_left_out_stay_out_and_are_counted(config):
    run = config.parent / "run"
    panel = pd.read_parquet(run / "panel.parquet")
    panel[panel["unique_id"].isin(["p2", "p3", "p4", "p5"])].to_parquet(run / "panel.parquet")
    write_json({**read_json(run / "parameters.json"), "n_series": 4}, run / "parameters.json")
    come(config, DAYS)
    code, said = call(config)
    assert code == 0, said
    assert "2 series not forecast, as in the run: n_series=4" in said
    table = pd.read_parquet(run / "nights" / "2024-04-08" / "forecast.parquet")
    assert set(table["unique_id"]) == {"p2", "p3", "p4", "p5"}
    write_json({**read_json(run / "parameters.json"), "n_series": 5}, run / "parameters.json")  # it left out none
    come(config, DAYS + 1)
    assert "not forecast" not in call(config)[1]


def test_a_bad_file_is_refused_with_its_reason_and_stops_no_other_and_a_mended_one_is_read(config):
    come(config, DAYS)
    bad = config.parent / "inbox" / "day097b.csv"
    bad.write_text("order_id,product_id\n1,2\n")
    half = come(config, DAYS + 1, name="half.csv")
    half.write_text(half.read_text().replace(",p1,", ",,").replace(",p2,", ",,"))  # a third of its rows without product
    code, said = call(config)
    assert code == 2 and "read: day098.csv" in said
    assert "refused: day097b.csv: " in said and "timestamp" in said and "refused: half.csv: 2 of 6 rows" in said
    before = content(config.parent)
    code, again = call(config)  # still refused, still said
    assert code == 2 and "refused: day097b.csv" in again and content(config.parent) == before
    come(config, DAYS + 1, name="half.csv")
    code, said = call(config)
    assert "read: half.csv, 6 rows" in said and "day097b.csv" in said and code == 2  # it still lies there
    bad.unlink()
    code, said = call(config)
    assert code == 0 and "day097b.csv" not in said


def test_a_file_that_changed_after_it_was_read_is_said_and_not_read_again(config):
    come(config, DAYS)
    assert call(config)[0] == 0
    come(config, DAYS, factor=3.0)
    code, said = call(config)
    assert code == 1 and "day098.csv: was read before and has changed since" in said
    first, second = (
        pd.read_parquet(config.parent / "run" / "nights" / name / "forecast.parquet")
        for name in ("2024-04-08", "2024-04-08.02")
    )
    pd.testing.assert_frame_equal(first, second)
    before = content(config.parent)
    assert call(config)[0] == 1 and content(config.parent) == before


def test_sales_that_break_away_raise_an_alarm_that_names_what_to_do(config):
    for day in range(DAYS, DAYS + 14):
        come(config, day, factor=4.0)
    code, said = call(config)
    assert code == 1 and "alarm: " in said


def test_new_models_serve_when_they_pass_and_one_command_goes_back(config):
    config.write_text(config.read_text() + "retrain: weekly\ngate: {margin: 0.9, bias: 0.9, coverage: 0.9}\n")
    come(config, DAYS, 7)
    night = play(read_config(config), fitted=quick)
    run = config.parent / "run"
    assert night.code in (0, 1) and registry.current(run) == "v000001"
    assert any("v000001 serve from now on" in line for line in night.lines)
    assert set(pd.read_parquet(night.folder / "forecast.parquet")["version"]) == {"v000001"}
    log = registry.entries(run)
    assert [entry["what"] for entry in log] == ["published", "promoted"] and log[-1]["figures"]["challenger"][
        "loss"
    ] > 0
    come(config, DAYS + 7, 7)
    file = run / "models" / "v000001" / "model.json"
    write_json({**read_json(file), "live": {}}, file)  # as if a server could answer with it
    night = play(read_config(config), fitted=quick)
    assert registry.current(run) == "v000002" and any(
        "a server goes on with older ones" in line for line in night.lines
    )
    done = CliRunner().invoke(app, ["rollback", str(run)])
    assert done.exit_code == 0 and "v000001 serves again instead of v000002" in done.output
    come(config, DAYS + 14)
    config.write_text(config.read_text().replace("weekly", "never"))
    assert set(pd.read_parquet(play(read_config(config)).folder / "forecast.parquet")["version"]) == {"v000001"}


def test_models_that_do_not_pass_are_refused_and_the_old_ones_go_on(config):
    config.write_text(config.read_text() + "retrain: weekly\ngate: {margin: 0.0, bias: 0.0, coverage: 0.0}\n")
    come(config, DAYS, 7)

    def spoiled(made, sales, config):
        folder = quick(made, sales, config)
        table = pd.read_parquet(folder / "champion_forecasts.parquet")
        table["mean"] *= 3
        table.to_parquet(folder / "champion_forecasts.parquet")
        return folder

    night = play(read_config(config), fitted=spoiled)
    run = config.parent / "run"
    assert registry.current(run) is None and registry.entries(run)[-1]["what"] == "refused"
    assert any("were refused: its bias" in line for line in night.lines)


def test_new_models_that_cannot_be_published_are_an_alarm_and_the_night_ends_well(config, monkeypatch):
    from salesforecast_lib.production import export

    def slow(*told, **more):
        raise export.GateError("the live network is not published, it fails 1 of 4 gates: time")

    monkeypatch.setattr(export, "write_model_folder", slow)
    config.write_text(config.read_text().replace("live: false", "live: true") + "retrain: weekly\n")
    come(config, DAYS, 7)
    night = play(read_config(config), fitted=quick)
    assert night.code == 1 and any("could not be published: the live network" in line for line in night.lines)
    assert registry.current(config.parent / "run") is None and (night.folder / "decisions.csv").is_file()
    come(config, DAYS + 7)
    night = play(read_config(config), fitted=None)  # the next try is a week later
    assert not any("trained again" in line for line in night.lines), night.lines


KILLED = """
import importlib, os, shutil, signal, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
for name in sys.argv[5].split(","):
    importlib.import_module(name)  # once, and not in each child
from salesforecast_lib.pipeline.nightly import compare, play, read_config
from salesforecast_lib.production import registry
def quick(made, sales, config):
    return Path(shutil.copytree(sys.argv[4], made.place / ".challenger", dirs_exist_ok=True))
config = read_config(Path(sys.argv[1]))
for name in sys.argv[2].split(","):
    child = os.fork()
    if child == 0:
        def stop(at):
            if at == name:
                os.kill(os.getpid(), signal.SIGKILL)
        play(config, stop, quick)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == signal.SIGKILL, name
    version = registry.current(config.run)
    registry.verify(registry.model_folder(config.run)) if version else None
"""


@pytest.mark.slow
def test_a_night_killed_at_each_of_its_steps_in_turn_ends_as_if_it_had_never_been(config, tmp_path):
    config.write_text(config.read_text() + "retrain: weekly\ngate: {margin: 0.9, bias: 0.9, coverage: 0.9}\n")
    come(config, DAYS, 7)
    names, ready = [], tmp_path / "ready"
    shutil.copytree(config.parent, tmp_path / "whole")

    def trained(made, sales, config):
        return shutil.copytree(quick(made, sales, config), ready)

    whole = play(read_config(tmp_path / "whole" / "night.yml"), names.append, trained)
    assert len(names) >= 12 and len(set(names)) == len(names)
    told = [sys.executable, "-c", KILLED, str(config), ",".join(names), str(Path(__file__).parents[4]), str(ready)]
    told.append(",".join(name for name in sys.modules if name.startswith(("salesforecast_lib.", "lightgbm."))))
    done = subprocess.run(told, capture_output=True, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert done.returncode == 0, done.stderr
    night = play(read_config(config))
    run = config.parent / "run"
    assert night.folder.name == whole.folder.name and registry.current(run) == "v000001"
    assert len(registry.entries(run)) == 2
    nights, same = content(run / "nights"), content(tmp_path / "whole" / "run" / "nights")
    assert set(nights) == set(same)
    for name in nights:
        assert nights[name] == same[name], name


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("run: run\n", "new is missing"),
        ("run: run\nnew: inbox\nretrian: weekly\n", "'retrian' is not known; expected retrain"),
        ("run: run\nnew: inbox\nretrain: daily\n", "expected one of never, alarm, weekly, monthly"),
        ("run: run\nnew: inbox\nkeep: 0\n", "keep=0: expected at least 1"),
        ("run: run\nnew: inbox\nkeep: many\n", "expected a whole number"),
        ("run: nowhere\nnew: inbox\n", "no finished run"),
        ("run: run\nnew: nowhere/*.csv\n", "no such folder"),
        ("run: run\nnew: inbox\nplan: none.csv\n", "plan=.*none.csv: no such file"),
        ("run: run\nnew: inbox\nserve: localhost\n", "expected an address such as"),
        ("run: run\nnew: inbox\nserve: http://127.0.0.1:9\nlive: false\n", "exclude each other"),
        ("run: run\nnew: inbox\nkey_file: none\n", "key_file=.*none: no such file"),
        ("run: run\nnew: inbox\nkey_file: empty\n", "key_file=.*empty: is empty"),
        ("run: run\nnew: inbox\nserve: http://127.0.0.1:9\nkey_file: night.yml\n", "is no key"),
        ("run: run\nnew: inbox\ngate: {loss: 1}\n", "'loss' is not known"),
        ("- run\n", "expected lines such as"),
        ("run: [\n", "is no YAML"),
    ],
)
def test_a_config_that_cannot_be_used_ends_with_three_and_one_sentence(made, text, words):
    file = made.parent / "other.yml"
    (made.parent / "empty").write_text("\n")
    file.write_text(text)
    with pytest.raises((ValueError, OSError), match=words):
        read_config(file)
    assert call(file)[0] == 3


def test_an_error_nobody_thought_of_ends_with_three_and_changes_nothing(config, monkeypatch):
    from salesforecast_lib.pipeline.nightly import night

    come(config, DAYS)

    def broken(*told):
        raise RuntimeError("a bug")

    monkeypatch.setattr(night, "compare", broken)
    code, said = call(config)
    assert code == 3 and not list((config.parent / "run" / "nights").glob("2*"))
    monkeypatch.undo()
    assert call(config)[0] == 0


def test_a_server_that_does_not_answer_is_an_alarm_and_stops_nothing(config):
    config.write_text(config.read_text().replace("live: false", "serve: http://127.0.0.1:9"))
    come(config, DAYS)
    code, said = call(config)
    assert code == 1 and "alarm: the server http://127.0.0.1:9 could not be told" in said
    assert read_json(config.parent / "run" / "nights" / "2024-04-08" / "state.json")["code"] == 1


def test_files_still_being_written_wait(config):
    come(config, DAYS)
    (config.parent / "inbox" / ".hidden.csv").write_text("x")
    config.write_text(config.read_text().replace("inbox/*.csv", "inbox"))
    (config.parent / "inbox" / "next.csv.part").write_text("x")
    code, said = call(config)
    assert code == 0 and "next.csv" not in said


# Why ------------------------------------------------------------------------------------------------------------------


def reasons_of(rows):
    """Reasons of a product whose forecast is 118 and whose usual is 106."""
    table = pd.DataFrame([(USUAL, 106.0, False, ""), *rows], columns=["driver", "units", "sure", "when"])
    told = {"unique_id": "p0", "cutoff": "2024-04-08", "share": 0.1, "low": 0.0, "high": 1.0, "why": "the card"}
    return table.assign(**told, usual=106.0, forecast=118.0)[list(COLUMNS)]


def test_an_order_says_what_moves_its_forecast_where_that_is_sure_and_is_left_alone_where_not():
    sheet = pd.DataFrame({"unique_id": ["p0", "p1"], "order_quantity": [3, 0], "why": ["below the level", "covered"]})
    sure = told_reasons.with_reasons(sheet, reasons_of([("promotion", 11.0, True, "2024-04-10")]))
    clause = "the whole forecast is 12 above its usual 106, mostly because of the promotion of 10 Apr (+11)"
    assert sure["why"].tolist() == [f"below the level; {clause}", "covered"]
    unsure = told_reasons.with_reasons(sheet, reasons_of([("promotion", 11.0, False, "2024-04-10")]))
    pd.testing.assert_frame_equal(unsure, sheet)


def test_without_a_stock_the_sheet_has_the_card_of_each_product(config):
    config.write_text(config.read_text().replace("stock: stock.csv\n", ""))
    come(config, DAYS)
    assert call(config)[0] == 0
    sheet = pd.read_csv(config.parent / "run" / "nights" / "2024-04-08" / "decisions.csv")
    assert sheet["why"].str.startswith("The next 7 days: ").all() and "expected_demand" in sheet


def test_data_too_large_to_be_explained_in_a_night_are_said(config, monkeypatch):
    from salesforecast_lib.pipeline.batch import table

    monkeypatch.setattr(table, "MANY", 100)
    come(config, DAYS)
    code, said = call(config)
    assert code == 0 and "not told of 6 products in a night" in " ".join(said.split())
    assert not (config.parent / "run" / "nights" / "2024-04-08" / "reasons.csv").exists()


def test_many_new_buyers_of_a_product_are_an_alarm_of_the_night():
    lines = pd.concat([test_newcomers.shop(), test_newcomers.ring("p3", 60)]).rename(columns={"series": "product_id"})
    found = compare._new_buyers(lines, "product_id", test_newcomers.END)
    assert found.loc[found["alarm"], "subject"].tolist() == ["p3"]
    assert compare._new_buyers(lines.drop(columns="customer_id"), "product_id", test_newcomers.END).empty
