"""Evidence of anomalies, series by period: how far a value is from forecast, past or usual price (chapter 09).

Everything is causal: a value in a period depends on nothing after the period. Not a number means no evidence: the
product could not be bought, or there is no forecast.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from salesforecast_lib.decisions.alerts.grid import Grid, known_median, log_chance, normal_scores, trailing_median

MAD = 1.4826  # times the median absolute deviation is the standard deviation of a normal


def variance_stable(sales: np.ndarray) -> np.ndarray:
    """2 sqrt(y + 3/8): a Poisson count then has a standard deviation near one, whatever its level (Anscombe, 1948)."""
    return 2 * np.sqrt(np.maximum(sales, 0) + 0.375)


@dataclass(frozen=True)
class Deviations:
    """Robust deviations from level and season, by trailing medians, see `deviations`; (n, columns)."""

    sales: np.ndarray
    season_free: np.ndarray
    price: np.ndarray | None
    beyond: np.ndarray | None


def deviations(grid: Grid, columns: np.ndarray) -> Deviations:
    """Decompose sales and log price by trailing medians, the robust and causal cousin of STL (Cleveland et al., 1990).

    Level: median of the last four cycles. Season: median deviation from its level at the same place of the last eight
    cycles. Scale: median absolute deviation over the last eight cycles. The period itself is in none of them.
    ``sales`` is what level and season leave over, in scales; ``season_free`` leaves the season in; ``price`` is the log
    price against the median of the last four cycles, in scales; ``beyond`` its distance to the range of the last eight.
    """
    whole, first = _decompose(grid, int(columns[0]), int(columns[-1]) + 1)
    place = columns - first
    return Deviations(
        whole.sales[:, place],
        whole.season_free[:, place],
        None if whole.price is None else whole.price[:, place],
        None if whole.beyond is None else whole.beyond[:, place],
    )


@lru_cache(maxsize=4)
def _decompose(grid: Grid, start: int, last: int) -> tuple[Deviations, int]:
    """Deviations from some column at or before ``start`` on, and that column."""
    s, first = grid.season, max(0, start - 21 * grid.season)
    x = np.where(grid.live, variance_stable(grid.sales), np.nan)[:, first:last]
    from_level = x - trailing_median(x, 4 * s)
    padded = np.concatenate([np.full((len(x), 8 * s), np.nan), from_level], axis=1)
    same_place = np.stack([padded[:, (8 - k) * s : padded.shape[1] - k * s] for k in range(1, 9)], axis=1)
    season = np.nan_to_num(known_median(same_place, axis=1))
    left = from_level - season
    scale = np.maximum(MAD * trailing_median(np.abs(left), 8 * s), 0.7)
    rough = np.maximum(MAD * trailing_median(np.abs(from_level), 8 * s), 0.7)
    price = beyond = None
    if grid.price is not None:
        log_price = np.log(np.maximum(grid.price[:, first:last], 0.01))
        moved = log_price - trailing_median(log_price, 4 * s)
        price = moved / np.maximum(MAD * trailing_median(np.abs(moved), 8 * s), 0.03)
        beyond = np.where(np.isfinite(log_price), beyond_range(log_price, 8 * s), np.nan)
    return Deviations(left / scale, from_level / rough, price, beyond), first


def beyond_range(values: np.ndarray, window: int) -> np.ndarray:
    """Distance to the range of the ``window`` periods before, 0 inside it or before the first value; (n, T)."""
    padded = np.concatenate([np.full((len(values), window), np.nan), values], axis=1)
    past = np.lib.stride_tricks.sliding_window_view(padded, window, axis=1)[:, :-1]  # (n, T, window)
    high = np.where(np.isfinite(past), past, -np.inf).max(-1)
    low = np.where(np.isfinite(past), past, np.inf).min(-1)
    seen = np.isfinite(high)
    return np.where(seen, np.maximum(np.maximum(values - high, low - values), 0.0), 0.0)


def forecast_scores(grid: Grid) -> np.ndarray:
    """Standardised residual of every live period that has a forecast, else NaN; (n, T)."""
    return np.where(grid.live, normal_scores(grid.sales, grid.quantiles), np.nan)


def own_scores(grid: Grid, fewest: int = 10) -> np.ndarray:
    """Standardised residuals less what all products share in the period, their median; (n, T)."""
    z = forecast_scores(grid)
    shared = np.nan_to_num(known_median(z, axis=0))
    return z - np.where(np.isfinite(z).sum(0) >= fewest, shared, 0.0)


def cusum(scores: np.ndarray, restart: np.ndarray, slack: float = 1.0, limit: float = 4.0) -> np.ndarray:
    """One-sided cumulative sum max(0, S + z - slack) over the periods (Page, 1954); (n, T).

    It begins anew where ``restart`` (T,) says so: a new forecast knows what happened before. NaN carries the sum on.
    One period counts for at most ``limit``: a single freak day is the interval alarm's business.
    """
    total, out = np.zeros(len(scores)), np.zeros(scores.shape)
    steps = np.where(np.isfinite(scores), np.clip(scores, -limit, limit) - slack, 0.0)
    for t in range(scores.shape[1]):
        total = np.maximum(0.0, np.where(restart[t], 0.0, total) + steps[:, t])
        out[:, t] = total
    return out


def new_forecast(grid: Grid) -> np.ndarray:
    """Periods that are the first of a cutoff's forecasts; (T,)."""
    return np.concatenate([[True], grid.cutoff[1:] != grid.cutoff[:-1]])


def repetition(grid: Grid) -> np.ndarray:
    """Surprise of a run of equal sales: minus the log probability, by forecast, of each repeated value; (n, T)."""
    surprise = -log_chance(grid.sales, grid.mean, grid.quantiles)
    out, run = np.zeros(grid.sales.shape), np.zeros(len(grid.ids))
    before = np.full(len(grid.ids), np.nan)
    for t in range(grid.sales.shape[1]):
        now, seen = grid.sales[:, t], grid.live[:, t] & np.isfinite(surprise[:, t])
        run = np.where(seen, np.where(now == before, run + np.nan_to_num(surprise[:, t]), 0.0), run)
        before = np.where(seen, now, before)
        out[:, t] = np.where(seen, run, 0.0)
    return out


def missing_feed(grid: Grid, smallest: int = 5) -> np.ndarray:
    """Products without a sale, by how far their number exceeds what the forecasts expect of the day; (n, T).

    The excess is a z-score of the shop's, and of each group's, count of zeros against the sum of zero probabilities; a
    product that sold has no part in it. A product whose own zero is ordinary counts less: the score is multiplied by
    one minus the probability of its zero. On a day on which the products that did sell sold little, more zeros are
    expected.
    """
    seen = grid.live & np.isfinite(grid.mean)
    zero = seen & (grid.sales == 0)
    ratio = np.where(seen & ~zero, grid.sales / np.maximum(grid.mean, 0.5), np.nan)
    slump = np.clip(np.nan_to_num(known_median(ratio, axis=0), nan=1.0), 0.2, 1.0)  # a holiday empties baskets, too
    none = np.zeros_like(grid.sales)
    chance = np.where(seen, np.exp(log_chance(none, grid.mean * slump, grid.quantiles * slump[:, None])), 0.0)
    members = [np.ones(len(grid.ids), dtype=bool)]
    if grid.group is not None:
        members += [grid.group == name for name in np.unique(grid.group)]
    best = np.zeros(grid.sales.shape)
    for part in members:
        if part.sum() < smallest:
            continue
        expected, variance = chance[part].sum(0), (chance * (1 - chance))[part].sum(0)
        excess = (zero[part].sum(0) - expected - 0.5) / np.sqrt(variance + 0.5)
        best[part] = np.maximum(best[part], np.maximum(excess, 0.0))
    return np.where(zero, best * (1 - chance), 0.0)


def list_price_range(grid: Grid, columns: np.ndarray) -> np.ndarray:
    """Log distance of the price *before discounts* to its range of the last sixteen cycles; (n, columns).

    A promotion is no typo. The price of a product group is a mean over what was sold, so few units tell less: the
    distance is multiplied by the fourth root of the units, at most twenty.
    """
    if grid.price is None:
        raise ValueError("the panel has no price")
    first = max(0, int(columns[0]) - 16 * grid.season)
    wide = slice(first, int(columns[-1]) + 1)
    price = np.log(np.maximum(grid.price[:, wide], 0.01)) - np.log1p(-grid.discount[:, wide])
    distance = np.where(np.isfinite(price), beyond_range(price, 16 * grid.season), np.nan)
    return (distance * np.clip(np.nan_to_num(grid.sales[:, wide]), 1, 20) ** 0.25)[:, columns - first]
