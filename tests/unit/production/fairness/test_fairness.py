"""Groups, their measures and what it costs to help one; each against numbers that can be checked by hand."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib import QUANTILES, quantile_columns
from salesforecast_lib.data.features import build_features
from salesforecast_lib.production import fairness
from salesforecast_lib.production.fairness import groups as known_groups
from salesforecast_lib.production.fairness import measures, verdicts
from tests.unit.production.made_run import made_panel

LEVELS = list(quantile_columns(QUANTILES))


def made_served(products: int = 60, seed: int = 0) -> tuple[pd.DataFrame, pd.Series]:
    """Sums of products of two groups; the forecast of "b" is a third too low and its shelves are empty more often."""
    rng = np.random.default_rng(seed)
    group = pd.Series(np.where(np.arange(products) % 3 == 0, "b", "a"), index=[f"p{k}" for k in range(products)])
    sold = rng.uniform(50, 150, products)
    low = np.where(group == "b", -0.3, 0.0)
    error = sold * (low + rng.normal(0, 0.05, products))
    short = np.where(group == "b", 0.2, 0.02) * sold
    table = pd.DataFrame({"sold": sold, "absolute": np.abs(error) + 10, "error": error, "demand": sold, "short": short})
    return table.set_axis(group.index), group


def made_forecasts(lift: float = 1.0) -> tuple[pd.DataFrame, pd.Series]:
    """Forecasts at three cutoffs of twelve products; those of group "b" are too high by half each time."""
    rng, parts = np.random.default_rng(0), []
    for cutoff in pd.date_range("2024-01-07", periods=3, freq="14D"):
        for product in range(12):
            ds = pd.date_range(cutoff, periods=15)[1:]
            y = rng.poisson(20, 14).astype(float)
            mean = np.full(14, 20.0 * (1.5 if product % 2 else 1.0) * lift)
            frame = pd.DataFrame({"unique_id": f"p{product}", "ds": ds, "cutoff": cutoff, "model": "m", "mean": mean})
            parts.append(frame.assign(y=y, **{name: mean * (0.5 + k / 6) for k, name in enumerate(LEVELS)}))
    forecasts = pd.concat(parts, ignore_index=True)
    groups = pd.Series({f"p{k}": "ab"[k % 2] for k in range(12)})
    return forecasts, groups


def test_measures_are_those_of_fairlearn_and_of_hand():
    table, groups = made_served()
    found, frame = fairness.by_group(table, groups), fairness.metric_frame(table, groups)
    own = table[groups == "b"]
    assert found.loc["b", "wape"] == pytest.approx(own["absolute"].sum() / own["sold"].sum())
    assert found.loc["b", "bias"] == pytest.approx(own["error"].sum() / own["sold"].sum())
    assert found.loc["b", "fill"] == pytest.approx(1 - own["short"].sum() / own["demand"].sum())
    for name in measures.MEASURES:
        np.testing.assert_allclose(frame.by_group[name].astype(float), found[name])
    assert frame.difference()["fill"] == pytest.approx(abs(found.loc["b", "fill_gap"]))


def test_a_group_that_is_served_badly_is_found_and_one_that_is_not_is_left_alone():
    table, groups = made_served()
    found = fairness.by_group(table, groups)
    assert found.loc["b", ["bias_differs", "fill_differs"]].all()
    assert found.loc["b", "bias_low"] < found.loc["b", "bias"] < found.loc["b", "bias_high"] < -0.2
    words = " ".join(fairness.groups_found({"kind": found}))
    assert "kind = b: " in words and "fill rate 80.0%" in words
    assert verdicts.groups_found({}) == ["No group differs from the others beyond chance."]


def test_groups_drawn_by_lot_are_hardly_ever_called_different():
    wrong = 0
    for seed in range(40):
        table, _ = made_served(seed=seed)
        rng = np.random.default_rng(seed)
        lot = pd.Series(rng.permutation(["a", "b", "c"] * 20), index=table.index)
        wrong += bool(fairness.by_group(table, lot, 300, seed=seed)["bias_differs"].any())
    assert wrong <= 6  # 5 % of 40 are 2


def test_groups_of_customers_count_by_what_they_bought():
    table, _ = made_served(products=2)
    bought = pd.DataFrame({"young": [3.0, 0.0], "old": [1.0, 5.0]}, index=table.index)
    found = fairness.by_group(table, bought)
    weight = np.array([0.75, 0.0])
    assert found.loc["young", "wape"] == pytest.approx((weight @ table["absolute"]) / (weight @ table["sold"]))
    assert found.loc["young", "products"] == 1 and found.loc["old", "products"] == 2


def test_what_a_level_cannot_serve_is_short():
    forecasts, _ = made_forecasts()

    def levels(part):
        sums = part.groupby("unique_id")["y"].sum()
        return pd.DataFrame({"unique_id": sums.index, "level": sums.to_numpy() - 5, "demand": sums.to_numpy()})

    found = fairness.served(forecasts, levels)
    assert (found["short"] == 15).all() and len(found) == 12
    assert found.loc["p1", "error"] == pytest.approx(
        (forecasts["mean"] - forecasts["y"])[forecasts["unique_id"] == "p1"].sum()
    )


def test_groups_come_from_the_panel_as_it_was_at_the_cutoff():
    rng = np.random.default_rng(0)
    days = pd.date_range("2024-01-01", periods=100)
    parts = []
    for k in range(24):
        ds = days if k < 18 else days[70:]
        parts.append(pd.DataFrame({"unique_id": f"p{k:02d}", "ds": ds, "y": rng.poisson(1 + k, len(ds)).astype(float),
                                   "price": 1.0 + k % 3, "shelf": "ab"[k % 2], "code": f"c{k}"}))  # fmt: skip
    panel = pd.concat(parts, ignore_index=True)
    found = fairness.product_groups(panel, {"static": ["shelf", "code"]}, days[90])
    assert set(found) == {"size", "age", "price", "shelf"}, "a column of single products is no group"
    assert set(found["size"].value_counts()) == {8} and (found.loc["p20":, "age"] == "new").all()
    later = panel.assign(y=panel["y"].where(panel["ds"] <= days[90], 1e6))
    pd.testing.assert_frame_equal(found, fairness.product_groups(later, {"static": ["shelf", "code"]}, days[90]))
    few = fairness.product_groups(panel[panel["unique_id"] < "p04"], {"static": ["shelf"]}, days[90])
    assert few.empty or few.shape[1] == 0


def test_households_and_brands_of_the_published_data():
    people = known_groups.journey_people()
    assert set(people["income"]) == {"under 35K", "35-74K", "75K and more"} and set(people["age"]) == {
        "19-34",
        "35-54",
        "55+",
    }
    lines = pd.DataFrame({"product_id": [25671, 26093, 26093], "quantity": [1.0, 2.0, 1.0], "series": ["x", "y", "y"],
                          "customer_id": [1, 1001, 1], "timestamp": pd.Timestamp("2017-05-01")})  # fmt: skip
    cutoff = pd.Timestamp("2017-06-01")
    brands, bought = known_groups.told_groups("complete_journey", lines, cutoff)
    assert brands.to_dict() == {"x": "national", "y": "private"}
    assert bought["age"].loc["y"].to_dict() == {"35-54": 2.0, "55+": 1.0}
    assert known_groups.told_groups("own_data", lines, cutoff) == (None, {})
    assert known_groups.told_groups("complete_journey", lines.drop(columns="customer_id"), cutoff) == (None, {})


def test_calibration_takes_a_groups_bias_away_with_what_was_known():
    forecasts, groups = made_forecasts()
    now = forecasts["cutoff"].max()
    later = forecasts.assign(y=forecasts["y"].where(forecasts["ds"] <= now, 1e6))
    after, factor = fairness.calibrated(later, groups, now)
    assert factor["b"] == pytest.approx(1 / 1.5, abs=0.04) and factor["a"] == pytest.approx(1.0, abs=0.04)
    before = forecasts[forecasts["cutoff"] == now]
    paid = fairness.price_of(before, after.assign(y=before["y"]), groups, "b")
    assert abs(paid.loc["b", "bias_after"]) < 0.06 < paid.loc["b", "bias_before"]
    assert paid.loc["b", "wape_after"] < paid.loc["b", "wape_before"]
    assert "nearer to zero" in verdicts.bias_found(paid, "b")
    assert (np.diff(after[LEVELS].to_numpy()) >= 0).all()
    with pytest.raises(ValueError, match="no earlier cutoff"):
        fairness.calibrated(forecasts, groups, forecasts["cutoff"].min())


def test_a_group_that_counts_more_is_fitted_better_and_the_others_pay():
    panel, meta = made_panel("D")
    steep = panel["unique_id"] == "s2"  # short, and of another shape than the others
    panel.loc[steep, "y"] = panel.loc[steep, "y"] * (1 + 4 * (panel.loc[steep, "ds"].dt.dayofweek == 2))
    table = build_features(panel, meta)
    described, cutoff = {**meta, **table.roles}, panel["ds"].max() - pd.Timedelta(days=8)
    known = table.frame[["unique_id", "ds", *table.roles["future"]]]
    groups = pd.Series({"s0": "rest", "s1": "rest", "s2": "one", "s3": "rest"})
    made = {}
    for times in (1.0, 1000.0):
        told = table, known, described, cutoff, groups, {"one": times}
        made[times] = fairness.reweighted_forecasts(*told, trees=15, rows=3_000).merge(panel[["unique_id", "ds", "y"]])
    assert not made[1.0]["mean"].equals(made[1000.0]["mean"]) and (made[1000.0]["mean"] >= 0).all()
    paid = fairness.price_of(made[1.0], made[1000.0], groups, "one")
    assert paid.loc["others", "wape_after"] > paid.loc["others", "wape_before"]
    words = verdicts.price_found(paid, "one", "x")
    assert ("the others pay" in words) == (paid.loc["one", "wape_after"] < paid.loc["one", "wape_before"])
