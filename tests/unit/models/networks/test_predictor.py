"""The network puts out ordered quantiles whatever its weights and its architecture are."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from salesforecast_lib import QUANTILE_COLUMNS
from salesforecast_lib.models.networks.heads import quantile_mean
from salesforecast_lib.models.networks.predictor import pinball_loss
from salesforecast_lib.models.windows.panel_tensor import PanelTensor
from tests.unit.models.made import HORIZON, SEASON, WINDOW, made_model, made_table


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 50))
def test_quantiles_never_cross_and_are_never_negative(seed, size):
    table = made_table((60, 50))
    model, vocabulary, _ = made_model(table, seed)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.copy_(size * torch.randn_like(parameter))
        batch = PanelTensor(table.frame, vocabulary, WINDOW, HORIZON, SEASON).gather(torch.tensor([3, 30, 80]))
        quantiles = model(batch)
    assert torch.isfinite(quantiles).all() and (quantiles >= 0).all() and (quantiles.diff(dim=2) >= 0).all()


@pytest.mark.parametrize("changes", [{"num_layers": 2}, {"static_sizes": ()}, {"encoder": "gru", "num_layers": 2}])
def test_shapes_of_other_architectures(changes):
    table = made_table((60, 50))
    model, vocabulary, _ = made_model(table, **changes)
    batch = PanelTensor(table.frame, vocabulary, WINDOW, HORIZON, SEASON).gather(torch.tensor([30, 80]))
    assert model(batch).shape == (2, HORIZON, len(QUANTILE_COLUMNS))


def test_pinball_loss_and_mean_by_hand():
    forecast, target = torch.tensor([[[1.0, 2.0, 4.0]]]), torch.tensor([[3.0]])
    loss = pinball_loss(forecast, target, torch.ones(1, 1), (0.1, 0.5, 0.9))
    assert loss.item() == pytest.approx((0.1 * 2 + 0.5 * 1 + 0.1 * 1) / 3)
    assert quantile_mean(forecast, (0.1, 0.5, 0.9)).item() == pytest.approx(0.3 * 1 + 0.4 * 2 + 0.3 * 4)
