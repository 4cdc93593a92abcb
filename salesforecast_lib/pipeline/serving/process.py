"""The server as a process: its address, its files and its end."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from salesforecast_lib.production.version_log import LOG, MODELS, has_live, serving_line

if TYPE_CHECKING:
    from salesforecast_lib.production.server import ServerConfig, Snapshot

STORE, LOCK = "observations.sqlite", "server.lock"


def serving_folder(run_dir: Path) -> Path:
    """Where the server of a run keeps its files."""
    return run_dir / "serving"


def check_servable(run_dir: Path) -> None:
    """Raise FileNotFoundError where a folder holds no exported model, ValueError where none of them can be served."""
    if not run_dir.is_dir():
        raise FileNotFoundError(f"{run_dir}: no such folder; give the folder of a finished run")
    log = run_dir / MODELS / LOG
    if not log.is_file():
        raise FileNotFoundError(f"{log}: no such file; export the run's model first: salesforecast export {run_dir}")
    line = serving_line(run_dir / MODELS)
    if line and not any(has_live(run_dir / MODELS / version) for version in line):
        raise ValueError(
            f"{log}: no version holds the live network that a server answers with; take 'live: false' out of the "
            f"night's YAML and train again, or go back to the run's own models: salesforecast export {run_dir}"
        )


def serve_run(
    run_dir: Path,
    host: str,
    port: int,
    key: str = "",
    config: ServerConfig | None = None,
    told: Callable[[str], None] = print,
    load: Callable[[str, Path], Snapshot] | None = None,
) -> None:
    """Serve a run's current model until SIGTERM or SIGINT.

    Parameters
    ----------
    port : 0 takes a free one.
    told : gets one line with the address, as soon as connections are taken.
    load : reads a version from its folder; default: `Snapshot.load`.

    Raises
    ------
    FileNotFoundError, ValueError
        When there is no model that can be read.
    OSError
        When the port is taken, or another server serves this run.
    """
    import filelock
    import uvicorn

    from salesforecast_lib.pipeline.serving.orders import correlation_of_run, replenish_orders
    from salesforecast_lib.production.server import ServerConfig, Snapshot, create_app, guarded, newest

    config = config or ServerConfig()
    source = newest(run_dir / MODELS)
    source(())
    folder = serving_folder(run_dir)
    folder.mkdir(exist_ok=True)
    lock = filelock.FileLock(folder / LOCK)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise OSError(f"{folder}: another server serves this run; stop it first, or ask that one") from None
    try:
        listening = _listen(host, port)
        rule = replenish_orders(correlation_of_run(run_dir))
        app = create_app(source, folder / STORE, rule, config, key, load=load or Snapshot.load)
        server = uvicorn.Server(
            uvicorn.Config(
                app, loop="uvloop", http=guarded(config.header_seconds), ws="none", lifespan="on", access_log=False,
                log_level="warning", server_header=False, limit_concurrency=config.max_connections, backlog=512,
                timeout_keep_alive=max(1, round(config.keep_alive_seconds)),
                timeout_graceful_shutdown=max(1, round(config.shutdown_seconds)),
            )
        )  # fmt: skip
        shown = f"[{host}]" if ":" in host else host
        told(f"http://{shown}:{listening.getsockname()[1]}")
        server.run(sockets=[listening])
    finally:
        lock.release()


def _listen(host: str, port: int) -> socket.socket:
    """A socket on the address; raises OSError that names it."""
    kind = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(kind, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        reason = error.strerror or str(error)
        raise OSError(
            f"--host {host} --port {port}: cannot listen there ({reason}); take another, or --port 0"
        ) from None
    return listening
