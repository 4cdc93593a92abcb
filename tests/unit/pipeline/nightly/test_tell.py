"""The server is told what was sold: with its key, what was known ahead, and what an earlier night could not tell."""

import json
import threading
import time
from contextlib import contextmanager

import pandas as pd
import pytest
import uvicorn

from salesforecast_lib.files import write_json
from salesforecast_lib.pipeline.nightly.tell import Server, taken, tell_server
from salesforecast_lib.production.server import ServerConfig, create_app, newest
from tests.unit.production.server import fake

KEY = "a-key-of-sixteen-signs"


@contextmanager
def serving(run, key=KEY):
    """The real application on the fake model, whose products P0 to P4 are known until 2024-01-07."""
    config = ServerConfig(watch_seconds=0.02)
    app = create_app(newest(run / "models"), run / "o.sqlite", None, config, key, lambda event, **told: None, fake.load)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield Server(f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", key)
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def run(tmp_path):
    for version in ("v1", "v2"):
        write_json({"files": {}}, tmp_path / "models" / version / "model.json")
        write_json({"ids": [f"P{k}" for k in range(5)]}, tmp_path / "models" / version / "series.json")
    say(tmp_path, "v1")
    return tmp_path


def say(run, version):
    with (run / "models" / "log.jsonl").open("a") as log:
        log.write(json.dumps({"version": version, "model": version}) + "\n")


def sold(until, products=("P0", "P1", "P2", "P3", "P4", "new"), promo=1.0):
    days = pd.date_range("2024-01-01", until)
    parts = [pd.DataFrame({"unique_id": name, "ds": days, "y": 7.0, "available": 1.0}) for name in products]
    return pd.concat(parts, ignore_index=True).assign(promo=promo, price=2.0)


def observed(server):
    return server.ask("/model")["observed"]


def test_it_is_told_with_its_key_and_what_it_knows_it_is_not_told_again(run):
    with serving(run) as server:
        assert tell_server(server, run, sold("2024-01-09")) == "" and observed(server) == 5
        found = server.ask("/forecast", {"ids": ["P0"]})["forecasts"][0]
        assert found["dates"][0] == "2024-01-10"
        assert tell_server(server, run, sold("2024-01-09")) == ""
        # a night was not told, and a product was away for a while: what is missing is told now
        assert tell_server(server, run, sold("2024-01-12", ["P0", "P1"])) == ""
        assert tell_server(server, run, sold("2024-01-13")) == ""
        after = server.ask("/forecast", {"ids": ["P0", "P4"], "horizon": 1})["forecasts"]
        assert [each["dates"][0] for each in after] == ["2024-01-14"] * 2


@pytest.mark.parametrize(("promo", "stored"), [(1.0, {"promo": 1.0}), (0.0, {"promo": 0.0}), (float("nan"), {})])
def test_what_was_known_ahead_goes_along_and_nothing_that_the_model_does_not_know(run, promo, stored):
    import sqlite3

    with serving(run) as server:
        assert tell_server(server, run, sold("2024-01-08", promo=promo)) == ""
    rows = sqlite3.connect(run / "o.sqlite").execute("select id, day, y, told from observed").fetchall()
    assert {row[0] for row in rows} == {f"P{k}" for k in range(5)} and {row[1] for row in rows} == {"2024-01-08"}
    assert all(json.loads(row[3]) == stored for row in rows)


@pytest.mark.parametrize("key", ["", "another-key-of-sixteen"])
def test_a_wrong_key_is_said_with_what_to_do(run, key):
    with serving(run) as server:
        said = tell_server(Server(server.address, key), run, sold("2024-01-09"))
    assert said.startswith("the server http://127.0.0.1:") and "answers 401" in said and "key_file" in said
    assert KEY not in said


def test_a_server_of_another_run_is_told_nothing(run, tmp_path):
    (tmp_path / "other").mkdir()
    with serving(run) as server:
        said = tell_server(server, tmp_path / "other", sold("2024-01-09"))
        assert "which is no version of" in said and observed(server) == 0


def test_what_the_server_refuses_is_said_in_its_words(run):
    with serving(run) as server:
        said = tell_server(server, run, sold("2024-01-09").assign(y=1e12))
    assert "answers 422 to /observe" in said and "less than or equal to" in said


def test_new_models_are_waited_for_and_one_that_is_not_taken_is_an_alarm(run):
    with serving(run) as server:
        say(run, "v2")
        assert taken(server, "v2", 20) == ""
        write_json({"files": {}}, run / "models" / "v3" / "model.json")
        say(run, "v3")
        said = taken(server, "v3", 0.5)
        assert "goes on with v2 and does not take v3" in said and "passed over" in said
    assert "could not be asked" in taken(server, "v2", 0.2)
