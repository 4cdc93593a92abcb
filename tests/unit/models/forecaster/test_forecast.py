"""A forecast sees nothing after its cutoff and nothing older than the network reads; a stored one is the same."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.files import project_root, read_json
from salesforecast_lib.models.forecaster.forecast import forecast_origins
from salesforecast_lib.models.forecaster.persistence import load_forecaster, save_forecaster, write_training_log
from salesforecast_lib.models.training.checkpoint import TrainingLog
from tests.unit.models.made import HORIZON, WINDOW, made_forecaster, made_table


def test_forecast_sees_nothing_after_the_cutoff_and_keeps_its_contract():
    table = made_table()
    forecaster, frame = made_forecaster(table), table.frame
    cutoff = frame["ds"].max() - pd.Timedelta(days=HORIZON)
    future = frame.loc[frame["ds"] > cutoff, ["unique_id", "ds", "plan"]]
    honest = forecaster(frame, future, cutoff)
    after = frame["ds"] > cutoff
    spoiled = frame.assign(
        y=frame["y"].where(~after, 1e9), lag=frame["lag"].where(~after, -1.0), available=1.0 * ~after
    )
    spoiled["available"] = frame["available"].where(~after, 0.0)
    assert forecaster(spoiled, future, cutoff).equals(honest)
    assert len(honest) == 2 * HORIZON and not honest.isna().any(axis=None)
    values = honest[list(QUANTILE_COLUMNS)].to_numpy()
    assert (np.diff(values, axis=1) >= 0).all() and (values >= 0).all()


def test_a_forecast_reads_no_further_back_than_the_network():
    table = made_table(lengths=(400, 300))
    forecaster = made_forecaster(table)
    cutoff = table.frame["ds"].max() - pd.Timedelta(days=HORIZON)
    future = table.frame[table.frame["ds"] > cutoff]
    changed = table.frame.assign(extra=1.0)
    old = changed["ds"] <= cutoff - pd.Timedelta(days=2 * WINDOW)
    changed.loc[old, "lag"], changed.loc[old, "y"] = 1e6, 300.0  # too little to lift the floor of the level
    assert forecaster(changed, future, cutoff).equals(forecaster(table.frame, future, cutoff))
    changed.loc[changed["ds"] == cutoff, "y"] = 1e6
    assert not forecaster(changed, future, cutoff).equals(forecaster(table.frame, future, cutoff))


@pytest.mark.parametrize("closed", [["s0"], ["s0", "s1"]])
def test_a_period_known_to_be_closed_is_forecast_as_zero(closed):
    table = made_table()
    table.frame["open"] = 1.0
    table.roles["future"] = ["open"]
    forecaster, frame = made_forecaster(table), table.frame
    end = frame["ds"].max()
    steps = pd.date_range(end, periods=HORIZON + 1)[1:]
    ahead = pd.MultiIndex.from_product([["s0", "s1"], steps], names=["unique_id", "ds"]).to_frame(False)
    shut = ahead["unique_id"].isin(closed) & (ahead["ds"] == steps[2])
    found = forecaster(frame, ahead.assign(open=1.0 - shut), end)
    zero = (found[["mean", *QUANTILE_COLUMNS]] == 0).all(axis=1)
    assert zero.tolist() == shut.tolist() and zero.sum() == len(closed)


def test_a_missing_day_of_the_plan_is_named():
    table = made_table()
    frame = table.frame
    cutoff = frame["ds"].max() - pd.Timedelta(days=HORIZON)
    future = frame.loc[frame["ds"] > cutoff, ["unique_id", "ds", "plan"]].iloc[1:]
    with pytest.raises(ValueError, match="1 rows are missing"):
        made_forecaster(table)(frame, future, cutoff)


def test_stored_model_gives_the_same_forecast_and_unseen_categories_do_not_stop_it(tmp_path):
    table = made_table()
    forecaster, frame = made_forecaster(table), table.frame
    cutoff = frame["ds"].max() - pd.Timedelta(days=HORIZON)
    future = frame.loc[frame["ds"] > cutoff, ["unique_id", "ds", "plan"]]
    save_forecaster(forecaster, tmp_path)
    loaded = load_forecaster(tmp_path)
    assert loaded(frame, future, cutoff).equals(forecaster(frame, future, cutoff))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.json", "model.safetensors"]
    with pytest.warns(UserWarning, match="new to the model, such as 'new'"):
        assert len(loaded(frame.assign(group="new"), future, cutoff)) == 2 * HORIZON


def test_several_origins_are_each_forecast_with_what_was_known_then():
    table = made_table()
    forecaster, frame = made_forecaster(table), table.frame
    end = frame["ds"].max()
    steps = pd.date_range(end, periods=HORIZON + 1)[1:]
    ahead = (
        pd.MultiIndex.from_product([["s0", "s1"], steps], names=["unique_id", "ds"]).to_frame(False).assign(plan=1.0)
    )
    earlier = end - pd.Timedelta(days=HORIZON)
    found = forecast_origins(forecaster, frame, ahead, [earlier, end])
    assert found.groupby("cutoff").size().to_dict() == {earlier: 2 * HORIZON, end: 2 * HORIZON}
    assert found.loc[found["cutoff"] == end, "y"].isna().all(), "nobody knows what is sold after the panel"
    first = found[found["cutoff"] == earlier].reset_index(drop=True)
    sold = frame.set_index(["unique_id", "ds"])["y"]
    assert first["y"].tolist() == sold.loc[list(zip(first["unique_id"], first["ds"], strict=True))].tolist()
    alone = forecaster(frame, frame.loc[frame["ds"] > earlier, ["unique_id", "ds", "plan"]], earlier)
    assert first.drop(columns="y").equals(alone)


def test_losses_of_both_trainings_are_written(tmp_path):
    search = TrainingLog(train=[0.3, 0.2], validation=[0.4, 0.5], best_epoch=0, best_loss=0.4)
    final = TrainingLog(train=[0.1], best_loss=0.1)
    write_training_log(search, final, tmp_path / "log.json")
    stored = read_json(tmp_path / "log.json")
    assert TrainingLog(**stored["search"]) == search
    assert stored["final"]["train"] == [0.1]


def test_foreign_model_is_refused(tmp_path):
    (tmp_path / "model.json").write_text('{"format": "other"}')
    with pytest.raises(ValueError, match="train again"):
        load_forecaster(tmp_path)


def test_no_pickle_is_loaded_anywhere():
    for file in (project_root() / "salesforecast_lib").rglob("*.py"):
        text = file.read_text()
        assert not any(word in text for word in ("torch.load(", "import pickle", "joblib.load", "read_pickle")), (
            file.name
        )
