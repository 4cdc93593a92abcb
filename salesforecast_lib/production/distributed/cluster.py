"""Tasks on a cluster of dask: processes of this machine that are begun here, or one that runs already.

Processes of a cluster send each other pickles: who reaches the scheduler's port can run code as its user. A cluster
begun here listens on 127.0.0.1 only, so that users of the same machine are trusted. Over a network use addresses
``tls://…`` with dask's own settings ``distributed.comm.tls`` (certificates of scheduler, workers and client), which are
read as they are.
"""

from __future__ import annotations

import logging

import dask
from distributed import Client, LocalCluster

from salesforecast_lib.production.distributed.engine import (
    ANSWER,
    EngineError,
    check_libraries,
    library_digest,
    no_answer,
)
from salesforecast_lib.production.distributed.local import ONE_THREAD
from salesforecast_lib.production.distributed.workers import DaskEngine

WORKERS = 10.0  # seconds in which it has to have a worker
_SETTINGS = {
    "distributed.scheduler.allowed-failures": 0,  # a worker's death counts as one attempt of its task: we count
    "distributed.scheduler.work-stealing": False,  # one task a worker is all that is given out
    "distributed.scheduler.worker-ttl": None,  # a long step of a compiled library is no death
    "distributed.worker.memory.target": False,  # nothing is kept on a worker that could be written to disk
    "distributed.worker.memory.spill": False,
    "distributed.worker.memory.pause": False,  # a paused worker would wait for memory that nobody gives back
    "distributed.worker.memory.terminate": 0.95,
    "distributed.nanny.pre-spawn-environ": {"MALLOC_TRIM_THRESHOLD_": 65536, **ONE_THREAD},
}


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
        When nothing answers there, it has no worker, or a worker has another version of this library.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # it would tell of each try to connect
    try:
        client = Client(scheduler, timeout=ANSWER, set_as_default=False)
    except (OSError, ValueError, RuntimeError, TypeError) as error:  # no dask there, another version, no certificate
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise EngineError(no_answer(scheduler, why)) from None
    try:
        client.wait_for_workers(1, timeout=WORKERS)
    except TimeoutError:
        client.close()
        raise EngineError(
            f"--scheduler {scheduler}: it has no worker; begin one with: dask worker {scheduler} --nthreads 1"
        ) from None
    try:
        check_libraries(scheduler, client.run(library_digest, on_error="return"))
    except BaseException:
        client.close()
        raise
    return DaskEngine(client)


def connected_inside(scheduler: str) -> DaskEngine:
    """The cluster that executes the stage of this process, see `salesforecast_lib.spread`.

    Raises
    ------
    EngineError
        When the scheduler does not answer.
    """
    logging.getLogger("distributed").setLevel(logging.CRITICAL)
    try:
        return DaskEngine(Client(scheduler, timeout=ANSWER, set_as_default=False), inside=True)
    except (OSError, ValueError, RuntimeError) as error:
        raise EngineError(
            f"the cluster that executes this stage does not answer at {scheduler} ({error}); run the command again"
        ) from None
