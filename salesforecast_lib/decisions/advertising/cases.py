"""Sales and spend of the simulated marketplace for the channel model, their truth, and data it cannot learn from."""

from __future__ import annotations

from dataclasses import dataclass, replace

import holidays
import numpy as np
import pandas as pd
from scipy.special import gamma

from salesforecast_lib.data.marketplace.demand import COUNTRY, FESTIVALS, adstock, autoregression, hill
from salesforecast_lib.data.marketplace.simulate import Marketplace
from salesforecast_lib.decisions.advertising.response import ChannelData, ChannelFit, calendar_controls, extra_sales


@dataclass(frozen=True)
class ChannelCase:
    """What the analyst sees (``data``) and what is true.

    ``response`` (channels, periods) is each channel's true relative gain, ``expected`` (periods,) the true expected
    sales, ``parameters`` the table of true decays, half saturations, slopes and lifts, empty where other equations than
    the model's made the data.
    """

    data: ChannelData
    response: np.ndarray
    expected: np.ndarray
    parameters: pd.DataFrame

    @property
    def true_return(self) -> np.ndarray:
        """True extra sales per unit of money spent, (channels,)."""
        return extra_sales(self.response, self.expected) / self.data.spend.sum(axis=1)


def market_case(market: Marketplace) -> ChannelCase:
    """Daily sales at each product's mean price, with what a shop knows beside its calendar: prices, promotions, range.

    Sales of a day on which a product ran out are scaled to the whole day by ``available``, as for the panel's models.
    """
    truth, names = market.truth, tuple(market.channel_parameters["channel"])
    days = pd.DatetimeIndex(sorted(truth["ds"].unique()))
    wide = {
        name: truth.pivot(index="ds", columns="unique_id", values=name).to_numpy()
        for name in ("sales", "available", "mu", "price", "depth")
    }  # (days, products), NaN where not on sale
    mean_price = np.nanmean(wide["price"], axis=0)
    whole_day = wide["sales"] / np.maximum(wide["available"], 0.1)
    sales = np.nansum(whole_day * mean_price, axis=1)
    live = np.isfinite(wide["price"])
    share = np.nanmean(whole_day, axis=0) * mean_price
    weight = live * share / (live * share).sum(1, keepdims=True)

    def weighted(values: np.ndarray) -> np.ndarray:
        return (weight * np.where(live, values, 0.0)).sum(1)

    official = holidays.country_holidays(COUNTRY, years=sorted(set(days.year)))
    special = [
        np.array([day in official for day in days], float),
        np.array([(day.month, day.day) in FESTIVALS for day in days], float),
        weighted(np.log(wide["price"] / mean_price)),
        weighted(wide["depth"] > 0),
        np.log((live * share).sum(1)),
    ]
    special = [column for column in special if np.ptp(column) > 1e-9]
    spend = market.channels.pivot(index="channel", columns="ds", values="spend").loc[list(names)].to_numpy()
    response = market.channels.pivot(index="channel", columns="ds", values="response").loc[list(names)].to_numpy()
    data = ChannelData(names, days, sales, spend, calendar_controls(days, special))
    return ChannelCase(data, response, np.nansum(wide["mu"] * mean_price, axis=1), market.channel_parameters)


def true_fit(case: ChannelCase) -> ChannelFit:
    """The true parameters as a fit with a single draw, to value a budget by the truth.

    Raises
    ------
    ValueError
        When other equations than the model's made the case, so that no parameters of the model are true.
    """
    if case.parameters.empty:
        raise ValueError("parameters: the case was made by other equations than the model's, so none of them is true")
    names = ("decay", "half_saturation", "slope", "lift")
    return ChannelFit(case.data.names, *(case.parameters[name].to_numpy(float)[None] for name in names))


def respend(case: ChannelCase, spend: np.ndarray, shock: np.ndarray | None = None) -> ChannelCase:
    """The same shop with other spend (channels, periods), and with a demand ``shock`` (log, periods) nobody records."""
    table = case.parameters
    half, slope, lift = (table[name].to_numpy()[:, None] for name in ("half_saturation", "slope", "lift"))
    response = lift * hill(adstock(spend, table["decay"].to_numpy()), half, slope)
    change = (1 + response.sum(0)) / (1 + case.response.sum(0))
    if shock is not None:
        change = change * np.exp(shock)
    data = replace(case.data, sales=case.data.sales * change, spend=spend)
    return ChannelCase(data, response, case.expected * change, table)


def hard_cases(case: ChannelCase, seed: int = 0) -> dict[str, ChannelCase]:
    """Four budgets for one shop: as planned, and three from which no response model can learn.

    ``together``: search, social and video rise and fall in the same flights. ``follows demand``: the first channel's
    budget follows a demand shock that is in no data. ``never varies``: the first channel spends its mean every day.
    """
    rng = np.random.default_rng(seed)
    spend, mean = case.data.spend, case.data.spend.mean(axis=1, keepdims=True)
    flights = spend[:1] / mean[0]
    shock = autoregression(rng, 0.1, 0.95, (1, spend.shape[1]))[0]
    demand_driven, constant = spend.copy(), spend.copy()
    demand_driven[0] = mean[0] * np.exp(5 * shock)
    constant[0] = mean[0]
    return {
        "as planned": case,
        "together": respend(case, mean * flights),
        "follows demand": respend(case, demand_driven, shock),
        "never varies": respend(case, constant),
    }


def delayed_stock(spend: np.ndarray, decay: np.ndarray, delay: float = 3.0) -> np.ndarray:
    """Carry-over that comes late: spend (channels, periods) weighted by its age, Weibull with shape 2.

    As much is carried over in all as by geometric adstock with ``decay`` (channels,), but ``delay`` periods later in
    the mean, and least of all at once.
    """
    age = np.arange(spend.shape[1]) + 0.5
    stock = []
    for row, rate in zip(spend, decay, strict=True):
        scale = (rate / (1 - rate) + delay) / gamma(1.5)
        weight = age * np.exp(-((age / scale) ** 2))
        stock.append(np.convolve(row, weight / weight.sum() / (1 - rate))[: spend.shape[1]])
    return np.stack(stock)


def misspecified_cases(case: ChannelCase, delay: float = 3.0) -> dict[str, ChannelCase]:
    """The same shop whose customers answer by other equations than the model's: a test of the model, not of its luck.

    ``delayed carry-over``: `delayed_stock` instead of geometric adstock. ``no ceiling``: the logarithm of one plus
    adstock over half saturation instead of the Hill curve. ``both``. Every channel's mean gain is that of ``case``, so
    that its true return is about the same. ``parameters`` are empty: these equations have others.
    """
    table, spend = case.parameters, case.data.spend
    decay = table["decay"].to_numpy()
    half, slope = (table[name].to_numpy()[:, None] for name in ("half_saturation", "slope"))
    geometric, late = adstock(spend, decay), delayed_stock(spend, decay, delay)
    shapes = {
        "delayed carry-over": hill(late, half, slope),
        "no ceiling": np.log1p(geometric / half),
        "both": np.log1p(late / half),
    }
    found = {"as assumed": case}
    for name, shape in shapes.items():
        response = shape * (case.response.mean(axis=1) / shape.mean(axis=1))[:, None]
        change = (1 + response.sum(0)) / (1 + case.response.sum(0))
        data = replace(case.data, sales=case.data.sales * change)
        found[name] = ChannelCase(data, response, case.expected * change, pd.DataFrame())
    return found
