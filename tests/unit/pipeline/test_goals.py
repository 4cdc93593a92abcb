"""What of a run is asked for: a goal, single stages, and what is said of the rest."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from salesforecast_lib.decisions.workbook.sheets import decision_sheets
from salesforecast_lib.files import read_json, run_record, write_json
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline import runner, runs
from salesforecast_lib.pipeline.cli import app
from salesforecast_lib.pipeline.parameters import ParameterError
from salesforecast_lib.pipeline.runner import run
from salesforecast_lib.pipeline.runs import record
from salesforecast_lib.pipeline.runs.choice import GOAL_VALUES, GOALS, PLAN, chosen_stages, goal_stages
from salesforecast_lib.pipeline.stages import STAGES, Stage
from salesforecast_lib.processes import processes
from tests.unit.pipeline.made import FIRST, HEADER, MadeStage

pytestmark = pytest.mark.usefixtures("quick")

FILES = {  # stage: what it reads, what it writes; the plan needs 01 and 03, nothing reads 04 and it reads nothing
    "01_data": ((), ("data.txt",)),
    "02_study": (("data.txt",), ("study.txt",)),
    "03_plan": (("data.txt",), (PLAN,)),
    "04_theory": ((), ("theory.txt",)),
    "05_prices": (("data.txt", PLAN), ("prices.csv",)),
}


def named(stages):
    return [stage.name for stage in stages]


def made(folder):
    stages = []
    for name, (reads, writes) in FILES.items():
        body = "from pathlib import Path\nfolder = Path(run_dir)\n"
        body += f"text = ''.join((folder / name).read_text() for name in {reads!r})\n"
        body += f"for name in {writes!r}:\n    (folder / name).write_text(f'{name} {{size}}' + text)\n"
        (folder / f"{name}.py").write_text(HEADER + FIRST.format(body=body))
        stages.append(MadeStage(name, reads, writes, folder=str(folder)))
    return tuple(stages)


def go(folder, stages, size=2, **asked):
    return run({"size": size}, folder, stages=stages, verbose=0, **asked)


# Which stages ---------------------------------------------------------------------------------------------------------


def test_a_goal_is_what_is_read_on_the_way_to_it_and_nothing_else(tmp_path):
    stages = made(tmp_path)
    assert named(goal_stages("plan", stages)) == ["01_data", "03_plan"]
    assert named(goal_stages("book", stages)) == ["01_data", "02_study", "03_plan", "05_prices"]
    assert goal_stages("all", stages) == stages
    with pytest.raises(ParameterError, match="--goal 'plans': expected one of plan, book, all"):
        goal_stages("plans", stages)


def test_the_plan_of_a_real_run_needs_every_file_it_reads_and_no_decision_beside_it():
    plan = goal_stages("plan")
    written: set[str] = set()
    for stage in plan:
        assert set(stage.reads) <= written, stage.name
        written |= set(stage.writes)
    assert PLAN in written and not written & {"prices.csv", "alerts.csv", "promotions.csv", "derivation.json"}
    for stage in plan[:-1]:
        rest = [other for other in plan if other is not stage]
        assert any(set(stage.writes) & set(other.reads) for other in rest), f"nothing in the plan reads {stage.name}"


def test_what_reads_the_data_or_is_read_belongs_to_the_book():
    left = [stage for stage in STAGES if stage not in goal_stages("book")]
    assert left and all(not stage.reads for stage in left)
    assert not {file for stage in left for file in stage.writes} & {file for stage in STAGES for file in stage.reads}


@pytest.mark.parametrize(
    "asked, names",
    [
        ({"only": ["03"]}, ["03_plan"]),
        ({"only": ["03,01"]}, ["01_data", "03_plan"]),
        ({"only": ["05", "03_plan, 03"]}, ["03_plan", "05_prices"]),
        ({"goal": "plan", "to_stage": "01"}, ["01_data"]),
        ({"goal": "plan", "from_stage": "03"}, ["01_data", "03_plan"]),
    ],
)
def test_stages_that_are_asked_for_in_the_order_of_a_run(tmp_path, asked, names):
    assert named(chosen_stages(made(tmp_path), **asked).wanted) == names


@pytest.mark.parametrize(
    "asked, complaint",
    [
        ({"only": ["06"]}, "--only '06': expected the beginning of one of 01_data"),
        ({"only": ["03,"]}, "--only ''"),
        ({"only": ["0"]}, "--only '0'"),
        ({"only": ["03"], "to_stage": "05"}, "--only and --to cannot be given together"),
        ({"only": ["03"], "from_stage": "01"}, "--only and --from cannot be given together"),
        ({"goal": "plan", "to_stage": "02"}, "--to '02': expected the beginning of one of 01_data, 03_plan"),
        ({"goal": "report"}, "--goal 'report'"),
    ],
)
def test_what_is_no_stage_or_goal_is_refused_and_nothing_is_written(tmp_path, asked, complaint):
    stages = made(tmp_path)
    with pytest.raises(ParameterError, match=complaint):
        go(tmp_path / "run", stages, **asked)
    assert not (tmp_path / "run").exists()


def test_only_without_its_input_names_the_writer_and_the_advice_works(tmp_path):
    stages, folder = made(tmp_path), tmp_path / "run"
    with pytest.raises(ParameterError, match=r"data.txt is not there; 01_data writes it") as error:
        go(folder, stages, only=["05"])
    assert not folder.exists()
    advice = str(error.value).rsplit("--only ", 1)[1]
    assert advice == "01_data,03_plan,05_prices"
    assert go(folder, stages, only=[advice]).executed == advice.split(",")
    (folder / PLAN).unlink()
    with pytest.raises(ParameterError, match=rf"{PLAN} is not there; 03_plan writes it: say --only 03_plan,05_prices$"):
        go(folder, stages, only=["05"])


# What is said of it afterwards ----------------------------------------------------------------------------------------


def test_06_is_not_06b():
    assert named(chosen_stages(only=["06,06b"]).wanted) == ["06_ensembles", "06b_champion"]


def with_extras(folder):
    """The plan takes in the study where there is one, and does without it where there is none."""
    stages = made(folder)
    body = "from pathlib import Path\nfolder = Path(run_dir)\nfound = folder / 'study.txt'\n"
    body += "study = found.read_text() if found.exists() else 'no study'\n"
    body += f"(folder / '{PLAN}').write_text(f'{{size}} ' + study)\n"
    (folder / "03_plan.py").write_text(HEADER + FIRST.format(body=body))
    plan = MadeStage("03_plan", ("data.txt",), (PLAN,), folder=str(folder), may_read=("study.txt",))
    return (*stages[:2], plan, *stages[3:])


def test_plan_reads_what_it_may_read_only_where_it_is_of_these_data(tmp_path):
    stages, folder = with_extras(tmp_path), tmp_path / "run"
    first = go(folder, stages, goal="plan")
    assert (folder / PLAN).read_text() == "2 no study" and first.waiting == () and not runs.unfinished(folder)
    assert go(folder, stages, goal="plan").executed == []
    assert "03_plan" in go(folder, stages).executed and (folder / PLAN).read_text().startswith("2 02_study 2")
    assert go(folder, stages, goal="plan").executed == [], "the study is of these data"
    changed = go(folder, stages, size=3, goal="plan")
    assert (folder / PLAN).read_text() == "3 no study", "that of the data before is no study of these"
    assert "02_study" in changed.left_out and not runs.unfinished(folder)


def test_run_for_the_plan_is_finished_and_says_what_it_left_out(tmp_path):
    stages, folder = made(tmp_path), tmp_path / "run"
    done = go(folder, stages, goal="plan")
    assert (done.executed, done.waiting) == (["01_data", "03_plan"], ())
    assert done.left_out == ("02_study", "04_theory", "05_prices") == tuple(runs.left_out(folder))
    assert not runs.unfinished(folder) and runs.goal_of(folder) == "plan"
    more = go(folder, stages, goal="book")
    assert (more.executed, more.left_out) == (["02_study", "05_prices"], ("04_theory",))
    rest = go(folder, stages)
    assert (rest.executed, rest.left_out) == (["04_theory"], ()) and runs.left_out(folder) == []


def test_stages_of_a_plan_work_in_the_run_s_process_and_its_jobs_are_for_the_models(tmp_path, monkeypatch):
    """They wait for each other, and kernels are forked where earlier ones of the same process were."""
    began = []

    def build(stages, folder, values, *more, **options):
        began.append((processes(), options))
        return {}

    monkeypatch.setattr(runner, "_build", build)
    monkeypatch.delenv("SALESFORECAST_PROCESSES", raising=False)
    for goal in ("plan", "all"):
        go(tmp_path / goal, made(tmp_path), goal=goal, jobs=2)
    (models, alone), *_, (one, together) = [each for each in began if each[1].get("dry_run") is not True]
    assert (models, alone) == (2, {}) and (one, together) == (1, {"n_workers": 2})


def test_a_plan_leaves_out_what_is_measured_for_readers():
    for goal, values in GOAL_VALUES.items():
        assert goal in GOALS and values == settings.check(dict(values))
    assert GOAL_VALUES["plan"] == {"ablation_seeds": 0, "whatif_markets": 0}


def test_plan_of_new_data_does_not_call_old_prices_its_own(tmp_path):
    stages, folder = made(tmp_path), tmp_path / "run"
    go(folder, stages)
    assert go(folder, stages, goal="plan").left_out == (), "all of it is up to date"
    assert "05_prices" in go(folder, stages, size=3, goal="plan").left_out
    assert (folder / "prices.csv").read_text().startswith("05_prices 2"), "it is there, but an old one"


def test_one_stage_of_a_run_for_the_plan_is_added_to_it(tmp_path):
    stages, folder = made(tmp_path), tmp_path / "run"
    go(folder, stages, goal="plan")
    added = go(folder, stages, only=["05"], goal=runs.goal_of(folder))
    assert added.executed == ["05_prices"] and added.left_out == ("02_study", "04_theory")
    assert not runs.unfinished(folder)
    changed = go(folder, stages, size=3, only=["05"], goal="plan")
    assert changed.waiting == ("01_data", "03_plan") and runs.unfinished(folder)


def test_plan_that_stopped_on_its_way_is_unfinished_and_goes_on_for_the_same_goal(tmp_path):
    stages, folder = made(tmp_path), tmp_path / "run"
    stopped = go(folder, stages, goal="plan", to_stage="01")
    assert stopped.waiting == ("03_plan",) and runs.unfinished(folder) and runs.goal_of(folder) == "plan"


def test_command_of_a_goal_says_it_and_the_whole_one_does_not(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["salesforecast", "run"])
    given = ["timezone=--goal plan"]
    command = record.own_command("smoke", given, {"timezone": "--goal plan"}, tmp_path / "a run", goal="plan")
    record.begin(tmp_path / "a run", {}, command, "plan")
    assert shlex.split(command)[-2:] == ["--goal", "plan"]
    whole = shlex.split(runs.whole_command(tmp_path / "a run"))
    assert whole == shlex.split(command)[:-2] and given[0] in whole
    record.begin(tmp_path / "other", {}, "")
    assert "with the profile" in runs.whole_command(tmp_path / "other"), "no command was kept"


# Decide ---------------------------------------------------------------------------------------------------------------


def planned(folder):
    """What a run for the plan leaves, beside prices and alerts of an earlier run."""
    plan = pd.DataFrame({"unique_id": ["tea"], "order_quantity": [3], "stock": [1.0], "why": ["low"]})
    record.begin(folder, {}, "salesforecast run --profile mine --goal plan", "plan")
    record.finish(folder, ["09_alerts", "10_customers", "12_promotions", "13_pricing"])
    plan.to_csv(folder / PLAN, index=False)
    plan.head(0).to_csv(folder / "excess.csv", index=False)
    pd.DataFrame({"unique_id": ["old"], "action": ["raise"], "why": ["of last month"]}).to_csv(
        folder / "prices.csv", index=False
    )
    write_json({"model": "Ridge"}, folder / "alerts.json")
    write_json({"model": "Theta"}, folder / "inventory.json")


def test_decide_after_a_plan_says_what_is_missing_and_how_it_is_made(tmp_path):
    planned(tmp_path)
    done = CliRunner().invoke(app, ["decide", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert "left out:      prices, promotions, alerts, customers" in done.output
    assert "to make them:  salesforecast run --profile mine\n" in done.output
    assert list(pd.read_excel(tmp_path / "decisions.xlsx", sheet_name=None)) == ["stock", "forecast"]
    assert not (tmp_path / "html").exists() and "page:" not in done.output


def test_sheets_of_a_plan_show_nothing_of_an_earlier_run(tmp_path):
    planned(tmp_path)
    missing = {file for stage in STAGES if stage.name in runs.left_out(tmp_path) for file in stage.writes}
    sheets = {sheet.name: sheet for sheet in decision_sheets(tmp_path, missing)}
    assert list(sheets) == ["stock", "forecast"] and "Ridge" not in sheets["forecast"].note
    assert "alerts by Ridge" in decision_sheets(tmp_path, missing - {"alerts.json"})[-1].note


def test_run_without_the_plan_is_still_refused(tmp_path):
    planned(tmp_path)
    (tmp_path / PLAN).unlink()
    done = CliRunner().invoke(app, ["decide", str(tmp_path)])
    assert done.exit_code == 1 and PLAN in done.output


# The command line -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "asked, complaint",
    [
        (["--only", "09"], "panel.parquet is not there; 01_preprocessing writes it"),
        (["--only", "13"], "01_preprocessing,13_pricing"),
        (["--only", "99"], "--only '99'"),
        (["--goal", "everything"], "--goal 'everything'"),
        (["--only", "03", "--to", "05"], "cannot be given together"),
        (["--goal", "plan", "--to", "03"], "--to '03'"),
    ],
)
def test_what_cannot_run_is_an_error_before_anything_does(tmp_path, asked, complaint):
    command = ["run", "--profile", "smoke", "--run-dir", str(tmp_path / "run"), *asked]
    done = CliRunner().invoke(app, command)
    assert done.exit_code == 1 and complaint in done.output.replace("\n", "")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("only, aim", [(["--only", "08"], "plan"), ([], "all"), (["--goal", "book"], "book")])
def test_single_stage_keeps_the_goal_of_the_folder(tmp_path, monkeypatch, only, aim):
    from salesforecast_lib.pipeline import cli

    seen = {}

    def pretend(values, folder, *_, **given):
        seen.update(given)
        record.begin(folder, values, given["command"], given["goal"])
        raise ValueError("far enough")

    monkeypatch.setattr(cli, "run", pretend)
    record.begin(tmp_path, {}, "", "plan")
    for stage in STAGES:
        for file in stage.writes:
            write_json({}, tmp_path / file)
    (tmp_path / "panel.parquet").unlink()
    monkeypatch.setattr(cli, "check_inputs", lambda *_: None)
    CliRunner().invoke(app, ["run", "--profile", "smoke", "--run-dir", str(tmp_path), *only])
    assert "--no-book" not in run_record(tmp_path)["command"], "nobody asked for none"
    assert seen["goal"] == aim and ("--goal" in run_record(tmp_path)["command"]) == (aim != "all")
    assert read_json(tmp_path / "run.json")["goal"] == aim


def test_a_stage_names_itself_in_the_order_of_a_run():
    with pytest.raises(ParameterError, match="--only 'x'"):
        chosen_stages((Stage("01_a", (), ()),), only=["x"])


# Formats --------------------------------------------------------------------------------------------------------------


def full_plan(folder, **values):
    planned(folder)
    plan = pd.DataFrame(
        {"unique_id": ["tea", "-5"], "order_quantity": [3, 0], "stock": [1.0, 9.0], "order_up_to_level": [30.0, 4.0],
         "expected_demand": [20.0, 2.0], "why": ["low", "enough"]}
    )  # fmt: skip
    plan.to_csv(folder / PLAN, index=False)
    write_json({"freq": "D"}, folder / "panel.json")
    write_json(values, folder / "parameters.json")


def decided(folder, *words):
    return CliRunner().invoke(app, ["decide", str(folder), *words], terminal_width=300)


def test_decide_writes_the_rules_that_odoo_imports_and_says_where_the_lead_time_belongs(tmp_path):
    full_plan(tmp_path, lead_time=3, review_period=7, case_pack=6)
    done = decided(tmp_path, "--format", "odoo")
    assert done.exit_code == 0 and "it is 3 days in this plan" in done.output, done.output
    table = pd.read_csv(tmp_path / "reorder_odoo.csv")
    assert table["product_min_qty"].tolist() == [16, 3] and table["qty_multiple"].tolist() == [6, 6]
    assert table["product_id"].tolist() == ["tea", "'-5"] and "1 product id with a sign" in done.output
    assert not (tmp_path / "decisions.xlsx").exists() and not (tmp_path / "html").exists()


def test_decide_takes_what_the_run_did_not_say_from_the_chapter_and_weeks_as_days(tmp_path):
    full_plan(tmp_path, lead_time=2)
    write_json({"freq": "W-SUN"}, tmp_path / "panel.json")
    done = decided(tmp_path, "--format", "erpnext", "--warehouse", "Stores - ABC")
    assert done.exit_code == 0, done.output
    table = pd.read_csv(tmp_path / "reorder_erpnext.csv")
    assert table["lead_time_days"].tolist() == [14, 14]
    assert set(table["reorder_levels.warehouse"]) == {"Stores - ABC"}


def test_decide_for_erpnext_without_a_warehouse_says_how_to_name_it(tmp_path):
    full_plan(tmp_path)
    done = decided(tmp_path, "--format", "erpnext")
    assert done.exit_code == 1 and "--warehouse" in done.output and not (tmp_path / "reorder_erpnext.csv").exists()


def test_decide_as_tables_writes_one_for_each_sheet(tmp_path):
    full_plan(tmp_path)
    done = decided(tmp_path, "--format", "csv")
    assert done.exit_code == 0, done.output
    assert {file.name for file in (tmp_path / "decisions").iterdir()} == {"stock.csv", "forecast.csv"}
    assert pd.read_csv(tmp_path / "decisions" / "stock.csv")["product"].tolist() == ["tea"]
    assert "left out:      prices" in done.output


def test_newest_run_is_found_or_the_way_to_one_is_said(tmp_path):
    from salesforecast_lib.pipeline.runs.given import newest_run

    with pytest.raises(FileNotFoundError, match="no finished run"):
        newest_run(tmp_path / "nowhere")
    for stamp, name in enumerate(("new", "old", "other")):
        (tmp_path / name).mkdir()
        (tmp_path / name / PLAN).touch()
        os.utime(tmp_path / name / PLAN, (9 - stamp, 9 - stamp))
    (tmp_path / "empty").mkdir()
    assert newest_run(tmp_path).name == "new"


# The book -------------------------------------------------------------------------------------------------------------


def test_chapters_that_a_run_left_out_are_the_published_ones_in_its_book(tmp_path, monkeypatch):
    from salesforecast_lib.files import project_root
    from salesforecast_lib.pipeline import book

    built = {}

    def build(command, **_):
        stage = Path(command[command.index("build") + 1])
        built.update({file.stem: file.read_text() for file in (stage / "notebooks").glob("*.ipynb")})
        (stage / "_build" / "html").mkdir(parents=True)
        (stage / "_build" / "html" / "index.html").write_text("")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(book.subprocess, "run", build)
    folder = tmp_path / "notebooks"
    for name in ("01_preprocessing", "03_lstm_derivation"):  # the second is of an earlier run
        write_json({"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}, folder / f"{name}.ipynb")
    book.build_book(folder, tmp_path / "html", published=["03_lstm_derivation", "11_advertising"])
    assert sorted(built) == ["01_preprocessing", "03_lstm_derivation", "11_advertising"]
    for name in ("03_lstm_derivation", "11_advertising"):
        assert built[name] == (project_root() / "notebooks" / f"{name}.ipynb").read_text()
    assert built["01_preprocessing"] == (folder / "01_preprocessing.ipynb").read_text()


def test_running_times_are_those_of_the_stages_that_ran(tmp_path):
    from salesforecast_lib.pipeline.pages import run_status

    left = [stage.name for stage in STAGES if not stage.reads and stage.name != "01_preprocessing"]
    record.begin(tmp_path, {}, "", "book")
    record.finish(tmp_path, left)
    for number, stage in enumerate(STAGES):
        if stage.name != left[0]:
            content = {"cells": [], "metadata": {"papermill": {"duration": number}}, "nbformat": 4, "nbformat_minor": 5}
            write_json(content, tmp_path / "notebooks" / f"{stage.name}.ipynb")
    assert list(run_status(tmp_path)["seconds"]) == [stage.name for stage in STAGES if stage.name not in left]
