"""The contest of the detectors: who takes part, what the combined alarm is made of, and a market whose truth is known.

See chapter 09.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd

from salesforecast_lib.data.marketplace.simulate import Marketplace, MarketplaceConfig, simulate_marketplace
from salesforecast_lib.data.panel import PanelConfig, build_panel
from salesforecast_lib.decisions.alerts.autoencoder import Autoencoder, AutoencoderConfig, enough_history
from salesforecast_lib.decisions.alerts.combination import (
    Alarm,
    Rehearsal,
    calibrate,
    collect,
    product_weeks,
    share_out,
)
from salesforecast_lib.decisions.alerts.detectors import (
    Channels,
    CusumAlarm,
    Decomposition,
    Detector,
    Forest,
    IntervalAlarm,
    SalesEvidence,
)
from salesforecast_lib.decisions.alerts.grid import Grid, build_grid
from salesforecast_lib.decisions.alerts.injection import break_feed
from salesforecast_lib.decisions.alerts.table import find_alerts
from salesforecast_lib.decisions.alerts.trials import Trial, rehearse, trial
from salesforecast_lib.models.peers.baselines import statistical_forecasts

CONTROLS = {
    "interval": ("interval", "price_range"),
    "cumulative sum": ("cusum", "price_range"),
    "decomposition": ("decomposition", "price"),
    "autoencoder": ("rebuilt_sales", "rebuilt_price", "rebuilt_cycle"),
    "isolation forest": ("forest",),
}
CHANNELS = ("high", "low", "rising", "falling", "flat", "missing", "list_price")
_TAKEN_FROM = {  # channel of the combined alarm: the single detectors' channel that it refines
    "high": "interval",
    "low": "interval",
    "rising": "cusum",
    "falling": "cusum",
    "list_price": "price_range",
}
MIRRORS = {"flat": "flat line", "missing": "missing feed"}  # no single detector has a channel for these kinds


def fit_detectors(grid: Grid, end: int, config: AutoencoderConfig | None = None) -> list[Detector]:
    """Fitted detectors of the chapter, by what is before column ``end``.

    The autoencoder comes first, and only where the history is long enough for it; the seed is also the forest's.
    """
    config = config or AutoencoderConfig()
    single: list[Detector] = [
        IntervalAlarm(),
        CusumAlarm(),
        Decomposition(),
        Forest(config.seed).fit(grid, end),
        SalesEvidence(),
    ]
    deep: list[Detector] = [Autoencoder(config).fit(grid, end)] if enough_history(grid, end, config) else []
    return [*deep, *single]


def single_alarms(found: Channels, grid: Grid, columns: np.ndarray, budget: float) -> list[Alarm]:
    """One calibrated alarm for each of `CONTROLS` whose first channel is in the evidence."""
    there = {name: use for name, use in CONTROLS.items() if use[0] in found}
    return [calibrate(name, use, found, grid, columns, budget) for name, use in there.items()]


def combine(
    found: Channels,
    grid: Grid,
    columns: np.ndarray,
    budget: float,
    rehearsals: Sequence[Rehearsal],
    without: Collection[str] = (),
    name: str = "combined",
) -> Alarm:
    """The combined alarm: its channels calibrated, and the budget shared out by rehearsals in the same columns.

    Parameters
    ----------
    without : channels to leave out.
    """
    channels = [channel for channel in CHANNELS if channel not in without]
    equal = calibrate(name, channels, found, grid, columns, budget)
    return share_out(equal, found, rehearsals, grid.quiet, budget / 1000 * product_weeks(grid, columns))


def membership(combined: Alarm, singles: Sequence[Alarm]) -> pd.DataFrame:
    """Which single detectors the combined alarm refines, by alarm: ``channels``, ``in_combined``, ``combined``.

    The last row are channels that no single detector has.
    """
    rows, used = [], set[str]()
    for alarm in singles:
        own = [name for name in combined.tails if _TAKEN_FROM.get(name) in alarm.tails]
        main = next(iter(alarm.tails))  # the price is in several detectors, what they make of sales is their own
        inside = any(_TAKEN_FROM[name] == main for name in own)
        rows.append((alarm.name, ", ".join(alarm.tails), inside, ", ".join(own) if inside else ""))
        used.update(own if inside else ())
    rest = [name for name in combined.tails if name not in used]
    rows.append(("(new)", "", True, ", ".join(rest)))
    return pd.DataFrame(rows, columns=["alarm", "channels", "in_combined", "combined"]).set_index("alarm")


def broken_feeds(grid: Grid, column: int, alarm: Alarm) -> pd.DataFrame:
    """What is reported when one period's feed breaks in each of the usual ways, by way; see `break_feed`.

    Returns
    -------
    pandas.DataFrame
        ``seen as``, ``feed alerts`` (that begin in the period) and ``other alerts`` (more or fewer than without).
    """
    _, _, recent = grid.split()
    usual, rows = len(find_alerts(grid, recent, alarm, [SalesEvidence()])), []
    for way, broken in break_feed(grid, column).items():
        table = find_alerts(broken, recent, alarm, [SalesEvidence()])
        here = table["kind"].str.startswith("feed") & (table["start"] == grid.dates[column])
        seen = ", ".join(table["kind"][here]) or "not seen"
        rows.append((way, seen, int(here.sum()), int(len(table) - here.sum() - usual)))
    return pd.DataFrame(rows, columns=["way", "seen as", "feed alerts", "other alerts"]).set_index("way")


def simulated_market(products: int, stock_cover: float) -> tuple[Grid, Marketplace]:
    """Grid of a simulated market of 300 days with window-average forecasts of 28 days, and the market.

    Parameters
    ----------
    stock_cover : how well the shelves are filled; 0 is a market that never runs out.
    """
    market = simulate_marketplace(MarketplaceConfig(products, 300, regime_share=0.0, stock_cover=stock_cover))
    table = build_panel(market.lines, PanelConfig(n_series=0), ("category",))
    ends = pd.date_range(end=table["ds"].max(), periods=85, freq="D")[:-1:28]
    known = [statistical_forecasts(table, end, 28, "D", 7, models=("WindowAverage",)) for end in ends]
    about = {"freq": "D", "static": ["category"], "country": "CN"}
    return build_grid(table, pd.concat(known), about, "WindowAverage"), market


def compete(grid: Grid, budget: float, config: AutoencoderConfig | None = None) -> Trial:
    """The chapter's contest on any grid: fit, calibrate, combine, inject into the newest periods, and judge."""
    config = config or AutoencoderConfig()
    end, before, watched = grid.split()
    detectors = fit_detectors(grid, end, config)
    past = collect(detectors, grid, before)
    rehearsals = rehearse([SalesEvidence()], grid, before, config.seed + 1)
    alarms = [*single_alarms(past, grid, before, budget), combine(past, grid, before, budget, rehearsals)]
    scenarios = rehearse(detectors, grid, watched, config.seed)
    return trial(alarms, collect(detectors, grid, watched), scenarios, grid)


def against_truth(
    reported: pd.DataFrame, truth: pd.DataFrame, days: pd.DatetimeIndex, long: int = 7
) -> dict[str, float]:
    """Stock alerts against the simulator's availability: ``true, precision, long, long_found``.

    An alert is true when the product could not be bought (``available`` below a half, or taken off sale) on most of its
    days. ``long`` counts the runs of at least that many such days; one is found when an alert of its product touches
    it.
    """
    table = truth[truth["ds"].isin(days)].pivot(index="unique_id", columns="ds", values="available")
    launched = table.notna().cumsum(axis=1) > 0
    empty = launched & ~(table >= 0.5)
    true = sum(bool(empty.loc[row.unique_id, row.start : row.end].mean() > 0.5) for row in reported.itertuples())
    runs = found = 0
    for name, row in empty.iterrows():
        mine = reported[reported["unique_id"] == name]
        places = np.flatnonzero(row.to_numpy())
        for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1):
            if len(run) >= long:
                first, last = empty.columns[run[0]], empty.columns[run[-1]]
                runs += 1
                found += bool(((mine["start"] <= last) & (mine["end"] >= first)).any())
    return {"true": int(true), "precision": true / max(len(reported), 1), "long": runs, "long_found": int(found)}
