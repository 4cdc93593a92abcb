"""The command ``salesforecast serve``."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from salesforecast_lib.pipeline.runs.messages import ERRORS, say, stop
from salesforecast_lib.pipeline.serving.process import check_servable, serve_run

VARIABLE = "SALESFORECAST_API_KEY"


def serve(
    run_dir: Annotated[str, typer.Argument(help="folder of a finished run whose model was exported")],
    port: Annotated[int, typer.Option(help="port; 0 takes a free one")] = 8000,
    host: Annotated[str, typer.Option(help="address to listen on; other computers reach 0.0.0.0")] = "127.0.0.1",
    workers: Annotated[int, typer.Option(help="processes; one holds what is remembered of the products")] = 1,
    key_file: Annotated[str, typer.Option(help=f"file with the API key; else {VARIABLE}")] = "",
    without_key: Annotated[bool, typer.Option("--without-key", help="let other computers in without a key")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="no log line for each request")] = False,
) -> None:
    """Serve a run's current model over HTTP, without torch; another version is taken while it runs.

    POST /forecast, /observe, /replenish, /whatif; GET /model, /why/ID, /health, /ready, /metrics, /docs. What was
    observed lies in RUN/serving and survives a crash.
    """
    folder = Path(run_dir).expanduser().resolve()
    try:
        if not 0 <= port <= 65535:
            raise ValueError(f"--port {port}: expected a number from 0 to 65535")
        if workers != 1:
            raise ValueError(
                f"--workers {workers}: expected 1; one process holds what is remembered of the products, and would not "
                "hear what another one is told. For more, serve a copy of the run on another port"
            )
        key = read_key(key_file)
        check_servable(folder)
        from salesforecast_lib.production.server.config import ServerConfig, check_open

        check_open(host, key, without_key)
        serve_run(folder, host, port, key, ServerConfig(log_requests=not quiet), say)
    except ERRORS as error:
        raise stop(error, folder) from None


def read_key(file: str) -> str:
    """The API key from a file or the environment, "" for none; raises where a file is said and holds none."""
    if not file:
        return os.environ.get(VARIABLE, "").strip()
    path = Path(file).expanduser()
    if not path.is_file():
        raise FileNotFoundError(f"--key-file {file}: no such file")
    key = path.read_text(encoding="utf-8").strip()
    if not key:
        raise ValueError(f"--key-file {file}: the file is empty; write a key of at least 16 signs into it")
    return key


if __name__ == "__main__":
    typer.run(serve)
