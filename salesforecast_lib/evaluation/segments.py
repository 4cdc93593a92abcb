"""Groups of series in which errors differ: demand class, volume, age (chapter 07)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd

CLASSES = ("smooth", "erratic", "intermittent", "lumpy")
FROM_THE_START = "since the data begin"


def demand_classes(panel: pd.DataFrame, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Class of each series from rows up to ``cutoff``: ``unique_id, adi, cv2, demand_class``.

    ``adi`` is the mean number of available periods between sales, ``cv2`` the squared coefficient of variation of the
    non-zero sales; the borders 1.32 and 0.49 are those of Syntetos, Boylan & Croston (2005).
    """
    past = panel[(panel["ds"] <= cutoff) & (panel["available"] > 0)]
    groups = past.groupby("unique_id")
    sold = past[past["y"] > 0].groupby("unique_id")["y"]
    table = pd.DataFrame(
        {"adi": groups.size() / sold.size().reindex(groups.size().index), "cv2": (sold.std(ddof=0) / sold.mean()) ** 2}
    )
    table = table.fillna({"adi": np.inf, "cv2": 0.0})
    often, steady = table["adi"] < 1.32, table["cv2"] < 0.49
    table["demand_class"] = np.select([often & steady, often & ~steady, ~often & steady], CLASSES[:3], CLASSES[3])
    return table.reset_index()


def volume_groups(panel: pd.DataFrame, cutoff: pd.Timestamp, count: int = 10) -> pd.DataFrame:
    """Deciles of volume from rows up to ``cutoff``: ``unique_id, volume, volume_group``, 1 holds the smallest series.

    ``volume`` is the mean of ``y`` over available periods, so that a young series is not small for being young. Ties
    are broken by name, so that groups differ by one series at most whatever the volumes are.

    Raises ValueError when there are fewer series than groups.
    """
    past = panel[(panel["ds"] <= cutoff) & (panel["available"] > 0)]
    table = past.groupby("unique_id")["y"].mean().rename("volume").reset_index()
    if not 1 <= count <= len(table):
        raise ValueError(f"count={count}: expected 1 to {len(table)}, the series with a row up to {cutoff.date()}")
    rank = table.sort_values(["volume", "unique_id"]).reset_index().reset_index().set_index("index")["level_0"]
    table["volume_group"] = 1 + rank.sort_index().to_numpy() * count // len(table)
    return table


def age_bands(
    panel: pd.DataFrame,
    cutoffs: Iterable[pd.Timestamp],
    edges: Sequence[int] = (28, 91, 182, 365),
    grace: int = 28,
) -> pd.DataFrame:
    """Age of each series alive at each cutoff: ``unique_id, cutoff, age, age_band``.

    ``age`` counts the periods from the first sale to the cutoff. The panel begins a series with its first sale; when
    that lies within ``grace`` periods of the beginning of the data, the launch was probably earlier, and the band is
    `FROM_THE_START` whatever the age.

    Parameters
    ----------
    edges : upper ends of the bands, in periods; a last band is open.

    Raises
    ------
    ValueError
        When the edges do not rise.
    """
    if list(edges) != sorted(set(edges)) or not edges:
        raise ValueError(f"edges={list(edges)}: expected rising numbers of periods")
    calendar = pd.Index(np.sort(panel["ds"].unique()))
    span = panel.groupby("unique_id")["ds"].agg(["min", "max"])
    first = calendar.get_indexer(pd.Index(span["min"]))
    names = [f"up to {edges[0]}", *(f"{low + 1} to {high}" for low, high in zip(edges[:-1], edges[1:], strict=True))]
    names += [f"over {edges[-1]}", FROM_THE_START]
    parts = []
    for cutoff in cutoffs:
        age = int(np.searchsorted(calendar, cutoff, side="right")) - first  # the launch itself is age 1
        band = np.where(first < grace, len(names) - 1, np.searchsorted(np.asarray(edges), age, side="left"))
        part = pd.DataFrame({"unique_id": span.index, "cutoff": cutoff, "age": age})
        part["age_band"] = pd.Categorical.from_codes(band, categories=names, ordered=True)
        parts.append(part[(age >= 1) & (span["max"] >= cutoff).to_numpy()])
    return pd.concat(parts, ignore_index=True)
