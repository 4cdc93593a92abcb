"""The live model says what the network says in torch: from windows, and step by step from the carried state."""

import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib import quantile_columns
from salesforecast_lib.models.forecaster import carried_forecast, carry_day, carry_history
from salesforecast_lib.models.windows.level import squashed
from salesforecast_lib.production.export import write_model_folder
from salesforecast_lib.production.export.tables import numbers_of
from salesforecast_lib.production.live import LiveModel, Windows
from salesforecast_lib.production.live.windows import covariates
from tests.unit.production.made_run import made_live, made_run, read_run


@pytest.fixture(scope="module", params=["D", "W-SUN", "M"])
def made(request, tmp_path_factory):
    """A run, its live network in torch and the model folder of it in 32 bits, of one frequency."""
    folder = made_run(tmp_path_factory.mktemp(request.param), request.param)
    table, meta, ahead = read_run(folder)
    network = made_live(table, meta)
    place = write_model_folder(folder, folder / "model", forecaster=network, precision="fp32", gated=False)
    return table, ahead, network, LiveModel.load(place)


def windows_of(model: LiveModel, table, ids, periods: int, ahead: np.ndarray) -> Windows:
    """The raw last periods of the series, NaN before they began."""
    frame = table.frame
    days = np.sort(frame["ds"].unique())[-periods:]
    wide = [frame.pivot(index="unique_id", columns="ds", values=name).loc[list(ids), days].to_numpy("float64")
            for name in ("y", "available", *model.future)]  # fmt: skip
    return Windows(model.cutoff, wide[0], wide[1], np.stack(wide[2:], 2), ahead, model.categories)


def arrays(table: pd.DataFrame, model: LiveModel) -> tuple[np.ndarray, np.ndarray]:
    table = table.sort_values(["unique_id", "ds"])
    n = table["unique_id"].nunique()
    columns = list(quantile_columns(model.levels))
    return table["mean"].to_numpy().reshape(n, -1), table[columns].to_numpy().reshape(n, -1, len(columns))


def alike(found, wanted):
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
def test_windows_give_the_forecast_of_the_network(made):
    table, ahead, network, model = made
    known = model.ahead(model.cutoff, len(model.ids), ids=model.ids)
    windows = windows_of(model, table, model.ids, 1000, known)
    assert np.isnan(windows.y).any(), "some series are younger than the window"
    wanted = arrays(network(table.frame, ahead, model.cutoff), model)
    alike(model.forecast(windows), wanted)
    assert (wanted[0] == 0).any() == (model.freq == "D"), "closed days are zero"


def test_a_window_is_all_that_is_looked_at(made):
    """A history cut to the window is what the network makes of a series that began with it."""
    table, ahead, network, model = made
    known = model.ahead(model.cutoff, len(model.ids), ids=model.ids)
    periods = model.window
    short = table.frame[table.frame["ds"] >= np.sort(table.frame["ds"].unique())[-periods]]
    wanted = arrays(network(short, ahead, model.cutoff), model)
    alike(model.forecast(windows_of(model, table, model.ids, periods, known)), wanted)


def test_a_product_without_history_begins_at_the_level_of_its_category(made):
    table, ahead, network, model = made
    new = pd.DataFrame({"unique_id": ["z0", "z1"], "brand": ["b1", "never"], "group": ["g0", "never"]})
    future = pd.concat([ahead, *(ahead[ahead["unique_id"] == "s0"].assign(unique_id=each) for each in ("z0", "z1"))])
    with pytest.warns(UserWarning, match="never"):
        told = network(table.frame, future, model.cutoff, new=new)
    wanted = arrays(told[told["unique_id"].isin(new["unique_id"])], model)
    known = model.ahead(model.cutoff, 1, ids=["s0"]).repeat(2, 0)
    empty = np.full((2, model.window), np.nan)
    alike(model.forecast(Windows(model.cutoff, empty, empty, None, known, new[["brand", "group"]].to_numpy())), wanted)


def test_the_carried_state_goes_with_torch_for_two_weeks(made):
    table, ahead, network, model = made
    first = np.sort(table.frame["ds"].unique())[-15]
    before = pd.Timestamp(first)
    ours, theirs = None, carry_history(network, table.frame, before)
    ids = [str(name) for name in theirs.names]
    ours = replace(model.state().take([0] * len(ids)), ids=np.array(ids, dtype=object), numbers=numbers_of(theirs))
    ours = type(ours)(ours.ids, np.array(before, dtype="datetime64[D]"), ours.numbers)
    for day in np.sort(table.frame["ds"].unique())[-14:]:
        rows = table.frame[(table.frame["ds"] == day) & table.frame["unique_id"].isin(ids)]
        theirs = carry_day(network, theirs, rows)
        rows = rows.set_index("unique_id").loc[ids]
        ours = model.step(ours, rows["y"].to_numpy(), rows["available"].to_numpy(), rows[list(model.future)].to_numpy())
        np.testing.assert_allclose(ours.numbers, numbers_of(theirs), rtol=1e-4, atol=1e-5)
    future = ahead[ahead["unique_id"].isin(ids)]
    known = model.ahead(ours.at, len(ids), ids=ids)
    alike(model.decode(ours, known), arrays(carried_forecast(network, theirs, future), model))


def test_the_stored_state_is_that_of_the_cutoff(made):
    table, ahead, network, model = made
    known = model.ahead(model.cutoff, len(model.ids), ids=model.ids)
    wanted = arrays(carried_forecast(network, carry_history(network, table.frame, model.cutoff), ahead), model)
    alike(model.decode(model.state(), known), wanted)


def test_a_state_begun_before_the_first_period_comes_to_the_stored_one(made):
    table, _, _, model = made
    young = model.ids[-1]
    rows = table.frame[table.frame["unique_id"] == young]
    before = pd.date_range(end=rows["ds"].iloc[0], periods=2, freq=model.freq)[0]
    state = model.begin([young], before, rows[list(model.static)].iloc[:1].to_numpy())
    for _, row in rows.iterrows():
        day = row[list(model.future)].to_numpy("float64")[None]
        state = model.step(state, np.array([row["y"]]), np.array([row["available"]]), day)
    np.testing.assert_allclose(state.numbers, model.state().numbers[-1:], rtol=1e-4, atol=1e-5)


def test_the_calendar_is_that_of_the_features(made):
    table, ahead, _, model = made
    known = model.ahead(model.cutoff, len(model.ids), ids=model.ids)
    wanted = ahead.sort_values(["unique_id", "ds"])[list(model.future)].to_numpy().reshape(known.shape)
    np.testing.assert_allclose(known, wanted, atol=1e-6)
    past = model.past(model.cutoff, 1, 20, ids=["s0"])[0]
    names = [model.future.index(name) for name in model.future if name not in model.told]
    rows = table.frame[table.frame["unique_id"] == "s0"][list(model.future)].to_numpy()[-20:]
    np.testing.assert_allclose(past[:, names], rows[:, names], atol=1e-6)


def test_what_is_told_counts_and_what_is_not_is_usual(made):
    model = made[-1]
    told = np.full((1, model.horizon), np.nan)
    told[0, 1] = 7.0
    known = model.ahead(model.cutoff, 1, {"promo": told}, ids=["s0"])
    plain = model.ahead(model.cutoff, 1, ids=["s0"])
    place = model.future.index("promo")
    assert known[0, 1, place] == 7.0
    assert (np.delete(known, 1, 1) == np.delete(plain, 1, 1)).all()
    with pytest.raises(ValueError, match="'holiday' is none that a shop may tell"):
        model.ahead(model.cutoff, 1, {"holiday": told})
    with pytest.raises(ValueError, match=r"told\['promo'\]: shape"):
        model.ahead(model.cutoff, 1, {"promo": told[:, :2]})
    with pytest.raises(ValueError, match="last_date=1999"):
        model.ahead("1999-12-31", 1)


@pytest.mark.parametrize("field", ["available", "past", "ahead", "static"])
def test_a_window_of_another_shape_is_refused_by_the_name_of_its_field(made, field):
    table, _, _, model = made
    known = model.ahead(model.cutoff, len(model.ids), ids=model.ids)
    windows = windows_of(model, table, model.ids, model.window, known)
    with pytest.raises(ValueError, match=f"{field}: shape"):
        model.forecast(replace(windows, **{field: getattr(windows, field)[:, :1]}))


def test_no_torch_in_what_answers(made):
    code = (
        "import sys; from salesforecast_lib.production.live import LiveModel; "
        f"m = LiveModel.load({str(made[-1].folder)!r}); "
        "m.decode(m.state(), m.ahead(m.cutoff, len(m.ids), ids=m.ids)); assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "values",
    [
        [[0.0, -1.0, 1.0, 0.3], [np.nan, 1 + 1e-12, -1 - 1e-9, 2.5]],
        [[np.inf, -np.inf, 1e300, -1e39], [1e-320, -0.0, 24_000.0, -80_000.0]],
        [[np.nan] * 4, [0.0] * 4],
    ],
)
def test_covariates_are_read_as_in_training(values):
    raw = np.array(values)[:, None, :]  # (series, period, column)
    wanted = squashed(np.nan_to_num(raw, nan=0.0)).astype("float32")
    np.testing.assert_array_equal(covariates(raw), wanted)
    shared = np.broadcast_to(raw[:1], (3, 1, 4))
    np.testing.assert_array_equal(covariates(shared), np.repeat(wanted[:1], 3, axis=0))


def test_series_that_share_a_calendar_have_its_values(made):
    _, _, _, model = made
    alone = model.past(model.cutoff, 1, 9)
    for told in ({}, {"promo": np.full((3, 9), np.nan)}):
        np.testing.assert_array_equal(model.past(model.cutoff, 3, 9, told), alone.repeat(3, 0))
    days = np.array([model.cutoff] * 3, dtype="datetime64[D]")
    days[1] = model.known.calendar.days[model.known.calendar.place(days[1]) - 1]
    apart = model.past(days, 3, 9)
    for row, day in enumerate(days):
        np.testing.assert_array_equal(apart[row], model.past(day, 1, 9)[0])
