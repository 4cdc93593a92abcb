"""Customers: who is known, what their purchases say, segments that are there, intentions without a look ahead."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import adjusted_rand_score

from salesforecast_lib.data.marketplace.simulate import MarketplaceConfig, simulate_marketplace
from salesforecast_lib.decisions.customers import history as purchases
from salesforecast_lib.decisions.customers import purchases as people
from salesforecast_lib.decisions.customers import scores, tables
from salesforecast_lib.decisions.customers import segments as seg

DAYS = 28


def order_lines(rows: list[tuple]) -> pd.DataFrame:
    """Lines from (customer, order, product, day, quantity, price)."""
    names = ["customer_id", "order_id", "product_id", "timestamp", "quantity", "unit_price"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(timestamp=pd.to_datetime(frame["timestamp"]), quantity=frame["quantity"].astype(float))


@pytest.fixture(scope="module")
def market():
    return simulate_marketplace(MarketplaceConfig(products=40, days=240, units=60_000, customers=300, seed=1))


@pytest.fixture(scope="module")
def shop(market):
    return people.known_customers(market.lines, "category")


def test_lines_without_a_customer_are_counted_and_left_out():
    lines = order_lines([(12345.0, 1, "a", "2024-01-01 10:00", 2, 3.0), (np.nan, 2, "a", "2024-01-02 10:00", 1, 3.0)])
    known = people.known_customers(lines)
    assert known.anonymous == 1 and known.usable
    assert known.lines["customer_id"].tolist() == ["12345"] and known.lines["spend"].tolist() == [6.0]
    assert known.end == pd.Timestamp("2024-01-03")
    blank = people.known_customers(lines.assign(customer_id=" "))
    assert not blank.usable and blank.anonymous == 2 and list(blank.lines.columns) == list(people.COLUMNS)


def test_data_without_customers_say_so(tmp_path):
    lines = order_lines([(1, k, "a", f"2024-01-{k:02d}", 1, 1.0) for k in range(1, 20)])
    file = tmp_path / "orders.csv"
    lines.drop(columns="customer_id").to_csv(file, index=False)
    assert "no customer_id" in people.read_customers("own_data", path=str(file)).reason
    lines.to_csv(file, index=False)
    assert "1 customers ordered more than once" in people.read_customers("own_data", path=str(file)).reason
    assert "panel" in people.read_customers("own_panel").reason
    with pytest.raises(ValueError, match="category='colour'"):
        people.known_customers(lines, "colour")


def test_short_histories_say_so(tmp_path, market):
    file = tmp_path / "orders.csv"
    market.lines[market.lines["timestamp"] < "2023-03-01"].to_csv(file, index=False)
    found = people.read_customers("own_data", path=str(file), static=("category",))
    assert "days of history" in found.reason and len(found.lines)
    assert people.read_customers("own_data", path=str(file), static=("category",), days=7, customers=100).usable


def test_rfm_by_hand():
    lines = people.known_customers(
        order_lines(
            [
                ("A", 1, "a", "2024-01-01 00:00", 1, 5.0),
                ("A", 2, "a", "2024-01-09 12:00", 2, 5.0),
                ("A", 2, "b", "2024-01-09 12:00", 1, 1.0),
                ("B", 3, "a", "2024-01-02 00:00", 1, 2.0),
                ("B", 4, "a", "2024-01-20 00:00", 9, 9.0),
            ]
        )
    ).lines
    table = people.rfm(lines, pd.Timestamp("2024-01-10"))  # order 4 lies after it
    assert table.loc["A", ["recency", "orders", "spend"]].tolist() == [0.5, 2, 16.0]
    assert table.loc["B", ["recency", "orders", "spend"]].tolist() == [8.0, 1, 2.0]
    assert (table.loc["A", ["r_score", "f_score", "m_score"]] > table.loc["B", ["r_score", "f_score", "m_score"]]).all()


def test_behaviour_is_shrunk_and_centred_on_the_shop(shop):
    groups = sorted(shop.lines["category"].unique())
    mix = people.behaviour(shop.lines, shop.end, groups)
    count = shop.lines.groupby("customer_id").size().reindex(mix.index)
    assert np.isfinite(mix.to_numpy()).all() and list(mix.columns) == [*groups, "discount"]
    assert mix[count <= 3].abs().to_numpy().max() < 0.4 < mix[count > 100].abs().to_numpy().max()
    one = shop.lines[shop.lines["customer_id"] == count.idxmax()]
    n, share = (one["category"] == groups[0]).sum(), (shop.lines["category"] == groups[0]).mean()
    unsold = people.behaviour(shop.lines, shop.end, [*groups, "not sold yet"])
    assert (unsold["not sold yet"] == 0).all()
    assert mix.loc[count.idxmax(), groups[0]] == pytest.approx(
        np.log((n + 40 * share) / (len(one) + 40) / share), abs=1e-3
    )


def test_segments_of_the_market_are_found_by_taste_and_not_by_value(market, shop):
    truth = market.customers.set_index("customer_id")["segment"]
    mix = people.behaviour(shop.lines, shop.end, sorted(shop.lines["category"].unique()))
    enough = mix[shop.lines.groupby("customer_id").size().reindex(mix.index) >= 30]
    model, table = seg.choose_by_bic(enough, (2, 3, 4, 5))
    assert len(model.order) == table.loc[table["bic"].idxmin(), "segments"]
    assert adjusted_rand_score(truth[enough.index], model.predict(enough)) > 0.7
    worth = people.log_rfm(people.rfm(shop.lines, shop.end))
    by_value = seg.fit_segments(worth, 4, kind="k-means")
    assert adjusted_rand_score(truth[worth.index], by_value.predict(worth)) < 0.25
    sizes = model.predict(enough).value_counts().sort_index().to_numpy()
    assert (np.diff(sizes) <= 0).all()  # numbered by size
    assert model.probability(enough).between(0.25, 1).all()


def test_stability_tells_groups_from_a_cloud():
    rng = np.random.default_rng(0)
    names = [f"c{k}" for k in range(300)]
    groups = pd.DataFrame(
        rng.normal(size=(300, 2)) + 8 * (np.arange(300)[:, None] % 3), index=names, columns=["x", "y"]
    )
    cloud = pd.DataFrame(rng.normal(size=(300, 2)), index=names, columns=["x", "y"])
    model, _ = seg.choose_by_stability(groups, (2, 3, 4), replicates=5)
    assert len(model.order) == 3
    assert seg.bootstrap_stability(groups, model, 5).min() > 0.95
    blurred = seg.bootstrap_stability(cloud, seg.fit_segments(cloud, 5, kind="k-means"), 5).mean()
    assert blurred < 0.8
    rand, stayed, both = seg.half_stability(groups, groups.iloc[:200], model)
    assert (rand, stayed, both) == (1.0, 1.0, 200)
    assert seg.half_stability(cloud, groups.sample(frac=1, random_state=1).set_axis(names), model)[0] < 0.1


def test_refused_segment_settings():
    few = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
    with pytest.raises(ValueError, match="segments=2: expected at most half of the 3"):
        seg.fit_segments(few, 2)
    with pytest.raises(ValueError, match="kind='tree'"):
        seg.fit_segments(few, 1, kind="tree")
    with pytest.raises(ValueError, match="3 customers"):
        seg.choose_by_bic(few)


def test_names_come_from_the_profile_and_differ():
    profiles = pd.DataFrame({"orders": [1.4, -0.5, 0.1], "TEA": [0.0, 0.9, 0.0], "discount": [0.3, 0.0, -0.1]})
    assert seg.segment_names(profiles) == [
        "very many orders, many bargains",
        "more tea, few orders",
        "close to the average",
    ]
    same = pd.DataFrame({"orders": [1.4, 1.5], "spend": [1.2, 1.2]})
    assert len(set(seg.segment_names(same))) == 2


def test_windows_never_overlap_and_the_last_is_the_test():
    end = pd.Timestamp("2024-12-31")
    windows = purchases.make_windows(pd.Timestamp("2024-01-01"), end, DAYS, train=3)
    step = pd.Timedelta(days=DAYS)
    assert windows.test == end - step and windows.calibrate == end - 2 * step
    assert [windows.calibrate - cutoff for cutoff in windows.train] == [3 * step, 2 * step, step]
    assert windows.one_later().calibrate == windows.test and windows.one_later().train[-1] == windows.calibrate
    with pytest.raises(ValueError, match="five windows"):
        purchases.make_windows(end - 4 * step, end, DAYS)


def test_snapshot_by_hand():
    lines = people.known_customers(
        order_lines(
            [
                ("A", 1, "tea", "2024-01-01", 1, 5.0),
                ("A", 2, "tea", "2024-01-29", 1, 7.0),
                ("A", 2, "jam", "2024-01-29", 1, 3.0),
                ("B", 3, "jam", "2024-02-20", 1, 2.0),
            ]
        )
    ).lines
    history = purchases.make_history(lines, ["jam", "tea"])
    cutoff = pd.Timestamp("2024-02-12")
    table = purchases.customer_snapshot(history, cutoff, 14)
    assert table.index.tolist() == ["A"]  # B has not come yet
    row = table.loc["A"]
    assert row["recency"] == 1 and row["tenure"] == 3 and row["rhythm"] == pytest.approx(np.log(1.1 / 2.1))
    assert np.expm1([row["orders_1"], row["orders_all"], row["spend_3"]]) == pytest.approx([1, 2, 15])
    pairs = purchases.category_snapshot(history, cutoff, 14)
    assert pairs.index.tolist() == [("A", "jam"), ("A", "tea")]
    assert np.expm1(pairs["bought_all"]).tolist() == pytest.approx([1, 2])
    known = purchases.outcomes(history, pd.Timestamp("2024-02-12"), 14, history.customers)
    assert known["bought"].tolist() == [0, 1] and known["spend"].tolist() == [0, 2]


def test_nothing_after_the_cutoff_reaches_a_feature_or_a_probability(shop):
    lines = shop.lines
    groups = sorted(lines["category"].unique())
    windows = purchases.make_windows(lines["timestamp"].min(), shop.end, DAYS, train=3)
    late = lines["timestamp"] >= windows.test
    changed = lines.copy()
    changed.loc[late, "spend"] *= 100
    changed.loc[late, "category"] = groups[0]
    changed.loc[late, "customer_id"] = lines["customer_id"].iloc[0]
    for by_category in (False, True):
        snapshot = purchases.category_snapshot if by_category else purchases.customer_snapshot
        seen = []
        for version in (lines, changed):
            history = purchases.make_history(version, groups)
            rows = snapshot(history, windows.test, DAYS)
            model = scores.learn_intention(history, windows, by_category)
            seen.append((rows, model.predict(rows)))
        pd.testing.assert_frame_equal(seen[0][0], seen[1][0], check_exact=True)
        pd.testing.assert_frame_equal(seen[0][1], seen[1][1], check_exact=True)


@pytest.mark.parametrize("by_category", [False, True])
def test_probabilities_are_calibrated_and_beat_base_rate_and_rule(shop, by_category):
    history = purchases.make_history(shop.lines, sorted(shop.lines["category"].unique()))
    windows = purchases.make_windows(shop.lines["timestamp"].min(), shop.end, DAYS)
    snapshot = purchases.category_snapshot if by_category else purchases.customer_snapshot
    rows = snapshot(history, windows.test, DAYS)
    predicted = scores.learn_intention(history, windows, by_category).predict(rows)
    known = purchases.outcomes(history, windows.test, DAYS, rows.index)
    table = scores.brier_table(predicted, known["bought"], replicates=200).set_index("forecast")
    assert table.loc["probability", "brier"] < table.loc["recency_rule", "brier"] < table.loc["base_rate", "brier"]
    assert table.loc["probability", "low"] > 0 and table.loc["base_rate", "skill"] == 0
    bins = scores.calibration_curve(predicted["probability"], known["bought"], 5)
    assert (bins["predicted"] - bins["bought"]).abs().mean() < 0.1 and bins["rows"].sum() == len(rows)
    lift = scores.lift_curve(predicted["probability"], known["bought"])
    assert lift["reached"].is_monotonic_increasing and lift["reached"].iloc[-1] == 1 and lift["lift"].iloc[5] > 1
    assert predicted["probability"].between(0, 1, inclusive="neither").all()


def test_expected_spend_is_no_worse_than_the_mean_of_three_windows(shop):
    history = purchases.make_history(shop.lines, ["all"])
    windows = purchases.make_windows(shop.lines["timestamp"].min(), shop.end, DAYS)
    rows = purchases.customer_snapshot(history, windows.test, DAYS)
    predicted = scores.learn_intention(history, windows).predict(rows)["expected_spend"]
    table = scores.spend_table(predicted, history, windows.test, DAYS).set_index("forecast")
    assert table.loc["expected spend", "rmse"] < 1.05 * table.loc["mean of three", "rmse"]
    assert table.loc["expected spend", "rmse"] < table.loc["last window", "rmse"]
    assert (predicted >= 0).all() and abs(table.loc["expected spend", "bias"]) < 0.15


def test_brier_by_hand():
    index = pd.Index(["a", "b"], name="customer_id")
    predicted = pd.DataFrame({"probability": [0.8, 0.1], "recency_rule": 0.5, "base_rate": 0.5}, index=index)
    table = scores.brier_table(predicted, pd.Series([1, 0], index=index), 50).set_index("forecast")
    assert table.loc["probability", "brier"] == pytest.approx((0.04 + 0.01) / 2)
    assert table.loc["probability", "skill"] == pytest.approx(0.9)


def test_segment_file_has_a_reason_per_customer(shop):
    history = purchases.make_history(shop.lines, ["all"])
    rows = purchases.customer_snapshot(history, shop.end, DAYS)
    windows = purchases.make_windows(shop.lines["timestamp"].min(), shop.end, DAYS).one_later()
    coming = scores.learn_intention(history, windows).predict(rows)
    value = people.rfm(shop.lines, shop.end)
    names = pd.Series("close to the average", index=value.index)
    segment = pd.DataFrame({"segment": names, "segment_probability": 1.0})
    table = tables.segments_table(value, segment, names, coming, DAYS)
    assert list(table.columns) == tables.SEGMENT_COLUMNS and len(table) == len(value)
    assert table["expected_spend"].is_monotonic_decreasing and not table.isna().any().any()
    assert table["why"].str.contains("buys within 28 days with probability").all()
    sure = tables.segments_table(
        value, segment, names, coming.assign(probability=[0.99996, *[0.42] * (len(coming) - 1)]), DAYS
    )
    first = sure.set_index("customer_id")["why"]
    assert "probability over 99.9 %," in first[coming.index[0]] and "probability 42.0 %," in first[coming.index[1]]
    assert not sure["why"].str.contains("100.0", regex=False).any(), "no model is certain"
