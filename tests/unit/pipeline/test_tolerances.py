"""Tolerances come from measured spreads: wide enough for a processor, narrow enough for a changed formula."""

import nbformat
import pytest
from typer.testing import CliRunner

from salesforecast_lib.files import read_json
from salesforecast_lib.pipeline import tolerances as t
from salesforecast_lib.pipeline.cli import app


def run_of(bias, count=3, naive=0.5, wape=0.4):
    return {"metrics": {"LSTM": {"bias": bias, "count": count, "wape": wape}, "Naive": {"bias": naive, "wape": 0.6}}}


RUNS = {0: [run_of(-0.060, 3), run_of(-0.057, 3)], 1: [run_of(-0.010, 5), run_of(-0.009, 5)]}


def test_a_tolerance_is_the_widest_spread_at_one_seed():
    found = t.tolerances(RUNS)
    assert found["metrics", "LSTM", "bias"] == pytest.approx(t.FACTOR * 0.003), "not the distance between seeds (.05)"


def test_a_number_that_stands_still_alone_is_held_tightly():
    assert t.tolerances(RUNS)["metrics", "Naive", "bias"] == pytest.approx(0.5e-6)


def test_a_number_that_stood_still_by_luck_takes_its_tables_spread():
    found = t.tolerances(RUNS)
    assert found["metrics", "LSTM", "count"] == pytest.approx(t.FACTOR * 5 * 0.05), "relative: .003 of .06"
    lucky = {0: [run_of(-0.06, wape=0.40), run_of(-0.05, wape=0.40)]}
    lucky[0][0]["metrics"]["GRU"], lucky[0][1]["metrics"]["GRU"] = {"wape": 0.41}, {"wape": 0.42}
    assert t.tolerances(lucky)["metrics", "LSTM", "wape"] == pytest.approx(t.FACTOR * 0.01), "as the GRU's of that name"


def test_another_processor_passes_and_a_changed_formula_does_not():
    allowed = t.nested(t.tolerances(RUNS))
    reference = run_of(-0.060)
    assert t.differences(reference, run_of(-0.0545), allowed, "07") == []
    moved = t.differences(reference, run_of(-0.060, naive=0.501), allowed, "07")
    assert len(moved) == 1 and "07 · metrics · Naive · bias" in moved[0] and "0.501" in moved[0]


def test_a_missing_number_or_tolerance_is_said():
    reference, allowed = run_of(0.1), t.nested(t.tolerances(RUNS))
    assert "is missing" in t.differences(reference, {"metrics": {}}, allowed, "07")[0]
    assert "salesforecast tolerances" in t.differences(reference, reference, {}, "07")[0]


def executed(folder, text, tags):
    cell = nbformat.v4.new_code_cell("print(1)", metadata={"tags": tags})
    cell.outputs = [nbformat.v4.new_output("stream", name="stdout", text=text)]
    (folder / "notebooks").mkdir(parents=True, exist_ok=True)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), folder / "notebooks" / "01_one.ipynb")
    return folder


@pytest.mark.parametrize(
    ("other", "tags", "loose"), [("1\n", ["nbval-check-output"], 0), ("2\n", ["nbval-check-output"], 1), ("2\n", [], 0)]
)
def test_checked_text_that_differs_is_found(tmp_path, other, tags, loose):
    folders = [executed(tmp_path / "a", "1\n", tags), executed(tmp_path / "b", other, tags)]
    assert len(t.unsteady(folders)) == loose


def test_tolerances_are_written_with_how_they_were_measured(tmp_path, monkeypatch):
    monkeypatch.setattr(t, "project_root", lambda: tmp_path)
    stored = read_json(t.write_tolerances(RUNS, ["native", "avx2"]))
    assert stored["seeds"] == [0, 1] and stored["processors"]["avx2"]["ONEDNN_MAX_CPU_ISA"] == "AVX2"
    assert stored["tolerances"]["metrics"]["LSTM"]["bias"] == pytest.approx(t.FACTOR * 0.003)


@pytest.mark.parametrize("wrong", [["--processors", "native"], ["--processors", "native,m1"], ["--seeds", "0,x"]])
def test_wrong_settings_are_refused(wrong):
    done = CliRunner().invoke(app, ["tolerances", *wrong])
    assert done.exit_code == 1 and "expected" in done.output
