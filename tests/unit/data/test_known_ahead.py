"""What is known ahead: roles of columns, plans, closures, ends of series, countries; nothing leaks from a plan."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.countries import country_code
from salesforecast_lib.data.ahead import Roles
from salesforecast_lib.data.calendar import calendar_features
from salesforecast_lib.data.features import ahead_features, build_features
from salesforecast_lib.data.own.regular import regular_panel
from salesforecast_lib.data.panel import PanelConfig, extend_panel
from salesforecast_lib.data.prepare import load_plan, prepare, save_prepared
from salesforecast_lib.data.reading import ReadOptions
from tests.unit.chain import make_chain, write_chain
from tests.unit.data.test_own_panel import made

DAYS = pd.date_range("2024-01-01", periods=84)  # twelve whole weeks from a Monday


def panel_of(tmp_path, frame, horizon=14, plan=None, name="panel.csv", **more):
    """The prepared panel of a frame written as CSV, with a plan of lines of text."""
    frame.to_csv(tmp_path / name, index=False)
    if plan is not None:
        (tmp_path / "plan.csv").write_text("\n".join(plan) + "\n")
        more["plan_file"] = str(tmp_path / "plan.csv")
    return prepare("own_panel", PanelConfig(n_series=0), horizon, path=str(tmp_path / name), **more)


def cells(prepared, name, series):
    """What is told of a column for a series, in the order of the days ahead."""
    table = prepared.plan[prepared.plan["unique_id"] == series].sort_values("ds")
    return table[name].tolist()


# Roles and rows ahead -------------------------------------------------------------------------------------------------


def test_a_chain_keeps_its_plan_its_letters_and_its_closures(tmp_path):
    file = write_chain(tmp_path / "chain.csv", shops=12, days=200)
    prepared = prepare("own_panel", PanelConfig(freq="auto", n_series=0), 42, path=str(file), country="DE")
    raw, panel, meta = make_chain(shops=12, days=200), prepared.panel, prepared.meta
    assert panel["ds"].max() == raw.loc[raw["y"].notna(), "ds"].max() and panel["y"].sum() == raw["y"].sum()
    assert meta["future"][:2] == ["open", "promo"] and "StateHoliday=a" in meta["future"]
    assert meta["static"] == ["store_type", "assortment"] and meta["historical"] == []
    assert (panel["available"] == panel["open"]).all() and panel.loc[panel["open"] == 0, "y"].eq(0).all()
    ahead = ahead_features(panel, meta | {"horizon": 42}, prepared.plan).merge(raw, on=["unique_id", "ds"])
    assert len(ahead) == 12 * 42
    assert (ahead["promo_x"] == ahead["promo_y"]).all() and (ahead["open_x"] == ahead["open_y"]).all()
    assert (ahead["StateHoliday=a"] == (ahead["StateHoliday"] == "a")).all(), "a letter is a category, never 0"
    assert any(note.startswith("promo: told for all 504 rows") for note in prepared.notes)


@pytest.mark.parametrize(
    "codes, columns",
    [
        (["0", "a"], ["code=a"]),
        ([0, 0, 0, "b", "c"], ["code=b", "code=c"]),
        ([1, 2, 1, "x"], ["code=2", "code=x"]),
        (["0.0", "0", "0", "a"], ["code=a"]),
    ],
)
def test_letters_among_numbers_are_categories_of_the_period(codes, columns):
    frame = made(DAYS, code=pd.Series((codes * 168)[:168], dtype=object))
    found = regular_panel(frame, roles=Roles(future=("code",)))
    assert found.future == ["open", *columns]
    assert found.panel[columns].isin([0, 1]).all(axis=None) and (found.panel[columns].sum() > 0).all()


def test_roles_are_as_declared_and_unknown_names_are_listed():
    frame = made(DAYS, promo=1.0, holiday=0.0, visitors=2.0, kind="x")
    found = regular_panel(frame, roles=Roles(("Promo", "holiday"), ("visitors",)))
    assert found.future == ["open", "promo", "holiday (given)"] and found.numeric == ["visitors"]
    for roles, complaint in (
        (Roles(("promos",)), r"future=\[promos\].*'promo'.*did you mean 'promo'"),
        (Roles(historical=("colour",)), r"historical=\[colour\]: not in panel, which has"),
        (Roles(("y",)), "what is forecast"),
        (Roles(("promo",), ("promo",)), "declared future and historical"),
        (Roles(static=("open",)), "known ahead"),
    ):
        with pytest.raises(ValueError, match=complaint):
            regular_panel(frame.assign(open=1.0), roles=roles)


def test_a_column_is_future_where_it_has_values_after_the_data():
    frame = made(DAYS, promo=1.0, visitors=2.0)
    last = DAYS[-7]
    frame.loc[frame["ds"] > last, ["y", "visitors"]] = np.nan
    found = regular_panel(frame)
    assert found.future == ["open", "promo"] and found.numeric == ["visitors"]
    assert found.panel["ds"].max() == last and len(found.ahead) == 12


# Plan files -----------------------------------------------------------------------------------------------------------


def test_ranges_products_and_everything_else_of_a_plan(tmp_path):
    frame = made(DAYS, ("a", "b"), promo=np.tile([0.0, 1.0], 84), price=5.0)
    lines = [
        "unique_id,ds,end,promo,price",
        "a,2024-03-25,2024-03-27,1,",
        "*,2024-04-01,2024-04-02,,4.5",
        "b,2024-04-02,2024-04-02,,4",
        "ghost,2024-03-25,2024-03-26,1,",
        "a,2024-02-01,2024-02-02,1,",
        "a,2024-06-01,2024-06-02,1,",
    ]
    prepared = panel_of(tmp_path, frame, plan=lines)
    assert cells(prepared, "promo", "a") == [1, 1, 1] + [0] * 11, "a list of promotions: all other days are without"
    assert cells(prepared, "promo", "b") == [0] * 14
    assert cells(prepared, "price", "b")[7:9] == [4.5, 4], "the product's own row counts before that of all"
    assert prepared.meta["future"] == ["open", "promo", "price"] and prepared.meta["historical"] == []
    said = " ".join(prepared.notes)
    assert "1 row of 1 that the data do not have, left out: ghost" in said
    assert "1 row before 2024-03-25" in said and "1 row from 2024-04-08 on" in said
    assert "price: told for 14.3% of the 28 rows ahead; the last value is taken in 85.7%" in said
    ahead = ahead_features(prepared.panel, prepared.meta, prepared.plan)
    assert ahead.loc[ahead["unique_id"] == "a", "price"].tolist() == [5] * 7 + [4.5, 4.5] + [5] * 5


def test_days_of_a_week_become_a_share_and_a_date_alone_its_whole_week(tmp_path):
    weeks = pd.date_range("2023-01-01", periods=40, freq="W-SUN")
    frame = made(weeks, ("a", "b"), promo=np.tile([0.0, 1.0], 40))
    first = weeks[-1] + pd.Timedelta(days=1)
    ranges = ["unique_id,ds,end,promo", f"a,{first:%Y-%m-%d},{first + pd.Timedelta(days=2):%Y-%m-%d},1"]
    more = {"horizon": 3, "missing_y": "zero"}
    frame.to_csv(tmp_path / "p.csv", index=False)
    for lines, expected in (
        (ranges, [3 / 7, 0, 0]),
        (["unique_id,ds,promo", f"a,{first + pd.Timedelta(days=9):%Y-%m-%d},1"], [0, 1, 0]),
    ):
        (tmp_path / "plan.csv").write_text("\n".join(lines) + "\n")
        config = PanelConfig(freq="W", n_series=0)
        told = prepare("own_panel", config, path=str(tmp_path / "p.csv"), plan_file=str(tmp_path / "plan.csv"), **more)
        assert cells(told, "promo", "a") == pytest.approx(expected)


@pytest.mark.parametrize("day, week", [("2023-10-02", 0), ("2023-10-08", 0), ("2023-10-09", 1)])
def test_weeks_that_bear_their_first_day_hold_the_days_after_it(tmp_path, day, week):
    weeks = pd.date_range("2023-01-02", periods=39, freq="W-MON")
    made(weeks, promo=np.tile([0.0, 1.0], 39)).to_csv(tmp_path / "p.csv", index=False)
    (tmp_path / "plan.csv").write_text(f"unique_id,ds,end,promo\na,{day},{day},1\nb,{day},{day},0\n")
    config = PanelConfig(freq="W", n_series=0)
    told = prepare("own_panel", config, 3, path=str(tmp_path / "p.csv"), plan_file=str(tmp_path / "plan.csv"))
    table = told.plan[told.plan["unique_id"] == "a"].sort_values("ds")
    assert table["promo"].fillna(0).gt(0).tolist() == [place == week for place in range(3)]


def test_contradictions_name_both_rows_and_a_shorter_range_counts(tmp_path):
    frame = made(DAYS, price=5.0)
    head = "unique_id,ds,end,price"
    with pytest.raises(ValueError, match="rows 1 and 2 contradict each other: price of 'a' on 2024-03-26 is 4 and 3"):
        panel_of(tmp_path, frame, plan=[head, "a,2024-03-25,2024-03-27,4", "a,2024-03-26,2024-03-28,3"])
    told = panel_of(tmp_path, frame, plan=[head, "a,2024-03-26,2024-03-26,3", "a,2024-03-25,2024-03-31,4"])
    assert cells(told, "price", "a")[:7] == [4, 3, 4, 4, 4, 4, 4]
    same = panel_of(tmp_path, frame, plan=[head, "a,2024-03-25,2024-03-27,4", "a,2024-03-26,2024-03-28,4"])
    assert cells(same, "price", "a")[:4] == [4] * 4


@pytest.mark.parametrize(
    "plan, complaint",
    [
        (["unique_id,ds,promo", "ghost,2024-03-25,1"], "none of its products is in the data.*plan_columns"),
        (["unique_id,ds,bonus", "a,2024-03-25,1"], "none of its columns.*bonus.*plan_columns"),
        (["unique_id,ds,price", "a,2024-03-25,cheap"], "row 1: price is 'cheap'"),
    ],
)
def test_a_plan_that_says_nothing_is_refused(tmp_path, plan, complaint):
    with pytest.raises(ValueError, match=complaint):
        panel_of(tmp_path, made(DAYS, promo=np.tile([0.0, 1.0], 84), price=5.0), plan=plan)


def test_the_plan_file_counts_before_the_rows_of_the_data(tmp_path):
    frame = made(DAYS, promo=np.tile([0.0, 1.0], 84))
    frame.loc[frame["ds"] > DAYS[-15], ["y", "promo"]] = [np.nan, 0.0]
    lines = ["unique_id,ds,end,promo", "a,2024-03-11,2024-03-12,1", "a,2024-03-13,2024-03-13,0"]
    prepared = panel_of(tmp_path, frame, plan=lines)
    assert cells(prepared, "promo", "a")[:4] == [1, 1, 0, 0] and any("in 2 rows ahead" in n for n in prepared.notes)


def test_stored_plan_comes_back_and_an_old_run_has_none(tmp_path):
    prepared = panel_of(tmp_path, made(DAYS, price=5.0), plan=["unique_id,ds,price", "a,2024-03-25,4"])
    save_prepared(prepared, tmp_path / "run")
    pd.testing.assert_frame_equal(load_plan(tmp_path / "run"), prepared.plan)
    assert load_plan(tmp_path / "none").empty


# Order lines ----------------------------------------------------------------------------------------------------------


def orders(tmp_path):
    """Two products; P2 sells every other day; S is on promotion on Mondays, at another price."""
    rows = ["order_id,product_id,timestamp,quantity,unit_price,promotion,campaign"]
    for number, day in enumerate(pd.date_range("2024-01-01", periods=84)):
        monday = day.dayofweek == 0
        rows.append(f"{number},P1,{day:%Y-%m-%d},3," + ("4,Spring,ad" if monday else "5,,none"))
        if number % 2:
            rows.append(f"{number},P2,{day:%Y-%m-%d},1,8,,none")
    (tmp_path / "orders.csv").write_text("\n".join(rows) + "\n")
    return str(tmp_path / "orders.csv")


def test_price_promotion_and_attributes_of_orders_can_be_known_ahead(tmp_path):
    config = PanelConfig(n_series=0)
    future = ("price", "promotion", "campaign")
    prepared = prepare("own_data", config, 14, path=orders(tmp_path), future=future)
    panel = prepared.panel.set_index(["unique_id", "ds"]).sort_index()
    assert prepared.meta["future"] == ["open", "price", "promotion", "campaign=ad"]
    assert "price" not in prepared.meta["historical"]
    monday, tuesday = pd.Timestamp("2024-01-08"), pd.Timestamp("2024-01-09")
    assert panel.loc[("P1", monday), ["price", "promotion", "campaign=ad"]].tolist() == [4, 1, 1]
    assert panel.loc[("P1", tuesday), ["price", "promotion", "campaign=ad"]].tolist() == [5, 0, 0]
    assert panel.loc[("P2", monday), "price"] == 8, "the price holds where nothing is sold"
    table = build_features(prepared.panel, prepared.meta)
    assert {"price_level", "promotion", "campaign=ad"} <= set(table.roles["future"])
    ahead = ahead_features(prepared.panel, prepared.meta, prepared.plan)
    first = ahead[(ahead["unique_id"] == "P1") & (ahead["ds"].dt.dayofweek == 0)]
    assert first["promotion"].eq(1).all(), "what is usual on Mondays"


def test_a_plan_makes_attributes_of_orders_known_ahead(tmp_path):
    path = orders(tmp_path)
    (tmp_path / "plan.csv").write_text("SKU,From,To,promotion,Price new\nP1,2024-03-26,2024-03-27,Easter,4.5\n")
    told = prepare(
        "own_data", PanelConfig(n_series=0), 14, path=path, plan_file=str(tmp_path / "plan.csv"),
        plan_reading=ReadOptions({"unique_id": "SKU", "ds": "From", "end": "To", "price": "Price new"}),
    )  # fmt: skip
    assert cells(told, "promotion", "P1") == [0, 1, 1] + [0] * 11 and cells(told, "price", "P1")[1:3] == [4.5, 4.5]
    assert set(told.meta["future"]) == {"open", "promotion", "price"}
    with pytest.raises(ValueError, match="future=.*colour"):
        prepare("own_data", PanelConfig(), 14, path=path, future=("colour",))


# Closures -------------------------------------------------------------------------------------------------------------


def week(shut, days=DAYS):
    """1 on open weekdays."""
    return (~pd.DatetimeIndex(days).dayofweek.isin(shut)).astype(float)


def test_a_sunday_shop_is_open_on_sundays_though_others_are_not():
    frame = made(DAYS, ("n", "s", "t"))
    frame["open"] = np.concatenate([week([6]), week([]), week([0, 6])])
    frame["y"] *= frame["open"]
    panel = regular_panel(frame).panel
    ahead = extend_panel(panel, ["open"], [], "D", 14)
    ahead = ahead[ahead["ds"] > DAYS[-1]]
    shut = {name: set(part.loc[part["open"] == 0, "ds"].dt.dayofweek) for name, part in ahead.groupby("unique_id")}
    assert shut == {"n": {6}, "s": set(), "t": {0, 6}}
    assert (ahead["available"] == ahead["open"]).all()


@pytest.mark.parametrize(
    "name, cells_open, cells_shut",
    [
        ("Is Open", "yes", "no"),
        ("geschlossen", "0", "1"),
        ("abierto", "si", "no"),
        ("closed", False, True),
        ("Geöffnet", "ja", "nein"),
        ("open", "open", "closed"),
    ],
)
def test_a_column_of_closures_is_recognised(name, cells_open, cells_shut):
    frame = made(DAYS)
    open_ = np.tile(week([6]), 2)
    frame["y"] *= open_
    frame[name] = pd.Series(np.where(open_ > 0, cells_open, cells_shut), dtype=object)
    found = regular_panel(frame)
    assert found.panel["open"].tolist() == open_.tolist() == found.panel["available"].tolist()
    assert name == "open" or any(repr(name) in note for note in found.notes)


def test_opening_hours_are_no_closures():
    found = regular_panel(made(DAYS, open=np.tile([8.0, 9.0], 84)))
    assert found.panel["open"].eq(1).all() and found.numeric == ["open (given)"]
    assert any("'open (given)'" in note for note in found.notes)


def test_a_sale_on_a_closed_day_is_kept_and_said():
    frame = made(DAYS)
    frame["open"] = np.tile(week([6]), 2)
    found = regular_panel(frame)
    assert found.panel["y"].sum() == frame["y"].sum() and found.panel["open"].eq(1).all()
    assert any("24 periods said to be closed with a sale" in note for note in found.notes)


def test_gaps_on_a_regular_weekday_are_closed_days_and_others_what_missing_y_says():
    frame = made(DAYS, ("a", "b", "s"))
    gone = (frame["unique_id"] != "s") & (frame["ds"].dt.dayofweek == 6)
    gone |= (frame["unique_id"] == "a") & (frame["ds"] == DAYS[30])
    found = regular_panel(frame[~gone].reset_index(drop=True))
    panel = found.panel
    sundays = (panel["ds"].dt.dayofweek == 6) & (panel["unique_id"] != "s")
    assert panel.loc[sundays, ["open", "available"]].eq(0).all(axis=None) and panel.loc[~sundays, "open"].eq(1).all()
    assert any("2 series without rows on Sundays" in note for note in found.notes)
    assert any("1 period without a row: y is zero" in note for note in found.notes)
    closed = regular_panel(frame[~gone].reset_index(drop=True), missing_y="closed").panel
    assert closed.loc[closed["ds"] == DAYS[30], "open"].tolist() == [0, 1, 1]


def test_products_that_sell_now_and_then_are_not_closed():
    rng = np.random.default_rng(0)
    frame = made(DAYS, ("a", "b"))
    kept = frame[rng.random(168) < 0.3].reset_index(drop=True)
    panel = regular_panel(kept).panel
    assert panel["open"].eq(1).all() and panel["available"].eq(1).all()


def test_closed_days_are_no_days_without_demand():
    frame = made(DAYS).assign(y=7.0)
    frame["open"] = np.tile(week([5, 6]), 2)
    frame["y"] *= frame["open"]
    table = build_features(regular_panel(frame).panel, {**META, "future": ["open"]}).frame
    late = table[table["ds"] > DAYS[30]]
    assert np.allclose(late[["lag_1", "lag_7", "mean_7", "mean_28", "ewm_7"]], 7) and np.allclose(late["std_28"], 0)
    assert late["zero_share"].eq(0).all() and late["since_sale"].eq(0).all()


META = {"freq": "D", "season_length": 7, "country": "DE", "static": [], "historical": [], "horizon": 14}


# Ends and countries ---------------------------------------------------------------------------------------------------


def test_series_that_end_on_different_days():
    parts = {
        "whole": made(DAYS, ["whole"]),
        "empty": made(DAYS, ["empty"]),  # rows without a figure: alive, not known
        "late": made(DAYS[:-5], ["late"]),  # no rows for less than a horizon: not known
        "ended": made(DAYS[:-20], ["ended"]),
        "seldom": made(DAYS[:-20][::21], ["seldom"]),  # gaps as long before: it just does not sell
    }
    parts["empty"].loc[parts["empty"]["ds"] > DAYS[-31], "y"] = np.nan
    found = regular_panel(pd.concat(parts.values(), ignore_index=True), horizon=14)
    last = found.panel.groupby("unique_id")["ds"].max()
    assert last.to_dict() == dict.fromkeys(parts, DAYS[-1]) | {"ended": DAYS[-21]}
    unknown = found.panel[found.panel["available"] == 0].groupby("unique_id").size().to_dict()
    assert unknown == {"empty": 30, "late": 5}
    said = " ".join(found.notes)
    assert "1 series ended more than 14 days" in said and "2 series without a figure in the last periods" in said


def test_series_without_any_figure_are_left_out(tmp_path):
    frame = made(DAYS, ("a", "b"))
    frame.loc[frame["unique_id"] == "b", "y"] = np.nan
    found = regular_panel(frame)
    assert found.panel["unique_id"].unique().tolist() == ["a"] and any("'b'" in n or " b" in n for n in found.notes)
    with pytest.raises(ValueError, match="y is empty in every row"):
        regular_panel(frame.assign(y=np.nan))


def test_holidays_follow_the_country_of_the_series(tmp_path):
    frame = made(pd.date_range("2024-05-25", periods=84), ("a", "b", "c"))
    frame["land"] = np.repeat(["Germany", "US", "DE-BY"], 84)
    prepared = panel_of(tmp_path, frame, 20, country="land")
    assert prepared.meta["country_column"] == "land" and "land" in prepared.meta["static"]
    table = build_features(prepared.panel, prepared.meta).frame.set_index(["unique_id", "ds"])["holiday"]
    fourth, corpus_christi = pd.Timestamp("2024-07-04"), pd.Timestamp("2024-05-30")
    assert [table[(name, fourth)] for name in "abc"] == [0, 1, 0]
    assert [table[(name, corpus_christi)] for name in "abc"] == [0, 0, 1], "a holiday of Bavaria"
    ahead = ahead_features(prepared.panel, prepared.meta).set_index(["unique_id", "ds"])["holiday"]
    assert [ahead[(name, pd.Timestamp("2024-09-02"))] for name in "abc"] == [0, 1, 0], "Labor Day, after the data"
    frame["land"] = "Atlantis"
    with pytest.raises(ValueError, match="'Atlantis' of series 'a' is no country"):
        panel_of(tmp_path, frame, country="land")
    with pytest.raises(ValueError, match=r"static=\[nowhere\]"):
        panel_of(tmp_path, frame, country="nowhere")


@pytest.mark.parametrize(
    "said, code", [("DE", "DE"), ("de", "DE"), ("United States", "US"), ("DE-by", "DE-BY"), ("XX", ""), ("DE-ZZ", "")]
)
def test_codes_and_names_of_countries(said, code):
    assert country_code(said) == code


def test_a_region_has_holidays_of_its_own():
    days = pd.date_range("2024-05-30", periods=1)
    assert calendar_features(days, "DE-BY", "D")["holiday"].tolist() == [1]
    assert calendar_features(days, "DE", "D")["holiday"].tolist() == [0]


def test_what_is_left_out_is_said(tmp_path):
    made(DAYS, ("a", "b", "c", "d")).to_csv(tmp_path / "p.csv", index=False)
    kept = prepare("own_panel", PanelConfig(n_series=3), 14, path=str(tmp_path / "p.csv"))
    assert any("1 of 4 series left out, with 25.0% of the units: n_series=3" in note for note in kept.notes)
    few = prepare("own_data", PanelConfig(n_series=1), 14, path=orders(tmp_path))
    assert any("1 of 2 series left out, with 14.3% of the units" in note for note in few.notes)


# Tripwires ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def chain():
    frame = make_chain(shops=5, days=150, ahead=0)
    found = regular_panel(frame, roles=Roles(("promo", "StateHoliday", "school_holiday")))
    return found.panel, {**META, "future": found.future, "static": found.texts, "horizon": 14}


def test_a_plan_changed_after_the_cutoff_changes_features_only_after_it(chain):
    panel, meta = chain
    cutoff = panel["ds"].unique()[120]
    after = panel["ds"] > cutoff
    other = panel.assign(promo=panel["promo"].where(~after, 1 - panel["promo"]))
    one, two = build_features(panel, meta).frame, build_features(other, meta).frame
    pd.testing.assert_frame_equal(one[~after], two[~after])
    moved = [name for name in one if not one[name].equals(two[name])]
    assert moved == ["promo"], "sales did not change, so nothing but the plan did"


@pytest.mark.parametrize("series", ["S002", "S005"])
def test_a_plan_for_one_series_changes_its_rows_alone(chain, series):
    panel, meta = chain
    told = extend_panel(panel, meta["future"], meta["static"], "D", 14)
    told = told.loc[told["ds"] > panel["ds"].max(), ["unique_id", "ds", "promo"]]
    other = told.assign(promo=told["promo"].where(told["unique_id"] != series, 1 - told["promo"]))
    one, two = ahead_features(panel, meta, told), ahead_features(panel, meta, other)
    mine = one["unique_id"] == series
    pd.testing.assert_frame_equal(one[~mine], two[~mine])
    assert (one.loc[mine, "promo"] == 1 - two.loc[mine, "promo"]).all()
