"""The server's rule of orders: chapter 08's order-up-to level from the forecast that the server has made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesforecast_lib import CHAMPION
from salesforecast_lib.pipeline.runs.files import CHAMPION_FORECASTS

if TYPE_CHECKING:
    import numpy as np

    from salesforecast_lib.production.server.requests import Item

PRIOR = 0.1  # correlation of the errors within an interval, where no earlier cutoff tells it


def replenish_orders(correlation: Callable[[int], float] | float) -> Callable[..., list[dict[str, Any]]]:
    """The rule that `create_app` takes as ``replenish``.

    Parameters
    ----------
    correlation : of the errors within an interval: of so many periods, or one number for all.
    """
    from salesforecast_lib.decisions import inventory
    from salesforecast_lib.decisions.inventory.orders import daily_sd, extend

    def rule(
        names: Sequence[str],
        mean: np.ndarray,
        quantiles: np.ndarray,
        levels: Sequence[float],
        season: int,
        items: Sequence[Item],
        models: Sequence[str],
    ) -> list[dict[str, Any]]:
        """Orders of products whose demand is ``mean`` (n, horizon), ``quantiles`` (n, horizon, levels)."""
        import numpy as np

        from salesforecast_lib import QUANTILES

        places = [list(levels).index(level) for level in QUANTILES]
        spread = daily_sd(quantiles[:, :, places])
        found: list[dict[str, Any]] = [{}] * len(items)
        terms = [_terms(item, inventory) for item in items]
        for same in sorted(set(terms)):  # products with the same terms are one plan
            lead, review, service_level, minimum = same
            rows = [k for k, each in enumerate(terms) if each == same]
            protection = lead + review
            related = correlation if isinstance(correlation, float) else correlation(protection)
            wide, wide_sd = (extend(values[rows], protection, season) for values in (mean, spread))
            moments = [
                inventory.interval_moments(wide[:, :length], wide_sd[:, :length], related)
                for length in (lead, protection)
            ]
            position = np.array([items[k].stock + items[k].on_order for k in rows])
            plan = inventory.replenishment_plan(
                [names[k] for k in rows], position, moments[0], moments[1], service_level, minimum
            )
            for k, row in zip(rows, plan.to_dict("records"), strict=True):
                found[k] = {
                    "id": names[k],
                    "model": models[k],
                    "order": int(row["order_quantity"]),
                    "level": float(row["order_up_to_level"]),
                    "service_level": round(service_level, 4),
                    "expected_demand": float(row["expected_demand"]),
                    "risk_without_order": float(row["risk_without_order"]),
                    "risk_with_order": float(row["risk_with_order"]),
                    "why": str(row["why"]),
                }
        return found

    return rule


def _terms(item: Item, inventory: Any) -> tuple[int, int, float, int]:
    """Lead time, review period, service level and minimum order; costs ask for the level that chapter 08 derives."""
    level, shortage, holding = item.service_level, item.shortage_cost, item.holding_cost
    if shortage is not None and holding is not None:  # the request has either these or the level
        level = inventory.critical_ratio(shortage, holding * item.review_period)
    return item.lead_time, item.review_period, float(min(max(level or 0.0, 0.01), 0.999)), item.minimum_order


def correlation_of_run(folder: Path) -> Callable[[int], float]:
    """Correlation of the champion's errors within an interval of so many periods, at the newest cutoff whose sales
    are known; `PRIOR` where the run has none."""
    from functools import lru_cache

    import pandas as pd

    from salesforecast_lib.decisions.inventory.orders import daily_sd, forecast_arrays, interval_correlation

    file = folder / CHAMPION_FORECASTS
    if not file.is_file():
        return lambda length: PRIOR
    frame = pd.read_parquet(file)
    known = frame[(frame["model"] == CHAMPION) & frame["y"].notna()]
    if known.empty:
        return lambda length: PRIOR
    _, _, arrays = forecast_arrays(known, CHAMPION)
    errors, spread = arrays["y"][-1] - arrays["mean"][-1], daily_sd(arrays["quantiles"][-1])
    return lru_cache(512)(lambda length: interval_correlation(errors, spread, length))
