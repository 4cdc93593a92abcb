"""Names of a shop are text in every medium: figures, tables, markdown pages, whatever marks they hold."""

from __future__ import annotations

import io
import json
import warnings

import matplotlib.pyplot as plt
import pandas as pd
import pytest
import yaml
from bs4 import BeautifulSoup
from markdown_it import MarkdownIt
from PIL import Image
from sphinx.application import Sphinx
from sphinx.util.docutils import docutils_namespace

from salesforecast_lib.decisions.inventory.figures import plan_figure, projection_figure
from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline.markdown import plain
from salesforecast_lib.plots import NO_GLYPH, Page, figure_text, pager, use_book_style

NAMES = [
    *("$5 & $10 gift", "$$", "a\\$b$", "snake_case_ *bold*", "_hidden", "<b>bold</b> & co", "a|b", "back\\slash \\"),
    *('"quoted"', "it's `code`", "{name} {{x}} 100%", "=1+1", "-5 %", "- item", "1. first", "2) second", "% comment"),
    *("# 1", "[link](http://x)", "x^2_{sub} $\\frac{1}{2}$", "NA", "00123", "1e5", "&amp;", "@ref", "~~gone~~"),
    *("+++", "---", "===", "茶叶 绿", "emoji 🎁🧦", "{ref}`x`", "![i](j)", "<https://x.y>", "a:b:", ":::", "\\(x\\)"),
]


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context():
        use_book_style()
        yield
    plt.close("all")


@pytest.mark.parametrize("name", NAMES)
def test_markdown_shows_a_name_unchanged(name):
    """In a table, as a paragraph of its own and in a sentence, under the rules of the book."""
    render = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse
    for source in (plain(name), f"| a |\n|---|\n| {plain(name)} |", f"Of {plain(name)} we expect"):
        inline = [token for token in render(source) if token.type == "inline"][-1]
        assert {child.type for child in inline.children} <= {"text", "text_special"}, inline.children
        text = "".join(child.content for child in inline.children)
        assert text.replace("Of ", "", 1).replace(" we expect", "") == " ".join(name.split())
        assert not {"bullet_list_open", "ordered_list_open", "heading_open", "hr"} & {t.type for t in render(source)}


def test_the_book_shows_names_unchanged(tmp_path):
    """A page built as the book is, with its extensions: in a table, alone, in a caption and in an alternative text."""
    config = yaml.safe_load((project_root() / "_config.yml").read_text(encoding="utf-8"))
    settings = {
        "extensions": ["myst_parser", "sphinx.ext.mathjax"],
        "myst_enable_extensions": config["parse"]["myst_enable_extensions"],
        "smartquotes": config["sphinx"]["config"]["smartquotes"],
    }
    Image.new("RGB", (2, 2)).save(tmp_path / "p.png")
    lines = ["# Names", "", "| name | why |", "|---|---|"]
    lines += [f"| {plain(name)} | it is {plain(name)} |" for name in NAMES]
    for name in NAMES:
        alt = json.dumps(name, ensure_ascii=False)
        lines += ["", "```{figure} p.png", f":alt: {alt}", "", f"{plain(name)}, of a shop", "```", "", plain(name)]
    (tmp_path / "index.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with docutils_namespace():
        place = str(tmp_path)
        warned = io.StringIO()
        sphinx = Sphinx(place, None, f"{place}/out", f"{place}/trees", "html", settings, status=None, warning=warned)
        sphinx.build()
    assert not warned.getvalue()
    page = BeautifulSoup((tmp_path / "out" / "index.html").read_text(encoding="utf-8"), "html.parser")
    body = page.find("section")

    def words(tag):
        return " ".join(tag.get_text().replace("¶", "").split())

    expected = [" ".join(name.split()) for name in NAMES]
    assert [words(row("td")[0]) for row in body("tr")[1:]] == expected
    assert [words(row("td")[1]) for row in body("tr")[1:]] == [f"it is {name}" for name in expected]
    assert [words(caption) for caption in body("figcaption")] == [f"{name}, of a shop" for name in expected]
    assert [image["alt"] for image in body("img")] == NAMES
    alone = [words(tag) for tag in body.find_all("p", recursive=False)]
    assert alone == expected and not body.select(".math, a[href^=http]")


@pytest.mark.parametrize("name", NAMES)
def test_figures_draw_a_name_without_a_formula_or_a_warning(name):
    figure, ax = plt.subplots()
    ax.plot([0, 1], label=figure_text(name))
    ax.set_title(figure_text(name))
    ax.set_yticks([0], [figure_text(name, 24)])
    legend = ax.legend()
    assert len(legend.get_texts()) == 1, "a leading underscore does not hide it"
    for text in (ax.title, *legend.get_texts(), *ax.get_yticklabels()):
        words, formula = text._preprocess_math(text.get_text())
        assert formula is False, name
    drawn = "".join(NO_GLYPH if ord(c) > 0x2E00 else c for c in name)
    assert ax.title._preprocess_math(ax.get_title())[0].strip() == drawn
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure.savefig(io.BytesIO(), format="png")


def test_a_font_that_is_at_hand_is_used_and_a_long_name_is_cut_before_it_is_escaped(monkeypatch):
    assert figure_text("茶") == NO_GLYPH and figure_text("Tee ✓ é") == "Tee ✓ é"
    assert figure_text("$" * 30, 5) == r"\$\$\$\$…" and figure_text("a\u200db\ufe0f\n c") == "ab c"
    from salesforecast_lib import plots

    monkeypatch.setattr(plots.font_manager, "get_font_names", lambda: ["DejaVu Sans", "SimHei", "Unifont"])
    use_book_style()
    assert plt.rcParams["font.family"] == ["DejaVu Sans", "SimHei"], "the book's own first, then one that has more"


def test_names_are_drawn_in_any_style():
    with plt.rc_context({"font.family": ["sans-serif"]}):
        assert figure_text("$5 茶") == rf"\$5 {NO_GLYPH}"


def test_tables_and_pages_of_pictures_hold_no_formula_and_no_tag():
    html = pd.DataFrame({"<i>": NAMES})._repr_html_()
    assert "<b>" not in html and "<i>" not in html
    config = yaml.safe_load((project_root() / "_config.yml").read_text(encoding="utf-8"))
    ignored = config["sphinx"]["config"]["mathjax3_config"]["options"]["ignoreHtmlClass"].split("|")
    assert set(BeautifulSoup(html, "html.parser").table["class"]) & set(ignored), "the book leaves its dollars alone"
    html = pager([Page("<b>$x$</b>", b"", 'a"<b>')], "p").data
    assert 'class="mathjax_ignore' in html and "<b>" not in html and "&lt;b&gt;$x$&lt;/b&gt;" in html


def test_figures_of_the_plan_name_every_product():
    count = len(NAMES)
    plan = pd.DataFrame({"unique_id": NAMES, "order_quantity": pd.array(range(count), "Int64"), "expected_loss": 0.1})
    plan = plan.assign(loss_without_order=range(count), loss_with_order=0.5)
    names = [*NAMES[-3:], "x" * 30, "x" * 31, "unknown"]
    rows = pd.concat([plan.tail(6)], ignore_index=True).assign(unique_id=names)
    rows.loc[5, ["loss_without_order", "order_quantity"]] = [float("nan"), pd.NA]
    figure = plan_figure(rows)
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert len(labels) == 5, "names that are cut alike stay two products; unknown stock has no bar"
    part = pd.DataFrame({"ds": pd.date_range("2024-01-01", periods=3), "low": 0.0, "median": 1.0, "high": 2.0})
    figure = projection_figure(pd.concat([part.assign(unique_id=name) for name in NAMES[:4]]), NAMES[:4])
    titles = [ax.title._preprocess_math(ax.get_title()) for ax in figure.axes]
    assert [(text.strip(), formula) for text, formula in titles] == [(name, False) for name in NAMES[:4]]
