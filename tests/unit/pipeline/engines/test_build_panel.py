"""``salesforecast build-panel``: what it writes, and what it refuses before any data are read."""

import pytest
from typer.testing import CliRunner

from salesforecast_lib.data.reading import read_panel_file
from salesforecast_lib.pipeline.cli import app
from tests.unit.production.distributed.orders import made_lines, write_folder


def test_the_folder_that_it_writes_is_read_as_a_panel(tmp_path):
    orders = write_folder(made_lines(2_000).rename(columns={"quantity": "Qty"}), tmp_path / "orders")
    told = ["build-panel", str(orders), "--out", str(tmp_path / "out"), "--n-series", "9", "--workers", "1"]
    done = CliRunner().invoke(app, [*told, "--column", "quantity=Qty", "--static", "family"])
    assert done.exit_code == 0, done.output
    assert "9 of 60 products kept" in done.output and f"path={tmp_path / 'out' / 'panel'}" in done.output
    panel = read_panel_file(tmp_path / "out" / "panel").frame
    assert panel["unique_id"].nunique() == 9 and {"family", "price", "buyers"} <= set(panel)
    again = CliRunner().invoke(app, [*told, "--column", "quantity=Menge"])
    assert again.exit_code == 1 and "looked for 'Menge'" in again.output


@pytest.mark.parametrize(
    "orders, out, words",
    [
        ("nowhere", "out", "no such folder"),
        ("orders", "orders/out", "lies in the folder of the order lines"),
        ("orders", "a.txt", "is a file"),
        ("empty", "out", "no .parquet file"),
        ("a.txt", "out", "only Parquet"),
    ],
)
def test_what_cannot_be_right_is_refused(tmp_path, orders, out, words):
    write_folder(made_lines(100), tmp_path / "orders")
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_text("x")
    done = CliRunner().invoke(app, ["build-panel", str(tmp_path / orders), "--out", str(tmp_path / out)])
    assert done.exit_code == 1 and words in " ".join(done.output.split()), done.output


def test_a_folder_with_a_file_that_is_no_parquet_names_it(tmp_path):
    orders = write_folder(made_lines(100), tmp_path / "orders")
    (orders / "orders-1.parquet").write_bytes(b"PAR1 not really")
    done = CliRunner().invoke(app, ["build-panel", str(orders), "--out", str(tmp_path / "out")])
    assert done.exit_code == 1 and "orders-1.parquet" in done.output
