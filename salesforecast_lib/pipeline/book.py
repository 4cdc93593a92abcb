"""Build an HTML book from executed notebooks: the published one, or a run's own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Mapping
from pathlib import Path

import yaml

from salesforecast_lib.files import project_root

# Jupyter Book's command, which has no option for the number of processes that read and write pages
_COMMAND = (
    "import sys; from functools import partial; from jupyter_book import sphinx; "
    "sphinx.build_sphinx = partial(sphinx.build_sphinx, jobs=int(sys.argv.pop(1))); "
    "from jupyter_book.cli.main import main; main()"
)
_MOST = 2  # processes: each holds the whole book
_TITLE = str.maketrans("<>", "‹›")  # the theme writes a title once as text and once as HTML: only this is right in both


class BookError(RuntimeError):
    """The book could not be built; the message holds Sphinx' last lines."""


def check_executed(notebook: Path) -> None:
    """Refuse a notebook with an error or a cell that was never executed: Jupyter Book would show it without a word."""
    import nbformat  # a second, which commands without a book need not wait for

    for number, cell in enumerate(nbformat.read(notebook, 4).cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        if any(output.output_type == "error" for output in cell.outputs):
            raise BookError(f"{notebook.name}, cell {number}: holds an error; execute the notebook again")
        if cell.execution_count is None:
            raise BookError(f"{notebook.name}, cell {number}: was never executed; run 'make refresh'")


def build_book(
    notebooks: Path,
    target: Path,
    title: str | None = None,
    pages: Mapping[str, str | bytes] | None = None,
    published: Collection[str] = (),
) -> Path:
    """Build the book of the ``.ipynb`` files in ``notebooks`` into the folder ``target``; returns its index page.

    ``pages`` (file name → markdown, or the bytes of a picture) take the place of files in ``book/``. Warnings are
    errors, nothing is executed or fetched. The old book stays until the new one is whole.

    Parameters
    ----------
    published : chapters that are taken as they are published, not from ``notebooks``.

    Raises
    ------
    BookError
        When a notebook was not executed or Sphinx complains.
    """
    root = project_root()
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder)
        shutil.copy(root / "_config.yml", stage)
        shutil.copytree(root / "book", stage / "book", ignore=shutil.ignore_patterns("profiles"))
        for name, content in (pages or {}).items():
            data = content if isinstance(content, bytes) else content.encode("utf-8")
            (stage / "book" / name).write_bytes(data)
        (stage / "notebooks").mkdir()
        chapters = [file for file in sorted(notebooks.glob("[0-9]*.ipynb")) if file.stem not in published]
        for notebook in [*chapters, *(root / "notebooks" / f"{name}.ipynb" for name in published)]:
            if not notebook.stem.endswith(".failed"):
                check_executed(notebook)
                shutil.copy(notebook, stage / "notebooks")
        if title:
            config = yaml.safe_load((stage / "_config.yml").read_text(encoding="utf-8"))
            config["title"] = title.translate(_TITLE)
            (stage / "_config.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
        command = [
            sys.executable,
            "-c",
            _COMMAND,
            str(min(_MOST, os.cpu_count() or 1)),
            "build",
            str(stage),
            "--toc",
            str(stage / "book/_toc.yml"),
            "-W",
            "-n",
            "--keep-going",
            "-q",
        ]
        done = subprocess.run(command, capture_output=True, text=True, env={**os.environ, "PYTHONWARNINGS": "ignore"})
        html = stage / "_build" / "html"
        if done.returncode != 0 or not (html / "index.html").is_file():
            raise BookError(
                "the book could not be built:\n" + "\n".join((done.stdout + done.stderr).splitlines()[-30:])
            )
        target.parent.mkdir(parents=True, exist_ok=True)
        fresh = target.with_name(f".{target.name}.new")
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.copytree(html, fresh)
        shutil.rmtree(target, ignore_errors=True)
        fresh.rename(target)
    return target / "index.html"
