"""Processes that are begun before their first task do it as others would, whatever became of the beginning."""

from __future__ import annotations

import os
import sys
import time

import pytest

from salesforecast_lib.production.distributed.local import Processes


def fine() -> None:
    sys.begun_early = True  # type: ignore[attr-defined]


def wrong() -> None:
    raise ValueError("no such library")


def deadly() -> None:
    os._exit(1)


def told(number: int, more: int) -> tuple[int, bool]:
    return number + more, hasattr(sys, "begun_early")


@pytest.mark.parametrize("way", [fine, wrong, deadly])
def test_tasks_are_done_after_a_warm_up(way):
    with Processes(1) as engine:
        engine.warm(way)
        if way is deadly:
            while not engine._pools[0]._warm.done():
                time.sleep(0.01)
        results = engine.run_tasks(told, [1, 2], shared=(10,))
    assert not results.failures
    assert results.delivered == [(11, way is fine), (12, way is fine)]


def test_a_process_that_is_at_work_is_not_begun_again():
    with Processes(1) as engine:
        engine.run_tasks(told, [1], shared=(10,))
        engine.warm(fine)
        assert engine.run_tasks(told, [1], shared=(10,)).delivered == [(11, False)]
