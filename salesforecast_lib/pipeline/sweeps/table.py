"""The table of a sweep, and the figure of its metric over each parameter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from salesforecast_lib.files import atomically, write_csv

if TYPE_CHECKING:
    import pandas as pd  # as the plots below: a second, which a wrong grid need not wait for

MOST = 6  # lines that one can tell apart


def means(table: pd.DataFrame, parameter: str, metric: str) -> pd.DataFrame:
    """Mean of ``metric`` for each value of ``parameter`` (rows, in the order of the grid) and model (columns).

    The mean is over the values of all other parameters, of which each model has the same.
    """
    texts = table[parameter].map(str)
    wide = table.assign(value=texts, model=table["model"] if "model" in table else metric).pivot_table(
        metric, "value", "model", "mean", sort=False
    )
    return wide.reindex(list(dict.fromkeys(texts)))


def draw_sweep(table: pd.DataFrame, parameters: Sequence[str], metric: str) -> bytes:
    """PNG with one panel a parameter: the metric at each of its values, its mean over the other parameters.

    Of many models the best are drawn. Dots are single combinations, so that one sees what else moves the metric.
    """
    import matplotlib.pyplot as plt
    from matplotlib.figure import Figure

    from salesforecast_lib.plots import figure_text, small_png, use_book_style

    with plt.rc_context():
        use_book_style()
        figure = Figure(figsize=(3.6 * max(len(parameters), 1) + 1.2, 3.4), layout="constrained")
        panels = figure.subplots(1, len(parameters), sharey=True, squeeze=False)[0]
        best: list[str] = []
        for panel, parameter in zip(panels, parameters, strict=True):
            wide = means(table, parameter, metric)
            best = best or list(wide.min().nsmallest(MOST).index)
            for model in best:
                line = panel.plot(range(len(wide)), wide[model], marker="o", label=figure_text(model, 24))[0]
                rows = table[table["model"] == model] if "model" in table else table
                places = [list(wide.index).index(str(value)) for value in rows[parameter]]
                panel.scatter(places, rows[metric], s=9, color=line.get_color(), alpha=0.5)
            panel.set_xticks(range(len(wide)), [figure_text(value, 14) for value in wide.index])
            panel.set_xlabel(figure_text(parameter))
        panels[0].set_ylabel(f"{figure_text(metric)} (less is better)")
        panels[-1].legend(loc="upper left", bbox_to_anchor=(1, 1), fontsize="small", frameon=False)
        return small_png(figure, 64)


def write_sweep(rows: Sequence[Mapping[str, Any]], parameters: Sequence[str], metric: str, place: Path) -> str:
    """Write ``sweep.csv``, the best rows first, and ``sweep.png`` below ``place``; returns the table as text."""
    import pandas as pd

    table = pd.DataFrame(list(rows))
    picture = draw_sweep(table, parameters, metric)
    table = table.sort_values(metric, kind="stable")
    write_csv(table, place / "sweep.csv")
    atomically(place / "sweep.png", lambda file: _write(file, picture))
    model = ["model"] if "model" in table else []
    columns = ["run", *parameters, *model, metric, "seconds", "shared"]
    return table[columns].round(4).to_string(index=False)


def _write(file: Path, picture: bytes) -> None:
    file.write_bytes(picture)
