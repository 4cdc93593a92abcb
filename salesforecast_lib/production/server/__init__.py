"""Chapter 14, the server: a model folder answers over HTTP, without torch.

- `create_app`: The application.
- `ServerConfig`: Limits of the server.
- `check_open`: Refuse to listen beyond this computer without a key.
- `newest`: The version that a registry's log names.
- `guarded`: uvicorn's protocol that waits for no slow client.
- `Ledger`: The store of observations.
- `Snapshot`: A model version with the state of each product.
- `Problem`: A request that cannot be answered, in a sentence.
"""

from salesforecast_lib.production.server.app import create_app
from salesforecast_lib.production.server.config import ServerConfig, check_open
from salesforecast_lib.production.server.connections import guarded
from salesforecast_lib.production.server.ledger import Ledger
from salesforecast_lib.production.server.problems import Problem
from salesforecast_lib.production.server.snapshot import Snapshot
from salesforecast_lib.production.server.source import newest

__all__ = ["create_app", "ServerConfig", "check_open", "newest", "guarded", "Ledger", "Snapshot", "Problem"]
