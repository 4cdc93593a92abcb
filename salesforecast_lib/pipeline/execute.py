"""Execute one notebook with papermill and leave either a whole result or a named half."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesforecast_lib.pipeline.runs.errors import StageError, full_sentence, in_words, is_full
from salesforecast_lib.spread import told_to_kernel

if TYPE_CHECKING:
    import nbformat  # it, jupytext and papermill take seconds, which an error message need not wait for

KERNEL_STARTS = 3  # how often a kernel is started before it is given up


def to_notebook(source: Path) -> nbformat.NotebookNode:
    """Notebook of a py:percent source, with its kernel named, stable cell ids, and machinery folded."""
    import jupytext

    notebook = jupytext.read(source)
    notebook.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata["language_info"] = {"name": "python"}
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"{source.stem.split('_')[0]}-{number:03d}"
        if "hide-input" in cell.metadata.get("tags", []):
            cell.metadata["jupyter"] = {"source_hidden": True}  # folded in JupyterLab as it is in the book
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return notebook


def _execute(entry: Path, result: Path, parameters: Mapping[str, Any]) -> None:
    """Execute ``entry`` into ``result``; a kernel that does not come up is started again, twice at most.

    A kernel is told the numbers of five ports that were free a moment before it binds them, so that another kernel may
    be faster; and on a busy machine it may need more than the minute that it is given.
    """
    import papermill

    from salesforecast_lib.pipeline.kernels import ForkingKernelManager

    for left in reversed(range(KERNEL_STARTS)):
        try:
            papermill.execute_notebook(
                str(entry),
                str(result),
                parameters=dict(parameters),
                progress_bar=False,
                kernel_name="python3",
                kernel_manager_class=ForkingKernelManager,
                # ipykernel warns of TCP at every start, though ours listens on this machine only and with a key,
                # and calls the interrupt by which it is ended an error; what a cell says is in the notebook
                extra_arguments=["--IPKernelApp.log_level=CRITICAL", *told_to_kernel()],
            )
            return
        except RuntimeError as error:
            if not left or not kernel_did_not_start(str(error)):
                raise


def kernel_did_not_start(text: str) -> bool:
    """Whether an error, or what a process printed, says that a kernel never came up, so that no cell was executed."""
    return bool(re.search("Kernel (died before replying|didn't respond)", text))


def _keep_half(result: Path, target: Path) -> Path:
    """Put the notebook of a stage that failed beside where the whole one would lie."""
    half = target.with_name(f"{target.stem}.failed.ipynb")
    os.replace(result, half)
    return half


def execute(source: Path, target: Path, parameters: Mapping[str, Any]) -> Path:
    """Run ``source`` with ``parameters`` into ``target``; the target appears only when every cell has passed.

    Raises
    ------
    StageError
        Naming the notebook, the cell, the error and the path of the half-executed notebook.
    """
    import nbformat
    from nbclient.exceptions import DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory() as folder:
            entry = Path(folder) / source.with_suffix(".ipynb").name
            result = target.with_name(f".{target.name}.tmp.ipynb")
            nbformat.write(to_notebook(source), entry)
            try:
                _execute(entry, result, parameters)
            except PapermillExecutionError as error:
                half = _keep_half(result, target)
                if is_full(f"{error.ename}: {error.evalue}"):
                    raise StageError(f"{source.name}: {full_sentence(target.parent)}") from None
                raise StageError(
                    f"{source.name}, cell {error.exec_count}: {error.ename}: {error.evalue}\n"
                    f"half-executed notebook: {half}"
                ) from None
            except DeadKernelError:
                raise StageError(
                    f"{source.name}: its kernel was ended from outside, mostly because memory ran out; close other "
                    "programs or take fewer series (n_series=N), and run the same command again\n"
                    f"half-executed notebook: {_keep_half(result, target)}"
                ) from None
            except RuntimeError as error:
                if not kernel_did_not_start(str(error)):
                    raise
                result.unlink(missing_ok=True)
                raise StageError(
                    f"{source.name}: its kernel did not come up in {KERNEL_STARTS} starts ({error}); the machine may "
                    "be too busy: run the same command again, with fewer --jobs"
                ) from None
            os.replace(result, target)
    except OSError as error:
        raise StageError(f"{source.name}: {in_words(error, target.parent)}") from None
    return target
