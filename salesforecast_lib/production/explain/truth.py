"""Attributions against a market whose drivers are known: does the explanation name what moves sales? (chapter 16)"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from math import comb
from typing import Any

import holidays
import numpy as np
import pandas as pd
from scipy.stats import spearmanr

from salesforecast_lib.data.features import FeatureTable, build_features
from salesforecast_lib.data.marketplace import COUNTRY, FESTIVALS, Marketplace, MarketplaceConfig, simulate_marketplace
from salesforecast_lib.models.champion import ChampionConfig, StoredChampion, champion_forecasts
from salesforecast_lib.production.explain.drivers import HOLIDAYS, PRICE, PROMOTION, SEASON, WEEKDAY
from salesforecast_lib.production.explain.trees import champion_parts

META: dict[str, Any] = {
    "freq": "D", "horizon": 28, "season_length": 7, "country": COUNTRY, "dataset": "marketplace",
    "static": ["category"], "historical": [], "future": ["promotion", "depth", "price"],
}  # fmt: skip
WINDOW = 112  # days that give the usual of which a driver's true effect is told: boosting's long level
AGREES = 0.8  # rank correlation over products from which on an attribution counts as right


@dataclass(frozen=True)
class KnownMarket:
    """A simulated market that never runs out of stock, with its list prices and promotions known ahead.

    Parameters
    ----------
    cutoffs : last known days of the forecasts that are explained, each a horizon before the next or more.
    """

    market: Marketplace
    cutoffs: tuple[pd.Timestamp, ...]

    @cached_property
    def table(self) -> FeatureTable:
        """Features of all days; the price is the list price, so that a promotion's cut is the promotion's."""
        truth, products = self.market.truth, self.market.products
        panel = pd.DataFrame(
            {
                "unique_id": truth["unique_id"], "ds": truth["ds"], "y": truth["demand"].astype("float64"),
                "available": 1.0, "promotion": truth["promotion"].astype("float64"), "depth": truth["depth"],
                "price": truth["list_price"],
                "category": truth["unique_id"].map(products.set_index("unique_id")["category"]),
            }
        )  # fmt: skip
        return build_features(panel.sort_values(["unique_id", "ds"], ignore_index=True), META)

    @property
    def known(self) -> pd.DataFrame:
        """What is known ahead, of all days."""
        return self.table.frame[["unique_id", "ds", *self.table.roles["future"]]]


def known_market(seed: int, products: int = 80, days: int = 760, cutoffs: int = 2, **changes: Any) -> KnownMarket:
    """A market for the trial; ``changes`` of its settings, such as ``confounding``."""
    told: dict[str, Any] = {
        "products": products, "days": days, "units": products * days * 12.0, "seed": seed, "stock_cover": 0.0,
        "launch_share": 0.0, "delisting_share": 0.0, "regime_share": 0.0, "intermittent_share": 0.0,
        "confounding": 0.0, "cross": 0.0, "shock_sd": 0.1, "dispersion": 40.0, "categories": 4,
    }  # fmt: skip
    market = simulate_marketplace(MarketplaceConfig(**{**told, **changes}))
    last = market.truth["ds"].max()
    horizon = META["horizon"]
    return KnownMarket(market, tuple(last - pd.Timedelta(days=horizon * (k + 1)) for k in range(cutoffs))[::-1])


def explained_champion(
    known: KnownMarket, cutoff: pd.Timestamp, seed: int = 0, members: tuple[str, ...] = ("LightGBMDirect",)
) -> StoredChampion:
    """A champion of trees that have seen everything up to the cutoff."""
    config = ChampionConfig(3.0, members, levels=(0.5,), validation=0, seed=seed)
    stored = champion_forecasts(known.table, known.known, META, [cutoff], config).stored
    assert stored is not None  # nothing was read back
    return stored


def true_logs(known: KnownMarket) -> pd.DataFrame:
    """Log effects of the drivers in each row of the market's truth, by the simulator's own equation."""
    truth = known.market.truth.merge(known.market.products, on="unique_id", how="left", validate="many_to_one")
    days = pd.DatetimeIndex(truth["ds"])
    public = holidays.country_holidays(COUNTRY, years=sorted(set(days.year)))
    feast = np.array([(day.month, day.day) in FESTIVALS for day in days])
    free = np.array([day.date() in public for day in days])
    angle = 2 * np.pi * (days.dayofyear.to_numpy() - truth["season_peak"].to_numpy()) / 365.25
    price = truth["own_elasticity"] * np.log(truth["list_price"] / truth["reference_price"])
    logs = pd.DataFrame(
        {
            PROMOTION: truth["promotion"] * truth["promotion_effect"]
            + truth["own_elasticity"] * np.log1p(-truth["depth"]),
            PRICE: price,
            SEASON: truth["season_amplitude"] * np.cos(angle),
            HOLIDAYS: free * truth["holiday_effect"] + feast * truth["festival_effect"],
        }
    )
    left = np.log(truth["mu"]) - truth["base"] - truth["shock"] - logs.sum(axis=1)
    by_day = left.groupby([truth["unique_id"], days.dayofweek]).transform("mean")
    logs[WEEKDAY] = by_day - left.groupby(truth["unique_id"]).transform("mean")
    return pd.concat([truth[["unique_id", "ds", "mu"]], logs], axis=1)


def true_effects(known: KnownMarket, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Units over the horizon that each driver truly adds, by product: against its average in the window before.

    The market multiplies its drivers, so what two of them do together has to be dealt out; Shapley values of the true
    function do it as those of the trees do (`shapley_of_product`). A driver's log effect counts from its mean over the
    last `WINDOW` days. The weekday's effect is that of the weekend, because the days of whole weeks cancel.
    """
    logs = true_logs(known)
    drivers = list(logs.columns[3:])
    ahead = (logs["ds"] > cutoff) & (logs["ds"] <= cutoff + pd.Timedelta(days=META["horizon"]))
    before = (logs["ds"] <= cutoff) & (logs["ds"] > cutoff - pd.Timedelta(days=WINDOW))
    usual = logs[before].groupby("unique_id")[drivers].mean()
    rows = logs[ahead]
    moved = rows[drivers].to_numpy() - usual.loc[rows["unique_id"]].to_numpy()
    still = rows["mu"].to_numpy() * np.exp(-moved.sum(axis=1))
    units = pd.DataFrame(still[:, None] * shapley_of_product(moved), rows["unique_id"], drivers)
    units[WEEKDAY] *= (rows["ds"].dt.dayofweek >= 5).to_numpy()
    return units.groupby(level=0).sum().assign(usual=rows.groupby("unique_id")["mu"].sum())


def shapley_of_product(logs: np.ndarray) -> np.ndarray:
    """Shapley values of ``exp(sum of the logs)`` less one: each driver's mean contribution over all orders in which the
    drivers may come in (Shapley 1953).

    Parameters
    ----------
    logs : (rows, drivers), a few drivers: all their subsets are gone through.
    """
    rows, count = logs.shape
    factors, found = np.exp(logs), np.zeros((rows, count))
    for driver in range(count):
        others = [k for k in range(count) if k != driver]
        for size in range(count):
            weight = 1 / (count * comb(count - 1, size))
            for chosen in combinations(others, size):
                found[:, driver] += weight * factors[:, list(chosen)].prod(axis=1) * (factors[:, driver] - 1)
    return found


def attributed_effects(known: KnownMarket, champion: StoredChampion) -> pd.DataFrame:
    """What the champion's trees say that each driver adds, by product, in the units of `true_effects`."""
    parts = champion_parts(champion, known.table, known.known)
    weekend = parts[0].steps.dayofweek >= 5
    total = 0.0
    for part in parts:
        sums = {
            name: (values * weekend if name == WEEKDAY else values).sum(axis=1) for name, values in part.added.items()
        }
        sums |= {"usual": part.usual.sum(axis=1), "forecast": part.mean.sum(axis=1)}
        total = total + part.share * pd.DataFrame(sums, index=part.names)
    return total


def agreement(pairs: Sequence[tuple[pd.DataFrame, pd.DataFrame]]) -> pd.DataFrame:
    """Rank correlation over products of the attributed and the true effects, by driver; index ``driver``.

    Parameters
    ----------
    pairs : attributed and true effects, one pair a cutoff; a product's effects are added up over them.

    Returns
    -------
    ``units`` : of the units, in which large products lead; ``share`` : of the shares of the usual, where size does not
    help; ``true_share`` : mean size of the true effect, as a share of the usual; ``slope`` : attributed units for a
    true one, by least squares through zero; ``missed`` : how much of a true unit the forecast itself lacks, likewise.
    """
    ours, true = (sum(pair[k] for pair in pairs) for k in (0, 1))
    rows, error = [], ours["forecast"] - true["usual"]
    for driver in true.columns.drop("usual"):
        one = ours.get(driver, pd.Series(0.0, true.index)).reindex(true.index)
        other = true[driver]
        share = spearmanr(one / ours["usual"], other / true["usual"]).statistic
        rows.append(
            {
                "driver": driver, "units": spearmanr(one, other).statistic, "share": share,
                "true_share": float((other.abs() / true["usual"]).mean()),
                "slope": float((one * other).sum() / max((other**2).sum(), 1e-12)),
                "missed": float(-(error * other).sum() / max((other**2).sum(), 1e-12)),
            }
        )  # fmt: skip
    return pd.DataFrame(rows).set_index("driver").sort_values("true_share", ascending=False)
