"""Closed days, rebuilt shops and series that end: nothing of it is taken for a day without demand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from salesforecast_lib.data.ahead import extend_panel
from salesforecast_lib.data.own import read_panel, regular_panel
from tests.unit.chain import make_chain

DAYS = pd.date_range("2024-01-01", "2024-06-30")  # Monday to Sunday
WEEKDAY = DAYS.dayofweek.to_numpy()


def shop(name: str, y=10.0, days=DAYS, **columns) -> pd.DataFrame:
    return pd.DataFrame({"unique_id": name, "ds": days, "y": y, **columns})


def said(notes: list[str], *words: str) -> bool:
    return any(all(word in note for word in words) for note in notes)


COLUMNS = {  # header: what it holds on six open days and a closed one
    "open": ("1", "0"),
    "Open": ("yes", "no"),
    "is_open": ("true", "false"),
    "geöffnet": ("ja", "nein"),
    "abierto": ("sí", "no"),
    "open ": ("open", "closed"),
    "closed": ("0", "1"),
    "Geschlossen": ("nein", "ja"),
    "Fermé": ("non", "oui"),
    "StoreClosed": ("0", "1"),
    "is closed": ("FALSE", "TRUE"),
    "休業日": ("0", "1"),
}


@pytest.mark.parametrize("header", COLUMNS)
def test_a_column_of_closures_is_known_by_its_name_and_cells(tmp_path, header):
    usual, shut = COLUMNS[header]
    rows = shop("a", np.where(WEEKDAY < 6, 10, 0), **{header: np.where(WEEKDAY < 6, usual, shut)})
    rows.to_csv(tmp_path / "panel.csv", index=False)
    found = read_panel(str(tmp_path / "panel.csv"))[0]
    closed = found.panel["ds"].dt.dayofweek == 6
    assert ((found.panel["open"] == 0) == closed).all() and found.future[0] == "open"
    assert (found.panel.loc[closed, "available"] == 0).all() and (found.panel.loc[~closed, "available"] == 1).all()
    assert header.strip() in ("open", "Open") or said(found.notes, "'open' in the panel")


@pytest.mark.parametrize("values", [[101.5, 102.25], [6, 7], ["am", "pm"]])
def test_a_column_called_open_that_says_something_else_is_no_closure(values):
    cells = np.resize(np.array(values, dtype=object), len(DAYS))
    if isinstance(values[0], str):
        with pytest.raises(ValueError, match="column 'open' holds 'am'"):
            regular_panel(shop("a", open=cells))
        return
    found = regular_panel(shop("a", open=cells))
    assert (found.panel["open"] == 1).all() and found.numeric == ["open (given)"]
    assert said(found.notes, "'open (given)'")


def test_a_sale_on_a_closed_day_is_kept_and_said():
    open_ = (WEEKDAY < 6).astype(float)
    y = np.where(open_ == 1, 10.0, 0.0)
    y[[6, 13]] = 4
    found = regular_panel(shop("a", y, open=open_)).panel.set_index("ds")
    assert found["y"].sum() == y.sum() and (found.loc[DAYS[[6, 13]], ["open", "available"]] == 1).all(axis=None)
    assert said(regular_panel(shop("a", y, open=open_)).notes, "2 periods said to be closed with a sale")


def test_closures_belong_to_the_series_also_ahead():
    shops = [shop(f"s{n}", np.where(WEEKDAY < 6, 10.0, 0.0), open=(WEEKDAY < 6).astype(float)) for n in range(5)]
    found = regular_panel(pd.concat([*shops, shop("sunday", open=1.0)], ignore_index=True))
    ahead = extend_panel(found.panel, found.future, [], "D", 14)
    ahead = ahead[(ahead["ds"] > DAYS[-1]) & (ahead["ds"].dt.dayofweek == 6)]
    assert ahead.groupby("unique_id")["open"].max().to_dict() == {**{f"s{n}": 0.0 for n in range(5)}, "sunday": 1.0}
    assert (ahead["available"] == ahead["open"]).all()


def gaps(*series: pd.DataFrame, missing_y: str = "zero"):
    return regular_panel(pd.concat(series, ignore_index=True), missing_y=missing_y)


def test_weekdays_without_a_row_are_closed_days_of_that_series_and_said():
    found = gaps(shop("a")[WEEKDAY < 6], shop("b")[WEEKDAY != 0], shop("c"))
    closed = found.panel[found.panel["open"] == 0]
    days = closed.groupby("unique_id")["ds"].agg(lambda ds: set(ds.dt.dayofweek)).to_dict()
    assert days == {"a": {6}, "b": {0}} and (closed["available"] == 0).all()
    assert said(found.notes, "2 series without rows on Mondays and Sundays", "closed")


@pytest.mark.parametrize("share", [0.1, 0.3])
def test_a_file_of_sales_only_keeps_its_zeros(share):
    sold = np.random.default_rng(0).random(len(DAYS)) < share
    sold[[0, -1]] = True
    found = gaps(shop("slow")[sold], shop("usual"))
    slow = found.panel[found.panel["unique_id"] == "slow"]
    assert (slow["available"] == 1).all() and (slow["y"] == 0).sum() == (~sold).sum()


REBUILT = (DAYS >= "2024-03-04") & (DAYS < "2024-05-06")


@pytest.mark.parametrize("sunday", [True, False])
def test_one_long_gap_of_a_shop_is_not_half_a_year_of_zero_sales(sunday):
    kept = np.full(len(DAYS), True) if sunday else WEEKDAY < 6
    found = gaps(shop("rebuilt")[kept & ~REBUILT], shop("usual"))
    there = found.panel[found.panel["unique_id"] == "rebuilt"].set_index("ds")
    assert len(there) == len(DAYS)
    assert (there.loc[REBUILT, "available"] == 0).all() and (there.loc[kept & ~REBUILT, "available"] == 1).all()
    assert (there.loc[~kept, "available"] == 0).all() and said(found.notes, "'rebuilt'", "not known", "y 0")


def test_gaps_that_come_again_or_were_told_are_what_missing_y_says():
    days = pd.date_range("2022-01-01", "2024-12-31")
    season = shop("ice", days=days)[(days.month >= 5) & (days.month <= 9)]
    found = gaps(season, shop("usual", days=days)).panel
    inside = found[(found["unique_id"] == "ice") & (found["ds"] < season["ds"].max())]
    assert (inside["available"] == 1).all() and (inside["y"] == 0).any()
    written = shop("a").assign(y=np.where(REBUILT, 0.0, 10.0))
    assert (gaps(written).panel["available"] == 1).all(), "zeros in the file are sales of zero"


def test_a_chain_of_open_days_tells_the_same_closures_as_its_column():
    chain = make_chain(12, 500)
    truth = chain[["unique_id", "ds", "open"]]
    found = regular_panel(chain[chain["open"] == 1].drop(columns="open"), horizon=42)
    both = found.panel.merge(truth, on=["unique_id", "ds"], suffixes=("", "_true"))
    assert ((both["available"] > 0) == (both["open_true"] > 0)).all()
    ahead = found.ahead.merge(truth, on=["unique_id", "ds"], suffixes=("", "_true"))
    assert len(ahead) == 12 * 42 and (ahead["open"] == ahead["open_true"]).all()


def test_rows_ahead_that_tell_some_days_only_close_no_other():
    past = shop("a")[WEEKDAY < 6].assign(promo=0.0)
    later = pd.date_range(DAYS[-1], periods=29)[1:]
    some = shop("a", np.nan, later, promo=1.0).iloc[[1, 2, 9, 10]]
    found = gaps(past, some, shop("b").assign(promo=0.0))
    assert "open" not in found.ahead or found.ahead["open"].isna().all()


ENDS = {  # what the file has of the last 40 days: rows of the series there, whether it is forecast, their available
    "rows without a figure": (shop("x").assign(y=np.where(DAYS > DAYS[-41], np.nan, 10.0)), True, 0),
    "no rows for a week": (shop("x").iloc[:-7], True, 0),
    "no rows for 40 days": (shop("x").iloc[:-40], False, None),
}


@pytest.mark.parametrize("case", ENDS)
def test_series_end_on_their_own_day(case):
    rows, alive, available = ENDS[case]
    found = regular_panel(pd.concat([rows, shop("usual")], ignore_index=True), horizon=28)
    there = found.panel[found.panel["unique_id"] == "x"].set_index("ds")
    assert (there.index.max() == DAYS[-1]) == alive and there["y"].sum() == rows["y"].sum()
    if alive:
        after = there[there.index > rows.loc[rows["y"].notna(), "ds"].max()]
        assert len(after) >= 7 and (after["available"] == available).all()
    assert said(found.notes, "1 series", "'x'")


def test_a_slow_seller_has_not_ended():
    sold = DAYS.isin(pd.date_range(DAYS[0], periods=4, freq="45D"))
    found = regular_panel(pd.concat([shop("slow")[sold], shop("usual")], ignore_index=True), horizon=28)
    slow = found.panel[found.panel["unique_id"] == "slow"]
    assert slow["ds"].max() == DAYS[-1] and (slow["available"] == 1).all()
