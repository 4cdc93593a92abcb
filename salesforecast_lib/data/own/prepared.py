"""A panel with its description, its plan and what the reader should be told (chapter 01)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from salesforecast_lib.data.ahead import Horizon, Roles, declared_roles, planned_names, said_ahead, told_ahead
from salesforecast_lib.data.ahead.attributes import add_attributes
from salesforecast_lib.data.ahead.holidays import said_holidays, series_countries
from salesforecast_lib.data.ahead.telling import names_in_sales
from salesforecast_lib.data.availability import NO_PLACE
from salesforecast_lib.data.cleaning import Cleaned, clean
from salesforecast_lib.data.frequency import Frequency, check_freq
from salesforecast_lib.data.journey import journey_promotions
from salesforecast_lib.data.loaders import Source
from salesforecast_lib.data.marketplace.panel import CLICKS, LEVELS, market_columns
from salesforecast_lib.data.own.country import Country, settle_country
from salesforecast_lib.data.own.regular import read_panel
from salesforecast_lib.data.panel import PanelConfig, build_panel
from salesforecast_lib.data.reading import Reading, ReadingError, ReadingReport, ReadOptions
from salesforecast_lib.data.schema import REQUIRED
from salesforecast_lib.wording import counted, first_names

OWN = ("own_data", "own_panel")
_OBSERVED = ("price", "discount", "baskets", "buyers", "repeat_share")
_NO_ROLE = ("row", *REQUIRED, "customer_id", "line_total")


@dataclass(frozen=True)
class Prepared:
    """``panel`` with its description ``meta`` (panel.json), the accounting ``report`` and the quarantine.

    ``cleaned`` is None when the input was already a panel; ``reading`` says how the reader's own file was read.
    ``notes`` is what else the reader should be told: columns under another name, a frequency inferred, gaps filled,
    what is known ahead. ``plan`` holds what was told of the horizon: ``unique_id, ds`` and future columns.
    """

    panel: pd.DataFrame
    meta: dict[str, Any]
    report: pd.DataFrame
    quarantine: pd.DataFrame
    cleaned: Cleaned | None
    note: str
    reading: ReadingReport | None = None
    notes: list[str] = field(default_factory=list)
    plan: pd.DataFrame = field(default_factory=pd.DataFrame)


def describe(
    dataset: str, frequency: Frequency, country: str, static: list[str], historical: list[str], future: list[str]
) -> dict[str, Any]:
    """The panel's description: what ``panel.json`` holds but for the horizon."""
    return {
        "dataset": dataset,
        "freq": frequency.alias,
        "season_length": frequency.season,
        "country": country,
        "static": static,
        "historical": historical,
        "future": future,
    }


def left_out(series: int, kept: int, units: float, kept_units: float, n_series: int) -> list[str]:
    """A sentence on the series that ``n_series`` leaves out; none where all stay."""
    if kept >= series:
        return []
    share = 1 - kept_units / units if units else 0.0
    return [f"{series - kept} of {series} series left out, with {share:.1%} of the units: n_series={n_series}"]


def _of_places(panel: pd.DataFrame, lines: pd.DataFrame) -> list[str]:
    """What was taken of single places: lines without one, and when one was closed while others sold."""
    notes, nowhere = [], int(lines["location_id"].isna().sum())
    if nowhere:
        notes.append(f"{counted(nowhere, 'line')} without a location_id: their place is called {NO_PLACE!r}")
    shut = panel.loc[(panel["open"] <= 0) & (panel.groupby("ds")["open"].transform("max") > 0), ["unique_id", "ds"]]
    if len(shut):
        place = shut["unique_id"].str.rsplit(" @ ", n=1).str[-1]
        names = first_names(f"{name} ({count})" for name, count in shut["ds"].groupby(place).nunique().items())
        notes.append(f"periods in which a place was closed while others sold: {names}")
    return notes


def orders_prepared(
    source: Source,
    dataset: str,
    config: PanelConfig,
    where: Country,
    roles: Roles,
    plan: Reading | None,
    switches: Mapping[str, Any],
    horizon: int,
    mapped: Mapping[str, str] | None = None,
) -> Prepared:
    """Order lines as a panel, with the attributes that are declared or planned; ``mapped`` is the file's column map."""
    cleaned, level = clean(source.lines, source.cleaning.change(switches), source.quarantine), config.level
    lines, notes = cleaned.kept, []
    static = [name for name in source.static if name != level]
    if where.column:
        (place,) = declared_roles(Roles(static=(where.column,)), lines.columns, {}, "the order lines")
        static = [*(name for name in static if name != place), place]
    panel = build_panel(lines, config, tuple(static))
    grouping = [level, *(["location_id"] if config.by_location else [])]
    nameless = int(lines[level].isna().sum())
    if nameless:
        notes.append(f"{counted(nameless, 'line')} without a {level} belong to no series")
    series, units = len(lines[grouping].drop_duplicates().dropna(subset=[level])), float(lines["quantity"].sum())
    if config.n_series:
        notes += left_out(series, panel["unique_id"].nunique(), units, float(panel["y"].sum()), config.n_series)
    notes += _of_places(panel, lines) if config.by_location else []
    country = source.country
    if where.column:
        panel, country, more = settle_country(panel, static[-1], where.said, "the order lines")
        notes += more
    future, clicks = ["open"], []
    if dataset == "complete_journey" and level in ("product_type", "product_category") and config.freq == "D":
        panel = panel.merge(journey_promotions(panel, level), on=["unique_id", "ds"], how="left")
        future += ["display", "mailer", "coupon"]
    if source.market is not None and level in LEVELS and not config.by_location:
        panel, plans = market_columns(panel, source.market, level, config.freq)
        future += plans
        clicks = list(CLICKS)
    there = [n for n in dict.fromkeys((*_OBSERVED[:2], *lines.columns)) if n not in (*_NO_ROLE, level, *static)]
    declared = declared_roles(
        replace(roles, static=()), [n for n in there if n in lines or n in panel], {}, "the orders"
    )
    names = planned_names(plan, [*there, "open"], names_in_sales(mapped or {})) if plan else {}
    if plan and not names:
        raise ReadingError(f"{plan.report.file}: {_nothing_planned(plan, [*there, 'open'])}")
    wanted = {name: "future" for name in names.values() if name != "open"} | declared
    added = add_attributes(panel, lines, wanted, (level, config.by_location), config.freq, source.reading)
    notes += added.notes
    panel, observed = added.panel, [name for name in _OBSERVED if name in panel]
    for name, columns in added.columns.items():
        if declared.get(name) == "historical":
            observed += [column for column in columns if column not in observed]
        else:
            future += [column for column in columns if column not in future]
    observed = [name for name in [*observed, *clicks] if name not in future]
    meta = describe(dataset, config.frequency, country, static, observed, future)
    if where.column:
        meta["country_column"] = static[-1]
    ahead = Horizon(panel["ds"].max(), horizon, config.frequency)
    names = {theirs: ours for theirs, ours in names.items() if declared.get(ours) != "historical"}
    told = told_ahead(panel, future, ahead, None, plan, names, added.categories)
    notes += [*_ignored(plan, names), *told.notes, *said_ahead(panel, future, told.table, added.categories)]
    notes += said_holidays(panel, told.table, ahead.frequency, series_countries(panel, meta))
    return Prepared(
        panel, meta, cleaned.report, cleaned.quarantine, cleaned, source.note, source.reading, notes, told.table
    )


def _nothing_planned(plan: Reading, there: list[str]) -> str:
    planned = plan.frame.columns.difference(["row", "unique_id", "location_id", "ds", "end"], sort=False)
    return f"none of its columns {list(planned)} is in the data, which have {there}; name them with plan_columns"


def _ignored(plan: Reading | None, names: Mapping[str, str]) -> list[str]:
    if plan is None:
        return []
    keys = ["row", "unique_id", "location_id", "ds", "end"]
    rest = [name for name in plan.frame.columns.difference(keys, sort=False) if name not in names]
    return [f"{plan.report.file}: {first_names(rest)} not used: no column of the data known ahead"] if rest else []


def panel_prepared(
    path: str,
    options: ReadOptions | None,
    config: PanelConfig,
    where: Country,
    roles: Roles,
    plan: Reading | None,
    missing_y: str,
    horizon: int,
) -> Prepared:
    """An aggregated panel made regular, with its own rows ahead and the plan file."""
    static = roles.static
    if where.column:
        roles = replace(roles, static=(*(name for name in static if name != where.column), where.column))
    regular, read = read_panel(path, options, config.freq, missing_y, horizon, roles, plan)
    panel, notes = regular.panel, list(regular.notes)
    columns = [*regular.texts, *regular.numeric]
    declared = list(declared_roles(Roles(static=roles.static), columns, regular.renamed, path))
    kept = declared if static else regular.texts
    country = where.default
    if where.column:
        panel, country, more = settle_country(panel, declared[-1], where.said, path)
        notes += more
    if config.n_series:
        units = panel.groupby("unique_id")["y"].sum()
        best = units.nlargest(config.n_series)
        notes += left_out(len(units), len(best), float(units.sum()), float(best.sum()), config.n_series)
        panel = panel[panel["unique_id"].isin(best.index)].reset_index(drop=True)
    meta = describe("own_panel", regular.freq, country, kept, regular.numeric, regular.future)
    meta["stamp"] = regular.stamp
    if where.column:
        meta["country_column"] = declared[-1]
    renamed = names_in_sales(options.columns if options else {}) | regular.renamed
    names = planned_names(plan, _columns_ahead(regular.future, regular.categories), renamed) if plan else {}
    if plan and not names:
        raise ReadingError(f"{plan.report.file}: {_nothing_planned(plan, [*regular.future, *regular.numeric])}")
    ahead = Horizon(panel["ds"].max(), horizon, check_freq(regular.freq.alias), regular.stamp)
    told = told_ahead(panel, regular.future, ahead, regular.ahead, plan, names, regular.categories)
    notes += [*_ignored(plan, names), *told.notes, *said_ahead(panel, regular.future, told.table, regular.categories)]
    notes += said_holidays(panel, told.table, ahead.frequency, series_countries(panel, meta))
    rows, refused = read.report.rows, len(read.quarantine)
    report = pd.DataFrame(
        {"step": ["schema"], "before": [rows], "quarantined": [refused], "cancelled": [0], "after": [rows - refused]}
    )
    note = f"own panel: {Path(path).name}"
    return Prepared(panel, meta, report, read.quarantine, None, note, read.report, notes, told.table)


def _columns_ahead(future: list[str], categories: Mapping[str, Any]) -> list[str]:
    """Names under which a plan may tell what is known ahead: a category by its own name."""
    parts = {f"{name}={value}": name for name, known in categories.items() for value in known.values}
    return list(dict.fromkeys(parts.get(name, name) for name in future))
