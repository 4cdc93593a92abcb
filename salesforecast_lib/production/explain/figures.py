"""Figures of the explanations (chapter 16)."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from salesforecast_lib.plots import COLOURS, figure_text
from salesforecast_lib.production.explain.card import Why, signed
from salesforecast_lib.production.explain.dependence import Curves

_WHOLE, _MORE, _LESS = COLOURS[6], COLOURS[0], COLOURS[1]


def draw_waterfall(card: Why, most: int = 7, ax: Axes | None = None) -> Axes:
    """Bars from the usual to the forecast, each beginning where the one above it ends; the last but one is the rest."""
    ax = ax or plt.subplots(figsize=(7.5, 0.34 * (min(len(card.rows), most) + 4)))[1]
    shown = sorted(card.rows, key=lambda row: -abs(row.units))[:most]
    bars = [(row.driver + ("" if row.sure else " (not sure)"), row.units) for row in shown]
    bars.append(("everything else", card.forecast - card.usual - sum(size for _, size in bars)))
    at = card.usual
    ax.barh(0, card.usual, color=_WHOLE)
    for place, (_, size) in enumerate(bars, start=1):
        ax.barh(place, size, left=at, color=_MORE if size >= 0 else _LESS, hatch="" if size >= 0 else "//")
        ax.annotate(f" {signed(size, 1)} ", (max(at, at + size), place), va="center")
        at += size
    ax.barh(len(bars) + 1, card.forecast, color=_WHOLE)
    for place, value in ((0, card.usual), (len(bars) + 1, card.forecast)):
        ax.annotate(f" {value:,.1f} ", (value, place), va="center")
    ax.set_yticks(range(len(bars) + 2), ["usual", *(figure_text(name) for name, _ in bars), "forecast"])
    ax.invert_yaxis()
    ends = np.cumsum([card.usual, *(size for _, size in bars)])
    low, high = float(ends.min()), float(ends.max())
    room = max(high - low, 0.02 * max(high, 1e-9))
    begin = max(0.0, low - 0.6 * room)
    ax.set_xlim(begin, high + 0.3 * room)
    ax.set_xlabel(f"units over {card.horizon} {card.period}s{'; the axis does not begin at zero' if begin else ''}")
    ax.grid(axis="y", visible=False)
    return ax


def draw_importance(table: pd.DataFrame) -> Axes:
    """Bars of points of WAPE with their spread over the repeats, largest on top."""
    ax = plt.subplots(figsize=(7.5, 0.3 * len(table) + 0.8))[1]
    rows = table.iloc[::-1]
    ax.barh([figure_text(name) for name in rows.index], rows["points"], xerr=rows["spread"], color=_MORE, capsize=3)
    ax.set_xlabel("points of WAPE that the error grows by")
    return ax


def draw_curves(found: dict[str, Curves], most: int = 40) -> np.ndarray:
    """A panel for each driver: thin lines for rows, a thick one for their mean."""
    figure, axes = plt.subplots(1, len(found), figsize=(7.5, 3.0), sharey=True, squeeze=False)
    for ax, (driver, each) in zip(axes[0], found.items(), strict=True):
        ax.plot(each.grid, each.single[:most].T, color=_WHOLE, alpha=0.35, linewidth=0.7, linestyle="-")
        ax.plot(each.grid, each.mean, color=_LESS, linewidth=2.5, linestyle="-", marker="o")
        ax.set_xlabel(figure_text(f"{driver}: {each.column.removeprefix('ahead_')}"))
    axes[0][0].set_ylabel("forecast, in means of the row")
    return np.asarray(axes[0])


def draw_attention(weights: np.ndarray, by_step: np.ndarray, names: np.ndarray, most: int = 6) -> np.ndarray:
    """Attention of a few series over the steps of their windows, beside the size of what each step adds."""
    size = np.abs(by_step[:most]) / np.maximum(np.abs(by_step[:most]).sum(axis=1, keepdims=True), 1e-12)
    figure, axes = plt.subplots(1, 2, figsize=(7.5, 2.6), sharey=True)
    for ax, values, title in zip(axes, (weights[:most], size), ("attention", "integrated gradients"), strict=True):
        shown = values / np.maximum(values.max(axis=1, keepdims=True), 1e-12)
        ax.imshow(shown, aspect="auto", cmap="cividis", vmin=0, vmax=1)
        ax.set(xlabel=f"step of the window, {title}")
        ax.grid(visible=False)
    axes[0].set_yticks(range(len(size)), [figure_text(name, 16) for name in names[:most]])
    return np.asarray(axes)
