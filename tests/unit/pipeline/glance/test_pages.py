"""First page and page of products: every number is that of the run's files, and a name is text wherever it stands."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml
from bs4 import BeautifulSoup
from PIL import Image

from salesforecast_lib.decisions.workbook.sheets import read_decisions
from salesforecast_lib.files import project_root, write_csv, write_json
from salesforecast_lib.pipeline.glance import glance_pages, product_link, product_pages, read_run
from salesforecast_lib.pipeline.glance.contents import run_contents
from salesforecast_lib.pipeline.glance.product_page import DATA, PAGE
from salesforecast_lib.pipeline.glance.products import ALL_BANDS, MOST, products_data, script
from salesforecast_lib.pipeline.glance.ranking import SHOWN, top_alerts, top_orders, top_prices
from salesforecast_lib.pipeline.glance.reasons import reasons_data
from salesforecast_lib.pipeline.glance.standing import data_facts, standings, verdict
from salesforecast_lib.pipeline.markdown import plain
from salesforecast_lib.pipeline.publish import _EXAMPLE
from salesforecast_lib.production.explain.card import reasons_table
from tests.unit.pipeline.glance.made import HORIZON, ODD, made_shop
from tests.unit.production.explain.made import hand_made


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return made_shop(tmp_path_factory.mktemp("odd"), ODD)


def raw(page: str) -> BeautifulSoup:
    """What stands in the raw block of a page of markdown, which has to be the whole of it but the title."""
    title, _, rest = page.partition("\n\n```{raw} html\n")
    assert title.startswith("# ") and rest.endswith("\n```\n") and "\n```" not in rest[:-5], (
        "one block, not ended early"
    )
    return BeautifulSoup(rest[:-4], "html.parser")


def test_the_first_page_shows_names_as_text_and_links_each_to_its_product(folder):
    page = raw(glance_pages(folder, "Shop")["shop.md"])
    assert not page.find_all("script") and not page.select("#shop-glance td b")
    tables = page.select("table.ranking")
    assert [len(table.select("tbody tr")) for table in tables] == [SHOWN, 3, SHOWN]
    plan = read_decisions(folder / "replenishment.csv").sort_values("expected_loss", ascending=False)
    links = tables[0].select("tbody a")
    assert [link.text for link in links] == [" ".join(name.split()) for name in plan["unique_id"].head(SHOWN)]
    assert [link["href"] for link in links] == [product_link(name) for name in plan["unique_id"].head(SHOWN)]
    assert tables[1].select("tbody tr")[0].text.startswith(ODD[1]), "alerts by money"
    assert [link.text for link in tables[1].select("a")] == [ODD[1], ODD[0]], "what is about all products has no page"


def test_the_first_page_says_units_money_accuracy_and_what_was_wrong_with_the_data(folder):
    pages = glance_pages(folder, "Shop", ["The data <end> early."])
    page = raw(pages["shop.md"])
    text = " ".join(page.get_text(" ").split())
    assert f"In the next {HORIZON} days" in text and "in money" in text and "The data <end> early." in text
    assert "its error is 25.0 % below that of the best simple rule (window average)" in text
    assert "costs 20.0 % less than the best simple rule (window average)" in text
    assert "3 of 1,000 rows were set aside: 2 zero quantity, 1 <no date>." in text
    assert {image["src"] for image in page.select("img")} == {
        "../_static/glance/shop_units.png",
        "../_static/glance/shop_money.png",
    }
    for name in ("units", "money"):
        image = Image.open(io.BytesIO(pages[f"static/glance/shop_{name}.png"]))
        assert image.size == (550, 220) and len(pages[f"static/glance/shop_{name}.png"]) < 30_000
    assert all("whole shop over" in image["alt"] for image in page.select("img"))


def test_without_prices_everything_is_in_units(tmp_path):
    pages = glance_pages(made_shop(tmp_path, ODD, price=False), "Shop")
    assert "static/glance/shop_money.png" not in pages and "in money" not in pages["shop.md"]
    assert (
        "No prices: everything is in units." in pages["shop.md"] and "No price is worth a test now" in pages["shop.md"]
    )


@pytest.mark.parametrize("freq, words", [("D", "14 days"), ("W", "14 weeks"), ("M", "14 months")])
def test_a_week_is_called_a_week(tmp_path, freq, words):
    assert f"In the next {words}" in glance_pages(made_shop(tmp_path, ["a", "b"], freq=freq), "Shop")["shop.md"]


def test_a_loss_to_a_simple_rule_is_said(folder):
    run = read_run(folder)
    worse = {"models": {**run.metrics["models"], "Champion": {"wape": 0.5}}}
    dearer = {**run.inventory, "policies": {**run.inventory["policies"], "Champion": {"total": 110.0}}}
    words = verdict(replace(run, metrics=worse, inventory=dearer))
    assert "25.0 % above" in words and "10.0 % more than the best simple rule" in words
    assert "was not held against" in verdict(replace(run, metrics={}, inventory={}))
    assert [row.name for row in standings(run)] == ["Champion", "SeasonalNaive", "WindowAverage", "rule of thumb"]


def test_a_run_without_its_later_chapters_still_has_its_pages(tmp_path):
    folder = made_shop(tmp_path, ["a", "b"])
    for name in ("metrics.json", "prices.csv", "promotions.csv", "alerts.csv", "cleaning.json", "quarantine.parquet"):
        (folder / name).unlink()
    text = glance_pages(folder, "Shop")["shop.md"]
    assert "Nothing unusual" in text and "20.0 % less" in text and "its error" not in text


def test_unknown_and_simulated_stock_are_said_on_top(tmp_path):
    folder = made_shop(tmp_path, ["a", "b", "c"], stock="simulated")
    assert "Simulated stock: an example." in top_orders(read_run(folder)).note
    plan = read_decisions(folder / "replenishment.csv").assign(stock_source="unknown")
    write_csv(plan.assign(stock=np.nan, order_quantity=np.nan), folder / "replenishment.csv")
    ranking = top_orders(read_run(folder))
    assert not ranking.items and "The stock of 3 products is unknown: count it." in ranking.note
    ahead = pd.read_csv(folder / "projection.csv").assign(low="", median="", high="")
    write_csv(ahead, folder / "projection.csv")
    data = products_data(read_run(folder))
    assert data["plan"]["stock"] == [None] * 3 and data["projection"]["median"] == [[None] * 10] * 3


def test_rankings_are_by_money_and_tests_that_wait_are_left_out(folder, tmp_path):
    run = read_run(folder)
    assert top_alerts(run).items[0].value == "70"
    judged = replace(run, alerts=run.alerts.assign(severity=["high", "low", "medium"]))
    assert [item.value for item in top_alerts(judged).items] == ["5", "6", "70"], "the severest first"
    assert top_prices(run).title == "Price tests" and top_prices(run).total == len(ODD)
    changed = run.prices.assign(action=["raise", "test later", "hold", *["test"] * (len(ODD) - 3)])
    changed = changed.assign(at_stake=np.arange(len(ODD), dtype=float))
    ranking = top_prices(replace(run, prices=changed))
    assert ranking.title == "Prices" and ranking.total == len(ODD) - 2 and ranking.items[0].subject == ODD[-1]
    assert ranking.measure == "at stake" and ranking.items[0].words == "test to 2.20 (now 2.00)"
    assert top_prices(run).items[0].words == "2.20 (now 2.00)", "the heading says that they are tests"


def test_data_of_the_products_follow_the_names_and_are_those_of_the_files(folder):
    run = read_run(folder)
    data = products_data(run)
    assert sorted(data["names"]) == sorted(ODD) and data["left_out"] == ""
    place = data["names"].index("__proto__")
    own = run.panel[run.panel["unique_id"] == "__proto__"].sort_values("ds").tail(len(data["dates"]))
    assert data["y"][place] == own["y"].tolist() and data["dates"] == own["ds"].astype(str).tolist()
    assert [len(band["low"][place]) for band in data["bands"]] == [HORIZON] * 3
    assert data["prices"]["elasticity"][place] == -1.5 and data["projection"]["median"][place] == [2] * 10
    assert data["alerts"][data["names"].index(ODD[0])] == [
        ["high", "level down", "2024-04-01", "2024-04-03", "<why>", 5]
    ]


def test_the_script_holds_no_tag_and_reads_back(folder):
    data = products_data(read_run(folder))
    text = script(data)
    assert "<" not in text and text.isascii()
    assert json.loads(text.removeprefix("window.shopProducts = ").removesuffix(";\n")) == data


@pytest.mark.parametrize("count, bands, said", [(ALL_BANDS, 3, ""), (ALL_BANDS + 1, 1, "the 50 % and 90 % bands")])
def test_a_large_shop_has_less_of_each_product_and_says_so(tmp_path, count, bands, said):
    data = products_data(read_run(made_shop(tmp_path, [f"P{number}" for number in range(count)])))
    assert len(data["bands"]) == bands and said in data["left_out"] and bool(said) == bool(data["left_out"])
    assert len(script(data)) < 2_600 * count


def test_products_beyond_the_page_are_counted(tmp_path, monkeypatch):
    monkeypatch.setattr("salesforecast_lib.pipeline.glance.products.MOST", 3)
    run = read_run(made_shop(tmp_path, ["a", "b", "c", "d", "e"]))
    data = products_data(run)
    assert data["names"] == run.plan.nlargest(3, "expected_loss")["unique_id"].tolist()
    assert data["left_out"] == "the 2 products with the least money at risk"
    assert MOST > 2_000


def test_every_page_of_the_published_book_stays_in_a_runs_book():
    published = yaml.safe_load((project_root() / "book" / "_toc.yml").read_text(encoding="utf-8"))
    contents = run_contents(published)
    files = [chapter["file"] for part in contents["parts"] for chapter in part["chapters"]]
    before = {published["root"], *(chapter["file"] for part in published["parts"] for chapter in part["chapters"])}
    assert contents["root"] == "book/shop" and files[0] == "book/products"
    assert set(files) == before | {"book/products"} and len(files) == len(set(files))


def test_data_facts_name_products_without_demand_and_without_price(folder, tmp_path):
    folder = made_shop(tmp_path, ["a", "b"])
    panel = pd.read_parquet(folder / "panel.parquet")
    panel.loc[panel["unique_id"] == "a", ["price", "available"]] = [0.0, 0.0]
    panel.to_parquet(folder / "panel.parquet")
    write_json({"policies": {}, "without_demand": ["b"], "service_level": 0.9}, folder / "inventory.json")
    facts = " ".join(data_facts(read_run(folder)))
    assert "1 product without a price" in facts and "1 product without demand" in facts and "50.0 %" in facts


def test_a_year_before_is_told_where_it_is_known(tmp_path):
    text = glance_pages(made_shop(tmp_path, ["a", "b"], freq="W"), "Shop")["shop.md"]
    panel = pd.read_parquet(tmp_path / "panel.parquet").groupby("ds")["y"].sum()
    assert f"the {panel.tail(HORIZON).sum():,.0f} before" in text
    assert f"the {panel.iloc[-52:][:HORIZON].sum():,.0f} a year before" in text
    (tmp_path / "short").mkdir()
    assert "a year before" not in glance_pages(made_shop(tmp_path / "short", ["a", "b"]), "Shop")["shop.md"]


def test_the_published_page_of_products_is_written_by_this_code(folder):
    """Its data come from the published run; everything around them is what the code writes today."""

    def around(page: str) -> list[str]:
        return [line for line in page.splitlines() if not line.startswith('<p class="muted">Line: sales')]

    book = project_root() / "book"
    published = (book / PAGE).read_text(encoding="utf-8")
    assert around(published) == around(str(product_pages(read_run(folder), _EXAMPLE)[PAGE])), "make refresh"
    text = (book / DATA).read_text(encoding="ascii")
    data = json.loads(text.removeprefix("window.shopProducts = ").removesuffix(";\n"))
    made = {*products_data(read_run(folder)), "reasons"}  # of chapter 16, which the made shop has not
    assert set(data) == made and len(text) < 1_000_000
    decisions = (book / "decisions.md").read_text(encoding="utf-8")
    assert f"| {plain(data['names'][0])} | {data['plan']['order'][0]} |" in decisions, "both of the same run"


def test_what_a_runs_goal_left_out_is_not_read_although_an_earlier_run_wrote_it(tmp_path):
    folder = made_shop(tmp_path, ["a", "b"])
    assert len(read_run(folder).alerts) == 3 and len(read_run(folder).prices) == 2
    write_json({"finished": True, "left_out": ["09_alerts", "13_pricing"]}, folder / "run.json")
    run = read_run(folder)
    assert run.alerts.empty and run.prices.empty and len(run.projection) == 20 and run.metrics["models"]


@pytest.mark.parametrize("column", ["expected_loss", "loss_without_order", "expected_demand"])
def test_orders_that_are_alike_in_one_loss_are_told_apart_by_the_next(tmp_path, column):
    folder = made_shop(tmp_path, ["a", "b", "c"])
    plan = read_decisions(folder / "replenishment.csv")
    plan = plan.assign(expected_loss=0.0, loss_without_order=0.0, expected_demand=1.0)
    write_csv(plan.assign(**{column: [2.0, 9.0, 3.0]}), folder / "replenishment.csv")
    run = read_run(folder)
    assert [item.subject for item in top_orders(run).items] == products_data(run)["names"] == ["b", "c", "a"]


def test_reasons_are_bars_from_the_usual_to_the_forecast():
    table = reasons_table(hand_made(), "day")
    found = reasons_data(table, ["=A1", "none", "Tea"])
    assert found[1] is None and found[0]["why"].startswith("The next 14 days: 118 units")
    for each in (found[0], found[2]):
        assert each["usual"] + sum(bar[1] for bar in each["bars"]) == pytest.approx(each["forecast"], abs=0.05)
    assert [bar[0] for bar in found[0]["bars"]] == ["promotion", "season", "price", "everything else"]
    assert [bar[2] for bar in found[0]["bars"]] == [True, False, False, None]
    assert reasons_data(table.iloc[:0], ["Tea"]) == [None]


def test_a_page_without_reasons_has_an_empty_list_of_them(folder):
    run = read_run(folder)
    assert run.reasons.empty
    data = json.loads(product_pages(run)[DATA].removeprefix("window.shopProducts = ").rstrip(";\n"))
    assert data["reasons"] == [None] * len(data["names"])
