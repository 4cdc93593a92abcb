"""Windows are those of a loop over the days, and none crosses a series or the end of the data."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from salesforecast_lib.models.windows.panel_tensor import PanelTensor
from salesforecast_lib.models.windows.vocabulary import Vocabulary
from tests.unit.models.made import HORIZON, SEASON, WINDOW, made_table


def level_of(past, window, unit):
    """The level at the end of ``past``, one row after the other."""
    level, known = 0.0, False
    for end in range(1, len(past) + 1):
        part = past.iloc[max(0, end - window) : end]
        seen = part["available"].sum()
        enough = seen >= max(1, 0.1 * len(part))
        if enough or not known:
            level = (part["y"] * part["available"]).sum() / max(seen, 1)
        known = known or enough
    usual = (past["y"] * past["available"]).abs().sum() / max(past["available"].sum(), 1)
    return max(level, 0.02 * usual if usual > 0 else 0.1 * unit)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(1, 60), min_size=1, max_size=4), st.integers(7, 20), st.integers(1, 9), st.data())
def test_gathered_windows_are_those_of_a_loop(lengths, window, horizon, data):
    table = made_table(tuple(lengths))
    frame = table.frame
    tensor = PanelTensor(frame, Vocabulary.of(table), window, horizon, SEASON)
    row = data.draw(st.integers(0, len(frame) - 1))
    batch = tensor.gather(torch.tensor([row]))
    series = frame["unique_id"] == frame["unique_id"].iloc[row]
    history = frame[series & (frame.index <= row)].tail(window)
    ahead = frame[series & (frame.index > row)].head(horizon)
    unit = tensor.vocabulary.unit
    assert batch.scale.item() == pytest.approx(level_of(frame[series & (frame.index <= row)], window, unit), rel=1e-5)
    assert batch.length.item() == len(history)
    assert (batch.history[0, len(history) :] == 0).all(), "a young series fills only a part of its window"
    for step, (at, day) in enumerate(history.iterrows()):  # each day is scaled by what was known at its close
        known = level_of(frame[series & (frame.index <= at)], window, unit)
        assert batch.history[0, step, 0].item() == pytest.approx(min(day["y"] / known, 50), rel=1e-4, abs=1e-5)
        assert batch.history[0, step, 4].item() == pytest.approx(min(day["lag"] / known, 50), rel=1e-4, abs=1e-5)
    assert batch.target[0, : len(ahead)].numpy() == pytest.approx(ahead["y"].to_numpy())
    assert batch.weight[0, : len(ahead)].numpy() == pytest.approx(ahead["available"].to_numpy())
    assert (batch.weight[0, len(ahead) :] == 0).all(), "nothing is learnt from beyond the series"


def test_origins_leave_room_for_the_horizon_and_never_cross_series():
    table = made_table((40, 30))
    tensor = PanelTensor(table.frame, Vocabulary.of(table), WINDOW, HORIZON, SEASON)
    rows = tensor.origins(table.frame["ds"].min(), table.frame["ds"].max(), min_history=5)
    assert sorted(rows) == [*range(4, 40 - HORIZON), *range(44, 70 - HORIZON)]
