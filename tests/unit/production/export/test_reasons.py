"""The export hands the reasons of its champion to the server, and those of no other."""

from __future__ import annotations

import pandas as pd
import pytest

from salesforecast_lib.files import write_json
from salesforecast_lib.production.explain import write_reasons
from salesforecast_lib.production.export.reasons import write_cards
from salesforecast_lib.production.live.reasons import REASONS, read_cards
from tests.unit.production.explain.made import hand_made

FORECASTS = pd.DataFrame(
    {"unique_id": ["=A1", "007", "Tea"], "cutoff": pd.Timestamp("2024-05-01"), "mean": [118.0, 50.0, 9.0]}
)


def test_the_cards_are_those_of_the_run(tmp_path):
    run, folder = tmp_path / "run", tmp_path / "model"
    write_reasons(run, hand_made(), "day", pd.Series(dtype=float))
    assert write_cards(run, FORECASTS, folder) == 3
    card = read_cards(folder)["=A1"]
    units = sum(each["units"] for each in card["drivers"])
    assert card["usual"] + units + card["rest"] == pytest.approx(card["forecast"], abs=5e-3)
    assert card["drivers"][0] == {"driver": "promotion", "units": 9.4, "share": 0.089, "low": 7.0, "high": 11.0,
                                  "sure": True, "when": "2024-05-03"}  # fmt: skip
    assert card["why"].startswith("The next 14 days: 118 units")


def test_without_reasons_of_this_champion_there_is_no_file(tmp_path):
    assert write_cards(tmp_path, FORECASTS, tmp_path / "model") == 0
    write_reasons(tmp_path, hand_made(), "day", pd.Series(dtype=float))
    assert write_cards(tmp_path, FORECASTS.assign(mean=1.0), tmp_path / "model") == 0
    assert not (tmp_path / "model" / REASONS).exists() and read_cards(tmp_path / "model") == {}


@pytest.mark.parametrize("told", [{}, [1], [{"id": "x"}]])
def test_a_file_that_is_no_list_of_reasons_is_refused(tmp_path, told):
    write_json(told, tmp_path / REASONS)
    with pytest.raises(ValueError, match="no list of reasons; export the run again"):
        read_cards(tmp_path)
