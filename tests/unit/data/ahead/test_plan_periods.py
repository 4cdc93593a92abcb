"""A plan whose dates are months or ISO weeks speaks of all of their days."""

from __future__ import annotations

import pandas as pd
import pytest

from salesforecast_lib.data.reading import read_plan_file

SPANS = {  # ds, end: first and last day
    ("2024-02", ""): ("2024-02-01", "2024-02-29"),
    ("2024-12", "2025-01"): ("2024-12-01", "2025-01-31"),
    ("2024-12-09", "2025-01"): ("2024-12-09", "2025-01-31"),
    ("2025-W01", ""): ("2024-12-30", "2025-01-05"),
    ("2025-W01", "2025-W02"): ("2024-12-30", "2025-01-12"),
    ("2024-12-09", ""): ("2024-12-09", "2024-12-09"),
}


@pytest.mark.parametrize("cells", SPANS)
def test_a_month_or_week_stands_for_all_of_its_days(tmp_path, cells):
    file = tmp_path / "plan.csv"
    file.write_text(f"unique_id,ds,end,promo\nA,{cells[0]},{cells[1]},1\n")
    read = read_plan_file(file)
    assert read.frame[["ds", "end"]].iloc[0].tolist() == [pd.Timestamp(day) for day in SPANS[cells]]


@pytest.mark.parametrize("cell", ["2024-13", "2024-W60", "December"])
def test_what_is_no_month_is_refused(tmp_path, cell):
    file = tmp_path / "plan.csv"
    file.write_text(f"unique_id,ds,promo\nA,{cell},1\nA,2024-12,1\n")
    read = read_plan_file(file)
    assert read.frame["row"].tolist() == [2] and read.quarantine["row"].tolist() == [1]
