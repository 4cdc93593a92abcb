"""What the server bears: forecasts a second, times of the answers, memory, and whether anything is lost.

``python tests/benchmarks/serving.py RUN --json book/serving/serving.json``: RUN is a copy of a finished run whose model
was exported; its folder ``serving`` is begun anew. The server has one core, the client another one. Parts: load,
latency, batch, chaos, memory, fuzz, peer (mlforecast with LightGBM behind the same FastAPI, in the same run).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import uvloop

if __name__ == "__main__":  # a script's own folder comes first: add the project's root
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from salesforecast_lib.files import project_root, read_json, write_json
from salesforecast_lib.pipeline.serving.running import Running, start
from tests.benchmarks.http_load import closed_loop, open_loop, post
from tests.benchmarks.serving_chaos import chaos_part

DAYS, MANY = 56, 1000


def one_core() -> tuple[set[int], set[int]]:
    """The server's core and the client's; the same where there is only one."""
    cores = sorted(os.sched_getaffinity(0))
    return {cores[0]}, {cores[-1]}


def pin(process: int, core: set[int]) -> None:
    """Keep a process with all its threads on a core."""
    for thread in os.listdir(f"/proc/{process}/task"):
        os.sched_setaffinity(int(thread), core)


@contextmanager
def ours(run: Path, *options: str) -> Iterator[Running]:
    """Our server on its core."""
    server = start(run, "--quiet", *options)
    pin(server.process.pid, one_core()[0])
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def theirs(run: Path) -> Iterator[Running]:
    """The peer on the same core."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, str(project_root() / "tests" / "benchmarks" / "serving_peer.py"), str(run), str(port)]
    process = subprocess.Popen(command)
    server = Running(f"http://127.0.0.1:{port}", process, run)
    try:
        for _ in range(1200):
            try:
                urllib.request.urlopen(server.url + "/ready", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        pin(process.pid, one_core()[0])
        yield server
    finally:
        server.stop()


def requests_of(series: int, different: int, last: str) -> list[bytes]:
    """Prepared requests of so many series with ``DAYS`` days each."""
    rng = np.random.default_rng(0)

    def body() -> bytes:
        level = rng.gamma(2, 3, series)
        rows = [{"history": rng.poisson(mean, DAYS).tolist(), "last_date": last} for mean in level]
        return json.dumps({"series": rows}).encode()

    return [post("/forecast", body()) for _ in range(different)]


def used(server: Running) -> float:
    """Processor seconds of a server so far."""
    times = psutil.Process(server.process.pid).cpu_times()
    return float(times.user + times.system)


def measured(server: Running, run: Any) -> dict[str, Any]:
    """What a load has seen, with the processor time of the server for each answer and the load of the machine."""
    before = used(server)
    seen = uvloop.run(run)
    each = 1000 * (used(server) - before) / len(seen.seconds)
    return {**seen.summary(), "cpu_ms_each": round(each, 3), "machine_load": round(os.getloadavg()[0], 2)}


def load_part(server: Running, last: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Forecasts of one series a second: as many as it can, at several numbers of connections."""
    single = requests_of(1, 64, last)
    uvloop.run(closed_loop(server.url, single, 8, 200))  # warm
    return {
        str(connections): measured(server, closed_loop(server.url, single, connections, arguments.requests))
        for connections in (1, 8, 64)
    }


def latency_part(server: Running, last: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Answers at 200 requests a second that come at random, counted from when they were due."""
    single = requests_of(1, 64, last)
    found = [measured(server, open_loop(server.url, single, 200, arguments.seconds)) for _ in range(3)]
    return {"runs": found}


def batch_part(server: Running, last: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """One request of a thousand series."""
    found = measured(server, closed_loop(server.url, requests_of(MANY, 2, last), 1, 20))
    return {"series": MANY, **found}


def memory_part(server: Running, last: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """Resident memory over many requests."""
    single, process = requests_of(1, 64, last), psutil.Process(server.process.pid)
    uvloop.run(closed_loop(server.url, single, 32, arguments.memory_requests // 20))
    begin = process.memory_info().rss
    seen = uvloop.run(closed_loop(server.url, single, 32, arguments.memory_requests))
    end = process.memory_info().rss
    return {
        "requests": arguments.memory_requests,
        "failed": seen.failed,
        "megabytes_before": round(begin / 2**20, 1),
        "megabytes_after": round(end / 2**20, 1),
        "growth": round(end / begin - 1, 4),
    }


def fuzz_part(server: Running, arguments: argparse.Namespace) -> dict[str, Any]:
    """Requests made from the server's description by schemathesis: how many, and how many were errors of ours."""
    command = [
        str(Path(sys.executable).with_name("st")), "run", f"{server.url}/openapi.json", "--checks",
        "not_a_server_error", "--max-examples", str(arguments.examples), "--seed", "1", "--no-color",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, cwd="/tmp")
    text = urllib.request.urlopen(server.url + "/metrics").read().decode()
    counts: dict[str, int] = {}
    for line in text.splitlines():
        if line.startswith("salesforecast_requests_total{"):
            status = line.partition('status="')[2].partition('"')[0]
            counts[status] = counts.get(status, 0) + int(float(line.rpartition(" ")[2]))
    wrong = sum(count for status, count in counts.items() if status.startswith("5"))
    return {"passed": done.returncode == 0, "answers": counts, "server_errors": wrong, "said": done.stdout[-300:]}


def peer_part(run: Path, last: str, arguments: argparse.Namespace) -> dict[str, Any]:
    """mlforecast behind FastAPI and ours, one after the other under the same loads."""
    single, many = requests_of(1, 64, last), requests_of(MANY, 2, last)
    result: dict[str, Any] = {}
    for name, server_of in (("mlforecast", theirs), ("ours", ours)):
        with server_of(run) as server:
            uvloop.run(closed_loop(server.url, single, 2, 20))
            few = arguments.peer_requests if name == "mlforecast" else arguments.requests
            result[name] = {
                "single": measured(server, closed_loop(server.url, single, 16, few)),
                "batch": measured(server, closed_loop(server.url, many, 1, 5)),
                "megabytes": round(psutil.Process(server.process.pid).memory_info().rss / 2**20, 1),
            }
    both = [result[name]["single"]["per_second"] for name in ("ours", "mlforecast")]
    return {**result, "times_as_many": round(both[0] / both[1], 1)}


PARTS = ("load", "latency", "batch", "fuzz", "chaos", "peer", "memory")


def main() -> None:
    """Run the chosen parts, print them and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="copy of a finished run with an exported model")
    parser.add_argument("--parts", default=",".join(PARTS), help="comma-separated")
    parser.add_argument("--json", type=Path, default=None, help="file whose results these parts replace or join")
    parser.add_argument("--requests", type=int, default=5000)
    parser.add_argument("--peer-requests", type=int, default=200)
    parser.add_argument("--memory-requests", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--examples", type=int, default=200)
    parser.add_argument("--swaps", type=int, default=20)
    parser.add_argument("--kills", type=int, default=5)
    arguments = parser.parse_args()
    wanted, run = arguments.parts.split(","), arguments.run.resolve()
    unknown = sorted(set(wanted) - set(PARTS))
    if unknown:
        parser.error(f"--parts: {unknown[0]!r} is none of {list(PARTS)}")
    os.sched_setaffinity(0, one_core()[1])
    shutil.rmtree(run / "serving", ignore_errors=True)
    results: dict[str, Any] = read_json(arguments.json.resolve()) if arguments.json and arguments.json.is_file() else {}
    with ours(run) as server:
        last = server.get("/model")["cutoff"]

    def keep(name: str, found: dict[str, Any]) -> None:
        results[name] = found
        print(name, json.dumps(found, indent=1), flush=True)
        if arguments.json:
            write_json(results, arguments.json.resolve())

    with ours(run) as server:
        for name, part in (("load", load_part), ("latency", latency_part), ("batch", batch_part)):
            if name in wanted:
                keep(name, part(server, last, arguments))
    if "fuzz" in wanted:
        with ours(run) as server:
            keep("fuzz", fuzz_part(server, arguments))
        shutil.rmtree(run / "serving")
    if "chaos" in wanted:
        keep("chaos", asyncio.run(chaos_part(run, arguments.swaps, arguments.kills)))
        shutil.rmtree(run / "serving")
    if "peer" in wanted:
        keep("peer", peer_part(run, last, arguments))
    if "memory" in wanted:
        with ours(run) as server:
            keep("memory", memory_part(server, last, arguments))


if __name__ == "__main__":
    main()
