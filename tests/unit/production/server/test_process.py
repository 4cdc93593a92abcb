"""The server as a process: models change under it, it is killed, clients are slow."""

import json
import socket
import subprocess
import sys
import threading
import time

import pytest
from starlette.testclient import TestClient

from salesforecast_lib.pipeline.serving.process import check_servable
from salesforecast_lib.pipeline.serving.running import start
from salesforecast_lib.production.server import create_app, newest
from salesforecast_lib.production.version_log import current_version

MODULE = "tests.unit.production.server.serve_fake"


@pytest.fixture()
def run_dir(models):
    return models.parent


@pytest.fixture()
def serve(run_dir):
    """Start the server of the run; what is started is stopped at the end."""
    started = []

    def begin():
        started.append(start(run_dir, module=MODULE))
        return started[-1]

    yield begin
    for server in started:
        server.stop()
        server.process.stdout.close()


def observe(server, name, day, y):
    return server.post("/observe", {"observations": [{"id": name, "date": f"2024-01-{day:02d}", "y": y}]})


def test_what_was_acknowledged_survives_a_kill(serve):
    server = serve()
    for day in range(8, 12):
        assert observe(server, "P0", day, 8)["accepted"] == 1
    before = server.post("/forecast", {"ids": ["P0"]})
    server.kill()
    again = serve()
    assert again.post("/forecast", {"ids": ["P0"]}) == before
    assert observe(again, "P0", 11, 8) == {"version": "v1", "accepted": 0, "known_already": 1}
    assert before["forecasts"][0]["mean"][0] == 5.0 and before["forecasts"][0]["dates"][0] == "2024-01-12"


def test_another_model_is_taken_without_a_failed_request(serve, models):
    server = serve()
    observe(server, "P0", 8, 8)  # v2 has seen this day itself
    for day in (8, 9, 10):
        observe(server, "P1", day, 9)  # and of these all but the last
    failed, versions, stop = [], set(), threading.Event()

    def ask():
        while not stop.is_set():
            found = server.post("/forecast", {"ids": ["P0", "P4"]})
            (versions.add(found["version"]) if "version" in found else failed.append(found))

    clients = [threading.Thread(target=ask) for _ in range(2)]
    for client in clients:
        client.start()
    for version in ("v2", "v1", "v2"):
        with open(models / "log.jsonl", "a") as log:
            log.write(json.dumps({"version": version}) + "\n")
        assert server.wait_for(version, 10)
    stop.set()
    for client in clients:
        client.join()
    assert not failed and versions == {"v1", "v2"}
    first, second = server.post("/forecast", {"ids": ["P0", "P1"]})["forecasts"]
    assert first["model"] == "champion" and first["dates"][0] == "2024-01-10"
    assert second["model"] == "live" and second["mean"][0] == 3.0  # (6 x 2 + 9) / 7
    assert second["dates"][0] == "2024-01-11"


def test_a_log_that_names_no_model_leaves_the_old_one(serve, models):
    server, log = serve(), models / "log.jsonl"
    good = log.read_text()
    for line in ('{"version": "v9"}\n', '{"version": "../v2"}\n', '{"versi', "[1]\n", "\n", '{"version": ""}\n'):
        log.write_text(good + line)
        time.sleep(0.1)  # five looks at the log
        assert server.get("/ready")["version"] == "v1", line
    assert "v9" in server.log.read_text()  # and it is told why
    assert server.post("/forecast", {"ids": ["P0"]})["version"] == "v1"
    log.write_text(good + '{"version": "v9"}\n{"version": "v2"}\n')
    assert server.wait_for("v2", 10)


def test_the_last_valid_line_of_the_log_counts(tmp_path):
    log = tmp_path / "log.jsonl"
    log.write_text('{"version": "a"}\n{"version": "b", "why": "better"}\n{"note": 1}\n{"version": "c')
    assert current_version(tmp_path) == "b"
    log.write_text("\n")
    with pytest.raises(ValueError, match="names no version"):
        current_version(tmp_path)


def test_slow_clients_are_closed_and_others_are_answered(serve, run_dir):
    server = serve()
    with pytest.raises(RuntimeError, match="another server serves this run"):
        start(run_dir, module=MODULE)
    port = int(server.url.rpartition(":")[2])
    head = b"POST /forecast HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 50\r\n\r\n{"
    heads = {"no head": b"", "half a head": b"GET /hea", "half a body": head}
    slow = {kind: socket.create_connection(("127.0.0.1", port)) for kind in heads}
    for kind, sent in heads.items():
        slow[kind].sendall(sent)
        slow[kind].settimeout(10)
    assert server.get("/health") == {"status": "alive"}
    with socket.create_connection(("127.0.0.1", port), 10) as endless, pytest.raises(OSError):
        for _ in range(100):
            endless.sendall(b"GET /health HTTP/1.1\r\nx: " + b"a" * 10_000)
            time.sleep(0.002)
    answers = {kind: client.recv(4096) for kind, client in slow.items()}
    assert answers["no head"] == answers["half a head"] == b""
    assert answers["half a body"].startswith(b"HTTP/1.1 408")
    assert server.get("/health") == {"status": "alive"}
    for client in slow.values():
        client.close()
    observe(server, "P0", 8, 8)
    assert server.stop() in (0, -15)
    assert '"event": "stopped"' in server.log.read_text()
    assert not server.log.with_name("observations.sqlite-wal").exists()  # the store was closed


def test_no_torch_in_the_process():
    code = (
        "import sys; import salesforecast_lib.pipeline.serving.serve, salesforecast_lib.production.server.app;"
        "from salesforecast_lib.pipeline.serving.orders import replenish_orders; replenish_orders(0.1);"
        "import salesforecast_lib.production.live, salesforecast_lib.decisions.inventory;"
        "assert 'onnxruntime' in sys.modules and 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def champion_only(models, version):
    (models / version).mkdir()
    (models / version / "model.json").write_text('{"format": 1, "live": null, "files": {}}')
    with (models / "log.jsonl").open("a") as log:
        log.write(json.dumps({"version": version}) + "\n")


def test_a_version_that_cannot_be_served_is_passed_over_at_start_too(run_dir, models, tmp_path):
    champion_only(models, "v7")
    (models / "log.jsonl").open("a").write('{"version": "v8"}\n')  # its folder is missing
    told = []

    def load(version, folder):
        from salesforecast_lib.production.live import LiveModel
        from tests.unit.production.server import fake

        return LiveModel.load(folder) if version == "v7" else fake.load(version, folder)

    app = create_app(newest(models), tmp_path / "o.sqlite", log=lambda event, **each: told.append(event), load=load)
    with TestClient(app) as client:
        assert client.get("/ready").json()["version"] == "v1"
        passed = client.get("/model").json()["passed_over"]
        assert (
            "v7" in passed and "champion only" in passed and "v8" in passed and told[:2] == ["ready", "model_refused"]
        )
        (models / "log.jsonl").open("a").write('{"version": "v2"}\n')
        end = time.monotonic() + 10
        while client.get("/ready").json()["version"] != "v2" and time.monotonic() < end:
            time.sleep(0.05)
        assert client.get("/model").json()["version"] == "v2"


@pytest.mark.parametrize("error", [TypeError("odd"), RuntimeError("odd"), KeyError("odd")])
def test_whatever_is_wrong_with_a_version_the_one_before_answers(models, tmp_path, error):
    from tests.unit.production.server import fake

    def load(version, folder):
        if version == "v2":
            raise error
        return fake.load(version, folder)

    (models / "log.jsonl").open("a").write('{"version": "v2"}\n')
    app = create_app(newest(models), tmp_path / "o.sqlite", log=lambda event, **each: None, load=load)
    with TestClient(app) as client:
        found = client.get("/model").json()
        assert found["version"] == "v1" and type(error).__name__ in found["passed_over"]


def test_a_run_without_any_servable_version_is_refused_before_anything_starts(run_dir, models):
    check_servable(run_dir)  # v1 says nothing of itself
    (models / "log.jsonl").write_text("")
    champion_only(models, "v7")
    champion_only(models, "v8")
    with pytest.raises(ValueError, match="live: false"):
        check_servable(run_dir)


def test_after_the_way_back_what_was_left_answers_no_more(models):
    log = models / "log.jsonl"
    log.write_text('{"version": "v1"}\n{"version": "v2"}\n{"what": "rolled back", "version": "v1"}\n')
    source = newest(models)
    assert source()[0] == "v1"
    with pytest.raises(ValueError, match="none of its versions"):
        source(("v1",))
