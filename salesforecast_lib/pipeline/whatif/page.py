"""Tables and page of a comparison of two plans; the page's pictures are drawn as those of a run's products are."""

from __future__ import annotations

import shutil
from functools import partial
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from salesforecast_lib.files import atomically, project_root, write_csv, write_text
from salesforecast_lib.pipeline.whatif.picture import picture_data

if TYPE_CHECKING:
    import pandas as pd

    from salesforecast_lib.pipeline.whatif.compare import Comparison

MOST = 200  # products on the page; the table has all
STATIC = "static"  # beside the folders of the plans: what their pages share
_HEADS = {
    "unique_id": "product",
    "units_before": "units, run's plan",
    "units_after": "units, other plan",
    "units_difference": "units, difference",
    "units_low": "95 % from",
    "units_high": "95 % to",
    "units_percent": "%",
    "money_difference": "money, difference",
    "margin_difference": "margin, difference",
    "order_before": "order, run's plan",
    "order_after": "order, other plan",
    "elasticity": "elasticity",
    "support": "support",
    "why": "what was tried",
}
_CAUTION = (
    "The data show of a price or a promotion how sales went with it, not what it does. Where prices or promotions "
    "followed demand (raised when it was strong, cut when it was weak), the difference is too small or has the wrong "
    "sign; only a test tells. Intervals are those of the measured effect of a price, not of the forecast."
)
_BODY = """<label>Show <select data-part="choice" aria-label="Products in the picture"></select></label>
<p data-part="words" role="status"></p><p data-part="why" class="muted"></p>
<div class="charts"><div><div data-part="periods" role="img" aria-label="Units by period under both plans"></div></div>
<div><div data-part="bars" role="img" aria-label="Difference by product"></div>
<p class="muted">Lines across the bars: 95 % intervals of the effect of a price.</p></div></div>"""


def write_comparison(found: Comparison, folder: Path) -> Path:
    """Write ``difference.csv, support.csv, periods.csv, stock.csv``, ``index.html`` and what its pictures need.

    The page reads scripts and style from ``static/`` beside ``folder``, where all plans of a run share them.

    Returns
    -------
    Path of the page.
    """
    from salesforecast_lib.pipeline.glance.product_page import CHARTS

    keys = ["unique_id", "ds"]
    periods = found.before[[*keys, "mean"]].merge(found.after[[*keys, "mean"]], on=keys, suffixes=("_before", "_after"))
    write_csv(found.table.round(4), folder / "difference.csv")
    write_csv(found.supported.round(4), folder / "support.csv")
    write_csv(periods.round(4), folder / "periods.csv")
    if found.projection is not None:
        write_csv(found.projection.round(2), folder / "stock.csv")
    scripts = [*CHARTS, "glance/whatif.js"]
    for name in (*scripts, "glance/glance.css", "vega/LICENSE"):
        source = project_root() / "book" / "static" / name
        atomically(folder.parent / STATIC / name, partial(shutil.copyfile, source))
    return write_text(_page(found, scripts), folder / "index.html")


def _page(found: Comparison, scripts: list[str]) -> str:
    from salesforecast_lib.pipeline.glance.products import script

    lines = "".join(f"<li>{escape(line)}</li>" for line in found.lines)
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in found.notes)
    rest = len(found.table) - MOST
    more = f"<p>{rest} more products are in difference.csv.</p>" if rest > 0 else ""
    data = picture_data(found.before, found.after, found.table, found.period)
    drawn = _BODY if data["names"] else "<p>No product moves.</p>"
    sources = "".join(f'<script src="../{STATIC}/{name}"></script>' for name in scripts[:-1])
    return (
        '<!doctype html><html lang="en" class="alone"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<link rel="stylesheet" href="../{STATIC}/glance/glance.css">'
        f"<title>What if: {escape(found.plan)}</title></head><body>"
        f'<main id="shop-whatif" class="shop"><h1>What if: {escape(found.plan)}</h1><ul>{lines}</ul>{notes}{drawn}'
        "<noscript><p>The pictures need JavaScript; their numbers are in periods.csv and difference.csv.</p></noscript>"
        f"<p>{escape(found.model)}. Nothing was trained: the models are those of the run.</p>"
        f'<p class="note">{escape(_CAUTION)}</p>'
        '<h2>By product</h2><div class="wide" tabindex="0" role="region" aria-label="Products">'
        f"{_table(found.table.head(MOST))}</div>{more}</main>"
        f'<script>{script(data, "shopWhatif")}</script>{sources}<script src="../{STATIC}/{scripts[-1]}"></script>'
        "</body></html>\n"
    )


def _table(table: pd.DataFrame) -> str:
    import pandas as pd

    names = [name for name in _HEADS if name in table]
    head = "".join(f'<th scope="col">{escape(_HEADS[name])}</th>' for name in names)
    rows = []
    for row in table[names].itertuples(index=False):
        cells = []
        for name, value in zip(names, row, strict=True):
            if isinstance(value, str):
                kind = "text" if name == "why" else escape(value).split()[0] if name == "support" else ""
                cells.append(f'<td class="{kind}">{escape(value)}</td>')
            else:
                cells.append(f"<td>{'–' if pd.isna(value) else f'{value:,.1f}'}</td>")
        rows.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
