"""The four tasks of the league: a panel, its description and the cutoffs, and what a model may see of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from salesforecast_lib.data.calendar import rolling_cutoffs
from salesforecast_lib.data.panel import PanelConfig
from salesforecast_lib.data.prepare import prepare
from salesforecast_lib.evaluation.backtest import comparable_panel
from salesforecast_lib.models.forecaster.persistence import fingerprint


@dataclass(frozen=True)
class View:
    """What a model may know at ``cutoff``: of later rows only the covariates declared *future* and the categories.

    ``panel`` ends one horizon after the cutoff; there ``y``, ``available`` and historical covariates are missing.
    """

    panel: pd.DataFrame
    meta: dict[str, Any]
    cutoff: pd.Timestamp

    @property
    def steps(self) -> pd.DatetimeIndex:
        """Periods to forecast."""
        return pd.date_range(self.cutoff, periods=int(self.meta["horizon"]) + 1, freq=self.meta["freq"])[1:]


@dataclass(frozen=True)
class Task:
    """One data set of the league.

    Parameters
    ----------
    panel : the data contract; ``available`` below 1 marks censored sales.
    cutoffs : last known periods of the scored horizons, oldest first.
    validation : earlier cutoffs whose horizons end by the first cutoff: models are chosen and combined on them.
    scale_lag : lag of the naive error that scales MASE and the quantile loss.
    skipped : first steps of each horizon that are forecast but not scored (a gap of the protocol).
    fully_available : score only periods without any stock-out.
    headline : measures shown first.
    """

    name: str
    title: str
    panel: pd.DataFrame
    meta: dict[str, Any]
    cutoffs: tuple[pd.Timestamp, ...]
    validation: tuple[pd.Timestamp, ...]
    scale_lag: int
    skipped: int = 0
    fully_available: bool = False
    headline: tuple[str, ...] = ("scaled_quantile_loss", "wape")

    @property
    def key(self) -> str:
        """Hash of the data and the protocol, so that no stored forecast is taken for another task's."""
        words = [fingerprint(self.panel), sorted(self.panel.columns), self.meta, self.skipped]
        return hashlib.sha256(json.dumps(words, sort_keys=True, default=str).encode()).hexdigest()[:12]

    def view(self, cutoff: pd.Timestamp) -> View:
        """The panel as it was known at ``cutoff``, with the plans for the horizon."""
        horizon, freq = int(self.meta["horizon"]), str(self.meta["freq"])
        end = pd.date_range(cutoff, periods=horizon + 1, freq=freq)[-1]
        panel = self.panel[self.panel["ds"] <= end].reset_index(drop=True)
        known = (panel["ds"] <= cutoff).to_numpy()
        started = panel.loc[known, "unique_id"].unique()
        hidden = [name for name in panel if name in ("y", "available", *self.meta["historical"])]
        panel[hidden] = panel[hidden].astype("float64")
        panel.loc[~known, hidden] = np.nan
        panel = panel[panel["unique_id"].isin(started)].reset_index(drop=True)
        declared = ["unique_id", "ds", "y", "available", *self.meta["static"], *self.meta["historical"]]
        return View(panel[[*declared, *self.meta["future"]]], self.meta, pd.Timestamp(cutoff))

    def scoring_panel(self) -> pd.DataFrame:
        """The panel whose ``available`` says which rows are scored."""
        if not self.fully_available:
            return self.panel
        return self.panel.assign(available=(self.panel["available"] >= 1.0).astype("float64"))

    def scored(self, forecasts: pd.DataFrame) -> pd.DataFrame:
        """Forecasts without the skipped steps and without the validation cutoffs."""
        gap = {c: pd.date_range(c, periods=self.skipped + 1, freq=self.meta["freq"])[-1] for c in self.cutoffs}
        rows = forecasts[forecasts["cutoff"].isin(self.cutoffs)]
        return rows[rows["ds"] > rows["cutoff"].map(gap)].reset_index(drop=True)


def earlier_cutoffs(cutoffs: list[pd.Timestamp], freq: str, horizon: int, count: int) -> tuple[pd.Timestamp, ...]:
    """``count`` cutoffs before the first one, a horizon apart; the last horizon ends at the first cutoff."""
    return tuple(rolling_cutoffs(cutoffs[0], freq, horizon, count))


def complete_journey(folder: Path | None = None, series: int = 500) -> Task:
    """500 best-selling product types, daily, four horizons of 28 days, the last cutoff 2017-12-03."""
    prepared = prepare("complete_journey", PanelConfig(level="product_type", n_series=series), 28)
    cutoffs = rolling_cutoffs(pd.Timestamp("2017-12-31"), "D", 28, 4)
    panel = comparable_panel(prepared.panel, cutoffs)
    validation = earlier_cutoffs(cutoffs, "D", 28, 4)
    return Task("complete_journey", "The Complete Journey", panel, prepared.meta, tuple(cutoffs), validation, 7)


def online_retail_ii(folder: Path | None = None, series: int = 500) -> Task:
    """500 products with most active weeks, four horizons of 8 weeks, the last ending with the last full week."""
    file = _file(folder, "online_retail_ii/online_retail_ii.parquet")
    prepared = prepare("online_retail_ii", PanelConfig(freq="W", n_series=series), 8, path=str(file))
    cutoffs = rolling_cutoffs(prepared.panel["ds"].max(), "W-SUN", 8, 4)
    panel = comparable_panel(prepared.panel, cutoffs)
    validation = earlier_cutoffs(cutoffs, "W-SUN", 8, 4)
    return Task("online_retail_ii", "Online Retail II", panel, prepared.meta, tuple(cutoffs), validation, 1)


def freshretailnet(folder: Path | None = None, series: int = 5000) -> Task:
    """Series drawn with seed 0, four horizons of 7 days; scored on days without a stock-out.

    Sales of a day with stock-outs are censored: ``available`` is the share of the 16 hours from 6:00 to 21:59 in stock.
    """
    file = _file(folder, "freshretailnet/freshretailnet_daily.parquet")
    columns = ["city_id", "store_id", "second_category_id", "product_id", "dt", "discount", "activity_flag"]
    raw = pd.read_parquet(file, columns=[*columns, "sale_amount", "stock_hour6_22_cnt"])
    pair = raw["store_id"].astype("int64") * 10_000 + raw["product_id"]
    drawn = np.random.default_rng(0).choice(np.sort(pair.unique()), series, replace=False)
    raw = raw[pair.isin(drawn)]
    panel = pd.DataFrame(
        {
            "unique_id": [f"{s:04d}-{p:04d}" for s, p in zip(raw["store_id"], raw["product_id"], strict=True)],
            "ds": raw["dt"].astype("datetime64[ns]"),
            "y": raw["sale_amount"].astype("float64"),
            "available": 1.0 - raw["stock_hour6_22_cnt"].astype("float64") / 16,
            "city": "c" + raw["city_id"].astype(str),
            "category": "k" + raw["second_category_id"].astype(str),
            "product": "p" + raw["product_id"].astype(str),
            "store": "s" + raw["store_id"].astype(str),
            "depth": 1.0 - raw["discount"].astype("float64"),
            "activity": raw["activity_flag"].astype("float64"),
        }
    ).sort_values(["unique_id", "ds"], ignore_index=True)
    meta = {
        "dataset": "freshretailnet",
        "freq": "D",
        "season_length": 7,
        "country": "CN",
        "static": ["city", "category", "product", "store"],
        "historical": [],
        "future": ["depth", "activity"],
        "horizon": 7,
    }
    cutoffs = rolling_cutoffs(pd.Timestamp("2024-06-18"), "D", 7, 4)
    validation = earlier_cutoffs(cutoffs, "D", 7, 2)
    return Task("freshretailnet", "FreshRetailNet", panel, meta, tuple(cutoffs), validation, 7, fully_available=True)


JUICE_FIRST_WEEK = pd.Timestamp("1989-09-20")  # week 1 of Dominick's calendar ends on this Wednesday


def juice_week(week: Any) -> Any:
    """Last day of a week of Dominick's calendar."""
    return JUICE_FIRST_WEEK + pd.to_timedelta((np.asarray(week) - 1) * 7, unit="D")


def orange_juice(folder: Path | None = None, rounds: int = 10) -> Task:
    """The published protocol: round r trains on weeks up to 135 + 2(r-1) and forecasts weeks 137, 138 + 2(r-1).

    The week between is forecast and not scored. Prices, deal and feature are known ahead. A week without a row is not
    available; its prices are those that the store's other brands report.
    """
    raw = pd.read_parquet(_file(folder, "orange_juice/yx.parquet"))
    raw = raw[raw["week"] <= 138 + 2 * (rounds - 1)]
    prices = [f"price{k}" for k in range(1, 12)]
    shelf = raw.groupby(["store", "week"])[prices].first()
    span = raw.groupby(["store", "brand"])["week"].min().rename("first").reset_index()
    weeks = pd.DataFrame({"week": np.arange(raw["week"].min(), raw["week"].max() + 1)})
    grid = span.merge(weeks, how="cross").query("week >= first").drop(columns="first")
    grid = grid.merge(raw[["store", "brand", "week", "logmove", "deal", "feat"]], how="left")
    grid = grid.merge(shelf.reset_index(), how="left", on=["store", "week"]).sort_values(["store", "brand", "week"])
    grid[prices] = grid.groupby(["store", "brand"])[prices].ffill().bfill()
    grid = grid.reset_index(drop=True)
    shelves = np.log(grid[prices].to_numpy())
    own = shelves[np.arange(len(grid)), grid["brand"].to_numpy() - 1]
    rivals = shelves.copy()
    rivals[np.arange(len(grid)), grid["brand"].to_numpy() - 1] = np.inf
    panel = pd.DataFrame(
        {
            "unique_id": [f"{s:03d}-{b:02d}" for s, b in zip(grid["store"], grid["brand"], strict=True)],
            "ds": juice_week(grid["week"]),
            "y": np.exp(grid["logmove"]).fillna(0.0),
            "available": grid["logmove"].notna().astype("float64"),
            "store": "s" + grid["store"].astype(str),
            "brand": "b" + grid["brand"].astype(str),
            "log_price": own,
            "price_ratio": own - shelves.mean(1),
            "to_cheapest_rival": own - rivals.min(1),
            "deal": grid["deal"].fillna(0.0),
            "feature": grid["feat"].fillna(0.0),
            **{f"log_{name}": shelves[:, k] for k, name in enumerate(prices)},
        }
    )
    future = [name for name in panel if name not in ("unique_id", "ds", "y", "available", "store", "brand")]
    meta = {
        "dataset": "orange_juice",
        "freq": "W-WED",
        "season_length": 52,
        "country": "US",
        "static": ["store", "brand"],
        "historical": [],
        "future": future,
        "horizon": 3,
    }
    cutoffs = tuple(juice_week(135 + 2 * r) for r in range(rounds))
    validation = tuple(juice_week(w) for w in range(114, 133, 2))
    return Task(
        "orange_juice", "Orange juice", panel, meta, cutoffs, validation, 1, skipped=1,
        headline=("mape", "scaled_quantile_loss", "wape"),
    )  # fmt: skip


def _file(folder: Path | None, name: str) -> Path:
    if folder is None:
        raise FileNotFoundError(f"{name}: give the folder that holds it with --data DIR")
    if not (folder / name).is_file():
        raise FileNotFoundError(f"{folder / name}: not found; --data DIR has to be the folder that holds {name}")
    return folder / name


TASKS: dict[str, Callable[..., Task]] = {
    "complete_journey": complete_journey,
    "online_retail_ii": online_retail_ii,
    "freshretailnet": freshretailnet,
    "orange_juice": orange_juice,
}
