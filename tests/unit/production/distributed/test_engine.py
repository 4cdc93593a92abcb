"""Both engines keep the same promises: order, three attempts, what fails is named, killed and hungry workers."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from salesforecast_lib.files import project_root
from salesforecast_lib.production.distributed import EngineError, address, check_engine, engine, open_engine, opening
from salesforecast_lib.production.distributed.engine import InPlace, Results, memory_bytes
from tests.unit.production.distributed import work

FIVE = [[f"p{k}", f"q{k}"] for k in range(5)]


@pytest.fixture(scope="module")
def opened():
    """Each engine with two workers of 400 MB."""
    with (
        open_engine("local", workers=2, memory="400MB") as local,
        open_engine("dask", workers=2, memory="400MB") as dask,
    ):
        yield {"in place": InPlace(), "local": local, "dask": dask}


@pytest.fixture(params=["local", "dask"])
def two(opened, request):
    return opened[request.param]


@pytest.fixture(params=["in place", "local", "dask"])
def any_engine(opened, request):
    return opened[request.param]


def test_values_come_in_the_order_of_the_tasks_and_what_is_shared_reaches_all(any_engine):
    assert any_engine.run_tasks(work.squared, range(7)) == Results([0, 1, 4, 9, 16, 25, 36])
    assert any_engine.run_tasks(work.added, [1, 2, 3], shared=([10], 100)).whole() == [111, 112, 113]
    assert any_engine.run_tasks(work.added, [1, 2], shared=([20], 0)).whole() == [21, 22], "not what was shared before"
    assert any_engine.run_tasks(work.squared, []) == Results([])


def test_tasks_are_in_processes_of_their_own_with_one_thread(two):
    found = set(two.run_tasks(work.process_of, range(8)).whole())
    assert 1 <= len(found) <= 2 and os.getpid() not in found
    assert set(two.run_tasks(work.threads, range(2)).whole()) == {"1"}


def test_a_task_may_rest_on_a_file_that_is_written_just_before(any_engine, tmp_path):
    def written():
        for k in range(6):
            (tmp_path / f"{k}.txt").write_text(str(k))
            yield str(tmp_path / f"{k}.txt")

    assert any_engine.run_tasks(work.read, written()).whole() == [str(k) for k in range(6)]


def test_a_task_that_fails_three_times_is_reported_with_its_series_and_the_rest_is_delivered(any_engine, tmp_path):
    found = any_engine.run_tasks(work.failing, range(5), FIVE, (str(tmp_path), (1, 3)))
    assert found.values == [0, None, 2, None, 4] and found.delivered == [0, 2, 4]
    assert [(each.place, each.names, each.attempts) for each in found.failures] == [
        (1, ("p1", "q1"), 3),
        (3, ("p3", "q3"), 3),
    ]
    assert found.failures[0].sentence == "p1 and q1: failed 3 times; ValueError: 1 is odd"
    assert len((tmp_path / "1.log").read_text()) == 3 and len((tmp_path / "2.log").read_text()) == 1
    with pytest.raises(EngineError, match=r"p1 and q1: failed 3 times; ValueError: 1 is odd \(and 1 more task\)"):
        found.whole()


def test_a_task_that_succeeds_at_the_third_time_is_delivered(any_engine, tmp_path):
    assert any_engine.run_tasks(work.failing_at_first, range(3), shared=(str(tmp_path), 2)).whole() == [0, 1, 2]


@pytest.mark.parametrize("odd", [(1,), (0, 4)])
def test_a_worker_that_is_killed_in_the_middle_changes_nothing(two, tmp_path, odd):
    assert two.run_tasks(work.dying_at_first, range(6), shared=(str(tmp_path), odd)).whole() == list(range(6))


def test_a_task_that_always_kills_its_worker_is_reported_and_no_other_is_blamed(two, tmp_path):
    found = two.run_tasks(work.dying, range(5), FIVE, (str(tmp_path), (2,)))
    assert found.values == [0, 1, None, 3, 4] and found.failures[0].names == ("p2", "q2")
    assert "killed" in found.failures[0].reason and len((tmp_path / "2.log").read_text()) == 3


def test_a_task_that_takes_too_much_memory_is_reported_and_the_workers_go_on(two):
    found = two.run_tasks(work.hungry, range(4), FIVE[:4], (800, (1,)))
    assert found.values == [0, None, 2, 3] and "more than the 0.4 GB of memory" in found.failures[0].reason
    assert two.run_tasks(work.squared, [3, 4]).whole() == [9, 16]


def test_calls_at_the_same_time_are_on_different_workers(opened):
    """As the stages of a run are given, one by one."""
    with ThreadPoolExecutor(2) as threads:
        calls = [threads.submit(opened["dask"].run_tasks, work.begun, [1.0]) for _ in range(2)]
        found = [call.result().whole()[0] for call in calls]
    assert len({each[0] for each in found}) == 2
    assert max(each[1] for each in found) < min(each[2] for each in found), "side by side, not one after the other"


def test_fewer_names_than_tasks_are_refused(two):
    with pytest.raises(EngineError, match="one list of series a task"):
        two.run_tasks(work.squared, [1, 2], [["a"]])
    assert two.run_tasks(work.squared, [5]).whole() == [25], "it can be used after that"


def test_what_goes_wrong_between_processes_is_a_failure_of_its_task():
    with open_engine(workers=2) as opened:
        found = opened.run_tasks(work.unpicklable, [0], [["p0"]])
        assert "pickle" in found.failures[0].reason and found.failures[0].names == ("p0",)
        assert opened.run_tasks(work.squared, [3]).whole() == [9]


# Options --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"engine": "spark"}, "--engine 'spark': expected local or dask"),
        ({"engine": "Dask"}, "expected local or dask"),
        ({"scheduler": "tcp://127.0.0.1:8786"}, "belongs to --engine dask"),
        ({"engine": "dask", "scheduler": "127.0.0.1:8786"}, "expected an address such as tcp://"),
        ({"engine": "dask", "scheduler": "http://host:1"}, "expected an address such as tcp://"),
        ({"engine": "dask", "scheduler": "tcp://127.0.0.1:1", "workers": 2}, "leave --workers and --memory out"),
        ({"engine": "dask", "scheduler": "tcp://127.0.0.1:1"}, "no scheduler answers there"),
        ({"engine": "dask", "scheduler": "tcp://127.0.0.1:99999"}, "no scheduler answers there"),
        ({"engine": "dask", "scheduler": "tcp://nowhere.invalid:8786"}, "no scheduler answers there"),
        ({"workers": -1}, "--workers -1: expected at least 1"),
        ({"memory": "much"}, "--memory 'much': expected an amount"),
        ({"memory": "2"}, "expected an amount of at least 50MB"),
        ({"memory": "-2GB"}, "expected an amount"),
    ],
)
def test_options_that_cannot_be_right_are_refused_at_once(options, words):
    with pytest.raises(EngineError) as error:
        check_engine(**options)
    assert words in str(error.value)


@pytest.mark.parametrize(("text", "amount"), [("2GB", 2e9), ("500 mb", 5e8), ("1.5GiB", 1.5 * 2**30), ("", 0)])
def test_an_amount_of_memory(text, amount):
    assert memory_bytes(text) == amount


def test_that_dask_is_not_installed_is_said(monkeypatch):
    monkeypatch.setattr(opening, "find_spec", lambda name: None if name == "distributed" else object())
    with pytest.raises(EngineError, match="dask is not installed; pip install dask distributed"):
        check_engine("dask")
    check_engine("local")


def test_an_option_is_refused_before_anything_heavy_is_imported():
    code = (
        "import sys; from typer.testing import CliRunner; from salesforecast_lib.pipeline.cli import app\n"
        "for command in (['forecast', 'x', '--orders', 'y', '--out', 'z.csv'], ['run'], ['sweep', 'grid.yml']):\n"
        "    done = CliRunner().invoke(app, [*command, '--engine', 'spark'])\n"
        "    assert done.exit_code == 1 and 'expected local or dask' in done.output, done.output\n"
        "assert not {'dask', 'distributed', 'torch', 'lightgbm', 'pandas'} & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=project_root(), capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


# A cluster that runs already ------------------------------------------------------------------------------------------


def test_a_cluster_that_runs_is_used_and_left_running(request):
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(n_workers=1, threads_per_worker=1, host="127.0.0.1", dashboard_address=":0") as there:
        for _ in range(2):
            with open_engine("dask", scheduler=there.scheduler_address) as opened:
                assert opened.workers == 1 and opened.run_tasks(work.squared, [2, 3]).whole() == [4, 9]


def test_a_cluster_without_workers_is_refused_with_what_to_do(monkeypatch):
    from salesforecast_lib.production.distributed import cluster

    distributed = pytest.importorskip("distributed")
    monkeypatch.setattr(cluster, "WORKERS", 0.3)
    with distributed.LocalCluster(n_workers=0, host="127.0.0.1", dashboard_address=":0") as there:
        with pytest.raises(EngineError, match="it has no worker; begin one with: dask worker tcp://"):
            open_engine("dask", scheduler=there.scheduler_address)


@pytest.mark.parametrize("there", ["another digest", ModuleNotFoundError("salesforecast_lib")])
def test_a_worker_with_another_library_is_refused_and_named(there):
    found = {"tcp://10.0.0.1:1": address.library_digest(), "tcp://10.0.0.2:1": there}
    with pytest.raises(EngineError, match="worker tcp://10.0.0.2:1 has another salesforecast_lib than this command"):
        address.check_libraries("tcp://10.0.0.9:8786", found)
    address.check_libraries("tcp://10.0.0.9:8786", dict(list(found.items())[:1]))


def test_a_cluster_begun_here_listens_on_this_machine_only():
    import psutil

    with open_engine("dask", workers=1):
        family = [psutil.Process(), *psutil.Process().children(recursive=True)]
        listening = [c.laddr.ip for each in family for c in each.net_connections("inet") if c.status == "LISTEN"]
    assert listening and set(listening) == {"127.0.0.1"}


def test_one_local_worker_without_a_limit_is_this_process():
    assert isinstance(open_engine(workers=1), InPlace) and engine.ATTEMPTS == 3
