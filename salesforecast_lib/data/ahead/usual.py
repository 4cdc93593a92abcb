"""Beyond the end of the data: what the shop told, and the usual value where it told nothing (chapter 02)."""

from __future__ import annotations

import re

import pandas as pd

from salesforecast_lib.data.ahead.holidays import closed_holidays
from salesforecast_lib.data.frequency import Frequency, check_freq

KEYS = ["unique_id", "ds"]
_PRICE = re.compile(r"(^|[\W_])(price|preis|prix|precio|prezzo|prijs|preco)|preis\b|价|価格", re.IGNORECASE)
_SELDOM = 0.05  # share of steps with another value, below which a number is a state that lasts
_HOW = {
    "open": "what is usual (of days: on that weekday)",
    "flag": "what is usual (of days: on that weekday)",
    "last": "the last value",
    "mean": "the mean of the last four weeks",
}


def is_price(name: str) -> bool:
    """Whether a column is a price by its name."""
    return _PRICE.search(name) is not None


def kind_of(panel: pd.DataFrame, name: str) -> str:
    """What the usual value of a column is: "open", "flag" (0 or 1), "last" (prices, states that last) or "mean"."""
    if name == "open":
        return "open"
    values = panel[name].dropna()
    if values.isin([0.0, 1.0]).all():
        return "flag"
    if is_price(name):
        return "last"
    moved = panel.groupby("unique_id", sort=False)[name].diff().fillna(0.0) != 0
    return "last" if moved.mean() < _SELDOM and (values == 0).mean() < 0.1 else "mean"


def how_usual(panel: pd.DataFrame, name: str) -> str:
    """Words for what stands in where nothing is told of a column."""
    return _HOW[kind_of(panel, name)]


def usual_values(panel: pd.DataFrame, rows: pd.DataFrame, name: str, frequency: Frequency) -> pd.Series:
    """Usual value of a *future* column in ``rows`` (``unique_id, ds``) after the end of the ``panel``.

    ``open`` and columns of 0 and 1: what each series had most often on the same weekday of the last eight weeks (of
    weeks: in the last eight; of months: in the last two). Prices, and numbers that seldom change: the last value of the
    series. Other numbers: their mean over the last four weeks, or the last month.
    """
    last, kind = panel["ds"].max(), kind_of(panel, name)
    recent = panel[panel["ds"] > last - frequency.periods_in(56) * frequency.offset]
    if kind == "last":
        values = recent.groupby("unique_id")[name].last()
        return rows["unique_id"].map(values).astype("float64")
    if kind == "mean":
        month = recent[recent["ds"] > last - frequency.periods_in(28) * frequency.offset]
        return rows["unique_id"].map(month.groupby("unique_id")[name].mean()).astype("float64")
    whole = frequency.kind != "D"  # all stamps of weeks are one weekday; those of months say nothing
    place = pd.Series(0, recent.index) if whole else recent["ds"].dt.dayofweek
    there = pd.Series(0, rows.index) if whole else rows["ds"].dt.dayofweek
    own = recent.groupby([recent["unique_id"], place])[name].mean()
    key = pd.MultiIndex.from_arrays([rows["unique_id"], there])
    share = pd.Series(own.reindex(key).to_numpy(), index=rows.index)
    share = share.fillna(there.map(recent.groupby(place)[name].mean()))  # a weekday that the series never had
    return (share > 0.5).astype("float64").where(share.notna(), 1.0 if name == "open" else 0.0)


def rows_ahead(panel: pd.DataFrame, freq: str, horizon: int) -> pd.DataFrame:
    """``unique_id, ds`` of the ``horizon`` periods after the data, of every series that is alive at their end."""
    last = panel["ds"].max()
    alive = panel.loc[panel["ds"] == last, "unique_id"]
    steps = check_freq(freq).after(last, horizon)
    return pd.MultiIndex.from_product([alive, steps], names=KEYS).to_frame(index=False)


def extend_panel(
    panel: pd.DataFrame,
    future: list[str],
    static: list[str],
    freq: str,
    horizon: int,
    plan: pd.DataFrame | None = None,
    countries: pd.Series | None = None,
) -> pd.DataFrame:
    """Append the ``horizon`` periods after the end of the data to every series that is alive then.

    Of these periods ``y`` and everything observed is missing. Static columns are carried on. *Future* columns are what
    the ``plan`` tells, and where it tells nothing what is usual, see `usual_values`.

    Parameters
    ----------
    freq : pandas alias of the panel's frequency.
    plan : ``unique_id, ds`` and some of the future columns, missing where nothing is told.
    countries : code of the country by ``unique_id``: public holidays on which a series always was closed are closed
        ahead, see `closed_holidays`; without it they are days like others.
    """
    rows = told_or_usual(panel, future, static, freq, horizon, plan, countries)
    return pd.concat([panel, rows], ignore_index=True).sort_values(KEYS, kind="stable", ignore_index=True)


def told_or_usual(
    panel: pd.DataFrame,
    future: list[str],
    static: list[str],
    freq: str,
    horizon: int,
    plan: pd.DataFrame | None = None,
    countries: pd.Series | None = None,
) -> pd.DataFrame:
    """The rows that `extend_panel` appends: ``unique_id, ds, available``, the static and the *future* columns."""
    last, frequency = panel["ds"].max(), check_freq(freq)
    ending = panel[panel["ds"] == last].set_index("unique_id")
    rows = rows_ahead(panel, freq, horizon)
    for name in static:
        rows[name] = rows["unique_id"].map(ending[name])
    told = None if plan is None or plan.empty else rows[KEYS].merge(plan, on=KEYS, how="left")
    for name in future:
        rows[name] = usual_values(panel, rows, name, frequency)
        if name == "open" and countries is not None:
            rows[name] = rows[name].mask(closed_holidays(panel, rows, frequency, countries) != "", 0.0)
        if told is not None and name in told:
            rows[name] = told[name].where(told[name].notna(), rows[name])
    rows["available"] = (rows["open"] > 0).astype("float64") if "open" in future else 1.0
    return rows
