"""Settings of the figures, and pictures to page through; for notebooks, and for modules that draw for them."""

from __future__ import annotations

import base64
import io
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape

import matplotlib.pyplot as plt
import pandas as pd
from cycler import cycler
from IPython.display import HTML
from matplotlib import font_manager
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.ft2font import FT2Font
from PIL import Image

from salesforecast_lib.wording import counted

# Okabe and Ito (2008) and three more: told apart by colour-blind readers and, with the line styles, in greyscale.
COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F"),
    *("#000000", "#8C564B", "#999933"),
)
# Fonts for names that matplotlib's own font cannot write, the first that is installed: Chinese, Japanese, Korean.
FALLBACK_FONTS = (
    *("Noto Sans CJK SC", "Noto Sans SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "Hiragino Sans GB"),
    *("WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "SimHei", "Droid Sans Fallback", "Arial Unicode MS", "Unifont"),
)
NO_GLYPH = "\u25a1"  # a square for a character that no font at hand can write
_NO_PICTURE = ("Cc", "Cf", "Cs")  # kinds of characters that are not drawn
_VARIANTS = [chr(code) for code in range(0xFE00, 0xFE10)]  # say in which style the character before is drawn
STYLES = ("-", "--", "-.", ":", "-", "--", "-.", ":", "-", "--")


def use_book_style() -> None:
    """Set size, resolution, grid and a colour cycle that survives greyscale; names in tables are text, not formulas."""
    pd.set_option("display.html.use_mathjax", False)  # "$5 & $10" is a name
    found = [name for name in FALLBACK_FONTS if name in font_manager.get_font_names()]
    plt.rcParams["font.family"] = ["DejaVu Sans", *found[:1]]
    plt.rcParams.update(
        {
            "figure.figsize": (7.5, 3.6),
            "figure.dpi": 100,
            "savefig.dpi": 100,
            "figure.facecolor": "white",  # opaque, so that dark mode keeps the axes readable
            "savefig.facecolor": "white",
            "figure.constrained_layout.use": True,
            "axes.grid": True,
            "grid.alpha": 0.3,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": cycler(color=COLOURS) + cycler(linestyle=STYLES),
        }
    )


@cache
def _fonts(families: tuple[str, ...]) -> list[FT2Font]:
    files = [font_manager.findfont(font_manager.FontProperties(family=[name])) for name in families]
    return [font_manager.get_font(file) for file in files]


def figure_text(name: object, longest: int = 0) -> str:
    """A name as a figure shows it: as it is, whatever marks it holds.

    Dollar signs are no formula, and a leading underscore does not hide it from a legend. Characters that no font at
    hand can write (`FALLBACK_FONTS`) are squares (`NO_GLYPH`), without a warning; the table beside the figure and its
    alternative text have the name whole. ``longest`` cuts it to so many characters; 0 does not.
    """
    words = unicodedata.normalize("NFC", " ".join(str(name).split()))
    words = "".join(c for c in words if unicodedata.category(c) not in _NO_PICTURE and c not in _VARIANTS)
    if longest and len(words) > longest:
        words = words[: longest - 1] + "…"
    fonts = _fonts(tuple(plt.rcParams["font.family"]))
    words = "".join(c if any(font.get_char_index(ord(c)) for font in fonts) else NO_GLYPH for c in words)
    return (" " if words.startswith("_") else "") + words.replace("$", r"\$")


@dataclass(frozen=True)
class Page:
    """One page of a `pager`: a line to choose it by, a PNG and a sentence for who cannot see it."""

    title: str
    picture: bytes
    alt: str


def small_png(figure: Figure, colours: int = 16) -> bytes:
    """The figure as a PNG with a small palette, and close it: several pages have to fit into one notebook."""
    whole, small = io.BytesIO(), io.BytesIO()
    figure.savefig(whole, format="png", dpi="figure")
    plt.close(figure)
    picture = Image.open(whole).convert("RGB")  # the method keeps thin lines' colours, which are few pixels
    picture = picture.quantize(colours, Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    picture.save(small, "PNG", optimize=True)
    return small.getvalue()


def pager(pages: Sequence[Page], name: str) -> HTML:
    """Pictures to page through as plain HTML: a list of titles, of which one is open at a time.

    ``<details>`` elements of one ``name`` need no script, no style and no network; they work with a keyboard and a
    screen reader, in the book, in a notebook and in print, where the first is open.
    """
    if not pages:
        raise ValueError("no pages: give at least one")
    parts = []
    for number, page in enumerate(pages):
        source = base64.b64encode(page.picture).decode("ascii")
        state = " open" if number == 0 else ""
        parts.append(
            f'<details class="mathjax_ignore tex2jax_ignore" name="{escape(name)}"{state}>'
            f"<summary>{escape(page.title)}</summary>"
            f'<img src="data:image/png;base64,{source}" alt="{escape(page.alt)}"></details>'
        )
    return HTML("\n".join(parts))


def forecast_page(history: pd.DataFrame, forecasts: pd.DataFrame, label: str = "") -> Page:
    """Sales of one series before and after a cutoff with the forecasts of some models, the first with its interval.

    Parameters
    ----------
    history : ``ds, y`` of the series before the cutoff, as far back as should be seen.
    forecasts : scored rows of the series from one cutoff; models are drawn in the order in which they appear.
    label : more words for the title.
    """
    names = list(dict.fromkeys(forecasts["model"]))
    first = forecasts[forecasts["model"] == names[0]].sort_values("ds")
    wape = {
        name: (part["mean"] - part["y"]).abs().sum() / max(part["y"].sum(), 1e-9)
        for name, part in forecasts.groupby("model")
    }
    figure, ax = plt.subplots(figsize=(6.0, 2.2), dpi=75)
    ax.grid(False)
    observed = pd.concat([history[["ds", "y"]], first[["ds", "y"]]])
    ax.plot(observed["ds"], observed["y"], color="0.3", linestyle="-", linewidth=1, label="observed")
    ax.fill_between(first["ds"], first["q0.05"], first["q0.95"], color=COLOURS[0], alpha=0.2, label="90 %")
    for name, line in zip(names, ("-", "--", "-.", ":"), strict=False):
        part = forecasts[forecasts["model"] == name].sort_values("ds")
        ax.plot(part["ds"], part["mean"], linestyle=line, label=name)
    ax.set(ylabel="units", ylim=(0, None))
    ax.xaxis.set_major_formatter(ConciseDateFormatter(ax.xaxis.get_major_locator()))
    ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=4, fontsize="small", frameon=False)
    series, errors = str(first["unique_id"].iloc[0]), ", ".join(f"{name} {wape[name]:.2f}" for name in names)
    inside = ((first["y"] >= first["q0.05"]) & (first["y"] <= first["q0.95"])).mean()
    alt = (
        f"Sales of {series} and forecasts from {first['cutoff'].iloc[0].date()} over {counted(len(first), 'period')}: "
        f"WAPE {errors}; "
        f"{inside:.0%} of the sales lie inside the 90 % interval of {names[0]}."
    )
    return Page(" · ".join(text for text in (series, label, f"WAPE {errors}") if text), small_png(figure), alt)
