"""Members fitted in several processes are those fitted one after the other."""

import pandas as pd
import pytest

from salesforecast_lib.models.champion import save_champion, side_by_side
from salesforecast_lib.processes import PROCESSES
from tests.unit.models.champion.test_stored import made_of

MEMBERS = ("SeasonalNaive", "Boosting", "LightGBMDirect", "LightGBM", "Networks")


@pytest.mark.slow
def test_two_processes_give_the_same_numbers_and_the_same_models(monkeypatch, tmp_path):
    alone, *_ = made_of(MEMBERS, monkeypatch)
    monkeypatch.setenv(PROCESSES, "2")
    together, *_ = made_of(MEMBERS, monkeypatch)
    pd.testing.assert_frame_equal(alone.forecasts, together.forecasts)
    pd.testing.assert_frame_equal(alone.members, together.members)
    assert alone.compositions == together.compositions and set(alone.seconds) == set(together.seconds)
    one, two = (save_champion(each.stored, tmp_path / name) for name, each in (("a", alone), ("b", together)))
    assert (one / "champion.json").read_bytes() == (two / "champion.json").read_bytes(), "with the digest of every file"


@pytest.mark.slow
def test_a_member_that_fails_in_its_process_fails_alone(monkeypatch):
    monkeypatch.setenv(PROCESSES, "2")
    result, _, _, last = made_of(("SeasonalNaive", "LightGBMDirect", "Unheard"), monkeypatch)
    composition = result.compositions[str(last.date())]
    assert "it failed" in composition.left_out["Unheard"] and "Unheard" not in composition.weights


def test_a_large_table_is_fitted_in_one_process(monkeypatch):
    monkeypatch.setenv(PROCESSES, "2")
    monkeypatch.setattr(side_by_side, "MOST_ROWS", 10)
    monkeypatch.setattr(side_by_side, "_by_processes", None)
    result, *_ = made_of(("SeasonalNaive", "LightGBMDirect"), monkeypatch)
    assert len(result.forecasts)
