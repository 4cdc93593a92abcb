"""Attacks on what the pipeline reads; the table of threats names these tests."""

import bz2
import gzip
import lzma
import os
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from salesforecast_lib.data.loaders import marketplace
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import prepare, save_prepared
from salesforecast_lib.data.reading import ReadingError, ReadOptions, read_orders, unpacking
from salesforecast_lib.data.reading.tables import open_table
from salesforecast_lib.files import read_json, write_json
from salesforecast_lib.models.champion import load_champion
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline.batch.read import _as_it_is
from salesforecast_lib.pipeline.cli import app
from salesforecast_lib.pipeline.nightly.config import read_config
from salesforecast_lib.production.distributed.lines import parts_of

HEADER = b"order_id,product_id,timestamp,quantity,unit_price\n"
SHEET = "xl/worksheets/sheet1.xml"


@pytest.fixture
def little(monkeypatch):
    """Limits of a thousandth, so that a bomb is a matter of milliseconds; the proportion stays."""
    monkeypatch.setattr(unpacking, "FREE", 200 << 10)


@pytest.mark.parametrize("kind", ["gz", "bz2", "xz", "zip"])
def test_a_compressed_bomb_is_refused_before_it_fills_the_memory(tmp_path, little, kind):
    content = HEADER + b"1,tea,2024-01-01,1,2.5\n" * 300_000
    file = tmp_path / f"orders.csv.{kind}" if kind != "zip" else tmp_path / "orders.zip"
    packers = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress}
    if kind == "zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("orders.csv", content)
    else:
        file.write_bytes(packers[kind](content))
    with pytest.raises(ReadingError, match="out of all proportion.*unpack it yourself"):
        read_orders(file)


def test_an_honest_compressed_file_is_read_whatever_its_limit(tmp_path, little):
    rows = b"".join(b"%d,tea%d,2024-01-%02d,%d,2.5\n" % (k, k % 97, 1 + k % 28, 1 + k % 5) for k in range(20_000))
    file = tmp_path / "orders.csv.gz"
    file.write_bytes(gzip.compress(HEADER + rows))
    assert len(HEADER + rows) > unpacking.FREE and len(read_orders(file).frame) == 20_000


def parquet_bomb(file: Path, kind: str) -> Path:
    """A small Parquet file whose table takes a hundred megabytes or more."""
    rows = 2_000_000 if kind != "texts" else 2_000
    columns = {name: pa.array(np.ones(rows)) for name in ("order_id", "quantity", "unit_price")}
    if kind == "lists":
        offsets, empty = pa.array([0, 6_000_000], pa.int32()), pa.array(np.ones(6_000_000))
        columns = {"order_id": pa.ListArray.from_arrays(offsets, empty)}
    if kind == "texts":  # one long text, which the file holds once
        places = pa.array(np.zeros(rows, dtype="int32"))
        columns["product_id"] = pa.DictionaryArray.from_arrays(places, pa.array(["x" * 1_000_000]))
    pq.write_table(pa.table(columns), file, store_schema=False, compression="zstd")
    return file


@pytest.mark.parametrize("kind", ["numbers", "lists", "texts"])
@pytest.mark.parametrize("folder", [False, True])
def test_a_parquet_bomb_is_refused_before_it_fills_the_memory(tmp_path, little, monkeypatch, kind, folder):
    file = parquet_bomb(tmp_path / "orders.parquet", kind)
    assert file.stat().st_size < 200_000
    monkeypatch.setattr(pd, "read_parquet", None)  # nothing of it becomes a table
    monkeypatch.setattr(pq, "read_table", None)
    with pytest.raises(ReadingError, match=r"orders.parquet: .* unpack to .*out of all proportion"):
        open_table(tmp_path if folder else file)


def test_a_parquet_bomb_is_refused_where_lines_are_read_in_parts_and_where_new_data_come(tmp_path, little):
    file = parquet_bomb(tmp_path / "orders.parquet", "numbers")
    with pytest.raises(ReadingError, match="out of all proportion"):
        parts_of([file], ReadOptions(), 1_000)
    meta = {"static": [], "historical": [], "future": []}
    with pytest.raises(ReadingError, match="out of all proportion"):
        _as_it_is(file, ["unique_id", "ds", "y", "available"], meta)


def test_an_honest_parquet_file_is_read_whatever_its_limit(tmp_path, little):
    """A category of each row, and an amount that hardly ever changes, pack well and are no attack."""
    rows = np.arange(60_000)
    table = pd.DataFrame({"order_id": rows, "product_id": [f"tea {k % 97}" for k in rows], "quantity": 1.0})
    table["unit_price"], table["note"] = 2.0 + rows % 11, np.where(rows % 3, "shelf by the door", "window of the shop")
    table["timestamp"] = pd.Timestamp("2024-01-01") + pd.to_timedelta(rows, "min")
    table.to_parquet(tmp_path / "orders.parquet")
    assert table.memory_usage(deep=True).sum() > 10 * unpacking.FREE
    assert len(read_orders(tmp_path / "orders.parquet").frame) == len(table)


def made_workbook(file: Path, members: dict[str, bytes]) -> Path:
    """A small true workbook with other or more members."""
    pd.DataFrame({"order_id": [1], "product_id": ["a"]}).to_excel(file, index=False)
    with zipfile.ZipFile(file) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()} | members
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name, part)
    return file


@pytest.mark.parametrize("member", [SHEET, "xl/sharedStrings.xml", "xl/media/image1.png"])
def test_a_workbook_that_unpacks_out_of_proportion_is_refused(tmp_path, little, member):
    file = made_workbook(tmp_path / "orders.xlsx", {member: b"<row>" + b"0" * 20_000_000})
    with pytest.raises(ReadingError, match="out of all proportion"):
        open_table(file)


def test_a_workbook_of_expanding_entities_is_refused(tmp_path):
    levels = "".join(f'<!ENTITY e{k} "{f"&e{k - 1};" * 10}">' for k in range(1, 12))
    bomb = f'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY e0 "ha">{levels}]><worksheet>&e11;</worksheet>'
    with pytest.raises(ReadingError, match="cannot be read as an Excel workbook|no worksheet"):
        open_table(made_workbook(tmp_path / "orders.xlsx", {SHEET: bomb.encode()}))


@pytest.mark.parametrize("name", ["../../escaped", "/tmp/escaped", "..\\escaped", "a\x00b", "CON", "~/escaped"])
def test_names_that_are_paths_write_nothing_outside(tmp_path, name):
    file = tmp_path / "in" / "orders.csv"
    file.parent.mkdir()
    days = pd.date_range("2024-01-01", periods=40).strftime("%Y-%m-%d")
    lines = pd.DataFrame({"order_id": range(40), "product_id": name.replace("\x00", ""), "timestamp": days})
    lines.assign(quantity=2, unit_price=1.5).to_csv(file, index=False)
    prepared = prepare("own_data", PanelConfig(), 7, path=str(file))
    save_prepared(prepared, tmp_path / "run")
    found = {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("*")}
    assert found == {"in", "run"}
    assert not any("escaped" in path.name for path in (tmp_path / "run").rglob("*"))


@pytest.mark.parametrize("name", ["../x", "/tmp/x", "..", ".hidden", "a/b", "a\\b", ""])
def test_a_what_if_cannot_be_named_out_of_its_folder(tmp_path, name):
    plan, run = tmp_path / f"{'..' if not name else 'plan'}.csv", tmp_path / "run"
    plan.write_text("unique_id,ds\n")
    (run / "champion").mkdir(parents=True)
    (run / "champion" / "champion.json").write_text("{}")
    done = CliRunner().invoke(app, ["whatif", str(run), "--plan", str(plan), "--name", name])
    assert done.exit_code == 1 and "beginning with a letter" in " ".join(done.output.split())
    assert not (run / "whatif").exists()


TAGS = [
    "!!python/object/apply:os.system ['touch {}']",
    "!!python/name:os.system",
    "!!python/object/new:os.system ['{}']",
]


@pytest.mark.parametrize("tag", TAGS)
def test_a_yaml_tag_runs_nothing(tmp_path, tag):
    mark = tmp_path / "ran"
    text = tag.replace("{}", f"touch {mark}" if "new" in tag else str(mark))
    for name, read in (("shop.yml", settings.load_profile), ("market.yml", marketplace)):
        file = tmp_path / name
        file.write_text(f"{'horizon' if name == 'shop.yml' else 'products'}: {text}\n")
        with pytest.raises(Exception, match="(?i)tag|expected|yaml|constructor") as error:
            values = read(str(file))
            settings.check(values)
        assert not mark.exists(), error
    night = tmp_path / "night.yml"
    night.write_text(f"run: {text}\nnew: x\n")
    with pytest.raises(ValueError, match="is no YAML"):
        read_config(night)
    assert not mark.exists()


@pytest.mark.parametrize("value", ["__import__('os').getpid()", "1 + 1", "[].__class__", "lambda: 1", "{'a': print()}"])
def test_a_parameter_is_a_value_and_never_code(value):
    with pytest.raises(settings.ParameterError, match="horizon"):
        settings.check(settings.parse_assignments([f"horizon={value}"]))


def listed(folder: Path, **changes: object) -> Path:
    """A champion's folder whose list says something else."""
    told = {"format": 1, "files": {}, "models": [], "config": {}, "fits": {"networks": []}}
    write_json(told | changes, folder / "champion.json")
    return folder


@pytest.mark.parametrize("name", ["../secret.txt", "/etc/hostname", "link.txt", "a/../../secret.txt"])
def test_a_champions_list_cannot_lead_outside_its_folder(tmp_path, name):
    (tmp_path / "secret.txt").write_text("secret")
    folder = tmp_path / "champion"
    folder.mkdir()
    os.symlink(tmp_path / "secret.txt", folder / "link.txt")
    with pytest.raises(ValueError, match="outside the folder"):
        load_champion(listed(folder, files={name: "0" * 64}))
    assert read_json(folder / "champion.json")["files"]
