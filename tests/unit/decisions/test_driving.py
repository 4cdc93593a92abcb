"""Which forecast drives a decision: its name in any case, and what it consists of, in words."""

from __future__ import annotations

import pandas as pd
import pytest

from salesforecast_lib.decisions import driving
from salesforecast_lib.decisions.driving import composition_table, consists_of, driven_by, driving_model, shares
from salesforecast_lib.files import write_json, write_parquet
from salesforecast_lib.models.champion import MODEL, Composition
from salesforecast_lib.models.champion.plan import RULES

TABLE = pd.DataFrame({"model": ["Champion", "LSTM", "AutoETS"], "mean": 1.0})
MADE = Composition(
    {"Boosting": 0.4, "Networks": 0.596, "Theta": 0.004},
    {"Boosting": 0.21, "Networks": 0.2, "Theta": 0.3, "SeasonalNaive": 0.4},
    {"LightGBMDirect": "its error on earlier cutoffs is 7.04, the best one's 0.148"},
    ("2024-01-01", "2024-02-01"),
).to_json()


@pytest.mark.parametrize("name", ["champion", "Champion", " CHAMPION "])
def test_a_name_is_found_in_any_case(name):
    assert driving_model(TABLE, name) == MODEL == driving.CHAMPION


@pytest.mark.parametrize("name", ["Ensemble", "champ", ""])
def test_an_unknown_name_is_refused_with_the_names_there_are(name):
    with pytest.raises(ValueError, match="forecasts.parquet, which holds AutoETS, Champion, LSTM") as error:
        driving_model(TABLE, name)
    assert f"model={name!r}" in str(error.value)


def test_names_that_differ_in_case_only_are_told_apart():
    both = pd.DataFrame({"model": ["lstm", "LSTM"]})
    assert [driving_model(both, name) for name in ("lstm", "LSTM")] == ["lstm", "LSTM"]


def test_forecasts_of_a_run_come_with_the_name_that_drives(tmp_path):
    with pytest.raises(FileNotFoundError, match="run chapter 06b first"):
        driving.read_forecasts(tmp_path, "champion")
    write_parquet(TABLE, tmp_path / "forecasts.parquet")
    table, name = driving.read_forecasts(tmp_path, "autoets")
    assert name == "AutoETS" and len(table) == 3


def _forecast(models, mean):
    cutoffs = pd.to_datetime(["2024-01-07", "2024-01-14"])
    rows = [("a", cutoff + pd.Timedelta(days=1), cutoff, model, mean) for cutoff in cutoffs for model in models]
    return pd.DataFrame(rows, columns=["unique_id", "ds", "cutoff", "model", "mean"])


def test_a_plan_alone_is_driven_by_the_champions_own_forecasts(tmp_path):
    write_parquet(_forecast([MODEL, "Theta"], 5.0), tmp_path / driving.OWN)
    table, name = driving.read_forecasts(tmp_path, "champion")
    assert name == MODEL and set(table["model"]) == {MODEL, "Theta"}
    with pytest.raises(ValueError, match="model=.LSTM.: not in champion_forecasts.parquet, which"):
        driving.read_forecasts(tmp_path, "LSTM")


def test_products_that_opened_between_the_cutoffs_are_forecast_today_only(tmp_path):
    table = _forecast([MODEL, "Theta"], 5.0)
    last = table["cutoff"].max()
    before = table["cutoff"] < last
    young = table[~before].assign(unique_id="young")
    middle = pd.concat([table.assign(cutoff=table["cutoff"] - pd.Timedelta(days=7))[before], table, young])
    write_parquet(pd.concat([middle, young.assign(cutoff=table["cutoff"].min())]), tmp_path / driving.OWN)
    found, _ = driving.read_forecasts(tmp_path, "champion")
    by_series = found.groupby("unique_id")["cutoff"].nunique()
    assert by_series.to_dict() == {"a": 3, "young": 1}


@pytest.mark.parametrize("mean, models", [(5.0, {MODEL, "LSTM"}), (6.0, {MODEL, "Theta"})])
def test_forecasts_of_an_earlier_champion_are_not_compared_with_todays(tmp_path, mean, models):
    write_parquet(_forecast([MODEL, "Theta"], 5.0), tmp_path / driving.OWN)
    write_parquet(_forecast([MODEL, "LSTM"], mean), tmp_path / driving.FORECASTS)
    table, _ = driving.read_forecasts(tmp_path, "champion")
    assert set(table["model"]) == models


def test_members_are_told_by_share():
    assert shares({"a": 0.3, "b": 0.7}) == "b 70 %, a 30 %"
    assert shares({"b": 0.5, "a": 0.5, "c": 0.0}) == "a 50 %, b 50 %", "no share is not told"
    assert shares({"a": 0.0, "b": 1.0}) == "b alone"
    assert shares({"a": 0.997, "b": 0.003}) == "a 100 %, b under 1 %"


def test_a_champion_says_its_members_its_judgement_and_what_was_left_out():
    assert consists_of(MADE) == (
        "Champion: Networks 60 %, Boosting 40 %, Theta under 1 %; judged on 2 earlier cutoffs; without a share: "
        "SeasonalNaive; left out: LightGBMDirect (its error on earlier cutoffs is 7.04, the best one's 0.148)"
    )
    noted = Composition({"Boosting": 1.0}, notes=("three series were capped",)).to_json()
    assert consists_of(noted) == (
        "Champion: Boosting alone; judged on no earlier cutoff: the history is too short; three series were capped"
    )


@pytest.mark.parametrize(
    "weights, words",
    [
        ({"SeasonalNaive": 1.0}, "Champion: a simple rule, SeasonalNaive alone; judged on 1 earlier cutoff, where"),
        ({"Theta": 0.5, "WindowAverage": 0.5}, "Champion: simple rules only, Theta 50 %, WindowAverage 50 %; judged"),
        ({"AutoETS": 1.0}, "Champion: a simple model, AutoETS alone; judged on 1 earlier cutoff, where nothing that"),
        ({"Theta": 0.9, "Boosting": 0.1}, "Champion: Theta 90 %, Boosting 10 %; judged on 1 earlier cutoff"),
        ({"Theta": 1.0, "Boosting": 0.0}, "Champion: a simple rule, Theta alone"),
    ],
)
def test_a_simple_rule_that_won_is_called_one(weights, words):
    made = Composition(weights, dict.fromkeys(weights, 0.2), validated_at=("2024-01-01",)).to_json()
    assert consists_of(made).startswith(words)


def test_rules_are_those_of_the_champion():
    assert driving.RULES == RULES


def test_the_table_holds_every_member_with_its_loss_or_reason():
    table = composition_table(MADE)
    assert list(table.index) == ["Networks", "Boosting", "Theta", "SeasonalNaive", "LightGBMDirect"]
    assert table["share"].tolist() == [0.596, 0.4, 0.004, 0.0, 0.0]
    assert table.loc["SeasonalNaive", "loss"] == 0.4 and pd.isna(table.loc["LightGBMDirect", "loss"])
    assert table.loc["LightGBMDirect", "why"].startswith("left out: its error on earlier cutoffs is 7.04")
    assert table.loc["SeasonalNaive", "why"].startswith("no share") and table.loc["Theta", "why"] == "in the forecast"
    alone = composition_table(Composition({"Boosting": 1.0}).to_json())
    assert alone["loss"].isna().all() and alone["share"].tolist() == [1.0]


def test_what_drives_is_told_of_the_newest_cutoff(tmp_path):
    assert driven_by(tmp_path, "Champion") == "Champion", "a run that has not written it"
    old = Composition({"Theta": 1.0}).to_json()
    write_json({"compositions": {"2024-03-01": MADE, "2023-12-01": old}}, tmp_path / "champion.json")
    assert driven_by(tmp_path, "Champion") == driven_by(tmp_path, "champion") == consists_of(MADE)
    assert driven_by(tmp_path, "LSTM") == "LSTM, asked for in the champion's place"
