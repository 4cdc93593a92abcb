"""Runs that can be trusted every day: new content is seen, one run at a time, one shop a folder, and one sentence."""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from salesforecast_lib.decisions.workbook.sheets import decision_sheets
from salesforecast_lib.files import finish_hint, project_root, read_json, run_record, write_json
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline import runs
from salesforecast_lib.pipeline.cli import app
from salesforecast_lib.pipeline.execute import StageError
from salesforecast_lib.pipeline.markdown import noted
from salesforecast_lib.pipeline.runner import run
from salesforecast_lib.pipeline.runs import record, shop
from salesforecast_lib.pipeline.runs.errors import in_words
from tests.unit.pipeline.made import HEADER, MadeStage, made_stages

# New content under an old name ----------------------------------------------------------------------------------------

READ = (
    'run_dir: str = "."  # folder\nstock_file: str = ""  # stock today\n\n# %%\nfrom pathlib import Path\n'
    '_ = (Path(run_dir) / "plan.txt").write_text(Path(stock_file).read_text())\n'
)
FOLDER = (
    'run_dir: str = "."  # folder\njuice_folder: str = ""  # of a file\n\n# %%\nfrom pathlib import Path\n'
    '_ = (Path(run_dir) / "plan.txt").write_text((Path(juice_folder) / "yx.txt").read_text())\n'
)


def reading_stages(folder: Path, body: str = READ) -> tuple[MadeStage, ...]:
    """A stage that reads the file of a parameter, and one that reads nothing and declares no file."""
    (folder / "01_read.py").write_text(HEADER + body)
    (folder / "02_other.py").write_text(
        HEADER + 'run_dir: str = "."  # folder\n\n# %%\nfrom pathlib import Path\n(Path(run_dir) / "o.txt").touch()\n'
    )
    return (
        MadeStage("01_read", (), ("plan.txt",), folder=str(folder)),
        MadeStage("02_other", (), ("o.txt",), folder=str(folder)),
    )


@pytest.mark.usefixtures("quick")
def test_new_content_under_the_old_name_makes_those_stages_stale_that_declare_it(tmp_path):
    stages, stock, folder = reading_stages(tmp_path), tmp_path / "stock.csv", tmp_path / "run"

    def executed():
        return run({"stock_file": str(stock)}, folder, stages=stages, verbose=0).executed

    stock.write_text("unique_id,stock\na,3\n")
    assert executed() == ["01_read", "02_other"] and executed() == []
    stock.write_text("unique_id,stock\na,9\n")
    assert executed() == ["01_read"], "the plan of yesterday's stock looks like today's"
    assert "a,9" in (folder / "plan.txt").read_text()
    os.utime(stock, (1, 1))
    assert executed() == [], "only the time stamp changed: a copy"
    stamp = stock.stat()
    stock.write_text("unique_id,stock\na,4\n")
    os.utime(stock, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert executed() == ["01_read"], "the same size and time, other content"


@pytest.mark.usefixtures("quick")
def test_new_content_in_a_folder_that_a_parameter_names_makes_stale(tmp_path):
    stages, data = reading_stages(tmp_path, FOLDER), tmp_path / "data"
    data.mkdir()
    (data / "yx.txt").write_text("1")
    values = {"juice_folder": str(data)}
    run(values, tmp_path / "run", stages=stages, verbose=0)
    (data / "yx.txt").write_text("2")
    assert run(values, tmp_path / "run", stages=stages, verbose=0).executed == ["01_read"]
    assert run(values, tmp_path / "run", stages=stages, verbose=0).executed == []


def test_new_values_in_the_same_profile_are_seen(tmp_path):
    profile = tmp_path / "shop.yml"
    for horizon in (7, 9):
        profile.write_text(f"horizon: {horizon}\n")
        assert settings.load_profile(str(profile)) == {"horizon": horizon}


# To and from ----------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("quick")
def test_to_stops_after_a_stage_and_the_rest_follows(tmp_path):
    stages, folder = made_stages(tmp_path), tmp_path / "run"
    first = run({}, folder, stages=stages, verbose=0, to_stage="01")
    assert (first.executed, first.waiting) == (["01_one"], ("02_two",)) and not (folder / "two.txt").exists()
    assert runs.unfinished(folder)
    second = run({}, folder, stages=stages, verbose=0)
    assert (second.executed, second.waiting) == (["02_two"], ()) and not runs.unfinished(folder)
    again = run({}, folder, "01", stages=stages, verbose=0, to_stage="01_one")
    assert (again.executed, again.waiting) == (["01_one"], ()), "the same file came out: nothing after it is stale"
    assert not runs.unfinished(folder)
    other = run({"size": 3}, folder, stages=stages, verbose=0, to_stage="01")
    assert other.waiting == ("02_two",) and runs.unfinished(folder), "02 is still that of size 2"


@pytest.mark.parametrize(
    "chosen, complaint",
    [
        ({"to_stage": "03"}, "--to '03'"),
        ({"to_stage": "0"}, "--to '0'"),
        ({"from_stage": "02", "to_stage": "01"}, "comes after"),
    ],
)
def test_stage_that_is_none_is_refused_and_nothing_is_written(tmp_path, chosen, complaint):
    with pytest.raises(settings.ParameterError, match=complaint):
        run({}, tmp_path / "run", stages=made_stages(tmp_path), verbose=0, **chosen)
    assert not (tmp_path / "run").exists()


# Lines ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("jobs", [1, 2])
def test_lines_say_when_a_stage_starts_and_ends_and_nothing_else(tmp_path, jobs):
    script = textwrap.dedent(f"""
        from pathlib import Path
        from tests.unit.pipeline.made import made_stages
        from salesforecast_lib.pipeline.runner import run
        folder = Path({str(tmp_path)!r})
        for _ in range(2):
            run({{}}, folder / "run", jobs={jobs}, stages=made_stages(folder), verbose=0, lines=True)
    """)
    done = subprocess.run([sys.executable, "-c", script], cwd=project_root(), capture_output=True, text=True)
    shown = [line.split(" after")[0] for line in done.stdout.splitlines()]
    assert shown == ["01_one: started", "01_one: done", "02_two: started", "02_two: done"], done.stdout + done.stderr
    assert done.stderr == "" and "\x1b" not in done.stdout


def test_lines_say_that_a_stage_failed(tmp_path, capfd):
    with pytest.raises(StageError):
        run({}, tmp_path / "run", stages=made_stages(tmp_path, first="1 / 0\n"), verbose=0, lines=True)
    assert "01_one: failed after" in capfd.readouterr().out


@pytest.mark.parametrize("jobs", [1, 2])
def test_interrupted_run_says_so_and_is_not_finished(tmp_path, jobs):
    """With workers the build engine takes Ctrl-C for an end: the run must not."""
    script = textwrap.dedent(f"""
        import signal
        from pathlib import Path
        from tests.unit.pipeline.made import made_stages
        from salesforecast_lib.pipeline.runner import StageError, run
        signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background are told to ignore it
        folder = Path({str(tmp_path)!r})
        stages = made_stages(folder, first="import time; time.sleep(60)\\n")
        try:
            run({{}}, folder / "run", jobs={jobs}, stages=stages, verbose=0, lines=True)
        except StageError as error:
            print("stopped:", error)
    """)
    process = subprocess.Popen(
        [sys.executable, "-c", script],
        cwd=project_root(),
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    first = process.stdout.readline()
    time.sleep(3)
    os.killpg(process.pid, signal.SIGINT)  # what a terminal sends to all of them
    rest, _ = process.communicate(timeout=120)
    assert first == "01_one: started\n"
    assert "stopped: 01_one: interrupted; the same command goes on from there" in rest
    assert runs.unfinished(tmp_path / "run")


# One run at a time ----------------------------------------------------------------------------------------------------

SLEEP = "import time\ntime.sleep(60)\n"


@pytest.fixture
def other_run(tmp_path):
    """Another process at work in ``tmp_path / run``, with a worker; killed at the end."""
    script = textwrap.dedent(f"""
        from pathlib import Path
        from tests.unit.pipeline.made import made_stages
        from salesforecast_lib.pipeline.runner import run
        folder = Path({str(tmp_path)!r})
        run({{}}, folder / "run", jobs=2, stages=made_stages(folder, first={SLEEP!r}), verbose=0)
    """)
    process = subprocess.Popen([sys.executable, "-c", script], cwd=project_root(), start_new_session=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "run" / "run.json").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(1.5)  # until its worker is there
    yield process
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def test_second_run_is_told_who_has_the_folder_and_a_killed_one_leaves_no_lock(tmp_path, other_run):
    folder = tmp_path / "run"
    with pytest.raises(runs.FolderError, match=rf"another run \(process {other_run.pid}, since 2\d\d\d-.*--run-dir"):
        run({}, folder, stages=made_stages(tmp_path), verbose=0)
    refused = CliRunner().invoke(app, ["decide", str(folder)])
    assert refused.exit_code == 1 and f"process {other_run.pid}" in refused.output
    os.kill(other_run.pid, signal.SIGKILL)  # its worker may live on for a moment
    other_run.wait()
    assert run({}, folder, stages=made_stages(tmp_path), verbose=0).executed == ["01_one", "02_two"]


def test_lock_is_free_after_a_failure_and_may_be_taken_twice_by_one_process(tmp_path):
    with pytest.raises(ZeroDivisionError), runs.locked(tmp_path / "run"):
        raise ZeroDivisionError
    with runs.locked(tmp_path / "run"):
        with runs.locked(tmp_path / "run"):
            assert (tmp_path / "run" / ".state" / "running.json").is_file()
        assert (tmp_path / "run" / ".state" / "running.json").is_file()
    assert not (tmp_path / "run" / ".state" / "running.json").exists()


# A folder that cannot be used -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("below", ["", "x", "x/y"])
@pytest.mark.parametrize("command", [["run", "--run-dir"], ["decide"], ["book", "--target"]])
def test_file_where_a_folder_has_to_be_is_one_sentence(tmp_path, command, below):
    (tmp_path / "file").write_text("kept")
    below = below or ("html" if command[0] == "book" else "")
    done = CliRunner().invoke(app, [*command, str(tmp_path / "file" / below) if below else str(tmp_path / "file")])
    assert done.exit_code == 1 and isinstance(done.exception, SystemExit)
    assert done.output.startswith("error: ") and "file" in done.output and len(done.output.splitlines()) == 1
    assert (tmp_path / "file").read_text() == "kept"


def test_folder_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    def refuse(self, *_, **__):
        raise PermissionError(errno.EACCES, "Permission denied", str(self))

    monkeypatch.setattr(Path, "mkdir", refuse)
    done = CliRunner().invoke(app, ["run", "--run-dir", str(tmp_path / "run")])
    assert done.exit_code == 1 and "Permission denied" in done.output and "--run-dir" in done.output
    assert len(done.output.splitlines()) == 1


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_full_disk_is_a_sentence_that_says_where_and_what_to_do(tmp_path, number):
    text = in_words(OSError(number, os.strerror(number), str(tmp_path / "x")), tmp_path)
    assert "the disk is full" in text and "free some space" in text and "\n" not in text


def test_chapter_that_fills_the_disk_is_named(tmp_path):
    body = "import errno\nraise OSError(errno.ENOSPC, 'No space left on device')\n"
    with pytest.raises(StageError, match="^01_one.py: .*the disk is full.*the same command again"):
        run({}, tmp_path / "run", stages=made_stages(tmp_path, first=body), verbose=0)


@pytest.fixture
def small_disk(tmp_path):
    """A disk of 24 MB."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(place)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a small disk")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)  # the engine keeps its state open


FILL = """from pathlib import Path
with open(Path(run_dir, "big"), "wb", buffering=0) as file:
    try:
        while file.write(b"x" * 4096):
            pass
    except OSError:
        pass  # only now the notebook and the state have to be written
(Path(run_dir) / "one.txt").touch()
print("x" * 100_000)
"""


def test_run_on_a_disk_that_fills_up_ends_in_a_sentence_and_goes_on_when_there_is_space(tmp_path, small_disk):
    with pytest.raises((StageError, OSError, runs.FolderError)) as error:
        run({}, small_disk / "run", stages=made_stages(tmp_path, first=FILL), verbose=0)
    assert "full" in str(error.value) or "No space left" in str(error.value)
    full = CliRunner().invoke(app, ["run", "--run-dir", str(small_disk / "other")])
    assert full.exit_code == 1 and "the disk is full" in full.output and len(full.output.splitlines()) == 1
    (small_disk / "run" / "big").unlink()
    assert run({}, small_disk / "run", stages=made_stages(tmp_path), verbose=0).executed == ["01_one", "02_two"]


# The run's own command ------------------------------------------------------------------------------------------------


def test_hint_repeats_the_command_of_the_run_quoted_for_a_shell(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["/usr/bin/salesforecast", "run"])
    monkeypatch.chdir(tmp_path)
    orders, folder = tmp_path / "my orders.csv", tmp_path / "my run"
    orders.write_text("")
    values = {"path": str(orders), "horizon": 7}
    given = ["path=my orders.csv", "columns={order_id: Order #, unit_price: Price, EUR}", "horizon=7"]
    command = record.own_command("own_data", given, values, folder, jobs=2, book=False)
    folder.mkdir()
    record.begin(folder, values, command)
    words = shlex.split(finish_hint(folder))
    assert words[:4] == ["/usr/bin/salesforecast", "run", "--profile", "own_data"]
    assert f"path={orders}" in words and given[1] in words, "whole paths: it works from any folder"
    assert words[words.index("--run-dir") + 1] == str(folder) and words[-3:] == ["--jobs", "2", "--no-book"]
    with pytest.raises(FileNotFoundError) as error:
        decision_sheets(folder)
    assert finish_hint(folder) in str(error.value)
    done = CliRunner().invoke(app, ["decide", str(folder)])
    assert done.exit_code == 1 and command in done.output


def test_hint_without_a_kept_command_does_not_start_the_demo_data(tmp_path):
    with pytest.raises(FileNotFoundError, match="with the profile and the parameters"):
        decision_sheets(tmp_path)


def test_own_profile_and_its_files_are_whole_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "shop.yml").write_text("path: orders.csv\n")
    command = record.own_command("shop.yml", [], {"path": str(tmp_path / "orders.csv")}, tmp_path / "run")
    assert f"--profile {tmp_path / 'shop.yml'} -p path={tmp_path / 'orders.csv'}" in command


def test_command_of_the_hint_really_runs(tmp_path):
    """The advice works: the hint of a run that stopped is a command that goes on with that run."""
    command = [sys.executable, "-m", "salesforecast_lib.pipeline.cli", "run", "--profile", "smoke", "--to", "03"]
    command += ["--from", "03", "-p", "country=NO", "--run-dir", str(tmp_path / "a run"), "--no-book"]
    record.begin(tmp_path / "a run", {}, "")
    values = {"country": "NO"}
    hint = record.own_command("smoke", ["country=NO"], values, tmp_path / "a run", book=False)
    assert shlex.split(hint)[:3] == command[:3] and "--to" not in hint and "country=NO" in hint
    wrong = subprocess.run(f"{hint} --to 99", shell=True, cwd=project_root(), capture_output=True, text=True)
    assert wrong.returncode == 1 and "--to '99'" in wrong.stderr, "the shell gave every word to the command line"


def test_interrupted_run_keeps_its_command_and_decide_does_not_hand_out_old_decisions(tmp_path):
    folder = tmp_path / "run"
    stages = made_stages(tmp_path, second="1 / 0\n")
    with pytest.raises(StageError):
        run({}, folder, stages=stages, verbose=0, command="salesforecast run --profile mine")
    assert run_record(folder)["command"] == "salesforecast run --profile mine" and runs.unfinished(folder)
    (folder / "replenishment.csv").write_text("unique_id,why\n")  # of an earlier run
    done = CliRunner().invoke(app, ["decide", str(folder)])
    assert done.exit_code == 1 and "salesforecast run --profile mine" in done.output


# Whose run ------------------------------------------------------------------------------------------------------------

LINES = "order_id,product_id,timestamp,quantity,unit_price\n"


def orders(tmp_path, name, products):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True, parents=True)
    file.write_text(LINES + "".join(f"1,{product},2024-03-01,1,2\n" for product in products))
    return {"dataset": "own_data", "path": str(file), "level": "product_id"}


def pretend_run(folder, values, products, last="2024-03-31", before=True):
    """What a finished run leaves: its parameters and its panel."""
    folder.mkdir(exist_ok=True)
    write_json(values, folder / "parameters.json")
    days = pd.date_range(end=last, periods=3)
    pd.DataFrame(
        {"unique_id": [name for name in products for _ in days], "ds": [day for _ in products for day in days]}
    ).to_parquet(folder / "panel.parquet")
    if before:
        shop.keep_data(folder)


def test_folder_of_another_shop_is_refused_naming_both(tmp_path):
    mine, other = orders(tmp_path, "mine.csv", "abcd"), orders(tmp_path, "other.csv", "wxyz")
    pretend_run(tmp_path / "run", mine, "abcd")
    with pytest.raises(runs.FolderError) as error:
        runs.check_same_shop(tmp_path / "run", other)
    assert all(text in str(error.value) for text in ("mine.csv", "other.csv", "0 products in common", "--replace"))
    for values in ({"dataset": "marketplace"}, {}):
        with pytest.raises(runs.FolderError, match="holds the run of own_data of .*mine.csv, this one is of"):
            runs.check_same_shop(tmp_path / "run", values)


def test_same_name_in_another_folder_is_another_shop_when_its_products_are_others(tmp_path):
    pretend_run(tmp_path / "run", orders(tmp_path, "a/orders.csv", "abcd"), "abcd")
    with pytest.raises(runs.FolderError, match=r"1 product in common"):
        runs.check_same_shop(tmp_path / "run", orders(tmp_path, "b/orders.csv", "dxyz"))


@pytest.mark.parametrize("products", ["abcd", "bcde", "ab", "abcdefghij"])
def test_new_file_name_every_day_is_the_same_shop(tmp_path, products):
    pretend_run(tmp_path / "run", orders(tmp_path, "orders_2026-11-25.csv", "abcd"), "abcd")
    runs.check_same_shop(tmp_path / "run", orders(tmp_path, "orders_2026-11-26.csv", products))


def test_new_content_under_the_old_name_and_changed_parameters_are_the_same_shop(tmp_path):
    mine = orders(tmp_path, "mine.csv", "abcd")
    pretend_run(tmp_path / "run", mine, "abcd")
    orders(tmp_path, "mine.csv", "wxyz")
    runs.check_same_shop(tmp_path / "run", {**mine, "horizon": 3, "level": "brand"})


def test_series_of_places_and_numbers_that_were_floats_are_recognised(tmp_path):
    mine = {**orders(tmp_path, "mine.csv", ["100", "200"]), "by_location": True}
    pretend_run(tmp_path / "run", mine, ["100 @ north", "200 @ south"])
    file = tmp_path / "today.parquet"
    lines = pd.DataFrame({"product_id": [100.0, None, 200.0], "order_id": "1", "quantity": 1.0, "unit_price": 2.0})
    lines.assign(timestamp="2024-03-01").to_parquet(file)
    runs.check_same_shop(tmp_path / "run", {**mine, "path": str(file)})


def test_folder_without_a_panel_is_nobodys(tmp_path):
    (tmp_path / "run").mkdir()
    runs.check_same_shop(tmp_path / "run", {})
    write_json({"dataset": "own_data", "path": "typo.csv"}, tmp_path / "run" / "parameters.json")
    runs.check_same_shop(tmp_path / "run", {})


def test_replace_removes_the_run_and_nothing_else(tmp_path):
    folder = tmp_path / "run"
    pretend_run(folder, orders(tmp_path, "mine.csv", "abcd"), "abcd")
    (folder / "notebooks").mkdir()
    (folder / "model").mkdir()
    (folder / "notes of mine.txt").write_text("kept")
    with runs.locked(folder):
        runs.clear(folder)
        left = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    assert left == {"notes of mine.txt", ".state", ".state/lock", ".state/running.json"}


def test_command_line_refuses_another_shop_and_keeps_its_files(tmp_path):
    pretend_run(tmp_path / "run", orders(tmp_path, "mine.csv", "abcd"), "abcd")
    kept = (tmp_path / "run" / "parameters.json").read_bytes()
    done = CliRunner().invoke(app, ["run", "--profile", "smoke", "--run-dir", str(tmp_path / "run")])
    assert done.exit_code == 1 and "--replace" in done.output and "mine.csv" in done.output
    assert (tmp_path / "run" / "parameters.json").read_bytes() == kept


# Data that end earlier, or hold fewer products ------------------------------------------------------------------------

MANY = [f"p{number:02d}" for number in range(20)]


@pytest.mark.parametrize(
    "products, last, words",
    [
        (MANY, "2024-04-01", []),
        (MANY[2:], "2024-04-01", []),  # a tenth: a shop renews its range
        (MANY[3:], "2024-04-01", ["3 of 20 products", "15%", "p00, p01, p02"]),
        (MANY, "2024-03-30", ["end on 2024-03-30", "2024-03-31"]),
        (MANY[:5], "2023-01-01", ["15 of 20 products", "end on 2023-01-01"]),
        ([*MANY, "new"], "2024-03-31", []),
    ],
)
def test_older_or_smaller_data_are_said(tmp_path, products, last, words):
    folder = tmp_path / "run"
    values = {"dataset": "own_data", "path": "a.csv", "level": "product_id"}
    pretend_run(folder, values, MANY)
    pretend_run(folder, values, products, last, before=False)
    for _ in range(2):  # a run that is done again, or goes on after it was cut off, still says so
        text = " ".join(runs.data_notes(folder))
        assert all(word in text for word in words) and bool(text) == bool(words), text
        shop.keep_data(folder)
    page = noted("# Title\n\ntext\n", runs.data_notes(folder))
    assert page.startswith("# Title\n") and (":::{warning}" in page) == bool(words) and page.endswith("\n\ntext\n")


def test_run_that_was_cut_off_is_not_the_run_before(tmp_path):
    folder, values = tmp_path / "run", {"path": "a.csv"}
    pretend_run(folder, values, MANY)
    pretend_run(folder, values, MANY[:4], before=False)  # cut off after chapter 01
    pretend_run(folder, values, MANY[:4], before=False)
    assert "16 of 20 products" in runs.data_notes(folder)[0]


def test_fewer_products_by_another_parameter_and_another_frequency_are_no_news(tmp_path):
    folder = tmp_path / "run"
    pretend_run(folder, {"path": "a.csv", "n_series": 20}, MANY)
    pretend_run(folder, {"path": "a.csv", "n_series": 5}, MANY[:5], before=False)
    assert runs.data_notes(folder) == []
    pretend_run(folder, {"path": "a.csv", "freq": "W"}, MANY, "2024-03-24", before=False)
    assert runs.data_notes(folder) == []


def test_run_keeps_what_the_next_one_is_compared_with(tmp_path):
    body = (
        "import pandas as pd\n"
        "panel = pd.DataFrame({'unique_id': [f'p{n}' for n in range(size)], 'ds': pd.Timestamp('2024-03-01')})\n"
        "panel.to_parquet(f'{run_dir}/panel.parquet')\n"
        "from pathlib import Path\n_ = (Path(run_dir) / 'one.txt').write_text(str(size))\n"
    )
    stages, folder = made_stages(tmp_path, first=body), tmp_path / "run"
    assert run({"size": 10}, folder, stages=stages, verbose=0).notes == ()
    shutil.rmtree(folder / "notebooks")
    fewer = run({"size": 8}, folder, stages=stages, verbose=0)
    assert "2 of 10 products" in fewer.notes[0]
    assert run({"size": 8}, folder, stages=stages, verbose=0).notes == fewer.notes, "still true of these data"
    assert read_json(folder / ".state" / "data.json")["before"]["products"] == [f"p{n}" for n in range(10)]
