"""Sentences and tables of chapter 18 say what the data say."""

import pandas as pd
import pytest

from salesforecast_lib.production.distributed.examples import curves_found, density


def test_density_counts_rows_with_a_sale():
    panel = pd.DataFrame({"unique_id": list("aabb"), "ds": pd.to_datetime(["2024-01-01", "2024-01-02"] * 2)})
    found = density(panel.assign(y=[0.0, 2, 0, 0])).set_index("what")["value"]
    assert found.to_dict() == {"series": "2", "periods": "2", "rows": "4", "rows with a sale": "25%"}


@pytest.mark.parametrize("losses, words", [([0.5, 0.4, 0.50001, 0.4], "the same"), ([0.5, 0.4, 0.5, 0.41], "other")])
def test_curves_are_one_or_not(losses, words):
    curves = pd.DataFrame({"processes": [1, 1, 2, 2], "epoch": [1, 2, 1, 2], "train": losses})
    assert curves_found(curves).startswith(f"1 and 2 processes: {words}")
