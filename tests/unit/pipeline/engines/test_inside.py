"""A stage that a cluster executes hands its own tasks to the same cluster, and nobody waits for ever."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib import spread
from salesforecast_lib.data import blocks, features
from salesforecast_lib.data.features import build_features
from salesforecast_lib.files import project_root, read_json
from salesforecast_lib.models.champion import ChampionConfig, champion_forecasts, save_champion, side_by_side
from salesforecast_lib.models.forecaster import ablation
from salesforecast_lib.pipeline.execute import StageError
from salesforecast_lib.pipeline.runner import run
from salesforecast_lib.production.distributed import EngineError, open_engine
from tests.unit.models.champion import made as made_panel
from tests.unit.pipeline.made import MadeStage, made_stages
from tests.unit.production.distributed import work

PATIENCE = 900  # seconds after which somebody waits for ever
HEAD = f"""# %% tags=["parameters"]
run_dir: str = "."  # folder

# %%
import json, os, signal, sys, time
from pathlib import Path
sys.path.insert(0, {str(project_root())!r})
from salesforecast_lib.spread import side_by_side
from tests.unit.production.distributed import work
"""
MEET = """
(Path(run_dir) / "{own}.begun").touch()
while not (Path(run_dir) / "{other}.begun").exists():
    time.sleep(0.05)
"""
SPREAD = """
found = side_by_side(work.told_nothing, range(6))
_ = (Path(run_dir) / "{own}.json").write_text(json.dumps({{"kernel": os.getpid(), "found": found}}))
"""


@pytest.fixture(scope="module")
def two():
    with open_engine("dask", workers=2) as engine:
        yield engine


def pair(folder, body):
    """Two stages that need nothing of each other."""
    names = ("01_one", "02_two")
    for own, other in (names, names[::-1]):
        (folder / f"{own}.py").write_text(HEAD + body.format(own=own, other=other))
    return tuple(MadeStage(name, (), (f"{name}.json",), folder=str(folder)) for name in names)


def in_time(folder, stages, engine):
    pool = ThreadPoolExecutor(1)
    done = pool.submit(run, {}, folder, stages=stages, verbose=0, engine=engine)
    pool.shutdown(wait=False)
    return done.result(PATIENCE)


def test_two_stages_at_work_on_both_workers_share_the_same_cluster(two, tmp_path):
    done = in_time(tmp_path / "run", pair(tmp_path, MEET + SPREAD), two)
    assert done.executed == ["01_one", "02_two"]
    workers = set(two.client.run(os.getpid).values())
    for name in done.executed:
        told = read_json(tmp_path / "run" / f"{name}.json")
        assert {pid for pid, _ in told["found"]} <= workers and told["kernel"] not in workers
        assert all(tells_on == "" for _, tells_on in told["found"]), "a task that hands out tasks would keep its slot"


def test_a_stage_alone_uses_every_worker_and_one_worker_is_enough(two, tmp_path):
    done = in_time(tmp_path / "run", pair(tmp_path, SPREAD)[:1], two)
    told = read_json(tmp_path / "run" / f"{done.executed[0]}.json")
    assert {pid for pid, _ in told["found"]} == set(two.client.run(os.getpid).values())
    with open_engine("dask", workers=1) as one:
        done = in_time(tmp_path / "again", pair(tmp_path, SPREAD), one)
    assert done.executed == ["01_one", "02_two"]


def test_a_worker_that_dies_under_a_task_of_a_stage_changes_nothing(two, tmp_path):
    body = (
        "found = side_by_side(work.dying_at_first, range(5), shared=(run_dir, (1, 4)))\n"
        '_ = (Path(run_dir) / "{own}.json").write_text(json.dumps(found))\n'
    )
    done = in_time(tmp_path / "run", pair(tmp_path, body)[:1], two)
    assert read_json(tmp_path / "run" / f"{done.executed[0]}.json") == list(range(5))


def test_a_task_that_fails_three_times_ends_its_stage_and_both_are_named(two, tmp_path):
    body = 'found = side_by_side(work.failing, range(3), [["P0"], ["P1"], ["P2"]], (run_dir, (1,)))\n'
    with pytest.raises(StageError, match=r"01_one\.py, cell 3: EngineError: P1: failed 3 times; ValueError: 1 is odd"):
        in_time(tmp_path / "run", pair(tmp_path, body)[:1], two)
    assert (tmp_path / "run" / "1.log").read_text() == "xxx" and (tmp_path / "run" / "2.log").read_text() == "x"


@pytest.mark.slow
def test_a_stage_that_kills_its_worker_three_times_is_named(tmp_path):
    count = (
        "from pathlib import Path\nimport os\nwith open(Path(run_dir) / 'log', 'a') as log:\n    _ = log.write('x')\n"
    )
    worker = 'int(os.environ["JPY_PARENT_PID"])'  # whose kernel this is
    stages = made_stages(tmp_path, second=f"{count}os.kill({worker}, {int(signal.SIGKILL)})\n")
    with open_engine("dask", workers=2) as engine:
        with pytest.raises(StageError, match="02_two: failed 3 times; its worker was killed"):
            in_time(tmp_path / "run", stages, engine)
    assert (tmp_path / "run" / "one.txt").exists() and (tmp_path / "run" / "log").read_text() == "xxx"


# What the library hands out -------------------------------------------------------------------------------------------


@pytest.fixture
def inside(two, monkeypatch):
    """This process as the notebook of a stage that the cluster executes."""
    monkeypatch.setenv(spread.SCHEDULER, two.client.scheduler.address)


def test_without_a_cluster_tasks_are_done_here(monkeypatch):
    monkeypatch.delenv(spread.SCHEDULER, raising=False)
    assert spread.side_by_side(work.process_of, range(2)) == [os.getpid()] * 2
    assert spread.side_by_side(work.added, [1, 2], shared=([10], 100)) == [111, 112]


def test_a_scheduler_that_went_away_is_named(monkeypatch):
    from salesforecast_lib.production.distributed import cluster

    monkeypatch.setattr(cluster, "ANSWER", 0.5)
    monkeypatch.setenv(spread.SCHEDULER, "tcp://127.0.0.1:1")
    with pytest.raises(EngineError, match="executes this stage does not answer at tcp://127.0.0.1:1"):
        spread.side_by_side(work.squared, range(2))


def test_a_champion_of_a_stage_is_fitted_on_its_cluster_and_is_the_same(two, inside, monkeypatch, tmp_path):
    told = made_panel.told(made_panel.make_panel(6, 126))
    cutoffs = [told[-1] - pd.Timedelta(days=14), told[-1]]
    members = ("SeasonalNaive", "LightGBMDirect", "WindowAverage")
    config = ChampionConfig(levels=(0.1, 0.5, 0.9), members=members, budget_minutes=0.05, validation=1)
    handed = []
    by_spread = side_by_side._by_spread
    monkeypatch.setattr(side_by_side, "_by_spread", lambda *told: handed.append(told[1]) or by_spread(*told))
    there = champion_forecasts(*told[:3], cutoffs, config)
    monkeypatch.delenv(spread.SCHEDULER)
    alone = champion_forecasts(*told[:3], cutoffs, config)
    assert [sorted(names) for names in handed] == [sorted(members)], "on the cluster, once"
    pd.testing.assert_frame_equal(alone.forecasts, there.forecasts, check_exact=True)
    one, other = (save_champion(each.stored, tmp_path / name) for name, each in (("a", alone), ("b", there)))
    assert (one / "champion.json").read_bytes() == (other / "champion.json").read_bytes(), "with every file's digest"


def test_features_of_a_large_panel_are_built_by_blocks_of_series_and_are_the_same(inside, monkeypatch):
    panel, (_, _, meta, _) = made_panel.make_panel(9, 70), made_panel.told(made_panel.make_panel(9, 70))
    price = 2 + panel["unique_id"].str[-1].astype(int) + 0.3 * np.sin(np.arange(len(panel)))
    shut = (panel["unique_id"] == "s03") & (np.arange(len(panel)) % 6 == 0)
    panel = panel.assign(price=price, y=panel["y"].fillna(0.0), available=np.where(shut, 0.0, 1.0))
    meta = {**meta, "static": ["kind"], "historical": ["price"], "future": ["promo"]}
    alone = build_features(panel, meta)
    handed = []
    monkeypatch.setattr(
        features, "series_blocks", lambda whole: handed.extend(blocks.series_blocks(whole, 200)) or handed
    )
    monkeypatch.setattr(features, "WORTH", 100)
    there = build_features(panel, meta)
    assert [part["unique_id"].nunique() for part in handed] == [3, 2, 3, 1]
    pd.testing.assert_frame_equal(there.frame, alone.frame, check_exact=True)
    assert (there.roles, there.groups, there.in_units) == (alone.roles, alone.groups, alone.in_units)


def test_trials_of_feature_groups_are_handed_out_and_are_the_same(inside, monkeypatch):
    table, _, meta, last = made_panel.told(made_panel.make_panel(6, 126))
    handed = []
    told = ablation.side_by_side
    monkeypatch.setattr(ablation, "side_by_side", lambda *given: handed.append(given[2]) or told(*given))
    there = ablation.ablate(table, meta["horizon"], last, meta["freq"], (0, 1), origins=2)
    monkeypatch.delenv(spread.SCHEDULER)
    alone = ablation.ablate(table, meta["horizon"], last, meta["freq"], (0, 1), origins=2)
    pd.testing.assert_frame_equal(there, alone, check_exact=True)
    assert len(handed[0]) == 1 + len(table.groups) and handed[0][1] == ["without calendar"]
