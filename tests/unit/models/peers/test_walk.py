"""Walking down trees in groups gives the numbers of LightGBM bit for bit."""

from __future__ import annotations

import lightgbm as lgb
import numpy as np
import pytest

from salesforecast_lib.models.peers import walk

SIZE, FEATURES = 12, 6  # no multiple of what a processor compares at once


def made_inputs(groups: int = 60, seed: int = 0, varying_category: bool = False) -> np.ndarray:
    """Groups whose first two columns vary, with missing values and zeros; the last column is a category."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(groups * SIZE, FEATURES)).astype("float32")
    for column in range(2, FEATURES):
        x[:, column] = np.repeat(x[::SIZE, column], SIZE)
    codes = rng.integers(0, 40, groups * SIZE if varying_category else groups)
    x[:, -1] = codes if varying_category else np.repeat(codes, SIZE)
    x[rng.random(len(x)) < 0.1, 0] = np.nan
    x[:, 2] = np.where(np.repeat(rng.random(groups) < 0.2, SIZE), np.nan, x[:, 2])
    x[rng.random(len(x)) < 0.2, 1] = 0.0
    x[np.repeat(rng.random(groups) < 0.1, SIZE), -1] = np.nan
    return x


def fitted(x: np.ndarray, objective: str = "quantile", missing: bool = True, trees: int = 30, **more) -> lgb.Booster:
    rng = np.random.default_rng(1)
    y = np.nan_to_num(x[:, 0]) * np.nan_to_num(x[:, 2]) + np.nan_to_num(x[:, -1]) % 7 + rng.normal(size=len(x))
    told = {"objective": objective, "num_leaves": 15, "min_data_in_leaf": 5, "verbosity": -1, "num_threads": 1, **more}
    told |= {"use_missing": missing, "min_data_per_group": 5, "cat_smooth": 1}
    x = x if missing else np.nan_to_num(x)
    return lgb.train(told, lgb.Dataset(x, y, categorical_feature=[FEATURES - 1]), trees)


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(walk, "WORTH", 0)


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("objective", "missing"), [("quantile", True), ("l2", True), ("l1", False)])
def test_groups_get_the_forecasts_of_the_booster(seed, objective, missing):
    booster = fitted(made_inputs(seed=seed), objective, missing)
    new = made_inputs(seed=seed + 10)  # missing values where the training had none, categories that it never saw
    new[: 3 * SIZE, -1], new[3 * SIZE : 5 * SIZE, 2], new[5 * SIZE, 1] = 1000, np.inf, np.nan
    found = walk.Groups(new, SIZE).predict(booster)
    assert walk._forests[booster] is not None
    np.testing.assert_array_equal(found, booster.predict(new))


def test_thresholds_between_two_single_precision_numbers_divide_alike():
    x = np.repeat(np.float32(1) + np.arange(400, dtype="float32") * np.float32(2**-23), SIZE)[:, None]
    x = np.c_[x, np.zeros((len(x), FEATURES - 1), "float32")]
    booster = fitted(x, "l2", max_bin=1000)
    new = x.reshape(-1, SIZE, FEATURES)[::-1].transpose(1, 0, 2).reshape(-1, FEATURES).astype("float32")
    np.testing.assert_array_equal(walk.Groups(new, SIZE).predict(booster), booster.predict(new))


def test_trees_of_one_leaf_count():
    x = made_inputs()
    booster = lgb.train(
        {"objective": "l2", "verbosity": -1, "min_data_in_leaf": len(x)}, lgb.Dataset(x, x[:, 3] + 5), 3
    )
    np.testing.assert_array_equal(walk.Groups(x, SIZE).predict(booster), booster.predict(x))


@pytest.mark.parametrize("told", [{"linear_tree": True}, {"reg_sqrt": True}, {"zero_as_missing": True}])
def test_what_is_no_sum_of_leaves_is_left_to_lightgbm(told):
    x = made_inputs()
    objective = "l2" if "reg_sqrt" in told or "linear_tree" in told else "quantile"
    booster = fitted(np.nan_to_num(x) if "linear_tree" in told else x, objective, **told)
    np.testing.assert_array_equal(walk.Groups(x, SIZE).predict(booster), booster.predict(x))
    assert walk._forests[booster] is None


def test_a_category_that_varies_within_a_group_is_left_to_lightgbm():
    x = made_inputs(varying_category=True)
    booster = fitted(x)
    groups = walk.Groups(x, SIZE)
    assert groups.walked(walk.forest_of(booster.model_to_string())) is None
    np.testing.assert_array_equal(groups.predict(booster), booster.predict(x))


def test_prepared_code_is_not_compiled_again():
    walk.prepare()
    x = made_inputs()
    walk.Groups(x, SIZE).predict(fitted(x))
    assert [len(loop.signatures) for loop in walk._compiled()] == [1, 1]
