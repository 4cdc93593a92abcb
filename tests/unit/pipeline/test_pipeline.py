"""A run: checked before it starts, stale stages only, named failures, and the same result after a kill."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import nbformat
import pytest
from typer.testing import CliRunner

from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline import runner
from salesforecast_lib.pipeline.cli import app
from salesforecast_lib.pipeline.execute import StageError, execute, to_notebook
from salesforecast_lib.pipeline.publish import published
from salesforecast_lib.pipeline.runner import prepare_values, run
from salesforecast_lib.pipeline.stages import STAGES, graph
from tests.unit.pipeline.made import HEADER, WRITE_TWO, made_stages


def go(folder, stages, **values):
    return run(values, folder, stages=stages, verbose=0)


@pytest.mark.usefixtures("quick")
def test_only_stale_stages_run_again(tmp_path):
    stages, folder = made_stages(tmp_path), tmp_path / "run"
    assert go(folder, stages).executed == ["01_one", "02_two"]
    assert (folder / "two.txt").read_text() == "22"
    assert go(folder, stages).executed == []
    assert go(folder, stages, size=3).executed == ["01_one", "02_two"]
    assert (folder / "two.txt").read_text() == "33"
    made_stages(tmp_path, second=WRITE_TWO.replace("* 2", "* 3"))
    assert go(folder, stages, size=3).executed == ["02_two"]
    (folder / "two.txt").unlink()
    assert go(folder, stages, size=3).executed == ["02_two"]


def test_stages_without_inputs_are_not_stale_in_a_new_process(tmp_path):
    """The order of a set differs between processes; it must not make a stage stale that reads nothing."""
    script = textwrap.dedent(f"""
        from pathlib import Path
        from salesforecast_lib.pipeline import runner
        from tests.unit.pipeline.made import HEADER, FIRST, MadeStage
        from tests.unit.pipeline.quick import execute_here
        runner.execute = execute_here
        folder = Path({str(tmp_path)!r})
        names = ["01_one", "02_two", "03_three"]
        for name in names:
            body = f"from pathlib import Path; _ = (Path(run_dir) / '{{name}}.txt').write_text('x')"
            source = folder / f"{{name}}.py"
            if not source.exists():
                source.write_text(HEADER + FIRST.format(body=body))
        stages = tuple(MadeStage(name, (), (f"{{name}}.txt",), folder=str(folder)) for name in names)
        print("executed", len(runner.run({{}}, folder / "run", stages=stages, verbose=0).executed))
    """)
    counts = []
    for seed in range(4):
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=project_root(),
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
        )
        counts.append(done.stdout.rsplit("executed", 1)[-1].strip())
    assert counts == ["3", "0", "0", "0"], done.stdout + done.stderr


@pytest.mark.usefixtures("quick")
def test_runs_do_not_make_each_other_stale(tmp_path):
    stages = made_stages(tmp_path)
    go(tmp_path / "a", stages)
    go(tmp_path / "b", stages, size=5)
    assert go(tmp_path / "a", stages).executed == []
    assert not list(tmp_path.glob("pytask*")), "the state of a run lies in its own folder"


@pytest.mark.usefixtures("quick")
def test_from_runs_a_stage_and_those_after_it(tmp_path):
    stages = made_stages(tmp_path)
    go(tmp_path / "a", stages)
    assert run({}, tmp_path / "a", "02", stages=stages, verbose=0).executed == ["02_two"]
    with pytest.raises(settings.ParameterError, match="01_one"):
        run({}, tmp_path / "a", "nowhere", stages=stages, verbose=0)


def test_stages_side_by_side_give_the_same_files(tmp_path):
    stages = made_stages(tmp_path)
    run({}, tmp_path / "a", jobs=2, stages=stages, verbose=0)
    assert (tmp_path / "a" / "two.txt").read_text() == "22"


def test_long_stages_and_those_that_are_waited_for_begin_first():
    turns = {stage.name: runner._turn(stage) for stage in STAGES}
    assert turns["02_feature_engineering"] == turns["05_model_selection"] == "try_first"
    assert turns["12_promotions"] == "try_last" and turns["13_pricing"] == ""
    assert {stage.length for stage in STAGES} == {"", "long", "short"}


def test_failing_cell_is_named_and_the_run_goes_on_from_there(tmp_path):
    stages, folder = made_stages(tmp_path, second='raise KeyError("price of socks")\n'), tmp_path / "run"
    with pytest.raises(StageError) as error:
        go(folder, stages)
    text = str(error.value)
    assert "half-executed notebook: " in text, text
    half = Path(text.rsplit("half-executed notebook: ", 1)[1])
    assert "02_two.py, cell 3" in text  # as numbered in the half-executed notebook: In [3]
    assert "KeyError" in text and "price of socks" in text and half.is_file()
    assert not (folder / "notebooks" / "02_two.ipynb").exists(), "a half notebook never looks like a whole one"
    made_stages(tmp_path)
    assert go(folder, stages).executed == ["02_two"]


def test_kernel_that_does_not_come_up_is_started_again(tmp_path, monkeypatch):
    import papermill

    real, starts = papermill.execute_notebook, []

    def taken_ports(*entries, **options):
        starts.append(entries)
        if len(starts) < 3:
            raise RuntimeError("Kernel died before replying to kernel_info")
        return real(*entries, **options)

    stages = made_stages(tmp_path)
    monkeypatch.setattr(papermill, "execute_notebook", taken_ports)
    execute(stages[0].source, tmp_path / "out.ipynb", {"run_dir": str(tmp_path)})
    assert len(starts) == 3 and (tmp_path / "one.txt").read_text() == "2"
    starts.clear()
    monkeypatch.setattr("salesforecast_lib.pipeline.execute.KERNEL_STARTS", 2)
    said = "01_one.py: its kernel did not come up in 2 starts .Kernel died before .* run the same command again"
    with pytest.raises(StageError, match=said):
        execute(stages[0].source, tmp_path / "out.ipynb", {"run_dir": str(tmp_path)})
    assert len(starts) == 2


def test_kernel_that_is_killed_in_a_cell_is_said_and_not_tried_again(tmp_path):
    stages = made_stages(tmp_path, second=WRITE_TWO + "import os\nos.kill(os.getpid(), 9)\n")
    (tmp_path / "one.txt").write_text("2")
    with pytest.raises(StageError, match="02_two.py: its kernel was ended from outside") as error:
        execute(stages[1].source, tmp_path / "out.ipynb", {"run_dir": str(tmp_path)})
    assert Path(str(error.value).rsplit("half-executed notebook: ", 1)[1]).is_file()
    assert not (tmp_path / "out.ipynb").exists()


SLOW_TWO = "import time\ntime.sleep(20)\n" + WRITE_TWO


def test_killed_run_leaves_nothing_half_and_goes_on(tmp_path):
    """kill -9 while the second stage runs; the same command then gives what an undisturbed run gives."""
    stages, folder = made_stages(tmp_path, second=SLOW_TWO), tmp_path / "run"
    script = textwrap.dedent(f"""
        from pathlib import Path
        from salesforecast_lib.pipeline.runner import run
        from tests.unit.pipeline.made import made_stages
        stages = made_stages(Path({str(tmp_path)!r}), second={SLOW_TWO!r})
        run({{}}, {str(folder)!r}, stages=stages, verbose=0)
    """)
    process = subprocess.Popen([sys.executable, "-c", script], cwd=project_root(), start_new_session=True)
    deadline = time.monotonic() + 60
    while not (folder / "notebooks" / "01_one.ipynb").exists() and time.monotonic() < deadline:
        time.sleep(0.2)
    time.sleep(3)
    os.killpg(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert (folder / "one.txt").exists() and not (folder / "two.txt").exists()
    assert not (folder / "notebooks" / "02_two.ipynb").exists()
    made_stages(tmp_path)
    go(folder, stages)
    go(tmp_path / "undisturbed", stages)
    for name in ("one.txt", "two.txt"):
        assert (folder / name).read_text() == (tmp_path / "undisturbed" / name).read_text()


@pytest.mark.parametrize(
    "values, complaint",
    [
        ({"horizn": 7}, "did you mean horizon"),
        ({"horizon": "7"}, "expected int, got str"),
        ({"horizon": True}, "expected int"),
        ({"learning_rate": "1e-3"}, "write 1.0e-3"),
        ({"dataset": "own_data"}, "path=orders.csv"),
        ({"path": "nowhere.csv"}, "no such file"),
    ],
)
def test_wrong_parameters_are_refused_before_anything_runs(values, complaint):
    with pytest.raises(settings.ParameterError, match=complaint):
        prepare_values("smoke", values)


def test_missing_column_is_refused_before_anything_runs(tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text("order,sku,day,qty,price\n1,a,2024-03-01,1,2\n")
    folder = tmp_path / "run"
    command = ["run", "--profile", "own_data", "-p", f"path={file}", "--run-dir", str(folder)]
    result = CliRunner().invoke(app, command)
    assert result.exit_code == 1 and not folder.exists()


def test_profiles_fit_the_notebooks():
    for file in (project_root() / "book" / "profiles").glob("*.yml"):
        settings.check(settings.load_profile(file.stem))
    with pytest.raises(settings.ParameterError, match="there are default"):
        settings.load_profile("nowhere")


@pytest.mark.parametrize("text", ["horizon", "=7", "horizon=[1"])
def test_broken_assignments_are_refused(text):
    with pytest.raises(settings.ParameterError):
        settings.parse_assignments([text])


def test_parameters_cell_takes_typed_literals_only(tmp_path):
    file = tmp_path / "01_x.py"
    file.write_text(HEADER + "size = 3\n")
    with pytest.raises(settings.ParameterError, match="name: type = literal"):
        settings.declared(file)


def test_stages_are_printed_and_the_graph_follows_the_files(tmp_path):
    result = CliRunner().invoke(app, ["stages", "--graph", str(tmp_path / "graph.svg")], terminal_width=200)
    assert result.exit_code == 0 and all(stage.name in result.output for stage in STAGES)
    assert (tmp_path / "graph.svg").read_text().lstrip().startswith("<svg")
    assert "04_training --> 07_evaluation" in graph() and "08_inventory --> 04_training" not in graph()


def test_every_file_read_is_written_by_an_earlier_stage():
    written: set[str] = set()
    for stage in STAGES:
        assert set(stage.reads) <= written, stage.name
        written |= set(stage.writes)


def test_published_notebook_holds_outputs_but_no_trace_of_the_run(tmp_path):
    source = tmp_path / "01_x.py"
    source.write_text(HEADER + "size: int = 2  # of it\n\n# %%\nprint(size)\n")
    executed = to_notebook(source)
    injected = nbformat.v4.new_code_cell("size = 3", metadata={"tags": ["injected-parameters"]})
    stderr = nbformat.v4.new_output("stream", name="stderr", text="a path of this machine")
    stdout = [nbformat.v4.new_output("stream", name="stdout", text=text) for text in ("1", "2")]
    shown = nbformat.v4.new_output("display_data", {"text/plain": "3"})
    executed.cells[-1].outputs = [stdout[0], stderr, stdout[1], shown, nbformat.from_dict(stdout[0])]
    executed.cells[-1].metadata["papermill"] = {"duration": 1}
    executed.cells.insert(-1, injected)
    result = published(executed, to_notebook(source))
    assert [cell.source for cell in result.cells if cell.cell_type == "code"][-1] == "print(size)"
    assert [output.get("text") for output in result.cells[-1].outputs] == ["12", None, "1"]
    assert "papermill" not in nbformat.writes(result) and "injected" not in nbformat.writes(result)
