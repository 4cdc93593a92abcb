"""Customers of a shop's own file have names that only its key gives back."""

import os
import stat
from pathlib import Path

import pandas as pd
import pytest

from salesforecast_lib.data.loaders import complete_journey, own_data
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import prepare, save_prepared
from salesforecast_lib.data.reading import ReadingError, ReadOptions, pseudonyms
from salesforecast_lib.decisions.customers import read_customers

PEOPLE = ("anna.private@example.org", "0042", "José")


@pytest.fixture
def key(tmp_path, monkeypatch) -> Path:
    file = tmp_path / "keys" / "ids.key"
    monkeypatch.setenv(pseudonyms.VARIABLE, str(file))
    return file


@pytest.fixture
def orders(tmp_path) -> Path:
    days = pd.date_range("2024-01-01", periods=60)
    rows = [
        (f"o{n}{k}", "tea", str(day.date()), 1 + n % 3, 2.5, who)
        for n, day in enumerate(days)
        for k, who in enumerate(PEOPLE)
    ]
    names = ["order_id", "product_id", "timestamp", "quantity", "unit_price", "customer_id"]
    file = tmp_path / "orders.csv"
    pd.DataFrame(rows, columns=names).to_csv(file, index=False)
    return file


def test_a_run_of_own_data_holds_no_customers_id(orders, key, tmp_path):
    prepared = prepare("own_data", PanelConfig(), 7, path=str(orders))
    save_prepared(prepared, tmp_path / "run")
    shop = read_customers("own_data", path=str(orders), days=7)
    shop.lines.to_parquet(tmp_path / "run" / "customers.parquet")
    for file in (tmp_path / "run").iterdir():
        content = file.read_bytes()
        for who in PEOPLE[::2]:
            assert who.encode() not in content, file.name
    assert set(shop.lines["customer_id"]).isdisjoint(PEOPLE)


def test_what_the_nights_keep_in_the_run_folder_holds_no_customers_id(orders, key, tmp_path):
    from salesforecast_lib.pipeline.nightly.history import Shop
    from salesforecast_lib.pipeline.nightly.inbox import read_inbox

    shop = Shop(tmp_path / "run", {"dataset": "own_data", "path": str(orders)}, {})
    inbox = read_inbox({orders: "x"}, {}, shop.values, shop.panel, 0.5)
    sales = shop.sales(inbox.tables)
    assert len(sales) == 2 * 60 * len(PEOPLE) and sales["customer_id"].nunique() == len(PEOPLE)
    assert set(sales["customer_id"]).isdisjoint(PEOPLE)
    for file in (tmp_path / "run").rglob("*.parquet"):
        assert not any(who.encode() in file.read_bytes() for who in PEOPLE[::2])
    sales.drop(columns="row", errors="ignore").to_parquet(tmp_path / "sales.parquet")
    again = own_data(str(tmp_path / "sales.parquet")).lines  # hashed once, not twice
    assert set(again["customer_id"]) == set(sales["customer_id"])


def test_only_names_change_and_nothing_that_counts(orders, key):
    hashed = own_data(str(orders)).lines
    plain = own_data(str(orders), ReadOptions(customer_ids="plain")).lines
    assert set(plain["customer_id"]) == set(PEOPLE)
    pd.testing.assert_frame_equal(hashed.drop(columns="customer_id"), plain.drop(columns="customer_id"))
    pairs = pd.DataFrame({"a": hashed["customer_id"], "b": plain["customer_id"]}).drop_duplicates()
    assert len(pairs) == len(PEOPLE) == pairs["a"].nunique()
    told = prepare("own_data", PanelConfig(), 7, path=str(orders)).panel
    same = prepare("own_data", PanelConfig(), 7, path=str(orders), reading=ReadOptions(customer_ids="plain")).panel
    pd.testing.assert_frame_equal(told, same)


def test_the_published_data_keep_their_numbers():
    assert pd.api.types.is_integer_dtype(complete_journey().lines["customer_id"])


def test_the_key_is_made_once_for_its_owner_only_and_another_gives_other_names(key, monkeypatch, tmp_path):
    first = pseudonyms.secret_key()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600 and pseudonyms.secret_key() == first
    assert sorted(os.listdir(key.parent)) == [key.name]
    monkeypatch.setenv(pseudonyms.VARIABLE, str(tmp_path / "other.key"))
    assert pseudonyms.secret_key() != first
    ids = pd.Series(["1", None, "2", "1"])
    mine, theirs = pseudonyms.hashed_ids(ids, first), pseudonyms.hashed_ids(ids, pseudonyms.secret_key())
    assert mine[0] == mine[3] != mine[2] and mine.isna().tolist() == [False, True, False, False]
    assert set(mine.dropna()).isdisjoint(theirs.dropna())


def test_without_the_variable_the_key_lies_in_the_users_configuration(monkeypatch, tmp_path):
    monkeypatch.delenv(pseudonyms.VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert pseudonyms.key_file() == tmp_path / "salesforecast" / "customer_ids.key"


@pytest.mark.skipif(os.name != "posix", reason="modes of files")
def test_a_key_that_others_can_read_or_that_lies_in_a_run_is_refused(key, tmp_path, monkeypatch):
    pseudonyms.secret_key()
    key.chmod(0o644)
    with pytest.raises(PermissionError, match="chmod 600"):
        pseudonyms.secret_key()
    key.chmod(0o600)  # the advice works
    pseudonyms.secret_key()
    run = tmp_path / "run"
    (run / "sub").mkdir(parents=True)
    (run / "panel.json").write_text("{}")
    monkeypatch.setenv(pseudonyms.VARIABLE, str(run / "sub" / "ids.key"))
    with pytest.raises(ValueError, match="lies in the run folder"):
        pseudonyms.secret_key()
    assert not (run / "sub" / "ids.key").exists()


@pytest.mark.parametrize("content", ["", "password", "00" * 31, "zz" * 32])
def test_a_file_that_holds_no_key_is_refused(key, content):
    key.parent.mkdir()
    key.write_text(content)
    key.chmod(0o600)
    with pytest.raises(ValueError, match="hexadecimal"):
        pseudonyms.secret_key()


def test_another_word_is_refused():
    with pytest.raises(ReadingError, match="hashed"):
        ReadOptions(customer_ids="secret")


@pytest.mark.parametrize("where", ["a file/ids.key", "/proc/ids.key"])
def test_a_key_that_cannot_be_made_is_said_with_a_way_out(tmp_path, where):
    (tmp_path / "a file").touch()
    with pytest.raises(PermissionError, match=f"{pseudonyms.VARIABLE} to a file .* customer_ids=plain"):
        pseudonyms.secret_key(tmp_path / where)


def test_a_key_is_made_where_files_cannot_be_linked(tmp_path, monkeypatch):
    def refused(*_: object) -> None:
        raise OSError("no links here")

    monkeypatch.setattr(os, "link", refused)
    made = pseudonyms.secret_key(tmp_path / "ids.key")
    assert pseudonyms.secret_key(tmp_path / "ids.key") == made and [f.name for f in tmp_path.iterdir()] == ["ids.key"]
