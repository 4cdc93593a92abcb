"""Sphinx extension: let pages be read side by side.

Sphinx reads one page after the other as soon as one extension does not say that it may be otherwise. Two that Jupyter
Book adds do not say it: one numbers the sections when all pages have been read, the other acts for LaTeX only.
"""

from __future__ import annotations

from sphinx.application import Sphinx
from sphinx.config import Config

SILENT = ("sphinx_multitoc_numbering", "sphinx_jupyterbook_latex")


def _declare(app: Sphinx, config: Config) -> None:
    for name in SILENT:
        if name in app.extensions and app.extensions[name].parallel_read_safe is None:
            app.extensions[name].parallel_read_safe = True


def setup(app: Sphinx) -> dict[str, bool]:
    """Declare the silent extensions when all have been loaded."""
    app.connect("config-inited", _declare)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
