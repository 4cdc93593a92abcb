"""What all tests share: a key of customer ids of their own, also in the processes that they start."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from salesforecast_lib.data.reading.pseudonyms import VARIABLE


@pytest.fixture(scope="session", autouse=True)
def key_of_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nothing is written to, or read from, the configuration of whoever runs the tests."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(tmp_path_factory.mktemp("key") / "customer_ids.key")
    yield
    os.environ.pop(VARIABLE)
    if before is not None:
        os.environ[VARIABLE] = before


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Modules with slow tests come first: with two workers, a long one that begins last leaves the other one idle."""
    slow = {item.path for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: item.path not in slow)
