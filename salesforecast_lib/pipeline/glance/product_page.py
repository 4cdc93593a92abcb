"""The page of products: a search box, and everything about the product that is chosen; static and offline."""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from salesforecast_lib.pipeline.glance.files import RunFiles
from salesforecast_lib.pipeline.glance.products import products_data, script
from salesforecast_lib.pipeline.glance.reasons import reasons_data
from salesforecast_lib.wording import counted

PAGE, DATA = "products.md", "static/glance/products_data.js"
CHARTS = ("vega/vega.min.js", "vega/vega-lite.min.js", "vega/vega-embed.min.js", "glance/charts.js")
_SCRIPTS = (
    *CHARTS,
    "glance/products_data.js",
    "glance/products.js",
)
STYLE = '<link rel="stylesheet" href="../_static/glance/glance.css">'
_BODY = """<div id="shop-products" class="shop tex2jax_ignore mathjax_ignore">
<div>
<label>Search <input data-part="search" type="search" role="combobox" aria-expanded="true" aria-autocomplete="list"
 aria-controls="shop-list" autocomplete="off" spellcheck="false" placeholder="part of a name"></label>
<label>Show <select data-part="only"><option value="all">all</option><option value="order">with an order</option>
<option value="alert">with an alert</option><option value="price">with a price proposal</option>
<option value="unknown">of unknown stock</option></select></label>
<p data-part="count" class="muted" role="status"></p>
<ul data-part="list" id="shop-list" role="listbox" tabindex="0" aria-label="Products, most money at risk first"></ul>
</div>
<div>
<p data-part="missing" role="alert" hidden></p>
<h2 data-part="name" aria-live="polite">Choose a product</h2>
<p data-part="action"></p>
<p data-part="why"></p>
<div class="charts">
<div data-part="sales" role="img" aria-label="Sales and forecast"></div>
<p class="muted">LEGEND</p>
<div data-part="stock-box"><h3>Stock if the plan is followed</h3>
<div data-part="stock" role="img" aria-label="Stock projection"></div></div>
</div>
<div data-part="reasons-box" hidden><h3>Why this forecast?</h3><p data-part="reasons-head"></p>
<table data-part="reasons" class="waterfall"><caption>Units over the whole forecast; a bar begins where the one above
it ends; the grey ones are cut on the left.</caption><thead><tr><th scope="col">driver</th>
<th scope="col" aria-hidden="true"></th>
<th scope="col" class="number">units</th></tr></thead><tbody></tbody></table></div>
<div class="boxes">
<div><h3>Plan</h3><table data-part="plan"></table></div>
<div data-part="price-box"><h3>Price</h3><p data-part="price-head"></p><table data-part="price"></table>
<p data-part="price-why"></p></div>
<div><h3>Alerts</h3><div data-part="alerts"></div></div>
<div><h3>Promotions</h3><div data-part="promotions"></div></div>
</div>
</div>
</div>"""


def product_link(name: str) -> str:
    """The address of one product, from any other page in ``book/``."""
    return f"products.html#{quote(name, safe='')}"


def product_pages(run: RunFiles, about: str = "") -> dict[str, str | bytes]:
    """The page of products and its data, by file name in ``book/``; ``about`` is markdown that stands before them."""
    data = products_data(run)
    data["reasons"] = reasons_data(run.reasons, data["names"])
    shares = ", ".join(f"{band['share']}" for band in reversed(data["bands"]))
    legend = (
        f"Line: sales. Dashed: expected by the {escape(run.model)}, with bands of {shares} %, "
        f"{counted(len(data['ahead']), run.period)} ahead."
    )
    missing = f" Left out, as there are many products: {escape(data['left_out'])}." if data["left_out"] else ""
    lines = [
        "# Products",
        "",
        *((about, "") if about else ()),
        "```{raw} html",
        STYLE,
        _BODY.replace("LEGEND", legend + missing),
        "<noscript><p>This page needs JavaScript; the same numbers are in the run's csv files.</p></noscript>",
        *(f'<script src="../_static/{name}"></script>' for name in _SCRIPTS),
        "```",
        "",
    ]
    return {PAGE: "\n".join(lines), DATA: script(data)}
