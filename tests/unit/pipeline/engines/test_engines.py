"""The work of the commands on a cluster of two processes is that of this process, bit for bit."""

import signal

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from salesforecast_lib.data.features import build_features, load_features
from salesforecast_lib.files import read_json
from salesforecast_lib.models.champion import ChampionConfig, champion_forecasts, save_champion
from salesforecast_lib.pipeline import batch, engines, sweeps
from salesforecast_lib.pipeline.batch import command, table
from salesforecast_lib.pipeline.batch.read import run_values
from salesforecast_lib.pipeline.batch.table import stored_champion
from salesforecast_lib.pipeline.cli import app
from salesforecast_lib.pipeline.execute import StageError
from salesforecast_lib.pipeline.runner import run
from salesforecast_lib.production.distributed import EngineError, open_engine
from salesforecast_lib.production.distributed.features import features_on, write_parts
from tests.unit.models.champion import made as made_panel
from tests.unit.models.champion import test_stored
from tests.unit.pipeline import test_sweep
from tests.unit.pipeline.made import WRITE_ONE, made_stages
from tests.unit.pipeline.nightly.made import shop


@pytest.fixture(scope="module")
def two():
    with open_engine("dask", workers=2) as engine:
        yield engine


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return shop(tmp_path_factory.mktemp("shop")).parent


# Features -------------------------------------------------------------------------------------------------------------


def priced_panel():
    """A panel with prices and a category, so that a feature looks at all series."""
    panel = made_panel.make_panel(7, 70)
    price = 2 + panel["unique_id"].str[-1].astype(int) + 0.3 * np.sin(np.arange(len(panel)))
    group = panel["unique_id"].str[-1].isin(list("024")).map({True: "a", False: "b"})
    return panel.assign(price=price, group=group)


def test_features_file_by_file_are_those_of_the_whole_panel(two, tmp_path):
    panel, (_, _, meta, _) = priced_panel(), made_panel.told(made_panel.make_panel(7, 70))
    meta = {**meta, "static": ["group"], "historical": ["price"], "future": []}
    whole = build_features(panel, meta)
    parts = write_parts(panel, tmp_path / "panel", rows=140)
    assert len(parts) == 4 and sum(len(pd.read_parquet(part)) for part in parts) == len(panel)
    assert features_on(two, tmp_path / "panel", meta, tmp_path / "out") == ()
    found, known = load_features(tmp_path / "out")
    pd.testing.assert_frame_equal(found.frame, whole.frame, check_exact=True)
    assert (found.roles, found.groups, found.in_units) == (whole.roles, whole.groups, whole.in_units)
    assert known["freq"] == meta["freq"] and "relative_price" in found.roles["historical"]


def test_a_file_that_cannot_be_read_is_named_and_the_others_are_built(two, tmp_path):
    panel, (_, _, meta, _) = made_panel.make_panel(4, 40), made_panel.told(made_panel.make_panel(4, 40))
    meta = {**meta, "static": [], "historical": [], "future": []}
    parts = write_parts(panel, tmp_path / "panel", rows=80)
    pd.read_parquet(parts[1]).drop(columns="available").to_parquet(parts[1])
    failures = features_on(two, tmp_path / "panel", meta, tmp_path / "out")
    odd = set(pd.read_parquet(parts[1], columns=["unique_id"])["unique_id"])
    assert [set(each.names) for each in failures] == [odd] and "missing columns ['available']" in failures[0].reason
    assert set(load_features(tmp_path / "out")[0].frame["unique_id"]) == set(panel["unique_id"]) - odd


def test_a_series_in_two_files_and_a_folder_without_any_are_refused(two, tmp_path):
    panel = made_panel.make_panel(2, 40)
    with pytest.raises(EngineError, match="no Parquet file there"):
        features_on(two, tmp_path, {}, tmp_path)
    for number, half in enumerate((panel.iloc[:60], panel.iloc[60:])):
        half.to_parquet(tmp_path / f"{number}.parquet")
    with pytest.raises(EngineError, match=r"1.parquet: series .* is in 0.parquet too; a series needs one file"):
        features_on(two, tmp_path, {}, tmp_path)


# Back-tests -----------------------------------------------------------------------------------------------------------


def test_a_champion_fitted_on_a_cluster_is_the_same(two, tmp_path):
    told = made_panel.told(made_panel.make_panel(6, 126))
    cutoffs = [told[-1] - pd.Timedelta(days=14), told[-1]]
    members = ("SeasonalNaive", "LightGBMDirect", "WindowAverage")
    config = ChampionConfig(levels=(0.1, 0.5, 0.9), members=members, budget_minutes=0.05, validation=1)
    alone = champion_forecasts(*told[:3], cutoffs, config)
    there = champion_forecasts(*told[:3], cutoffs, config, spread=two.run_tasks)
    pd.testing.assert_frame_equal(alone.forecasts, there.forecasts, check_exact=True)
    pd.testing.assert_frame_equal(alone.members, there.members, check_exact=True)
    assert alone.compositions == there.compositions
    one, other = (save_champion(each.stored, tmp_path / name) for name, each in (("a", alone), ("b", there)))
    assert (one / "champion.json").read_bytes() == (other / "champion.json").read_bytes(), "with every file's digest"


def test_a_member_that_fails_there_is_left_out_with_the_reason(two, monkeypatch):
    told = made_panel.told(made_panel.make_panel(6, 126))
    monkeypatch.setattr(test_stored.made_by, "plan_fits", test_stored.small_plan(("SeasonalNaive", "Unheard")))
    config = ChampionConfig(levels=(0.1, 0.5, 0.9), validation=1)
    there = champion_forecasts(*told[:3], [told[-1]], config, spread=two.run_tasks)
    composition = there.compositions[str(told[-1].date())]
    assert "it failed" in composition.left_out["Unheard"] and list(composition.weights) == ["SeasonalNaive"]


# New data -------------------------------------------------------------------------------------------------------------


def test_blocks_of_series_on_a_cluster_give_the_same_forecasts(two, place):
    champion, new = stored_champion(place / "run"), batch.read_new(place / "run", place / "orders.csv")
    here = batch.forecast_data(champion, new, 1, rows=150, many=100)
    there = batch.forecast_data(champion, new, rows=150, many=100, engine=two)
    pd.testing.assert_frame_equal(here.table, there.table, check_exact=True)
    assert here.notes == there.notes and there.failed == ()


def forecast(place, out, *more):
    told = ["forecast", str(place / "run"), "--orders", str(place / "orders.csv"), "--out", str(out), *more]
    done = CliRunner().invoke(app, told)
    return done.exit_code, " ".join(done.output.split())


def test_the_command_gives_the_same_table_with_each_engine(two, place, tmp_path, monkeypatch):
    monkeypatch.setattr(command, "open_engine", lambda asked: engines_of(asked, two))
    tables = []
    for number, more in enumerate(([], ["--engine", "local", "--workers", "1"], ["--engine", "dask"])):
        code, said = forecast(place, tmp_path / f"{number}.parquet", *more)
        assert code == 0 and "failed" not in said, said
        tables.append(pd.read_parquet(tmp_path / f"{number}.parquet"))
    pd.testing.assert_frame_equal(tables[1], tables[2], check_exact=True)
    pd.testing.assert_frame_equal(tables[0], tables[2], rtol=1e-9)


def engines_of(asked, two):
    """The engine that was asked for; of dask the one that is open already, which stays so."""
    from contextlib import nullcontext

    return nullcontext(two) if asked.engine == "dask" else engines.open_engine(asked)


def test_series_that_fail_are_named_the_rest_is_written_and_the_exit_code_says_so(place, tmp_path, monkeypatch):
    block = table._block

    def odd(number, *told):
        if number == 1:
            raise ValueError("a broken block")
        return block(number, *told)

    monkeypatch.setattr(table, "_block", odd)
    code, said = forecast(place, tmp_path / "out.csv", "--engine", "local", "--workers", "1")
    failed, found = pd.read_csv(tmp_path / "out.failed.csv"), pd.read_csv(tmp_path / "out.csv")
    assert code == 2 and "failed 3 times; ValueError: a broken block" in said and failed["unique_id"].iloc[0] in said
    assert set(failed["unique_id"]) | set(found["unique_id"]) == {f"p{k}" for k in range(6)} and len(failed)
    assert not set(failed["unique_id"]) & set(found["unique_id"])
    monkeypatch.undo()
    assert (
        forecast(place, tmp_path / "out.csv", "--workers", "1")[0] == 0 and not (tmp_path / "out.failed.csv").exists()
    )


def test_where_every_block_fails_nothing_is_written(place, tmp_path, monkeypatch):
    monkeypatch.setattr(table, "_block", None)
    code, said = forecast(place, tmp_path / "out.csv", "--workers", "1")
    assert code == 1 and "no block of series could be forecast" in said and not (tmp_path / "out.csv").exists()


def test_a_stock_plan_by_blocks_of_products_is_that_of_all(two, place):
    """Products meet in a budget only; what correlates their errors comes from the run."""
    values, meta = run_values(place / "run"), read_json(place / "run" / "panel.json")
    found = batch.forecast_data(stored_champion(place / "run"), batch.read_new(place / "run", place / "orders.csv"))
    stock = pd.Series({f"p{k}": 3.0 * k for k in range(6)})
    whole = batch.orders_of(place / "run", values, meta, found.table, stock)
    blocks = [found.table[found.table["unique_id"].isin(names)] for names in (["p0", "p3"], ["p1", "p2", "p4", "p5"])]
    parts = two.run_tasks(planned, blocks, shared=(place / "run", values, meta, stock)).whole()
    together = pd.concat(parts).set_index("unique_id").loc[whole["unique_id"]].reset_index()
    pd.testing.assert_frame_equal(together, whole, check_exact=True)


def planned(table, folder, values, meta, stock):
    return batch.orders_of(folder, values, meta, table, stock)


# Runs and sweeps ------------------------------------------------------------------------------------------------------


def test_a_run_on_a_cluster_writes_the_same_files_though_a_worker_is_killed_under_a_stage(two, tmp_path):
    kill = (
        "import os, signal\nfrom pathlib import Path\nmark = Path(run_dir) / 'mark'\n"
        "worker = os.environ['JPY_PARENT_PID']\n"
        f"if not mark.exists():\n    mark.touch()\n    os.kill(int(worker), {int(signal.SIGKILL)})\n"
    )
    stages = made_stages(tmp_path, kill + WRITE_ONE)
    done = run({}, tmp_path / "run", stages=stages, verbose=0, engine=two)
    assert done.executed == ["01_one", "02_two"] and (tmp_path / "run" / "two.txt").read_text() == "22"
    assert (tmp_path / "run" / "mark").exists()
    assert run({}, tmp_path / "run", stages=stages, verbose=0).executed == [], "the engine makes nothing stale"


@pytest.mark.usefixtures("quick")
def test_a_failing_cell_is_named_by_an_engine_and_tried_once(tmp_path):
    count = "from pathlib import Path\nwith open(Path(run_dir) / 'log', 'a') as log:\n    _ = log.write('x')\n"
    stages = made_stages(tmp_path, second=count + 'raise KeyError("price of socks")\n')
    with open_engine(workers=1) as engine, pytest.raises(StageError, match="02_two.py: KeyError: 'price of socks'"):
        run({}, tmp_path / "run", stages=stages, verbose=0, engine=engine)
    assert (tmp_path / "run" / "log").read_text() == "x"


@pytest.mark.usefixtures("quick")
def test_a_sweep_on_an_engine_runs_each_stage_once_and_gives_the_same_rows(tmp_path):
    lists, rows, counts = {"size": [2, 3], "model": ["a", "b"]}, [], []
    for name in ("local", "engine"):
        (tmp_path / name).mkdir()
        stages, wanted = test_sweep.made(tmp_path / name), slice(0, 3)
        if name == "engine":
            told = [(each, dict(each)) for each in sweeps.combinations(lists)]
            with open_engine(workers=1) as engine:
                place = tmp_path / name / "sweep"
                assert sweeps.run_on(engine, place, told, stages[wanted], lambda *_: "", stages) == {}
        rows.append(test_sweep.go(tmp_path / name, stages, lists))
        counts.append(test_sweep.executed(tmp_path / name))
    assert rows[0] == rows[1] and counts[0] == counts[1] == {"01_data": 2, "02_fit": 2, "03_score": 4}


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("lists", "odd"), [({"model": ["a", "b", "zz"]}, ["002"]), ({"size": ["x", 3]}, ["000"])])
def test_a_combination_that_fails_is_told_and_the_others_go_on(tmp_path, lists, odd):
    stages = test_sweep.made(tmp_path)
    told = [(each, dict(each)) for each in sweeps.combinations(lists)]
    with open_engine(workers=1) as engine:
        failed = sweeps.run_on(engine, tmp_path / "sweep", told, stages[:3], lambda *_: "", stages)
    assert [folder.name for folder in failed] == odd and "Error" in next(iter(failed.values()))
    metric = sweeps.choose_metric("", stages[:3])
    rows = sweeps.run_sweep(
        tmp_path / "sweep", told, stages[:3], metric, lambda *_: "", stages=stages, skip=list(failed), verbose=0
    )
    assert {row["run"] for row in rows} == {f"{k:03d}" for k in range(len(told))} - set(odd)


def test_a_sweep_on_a_cluster(two, tmp_path):
    stages = test_sweep.made(tmp_path)
    told = [(each, dict(each)) for each in sweeps.combinations({"size": [2, 3], "rate": [0.1, 0.2]})]
    assert sweeps.run_on(two, tmp_path / "sweep", told, stages[:1], lambda *_: "", stages) == {}
    assert test_sweep.executed(tmp_path) == {"01_data": 2}, "one for each size"
    data = [read_json(tmp_path / "sweep" / f"{k:03d}" / "data.json")["models"]["a"]["wape"] for k in range(4)]
    assert data == [2, 2, 3, 3]
