"""An engine as the build engine of a run knows it: stages are given one by one, as they become ready."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from salesforecast_lib.production.distributed import Engine
from salesforecast_lib.spread import executed_by


class EngineExecutor(Executor):
    """Submits each call as a task of an engine, which tries it again where its worker died.

    A stage whose notebook fails has not failed in this sense: that is its result, and it would fail again.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine, self._waiting = engine, ThreadPoolExecutor(engine.workers)

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """See `concurrent.futures.Executor`; the future raises `EngineError` where the task failed."""
        import cloudpickle  # of the build engine: a stage's function is made while it runs

        call = cloudpickle.dumps((fn, args, kwargs))
        names = [[str(kwargs["task"].name).split("::")[-1]]] if "task" in kwargs else []
        return self._waiting.submit(lambda: self._engine.run_tasks(_called, [call], names).whole()[0])

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for what is at work; the engine stays open."""
        self._waiting.shutdown(wait, cancel_futures=cancel_futures)


def _called(call: bytes) -> Any:
    import cloudpickle

    function, args, kwargs = cloudpickle.loads(call)
    with _slot_given_back():
        return function(*args, **kwargs)


@contextmanager
def _slot_given_back() -> Iterator[None]:
    """The worker of a cluster takes other tasks while a notebook is at work; elsewhere nothing changes.

    A notebook works in a process of its own, and its worker only waits for it. The notebook may hand tasks to the
    cluster: if its worker kept the slot, the notebooks of two workers would wait for each other for ever.
    """
    worker = _worker()
    if worker is None:
        yield
        return
    from distributed import secede

    secede()
    with executed_by(str(worker.scheduler.address)):
        yield


def _worker() -> Any:
    """The worker of dask whose task this thread is at; None where it is at none."""
    if "distributed" not in sys.modules:
        return None
    from distributed import get_worker

    try:
        return get_worker()
    except ValueError:  # so dask says that there is none
        return None


def build_options(engine: Engine | None, jobs: int) -> dict[str, Any]:
    """Options of the build engine: ``jobs`` processes of this machine, or the workers of ``engine``."""
    if engine is None:
        return {"n_workers": jobs} if jobs > 1 else {}
    from pytask_parallel import ParallelBackend, registry

    # the build engine forgets what was registered when it ends
    registry.register_parallel_backend(ParallelBackend.CUSTOM, lambda n_workers: EngineExecutor(engine))
    return {"n_workers": engine.workers, "parallel_backend": ParallelBackend.CUSTOM}
