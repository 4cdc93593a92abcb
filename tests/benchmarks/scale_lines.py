"""Made order lines of any number, written in parts: what the benchmark ``scale`` reads.

Products sell like those of a marketplace: a few often, most hardly ever. Every product has at least one line. One line
in 200 is cancelled later, one in 1,000 is there twice, one in 100,000 is an absurd order, a tenth has no customer.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from salesforecast_lib.files import atomically

FILE = 2_000_000  # lines of a file
DAYS = 730
START = np.datetime64("2024-01-01", "us")


def write_lines(folder: Path, lines: int, products: int, seed: int = 0) -> int:
    """Write the files that are not there yet; bytes of all."""
    folder.mkdir(parents=True, exist_ok=True)
    files = max(1, -(-lines // FILE))
    for number in range(files):
        file = folder / f"orders-{number:04d}.parquet"
        if not file.is_file():
            count = min(FILE, lines - number * FILE)
            span = (DAYS * number * FILE / lines, DAYS * (number * FILE + count) / lines)
            table = _part(np.random.default_rng([seed, number]), count, number, files, products, span)
            atomically(file, lambda place, table=table: pq.write_table(table, place, row_group_size=500_000))
    return sum(file.stat().st_size for file in folder.glob("*.parquet"))


def _part(
    rng: np.random.Generator, count: int, number: int, files: int, products: int, span: tuple[float, float]
) -> pa.Table:
    """One file: lines in the order of time."""
    product = ((products + 1) ** rng.random(count)).astype("int64") - 1  # few sell often: 1/rank
    every = np.arange(number, products, files)[:count]  # those that this file sells for sure
    product[rng.choice(count, len(every), replace=False)] = every
    order = number * FILE + np.sort(rng.integers(0, count // 3 + 1, count))
    second = np.sort(rng.integers(int(span[0] * 86_400), int(span[1] * 86_400), count))
    quantity = rng.geometric(0.6, count)
    quantity[rng.random(count) < 1e-5] = 100_000
    price = np.round(2 + (product * 7_919 % 9_000) / 100, 2)
    customer = rng.integers(0, 3_000_000, count)
    known = rng.random(count) < 0.9
    back = np.flatnonzero(rng.random(count - 1) < 0.005)  # the line after cancels this one
    for values in (product, customer, known, price):
        values[back + 1] = values[back]
    quantity[back + 1] = -quantity[back]
    twice = np.flatnonzero(rng.random(count - 1) < 0.001)
    for values in (product, customer, known, price, order, second, quantity):
        values[twice + 1] = values[twice]
    cancel: np.ndarray = np.zeros(count, dtype=bool)
    cancel[back + 1] = True
    cancel &= quantity < 0
    ids = pc.binary_join_element_wise(pa.array(np.where(cancel, "CA", "A").astype(object)), _text(order), "")
    return pa.table(
        {
            "order_id": ids,
            "product_id": pc.binary_join_element_wise("P", _text(product), ""),
            "timestamp": pa.array(START + second.astype("timedelta64[s]")),
            "quantity": pa.array(quantity.astype("int32")),
            "unit_price": pa.array(price),
            "customer_id": pc.if_else(pa.array(known), pc.binary_join_element_wise("K", _text(customer), ""), None),
        }
    )


def _text(numbers: np.ndarray) -> pa.Array:
    return pa.array(numbers).cast(pa.string())
