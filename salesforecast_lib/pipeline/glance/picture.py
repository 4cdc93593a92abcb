"""The picture of a whole shop: its sales, and the fan of what it may sell next, in units and in money."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.pyplot import rc_context

from salesforecast_lib.pipeline.glance.total import BANDS, Total
from salesforecast_lib.plots import COLOURS, small_png, use_book_style
from salesforecast_lib.wording import counted

_BLUE = np.array(to_rgb(COLOURS[0]))
_DEPTHS = dict(zip((share for share, *_ in BANDS), (0.25, 0.45, 0.75), strict=True))  # opaque, for the legend


def _draw_total(ax: Axes, total: Total, unit: str) -> None:
    history, fan = total.history, total.fan
    dates = pd.concat([pd.Series([history.index[-1]]), fan["ds"]])
    first = history.iloc[-1]
    ax.plot(history.index, history.to_numpy(), color="0.25", linewidth=1.1, linestyle="-", label="sales")
    for share, low, high in BANDS:
        bottom, top = (np.append(first, fan[f"q{level}"]) for level in (low, high))
        tint = tuple(1 - (1 - _BLUE) * _DEPTHS[share])
        ax.fill_between(dates, bottom, top, color=tint, linewidth=0, label=f"{share} %")
    ax.plot(fan["ds"], fan["mean"], color="black", linestyle="--", linewidth=1.3, label="expected")
    ax.axvline(history.index[-1], color="0.25", linestyle=":", linewidth=1)
    ax.set(ylabel=unit, ylim=(0, None))
    ax.margins(x=0.01)
    ax.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    ax.xaxis.set_major_locator(AutoDateLocator(maxticks=6))
    ax.xaxis.set_major_formatter(ConciseDateFormatter(ax.xaxis.get_major_locator()))


def draw_shop(total: Total, unit: str) -> bytes:
    """PNG with a small palette of one total; ``unit`` is what the axis is called."""
    with rc_context():
        use_book_style()
        figure = Figure(figsize=(5.5, 2.2), layout="constrained")
        ax = figure.subplots()
        _draw_total(ax, total, unit)
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=5, fontsize="small", frameon=False, columnspacing=1)
        return small_png(figure, 48)


def shop_alt(total: Total, unit: str, period: str) -> str:
    """What the picture shows, for who cannot see it."""
    mean, history = total.fan["mean"], total.history
    return (
        f"Sales of the whole shop over {counted(len(history), period)}, {history.min():,.0f} to {history.max():,.0f} "
        f"{unit}, and a fan over the next {counted(len(mean), period)} whose mean lies between {mean.min():,.0f} and "
        f"{mean.max():,.0f}."
    )
