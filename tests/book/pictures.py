"""Take the README's pictures from the built book and notebooks: ``python tests/book/pictures.py``."""

from __future__ import annotations

import base64
import shutil
import sys

import nbformat
from playwright.sync_api import sync_playwright

from salesforecast_lib.files import project_root


def main() -> int:
    """A chapter in the browser, and the plan's figure."""
    html = project_root() / "_build" / "html"
    binary = shutil.which("chromium") or shutil.which("google-chrome")
    if binary is None or not html.is_dir():
        print("needs chromium and 'make book'", file=sys.stderr)
        return 1
    static = project_root() / "book" / "static"
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=binary, args=["--no-sandbox"])
        tab = browser.new_page(viewport={"width": 1280, "height": 760})
        tab.goto((html / "notebooks" / "07_evaluation.html").as_uri())
        tab.wait_for_selector("mjx-container")
        tab.evaluate("document.querySelector('#fig-bootstrap').scrollIntoView({block: 'center'})")
        tab.wait_for_timeout(500)
        tab.screenshot(path=static / "readme_book.png")
        browser.close()
    plan = nbformat.read(project_root() / "notebooks" / "08_inventory.ipynb", 4)
    figure = next(c for c in plan.cells if c.metadata.get("mystnb", {}).get("figure", {}).get("name") == "fig-plan")
    picture = next(output for output in figure.outputs if "image/png" in output.get("data", {}))
    (static / "readme_plan.png").write_bytes(base64.b64decode(picture["data"]["image/png"]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
