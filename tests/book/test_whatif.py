"""The page of another plan, used in a real browser: from a double click, by keyboard, on a phone, light and dark."""

from __future__ import annotations

import re
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.pipeline.whatif import Comparison, write_comparison

ODD = ["tea", "a<b>&\"c'", "</script><script>alert(1)</script>", "milk, 1 l", "__proto__", "rice"]
DAYS = pd.date_range("2026-03-01", periods=14)


def made() -> Comparison:
    """Six products, the last of which does not move; the first has a measured interval."""
    rows = pd.DataFrame({"unique_id": np.repeat(ODD, 14), "ds": np.tile(DAYS, 6)})
    before = rows.assign(mean=10.0 + np.tile(np.arange(14.0), 6))
    gain = rows["unique_id"].map(dict(zip(ODD, (5.0, -3.0, 2.0, 1.0, 0.5, 0.0), strict=True)))
    after = rows.assign(mean=before["mean"] + gain)
    table = pd.DataFrame({"unique_id": ODD})
    for side, forecast in (("before", before), ("after", after)):
        table[f"units_{side}"] = table["unique_id"].map(forecast.groupby("unique_id")["mean"].sum())
    table["units_difference"] = table["units_after"] - table["units_before"]
    table["units_low"], table["units_high"] = [50.0, *[np.nan] * 5], [90.0, *[np.nan] * 5]
    table["support"] = ["tried", "between", "by others", "never", "tried", "unchanged"]
    table["why"] = [f"<i>{name}</i>" for name in ODD]
    none = pd.DataFrame()
    return Comparison(
        "other <plan>.csv", "Boosting", table, none, none, before, after, None, "day", ("over 14 days",), ("a note",)
    )  # fmt: skip


@pytest.fixture(scope="module")
def page_file(tmp_path_factory):
    """The page as the command leaves it in a run's folder."""
    return write_comparison(made(), tmp_path_factory.mktemp("run") / "whatif" / "other")


@pytest.fixture
def tab(browser, page_file):
    """Opens the page; at the end nothing may have gone wrong, and nothing been asked of another host."""
    tabs, complaints = [], []

    def open_page(hash: str = "", width: int = 1200, scheme: str = "light"):
        tab = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        tab.set_default_timeout(120_000)  # a busy machine is slow, not wrong
        tabs.append(tab)
        tab.on("console", lambda m: complaints.append(m.text) if m.type in ("error", "warning") else None)
        tab.on("pageerror", lambda error: complaints.append(str(error)))
        tab.on("dialog", lambda dialog: complaints.append("a name was run as a script"))
        tab.on("request", lambda r: None if r.url.startswith(("file:", "data:")) else complaints.append(r.url))
        tab.goto(page_file.as_uri() + hash, wait_until="load")
        shown(tab, next((place for place, name in enumerate(ODD) if hash == "#" + quote(name, safe="")), -1))
        return tab

    yield open_page
    for tab in tabs:
        tab.close()
    assert not complaints


def shown(tab, place: int) -> str:
    """The words of the page once picture, list and address agree on a product: the address changes first."""
    tab.wait_for_function(
        """place => {
          const page = document.getElementById("shop-whatif");
          const choice = page.querySelector("[data-part=choice]");
          return page.dataset.shown === String(place) && choice.value === String(place);
        }""",
        arg=place,
    )
    return tab.locator("[data-part=words]").inner_text()


def test_the_page_opens_with_all_products_that_move_and_both_pictures(tab):
    page = tab()
    words = shown(page, -1)
    before = 5 * (10 * 14 + 91)
    assert words.startswith("the 5 products that move") and f"{before:,} units under the run's plan" in words
    assert f"+{14 * 5.5:.0f}" in words
    assert page.locator("[data-part=periods] svg").count() == 1 and page.locator("[data-part=bars] svg").count() == 1
    bars = page.locator("[data-part=bars] .mark-rect path").count()
    assert bars == 5 and page.locator("[data-part=bars] .mark-rule.role-mark line").count() == 1, (
        "one interval is known"
    )
    assert page.locator("[data-part=bars]").get_attribute("aria-label").startswith("Difference in units of 5 products")


@pytest.mark.parametrize("name", ODD[:5])
def test_a_link_opens_its_product_whatever_it_is_called(tab, name):
    page = tab("#" + quote(name, safe=""))
    assert shown(page, ODD.index(name)).startswith(f"{name}: 231 units under the run's plan")
    assert page.locator("[data-part=why]").inner_text() == f"<i>{name}</i>"
    assert ("95 %" in page.locator("[data-part=words]").inner_text()) == (name == "tea")


def test_products_are_chosen_by_keyboard_and_the_way_back_leads_back(tab):
    page = tab()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.dataset.part") == "choice"
    page.keyboard.press("ArrowDown")
    assert shown(page, 0).startswith("tea:")
    page.keyboard.press("ArrowDown")
    assert shown(page, 1).startswith(ODD[1])
    page.go_back()
    assert shown(page, 0).startswith("tea:")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone_and_follows_light_and_dark(tab, scheme):
    page = tab(width=375, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    colours = page.locator("#shop-whatif").evaluate(
        "e => [getComputedStyle(e).color, getComputedStyle(document.body).backgroundColor]"
    )
    bright = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in colours]
    assert abs(bright[0] - bright[1]) > 400 and (bright[0] > bright[1]) == (scheme == "dark")
    text = page.locator("[data-part=periods] svg .mark-text text").first.get_attribute("fill")
    light = text.lower() == "#1a1a1a"
    assert light == (scheme == "light"), "the pictures are drawn in the colours of the page"


def test_the_pictures_change_with_the_theme(tab):
    page = tab()
    text = "[data-part=periods] svg .mark-text text"
    before = page.locator(text).first.get_attribute("fill")
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"() => document.querySelector('{text}')?.getAttribute('fill') !== '{before}'")
