"""A chain from file to features; stored plans; closed days in features; what is left out is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.features import ahead_features, build_features
from salesforecast_lib.data.own.regular import regular_panel
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import load_plan, prepare, save_prepared
from tests.unit.chain import make_chain, write_chain
from tests.unit.data.test_own_panel import made

DAYS = pd.date_range("2024-01-01", periods=84)  # twelve whole weeks from a Monday


def panel_of(tmp_path, frame, horizon=14, plan=None, name="panel.csv", **more):
    """The prepared panel of a frame written as CSV, with a plan of lines of text."""
    frame.to_csv(tmp_path / name, index=False)
    if plan is not None:
        (tmp_path / "plan.csv").write_text("\n".join(plan) + "\n")
        more["plan_file"] = str(tmp_path / "plan.csv")
    return prepare("own_panel", PanelConfig(n_series=0), horizon, path=str(tmp_path / name), **more)


def test_a_chain_keeps_its_plan_its_letters_and_its_closures(tmp_path):
    file = write_chain(tmp_path / "chain.csv", shops=12, days=200)
    prepared = prepare("own_panel", PanelConfig(freq="auto", n_series=0), 42, path=str(file), country="DE")
    raw, panel, meta = make_chain(shops=12, days=200), prepared.panel, prepared.meta
    assert panel["ds"].max() == raw.loc[raw["y"].notna(), "ds"].max() and panel["y"].sum() == raw["y"].sum()
    assert meta["future"][:2] == ["open", "promo"] and "StateHoliday=a" in meta["future"]
    assert meta["static"] == ["store_type", "assortment"] and meta["historical"] == []
    assert (panel["available"] == panel["open"]).all() and panel.loc[panel["open"] == 0, "y"].eq(0).all()
    ahead = ahead_features(panel, meta | {"horizon": 42}, prepared.plan).merge(raw, on=["unique_id", "ds"])
    assert len(ahead) == 12 * 42
    assert (ahead["promo_x"] == ahead["promo_y"]).all() and (ahead["open_x"] == ahead["open_y"]).all()
    assert (ahead["StateHoliday=a"] == (ahead["StateHoliday"] == "a")).all(), "a letter is a category, never 0"
    assert any(note.startswith("promo: told for all 504 rows") for note in prepared.notes)


@pytest.mark.parametrize("day, week", [("2023-10-02", 0), ("2023-10-08", 0), ("2023-10-09", 1)])
def test_weeks_that_bear_their_first_day_hold_the_days_after_it(tmp_path, day, week):
    weeks = pd.date_range("2023-01-02", periods=39, freq="W-MON")
    made(weeks, promo=np.tile([0.0, 1.0], 39)).to_csv(tmp_path / "p.csv", index=False)
    (tmp_path / "plan.csv").write_text(f"unique_id,ds,end,promo\na,{day},{day},1\nb,{day},{day},0\n")
    config = PanelConfig(freq="W", n_series=0)
    told = prepare("own_panel", config, 3, path=str(tmp_path / "p.csv"), plan_file=str(tmp_path / "plan.csv"))
    table = told.plan[told.plan["unique_id"] == "a"].sort_values("ds")
    assert table["promo"].fillna(0).gt(0).tolist() == [place == week for place in range(3)]


def test_stored_plan_comes_back_and_an_old_run_has_none(tmp_path):
    prepared = panel_of(tmp_path, made(DAYS, price=5.0), plan=["unique_id,ds,price", "a,2024-03-25,4"])
    save_prepared(prepared, tmp_path / "run")
    pd.testing.assert_frame_equal(load_plan(tmp_path / "run"), prepared.plan)
    assert load_plan(tmp_path / "none").empty


def orders(tmp_path):
    """Two products; P2 sells every other day; S is on promotion on Mondays, at another price."""
    rows = ["order_id,product_id,timestamp,quantity,unit_price,promotion,campaign"]
    for number, day in enumerate(pd.date_range("2024-01-01", periods=84)):
        monday = day.dayofweek == 0
        rows.append(f"{number},P1,{day:%Y-%m-%d},3," + ("4,Spring,ad" if monday else "5,,none"))
        if number % 2:
            rows.append(f"{number},P2,{day:%Y-%m-%d},1,8,,none")
    (tmp_path / "orders.csv").write_text("\n".join(rows) + "\n")
    return str(tmp_path / "orders.csv")


def week(shut, days=DAYS):
    """1 on open weekdays."""
    return (~pd.DatetimeIndex(days).dayofweek.isin(shut)).astype(float)


def test_closed_days_are_no_days_without_demand():
    frame = made(DAYS).assign(y=7.0)
    frame["open"] = np.tile(week([5, 6]), 2)
    frame["y"] *= frame["open"]
    table = build_features(regular_panel(frame).panel, {**META, "future": ["open"]}).frame
    late = table[table["ds"] > DAYS[30]]
    assert np.allclose(late[["lag_1", "lag_7", "mean_7", "mean_28", "ewm_7"]], 7) and np.allclose(late["std_28"], 0)
    assert late["zero_share"].eq(0).all() and late["since_sale"].eq(0).all()


META = {"freq": "D", "season_length": 7, "country": "DE", "static": [], "historical": [], "horizon": 14}


def test_series_without_any_figure_are_left_out(tmp_path):
    frame = made(DAYS, ("a", "b"))
    frame.loc[frame["unique_id"] == "b", "y"] = np.nan
    found = regular_panel(frame)
    assert found.panel["unique_id"].unique().tolist() == ["a"] and any("'b'" in n or " b" in n for n in found.notes)
    with pytest.raises(ValueError, match="y is empty in every row"):
        regular_panel(frame.assign(y=np.nan))


def test_what_is_left_out_is_said(tmp_path):
    made(DAYS, ("a", "b", "c", "d")).to_csv(tmp_path / "p.csv", index=False)
    kept = prepare("own_panel", PanelConfig(n_series=3), 14, path=str(tmp_path / "p.csv"))
    assert any("1 of 4 series left out, with 25.0% of the units: n_series=3" in note for note in kept.notes)
    few = prepare("own_data", PanelConfig(n_series=1), 14, path=orders(tmp_path))
    assert any("1 of 2 series left out, with 14.3% of the units" in note for note in few.notes)
