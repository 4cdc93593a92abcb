"""The shop gets its own customer ids back, and nobody else does."""

import pandas as pd
import pytest
from typer.testing import CliRunner

from salesforecast_lib.data.reading import pseudonyms
from salesforecast_lib.files import write_csv, write_json
from salesforecast_lib.pipeline.cli import app


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A run's tables with hashed customers, and the file that they came from."""
    monkeypatch.setenv(pseudonyms.VARIABLE, str(tmp_path / "ids.key"))
    file = tmp_path / "orders.csv"
    days = pd.date_range("2024-01-01", periods=20).strftime("%Y-%m-%d")
    table = pd.DataFrame({"no": range(20), "sku": "tea", "day": days, "qty": 1, "eur": 2.5})
    table["who"] = [("=1+1", "0042")[k % 2] for k in range(20)]
    table.to_csv(file, index=False)
    key = pseudonyms.secret_key()
    run = tmp_path / "run"
    names = [pseudonyms.pseudonym(who, key) for who in ("=1+1", "0042")]
    write_csv(pd.DataFrame({"customer_id": names, "segment": ["=a", "b"]}), run / "segments.csv")
    columns = {"order_id": "no", "product_id": "sku", "timestamp": "day", "quantity": "qty", "unit_price": "eur"}
    write_json({"columns": {**columns, "customer_id": "who"}}, run / "parameters.json")
    return run, file, tmp_path


def call(*words: object):
    return CliRunner().invoke(app, ["customers", *map(str, words)])


def test_own_ids_come_back_and_never_as_a_formula(shop):
    run, file, folder = shop
    done = call(run, "--orders", file, "--out", folder / "own.csv")
    assert done.exit_code == 0, done.output
    found = pd.read_csv(folder / "own.csv", dtype=str)
    assert found["customer_id"].tolist() == ["'=1+1", "0042"] and found["segment"].tolist() == ["'=a", "b"]


def test_another_key_gives_nothing_back(shop, monkeypatch):
    run, file, folder = shop
    monkeypatch.setenv(pseudonyms.VARIABLE, str(folder / "stranger.key"))
    done = call(run, "--orders", file, "--out", folder / "own.csv")
    assert done.exit_code == 1 and "another key" in " ".join(done.output.split())
    assert not (folder / "own.csv").exists()


@pytest.mark.parametrize(
    "words, complaint",
    [
        (("nowhere", "--orders", "FILE", "--out", "o.csv"), "no such folder"),
        (("RUN", "--orders", "none.csv", "--out", "o.csv"), "no such file"),
        (("RUN", "--orders", "FILE", "--out", "o.xlsx"), "ends in .csv"),
        (("RUN", "--orders", "FILE", "--out", "RUN/o.csv"), "outside"),
        (("RUN", "--orders", "FILE", "--out", "o.csv", "--table", "../x.csv"), "expected one of"),
        (("RUN", "--orders", "FILE", "--out", "o.csv", "--table", "intentions.csv"), "10_customers"),
        (("RUN", "--orders", "FILE", "--out", "o.csv", "--column", "customer_id="), "no column with customers"),
    ],
)
def test_what_cannot_be_done_is_a_sentence(shop, words, complaint):
    run, file, folder = shop
    place = {"RUN": str(run), "FILE": str(file)}
    told = [place.get(word, word.replace("RUN/", f"{run}/").replace("o.", f"{folder}/o.")) for word in words]
    done = call(*told)
    assert done.exit_code == 1 and complaint in " ".join(done.output.split()), done.output
