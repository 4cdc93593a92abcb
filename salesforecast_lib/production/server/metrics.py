"""What the server counts, for Prometheus: no product, no figure and no client is in it."""

from __future__ import annotations

from collections.abc import Callable

import psutil
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)


class Metrics:
    """Counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        kept = self.registry
        self.requests = Counter(
            "salesforecast_requests", "Requests by route and status", ["route", "status"], registry=kept
        )
        self.seconds = Histogram(
            "salesforecast_request_seconds", "Time to the whole answer", ["route"], buckets=_SECONDS, registry=kept
        )
        self.sizes = Histogram("salesforecast_batch_series", "Series computed together", buckets=_SIZES, registry=kept)
        self.observed = Counter("salesforecast_observations", "Observations that were stored", registry=kept)
        self.lost_writes = Counter("salesforecast_failed_writes", "Transactions that failed", registry=kept)
        self.swaps = Counter("salesforecast_models_taken", "Versions taken since the start", registry=kept)
        self.failed_swaps = Counter("salesforecast_models_refused", "Versions that could not be read", registry=kept)
        self.version = Gauge("salesforecast_model", "1 for the version that answers", ["version"], registry=kept)
        self.memory = Gauge("salesforecast_resident_bytes", "Resident memory of the process", registry=kept)
        self.memory.set_function(lambda: float(psutil.Process().memory_info().rss))
        self._seen: dict[tuple[str, int], Callable[[float], None]] = {}

    def batch(self, size: int) -> None:
        """A batch was computed."""
        self.sizes.observe(size)

    def model(self, version: str) -> None:
        """Another version answers from now on."""
        self.version.clear()
        self.version.labels(version).set(1)
        self.swaps.inc()

    def request(self, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        key = (route, status)
        if key not in self._seen:
            counter, histogram = self.requests.labels(route, str(status)), self.seconds.labels(route)

            def seen(time: float) -> None:
                counter.inc()
                histogram.observe(time)

            self._seen[key] = seen
        self._seen[key](seconds)

    def text(self) -> bytes:
        """All of it, in Prometheus' text format."""
        return generate_latest(self.registry)
