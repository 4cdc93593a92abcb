"""A guess is exactly right, or it is asked: whatever the system, the language and the order of the columns."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.reading import open_table
from salesforecast_lib.data.reading.guess import Looked, guess_columns, guess_country
from salesforecast_lib.data.reading.guess.headers import ROLES, plain
from tests.unit.data.reading import made

MAPS = {
    "shopify.csv": {
        "order_id": "Name",
        "product_id": "Lineitem sku",
        "timestamp": "Created at",
        "quantity": "Lineitem quantity",
        "unit_price": "Lineitem price",
        "customer_id": "Email",
    },
    "woocommerce.csv": {
        "order_id": "Order Number",
        "product_id": "SKU",
        "timestamp": "Order Date",
        "quantity": "Quantity",
        "unit_price": "Item Cost",
        "customer_id": "Email (Billing)",
    },
    "amazon.txt": {
        "order_id": "amazon-order-id",
        "product_id": "sku",
        "timestamp": "purchase-date",
        "quantity": "quantity",
        "line_total": "item-price",
    },
    "taobao.csv": {
        "order_id": "订单编号",
        "product_id": "商家编码",
        "timestamp": "订单付款时间",
        "quantity": "购买数量",
        "unit_price": "价格",
        "customer_id": "买家会员名",
    },
    "bare.csv": {"product_id": "Artikelnr", "timestamp": "Datum", "quantity": "Menge", "unit_price": "Einzelpreis"},
    "panel.csv": {"unique_id": "product", "ds": "week", "y": "sales", "location_id": "store", "price": "price"},
}
CANCELLED = {
    "shopify.csv": {"Financial Status": ["voided"], "Cancelled at": []},
    "woocommerce.csv": {"Order Status": ["Cancelled"]},
    "amazon.txt": {"order-status": ["Cancelled"]},
    "taobao.csv": {"订单状态": ["交易关闭"]},
    "bare.csv": {},
    "panel.csv": {},
}


def table_of(tmp_path, name: str, content: bytes) -> pd.DataFrame:
    file = tmp_path / name
    file.write_bytes(content)
    return open_table(file).frame


@pytest.mark.parametrize("name", made.FILES)
def test_committed_files_are_what_the_builder_makes(name):
    assert (made.LAYOUTS / name).read_bytes() == made.FILES[name]()


@pytest.mark.parametrize("name", MAPS)
def test_each_layout_is_guessed_exactly(name):
    guess = guess_columns(open_table(made.LAYOUTS / name).frame)
    assert guess.columns == MAPS[name] and guess.cancelled_when == CANCELLED[name]
    assert guess.kind == ("panel" if name == "panel.csv" else "orders")
    assert not guess.open and all(choice.evidence and choice.examples for choice in guess.choices)


@pytest.mark.parametrize("seed", [11, 12])
@pytest.mark.parametrize("name", MAPS)
def test_another_shop_with_columns_in_another_order_is_guessed_alike(tmp_path, name, seed):
    length = 60 if name == "panel.csv" else 90
    table = table_of(tmp_path, name, made.FILES[name](seed, length))
    order = np.random.default_rng(seed).permutation(len(table.columns))
    guess = guess_columns(table.iloc[:, order])
    assert guess.columns == MAPS[name] and guess.cancelled_when == CANCELLED[name] and not guess.open


def test_rows_of_an_order_are_told_from_line_numbers_whatever_their_header():
    table = pd.read_csv(made.LAYOUTS / "woocommerce.csv", dtype=str, keep_default_na=False)
    renamed = table.drop(columns=["SKU"]).rename(columns={"Item #": "Item No"})
    assert guess_columns(renamed).columns["product_id"] == "Item Name", "Item No counts the lines of an order"


# headers as they are used; every set names order, product, day, units and price for one unit, in this order
LANGUAGES = {
    "English": ("Order No.", "Item code", "Order date", "Qty", "Unit price"),
    "English, shouted": ("ORDER_ID", "SKU", "ORDER_DATE", "QTY", "UNIT_PRICE"),
    "camel case": ("OrderId", "ProductCode", "OrderDate", "Quantity", "UnitPrice"),
    "with signs": ("Order #", "Article no.", "Date", "Units", "Price, EUR"),
    "German": ("Bestellnummer", "Artikelnummer", "Bestelldatum", "Stückzahl", "Stückpreis"),
    "German, till": ("Bon-Nummer", "Art.-Nr.", "Datum", "Anzahl", "VK-Preis"),
    "French": ("N° commande", "Référence produit", "Date de commande", "Quantité", "Prix unitaire"),
    "Spanish": ("Número de pedido", "Código artículo", "Fecha", "Unidades", "Precio unitario"),
    "Italian": ("Numero ordine", "Codice articolo", "Data ordine", "Quantità", "Prezzo unitario"),
    "Dutch": ("Bestelnummer", "Artikelcode", "Besteldatum", "Aantal", "Stuksprijs"),
    "Portuguese": ("Número do pedido", "Código do produto", "Data do pedido", "Quantidade", "Preço unitário"),
    "Chinese, JD": ("订单号", "商品编号", "下单时间", "订购数量", "京东价"),
    "Chinese": ("订单编号", "货号", "订单创建时间", "数量", "单价"),
    "Japanese": ("注文番号", "商品コード", "注文日時", "個数", "単価"),
}
COUNTRIES = {"German": "DE", "French": "FR", "Spanish": "ES", "Italian": "IT", "Dutch": "NL", "Portuguese": "PT"} | {
    "Chinese": "CN",
    "Chinese, JD": "CN",
    "Japanese": "JP",
    "English": "",
}


def shop_lines(names, rows: int = 200, seed: int = 3) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    product = rng.integers(0, 5, rows)
    columns = (
        [f"R{1000 + n // 2}" for n in range(rows)],
        [f"P-{n:03d}" for n in product],
        [f"{day:%Y-%m-%d}" for day in pd.Timestamp("2025-01-06") + pd.to_timedelta(np.arange(rows) // 3, "D")],
        [str(n) for n in rng.integers(1, 5, rows)],
        [f"{5 + 3 * n}.50" for n in product],
    )
    return pd.DataFrame(dict(zip(names, columns, strict=True)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_headers_of_each_language_are_understood(language):
    names = LANGUAGES[language]
    guess = guess_columns(shop_lines(names))
    ours = ("order_id", "product_id", "timestamp", "quantity", "unit_price")
    assert guess.columns == dict(zip(ours, names, strict=True)) and not guess.open


@pytest.mark.parametrize("language", COUNTRIES)
def test_the_language_of_the_headers_proposes_a_country(language):
    code, because = guess_country(Looked(shop_lines(LANGUAGES[language])))
    assert code == COUNTRIES[language] and bool(because) == bool(code)


def test_one_name_is_never_two_tiers_of_a_role():
    for role, names in ROLES.items():
        tiers = [{name.replace(" ", "") for name in tier} for tier in names.tiers]
        twice = [one & two for place, one in enumerate(tiers) for two in tiers[place + 1 :]]
        assert not any(twice), f"{role}: {twice}"


@pytest.mark.parametrize("header", ["Order Date", "OrderDate", "ORDER-DATE", " order_date ", "Order  date:"])
def test_a_header_is_the_same_however_it_is_written(header):
    assert plain(header) == "order date"


def priced(price, names=("Order", "SKU", "Date", "Qty", "Price"), rows=200) -> pd.DataFrame:
    """Lines whose price column is what ``price`` makes of units and unit price."""
    table = shop_lines(names, rows)
    units, unit = table[names[3]].astype(float), table[names[4]].astype(float)
    return table.assign(**{names[4]: [f"{value:.2f}" for value in price(units, unit)]})


SCALES = {
    "one unit": (lambda q, p: p, "unit_price"),
    "the line": (lambda q, p: q * p, "line_total"),
    "one unit, cheaper by the dozen": (lambda q, p: p * (1 - 0.05 * (q > 2)), "unit_price"),
    "the line, with a discount": (lambda q, p: q * p * (1 - 0.05 * (q > 2)), "line_total"),
    "the line, prices rise": (lambda q, p: q * p * np.linspace(1, 1.15, len(q)), "line_total"),
    "one unit, prices rise": (lambda q, p: p * np.linspace(1, 1.15, len(q)), "unit_price"),
}


@pytest.mark.parametrize("case", SCALES)
def test_price_of_a_unit_and_total_of_a_line_are_told_apart(case):
    price, role = SCALES[case]
    (choice,) = [c for c in guess_columns(priced(price)).choices if c.column == "Price"]
    assert choice.role == role and choice.certain and "lines with more units" in choice.evidence


def test_without_lines_of_several_units_both_are_the_same():
    guess = guess_columns(priced(lambda q, p: p).assign(Qty="1"))
    assert guess.columns["unit_price"] == "Price" and not guess.open


UNSETTLED = {
    "too few lines": priced(lambda q, p: p, rows=6),
    "half and half": priced(lambda q, p: np.where(np.arange(len(q)) % 2, p, q * p)),
    "units never vary": priced(lambda q, p: q * p).assign(Qty="3"),
    "says unit price, is a total": priced(lambda q, p: q * p, ("Order", "SKU", "Date", "Qty", "Unit price")),
    "says line total, is a price": priced(lambda q, p: p, ("Order", "SKU", "Date", "Qty", "Line total")),
}


@pytest.mark.parametrize("case", UNSETTLED)
def test_a_price_that_is_not_settled_is_asked(case):
    (choice,) = guess_columns(UNSETTLED[case]).open
    assert choice.role in ("unit_price", "line_total") and choice.evidence


def test_unit_price_beside_the_total_that_proves_it():
    table = priced(lambda q, p: p)
    table["Total"] = [f"{float(q) * float(p):.2f}" for q, p in zip(table["Qty"], table["Price"], strict=True)]
    (choice,) = [c for c in guess_columns(table).choices if c.role == "unit_price"]
    assert choice.column == "Price" and choice.certain and "times Qty it is Total" in choice.evidence


def test_total_of_the_order_is_no_price():
    table = priced(lambda q, p: p, ("Order ID", "SKU", "Date", "Qty", "Amount"))
    order = table.groupby("Order ID")["Amount"].transform(lambda cells: f"{cells.astype(float).sum():.2f}")
    guess = guess_columns(table.drop(columns="Amount").assign(Total=order))
    assert [choice.role for choice in guess.open] == ["unit_price"] and "unit_price" not in guess.columns
    first_only = order.where(~table["Order ID"].duplicated(), "")
    guess = guess_columns(table.assign(Total=first_only))
    assert guess.columns["unit_price"] == "Amount" and not guess.open


STATES = {
    "Cancelled": True,
    "canceled by buyer": True,
    "VOIDED": True,
    "Storniert": True,
    "Annulée": True,
    "已取消": True,
    "交易关闭": True,
    "キャンセル済み": True,
    "Shipped": False,
    "Refunded": False,
    "Pending": False,
    "Partially cancelled": False,
    "Cancellation requested": False,
    "等待买家付款": False,
}


def test_states_of_orders_that_nobody_wanted_are_found_and_the_others_shown():
    table = shop_lines(("Order ID", "SKU", "Date", "Qty", "Unit price"))
    states = list(STATES)
    guess = guess_columns(table.assign(Status=[states[n % len(states)] for n in range(len(table))]))
    assert guess.cancelled_when == {"Status": [state for state, gone in STATES.items() if gone]}
    assert guess.states == tuple(state for state, gone in STATES.items() if not gone)


def test_an_export_in_the_shape_of_jd_is_guessed_too():
    table = shop_lines(("订单号", "商品ID", "下单时间", "订购数量", "京东价"))
    whole = table.groupby("订单号")["京东价"].transform(lambda cells: f"{cells.astype(float).sum():.2f}")
    paid = {"订单金额": whole, "结算金额": whole, "付款确认时间": "2026-01-01"}
    guess = guess_columns(table.assign(**paid, 商品名称="茶", 下单帐号="jd_1", 订单状态="完成"))
    assert guess.columns == {
        "order_id": "订单号",
        "product_id": "商品ID",
        "timestamp": "下单时间",
        "quantity": "订购数量",
        "unit_price": "京东价",
        "customer_id": "下单帐号",
    }
    assert not guess.open


def test_series_of_shop_and_product_in_one_column():
    table = panel_of(pd.date_range("2025-01-06", periods=20, freq="W-MON"), ("store/product", "week", "sales", "promo"))
    guess = guess_columns(table)
    assert guess.columns == {"unique_id": "store/product", "ds": "week", "y": "sales"} and not guess.open


def test_unknown_headers_are_asked_with_the_columns_whose_cells_fit():
    guess = guess_columns(shop_lines(("k1", "k2", "k3", "k4", "k5")))
    assert {choice.role: choice.rivals for choice in guess.open} == {
        "product_id": ("k1", "k2", "k4"),
        "timestamp": ("k3",),
        "quantity": ("k4", "k5"),
        "unit_price": ("k4", "k5"),
    }


def test_what_the_user_says_wins_and_settles_it():
    table = shop_lines(("k1", "k2", "k3", "k4", "k5"))
    said = {"order_id": "k1", "product_id": "k2", "timestamp": "k3", "quantity": "k4", "line_total": "k5"}
    guess = guess_columns(table, "", said)
    assert guess.columns == said and not guess.open


def test_article_numbers_with_holes_are_asked_beside_the_name():
    table = pd.read_csv(made.LAYOUTS / "shopify.csv", dtype=str, keep_default_na=False)
    table.loc[table["Lineitem sku"] == "CUP-010", "Lineitem sku"] = ""
    (choice,) = guess_columns(table).open
    assert (choice.role, choice.column, choice.rivals) == ("product_id", "Lineitem sku", ("Lineitem name",))
    none = guess_columns(table.drop(columns="Lineitem sku"))
    assert none.columns["product_id"] == "Lineitem name" and not none.open


def test_two_days_of_the_same_rank_are_asked_unless_they_agree():
    table = shop_lines(("Order ID", "SKU", "Order date", "Qty", "Unit price"))
    same = guess_columns(table.assign(**{"Created at": table["Order date"] + " 12:00"}))
    assert not same.open
    later = (pd.to_datetime(table["Order date"]) + pd.Timedelta(days=2)).dt.strftime("%Y-%m-%d")
    (choice,) = guess_columns(table.assign(**{"Created at": later})).open
    assert choice.role == "timestamp" and {choice.column, *choice.rivals} == {"Order date", "Created at"}
    paid = guess_columns(table.assign(**{"Paid at": later, "Ship date": later, "Last updated": later}))
    assert paid.columns["timestamp"] == "Order date" and not paid.open


DISCOUNTS = {
    "money of the line": ("Line discount", lambda n: f"{n % 3}.00", True),
    "money with cents": ("Rabatt", lambda n: f"{n % 3 * 0.35:.2f}", True),
    "may be per cent": ("Rabatt", lambda n: f"{n % 3 * 10}", False),
    "is per cent": ("Discount", lambda n: f"{n % 3 * 10}%", False),
    "a code": ("Discount code", lambda n: f"{n % 3 * 10}", False),
    "of the whole order": ("Discount amount", lambda n: f"{n // 2 % 3}.50", False),
    "never given": ("Line discount", lambda n: "0.00", False),
}


@pytest.mark.parametrize("case", DISCOUNTS)
def test_only_money_off_the_line_is_a_discount(case):
    name, cell, found = DISCOUNTS[case]
    table = shop_lines(("Order ID", "SKU", "Date", "Qty", "Price")).assign(**{name: [cell(n) for n in range(200)]})
    assert (guess_columns(table).columns.get("discount") == name) == found


def test_parent_ids_and_costs_are_no_product_and_no_price():
    table = shop_lines(("Order ID", "Product ID", "Date", "Qty", "Price"))
    table["Parent SKU"], table["Purchase price"] = "P", "1.00"
    guess = guess_columns(table)
    assert guess.columns["product_id"] == "Product ID" and guess.columns["unit_price"] == "Price" and not guess.open


def test_sales_of_a_panel_with_cents_may_be_money():
    table = pd.read_csv(made.LAYOUTS / "panel.csv", dtype=str)
    money = table.assign(sales=[f"{int(y) * 7.35:.2f}" for y in table["sales"]])
    (choice,) = guess_columns(money).open
    assert choice.role == "y" and "money" in choice.evidence
    both = guess_columns(money.assign(units=table["sales"]))
    assert both.columns["y"] == "units" and not both.open


def panel_of(days: pd.DatetimeIndex, names=("sku", "date", "qty", "price")) -> pd.DataFrame:
    rows = [(sku, f"{day:%Y-%m-%d}", "3", "9.90") for sku in ("a", "b") for day in days]
    return pd.DataFrame(rows, columns=list(names))


KINDS = {
    "daily without gaps": (panel_of(pd.date_range("2025-01-01", periods=50)), "panel"),
    "weeks of Wednesdays": (panel_of(pd.date_range("2025-01-01", periods=20, freq="W-WED")), "panel"),
    "month ends": (panel_of(pd.date_range("2023-01-31", periods=20, freq="ME")), "panel"),
    "month starts": (panel_of(pd.date_range("2023-01-01", periods=20, freq="MS")), "panel"),
    "our names": (panel_of(pd.DatetimeIndex(["2025-01-03", "2025-01-09"]), ("unique_id", "ds", "y", "x")), "panel"),
    "single days": (panel_of(pd.date_range("2025-01-01", periods=50)[[0, 3, 4, 11, 20, 49]]), "orders"),
    "two rows of a day": (pd.concat([panel_of(pd.date_range("2025-01-01", periods=50))] * 2), "orders"),
    "with order numbers": (panel_of(pd.date_range("2025-01-01", periods=50)).assign(**{"order no": "7"}), "orders"),
    "a stock": (pd.DataFrame({"SKU": ["a", "b"], "On hand": ["5", "0"]}), "stock"),
    "a German stock": (pd.DataFrame({"Artikelnr": ["a", "b"], "Bestand": ["5", "0"]}), "stock"),
}


@pytest.mark.parametrize("case", KINDS)
def test_kind_of_a_file_is_seen_in_its_rows(case):
    table, kind = KINDS[case]
    assert guess_columns(table).kind == kind


def test_attributes_that_belong_to_the_product_are_static():
    table = shop_lines(("Order ID", "SKU", "Date", "Qty", "Price"))
    group = table["SKU"].map({"P-000": "tea", "P-001": "tea"}).fillna("cups")
    guess = guess_columns(table.assign(Category=group, Brand=np.where(np.arange(200) % 2, "x", "y")))
    assert guess.static == ("Category",), "a brand that changes within a product describes no product"


def test_numbers_and_dates_of_typed_files_are_read_too():
    table = shop_lines(("Order ID", "SKU", "Date", "Qty", "Price"))
    typed = table.astype({"Qty": int, "Price": float}).assign(Date=pd.to_datetime(table["Date"]))
    guess = guess_columns(typed)
    assert guess.columns == guess_columns(table).columns and not guess.open
