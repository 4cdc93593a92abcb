"""Sphinx extension: leave out the scripts of live code cells, which Jupyter Book adds although they are switched off.

They would come from another host, and are declared twice, which every browser reports as an error.
"""

from __future__ import annotations

from typing import Any

from sphinx.application import Sphinx


def _without_thebe(app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: Any) -> None:
    def is_thebe(script: Any) -> bool:
        told = str(getattr(script, "filename", script)) + str(getattr(script, "attributes", ""))
        return "thebe" in told.lower()

    context["script_files"] = [script for script in context["script_files"] if not is_thebe(script)]


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the filter; it runs after the extensions that add scripts."""
    app.connect("html-page-context", _without_thebe, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
