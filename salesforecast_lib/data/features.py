"""Features with declared roles, none of which looks past its own day (chapter 02).

*static* describes a series, *historical* is known once the period is over, *future* is known ahead.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.ahead.holidays import series_countries
from salesforecast_lib.data.blocks import WORTH, in_order, series_blocks
from salesforecast_lib.data.calendar import calendar_features, inner_season
from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.data.panel import extend_panel
from salesforecast_lib.data.past import PastWindows
from salesforecast_lib.files import read_json, resolve, write_json, write_parquet
from salesforecast_lib.spread import on_cluster, side_by_side

ROLES = ("static", "historical", "future")


@dataclass
class FeatureTable:
    """``frame`` with one row per series and period; ``roles`` and ``groups`` name the columns.

    ``in_units`` lists the columns measured in units of ``y``: a network divides them by the window's scale.
    """

    frame: pd.DataFrame
    roles: dict[str, list[str]]
    groups: dict[str, list[str]] = field(default_factory=dict)
    in_units: list[str] = field(default_factory=list)

    def add(self, group: str, role: str, columns: dict[str, Any], in_units: bool = False) -> None:
        """Add columns under a group and a role; raises ValueError on an unknown role or a name used twice."""
        if role not in ROLES:
            raise ValueError(f"role={role!r}: expected one of {ROLES}")
        taken = sorted(set(columns) & {name for names in self.roles.values() for name in names})
        if taken:
            raise ValueError(f"features {taken} are declared twice")
        for name, values in columns.items():
            self.frame[name] = values
        self.roles[role] += list(columns)
        self.groups.setdefault(group, []).extend(columns)
        if in_units:
            self.in_units += list(columns)


def build_features(
    panel: pd.DataFrame, meta: dict[str, Any], prices: pd.Series | None = None, ahead_only: bool = False
) -> FeatureTable:
    """Build every feature of the book from a panel sorted by ``unique_id, ds``.

    A historical feature in row ``ds`` uses rows up to and including ``ds``: it is known at the close of that period
    and may enter a history window ending there, never a later target. A stage on a cluster hands it blocks of series.

    Parameters
    ----------
    meta : ``panel.json``: freq, season_length, country and the declared raw covariates.
    prices : of `usual_prices` of all series, where the panel holds some of them.
    ahead_only : leave out what follows from sales, which is not known ahead.

    Raises
    ------
    ValueError
        When a declared covariate is missing or the panel is not sorted.
    """
    raw = [*meta["static"], *meta["historical"], *meta["future"]]
    missing = [name for name in ("unique_id", "ds", "y", "available", *raw) if name not in panel]
    if missing:
        raise ValueError(f"panel: missing columns {missing}; expected those declared in panel.json")
    if not in_order(panel):
        raise ValueError("panel: rows are not sorted by unique_id and ds; sort it and reset the index")
    blocks = series_blocks(panel) if on_cluster() and len(panel) >= WORTH and not ahead_only else []
    if len(blocks) > 1:
        usual = usual_prices(panel, meta) if prices is None else prices
        parts = side_by_side(build_features, blocks, [part["unique_id"].unique() for part in blocks], (meta, usual))
        return replace(parts[0], frame=pd.concat([part.frame for part in parts], ignore_index=True))
    season = inner_season(meta["freq"])
    frame = panel.copy()
    table = FeatureTable(frame, {role: [] for role in ROLES})
    days = pd.DatetimeIndex(frame["ds"].unique()).sort_values()
    calendar = _calendar_rows(frame, days, meta)
    year = [name for name in calendar if name.startswith("year_")]
    table.add("calendar", "future", {name: values for name, values in calendar.items() if name not in year})
    table.add("seasonality", "future", {name: calendar[name] for name in year})
    table.add("promotion", "future", {name: frame[name] for name in meta["future"]})
    table.add("hierarchy", "static", {name: frame[name].astype(str) for name in meta["static"]})

    if not ahead_only:
        _sales_features(table, frame, season)
    _price_features(table, frame, meta, season, prices)
    _behaviour_features(table, frame, meta, season)
    rest = [name for name in meta["historical"] if name not in table.roles["historical"]]
    numeric = {name: frame[name].fillna(0.0) for name in rest}
    if numeric:
        table.add("other", "historical", numeric)
    return table


def _sales_features(table: FeatureTable, frame: pd.DataFrame, season: int) -> None:
    """Lags, levels, spread, trend and recency of the sales."""
    seen = frame["available"] > 0  # a closed day is no day without demand
    past = PastWindows(frame, frame["y"].where(seen))
    means = {k: past.mean(k).fillna(0.0) for k in (season, 4 * season, 8 * season)}
    usual = PastWindows(frame, means[season])
    table.add(
        "lags",
        "historical",
        {f"lag_{k}": past.lag(k).fillna(usual.lag(k)).fillna(0.0) for k in (1, season, 2 * season, 4 * season)},
        in_units=True,
    )
    spread = past.std(4 * season)
    table.add(
        "rolling",
        "historical",
        {**{f"mean_{k}": v for k, v in means.items()}, f"std_{4 * season}": spread},
        in_units=True,
    )
    table.add(
        "smoothing",
        "historical",
        {f"ewm_{k}": past.smoothed(k).fillna(0.0) for k in (season, 4 * season)},
        in_units=True,
    )
    table.add("trend", "historical", {"trend": means[season] - means[4 * season]}, in_units=True)
    sold = frame["y"] > 0
    age = frame.groupby("unique_id", sort=False, observed=True).cumcount()
    step = seen.groupby(frame["unique_id"], sort=False).cumsum() - 1
    last = step.where(sold).groupby(frame["unique_id"], sort=False).ffill()
    since = np.log1p((step - last).fillna(step).clip(lower=0))
    age = np.minimum(np.log1p(age) / np.log(366), 1.0)
    table.add(
        "recency",
        "historical",
        {
            "since_sale": since,
            "age": age,
            "zero_share": PastWindows(frame, (frame["y"] == 0).where(seen)).mean(4 * season).fillna(0.0),
        },
    )


def _calendar_rows(frame: pd.DataFrame, days: pd.DatetimeIndex, meta: dict[str, Any]) -> dict[str, np.ndarray]:
    """Features of the calendar in each row (rows,), with the holidays of the series' own country."""
    column, position = meta.get("country_column", ""), days.get_indexer(frame["ds"])
    codes = frame[column] if column else pd.Series(meta["country"], index=frame.index)
    found: dict[str, np.ndarray] = {}
    for code in codes.unique():
        table, rows = calendar_features(days, str(code), meta["freq"], meta.get("stamp", "end")), codes == code
        for name in table:
            values = found.setdefault(name, np.empty(len(frame)))
            values[rows] = table[name].to_numpy()[position[rows]]
    return found


def ahead_features(panel: pd.DataFrame, meta: dict[str, Any], plan: pd.DataFrame | None = None) -> pd.DataFrame:
    """*Future* columns of the horizon after the end of the data: ``unique_id, ds`` and one row per period ahead.

    ``plan`` holds what is told of it, see `extend_panel`.
    """
    where = series_countries(panel, meta)
    extended = extend_panel(panel, meta["future"], meta["static"], meta["freq"], meta["horizon"], plan, where)
    table = build_features(extended, meta)
    rows = table.frame["ds"] > panel["ds"].max()
    return table.frame.loc[rows, ["unique_id", "ds", *table.roles["future"]]].reset_index(drop=True)


def _log_price(frame: pd.DataFrame) -> pd.Series:
    log_price = np.log(frame["price"].where(frame["price"] > 0))
    return log_price.groupby(frame["unique_id"], sort=False, observed=True).ffill().fillna(0.0)


def usual_prices(panel: pd.DataFrame, meta: dict[str, Any]) -> pd.Series | None:
    """Median logarithm of the price by value of the first static column and period; None where there is no price."""
    if not meta["static"] or not {"price"} & {*meta["historical"], *meta["future"]}:
        return None
    return _log_price(panel).groupby([panel[meta["static"][0]].astype(str), panel["ds"]], observed=True).median()


def _price_features(
    table: FeatureTable, frame: pd.DataFrame, meta: dict[str, Any], season: int, usual: pd.Series | None
) -> None:
    """Price level against its own past, relative to the category, volatility, discount depth and a combination.

    Where prices are known ahead, so is their level, and with the discount also known the combination. The price beside
    those of the category is only observed: what is planned for one product says nothing of another.
    """
    if not {"price"} & {*meta["historical"], *meta["future"]}:
        return
    role = {name: "future" if name in meta["future"] else "historical" for name in ("price", "discount")}
    frame["_log_price"] = _log_price(frame)
    past = PastWindows(frame, frame["_log_price"])
    level = frame["_log_price"] - past.median(12 * season)
    volatility = past.std(4 * season).clip(-2, 2)
    table.add("price", role["price"], {"price_level": level.clip(-2, 2), "price_volatility": volatility})
    if meta["static"]:
        group = [frame[meta["static"][0]], frame["ds"]]
        if usual is None:
            middle = frame["_log_price"].groupby(group, observed=True).transform("median")
        else:
            key = pd.MultiIndex.from_arrays([group[0].astype(str), frame["ds"]])
            middle = pd.Series(usual.reindex(key).to_numpy(), index=frame.index)
        relative = (frame["_log_price"] - middle).clip(-2, 2)
        table.add("price", "historical", {"relative_price": relative})
    if "discount" in meta["historical"] or "discount" in meta["future"]:
        depth = frame["discount"].fillna(0.0)
        if role["discount"] == "historical":
            table.add("price", "historical", {"discount": depth})
        weekend = (frame["ds"].dt.dayofweek >= 5) | (check_freq(meta["freq"]).kind != "D")  # each longer period has one
        busy = frame.get("open", pd.Series(1.0, index=frame.index)) * weekend
        both = "future" if set(role.values()) == {"future"} else "historical"
        table.add("combinations", both, {"discount_x_weekend": depth * busy, "discount_x_level": depth * level})
    del frame["_log_price"]


def _behaviour_features(table: FeatureTable, frame: pd.DataFrame, meta: dict[str, Any], season: int) -> None:
    """Who bought: smoothed buyers and baskets (in units of y) and the share of buyers who came back."""
    names = [name for name in ("buyers", "baskets") if name in meta["historical"]]
    if names:
        table.add(
            "behaviour",
            "historical",
            {f"{name}_mean": PastWindows(frame, frame[name]).mean(season) for name in names},
            in_units=True,
        )
        table.add("behaviour", "historical", {name: frame[name].fillna(0.0) for name in names}, in_units=True)
    if "repeat_share" in meta["historical"]:
        share = PastWindows(frame, frame["repeat_share"]).mean(4 * season)
        table.add("behaviour", "historical", {"repeat_share": share})


def save_features(
    table: FeatureTable, meta: dict[str, Any], run_dir: str | Path, ahead: pd.DataFrame | None = None
) -> None:
    """Write ``features.parquet`` and ``features.json`` of a run, and ``ahead.parquet`` from `ahead_features`."""
    folder = resolve(run_dir)
    write_parquet(table.frame, folder / "features.parquet")
    write_json({**meta, **table.roles, "groups": table.groups, "in_units": table.in_units}, folder / "features.json")
    if ahead is not None:
        write_parquet(ahead, folder / "ahead.parquet")


def load_features(run_dir: str | Path) -> tuple[FeatureTable, dict[str, Any]]:
    """Read what `save_features` wrote; raises FileNotFoundError that says which chapter writes it."""
    folder = resolve(run_dir)
    if not (folder / "features.json").is_file():
        raise FileNotFoundError(f"{folder / 'features.json'}: no features yet; run chapter 02 first")
    meta = read_json(folder / "features.json")
    roles = {role: list(meta[role]) for role in ROLES}
    frame = pd.read_parquet(folder / "features.parquet")
    return FeatureTable(frame, roles, meta["groups"], meta["in_units"]), meta
