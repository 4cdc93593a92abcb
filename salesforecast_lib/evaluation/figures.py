"""Figures of chapter 07 that take more lines than the idea they show; each returns the figure it drew."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from salesforecast_lib.evaluation.report import Comparison
from salesforecast_lib.plots import COLOURS

_DASHES = ("-", "--", "-.", ":")


def looks(models: Sequence[str]) -> dict[str, dict[str, str]]:
    """Colour and line style of each model, the same in every figure of a chapter."""
    return {
        name: {"color": COLOURS[k % len(COLOURS)], "linestyle": _DASHES[k % len(_DASHES)]}
        for k, name in enumerate(models)
    }


def interval_figure(comparison: Comparison) -> Figure:
    """Relative difference of each model to the best peer, with the intervals of three bootstraps, in percent."""
    fig, ax = plt.subplots(figsize=(7.5, 3))
    for number, (kind, table) in enumerate(comparison.tables.items()):
        part = table.sort_values("model")
        place = np.arange(len(part)) + 0.2 * (number - 1)
        reach = 100 * np.abs(part[["relative_low", "relative_high"]].to_numpy().T - part["relative"].to_numpy())
        ax.errorbar(100 * part["relative"], place, xerr=reach, fmt="os^"[number], markersize=4, capsize=2, label=kind)
        ax.set_yticks(range(len(part)), part["model"])
    ax.axvline(0, color="0.3", linestyle=":")
    ax.set(xlabel=f"difference to {comparison.reference} (%)")
    ax.legend(title="drawn")
    return fig


def reliability_figure(
    reliable: pd.DataFrame, histogram: pd.DataFrame, few: Sequence[str], look: dict[str, dict[str, str]]
) -> Figure:
    """Observed minus nominal share by level for every model of ``look``; PIT density for the ``few``."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7.5, 3.2))
    for name, style in look.items():
        part = reliable[reliable["model"] == name]
        left.plot(part["level"], part["observed"] - part["level"], marker=".", label=name, **style)
    for name in few:
        part = histogram[histogram["model"] == name]
        right.stairs(part["density"], [*part["low"], 1.0], **look[name])
    left.axhline(0, color="0.3", linestyle=":")
    right.axhline(1, color="0.3", linestyle=":")
    left.set(xlabel="level", ylabel="observed minus level")
    right.set(xlabel="PIT", ylabel="density")
    fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=6, fontsize="x-small")
    return fig


def residual_figure(
    by_step: pd.DataFrame, memory: pd.DataFrame, few: Sequence[str], look: dict[str, dict[str, str]]
) -> Figure:
    """Mean residual by horizon step as a share of sales, and autocorrelation by lag, for the ``few``."""
    fig, (left, right) = plt.subplots(1, 2, figsize=(7, 2.8))
    for name in few:
        one, two = by_step[by_step["model"] == name], memory[memory["model"] == name]
        left.plot(one["step"], one["share"], label=name, **look[name])
        right.plot(two["lag"], two["autocorrelation"], marker=".", label=name, **look[name])
    for ax in (left, right):
        ax.axhline(0, color="0.3", linestyle=":")
    left.set(xlabel="horizon step", ylabel="residual / sales")
    right.set(xlabel="lag (periods)", ylabel="autocorrelation")
    fig.legend(*right.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize="small")
    return fig
