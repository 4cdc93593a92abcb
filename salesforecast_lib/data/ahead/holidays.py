"""Public holidays ahead on which a series was always closed before (chapters 01 and 02)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.calendar import holiday_names
from salesforecast_lib.data.frequency import Frequency
from salesforecast_lib.wording import first_names

_ALWAYS = 0.8  # share of past holidays on which a series was closed
_LEAST = 3  # past holidays that say something of one that the series never had
_CHANCE = 0.05  # the closures may not be as probable by chance, as often as the series closes on other days
_PLACE = " @ "  # between product and place in the name of a series


def series_countries(panel: pd.DataFrame, meta: Mapping[str, Any]) -> pd.Series:
    """Code of the country of each series, by ``unique_id``; ``meta`` is the panel's description."""
    first = panel.drop_duplicates("unique_id").set_index("unique_id")
    column = meta.get("country_column", "")
    return first[column].astype(str) if column else pd.Series(str(meta.get("country", "")), first.index)


def closed_holidays(panel: pd.DataFrame, rows: pd.DataFrame, frequency: Frequency, countries: pd.Series) -> pd.Series:
    """Which of ``rows`` after the data are public holidays on which their series (almost) always was closed.

    What counts are past holidays of the same name, on weekdays on which the series usually is open; where it had none,
    all of its past holidays, at least three. A series without any takes those of the others of its place and country.
    Closures that are as frequent on other days prove nothing.

    Parameters
    ----------
    panel : the data, with ``open``. ``rows`` : ``unique_id, ds``.
    countries : code of the country by ``unique_id``.

    Returns
    -------
    Series of texts, index of ``rows``: name of the holiday and on how many past ones the series was closed; "" where
    nothing is known of a closure, and with other periods than days.
    """
    found = pd.Series("", index=rows.index, dtype=object)
    if frequency.kind != "D" or rows.empty or not (panel["open"] <= 0).any():
        return found
    names = _names(pd.concat([panel["ds"], rows["ds"]]), countries)
    ahead = _known(rows, names, countries)
    ahead = ahead[ahead["holiday"] != ""]
    if ahead.empty:
        return found
    past = _known(panel, names, countries).assign(closed=panel["open"] <= 0)
    usual = past[past["holiday"] == ""].groupby(["unique_id", "weekday"])["closed"].mean().rename("chance")
    past = past.join(usual, on=["unique_id", "weekday"])
    past = past[(past["holiday"] != "") & (past["chance"] < 0.5)]
    told = ahead.join(usual, on=["unique_id", "weekday"])
    others = past.groupby(["pool", "ds", "holiday"], as_index=False)["closed"].mean()  # one vote for each day
    others["closed"] = others["closed"] >= _ALWAYS
    own = told["unique_id"].isin(past["unique_id"])
    named, every = _closures(told, past, "unique_id", True), _closures(told, past, "unique_id", False)
    lent_named, lent = _closures(told, others, "pool", True), _closures(told, others, "pool", False)
    named, every = named.where(own, lent_named), every.where(own, lent)
    chance = told["chance"].fillna(usual.mean())

    def proves(table: pd.DataFrame, least: int) -> pd.Series:
        closed, count = table["closed"], table["count"]
        return (count >= least) & (closed >= _ALWAYS * count) & (chance**closed < _CHANCE)

    alike = (named["count"] == 0) | (named["closed"] >= _ALWAYS * named["count"])
    by_name, by_all = proves(named, 1), proves(every, _LEAST) & alike
    counts = named.where(by_name, every).astype("int64").astype(str)
    kind = pd.Series(np.where(by_name, "past ones", "past holidays"), told.index)
    says = told["holiday"] + " (closed on " + counts["closed"] + " of " + counts["count"] + " " + kind + ")"
    found.loc[told.index] = says.where(by_name | by_all, "")
    return found


def said_holidays(panel: pd.DataFrame, told: pd.DataFrame, frequency: Frequency, countries: pd.Series) -> list[str]:
    """A sentence on the holidays ahead that are taken as closed; ``told`` is what the shop told, see `told_ahead`."""
    rows = told[told["open"].isna()] if "open" in told else told
    shut = rows.assign(says=closed_holidays(panel, rows, frequency, countries))
    shut = shut[shut["says"] != ""]
    if shut.empty:
        return []
    days = shut.groupby(["ds", "says"], sort=True).size()
    texts = [f"{day.date()} {text} for {count} series" for (day, text), count in days.items()]
    return [f"open: told from past holidays, closed on {first_names(texts, 8)}; open: 1 in the plan opens them"]


def _names(days: pd.Series, countries: pd.Series) -> pd.Series:
    """Name of the holiday by code and day."""
    every = pd.DatetimeIndex(days.unique())
    return pd.concat({code: holiday_names(every, code) for code in countries.unique()})


def _known(rows: pd.DataFrame, names: pd.Series, countries: pd.Series) -> pd.DataFrame:
    """``unique_id, ds`` with the holiday, the weekday and whom a series without holidays is like."""
    code = rows["unique_id"].map(countries)
    key = pd.MultiIndex.from_arrays([code, rows["ds"]])
    place = rows["unique_id"].astype(str).str.rpartition(_PLACE)
    return rows[["unique_id", "ds"]].assign(
        holiday=names.reindex(key).fillna("").to_numpy(),
        weekday=rows["ds"].dt.dayofweek,
        pool=code + "|" + place[2].where(place[1] != "", ""),
    )


def _closures(told: pd.DataFrame, past: pd.DataFrame, group: str, by_name: bool) -> pd.DataFrame:
    """How many past holidays there are for each row of ``told`` (``count``), and how many of them were ``closed``."""
    keys = [group, "holiday"] if by_name else [group]
    table = past.groupby(keys)["closed"].agg(["sum", "size"]).set_axis(["closed", "count"], axis=1).astype("float64")
    return told[keys].join(table, on=keys)[["closed", "count"]].fillna(0.0)
