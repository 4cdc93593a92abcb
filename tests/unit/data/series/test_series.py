"""A panel that is built from the periods with lines equals the one cut out of a table of all products and periods."""

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.panel import PanelConfig, build_panel
from salesforecast_lib.data.series import choose_series, rank, rank_cells
from tests.unit.data.series.dense import build_dense


@pytest.fixture(scope="module")
def lines():
    """Lines of 90 products in three places over 100 days; quantities are no whole numbers, so sums round."""
    rng = np.random.default_rng(0)
    count = 9_000
    product = np.minimum(rng.geometric(0.04, count), 90)
    when = np.sort(rng.integers(0, 100 * 24, count))
    frame = pd.DataFrame(
        {
            "order_id": [f"A{n}" for n in np.sort(rng.integers(0, count // 3, count))],
            "product_id": [f"P{n}" for n in product],
            "timestamp": pd.Timestamp("2024-01-03") + pd.to_timedelta(when, "h"),
            "quantity": np.round(rng.gamma(2, 1, count), 2) + 0.1,
            "unit_price": np.round(1 + product / 7 + rng.random(count), 2),
            "customer_id": [f"K{n}" if n % 5 else None for n in rng.integers(0, 300, count)],
            "discount": np.where(rng.random(count) < 0.1, np.nan, np.round(rng.random(count), 2)),
            "location_id": [("mall", "street", None)[n % 3] for n in product + rng.integers(0, 2, count)],
            "family": [f"F{n % 7}" if n % 9 else None for n in product],
        }
    )
    gone = (frame["product_id"] == "P4") & (frame["timestamp"] > "2024-02-10")
    shut = (frame["timestamp"].dt.dayofweek == 6) & (frame["location_id"] == "street")
    return frame[~gone & ~shut].reset_index(drop=True)


CONFIGS = {
    "the best": PanelConfig(n_series=12),
    "all": PanelConfig(n_series=0),
    "the usual number": PanelConfig(),
    "weeks": PanelConfig(freq="W", n_series=30, missing_price="median"),
    "weeks to Wednesday": PanelConfig(freq="W-WED", n_series=7),
    "months": PanelConfig(freq="M", n_series=40, missing_price="keep"),
    "places": PanelConfig(by_location=True, n_series=50, stockout_odds=0.01),
    "all places": PanelConfig(by_location=True, n_series=0, freq="W"),
    "delisted": PanelConfig(n_series=60, delisted_after=10, min_periods=20),
    "stock-outs": PanelConfig(n_series=45, stockout_odds=0.05, missing_price="median"),
    "families": PanelConfig(level="family", n_series=5),
}


@pytest.mark.parametrize("name", CONFIGS)
@pytest.mark.parametrize("block", [130, rank.BLOCK])  # one series at a time, and all at once
def test_it_equals_the_dense_panel(lines, name, block, monkeypatch):
    monkeypatch.setattr("salesforecast_lib.data.series.rank.BLOCK", block)
    monkeypatch.setattr("salesforecast_lib.data.series.fill.BLOCK", block)
    static = ("family",) if CONFIGS[name].level != "family" else ("location_id",)
    found = build_panel(lines, CONFIGS[name], static)
    pd.testing.assert_frame_equal(found, build_dense(lines, CONFIGS[name], static), check_exact=True)


@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.drop(columns=["customer_id", "discount"]),
        lambda t: t.assign(product_id=t["product_id"].str[1:].astype("int64")),
        lambda t: t.assign(
            product_id=[n if k % 2 else str(n) for k, n in enumerate(t["product_id"].str[1:].astype(int))]
        ),
        lambda t: t.assign(product_id=t["product_id"].where(t.index % 11 > 0, None)),
        lambda t: t.sample(frac=1, random_state=0),
        lambda t: t.assign(quantity=t["quantity"].where(t["product_id"] != "P2", 0.0)),
        lambda t: t.head(1),
    ],
    ids=["no customers", "numbers", "7 and '7'", "no product", "shuffled", "nothing sold", "one line"],
)
def test_odd_lines_give_the_same_panel(lines, change):
    odd, config = change(lines).reset_index(drop=True), PanelConfig(n_series=20)
    pd.testing.assert_frame_equal(build_panel(odd, config), build_dense(odd, config), check_exact=True)


def test_ties_are_broken_by_units_and_then_by_the_first_line():
    code = np.array([0, 1, 2, 3, 0, 1, 2, 3])
    number = np.array([0, 0, 0, 0, 1, 1, 1, 0])
    cells = rank_cells(code, number, np.array([1.0, 2, 1, 9, 1, 1, 1, 9]), 2)
    assert choose_series(*cells, (4, 2), 2).tolist() == [0, 1]  # 3 sells most, on one day only; 0 comes before 2
    assert choose_series(*cells, (4, 2), 0).tolist() == [0, 1, 2, 3]


def test_lines_without_any_level_say_so(lines):
    with pytest.raises(ValueError, match="no order line has a family"):
        build_panel(lines.assign(family=None), PanelConfig(level="family"))


def test_a_million_products_need_no_table_of_all_their_days():
    count = 200_000
    lines = pd.DataFrame(
        {
            "order_id": np.arange(count),
            "product_id": np.arange(count) % 190_000,
            "timestamp": pd.Timestamp("2024-01-01") + pd.to_timedelta(np.arange(count) % 700, "D"),
            "quantity": 1.0,
            "unit_price": 1.0,
        }
    )
    import tracemalloc

    tracemalloc.start()
    panel = build_panel(lines, PanelConfig(n_series=50))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert panel["unique_id"].nunique() == 50
    assert peak < 190_000 * 700 * 8 / 4  # a quarter of one such table of float64
