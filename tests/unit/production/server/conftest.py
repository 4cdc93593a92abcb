"""A server's application on the fake model."""

import json

import pytest
from starlette.testclient import TestClient

from salesforecast_lib.pipeline.serving.orders import replenish_orders
from salesforecast_lib.production.server import ServerConfig, create_app, newest
from tests.unit.production.server.fake import load


@pytest.fixture()
def models(tmp_path):
    """A registry's folder with two versions, of which the first is current."""
    folder = tmp_path / "models"
    for version in ("v1", "v2"):
        (folder / version).mkdir(parents=True)
    (folder / "log.jsonl").write_text(json.dumps({"version": "v1"}) + "\n")
    return folder


@pytest.fixture()
def start(models, tmp_path):
    """Start the application; the log's lines stand in ``client.lines``."""
    opened = []

    def started(key="", **limits):
        lines = []
        config = ServerConfig(**{"watch_seconds": 0.02, **limits})
        app = create_app(
            newest(models), tmp_path / "observed.sqlite", replenish_orders(0.1), config, key,
            lambda event, **told: lines.append({"event": event, **told}), load,
        )  # fmt: skip
        client = TestClient(app, raise_server_exceptions=False)
        client.__enter__()
        client.lines = lines
        opened.append(client)
        return client

    yield started
    for client in opened:
        client.__exit__(None, None, None)


@pytest.fixture()
def client(start):
    return start()
