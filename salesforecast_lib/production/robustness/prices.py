"""Price feeds made to move an order: greedy search for trees, gradients for the network (chapter 16b).

Both stay in a plausible band, ``1 - band`` to ``1 + band`` times the true price, so that no check of a range sees them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import torch

from salesforecast_lib.data.features import build_features
from salesforecast_lib.models.forecaster import Forecaster
from salesforecast_lib.models.windows.panel_tensor import PanelTensor
from salesforecast_lib.production.robustness.case import Case, Orders
from salesforecast_lib.production.robustness.disturbances import scaled_prices

_FEATURES = ("price", "price_level", "relative_price")  # those that move one to one with the logarithm of the price


def greedy_prices(
    case: Case, forecast: Callable[[pd.DataFrame], pd.DataFrame], orders: Orders, band: float = 0.2, blocks: int = 4
) -> pd.DataFrame:
    """Factors on recent prices that raise each product's order most, found block by block.

    The recent periods are cut into blocks. Block by block, from the latest back, every factor of ``1 - band``, 1 and
    ``1 + band`` is tried with the other blocks as they stand, and each product keeps its own best: trees have no
    gradient, but they answer questions. All products are asked at once.

    Parameters
    ----------
    forecast : a panel to a forecast table.

    Returns
    -------
    Factors by ``unique_id`` and recent period, as `scaled_prices` takes them.
    """
    days, names = case.recent, _alive(case)
    factors = pd.DataFrame(1.0, index=names, columns=days)
    best = orders(forecast(case.panel)).reindex(names).fillna(0.0).to_numpy()
    for block in np.array_split(np.arange(len(days)), blocks)[::-1]:
        held = factors.to_numpy().copy()
        for factor in (1 - band, 1 + band):
            tried = factors.copy()
            tried.iloc[:, block] = factor
            found = orders(forecast(scaled_prices(case, tried))).reindex(names).fillna(0.0).to_numpy()
            better = found > best + 1e-9
            held[np.ix_(better, block)] = factor
            best = np.where(better, found, best)
        factors = pd.DataFrame(held, index=names, columns=days)
    return factors


def gradient_prices(case: Case, network: Forecaster, band: float = 0.2, steps: int = 5) -> pd.DataFrame:
    """Factors on recent prices that raise the network's mean forecast: projected gradient ascent (Madry et al. 2018).

    With one step of the whole band this is the fast gradient sign method (Goodfellow et al. 2015). The gradient with
    respect to the logarithm of a day's price is taken through the inputs that move with it; after every step the
    factors are cut back into the band and all features are made anew, so that what is measured is the true model.

    Returns
    -------
    Factors by ``unique_id`` and recent period; all ones for a network that reads no price.
    """
    days, names = case.recent, _alive(case)
    moved = np.zeros((len(names), len(days)))  # logarithm of the factors
    low, high = np.log(1 - band), np.log(1 + band)
    size = (high - low) / 2 if steps == 1 else 2.5 * (high - low) / 2 / steps
    best, value = moved, -np.inf
    for _ in range(steps + 1):
        factors = pd.DataFrame(np.exp(moved), index=names, columns=days)
        slope, total = price_gradient(case, network, scaled_prices(case, factors), names, days)
        if total > value:
            best, value = moved, total
        moved = np.clip(moved + size * np.sign(slope), low, high)
    return pd.DataFrame(np.exp(best), index=names, columns=days)


def price_gradient(
    case: Case, network: Forecaster, panel: pd.DataFrame, names: pd.Index, days: Sequence[pd.Timestamp]
) -> tuple[np.ndarray, float]:
    """Slope of each product's mean forecast in the logarithm of its price on each day, (names, days); and their sum."""
    words = network.vocabulary
    table = build_features(panel, dict(case.meta)).frame
    past = table[(table["ds"] <= case.cutoff) & table["unique_id"].isin(names)]
    steps = pd.date_range(case.cutoff, periods=network.horizon + 1, freq=network.freq)[1:]
    ahead = case.known[case.known["ds"].isin(steps) & case.known["unique_id"].isin(names)]
    static = past.groupby("unique_id")[list(words.static)].first().reset_index()
    frame = pd.concat([past, ahead.merge(static, on="unique_id")], ignore_index=True)
    frame = frame.sort_values(["unique_id", "ds"], kind="stable", ignore_index=True)
    tensor = PanelTensor(frame, words, network.window, network.horizon, network.season)
    origins = torch.as_tensor(np.flatnonzero(frame["ds"].to_numpy() == np.datetime64(case.cutoff)))
    batch = tensor.gather(origins, network.reach)
    batch.history.requires_grad_(True)
    mean, _ = network.model.predict(batch)
    total = (mean * batch.scale).sum()
    (slope,) = torch.autograd.grad(total, batch.history)  # (series, steps, inputs)
    places = [4 + k for k, name in enumerate(words.historical) if name in _FEATURES]
    kinds = [name for name in words.historical if name in _FEATURES]
    found = np.zeros((len(names), len(days)))
    order = names.get_indexer(frame["unique_id"].to_numpy()[origins.numpy()])
    values = batch.history.detach().numpy()
    for series, row in enumerate(order):
        last = int(batch.length[series]) - 1
        for day in range(1, min(len(days), last + 1) + 1):  # from the latest back
            step = last + 1 - day
            for place, name in zip(places, kinds, strict=True):
                chain = float(np.abs(values[series, step, place])) if name == "price" else 1.0
                found[row, -day] += float(slope[series, step, place]) * chain
    return found, float(total.detach())


def _alive(case: Case) -> pd.Index:
    """Names of the series that have a row at the cutoff, sorted."""
    return pd.Index(np.sort(case.panel.loc[case.panel["ds"] == case.cutoff, "unique_id"].unique()), name="unique_id")
