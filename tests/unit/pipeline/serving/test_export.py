"""``salesforecast export`` refuses what it cannot use with one sentence whose advice works."""

import pytest
from typer.testing import CliRunner

from salesforecast_lib.pipeline.cli import app


def said(*words: object) -> str:
    done = CliRunner().invoke(app, ["export", *map(str, words)])
    assert done.exit_code == 1
    return " ".join(done.output.split())


def test_no_folder_is_named(tmp_path):
    assert "no such folder; give the folder of a finished run" in said(tmp_path / "none")


@pytest.mark.parametrize("there", [(), ("features.parquet",)])
def test_a_run_that_is_not_finished_is_told_how_to_go_on(tmp_path, there):
    for name in there:
        (tmp_path / name).touch()
    missing = "champion/champion.json" if there else "features.parquet"
    text = said(tmp_path)
    assert f"{missing}: no such file; make it with: salesforecast run --run-dir" in text
    assert "--from 06b_champion" in text


@pytest.mark.parametrize("precision", ["int4", "INT8"])
def test_a_precision_that_is_not_known(tmp_path, precision):
    assert f"--precision '{precision}': expected int8 or fp32" in said(tmp_path, "--precision", precision)


def test_a_folder_of_something_else_is_not_written_over(tmp_path):
    (tmp_path / "mine").mkdir()
    assert "is there and is no model folder" in said(tmp_path, "--out", tmp_path / "mine")
    assert (tmp_path / "mine").is_dir()
