"""Price elasticities of refrigerated orange juice of one chain, Dominick's, beside published ones (chapter 13)."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t as student

from salesforecast_lib.decisions.pricing.data import PriceData, calendar_controls
from salesforecast_lib.decisions.pricing.elasticity import double_ml, naive_loglog
from salesforecast_lib.decisions.pricing.shrinkage import shrink
from salesforecast_lib.files import resolve

BRANDS = (
    "Tropicana Premium 64 oz",
    "Tropicana Premium 96 oz",
    "Florida's Natural 64 oz",
    "Tropicana 64 oz",
    "Minute Maid 64 oz",
    "Minute Maid 96 oz",
    "Citrus Hill 64 oz",
    "Tree Fresh 64 oz",
    "Florida Gold 64 oz",
    "Dominick's 64 oz",
    "Dominick's 128 oz",
)
# What others measured. Brands of one chain react more than the average brand of a market: shelves are full of rivals.
PUBLISHED = pd.DataFrame(
    [("1,851 elasticities of 81 studies, mean", -2.62, "Bijmolt, van Heerde and Pieters 2005")],
    columns=["what", "own", "source"],
)


def juice_prices(folder: str | Path) -> PriceData:
    """Weekly price data by brand, all stores, from ``yx.parquet`` of the package bayesm.

    Levels of every brand in every store are taken out, so that elasticities come from changes over weeks. The rivals'
    index is that of the brand's own store. Controls: in-store deal, feature advertisement, calendar. There is no
    instrument: a price cut that came with unobserved support is credited to the price.

    Raises
    ------
    FileNotFoundError
        When the file is neither in the folder nor in its ``orange_juice``.
    """
    root = resolve(folder)
    found = [p for p in (root / "yx.parquet", root / "orange_juice" / "yx.parquet") if p.is_file()]
    if not found:
        raise FileNotFoundError(f"{root}: no yx.parquet here or in orange_juice/; give the folder that holds it")
    raw = pd.read_parquet(found[0]).sort_values(["brand", "store", "week"], ignore_index=True)
    brand = raw["brand"].to_numpy() - 1
    prices = np.log(raw[[f"price{k}" for k in range(1, len(BRANDS) + 1)]].to_numpy())
    move = np.exp(raw["logmove"]).groupby(raw["brand"]).mean().to_numpy()
    share = move / move.sum()
    weight = np.tile(share, (len(raw), 1))
    weight[np.arange(len(raw)), brand] = 0
    days = pd.Timestamp("1989-09-14") + pd.to_timedelta(7 * (raw["week"] - 1), unit="D")
    table = pd.DataFrame(
        {
            "log_units": raw["logmove"],
            "log_price": prices[np.arange(len(raw)), brand],
            "rival_price": (weight * prices).sum(1) / weight.sum(1),
            "deal": raw["deal"].astype("float64"),
            "feature": raw["feat"].astype("float64"),
        }
    )
    table -= table.groupby([raw["brand"], raw["store"]]).transform("mean")
    calendar = calendar_controls(days, weekdays=False)
    table = pd.concat([table, calendar], axis=1).assign(
        unique_id=np.array(BRANDS)[brand],
        category="orange juice",
        ds=days,
        block=(raw["week"] - raw["week"].min()) // 4,
        units=np.exp(raw["logmove"]),
        share=share[brand],
    )
    return PriceData(table.sort_values(["unique_id", "ds"], ignore_index=True), (), ("deal", "feature", *calendar))


def juice_elasticities(folder: str | Path) -> pd.DataFrame:
    """``brand, naive, own, low, high, cross, cross_low, cross_high, shrunk`` of the eleven brands, and their mean."""
    data = juice_prices(folder)
    naive = naive_loglog(data).table.set_index("unique_id")["own"]
    fit = double_ml(data, instruments=False)
    table = fit.table.set_index("unique_id")
    shrunk = shrink(fit.table).set_index("unique_id")["own"]
    reach = float(student.ppf(0.975, fit.freedom))
    rows = pd.DataFrame(
        {
            "brand": table.index,
            "naive": naive[table.index].to_numpy(),
            "own": table["own"].to_numpy(),
            "low": (table["own"] - reach * table["own_se"]).to_numpy(),
            "high": (table["own"] + reach * table["own_se"]).to_numpy(),
            "cross": table["cross"].to_numpy(),
            "cross_low": (table["cross"] - reach * table["cross_se"]).to_numpy(),
            "cross_high": (table["cross"] + reach * table["cross_se"]).to_numpy(),
            "shrunk": shrunk[table.index].to_numpy(),
        }
    )
    low, high = fit.interval()
    mean = {"brand": "mean", "naive": naive.mean(), "own": fit.mean, "low": low, "high": high}
    return pd.concat([rows, pd.DataFrame([mean])], ignore_index=True)


def juice_report(folder: str) -> str:
    """Text of the orange juice section: brands and published numbers, or what to give when ``folder`` is empty."""
    if not folder:
        left_out = "juice_folder is empty: the section is left out"
        return f"{left_out} (-p juice_folder=DIR with yx.parquet of the R package bayesm)"
    return f"{juice_elasticities(folder).round(2).to_string(index=False)}\n{PUBLISHED.to_string(index=False)}"
