"""A running server is told what was sold since it was told last, and asked whether it has taken new models."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from salesforecast_lib.files import read_json
from salesforecast_lib.production import registry

if TYPE_CHECKING:
    import pandas as pd

AT_ONCE = 500  # observations, or products, of a request
SECONDS = 20.0
HERE = ("127.0.0.1", "localhost", "::1")


class ServerError(OSError):
    """The server did not answer, or refused; the text goes on after "the server ADDRESS"."""


@dataclass(frozen=True)
class Server:
    """A running server: its ``address``, and the ``key`` that it wants, "" for none."""

    address: str
    key: str = ""

    def ask(self, path: str, body: Any = None) -> Any:
        """The JSON of an answer; raises `ServerError` with what the server said."""
        headers = {"Content-Type": "application/json"} | ({"X-API-Key": self.key} if self.key else {})
        told = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.address.rstrip('/')}{path}", told, headers)
        own = [urllib.request.ProxyHandler({})] if urlsplit(self.address).hostname in HERE else []
        try:
            with urllib.request.build_opener(*own).open(request, timeout=SECONDS) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            said = _sentence(error)
            hint = "; name the file with its key as key_file" if error.code == 401 else ""
            raise ServerError(f"answers {error.code} to {path}: {said}{hint}") from None
        except (urllib.error.URLError, OSError, ValueError) as error:
            raise ServerError(f"does not answer ({error}); see that it runs") from None


def tell_server(server: Server, run: Path, panel: pd.DataFrame) -> str:
    """POST what was sold after each product's last period that the server knows, with what was known ahead of it.

    The server says what it knows: what an earlier night could not tell is told now, and the same again changes nothing.

    Returns
    -------
    A sentence where it did not work, which begins with "the server"; else empty.
    """
    try:
        model = server.ask("/model")
        version = str(model["version"])
        file = registry.model_folder(run, version) / "series.json" if version in registry.versions(run) else None
        if file is None or not file.is_file():
            return (
                f"the server {server.address} could not be told what was sold: it answers with {version}, "
                f"which is no version of {run}; see that it serves this run"
            )
        for observations in _observations(panel, _next_days(server, read_json(file)["ids"]), list(model["told"])):
            server.ask("/observe", {"observations": observations})
    except ServerError as error:
        return f"the server {server.address} could not be told what was sold: it {error}"
    return ""


def taken(server: Server, version: str, seconds: float = 60.0) -> str:
    """Wait until the server answers with new models; a sentence as `tell_server` where it does not."""
    end = time.monotonic() + seconds
    try:
        while (answers := server.ask("/ready")["version"]) != version:
            if time.monotonic() > end:
                why = server.ask("/model").get("passed_over") or "see that it serves this run"
                return f"the server {server.address} goes on with {answers} and does not take {version}: {why}"
            time.sleep(0.2)
    except ServerError as error:
        return f"the server {server.address} could not be asked whether it has taken {version}: it {error}"
    return ""


def _next_days(server: Server, ids: list[str]) -> dict[str, str]:
    """Product → the period that the server wants to hear of next (ISO date)."""
    found: dict[str, str] = {}
    for first in range(0, len(ids), AT_ONCE):
        answer = server.ask("/forecast", {"ids": ids[first : first + AT_ONCE], "horizon": 1})
        found |= {str(each["id"]): str(each["dates"][0]) for each in answer["forecasts"] if each["dates"]}
    return found


def _observations(panel: pd.DataFrame, following: dict[str, str], told: list[str]) -> Iterator[list[dict[str, Any]]]:
    """Rows from each product's next period on, period by period, at most `AT_ONCE` together."""
    import numpy as np
    import pandas as pd

    due = pd.to_datetime(panel["unique_id"].astype(str).map(following))
    rows = panel[(due <= panel["ds"]).to_numpy()].sort_values(["ds", "unique_id"])
    names = [name for name in told if name in rows]
    for _, day in rows.groupby("ds", sort=True):
        known = day[names].to_numpy("float64")
        whole = zip(day["unique_id"], day["ds"], day["y"], day["available"].fillna(1.0), known, strict=True)
        sold = [
            {
                "id": str(uid),
                "date": str(ds.date()),
                "y": float(y),
                "available": float(available),
                "told": {n: float(v) for n, v in zip(names, values, strict=True) if np.isfinite(v)},
            }
            for uid, ds, y, available, values in whole
        ]
        for first in range(0, len(sold), AT_ONCE):
            yield sold[first : first + AT_ONCE]


def _sentence(error: urllib.error.HTTPError) -> str:
    """What the server said, "" where it was none of ours."""
    try:
        return str(json.loads(error.read())["error"])
    except (ValueError, KeyError, TypeError, OSError):
        return str(error.reason)
