"""A panel that is built in parts is the panel of all lines."""

import zlib

import pandas as pd
import pytest

from salesforecast_lib.data.cleaning import CleaningConfig, clean
from salesforecast_lib.data.panel import PanelConfig, build_panel
from salesforecast_lib.data.reading import ReadingError, ReadOptions, read_orders
from salesforecast_lib.files import read_json
from salesforecast_lib.production.distributed import EngineError, bucket_of, build, build_panel_folder
from salesforecast_lib.production.distributed.engine import InPlace
from tests.unit.production.distributed.orders import made_lines, write_folder

SIZES = (1_000, 800)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_folder(made_lines(), tmp_path_factory.mktemp("lines") / "orders")


def panel_of(place):
    parts = [pd.read_parquet(file) for file in sorted((place / "panel").glob("*.parquet"))]
    return pd.concat(parts).sort_values(["unique_id", "ds"], ignore_index=True)


@pytest.mark.parametrize(
    "config, cleaning",
    [
        (PanelConfig(n_series=12), CleaningConfig()),
        (PanelConfig(n_series=0, freq="W", missing_price="median"), CleaningConfig(outliers="cap")),
        (PanelConfig(n_series=25, freq="M"), CleaningConfig(duplicates=False)),
        (
            PanelConfig(n_series=40, stockout_odds=0.01, delisted_after=9, min_periods=30, freq="D"),
            CleaningConfig(cancellations=False, prices="keep"),
        ),
    ],
)
def test_it_equals_the_panel_of_all_lines(tmp_path, folder, config, cleaning):
    built = build_panel_folder(folder, tmp_path, InPlace(), config, cleaning, static=("family",), sizes=SIZES)
    read = read_orders(folder)
    cleaned = clean(read.frame, cleaning, read.quarantine)
    expected = build_panel(cleaned.kept, PanelConfig(**{**vars(config)}), ("family",))
    pd.testing.assert_frame_equal(panel_of(tmp_path), expected, check_exact=True)
    pd.testing.assert_frame_equal(built.report, cleaned.report, check_dtype=False)
    mine = pd.read_parquet(tmp_path / "quarantine.parquet").sort_values("row", ignore_index=True)
    theirs = cleaned.quarantine.astype({"value": str}).sort_values("row", ignore_index=True)
    pd.testing.assert_frame_equal(mine, theirs, check_dtype=False)
    assert built.buckets > 3 and built.rows == len(expected) and len(mine) > 20


def test_a_build_that_was_killed_goes_on_where_it_was(tmp_path, folder, monkeypatch):
    told = (folder, tmp_path, InPlace(), PanelConfig(n_series=12))
    made = []

    def dies(bucket, *shared):
        if bucket == 3:
            raise KeyboardInterrupt
        made.append(bucket)
        return original(bucket, *shared)

    original = build.clean_bucket
    monkeypatch.setattr(build, "clean_bucket", dies)
    with pytest.raises(KeyboardInterrupt):
        build_panel_folder(*told, sizes=SIZES)
    monkeypatch.setattr(build, "clean_bucket", original)
    stamps = {f: f.stat().st_mtime_ns for f in tmp_path.rglob("*.parquet")}
    assert len(stamps) > 10 and made == [0, 1, 2]
    build_panel_folder(*told, sizes=SIZES)
    assert all(file.stat().st_mtime_ns == when for file, when in stamps.items())
    whole = panel_of(tmp_path)
    build_panel_folder(folder, tmp_path / "new", InPlace(), PanelConfig(n_series=12), sizes=SIZES)
    pd.testing.assert_frame_equal(panel_of(tmp_path / "new"), whole, check_exact=True)


def test_other_options_begin_anew(tmp_path, folder):
    first = build_panel_folder(folder, tmp_path, InPlace(), PanelConfig(n_series=12), sizes=SIZES)
    other = build_panel_folder(folder, tmp_path, InPlace(), PanelConfig(n_series=5, freq="W"), sizes=SIZES)
    assert (first.series, other.series) == (12, 5)
    assert panel_of(tmp_path)["unique_id"].nunique() == 5 and read_json(tmp_path / "panel.json")["freq"] == "W-SUN"


def test_all_lines_of_a_product_lie_in_one_bucket_on_every_machine():
    first, second, again = bucket_of(["P1", "P2", "P1"], 7).tolist()
    assert first == again and (first, second) == (zlib.crc32(b"P1") % 7, zlib.crc32(b"P2") % 7)
    assert bucket_of(["123456789"], 1 << 40)[0] == 0xCBF43926  # the check value of CRC-32


@pytest.mark.parametrize(
    "change, words",
    [
        ({"config": PanelConfig(level="family")}, "level=family"),
        ({"config": PanelConfig(by_location=True)}, "by_location"),
        ({"cleaning": CleaningConfig(cancelled_when={"state": ["x"]})}, "cancelled_when"),
    ],
)
def test_what_needs_several_products_at_once_is_refused(tmp_path, folder, change, words):
    told = {"config": PanelConfig(), "cleaning": None, **change}
    with pytest.raises(ValueError, match=words):
        build_panel_folder(folder, tmp_path, InPlace(), sizes=SIZES, **told)


@pytest.mark.parametrize(
    "change, words",
    [
        (lambda t: t.assign(timestamp=t["timestamp"].astype(str)), "timestamp is of the type"),
        (lambda t: t.assign(quantity=t["quantity"].astype(str)), "quantity is text"),
        (lambda t: t.drop(columns="unit_price"), "unit_price"),
    ],
)
def test_files_whose_meaning_all_rows_together_tell_are_refused(tmp_path, change, words):
    place = write_folder(change(made_lines(300)), tmp_path / "orders")
    with pytest.raises((ReadingError, EngineError), match=words):
        build_panel_folder(place, tmp_path / "out", InPlace(), PanelConfig(), sizes=SIZES)


def test_a_file_with_other_columns_is_named(tmp_path):
    place = write_folder(made_lines(300), tmp_path / "orders")
    made_lines(50).drop(columns="family").to_parquet(place / "orders-9.parquet")
    with pytest.raises(ReadingError, match=r"orders-9.parquet.*family"):
        build_panel_folder(place, tmp_path / "out", InPlace(), PanelConfig(), sizes=SIZES)
    with pytest.raises(ReadingError, match=r"orders-9.parquet.*family"):
        read_orders(place)


def test_stamps_without_a_zone_and_a_zone_are_refused(tmp_path, folder):
    options = ReadOptions(timezone="Europe/Berlin")
    with pytest.raises(ReadingError, match="no zone"):
        build_panel_folder(folder, tmp_path, InPlace(), PanelConfig(), options=options, sizes=SIZES)


@pytest.mark.parametrize("files", [1, 4])
def test_the_panel_does_not_depend_on_how_lines_are_cut(tmp_path, files):
    place = write_folder(made_lines(3_000, seed=3), tmp_path / "orders", files)
    wanted = PanelConfig(n_series=15, freq="W")
    for name, sizes in {"fine": (700, 300), "coarse": (10_000, 10_000)}.items():
        build_panel_folder(place, tmp_path / name, InPlace(), wanted, sizes=sizes)
    pd.testing.assert_frame_equal(panel_of(tmp_path / "fine"), panel_of(tmp_path / "coarse"), check_exact=True)
