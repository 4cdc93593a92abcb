"""Every chapter runs on months, on weeks of any day, on short histories and on a panel of three columns."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.files import read_json
from tests.unit.chapters import run_chapters

# 03 and 11 read no data of the run.
CHAPTERS = "01 02 04 05 06 06b 07 08 09 10 12 13"
FORECASTS = "01 02 04 05 06 06b 07"


def order_lines(file, first, days, products=6, seed=0):
    """A shop's order lines with a rhythm of the year."""
    rng, rows = np.random.default_rng(seed), []
    price = rng.uniform(5, 50, products).round(2)
    for order, day in enumerate(pd.date_range(first, periods=days)):
        for product in range(products):
            units = rng.poisson(1.5 * (1 + 0.5 * np.sin(2 * np.pi * day.dayofyear / 365)))
            if units:
                who = int(rng.integers(1, 90))
                rows.append((order, f"S{product}", day + pd.Timedelta(hours=10), units, price[product], who))
    columns = ["order_id", "product_id", "timestamp", "quantity", "unit_price", "customer_id"]
    pd.DataFrame(rows, columns=columns).to_csv(file, index=False)
    return str(file)


def panel_file(file, ds, series=5, seed=0):
    """A panel of ``unique_id, ds, y`` and nothing else, with a series never sold and one that begins today."""
    rng, parts = np.random.default_rng(seed), []
    for k in range(series):
        y = rng.poisson(10 * (k + 1) * (1 + 0.3 * np.sin(np.arange(len(ds)) / 2)))
        parts.append(pd.DataFrame({"unique_id": f"p{k}", "ds": ds, "y": y}))
    parts.append(pd.DataFrame({"unique_id": "never", "ds": ds, "y": 0}))
    parts.append(pd.DataFrame({"unique_id": "new", "ds": ds[-1:], "y": 3}))
    pd.concat(parts).to_csv(file, index=False)
    return str(file)


def check_run(folder, alias, horizon, cutoffs):
    """The forecasts lie on the panel's calendar, and no file of the run holds what is no number."""
    forecasts = pd.read_parquet(folder / "forecasts.parquet")
    last = pd.read_parquet(folder / "panel.parquet")["ds"].max()
    today = forecasts[forecasts["cutoff"] == last]
    assert sorted(today["ds"].unique()) == list(pd.date_range(last, periods=horizon + 1, freq=alias)[1:])
    assert forecasts["cutoff"].nunique() == cutoffs + 1
    quantiles = forecasts.filter(like="q0")
    assert (quantiles.to_numpy() >= 0).all() and (np.diff(quantiles.to_numpy(), axis=1) >= 0).all()
    assert read_json(folder / "panel.json")["freq"] == alias
    for file in folder.glob("*.json"):
        json.loads(file.read_text(), parse_constant=lambda word: pytest.fail(f"{word} in a file of the run"))


@pytest.mark.slow
def test_months_of_order_lines_run_through_every_chapter(tmp_path):
    path = order_lines(tmp_path / "orders.csv", "2021-01-03", 4 * 365 + 120)
    left = run_chapters(tmp_path, CHAPTERS, dataset="own_data", path=path, freq="M", horizon=4)
    check_run(tmp_path, "ME", 4, 3)
    assert left["01"]["panel"]["ds"].min() == pd.Timestamp("2021-01-31"), "begins on the 3rd, after holidays: complete"
    assert left["07"]["season"] == 12
    assert {"lag_12", "working_days", "holiday", "year_cos_3"} <= set(left["02"]["table"].frame)


@pytest.mark.slow
def test_months_of_a_bare_panel_run_through_every_chapter(tmp_path):
    path = panel_file(tmp_path / "panel.csv", pd.date_range("2020-06-01", periods=50, freq="MS"))
    run_chapters(tmp_path, CHAPTERS, dataset="own_panel", path=path, freq="M", horizon=6)
    check_run(tmp_path, "ME", 6, 3)


def test_weeks_that_begin_on_monday_are_forecast_as_such(tmp_path):
    path = panel_file(tmp_path / "panel.csv", pd.date_range("2022-01-03", periods=80, freq="W-MON"))
    run_chapters(tmp_path, FORECASTS, dataset="own_panel", path=path, freq="W", horizon=6)
    check_run(tmp_path, "W-MON", 6, 3)


@pytest.mark.parametrize(
    "freq, ds, horizon, cutoffs",
    [
        ("D", pd.date_range("2025-01-06", periods=21), 7, 1),
        ("D", pd.date_range("2025-01-06", periods=60), 1, 3),
        ("W", pd.date_range("2024-01-06", periods=39, freq="W-SAT"), 13, 1),
        ("M", pd.date_range("2024-01-31", periods=12, freq="ME"), 2, 3),
    ],
)
def test_three_horizons_are_enough_for_every_chapter(tmp_path, freq, ds, horizon, cutoffs):
    path = panel_file(tmp_path / "panel.csv", ds)
    left = run_chapters(tmp_path, f"{FORECASTS} 08 09", dataset="own_panel", path=path, freq=freq, horizon=horizon)
    check_run(tmp_path, ds.freqstr, horizon, cutoffs)
    assert len(left["07"]["ends"]) == cutoffs


def test_an_ordinary_week_ahead_needs_no_other_parameter(tmp_path):
    path = order_lines(tmp_path / "orders.csv", "2025-01-06", 200)
    run_chapters(tmp_path, f"{FORECASTS} 09", dataset="own_data", path=path, horizon=7, search_stride=14)
    check_run(tmp_path, "D", 7, 3)
