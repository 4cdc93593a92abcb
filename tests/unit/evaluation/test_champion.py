"""What a champion leaves to later chapters, and how it compares with its members."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.decisions.driving import read_composition
from salesforecast_lib.evaluation.champion import beside_members, best_member_found, shares_over_time, write_champion
from salesforecast_lib.models.champion import Champion, ChampionConfig, Composition

ENDS = list(pd.date_range("2024-03-01", periods=3, freq="7D"))


def rows(model: str, cutoffs, mean: float = 1.0) -> pd.DataFrame:
    parts = [pd.DataFrame({"ds": pd.date_range(end, periods=8)[1:], "cutoff": end}) for end in cutoffs]
    table = pd.concat(parts, ignore_index=True).assign(unique_id="a", model=model, mean=mean)
    return table.assign(**dict.fromkeys(QUANTILE_COLUMNS, mean))


@pytest.fixture
def champion() -> Champion:
    members = pd.concat([rows("Boosting", ENDS), rows("Theta", ENDS, 2.0)])
    made = {
        "2024-03-15": Composition({"Theta": 0.25, "Boosting": 0.75}, {"Theta": 0.2}, {}, ("2024-03-01",)),
        "2024-03-08": Composition({"Theta": 1.0}, notes=("short",)),
    }  # fmt: skip
    return Champion(rows("Champion", ENDS[1:]), members, made, {"Boosting": 1.234, "Theta": np.float64(0.5)})


def test_validation_cutoffs_are_not_scored(champion):
    table = beside_members(champion)
    assert set(table["model"]) == {"Champion", "Boosting", "Theta"}
    assert set(table["cutoff"]) == set(ENDS[1:]), "the members' earlier cutoffs chose the weights"


def test_later_chapters_find_forecasts_and_composition(champion, tmp_path):
    days = pd.date_range("2024-02-01", ENDS[-1])
    panel = pd.DataFrame({"unique_id": "a", "ds": days, "y": 3.0})
    written = write_champion(champion, ChampionConfig(budget_minutes=0.5, seed=7), panel, tmp_path)
    assert written["y"].notna().sum() == 3 * 7 and written.loc[written["cutoff"] == ENDS[-1], "y"].isna().all()
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "champion_forecasts.parquet"), written)
    stored = json.loads((tmp_path / "champion.json").read_text())
    assert stored["seconds"] == {"Boosting": 1.2, "Theta": 0.5} and stored["budget_minutes"] == 0.5
    assert Composition.from_json(stored["compositions"]["2024-03-08"]) == champion.compositions["2024-03-08"]
    assert read_composition(tmp_path)["weights"] == {"Theta": 0.25, "Boosting": 0.75}, "that of the newest cutoff"


def test_shares_move_over_time(champion):
    table = shares_over_time(champion)
    assert list(table.index) == ["2024-03-08", "2024-03-15"] and list(table) == ["Theta", "Boosting"]
    assert table.to_numpy().tolist() == [[1.0, 0.0], [0.25, 0.75]]
    made = {"2024-03-08": Composition({"Theta": 1.0, "Boosting": 0.0})}
    never = Champion(champion.forecasts, champion.members, made, {})
    assert list(shares_over_time(never)) == ["Theta"], "a member that never has a share is not drawn"


@pytest.mark.parametrize(
    "losses, words",
    [
        ({"Champion": 0.203, "a": 0.2, "b": 0.3}, "Champion within 2 % of its best member on these rows, a"),
        ({"Champion": 0.197, "a": 0.3, "b": 0.2}, "Champion within 2 % of its best member on these rows, b"),
        ({"Champion": 0.21, "a": 0.2, "b": 0.3}, "Champion 5.0 % above its best member on these rows, a"),
        ({"Champion": 0.18, "a": 0.2, "b": 0.3}, "Champion 10.0 % below its best member on these rows, a"),
        ({"Champion": 0.21, "a": np.nan, "b": 0.2, "x": 0.1}, "Champion 5.0 % above its best member on these rows, b"),
        ({"Champion": np.nan, "a": 0.2}, "not defined for Champion or for its members here"),
        ({"Champion": 0.2, "other": 0.2}, "not defined for Champion or for its members here"),
        ({"Champion": 0.2, "a": 0.0}, "a makes no error here, Champion 0.2"),
    ],
)  # fmt: skip
def test_the_champion_is_held_against_the_best_of_its_members(losses, words):
    assert best_member_found(pd.Series(losses), ["a", "b"], "WAPE") == f"WAPE: {words}"
