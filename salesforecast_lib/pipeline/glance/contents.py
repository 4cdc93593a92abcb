"""Pages of a run's book that the published one has not, and the table of contents with them in front."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline.glance.files import read_run
from salesforecast_lib.pipeline.glance.front import front_pages
from salesforecast_lib.pipeline.glance.product_page import product_pages

CONTENTS = "_toc.yml"
_FIRST = ("book/products", "book/decisions", "book/findings")


def run_contents(published: dict[str, Any]) -> dict[str, Any]:
    """The published table of contents with the shop's page as its root and the shop's own pages before the chapters."""
    chapters = [
        {**part, "chapters": [page for page in part["chapters"] if page["file"] not in _FIRST]}
        for part in published["parts"]
    ]
    own = [
        {"caption": "Your shop", "chapters": [{"file": name} for name in _FIRST]},
        {"caption": "The book", "chapters": [{"file": published["root"]}]},
    ]
    return {**published, "root": "book/shop", "parts": [*own, *(part for part in chapters if part["chapters"])]}


def glance_pages(folder: Path, shop: str, notes: Sequence[str] = ()) -> dict[str, str | bytes]:
    """First page, page of products and table of contents of a finished run's book, by file name in ``book/``.

    Parameters
    ----------
    shop : title of the first page; ``notes`` stand on top of it.
    """
    run = read_run(folder)
    published = yaml.safe_load((project_root() / "book" / CONTENTS).read_text(encoding="utf-8"))
    contents = yaml.safe_dump(run_contents(published), sort_keys=False)
    return {**front_pages(run, shop, notes), **product_pages(run), CONTENTS: contents}
