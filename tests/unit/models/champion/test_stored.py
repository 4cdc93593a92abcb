"""A stored champion forecasts what it forecast when it was fitted, and nothing is fitted again."""

from dataclasses import replace

import lightgbm as lgb
import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.files import read_json, write_json
from salesforecast_lib.models.champion import ChampionConfig, champion_forecasts, load_champion, plan, save_champion
from salesforecast_lib.models.champion import champion as made_by
from salesforecast_lib.models.forecaster import several
from salesforecast_lib.models.forecaster.fit import NetworkConfig
from salesforecast_lib.models.peers.shelf import Shelf
from salesforecast_lib.models.training.loop import TrainingConfig
from tests.unit.models.champion.made import make_panel, told

SMALL = NetworkConfig(
    window=28, hidden_size=8, steps=56, training=TrainingConfig(max_epochs=1, patience=1, epoch_steps=2)
)


def small_plan(members):
    """Every member named, as small as can be, whatever the budget."""

    def fits(size, cutoffs, before, config):
        networks = (SMALL, replace(SMALL, training=replace(SMALL.training, seed=1)))
        return plan.Fits(members, 1, 2000, 5, 2, networks, 2)

    return fits


def made_of(members, monkeypatch, panel=None):
    """Champion of a made panel at two cutoffs, with what it was told."""
    table, known, meta, last = told(make_panel(6, 126) if panel is None else panel)
    monkeypatch.setattr(made_by, "plan_fits", small_plan(members))
    cutoffs = [last - pd.Timedelta(days=14), last]
    return champion_forecasts(table, known, meta, cutoffs, ChampionConfig(levels=(0.1, 0.5, 0.9))), table, known, last


def no_fit(*told, **named):
    raise AssertionError("a stored champion must not train")


MEMBERS = [
    ("Boosting",),
    ("LightGBMDirect",),
    ("LightGBM",),
    ("Networks",),
    ("Theta", "WindowAverage", "AutoETS"),
    ("SeasonalNaive", "Boosting", "LightGBMDirect", "Networks"),
]


@pytest.mark.parametrize("members", MEMBERS, ids=["+".join(each) for each in MEMBERS])
def test_a_stored_champion_gives_the_same_numbers_without_training(members, monkeypatch, tmp_path):
    result, table, known, last = made_of(members, monkeypatch)
    save_champion(result.stored, tmp_path / "champion")
    for place, name in ((lgb, "train"), (lgb.LGBMRegressor, "fit"), (several, "fit_network")):
        monkeypatch.setattr(place, name, no_fit)
    again = load_champion(tmp_path / "champion").forecast(table, known)
    before = result.forecasts[result.forecasts["cutoff"] == last].reset_index(drop=True)
    pd.testing.assert_frame_equal(before, again, rtol=0, atol=1e-6)


def test_a_plan_moves_a_stored_champion_as_it_moves_a_fresh_one(monkeypatch, tmp_path):
    result, table, known, last = made_of(("Boosting", "Networks"), monkeypatch)
    save_champion(result.stored, tmp_path / "champion")
    planned = known.copy()
    rows = (planned["unique_id"] == "s03") & (planned["ds"] > last)
    planned.loc[rows, "promo"] = 1.0 - planned.loc[rows, "promo"]
    fresh = champion_forecasts(table, planned, result.stored.meta, [last - pd.Timedelta(days=14), last], ChampionConfig(
        levels=(0.1, 0.5, 0.9)))  # fmt: skip
    stored = load_champion(tmp_path / "champion").forecast(table, planned)
    fresh = fresh.forecasts[fresh.forecasts["cutoff"] == last].reset_index(drop=True)
    pd.testing.assert_frame_equal(fresh, stored, rtol=0, atol=1e-6)
    before = load_champion(tmp_path / "champion").forecast(table, known)
    moved = (before["mean"] - stored["mean"]).abs() > 1e-9
    assert set(stored.loc[moved, "unique_id"]) == {"s03"}


def test_closed_days_of_another_plan_are_zero_in_every_kind_of_member(monkeypatch, tmp_path):
    result, table, known, last = made_of(("Theta", "LightGBMDirect"), monkeypatch)
    shut = known.copy()
    day = last + pd.Timedelta(days=3)
    shut.loc[shut["ds"] == day, "open"] = 0.0
    rows = result.stored.forecast(table, shut)
    assert (rows.loc[rows["ds"] == day, "mean"] == 0).all() and (rows.loc[rows["ds"] != day, "mean"] > 0).all()


def test_files_that_were_changed_or_taken_away_are_named(monkeypatch, tmp_path):
    result, *_ = made_of(("LightGBMDirect",), monkeypatch)
    folder = save_champion(result.stored, tmp_path / "champion")
    file = next(folder.rglob("mean*.txt"))
    text = file.read_text()
    file.write_text(text.replace("num_leaves", "num_leafs", 1))
    with pytest.raises(ValueError, match=rf"{file.name}: the file was changed"):
        load_champion(folder)
    file.unlink()
    with pytest.raises(ValueError, match="is missing"):
        load_champion(folder)
    file.write_text(text)
    write_json({**read_json(folder / "champion.json"), "format": 99}, folder / "champion.json")
    with pytest.raises(ValueError, match="format 99"):
        load_champion(folder)
    with pytest.raises(FileNotFoundError, match="no stored champion"):
        load_champion(tmp_path / "nowhere")


def test_other_data_than_those_of_the_fit_are_refused(monkeypatch):
    result, table, known, last = made_of(("LightGBMDirect",), monkeypatch)
    sold = table.frame["y"].to_numpy(copy=True)
    table.frame.loc[table.frame.index[5], "y"] += 1
    with pytest.raises(ValueError, match="sales up to .* are not those of the fit"):
        result.stored.forecast(table, known)
    table.frame["y"] = sold
    kinds = table.frame["kind"].copy()
    table.frame.loc[table.frame["unique_id"] == "s00", "kind"] = "c"
    with pytest.raises(ValueError, match="'kind'"):
        result.stored.forecast(table, known)
    table.frame["kind"] = kinds
    table.roles["future"].remove("promo")
    with pytest.raises(ValueError, match="promo"):
        result.stored.forecast(table, known)


def test_a_champion_is_replaced_whole_or_not_at_all(monkeypatch, tmp_path):
    result, table, known, _ = made_of(("LightGBMDirect",), monkeypatch)
    folder = save_champion(result.stored, tmp_path / "champion")
    (folder / "left_over.txt").write_text("of an older champion")
    save_champion(result.stored, folder)
    assert not (folder / "left_over.txt").exists()
    before = sorted(path.name for path in folder.rglob("*"))
    broken = replace(result.stored, shelf=Shelf({"a": result.stored.shelf.models, "b": None}))
    with pytest.raises(AttributeError):
        save_champion(broken, folder)
    assert sorted(path.name for path in folder.rglob("*")) == before
    assert [path.name for path in tmp_path.iterdir()] == ["champion"]


def test_forecasts_read_back_leave_nothing_to_store(monkeypatch, tmp_path):
    table, known, meta, last = told(make_panel(4, 84))
    config = ChampionConfig(members=("SeasonalNaive",), validation=1)
    result = champion_forecasts(table, known, meta, [last], config, store=tmp_path)
    with pytest.raises(ValueError, match="without store"):
        save_champion(result.stored, tmp_path / "champion")


def test_a_closed_shelf_fits_nothing():
    shelf = Shelf()
    assert shelf.part("A").get("1", lambda: 3) == 3 and shelf.part("A").get("1", no_fit) == 3
    with pytest.raises(ValueError, match="B/1"):
        Shelf(shelf.models, closed=True).part("B").get("1", lambda: np.zeros(1))
