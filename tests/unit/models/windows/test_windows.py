"""Windows are those of a loop over the days, and none crosses a series or the end of the data."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from salesforecast_lib.models.windows.panel_tensor import PanelTensor
from salesforecast_lib.models.windows.vocabulary import Vocabulary
from tests.unit.models.made import HORIZON, SEASON, WINDOW, made_table


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
    seen = history["available"].to_numpy()
    mean = (history["y"].to_numpy() * seen).sum() / max(seen.sum(), 1)
    scale = max(mean, 0.1)
    assert batch.scale.item() == pytest.approx(scale, rel=1e-5)
    assert batch.length.item() == len(history)
    assert (batch.history[0, len(history) :] == 0).all(), "a young series fills only a part of its window"
    for step, (at, day) in enumerate(history.iterrows()):  # each day is scaled by what was known at its close
        until = frame[series & (frame.index <= at)].tail(window)
        known = max((until["y"] * until["available"]).sum() / max(until["available"].sum(), 1), 0.1)
        assert batch.history[0, step, 0].item() == pytest.approx(day["y"] / known, rel=1e-4, abs=1e-5)
        assert batch.history[0, step, 4].item() == pytest.approx(day["lag"] / known, rel=1e-4, abs=1e-5)
    assert batch.target[0, : len(ahead)].numpy() == pytest.approx(ahead["y"].to_numpy())
    assert batch.weight[0, : len(ahead)].numpy() == pytest.approx(ahead["available"].to_numpy())
    assert (batch.weight[0, len(ahead) :] == 0).all(), "nothing is learnt from beyond the series"


def test_origins_leave_room_for_the_horizon_and_never_cross_series():
    table = made_table((40, 30))
    tensor = PanelTensor(table.frame, Vocabulary.of(table), WINDOW, HORIZON, SEASON)
    rows = tensor.origins(table.frame["ds"].min(), table.frame["ds"].max(), min_history=5)
    assert sorted(rows) == [*range(4, 40 - HORIZON), *range(44, 70 - HORIZON)]
