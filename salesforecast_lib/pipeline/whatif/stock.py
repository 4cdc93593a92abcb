"""Orders of today and stock to come under two plans, by one rule."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesforecast_lib.pipeline.parameters import all_parameters
from salesforecast_lib.pipeline.runs.files import CHAMPION_FORECASTS

if TYPE_CHECKING:
    import pandas as pd

STOCK_FILE = "replenishment.csv"


def stock_under_both(
    folder: Path, values: Mapping[str, Any], meta: Mapping[str, Any], before: pd.DataFrame, after: pd.DataFrame
) -> tuple[pd.DataFrame | None, pd.DataFrame | None, list[str]]:
    """What is ordered today, and what stock is left, under both plans; None and a reason where no stock is known.

    Both orders fill up to the level of the protection interval at the service level that the run's costs ask for, so
    that only the forecast differs; what the run itself ordered may follow another policy and limits.

    Parameters
    ----------
    values : parameters of the run; those of the stock plan that it does not hold have the chapter's defaults.
    before, after : the champion's forecast tables at the end of the data.

    Returns
    -------
    Table ``unique_id, stock, order_before, order_after, order_difference, risk_before, risk_after`` (that demand
    until the next delivery exceeds the stock, without an order); table ``unique_id, ds, stock_before, stock_after``
    (median, with today's order); and what should be said.
    """
    import numpy as np
    import pandas as pd

    from salesforecast_lib.decisions import inventory
    from salesforecast_lib.decisions.driving import CHAMPION
    from salesforecast_lib.decisions.inventory.case_study import moments_today
    from salesforecast_lib.decisions.inventory.policies import paths_today
    from salesforecast_lib.files import unescape_formula

    files = [name for name in (STOCK_FILE, CHAMPION_FORECASTS) if not (folder / name).is_file()]
    if files:
        return None, None, [f"no orders: the run has no {files[0]}; finish it for its stock"]
    planned = pd.read_csv(folder / STOCK_FILE, dtype={"unique_id": str}, keep_default_na=False, na_values=[""])
    planned["unique_id"] = planned["unique_id"].map(unescape_formula)
    known = pd.read_parquet(folder / CHAMPION_FORECASTS)
    known = known[(known["model"] == CHAMPION) & known["y"].notna()]
    if known.empty:
        return None, None, ["no orders: the champion's forecasts of earlier cutoffs are not known"]
    said = {name: each.default for name, each in all_parameters().items()} | dict(values)
    fields = {field.name for field in dataclasses.fields(inventory.SimulationConfig)}
    config = inventory.SimulationConfig(**{name: said[name] for name in fields if name in said})
    level = inventory.critical_ratio(config.shortage_cost, config.holding_cost * config.review_period)
    season, freq, levels = int(meta["season_length"]), str(meta["freq"]), {}
    tables, medians, notes = [], [], []
    for side, forecast in (("before", before), ("after", after)):
        rows = pd.concat([known, forecast.assign(y=np.nan)], ignore_index=True)
        rows = rows[rows["unique_id"].isin(planned["unique_id"])]
        ids, moments = moments_today(rows, CHAMPION, config, season)
        stock = planned.set_index("unique_id")["stock"].astype("float64").reindex(ids).to_numpy()
        plan = inventory.replenishment_plan(
            ids, stock, moments["lead"], moments["interval"], level, config.minimum_order
        )
        order = plan["order_quantity"].to_numpy("float64", na_value=np.nan)
        levels[side] = order
        risk = plan["risk_without_order"].to_numpy("float64")
        tables.append(pd.DataFrame({"unique_id": ids, f"order_{side}": order, f"risk_{side}": risk}))
        _, dates, paths = paths_today(rows, CHAMPION, config.protection, config.protection, season, 200, freq=freq)
        left = np.median(inventory.project_stock(paths, stock, order, config.lead_time, config.lost_sales), axis=0)
        keys = {"unique_id": np.repeat(ids, len(dates)), "ds": np.tile(dates, len(ids))}
        medians.append(pd.DataFrame({**keys, f"stock_{side}": left.ravel()}))
    table = tables[0].merge(tables[1], on="unique_id")
    table["order_difference"] = table["order_after"] - table["order_before"]
    table.insert(1, "stock", planned.set_index("unique_id")["stock"].astype("float64").reindex(ids).to_numpy())
    if "stock_source" in planned and (planned["stock_source"] == "simulated").any():
        notes.append("the stock is that of a simulated shop: the orders are an example")
    columns = ["unique_id", "stock", "order_before", "order_after", "order_difference", "risk_before", "risk_after"]
    return table[columns], medians[0].merge(medians[1], on=["unique_id", "ds"]), notes
