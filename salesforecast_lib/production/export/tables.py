"""The calendar, the usual values and the carried state of a run, as the arrays of a model folder (chapter 14)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.ahead.usual import rows_ahead, usual_values
from salesforecast_lib.data.calendar import calendar_features
from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.models.forecaster import Forecaster, carry_history
from salesforecast_lib.models.forecaster.carried import CarriedState

YEARS = 3  # that the calendar reaches beyond the cutoff
_SERIES = 1000  # whose histories are read at a time


def told_columns(table: FeatureTable, forecaster: Forecaster) -> list[str]:
    """Future columns of the network that a shop may tell; the others follow from the date."""
    return [name for name in forecaster.vocabulary.future if name in table.groups.get("promotion", [])]


def calendar_arrays(
    table: FeatureTable, meta: dict[str, Any], columns: list[str], cutoff: pd.Timestamp
) -> dict[str, np.ndarray]:
    """``days`` since 1970 of the periods, from the one before the data to some years after the cutoff, and by the code
    of each country (periods, columns).

    Raises
    ------
    ValueError
        When a column does not follow from the date.
    """
    frequency = check_freq(str(meta["freq"]))
    last = cutoff + pd.DateOffset(years=YEARS) + (int(meta["horizon"]) + 1) * frequency.offset
    first = table.frame["ds"].min() - frequency.offset  # the period before a series' first one, see `LiveModel.begin`
    days = pd.date_range(first, last, freq=frequency.alias)
    arrays = {"days": days.to_numpy().astype("datetime64[D]").astype("int64")}
    for code in countries(table, meta):
        found = calendar_features(days, code, str(meta["freq"]), meta.get("stamp", "end"))
        missing = [name for name in columns if name not in found]
        if missing:
            raise ValueError(f"features: the future columns {missing} follow neither from the date nor from the plan")
        arrays[code] = np.ascontiguousarray(found[columns].to_numpy("float32"))
    return arrays


def countries(table: FeatureTable, meta: dict[str, Any]) -> list[str]:
    """Codes of the countries of the series, the most frequent first."""
    column = meta.get("country_column", "")
    if not column:
        return [str(meta.get("country", "") or "US")]
    return [str(code) for code in table.frame[column].value_counts().index]


def usual_arrays(
    table: FeatureTable,
    meta: dict[str, Any],
    ahead: pd.DataFrame,
    told: list[str],
    cutoff: pd.Timestamp,
    ids: list[str],
) -> dict[str, np.ndarray]:
    """What stands in where nothing is told: ``usual`` (phases, told) of all series, ``own`` (series, phases, told), and
    ``planned`` (series, horizon, told), the run's own plan; phases are weekdays for days.
    """
    frequency, horizon = check_freq(str(meta["freq"])), int(meta["horizon"])
    phases = 7 if frequency.kind == "D" else 1
    panel = table.frame.loc[table.frame["ds"] <= cutoff, ["unique_id", "ds", *told]]
    rows = rows_ahead(panel, frequency.alias, phases)
    number = pd.Index(ids)
    place = number.get_indexer(rows["unique_id"])
    phase = rows["ds"].dt.dayofweek.to_numpy() if phases > 1 else np.zeros(len(rows), dtype="int64")
    own = np.full((len(ids), phases, len(told)), np.nan, dtype="float32")
    planned = np.full((len(ids), horizon, len(told)), np.nan, dtype="float32")
    steps = frequency.after(cutoff, horizon)
    there, when = number.get_indexer(ahead["unique_id"]), steps.get_indexer(ahead["ds"])
    inside = (there >= 0) & (when >= 0)
    for k, name in enumerate(told):
        own[place, phase, k] = usual_values(panel, rows, name, frequency).to_numpy("float32")
        planned[there[inside], when[inside], k] = ahead.loc[inside, name].to_numpy("float32")
    usual = np.zeros((phases, len(told)), dtype="float32")
    for k in range(len(told)):
        column = pd.DataFrame(own[:, :, k])
        usual[:, k] = column.median().fillna(0.0).to_numpy("float32")
    return {"usual": usual, "own": own, "planned": planned}


def state_numbers(forecaster: Forecaster, frame: pd.DataFrame, cutoff: pd.Timestamp) -> tuple[list[str], np.ndarray]:
    """Names of the series that live at the cutoff, and a row of numbers each, as `live.states.Layout` has it."""
    alive = sorted(frame.loc[frame["ds"] == cutoff, "unique_id"].unique())
    parts = []
    for begin in range(0, len(alive), _SERIES):
        some = frame[frame["unique_id"].isin(alive[begin : begin + _SERIES])]
        state = carry_history(forecaster, some, cutoff)
        order = np.argsort(state.names.astype(str), kind="stable")
        names = [str(name) for name in state.names[order]]
        if names != [str(name) for name in alive[begin : begin + _SERIES]]:
            raise ValueError(f"features: the series are not those that live at {cutoff.date()}")
        parts.append(numbers_of(state)[order])
    return [str(name) for name in alive], np.concatenate(parts)


def numbers_of(state: CarriedState) -> np.ndarray:
    """A row of numbers for each series of a carried state, (series, K)."""
    n = len(state.names)
    carried = [each.permute(1, 0, 2).reshape(n, -1).double().cpu().numpy() for each in state.carried]
    level = np.stack([state.mean, state.size, state.seen, state.age, state.known], 1).astype("float64")
    ring = [each.double().cpu().numpy() for each in (state.y, state.available)]
    return np.concatenate([*carried, *ring, level, state.static.double().cpu().numpy()], 1)


def first_levels(table: FeatureTable, forecaster: Forecaster, cutoff: pd.Timestamp) -> dict[str, Any]:
    """Usual level of products by category, for one without any history; as `Forecaster.first_days` takes it."""
    past = table.frame[table.frame["ds"] <= cutoff]
    past = past[past.groupby("unique_id")["ds"].transform("max") == cutoff]
    recent = past[(past["available"] > 0) & (past.groupby("unique_id").cumcount(ascending=False) < forecaster.window)]
    static = list(forecaster.vocabulary.static)
    products = recent.groupby("unique_id", observed=True).agg({"y": "mean", **dict.fromkeys(static, "last")})
    by = {name: products.groupby(products[name].astype(str))["y"].median().to_dict() for name in static}
    return {"all": float(products["y"].median()) if len(products) else 0.0, "by": by}
