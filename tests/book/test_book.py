"""The HTML book: whole, offline, and looked at in a real browser."""

from __future__ import annotations

import functools
import http.server
import re
import shutil
import threading
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit

import nbformat
import pytest
import yaml

from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline.book import BookError, build_book, check_executed
from salesforecast_lib.pipeline.cli import draw_mermaid
from salesforecast_lib.pipeline.stages import graph

ROOT = project_root()


def toc_pages() -> list[str]:
    toc = yaml.safe_load((ROOT / "book" / "_toc.yml").read_text())
    return [toc["root"], *(chapter["file"] for part in toc["parts"] for chapter in part["chapters"])]


PAGES = toc_pages()


class References(HTMLParser):
    """Ids, links, loaded files and pictures of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.pictures: list[dict[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        values = {name: value or "" for name, value in attrs}
        self.ids.add(values.get("id", ""))
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag == "link" and values.get("rel") in ("stylesheet", "preload", "icon", "modulepreload"):
            self.loaded.append(values["href"])
        if tag in ("script", "img", "iframe") and "src" in values:
            self.loaded.append(values["src"])
        if tag == "img":
            self.pictures.append(values)


@pytest.fixture(scope="session")
def parsed(book):
    pages = [path for path in book.rglob("*.html") if "_static" not in path.parts]  # there lie the theme's templates
    return {path: References(path.read_text(encoding="utf-8")) for path in pages}


def test_every_page_of_the_toc_is_there_with_a_title(book):
    for page in PAGES:
        text = (book / f"{page}.html").read_text(encoding="utf-8")
        assert re.search(r"<h1>.+?</h1>|<h1>[^<]+<a", text), page


def test_no_internal_link_is_broken(book, parsed):
    broken = []
    for path, page in parsed.items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc or link in ("", "#"):
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                broken.append((path.name, link))
            elif parts.fragment and target.suffix == ".html" and unquote(parts.fragment) not in parsed[target].ids:
                broken.append((path.name, link))
    assert not broken


def test_nothing_is_loaded_from_another_host_and_no_file_is_missing(parsed):
    for path, page in parsed.items():
        for source in page.loaded:
            parts = urlsplit(source)
            assert not parts.netloc, f"{path.name} loads {source}"
            if parts.scheme != "data":
                assert (path.parent / unquote(parts.path)).exists(), f"{path.name} misses {source}"


@pytest.mark.parametrize("page", [page for page in PAGES if page.startswith("notebooks/")])
def test_every_figure_of_a_chapter_is_a_picture_on_its_page(book, parsed, page):
    notebook = nbformat.read(ROOT / f"{page}.ipynb", 4)
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    figures = [output for output in outputs if "image/png" in output.get("data", {})]
    drawn = [picture for picture in parsed[book / f"{page}.html"].pictures if "_images/" in picture["src"]]
    assert figures and len(drawn) == len(figures)
    assert "Figure size" not in (book / f"{page}.html").read_text(encoding="utf-8"), "a figure is shown as text"


def test_pictures_have_alt_text(book, parsed):
    for page in PAGES:
        for picture in parsed[book / f"{page}.html"].pictures:
            assert picture.get("alt") or "logo" in picture.get("class", ""), (page, picture["src"])


CUT = """() => [...document.querySelectorAll("div.math")].filter(block => {
    const drawn = block.querySelector("mjx-math"), number = block.querySelector(".eqno");
    const room = (number ? number.getBoundingClientRect().left : block.getBoundingClientRect().right) + 1;
    return drawn && drawn.getBoundingClientRect().right > room;
}).map(block => block.id)"""


@pytest.mark.parametrize("page", PAGES)
def test_page_in_the_browser(book, browser, page):
    """By double click: console silent, nothing from elsewhere, pictures and equations whole; the page fits a phone."""
    tab, complaints, asked = browser.new_page(viewport={"width": 1280, "height": 900}), [], []
    tab.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    tab.on("pageerror", lambda error: complaints.append(str(error)))
    tab.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto((book / f"{page}.html").as_uri(), wait_until="load")
    mathematics = tab.locator(".math").count()
    if mathematics:
        tab.wait_for_selector("mjx-container", timeout=20_000)
        assert tab.locator("mjx-merror").count() == 0
        tab.evaluate("MathJax.startup.promise")
        assert not tab.evaluate(CUT), "break these equations over lines"
    for picture in tab.locator("article img").all():
        picture.scroll_into_view_if_needed()
        assert picture.evaluate("image => image.naturalWidth") > 0
    tab.set_viewport_size({"width": 390, "height": 800})
    wide = tab.evaluate("document.querySelector('article').scrollWidth - window.innerWidth")
    tab.close()
    assert wide <= 0, f"{wide} pixels too wide for a phone"
    assert not complaints
    assert not [url for url in asked if not url.startswith(("file:", "data:", "blob:"))]


def test_the_start_page_shows_its_picture_and_the_order_in_the_first_screen(book, browser):
    tab = browser.new_page(viewport={"width": 1300, "height": 900})
    tab.goto((book / "book/intro.html").as_uri(), wait_until="load")
    picture = tab.locator("#fig-start img").bounding_box()
    order = tab.locator("article p strong").first
    assert picture["y"] + picture["height"] < order.bounding_box()["y"] < 900
    assert "so order" in order.inner_text()
    tab.close()


def test_search_finds_a_word(book, browser):
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(book))
    handler.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tab = browser.new_page()
        tab.goto(f"http://127.0.0.1:{server.server_port}/search.html?q=newsvendor")
        tab.wait_for_selector("#search-results li a", timeout=20_000)
        found = tab.locator("#search-results li a").evaluate_all("links => links.map(link => link.href)")
        tab.close()
        server.shutdown()
    assert any("08_inventory" in link for link in found)


def spoiled(folder, change) -> None:
    """The committed notebooks with one cell of chapter 07 changed."""
    for path in (ROOT / "notebooks").glob("*.ipynb"):
        shutil.copy(path, folder)
    file = folder / "07_evaluation.ipynb"
    notebook = nbformat.read(file, 4)
    change(notebook)
    nbformat.write(notebook, file)


def first_code(notebook):
    return next(cell for cell in notebook.cells if cell.cell_type == "code")


def test_a_notebook_that_was_never_executed_is_refused(tmp_path):
    def forget(notebook):
        first_code(notebook).execution_count = None

    spoiled(tmp_path, forget)
    with pytest.raises(BookError, match="07_evaluation.*never executed"):
        check_executed(tmp_path / "07_evaluation.ipynb")


def test_a_notebook_with_an_error_is_refused(tmp_path):
    def fail(notebook):
        first_code(notebook).outputs = [nbformat.v4.new_output("error", ename="E", evalue="e", traceback=[])]

    spoiled(tmp_path, fail)
    with pytest.raises(BookError, match="07_evaluation.*error"):
        build_book(tmp_path, tmp_path / "html")


@pytest.mark.slow
def test_a_broken_reference_stops_the_build_names_the_page_and_keeps_the_old_book(tmp_path):
    def refer(notebook):
        notebook.cells[0].source += "\n\nSee {ref}`ch-nowhere`."

    spoiled(tmp_path, refer)
    old = tmp_path / "html" / "index.html"
    old.parent.mkdir()
    old.write_text("old")
    with pytest.raises(BookError, match="07_evaluation.*ch-nowhere"):
        build_book(tmp_path, tmp_path / "html", title="Shop: 'a' \"b\" – №1")
    assert old.read_text() == "old"


def test_drawn_graphs_are_what_their_sources_say(tmp_path):
    static = ROOT / "book" / "static"
    assert (static / "flow.mmd").read_text() == graph(), "draw it again: salesforecast stages --graph"
    for name in ("flow", "article_flow"):
        draw_mermaid((static / f"{name}.mmd").read_text(), tmp_path / f"{name}.svg")
        assert (tmp_path / f"{name}.svg").read_text() == (static / f"{name}.svg").read_text()


def test_every_reference_can_be_found():
    text = (ROOT / "book" / "references.bib").read_text()
    entries = re.split(r"\n(?=@)", text.strip())
    assert len(entries) >= 10
    for entry in entries:
        assert re.search(r"\b(doi|url|isbn)\s*=\s*\{\S+\}", entry), entry.splitlines()[0]


def test_readme_links_are_not_broken():
    for target in re.findall(r"\]\(([^)#]+)\)", (ROOT / "README.md").read_text()):
        assert "://" in target or (ROOT / target).exists(), target
