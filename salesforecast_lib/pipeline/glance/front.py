"""The first page of a run's book: what the whole shop sells, what to do first, and how far to trust it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

import pandas as pd

from salesforecast_lib.pipeline.glance.files import RunFiles
from salesforecast_lib.pipeline.glance.picture import draw_shop, shop_alt
from salesforecast_lib.pipeline.glance.product_page import STYLE, product_link
from salesforecast_lib.pipeline.glance.products import HISTORY
from salesforecast_lib.pipeline.glance.ranking import Item, Ranking, top_alerts, top_orders, top_prices
from salesforecast_lib.pipeline.glance.standing import Standing, band_check, data_facts, standings, verdict
from salesforecast_lib.pipeline.glance.total import Total, recent, shop_total, today_prices
from salesforecast_lib.wording import counted

PAGE = "shop.md"
_PICTURES = "static/glance/shop_{unit}.png"


def _expected(total: Total, unit: str, kind: str) -> str:
    """The coming periods, as many before them, and the same a year before where it is known; in one unit."""
    whole, dates = total.whole, pd.DatetimeIndex(total.fan["ds"])
    words = f"<b>{whole['mean']:,.0f} {unit}</b> (80 %: {whole['q0.1']:,.0f} to {whole['q0.9']:,.0f})"
    year = dates - (pd.DateOffset(years=1) if kind == "M" else pd.Timedelta(days=364))  # the same day of the week
    for sold, when in ((total.history.tail(len(dates)), "before"), (total.history.reindex(year), "a year before")):
        if len(sold) == len(dates) and sold.notna().all() and sold.sum() > 0:
            words += f", {_change(whole['mean'] / sold.sum() - 1)} the {sold.sum():,.0f} {when}"
    return words


def _change(share: float) -> str:
    if abs(share) < 0.005:
        return "about as much as"
    return f"{100 * abs(share):.0f} % {'more' if share > 0 else 'less'} than"


def _headline(units: Total, money: Total | None, run: RunFiles) -> str:
    parts = [_expected(units, "units", run.kind), *([_expected(money, "in money", run.kind)] if money else [])]
    span = counted(len(units.fan), run.period)
    prices = " Money is counted at today's prices." if money else ""
    return f"<p>In the next {span} the whole shop is expected to sell {'; '.join(parts)}.{prices}</p>"


def _item(item: Item) -> str:
    name, title = escape(" ".join(item.subject.split())), escape(item.why)
    head = f'<a href="{escape(product_link(item.product))}">{name}</a>' if item.product else name
    return (
        f'<tr title="{title}"><td class="name">{head}</td><td class="words">{escape(item.words)}</td>'
        f'<td class="number">{escape(item.value)}</td></tr>'
    )


def _list(ranking: Ranking) -> str:
    shown = len(ranking.items)
    heading = escape(ranking.title)
    if ranking.total > shown:
        heading += f" <small>{shown} of {ranking.total:,}</small>"
    note = f'<p class="muted">{escape(ranking.note)}</p>' if ranking.note else ""
    if not shown:
        return f"<section><h3>{heading}</h3>{note}</section>"
    rows = "\n".join(_item(item) for item in ranking.items)
    head = (
        f'<thead><tr><th scope="col">product</th><th scope="col">{ranking.what}</th>'
        f'<th scope="col" class="number">{ranking.measure}</th></tr></thead>'
    )
    return f'<section><h3>{heading}</h3>{note}<table class="ranking">{head}<tbody>\n{rows}\n</tbody></table></section>'


def _standings(table: Sequence[Standing]) -> str:
    def cell(value: float, form: str) -> str:
        return f'<td class="number">{format(value, form) if math.isfinite(value) else "–"}</td>'

    rows = "".join(
        f'<tr><th scope="row">{escape(row.name)}</th>{cell(row.wape, ".3f")}{cell(row.cost, ",.0f")}</tr>'
        for row in table
    )
    return (
        '<table><thead><tr><th scope="col">forecast</th><th scope="col" class="number">error (WAPE)</th>'
        f'<th scope="col" class="number">cost of stock</th></tr></thead><tbody>{rows}</tbody></table>'
    )


def front_pages(run: RunFiles, shop: str, notes: Sequence[str] = ()) -> dict[str, str | bytes]:
    """The first page of a run's book and its picture, by file name in ``book/``.

    Parameters
    ----------
    shop : how the shop is called in the title.
    notes : what a reader should know first, such as data that end earlier than those of the run before.
    """
    prices = today_prices(run.panel)
    units = shop_total(run)
    money = shop_total(run, prices.to_dict()) if len(prices) else None
    both = {"units": units, **({"money": money} if money else {})}
    totals = {unit: recent(total, HISTORY[run.kind]) for unit, total in both.items()}
    pictures = {
        unit: f'<img src="../_{_PICTURES.format(unit=unit)}" '
        f'alt="{escape(shop_alt(total, f"{unit} a {run.period}", run.period))}">'
        for unit, total in totals.items()
    }
    table = standings(run)
    last = f"{pd.Timestamp(run.panel['ds'].max()):%Y-%m-%d}"
    warned = "".join(f'<p class="warned">{escape(note)}</p>' for note in notes)
    facts = "".join(f"<li>{escape(fact)}</li>" for fact in data_facts(run))
    products = run.plan["unique_id"].nunique()
    body = [
        '<div id="shop-glance" class="shop tex2jax_ignore mathjax_ignore">',
        f"{warned}{_headline(units, money, run)}",
        f'<div class="boxes pictures">{"".join(pictures.values())}</div>',
        '<div class="boxes">',
        *(_list(ranking) for ranking in (top_orders(run), top_alerts(run), top_prices(run))),
        "</div>",
        '<div class="boxes">',
        f"<section><h3>Against the simple rules</h3>{_standings(table)}"
        f"<p>{escape(verdict(run))} {escape(band_check(units, run.period))}</p></section>",
        f"<section><h3>The data</h3><ul><li>{products:,} products, up to {last}.</li>{facts}</ul>"
        '<p><a href="products.html">Every product</a> · <a href="decisions.html">all decisions</a> · '
        '<a href="findings.html">findings</a></p></section>',
        "</div>",
        "</div>",
    ]
    lines = [f"# {shop}", "", "```{raw} html", STYLE, *body, "```", ""]
    drawn = {_PICTURES.format(unit=unit): draw_shop(total, f"{unit} a {run.period}") for unit, total in totals.items()}
    return {PAGE: "\n".join(lines), **drawn}
