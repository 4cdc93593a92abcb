"""What to order today, from new forecasts and the stock."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesforecast_lib.pipeline.runs.files import CHAMPION_FORECASTS

if TYPE_CHECKING:
    import pandas as pd


def orders_of(
    folder: Path, values: Mapping[str, Any], meta: Mapping[str, Any], forecast: pd.DataFrame, stock: pd.Series
) -> pd.DataFrame:
    """The replenishment plan of new forecasts: shelves are filled to the level of the service that the costs ask for.

    How errors of neighbouring periods go together is taken from the run's scored forecasts.

    Parameters
    ----------
    values : parameters of the run: lead time, review period, costs, minimum order.
    forecast : the champion's table after the end of the new data.
    stock : units by product; a product that is not in it has an unknown stock.

    Raises
    ------
    FileNotFoundError, ValueError
        When the run has no scored forecasts, or the stock knows none of the products.
    """
    import numpy as np
    import pandas as pd

    from salesforecast_lib.decisions import inventory
    from salesforecast_lib.decisions.driving import CHAMPION
    from salesforecast_lib.decisions.inventory.case_study import moments_today

    file = folder / CHAMPION_FORECASTS
    if not file.is_file():
        raise FileNotFoundError(f"{file}: no scored forecasts, from which orders take the errors; finish the run")
    known = pd.read_parquet(file)
    known = known[(known["model"] == CHAMPION) & known["y"].notna()]
    if known.empty:
        raise ValueError(f"{file}: no forecast of the champion is scored; run it with at least two cutoffs")
    fields = {each.name for each in dataclasses.fields(inventory.SimulationConfig)}
    config = inventory.SimulationConfig(**{name: values[name] for name in fields if name in values})
    level = inventory.critical_ratio(config.shortage_cost, config.holding_cost * config.review_period)
    columns = [name for name in known if name in (*forecast, "y")]
    rows = pd.concat([known[columns], forecast.assign(y=np.nan)], ignore_index=True)
    ids, moments = moments_today(rows, CHAMPION, config, int(meta["season_length"]))
    units = stock.reindex(ids).to_numpy("float64")
    if np.isnan(units).all():
        raise ValueError(
            f"stock: none of its products is forecast; it has {list(stock.index[:3])}, forecast are {ids[:3]}"
        )
    return inventory.replenishment_plan(
        ids, units, moments["lead"], moments["interval"], level, config.minimum_order, model=CHAMPION
    )
