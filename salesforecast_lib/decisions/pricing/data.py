"""What an elasticity is estimated from: log units, log prices, instruments and controls (chapter 13).

``psi(units + 1)``, psi the digamma function and close to ``log(units + 1/2)``, takes the place of ``log(units)``: it
exists on days without a sale. It is not unbiased: for Poisson counts of mean m it lies ``E1(m)`` above ``log(m)``, E1
the exponential integral, and its slope in ``log(m)`` is ``1 - exp(-m)`` (`count_bias`). Both errors vanish fast: an
elasticity is found to 1 % with five units a period, and with one unit only two thirds of it, so slower products need
longer periods and are left out. ``log(units + 1/2)`` is a little better at small counts, not enough to use them, and
does not fit what comes next. A day that sold out is no less useful: when the S-th of D evenly spread demands empties
the stock after the fraction a of the day, a is Beta(S, D - S + 1), and ``E[psi(S) - log a] = psi(D + 1)`` exactly. So a
sold-out day stands for the demand that it had, without a model of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import holidays
import numpy as np
import pandas as pd
from scipy.special import digamma, exp1
from scipy.stats import poisson

from salesforecast_lib.data.marketplace.demand import COUNTRY, FESTIVALS
from salesforecast_lib.data.marketplace.simulate import Marketplace
from salesforecast_lib.data.panel import KEYS
from salesforecast_lib.decisions.pricing.rules import refuse_customers

_DAYS_A_YEAR = 365.25
NEVER_VARIED = 0.01  # standard deviation of the log price below which nothing can be learned from it


@dataclass(frozen=True)
class PriceData:
    """Rows of products and periods, ready for `elasticity`.

    Parameters
    ----------
    table : ``unique_id, category, ds, block`` (number of the four-week block), ``units, share`` (of the category's
        units), ``log_units, log_price, rival_price`` (log index of the category's other prices, weighted by units),
        the instruments and the controls; no missing values, sorted by ``unique_id, ds``.
    instruments, controls : names of columns; an instrument moves the price and nothing else.
    """

    table: pd.DataFrame
    instruments: tuple[str, ...]
    controls: tuple[str, ...]

    @property
    def products(self) -> pd.DataFrame:
        """One row a product: ``unique_id, category, share, periods`` and ``price_low, price_high`` ever asked."""
        groups = self.table.groupby("unique_id", sort=True)
        price = np.exp(groups["log_price"].agg(["min", "max"]))
        first = groups[["category", "share"]].first()
        return first.assign(periods=groups.size(), price_low=price["min"], price_high=price["max"]).reset_index()


def rival_index(table: pd.DataFrame, column: str) -> np.ndarray:
    """Mean of ``column`` over the other products of the category and period, weighted by ``share``; 0 without any.

    Every product's values are taken as deviations from their own mean, so that a product that is not on sale counts
    as one at its usual price. The weights are those of the whole category without the product itself.
    """
    means = table.groupby("unique_id")[column].transform("mean")
    weighted = (table[column] - means) * table["share"]
    total = weighted.groupby([table["category"], table["ds"]]).transform("sum")
    others = 1 - table["share"]
    return ((total - weighted) / others.where(others > 1e-12)).fillna(0.0).to_numpy()


def calendar_controls(days: pd.Series, harmonics: int = 2, weekdays: bool = True) -> pd.DataFrame:
    """Trend, trend squared, harmonics of the year and (with ``weekdays``) six days of the week."""
    years = (days - days.min()).dt.days / _DAYS_A_YEAR
    columns = {"trend": years - years.mean()}
    columns["trend2"] = columns["trend"] ** 2
    angle = 2 * np.pi * days.dt.dayofyear / _DAYS_A_YEAR
    for k in range(1, harmonics + 1):
        columns |= {f"cos{k}": np.cos(k * angle), f"sin{k}": np.sin(k * angle)}
    if weekdays:
        columns |= {f"weekday{k}": (days.dt.dayofweek == k).astype("float64") for k in range(1, 7)}
    return pd.DataFrame(columns, index=days.index)


def log_demand(units: pd.Series, available: pd.Series | None = None) -> pd.Series:
    """Log demand from counts: ``psi(units + 1)``, and ``psi(units) - log(available)`` where the stock ran out.

    Nearly unbiased from five units a period on, too high and too flat below: see `count_bias`.

    Parameters
    ----------
    available : fraction of the period until the stock was empty, 1 = never; missing is returned for periods in which
        nothing could be sold.
    """
    whole = pd.Series(digamma(units + 1), index=units.index)
    if available is None:
        return whole
    some = (available > 0) & (units > 0)
    censored = digamma(units.where(some)) - np.log(available.where(some))
    return whole.where(available >= 1, censored)


def count_bias(means: Sequence[float]) -> pd.DataFrame:
    """What `log_demand` gets wrong at small counts, exactly, for Poisson demand: one row a mean.

    Columns: ``units`` (the mean m); ``bias`` of ``psi(q + 1)`` against ``log(m)``, which is ``E1(m)`` because
    ``m d/dm E[psi(q + 1)] = m E[1 / (q + 1)] = 1 - exp(-m)``; ``elasticity_found``, that slope: the share of an
    elasticity that is left; ``bias_half`` of ``log(q + 1/2)``, the usual alternative. Raises ValueError when a mean is
    not positive.
    """
    m = np.asarray(means, dtype="float64")
    if not (m > 0).all():
        raise ValueError(f"means={list(means)}: expected positive mean counts")
    counts = np.arange(int(m.max() + 20 * np.sqrt(m.max()) + 50))
    half = poisson.pmf(counts, m[:, None]) @ np.log(counts + 0.5) - np.log(m)
    return pd.DataFrame({"units": m, "bias": exp1(m), "elasticity_found": -np.expm1(-m), "bias_half": half})


def finish(
    table: pd.DataFrame,
    instruments: Sequence[str],
    controls: Sequence[str],
    min_periods: int,
    min_units: float = 5.0,
) -> PriceData:
    """Add shares, the rivals' indices and blocks; leave out rows with gaps, and products too short or too slow.

    Parameters
    ----------
    table : ``unique_id, category, ds, units, log_units, log_price``, instruments and controls; may have gaps.
    min_periods, min_units : products with fewer usable rows, or fewer mean units a period, are left out; so are those
        whose price never varied.

    Raises
    ------
    ValueError
        When a column describes customers.
    """
    refuse_customers(table.columns, "price data")
    table = table.sort_values(KEYS, ignore_index=True)
    means = table.groupby("unique_id")["units"].transform("mean")
    size = table.groupby("unique_id")["units"].mean()
    category = table.groupby("unique_id")["category"].first()
    share = size / size.groupby(category).transform("sum")
    table = table.assign(share=table["unique_id"].map(share))
    table["rival_price"] = rival_index(table, "log_price")
    names = list(instruments)
    for name in instruments:  # the rivals' price needs an instrument of its own
        table[f"rival_{name}"] = rival_index(table, name)
        names.append(f"rival_{name}")
    table["block"] = (table["ds"] - table["ds"].min()).dt.days // 28
    used = ["log_units", "log_price", "rival_price", *names, *controls]
    table = table[np.isfinite(table[used]).all(axis=1) & (means >= min_units)]
    groups = table.groupby("unique_id")
    long = (groups["ds"].transform("size") >= min_periods) & (groups["log_price"].transform("std") >= NEVER_VARIED)
    columns = ["unique_id", "category", "ds", "block", "units", "share", *used]
    return PriceData(table.loc[long, columns].reset_index(drop=True), tuple(names), tuple(controls))


def market_prices(market: Marketplace, *, views: bool = True, min_periods: int = 365) -> PriceData:
    """Price data of a simulated shop, from what it records; the shock and the other latent columns stay out.

    Instruments are the log supplier cost and the log depth of the planned discount (drawn without a look at demand;
    being on promotion is a control). Controls are the calendar, promotion, holidays and, with ``views``, the log
    views of three days before, which lead demand and do not answer to the price. The shopping festivals are left out:
    a handful of days on which everything moves at once would decide the estimate of a product. Days without stock say
    nothing; sold-out days enter by `log_demand`.

    Parameters
    ----------
    min_periods : days a product needs; with less than a year, season and price cannot be told apart.
    """
    category = market.products.set_index("unique_id")["category"]
    truth = market.truth.sort_values(KEYS, ignore_index=True)
    public = holidays.country_holidays(COUNTRY, years=range(truth["ds"].min().year, truth["ds"].max().year + 1))
    festival = np.array([(day.month, day.day) in FESTIVALS for day in truth["ds"]])
    table = pd.DataFrame(
        {
            "unique_id": truth["unique_id"],
            "category": truth["unique_id"].map(category),
            "ds": truth["ds"],
            "units": truth["sales"].astype("float64"),
            "log_units": log_demand(truth["sales"], truth["available"]).where(~festival),
            "log_price": np.log(truth["price"]),
            "log_cost": np.log(truth["cost"]),
            "log_depth": np.log1p(-truth["depth"]),
            "promotion": truth["promotion"].astype("float64"),
            "holiday": truth["ds"].isin([pd.Timestamp(day) for day in public]).astype("float64"),
        }
    )
    calendar = calendar_controls(table["ds"])
    table = pd.concat([table, calendar], axis=1)
    controls = ["promotion", "holiday", *calendar]
    if views:
        lead = market.config.views_lead
        table["log_views"] = np.log(truth.groupby("unique_id")["views"].shift(lead) + 0.5)
        controls.append("log_views")
    return finish(table, ("log_cost", "log_depth"), controls, min_periods)


def panel_prices(
    panel: pd.DataFrame, category: str, controls: Sequence[str], instrument: str = "", min_periods: int = 26
) -> PriceData:
    """Weekly price data of a run's panel.

    Days are added up to weeks; a week's price is the mean of the unit prices of the days with sales (so a busy day
    weighs as much as a quiet one), and its controls are means. Weeks that were partly unavailable are left out.

    Parameters
    ----------
    panel : ``unique_id, ds, y, price`` and, where there are any, ``available``, ``category`` and the controls.
    category : column whose products are rivals; empty: every product alone.
    instrument : column that moves the price and nothing else, such as the supplier's cost; empty: none.

    Raises
    ------
    ValueError
        When a column is missing or describes customers.
    """
    needed = ["unique_id", "ds", "y", "price", *([category] if category else []), *controls]
    needed += [instrument] if instrument else []
    missing = [name for name in needed if name not in panel]
    if missing:
        raise ValueError(f"panel: columns {missing} are missing; there are {list(panel.columns)}")
    refuse_customers(needed, "price data")
    week = panel["ds"] + pd.to_timedelta(6 - panel["ds"].dt.dayofweek, unit="D")
    sold = (panel["y"] > 0) & (panel["price"] > 0)
    rows = panel.assign(week=week, asked=np.log(panel["price"].where(sold)))
    groups = rows.groupby(["unique_id", "week"], sort=True)
    table = groups.agg(units=("y", "sum"), log_price=("asked", "mean"), days=("y", "size"))
    table["log_units"] = log_demand(table["units"])
    table[[*controls]] = groups[[*controls]].mean()
    if "available" in rows:
        table["stock"] = groups["available"].max()
        table = table[table["stock"] > 0]
    if instrument:
        table[instrument] = np.log(groups[instrument].mean())
    table = table[table["days"] == table["days"].max()].reset_index().rename(columns={"week": "ds"})
    groups_of = panel.groupby("unique_id")[category].first() if category else None
    table["category"] = table["unique_id"] if groups_of is None else table["unique_id"].map(groups_of)
    calendar = calendar_controls(table["ds"], harmonics=1, weekdays=False)
    table = pd.concat([table, calendar], axis=1)
    instruments = (instrument,) if instrument else ()
    return finish(table, instruments, (*controls, *calendar), min_periods)
