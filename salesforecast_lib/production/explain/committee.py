"""Why the champion forecasts what it forecasts: drivers of every product of a run in one pass (chapter 16)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesforecast_lib.data.features import FeatureTable
from salesforecast_lib.models.champion.stored import StoredChampion
from salesforecast_lib.production.explain.drivers import ADVERTISING, HOLIDAYS, OPEN, PROMOTION
from salesforecast_lib.production.explain.trees import Parts, champion_parts

DATED = (HOLIDAYS, OPEN, PROMOTION, ADVERTISING)  # drivers of single periods
_LEAST = 0.05  # of the usual: a driver that adds less is not told as sure
_UNIT = 1.0


@dataclass(frozen=True)
class Reasons:
    """What each driver adds to the forecasts, in units of sales over the horizon.

    Parameters
    ----------
    names : (series,) products; ``steps`` (horizon,) the periods ahead of the ``cutoff``.
    forecast, usual : (series,) sums of the champion's mean, and of what its trees take for usual.
    drivers : names, the largest first over all products.
    added : (series, drivers); ``low, high`` the least and the most that a model says; ``agree`` whether all of several
        models say the same sign.
    when : (series, drivers) the first period in which a driver of single periods is at work; missing for others.
    """

    names: np.ndarray
    cutoff: pd.Timestamp
    steps: pd.DatetimeIndex
    forecast: np.ndarray
    usual: np.ndarray
    drivers: tuple[str, ...]
    added: np.ndarray
    low: np.ndarray
    high: np.ndarray
    agree: np.ndarray
    when: np.ndarray

    @property
    def rest(self) -> np.ndarray:
        """What the other members, calibration and limits add, (series,): bars add up to the forecast with it."""
        return np.asarray(self.forecast - self.usual - self.added.sum(axis=1))

    @property
    def sure(self) -> np.ndarray:
        """Whether a driver may be named as the reason, (series, drivers): see `sure_enough`."""
        return sure_enough(self.added, self.agree, self.usual)


def sure_enough(added: np.ndarray, agree: np.ndarray, usual: np.ndarray) -> np.ndarray:
    """All models agree on the sign, and it is at least one unit and a twentieth of the usual: (series, drivers)."""
    most = np.maximum(_UNIT, _LEAST * usual)[:, None]
    return np.asarray(agree & (np.abs(added) >= most))


def champion_reasons(
    champion: StoredChampion,
    table: FeatureTable,
    known: pd.DataFrame,
    forecasts: pd.DataFrame | None = None,
    cutoff: pd.Timestamp | None = None,
) -> Reasons:
    """Reasons of the champion's forecasts, of all products: at its own cutoff, or of other data at another one.

    Parameters
    ----------
    table, known : as for `StoredChampion.forecast`; with a ``cutoff`` as for `StoredChampion.forecast_new`.
    forecasts : the champion's forecast table at that cutoff; None makes it.
    cutoff : last known period of other data than those of the fit.

    Raises
    ------
    ValueError
        When the champion cannot forecast these data, or knows nothing of a product in ``forecasts``.
    """
    if forecasts is None:
        new = None if cutoff is None else champion.forecast_new(table, known, cutoff)
        forecasts = champion.forecast(table, known) if new is None else new
    wide = forecasts.pivot(index="unique_id", columns="ds", values="mean")
    parts = champion_parts(champion, table, known, cutoff)
    return reasons_of(parts, wide, cutoff or champion.cutoff)


def reasons_of(parts: Sequence[Parts], forecast: pd.DataFrame, cutoff: pd.Timestamp) -> Reasons:
    """Reasons from the parts of several models; without any, the forecast is usual and nothing is added.

    Parameters
    ----------
    forecast : means (products, periods) in units.

    Raises
    ------
    ValueError
        When a product of the forecast has no parts.
    """
    names = forecast.index.to_numpy().astype(str)
    steps = pd.DatetimeIndex(forecast.columns)
    total = forecast.to_numpy("float64").sum(axis=1)
    if not parts:
        none = np.zeros((len(names), 0))
        return Reasons(names, cutoff, steps, total, total.copy(), (), none, none, none, none.astype(bool), none)
    place = pd.Index(parts[0].names).get_indexer(names)
    if (place < 0).any():
        raise ValueError(f"{names[place < 0][0]!r}: the champion's trees do not know it; make the champion again")
    drivers = list(dict.fromkeys(name for part in parts for name in part.added))
    shares = np.array([part.share for part in parts])
    zero = np.zeros_like(parts[0].usual)
    # (models, series, horizon, drivers)
    each = np.stack([np.stack([part.added.get(name, zero) for name in drivers], -1)[place] for part in parts])
    sums = each.sum(axis=2)  # (models, series, drivers)
    mixed = np.tensordot(shares, each, 1)  # (series, horizon, drivers)
    order = np.argsort(-np.abs(mixed.sum(axis=1)).sum(axis=0), kind="stable")
    sums, mixed, drivers = sums[:, :, order], mixed[:, :, order], [drivers[k] for k in order]
    usual = sum(part.share * part.usual[place].sum(axis=1) for part in parts)
    knows = np.array([[name in part.added for name in drivers] for part in parts])[:, None]  # (models, 1, drivers)
    low = np.where(knows, sums, np.inf).min(axis=0)  # a model without such columns says nothing
    high = np.where(knows, sums, -np.inf).max(axis=0)
    agree = ((low > 0) | (high < 0)) & (knows.sum(axis=0) > 1)
    return Reasons(
        names, cutoff, steps, total, np.asarray(usual), tuple(drivers), mixed.sum(axis=1), low, high,
        agree, _when(mixed, drivers, steps),
    )  # fmt: skip


def _when(mixed: np.ndarray, drivers: Sequence[str], steps: pd.DatetimeIndex) -> np.ndarray:
    """First period in which half of a driver's largest effect is reached, (series, drivers); of promotions that lower
    the forecast there is none: fewer of them than usual are no event."""
    found = np.full(mixed[:, 0].shape, np.datetime64("NaT"), dtype="datetime64[ns]")
    for k, name in enumerate(drivers):
        if name not in DATED:
            continue
        size = mixed[:, :, k] * np.sign(mixed[:, :, k].sum(axis=1))[:, None]
        top = size.max(axis=1)
        first = (size >= 0.5 * top[:, None]).argmax(axis=1)
        event = (top > 0) & ((mixed[:, :, k].sum(axis=1) > 0) | (name in (HOLIDAYS, OPEN)))
        found[:, k] = np.where(event, steps.to_numpy()[first], np.datetime64("NaT"))
    return found
