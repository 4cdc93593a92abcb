"""What the server refuses, and that it tells the field."""

import json

import pytest

from salesforecast_lib.production.server import check_open

SERIES = {"history": [1, 2, 3], "last_date": "2024-02-01"}
KEY = "0123456789abcdef"


def series(**changed):
    return {"series": [{**SERIES, **changed}]}


def item(**changed):
    return {"items": [{"id": "P0", "stock": 1, "lead_time": 1, "service_level": 0.9, **changed}]}


WRONG = {  # path, body, status, words of the answer, field
    "NaN": (
        "/forecast",
        '{"series": [{"history": [NaN], "last_date": "2024-02-01"}]}',
        422,
        "finite",
        "series[0].history[0]",
    ),
    "infinity": (
        "/forecast",
        '{"series": [{"history": [1, -Infinity], "last_date": "2024-02-01"}]}',
        422,
        "finite",
        "series[0].history[1]",
    ),
    "too large to be finite": (
        "/forecast",
        '{"series": [{"history": [1e999], "last_date": "2024-02-01"}]}',
        422,
        "history[0]",
        "series[0].history[0]",
    ),
    "negative": ("/forecast", series(history=[1, -1]), 422, "greater than or equal to 0", "series[0].history[1]"),
    "absurd": ("/forecast", series(history=[1e12]), 422, "less than or equal to 1000000000", "series[0].history[0]"),
    "text": ("/forecast", series(history=["many"]), 422, "valid number", "series[0].history[0]"),
    "a year that is none": ("/forecast", series(last_date="0001-01-01"), 422, "1990-01-01", "series[0].last_date"),
    "a date that is none": ("/forecast", series(last_date="2024-02-30"), 422, "date", "series[0].last_date"),
    "beyond the calendar": (
        "/forecast",
        series(last_date="2024-12-31"),
        422,
        "until 2024-12-17",
        "series[0].last_date",
    ),
    "before the calendar": (
        "/forecast",
        series(last_date="2023-01-02"),
        422,
        "begins before 2023-01-01",
        "series[0].history",
    ),
    "no figure": ("/forecast", series(history=[None, None]), 422, "at least one", "series[0].history"),
    "an empty history": ("/forecast", series(history=[]), 422, "at least 1", "series[0].history"),
    "a long history": ("/forecast", series(history=[1] * 2000), 422, "at most 1500", "series[0].history"),
    "availability of another length": ("/forecast", series(available=[1]), 422, "expected 3 values", "series[0]"),
    "an unknown column": ("/forecast", series(ahead={"price": [1]}), 422, "some of promo", "series[0].ahead"),
    "an unknown category": ("/forecast", series(static={"shop": "x"}), 422, "some of group", "series[0].static"),
    "values beyond the horizon": (
        "/forecast",
        series(ahead={"promo": [1] * 15}),
        422,
        "at most 14",
        "series[0].ahead.promo",
    ),
    "a field too many": ("/forecast", {**series(), "size": 1}, 422, "no such field", "size"),
    "neither": ("/forecast", {}, 422, "either ids or series", ""),
    "both": ("/forecast", {"ids": ["P0"], **series()}, 422, "either ids or series", ""),
    "a long horizon": ("/forecast", {"ids": ["P0"], "horizon": 15}, 422, "at most 14", "horizon"),
    "no horizon": ("/forecast", {"ids": ["P0"], "horizon": 0}, 422, "greater than or equal to 1", "horizon"),
    "an unknown product": ("/forecast", {"ids": ["P0", "Q"]}, 422, "'Q' is no product", "ids[1]"),
    "too many": ("/forecast", {"ids": ["P0"] * 2001}, 422, "at most 2000", "ids"),
    "no JSON": ("/forecast", "{", 400, "no valid JSON", ""),
    "no UTF-8": ("/forecast", b'{"ids": ["\xff"]}', 400, "no valid JSON", ""),
    "a list": ("/forecast", "[]", 422, "expected an object", ""),
    "nothing": ("/observe", {"observations": []}, 422, "at least 1", "observations"),
    "a told column": (
        "/observe",
        {"observations": [{"id": "P0", "date": "2024-01-08", "y": 1, "told": {"x": 1}}]},
        422,
        "some of promo",
        "observations[0].told",
    ),
    "a short key": (
        "/observe",
        {"observations": [{"id": "P0", "date": "2024-01-08", "y": 1}], "key": "x"},
        422,
        "at least 8",
        "key",
    ),
    "neither level nor costs": ("/replenish", item(service_level=None), 422, "either service_level", "items[0]"),
    "one cost": ("/replenish", item(service_level=None, holding_cost=1), 422, "either service_level", "items[0]"),
    "a certain service": ("/replenish", item(service_level=1), 422, "0.999", "items[0].service_level"),
    "a lead time of the past": (
        "/replenish",
        item(lead_time=-1),
        422,
        "greater than or equal to 0",
        "items[0].lead_time",
    ),
    "an order for nobody": ("/replenish", item(id="Q"), 422, "'Q' is no product", "items[0].id"),
    "a column that follows from the date": (
        "/whatif",
        {"ids": ["P0"], "changes": {"weekday": 1}},
        422,
        "some of promo",
        "changes",
    ),
    "no change": ("/whatif", {"ids": ["P0"], "changes": {}}, 422, "at least 1", "changes"),
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One application for all: nothing in this module moves its state."""
    from starlette.testclient import TestClient

    from salesforecast_lib.pipeline.serving import replenish_orders
    from salesforecast_lib.production.server import create_app, newest
    from tests.unit.production.server.fake import load

    folder = tmp_path_factory.mktemp("models")
    (folder / "v1").mkdir()
    (folder / "log.jsonl").write_text('{"version": "v1"}\n')
    app = create_app(
        newest(folder), folder / "o.sqlite", replenish_orders(0.1), log=lambda event, **told: None, load=load
    )
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_request_is_told_the_field_and_what_is_expected(shared, kind):
    path, body, status, words, field = WRONG[kind]
    content = body if isinstance(body, str | bytes) else json.dumps(body)
    found = shared.post(path, content=content, headers={"content-type": "application/json"})
    assert found.status_code == status, found.text
    told = found.json()
    assert set(told) == {"error", "field"} and words in told["error"] and told["field"] == field, told


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_what_a_page_of_another_site_may_send_is_refused(shared, kind):
    found = shared.post("/forecast", content='{"ids": ["P0"]}', headers={"content-type": kind})
    assert found.status_code == 415


def test_a_body_that_is_too_long_is_refused(start):
    client = start(max_body=500)
    body = json.dumps(series(history=[1] * 300))
    headers = {"content-type": "application/json"}
    assert client.post("/forecast", content=body, headers=headers).status_code == 413
    chunks = (part.encode() for part in (body[:400], body[400:]))  # without a content-length
    found = client.post("/forecast", content=chunks, headers=headers)
    assert found.status_code == 413 and "more than 500 bytes" in found.json()["error"]


def test_without_the_key_nothing_is_told(start):
    client = start(key=KEY)
    assert client.get("/model").status_code == 401
    for wrong in ("", KEY[:-1], KEY + "x", "é"):
        assert client.get("/model", headers={"x-api-key": wrong.encode()}).status_code == 401
    assert client.get("/model", headers={"x-api-key": KEY}).status_code == 200
    assert client.get("/model", headers={"authorization": f"Bearer {KEY}"}).status_code == 200
    assert client.post("/observe", json={}).status_code == 401 and client.get("/metrics").status_code == 401
    assert client.get("/health").status_code == client.get("/ready").status_code == 200
    assert "P0" not in client.get("/docs").text + client.get("/openapi.json").text


@pytest.mark.parametrize(("host", "key"), [("0.0.0.0", ""), ("192.168.1.5", ""), ("127.0.0.1", "short"), ("::", "")])
def test_other_computers_need_a_key(host, key):
    with pytest.raises(ValueError, match="key"):
        check_open(host, key)
    check_open("127.0.0.1", "")
    check_open("0.0.0.0", KEY)
    check_open("0.0.0.0", "", without_key=True)


def test_too_much_at_once_is_refused_with_a_time(start):
    client = start(max_waiting=10)
    service = client.app.state.service
    service.batcher.waiting = 9  # as if they were at work
    found = client.post("/forecast", json={"ids": ["P4"] * 2})
    assert found.status_code == 429 and found.headers["retry-after"] == "1"
    assert (
        client.post("/forecast", json={"ids": ["P0"] * 2}).status_code == 200
    )  # the champion's table waits for nobody
    service.batcher.waiting = 0
    assert client.post("/forecast", json={"ids": ["P4"] * 2}).status_code == 200


def test_an_error_of_ours_leaks_nothing(start, monkeypatch):
    client = start()

    def broken(*args, **kwargs):
        raise KeyError("a customer's name")

    monkeypatch.setattr(client.app.state.service.snapshot, "from_states", broken)
    found = client.post("/forecast", json={"ids": ["P4"]})
    assert found.status_code == 500 and "customer" not in found.text and "Traceback" not in found.text
    (line,) = [line for line in client.lines if line["event"] == "error"]
    assert line["kind"] == "KeyError" and "customer" not in json.dumps(client.lines)
    assert client.get("/health").status_code == 200


def test_the_log_holds_no_customers_data(start):
    client = start()
    client.post("/observe", json={"observations": [{"id": "P0", "date": "2024-01-08", "y": 7654321}]})
    client.post("/forecast", json={"ids": ["SECRET"]})
    client.get("/forecast/SECRET?id=SECRET")
    told = json.dumps(client.lines)
    assert "P0" not in told and "7654321" not in told and "SECRET" not in told
    routes = [line["route"] for line in client.lines if line["event"] == "request"]
    assert routes == ["/observe", "/forecast", "other"]


def test_the_description_is_whole_and_fetches_nothing(shared):
    described = shared.get("/openapi.json").json()
    assert {"/forecast", "/observe", "/replenish", "/whatif", "/model", "/health", "/ready", "/metrics"} == set(
        described["paths"]
    )
    page = shared.get("http://127.0.0.1:9123/docs").text
    assert "curl -s http://127.0.0.1:9123/forecast" in page, "the address that answered"
    assert "http://" not in page.replace("http://127.0.0.1:9123", "") and "https://" not in page
    assert "<script" not in page and "service_level" in page and "curl" in page


def test_the_metrics_count(client):
    client.post("/forecast", json={"ids": ["P4"]})
    client.post("/forecast", json={"ids": ["nobody"]})
    text = client.get("/metrics").text
    assert 'salesforecast_requests_total{route="/forecast",status="200"} 1.0' in text
    assert 'salesforecast_requests_total{route="/forecast",status="422"} 1.0' in text
    assert 'salesforecast_model{version="v1"} 1.0' in text and "P4" not in text


def test_the_examples_of_the_description_are_answered(client):
    from salesforecast_lib.production.server.page import examples

    for path, body in examples(client.app.state.service.snapshot).items():
        assert client.post(path, json=body).status_code == 200, path
