"""The server in a process of its own, for as long as a block lasts: for chapters, tests and benchmarks."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from salesforecast_lib.files import project_root, resolve
from salesforecast_lib.pipeline.serving.process import serving_folder

LOG = "server.log"


@dataclass
class Running:
    """A server that runs.

    Parameters
    ----------
    url : its address. ``process`` : it. ``log`` : file with its JSON lines.
    """

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def __str__(self) -> str:
        return self.url

    def get(self, path: str) -> Any:
        """The JSON that a GET answers; an answer that is no success too."""
        return self._ask(urllib.request.Request(self.url + path))

    def post(self, path: str, body: Any) -> Any:
        """The JSON that a POST answers; an answer that is no success too."""
        headers = {"content-type": "application/json"}
        return self._ask(urllib.request.Request(self.url + path, json.dumps(body).encode(), headers))

    def _ask(self, request: urllib.request.Request) -> Any:
        try:
            with _opener().open(request, timeout=60) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            return json.loads(error.read())

    def wait_for(self, version: str, seconds: float = 30.0) -> bool:
        """True as soon as this version of the model answers."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.get("/ready").get("version") == version:
                return True
            time.sleep(0.05)
        return False

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Ask it to end; returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            return int(self.process.returncode)


def _opener() -> urllib.request.OpenerDirector:
    return urllib.request.build_opener(urllib.request.ProxyHandler({}))  # this computer needs no proxy


def start(
    run_dir: str | Path,
    *options: str,
    port: int = 0,
    seconds: float = 60.0,
    environment: Mapping[str, str] | None = None,
    module: str = "salesforecast_lib.pipeline.serving.serve",
) -> Running:
    """Start the server of a run and wait until it is ready; ``options`` are those of the command.

    Raises
    ------
    RuntimeError
        When it does not get ready, with what it said.
    """
    folder = resolve(run_dir)
    serving_folder(folder).mkdir(parents=True, exist_ok=True)
    log = serving_folder(folder) / LOG
    command = [sys.executable, "-m", module, str(folder), "--port", str(port)]
    paths = [str(project_root()), os.environ.get("PYTHONPATH", "")]
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, paths)), **(environment or {})}
    with open(log, "ab") as lines:
        process = subprocess.Popen([*command, *options], stdout=subprocess.PIPE, stderr=lines, env=known)
    found, end = Running("", process, log), time.monotonic() + seconds
    try:
        found.url = _first_line(process, end)
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(OSError, ValueError):
                if found.get("/ready").get("ready"):
                    return found
            time.sleep(0.05)
        raise RuntimeError(f"the server did not get ready: {_last_words(log)}")
    except BaseException:
        found.kill()
        raise


def _first_line(process: subprocess.Popen[bytes], end: float) -> str:
    """The address that the server prints."""
    assert process.stdout is not None
    text = b""
    while not text.endswith(b"\n"):
        ready, _, _ = select.select([process.stdout], [], [], max(0.0, end - time.monotonic()))
        piece = os.read(process.stdout.fileno(), 1) if ready else b""
        if not piece:
            return ""
        text += piece
    return text.decode().strip()


def _last_words(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


@contextlib.contextmanager
def running(run_dir: str | Path, *options: str, **settings: Any) -> Iterator[Running]:
    """``with running(run_dir) as server:``, the real server on a free port of this computer, stopped at the end."""
    server = start(run_dir, *options, **settings)
    try:
        yield server
    finally:
        server.stop()
        if server.process.stdout is not None:
            server.process.stdout.close()
