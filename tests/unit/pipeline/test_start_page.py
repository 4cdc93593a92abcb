"""The start page: its picture is drawn from a run's files, and its sentence holds their numbers."""

from __future__ import annotations

import io
from dataclasses import replace

import pandas as pd
import pytest
from PIL import Image

from salesforecast_lib.decisions.workbook.sheets import read_decisions
from salesforecast_lib.files import project_root, read_json, write_csv, write_json
from salesforecast_lib.pipeline import start_page
from salesforecast_lib.pipeline.book import build_book
from salesforecast_lib.pipeline.markdown import between
from salesforecast_lib.pipeline.pages import opening_pages, run_pages
from salesforecast_lib.pipeline.start_page import alt_text, block, draw, read_start, sentence
from tests.unit.pipeline.test_pages import SERVICE, made_run


@pytest.fixture
def folder(tmp_path):
    return made_run(tmp_path, "simulated")


def test_numbers_are_those_of_the_files(folder):
    start = read_start(folder)
    plan = pd.read_csv(folder / "replenishment.csv", dtype={"unique_id": str}).set_index("unique_id")
    forecasts = pd.read_parquet(folder / "forecasts.parquet")
    assert start.product == "=1+1", "the largest order, by the name that the shop gave it"
    row = plan.loc["'=1+1"]
    assert (start.stock, start.order, start.level) == (row["stock"], row["order_quantity"], row["order_up_to_level"])
    ahead = forecasts[forecasts["y"].isna() & (forecasts["unique_id"] == start.product)]
    assert start.fan["ds"].tolist() == ahead["ds"].tolist() and start.fan["q0.9"].tolist() == ahead["q0.9"].tolist()
    assert start.demand["mean"] == pytest.approx(ahead["mean"].head(start.protection).sum())
    low, high = start.demand["q0.1"], start.demand["q0.9"]
    assert low < start.demand["mean"] < high
    words = sentence(start)
    assert f"{low:,.0f} to {high:,.0f} units in the next {start.protection} days (80 %)" in words
    assert "0 are in stock or on order (simulated stock: an example), so order 1,200." in words
    assert len(start.history) == 70 and start.service_level == SERVICE
    assert start.model == "Champion", "the parameter says champion"
    assert "**Forecast.** Champion\\: Boosting 60 \\%" in block(start, "your shop")
    assert "**Forecast.**" not in block(replace(start, made_of=""), "your shop")


def test_a_young_product_is_not_chosen_and_a_plan_without_orders_says_so(folder):
    plan = pd.DataFrame({"unique_id": ["old", "young"], "order_quantity": [5, 50], "expected_demand": [1.0, 2.0]})
    panel = pd.DataFrame({"unique_id": ["old"] * 70 + ["young"] * 20})
    assert start_page.choose(plan, panel, 70) == "old" and start_page.choose(plan, panel, 90) == "young"
    assert start_page.choose(plan.assign(order_quantity=0), panel, 90) == "young", "then by expected demand"
    start = replace(read_start(folder), order=0, stock=1.0, simulated_stock=False)
    assert sentence(start).endswith("1 is in stock or on order, so order nothing.")
    assert "largest expected demand" in block(start, "your shop")


def test_picture_is_small_and_readable_and_its_alt_text_is_computed(folder):
    start = read_start(folder)
    image = Image.open(io.BytesIO(draw(start)))
    assert image.size == (750, 330) and image.mode == "P" and len(draw(start)) < 40_000
    assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255), "opaque, so that dark mode keeps the axes readable"
    text = alt_text(start)
    assert "over 70 days, between 90 and 90 units a day" in text and "1,200 to order" in text
    assert f"the level to order up to, {start.level:,.0f}, lies above that range" in text
    assert "lies below" in alt_text(replace(start, level=0.0))


def test_a_run_has_its_own_start_page_in_the_place_of_the_published_one(folder):
    pages = run_pages(folder)
    intro = (project_root() / "book" / "intro.md").read_text(encoding="utf-8")
    assert pages["static/start.png"].startswith(b"\x89PNG")
    assert sentence(read_start(folder)) in pages["intro.md"] and "your shop" in pages["intro.md"]
    assert pages["intro.md"].split(start_page.END)[-1] == intro.split(start_page.END)[-1]
    assert pages["intro.md"].index("```{figure} static/start.png") < 200, "the picture comes first"


def test_markers_that_are_missing_are_named():
    assert between("a <x> old <y> b", "<x>", "<y>", "new\n") == "a <x>\nnew\n<y> b"
    for text in ("a <x> b", "a <y> b"):
        with pytest.raises(ValueError, match="put them back"):
            between(text, "<x>", "<y>", "new")


def test_the_published_sentence_is_that_of_the_published_plan():
    intro = (project_root() / "book" / "intro.md").read_text(encoding="utf-8")
    shown = intro.split(start_page.START)[1].split(start_page.END)[0]
    name, order = shown.split("**Of ")[1].split(" we expect")[0], shown.split("so order ")[1].split(".**")[0]
    plan = (project_root() / "book" / "decisions.md").read_text(encoding="utf-8")
    assert f"| {name} | {order.replace(',', '')} |" in plan, "make refresh writes both"


def test_pictures_of_a_run_take_the_place_of_published_ones(tmp_path, monkeypatch):
    seen = {}

    def look(command, **_):
        stage = command[command.index("build") + 1]
        with open(f"{stage}/book/static/start.png", "rb") as file:
            seen["picture"] = file.read()
        raise RuntimeError("looked")

    monkeypatch.setattr("salesforecast_lib.pipeline.book.subprocess.run", look)
    with pytest.raises(RuntimeError, match="looked"):
        build_book(tmp_path, tmp_path / "html", pages={"static/start.png": b"mine", "intro.md": "# Mine"})
    assert seen["picture"] == b"mine"


def test_weeks_are_called_weeks(folder):
    write_json({"dataset": "online_retail_ii", "freq": "W", "season_length": 4}, folder / "panel.json")
    start = read_start(folder)
    assert len(start.history) == 52 and "in the next 10 weeks (80 %)" in sentence(start)
    assert "of Online Retail II with the largest order" in opening_pages(folder)["intro.md"]


def test_opening_pages_name_the_data_set(folder):
    assert read_json(folder / "panel.json")["dataset"] == "own_data"
    assert set(opening_pages(folder)) == {"intro.md", "static/start.png"}


def with_unknown(folder, names):
    """The made run with the stock of some products unknown."""
    plan = read_decisions(folder / "replenishment.csv")
    gone = plan["unique_id"].isin(names)
    plan["stock_source"] = plan["stock_source"].where(~gone, "unknown")
    for column in ("stock", "order_quantity", "risk_before_delivery"):
        plan[column] = plan[column].astype(float).mask(gone)
    write_csv(plan, folder / "replenishment.csv")
    return folder


def test_unknown_stock_is_counted_on_the_first_pages_and_never_opens_the_book(tmp_path):
    folder = with_unknown(made_run(tmp_path, "stock_file"), ["=1+1"])
    start = read_start(folder)
    assert start.product == "a|b" and start.unknown_stock == 1, "an order that is known goes first"
    pages = run_pages(folder)
    assert "The stock of 1 product is unknown: see the [decisions](decisions.md)." in pages["intro.md"]
    assert "1 of 3 products need an order" in pages["findings.md"]
    assert "The stock of 1 product is unknown, which the [decisions](decisions.md) list." in pages["findings.md"]
    assert "## Stock unknown" in pages["decisions.md"] and "| \\=1\\+1 |" in pages["decisions.md"]


def test_a_book_without_any_known_stock_asks_to_count(tmp_path):
    folder = with_unknown(made_run(tmp_path, "stock_file"), ["a|b", "=1+1", "quiet"])
    start = read_start(folder)
    assert start.product == "=1+1" and start.order == 0, "the largest expected demand"
    assert sentence(start).endswith("; its stock is unknown, so count it, and order up to 1,200.")
    assert "no bar, for the stock is unknown" in alt_text(start) and draw(start)
    assert "no product's stock is known" in block(start, "your shop")
    assert "No product of this run is in your stock file" in run_pages(folder)["findings.md"]
