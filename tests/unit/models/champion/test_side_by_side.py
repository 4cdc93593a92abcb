"""Members fitted in several processes are those fitted one after the other."""

import pandas as pd
import pytest

from salesforecast_lib.models.champion import save_champion, side_by_side
from tests.unit.models.champion.test_stored import made_of

MEMBERS = ("SeasonalNaive", "Boosting", "LightGBMDirect", "LightGBM", "Networks")


@pytest.mark.slow
def test_two_processes_give_the_same_numbers_and_the_same_models(monkeypatch, tmp_path):
    alone, *_ = made_of(MEMBERS, monkeypatch)
    monkeypatch.setenv(side_by_side.PROCESSES, "2")
    together, *_ = made_of(MEMBERS, monkeypatch)
    pd.testing.assert_frame_equal(alone.forecasts, together.forecasts)
    pd.testing.assert_frame_equal(alone.members, together.members)
    assert alone.compositions == together.compositions and set(alone.seconds) == set(together.seconds)
    one, two = (save_champion(each.stored, tmp_path / name) for name, each in (("a", alone), ("b", together)))
    assert (one / "champion.json").read_bytes() == (two / "champion.json").read_bytes(), "with the digest of every file"


@pytest.mark.slow
def test_a_member_that_fails_in_its_process_fails_alone(monkeypatch):
    monkeypatch.setenv(side_by_side.PROCESSES, "2")
    result, _, _, last = made_of(("SeasonalNaive", "LightGBMDirect", "Unheard"), monkeypatch)
    composition = result.compositions[str(last.date())]
    assert "it failed" in composition.left_out["Unheard"] and "Unheard" not in composition.weights


@pytest.mark.parametrize("said", ["0", "-1", "two", "1.5", ""])
def test_what_is_no_number_of_processes_is_refused(said, monkeypatch):
    monkeypatch.setenv(side_by_side.PROCESSES, said)
    with pytest.raises(ValueError, match="SALESFORECAST_PROCESSES"):
        side_by_side.processes()


def test_a_large_table_is_fitted_in_one_process(monkeypatch):
    monkeypatch.setenv(side_by_side.PROCESSES, "2")
    monkeypatch.setattr(side_by_side, "MOST_ROWS", 10)
    monkeypatch.setattr(side_by_side, "_by_processes", None)
    result, *_ = made_of(("SeasonalNaive", "LightGBMDirect"), monkeypatch)
    assert len(result.forecasts)
