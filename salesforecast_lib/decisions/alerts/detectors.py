"""Detectors of anomalies as channels of evidence (series, periods): zero is ordinary, more is stranger (chapter 09).

Every channel is causal: its value in a period depends on nothing after the period. Not a number means no evidence: the
product could not be bought, or there is no forecast.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from sklearn.ensemble import IsolationForest

from salesforecast_lib.decisions.alerts.evidence import (
    MAD,
    beyond_range,
    cusum,
    deviations,
    forecast_scores,
    list_price_range,
    missing_feed,
    new_forecast,
    own_scores,
    repetition,
)
from salesforecast_lib.decisions.alerts.grid import Grid, trailing_median

Channels = dict[str, np.ndarray]


class Detector(Protocol):
    """A detector learns from the periods before ``end`` and then scores the given columns of any grid."""

    def fit(self, grid: Grid, end: int) -> Detector:
        """Learn from columns before ``end``."""
        ...

    def channels(self, grid: Grid, columns: np.ndarray) -> Channels:
        """Evidence by channel, each (n, columns)."""
        ...


@dataclass
class IntervalAlarm:
    """Single period outside its forecast interval, and price outside its usual range; nothing to learn."""

    def fit(self, grid: Grid, end: int) -> IntervalAlarm:
        return self

    def channels(self, grid: Grid, columns: np.ndarray) -> Channels:
        return {"interval": np.abs(forecast_scores(grid)[:, columns]), **_beyond(grid, columns)}


@dataclass
class CusumAlarm:
    """Two-sided cumulative sum of the standardised residual, for shifts and drifts (Page, 1954)."""

    def fit(self, grid: Grid, end: int) -> CusumAlarm:
        return self

    def channels(self, grid: Grid, columns: np.ndarray) -> Channels:
        z, restart = forecast_scores(grid), new_forecast(grid)
        both = np.maximum(cusum(z, restart), cusum(-z, restart))
        return {"cusum": both[:, columns], **_beyond(grid, columns)}


@dataclass
class Decomposition:
    """Residual of the robust seasonal decomposition of sales and of the price; needs no forecast."""

    def fit(self, grid: Grid, end: int) -> Decomposition:
        return self

    def channels(self, grid: Grid, columns: np.ndarray) -> Channels:
        parts = deviations(grid, columns)
        price = {} if parts.price is None else {"price": np.abs(parts.price)}
        return {"decomposition": np.abs(parts.sales), **price}


@dataclass
class Forest:
    """Isolation forest (Liu et al., 2008) on a product-day's deviations: the control that knows no time series."""

    seed: int = 0
    trees: int = 100
    rows: int = 50_000
    model: IsolationForest | None = field(default=None, repr=False)

    def fit(self, grid: Grid, end: int) -> Forest:
        inputs = self._inputs(grid, np.arange(min(9 * grid.season, end - 1), end)).reshape(-1, 6)
        inputs = inputs[np.isfinite(inputs[:, 0])]
        chosen = np.random.default_rng(self.seed).permutation(len(inputs))[: self.rows]
        self.model = IsolationForest(n_estimators=self.trees, random_state=self.seed).fit(np.nan_to_num(inputs[chosen]))
        return self

    def channels(self, grid: Grid, columns: np.ndarray) -> Channels:
        if self.model is None:
            raise ValueError("isolation forest: not fitted yet; call fit(grid, end) first")
        inputs = self._inputs(grid, columns)
        score = -self.model.score_samples(np.nan_to_num(inputs.reshape(-1, 6))).reshape(inputs.shape[:2])
        return {"forest": np.where(np.isfinite(inputs[..., 0]), score, np.nan)}

    def _inputs(self, grid: Grid, columns: np.ndarray) -> np.ndarray:
        """(n, columns, 6): deviation, price, mean and spread of a cycle, change from the day and the cycle before."""
        s = grid.season
        wide = np.arange(max(0, int(columns[0]) - s), int(columns[-1]) + 1)
        parts = deviations(grid, wide)
        x = np.nan_to_num(np.clip(parts.sales, -12, 12))
        padded = np.concatenate([np.zeros((len(x), s)), x], axis=1)
        cycle = np.lib.stride_tricks.sliding_window_view(padded, s, axis=1)[:, 1:]  # (n, wide, s)
        price = np.zeros_like(x) if parts.price is None else np.nan_to_num(np.clip(parts.price, -40, 40))
        stacked = np.stack(
            [parts.sales, price, cycle.mean(-1), cycle.std(-1), x - padded[:, s - 1 : -1], x - padded[:, :-s]], axis=-1
        )
        return stacked[:, columns - wide[0]]


def _beyond(grid: Grid, columns: np.ndarray) -> Channels:
    beyond = deviations(grid, columns).beyond
    return {} if beyond is None else {"price_range": beyond}


@dataclass
class SalesEvidence:
    """Channels of the combined detector, each with a direction.

    What all products share on a day (their median score) is taken out of the single products' evidence: a holiday is
    not two hundred anomalies. A feed that lacks many products at once has a channel of its own. Scores are divided by
    the root of their usual size, because some forecasts are too sure of themselves, and a height that the product
    has reached within eight cycles counts four fifths.
    """

    fewest: int = 10  # products with a forecast from which the shared part is taken out

    def fit(self, grid: Grid, end: int) -> SalesEvidence:
        return self

    def channels(self, grid: Grid, columns: np.ndarray) -> Channels:
        own, restart = own_scores(grid, self.fewest), new_forecast(grid)
        usual = np.nan_to_num(MAD * trailing_median(np.abs(own), 8 * grid.season), nan=1.0)
        scaled = own / np.sqrt(np.maximum(usual, 0.7))
        record = beyond_range(np.where(grid.live, grid.sales, np.nan), 8 * grid.season) > 0
        found = {
            "high": np.maximum(scaled, 0.0) * np.where(record, 1.0, 0.8),
            "low": np.maximum(-scaled, 0.0) * np.where(record, 1.0, 0.8),
            "rising": cusum(own, restart),
            "falling": cusum(-own, restart),
            "flat": repetition(grid),
            "missing": missing_feed(grid),
        }
        price = {} if grid.price is None else {"list_price": list_price_range(grid, columns)}
        return {name: values[:, columns] for name, values in found.items()} | price
