"""Figures of chapter 08 draw what the tables hold."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest

from salesforecast_lib.decisions.inventory import figures


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_every_policy_has_a_bar_as_long_as_its_cost():
    table = pd.DataFrame({"policy": ["a", "b"], "holding": [3.0, 1.0], "shortage": [1.0, 5.0]})
    (ax,) = figures.cost_figure(table).axes
    assert max(bar.get_x() + bar.get_width() for bar in ax.patches) == 6
    assert [t.get_text() for t in ax.get_yticklabels()] == ["a", "b"]


def test_curves_and_points_name_their_models():
    curve = pd.DataFrame({"model": ["a", "a", "b", "b"], "service_level": [0.5, 0.9] * 2, "total": [4.0, 3, 2, 1]})
    fig = figures.service_figure(curve.assign(fill_rate=0.9), 0.8)
    assert [line.get_label() for line in fig.axes[0].lines[:2]] == ["a", "b"] and len(fig.axes[1].lines) == 3
    accuracy = pd.DataFrame({"model": ["a", "b"], "cost": [1.0, 2], "WAPE": [0.1, 0.2], "absolute bias": [0.0, 0.1]})
    assert [t.get_text() for t in figures.accuracy_figure(accuracy).axes[1].texts] == ["a", "b"]


def test_plan_shows_the_dearest_products_and_the_projection_their_stock():
    plan = pd.DataFrame({"unique_id": list("abc"), "order_quantity": [1, 2, 3], "loss_without_order": [1.0, 9, 5]})
    plan = plan.assign(loss_with_order=0.5, expected_loss=0.2)
    (ax,) = figures.plan_figure(plan, 2).axes
    assert [t.get_text() for t in ax.get_yticklabels()] == ["c: order 3", "b: order 2"]
    days = pd.date_range("2024-01-01", periods=3)
    projection = pd.DataFrame({"unique_id": "b", "ds": days, "low": 0.0, "median": [2.0, 1, 0], "high": 3.0})
    fig = figures.projection_figure(projection, ["b"])
    assert fig.axes[0].get_title() == "b" and fig.axes[0].lines[0].get_ydata().tolist() == [2, 1, 0]
