"""A run's first page and its page of products, used in a real browser: by keyboard, on a phone, from a double click."""

from __future__ import annotations

import io
import re
import shutil
from urllib.parse import quote

import pytest
import yaml
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline.glance import glance_pages
from tests.unit.pipeline.glance.made import ODD, made_shop


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Folder of both pages, built with the book's theme and settings; a warning is an error."""
    place = tmp_path_factory.mktemp("glance")
    shutil.copytree(project_root() / "book" / "static", place / "book" / "static")
    (place / "run").mkdir()
    for name, content in glance_pages(made_shop(place / "run", ODD), "Odd shop").items():
        data = content if isinstance(content, bytes) else content.encode("utf-8")
        (place / "book" / name).write_bytes(data)
    links = "# {}\n"
    for name in ("decisions", "findings"):
        (place / "book" / f"{name}.md").write_text(links.format(name))
    (place / "index.md").write_text(
        "# Book\n\n```{toctree}\nbook/shop\nbook/products\nbook/decisions\nbook/findings\n```\n"
    )
    config = yaml.safe_load((project_root() / "_config.yml").read_text(encoding="utf-8"))["sphinx"]["config"]
    settings = {
        "extensions": ["myst_parser"],
        "html_theme": "sphinx_book_theme",
        "html_static_path": ["book/static"],
        **{name: config[name] for name in ("html_css_files", "html_context", "html_theme_options", "smartquotes")},
    }
    warned = io.StringIO()
    with docutils_namespace():
        Sphinx(
            str(place), None, f"{place}/out", f"{place}/trees", "html", settings, status=None, warning=warned
        ).build()
    assert not warned.getvalue()
    return place / "out" / "book"


@pytest.fixture
def tab(browser, pages):
    """Opens one of the pages; at the end nothing may have gone wrong, and nothing been asked of another host."""
    tabs, complaints = [], []

    def open_page(name: str, width: int = 1300, height: int = 900, scheme: str = "light"):
        tab = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
        tabs.append(tab)
        tab.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("dialog", lambda dialog: complaints.append("a name was run as a script"))
        tab.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else complaints.append(r.url))
        tab.goto(pages.as_uri() + "/" + name, wait_until="load")
        if name.startswith("products"):
            tab.wait_for_selector("#shop-products[data-shown]")
        return tab

    yield open_page
    for tab in tabs:
        tab.close()
    assert not complaints


def chosen(tab) -> str:
    """The product that page, list and address agree upon, once they do: the address changes first, the rest later."""
    tab.wait_for_function(
        """() => {
          const page = document.getElementById("shop-products");
          const option = page.querySelector("[data-part=list] [aria-selected=true]");
          if (!option || page.dataset.shown !== option.dataset.place) return false;
          const named = [option.querySelector(".name"), page.querySelector("[data-part=name]")];
          const names = named.map((element) => element.textContent);
          if (location.hash) names.push(decodeURIComponent(location.hash.slice(1)));
          return new Set(names).size === 1;
        }"""
    )
    return heading(tab)


def heading(tab) -> str:
    return tab.locator("[data-part=name]").inner_text()


def shown(tab) -> list[str]:
    return tab.locator("[data-part=list] .name").all_inner_texts()


@pytest.mark.parametrize("name", ODD)
def test_a_link_opens_its_product_whatever_it_is_called(tab, name):
    page = tab(f"products.html#{quote(name, safe='')}")
    assert chosen(page) == name
    assert page.locator("[data-part=missing]").is_hidden()
    assert page.locator("[data-part=sales] svg").count() == 1 and page.locator("[data-part=stock] svg").count() == 1
    assert page.locator("[data-part=sales]").get_attribute("aria-label").startswith(f"Sales of {name} over")


def test_every_link_of_the_first_page_leads_to_its_product(tab):
    page = tab("shop.html")
    links = page.locator("#shop-glance table a").evaluate_all("links => links.map(link => [link.innerText, link.href])")
    assert len(links) == 22
    for name, address in dict(links).items():
        assert chosen(tab("products.html#" + address.split("#")[1])) == name


def test_the_list_is_searched_and_walked_by_keyboard(tab):
    page = tab("products.html")
    page.keyboard.press("Tab")
    search, listbox = page.locator("[data-part=search]"), page.locator("[data-part=list]")
    search.focus()
    page.keyboard.type("QUOT sing")
    assert (
        shown(page) == ["\"quoted\" & 'single'"]
        and page.locator("[data-part=count]").inner_text() == "1 of 14 products"
    )
    page.keyboard.press("Enter")
    assert chosen(page) == "\"quoted\" & 'single'"
    page.keyboard.press("Escape")
    assert len(shown(page)) == len(ODD) and search.input_value() == ""
    page.keyboard.press("ArrowDown")
    marked = page.locator("#" + search.get_attribute("aria-activedescendant") + " .name").inner_text()
    assert marked == shown(page)[shown(page).index("\"quoted\" & 'single'") + 1]
    page.keyboard.press("Enter")
    assert chosen(page) == marked
    listbox.focus()
    assert listbox.evaluate("e => getComputedStyle(e).outlineStyle") == "solid", "one sees where the focus is"
    page.keyboard.press("End")
    page.keyboard.press(" ")
    assert chosen(page) == shown(page)[-1]
    page.keyboard.press("Home")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    assert chosen(page) == shown(page)[0]
    page.go_back()
    assert chosen(page) == shown(page)[-1], "the way back leads to the product before"


def test_the_filter_and_a_name_that_is_not_there(tab):
    page = tab("products.html#no%20such%E2")
    assert page.locator("[data-part=missing]").is_visible() and heading(page) in ODD
    page.locator("[data-part=only]").select_option("alert")
    assert sorted(shown(page)) == sorted(ODD[:2])
    page.locator("[data-part=search]").fill("nowhere")
    assert not shown(page)
    page.locator("[data-part=search]").press("Enter")
    assert heading(page) in ODD, "Enter on an empty list changes nothing"


@pytest.mark.parametrize("name", ["shop.html", "products.html"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone_and_follow_the_theme(tab, name, scheme):
    page = tab(name, 375, 812, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    colours = page.locator(".shop").evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(document.body).backgroundColor]"
    )
    bright = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours]
    assert abs(bright[0] - bright[1]) > 400 and (bright[0] > bright[1]) == (scheme == "dark")


def test_the_charts_change_with_the_theme(tab):
    page = tab("products.html")
    text = "[data-part=sales] svg .mark-text text"
    before = page.locator(text).first.get_attribute("fill")
    page.evaluate("document.documentElement.dataset.theme = 'dark'")
    page.wait_for_function(f"() => document.querySelector('{text}')?.getAttribute('fill') !== '{before}'")


def test_the_first_page_is_one_screen(tab):
    page = tab("shop.html", 1400, 900)
    box = page.locator("#shop-glance").bounding_box()
    assert box["y"] + box["height"] <= 900
    for picture in page.locator("#shop-glance img").all():
        assert picture.evaluate("image => image.naturalWidth") == 550
