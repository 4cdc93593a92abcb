"""A plan says nothing of the past, and nothing of another product."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.features import ahead_features, build_features
from salesforecast_lib.data.leaks import find_leaks
from salesforecast_lib.data.panel import PanelConfig, extend_panel
from salesforecast_lib.data.prepare import prepare
from tests.unit.chain import make_chain

HORIZON = 14
CHAIN = make_chain(shops=6, days=200, ahead=HORIZON)
CHAIN["price"] = 2.0 - 0.3 * CHAIN["promo"]
CHAIN["discount"] = 0.15 * CHAIN["promo"]
LAST = CHAIN.loc[CHAIN["y"].notna(), "ds"].max()


def features(tmp_path, frame, plan=""):
    """Panel, rows of all features with the horizon, and the rows ahead."""
    frame.to_csv(tmp_path / "panel.csv", index=False)
    options = {}
    if plan:
        (tmp_path / "plan.csv").write_text(plan)
        options["plan_file"] = str(tmp_path / "plan.csv")
    config = PanelConfig(n_series=0)
    made = prepare("own_panel", config, HORIZON, path=str(tmp_path / "panel.csv"), country="DE", **options)
    told = (made.meta["future"], made.meta["static"], made.meta["freq"], HORIZON, made.plan)
    table = build_features(extend_panel(made.panel, *told), made.meta)
    return made, table, ahead_features(made.panel, made.meta, made.plan)


def changed(frame, rows):
    """Each told column of ``rows`` turned into something else."""
    other = frame.copy()
    other.loc[rows, "promo"] = 1 - other.loc[rows, "promo"]
    other.loc[rows, "price"] = other.loc[rows, "price"] * 1.5
    other.loc[rows, "discount"] = 0.4
    other.loc[rows, "open"] = 1 - other.loc[rows, "open"]
    other.loc[rows, "StateHoliday"] = np.where(other.loc[rows, "StateHoliday"] == "0", "a", "0")
    return other


@pytest.mark.parametrize("since", [1, 5, HORIZON])
def test_a_plan_changed_from_a_day_on_changes_features_from_that_day_on(tmp_path, since):
    day = LAST + pd.Timedelta(days=since)
    _, honest, ahead = features(tmp_path, CHAIN)
    _, other, told = features(tmp_path, changed(CHAIN, CHAIN["ds"] >= day))
    before = honest.frame["ds"] < day
    pd.testing.assert_frame_equal(honest.frame[before], other.frame[before])
    assert honest.roles == other.roles
    for name in ("promo", "price", "price_level", "discount", "discount_x_level", "open", "StateHoliday=a"):
        assert (ahead.loc[ahead["ds"] >= day, name] != told.loc[told["ds"] >= day, name]).any(), name


@pytest.mark.parametrize("shop", ["S002", "S004", "S006"])
def test_a_plan_of_one_series_changes_its_rows_alone(tmp_path, shop):
    _, honest, _ = features(tmp_path, CHAIN)
    _, other, _ = features(tmp_path, changed(CHAIN, (CHAIN["unique_id"] == shop) & (CHAIN["ds"] > LAST)))
    known = ["unique_id", "ds", *honest.roles["future"], *honest.roles["static"]]
    alone = honest.frame["unique_id"] != shop
    pd.testing.assert_frame_equal(honest.frame.loc[alone, known], other.frame.loc[alone, known])
    assert not honest.frame.loc[~alone, known].equals(other.frame.loc[~alone, known])


@pytest.mark.parametrize("row", ["S002,2022-07-25,1,1.1,a", "S002,2022-07-30,0,9,0", "S002,2022-08-03,1,,"])
def test_so_does_a_row_of_a_plan_file(tmp_path, row):
    history = CHAIN[CHAIN["ds"] <= LAST]
    head = "unique_id,ds,promo,price,StateHoliday\nS001,2022-07-23,1,1.7,a\n"
    _, honest, _ = features(tmp_path, history, head)
    _, other, _ = features(tmp_path, history, f"{head}{row}\n")
    known = ["unique_id", "ds", *honest.roles["future"]]
    alone = honest.frame["unique_id"] != "S002"
    pd.testing.assert_frame_equal(honest.frame.loc[alone, known], other.frame.loc[alone, known])
    past = honest.frame["ds"] <= LAST
    pd.testing.assert_frame_equal(honest.frame[past], other.frame[past])
    assert not honest.frame.loc[~alone, known].equals(other.frame.loc[~alone, known])


def test_features_of_a_panel_with_a_plan_pass_the_tripwire(tmp_path):
    made, _, _ = features(tmp_path, CHAIN)
    cutoff = LAST - pd.Timedelta(days=HORIZON)
    build = lambda panel: build_features(panel, made.meta)  # noqa: E731
    assert find_leaks(build, made.panel, cutoff, tuple(made.meta["future"])) == []
    without = tuple(name for name in made.meta["future"] if name != "price")
    assert find_leaks(build, made.panel, cutoff, without) != [], "the tripwire sees a price that is not known ahead"
