"""The server on a real model folder: days and weeks."""

import json
import shutil
import time

import numpy as np
import pytest
from starlette.testclient import TestClient

from salesforecast_lib.pipeline.serving import trial_run
from salesforecast_lib.pipeline.serving.orders import correlation_of_run, replenish_orders
from salesforecast_lib.production.export import write_model_folder
from salesforecast_lib.production.live import LiveModel, Windows
from salesforecast_lib.production.registry.log import append
from salesforecast_lib.production.server import create_app, newest
from tests.unit.production.made_run import made_live, made_run, read_run


@pytest.fixture(scope="module", params=["D", "W"])
def made(request, tmp_path_factory):
    """A run with an exported model, and the model."""
    run = made_run(tmp_path_factory.mktemp(request.param), request.param)
    table, meta, _ = read_run(run)
    place = write_model_folder(run, run / "models" / "a-1", forecaster=made_live(table, meta), precision="fp32")
    (run / "models" / "log.jsonl").write_text(json.dumps({"version": "a-1"}) + "\n")
    return run, LiveModel.load(place), table.frame


@pytest.fixture()
def client(made, tmp_path):
    run = trial_run(made[0], tmp_path / "trial")
    rule = replenish_orders(correlation_of_run(run))
    app = create_app(newest(run / "models"), run / "o.sqlite", rule, log=lambda event, **told: None)
    with TestClient(app, raise_server_exceptions=False) as client:
        client.run = run
        yield client


def post(client, path, **body):
    found = client.post(path, json=body)
    assert found.status_code == 200, found.text
    return found.json()


def test_answers_are_those_of_the_model(client, made):
    _, model, frame = made
    ids = list(model.ids)
    by_name = post(client, "/forecast", ids=ids, model="live")["forecasts"]
    states = model.state()
    mean, quantiles = model.decode(states, model.ahead(states.at, len(ids), None, ids))
    for each, row, parts in zip(by_name, mean, quantiles, strict=True):
        np.testing.assert_allclose(each["mean"], row, atol=1e-3)
        np.testing.assert_allclose(each["quantiles"], parts, atol=1e-3)
    past = frame[frame["unique_id"] == "s1"]
    own = {
        "history": past["y"].tolist(), "available": past["available"].tolist(), "last_date": str(model.cutoff.date()),
        "past": {name: past[name].tolist() for name in model.told}, "ahead": {"promo": [3.0, 0.0]},
        "static": {"brand": "b1", "group": "g0"},
    }  # fmt: skip
    (found,) = post(client, "/forecast", series=[own])["forecasts"]
    told = {"promo": np.array([[3.0, 0.0] + [np.nan] * (model.horizon - 2)])}
    static, last = np.array([["b1", "g0"]], dtype=object), np.array([model.cutoff], dtype="datetime64[D]")
    given = {name: past[[name]].to_numpy().T for name in model.told}
    windows = Windows(
        last, past[["y"]].to_numpy().T, past[["available"]].to_numpy().T,
        model.past(last, 1, len(past), given, None, static), model.ahead(last, 1, told, None, static), static,
    )  # fmt: skip
    np.testing.assert_allclose(found["mean"], model.forecast(windows)[0][0], atol=1e-3)


def test_an_observed_period_is_one_step_of_the_state(client, made):
    _, model, _ = made
    first = post(client, "/forecast", ids=["s0", "s1"])["forecasts"]
    assert [each["model"] for each in first] == ["champion", "live"]  # the made champion knows s0 only
    day = first[0]["dates"][0]
    row = {"id": "s0", "date": day, "y": 33, "told": {"promo": 3.0}}
    assert post(client, "/observe", observations=[row])["accepted"] == 1
    (moved,) = post(client, "/forecast", ids=["s0"])["forecasts"]
    state = model.state().take([0])
    today = model.today(state.at, 1, {"promo": np.array([3.0])}, ["s0"])
    after = model.step(state, np.array([33.0]), np.array([1.0]), today)
    mean, _ = model.decode(after, model.ahead(after.at, 1, None, ["s0"]))
    np.testing.assert_allclose(moved["mean"], mean[0], atol=1e-3)
    assert moved["model"] == "live" and moved["dates"][0] == first[0]["dates"][1]
    whatif = post(client, "/whatif", ids=["s0"], changes={"promo": 3.0})["differences"][0]
    assert whatif["before"] == moved["mean"] and whatif["after"] != whatif["before"]
    order = post(client, "/replenish", items=[{"id": "s0", "stock": 0, "lead_time": 1, "service_level": 0.9}])
    assert order["orders"][0]["order"] >= sum(moved["mean"][:2]) * 0.5


def test_a_date_that_is_no_period_is_refused(client, made):
    _, model, _ = made
    if model.freq == "D":
        pytest.skip("every day is a period")
    own = {"history": [1.0, 2.0], "last_date": "2024-06-05"}
    found = client.post("/forecast", json={"series": [own]})
    assert found.status_code == 422 and found.json()["field"] == "series[0].last_date"
    row = {"id": "s0", "date": "2024-07-03", "y": 1}
    found = client.post("/observe", json={"observations": [row]})
    assert found.status_code == 409 and "no period" in found.json()["error"]


def test_a_changed_file_keeps_the_old_model(client):
    models, service = client.run / "models", client.app.state.service
    shutil.copytree(models / "a-1", models / "a-2")
    file = models / "a-2" / "step.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    append(client.run, "promoted", "a-2", "a-2", "test")
    end = time.monotonic() + 10
    while not service.trouble and time.monotonic() < end:
        time.sleep(0.02)
    assert "step.onnx" in service.trouble
    assert client.get("/ready").json()["version"] == "a-1"
    shutil.copytree(models / "a-1", models / "a-3")
    append(client.run, "promoted", "a-3", "a-3", "test")
    while service.snapshot.version != "a-3" and time.monotonic() < end:
        time.sleep(0.02)
    assert client.get("/ready").json()["version"] == "a-3"


def test_histories_of_one_length_and_of_several_are_answered_alike(client, made):
    _, model, frame = made
    past = frame[frame["unique_id"] == "s1"]["y"].tolist()[-20:]
    last, unknown = str(model.cutoff.date()), [None, *past[1:]]
    rows = [{"history": each, "last_date": last} for each in (past, unknown, past[-8:])]
    alone = [post(client, "/forecast", series=[row])["forecasts"][0]["mean"] for row in rows]
    for together in (rows, rows[:2]):
        found = post(client, "/forecast", series=together)["forecasts"]
        for each, wanted in zip(found, alone, strict=False):
            np.testing.assert_allclose(each["mean"], wanted, rtol=1e-4, atol=1e-3)
