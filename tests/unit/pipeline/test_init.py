"""``salesforecast init``: what is certain is written with its reason; the rest is asked, or refused with advice."""

from __future__ import annotations

import functools
import re
import shlex
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from typer.testing import CliRunner

from salesforecast_lib.data.cleaning import CleaningConfig, clean
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import prepare
from salesforecast_lib.data.reading import ReadingError, ReadOptions, read_orders, read_plan_file, read_stock_file
from salesforecast_lib.files import project_root
from salesforecast_lib.pipeline import parameters as settings
from salesforecast_lib.pipeline.cli import app
from salesforecast_lib.pipeline.init import InitError, Shop, init_shop, propose_periods
from salesforecast_lib.pipeline.runner import prepare_values
from salesforecast_lib.pipeline.runs.files import reading_options
from tests.unit.chain import make_chain
from tests.unit.data.reading import made

BARE = made.LAYOUTS / "bare.csv"


def silent(shown: object) -> None:
    """Shows nothing."""


def init(tmp_path: Path, file: Path, *options: str, answers: str = "", name: str = "myshop"):
    """Result of the command, and the profile's values (None without one)."""
    place = tmp_path / f"{name}.yml"
    result = CliRunner().invoke(app, ["init", str(place), "--orders", str(file), *options], input=answers)
    return result, yaml.safe_load(place.read_text(encoding="utf-8")) if place.exists() else None


def orders(tmp_path: Path, header: str, rows: list[str], name: str = "orders.csv") -> Path:
    file = tmp_path / name
    file.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return file


def unsettled(tmp_path: Path, header: str = "Order,SKU,Date,Qty,Amount") -> Path:
    """Every line sells three: nothing says what the amount is for."""
    days = pd.date_range("2025-01-01", periods=120)
    return orders(tmp_path, header, [f"{n},A-{n % 3},{day:%Y-%m-%d},3,{6 + n % 3}.50" for n, day in enumerate(days)])


@pytest.fixture(scope="module")
def layout(tmp_path_factory):
    """Result, values and place of the profile of a layout; each is asked once."""

    @functools.cache
    def asked(file: str):
        folder = tmp_path_factory.mktemp("layout")
        return *init(folder, made.LAYOUTS / file, "--yes"), folder / "myshop.yml"

    return asked


@pytest.mark.parametrize("file", made.FILES)
def test_each_layout_gives_a_profile_that_a_run_accepts(layout, file):
    result, values, place = layout(file)
    assert result.exit_code == 0, result.output
    assert f"salesforecast run --profile {place}" in result.output.replace("\n", "")
    checked = prepare_values(str(place), {})
    assert checked["path"] == str(made.LAYOUTS / file) and values["horizon"] >= 7
    assert values["dataset"] == ("own_panel" if file == "panel.csv" else "own_data")


@pytest.mark.parametrize("file", made.FILES)
def test_every_line_of_a_profile_says_what_it_is(layout, file):
    _, values, place = layout(file)
    lines = place.read_text(encoding="utf-8").splitlines()
    bare = [line for line in lines if "  # " not in line and not line.startswith("# ")]
    assert all(line.startswith("  cancelled_when") for line in bare), bare
    assert set(values) <= set(settings.all_parameters())
    assert "example.org" not in "\n".join(lines) and "茶客" not in "\n".join(lines), "no customer in a profile"


BOUGHT = {"shopify.csv": (1, 160, 1.6), "woocommerce.csv": (2, 170, 1.8), "taobao.csv": (4, 160, 1.9)} | {
    "bare.csv": (5, 170, 4.0)
}


@pytest.mark.parametrize("file", BOUGHT)
def test_rows_units_and_money_are_those_that_were_written(layout, file):
    _, values, _ = layout(file)
    marks = {name: values.get(name, "") for name in ("decimal", "date_order")}
    report = read_orders(values["path"], ReadOptions(columns=values["columns"], **marks)).report
    lines = made.made_lines(*BOUGHT[file])
    assert (report.rows, report.kept, report.units) == (len(lines), len(lines), sum(line.quantity for line in lines))
    assert report.revenue == pytest.approx(sum(line.quantity * made.PRICES[line.product] for line in lines))
    assert report.last_day == str(lines[-1].moment.date()), "the wall clock of the shop"


def test_units_and_money_of_a_line_total_are_right(layout):
    _, values, _ = layout("amazon.txt")
    lines = read_orders(values["path"], ReadOptions(columns=values["columns"])).frame
    paid = pd.read_csv(made.LAYOUTS / "amazon.txt", sep="\t")
    assert (lines["quantity"] * lines["unit_price"]).sum() == pytest.approx(paid["item-price"].sum())
    assert set(lines["unit_price"].round(2)) == set(made.PRICES)


@pytest.mark.parametrize("file", ["shopify.csv", "woocommerce.csv", "taobao.csv"])
def test_cancelled_orders_leave_with_all_their_lines(layout, file):
    _, values, _ = layout(file)
    lines = read_orders(values["path"], ReadOptions(columns=values["columns"])).frame
    cleaned = clean(lines, CleaningConfig().change(values["cleaning"]))
    gone = [line for line in made.made_lines(*BOUGHT[file]) if line.cancelled]
    assert len(cleaned.cancelled) == len(gone) > len({line.order for line in gone}), "orders of several lines are whole"
    assert cleaned.kept["quantity"].sum() == lines["quantity"].sum() - sum(line.quantity for line in gone)


def test_a_state_that_the_orders_lack_is_named():
    lines = pd.DataFrame({"row": [1], "order_id": ["1"], "state": ["ok"]})
    config = CleaningConfig(cancelled_when={"status": ["void"]}, duplicates=False)
    with pytest.raises(ValueError, match="cancelled_when names the column 'status'.*'state'"):
        clean(lines, config)


REFUSED = {  # header of orders that are not certain: what has to be said
    "price of a unit or of the line": ("Order,SKU,Date,Qty,Amount", ["--column unit_price=Amount"]),
    "unknown names": (
        "k1,k2,k3,k4,k5",
        ["--column product_id=k2", "--column timestamp=k3", "--column quantity=k4", "--column line_total=k5"],
    ),
    "two articles": ("Order,Line note,Date,Qty,Unit price", ["--column 'product_id=Line note'"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_yes_refuses_what_is_not_certain_and_its_advice_works(tmp_path, case):
    header, said = REFUSED[case]
    file = unsettled(tmp_path, header)
    result, values = init(tmp_path, file, "--yes")
    assert result.exit_code == 1 and values is None and "nothing was written" in result.output
    flat = " ".join(result.output.split())
    assert all(option in flat for option in said if "line_total" not in option), flat
    again, values = init(tmp_path, file, "--yes", *[word for option in said for word in shlex.split(option)])
    assert again.exit_code == 0, again.output
    for option in said:
        ours, theirs = shlex.split(option)[1].split("=")
        assert values["columns"][ours] == theirs


def test_a_question_is_answered_by_number_and_the_answer_is_written(tmp_path):
    result, values = init(tmp_path, unsettled(tmp_path), answers="2\nGB\n")
    assert result.exit_code == 0, result.output
    assert values["columns"]["line_total"] == "Amount" and values["country"] == "GB"
    assert re.search(r"6\.50|7\.50|8\.50", result.output), "examples are shown"


def test_an_ambiguous_day_is_refused_with_both_readings_or_asked(tmp_path):
    days = [f"{d:02d}/{m:02d}/2025" for m in range(1, 7) for d in range(1, 13)]
    file = orders(tmp_path, "Order ID,SKU,Date,Qty,Unit price", [f"{n},A,{day},1,2.50" for n, day in enumerate(days)])
    result, values = init(tmp_path, file, "--yes")
    assert result.exit_code == 1 and values is None
    assert "date_order=dmy" in result.output and "mdy" in result.output
    _, values = init(tmp_path, file, "--yes", "-p", "date_order=mdy")
    assert values["date_order"] == "mdy"
    _, values = init(tmp_path, file, "--force", answers="1\nGB\n")
    assert values["date_order"] == "dmy" and values["country"] == "GB"


def test_an_ambiguous_mark_is_refused_or_asked(tmp_path):
    rows = [f"{n};A;2025-{1 + n // 28:02d}-{1 + n % 28:02d};{1 + n % 3};{1 + n % 3}.500" for n in range(100)]
    file = orders(tmp_path, "Bestellnummer;Artikelnr;Datum;Menge;Einzelpreis", rows)
    result, values = init(tmp_path, file, "--yes", "--column", "unit_price=Einzelpreis")
    assert result.exit_code == 1 and values is None and "decimal=" in result.output
    _, values = init(tmp_path, file, "--column", "unit_price=Einzelpreis", answers="1\nDE\n")
    assert values["decimal"] == ","


def test_marks_that_were_found_are_written_down(tmp_path):
    _, values = init(tmp_path, BARE, "--yes")
    assert (values["decimal"], values["date_order"], values["country"]) == (",", "dmy", "DE")
    assert values["columns"]["order_id"] == ""


def test_stamps_in_utc_are_asked_for_the_shop_s_clock(tmp_path):
    file = made.LAYOUTS / "amazon.txt"
    result, values = init(tmp_path, file, "--yes")
    assert values["timezone"] == "" and "all stamps are in UTC" in result.output
    result, values = init(tmp_path, file, "--force", answers="Berlin\nEurope/Berlin\nDE\n")
    assert values["timezone"] == "Europe/Berlin" and "expected a name such as" in result.output
    result, values = init(tmp_path, file, "--force", "--yes", "-p", "timezone=Europe/Berlin")
    assert values["timezone"] == "Europe/Berlin" and "all stamps are in UTC" not in result.output


def test_amounts_in_several_currencies_are_told(tmp_path):
    table = pd.read_csv(made.LAYOUTS / "amazon.txt", sep="\t", dtype=str, keep_default_na=False)
    table.loc[table.index % 9 == 0, "currency"] = "SEK"
    file = tmp_path / "two.csv"
    table.to_csv(file, index=False)
    result, _ = init(tmp_path, file, "--yes")
    assert "amounts are in EUR, SEK and nothing is converted" in " ".join(result.output.split())
    result, _ = init(tmp_path, made.LAYOUTS / "amazon.txt", "--yes", "--force")
    assert "nothing is converted" not in result.output


def test_a_country_is_proposed_never_taken_without_a_word(tmp_path):
    result, values = init(tmp_path, BARE, "--yes")
    assert values["country"] == "DE" and "note: country DE was taken" in result.output
    assert "please check" in (tmp_path / "myshop.yml").read_text(encoding="utf-8")
    _, values = init(tmp_path, BARE, "--force", answers="Austria\nat\n")
    assert values["country"] == "AT"
    _, values = init(tmp_path, BARE, "--force", answers="no\n")
    assert values["country"] == "NO", "text in YAML, not a no"
    result, values = init(tmp_path / ".", BARE, "--yes", "-p", "country=Atlantis", name="other")
    assert result.exit_code == 1 and values is None and "two letters" in result.output


def test_a_profile_is_not_written_over(tmp_path):
    (tmp_path / "myshop.yml").write_text("horizon: 3\n")
    result, values = init(tmp_path, BARE, "--yes")
    assert result.exit_code == 1 and values == {"horizon": 3} and "--force" in result.output
    _, values = init(tmp_path, BARE, "--yes", "--force")
    assert values["path"] == str(BARE)


WRONG = {
    "no such file": (["--orders", "nowhere.csv"], "no such file"),
    "no such column": (["--column", "quantity=Qty"], "no such column"),
    "no pair": (["--column", "quantity"], "expected our=theirs"),
    "unknown parameter": (["-p", "horizn=3"], "did you mean"),
    "no such folder": ([], "no such folder"),
    "no stock file": (["--stock", "nowhere.csv"], "no such file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_options_are_named_and_nothing_is_written(tmp_path, case):
    options, complaint = WRONG[case]
    place = tmp_path / ("nowhere/shop.yml" if case == "no such folder" else "shop.yml")
    given = ["init", str(place), "--yes", *([] if "--orders" in options else ["--orders", str(BARE)]), *options]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 1 and complaint in " ".join(result.output.split()) and "Traceback" not in result.output
    assert not list(tmp_path.rglob("*.yml"))


STOCKS = ["Artikelnr;Bestand", "SKU,On hand", "unique_id,stock", "商家编码,库存数量", "Référence produit;Stock"]


@pytest.mark.parametrize("header", STOCKS)
def test_a_stock_file_is_read_whatever_its_headers(tmp_path, header):
    mark = ";" if ";" in header else ","
    stock = orders(tmp_path, header, [f"{sku}{mark}{n}" for n, sku in enumerate(made.SKUS)], "stock.csv")
    result, values = init(tmp_path, BARE, "--yes", "--stock", str(stock))
    assert result.exit_code == 0, result.output
    assert values["stock_file"] == str(stock)
    assert read_stock_file(stock).frame["stock"].tolist() == [0, 1, 2, 3, 4, 5]


def test_a_stock_whose_columns_say_nothing_is_asked(tmp_path):
    stock = orders(tmp_path, "key,on shelf", [f"{sku},{n}" for n, sku in enumerate(made.SKUS)], "stock.csv")
    result, values = init(tmp_path, BARE, "--yes", "--stock", str(stock))
    flat = " ".join(result.output.split())
    assert result.exit_code == 1 and values is None
    assert "--stock-column unique_id=key" in flat and "--stock-column 'stock=on shelf'" in flat
    said = ["--stock-column", "unique_id=key", "--stock-column", "stock=on shelf"]
    if "stock_columns" in settings.all_parameters():
        result, values = init(tmp_path, BARE, "--yes", "--stock", str(stock), *said)
        assert result.exit_code == 0, result.output
        assert values["stock_columns"] == {"unique_id": "key", "stock": "on shelf"}


def test_a_stock_may_be_written_with_other_marks_than_the_orders(tmp_path):
    stock = orders(tmp_path, "SKU,Stock", [f"{sku},{n}.0" for n, sku in enumerate(made.SKUS)], "stock.csv")
    result, values = init(tmp_path, BARE, "--yes", "--stock", str(stock))
    assert result.exit_code == 0 and "decimal" not in values, result.output
    result, values = init(tmp_path, BARE, "--yes", "--stock", str(stock), "-p", "decimal=,", name="said")
    assert result.exit_code == 1 and values is None


def workbook(tmp_path, *sheets):
    """A stock file of several worksheets, each with a product column and one of numbers."""
    file = tmp_path / "stock.xlsx"
    with pd.ExcelWriter(file) as writer:
        for number, name in enumerate(sheets):
            table = pd.DataFrame({"SKU": made.SKUS, "On hand": range(number, number + len(made.SKUS))})
            table.to_excel(writer, sheet_name=name, index=False)
    return file


@pytest.mark.parametrize("sheets", [("Shop", "Warehouse"), ("Lager 1", "Lager 2", "Lager 3")])
def test_a_stock_workbook_with_several_sheets_is_asked_for_and_the_advice_works(tmp_path, sheets):
    stock = workbook(tmp_path, *sheets)
    result, values = init(tmp_path, BARE, "--yes", "--stock", str(stock))
    assert result.exit_code == 1 and values is None and "stock_sheet=" in result.output
    result, values = init(tmp_path, BARE, "--yes", "--stock", str(stock), "-p", f"stock_sheet={sheets[1]}")
    assert result.exit_code == 0 and values["stock_sheet"] == sheets[1], result.output
    given = {name: values[name] for name in ("stock_file", "stock_sheet")}
    assert prepare_values("default", given)["stock_sheet"] == sheets[1]
    with pytest.raises(ValueError, match="stock_sheet="):
        prepare_values("default", {"stock_file": str(stock)})
    options = reading_options(values, "stock_columns")
    assert read_stock_file(stock, options).frame["stock"].tolist() == list(range(1, 1 + len(made.SKUS)))


@pytest.mark.parametrize("encoding, name", [("cp1250", "Žluťoučký kůň"), ("cp1251", "Чай чёрный")])
def test_a_stock_of_an_encoding_that_is_said_is_read_in_it(tmp_path, encoding, name):
    stock = tmp_path / "stock.csv"
    stock.write_bytes(f"unique_id,stock\n{name},3\n".encode(encoding))
    values = prepare_values("default", {"stock_file": str(stock), "stock_encoding": encoding})
    read = read_stock_file(stock, reading_options(values, "stock_columns"))
    assert read.frame["unique_id"].tolist() == [name]
    with pytest.raises(ValueError, match="stock_encoding='utf-8' does not fit"):
        prepare_values("default", {"stock_file": str(stock), "stock_encoding": "utf-8"})


SUMS = [("Artikel;Woche;Menge", "Menge", ";"), ("商品,日期,数量", "数量", ","), ("product,Monat,qty", "qty", ",")]


@pytest.mark.parametrize("header, units, mark", SUMS)
def test_sums_that_were_taken_for_order_lines_are_told_how_to_be_a_panel(tmp_path, header, units, mark):
    lines = [f"{sku}{mark}2024-01-{day:02d}{mark}{day}" for sku in "AB" for day in (1, 8)]
    file = orders(tmp_path, header, lines, "sums.csv")
    result, values = init(tmp_path, file, "--yes")
    flat = " ".join(result.output.split())
    assert result.exit_code == 1 and values is None and f"--column {shlex.quote(f'y={units}')}" in flat, flat
    result, values = init(tmp_path, file, "--yes", "--column", f"y={units}")
    assert result.exit_code == 0 and values["dataset"] == "own_panel", result.output


def test_a_stock_of_other_ids_is_refused_with_the_column_that_has_them(tmp_path):
    stock = orders(tmp_path, "Article;Stock", [f"{name};5" for name in made.NAMES], "stock.csv")
    result, values = init(tmp_path, made.LAYOUTS / "shopify.csv", "--yes", "--stock", str(stock))
    flat = " ".join(result.output.split())
    assert result.exit_code == 1 and values is None and "--column 'product_id=Lineitem name'" in flat
    result, values = init(
        tmp_path, made.LAYOUTS / "shopify.csv", "--yes", "--stock", str(stock), "--column", "product_id=Lineitem name"
    )
    assert result.exit_code == 0 and values["columns"]["product_id"] == "Lineitem name"


def test_a_plan_of_orders_is_checked_and_written(tmp_path):
    plan = orders(tmp_path, "unique_id,ds,price", [f"{made.SKUS[0]},2025-07-01,3"], "plan.csv")
    result, values = init(tmp_path, BARE, "--yes", "--plan", str(plan))
    assert result.exit_code == 0, result.output
    assert values["plan_file"] == str(plan) and "price (1 rows)" in result.output
    empty = orders(tmp_path, "unique_id,ds", ["TEA-001,2025-07-01"], "nothing.csv")
    result, values = init(tmp_path, BARE, "--yes", "--plan", str(empty), name="other")
    assert result.exit_code == 1 and values is None and "plans nothing" in result.output


def test_a_stock_given_as_orders_is_told(tmp_path):
    stock = orders(tmp_path, "SKU,On hand", ["A,3", "B,4"], "stock.csv")
    with pytest.raises(InitError, match="--stock"):
        init_shop(Shop(str(tmp_path / "shop"), str(stock)), None, silent)


def test_names_with_signs_come_back_as_they_are(tmp_path):
    header = 'Order #,"Article: ""code""","Date, local",Qty [pcs],"Price, EUR"'
    days = pd.date_range("2025-01-01", periods=90)
    rows = [f"{n},A-{n % 3},{day:%Y-%m-%d},{1 + n % 3},{6 + n % 3}.50" for n, day in enumerate(days)]
    file = orders(tmp_path, header, rows, "Bestellungen März #1 'neu'.csv")
    columns = ["--column", 'product_id=Article: "code"', "--column", "unit_price=Price, EUR"]
    result, values = init(tmp_path, file, "--yes", *columns, name="Mein Laden: Süd #1")
    assert result.exit_code == 0, result.output
    assert values["path"] == str(file) and values["columns"]["product_id"] == 'Article: "code"'
    assert values["columns"]["timestamp"] == "Date, local" and values["columns"]["unit_price"] == "Price, EUR"


def test_a_column_of_our_name_that_means_something_else_is_not_taken(tmp_path):
    rng = np.random.default_rng(0)
    days = pd.date_range("2025-01-01", periods=90)
    rows = [f"{n},A,{d:%Y-%m-%d},{rng.integers(1, 4)},2.50,{rng.integers(5, 20)} %" for n, d in enumerate(days)]
    file = orders(tmp_path, "order_id,product_id,timestamp,quantity,unit_price,discount", rows)
    result, values = init(tmp_path, file, "--yes")
    assert result.exit_code == 0 and values["columns"]["discount"] == "", result.output
    lines = read_orders(file, ReadOptions(columns=values["columns"]))
    assert len(lines.frame) == 90 and "discount" not in lines.frame


def history(days: int, every: int = 1) -> pd.DataFrame:
    stamps = pd.date_range("2024-01-01", periods=days)[::every]
    return pd.DataFrame({"product_id": "a", "timestamp": stamps})


PERIODS = {
    "half a year": (history(180), "orders", ("D", 28)),
    "a quarter": (history(90), "orders", ("D", 14)),
    "six weeks": (history(42), "orders", ("D", 7)),
    "ten days": (history(10), "orders", ("D", 1)),
    "seldom, two years": (history(730, 21), "orders", ("W", 8)),
    "seldom, half a year": (history(180, 21), "orders", ("D", 28)),
    "weekly panel": (pd.DataFrame({"ds": pd.date_range("2024-01-03", periods=30, freq="W-WED")}), "panel", ("W", 4)),
    "monthly panel": (pd.DataFrame({"ds": pd.date_range("2022-01-31", periods=36, freq="ME")}), "panel", ("M", 6)),
}


@pytest.mark.parametrize("case", PERIODS)
def test_frequency_and_horizon_fit_the_history(case):
    frame, kind, expected = PERIODS[case]
    assert propose_periods(frame, kind)[:2] == expected


def test_what_is_said_with_p_wins(tmp_path):
    said = ["-p", "horizon=5", "-p", "freq=W", "-p", "lead_time=9", "-p", "max_epochs=2"]
    _, values = init(tmp_path, BARE, "--yes", *said)
    assert (values["horizon"], values["freq"], values["lead_time"], values["max_epochs"]) == (5, "W", 9, 2)


@pytest.mark.slow
def test_from_a_file_to_a_decision_sheet_without_a_hand_edit(tmp_path):
    _, values = init(tmp_path, made.LAYOUTS / "woocommerce.csv", "--yes")
    small = yaml.safe_load((project_root() / "book" / "profiles" / "smoke.yml").read_text())
    kept = {"dataset", "level", "freq", "horizon", "n_series", *values}
    options = [part for key, value in small.items() if key not in kept for part in ("-p", f"{key}={value}")]
    folder, profile = tmp_path / "run", str(tmp_path / "myshop.yml")
    run = ["run", "--profile", profile, "--run-dir", str(folder), "--jobs", "2", "--goal", "plan", *options]
    for command in (run, ["decide", str(folder)]):
        result = CliRunner().invoke(app, command)
        assert result.exit_code == 0, result.output
    sheets = pd.read_excel(folder / "decisions.xlsx", sheet_name=None)
    products = {str(cell) for sheet in sheets.values() for cell in sheet.to_numpy().ravel()}
    assert set(made.SKUS) & products, "the sheet speaks of the shop's products"


CHAINS = {  # our names and those of the file; rows of the file that stay
    "as it is": ({}, lambda chain: chain["ds"].notna()),
    "a public chain's names": ({"unique_id": "Store", "ds": "Date", "y": "Sales", "open": "Open", "promo": "Promo"},
                               lambda chain: chain["ds"].notna()),
    "open days only": ({"unique_id": "Filiale", "ds": "Datum", "y": "Absatz"}, lambda chain: chain["open"] == 1),
}  # fmt: skip


@pytest.mark.parametrize("case", CHAINS)
def test_a_panel_s_roles_and_what_reaches_beyond_its_sales_are_in_the_profile(tmp_path, case):
    names, kept = CHAINS[case]
    chain = make_chain(7, 300)
    chain = chain[kept(chain)].rename(columns=names)
    chain.drop(columns="open" if case == "open days only" else []).to_csv(tmp_path / "chain.csv", index=False)
    result, values = init(tmp_path, tmp_path / "chain.csv", "--yes")
    assert result.exit_code == 0, result.output
    promo = names.get("promo", "promo")
    assert values["dataset"] == "own_panel" and values["n_series"] == 0 and values["freq"] == "D"
    ahead = [name for name in values["future"] if name != names.get("open", "open")]
    assert ahead == [promo, "StateHoliday", "school_holiday"]
    assert (values["historical"], values["static"]) == ([], ["store_type", "assortment"])
    assert f"{promo} to 2022-12-1" in " ".join((tmp_path / "myshop.yml").read_text(encoding="utf-8").split())
    assert "known ahead: " in result.output and "up to 42 days ahead" in result.output
    checked = prepare_values(str(tmp_path / "myshop.yml"), {})
    config = PanelConfig(freq=checked["freq"], n_series=checked["n_series"])
    roles = {name: tuple(checked[name]) for name in ("future", "historical", "static")}
    options = ReadOptions(columns=checked["columns"])
    found = prepare("own_panel", config, 28, path=checked["path"], reading=options, country="DE", **roles)
    assert found.panel["unique_id"].nunique() == 7 and found.meta["future"][:2] == ["open", promo]
    assert not found.plan.empty


PLANS = {  # header, rows; columns of the profile
    "ours": ("unique_id,ds,end,promo", ["S001,2022-11-01,2022-11-05,1"], {"unique_id", "ds", "end"}),
    "German": ("Artikelnr,Von,Bis,promo", ["S001,2022-11-01,2022-11-05,1", "*,2022-11-07,,1"], {"unique_id", "ds"}),
    "days": ("store,date,promo,open", ["S002,2022-11-01,1,0"], {"unique_id", "ds"}),
}


@pytest.mark.parametrize("case", PLANS)
def test_a_plan_s_columns_are_written_to_the_profile(tmp_path, case):
    header, rows, least = PLANS[case]
    chain = make_chain(7, 300)
    chain[chain["y"].notna()].to_csv(tmp_path / "chain.csv", index=False)
    plan = orders(tmp_path, header, rows, "plan.csv")
    result, values = init(tmp_path, tmp_path / "chain.csv", "--yes", "--plan", str(plan))
    assert result.exit_code == 0, result.output
    assert values["plan_file"] == str(plan) and least <= set(values["plan_columns"])
    assert "promo" in values["future"] and "school_holiday" in values["historical"]
    read = read_plan_file(plan, ReadOptions(columns=values["plan_columns"]))
    assert len(read.frame) == len(rows) and read.frame["end"].notna().all()
    checked = prepare_values(str(tmp_path / "myshop.yml"), {})
    assert checked["plan_file"] == str(plan)


WRONG_PLANS = {
    "other products": ("unique_id,ds,promo", "X,2022-11-01,1", [], "--plan-column unique_id="),
    "other columns": ("unique_id,ds,Aktion", "S001,2022-11-01,1", ["--plan-column", "promo=Aktion"], "--plan-column"),
}


@pytest.mark.parametrize("case", WRONG_PLANS)
def test_a_plan_of_something_else_is_refused_with_advice(tmp_path, case):
    header, row, said, advice = WRONG_PLANS[case]
    chain = make_chain(7, 300)
    chain[chain["y"].notna()].to_csv(tmp_path / "chain.csv", index=False)
    plan = orders(tmp_path, header, [row], "plan.csv")
    result, values = init(tmp_path, tmp_path / "chain.csv", "--yes", "--plan", str(plan))
    assert result.exit_code == 1 and values is None and advice in " ".join(result.output.split())
    if said:
        result, values = init(tmp_path, tmp_path / "chain.csv", "--yes", "--plan", str(plan), *said)
        assert result.exit_code == 0 and values["plan_columns"]["promo"] == "Aktion", result.output


@pytest.mark.parametrize("places", [("DE", "FR"), ("Germany", "Austria")])
def test_a_column_of_countries_is_proposed_for_a_panel(tmp_path, places):
    chain = make_chain(6, 120)
    chain["country"] = np.where(chain["unique_id"] < "S004", *places)
    chain.to_csv(tmp_path / "chain.csv", index=False)
    result, values = init(tmp_path, tmp_path / "chain.csv", "--yes")
    assert result.exit_code == 0 and values["country"] == "country", result.output
    assert "country" not in values["static"] and "the series lie in" in result.output
    assert prepare_values(str(tmp_path / "myshop.yml"), {})["country"] == "country"


def two_tables(folder: Path) -> Path:
    """A workbook with sales, a plan, and a plan of the last year that has other columns."""
    chain = make_chain(7, 300)
    chain = chain.loc[chain["y"].notna(), ["unique_id", "ds", "y", "promo"]]
    days = pd.date_range("2022-11-01", periods=5)
    plan = pd.DataFrame({"unique_id": "S001", "ds": days, "end": days, "promo": 1})
    with pd.ExcelWriter(folder / "shop.xlsx") as book:
        chain.to_excel(book, sheet_name="Sales", index=False)
        plan.to_excel(book, sheet_name="Plan", index=False)
        plan.assign(ds=days - pd.Timedelta(days=365), agreed="yes").to_excel(book, sheet_name="Old plan", index=False)
    return folder / "shop.xlsx"


def test_a_plan_in_a_workbook_of_several_tables_is_named_by_its_sheet(tmp_path):
    book = two_tables(tmp_path)
    told = ["--yes", "-p", "sheet=Sales", "--plan", str(book)]
    result, values = init(tmp_path, book, *told)
    assert result.exit_code == 1 and values is None and "plan_sheet=" in " ".join(result.output.split()), result.output
    result, values = init(tmp_path, book, *told, "-p", "plan_sheet=Plans")
    assert "say plan_sheet= with one of ['Sales', 'Plan', 'Old plan']" in " ".join(result.output.split())
    result, values = init(tmp_path, book, *told, "-p", "plan_sheet=Plan")
    assert result.exit_code == 0 and (values["sheet"], values["plan_sheet"]) == ("Sales", "Plan"), result.output
    checked = prepare_values(str(tmp_path / "myshop.yml"), {})
    found = prepare(
        "own_panel", PanelConfig(freq=checked["freq"]), 28, path=checked["path"], future=tuple(checked["future"]),
        reading=reading_options(checked), plan_file=checked["plan_file"],
        plan_reading=reading_options(checked, "plan_columns"),
    )  # fmt: skip
    assert found.plan["promo"].eq(1).sum() >= 1
    with pytest.raises(ReadingError, match=r"have different columns; say which with plan_sheet="):
        prepare_values(str(tmp_path / "myshop.yml"), {"plan_sheet": ""})


SPEAKING = {"cp437": ("Grün", "Größe"), "cp850": ("Äpfel", "Öl"), "mac_roman": ("Müsli", "Käse")}


@pytest.mark.parametrize("encoding", SPEAKING)
def test_a_plan_has_an_encoding_of_its_own(tmp_path, encoding):
    names = SPEAKING[encoding]
    days = pd.date_range("2025-01-01", periods=120)
    rows = [f"{name},{day:%Y-%m-%d},{3 + n},0" for n, name in enumerate(names) for day in days]
    file = orders(tmp_path, "unique_id,ds,y,promo", rows, "panel.csv")
    plan = tmp_path / "plan.csv"
    plan.write_bytes(f"unique_id,ds,promo\n{names[0]},2025-05-05,1\n".encode(encoding))
    result, values = init(tmp_path, file, "--yes", "--plan", str(plan), "-p", f"plan_encoding={encoding}")
    assert result.exit_code == 0 and values["plan_encoding"] == encoding, result.output
    checked = prepare_values(str(tmp_path / "myshop.yml"), {})
    read = read_plan_file(checked["plan_file"], reading_options(checked, "plan_columns"))
    assert read.frame["unique_id"].tolist() == [names[0]]
    with pytest.raises(ValueError, match="plan_encoding='ascii' does not fit"):
        prepare_values(str(tmp_path / "myshop.yml"), {"plan_encoding": "ascii"})
    with pytest.raises(ValueError, match="plan_encoding='no_such'"):
        prepare_values(str(tmp_path / "myshop.yml"), {"plan_encoding": "no_such"})
    told = CliRunner().invoke(app, ["check-data", str(plan), "--kind", "plan", "--encoding", encoding])
    assert told.exit_code == 0, told.output
    told = CliRunner().invoke(app, ["check-data", str(plan), "--kind", "plan", "--encoding", "ascii"])
    assert told.exit_code == 1 and " encoding='ascii' does not fit" in " ".join(told.output.split())


HEADERS = {  # kind of the sales: header, a row of them, what the plan calls the planned column, what the panel does
    "panel, price": ("Artikel;Woche;Menge;Preis", "{p};{d:%d.%m.%Y};{n};{v}", "Preis", "price"),
    "orders, price": (
        "Bonnummer;Artikel;Datum;Menge;Einzelpreis",
        "{n};{p};{d:%d.%m.%Y};{q};{v}",
        "Einzelpreis",
        "price",
    ),
    "orders, our names": (
        "order_id;product_id;timestamp;quantity;unit_price;promotion;location_id",
        "{n};{p};{d:%Y-%m-%d};{q};{v};{o};{w}",
        "promotion",
        "promotion",
    ),
}


@pytest.mark.parametrize("case", HEADERS)
def test_a_plan_may_call_its_columns_as_the_sales_do(tmp_path, case):
    header, form, theirs, ours = HEADERS[case]
    step = 7 if "Woche" in header else 1
    rows = [
        form.format(p=p, d=day, n=10 * n + k, q=2 + n % 3, v=("7,50", "9,90")[n % 4 > 0], o=int(n % 4 == 0), w="N" * k)
        for n, day in enumerate(pd.date_range("2023-01-02", periods=130, freq=f"{step}D"))
        for k, p in enumerate(("A1", "B2"))
    ]
    file = orders(tmp_path, header, rows)
    first = pd.Timestamp("2023-01-02") + pd.Timedelta(days=130 * step)
    told = "1" if ours == "promotion" else "5,25"
    plan = orders(tmp_path, f"Artikel;von;bis;{theirs}", [f"A1;{first:%Y-%m-%d};{first:%Y-%m-%d};{told}"], "plan.csv")
    result, values = init(tmp_path, file, "--yes", "--plan", str(plan))
    assert result.exit_code == 0 and "will not be used" not in result.output, result.output
    checked = prepare_values(str(tmp_path / "myshop.yml"), {})
    assert checked["dataset"] == ("own_panel" if step == 7 else "own_data")
    made_of = prepare(
        checked["dataset"], PanelConfig(freq=checked["freq"]), 4, path=checked["path"], country="DE",
        reading=reading_options(checked), plan_file=checked["plan_file"], future=tuple(checked.get("future", ())),
        plan_reading=reading_options(checked, "plan_columns"),
    )  # fmt: skip
    assert ours in made_of.meta["future"] and not any("not used" in note for note in made_of.notes), made_of.notes
    assert made_of.plan.loc[made_of.plan["unique_id"] == "A1", ours].notna().any()
    if ours == "promotion":
        assert values["columns"]["location_id"] == "location_id" and values["by_location"] is False


CLOSURES = {"geschlossen": ("ja", "nein"), "open": (0, 1), "Is Open": ("no", "yes"), "fermé": (1, 0)}


@pytest.mark.parametrize("name", CLOSURES)
def test_a_column_of_closures_that_init_finds_is_accepted_by_the_run(tmp_path, name):
    days = pd.date_range("2024-01-01", periods=120)
    shut = days.dayofweek == 6
    table = pd.DataFrame(
        {"unique_id": "S1", "ds": days, "y": np.where(shut, 0, 9), name: np.where(shut, *CLOSURES[name])}
    )
    later = pd.DataFrame({"unique_id": "S1", "ds": days[-14:] + pd.Timedelta(days=14), name: CLOSURES[name][0]})
    pd.concat([table, later]).to_csv(tmp_path / "panel.csv", index=False)
    result, values = init(tmp_path, tmp_path / "panel.csv", "--yes")
    assert result.exit_code == 0 and values["future"] == [name] * (name != "open"), result.output
    found = prepare(
        "own_panel", PanelConfig(), 14, path=values["path"], reading=ReadOptions(columns=values["columns"]),
        future=tuple(values["future"]), country="US",
    )  # fmt: skip
    assert found.plan["open"].eq(0).all() and (found.panel["open"].to_numpy() == ~shut).all()


@pytest.mark.parametrize(
    "form, freq, header",
    [
        ("%Y-%m", "MS", "product,month,sales"),
        ("%Y-%m", "MS", "Artikel,Monat,Absatz"),
        ("%G-W%V", "W-MON", "sku,week,units"),
    ],
)
def test_a_panel_of_months_or_weeks_is_known_by_its_cells(tmp_path, form, freq, header):
    days = pd.date_range("2019-01-01", periods=70, freq=freq)
    rows = [f"{name},{day.strftime(form)},{40 + n % 7}" for name in "AB" for n, day in enumerate(days)]
    file = orders(tmp_path, header, rows)
    result, values = init(tmp_path, file, "--yes")
    assert result.exit_code == 0 and values["dataset"] == "own_panel", result.output
    assert values["freq"][0] == freq[0]
    assert prepare_values(str(tmp_path / "myshop.yml"), {})["freq"] == values["freq"]


def test_the_names_of_a_panel_make_a_file_one(tmp_path):
    days = pd.date_range("2024-01-01", periods=120)
    rows = [f"{shop},{day:%Y-%m-%d},{10 + day.dayofweek}" for shop in "ab" for day in days]
    file = orders(tmp_path, "where,Tag,Umsatz", rows)
    result, values = init(tmp_path, file, "--yes")
    assert result.exit_code == 1
    said = ["--column", "unique_id=where", "--column", "y=Umsatz"]
    result, values = init(tmp_path, file, "--yes", *said)
    assert result.exit_code == 0 and values["dataset"] == "own_panel" and values["columns"]["ds"] == "Tag", (
        result.output
    )
