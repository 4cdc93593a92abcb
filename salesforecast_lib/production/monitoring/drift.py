"""Has what comes in changed? New rows held against a reference, with alarms that name what to do (chapter 15)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.production.monitoring import profile, units
from salesforecast_lib.production.monitoring.measures import common_shift, distances, level_ratios, turns
from salesforecast_lib.production.monitoring.reference import Reference
from salesforecast_lib.wording import first_names

COLUMNS = ["kind", "subject", "value", "limit", "alarm", "says", "do"]
ENOUGH = 0.6  # of a window's periods, when holidays are left out
MOST_OUTSIDE = 0.05  # share of prices beyond a fifth above or below everything that was ever asked
ASK_FEED = "ask whoever delivers the file what changed in it"
RETRAIN = "look at the column by day; if the change is real and stays, retrain"


def data_drift(reference: Reference, panel: pd.DataFrame, meta: Mapping[str, Any]) -> pd.DataFrame:
    """Hold the last window of a panel against the reference.

    Rows up to the reference's end only fill the window up; rows of a single new period are enough for missing rows,
    categories and units.

    Parameters
    ----------
    panel : ``unique_id, ds, y, available`` and the declared columns; at least one row after ``reference.last``.

    Returns
    -------
    DataFrame ``kind, subject, value, limit, alarm, says, do``, one row for everything that was looked at, alarms first.

    Raises
    ------
    ValueError
        When there is no row after the reference.
    """
    last = pd.Timestamp(reference.last)
    newest = panel["ds"].max() if len(panel) else last
    if not newest > last:
        raise ValueError(f"panel: no row after {reference.last}, the end of the reference; give the periods since then")
    offset = check_freq(reference.freq).offset
    window = panel[panel["ds"] > newest - reference.window * offset].reset_index(drop=True)
    new = window[window["ds"] > last].reset_index(drop=True)
    past = panel[panel["ds"] > newest - 4 * reference.window * offset]
    usual = profile.usual_days(past.reset_index(drop=True), reference.country, reference.freq)
    kept = usual[usual["ds"] > newest - reference.window * offset].reset_index(drop=True)
    full = kept["ds"].nunique() >= ENOUGH * reference.window
    rows = [
        *_missing_rows(reference, new),
        *_categories(reference, new),
        *units.unit_rows(reference, new),
        *_columns(reference, window, kept, full),
        *_price_range(reference, new),
        *_shifts(reference, usual),
        *(_levels(reference, kept) if full else ()),
        *(_turns(reference, usual) if full else ()),
    ]
    table = pd.DataFrame(rows, columns=COLUMNS)
    table = table.astype({"value": "float64", "limit": "float64", "alarm": bool})
    return table.sort_values("alarm", ascending=False, kind="stable", ignore_index=True)


def _missing_rows(reference: Reference, new: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    expected = set(reference.usual["y"])
    there = new[new["unique_id"].astype(str).isin(expected)].groupby("ds")["unique_id"].nunique()
    share = float(there.reindex(new["ds"].unique()).fillna(0).min()) / max(len(expected), 1)
    limit = round(0.9 * reference.rows, 4)
    gone = sorted(expected - set(new["unique_id"].astype(str)))
    which = f"; missing: {first_names(gone)}" if gone else ""
    yield (
        "rows", "products", share, limit, share < limit,
        f"{share:.0%} of the products that were trained on have a row in each new period{which}",
        f"{ASK_FEED}: part of it may be missing; do not forecast from it before",
    )  # fmt: skip


def _categories(reference: Reference, new: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    for name, known in reference.categories.items():
        if name not in new:
            yield (
                "columns", name, 1.0, 0.0, True, f"the column {name} is missing",
                f"{ASK_FEED}; forecasts need it",
            )  # fmt: skip
            continue
        values = new[name].dropna().astype(str)
        novel = sorted(set(values) - set(known))
        share = float(values.isin(novel).mean()) if len(values) else 0.0
        says = f"new values of {name}: {first_names(novel)}" if novel else f"no new value of {name}"
        yield (
            "categories", name, share, 0.0, bool(novel), says,
            "is it a new assortment or another spelling? Mend the spelling; for a new assortment retrain",
        )  # fmt: skip


def _columns(reference: Reference, window: pd.DataFrame, kept: pd.DataFrame, full: bool) -> Iterator[tuple[Any, ...]]:
    for name, known in reference.columns.items():
        if name not in window:
            yield "columns", name, 1.0, 0.0, True, f"the column {name} is missing", f"{ASK_FEED}; forecasts need it"
            continue
        gaps = float(window[name].isna()[profile.open_rows(window)].mean())
        limit = round(known["missing"] + known["limits"]["missing"], 4)
        yield (
            "missing", name, gaps, limit, gaps > limit,
            f"{gaps:.1%} of {name} is missing, {known['missing']:.1%} in training", ASK_FEED,
        )  # fmt: skip
        if not full:
            continue
        usual = pd.Series(reference.usual[name]) if known["ratio"] else None
        values = profile.relative(kept, name, usual)
        edges = np.array(known["edges"])
        counts = profile.period_counts(np.zeros(len(values), int), values, values * 0, edges, 1).counts[0]
        found = distances(np.array(known["counts"]), counts, len(edges))
        for measure, kind in (("stability", "population stability"), ("ks", "Kolmogorov-Smirnov")):
            value, limit = found[measure], known["limits"][measure]
            yield kind, name, value, limit, value > limit, _says(name, value, limit, known["ratio"]), RETRAIN


def _says(name: str, value: float, limit: float, ratio: bool) -> str:
    what = f"{name} over each product's usual {name}" if ratio else name
    far = "further from training than in any earlier quarter" if value > limit else "within what earlier quarters allow"
    return f"the distribution of {what} is {far}: {value:.2f}, limit {limit:.2f}"


def _price_range(reference: Reference, new: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    for name, known in reference.columns.items():
        if not known["ratio"] or name == "y" or name not in new:
            continue
        values = profile.told(new, name)
        values = values[np.isfinite(values)]
        low, high = known["low"] / 1.2, known["high"] * 1.2
        outside = float(((values < low) | (values > high)).mean()) if len(values) else 0.0
        yield (
            "range", name, outside, MOST_OUTSIDE, outside > MOST_OUTSIDE,
            f"{outside:.1%} of {name} lies outside {low:.4g} to {high:.4g}, where all of training did",
            "check the unit and the currency of the feed before forecasting",
        )  # fmt: skip


def _shifts(reference: Reference, recent: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    for name, known in reference.columns.items():
        limit = known["limits"].get("shift")  # an older reference has none
        if limit is None or name not in recent:
            continue
        found = common_shift(recent, name, reference.window)
        if found.empty:
            continue
        value = float(found.iloc[-1])
        yield (
            "shift", name, value, limit, abs(value) > limit,
            f"{name} of the middle product has moved by {np.expm1(value):+.1%} against the periods before",
            "is it a new list of prices? Tell the plan what stays, and retrain when sales have answered",
        )  # fmt: skip


def _levels(reference: Reference, window: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    found = level_ratios(window, pd.Series(reference.usual["y"]), reference.groups)
    for group, limit in reference.levels.items():
        value = found.levels.get(group)
        if value is None:
            continue
        yield (
            "level", group, value, limit, abs(value) > limit,
            f"{group} sells {np.exp(value):.2f} times its usual amount",
            "was it planned? Tell the plan; if it stays, retrain",
        )  # fmt: skip
    yield (
        "silent", "products", found.silent, reference.silent, found.silent > reference.silent,
        f"{found.silent:.1%} of the products that sell every window have sold nothing",
        "are they delisted, out of stock, or missing in the feed?",
    )  # fmt: skip


def _turns(reference: Reference, recent: pd.DataFrame) -> Iterator[tuple[Any, ...]]:
    found = turns(recent, reference.groups, reference.window)
    for group, limit in reference.turns.items():
        if group not in found:
            continue
        value = float(found[group].iloc[-1])
        way = "lost" if value < 0 else "won"
        yield (
            "turn", group, value, limit, abs(value) > limit,
            f"{group} has {way} {abs(np.expm1(value)):.0%} against the shop within {reference.window} periods",
            "what happened to this group alone: a competitor, a price, a place in the shop? If it stays, retrain",
        )  # fmt: skip
