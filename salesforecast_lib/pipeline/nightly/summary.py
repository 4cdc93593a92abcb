"""What a person reads in the morning: a text, a page, and one page over all nights."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from salesforecast_lib.files import read_json, write_json, write_text
from salesforecast_lib.pipeline.nightly.compare import Compared
from salesforecast_lib.pipeline.nightly.history import Shop
from salesforecast_lib.wording import counted

if TYPE_CHECKING:
    import pandas as pd

STATES = {
    0: "fine: nothing needs you",
    1: "alarms: somebody should look",
    2: "data refused: send them again; what could be read was used",
}
MOST = 200  # products on the page
_STYLE = (
    ":root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;max-width:60rem;padding:1rem}"
    "div.wide{overflow-x:auto}table{border-collapse:collapse;font-size:.9rem}"
    "td,th{padding:.25rem .6rem;border-bottom:1px solid #8886;text-align:left;vertical-align:top}"
    ".state{font-weight:600;border-left:4px solid #0072b2;padding-left:.8rem}.state.on{border-color:#d55e00}"
)


@dataclass(frozen=True)
class Summary:
    """One night: ``read`` rows by file, ``refused`` reasons by file, ``changed`` files, ``sheet`` of decisions."""

    night: str
    version: str
    code: int
    read: dict[str, int]
    refused: dict[str, str]
    changed: list[str]
    compared: Compared
    retrained: str
    why: str
    sheet: pd.DataFrame
    notes: list[str]

    def lines(self) -> list[str]:
        """The summary in sentences."""
        lines = [f"night of {self.night}: {STATES[self.code]}"]
        lines += [f"read: {name}, {counted(rows, 'row')}" for name, rows in self.read.items()]
        lines += [f"refused: {name}: {why}" for name, why in self.refused.items()]
        lines += [f"changed: {text}" for text in self.changed]
        figures = self.compared.watch.nightly().tail(1)
        if self.compared.scored and len(figures):
            row = figures.iloc[0]
            lines.append(
                f"forecasts held against what came: {counted(self.compared.scored, 'row')}; of the last period error "
                f"{row['wape']:.1%} of sales, bias {row['bias']:+.1%}, inside the interval {row['coverage']:.0%}"
            )
        else:
            lines.append("no forecast could be held against what came")
        for row in self.compared.alarms.itertuples():
            lines.append(f"alarm: {row.subject}: {row.says}; {row.do}")
        if self.why:
            lines.append(f"trained again, because {self.why}: {self.retrained}")
        lines.append(f"forecast by the models {self.version}: {counted(len(self.sheet), 'product')}")
        if "order_quantity" in self.sheet:
            order = self.sheet["order_quantity"].fillna(0)
            lines.append(f"orders: {order.sum():,.0f} units of {counted(int((order > 0).sum()), 'product')}")
        lines += [f"alarm: {text}" for text in self.notes if text.startswith("the server ")]
        return [*lines, *(f"note: {text}" for text in self.notes if not text.startswith("the server "))]


def write_summary(summary: Summary, folder: Path) -> None:
    """Write ``summary.txt``, ``index.html`` and ``night.json``."""
    from salesforecast_lib.production.monitoring import Night

    lines = summary.lines()
    write_text("\n".join(lines) + "\n", folder / "summary.txt")
    compared = summary.compared
    figures = compared.watch.nightly()
    row = Night.of(summary.night, summary.version, figures, compared.alarms, summary.retrained)
    write_json({name: getattr(row, name) for name in row.__dataclass_fields__}, folder / "night.json")
    items = "".join(f"<li>{escape(line)}</li>" for line in lines[1:])
    state = f'<p class="state{" on" if summary.code else ""}">{escape(lines[0])}</p>'
    write_text(
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Night of {escape(summary.night)}</title><style>{_STYLE}</style></head><body>"
        f"<h1>Night of {escape(summary.night)}</h1>{state}<ul>{items}</ul>"
        '<p><a href="../dashboard.html">all nights</a></p><h2>Decisions</h2>'
        '<div class="wide" tabindex="0" role="region" aria-label="Decisions">'
        f"{_table(summary.sheet)}</div></body></html>\n",
        folder / "index.html",
    )


def _table(sheet: pd.DataFrame) -> str:
    import pandas as pd

    names = [
        n
        for n in ("unique_id", "stock", "order_quantity", "expected_demand", "risk_without_order", "why")
        if n in sheet
    ]
    head = "".join(f'<th scope="col">{escape(name.replace("_", " "))}</th>' for name in names)
    cells = [
        "".join(f"<td>{'–' if pd.isna(value) else escape(str(value))}</td>" for value in row)
        for row in sheet[names].head(MOST).itertuples(index=False)
    ]
    more = f"<p>{len(sheet) - MOST} more are in decisions.csv.</p>" if len(sheet) > MOST else ""
    return f"<table><thead><tr>{head}</tr></thead><tbody><tr>{'</tr><tr>'.join(cells)}</tr></tbody></table>{more}"


def write_page_of_nights(shop: Shop) -> None:
    """Write ``dashboard.html`` over the last word on each date; a page that says the same is left alone."""
    from salesforecast_lib.production.monitoring import write_dashboard

    rows = {}
    for folder in shop.nights():
        told = read_json(folder / "night.json")
        rows[told["night"]] = told
    if not rows:
        return
    level = float(read_json(shop.nights()[-1] / "watch.json").get("level", 0.8))
    page = shop.place / "dashboard.html"
    before = page.read_bytes() if page.is_file() else b""
    fresh = shop.place / ".page"
    written = write_dashboard(fresh, [rows[date] for date in sorted(rows)], level)
    if written.read_bytes() != before:
        written.replace(page)
    written.unlink(missing_ok=True)
    fresh.rmdir()
