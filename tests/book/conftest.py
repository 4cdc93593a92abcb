"""One book, built from the committed notebooks, and one browser for all tests of this folder."""

from __future__ import annotations

import shutil

import pytest
from playwright.sync_api import sync_playwright

from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline.book import build_book

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@pytest.fixture(scope="session")
def book(tmp_path_factory):
    """Folder of the HTML book."""
    return build_book(project_root() / "notebooks", tmp_path_factory.mktemp("book") / "html").parent


@pytest.fixture(scope="session")
def browser():
    """Headless Chromium; skipped where none is installed."""
    binary = next(filter(None, map(shutil.which, BROWSERS)), None)
    if binary is None:
        pytest.skip(f"no browser found (looked for {', '.join(BROWSERS)})")
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        yield chromium
        chromium.close()
