"""Kernels forked from a template are kernels like any other, and nothing is left of them."""

import json
import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline.execute import StageError, execute
from salesforecast_lib.pipeline.kernels import forking

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kernels are forked on Linux only")

TELLS = """# %% tags=["parameters"]
place = ""
libraries = []

# %%
import sys
before = [name for name in libraries if name in sys.modules]
import json, os, subprocess
from pathlib import Path
told = {
    "pid": os.getpid(), "parent": os.getppid(), "group": os.getpgid(0), "before": before, "path": sys.path,
    "program": sys.argv[0], "owner": int(os.environ["JPY_PARENT_PID"]), "folder": os.getcwd(),
    "said": os.environ.get("SALESFORECAST_SAID"),
    "child": subprocess.run(["sh", "-c", "exit 3"]).returncode, "main": str(sys.modules["__main__"]),
}

# %%
if "torch" in libraries:
    import matplotlib, matplotlib.pyplot as plt, pandas as pd, torch
    _ = plt.plot([1, 2])
    _ = torch.manual_seed(0)
    told["product"] = (torch.randn(300, 300) @ torch.randn(300, 300)).sum().item()
    told["backend"] = matplotlib.get_backend()
    told["shown"] = str(pd.DataFrame([range(30)])) + pd.DataFrame([range(30)]).to_html()

# %%
_ = Path(place).write_text(json.dumps(told))
"""
ALIKE = ("program", "owner", "path", "backend", "product", "shown", "folder", "child", "main", "said")
FEW = ("json", "ipykernel.kernelapp")


@pytest.fixture(params=[FEW], ids=["few libraries"])
def fresh(monkeypatch, request):
    """As in a process that has begun no kernel, with libraries that are imported in a second."""
    monkeypatch.setattr(forking, "LIBRARIES", request.param)
    monkeypatch.setattr(forking, "_started", 0)
    monkeypatch.setattr(forking, "_expected", 0)
    monkeypatch.setattr(forking, "_template", None)
    yield
    if forking._template is not None:
        forking._template.close()


def told(folder: Path, number: int = 0) -> dict:
    (folder / "tells.py").write_text(TELLS)
    place, libraries = folder / f"{number}.json", list(forking.LIBRARIES)
    execute(folder / "tells.py", folder / f"{number}.ipynb", {"place": str(place), "libraries": libraries})
    return json.loads(place.read_text())


def figures(folder: Path, number: int) -> list[str]:
    cells = json.loads((folder / f"{number}.ipynb").read_text())["cells"]
    return [output["data"]["image/png"] for cell in cells for output in cell["outputs"] if "data" in output]


@pytest.mark.parametrize("fresh", [forking.LIBRARIES], ids=["all libraries"], indirect=True)
def test_later_kernels_are_forked_and_like_the_first(tmp_path, fresh, capfd):
    first, second, third = (told(tmp_path, number) for number in range(3))
    assert first["parent"] == os.getpid() and "torch" not in first["before"]
    assert second["parent"] == third["parent"] == forking._template._process.pid
    # a name that a later version lacks would cost seconds
    assert second["before"] == third["before"] == list(forking.LIBRARIES)
    assert len({each["pid"] for each in (first, second, third)}) == 3
    for kernel in (second, third):
        assert {name: kernel[name] for name in ALIKE} == {name: first[name] for name in ALIKE}
        assert kernel["group"] == kernel["pid"]  # or an interrupt would reach its siblings
    assert len(figures(tmp_path, 0)) == 1 and figures(tmp_path, 0) == figures(tmp_path, 2)
    assert capfd.readouterr().err == ""


def test_the_template_is_begun_beside_the_first_kernel_where_more_are_expected(tmp_path, fresh):
    forking.expect(1)
    told(tmp_path)
    assert forking._template is None
    forking._started = 0
    forking.expect(2)
    assert told(tmp_path)["parent"] == os.getpid() and forking._template is not None
    assert told(tmp_path)["parent"] == forking._template._process.pid


def test_kernel_has_the_environment_of_its_moment(tmp_path, fresh, monkeypatch):
    monkeypatch.setattr(forking, "_started", 1)
    told(tmp_path)
    monkeypatch.setenv("SALESFORECAST_SAID", "by the run")
    assert told(tmp_path)["said"] == "by the run"
    monkeypatch.setenv("MKL_SOMETHING", "1")  # a library may have read it when it was imported
    kernel = told(tmp_path)
    assert kernel["parent"] == os.getpid()
    monkeypatch.delenv("MKL_SOMETHING")
    monkeypatch.setenv("SALESFORECAST_FORK", "0")
    assert told(tmp_path)["parent"] == os.getpid()


def test_kernel_that_ends_in_a_cell_is_said_and_the_next_one_works(tmp_path, fresh, monkeypatch):
    monkeypatch.setattr(forking, "_started", 1)
    (tmp_path / "ends.py").write_text("# %%\nimport os\nos.kill(os.getpid(), 9)\n")
    with pytest.raises(StageError, match="ends.py: its kernel was ended from outside"):
        execute(tmp_path / "ends.py", tmp_path / "ends.ipynb", {})
    assert told(tmp_path)["parent"] == forking._template._process.pid


def test_without_its_template_a_kernel_is_started_as_usual(tmp_path, fresh, monkeypatch):
    monkeypatch.setattr(forking, "_started", 1)
    told(tmp_path)
    forking._template._process.kill()
    forking._template._process.wait()
    assert told(tmp_path)["parent"] == os.getpid()


def test_a_kernel_whose_template_is_ended_is_said(tmp_path, fresh, monkeypatch):
    monkeypatch.setattr(forking, "_started", 1)
    (tmp_path / "waits.py").write_text("# %%\nimport os, time\nos.kill(os.getppid(), 9)\ntime.sleep(60)\n")
    with pytest.raises(StageError, match="waits.py: its kernel was ended from outside"):
        execute(tmp_path / "waits.py", tmp_path / "waits.ipynb", {})


def test_nothing_is_left_of_a_run_that_is_killed(tmp_path):
    (tmp_path / "waits.py").write_text("# %%\nimport time\ntime.sleep(600)\n")
    script = textwrap.dedent(f"""
        from pathlib import Path
        from salesforecast_lib.pipeline.execute import execute
        from salesforecast_lib.pipeline.kernels import forking
        forking._started, forking.LIBRARIES = 1, {FEW!r}
        execute(Path({str(tmp_path / "waits.py")!r}), Path({str(tmp_path / "out.ipynb")!r}), {{}})
    """)
    run = subprocess.Popen([sys.executable, "-c", script], cwd=project_root())
    family, deadline = [], time.monotonic() + 120
    while len(family) < 2 and time.monotonic() < deadline:
        time.sleep(0.5)
        family = psutil.Process(run.pid).children(recursive=True)
    assert len(family) == 2, family  # the template and its kernel
    time.sleep(3)  # it is in its cell
    run.send_signal(signal.SIGKILL)
    run.wait()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive
