"""All sales of a panel: a new file means what the run's own file would have meant."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import prepare, save_prepared
from salesforecast_lib.files import read_json, write_json
from salesforecast_lib.pipeline.batch import read_new
from salesforecast_lib.pipeline.batch.read import run_values
from salesforecast_lib.pipeline.nightly.history import Shop

DAYS = pd.date_range("2024-01-01", periods=80)
SHAPES = {
    "plain": [],  # neither availability nor closures: the run makes both
    "closed": ["closed"],  # becomes open
    "available": ["available"],
    "kind": ["kind"],  # a name that the book uses itself
}


def sales(shape, days, products):
    parts = []
    for number, name in enumerate(products):
        part = pd.DataFrame({"unique_id": name, "ds": days, "y": 5.0 + number + np.arange(len(days)) % 7, "promo": 0.0})
        part["closed"] = (days.dayofweek == 6).astype(float)
        part["available"] = np.where(np.arange(len(days)) % 9 == 3, 0.0, 1.0)
        part["kind"] = "ab"[number % 2]
        if shape == "closed":
            part["y"] *= 1 - part["closed"]
        parts.append(part.loc[:, ["unique_id", "ds", "y", "promo", *SHAPES[shape]]])
    return pd.concat(parts, ignore_index=True)


def made(shape, place):
    place.mkdir(exist_ok=True)
    file = place / "base.csv"
    sales(shape, DAYS[:70], ["p0", "p1"]).to_csv(file, index=False)
    static = ["kind"] if "kind" in SHAPES[shape] else []
    told = {"static": static, "future": ["promo"], "country": "DE", "level": "product_id", "freq": "D", "horizon": 7}
    prepared = prepare(
        "own_panel", PanelConfig("product_id", "D"), 7, path=str(file), country="DE", static=tuple(static),
        future=("promo",),
    )  # fmt: skip
    run = place / "run"
    save_prepared(prepared, run)
    write_json({**told, "dataset": "own_panel", "path": str(file)}, run / "parameters.json")
    return file, Shop(run, run_values(run), read_json(run / "panel.json"))


def panel_of(shop, new):
    table = shop.sales({"new.csv": new})
    file = shop.run / "sales.parquet"
    table.to_parquet(file)
    return read_new(shop.run, file, None, shop.as_read()).panel


@pytest.mark.parametrize("there", [True, False], ids=["file there", "file gone"])
@pytest.mark.parametrize("shape", ["plain", "available", "kind"])
def test_new_rows_are_as_if_the_run_had_read_them(shape, there, tmp_path):
    """Products that the run knows, and a new one; whether or not its own file is still there."""
    new = sales(shape, DAYS[70:], ["p0", "p1", "p9"])
    if "kind" in new:
        new.loc[new["unique_id"] == "p9", "kind"] = "b"
    file, shop = made(shape, tmp_path / "part")
    whole_file, whole = made(shape, tmp_path / "whole")
    pd.concat([pd.read_csv(whole_file, parse_dates=["ds"]), new]).to_csv(whole_file, index=False)
    if not there:
        file.unlink()
    expected = read_new(whole.run, whole_file, None).panel
    found = panel_of(shop, new)
    pd.testing.assert_frame_equal(found[sorted(found)], expected[sorted(expected)], check_dtype=False)
    assert found["available"].notna().all() and (found.loc[found["ds"] > DAYS[69], "available"] > 0).any()


@pytest.mark.parametrize("there", [True, False], ids=["file there", "file gone"])
def test_closures_that_the_shop_tells_stay_closures(there, tmp_path):
    file, shop = made("closed", tmp_path)
    if not there:
        file.unlink()
    found = panel_of(shop, sales("closed", DAYS[70:], ["p0", "p1"]))
    late = found[found["ds"] > DAYS[69]]
    sundays = late["ds"].dt.dayofweek == 6
    assert (late.loc[sundays, "open"] == 0).all() and (late.loc[~sundays, "open"] == 1).all()
    assert (late.loc[sundays, "available"] == 0).all()


def test_the_latest_word_on_a_day_counts(tmp_path):
    file, shop = made("plain", tmp_path)
    again = sales("plain", DAYS[69:72], ["p0"]).assign(y=50.0)
    found = panel_of(shop, again)
    assert (found.loc[(found["unique_id"] == "p0") & (found["ds"] >= DAYS[69]), "y"] == 50.0).all()
    assert found.loc[(found["unique_id"] == "p1"), "y"].max() < 50
