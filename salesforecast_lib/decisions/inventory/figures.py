"""Figures of chapter 08; each returns the figure it drew."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from salesforecast_lib.plots import figure_text


def cost_figure(table: pd.DataFrame) -> Figure:
    """Holding and shortage cost of each policy of `compare`, in money, as stacked bars."""
    fig, ax = plt.subplots()
    ax.barh(table["policy"], table["holding"], label="holding")
    ax.barh(table["policy"], table["shortage"], left=table["holding"], label="shortage", hatch="//")
    ax.set(xlabel="cost over the test months")
    ax.legend()
    return fig


def service_figure(curve: pd.DataFrame, service_level: float) -> Figure:
    """Cost and fill rate over the service level, of `service_curve`; a dotted line at the level that costs ask for."""
    fig, axes = plt.subplots(1, 2)
    for ax, column, label in zip(axes, ("total", "fill_rate"), ("total cost", "fill rate"), strict=True):
        for name, part in curve.groupby("model", sort=False):
            ax.plot(part["service_level"], part[column], marker="o", label=name)
        ax.axvline(service_level, color="0.3", linestyle=":")
        ax.set(xlabel="service level", ylabel=label)
    axes[0].legend()
    return fig


def accuracy_figure(accuracy: pd.DataFrame, metrics: Sequence[str] = ("WAPE", "absolute bias")) -> Figure:
    """Cost of the policy over errors of the forecast that drives it, a point a model."""
    fig, axes = plt.subplots(1, len(metrics), sharey=True)
    for ax, metric in zip(axes, metrics, strict=True):
        ax.scatter(accuracy[metric], accuracy["cost"])
        for row in accuracy.to_dict("records"):
            ax.annotate(row["model"], (row[metric], row["cost"]), (3, 3), textcoords="offset points", fontsize=7)
        ax.set(xlabel=f"{metric} (share of sales)")
    axes[0].set_ylabel("cost over the test months")
    return fig


def plan_figure(plan: pd.DataFrame, count: int = 12) -> Figure:
    """Expected loss of the products with most at stake: without today's order, with it, and before it arrives."""
    top = plan.dropna(subset="loss_without_order").sort_values("loss_without_order").tail(count)
    fig, ax = plt.subplots(figsize=(7.5, 4.2))
    label = [f"{figure_text(row.unique_id, 24)}: order {row.order_quantity}" for row in top.itertuples()]
    place = range(len(label))  # two names that are cut alike are two products
    ax.barh(place, top["loss_without_order"], color="0.8", label="lost without an order")
    ax.barh(place, top["loss_with_order"], height=0.5, label="lost with the order")
    ax.barh(place, top["expected_loss"], height=0.5, color="black", label="lost before it arrives")
    ax.set_yticks(place, label)
    ax.set(xlabel="expected loss until the next delivery, money")
    ax.legend(loc="lower right")
    return fig


def projection_figure(projection: pd.DataFrame, names: Sequence[str]) -> Figure:
    """Projected stock of four products at most: median and 80 % interval, from `projection_table`."""
    fig, axes = plt.subplots(2, 2, figsize=(7.5, 4.6), sharex=True)
    for ax, name in zip(axes.flat, names, strict=False):
        part = projection[projection["unique_id"] == name]
        ax.fill_between(part["ds"], part["low"], part["high"], step="post", alpha=0.3)
        ax.plot(part["ds"], part["median"], drawstyle="steps-post")
        ax.set(title=figure_text(name, 40), ylabel="units", ylim=(0, None))
        ax.xaxis.set_major_locator(AutoDateLocator(maxticks=4))
        ax.xaxis.set_major_formatter(ConciseDateFormatter(ax.xaxis.get_major_locator()))
    return fig
