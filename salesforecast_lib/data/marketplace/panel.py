"""What a shop of the simulated marketplace knows beside its order lines, as columns of the panel.

Stock-outs become ``available``; promotions, their depth and the advertising budgets are planned ahead; views and carts
are counted. The price is not planned (the price manager answers to demand), and nothing of the latent truth gets in.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from salesforecast_lib.data.frequency import check_freq
from salesforecast_lib.data.marketplace.simulate import Marketplace
from salesforecast_lib.data.panel import KEYS

LEVELS = {"product_id": "unique_id", "category": "category", "brand": "brand"}  # column of the lines: of the truth
CLICKS = ("views", "carts")
PLANS = ("promotion", "depth")


def market_columns(panel: pd.DataFrame, market: Marketplace, level: str, freq: str) -> tuple[pd.DataFrame, list[str]]:
    """Add the marketplace's own records to a panel built from its lines; returns ``(panel, planned columns)``.

    Over a week, or over the products of a category or brand: ``available``, ``promotion`` and ``depth`` are means of
    the product-days on sale, views and carts (log1p) come from sums, and so do the budgets ``ad_CHANNEL`` (log1p).
    A series ends with its delisting, which the shop knows. By product and day, ``price`` is the price that was asked,
    also when nobody bought.

    Raises
    ------
    ValueError
        When ``level`` is not one of `LEVELS`.
    """
    if level not in LEVELS:
        raise ValueError(f"level={level!r}: expected one of {list(LEVELS)}")
    truth = market.truth
    if level != "product_id":
        truth = truth.merge(market.products[["unique_id", "category", "brand"]], on="unique_id")
    records = pd.DataFrame(
        {
            "unique_id": truth[LEVELS[level]],
            "ds": _period(truth["ds"], freq),
            **{name: truth[name].astype("float64") for name in ("available", *PLANS, *CLICKS)},
        }
    )
    groups = records.groupby(KEYS, sort=False)
    table = groups[["available", *PLANS]].mean().join(np.log1p(groups[list(CLICKS)].sum())).reset_index()
    table = table.rename(columns={"available": "in_stock"})
    spend = market.channels.assign(ds=_period(market.channels["ds"], freq))
    budgets = np.log1p(spend.pivot_table(index="ds", columns="channel", values="spend", aggfunc="sum"))
    budgets = budgets.add_prefix("ad_").reset_index()
    out = panel.merge(table, on=KEYS).merge(budgets, on="ds", how="left")  # after a delisting the truth has no row
    out["available"] = out["available"] * out.pop("in_stock")
    if level == "product_id" and freq == "D":
        asked = truth.set_index(KEYS)["price"]
        out["price"] = asked.reindex(pd.MultiIndex.from_frame(out[KEYS])).to_numpy()
    return out, [*PLANS, *(name for name in budgets if name != "ds")]


def _period(days: pd.Series, freq: str) -> pd.Series:
    """Stamp of the period of each day: the day itself, or the last day of its week or month."""
    frequency = check_freq(freq)
    number, _ = frequency.numbers(days.to_numpy().astype("datetime64[D]").astype("int64"))
    stamps = frequency.stamps(int(number.min()), int(number.max()))
    return pd.Series(stamps.to_numpy()[number - number.min()], index=days.index)
