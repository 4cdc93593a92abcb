"""The periods after the data: what is told of them, and the usual value where nothing is told (chapter 02)."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from salesforecast_lib.data.ahead.categories import Category
from salesforecast_lib.data.frequency import Frequency


def usual_values(panel: pd.DataFrame, rows: pd.DataFrame, name: str, frequency: Frequency) -> pd.Series:
    """Usual value of a column known ahead in each of the ``rows`` after the panel, series by series.

    - A *flag* (nothing but 0 and 1): what it was in most of the same weekdays of the last eight weeks, or in most of
      the last eight weeks or two months; 0 where it was 1 in just half of them.
    - A *state* (never zero, and unchanged in most periods, such as a price): its last value.
    - Everything else, such as the share of products on display: its mean over the last four weeks or the last month.

    Parameters
    ----------
    rows : ``unique_id, ds``; a series without any value gets 0.
    """
    last = panel["ds"].max()
    recent = panel[panel["ds"] > last - frequency.periods_in(56) * frequency.offset]
    values = panel[name]
    if values.isin((0.0, 1.0)).all():
        keys = ["unique_id"] if frequency.kind != "D" else ["unique_id", "weekday"]
        phase = recent.assign(weekday=recent["ds"].dt.dayofweek).groupby(keys)[name].mean().rename("usual")
        asked = rows.assign(weekday=rows["ds"].dt.dayofweek)[keys].merge(phase, on=keys, how="left")["usual"]
        usual = (asked > 0.5).astype("float64")
    elif is_state(panel, name):
        usual = rows["unique_id"].map(panel.groupby("unique_id")[name].last())
    else:
        month = recent[recent["ds"] > last - frequency.periods_in(28) * frequency.offset]
        usual = rows["unique_id"].map(month.groupby("unique_id")[name].mean())
    return pd.Series(usual.to_numpy("float64"), index=rows.index).fillna(0.0)


def is_state(panel: pd.DataFrame, name: str) -> bool:
    """Whether a number stays what it is until it changes, as a price does: never zero, mostly as in the period before.

    Rows are sorted by series and period.
    """
    values = panel[name]
    if not (values.dropna() > 0).all():
        return False
    same_series = panel["unique_id"].eq(panel["unique_id"].shift())
    return bool(values.eq(values.shift())[same_series].mean() > 0.5)


def with_plan(rows: pd.DataFrame, plan: pd.DataFrame | None, future: list[str]) -> pd.DataFrame:
    """``rows`` (``unique_id, ds`` and future columns) with the values that the plan tells; its gaps change nothing.

    Parameters
    ----------
    plan : ``unique_id, ds`` and any of the future columns, missing where nothing is told; each key once.
    """
    names = [] if plan is None else [name for name in future if name in plan]
    if plan is None or not names:
        return rows
    keys = ["unique_id", "ds"]
    told = rows[keys].merge(plan[[*keys, *names]], on=keys, how="left", validate="1:1")
    for name in names:
        value = pd.Series(told[name].to_numpy("float64"), index=rows.index)
        rows[name] = value.fillna(rows[name]) if name in rows else value
    return rows


def within_horizon(
    told: pd.DataFrame,
    panel: pd.DataFrame,
    future: list[str],
    categories: Mapping[str, Category],
    frequency: Frequency,
    horizon: int,
) -> tuple[pd.DataFrame | None, list[str]]:
    """What is told of the horizon's periods, and for each column known ahead of how many of its rows; ``open`` counts
    where it is told at all.

    Parameters
    ----------
    told : ``unique_id, ds`` and future columns, missing where nothing is told; periods beyond the horizon are cut off.
    categories : columns of 0 and 1 are counted as the column that they were made of.
    """
    last = panel["ds"].max()
    alive = panel.loc[panel["ds"] == last, "unique_id"]
    steps = frequency.after(last, horizon)
    plan = told[told["unique_id"].isin(alive) & told["ds"].isin(steps)] if len(told) else told
    notes = []
    beyond = int((told["ds"] > steps[-1]).sum()) if len(told) else 0
    if beyond:
        notes.append(f"{beyond} rows tell of periods after the horizon, which ends on {steps[-1].date()}: not used")
    size = len(alive) * horizon
    origin = {made: name for name, category in categories.items() for made in category.made}
    for name in dict.fromkeys(origin.get(name, name) for name in future):
        column = next((made for made, source in origin.items() if source == name), name)
        count = int(plan[column].notna().sum()) if column in plan else 0
        if size and (count or name != "open"):
            usual = f"the usual value stands in for {1 - count / size:.0%}"
            notes.append(f"column {name!r}: told for {count / size:.0%} of the {size} rows ahead; {usual}")
    empty = plan.empty or plan.drop(columns=["unique_id", "ds"]).isna().all(axis=None)
    return None if empty else plan.reset_index(drop=True), notes
