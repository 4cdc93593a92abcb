"""The profile of the data that a model was trained on, with limits learned from their own earlier periods (chapter 15).

Limits for independent rows alarm every night: sales of a week have the same weather, promotions and season. So each
measure is played on the past: at several earlier origins a reference is made of what came before, all windows of the
quarter after it are held against it, and the limit is what the largest of them reached, with a margin.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.files import read_json, write_json
from salesforecast_lib.production.monitoring import profile
from salesforecast_lib.production.monitoring.measures import FLOORS, column_measures, common_shift, level_ratios, turns
from salesforecast_lib.production.monitoring.stability import chance_limits, merged

VERSION = 1
MARGIN = 1.7  # on what the past reached; chosen on simulated markets other than those whose alarms are reported
QUARTER = {"D": 91, "W": 13, "M": 3}
ORIGINS = 6


@dataclass(frozen=True)
class Reference:
    """What the training data look like; JSON-able, the panel is not needed again.

    Parameters
    ----------
    freq, country, last : frequency, whose holidays are left out, and the last period that was looked at (ISO date).
    window : periods that are held against it.
    columns : by numeric column: ``edges, counts`` (of the reference span), ``ratio`` (to each product's usual value),
        ``missing`` (share), ``low, high`` (of the values), and ``limits`` by measure.
    usual : by column told as a ratio: product → usual value.
    categories : values of each static column.
    groups : product → group; ``levels`` : group → limit on the logarithm of sales over usual sales;
        ``turns`` : group → limit on `measures.turns`.
    rows : share of the products with a row, least of the past; ``silent`` : most products without sales in a window.
    level, season : mean sales of the shop in a period, and each weekday's (or phase's) share of it.
    """

    freq: str
    country: str
    last: str
    window: int
    columns: dict[str, dict[str, Any]]
    usual: dict[str, dict[str, float]]
    categories: dict[str, list[str]]
    groups: dict[str, str]
    levels: dict[str, float]
    turns: dict[str, float]
    rows: float
    silent: float
    level: float
    season: dict[str, float]

    @classmethod
    def of(cls, panel: pd.DataFrame, meta: Mapping[str, Any]) -> Reference:
        """Profile of a panel up to its end, with its limits.

        Raises
        ------
        ValueError
            When a column of the contract is missing, or the history holds less than two windows.
        """
        lacking = [name for name in ("unique_id", "ds", "y", "available") if name not in panel]
        if lacking:
            raise ValueError(f"panel: columns {lacking} are missing; expected those of a run's panel.parquet")
        freq = str(meta["freq"])
        span, window = profile.span_and_window(freq)
        country, end = str(meta.get("country", "")), panel["ds"].max()
        panel = profile.usual_days(panel, country, freq)
        dates = pd.DatetimeIndex(np.sort(panel["ds"].unique()))
        if len(dates) < 2 * window:
            raise ValueError(
                f"panel: {len(dates)} periods; a reference needs at least {2 * window} of them, two windows of {window}"
            )
        last = dates[-1]
        groups = profile.groups_of(panel, meta)
        usual: dict[str, dict[str, float]] = {}
        columns: dict[str, dict[str, Any]] = {}
        origins = earlier_origins(dates, span, window, freq)
        for name in profile.numeric_columns(panel, meta):
            ratio = profile.is_ratio(panel, name)
            if ratio:
                values = profile.usual_values(panel, name, last, span, freq)
                usual[name] = {str(uid): round(float(v), 6) for uid, v in values.items() if np.isfinite(v)}
            columns[name] = _column(panel, name, ratio, dates, origins, span, window, freq)
        levels, silent, rows = _levels(panel, groups, origins, span, window, freq)
        turned = {
            str(group): round(max(FLOORS["turn"], MARGIN * float(values.abs().max())), 4)
            for group, values in turns(panel, groups, window).items()
        }
        recent = panel[panel["ds"] > dates[-min(span, len(dates))]]
        total = recent.groupby("ds")["y"].sum()
        phase = total.groupby(_phase(total.index, freq)).mean() / max(float(total.mean()), 1e-12)
        static = [str(name) for name in meta.get("static", ()) if name in panel]
        usual, columns = dict(sorted(usual.items())), dict(sorted(columns.items()))  # as JSON brings them back
        levels, turned = dict(sorted(levels.items())), dict(sorted(turned.items()))
        return cls(
            freq, country, str(end.date()), window, columns, usual,
            {name: sorted(panel[name].dropna().astype(str).unique()) for name in static},
            groups, levels, turned, rows, silent,
            float(total.mean()), {str(k): round(float(v), 4) for k, v in phase.items()},
        )  # fmt: skip

    def to_json(self) -> dict[str, Any]:
        """Plain dictionary."""
        return {"version": VERSION, **asdict(self)}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Reference:
        """Inverse of `to_json`; raises ValueError for another version."""
        if stored.get("version") != VERSION:
            found = stored.get("version")
            raise ValueError(f"reference: version {found!r}, expected {VERSION}; make it again from the run's panel")
        return cls(**{name: value for name, value in stored.items() if name != "version"})

    def save(self, path: str | Path) -> Path:
        """Write it as JSON, atomically."""
        return write_json(self.to_json(), path)

    @classmethod
    def load(cls, path: str | Path) -> Reference:
        """Read what `save` wrote; raises FileNotFoundError or ValueError that names the file."""
        try:
            return cls.from_json(read_json(path))
        except (json.JSONDecodeError, TypeError, KeyError, AttributeError, ValueError) as error:
            raise ValueError(f"{path}: not a stored reference ({error}); make it again from the run's panel") from error


def earlier_origins(dates: pd.DatetimeIndex, span: int, window: int, freq: str) -> list[pd.Timestamp]:
    """Ends of earlier references: at most `ORIGINS`, spread from the first full one to a window before the end."""
    first, final = min(span, len(dates) - window) - 1, len(dates) - window - 1
    places = np.unique(np.linspace(max(first, window - 1), final, ORIGINS).astype(int))
    return [dates[k] for k in places]


def _phase(ds: pd.DatetimeIndex, freq: str) -> np.ndarray:
    kind = check_freq(freq).kind
    return np.asarray(ds.dayofweek if kind == "D" else ds.month)


def _column(
    panel: pd.DataFrame, name: str, ratio: bool, dates: pd.DatetimeIndex, origins: list[pd.Timestamp],
    span: int, window: int, freq: str,
) -> dict[str, Any]:  # fmt: skip
    """Profile and limits of one numeric column."""
    period = dates.get_indexer(panel["ds"])
    gaps = (panel[name].isna() & profile.open_rows(panel)).to_numpy("float64")
    raw = profile.told(panel, name)

    def counted(until: pd.Timestamp, edges: np.ndarray | None) -> tuple[np.ndarray, profile.PeriodCounts]:
        usual = profile.usual_values(panel, name, until, span, freq) if ratio else None
        values = profile.relative(panel, name, usual)
        at = dates.get_loc(until)
        inside = (period > at - span) & (period <= at)
        found = profile.edges_of(values[inside]) if edges is None else edges
        return found, profile.period_counts(period, values, gaps, found, len(dates))

    past: dict[str, float] = {}
    quarter = QUARTER[check_freq(freq).kind]
    for origin in origins:
        edges, counts = counted(origin, None)
        at = int(dates.get_loc(origin))
        for end in range(at + window, min(at + quarter, len(dates) - 1) + 1):
            found = column_measures(
                counts, slice(max(0, at - span + 1), at + 1), slice(end - window + 1, end + 1), len(edges)
            )
            for measure, value in found.items():
                past[measure] = max(past.get(measure, 0.0), value)
    if ratio and name != "y":
        moved = common_shift(panel, name, window)
        past["shift"] = float(moved.abs().max()) if len(moved) else 0.0
    edges, counts = counted(dates[-1], None)
    own = slice(max(0, len(dates) - span), len(dates))
    rows = max(float(counts.rows[own].sum()), 1.0)
    known = raw[np.isfinite(raw)]
    told = counts.counts[own]
    at_once = float(told.sum(axis=1).mean()) * window  # rows of a window
    least = chance_limits(float(told.sum()), at_once, merged(told[:1], len(edges)).shape[1])
    measured = [m for m in FLOORS if m != "shift" or m in past]
    floors = {m: max(FLOORS[m], least.get(m, 0.0)) for m in measured}
    return {
        "edges": edges.tolist(),
        "counts": counts.counts[own].sum(axis=0).tolist(),
        "ratio": ratio,
        "missing": float(counts.missing[own].sum()) / rows,
        "low": float(known.min()) if len(known) else 0.0,
        "high": float(known.max()) if len(known) else 0.0,
        "limits": {m: round(max(floor, MARGIN * past.get(m, 0.0)), 4) for m, floor in floors.items()},
    }


def _levels(
    panel: pd.DataFrame, groups: dict[str, str], origins: list[pd.Timestamp], span: int, window: int, freq: str
) -> tuple[dict[str, float], float, float]:
    """Limits on log sales over usual sales by group, on silent products, and the least share of rows."""
    past: dict[str, float] = {}
    silent, rows = 0.0, 1.0
    offset, quarter = check_freq(freq).offset, QUARTER[check_freq(freq).kind]
    for origin in origins:
        usual = profile.usual_values(panel, "y", origin, span, freq)
        after = panel[(panel["ds"] > origin) & (panel["ds"] <= origin + quarter * offset)]
        ends = np.sort(after["ds"].unique())[window - 1 :]
        for end in ends[:: max(1, window // 2)]:
            part = after[(after["ds"] > pd.Timestamp(end) - window * offset) & (after["ds"] <= end)]
            found = level_ratios(part, usual, groups)
            for group, value in found.levels.items():
                past[group] = max(past.get(group, 0.0), abs(value))
            silent, rows = max(silent, found.silent), min(rows, found.rows)
    limits = {group: round(max(FLOORS["level"], MARGIN * value), 4) for group, value in past.items()}
    return limits, round(max(FLOORS["silent"], MARGIN * silent), 4), round(rows, 4)
