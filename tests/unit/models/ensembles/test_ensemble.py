"""Committees learn from the past only, conformal intervals cover, and hierarchies add up."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from salesforecast_lib import QUANTILE_COLUMNS, QUANTILES
from salesforecast_lib.models.ensembles.conformal import Conformal, adaptive_levels, fit_adaptive, fit_split
from salesforecast_lib.models.ensembles.ensemble import (
    METHODS,
    Weights,
    combine,
    combine_over_time,
    equal_weights,
    fit_weights,
)
from salesforecast_lib.models.ensembles.reconcile import aggregate_panel, build_hierarchy, incoherence, reconcile

CUTOFFS = [pd.Timestamp("2024-01-07") + pd.Timedelta(days=28 * k) for k in range(4)]
BELL = norm.ppf(QUANTILES)


def made(members, cutoffs=CUTOFFS, series=12, seed=0):
    """Forecast tables of ``members``: name → (bias, noise, spread) around sales that are normal given the truth."""
    rng, parts = np.random.default_rng(seed), []
    for cutoff in cutoffs:
        ds = pd.date_range(cutoff, periods=29)[1:]
        grid = pd.MultiIndex.from_product([[f"p{k}" for k in range(series)], ds], names=["unique_id", "ds"])
        truth = rng.uniform(60, 140, len(grid))
        y = truth + rng.normal(0, 10, len(grid))
        for name, (bias, noise, spread) in members.items():
            middle = truth + bias + rng.normal(0, noise, len(grid))
            table = grid.to_frame(index=False).assign(cutoff=cutoff, model=name, mean=middle, y=y)
            parts.append(table.assign(**{n: middle + spread * BELL[k] for k, n in enumerate(QUANTILE_COLUMNS)}))
    return pd.concat(parts, ignore_index=True)


def loss(table):
    error = table["y"].to_numpy()[:, None] - table[list(QUANTILE_COLUMNS)].to_numpy()
    return np.maximum(np.array(QUANTILES) * error, (np.array(QUANTILES) - 1) * error).mean()


RIVALS = {"good": (0, 8, 12), "high": (8, 6, 12), "low": (-8, 6, 12), "bad": (60, 30, 10)}


@pytest.mark.parametrize("method", METHODS)
def test_weights_are_a_partition_survive_json_and_beat_the_best_member(method):
    table = made(RIVALS)
    past, now = table[table["cutoff"] < CUTOFFS[3]], table[table["cutoff"] == CUTOFFS[3]]
    weights = fit_weights(past, method, CUTOFFS[3])
    for values in weights.values.values():
        assert sum(values) == pytest.approx(1) and min(values) >= 0
    assert Weights.from_json(json.loads(json.dumps(weights.to_json()))) == weights
    result = combine(now, weights, "committee")
    assert (result["model"] == "committee").all() and len(result) == len(now) / len(RIVALS)
    quantiles = result[list(QUANTILE_COLUMNS)].to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all() and (quantiles >= 0).all() and result["y"].notna().all()
    best = min(loss(part) for _, part in now.groupby("model"))
    if method != "mean":  # the plain mean is spoiled by the bad member, which is why weights are learned
        assert loss(result) < best
    if method in ("greedy", "stacking", "stacking_nnls"):
        assert weights.values["q0.5"][weights.members.index("bad")] < 0.05


def test_averages_by_hand():
    table = made({"a": (0, 0, 4), "b": (10, 0, 8), "c": (2, 0, 2)}, CUTOFFS[:1], 1)
    mean, middle = (
        combine(table, equal_weights(["a", "b", "c"]), "m"),
        combine(table, equal_weights(["a", "b", "c"], "median"), "m"),
    )
    parts = [table[table["model"] == name].reset_index(drop=True) for name in "abc"]
    for column in ("mean", "q0.05", "q0.9"):
        values = np.stack([part[column] for part in parts])
        assert mean[column].to_numpy() == pytest.approx(values.mean(0))
        assert middle[column].to_numpy() == pytest.approx(np.median(values, 0))


def test_inverse_error_by_hand():
    table = made({"a": (0, 5, 10), "b": (0, 20, 10)}, CUTOFFS[:1])
    weights = fit_weights(table, "inverse_error", CUTOFFS[1], power=2)
    losses = np.array([loss(table[table["model"] == name]) for name in ("a", "b")])
    assert weights.values["mean"] == pytest.approx(losses**-2 / (losses**-2).sum())


def test_greedy_path_never_worsens_its_best_and_reports_the_loss():
    table = made(RIVALS, CUTOFFS[:2])
    weights = fit_weights(table, "greedy", CUTOFFS[2], rounds=20)
    single = {name: loss(part) for name, part in table.groupby("model")}
    assert weights.path[0] == min(single, key=single.get) and weights.losses[0] == pytest.approx(min(single.values()))
    committee = combine(table, Weights("greedy", weights.members, weights.values), "g")
    assert loss(committee) == pytest.approx(min(weights.losses)) and min(weights.losses) < weights.losses[0]


def test_stacking_is_as_good_as_a_grid_search():
    table = made({"a": (6, 5, 10), "b": (-6, 9, 10)}, CUTOFFS[:1])
    weights = fit_weights(table, "stacking", CUTOFFS[1])
    a, b = (table[table["model"] == name].reset_index(drop=True) for name in ("a", "b"))
    for level, column in zip(QUANTILES, QUANTILE_COLUMNS, strict=True):

        def pinball(share, level=level, column=column):
            error = a["y"] - share * a[column] - (1 - share) * b[column]
            return np.maximum(level * error, (level - 1) * error).mean()

        grid = min(pinball(share) for share in np.linspace(0, 1, 201))
        assert pinball(weights.values[column][0]) <= grid * 1.002


def test_errors_count_by_scale():
    table = made({"a": (0, 1, 10), "b": (30, 1, 10)}, CUTOFFS[:1], 2)
    small = table["unique_id"] == "p1"
    columns = ["mean", *QUANTILE_COLUMNS]
    table.loc[small & (table["model"] == "a"), columns] += 20.0  # a is poor on p1, b is poor on p0
    table.loc[small & (table["model"] == "b"), columns] -= 30.0
    in_units = fit_weights(table, "inverse_error", CUTOFFS[1]).values["mean"]
    scaled = fit_weights(table, "inverse_error", CUTOFFS[1], scale=pd.Series({"p0": 100.0, "p1": 1.0})).values["mean"]
    assert in_units[0] > 0.5 > scaled[0]


def test_weights_never_see_sales_after_the_cutoff():
    table = made(RIVALS)
    with pytest.raises(ValueError, match="would see sales up to 2024-03-03"):
        fit_weights(table[table["cutoff"] <= CUTOFFS[1]], "greedy", CUTOFFS[1])
    weights = fit_weights(table[table["cutoff"] <= CUTOFFS[1]], "greedy", CUTOFFS[2])
    with pytest.raises(ValueError, match="lies before 2024-03-03"):
        combine(table[table["cutoff"] == CUTOFFS[1]], weights, "g")


@pytest.mark.parametrize("method", METHODS)
def test_committee_over_time_is_blind_to_the_future_and_begins_equal(method):
    table = made(RIVALS)
    honest, learned = combine_over_time(table, table, method, "m")
    spoiled = table.assign(y=table["y"].where(table["ds"] <= CUTOFFS[2], 1e6))
    other, _ = combine_over_time(spoiled, spoiled, method, "m")
    early = honest["cutoff"] <= CUTOFFS[2]
    forecast = ["mean", *QUANTILE_COLUMNS]
    pd.testing.assert_frame_equal(honest.loc[early, forecast], other.loc[early, forecast], check_exact=True)
    assert learned["2024-01-07"].until == "" and learned["2024-03-03"].until == "2024-03-03"
    assert set(learned["2024-01-07"].values["mean"]) == {0.25}


def test_members_on_different_rows_or_without_sales_are_refused():
    table = made(RIVALS, CUTOFFS[:1])
    with pytest.raises(ValueError, match="member 'good' has"):
        fit_weights(table.drop(table.index[table["model"] == "good"][0]), "greedy", CUTOFFS[1])
    with pytest.raises(ValueError, match="y is missing"):
        fit_weights(table.assign(y=np.nan), "greedy", CUTOFFS[1])
    with pytest.raises(ValueError, match="expected one of"):
        fit_weights(table, "vote", CUTOFFS[1])


def covered(table, low="q0.05", high="q0.95"):
    return ((table["y"] >= table[low]) & (table["y"] <= table[high])).mean()


@pytest.mark.parametrize("fit", [fit_split, fit_adaptive])
@pytest.mark.parametrize("spread", [4, 30])
def test_calibration_repairs_intervals_that_are_too_narrow_or_too_wide(fit, spread):
    table = made({"m": (0, 0, spread)}, series=40)
    past, now = table[table["cutoff"] < CUTOFFS[3]], table[table["cutoff"] == CUTOFFS[3]]
    calibration = fit(past, CUTOFFS[3])
    after = calibration.apply(now)
    for low, high, level in (("q0.05", "q0.95", 0.9), ("q0.1", "q0.9", 0.8), ("q0.25", "q0.75", 0.5)):
        assert abs(covered(now, low, high) - level) > 0.09 and abs(covered(after, low, high) - level) < 0.05
    quantiles = after[list(QUANTILE_COLUMNS)].to_numpy()
    assert (np.diff(quantiles, axis=1) >= 0).all() and (quantiles >= 0).all()
    assert after["mean"].tolist() == now["mean"].tolist() and after["q0.5"].tolist() == now["q0.5"].tolist()
    assert Conformal.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


def test_calibration_never_sees_sales_after_the_cutoff():
    table = made({"m": (0, 0, 5)})
    for fit in (fit_split, fit_adaptive):
        with pytest.raises(ValueError, match="would see sales"):
            fit(table, CUTOFFS[3])
    calibration = fit_split(table[table["cutoff"] <= CUTOFFS[1]], CUTOFFS[2])
    with pytest.raises(ValueError, match="lies before"):
        calibration.apply(table[table["cutoff"] == CUTOFFS[0]])
    with pytest.raises(ValueError, match="not calibrated"):
        calibration.apply(table[table["cutoff"] == CUTOFFS[3]].assign(model="new"))


def test_adaptive_level_rises_after_a_shift_and_covers_better_than_split():
    table = made({"m": (0, 0, 10)}, series=40)
    shifted = table["cutoff"] >= CUTOFFS[2]
    table["y"] += np.where(shifted, np.random.default_rng(1).normal(0, 20, len(table)), 0)
    walk = adaptive_levels(table[table["cutoff"] < CUTOFFS[3]], "90", 0.05)
    calm, rough = walk[walk["ds"] <= CUTOFFS[2]], walk[walk["ds"] > CUTOFFS[2]]
    assert calm["level"].iloc[5:].between(0.8, 0.97).all() and rough["level"].iloc[-1] > calm["level"].max()
    past, now = table[table["cutoff"] < CUTOFFS[3]], table[table["cutoff"] == CUTOFFS[3]]
    split, adaptive = (covered(fit(past, CUTOFFS[3]).apply(now)) for fit in (fit_split, fit_adaptive))
    assert split < adaptive


@pytest.fixture(scope="module")
def shop():
    rng, ds = np.random.default_rng(0), pd.date_range("2024-01-01", periods=140)
    parts = [
        pd.DataFrame(
            {"unique_id": f"a/{k}", "ds": ds, "y": rng.poisson(5 + 3 * k, 140).astype(float), "category": f"c{k % 2}"}
        )
        for k in range(5)
    ]
    panel = pd.concat(parts, ignore_index=True).assign(available=1.0, open=1.0)
    hierarchy = build_hierarchy(panel, ["category"])
    nodes = pd.concat([panel[["unique_id", "ds", "y"]], aggregate_panel(panel, hierarchy)[["unique_id", "ds", "y"]]])
    rows = nodes[nodes["ds"] > ds[83]].assign(model="base")
    rows["cutoff"] = np.where(rows["ds"] > ds[111], ds[111], ds[83])
    middle = np.maximum(rows["y"] * rng.uniform(0.6, 1.5, len(rows)) - 2, 0)
    spread = {name: np.maximum(middle * (1 + 0.2 * BELL[k]), 0) for k, name in enumerate(QUANTILE_COLUMNS)}
    return panel, hierarchy, rows.assign(mean=middle, **spread).reset_index(drop=True), ds[111]


def test_hierarchy_by_hand(shop):
    panel, hierarchy, _, _ = shop
    assert {level: len(nodes) for level, nodes in hierarchy.levels.items()} == {"shop": 1, "category": 2, "product": 5}
    assert hierarchy.products == [f"a/{k}" for k in (0, 2, 4, 1, 3)] and hierarchy.upper[0] == "shop"
    upper = aggregate_panel(panel, hierarchy).set_index(["unique_id", "ds"])["y"]
    assert upper["shop"].to_numpy() == pytest.approx(panel.groupby("ds")["y"].sum().to_numpy())
    odd = panel[panel["category"] == "c1"].groupby("ds")["y"].sum()
    assert upper[hierarchy.levels["category"][1]].to_numpy() == pytest.approx(odd.to_numpy())


@pytest.mark.parametrize("method", ["bottom_up", "mint_shrink"])
def test_reconciled_forecasts_add_up_and_are_never_negative(shop, method):
    _, hierarchy, rows, cutoff = shop
    now, past = rows[rows["cutoff"] == cutoff], rows[rows["cutoff"] < cutoff]
    result = reconcile(now, hierarchy, method, "r", past)
    assert incoherence(now, hierarchy) > 1 and incoherence(result, hierarchy) <= 1e-6
    quantiles = result[list(QUANTILE_COLUMNS)].to_numpy()
    assert (result["mean"] >= 0).all() and (quantiles >= 0).all() and (np.diff(quantiles, axis=1) >= 0).all()
    products = result[result["unique_id"].isin(hierarchy.products)].sort_values(["unique_id", "ds"])["mean"].to_numpy()
    before = now[now["unique_id"].isin(hierarchy.products)].sort_values(["unique_id", "ds"])["mean"].to_numpy()
    assert np.allclose(products, before) == (method == "bottom_up"), "MinT changes all levels, bottom-up only the upper"


def test_mint_lowers_the_error_where_the_upper_levels_know_more(shop):
    panel, hierarchy, rows, cutoff = shop
    sharp = rows["unique_id"].isin(hierarchy.upper)
    rows = rows.assign(mean=np.where(sharp, rows["y"], rows["mean"]))
    now, past = rows[rows["cutoff"] == cutoff], rows[rows["cutoff"] < cutoff]
    result = reconcile(now, hierarchy, "mint_shrink", "r", past)

    def error(table):
        low = table[table["unique_id"].isin(hierarchy.products)]
        return (low["mean"] - low["y"]).abs().mean()

    assert error(result) < 0.9 * error(now)


def test_what_cannot_be_reconciled_is_named(shop):
    panel, hierarchy, rows, cutoff = shop
    now, past = rows[rows["cutoff"] == cutoff], rows[rows["cutoff"] < cutoff]
    with pytest.raises(ValueError, match="without a base forecast.*shop"):
        reconcile(now[now["unique_id"] != "shop"], hierarchy, "bottom_up", "r")
    with pytest.raises(ValueError, match="give the scored forecasts"):
        reconcile(now, hierarchy, "mint_shrink", "r")
    with pytest.raises(ValueError, match="beyond the cutoff"):
        reconcile(past, hierarchy, "mint_shrink", "r", rows)
    with pytest.raises(ValueError, match="one model and one cutoff"):
        reconcile(rows, hierarchy, "bottom_up", "r")
    with pytest.raises(ValueError, match="more than one value"):
        build_hierarchy(panel.assign(category=panel["ds"].dt.dayofweek.astype(str)), ["category"])
    with pytest.raises(ValueError, match="not columns"):
        build_hierarchy(panel, ["aisle"])
