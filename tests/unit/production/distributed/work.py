"""Tasks that other processes can import: they work, fail, die, or take memory."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path


def squared(task):
    return task * task


def added(task, first, second):
    return task + first[0] + second


def process_of(task):
    time.sleep(0.05)
    return os.getpid()


def tried(folder, task):
    """How often the task was begun before."""
    log = Path(folder) / f"{task}.log"
    with log.open("a") as file:
        file.write("x")
    return len(log.read_text()) - 1


def failing(task, folder, odd):
    tried(folder, task)
    if task in odd:
        raise ValueError(f"{task} is odd")
    return task


def failing_at_first(task, folder, times):
    if tried(folder, task) < times:
        raise OSError("a file was away")
    return task


def dying_at_first(task, folder, odd):
    if tried(folder, task) < 1 and task in odd:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return task


def dying(task, folder, odd):
    tried(folder, task)
    if task in odd:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(0.05)
    return task


def hungry(task, megabytes, odd):
    """Takes the memory bit by bit, as real work does, so that it can be seen."""
    held = []
    for _ in range(megabytes // 20 if task in odd else 1):
        held.append(b"x" * 20_000_000)
        time.sleep(0.05)
    time.sleep(0.3 if task in odd else 0.0)
    return task


def unpicklable(task):
    return lambda: task


def threads(task):
    return os.environ.get("OMP_NUM_THREADS")


def read(file):
    return Path(file).read_text()


def meets(task, folder):
    """Whether the other of two tasks is at work at the same time."""
    (Path(folder) / str(task)).touch()
    for _ in range(600):
        if (Path(folder) / str(1 - task)).exists():
            return True
        time.sleep(0.05)
    return False


def told_nothing(task):
    """The process of a task, and the scheduler that its environment names, if it does."""
    from salesforecast_lib.spread import SCHEDULER

    time.sleep(0.1)
    return os.getpid(), os.environ.get(SCHEDULER, "")
