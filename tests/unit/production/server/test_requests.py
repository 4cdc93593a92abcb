"""What the server answers."""

import numpy as np

OBSERVED = {"observations": [{"id": "P0", "date": "2024-01-08", "y": 8}]}


def mean(client, **asked):
    found = client.post("/forecast", json=asked)
    assert found.status_code == 200, found.text
    return found.json()["forecasts"]


def test_the_champion_answers_until_a_product_is_observed(client):
    first = mean(client, ids=["P0", "P4"])
    assert [each["model"] for each in first] == ["champion", "live"]  # the champion's table lacks P4
    assert first[0]["mean"] == [100.0] * 14 and first[1]["mean"] == [5.0] * 14
    assert first[0]["dates"][0] == "2024-01-08" and len(first[0]["quantiles"][0]) == 7
    assert client.post("/observe", json=OBSERVED).json() == {"version": "v1", "accepted": 1, "known_already": 0}
    moved, other = mean(client, ids=["P0", "P1"])
    assert (moved["model"], moved["mean"][0], moved["dates"][0]) == ("live", 2.0, "2024-01-09")
    assert other["model"] == "champion"


def test_a_history_is_answered_with_what_is_told(client):
    series = {"history": [None, 2, 4], "last_date": "2024-03-01", "ahead": {"promo": [0, 1]}, "id": "new"}
    (found,) = mean(client, series=[series], horizon=3)
    assert found["id"] == "new" and found["mean"] == [3.0, 6.0, 3.0] and found["dates"][0] == "2024-03-02"


def test_many_series_are_the_same_as_one_at_a_time(start):
    client = start(small=2, chunk=3)
    rng = np.random.default_rng(0)
    series = [
        {"history": rng.poisson(4, size).tolist(), "last_date": f"2024-02-{1 + size:02d}"} for size in range(7, 20)
    ]
    together = mean(client, series=series)
    alone = [mean(client, series=[each])[0] for each in series]
    assert together == alone


def test_a_short_history_near_the_calendars_begin_goes_with_a_long_one(client):
    early, long = {"history": [4], "last_date": "2023-01-01"}, {"history": [6] * 30, "last_date": "2024-02-01"}
    found = mean(client, series=[early, long])
    assert [each["mean"][0] for each in found] == [4.0, 6.0]


def test_the_same_observation_again_changes_nothing(client):
    for _ in range(2):
        found = client.post("/observe", json={**OBSERVED, "key": "night-one"})
        assert found.json()["accepted"] == 1
    again = client.post("/observe", json=OBSERVED).json()
    assert (again["accepted"], again["known_already"]) == (0, 1)
    assert mean(client, ids=["P0"])[0]["mean"][0] == 2.0


def test_an_observation_that_does_not_fit_is_refused_whole(client):
    client.post("/observe", json=OBSERVED)
    first = {"id": "P1", "date": "2024-01-08", "y": 1}
    wrong = {
        "a gap": ({"id": "P0", "date": "2024-01-11", "y": 1}, "expected 2024-01-09"),
        "another figure": ({"id": "P0", "date": "2024-01-08", "y": 3}, "other figures of 2024-01-08"),
        "before the cutoff": ({"id": "P2", "date": "2024-01-02", "y": 3}, "not after the last day"),
        "nobody": ({"id": "X", "date": "2024-01-08", "y": 3}, "'X' is no product"),
    }
    for each, sentence in wrong.values():
        found = client.post("/observe", json={"observations": [first, each]})
        assert found.status_code in (409, 422) and sentence in found.json()["error"], found.text
        assert "observations[1]" in found.json()["field"]
    assert mean(client, ids=["P1"])[0]["model"] == "champion"  # the first was not taken either
    other = {"observations": [{"id": "P3", "date": "2024-01-08", "y": 3}], "key": "night-one"}
    assert client.post("/observe", json={**OBSERVED, "key": "night-one"}).status_code == 200
    found = client.post("/observe", json=other)
    assert found.status_code == 409 and "take a new key" in found.json()["error"]


def test_what_the_disk_does_not_take_is_not_acknowledged(client, monkeypatch):
    service = client.app.state.service
    with monkeypatch.context() as broken:
        broken.setattr(service.ledger, "commit", lambda *asked: (_ for _ in ()).throw(OSError("full")))
        found = client.post("/observe", json=OBSERVED)
        assert found.status_code == 503 and "not stored" in found.json()["error"]
    with monkeypatch.context() as broken:
        broken.setattr(service.snapshot.model, "step", lambda *asked: (_ for _ in ()).throw(RuntimeError("odd")))
        found = client.post("/observe", json=OBSERVED)
        assert found.status_code == 500 and "did not move on" in found.json()["error"]
    other = {"observations": [{"id": "P1", "date": "2024-01-08", "y": 1}]}
    assert client.post("/observe", json=other).json()["accepted"] == 1  # it goes on


def test_another_plan_is_compared(client):
    found = client.post("/whatif", json={"ids": ["P1", "P2"], "changes": {"promo": [1, 0, 1]}}).json()
    assert [each["difference"] for each in found["differences"]] == [4.0, 6.0] and found["difference"] == 10.0
    assert found["differences"][0]["after"][:3] == [4.0, 2.0, 4.0]
    everywhere = client.post("/whatif", json={"ids": ["P1"], "changes": {"promo": 1}}).json()
    assert everywhere["difference"] == 28.0


def test_the_model_says_what_it_is(client):
    told = client.get("/model").json()
    assert told["version"] == "v1" and told["cutoff"] == "2024-01-07" and told["told"] == ["promo"]
    assert told["info"] == {"licence": "made"} and told["products"] == 5


def test_orders_are_those_of_chapter_08(client):
    from salesforecast_lib.decisions import inventory
    from salesforecast_lib.decisions.inventory.orders import daily_sd

    items = [
        {"id": "P4", "stock": 3, "on_order": 2, "lead_time": 2, "review_period": 3, "service_level": 0.9},
        {"id": "P0", "stock": 250, "lead_time": 1, "shortage_cost": 9, "holding_cost": 1},
        {"series": {"history": [4] * 7, "last_date": "2024-02-01"}, "stock": 0, "lead_time": 20, "service_level": 0.9},
    ]
    orders = client.post("/replenish", json={"items": items}).json()["orders"]
    cases = zip(orders, (5.0, 100.0, 4.0), ((2, 3, 0.9), (1, 1, 0.9), (20, 1, 0.9)), (5, 250, 0), strict=True)
    for order, level, (lead, review, service), position in cases:
        days = lead + review  # beyond the horizon of 14 the last season goes on
        sd = daily_sd(level * np.linspace(0.5, 1.5, 7))
        moments = [inventory.interval_moments(*(np.full((1, n), v) for v in (level, sd)), 0.1) for n in (lead, days)]
        plan = inventory.replenishment_plan(["x"], np.array([position]), *moments, service).iloc[0]
        assert order["order"] == plan["order_quantity"] and order["why"] == plan["why"]
        assert order["risk_with_order"] == plan["risk_with_order"] and order["level"] == plan["order_up_to_level"]
    assert [order["model"] for order in orders] == ["live", "champion", "live"]


def test_why_tells_the_champions_reasons_and_what_to_do_without(client):
    answer = client.get("/why/P0").json()
    assert answer["version"] == "v1" and "at the cutoff" in answer["note"]
    assert answer["usual"] + sum(each["units"] for each in answer["drivers"]) + answer["rest"] == answer["forecast"]
    none = client.get("/why/P3")
    assert none.status_code == 404 and "16_trust" in none.json()["error"] and "salesforecast export" in none.text
    for name in ("nobody", "a/b", "%3Cscript%3E"):
        wrong = client.get(f"/why/{name}")
        assert wrong.status_code == 404 and wrong.json()["field"] == "id" and "GET /model" in wrong.json()["error"]
    assert "nobody" not in client.get("/metrics").text and 'route="/why"' in client.get("/metrics").text


def test_a_forecast_brings_its_reasons_along_where_it_is_the_champions(client):
    asked = {"ids": ["P0", "P3", "P4"], "why": True}
    rows = client.post("/forecast", json=asked).json()["forecasts"]
    assert [row["model"] for row in rows] == ["champion", "champion", "live"]
    assert rows[0]["why"]["drivers"][0]["driver"] == "promotion" and rows[1]["why"] is rows[2]["why"] is None
    assert "why" not in client.post("/forecast", json={"ids": ["P0"]}).json()["forecasts"][0]
