"""Matplotlib settings of the book's figures; used by notebooks, never by modules."""

from __future__ import annotations

import matplotlib.pyplot as plt
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
