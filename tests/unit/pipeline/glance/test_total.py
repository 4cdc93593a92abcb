"""The fan of a whole shop: quantiles of a sum are not sums of quantiles, and its band holds what it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.files import write_parquet
from salesforecast_lib.pipeline.glance import read_run, shop_total
from salesforecast_lib.pipeline.glance.total import common_correlation, today_prices
from tests.unit.pipeline.glance.made import HORIZON, made_shop

NAMES = [f"P{number}" for number in range(40)]


@pytest.mark.parametrize("truth", [0.0, 0.2, 0.6, 0.9])
def test_the_correlation_of_errors_is_found_whatever_the_products_sizes(truth):
    rng = np.random.default_rng(1)
    sd = rng.uniform(1, 30, 60)
    shared = rng.standard_normal((3000, 1)) * np.sqrt(truth)
    errors = sd * (shared + rng.standard_normal((3000, 60)) * np.sqrt(1 - truth))
    sums = pd.DataFrame({"error": errors.sum(axis=1), "apart": (sd**2).sum(), "whole": sd.sum()})
    assert common_correlation(sums) == pytest.approx(truth, abs=0.04)


@pytest.mark.parametrize("common", [0.0, 0.3, 0.8])
def test_the_shops_band_lies_between_independent_and_identical_errors(tmp_path, common):
    run = read_run(made_shop(tmp_path, NAMES, common=common))
    total = shop_total(run)
    coming = run.forecasts[run.forecasts["y"].isna()].groupby("ds")
    assert total.fan["mean"].tolist() == pytest.approx(coming["mean"].sum().tolist()), "means add"
    width = (total.fan["q0.9"] - total.fan["q0.1"]).to_numpy()
    added = (coming["q0.9"].sum() - coming["q0.1"].sum()).to_numpy()
    apart = np.sqrt(((run.forecasts["q0.9"] - run.forecasts["q0.1"]) ** 2)[run.forecasts["y"].isna()].sum() / HORIZON)
    assert (width < 0.99 * added).all() and (width > 0.95 * apart).all()
    assert total.correlation == pytest.approx(common, abs=0.25)
    assert total.judged == 3 * HORIZON and 0.5 <= total.covered <= 1.0


def test_wider_errors_in_common_make_a_wider_band(tmp_path):
    widths = []
    for common in (0.0, 0.8):
        (tmp_path / str(common)).mkdir()
        fan = shop_total(read_run(made_shop(tmp_path / str(common), NAMES, common=common))).fan
        widths.append((fan["q0.9"] - fan["q0.1"]).mean())
    assert widths[1] > 2 * widths[0]


def test_money_is_units_at_prices_and_leaves_products_without_a_price_out(tmp_path):
    folder = made_shop(tmp_path, NAMES)
    panel = pd.read_parquet(folder / "panel.parquet")
    panel.loc[panel["unique_id"] == "P0", "price"] = np.nan
    write_parquet(panel, folder / "panel.parquet")
    run = read_run(folder)
    prices = today_prices(run.panel)
    assert "P0" not in prices and len(prices) == len(NAMES) - 1
    money = shop_total(run, prices.to_dict())
    expected = (panel["y"] * panel["price"]).groupby(panel["ds"]).sum()
    assert money.history.tolist() == pytest.approx(expected.tolist())
    ahead = run.forecasts[run.forecasts["y"].isna()]
    value = (ahead["mean"] * ahead["unique_id"].map(prices).fillna(0)).groupby(ahead["ds"]).sum()
    assert money.fan["mean"].tolist() == pytest.approx(value.tolist())


def test_todays_price_is_that_of_the_newest_sales_not_of_all_history():
    days = pd.date_range("2024-01-01", periods=100)
    panel = pd.DataFrame({"unique_id": "a", "ds": days, "y": 2.0, "price": np.where(np.arange(100) < 60, 1.0, 5.0)})
    quiet = pd.DataFrame({"unique_id": "b", "ds": days, "y": 0.0, "price": np.where(np.arange(100) < 60, 1.0, 3.0)})
    free = pd.DataFrame({"unique_id": "c", "ds": days, "y": 1.0, "price": 0.0})
    assert today_prices(pd.concat([panel, quiet, free])).to_dict() == {"a": 5.0, "b": 3.0}
    assert today_prices(panel.drop(columns="price")).empty


def test_one_cutoff_is_no_judgement(tmp_path):
    folder = made_shop(tmp_path, NAMES)
    forecasts = pd.read_parquet(folder / "forecasts.parquet")
    cutoffs = sorted(forecasts["cutoff"].unique())[-2:]
    write_parquet(forecasts[forecasts["cutoff"].isin(cutoffs)], folder / "forecasts.parquet")
    total = shop_total(read_run(folder))
    assert total.judged == 0 and np.isnan(total.covered)


def test_a_product_that_is_new_at_the_last_cutoff_and_one_that_left_are_summed_where_they_are(tmp_path):
    folder = made_shop(tmp_path, NAMES)
    forecasts = pd.read_parquet(folder / "forecasts.parquet")
    ahead = forecasts["y"].isna()
    kept = forecasts[~((forecasts["unique_id"] == "P0") & ~ahead) & ~((forecasts["unique_id"] == "P1") & ahead)]
    write_parquet(kept, folder / "forecasts.parquet")
    total = shop_total(read_run(folder))
    rest = forecasts[ahead & (forecasts["unique_id"] != "P1")].groupby("ds")["mean"].sum()
    assert total.fan["mean"].tolist() == pytest.approx(rest.tolist()) and total.judged == 3 * HORIZON


def test_a_shop_whose_forecasts_were_never_tested_has_a_fan(tmp_path):
    folder = made_shop(tmp_path, NAMES)
    forecasts = pd.read_parquet(folder / "forecasts.parquet")
    write_parquet(forecasts[forecasts["y"].isna()], folder / "forecasts.parquet")
    total = shop_total(read_run(folder))
    assert total.judged == 0 and total.correlation == 0.1 and (total.fan["q0.9"] > total.fan["q0.1"]).all()
