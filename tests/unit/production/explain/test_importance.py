"""Importance, curves and Shapley values of functions that are known."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.production.explain import curves, permutation_importance
from salesforecast_lib.production.explain.dependence import column_of, grid_of
from salesforecast_lib.production.explain.truth import shapley_of_product
from salesforecast_lib.production.explain.verdicts import (
    attention_found,
    curves_found,
    importance_found,
    lacking,
    truth_found,
)

RNG = np.random.default_rng(0)
INPUTS = RNG.normal(0, 1, (400, 3))


def told(inputs):
    return 20 + 3 * inputs[:, 0] + inputs[:, 1]


def test_the_error_misses_what_the_model_uses_and_nothing_else():
    table = permutation_importance(told, INPUTS, told(INPUTS), ["first", "second", "idle"])
    assert list(table.index) == ["first", "second", "idle"]
    assert table.loc["idle", "points"] == 0 and table.loc["first", "points"] > 2 * table.loc["second", "points"] > 0
    expected = 100 * np.mean([np.abs(3 * (INPUTS[:, 0] - INPUTS[RNG.permutation(400), 0])).mean() for _ in range(50)])
    assert table.loc["first", "points"] == pytest.approx(expected / told(INPUTS).mean(), rel=0.05)
    assert importance_found(table).startswith("the error misses first most") or "the first" in importance_found(table)
    assert importance_found(table).endswith("not beyond chance: idle")


def test_rows_without_a_weight_do_not_count_and_few_repeats_are_refused():
    weight = (np.arange(400) < 100).astype(float)
    odd = told(INPUTS) + 1e6 * (1 - weight)
    table = permutation_importance(told, INPUTS, odd, ["a", "b", "c"], weight=weight)
    assert table["points"].max() < 100
    with pytest.raises(ValueError, match="repeats=1: expected some rows, and at least 2"):
        permutation_importance(told, INPUTS, odd, ["a", "b", "c"], repeats=1)


def test_a_curve_is_the_function_and_its_verdict_the_way_it_goes():
    found = {"price": curves(lambda x: np.exp(-x[:, 0]) * (1 + x[:, 1] ** 2), INPUTS, ["p", "q", "r"], "p", 5)}
    each = found["price"]
    assert np.allclose(each.mean / each.mean[0], np.exp(-(each.grid - each.grid[0])))
    assert curves_found(found)[0].startswith("price: down by") and curves_found(found)[0].endswith("100% of the rows")
    flat = {"season": curves(told, INPUTS, ["p", "q", "r"], "r")}
    assert curves_found(flat) == ["season: flat, the trees use it for little or beside others"]
    assert lacking(flat, ("season", "promotion")) == [
        "promotion: these data have no such column that varies, so there is no curve"
    ]
    with pytest.raises(ValueError, match="column='x': no column of the model"):
        curves(told, INPUTS, ["p", "q", "r"], "x")


def test_the_column_of_a_curve_varies_and_is_relative_to_the_product():
    inputs = np.column_stack([RNG.normal(0, 9, 50), RNG.normal(0, 0.1, 50), np.ones(50), RNG.integers(0, 2, 50)])
    names, labels = (
        ["price", "ahead_price_level", "promo", "ahead_coupon"],
        ["price", "price", "promotion", "promotion"],
    )
    assert column_of("price", names, labels, inputs) == "ahead_price_level"
    assert column_of("promotion", names, labels, inputs) == "ahead_coupon"
    assert (
        column_of("promotion", names[:3], labels[:3], inputs[:, :3]) == "" == column_of("season", names, labels, inputs)
    )
    assert grid_of(inputs[:, 3]).tolist() == [0, 1] and len(grid_of(inputs[:, 0], 7)) == 7


def test_shapley_values_of_a_product_are_the_mean_over_all_orders():
    logs = RNG.normal(0, 0.4, (6, 4))
    expected = np.zeros_like(logs)
    orders = list(permutations(range(4)))
    for order in orders:
        for place, driver in enumerate(order):
            before = np.exp(logs[:, list(order[:place])].sum(axis=1))
            expected[:, driver] += before * np.expm1(logs[:, driver]) / len(orders)
    found = shapley_of_product(logs)
    assert np.allclose(found, expected) and np.allclose(found.sum(axis=1), np.expm1(logs.sum(axis=1)))


def test_the_verdict_on_the_truth_says_who_is_to_blame():
    columns = ["units", "share", "true_share", "slope", "missed"]
    rows = {
        "price": [0.9, 0.85, 0.1, 0.95, 0.0], "season": [0.1, 0.0, 0.2, 0.0, 0.7],
        "holidays": [0.5, 0.5, 0.01, 0.9, 0.1],
        "promotion": [0.6, 0.9, 0.1, 0.2, 0.1], "day of the week": [np.nan, 0.9, 0.1, 0.9, 0.1],
    }  # fmt: skip
    told = "\n".join(truth_found(pd.DataFrame(rows, columns).T))
    assert "Spearman of at least 0.8 over products): price" in told
    assert "season, 0.10; the forecast itself lacks 70% of the effect" in told
    assert "holidays, 0.50; it moved the true sales" in told and "promotion, 0.60; the forecast has the effect" in told
    assert "day of the week, nan" in told and "the ranks of season and holidays are worse" in told
    assert "told too small" not in told and "told too large" not in told
    rows |= {"price": [0.9, 0.9, 0.1, 0.5, 0.0], "season": [0.9, 0.9, 0.2, 2.0, 0.0]}
    told = "\n".join(truth_found(pd.DataFrame(rows, columns).T))
    assert "told too small, though ranked rightly: price" in told and "rightly: season; their size" in told


class Looked:
    """Attention that moves the forecasts so much, and goes so far with the gradients."""

    def __init__(self, moved, together):
        self.moved, self.together = moved, together

    def goes_with(self, by_step):
        return self.together


@pytest.mark.parametrize(("moved", "together", "says"), [(0.0, 0.9, "does not say why"), (0.3, 0.1, "does not say why"),
                         (0.3, 0.9, "still say nothing of cause")])  # fmt: skip
def test_attention_is_never_called_an_explanation(moved, together, says):
    assert attention_found(Looked(moved, together), np.ones((1, 1))).endswith(says)
