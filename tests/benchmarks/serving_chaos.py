"""Load while models are swapped and the server is killed: is anything that was acknowledged lost?"""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
import time
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from salesforecast_lib.pipeline.serving.running import Running, start
from salesforecast_lib.production.server import Ledger, Snapshot
from salesforecast_lib.production.version_log import current_version
from tests.benchmarks.http_load import Connection, post

WRITERS, READERS = 6, 4


@dataclass
class Told:
    """What the clients have seen."""

    acknowledged: dict[tuple[str, str], float] = field(default_factory=dict)
    answers: int = 0
    refused: list[str] = field(default_factory=list)
    unanswered: int = 0  # while the process was dead
    down: bool = False
    stop: bool = False


async def _ask(told: Told, connection: Connection, request: bytes) -> Any:
    """The JSON of an answer; again and again while the server is dead. What is no success is kept."""
    while True:
        try:
            status, body = await connection.ask(request)
        except (OSError, EOFError):
            if not told.down:
                await asyncio.sleep(0.02)  # the kill may just have come
            if not told.down and not told.stop:
                told.refused.append("the connection broke while the server was alive")
            told.unanswered += 1
            await asyncio.sleep(0.05)
            continue
        told.answers += 1
        if status != 200:
            told.refused.append(f"{status}: {body[:200]!r}")
            return None
        return json.loads(body)


async def _write(told: Told, url: str, ids: list[str], first: date, seed: int) -> None:
    """Observe day after day of some products."""
    rng, connection, day = np.random.default_rng(seed), Connection(url), first
    while not told.stop:
        for name in ids:
            y = float(rng.poisson(5))
            row = {"id": name, "date": day.isoformat(), "y": y}
            found = await _ask(told, connection, post("/observe", json.dumps({"observations": [row]}).encode()))
            if found is not None and found["accepted"] + found["known_already"] == 1:
                told.acknowledged[name, day.isoformat()] = y
        day += timedelta(days=1)
    connection.close()


async def _read(told: Told, url: str, ids: list[str]) -> None:
    connection = Connection(url)
    asked = post("/forecast", json.dumps({"ids": ids, "model": "live"}).encode())
    while not told.stop:
        await _ask(told, connection, asked)
    connection.close()


async def chaos_part(run: Path, swaps: int, kills: int) -> dict[str, Any]:
    """Swap the model ``swaps`` times and kill the process ``kills`` times under load; then count what is missing."""
    models = run / "models"
    log = models / "log.jsonl"
    kept, current = log.read_text(), current_version(models)
    other = "benchmark-copy"
    shutil.rmtree(models / other, ignore_errors=True)
    shutil.copytree(models / current, models / other)
    server = start(run, "--quiet")
    port = int(server.url.rpartition(":")[2])
    told, loop = Told(), asyncio.get_running_loop()
    snapshot = Snapshot.load(current, models / current)
    ids, first = snapshot.ids, snapshot.cutoff.item() + timedelta(days=1)
    parts = [ids[k::WRITERS][:20] for k in range(WRITERS)]
    clients = [loop.create_task(_write(told, server.url, part, first, k)) for k, part in enumerate(parts)]
    clients += [loop.create_task(_read(told, server.url, ids[:8])) for _ in range(READERS)]
    begun, restarts, taken = time.perf_counter(), [], 0
    try:
        for number in range(swaps):
            version = (other, current)[number % 2]
            with open(log, "a") as lines:
                lines.write(json.dumps({"version": version}) + "\n")
            if kills and number % max(1, swaps // kills) == 1:
                await asyncio.sleep(0.3)
                told.down, dead = True, time.perf_counter()
                await loop.run_in_executor(None, server.kill)
                server = await loop.run_in_executor(None, lambda: start(run, "--quiet", port=port))
                restarts.append(time.perf_counter() - dead)
                told.down = False
            taken += await loop.run_in_executor(None, _wait, server, version)
            await asyncio.sleep(0.3)
        told.stop = True
        await asyncio.gather(*clients)
        seconds = time.perf_counter() - begun
        wrong = _compare(server, run, models / current, told)
    finally:
        told.stop = True
        server.stop()
        log.write_text(kept)
        shutil.rmtree(models / other, ignore_errors=True)
    return {
        "seconds": round(seconds, 1),
        "swaps": taken,
        "kills": len(restarts),
        "seconds_to_be_back": round(max(restarts, default=0.0), 2),
        "answers": told.answers,
        "failed_answers": len(told.refused),
        "failures": told.refused[:3],
        "unanswered_while_dead": told.unanswered,
        "acknowledged": len(told.acknowledged),
        **wrong,
    }


def _wait(server: Running, version: str) -> bool:
    return server.wait_for(version, 60)


def _compare(server: Running, run: Path, folder: Path, told: Told) -> dict[str, Any]:
    """Acknowledged observations that the store lacks, and products whose state is not that of all of them."""
    store = run / "serving" / "observations.sqlite"
    base = sqlite3.connect(f"file:{store}?mode=ro", uri=True)
    stored = {(name, day): y for name, day, y in base.execute("select id, day, y from observed")}
    base.close()
    lost = sum(stored.get(key) != y for key, y in told.acknowledged.items())
    ledger, fresh = Ledger(store), Snapshot.load("again", folder)
    fresh.advance(ledger.since()[0])
    ledger.close()
    ids = sorted({name for name, _ in told.acknowledged})
    mean, _ = fresh.from_states(fresh.states(fresh.rows(ids)))
    answered = server.post("/forecast", {"ids": ids, "model": "live"})["forecasts"]
    far = max(float(np.abs(np.array(each["mean"]) - row).max()) for each, row in zip(answered, mean, strict=True))
    return {"lost": lost, "products": len(ids), "state_differs_by": round(far, 3)}
