"""salesforecast serve: what is said before anything is served."""

import socket

import pytest
from typer.testing import CliRunner

from salesforecast_lib.pipeline.cli import app
from salesforecast_lib.pipeline.serving.serve import VARIABLE


@pytest.fixture()
def run(tmp_path, monkeypatch):
    """A folder that looks like a run with a model."""
    monkeypatch.delenv(VARIABLE, raising=False)
    folder = tmp_path / "run"
    (folder / "models" / "v1").mkdir(parents=True)
    (folder / "models" / "log.jsonl").write_text('{"version": "v1"}\n')
    (tmp_path / "empty").write_text("\n")
    return folder


WRONG = {
    "no folder": (["{run}/nowhere"], "no such folder"),
    "not exported": (["{run}/models"], "salesforecast export"),
    "port": (["{run}", "--port", "70000"], "--port 70000: expected a number from 0 to 65535"),
    "workers": (["{run}", "--workers", "2"], "--workers 2: expected 1"),
    "open to all": (["{run}", "--host", "0.0.0.0"], "SALESFORECAST_API_KEY"),
    "no key file": (["{run}", "--key-file", "{run}/key"], "no such file"),
    "an empty key file": (["{run}", "--key-file", "{run}/../empty"], "the file is empty"),
    "an address of others": (["{run}", "--host", "192.0.2.1", "--without-key"], "cannot listen there"),
}


@pytest.mark.parametrize("kind", WRONG)
def test_what_cannot_be_served_is_said(run, kind):
    words, sentence = WRONG[kind]
    done = CliRunner().invoke(app, ["serve", *(word.format(run=run) for word in words)])
    assert done.exit_code == 1 and sentence in done.stderr and "Traceback" not in done.stderr


def test_a_short_key_is_refused(run, monkeypatch):
    monkeypatch.setenv(VARIABLE, "secret")
    done = CliRunner().invoke(app, ["serve", str(run)])
    assert done.exit_code == 1 and "at least 16" in done.stderr and "secret" not in done.stderr


def test_a_port_that_is_taken_is_named(run):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = CliRunner().invoke(app, ["serve", str(run), "--port", str(port)])
    assert done.exit_code == 1 and f"--port {port}: cannot listen there" in done.stderr
