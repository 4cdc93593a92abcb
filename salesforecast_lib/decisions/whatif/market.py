"""Another plan on the simulated marketplace, where what it really changes is known (chapter 06b)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.features import FeatureTable, build_features
from salesforecast_lib.data.marketplace import Marketplace, MarketplaceConfig, simulate_marketplace
from salesforecast_lib.data.marketplace.simulate import expected_demand
from salesforecast_lib.decisions.whatif.answer import answer
from salesforecast_lib.decisions.whatif.support import DEGREES, support, worst
from salesforecast_lib.models.champion import StoredChampion
from salesforecast_lib.wording import counted

KEYS = ["unique_id", "ds"]
# Other plans by name: factor on the price and what a promotion takes off it.
PLANS = {
    "promotion, a fifth off": {"depth": 0.2},
    "price cut by a tenth": {"price": 0.9},
    "price raised by a tenth": {"price": 1.1},
    "price halved": {"price": 0.5},
}
PLANNED = ["promotion", "depth", "price"]
_META = {
    "dataset": "marketplace",
    "freq": "D",
    "season_length": 7,
    "country": "CN",
    "static": ["category"],
    "historical": [],
    "future": PLANNED,
}


@dataclass(frozen=True)
class MarketCase:
    """A market whose last ``horizon`` days are to be forecast, with what is planned for them.

    ``panel`` holds all days, ``table`` the features of those up to ``cutoff``, ``meta`` their description, with roles.
    """

    market: Marketplace
    panel: pd.DataFrame
    table: FeatureTable
    meta: dict[str, Any]
    cutoff: pd.Timestamp

    def known(self, panel: pd.DataFrame | None = None) -> pd.DataFrame:
        """``unique_id, ds`` and the future columns of all days, under what was done or what ``panel`` does instead."""
        table = build_features(self.panel if panel is None else panel, {**_META, "horizon": self.meta["horizon"]})
        return table.frame[[*KEYS, *table.roles["future"]]]

    def changed(self, products: Sequence[str], days: int, price: float = 1.0, depth: float = 0.0) -> pd.DataFrame:
        """The panel, had these products been sold otherwise in the first ``days`` after the cutoff.

        Parameters
        ----------
        price : factor on the price at the cutoff. ``depth`` : taken off it in a promotion; 0 for none.
        """
        panel = self.panel.copy()
        last = self.cutoff + pd.Timedelta(days=days)
        rows = panel["unique_id"].isin(products) & (panel["ds"] > self.cutoff) & (panel["ds"] <= last)
        usual = panel["unique_id"].map(self.usual_price())
        panel.loc[rows, "price"] = (usual * price * (1 - depth))[rows].round(2)
        panel.loc[rows, "depth"], panel.loc[rows, "promotion"] = depth, float(depth > 0)
        return panel

    def usual_price(self) -> pd.Series:
        """Median price of each product over the last eight weeks before the cutoff without a promotion."""
        past = self.panel[(self.panel["ds"] <= self.cutoff) & (self.panel["promotion"] <= 0)]
        return past[past["ds"] > self.cutoff - pd.Timedelta(days=56)].groupby("unique_id")["price"].median()

    def true_demand(self, panel: pd.DataFrame) -> pd.Series:
        """Expected demand of each product over the horizon, had it been as in ``panel``; all chance stays as it was."""
        truth, products = self.market.truth, self.market.products.set_index("unique_id")
        asked = panel.set_index(KEYS)[["price", "promotion"]].reindex(pd.MultiIndex.from_frame(truth[KEYS]))
        price = pd.Series(asked["price"].to_numpy(), truth.index)
        more = asked["promotion"].to_numpy() - truth["promotion"].to_numpy()
        mu = expected_demand(self.market, price) * np.exp(more * truth["unique_id"].map(products["promotion_effect"]))
        ahead = truth["ds"] > self.cutoff
        return mu[ahead].groupby(truth.loc[ahead, "unique_id"]).sum()


def market_case(config: MarketplaceConfig, horizon: int = 14) -> MarketCase:
    """Simulate a market and cut it a horizon before its end; every product that is on sale until then stays."""
    market = simulate_marketplace(config)
    columns = [*KEYS, "sales", "available", *PLANNED]
    panel = market.truth[columns].rename(columns={"sales": "y"}).astype({name: "float64" for name in PLANNED})
    category = market.products.set_index("unique_id")["category"]
    panel = panel.assign(category=panel["unique_id"].map(category)).sort_values(KEYS, ignore_index=True)
    last = panel["ds"].max()
    ends = panel.groupby("unique_id")["ds"].transform("max")
    panel = panel[ends == last].reset_index(drop=True)
    cutoff = last - pd.Timedelta(days=horizon)
    table = build_features(panel, {**_META, "horizon": horizon})
    meta = {**_META, "horizon": horizon, **table.roles}
    past = table.frame[table.frame["ds"] <= cutoff].reset_index(drop=True)
    cut = FeatureTable(past, table.roles, table.groups, table.in_units)
    return MarketCase(market, panel, cut, meta, cutoff)


def beside_truth(
    case: MarketCase, before: pd.DataFrame, after: pd.DataFrame, plans: tuple[pd.DataFrame, pd.DataFrame]
) -> pd.DataFrame:
    """Forecast and true difference of the products that another plan changes.

    Parameters
    ----------
    before, after : forecast tables under both plans. ``plans`` : the panels that hold them.

    Returns
    -------
    DataFrame ``unique_id, units, true_units`` (under the first plan), ``forecast, truth`` (differences in units),
    ``support``.
    """
    ahead = [panel[panel["ds"] > case.cutoff].reset_index(drop=True) for panel in plans]
    past = case.panel[case.panel["ds"] <= case.cutoff]
    degrees = worst(support(past, ahead[0], ahead[1], PLANNED, "category"))
    units = [forecast.groupby("unique_id")["mean"].sum() for forecast in (before, after)]
    true = [case.true_demand(panel) for panel in plans]
    columns = {"units": units[0], "true_units": true[0], "forecast": units[1] - units[0], "truth": true[1] - true[0]}
    table = pd.DataFrame({**columns, "support": degrees})
    return table.loc[degrees.index].rename_axis("unique_id").reset_index()


def compared_plans(
    case: MarketCase,
    champion: StoredChampion,
    every: int = 4,
    plans: Mapping[str, Mapping[str, float]] = PLANS,
) -> pd.DataFrame:
    """What some plans change for every ``every``-th product, as answered and in truth, in per cent of their units.

    The plan beside which they stand keeps the usual price, without promotion.

    Returns
    -------
    DataFrame, index ``plan``: ``forecast, models, truth`` (per cent: the answer of the tool, what the models alone
    would say, and the truth), ``median`` (over the products: relative difference answered, as a share of the true one),
    ``inside`` (share of the products whose interval holds the true relative difference; missing without intervals),
    ``alike`` (correlation over the products, in units), ``never_tried`` (products) and ``support`` (the most frequent).
    """
    products = sorted(case.table.frame["unique_id"].unique())[::every]
    days = int(case.meta["horizon"])
    usual = case.changed(products, days)
    before = champion.forecast(case.table, case.known(usual))
    past, rows = case.panel[case.panel["ds"] <= case.cutoff], {}
    for name, plan in plans.items():
        other = case.changed(products, days, **plan)
        models = champion.forecast(case.table, case.known(other))
        one, two = _ahead(case, usual), _ahead(case, other)
        found = answer(past, before, models, (one, two), PLANNED, "D", "category")
        table = beside_truth(case, before, found.after, (usual, other)).set_index("unique_id")
        alone = beside_truth(case, before, models, (usual, other))
        counts = table["support"].value_counts().reindex(DEGREES).fillna(0)
        told, true = table["forecast"] / table["units"], table["truth"] / table["true_units"]
        ends = found.effects.reindex(table.index)[["units_low", "units_high"]].div(table["units"], axis=0)
        inside = true.between(ends["units_low"], ends["units_high"])[ends["units_low"].notna()]
        rows[name] = {
            "forecast": 100 * table["forecast"].sum() / table["units"].sum(),
            "models": 100 * alone["forecast"].sum() / alone["units"].sum(),
            "truth": 100 * table["truth"].sum() / table["true_units"].sum(),
            "median": float((told / true).median()),
            "inside": float(inside.mean()),
            "alike": float(np.corrcoef(table["forecast"], table["truth"])[0, 1]),
            "never_tried": int(counts["never"]),
            "support": str(counts.idxmax()),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("plan")


def measured_prices(
    config: MarketplaceConfig, seeds: Sequence[int], factors: Sequence[float] = (0.9, 1.1), every: int = 4
) -> pd.DataFrame:
    """The answer to other prices on several markets beside the truth; it needs no forecast, so nothing is trained.

    Every ``every``-th product of each market is sold at other prices for two weeks.

    Returns
    -------
    DataFrame, one row a market (its seed), product and factor on the price: ``market, unique_id, factor, share``
    (relative difference answered, as a share of the true one) and ``inside`` (its 95 % interval holds the true one).
    """
    parts = []
    for seed in seeds:
        case = market_case(replace(config, seed=seed))
        past, horizon = case.panel[case.panel["ds"] <= case.cutoff], int(case.meta["horizon"])
        products = sorted(past["unique_id"].unique())[::every]
        usual = case.changed(products, horizon)
        one, true_one = _ahead(case, usual), case.true_demand(usual)
        even = one[KEYS].assign(mean=1.0, **{"q0.5": 1.0})  # a relative difference does not depend on the forecast
        for factor in factors:
            panel = case.changed(products, horizon, price=factor)
            found = answer(past, even, even, (one, _ahead(case, panel)), PLANNED, "D", "category")
            units = even.groupby("unique_id")["mean"].sum().reindex(products)
            told = found.after.groupby("unique_id")["mean"].sum().reindex(products) / units - 1
            true = (case.true_demand(panel) / true_one - 1).reindex(products)
            ends = found.effects[["units_low", "units_high"]].reindex(products).div(units, axis=0)
            row = {"market": seed, "factor": factor, "share": told / true}
            parts.append(pd.DataFrame({**row, "inside": true.between(ends["units_low"], ends["units_high"])}))
    columns = ["market", "unique_id", "factor", "share", "inside"]
    if not parts:  # no market was asked
        return pd.DataFrame(columns=columns).astype({"share": float, "inside": float})
    return pd.concat(parts).rename_axis("unique_id").reset_index()[columns]


def _ahead(case: MarketCase, panel: pd.DataFrame) -> pd.DataFrame:
    return panel[panel["ds"] > case.cutoff].reset_index(drop=True)


def plans_found(table: pd.DataFrame) -> list[str]:
    """One sentence for each plan of `compared_plans`: the forecast difference as a share of the true one, in words."""
    lines = []
    for name, row in table.iterrows():
        share = row["forecast"] / row["truth"]
        size = (
            "of the wrong sign" if share < 0
            else "far too small" if share < 0.5
            else "of the right sign, too small" if share < 0.75
            else "agrees with the truth" if share <= 1.25
            else "of the right sign, too large"
        )  # fmt: skip
        never = counted(row["never_tried"], "product")
        warned = f"; the tool says that {never} never tried it" if row["never_tried"] else ""
        lines.append(f"{name}: {share:.1f} of the true difference, {size}{warned}")
    return lines
