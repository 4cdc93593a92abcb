"""Sentences and tables of chapter 18 say what the data say."""

import pandas as pd
import pytest

from salesforecast_lib.production.distributed.examples import curves_found, density, same_tables, shared_training


def test_density_counts_rows_with_a_sale():
    panel = pd.DataFrame({"unique_id": list("aabb"), "ds": pd.to_datetime(["2024-01-01", "2024-01-02"] * 2)})
    found = density(panel.assign(y=[0.0, 2, 0, 0])).set_index("what")["value"]
    assert found.to_dict() == {"series": "2", "periods": "2", "rows": "4", "rows with a sale": "25%"}


@pytest.mark.parametrize("losses, words", [([0.5, 0.4, 0.50001, 0.4], "the same"), ([0.5, 0.4, 0.5, 0.41], "other")])
def test_curves_are_one_or_not(losses, words):
    curves = pd.DataFrame({"processes": [1, 1, 2, 2], "epoch": [1, 2, 1, 2], "train": losses})
    assert curves_found(curves).startswith(f"1 and 2 processes: {words}")


def test_what_cannot_be_trained_says_why(tmp_path, monkeypatch):
    def refuses(*_):
        raise ValueError("the history is too short")

    monkeypatch.setattr("salesforecast_lib.production.distributed.examples.loss_curves", refuses)
    curves, said = shared_training(tmp_path, {})
    assert curves.empty and said == "not trained: the history is too short"


def test_tables_are_the_same_or_not(tmp_path):
    for name, values in {"one": [1.0, 2.0], "two": [1.0, 2.0], "other": [1.0, 2.5], "empty": []}.items():
        (tmp_path / name).mkdir()
        if values:
            pd.DataFrame({"y": values}).to_parquet(tmp_path / name / "a.parquet")
    assert same_tables(tmp_path / "one", tmp_path / "two")
    assert not same_tables(tmp_path / "one", tmp_path / "other") and not same_tables(
        tmp_path / "empty", tmp_path / "one"
    )
    assert not same_tables(tmp_path / "empty", tmp_path / "empty")
