"""The figure of another plan: what all sell by period, and which products move most."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

from salesforecast_lib.plots import COLOURS, figure_text

_SHADES = {"tried": COLOURS[0], "between": COLOURS[5], "by others": COLOURS[4], "never": COLOURS[1], "unchanged": "0.6"}
_HATCHES = {"tried": "", "between": "//", "by others": "xx", "never": "..", "unchanged": ""}


def whatif_figure(before: pd.DataFrame, after: pd.DataFrame, table: pd.DataFrame, most: int = 12) -> Figure:
    """Units of the changed products by period under both plans, and the products that move most, by support.

    Parameters
    ----------
    before, after : forecast tables. ``table`` : of `difference`.
    """
    moved = table[table["units_difference"].abs() > 1e-9]
    shown = moved.iloc[np.argsort(-moved["units_difference"].abs().to_numpy(), kind="stable")[:most]].iloc[::-1]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.8), width_ratios=(3, 2))
    for forecast, label, line in ((before, "the run's plan", "-"), (after, "the other plan", "--")):
        part = forecast[forecast["unique_id"].isin(moved["unique_id"])].groupby("ds")["mean"].sum()
        left.plot(part.index, part, line, label=label)
    left.set(ylabel="units of the products that move", ylim=(0, None))
    left.xaxis.set_major_formatter(ConciseDateFormatter(left.xaxis.get_major_locator()))
    left.legend()
    names = [figure_text(name, 22) for name in shown["unique_id"]]
    colours, hatches = shown["support"].map(_SHADES), shown["support"].map(_HATCHES)
    place = np.arange(len(shown))
    right.barh(place, shown["units_difference"], color=list(colours), hatch=list(hatches), edgecolor="white")
    right.set_yticks(place, names, fontsize="small")
    right.axvline(0, color="0.3", linestyle="-", linewidth=0.8)
    right.set(xlabel="difference (units)")
    seen = [name for name in _SHADES if name in set(shown["support"])]
    handles = [
        plt.Rectangle((0, 0), 1, 1, color=_SHADES[name], hatch=_HATCHES[name], ec="white", label=name) for name in seen
    ]
    if handles:
        right.legend(handles=handles, fontsize="small", loc="best")
    return figure
