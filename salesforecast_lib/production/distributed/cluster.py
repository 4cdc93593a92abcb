"""Tasks on a cluster of dask: processes of this machine that are begun here, or one that runs already.

Processes of a cluster send each other pickles: who reaches the scheduler's port can run code as its user. A cluster
begun here listens on 127.0.0.1 only, so that users of the same machine are trusted. Over a network use addresses
``tls://…`` with dask's own settings ``distributed.comm.tls`` (certificates of scheduler, workers and client), which are
read as they are.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Callable, Iterable, Sequence
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import dask
from distributed import Client, LocalCluster, WorkerPlugin
from distributed.scheduler import KilledWorker

from salesforecast_lib.production.distributed.engine import (
    ONE_THREAD,
    Engine,
    EngineError,
    Results,
    Tries,
    attempt,
    too_much,
)
from salesforecast_lib.wording import counted

if TYPE_CHECKING:
    from distributed import Future, Worker

ANSWER = 5.0  # seconds in which a scheduler has to answer
WORKERS = 20.0  # seconds in which it has to have a worker
ALONE = 60.0  # seconds without any worker, after which a call gives up
_RESTART = "worker-restart-memory"  # event of a worker that was ended because of its memory
_SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,  # a worker's death counts as one attempt of its task: we count
    "distributed.scheduler.worker-saturation": 1.0,  # nothing waits on a worker, to be blamed for its death
    "distributed.scheduler.worker-ttl": None,  # a long step of a compiled library is no death
    "distributed.worker.memory.target": False,  # nothing is kept on a worker that could be written to disk
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,  # a paused worker would wait for memory that nobody gives back
    "distributed.worker.memory.terminate": 0.95,
    "distributed.nanny.pre-spawn-environ": {"MALLOC_TRIM_THRESHOLD_": 65536, **ONE_THREAD},
}
_shared: dict[str, tuple[Any, ...]] = {}  # of a worker: what the tasks of a call are told


def local_cluster(workers: int, memory: int = 0) -> DaskEngine:
    """A cluster of ``workers`` processes of this machine, of one thread each, which listens on 127.0.0.1 only.

    Parameters
    ----------
    memory : bytes that each worker may take; 0 sets no limit. One that takes more is ended.

    Raises
    ------
    EngineError
        When the processes do not begin.
    """
    with dask.config.set(_SETTINGS):
        try:
            cluster = LocalCluster(
                n_workers=workers,
                threads_per_worker=1,
                processes=True,
                memory_limit=memory or None,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",  # no port that another cluster could have
                silence_logs=logging.CRITICAL,  # what fails is in the results
            )
        except Exception as error:  # whatever hinders it, with no worker there is nothing to do
            raise EngineError(f"--engine dask: the cluster did not begin: {error}") from error
    return DaskEngine(Client(cluster, set_as_default=False), cluster, memory)


def connected(scheduler: str) -> DaskEngine:
    """The cluster that runs at an address; it is left running.

    Raises
    ------
    EngineError
        When nothing answers there, or it has no worker.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it would tell of each try to connect
    begin = f"begin one with: dask scheduler --host 127.0.0.1; dask worker {scheduler} --nthreads 1"
    try:
        client = Client(scheduler, timeout=ANSWER, set_as_default=False)
    except (OSError, ValueError, RuntimeError, TypeError) as error:
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise EngineError(
            f"--scheduler {scheduler}: no scheduler answers within {ANSWER:g} seconds ({why}); {begin}, or leave "
            "--scheduler out to use processes of this machine"
        ) from None
    try:
        client.wait_for_workers(1, timeout=WORKERS)
    except TimeoutError:
        client.close()
        raise EngineError(
            f"--scheduler {scheduler}: it has no worker; begin one with: dask worker {scheduler} --nthreads 1"
        ) from None
    return DaskEngine(client)


class DaskEngine(Engine):
    """Tasks on the workers of a cluster.

    Parameters
    ----------
    client : connected to the scheduler. ``cluster`` : is closed with the engine; None where it was there before.
    memory : bytes of a worker, for the reason of a failure.
    """

    def __init__(self, client: Client, cluster: LocalCluster | None = None, memory: int = 0) -> None:
        self.client, self.cluster, self.memory = client, cluster, memory
        self.workers = max(len(self._addresses()), 1)
        self._deaths = 1 + int(client.run_on_scheduler(_allowed_failures))  # of one submission, before it is told

    def _addresses(self) -> list[str]:
        return sorted(self.client.scheduler_info(n_workers=-1)["workers"])

    def run_tasks(
        self,
        function: Callable[..., Any],
        tasks: Iterable[Any],
        names: Sequence[Sequence[str]] = (),
        shared: tuple[Any, ...] = (),
    ) -> Results:
        """See `Engine.run_tasks`; workers need the same library, and see the same files."""
        tries, call, numbers = Tries(names), uuid4().hex, itertools.count()
        finished: SimpleQueue[Future] = SimpleQueue()
        places: dict[str, tuple[Future, int]] = {}
        self.client.register_plugin(_Shared(call, shared), name=call)  # workers that begin later get it as well

        def submit(place: int, but: str = "") -> None:
            others = [address for address in self._addresses() if address != but] if but else []
            key = f"{function.__name__}-{call}-{place}-{next(numbers)}"
            where = {"workers": others, "allow_other_workers": True} if others else {}
            future = self.client.submit(_work, call, function, tries.tasks[place], key=key, pure=False, **where)
            places[key] = future, place
            future.add_done_callback(finished.put)

        try:
            for task in tasks:  # each begins as soon as it is there
                submit(tries.add(task))
            while tries.left:
                future = self._next(finished)
                _, place = places.pop(str(future.key))
                good, value, worker, times = self._outcome(future)
                if good:
                    tries.succeeded(place, value)
                elif tries.failed(place, value, times):
                    submit(place, worker)
        finally:
            if self.client.status == "running":
                self.client.cancel([future for future, _ in places.values()], force=True)
                self.client.unregister_worker_plugin(call)
        return tries.results()

    def _next(self, finished: SimpleQueue[Future]) -> Future:
        """The next future that is done; raises EngineError where none can be any more."""
        since = time.monotonic()
        while True:
            try:
                return finished.get(timeout=2.0)
            except Empty:
                if self.client.status != "running":
                    raise EngineError(
                        "--engine dask: the scheduler went away; begin it and run the command again"
                    ) from None
                if self._addresses():
                    since = time.monotonic()
                elif time.monotonic() - since > ALONE:
                    raise EngineError(
                        f"--engine dask: the scheduler has had no worker for {ALONE:g} seconds; begin one and run the "
                        "command again"
                    ) from None

    def _outcome(self, future: Future) -> tuple[bool, Any, str, int]:
        """Whether a task went well, its value or the reason, the worker, and how many attempts this was."""
        try:
            good, value, worker = future.result()
            return good, value, worker, 1
        except KilledWorker as error:
            address = error.last_worker.address
            reason = too_much(self.memory) if address in self._over() else "its worker died"
            return False, reason, address, self._deaths
        except Exception as error:  # the task or its value cannot be pickled, the library is another one there
            return False, f"{type(error).__name__}: {error}", "", 1

    def _over(self) -> set[str]:
        """Workers that were ended because of their memory."""
        return {event["worker"] for _, event in self.client.get_events(_RESTART)}

    def close(self) -> None:
        """Let go of the cluster, and end it where it was begun here."""
        self.client.close()
        if self.cluster is not None:
            self.cluster.close()

    def __repr__(self) -> str:
        return f"dask, {counted(self.workers, 'worker')}"


class _Shared(WorkerPlugin):  # type: ignore[misc]
    """What the tasks of a call share, on every worker for as long as the call lasts."""

    def __init__(self, call: str, shared: tuple[Any, ...]) -> None:
        self.call, self.told = call, shared

    def setup(self, worker: Worker) -> None:
        """Keep it for the tasks."""
        _shared[self.call] = self.told

    def teardown(self, worker: Worker) -> None:
        """Forget it."""
        _shared.pop(self.call, None)


def _allowed_failures(dask_scheduler: Any) -> int:
    return int(dask_scheduler.allowed_failures)


def _work(call: str, function: Callable[..., Any], task: Any) -> tuple[bool, Any, str]:
    """An attempt on a worker, and the worker's address."""
    from distributed import get_worker

    address = str(get_worker().address)
    for _ in range(100):  # a worker that has just begun may get a task before what is shared
        if call in _shared:
            return *attempt(function, task, _shared[call]), address
        time.sleep(0.1)
    return False, "what all tasks share did not arrive on the worker", address
