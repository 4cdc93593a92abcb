"""Order lines to panel: nothing is lost, and every step does what chapter 01 says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesforecast_lib import data
from salesforecast_lib.data import loaders, online_retail
from salesforecast_lib.data.availability import likely_stockouts, period_report
from salesforecast_lib.data.calendar import rolling_cutoffs
from salesforecast_lib.data.cleaning import CleaningConfig, clean, outlier_limit
from salesforecast_lib.data.own.regular import read_panel
from salesforecast_lib.data.panel import PanelConfig, build_panel
from salesforecast_lib.data.prepare import prepare
from salesforecast_lib.data.scaling import METHODS, Scaler, fit_scaler
from salesforecast_lib.data.schema import validate_order_lines
from salesforecast_lib.files import project_root


def lines_of(rows) -> pd.DataFrame:
    columns = ["order_id", "product_id", "timestamp", "quantity", "unit_price", "customer_id"]
    lines, refused = validate_order_lines(pd.DataFrame(rows, columns=columns))
    assert refused.empty
    return lines


ROWS = st.lists(
    st.tuples(
        st.sampled_from(["1", "2", "C3", "C4"]),
        st.sampled_from(["a", "b", "POST"]),
        st.sampled_from(["2024-03-01", "2024-03-02 10:00", "2024-03-09"]),
        st.sampled_from([-3.0, -1.0, 0.0, 1.0, 3.0, 5000.0]),
        st.sampled_from([-1.0, 0.0, 2.5]),
        st.sampled_from(["x", "y"]),
    ),
    min_size=1,
    max_size=25,
)
SWITCHES = st.builds(
    CleaningConfig,
    duplicates=st.booleans(),
    cancellations=st.booleans(),
    returns=st.booleans(),
    non_products=st.booleans(),
    product_pattern=st.sampled_from(["", "[a-z]"]),
    prices=st.sampled_from(["positive", "keep"]),
    zero_quantity=st.booleans(),
    outliers=st.sampled_from(["quarantine", "cap", "keep"]),
)


@settings(max_examples=150, deadline=None)
@given(ROWS, SWITCHES)
def test_every_line_is_kept_quarantined_or_cancelled_exactly_once(rows, config):
    cleaned = clean(lines_of(rows), config)
    numbers = [*cleaned.kept["row"], *cleaned.quarantine["row"], *cleaned.cancelled["row"]]
    assert sorted(numbers) == list(range(1, len(rows) + 1))
    report = cleaned.report
    assert (report["before"] - report["quarantined"] - report["cancelled"] == report["after"]).all()
    assert report["after"].iloc[-1] == len(cleaned.kept)
    if config.prices == "positive":
        assert (cleaned.kept["unit_price"] > 0).all()
    if config.returns:
        assert (cleaned.kept["quantity"] >= 0).all()


def test_with_everything_off_nothing_is_taken():
    rows = [("C1", "POST", "2024-03-01", -5, 0, "x")] * 2 + [("1", "a", "2024-03-01", 9e6, 1, "x")]
    off = CleaningConfig(False, False, returns=False, non_products=False, prices="keep", zero_quantity=False)
    assert len(clean(lines_of(rows), off.change({"outliers": "keep"})).kept) == 3


def test_cancellation_takes_the_latest_earlier_order_of_the_same_kind():
    rows = [
        ("1", "a", "2024-03-01", 4, 1, "x"),
        ("2", "a", "2024-03-02", 4, 1, "x"),
        ("3", "a", "2024-03-02", 4, 1, "y"),
        ("4", "a", "2024-03-02", 5, 1, "x"),
        ("C5", "a", "2024-03-03", -4, 1, "x"),
        ("6", "a", "2024-03-04", 4, 1, "x"),
    ]
    assert clean(lines_of(rows)).cancelled["order_id"].tolist() == ["2", "C5"]


def test_two_cancellations_never_take_one_order():
    rows = [
        ("1", "a", "2024-03-01", 4, 1, "x"),
        ("C2", "a", "2024-03-02", -4, 1, "x"),
        ("C3", "a", "2024-03-03", -4, 1, "x"),
    ]
    assert len(clean(lines_of(rows)).cancelled) == 3


def test_outlier_limit_by_hand_and_immune_to_the_outlier():
    quantity, product = np.array([1.0, 1, 1, 1, 9000]), np.zeros(5, int)
    limit = np.expm1(np.log(2) + 8 * 0.5)
    assert outlier_limit(quantity, product, 8.0) == pytest.approx(np.full(5, limit))


def test_unknown_switch_is_refused():
    with pytest.raises(ValueError, match="outlier_widht"):
        CleaningConfig().change({"outlier_widht": 3})


def test_time_zone_moves_the_day():
    rows = pd.DataFrame(
        [("1", "a", "2024-03-01 03:00", 1, 1)],
        columns=["order_id", "product_id", "timestamp", "quantity", "unit_price"],
    )
    lines, _ = validate_order_lines(rows, "America/New_York")
    assert lines["timestamp"].iloc[0] == pd.Timestamp("2024-02-29 22:00")


def test_closed_days_are_not_days_without_a_sale():
    rows = [
        ("1", "a", "2024-03-01", 1, 1, "x"),
        ("2", "b", "2024-03-02", 1, 1, "x"),
        ("3", "a", "2024-03-04", 2, 1, "x"),
    ]
    panel = build_panel(lines_of(rows), PanelConfig()).set_index(["unique_id", "ds"])
    a = panel.loc["a"]
    assert a["y"].tolist() == [1, 0, 0, 2] and a["available"].tolist() == [1, 1, 0, 1]
    assert panel.loc["b"].index[0] == pd.Timestamp("2024-03-02"), "a product has no demand before its launch"


def test_delisted_product_ends():
    rows = [("1", "a", f"2024-03-{day:02d}", 1, 1, "x") for day in range(1, 21)] + [("2", "b", "2024-03-02", 1, 1, "x")]
    panel = build_panel(lines_of(rows), PanelConfig(delisted_after=7))
    assert (panel["unique_id"] == "b").sum() == 1


def test_whole_weeks_only_and_no_unit_lost():
    days = pd.date_range("2024-02-28", "2024-03-20")  # Wednesday to Wednesday
    lines = lines_of([(str(n), "a", str(day.date()), 1, 1, "x") for n, day in enumerate(days)])
    panel = build_panel(lines, PanelConfig(freq="W"))
    assert panel["y"].tolist() == [7, 7] and (panel["ds"].dt.dayofweek == 6).all()


@pytest.mark.parametrize("by_location", [False, True])
def test_panel_keeps_every_unit(by_location):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "order_id": np.arange(500).astype(str),
            "product_id": rng.choice(list("abc"), 500),
            "timestamp": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 60, 500), unit="D"),
            "quantity": rng.integers(1, 9, 500).astype(float),
            "unit_price": 2.0,
            "location_id": rng.choice(["n", "s"], 500),
        }
    )
    panel = build_panel(validate_order_lines(frame.copy())[0], PanelConfig(by_location=by_location))
    keys = ["product_id", "location_id"] if by_location else ["product_id"]
    expected = frame.groupby(keys)["quantity"].sum().sort_index().to_numpy()
    assert panel.groupby("unique_id")["y"].sum().sort_index().to_numpy() == pytest.approx(expected)
    assert panel["price"].dropna().eq(2.0).all()


@pytest.mark.parametrize("missing_y, y, available", [("zero", 0, 1), ("unavailable", 0, 0), ("interpolate", 2, 1)])
def test_gaps_of_a_panel_are_filled_as_told(tmp_path, missing_y, y, available):
    file = tmp_path / "panel.csv"
    file.write_text("unique_id,ds,y,price\na,2024-03-01,1,2.5\na,2024-03-03,3,\n")
    panel = read_panel(str(file), missing_y=missing_y)[0].panel
    assert panel[["y", "available"]].iloc[1].tolist() == [y, available]
    assert panel["price"].tolist() == [2.5, 2.5, 2.5]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0, 1e6), min_size=6, max_size=30), st.sampled_from(METHODS))
def test_scaling_is_inverted_and_blind_to_the_future(values, method):
    days = pd.date_range("2024-01-01", periods=len(values))
    panel = pd.DataFrame({"unique_id": "a", "ds": days, "y": values, "available": 1.0})
    cutoff = days[len(values) // 2]
    scaler = fit_scaler(panel, cutoff, method)
    back = scaler.inverse(panel["unique_id"], scaler.transform(panel["unique_id"], panel["y"]))
    assert back == pytest.approx(values, rel=1e-6, abs=1e-6)
    spoiled = panel.assign(y=panel["y"].where(panel["ds"] <= cutoff, 1e9))
    assert fit_scaler(spoiled, cutoff, method) == scaler == Scaler.from_json(scaler.to_json())


def test_gap_is_out_of_stock_only_where_chance_cannot_explain_it():
    often, seldom = [True] * 40 + [False] * 8 + [True] * 2, [True, False, False, False, False] * 10
    marked = likely_stockouts(np.array([often, seldom]), np.ones(50, dtype=bool), 1e-4)
    assert marked[0].nonzero()[0].tolist() == list(range(42, 48)), "p = 41/42: (1 - p)^3 is the first below 1e-4"
    assert not marked[1].any()
    assert not likely_stockouts(np.array([often]), np.ones(50, dtype=bool), 0.0).any()
    closed = np.ones(50, dtype=bool)
    closed[40:48] = False
    assert not likely_stockouts(np.array([often]), closed, 1e-4).any(), "a closed shop sells nothing"


@settings(max_examples=50, deadline=None)
@given(st.lists(st.booleans(), min_size=2, max_size=60), st.integers(1, 59))
def test_stockouts_do_not_look_ahead(days, cut):
    sold = np.array([days])
    cut = min(cut, len(days) - 1)
    changed = sold.copy()
    changed[:, cut:] = ~changed[:, cut:]
    is_open = np.ones(len(days), dtype=bool)
    before, after = (likely_stockouts(each, is_open, 0.05)[:, :cut] for each in (sold, changed))
    assert (before == after).all()
    assert not (likely_stockouts(sold, is_open, 0.05) & sold).any()


def test_periods_of_a_panel_add_up():
    days = pd.date_range("2024-01-01", periods=10)
    rows = [("a", day, 1.0, 1.0, 1.0) for day in days] + [("b", day, 0.0, 1.0, 1.0) for day in days[3:8]]
    panel = pd.DataFrame(rows, columns=["unique_id", "ds", "y", "available", "open"])
    panel.loc[0, ["available", "open"]], panel.loc[1, "available"] = 0.0, 0.0
    report = period_report(panel)
    assert report["taken"].tolist() == [3, 2, 1, 1]
    assert report["before"].iloc[0] == 20 and report["after"].iloc[-1] == 13


def test_last_horizon_ends_with_the_data():
    cutoffs = rolling_cutoffs(pd.Timestamp("2024-01-31"), "D", 10, 3)
    assert [str(day.date()) for day in cutoffs] == ["2024-01-01", "2024-01-11", "2024-01-21"]


def test_embedded_data_add_up():
    source = loaders.complete_journey()
    cleaned = clean(source.lines, source.cleaning, source.quarantine)
    assert len(cleaned.kept) + len(cleaned.quarantine) + len(cleaned.cancelled) == 1_469_307
    panel = build_panel(cleaned.kept, PanelConfig(level="product_type", n_series=0))
    assert panel["y"].sum() == cleaned.kept["quantity"].sum()


def test_overlap_of_the_two_sheets_is_read_once(tmp_path, monkeypatch):
    columns = ["Invoice", "StockCode", "Description", "Quantity", "InvoiceDate", "Price", "Customer ID", "Country"]

    def sheet(days):
        return pd.DataFrame([("1", "85123A", "", 1, pd.Timestamp(day), 2.0, 5, "UK") for day in days], columns=columns)

    book = tmp_path / "workbook.xlsx"
    with pd.ExcelWriter(book) as writer:
        sheet(["2010-11-30", "2010-12-01"]).to_excel(writer, sheet_name="a", index=False)
        sheet(["2010-12-01", "2010-12-10"]).to_excel(writer, sheet_name="b", index=False)
    monkeypatch.setattr("pooch.retrieve", lambda *_, **__: [str(book)])
    registry = _registry(tmp_path)
    monkeypatch.setattr(online_retail, "resolve", lambda path: registry if "checksums" in str(path) else Path(path))
    for lines in (loaders.online_retail_ii().lines, loaders.online_retail_ii(str(book)).lines):
        assert lines["timestamp"].dt.day.tolist() == [30, 1, 10]


def _registry(folder):
    file = folder / "checksums.txt"
    file.write_text("online_retail_II.zip 0123\n")
    return file


def test_download_without_a_checksum_is_refused(tmp_path, monkeypatch):
    empty = tmp_path / "checksums.txt"
    empty.write_text("")
    monkeypatch.setattr(online_retail, "resolve", lambda path: empty)
    with pytest.raises(ValueError, match="checksums.txt"):
        loaders.online_retail_ii()


def test_failed_download_names_the_address_and_the_way_out(monkeypatch):
    def offline(*_, **__):
        raise OSError("no route to host")

    monkeypatch.setattr("pooch.retrieve", offline)
    with pytest.raises(ValueError, match="archive.ics.uci.edu.*no route.*path=FILE"):
        loaders.online_retail_ii()


def test_real_e_commerce_lines_add_up():
    folder = project_root().parent / "shared" / "data" / "online_retail_ii"
    files = sorted(folder.glob("*.parquet")) + sorted(folder.glob("*.csv"))
    if not files:
        pytest.skip(f"{folder} is not here")
    source = loaders.online_retail_ii(str(files[0]))
    cleaned = clean(source.lines, source.cleaning, source.quarantine)
    assert len(cleaned.kept) + len(cleaned.quarantine) + len(cleaned.cancelled) > 1_000_000
    assert cleaned.report["cancelled"].sum() > 10_000


def test_too_short_history_is_refused(tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text("order_id,product_id,timestamp,quantity,unit_price\n1,a,2024-03-01,2,1.5\n2,a,2024-03-09,2,1.5\n")
    with pytest.raises(ValueError, match="three horizons"):
        prepare("own_data", PanelConfig(), 28, path=str(file))


def test_retail_codes_differ_by_letters_not_by_case_or_blanks(tmp_path):
    file = tmp_path / "orders.csv"
    file.write_text(
        "Invoice,StockCode,Quantity,InvoiceDate,Price,Customer ID,Country\n"
        "1,85123a,1,2010-12-01,2,5,UK\n1, 85123A ,1,2010-12-01,2,5,UK\n1,85123B,1,2010-12-01,2,5,UK\n"
    )
    source = loaders.online_retail_ii(str(file))
    assert source.lines["product_id"].tolist() == ["85123A", "85123A", "85123B"]
    assert clean(source.lines, source.cleaning).kept["product_id"].tolist() == ["85123A", "85123B"]
    file.write_text("Invoice,StockCode\n1,85123A\n")
    with pytest.raises(ValueError, match="missing columns.*Quantity"):
        loaders.online_retail_ii(str(file))


def test_the_dirty_file_of_chapter_01_holds_every_kind_of_dirt():
    source = loaders.online_retail_ii("data/dirty_orders.csv")
    cleaned = clean(source.lines, source.cleaning, source.quarantine)
    taken = cleaned.report.set_index("step")
    assert (taken["quarantined"] + taken["cancelled"] > 0).all(), "a step of the chapter would have nothing to show"
    assert len(cleaned.kept) + len(cleaned.quarantine) + len(cleaned.cancelled) == taken["before"].iloc[0]
    panel = build_panel(cleaned.kept)
    closed = panel.loc[panel["open"] == 0, "ds"].dt.date.unique()
    assert any((cleaned.cancelled["timestamp"].dt.date == day).any() for day in closed), "orders, all cancelled"


def test_the_room_hands_out_what_it_says():
    described = [line.split("`")[1] for line in data.__doc__.splitlines() if line.startswith("- `")]
    assert described == data.__all__ and all(hasattr(data, name) for name in described)
