"""What a price does, measured on the panel's own changes of price inside its products (chapter 06b).

A model that forecasts shrinks what it saw seldom, and a change of price is seldom. So the size of a price's effect is
measured apart: a Poisson regression of the sales of product i in period t,

``E[y_it] = a_i,block * d_t * (weekday, season of i) * exp(controls) * price_it ^ e_i * rivals_it ^ c``,

whose levels ``a`` change every few weeks, so that trend and season are taken out and only prices that changed within a
block count; ``d_t`` is what all products had on that day, ``rivals`` the index of the other prices of the product's
group, weighted by units. The products' ``e_i`` are then drawn towards their mean by empirical Bayes; ``c`` is one for
all. Zero sales need no logarithm (Santos Silva and Tenreyro, 2006). Prices that followed demand bias it, as
they bias the models: only a test tells then (chapter 13).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.decisions.panel_regression import between_variance, poisson_within
from salesforecast_lib.decisions.whatif.support import ENOUGH

BLOCKS = {"D": 56, "W": 13, "M": 12}  # periods over which a product's level stays
CLUSTERS = {"D": (7, 28), "W": (1, 4), "M": (1, 3)}  # periods within which errors hang together
LEAST_MOVE = 0.01  # spread of the log price within the blocks below which a product says nothing
LEAST_SPREAD = 0.25  # of true elasticities between products; few estimates often give none
MOST = 300  # products that are measured: those that the plan changes first
_CLUSTERS = ("short", "long")
_COMMON = 5  # products from which on a day's common factor can be told from the products' own sales
_ROWS_A_COLUMN = 8  # rows for each column of a product's own regression, below which its season is left to the blocks
_FAR = 3.0  # deviations from the middle, beyond which an estimate does not widen the spread of all


@dataclass(frozen=True)
class PriceResponse:
    """Price elasticities of a panel's products, with what they rest on.

    Parameters
    ----------
    table : index ``unique_id``: ``own, own_se`` (from the product's own changes of price; missing without any),
        ``elasticity, sd`` (drawn towards the mean), ``shared`` (the part of the ``sd`` that is the mean's), ``low,
        high`` (prices that were tried, by the product or, held against their usual price, by others of its group).
    mean, mean_se : elasticity over the products and its standard error; ``measured`` products changed their price.
    cross, cross_se : elasticity of a product's sales to its rivals' prices together, one for all; zero where it cannot
        be told from zero. ``weights`` : units a period by ``unique_id``; ``groups`` : the product's group.
    reason : why it cannot be used, a sentence; empty when it can.
    """

    table: pd.DataFrame
    mean: float = np.nan
    mean_se: float = np.nan
    measured: int = 0
    cross: float = 0.0
    cross_se: float = 0.0
    weights: pd.Series = field(default_factory=lambda: pd.Series(dtype=float))
    groups: pd.Series = field(default_factory=lambda: pd.Series(dtype=object))
    reason: str = ""

    def rivals(self, moves: pd.DataFrame) -> np.ndarray:
        """Change of the log price index of each row's rivals, (rows,), from ``unique_id, ds, move`` (of its own)."""
        return rival_index(moves, "move", self.weights, self.groups)


def measure_response(
    panel: pd.DataFrame, controls: Sequence[str], freq: str, group: str = "", asked: Sequence[str] = ()
) -> PriceResponse:
    """Price elasticity of each product, from its history.

    Parameters
    ----------
    panel : ``unique_id, ds, y, available, price`` and the controls; periods that were closed or partly out of stock do
        not count.
    controls : other columns that the shop decides, such as promotions.
    group : static column whose products are alike: what one of them tried another may, too.
    asked : products that are needed; of a large panel others are left out.
    """
    names = _chosen(panel, asked)
    low, high = _tried(panel, group)
    table = pd.DataFrame(index=pd.Index(names, name="unique_id")).assign(low=low.reindex(names), high=high)
    if "price" not in panel or table["low"].isna().all():
        return PriceResponse(table, reason="the data have no prices")
    weights, groups = panel.groupby("unique_id")["y"].mean().clip(lower=0.0), pd.Series(dtype=object)
    if group:
        groups = panel.groupby("unique_id")[group].first().astype(str)
        told = panel[["unique_id", "ds"]].assign(move=np.log(panel["price"].where(panel["price"] > 0)))
        told["move"] -= told.groupby("unique_id")["move"].transform("mean")
        panel = panel.assign(rivals=rival_index(told, "move", weights, groups))
    else:
        panel = panel.assign(rivals=0.0)
    rows = _usable(panel, names, controls, freq)
    if rows.empty:
        return PriceResponse(table, reason="no product changed its price within eight weeks and sold at both prices")
    day, cross, cross_se = _common(rows, controls)
    day = day + cross * rows["rivals"].to_numpy()
    places = rows.groupby("unique_id", sort=False).indices.items()
    found = {name: _own_elasticity(rows.iloc[place], controls, day[place], freq) for name, place in places}
    own = pd.DataFrame(found, index=["own", "own_se"]).T.dropna()
    table = table.join(own).assign(elasticity=np.nan, sd=np.nan, shared=np.nan)
    if own.empty:
        return PriceResponse(table, reason="no product changed its price within eight weeks and sold at both prices")
    mean, mean_se, spread = _mean_of(own)
    table[["elasticity", "sd", "shared"]] = _drawn(table, mean, mean_se, spread)
    reason = ""
    if mean + 1.96 * mean_se >= 0:
        reason = (
            f"the changes of price in the data do not tell what a price does (elasticity {mean:.1f}, "
            f"95 %: {mean - 1.96 * mean_se:.1f} to {mean + 1.96 * mean_se:.1f})"
        )
    return PriceResponse(table, mean, mean_se, len(own), cross, cross_se, weights, groups, reason)


def rival_index(rows: pd.DataFrame, column: str, weights: pd.Series, groups: pd.Series) -> np.ndarray:
    """Mean of ``column`` over the other products of each row's group in the same period, (rows,); 0 without any.

    Parameters
    ----------
    weights : of each product, all products of its group counting; one without a row counts as unmoved.
    """
    if groups.empty:
        return np.zeros(len(rows))
    weight, group = rows["unique_id"].map(weights), rows["unique_id"].map(groups)
    moved = (rows[column] * weight).fillna(0.0)
    every = moved.groupby([group, rows["ds"]]).transform("sum")
    others = group.map(weights.groupby(groups.reindex(weights.index)).sum()) - weight
    return ((every - moved) / others.where(others > 1e-9)).fillna(0.0).to_numpy()


def _chosen(panel: pd.DataFrame, asked: Sequence[str]) -> list[str]:
    """The products asked for, and of the others as many as there is room for, evenly over their names."""
    every, wanted = np.sort(panel["unique_id"].unique()), set(asked)
    first = [name for name in every if name in wanted]
    rest = [name for name in every if name not in wanted]
    room = max(MOST - len(first), 0)
    step = max(1, -(-len(rest) // room)) if room else 1
    return sorted([*first, *(rest[::step] if room else [])])


def _tried(panel: pd.DataFrame, group: str) -> tuple[pd.Series, pd.Series]:
    """Lowest and highest price by product that it tried `ENOUGH` times, or another of its group in its own terms."""
    if "price" not in panel:
        return pd.Series(dtype=float), pd.Series(dtype=float)
    past = panel[(panel["available"] > 0) & (panel["price"] > 0)]
    usual = past.groupby("unique_id")["price"].median()
    relative = past["price"] / past["unique_id"].map(usual)
    of = past[group].astype(str) if group else pd.Series("", past.index)
    group_of = of.groupby(past["unique_id"]).first()
    ends = []
    for smallest in (True, False):

        def end(values: pd.Series, smallest: bool = smallest) -> float:
            ordered = np.sort(values.to_numpy())
            return float(ordered[min(ENOUGH, len(ordered)) - 1] if smallest else ordered[-min(ENOUGH, len(ordered))])

        mine = past.groupby("unique_id")["price"].apply(end)
        theirs = usual * group_of.map(relative.groupby(of).apply(end))
        ends.append(np.minimum(mine, theirs) if smallest else np.maximum(mine, theirs))
    return ends[0], ends[1]


def _usable(panel: pd.DataFrame, names: Sequence[str], controls: Sequence[str], freq: str) -> pd.DataFrame:
    """Rows that tell of prices: sold, whole periods, in blocks with sales and more than one price."""
    inside = panel["unique_id"].isin(names) & (panel["available"] >= 1) & (panel["price"] > 0) & panel["y"].notna()
    if "open" in panel:
        inside &= panel["open"] > 0
    rows = panel.loc[inside, ["unique_id", "ds", "y", "price", "rivals", *controls]]
    number = np.searchsorted(np.sort(panel["ds"].unique()), rows["ds"])
    rows = rows.assign(y=rows["y"].clip(lower=0.0), x=np.log(rows["price"]), day=number)
    rows[[*controls]] = rows[[*controls]].fillna(0.0)
    kind = check_freq(freq).kind
    lengths = zip(("cell", *_CLUSTERS), (BLOCKS[kind], *CLUSTERS[kind]), strict=True)
    for name, length in lengths:
        rows[name] = pd.factorize(rows["unique_id"].astype(str) + "|" + (number // length).astype(str))[0]
    cells = rows.groupby("cell")
    tells = (cells["y"].transform("sum") > 0) & (cells["y"].transform("size") > 1)
    rows = rows[tells].sort_values(["unique_id", "ds"], ignore_index=True)
    return rows.assign(cell=pd.factorize(rows["cell"])[0], series=pd.factorize(rows["unique_id"])[0])


def _common(rows: pd.DataFrame, controls: Sequence[str]) -> tuple[np.ndarray, float, float]:
    """Log of what all products had in each row's period, (rows,), and the elasticity to the rivals' prices.

    Both are zero where there are too few products to tell them; the elasticity is too where it may be none.
    """
    if rows["series"].nunique() < _COMMON:
        return np.zeros(len(rows)), 0.0, 0.0
    x = rows[["x", "rivals", *controls]].to_numpy("float64")
    day, y = pd.factorize(rows["day"])[0], rows["y"].to_numpy("float64")
    told = np.bincount(day, y)[day] > 0  # a day without a sale of any product says nothing
    cell, when = (pd.factorize(codes[told])[0] for codes in (rows["cell"].to_numpy(), day))
    clusters = [pd.factorize(rows[name][told])[0] for name in _CLUSTERS]
    fit = poisson_within(y[told], x[told], [cell, when], clusters)
    level = pd.Series(fit.offset).groupby(cell).transform("mean")
    by_day = (pd.Series(fit.offset) - level).groupby(day[told]).mean()
    common = pd.Series(day).map(by_day).fillna(0.0).to_numpy()
    cross, error = float(fit.slope[1]), float(np.sqrt(fit.covariance[1, 1]))
    return (common, cross, error) if error > 0 and cross > 1.96 * error else (common, 0.0, 0.0)


def _own_elasticity(rows: pd.DataFrame, controls: Sequence[str], day: np.ndarray, freq: str) -> tuple[float, float]:
    """Elasticity of one product and its standard error; missing where its price hardly changed."""
    extra = [rows[name].to_numpy("float64") for name in controls]
    if check_freq(freq).kind == "D":
        weekday = rows["ds"].dt.dayofweek.to_numpy()
        extra += [(weekday == k).astype("float64") for k in range(1, 7)]
    if len(rows) > _ROWS_A_COLUMN * (len(extra) + 6):  # season and trend of the product within its blocks
        years = (rows["ds"] - rows["ds"].min()).dt.days.to_numpy() / 365.25
        extra += [years, *(wave(2 * np.pi * k * years) for k in (1, 2) for wave in (np.cos, np.sin))]
    x = np.column_stack([rows["x"].to_numpy("float64"), *extra])
    cell = pd.factorize(rows["cell"])[0]
    clusters = [pd.factorize(rows[name])[0] for name in _CLUSTERS]
    fit = poisson_within(rows["y"].to_numpy("float64"), x, [cell], clusters, day)
    if fit.moved[0] < LEAST_MOVE or fit.covariance[0, 0] <= 0:
        return np.nan, np.nan
    return float(fit.slope[0]), float(np.sqrt(fit.covariance[0, 0]))


def _mean_of(own: pd.DataFrame) -> tuple[float, float, float]:
    """Mean elasticity, its standard error and the spread between products."""
    estimate, variance = own["own"].to_numpy(), np.maximum(own["own_se"].to_numpy() ** 2, 1e-12)
    middle = float(np.median(estimate))
    scale = 1.4826 * float(np.median(np.abs(estimate - middle)))
    reach = _FAR * np.sqrt(scale**2 + variance)
    held = np.clip(estimate, middle - reach, middle + reach)
    spread = max(np.sqrt(between_variance(held, variance)), LEAST_SPREAD)
    weight = 1 / (spread**2 + variance)
    return float(np.average(held, weights=weight)), float(np.sqrt(1 / weight.sum())), float(spread)


def _drawn(table: pd.DataFrame, mean: float, mean_se: float, spread: float) -> np.ndarray:
    """Elasticity, its standard deviation and the shared part of it, (products, 3), drawn towards the mean."""
    own, noise = table["own"].to_numpy(), table["own_se"].to_numpy() ** 2
    gain = np.where(np.isnan(own), 0.0, spread**2 / (spread**2 + np.nan_to_num(noise)))
    centre = np.minimum(mean + gain * (np.nan_to_num(own) - mean), 0.0)
    shared = (1 - gain) * mean_se
    sd = np.sqrt(np.where(np.isnan(own), spread**2, gain * np.nan_to_num(noise)) + shared**2)
    return np.column_stack([centre, sd, shared])
