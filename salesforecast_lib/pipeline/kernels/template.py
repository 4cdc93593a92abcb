"""The process that kernels are forked from: it has imported what chapters import, and computes nothing.

A chapter spends up to ten seconds on imports before its first line, the same imports as the chapter before it. Here
they are done once. It talks with the process that began it, and with nobody else, through a pair of sockets: a line
of JSON for each question, a line for the answer. It ends when that process does.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import Any


def serve(asked: socket.socket) -> None:
    """Answer until the other end closes; in a process that was forked on the way, become the kernel it is to be.

    A line ``{"arguments": …, "environment": …, "folder": …}`` forks a kernel and is answered with the number of its
    process, a number of such a process with its exit status, or null while it lives.
    """
    ended: dict[int, int] = {}
    with asked.makefile("r", encoding="utf-8") as lines:
        for line in lines:
            question = json.loads(line)
            if isinstance(question, dict):
                number = os.fork()
                if not number:
                    asked.close()
                    return _be_kernel(**question)
                answer: int | None = number
            else:
                ended |= dict(_ended())
                answer = ended.get(question)
            asked.sendall(f"{json.dumps(answer)}\n".encode())


def _ended() -> Iterable[tuple[int, int]]:
    """Numbers and exit statuses of the kernels that have ended since the last question."""
    while True:
        try:
            number, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:  # there is none
            return
        if not number:
            return
        yield number, os.waitstatus_to_exitcode(status)


def _be_kernel(arguments: list[str], environment: dict[str, str], folder: str) -> None:
    """What `python -m ipykernel_launcher` does, in a session of its own as any kernel."""
    import ipykernel_launcher
    from ipykernel.kernelapp import launch_new_instance

    os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    # a kernel ends without its parent, of which the environment told it when ipykernel was imported
    sys.argv = [ipykernel_launcher.__file__, *arguments, f"--IPKernelApp.parent_handle={os.getppid()}"]
    launch: Any = launch_new_instance
    launch()


def main(descriptor: int, libraries: Sequence[str]) -> None:
    """Import the libraries, then answer at the socket of this number."""
    asked = socket.socket(fileno=descriptor)
    if sys.path[0] == "":
        del sys.path[0]  # a kernel puts it there by itself
    for name in libraries:
        try:
            import_module(name)
        except ImportError:  # a kernel that needs it will say so
            continue
    if "pandas" in sys.modules:  # it asks when it is imported whether it is in a notebook, which this is not yet
        sys.modules["pandas"].set_option("display.max_columns", 20)
    gc.freeze()  # what is never collected stays shared with the kernels
    serve(asked)
