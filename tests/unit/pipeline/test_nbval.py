"""Notebooks are checked side by side, each after those whose files it reads."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from pathlib import Path

import pytest

from salesforecast_lib.pipeline import nbval
from salesforecast_lib.pipeline.stages import STAGES, Stage


def watched(before, jobs, fails=()):
    """Names in the order in which checks began, what had ended by then, how many were at work, and the codes."""
    begun, ended, at_once, guard = [], set(), [0], threading.Lock()
    together = threading.Event()

    def check(name):
        with guard:
            begun.append((name, set(ended)))
            at_once.append(len(begun) - len(ended))
            if at_once[-1] > 1:
                together.set()
        if jobs > 1 and not before[name]:
            together.wait(20)  # the other one that can begin does so meanwhile
        with guard:
            ended.add(name)
        return int(name in fails)

    return begun, at_once, nbval.side_by_side(check, before, jobs)


@pytest.mark.parametrize("jobs", [1, 2])
def test_each_begins_after_what_it_reads_from_and_all_are_checked(jobs):
    before = nbval.waits_for()
    begun, at_once, codes = watched(before, jobs)
    assert sorted(name for name, _ in begun) == sorted(stage.name for stage in STAGES) == sorted(codes)
    for name, ended in begun:
        assert before[name] <= ended, name
    assert max(at_once) == jobs


def test_a_failure_is_kept_and_the_rest_is_checked_all_the_same():
    before = {"a": set(), "b": {"a"}, "c": {"b"}, "d": set()}
    _, _, codes = watched(before, 2, fails=("a", "c"))
    assert codes == {"a": 1, "b": 0, "c": 1, "d": 0}


def test_what_a_stage_may_read_is_waited_for():
    stages = (
        Stage("1", (), ("x",)),
        Stage("2", (), ("y",)),
        Stage("3", ("x",), (), may_read=("y", "of nobody")),
    )
    assert nbval.waits_for(stages) == {"1": set(), "2": set(), "3": {"1", "2"}}


@pytest.mark.parametrize("wrong, code", [((), 0), (("08_inventory",), 1), (("reference",), 1)])
def test_one_notebook_or_number_that_moved_is_a_failure(monkeypatch, capsys, wrong, code):
    monkeypatch.setattr(nbval, "check_executed", lambda notebook: None)
    monkeypatch.setenv(nbval.BEGAN, "0")  # and taken away again afterwards
    seen = []
    monkeypatch.setattr(nbval, "run_nbval", lambda file: seen.append(file.stem) or int(file.stem in wrong))
    assert nbval.main() == code
    assert 0 < float(os.environ[nbval.BEGAN]) <= time.time(), "the numbers are held against what was executed here"
    assert seen[-1] == "reference" and len(seen) == len(STAGES) + 1, "numbers come last, when all are written"
    said = capsys.readouterr().out
    assert (f"failed: {wrong[0]}" if wrong else "all notebooks and numbers are as published") in said


def test_a_notebook_whose_kernel_did_not_come_up_is_checked_again(monkeypatch, capsys):
    said = ["RuntimeError: Kernel didn't respond in 60 seconds", "AssertionError: 3 is not 4", "3 passed"]
    ends = iter([subprocess.CompletedProcess([], int(text != "3 passed"), text) for text in said])
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: next(ends))
    assert nbval.run_nbval(Path("a.ipynb")) == 1, "a value that is another is not tried again"
    assert "3 is not 4" in capsys.readouterr().out and next(ends).returncode == 0
