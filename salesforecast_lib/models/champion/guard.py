"""What keeps a forecast from exploding: what is thinkable for a series, and members out of all proportion."""

from __future__ import annotations

import numpy as np
import pandas as pd
from pandas.core.groupby import SeriesGroupBy

from salesforecast_lib import levels_of, quantile_columns
from salesforecast_lib.wording import counted

TIMES_THE_LARGEST = 3.0  # a forecast above so many times the largest sale so far is not thinkable
OUT_OF_PROPORTION = 2.0  # a member whose loss is above so many times the best simple rule's is left out
ALONE = 10.0  # a sale above so many times the next largest is one order or a mistake: it proves nothing
SHARE_ABOVE = 0.01  # of a member's rows above what is thinkable, from which on it is left out


def thinkable(frame: pd.DataFrame, cutoff: pd.Timestamp, enough: int) -> pd.Series:
    """Largest forecast that history makes thinkable, by ``unique_id``.

    Three times the largest sale so far; one sale that stands alone, ten times above every other period's, is left out,
    or a single fake order would lift the limit that should stop it (chapter 16b). A series with fewer than ``enough``
    available periods has not shown its best yet: its mean times what the best periods of the other series are in means
    (their 95th percentile) counts as its largest sale, if that is more. A series that never sold may sell as much as a
    typical series does in its weakest period with a sale.
    """
    return limit_of(sizes(frame, cutoff), enough)


def sizes(frame: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """By ``unique_id`` of every series with a row: ``largest, ever, mean, size, least`` of its available sales so far.

    ``ever`` is the largest sale, ``largest`` the same without one that stands alone, ``least`` the smallest above zero;
    tables of different series can be put together.
    """
    past = frame.loc[(frame["ds"] <= cutoff) & (frame["available"] > 0), ["unique_id", "y"]]
    groups = past.groupby("unique_id", sort=False)["y"]
    sold = past[past["y"] > 0].groupby("unique_id", sort=False)["y"].min()
    told = pd.DataFrame({"largest": _largest(past, groups), "ever": groups.max(), "mean": groups.mean()})
    told["size"] = groups.size()
    everyone = frame.loc[frame["ds"] <= cutoff, "unique_id"].unique()
    return told.assign(least=sold.reindex(told.index)).reindex(everyone)


def _largest(past: pd.DataFrame, groups: SeriesGroupBy) -> pd.Series:
    """The largest sale of each series, the next largest where that one stands alone among three or more."""
    largest = groups.transform("max")
    alone = (past["y"] * ALONE >= largest).groupby(past["unique_id"], sort=False).sum()
    alone = alone.index[(alone == 1) & (groups.size() > 2) & (groups.max() > 0)]
    others = past[past["unique_id"].isin(alone) & (past["y"] < largest)]
    found: pd.Series = groups.max()
    found.update(others[others["y"] > 0].groupby("unique_id")["y"].max())
    return found


def limit_of(told: pd.DataFrame, enough: int, column: str = "largest") -> pd.Series:
    """`thinkable` from the `sizes` of all series; with the column ``ever`` a sale that stands alone counts."""
    known = told[told["size"].notna()]
    largest, mean, size = known[column], known["mean"], known["size"]
    long = (size >= enough) & (mean > 0)
    burst = (largest[long] / mean[long]).quantile(0.95) if long.any() else 1.0
    largest = largest.where(size >= enough, np.maximum(largest, burst * mean))
    sold = known["least"].dropna()
    small = float(sold.median()) if len(sold) else 0.0
    limit = TIMES_THE_LARGEST * np.maximum(largest, small)
    return limit.reindex(told.index).fillna(TIMES_THE_LARGEST * small)


def capped(table: pd.DataFrame, limit: pd.Series) -> tuple[pd.DataFrame, str]:
    """The forecast table with nothing above ``limit``, and a sentence that says what was cut, empty for nothing."""
    columns = ["mean", *quantile_columns(levels_of(table))]
    most = table["unique_id"].map(limit).to_numpy("float64")[:, None]
    values = table[columns].to_numpy("float64")
    above = (values > most).any(1)
    if not above.any():
        return table, ""
    names = table.loc[above, "unique_id"]
    cut = table.assign(**{name: np.minimum(values, most)[:, k] for k, name in enumerate(columns)})
    return cut, (
        f"{counted(int(above.sum()), 'forecast')} of {counted(names.nunique(), 'series')} lay above "
        f"{TIMES_THE_LARGEST:g} times the largest sale so far and were cut there; the first is {names.iloc[0]!r}"
    )


def unusable(table: pd.DataFrame, limit: pd.Series) -> str:
    """Why a member's forecasts of one cutoff cannot be used, with the figure; empty when they can.

    Parameters
    ----------
    limit : with sales that stand alone: a member that follows one order is no broken model, its forecasts are cut.
    """
    values = table[["mean", *quantile_columns(levels_of(table))]].to_numpy("float64")
    broken = ~np.isfinite(values).all(1)
    if broken.any():
        return f"{broken.mean():.1%} of its forecasts are not finite"
    above = values[:, 0] > table["unique_id"].map(limit).to_numpy("float64")
    if above.mean() > SHARE_ABOVE:
        return f"{above.mean():.1%} of its means lie above {TIMES_THE_LARGEST:g} times the largest sale so far"
    return ""


def out_of_proportion(losses: dict[str, float], rules: set[str]) -> dict[str, str]:
    """Members that lose more than twice what the best simple rule loses: the reason with its figure, by name."""
    known = [loss for name, loss in losses.items() if name in rules and np.isfinite(loss)]
    known = known or [loss for loss in losses.values() if np.isfinite(loss)]
    best = min(known, default=0.0)
    return {
        name: f"its loss before is {loss:.3f}, the best simple rule's {best:.3f}"
        for name, loss in losses.items()
        if not loss <= OUT_OF_PROPORTION * best and best > 0
    }
