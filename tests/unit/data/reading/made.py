"""Made exports in the shape of six shop systems: no row is of a real shop, the column names are the systems' own.

``python -m tests.unit.data.reading.made`` writes the files below ``layouts/`` anew.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

LAYOUTS = Path(__file__).with_name("layouts")
WEEK = np.array([0.8, 0.8, 0.9, 1.0, 1.3, 1.5, 0.7])  # Monday to Sunday: share of an average day
SKUS = ("TEA-001", "TEA-002", "CUP-010", "CUP-011", "POT-100", "BAG-020")
NAMES = ("Green tea 100 g", "Black tea 100 g", "Cup, white", "Cup, blue", "Tea pot 1 l", "Tea bags x20")
PRICES = (7.9, 6.5, 12.0, 12.5, 39.0, 4.2)
SHARES = (0.26, 0.22, 0.16, 0.14, 0.06, 0.16)
SHOPIFY = (
    "Name,Email,Financial Status,Paid at,Fulfillment Status,Fulfilled at,Accepts Marketing,Currency,Subtotal,Shipping,"
    "Taxes,Total,Discount Code,Discount Amount,Shipping Method,Created at,Lineitem quantity,Lineitem name,"
    "Lineitem price,Lineitem compare at price,Lineitem sku,Lineitem requires shipping,Lineitem taxable,"
    "Lineitem fulfillment status,Billing Name,Billing Zip,Billing Country,Notes,Cancelled at,Refunded Amount,Vendor,"
    "Id,Source,Lineitem discount"
).split(",")
WOOCOMMERCE = (
    "Order Number,Order Status,Order Date,Customer Note,Email (Billing),Country Code (Billing),Item #,SKU,Item Name,"
    "Quantity,Quantity (- Refund),Item Cost,Order Line (w/o tax),Order Line Total,Discount Amount,Order Total Amount"
).split(",")
AMAZON = (
    "amazon-order-id,merchant-order-id,purchase-date,last-updated-date,order-status,fulfillment-channel,sales-channel,"
    "ship-service-level,product-name,sku,asin,item-status,quantity,currency,item-price,item-tax,shipping-price,"
    "item-promotion-discount,ship-country,promotion-ids"
).split(",")
TAOBAO = (
    "订单编号,买家会员名,买家应付货款,买家实际支付金额,订单状态,订单付款时间,宝贝标题,价格,购买数量,商家编码,收货地址"
).split(",")
BARE = ("Datum", "Artikelnr", "Menge", "Einzelpreis")
PANEL = ("store", "product", "week", "sales", "price", "promo")


@dataclass(frozen=True)
class Line:
    """One line of an order: ``order`` counts orders, ``item`` the lines of an order, both from 0."""

    order: int
    item: int
    moment: pd.Timestamp
    product: int
    quantity: int
    customer: int
    cancelled: bool


def made_lines(seed: int, days: int, orders_a_day: float, start: str = "2025-01-06") -> list[Line]:
    """Orders of a small shop with an honest week: Poisson orders, one to three lines each."""
    rng, lines, order = np.random.default_rng(seed), [], 0
    for day in pd.date_range(start, periods=days):
        for _ in range(rng.poisson(orders_a_day * WEEK[day.dayofweek])):
            moment = day + pd.Timedelta(minutes=int(rng.integers(8 * 60, 21 * 60)))
            customer, cancelled = int(rng.integers(1, 120)), rng.random() < 0.04
            basket = rng.choice(len(SKUS), int(rng.choice(3, p=[0.65, 0.25, 0.1])) + 1, replace=False, p=SHARES)
            for item, product in enumerate(basket):
                quantity = int(rng.choice([1, 2, 3, 4], p=[0.6, 0.25, 0.1, 0.05]))
                lines.append(Line(order, item, moment, int(product), quantity, customer, bool(cancelled)))
            order += 1
    return lines


def _text(names: list[str] | tuple[str, ...], rows: list[dict[str, object]], separator: str = ",") -> str:
    handle = io.StringIO()
    writer = csv.DictWriter(handle, list(names), restval="", delimiter=separator, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return handle.getvalue()


def shopify(seed: int = 1, days: int = 160) -> bytes:
    """Order fields on the first line of an order only; stamps carry the shop's offset, summer time included."""
    rows = []
    for line in made_lines(seed, days, 1.6):
        stamp = line.moment.tz_localize("Europe/Berlin").strftime("%Y-%m-%d %H:%M:%S %z")
        row: dict[str, object] = {
            "Name": f"#{1001 + line.order}",
            "Email": f"k{line.customer}@example.org",
            "Created at": stamp,
            "Lineitem quantity": line.quantity,
            "Lineitem name": NAMES[line.product],
            "Lineitem price": f"{PRICES[line.product]:.2f}",
            "Lineitem sku": SKUS[line.product],
            "Lineitem taxable": "true",
            "Lineitem discount": "0.00",
        }
        if line.item == 0:
            row |= {
                "Financial Status": "voided" if line.cancelled else "paid",
                "Paid at": "" if line.cancelled else stamp,
                "Cancelled at": stamp if line.cancelled else "",
                "Currency": "EUR",
                "Total": f"{PRICES[line.product] * line.quantity + 4.9:.2f}",
                "Billing Zip": "'10115",
                "Billing Country": "DE",
                "Refunded Amount": "0.00",
            }
        rows.append(row)
    return _text(SHOPIFY, rows).encode()


def woocommerce(seed: int = 2, days: int = 170) -> bytes:
    """``Item #`` counts the lines of an order; ``Item Cost`` is for one unit."""
    rows: list[dict[str, object]] = []
    for line in made_lines(seed, days, 1.8):
        price, total = PRICES[line.product], PRICES[line.product] * line.quantity
        rows.append(
            {
                "Order Number": 5200 + line.order,
                "Order Status": "Cancelled" if line.cancelled else "Completed",
                "Order Date": line.moment.strftime("%Y-%m-%d %H:%M"),
                "Email (Billing)": f"c{line.customer}@example.org",
                "Country Code (Billing)": "GB",
                "Item #": line.item + 1,
                "SKU": SKUS[line.product],
                "Item Name": NAMES[line.product],
                "Quantity": line.quantity,
                "Quantity (- Refund)": line.quantity,
                "Item Cost": f"{price:.2f}",
                "Order Line (w/o tax)": f"{total / 1.2:.2f}",
                "Order Line Total": f"{total:.2f}",
                "Order Total Amount": f"{total + 3.5:.2f}",
            }
        )
    return _text(WOOCOMMERCE, rows).encode()


def amazon(seed: int = 3, days: int = 150) -> bytes:
    """Tabs; stamps in UTC; ``item-price`` is the total of the line, empty where the order was cancelled."""
    rows: list[dict[str, object]] = []
    for line in made_lines(seed, days, 1.3):
        stamp = line.moment.tz_localize("Europe/Berlin").tz_convert("UTC").strftime("%Y-%m-%dT%H:%M:%S+00:00")
        rows.append(
            {
                "amazon-order-id": f"302-{7000000 + line.order * 7}-{1000000 + line.order * 13}",
                "purchase-date": stamp,
                "last-updated-date": stamp,
                "order-status": "Cancelled" if line.cancelled else "Shipped",
                "sales-channel": "Amazon.de",
                "product-name": NAMES[line.product],
                "sku": SKUS[line.product],
                "asin": f"B0{line.product:08d}",
                "quantity": 0 if line.cancelled else line.quantity,
                "currency": "" if line.cancelled else "EUR",
                "item-price": "" if line.cancelled else f"{PRICES[line.product] * line.quantity:.2f}",
                "item-tax": "" if line.cancelled else f"{PRICES[line.product] * line.quantity * 0.19 / 1.19:.2f}",
                "ship-country": "DE",
            }
        )
    return _text(AMAZON, rows, "\t").encode()


def taobao(seed: int = 4, days: int = 160) -> bytes:
    """Chinese headers in GB18030; ids with a tab behind them, as the export writes them to keep Excel away."""
    titles = ("绿茶100克", "红茶100克", "白瓷杯", "青花杯", "茶壶1升", "袋泡茶20包")
    rows: list[dict[str, object]] = []
    for line in made_lines(seed, days, 1.9):
        total = PRICES[line.product] * line.quantity
        rows.append(
            {
                "订单编号": f"{3_512_000_000_000_000_000 + line.order * 7919}\t",
                "买家会员名": f"茶客{line.customer}",
                "买家应付货款": f"{total:.2f}",
                "买家实际支付金额": f"{0 if line.cancelled else total:.2f}",
                "订单状态": "交易关闭" if line.cancelled else "交易成功",
                "订单付款时间": line.moment.strftime("%Y-%m-%d %H:%M:%S"),
                "宝贝标题": titles[line.product],
                "价格": f"{PRICES[line.product]:.2f}",
                "购买数量": line.quantity,
                "商家编码": SKUS[line.product],
                "收货地址": "浙江省 杭州市",
            }
        )
    return _text(TAOBAO, rows).encode("gb18030")


def bare(seed: int = 5, days: int = 170) -> bytes:
    """Four columns with German names, decimal commas and days first; no order number."""
    rows: list[dict[str, object]] = [
        {
            "Datum": line.moment.strftime("%d.%m.%Y"),
            "Artikelnr": SKUS[line.product],
            "Menge": line.quantity,
            "Einzelpreis": f"{PRICES[line.product]:.2f}".replace(".", ","),
        }
        for line in made_lines(seed, days, 4.0)
    ]
    return _text(BARE, rows, ";").encode()


def panel(seed: int = 6, weeks: int = 110) -> bytes:
    """Weekly sales of six products in two stores, stamped with the Monday; a year's rhythm, promotions lift sales."""
    rng, rows = np.random.default_rng(seed), []
    for store in ("North", "South"):
        for product, sku in enumerate(SKUS):
            for number, week in enumerate(pd.date_range("2023-01-02", periods=weeks, freq="W-MON")):
                promo = int(rng.random() < 0.1)
                mean = 60 * SHARES[product] * (1 + 0.3 * np.sin(2 * np.pi * number / 52)) * (1 + 0.6 * promo)
                price = PRICES[product] * (0.8 if promo else 1.0)
                values = (store, sku, f"{week:%Y-%m-%d}", int(rng.poisson(mean)), f"{price:.2f}", promo)
                rows.append(dict(zip(PANEL, values, strict=True)))
    return _text(PANEL, rows).encode()


FILES = {  # file below layouts/: what makes it
    "shopify.csv": shopify,
    "woocommerce.csv": woocommerce,
    "amazon.txt": amazon,
    "taobao.csv": taobao,
    "bare.csv": bare,
    "panel.csv": panel,
}

if __name__ == "__main__":
    for name, make in FILES.items():
        (LAYOUTS / name).write_bytes(make())
