"""Tables, figure and page of a comparison of two plans."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from salesforecast_lib.files import write_csv, write_text

if TYPE_CHECKING:
    import pandas as pd

    from salesforecast_lib.pipeline.whatif.compare import Comparison

MOST = 200  # products on the page; the table has all
_HEADS = {
    "unique_id": "product",
    "units_before": "units, run's plan",
    "units_after": "units, other plan",
    "units_difference": "units, difference",
    "units_percent": "%",
    "money_difference": "money, difference",
    "margin_difference": "margin, difference",
    "order_before": "order, run's plan",
    "order_after": "order, other plan",
    "support": "support",
    "why": "what was tried",
}
_STYLE = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:72rem;padding:1rem}
img{max-width:100%;background:#fff}div.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}
td,th{padding:.25rem .6rem;border-bottom:1px solid #8886;text-align:right;vertical-align:top}
td:first-child,th:first-child,td.text{text-align:left}td.text{min-width:16rem}
.never,.by{font-weight:600}.note{border-left:4px solid #d55e00;padding-left:.8rem}
"""
_CAUTION = (
    "The models know of a price or a promotion how sales went with it, not what it does. Where prices or promotions "
    "followed demand (raised when it was strong, cut when it was weak), the difference is too small or has the wrong "
    "sign; only a test tells. What products do to each other is not in it."
)


def write_comparison(found: Comparison, folder: Path) -> Path:
    """Write ``difference.csv``, ``support.csv``, ``periods.csv``, ``stock.csv``, ``difference.png``, ``index.html``.

    Returns
    -------
    Path of the page.
    """
    import matplotlib

    matplotlib.use("agg")  # a command has no screen
    from salesforecast_lib.decisions.whatif import whatif_figure
    from salesforecast_lib.plots import small_png, use_book_style

    use_book_style()
    keys = ["unique_id", "ds"]
    periods = found.before[[*keys, "mean"]].merge(found.after[[*keys, "mean"]], on=keys, suffixes=("_before", "_after"))
    write_csv(found.table.round(4), folder / "difference.csv")
    write_csv(found.supported.round(4), folder / "support.csv")
    write_csv(periods.round(4), folder / "periods.csv")
    if found.projection is not None:
        write_csv(found.projection.round(2), folder / "stock.csv")
    picture = small_png(whatif_figure(found.before, found.after, found.table), 64)
    (folder / "difference.png").write_bytes(picture)
    return write_text(_page(found, picture), folder / "index.html")


def _page(found: Comparison, picture: bytes) -> str:
    lines = "".join(f"<li>{escape(line)}</li>" for line in found.lines)
    notes = "".join(f'<p class="note">{escape(note)}</p>' for note in found.notes)
    source = base64.b64encode(picture).decode("ascii")
    alt = escape("Units of the products that move, by period under both plans, and by product. " + found.lines[0])
    rest = len(found.table) - MOST
    more = f"<p>{rest} more products are in difference.csv.</p>" if rest > 0 else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>What if: {escape(found.plan)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>What if: {escape(found.plan)}</h1><ul>{lines}</ul>{notes}"
        f'<img src="data:image/png;base64,{source}" alt="{alt}">'
        f"<p>{escape(found.model)}. Nothing was trained: the models are those of the run.</p>"
        f'<p class="note">{escape(_CAUTION)}</p>'
        '<h2>By product</h2><div class="wide" tabindex="0" role="region" aria-label="Products">'
        f"{_table(found.table.head(MOST))}</div>{more}</body></html>\n"
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
