"""A kernel manager that forks kernels from a template, and starts them as usual where it cannot."""

from __future__ import annotations

import atexit
import json
import os
import signal
import socket
import subprocess
import sys
from threading import Lock
from typing import Any

from jupyter_client.manager import AsyncKernelManager

from salesforecast_lib.pipeline.kernels import template

LIBRARIES = (  # by what chapters spend their time on; each is used by several
    "pandas",
    "pyarrow.parquet",
    "scipy.stats",
    "scipy.optimize",
    "matplotlib.pyplot",
    "lightgbm",
    "torch",
    "torch._dynamo",  # torch fetches it for its first optimizer: as long again as torch itself
    "statsforecast.models",
    "ipykernel.kernelapp",  # last: beside it, progress bars of others take this process for a notebook
)
OFF = "SALESFORECAST_FORK"  # 0 in the environment: every kernel is started anew
_LAUNCHER = ["-m", "ipykernel_launcher"]
_OURS = ("JPY_", "PYTEST_", "SALESFORECAST_")  # variables that no library reads while it is imported


class Template:
    """A process with everything imported; see `template`.

    Parameters
    ----------
    environment : its own, in which the libraries are imported. Kernels that are to have another one, apart from what
        concerns no library, are not forked from it.
    """

    def __init__(self, environment: dict[str, str]) -> None:
        self.environment = environment
        self._lock = Lock()
        self._mine, its = socket.socketpair()
        with its:
            self._process = subprocess.Popen(
                [sys.executable, "-c", f"from {template.__name__} import main; main({its.fileno()}, {LIBRARIES})"],
                pass_fds=[its.fileno()],
                stdin=subprocess.DEVNULL,
                env={**environment, "MPLBACKEND": "module://matplotlib_inline.backend_inline"},  # as in a kernel
                start_new_session=True,  # Ctrl-C is for the run, which ends its kernels in order
            )
        self._answers = self._mine.makefile("r", encoding="utf-8")

    def ask(self, question: Any) -> int | None:
        """Its answer to one question; raises OSError when it is no longer there."""
        with self._lock:
            self._mine.sendall(f"{json.dumps(question)}\n".encode())
            line = self._answers.readline()
        if not line:
            raise OSError("the template of the kernels has ended")
        answer: int | None = json.loads(line)
        return answer

    def fits(self, environment: dict[str, str]) -> bool:
        """Whether libraries that were imported there would be imported alike in this environment."""
        return _of_libraries(environment) == _of_libraries(self.environment)

    def close(self) -> None:
        """End it, and with it whatever kernel is left."""
        self._mine.close()
        self._process.kill()
        self._process.wait()


class ForkedKernel:
    """A kernel's process, with as much of `subprocess.Popen` as a kernel manager uses."""

    stdin = stdout = stderr = None

    def __init__(self, origin: Template, pid: int) -> None:
        self._origin, self.pid = origin, pid

    def poll(self) -> int | None:
        """Its exit status, None while it lives."""
        try:
            return self._origin.ask(self.pid)
        except OSError:  # a kernel does not live longer than what it was forked from
            return -int(signal.SIGKILL)

    def wait(self) -> int:
        """Its exit status; only asked for once it has ended."""
        status = self.poll()
        return 0 if status is None else status

    def send_signal(self, number: int) -> None:
        """Nothing happens where it has ended, as its number may be another process's by now."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)


class ForkingKernelManager(AsyncKernelManager):
    """Starts the first kernel of a process as usual and forks the others; see `expect`."""

    async def _async_launch_kernel(self, kernel_cmd: list[str], **options: Any) -> None:
        kernel = _forked(kernel_cmd, dict(options.get("env") or os.environ), str(options.get("cwd") or os.getcwd()))
        if kernel is None:
            return await super()._async_launch_kernel(kernel_cmd, **options)
        provisioner: Any = self.provisioner
        provisioner.process, provisioner.pid, provisioner.pgid = kernel, kernel.pid, kernel.pid
        self._reconcile_connection_info(provisioner.connection_info)
        return None


_started = _expected = 0  # kernels of this process
_template: Template | None = None
_changing = Lock()


def expect(kernels: int) -> None:
    """Say how many kernels this process may start in all.

    The template takes as long as a kernel, so that a process with one notebook would gain nothing. Where more are
    expected it is begun beside the first kernel, else with the second one.
    """
    global _expected
    _expected = _started + kernels


def _forked(command: list[str], environment: dict[str, str], folder: str) -> ForkedKernel | None:
    """A kernel forked from the template of this process; None where it has to be started as usual."""
    global _started, _template
    _started += 1
    usual = command[0] == sys.executable and command[1:3] == _LAUNCHER  # else it is another interpreter's kernel
    if max(_started, _expected) < 2 or not usual or sys.platform != "linux" or environment.get(OFF) == "0":
        return None  # elsewhere than on Linux libraries do not stand a fork
    with _changing:
        if _template is None:
            _template = Template(environment)
            atexit.register(_template.close)
    if _started == 1:
        return None
    environment |= {"JPY_PARENT_PID": str(os.getpid())}  # as in a kernel that was started
    question = {"arguments": command[3:], "environment": environment, "folder": folder}
    try:
        return ForkedKernel(_template, _template.ask(question) or 0) if _template.fits(environment) else None
    except OSError:
        return None


def _of_libraries(environment: dict[str, str]) -> dict[str, str]:
    return {name: value for name, value in environment.items() if not name.startswith(_OURS)}
