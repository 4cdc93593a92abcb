"""The real server process on the fake model: ``python -m … FOLDER --port 0``."""

import sys
from pathlib import Path

from salesforecast_lib.pipeline.serving import serve_run
from salesforecast_lib.production.server import ServerConfig
from tests.unit.production.server.fake import load

if __name__ == "__main__":
    config = ServerConfig(watch_seconds=0.02, header_seconds=0.5, body_seconds=0.5, max_connections=20)
    serve_run(Path(sys.argv[1]), "127.0.0.1", int(sys.argv[3]), "", config, lambda line: print(line, flush=True), load)
