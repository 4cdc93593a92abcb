"""A shop whose products have names full of marks, from its order lines to its book and its workbook."""

from __future__ import annotations

import nbformat
import numpy as np
import openpyxl
import pandas as pd
import pytest
import yaml
from bs4 import BeautifulSoup
from typer.testing import CliRunner

from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline.cli import app
from salesforecast_lib.pipeline.runner import prepare_values, run
from salesforecast_lib.pipeline.runs.record import finish
from salesforecast_lib.pipeline.stages import STAGES

NAMES = [
    *("$5 & $10 gift", "snake_case *bold*", "<b>bold</b> & co", "a|b \\ c", '# 1 "quoted"', "{name} {{x}} 100%"),
    *("=1+1", "茶叶 绿 🎁", "00123", "1e5", "[link](http://x) $$y$$"),
]
UNKNOWN = NAMES[-2:]  # not in the stock file
# chapters that show no product of the shop, or read nothing of it
SILENT = ("03_lstm_derivation", "11_advertising", "14_deployment", "15_monitoring", "18_scaling_out")


def order_lines(days: int = 220) -> pd.DataFrame:
    rng, rows = np.random.default_rng(0), []
    for day in pd.date_range("2025-01-01", periods=days):
        for place, name in enumerate(NAMES):
            price = round(2.5 * (1.1 if day.week % 4 == place % 4 else 1.0), 2)
            for _ in range(rng.poisson(2 + place % 3)):
                hour = pd.Timedelta(hours=int(rng.integers(8, 20)))
                rows.append((name, day + hour, int(rng.integers(1, 4)), price, f"c{rng.integers(0, 90)}"))
    lines = pd.DataFrame(rows, columns=["product_id", "timestamp", "quantity", "unit_price", "customer_id"])
    return lines.assign(order_id=[f"o{number}" for number in range(len(lines))])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The finished run, with its book and its workbook, in a folder that has marks in its own name."""
    place = tmp_path_factory.mktemp("names")
    order_lines().to_csv(place / "orders.csv", index=False)
    stock = pd.DataFrame({"unique_id": [name for name in NAMES if name not in UNKNOWN] + ["old $x$"], "stock": 9})
    stock.to_csv(place / "stock.csv", index=False)
    values = yaml.safe_load((project_root() / "book" / "profiles" / "smoke.yml").read_text(encoding="utf-8"))
    values |= {"dataset": "own_data", "level": "product_id", "n_series": 0, "horizon": 14, "cutoffs": 2}
    values |= {"path": str(place / "orders.csv"), "stock_file": str(place / "stock.csv")}
    (place / "shop.yml").write_text(yaml.safe_dump(values), encoding="utf-8")
    folder, stages = place / "a <b> & $x$ 茶", tuple(stage for stage in STAGES if stage.name not in SILENT)
    run(prepare_values(str(place / "shop.yml"), {}), folder, stages=stages, verbose=0)
    finish(folder, SILENT)
    done = CliRunner().invoke(app, ["decide", str(folder)])
    assert done.exit_code == 0, done.output
    return folder


@pytest.fixture(scope="module")
def pages(folder):
    html = folder / "html"
    return {p.relative_to(html).as_posix(): BeautifulSoup(p.read_text(), "html.parser") for p in html.rglob("*.html")}


@pytest.mark.slow
def test_every_name_stands_on_its_pages_as_it_is(pages, folder):
    plan = " ".join(pages["book/decisions.html"].get_text().split())
    urgent = " ".join(pages["book/findings.html"].get_text().split())
    for name in NAMES:
        assert name in plan + urgent, name
    table = pages["notebooks/08_inventory.html"].get_text()
    assert sum(name in table for name in NAMES) >= 5, "tables of the chapter"
    assert all(name in plan for name in UNKNOWN) and "Stock unknown" in plan


@pytest.mark.slow
def test_no_name_became_a_formula_a_tag_or_a_link(pages):
    for place, page in pages.items():
        assert not [tag for tag in page(["b", "strong", "em"]) if tag.get_text() in ("bold", "bold & co")], place
        assert not [tag for tag in page("a", href=True) if tag["href"] == "http://x"], place
        formulas = " ".join(tag.get_text() for tag in page.select("span.math, div.math"))
        assert not any(piece in formulas for piece in ("gift", "$10", "&amp; ", "5 &")), place
        for cell in page.select("table.dataframe"):
            assert "tex2jax_ignore" in cell["class"], place


@pytest.mark.slow
def test_notebooks_hold_no_warning_about_a_name(folder):
    for file in sorted((folder / "notebooks").glob("*.ipynb")):
        for cell in nbformat.read(file, 4).cells:
            for output in cell.get("outputs", []):
                text = str(output.get("text", ""))
                assert "Glyph" not in text and "mathtext" not in text and "ParseException" not in text, file.name


@pytest.mark.slow
def test_names_are_text_in_the_workbook(folder):
    book = openpyxl.load_workbook(folder / "decisions.xlsx")
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n"}
    shown = {cell.value for sheet in ("stock", "stock unknown") for cell in book[sheet]["A"]}
    plan = {cell.value for cell in book["stock unknown"]["A"]}
    assert set(UNKNOWN) <= plan and not set(UNKNOWN) & {cell.value for cell in book["stock"]["A"]}
    assert len(shown & set(NAMES)) >= len(NAMES) - 4, "those that need something"
    assert "no promotion that is planned ahead" in book["promotions"]["A1"].value
