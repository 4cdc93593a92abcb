"""The level is relative to the series: months of closure, a year of zeros and sums of money make nothing explode."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.models.windows import vocabulary
from salesforecast_lib.models.windows.level import FLOOR, LARGEST, NEVER_SOLD, causal_level
from salesforecast_lib.models.windows.panel_tensor import PanelTensor
from salesforecast_lib.models.windows.vocabulary import Vocabulary, typical_level

WINDOW, SEASON = 28, 7


def levels(y, available=None, unit=1.0, window=WINDOW):
    y = np.asarray(y, dtype=float)
    available = np.ones(len(y)) if available is None else np.asarray(available, dtype=float)
    return causal_level(y, available, np.zeros(len(y), dtype=int), window, unit)


@pytest.mark.parametrize("factor", [1000.0, 24_000.0, 1e-3, 1e-6])
def test_the_level_follows_the_currency(factor):
    y = np.random.default_rng(0).poisson(0.3, 400) * 1.0
    y[200:320] = 0.0
    plain, money = levels(y), levels(y * factor, unit=factor)
    assert money.scale == pytest.approx(plain.scale * factor, rel=1e-9)
    assert (money.enough == plain.enough).all()


@pytest.mark.parametrize("level", [24_000.0, 7.0, 0.003])
def test_a_series_without_sales_for_a_year_keeps_a_share_of_its_level(level):
    scale = levels(np.r_[np.full(365, level), np.zeros(365)]).scale
    assert scale[364] == pytest.approx(level)
    assert scale[-1] == pytest.approx(FLOOR * level * 365 / 730)


@pytest.mark.parametrize("closed", [60, 180, 400])
def test_a_closed_shop_keeps_the_level_at_which_it_closed(closed):
    y = np.r_[np.full(100, 50.0), np.zeros(closed), np.full(30, 40.0)]
    available = np.r_[np.ones(100), np.zeros(closed), np.ones(30)]
    found = levels(y, available)
    assert found.scale[99 + closed] == pytest.approx(50)
    assert found.scale[100 + closed] == pytest.approx(50), "one day is no level yet"
    assert found.scale[-1] == pytest.approx(40)
    assert not found.enough[100 + WINDOW : 100 + closed].any() and found.enough[-1]


def test_before_the_first_sale_the_panel_gives_the_level():
    scale = levels([0.0, 0.0, 6.0], unit=30.0).scale
    assert list(scale) == pytest.approx([NEVER_SOLD * 30, NEVER_SOLD * 30, 2.0])


@pytest.mark.parametrize("factor", [1.0, 1000.0])
def test_the_unit_is_the_median_of_what_series_sell(factor):
    frame = pd.DataFrame({"unique_id": list("aabbccdd"), "y": [1, 3, 10, 10, 100, 0, 0, 0], "available": 1.0})
    frame["y"] *= factor
    frame.loc[5, "available"] = 0.0
    assert typical_level(frame) == pytest.approx(10 * factor), "means 2, 10 and 100; d never sold"
    assert typical_level(frame.assign(y=0.0)) == 1


@pytest.mark.parametrize("rows", [1, 3, 8])
def test_a_panel_larger_than_a_block_has_the_same_unit(rows, monkeypatch):
    frame = pd.DataFrame({"unique_id": list("aabbccdd"), "y": [1, 3, 10, 10, 100, 50, 0, 7], "available": 1.0})
    expected = typical_level(frame)
    monkeypatch.setattr(vocabulary, "_BLOCK", rows)
    assert typical_level(frame) == pytest.approx(expected)


def shop(*series):
    """A feature table without covariates; each series is (sales, available)."""
    parts = []
    for number, (y, available) in enumerate(series):
        ds = pd.date_range(end="2024-06-30", periods=len(y))
        parts.append(pd.DataFrame({"unique_id": f"s{number}", "ds": ds, "y": y, "available": available}))
    return FeatureTable(pd.concat(parts, ignore_index=True), {"static": [], "historical": [], "future": []})


@pytest.mark.parametrize("days, rows", [(0, 0), (2, 0), (3, 1)])
def test_a_window_in_which_almost_nothing_could_be_bought_is_no_training_row(days, rows):
    available = np.zeros(60)
    available[40 - days : 40] = 1.0
    tensor = PanelTensor(shop((available * 9, available)).frame, Vocabulary((), (), {}, ()), WINDOW, 7, SEASON)
    day = pd.DatetimeIndex(tensor.ds)[40]
    assert len(tensor.origins(day, day)) == rows


def test_inputs_are_bounded():
    y = np.r_[np.full(90, 0.01), 1e7, np.full(9, 0.01)]
    closed = np.r_[np.ones(60), np.zeros(30), np.ones(10)]
    table = shop((y, closed), (np.zeros(100), np.ones(100)))
    tensor = PanelTensor(table.frame, Vocabulary.of(table), WINDOW, 7, SEASON)
    assert tensor.inputs.isfinite().all() and tensor.inputs[:, 0].abs().max() <= LARGEST
