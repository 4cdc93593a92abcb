"""Matplotlib settings of the book's figures; used by notebooks, never by modules."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from cycler import cycler

# Okabe and Ito (2008): told apart by colour-blind readers and, with the line styles, in greyscale.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#7F7F7F")


def use_book_style() -> None:
    """Set size, resolution, grid and a colour cycle that survives greyscale."""
    styles = ("-", "--", "-.", ":", "-", "--", "-.")
    plt.rcParams.update(
        {
            "figure.figsize": (7.5, 3.6),
            "figure.dpi": 100,
            "savefig.dpi": 100,
            "figure.facecolor": "white",  # opaque, so that dark mode keeps the axes readable
            "savefig.facecolor": "white",
            "figure.constrained_layout.use": True,
            "axes.grid": True,
            "grid.alpha": 0.3,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.prop_cycle": cycler(color=COLOURS) + cycler(linestyle=styles),
        }
    )


def parallel_coordinates(
    ax: plt.Axes, table: pd.DataFrame, columns: Sequence[str], score: str, logarithmic: Sequence[str] = ()
) -> None:
    """Draw each row as a line over ``columns``, scaled to [0, 1]: the lower its score the darker, dotted without one.

    The ends of each column are written on its axis.
    """
    places = []
    for column in columns:
        values = np.log(table[column]) if column in logarithmic else table[column].astype(float)
        low, high = values.min(), values.max()
        places.append((values - low) / (high - low) if high > low else values * 0 + 0.5)
    rank = table[score].rank(pct=True)
    for row, share in zip(np.stack(places, 1), rank, strict=True):
        style = ":" if np.isnan(share) else "-"
        shade = 0.85 if np.isnan(share) else 0.85 * share
        ax.plot(row, color=str(shade), linestyle=style, linewidth=0.8 if np.isnan(share) else 2 - share)
    for place, column in enumerate(columns):
        ax.axvline(place, color="0.3", linewidth=0.8)
        ax.text(place, -0.03, f"{table[column].min():.3g}", ha="center", va="top", fontsize=8)
        ax.text(place, 1.03, f"{table[column].max():.3g}", ha="center", va="bottom", fontsize=8)
    ax.set_xticks(range(len(columns)), list(columns), rotation=20, ha="right")
    ax.set_ylim(-0.15, 1.15)
    ax.grid(False)
