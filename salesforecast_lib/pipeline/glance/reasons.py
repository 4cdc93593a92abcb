"""Why each product's forecast is what it is, as the page of products draws it: bars from the usual to the forecast."""

from __future__ import annotations

from typing import Any

import pandas as pd

from salesforecast_lib.evaluation.reasons import REST, USUAL

SHOWN = 7  # drivers of a product; the others are "everything else" with the rest of the committee
_SMALL = 0.005  # of the usual: a smaller bar is not seen


def reasons_data(reasons: pd.DataFrame, names: list[str]) -> list[dict[str, Any] | None]:
    """By product in the order of ``names``: ``usual``, ``forecast``, ``bars`` (driver, units, sure or
    None) that lead from one to the other, and ``why``, the card in words; None where nothing is known.

    Parameters
    ----------
    reasons : as `evaluation.reasons.current_reasons` returns.
    """
    found = {}
    for name, rows in reasons.groupby("unique_id", sort=False):
        usual, forecast = float(rows["usual"].iloc[0]), float(rows["forecast"].iloc[0])
        drivers = rows[~rows["driver"].isin((USUAL, REST))]
        size = drivers["units"].abs()
        shown = drivers[size >= _SMALL * abs(usual)].sort_values("units", key=abs, ascending=False, kind="stable")
        bars = [[row.driver, round(row.units, 1), bool(row.sure)] for row in shown.head(SHOWN).itertuples()]
        told = sum(bar[1] for bar in bars)
        bars.append(["everything else", round(forecast - usual - told, 1), None])
        why = rows.loc[rows["driver"] == USUAL, "why"]
        found[name] = {
            "usual": round(usual, 1),
            "forecast": round(forecast, 1),
            "bars": bars,
            "why": str(why.iloc[0]) if len(why) else "",
        }
    return [found.get(name) for name in names]
