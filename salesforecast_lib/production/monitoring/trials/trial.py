"""How soon are changes seen, and how often is an alarm false? Played on the simulated marketplace (chapter 15)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats
from scipy.spatial.distance import jensenshannon

from salesforecast_lib.data.features import FeatureTable, build_features
from salesforecast_lib.production.monitoring.drift import data_drift
from salesforecast_lib.production.monitoring.profile import numeric_columns
from salesforecast_lib.production.monitoring.reference import Reference
from salesforecast_lib.production.monitoring.trials.injection import DRIFTS, KEYS, META, QUARTER, WatchedMarket, inject
from salesforecast_lib.production.monitoring.trials.trees import Trees, TreesConfig, fit_trees, forecast_with, rows_at
from salesforecast_lib.production.monitoring.watch import ForecastWatch

BACK_TEST = 12  # weeks
SMALL = TreesConfig(trees=40, max_rows=12_000, leaves=15)
PLAIN = "plain tests"  # what evidently does by default
FEW_VALUES = 5  # of a column whose values are compared one by one
MANY = 0.5  # and its default share of drifted columns for the whole table


@dataclass(frozen=True)
class Watched:
    """What a shop has at the cutoff: the model, the reference of its data, the watch of its forecasts."""

    market: WatchedMarket
    trees: Trees
    reference: Reference
    watch: dict[str, Any]
    config: TreesConfig


def weekly_forecasts(
    table: FeatureTable,
    trees: Trees,
    cutoffs: Sequence[pd.Timestamp],
    config: TreesConfig,
    meta: Mapping[str, Any] = META,
) -> pd.DataFrame:
    """The forecast table of one model that is kept, from each of the cutoffs, for the week after it."""
    known = table.frame[[*KEYS, *table.roles["future"]]]
    parts = [forecast_with(trees, rows_at(table, known, meta, cutoff, config), cutoff, "Trees") for cutoff in cutoffs]
    return pd.concat(parts, ignore_index=True)


def prepare_watch(market: WatchedMarket, config: TreesConfig = SMALL) -> Watched:
    """Train at the cutoff, and learn the reference and how forecasts err from what was before it."""
    past = market.panel[market.panel["ds"] <= market.cutoff].reset_index(drop=True)
    table = build_features(market.panel, META)  # rows and forecasts are cut at their own cutoffs
    known = table.frame[[*KEYS, *table.roles["future"]]]
    weeks = [market.cutoff - pd.Timedelta(weeks=k) for k in range(BACK_TEST, 0, -1)]
    early = fit_trees(rows_at(table, known, META, weeks[0], config), weeks[0], config)
    back_test = weekly_forecasts(table, early, weeks, config)
    watch = ForecastWatch.of(back_test, past, META)
    trees = fit_trees(rows_at(table, known, META, market.cutoff, config), market.cutoff, config)
    return Watched(market, trees, Reference.of(past, META), watch.to_json(), config)


def play_quarter(watched: Watched, drift: str, seed: int = 0, every: int = 1) -> pd.DataFrame:
    """The quarter after the cutoff with one change, night by night: ``day, source, kind, subject`` of every alarm.

    Parameters
    ----------
    every : nights between two looks.
    """
    market = watched.market
    panel = inject(market, drift, seed)
    table = build_features(panel, META)
    weeks = [market.cutoff + pd.Timedelta(weeks=k) for k in range(QUARTER // 7)]
    forecasts = weekly_forecasts(table, watched.trees, weeks, watched.config)
    watch = ForecastWatch.from_json(watched.watch)
    watch.update(forecasts, panel)
    found = []
    for day in range(1, QUARTER + 1, every):
        tonight = market.cutoff + pd.Timedelta(days=day)
        seen = panel[(panel["ds"] <= tonight) & (panel["ds"] > tonight - pd.Timedelta(days=60))]
        sources = {"data": data_drift(watched.reference, seen, META), "forecasts": watch.alarms(tonight)}
        for source, alarms in sources.items():
            part = alarms.loc[alarms["alarm"], ["kind", "subject"]]
            found.append(part.assign(day=day, source=source))
        if plain_alarm(panel, market.cutoff, tonight):
            found.append(pd.DataFrame({"kind": ["ks p"], "subject": ["table"], "day": day, "source": PLAIN}))
    return pd.concat(found, ignore_index=True)[["day", "source", "kind", "subject"]]


def plain_tables(
    panel: pd.DataFrame, cutoff: pd.Timestamp, tonight: pd.Timestamp, days: int = 14
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What plain tests compare: the numeric columns of the quarter before the cutoff, and of the last ``days``."""
    now = panel[(panel["ds"] > tonight - pd.Timedelta(days=days)) & (panel["ds"] <= tonight) & (panel["ds"] > cutoff)]
    before = panel[(panel["ds"] <= cutoff) & (panel["ds"] > cutoff - pd.Timedelta(days=QUARTER))]
    names = numeric_columns(panel, META)
    return before[names], now[names]


def plain_alarm(panel: pd.DataFrame, cutoff: pd.Timestamp, tonight: pd.Timestamp) -> bool:
    """Whether half of the numeric columns drifted from the quarter before the cutoff, rows as independent.

    Evidently's documented defaults: up to 1,000 rows Kolmogorov-Smirnov; beyond, a Wasserstein distance above .1
    standard deviations, or a Jensen-Shannon distance above .1 where a column has five values at most; drift of the
    table where half of the columns drift. The benchmark of monitoring asks evidently itself on the same tables.
    """
    before, now = plain_tables(panel, cutoff, tonight)
    drifted = []
    for name in before:
        p, q = before[name].to_numpy(), now[name].to_numpy()
        values = np.unique(np.r_[p, q])
        if len(p) > 1000 and len(values) <= FEW_VALUES:
            shares = [(part[:, None] == values).mean(axis=0) for part in (p, q)]
            drifted.append(jensenshannon(*shares) > 0.1)
        elif len(p) <= 1000:
            drifted.append(stats.ks_2samp(p, q).pvalue < 0.05)
        else:
            drifted.append(stats.wasserstein_distance(p, q) / max(float(p.std()), 1e-3) > 0.1)
    return bool(np.mean(drifted) >= MANY)


def episodes(days: Sequence[int], gap: int = 7) -> int:
    """How many times a planner is called: alarms that follow within ``gap`` nights are one."""
    ordered = np.unique(np.asarray(days, dtype="int64"))
    return int(len(ordered) > 0) + int((np.diff(ordered) > gap).sum())


def summarise(alarms: pd.DataFrame, seeds: Sequence[int], drifts: Sequence[str], every: int = 1) -> pd.DataFrame:
    """Detection by drift and source: ``seen`` (share of the seeds), ``delay`` (median days of those), ``calls``.

    ``calls`` are episodes a quarter, ``nights`` the share of the nights under alarm; for the drift "nothing" both are
    false alarms.

    Parameters
    ----------
    alarms : of `play_quarter`, with ``seed`` and ``drift``. ``every`` : nights between two looks.
    """
    rows = []
    for drift in drifts:
        for source in ("data", "forecasts", "both", PLAIN):
            mine = alarms[(alarms["drift"] == drift)]
            mine = mine[mine["source"] != PLAIN] if source == "both" else mine[mine["source"] == source]
            first = mine.groupby("seed")["day"].min().reindex(seeds)
            called = [episodes(mine.loc[mine["seed"] == seed, "day"].to_numpy()) for seed in seeds]
            seen = float(first.notna().mean())
            nights = mine.groupby("seed")["day"].nunique().reindex(seeds).fillna(0).mean() * every / QUARTER
            rows.append(
                (
                    drift,
                    source,
                    seen,
                    float(first.dropna().median()) if first.notna().any() else np.nan,
                    float(np.mean(called)),
                    float(nights),
                )
            )
    return pd.DataFrame(rows, columns=["drift", "source", "seen", "delay", "calls", "nights"])


def play_trials(
    markets: Callable[[int], WatchedMarket],
    seeds: Sequence[int],
    drifts: Sequence[str] = tuple(DRIFTS),
    config: TreesConfig = SMALL,
    every: int = 1,
) -> pd.DataFrame:
    """`play_quarter` for every seed and drift: the table of all alarms, with ``seed`` and ``drift``."""
    found = []
    for seed in seeds:
        watched = prepare_watch(markets(seed), config)
        found += [play_quarter(watched, drift, seed, every).assign(seed=seed, drift=drift) for drift in drifts]
    return pd.concat(found, ignore_index=True)
