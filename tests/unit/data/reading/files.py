"""Files that the tests of the reading layer write, and the awkward cases where they lie beside the project."""

from __future__ import annotations

from pathlib import Path

import pytest

from salesforecast_lib.data.reading import ReadOptions, read_orders
from salesforecast_lib.files import project_root

CASES = project_root().parent / "shared" / "cases"
HEADER = ["order_id", "product_id", "timestamp", "quantity", "unit_price"]


def case(name: str) -> Path:
    """A file of the awkward cases; the test is skipped where they are not at hand."""
    file = CASES / name
    if not file.is_file():
        pytest.skip("the awkward cases do not lie beside this checkout")
    return file


def write(folder: Path, content: str | bytes, name: str = "orders.csv", encoding: str = "utf-8") -> Path:
    """A file with ``content``."""
    file = folder / name
    file.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return file


def orders_with(folder: Path, column: str, cells: list[str], separator: str = ",", **options):
    """Read order lines of which one column holds ``cells``; everything else is plain."""
    rows = []
    for number, cell in enumerate(cells, start=1):
        row = dict(zip(HEADER, [str(number), "A", f"2025-01-{1 + number % 28:02d}", "1", "2"], strict=True))
        row[column] = cell
        rows.append(separator.join(f'"{value}"' for value in row.values()))
    text = "\n".join([separator.join([*HEADER, *([] if column in HEADER else [column])]), *rows]) + "\n"
    return read_orders(write(folder, text), ReadOptions(**options))
