"""The chapter's methods on a simulated market, whose true segments and chances are known (chapter 10)."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd
from sklearn.metrics import adjusted_rand_score

from salesforecast_lib.data.marketplace.simulate import Marketplace, MarketplaceConfig, simulate_marketplace
from salesforecast_lib.decisions.customers import scores
from salesforecast_lib.decisions.customers.history import customer_snapshot, make_history, make_windows, outcomes
from salesforecast_lib.decisions.customers.purchases import CustomerLines, behaviour, known_customers, log_rfm, rfm
from salesforecast_lib.decisions.customers.recommend import RecommendConfig
from salesforecast_lib.decisions.customers.segments import choose_by_bic, fit_segments

_DAYS = 28


@dataclass(frozen=True)
class Control:
    """A simulated market and the lines of its customers; each customer belongs to one of four kinds."""

    market: Marketplace
    shop: CustomerLines

    @property
    def categories(self) -> list[str]:
        """All categories of the market."""
        return sorted(self.shop.lines["category"].unique())


def control_market(seed: int = 0) -> Control:
    """The market of the chapter: 60 products, 800 customers and a year."""
    market = simulate_marketplace(MarketplaceConfig(products=60, days=365, units=150_000, customers=800, seed=seed))
    return Control(market, known_customers(market.lines, "category"))


def well_known(features: pd.DataFrame, lines: pd.DataFrame, least: int = 30, enough: int = 100) -> pd.DataFrame:
    """Features of customers with ``least`` lines or more, who show a taste; of all where fewer than ``enough`` have."""
    kept = features[lines.groupby("customer_id").size().reindex(features.index) >= least]
    return kept if len(kept) >= enough else features


def segment_agreement(control: Control, seed: int = 0) -> pd.Series:
    """Adjusted Rand index with the true segments: of behaviour (``well known``, ``everybody``) and of ``RFM``.

    ``found`` and ``true`` are numbers of segments.
    """
    lines, end = control.shop.lines, control.shop.end
    truth = control.market.customers.set_index("customer_id")["segment"]
    mix, worth = behaviour(lines, end, control.categories), log_rfm(rfm(lines, end))
    rich = well_known(mix, lines)
    model, _ = choose_by_bic(rich, seed=seed)
    by_value = fit_segments(worth, truth.nunique(), seed, "k-means")
    return pd.Series(
        {
            "found": len(model.order),
            "true": truth.nunique(),
            "well known": adjusted_rand_score(truth[rich.index], model.predict(rich)),
            "everybody": adjusted_rand_score(truth[mix.index], model.predict(mix)),
            "RFM": adjusted_rand_score(truth[worth.index], by_value.predict(worth)),
        }
    )


def intention_control(control: Control, seed: int = 0) -> tuple[pd.DataFrame, float]:
    """`scores.brier_table` of the market's customers, who come at random, and expected over true buyers less one."""
    lines = control.shop.lines
    history = make_history(lines, control.categories)
    windows = make_windows(lines["timestamp"].min(), control.shop.end, _DAYS)
    rows = customer_snapshot(history, windows.test, _DAYS)
    guess = scores.learn_intention(history, windows, seed=seed).predict(rows)
    came = outcomes(history, windows.test, _DAYS, rows.index)["bought"]
    return scores.brier_table(guess, came, seed=seed), float(guess["probability"].sum() / came.sum() - 1)


def recall_control(control: Control, seed: int = 0) -> pd.DataFrame:
    """`scores.recall_table` of the market, whose customers have tastes for categories, but no habit for a product."""
    lines, config = control.shop.lines, RecommendConfig(factors=8, seed=seed)
    windows = make_windows(lines["timestamp"].min(), control.shop.end, _DAYS)
    blends = scores.choose_blends(lines, windows.calibrate, _DAYS, config)
    return scores.recall_table(scores.compare_recommenders(lines, windows.test, _DAYS, config, blends), seed=seed)
